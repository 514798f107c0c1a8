//! What `status`, `diff` and `approve` are about: `SERVER[/KIND/NAME]`.

use super::{Fault, Target};

/// The server that some words name, and the tools of it (none: all).
///
/// A word without `/` is a server's name, unless `--server` says already which
/// server is meant: then it is a tool's.
pub(super) fn aim(target: &Target, words: &[String]) -> Result<(Target, Vec<String>), Fault> {
    let mut aimed = target.clone();
    let said = target.server.is_some();
    let mut tools = Vec::new();
    for word in words {
        let mut parts = word.splitn(3, '/');
        match (parts.next(), parts.next(), parts.next()) {
            (Some(tool), None, _) if said => tools.push(tool.to_owned()),
            (Some(server), None, _) => name_server(&mut aimed, server)?,
            (Some(server), Some("tool"), Some(tool)) => {
                name_server(&mut aimed, server)?;
                tools.push(tool.to_owned());
            }
            _ => {
                return Err(Fault::Usage(format!(
                    "expected `SERVER` or `SERVER/tool/NAME`, found `{word}`"
                )));
            }
        }
    }
    Ok((aimed, tools))
}

/// The server that is meant, or where none is named, each that can be: those
/// of the policy, or with no policy, those of the lockfile.
pub(super) fn meant(target: &Target) -> Result<Vec<Target>, Fault> {
    let one = || vec![target.clone()];
    if target.server.is_some() || target.url.is_some() || !target.command.is_empty() {
        return Ok(one());
    }
    let all = super::setup::Revision::read(target)?.servers();
    let each = all.iter().map(|name| Target {
        server: Some(name.to_string()),
        ..target.clone()
    });
    let each: Vec<_> = each.collect();
    // With none, the one that is missing is told as everywhere else.
    Ok(if each.is_empty() { one() } else { each })
}

fn name_server(target: &mut Target, server: &str) -> Result<(), Fault> {
    match &target.server {
        Some(named) if named != server => Err(Fault::Usage(format!(
            "one server at a time: both `{named}` and `{server}` are named; a tool is `SERVER/tool/NAME`"
        ))),
        _ => {
            target.server = Some(server.to_owned());
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_and_tools_are_told_apart() {
        let words = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        let none = Target::default();
        let said = Target {
            server: Some("s".to_owned()),
            ..Target::default()
        };
        let started = Target {
            command: vec!["x".into()],
            ..Target::default()
        };
        for (target, given, server, tools) in [
            (&none, words(&["s"]), Some("s"), words(&[])),
            (&none, words(&["s/tool/a/b"]), Some("s"), words(&["a/b"])),
            (
                &none,
                words(&["s/tool/a", "s/tool/b"]),
                Some("s"),
                words(&["a", "b"]),
            ),
            (&said, words(&["a", "b"]), Some("s"), words(&["a", "b"])),
            (&said, words(&["s/tool/a"]), Some("s"), words(&["a"])),
            (&none, words(&[]), None, words(&[])),
            // A command line does not turn a server's name into a tool's.
            (&started, words(&["s"]), Some("s"), words(&[])),
        ] {
            let (aimed, named) = aim(target, &given).unwrap();
            assert_eq!(
                (aimed.server.as_deref(), named),
                (server, tools),
                "{given:?}"
            );
        }
        for given in [
            words(&["s/prompt/a"]),
            words(&["s", "t"]),
            words(&["s/tool"]),
        ] {
            assert!(aim(&none, &given).is_err(), "{given:?}");
        }
    }
}
