//! Proposing a least-privilege policy from recorded traffic.
//!
//! `collect` (recorded calls) → `infer` (constraints that all calls of a tool
//! satisfy) → `rules` (tools and agents with the same ones) → `write` (a whole
//! policy, or what an existing one misses). Pure: the guard, the pins and the
//! existing policy come in as values, and the caller has the result compiled
//! and every call judged by it.
//!
//! The attacks answered: a recording that holds an attack (denied requests are
//! not learned), one that holds a secret (nothing is learned from its call), and
//! names that want to be more than names (patterns, comments, ids).

mod collect;
mod crowd;
mod infer;
mod limit;
mod places;
mod programs;
mod roots;
mod rules;
mod schema;
mod text;
mod value;
mod walk;
mod write;

pub use crowd::Crowd;
pub use write::{Existing, WriteError};

use crate::engine::guard::paths::PathGuard;
use crate::engine::heard::Subject;
use crate::engine::message::{Document, Json, Limits};
use crate::engine::pin::Lockfile;
use crate::engine::types::ServerName;
use crate::traffic::Entry;
use collect::Call;
use rules::{Rule, Topic};
use std::collections::{BTreeMap, BTreeSet};

/// The method that completes arguments of prompts and of templates.
const COMPLETE: &str = "completion/complete";
/// Most resources that one rule lists.
const RESOURCES: usize = 200;

/// What is known besides the recording.
#[derive(Debug)]
pub struct World<'a> {
    /// The path guard in front of each server.
    pub guards: BTreeMap<ServerName, PathGuard>,
    /// The pinned definitions.
    pub pins: &'a Lockfile,
    /// For whom agents acted, in all of the recording.
    pub crowd: Crowd,
    /// Whether names are generalised to patterns that cover what was not seen.
    pub patterns: bool,
}

/// What is proposed.
#[derive(Debug, Clone, Default)]
pub struct Proposal {
    rules: Vec<Rule>,
    reads: BTreeSet<String>,
    writes: BTreeSet<String>,
    agents: BTreeSet<String>,
    servers: BTreeSet<String>,
    /// Requests that nothing was learned from: what, why, how often.
    pub left_out: BTreeMap<(String, String), usize>,
}

impl Proposal {
    /// Whether there is nothing to permit.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// How many rules are proposed.
    pub fn rules(&self) -> usize {
        self.rules.len()
    }

    fn leave_out(&mut self, what: String, why: String) {
        let count = self.left_out.entry((what, why)).or_default();
        *count = count.saturating_add(1);
    }
}

/// Learns from requests, each of which is to be permitted.
pub fn propose(entries: &[&Entry], world: &World<'_>) -> Proposal {
    let mut proposal = Proposal::default();
    let mut calls: BTreeMap<(String, String, String), Vec<Call>> = BTreeMap::new();
    let mut named: BTreeMap<(Topic, String), BTreeMap<String, Vec<&Entry>>> = BTreeMap::new();
    let got = got(entries);
    let definitions = definitions(world.pins);
    for entry in entries {
        proposal.agents.insert(entry.agent.to_string());
        proposal.servers.insert(entry.server.to_string());
        match entry.subject {
            Subject::Tool => {
                let Some(guard) = world.guards.get(&entry.server) else {
                    continue;
                };
                let schema = schema(&definitions, &entry.server, &entry.name);
                match Call::of(entry, guard, schema) {
                    Ok(call) => {
                        let key = (call.server.clone(), call.tool.clone(), call.agent.clone());
                        calls.entry(key).or_default().push(call);
                    }
                    Err(why) => proposal.leave_out(what(entry), why),
                }
            }
            Subject::Ask | Subject::Prompt | Subject::Resource => {
                if let Some(why) = entry.obscured() {
                    proposal.leave_out(what(entry), why.to_owned());
                } else if !collect::is_plain_name(&entry.name) {
                    proposal.leave_out(what(entry), collect::ODD_NAME.to_owned());
                } else {
                    let key = (topic(entry, &got), entry.server.to_string());
                    let agents = named.entry(key).or_default();
                    agents
                        .entry(entry.agent.to_string())
                        .or_default()
                        .push(entry);
                }
            }
        }
    }
    learn_tools(&calls, &definitions, world, &mut proposal);
    for ((topic, server), agents) in named {
        learn_names(topic, &server, agents, &world.crowd, &mut proposal);
    }
    proposal
}

/// Prompts and resources that were asked for, by agent and server.
type Got<'e> = BTreeSet<(&'e str, &'e str, Subject, &'e str)>;

fn got<'e>(entries: &[&'e Entry]) -> Got<'e> {
    let asked = entries.iter().filter(|entry| entry.method != COMPLETE);
    asked.map(|entry| named(entry)).collect()
}

fn named(entry: &Entry) -> (&str, &str, Subject, &str) {
    let (agent, server) = (entry.agent.as_str(), entry.server.as_str());
    (agent, server, entry.subject, &entry.name)
}

/// What a rule for a request has to list. What is asked for may be completed,
/// but not the other way round.
fn topic(entry: &Entry, got: &Got<'_>) -> Topic {
    match entry.subject {
        Subject::Ask => Topic::Ask,
        _ if entry.method == COMPLETE && !got.contains(&named(entry)) => Topic::Completion,
        Subject::Prompt => Topic::Prompt,
        Subject::Tool | Subject::Resource => Topic::Resource,
    }
}

fn learn_tools(
    calls: &BTreeMap<(String, String, String), Vec<Call>>,
    definitions: &Definitions,
    world: &World<'_>,
    proposal: &mut Proposal,
) {
    let mut learned = Vec::new();
    let mut left_out = Vec::new();
    for ((server, tool, _), calls) in calls {
        let schema = ServerName::new(server.as_str())
            .ok()
            .and_then(|server| schema(definitions, &server, tool));
        let declared = schema::Declared::of(schema);
        learned.extend(infer::infer(
            calls.iter().collect(),
            &declared,
            world.patterns,
            &mut left_out,
        ));
    }
    for (call, why) in left_out {
        let what = format!(
            "tools/call `{}` of `{}` by `{}`",
            call.tool, call.server, call.agent
        );
        proposal.leave_out(what, why);
    }
    let pinned = world.pins.servers.iter().map(|(server, pins)| {
        let tools: BTreeSet<String> = pins.tools.keys().cloned().collect();
        (server.to_string(), tools)
    });
    proposal.rules = rules::tools(&learned, &pinned.collect(), world);
    for (name, guard) in &world.guards {
        let own = learned.iter().filter(|one| {
            let call = one.calls.first();
            call.is_some_and(|call| call.server == name.as_str())
        });
        let harmless = |dir: &str| guard.is_harmless_root(dir);
        let (mut reads, mut writes) = (BTreeSet::new(), BTreeSet::new());
        for one in own {
            reads.extend(one.reads.iter().cloned());
            writes.extend(one.writes.iter().cloned());
        }
        proposal.writes.extend(roots::roots(&writes, &harmless));
        proposal.reads.extend(roots::roots(&reads, &harmless));
    }
    // What may be written may be read; and no root lies within another.
    let writes: Vec<String> = proposal.writes.iter().cloned().collect();
    proposal.reads.retain(|root| !roots::covers(&writes, root));
    for set in [&mut proposal.reads, &mut proposal.writes] {
        let all: Vec<String> = set.iter().cloned().collect();
        set.retain(|root| {
            let others: Vec<_> = all.iter().filter(|other| *other != root).cloned().collect();
            !roots::covers(&others, root)
        });
    }
}

/// Prompts, resources, and what servers ask: by their names alone.
fn learn_names(
    topic: Topic,
    server: &str,
    agents: BTreeMap<String, Vec<&Entry>>,
    crowd: &Crowd,
    proposal: &mut Proposal,
) {
    type Same = (BTreeSet<String>, crowd::Who);
    let mut same: BTreeMap<Same, BTreeMap<String, Vec<&Entry>>> = BTreeMap::new();
    for (agent, entries) in agents {
        let names: BTreeSet<String> = entries.iter().map(|e| e.name.clone()).collect();
        let users = entries.iter().map(|e| e.user.clone()).collect();
        let who = crowd.narrow(&agent, server, &users);
        same.entry((names, who)).or_default().insert(agent, entries);
    }
    for ((names, who), agents) in same {
        let names: Vec<String> = names.into_iter().collect();
        let notes = agents.iter().map(|(agent, entries)| {
            let times = rules::seen(entries.iter().map(|e| e.time.as_str()));
            let users = entries.iter().filter_map(|e| e.user.as_deref());
            let users = rules::among(&users.collect(), &who);
            match topic {
                Topic::Ask => format!("the server asked {times} of `{agent}`{users}"),
                Topic::Completion => format!("completed {times} by `{agent}`{users}"),
                _ => format!("asked for {times} by `{agent}`{users}"),
            }
        });
        let notes: Vec<String> = notes.collect();
        for names in names.chunks(RESOURCES) {
            proposal.rules.push(Rule {
                agents: agents.keys().cloned().collect(),
                who: who.clone(),
                server: server.to_owned(),
                topic,
                names: names.to_vec(),
                arguments: BTreeMap::new(),
                notes: notes.clone(),
            });
        }
    }
}

/// Pinned definitions, read.
type Definitions = BTreeMap<(ServerName, String), Document>;

fn definitions(pins: &Lockfile) -> Definitions {
    let mut all = Definitions::new();
    for (server, pins) in &pins.servers {
        for (tool, pin) in &pins.tools {
            let bytes = pin.definition.clone().into_bytes();
            if let Ok(document) = Document::read(bytes, &Limits::DEFAULT) {
                all.insert((server.clone(), tool.clone()), document);
            }
        }
    }
    all
}

fn schema<'a>(all: &'a Definitions, server: &ServerName, tool: &str) -> Option<Json<'a>> {
    let key = (server.clone(), tool.to_owned());
    all.get(&key)?.root().get("inputSchema")
}

/// A request, without its content.
fn what(entry: &Entry) -> String {
    let Entry {
        method,
        agent,
        server,
        ..
    } = entry;
    let name = match entry.subject {
        Subject::Tool | Subject::Ask => format!(" `{}`", entry.name),
        Subject::Prompt | Subject::Resource => String::new(),
    };
    format!("{method}{name} of `{server}` by `{agent}`")
}
