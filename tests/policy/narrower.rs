//! One policy beside an older one: what is plainly narrower, and how long it takes.

use super::against::{HEAD, is_told};
use super::policy;
use lockgate::engine::pin::Lockfile;
use lockgate::engine::policy::Severity;

/// What is plainly narrower is not told as if it might be wider.
#[test]
fn plain_narrowings_are_no_warnings() {
    let rule = |rest: &str| {
        let head = "[[rule]]\nid = \"r\"\neffect = \"permit\"\ntools = [\"get\"]\n";
        policy(&format!("{HEAD}{head}{rest}"))
    };
    let args = |constraint: &str| format!("args = {{ \"/p\" = {{ {constraint} }} }}\n");
    let day = "when = { from = \"09:00\", to = \"17:00\", zone = \"UTC\" }\n";
    let minute = |calls: u32| format!("limit = {{ calls = {calls}, per = \"1m\" }}\n");
    for (old, new) in [
        (args("one_of = [1, 2, 3]"), args("one_of = [2]")),
        (args("min = 1, max = 9"), args("min = 2, max = 8")),
        (args("max_len = 9"), args("max_len = 8, glob = \"a*\"")),
        (args("max_items = 9"), args("max_items = 3")),
        (args("path = \"read\""), args("path = \"write\"")),
        (args("glob = \"src/**\""), args("glob = \"src/a/*.rs\"")),
        (args("glob = \"acme/*\""), args("glob = \"acme/a*\"")),
        (
            args("matches = \"a.*\""),
            args("matches = \"a.*\", max_len = 4"),
        ),
        (
            args("host = [\"a.com\", \"**.b.com\"]"),
            args("host = \"x.b.com\""),
        ),
        (
            args("url = [\"https://a.com/**\", \"https://b.com/**\"]"),
            args("url = \"https://b.com/x/**\""),
        ),
        (
            args("url = { hosts = [\"**.b.com\"] }"),
            args("url = { schemes = [\"https\"], hosts = [\"*.b.com\"], paths = [\"/a/**\"] }"),
        ),
        (
            args("email = \"*@a.com\""),
            args("email = [\"x@a.com\", \"y*@a.com\"]"),
        ),
        (
            args("each = { max_len = 9 }"),
            args("each = { max_len = 4 }, max_items = 3"),
        ),
        (
            args("any_of = [{ max = 9 }, { one_of = [\"a\", \"b\"] }]"),
            args("any_of = [{ one_of = [\"b\"] }]"),
        ),
        (String::new(), args("optional = true, max_len = 3")),
        (String::new(), day.to_owned()),
        (String::new(), minute(9)),
        (minute(9), minute(3)),
        (
            "results = { max_bytes = 900 }\n".to_owned(),
            "results = { max_bytes = 800, secrets = \"deny\" }\n".to_owned(),
        ),
        (
            "results = { urls = { hosts = [\"**.b.com\"] } }\n".to_owned(),
            "results = { urls = { hosts = [\"x.b.com\"] } }\n".to_owned(),
        ),
        (String::new(), "users = [\"alice\"]\n".to_owned()),
        (String::new(), "mode = \"audit\"\n".to_owned()),
    ] {
        let found = rule(&new).check_against_older(&rule(&old), &Lockfile::default());
        let warned = found.iter().find(|d| d.severity == Severity::Warning);
        assert!(warned.is_none(), "{old} {new}: {warned:?}");
        assert!(
            is_told(&rule(&old), &rule(&new)),
            "{new} {old}: the other way"
        );
    }
    let forbid = |mode: &str| {
        let text = format!("[[rule]]\nid = \"f\"\neffect = \"forbid\"\ntools = [\"get\"]\n{mode}");
        policy(&format!(
            "{HEAD}{text}[[rule]]\nid = \"all\"\neffect = \"permit\"\ntools = [\"*\"]\n"
        ))
    };
    let (audited, enforced) = (forbid("mode = \"audit\"\n"), forbid(""));
    assert!(!is_told(&enforced, &audited) && is_told(&audited, &enforced));
}

/// Nine hundred rules for a hundred agents, beside the same with one change: only
/// that is told.
#[test]
fn one_change_in_a_large_policy_is_told_alone() {
    let rule = |number: u32, most: u32| {
        let agent = number % 100;
        let most = if number == 450 { most } else { 9 };
        format!(
            "[[rule]]\nid = \"r{number}\"\neffect = \"permit\"\nagents = [\"a{agent}\"]\ntools = [\"t{number}\", \"u{number}_*\"]\nargs = {{ \"/n\" = {{ max = {most} }} }}\n"
        )
    };
    let forbid = |number: u32| {
        format!("[[rule]]\nid = \"f{number}\"\neffect = \"forbid\"\ntools = [\"x{number}*\"]\n")
    };
    let text = |most: u32| {
        let agents = (0..100).map(|agent| format!("agent.a{agent}.stdio = true\n"));
        let rules = (0..900).map(|number| rule(number, most));
        let all = agents.chain(rules).chain((0..50).map(forbid));
        let head = "version = 1\nserver.s.command = [\"s\"]\n".to_owned();
        policy(&std::iter::once(head).chain(all).collect::<String>())
    };
    let found = text(10).check_against_older(&text(9), &Lockfile::default());
    let told: Vec<_> = found.iter().map(|d| &d.message).collect();
    assert_eq!(found.len(), 1, "{told:?}");
}
