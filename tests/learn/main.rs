//! Learning from recorded traffic, from outside: what was learned permits all
//! that it was learned from, and none of the listed mutations of it.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod layout;
mod merge;
mod people;
mod properties;
mod traffic;

use lockgate::engine::Engine;
use lockgate::engine::guard::paths::{HostFacts, PathFacts, PathGuard};
use lockgate::engine::message::{Document, Limits};
use lockgate::engine::pin::{Approval, Lockfile, ServerPins};
use lockgate::engine::policy::{Policy, PolicyBase, render};
use lockgate::engine::types::{AgentName, ServerName};
use lockgate::learn::{Crowd, Existing, Proposal, World, propose};
use lockgate::traffic::{Bench, Entry, Judged};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The tools that the server has, with their schemas.
fn tools() -> Vec<Value> {
    let tool = |name: &str, properties: Value| {
        json!({
            "name": name, "description": "A tool.",
            "inputSchema": { "type": "object", "properties": properties },
        })
    };
    let text = || json!({ "type": "string" });
    vec![
        tool(
            "read_file",
            json!({ "path": text(), "head": { "type": "integer" } }),
        ),
        tool(
            "write_file",
            json!({ "path": text(), "content": text(), "force": { "type": "boolean" } }),
        ),
        tool(
            "search",
            json!({
                "query": text(), "repo": text(), "limit": {}, "exact": {}, "sidenote": text(),
            }),
        ),
        tool(
            "fetch",
            json!({ "url": text(), "raw": { "type": "boolean" } }),
        ),
        tool(
            "label",
            json!({
                "id": text(),
                "labels": { "type": "array", "items": text() },
                "edits": { "type": "array", "items": {
                    "type": "object",
                    "properties": { "old": text(), "new": text(), "all": { "type": "boolean" } },
                } },
                "force": { "type": "boolean" },
            }),
        ),
        tool(
            "send_mail",
            json!({
                "to": { "type": "array", "items": { "type": "string", "format": "email" } },
                "relay": { "type": "string", "format": "hostname" },
                "mode": { "type": "string", "enum": ["now", "later", "never", "maybe", "soon"] },
                "meta": { "type": "object" },
            }),
        ),
        tool("sql_query", json!({ "sql": text() })),
        tool("run", json!({ "command": text() })),
        tool("other_tool", json!({ "query": text() })),
    ]
}

fn lockfile() -> Lockfile {
    let mut pins = ServerPins::default();
    for tool in tools() {
        let document = Document::read(tool.to_string().into_bytes(), &Limits::DEFAULT).unwrap();
        pins.approve(document.root(), Approval::default()).unwrap();
    }
    let servers = ["s", "t"].map(|name| (ServerName::new(name).unwrap(), pins.clone()));
    Lockfile {
        servers: BTreeMap::from(servers),
    }
}

fn host() -> HostFacts {
    HostFacts {
        home: "/home/me".to_owned(),
        cwd: "/home/me/work".to_owned(),
        own: vec!["/home/me/.config/lockgate".to_owned()],
        ..HostFacts::default()
    }
}

/// A request that passed.
fn entry(agent: &str, server: &str, tool: &str, arguments: &Value) -> Entry {
    line(&json!({
        "v": 1, "time": "2026-11-25T01:02:03Z", "agent": agent, "server": server,
        "method": "tools/call", "subject": "tool", "name": tool, "verdict": "permit",
        "rules": [], "arguments": arguments,
    }))
}

fn line(entry: &Value) -> Entry {
    Entry::read(&entry.to_string()).unwrap_or_else(|e| panic!("{e}: {entry}"))
}

fn learn(entries: &[Entry]) -> Proposal {
    learn_among(entries, entries)
}

/// Of a recording with more in it.
fn learn_among(entries: &[Entry], all: &[Entry]) -> Proposal {
    let lockfile = lockfile();
    let guards = lockfile.servers.keys().map(|name| {
        let guard = PathGuard::new(host(), Policy::baseline().paths);
        (name.clone(), guard)
    });
    let world = World {
        guards: guards.collect(),
        pins: &lockfile,
        crowd: Crowd::of(all),
        patterns: false,
    };
    propose(&entries.iter().collect::<Vec<_>>(), &world)
}

/// The policy that is learned without any before it.
fn learned(entries: &[Entry]) -> String {
    let proposal = learn(entries);
    proposal.whole(None, "/home/me", "Learned.").unwrap()
}

fn policy(text: &str) -> Policy {
    let base = PolicyBase {
        dir: "/home/me/policy".to_owned(),
        home: "/home/me".to_owned(),
    };
    Policy::parse("p.toml", text, &base)
        .unwrap_or_else(|mistakes| panic!("{}", render("p.toml", text, &mistakes, false)))
}

/// A policy with the engines that stand behind `run`, made once.
struct Judge(BTreeMap<(AgentName, ServerName), Engine>);

impl Judge {
    fn new(text: &str) -> Self {
        let (policy, lockfile) = (policy(text), lockfile());
        let mut engines = BTreeMap::new();
        for agent in ["a", "b"].map(|name| AgentName::new(name).unwrap()) {
            for (server, pins) in &lockfile.servers {
                let guard = PathGuard::new(host(), policy.paths.clone());
                let (policy, pins) = (policy.clone(), pins.clone());
                let engine = Engine::new(policy, agent.clone(), server.clone(), pins, guard);
                engines.insert((agent.clone(), server.clone()), engine);
            }
        }
        Self(engines)
    }

    fn judge(&self, entry: &Entry) -> Judged {
        let bench = Bench {
            engine: &self.0[&(entry.agent.clone(), entry.server.clone())],
            first_use: false,
            resolve: PathFacts::without_links,
        };
        bench.judge(entry)
    }
}

/// A policy to be merged with.
fn existing<'a>(text: &'a str, policy: &'a Policy) -> Existing<'a> {
    Existing {
        files: vec![text],
        into: Some(0),
        roots: [&policy.paths.read, &policy.paths.write],
        workspace: policy.workspace.as_deref(),
        ids: policy
            .rules_for_display()
            .into_iter()
            .map(|r| r.rule.id)
            .collect(),
        agents: policy.agents.keys().map(AgentName::to_string).collect(),
        servers: policy.servers.keys().map(ServerName::to_string).collect(),
    }
}

/// What `learn --merge` does: what the policy does not permit is added to it.
fn merged(text: &str, entries: &[Entry]) -> String {
    let (before, judge) = (policy(text), Judge::new(text));
    let missing: Vec<Entry> = entries
        .iter()
        .filter(|entry| judge.judge(entry).reason.as_deref() == Some("not-permitted"))
        .cloned()
        .collect();
    let mut changed = learn_among(&missing, entries)
        .merged(&existing(text, &before), "/home/me")
        .unwrap();
    changed.remove(&0).unwrap_or_else(|| text.to_owned())
}
