//! One call of a test: decided by the engine that `run` has, on a machine that
//! is the same everywhere.
//!
//! No file exists and nothing is a link but what the test says; no environment
//! variable is looked at. Where a server has no pins, only its rules and the path
//! guard judge: the tool is taken to be pinned, and to declare the arguments of
//! the call.

use super::messages;
use super::outcome::is_permitted;
use crate::cli::Fault;
use crate::cli::setup::{Revision, in_full};
use crate::engine::guard::paths::{HostFacts, PathFact, PathFacts, PathGuard};
use crate::engine::message::{Direction, Document, Limits};
use crate::engine::pin::{Review, ServerPins, pin};
use crate::engine::policy::{Call, Quotas, Subject, TestResult, UnixTime};
use crate::engine::record::Record;
use crate::engine::types::{AgentName, ServerName};
use crate::engine::{Context, Engine, Session};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// When the call of a test is made, on the clock of limits: what came before may
/// lie a long time back.
const NOW: Duration = Duration::from_hours(24 * 365);
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

    /// Decides a call, after those that came before it. Nothing is counted of the
    /// calls of other tests.
    pub(super) fn decide(&mut self, call: &Call) -> Decided {
        let quotas = Arc::new(Quotas::default());
        let mut alive = Vec::new();
        for (number, earlier) in call.before.iter().enumerate() {
            let mut made = Made::new(self, &earlier.call, &quotas, earlier.ago);
            for time in 1..=earlier.times {
                let record = made.sends(&earlier.call);
                if !is_permitted(&record) {
                    let stuck = Some((number.saturating_add(1), time));
                    made.ends(self);
                    return Decided {
                        call: record,
                        answer: None,
                        stuck,
                    };
                }
                if earlier.answered {
                    made.hears(&earlier.call, &TestResult::Json("{}".to_owned()));
                }
            }
            alive.push(made.ends(self));
        }
        let mut made = Made::new(self, call, &quotas, Duration::ZERO);
        let record = made.sends(call);
        let answer = call.answer.as_ref().filter(|_| is_permitted(&record));
        let answer = answer.map(|answer| made.hears(call, answer));
        made.ends(self);
        Decided {
            call: record,
            answer,
            stuck: None,
        }
    }

    /// The engine of a call, and whether another call may have it next.
    fn take(&mut self, call: &Call) -> (Engine, bool) {
        let pinned = self.read.pins.servers.get(&call.server);
        let Some(pins) = pinned.filter(|pins| !pins.tools.is_empty()) else {
            self.unpinned.insert(call.server.clone());
            return (self.engine(call, taken_as_pinned(call)), false);
        };
        let key = (call.agent.clone(), call.server.clone());
        let known = self.engines.remove(&key);
        (
            known.unwrap_or_else(|| self.engine(call, pins.clone())),
            true,
        )
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

/// What became of a call.
#[derive(Debug)]
pub(super) struct Decided {
    pub(super) call: Record,
    /// And of its answer.
    pub(super) answer: Option<Record>,
    /// Which of the calls before did not pass, and which time: the call's record
    /// is its.
    pub(super) stuck: Option<(usize, u64)>,
}

/// A connection on which the same call is made, perhaps many times.
struct Made {
    engine: Engine,
    key: Option<(AgentName, ServerName)>,
    session: Session,
    time: Option<UnixTime>,
    links: BTreeMap<String, String>,
    id: u64,
}

impl Made {
    fn new(judge: &mut Judge<'_>, call: &Call, quotas: &Arc<Quotas>, ago: Duration) -> Self {
        let (engine, is_kept) = judge.take(call);
        let engine = engine.counting(Arc::clone(quotas));
        let mut session = Session::new("test").begun_at(NOW.saturating_sub(ago));
        if let Some(principal) = &call.principal {
            session = session.acting(Arc::new(principal.clone()));
        }
        let tool = match &call.subject {
            Subject::Tool(name) => Some(name.as_str()),
            Subject::Prompt(_)
            | Subject::Resource(_)
            | Subject::Completion(_)
            | Subject::Asks(_) => None,
        };
        engine.assume_pinned(&mut session, tool);
        let at = call.at;
        Self {
            engine,
            key: is_kept.then(|| (call.agent.clone(), call.server.clone())),
            session,
            time: at.map(|UnixTime(at)| UnixTime(at.saturating_sub(ago.as_secs()))),
            links: call.links.clone(),
            id: 0,
        }
    }

    fn sends(&mut self, call: &Call) -> Record {
        self.id = self.id.saturating_add(1);
        self.decide(messages::way(call), messages::request(call, self.id))
    }

    /// The answer to what was sent last.
    fn hears(&mut self, call: &Call, answer: &TestResult) -> Record {
        let way = messages::way(call).reversed();
        self.decide(way, messages::answer(call, answer, self.id))
    }

    fn decide(&mut self, way: Direction, line: Vec<u8>) -> Record {
        let opened = self.engine.open(way, line);
        let opened = self.engine.inquire(&self.session, opened);
        let answers = opened.questions().iter();
        let answers = answers.map(|path| (path.clone(), follow(path, &self.links)));
        let context = Context {
            time: self.time,
            facts: PathFacts(answers.collect()),
            ..Context::default()
        };
        let decision = self.engine.decide(&mut self.session, opened, &context);
        decision.record().clone()
    }

    /// Gives the engine back. What has no answer is in flight while the session
    /// lives.
    fn ends(self, judge: &mut Judge<'_>) -> Session {
        if let Some(key) = self.key {
            judge.engines.insert(key, self.engine);
        }
        self.session
    }
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
