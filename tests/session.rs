//! Whole sessions through the pump, as data: what comes in, what goes out to
//! whom, and what is recorded. Each reason code has a case.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test fails by panicking"
)]

use lockgate::engine::decision::Evidence;
use lockgate::engine::guard::paths::{HostFacts, PathFact, PathFacts, PathGuard};
use lockgate::engine::message::{Direction, Document, Limits, Problem, TopLevel};
use lockgate::engine::pin::{Review, ServerPins, ToolPin, pin};
use lockgate::engine::policy::{Policy, PolicyBase, UnixTime};
use lockgate::engine::principal::Principal;
use lockgate::engine::reason::Reason;
use lockgate::engine::record::Record;
use lockgate::engine::seal::{KEY, Seal};
use lockgate::engine::types::{AgentName, ServerName};
use lockgate::engine::{Engine, Session};
use lockgate::proxy::facts;
use lockgate::proxy::pump::{Lost, Outgoing, PinStore, Pump, RecordFailed, Recorder};
use serde::Deserialize;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// A policy; without one the baseline is in force.
    policy: Option<String>,
    /// For whom the agent acts, with which token; without any of these it acts
    /// for itself.
    user: Option<String>,
    #[serde(default)]
    scopes: Option<Vec<String>>,
    /// Approved definitions.
    #[serde(default)]
    pins: Vec<String>,
    /// The server is reached over HTTP.
    #[serde(default)]
    http: bool,
    #[serde(default)]
    step: Vec<Step>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    /// A line of the agent.
    agent: Option<String>,
    /// A line of the server.
    server: Option<String>,
    /// The lines come so often, `{n}` in them counted from 1; only the outcome
    /// of the last ones is compared.
    repeat: Option<usize>,
    /// So many seconds pass.
    wait: Option<u64>,
    /// What the wall clock says from now on, in seconds since 1970.
    clock: Option<u64>,
    /// What the last record says of rules in audit mode.
    would: Option<String>,
    /// The server ends.
    #[serde(default)]
    gone: bool,
    /// A message of the server that has come to nothing on its way.
    lost: Option<String>,
    /// A line of the server with this prefix and a megabyte more than the bound.
    too_large: Option<String>,
    /// Records cannot be kept from now on.
    #[serde(default)]
    disk_full: bool,
    /// Pins cannot be kept from now on.
    #[serde(default)]
    pins_fail: bool,
    /// What the agent gets: `=` the line itself, else parts of it.
    #[serde(default)]
    to_agent: Vec<String>,
    /// What the server gets.
    #[serde(default)]
    to_server: Vec<String>,
    /// How often pins are kept in it.
    saves: Option<usize>,
    /// Verdict and reason of each record, as `verdict` or `verdict reason`.
    records: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
struct Cases {
    case: Vec<Case>,
}

thread_local! {
    /// The wall clock.
    static CLOCK: Cell<Option<UnixTime>> = const { Cell::new(None) };
}

#[derive(Debug, Default)]
struct World {
    records: Vec<(String, Option<&'static str>)>,
    would: Option<String>,
    disk_full: bool,
    pins_fail: bool,
    saves: usize,
}

#[derive(Debug, Clone, Default)]
struct Shared(Rc<RefCell<World>>);

#[derive(Debug)]
struct Kept;

impl Evidence for Kept {
    type Ticket = ();
    fn covers(&self, (): &()) -> bool {
        true
    }
}

impl Recorder for Shared {
    type Proof = Kept;

    fn append(&mut self, record: &Record) -> Result<(), RecordFailed> {
        let verdict = serde_json::to_value(record).unwrap()["verdict"].clone();
        let verdict = verdict.as_str().unwrap().to_owned();
        let mut world = self.0.borrow_mut();
        let audited = record.would.as_ref();
        world.would = audited.map(|would| serde_json::to_string(would).unwrap());
        world.records.push((verdict, record.reason));
        if world.disk_full {
            return Err(RecordFailed("the disk is full".to_owned()));
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<Kept, RecordFailed> {
        Ok(Kept)
    }
}

impl PinStore for Shared {
    fn save(&mut self, _: &BTreeMap<String, ToolPin>) -> Result<(), String> {
        self.0.borrow_mut().saves += 1;
        if self.0.borrow().pins_fail {
            return Err("the lockfile cannot be written".to_owned());
        }
        Ok(())
    }
}

fn engine(case: &Case) -> Engine {
    let base = PolicyBase {
        dir: "/work".to_owned(),
        home: "/home/u".to_owned(),
    };
    let policy = case.policy.as_ref().map_or_else(Policy::baseline, |text| {
        Policy::parse("lockgate.toml", text, &base)
            .unwrap_or_else(|e| panic!("{}: {e:?}", case.name))
    });
    let mut pins = ServerPins::default();
    for text in &case.pins {
        let document = Document::read(text.clone().into_bytes(), &Limits::DEFAULT).unwrap();
        let (name, pin) = pin(document.root(), Review::Approved).unwrap();
        pins.tools.insert(name, pin);
    }
    let host = HostFacts {
        home: "/home/u".to_owned(),
        cwd: "/work".to_owned(),
        own: vec!["/home/u/.config/lockgate".to_owned()],
        ..HostFacts::default()
    };
    let guard = PathGuard::new(host, policy.paths.clone());
    let (agent, server) = (AgentName::new("me").unwrap(), ServerName::new("s").unwrap());
    let seal = Arc::new(Seal::new(&[7; KEY]));
    let engine = Engine::new(policy, agent, server, pins, guard);
    let engine = engine.sealing(seal, Arc::from("me"));
    if case.http {
        engine.over_http()
    } else {
        engine
    }
}

/// The file system; a path through `/loop/` cannot be told.
fn resolve(questions: &BTreeSet<String>) -> PathFacts {
    let mut facts = facts::resolve(questions);
    for question in questions.iter().filter(|q| q.contains("/loop/")) {
        let unknown = PathFact::Unknown("a loop".to_owned());
        facts.0.insert(question.clone(), unknown);
    }
    facts
}

fn play(case: &Case, reasons: &mut BTreeSet<String>) {
    let world = Shared::default();
    let mut session = Session::new("test");
    if case.user.is_some() || case.scopes.is_some() {
        let scopes = case.scopes.as_ref();
        session = session.acting(Arc::new(Principal {
            user: case.user.as_deref().map(Arc::from),
            scopes: scopes.map(|s| s.iter().map(|s| Arc::from(s.as_str())).collect()),
            ..Principal::named(AgentName::new("me").unwrap())
        }));
    }
    CLOCK.set(None);
    let mut pump = Pump::new(engine(case), session, world.clone(), world.clone(), resolve)
        .with_clock(|| CLOCK.get());
    let mut now = Duration::ZERO;
    for (number, step) in case.step.iter().enumerate() {
        let at = format!("case `{}`, step {}", case.name, number + 1);
        world.0.borrow_mut().disk_full |= step.disk_full;
        world.0.borrow_mut().pins_fail |= step.pins_fail;
        if let Some(seconds) = step.clock {
            CLOCK.set(Some(UnixTime(seconds)));
        }
        let rounds = step.repeat.unwrap_or(1);
        for n in 1..=rounds {
            world.0.borrow_mut().records.clear();
            let line = |text: &str| bytes(&text.replace("{n}", &n.to_string()));
            if let Some(text) = &step.agent {
                pump.receive(Direction::ToServer, line(text), now);
            }
            if let Some(text) = &step.server {
                pump.receive(Direction::ToAgent, line(text), now);
            }
            if n < rounds {
                let _earlier = pump.flush();
            }
        }
        if let Some(seconds) = step.wait {
            now += Duration::from_secs(seconds);
            pump.tick(now);
        }
        if let Some(text) = &step.lost {
            let why = "there is no way for it";
            let lost = Lost::undelivered(Direction::ToAgent, bytes(text), why);
            pump.lost(lost, now);
        }
        if step.gone {
            pump.server_gone("the server has ended", now);
        }
        if let Some(prefix) = &step.too_large {
            let mut scan = TopLevel::of(prefix.as_bytes());
            scan.feed(&vec![b' '; pump.longest_line() + (1 << 20)]);
            scan.feed(b"}");
            pump.receive_too_large(Direction::ToAgent, &scan, now);
        }
        let (mut to_agent, mut to_server) = (Vec::new(), Vec::new());
        for Outgoing { to, frame, .. } in pump.flush() {
            let text = String::from_utf8(frame.bytes().to_vec()).unwrap();
            match to {
                Direction::ToAgent => to_agent.push(text),
                Direction::ToServer => to_server.push(text),
            }
        }
        let line = step.agent.as_ref().or(step.server.as_ref());
        compare(&at, "the agent", &step.to_agent, &to_agent, line);
        compare(&at, "the server", &step.to_server, &to_server, line);
        let saves = std::mem::take(&mut world.0.borrow_mut().saves);
        assert_eq!(step.saves.unwrap_or(saves), saves, "{at}: pins are kept");
        step.compare_records(&at, &mut world.0.borrow_mut(), reasons);
    }
}

impl Step {
    fn compare_records(&self, at: &str, world: &mut World, reasons: &mut BTreeSet<String>) {
        if self.would.is_some() {
            assert_eq!(world.would, self.would, "{at}: would");
        }
        let records = std::mem::take(&mut world.records);
        reasons.extend(records.iter().filter_map(|(_, r)| r.map(String::from)));
        if let Some(expected) = &self.records {
            let seen: Vec<String> = records
                .iter()
                .map(|(verdict, reason)| match reason {
                    Some(reason) => format!("{verdict} {reason}"),
                    None => verdict.clone(),
                })
                .collect();
            assert_eq!(&seen, expected, "{at}: records");
        }
    }
}

/// `<0xNN>` in a line stands for that byte, so that cases can hold any byte.
fn bytes(line: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = line;
    while let Some(at) = rest.find("<0x") {
        out.extend_from_slice(&rest.as_bytes()[..at]);
        out.push(u8::from_str_radix(&rest[at + 3..at + 5], 16).unwrap());
        rest = &rest[at + 6..];
    }
    out.extend_from_slice(rest.as_bytes());
    out
}

fn compare(at: &str, who: &str, expected: &[String], seen: &[String], line: Option<&String>) {
    assert_eq!(seen.len(), expected.len(), "{at}: {who} got {seen:#?}");
    for (wanted, got) in expected.iter().zip(seen) {
        if wanted == "=" {
            assert_eq!(Some(got), line, "{at}: {who} gets the same bytes");
        } else if let Some(exact) = wanted.strip_prefix("exactly ") {
            assert_eq!(got, exact, "{at}: {who}");
        } else {
            for part in wanted.split(" & ") {
                assert!(got.contains(part), "{at}: {who}: no `{part}` in `{got}`");
            }
        }
    }
}

#[test]
fn sessions() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/session");
    let mut reasons = BTreeSet::new();
    let mut played = 0;
    for file in std::fs::read_dir(dir).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let cases: Cases =
            toml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        for case in &cases.case {
            play(case, &mut reasons);
            played += 1;
        }
    }
    assert!(played >= 30, "only {played} cases were found");
    let envelope = [
        "batch",
        "invalid-envelope",
        "invalid-id",
        "ambiguous-envelope",
        "invalid-result",
        "invalid-error",
        "key-case",
    ];
    let codes = Reason::ALL.iter().map(|r| r.code());
    let codes = codes.chain(Problem::ALL.iter().map(|p| p.code()));
    // Given where nothing could be recorded: to the peer only.
    let codes = codes.chain(envelope).filter(|c| *c != "not-recorded");
    let missing: Vec<&str> = codes.filter(|c| !reasons.contains(*c)).collect();
    assert!(missing.is_empty(), "no case for {missing:?}");
}
