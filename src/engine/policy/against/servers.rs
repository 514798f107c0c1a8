//! What a server is and may do, in one policy and not in the other.

use super::{More, Pair, listed};
use crate::engine::policy::{Code, Server};

impl Pair<'_> {
    pub(super) fn servers(&self, found: &mut Vec<More>) {
        for (name, server) in &self.wide.servers {
            // What is permitted on a new server is a matter of the rules.
            let Some(known) = self.narrow.servers.get(name) else {
                let what = format!("there is a server `{name}`");
                found.push(self.more(Code::SERVER_WIDER, &server.span, &what));
                continue;
            };
            let told = [asks(server, known), changed(server, known, self.forward)];
            for way in told.into_iter().flatten() {
                let what = format!("server `{name}`: {way}");
                found.push(self.more(Code::SERVER_WIDER, &self.server_span(name), &what));
            }
        }
    }
}

/// What it may do more: the same in both directions.
fn asks(server: &Server, known: &Server) -> Vec<String> {
    let mut told = Vec::new();
    let (now, was) = (&server.ask_agent.methods, &known.ask_agent.methods);
    let more = |now: &[String], was: &[String]| -> Vec<String> {
        now.iter()
            .filter(|one| !was.contains(one))
            .cloned()
            .collect()
    };
    let asked = more(now, was);
    if !asked.is_empty() {
        let asked = listed(asked.iter().map(String::as_str));
        told.push(format!("it may ask the agent {asked}"));
    }
    let methods = more(&server.allow_methods, &known.allow_methods);
    if !methods.is_empty() {
        let methods = listed(methods.iter().map(String::as_str));
        told.push(format!("the methods {methods} pass"));
    }
    if server.bridge && !known.bridge {
        told.push("it is bridged to agents of the newer revision".to_owned());
    }
    told
}

/// What is another one: told once, of the new policy. Values are not shown.
fn changed(server: &Server, known: &Server, forward: bool) -> Vec<String> {
    let env: Vec<_> = server
        .env
        .iter()
        .filter(|(name, value)| known.env.get(*name) != Some(value))
        .map(|(name, _)| name.as_str())
        .collect();
    let headers: Vec<_> = server
        .headers
        .iter()
        .filter(|(name, value)| known.headers.get(*name) != Some(value))
        .map(|(name, _)| name.as_str())
        .collect();
    let mut told = Vec::new();
    if !env.is_empty() && forward {
        told.push(format!("it gets the variables {}", listed(env)));
    }
    if !headers.is_empty() && forward {
        told.push(format!("it gets the headers {}", listed(headers)));
    }
    for (differs, what) in [
        (
            server.command != known.command,
            "another command is started",
        ),
        (server.url != known.url, "it is reached at another URL"),
        (
            server.cwd != known.cwd,
            "it is started in another directory",
        ),
        (
            server.addresses != known.addresses,
            "its name may stand for other addresses",
        ),
        (
            server.oauth != known.oauth,
            "its tokens come from elsewhere or are good for something else",
        ),
    ] {
        if differs && forward {
            told.push(what.to_owned());
        }
    }
    told
}
