//! One call of a test: decided by the engine that `run` has, on a machine that
//! is the same everywhere.
//!
//! No file exists and nothing is a link but what the test says; no environment
//! variable is looked at. Where a server has no pins, only its rules and the path
//! guard judge: the tool is taken to be pinned, and to declare the arguments of
//! the call.

use crate::cli::Fault;
use crate::cli::setup::{Revision, in_full};
use crate::engine::guard::paths::{HostFacts, PathFact, PathFacts, PathGuard};
use crate::engine::message::{Direction, Document, Limits};
use crate::engine::pin::{Review, ServerPins, pin};
use crate::engine::policy::{Call, Subject};
use crate::engine::record::Record;
use crate::engine::types::{AgentName, ServerName};
use crate::engine::{Context, Engine, Session};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Most symbolic links that are followed for one path, as in the kernel.
const LINKS: usize = 40;

/// Decides calls by one policy.
#[derive(Debug)]
pub(super) struct Judge<'a> {
    read: &'a Revision,
    /// Where the policy lies, in full.
    dir: String,
    own: Vec<String>,
    engines: BTreeMap<(AgentName, ServerName), Engine>,
    /// Servers that were judged by their rules alone.
    pub(super) unpinned: BTreeSet<ServerName>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(read: &'a Revision, dir: String) -> Result<Self, Fault> {
        Ok(Self {
            read,
            dir,
            own: in_full(read.own_files())?,
            engines: BTreeMap::new(),
            unpinned: BTreeSet::new(),
        })
    }

    /// Decides a call.
    pub(super) fn decide(&mut self, call: &Call) -> Record {
        let key = (call.agent.clone(), call.server.clone());
        let pinned = self.read.pins.servers.get(&call.server);
        let pinned = pinned.filter(|pins| !pins.tools.is_empty());
        let own;
        let engine = if let Some(pins) = pinned {
            if !self.engines.contains_key(&key) {
                let engine = self.engine(call, pins.clone());
                self.engines.insert(key.clone(), engine);
            }
            self.engines.get(&key)
        } else {
            self.unpinned.insert(call.server.clone());
            own = self.engine(call, taken_as_pinned(call));
            Some(&own)
        };
        match engine {
            Some(engine) => decide(engine, call),
            None => decide(&self.engine(call, ServerPins::default()), call),
        }
    }

    fn engine(&self, call: &Call, pins: ServerPins) -> Engine {
        let policy = &self.read.policy;
        let entry = policy.servers.get(&call.server);
        let cwd = entry.and_then(|server| server.cwd.as_ref());
        let cwd = cwd.or(policy.workspace.as_ref()).unwrap_or(&self.dir);
        let host = HostFacts {
            home: self.read.places.home.display().to_string(),
            cwd: cwd.clone(),
            variables: BTreeMap::new(),
            case_insensitive: false,
            own: self.own.clone(),
        };
        let guard = PathGuard::new(host, policy.paths.clone());
        let (agent, server) = (call.agent.clone(), call.server.clone());
        let engine = Engine::new(Arc::clone(policy), agent, server, pins, guard);
        if entry.is_some_and(|server| server.url.is_some()) {
            engine.over_http()
        } else {
            engine
        }
    }
}

fn decide(engine: &Engine, call: &Call) -> Record {
    let mut session = Session::new("test");
    if let Some(principal) = &call.principal {
        session = session.acting(Arc::new(principal.clone()));
    }
    let tool = match &call.subject {
        Subject::Tool(name) => Some(name.as_str()),
        Subject::Prompt(_) | Subject::Resource(_) => None,
    };
    engine.assume_pinned(&mut session, tool);
    let line = message(call).replace(['\n', '\r'], " ").into_bytes();
    let opened = engine.inquire(&session, engine.open(Direction::ToServer, line));
    let answers = opened.questions().iter();
    let answers = answers.map(|path| (path.clone(), follow(path, &call.links)));
    let context = Context {
        time: call.at,
        facts: PathFacts(answers.collect()),
        ..Context::default()
    };
    engine
        .decide(&mut session, opened, &context)
        .record()
        .clone()
}

/// The call as an agent sends it.
fn message(call: &Call) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let (method, params) = match &call.subject {
        Subject::Tool(name) => (
            "tools/call",
            format!(r#""name":{},"arguments":{}"#, quoted(name), call.arguments),
        ),
        Subject::Prompt(name) => (
            "prompts/get",
            format!(r#""name":{},"arguments":{}"#, quoted(name), call.arguments),
        ),
        Subject::Resource(uri) => ("resources/read", format!(r#""uri":{}"#, quoted(uri))),
    };
    format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{{params}}}}}"#)
}

/// Pins of the called tool alone, which declares what the call has.
fn taken_as_pinned(call: &Call) -> ServerPins {
    let mut pins = ServerPins::default();
    let Subject::Tool(name) = &call.subject else {
        return pins;
    };
    let limits = Limits::DEFAULT;
    let read = |text: String| Document::read(text.into_bytes(), &limits).ok();
    let Some(arguments) = read(call.arguments.clone()) else {
        return pins;
    };
    let members = arguments.root().members();
    let declared: serde_json::Map<_, _> = members
        .map(|(key, _)| (key.into_owned(), serde_json::json!({})))
        .collect();
    let definition = serde_json::json!({
        "name": name,
        "inputSchema": { "type": "object", "properties": declared },
    });
    if let Some(definition) = read(definition.to_string())
        && let Some((name, pin)) = pin(definition.root(), Review::Approved)
    {
        pins.tools.insert(name, pin);
    }
    pins
}

/// Where a path leads, with these links and no others.
fn follow(path: &str, links: &BTreeMap<String, String>) -> PathFact {
    let mut done: Vec<String> = Vec::new();
    let mut left: Vec<String> = parts(path);
    let mut met = 0_usize;
    while let Some(name) = left.pop() {
        if name == ".." {
            done.pop();
            continue;
        }
        done.push(name);
        let here = format!("/{}", done.join("/"));
        let Some(target) = links.get(&here) else {
            continue;
        };
        met = met.saturating_add(1);
        if met > LINKS {
            return PathFact::Unknown(format!("more than {LINKS} symbolic links"));
        }
        done.pop();
        if target.starts_with('/') {
            done.clear();
        }
        left.extend(parts(target));
    }
    PathFact::Resolved(format!("/{}", done.join("/")))
}

/// The components of a path, the first one last.
fn parts(path: &str) -> Vec<String> {
    let parts = path.split('/').filter(|part| !matches!(*part, "" | "."));
    parts.rev().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_followed_and_nothing_else_is() {
        let links = [
            ("/w/out", "/etc"),
            ("/w/up", "../x"),
            ("/a", "/b"),
            ("/b", "/a"),
        ];
        let links = links.map(|(from, to)| (from.to_owned(), to.to_owned()));
        let links = BTreeMap::from(links);
        for (path, leads_to) in [
            ("/w/out/passwd", Some("/etc/passwd")),
            ("/w/out", Some("/etc")),
            ("/w/outer", Some("/w/outer")),
            ("/w/up/y", Some("/x/y")),
            ("/w/out/../y", Some("/y")),
            ("/../..", Some("/")),
            ("/a/b", None),
        ] {
            let expected = leads_to.map(|to| PathFact::Resolved(to.to_owned()));
            let found = follow(path, &links);
            match expected {
                Some(expected) => assert_eq!(found, expected, "{path}"),
                None => assert!(matches!(found, PathFact::Unknown(_)), "{path}"),
            }
        }
    }
}
