//! Which agent and which server some command-line words mean.
//!
//! Nothing is guessed: a server's environment may hold secrets, and a command
//! line that is not the policy's must not get those of a server by accident.

use crate::cli::{Fault, Target, remote};
use crate::engine::policy::{Policy, Server, nearest};
use crate::engine::types::{AgentName, Digest, ServerName};
use crate::engine::url::ServerUrl;
use crate::identity::check_launch;
use std::ffi::OsString;

/// The agent that is meant: the one that is named, the only one that starts
/// `lockgate run`, or the only one.
pub(super) fn agent(
    policy: &Policy,
    written: bool,
    named: Option<&str>,
) -> Result<AgentName, Fault> {
    let usage = |text: String| Fault::Usage(text);
    if let Some(name) = named {
        let name = AgentName::new(name).map_err(|e| usage(format!("`--agent {name}`: {e}")))?;
        if written && !policy.agents.contains_key(&name) {
            return Err(usage(format!("the policy has no `[agent.{name}]`")));
        }
        return Ok(name);
    }
    if !written {
        return AgentName::new("local").map_err(|e| Fault::Failed(e.to_string()));
    }
    let mut over_stdio = policy.agents.iter().filter(|(_, a)| a.stdio.is_some());
    let mut all = policy.agents.keys();
    match (over_stdio.next(), over_stdio.next()) {
        (Some((name, _)), None) => Ok(name.clone()),
        (Some(_), Some(_)) => Err(usage(
            "the policy has several agents with `stdio = true`: say which with `--agent`".into(),
        )),
        (None, _) => match (all.next(), all.next()) {
            (Some(name), None) => Ok(name.clone()),
            (Some(_), Some(_)) => Err(usage(
                "the policy has several agents: say which with `--agent`".into(),
            )),
            (None, _) => Err(usage(
                "the policy has no agent: add `[agent.NAME]` with `stdio = true`".into(),
            )),
        },
    }
}

/// Whether this process was started by the agent, as the policy demands it.
/// Only `run` asks: whoever explains or pins acts for nobody.
pub(super) fn launched(policy: &Policy, written: bool, agent: &AgentName) -> Result<(), Fault> {
    let launch = policy.agents.get(agent).and_then(|a| a.stdio.as_ref());
    match launch {
        None if !written => Ok(()),
        None => Err(Fault::Usage(format!(
            "`[agent.{agent}]` does not start `lockgate run`: give it `stdio = true`"
        ))),
        Some(launch) => check_launch(launch).map_err(|why| {
            Fault::Denied(format!(
                "this is not agent `{agent}` as `[agent.{agent}] stdio` demands: {why}"
            ))
        }),
    }
}

/// The server of a written policy: the one that is named, the one that is
/// reached by this command line or URL, or the only one.
pub(super) fn server_of(
    policy: &Policy,
    target: &Target,
    url: Option<&ServerUrl>,
) -> Result<ServerName, Fault> {
    let given = &target.command;
    if let Some(name) = &target.server {
        return named(policy, name, given, url);
    }
    let mut servers = policy.servers.iter();
    if !given.is_empty() || url.is_some() {
        if let Some((name, _)) = servers.find(|(_, s)| is_reached(s, given, url)) {
            return Ok(name.clone());
        }
        // One that the policy leaves to the command line, and no other to confuse
        // it with.
        let mut servers = policy.servers.iter();
        if let (Some((name, only)), None) = (servers.next(), servers.next())
            && is_open(only)
        {
            return Ok(name.clone());
        }
        return Err(Fault::Usage(format!(
            "the policy has no server with this command line or URL: leave it out, or say whose it is with `--server` ({})",
            choices(policy)
        )));
    }
    match (servers.next(), servers.next()) {
        (Some((name, _)), None) => Ok(name.clone()),
        (None, _) => Err(Fault::Usage(
            "the policy has no server: add `[server.NAME]`".to_owned(),
        )),
        (Some(_), Some(_)) => Err(Fault::Usage(format!(
            "the policy has several servers: say which with `--server` ({})",
            choices(policy)
        ))),
    }
}

fn named(
    policy: &Policy,
    name: &str,
    given: &[OsString],
    url: Option<&ServerUrl>,
) -> Result<ServerName, Fault> {
    let name = checked(name)?;
    let Some(server) = policy.servers.get(&name) else {
        let known = policy.servers.keys().map(ServerName::as_str);
        let near = nearest(name.as_str(), known);
        let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        return Err(Fault::Usage(format!(
            "the policy has no `[server.{name}]`{near}"
        )));
    };
    let says = !given.is_empty() || url.is_some();
    if says && !is_open(server) && !is_reached(server, given, url) {
        let (what, word, key) = match url {
            Some(_) => ("reaches", "URL: leave `--url` out", "url"),
            None => ("starts", "command line: leave `-- COMMAND` out", "command"),
        };
        return Err(Fault::Usage(format!(
            "the policy {what} `{name}` with another {word}, change `{key}` in \
             `[server.{name}]`, or give the other server a name of its own"
        )));
    }
    Ok(name)
}

/// Whether the policy leaves it to the command line how a server is reached.
fn is_open(server: &Server) -> bool {
    server.command.is_empty() && server.url.is_none()
}

/// Whether the policy reaches a server in just this way.
fn is_reached(server: &Server, given: &[OsString], url: Option<&ServerUrl>) -> bool {
    if url.is_some() {
        return server.url.as_ref() == url;
    }
    let command = server.command.iter().map(OsString::from);
    command.eq(given.iter().cloned())
}

/// The one of `known` that is named, or all of them.
pub(super) fn one_or_all<T: ToString>(
    what: &str,
    name: Option<&str>,
    known: Vec<T>,
) -> Result<Vec<T>, Fault> {
    let Some(name) = name else { return Ok(known) };
    let names: Vec<_> = known.iter().map(ToString::to_string).collect();
    let near = nearest(name, names.iter().map(String::as_str));
    let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
    let found: Vec<_> = known
        .into_iter()
        .filter(|one| one.to_string() == name)
        .collect();
    if found.is_empty() {
        return Err(Fault::Usage(format!("there is no {what} `{name}`{near}")));
    }
    Ok(found)
}

fn choices(policy: &Policy) -> String {
    let names: Vec<_> = policy.servers.keys().map(|n| format!("`{n}`")).collect();
    if names.is_empty() {
        return "it has none: add `[server.NAME]`".to_owned();
    }
    names.join(", ")
}

/// With no policy: the server that is named, or one named after its command
/// line.
pub(super) fn server_without_policy(
    target: &Target,
    url: Option<&ServerUrl>,
) -> Result<ServerName, Fault> {
    match (&target.server, url) {
        (Some(name), _) => checked(name),
        (None, Some(url)) => remote::named_after(url),
        (None, None) => named_after(&target.command),
    }
}

fn checked(name: &str) -> Result<ServerName, Fault> {
    ServerName::new(name).map_err(|e| Fault::Usage(format!("`--server {name}`: {e}")))
}

/// A stable name for a server that no policy names: the last word of its
/// command line that looks like a program or package, and a digest of it all.
fn named_after(command: &[OsString]) -> Result<ServerName, Fault> {
    let words: Vec<String> = command
        .iter()
        .map(|w| w.to_string_lossy().into_owned())
        .collect();
    let Some(program) = words.first() else {
        return Err(Fault::Usage(
            "no server: say `-- COMMAND ARG...` or `--url URL`, or write a policy and name one with `--server`"
                .to_owned(),
        ));
    };
    let wrapped = words
        .iter()
        .skip(1)
        .find(|w| !w.starts_with('-') && w.len() > 1);
    let launcher = matches!(
        base(program).as_str(),
        "npx" | "uvx" | "pipx" | "node" | "python" | "python3" | "bunx" | "deno" | "uv" | "sh"
    );
    let word = if launcher {
        wrapped.unwrap_or(program)
    } else {
        program
    };
    let digest = Digest::of(&[words.join("\0").as_bytes()]).to_string();
    let short: String = digest.chars().skip("sha256:".len()).take(8).collect();
    let stem: String = base(word)
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || "._-".contains(*c))
        .take(48)
        .collect();
    let stem = stem.trim_start_matches(['.', '_', '-']);
    let stem = if stem.is_empty() { "server" } else { stem };
    ServerName::new(format!("{stem}-{short}")).map_err(|e| Fault::Failed(e.to_string()))
}

/// The telling part of a path or of a package's name, without its version.
fn base(word: &str) -> String {
    const TELLS_NOTHING: [&str; 9] = [
        "index", "main", "server", "cli", "app", "dist", "build", "src", "bin",
    ];
    let stem = |part: &str| {
        let part = part.split('@').next().unwrap_or(part);
        let script = [".js", ".mjs", ".cjs", ".ts", ".py"];
        let stem = script.iter().find_map(|s| part.strip_suffix(s));
        stem.unwrap_or(part).to_owned()
    };
    let mut parts = word.rsplit('/').map(stem);
    let told = parts.find(|p| !p.is_empty() && !TELLS_NOTHING.contains(&p.as_str()));
    told.unwrap_or_else(|| stem(word.rsplit('/').next().unwrap_or(word)))
}
