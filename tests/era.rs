//! Agents of one era in front of servers of the other, as data: the adapter and
//! the engine together, as the listener drives them, and the interpreter and the
//! engine, as the loop of `run` does. What the agent and the server get is compared.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use lockgate::engine::decision::Evidence;
use lockgate::engine::guard::paths::{HostFacts, PathGuard};
use lockgate::engine::message::{Direction, Document, Id, Limits, Message};
use lockgate::engine::pin::{ServerPins, ToolPin};
use lockgate::engine::policy::{Policy, PolicyBase};
use lockgate::engine::record::Record;
use lockgate::engine::seal::{KEY, Seal};
use lockgate::engine::types::{AgentName, ServerName};
use lockgate::engine::{Engine, Session};
use lockgate::proxy::era::{Act, Adapter, Bridge, Heard, Interpreter, Passed, Step, Terms};
use lockgate::proxy::facts;
use lockgate::proxy::pump::{Outgoing, PinStore, Pump, RecordFailed, Recorder};
use proptest::prelude::*;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    /// `legacy-agent`, `modern-agent`, or `connection`, where it is to be found out.
    bridge: String,
    /// Texts that `@name` stands for.
    #[serde(default)]
    text: BTreeMap<String, String>,
    /// What comes before each case, unless it says `bare`.
    #[serde(default)]
    before: Vec<Turn>,
    case: Vec<Case>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default)]
    bare: bool,
    /// The server is spoken for (`bridge = true`).
    #[serde(default)]
    spoken_for: bool,
    step: Vec<Turn>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Turn {
    /// A message of an agent.
    agent: Option<String>,
    /// A message of the server.
    server: Option<String>,
    /// The agent closes the stream of that request, as JSON.
    closed: Option<String>,
    /// So many seconds pass.
    wait: Option<u64>,
    /// The session ends.
    #[serde(default)]
    end: bool,
    /// The message comes so often, `{n}` in it counted from 1; only the last
    /// outcome is compared.
    repeat: Option<usize>,
    /// What the agent gets: `[about] message`, by `exactly` or by parts.
    #[serde(default)]
    to_agent: Vec<String>,
    /// What the server gets.
    #[serde(default)]
    to_server: Vec<String>,
}

#[derive(Debug)]
struct Kept;

impl Evidence for Kept {
    type Ticket = ();
    fn covers(&self, (): &()) -> bool {
        true
    }
}

#[derive(Debug)]
struct Nowhere;

impl Recorder for Nowhere {
    type Proof = Kept;
    fn append(&mut self, _: &Record) -> Result<(), RecordFailed> {
        Ok(())
    }
    fn commit(&mut self) -> Result<Kept, RecordFailed> {
        Ok(Kept)
    }
}

impl PinStore for Nowhere {
    fn save(&mut self, _: &BTreeMap<String, ToolPin>) -> Result<(), String> {
        Ok(())
    }
}

const POLICY: &str = r#"
version = 1
[agent.me]
stdio = true
[server.s]
command = ["x"]
allow_methods = ["vendor/extra"]
ask_agent = ["sampling/createMessage", "elicitation/create", "elicitation/create#url", "roots/list"]
[pins]
mode = "tofu"
[[rule]]
id = "all"
effect = "permit"
server = "s"
tools = ["*"]
prompts = ["*"]
[[rule]]
id = "open"
effect = "permit"
server = "s"
resources = ["file:///work/*"]
"#;

enum Between {
    Adapter(Adapter),
    Interpreter(Interpreter),
}

impl Between {
    fn deadline(&self) -> Option<Duration> {
        match self {
            Self::Adapter(adapter) => adapter.deadline(),
            Self::Interpreter(interpreter) => interpreter.deadline(),
        }
    }
}

struct World {
    between: Between,
    pump: Pump<Nowhere, Nowhere>,
    now: Duration,
    /// The last state that the agent was given, as inside a JSON string.
    state: String,
    to_agent: Vec<String>,
    to_server: Vec<String>,
}

impl World {
    fn new(bridge: Option<Bridge>, spoken_for: bool) -> Self {
        let base = PolicyBase {
            dir: "/work".to_owned(),
            home: "/home/u".to_owned(),
        };
        let policy = Policy::parse("lockgate.toml", POLICY, &base).unwrap();
        let host = HostFacts {
            home: "/home/u".to_owned(),
            cwd: "/work".to_owned(),
            ..HostFacts::default()
        };
        let guard = PathGuard::new(host, policy.paths.clone());
        let (agent, server) = (AgentName::new("me").unwrap(), ServerName::new("s").unwrap());
        let seal = Arc::new(Seal::new(&[7; KEY]));
        let principal: Arc<str> = Arc::from("me");
        let engine = Engine::new(policy, agent, server.clone(), ServerPins::default(), guard)
            .sealing(Arc::clone(&seal), Arc::clone(&principal));
        let terms = Terms {
            nonce: "n".to_owned(),
            seal,
            principal,
            server,
        };
        Self {
            between: match bridge {
                Some(bridge) => Between::Adapter(Adapter::new(bridge, terms)),
                None => Between::Interpreter(Interpreter::new(terms, spoken_for)),
            },
            pump: Pump::new(
                engine,
                match bridge {
                    Some(_) => Session::new("test"),
                    None => Session::new("test").doubting(),
                },
                Nowhere,
                Nowhere,
                facts::resolve,
            ),
            now: Duration::ZERO,
            state: String::new(),
            to_agent: Vec::new(),
            to_server: Vec::new(),
        }
    }

    fn follow(&mut self, steps: Vec<Step>) {
        for step in steps {
            match step {
                Step::ToEngine(bytes) => {
                    self.pump.receive(Direction::ToServer, bytes, self.now);
                    self.flush();
                }
                Step::ToAgent { about, bytes } => self.told(about.as_ref(), bytes),
                Step::Lost(lost) => self.pump.lost(lost, self.now),
            }
        }
    }

    /// The same for an interpreter.
    fn act(&mut self, acts: Vec<Act>) {
        for act in acts {
            match act {
                Act::Judge(opened) => self.pump.receive_opened(*opened, self.now),
                Act::Tell(told) => self.told(None, told.as_ref().to_vec()),
                Act::Lost(lost) => self.pump.lost(lost, self.now),
            }
        }
        self.flush();
    }

    fn told(&mut self, about: Option<&Id>, bytes: Vec<u8>) {
        let text = readable(bytes);
        if let Some((_, state)) = text.split_once(r#""requestState":""#) {
            self.state = state.split('"').next().unwrap().into();
        }
        let about = about.map_or_else(|| "-".to_owned(), Id::to_json);
        self.to_agent.push(format!("[{about}] {text}"));
    }

    fn agent_says(&mut self, message: Vec<u8>) {
        match &mut self.between {
            Between::Adapter(adapter) => {
                let steps = adapter.from_agent(message, self.now);
                self.follow(steps);
            }
            Between::Interpreter(interpreter) => {
                let opened = self.pump.open(Direction::ToServer, message);
                match interpreter.from_agent(opened, self.now) {
                    Heard::AsIs(opened) => {
                        self.pump.receive_opened(opened, self.now);
                        self.flush();
                    }
                    Heard::Acts(acts) => self.act(acts),
                }
            }
        }
    }

    fn tick(&mut self) -> bool {
        match &mut self.between {
            Between::Adapter(adapter) => {
                let steps = adapter.tick(self.now);
                let idle = steps.is_empty();
                self.follow(steps);
                idle
            }
            Between::Interpreter(interpreter) => {
                let acts = interpreter.tick(self.now);
                let idle = acts.is_empty();
                self.act(acts);
                idle
            }
        }
    }

    fn flush(&mut self) {
        for Outgoing { to, frame, .. } in self.pump.flush() {
            match to {
                Direction::ToServer => self.to_server.push(readable(frame.bytes().to_vec())),
                Direction::ToAgent => match &mut self.between {
                    Between::Adapter(adapter) => {
                        let steps = adapter.to_agent(frame.bytes(), self.now);
                        self.follow(steps);
                    }
                    Between::Interpreter(interpreter) => {
                        match interpreter.to_agent(frame, self.now) {
                            Passed::AsIs(frame) => self.told(None, frame.into_bytes()),
                            Passed::Acts(acts) => self.act(acts),
                        }
                    }
                },
            }
        }
    }

    fn turn(&mut self, turn: &Turn, texts: &BTreeMap<String, String>) {
        let rounds = turn.repeat.unwrap_or(1);
        for n in 1..=rounds {
            self.to_agent.clear();
            self.to_server.clear();
            let state = self.state.clone();
            let fill = |text: &String| {
                let mut text = text.replace("{n}", &n.to_string());
                text = text.replace("{state}", &state);
                for (name, with) in texts {
                    text = text.replace(&format!("@{name}"), with);
                }
                text.into_bytes()
            };
            if let Some(message) = turn.agent.as_ref().map(fill) {
                self.agent_says(message);
            }
            if let Some(message) = turn.server.as_ref().map(fill) {
                self.pump.receive(Direction::ToAgent, message, self.now);
                self.flush();
            }
        }
        if let Some(id) = &turn.closed {
            let document = Document::read(id.clone().into_bytes(), &Limits::DEFAULT).unwrap();
            let Between::Adapter(adapter) = &mut self.between else {
                panic!("there are no streams");
            };
            let steps = adapter.closed(&Id::of(document.root()).unwrap());
            self.follow(steps);
        }
        if let Some(seconds) = turn.wait {
            self.now += Duration::from_secs(seconds);
            let due = self.between.deadline().is_some_and(|at| at <= self.now);
            let idle = self.tick();
            assert!(due || idle, "acts without a deadline");
            let next = self.between.deadline();
            assert!(next.is_none_or(|at| at > self.now), "a deadline that stays");
        }
        if turn.end {
            match &mut self.between {
                Between::Adapter(adapter) => {
                    let steps = adapter.end();
                    self.follow(steps);
                }
                Between::Interpreter(_) => {
                    // As the loop does it: the engine has the first word.
                    self.pump.server_gone("the server has ended", self.now);
                    self.flush();
                    let Between::Interpreter(interpreter) = &mut self.between else {
                        return;
                    };
                    let acts = interpreter.end(self.now);
                    self.act(acts);
                }
            }
        }
    }
}

/// Whatever is sent is read as strictly as what is received.
fn readable(bytes: Vec<u8>) -> String {
    let document = Document::read(bytes, &Limits::DEFAULT).unwrap();
    Message::read(document.root()).unwrap();
    assert!(!document.text().contains('\n'), "more than a line");
    document.text().to_owned()
}

fn compare(
    at: &str,
    who: &str,
    expected: &[String],
    seen: &[String],
    texts: &BTreeMap<String, String>,
) {
    assert_eq!(seen.len(), expected.len(), "{at}: {who} got {seen:#?}");
    for (wanted, got) in expected.iter().zip(seen) {
        let mut wanted = wanted.clone();
        for (name, with) in texts {
            wanted = wanted.replace(&format!("@{name}"), with);
        }
        if let Some(exact) = wanted.strip_prefix("exactly ") {
            assert_eq!(got, exact, "{at}: {who}");
        } else {
            for part in wanted.split(" & ") {
                match part.strip_prefix("not: ") {
                    Some(part) => assert!(!got.contains(part), "{at}: {who}: `{part}` in `{got}`"),
                    None => assert!(got.contains(part), "{at}: {who}: no `{part}` in `{got}`"),
                }
            }
        }
    }
}

fn play(file: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/era");
    let text = std::fs::read_to_string(path.join(file)).unwrap();
    let cases: Cases = toml::from_str(&text).unwrap_or_else(|e| panic!("{file}: {e}"));
    let bridge = match cases.bridge.as_str() {
        "legacy-agent" => Some(Bridge::LegacyAgent),
        "modern-agent" => Some(Bridge::ModernAgent),
        "connection" => None,
        other => panic!("{file}: {other}"),
    };
    let mut names = BTreeSet::new();
    for case in &cases.case {
        assert!(names.insert(&case.name), "{file}: `{}` twice", case.name);
        let mut world = World::new(bridge, case.spoken_for);
        let before: &[Turn] = if case.bare { &[] } else { &cases.before };
        let turns = before.iter().map(|t| ("before", t));
        let turns = turns.chain(case.step.iter().map(|t| ("step", t)));
        for (number, (part, turn)) in turns.enumerate() {
            let number = number + 1 - if part == "step" { before.len() } else { 0 };
            let at = format!("{file}: `{}`, {part} {number}", case.name);
            world.turn(turn, &cases.text);
            compare(
                &at,
                "the agent",
                &turn.to_agent,
                &world.to_agent,
                &cases.text,
            );
            compare(
                &at,
                "the server",
                &turn.to_server,
                &world.to_server,
                &cases.text,
            );
        }
    }
}

#[test]
fn a_legacy_agent_in_front_of_a_modern_server() {
    play("legacy.toml");
}

#[test]
fn modern_agents_in_front_of_a_legacy_server() {
    play("modern.toml");
}

#[test]
fn it_is_found_out_which_eras_they_speak() {
    play("connection.toml");
}

/// Every line of the committed seeds.
fn seed_lines() -> Vec<Vec<u8>> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/era");
    let mut lines = BTreeSet::new();
    for seed in std::fs::read_dir(corpus).unwrap() {
        let text = std::fs::read(seed.unwrap().path()).unwrap();
        lines.extend(text.split(|b| *b == b'\n').skip(1).map(<[u8]>::to_vec));
    }
    assert!(lines.len() > 100, "only {} lines", lines.len());
    lines.into_iter().collect()
}

proptest! {
    /// Whatever order messages come in, and whatever becomes of a byte of them:
    /// what is sent is readable, ids do not collide, nobody is answered twice.
    #[test]
    fn any_order_of_messages_holds(
        way in prop::sample::select(vec!['M', 'L', 'C', 'S']),
        picks in prop::collection::vec(any::<prop::sample::Index>(), 0..60),
        change in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
    ) {
        thread_local!(static LINES: Vec<Vec<u8>> = seed_lines());
        LINES.with(|lines| {
            let mut data = way.to_string().into_bytes();
            // A handshake first, or most of what follows is only refused.
            data.extend(handshake(way).bytes());
            for pick in &picks {
                data.push(b'\n');
                data.extend_from_slice(&lines[pick.index(lines.len())]);
            }
            if let Some((at, byte)) = &change {
                let at = at.index(data.len());
                data[at] = *byte;
            }
            lockgate::fuzzing::era(&data);
        });
    }
}

fn handshake(bridge: char) -> String {
    let caps = r#"{"roots":{},"elicitation":{},"sampling":{}}"#;
    let version = "io.modelcontextprotocol/protocolVersion";
    let has = "io.modelcontextprotocol/clientCapabilities";
    if bridge == 'C' || bridge == 'S' {
        // Here it is found out by what the seeds say.
        String::new()
    } else if bridge == 'M' {
        format!(
            r#"
{{"jsonrpc":"2.0","id":"d","method":"server/discover","params":{{"_meta":{{"{version}":"2026-07-28","{has}":{caps}}}}}}}
<{{"jsonrpc":"2.0","id":"lockgate-era-fuzz-1","result":{{"protocolVersion":"2025-06-18","capabilities":{{"logging":{{}},"tools":{{"listChanged":true}},"resources":{{"subscribe":true}}}},"serverInfo":{{"name":"s","version":"2"}}}}}}"#
        )
    } else {
        format!(
            r#"
{{"jsonrpc":"2.0","id":1,"method":"initialize","params":{{"protocolVersion":"2025-06-18","capabilities":{caps}}}}}
<{{"jsonrpc":"2.0","id":1,"result":{{"supportedVersions":["2026-07-28"],"capabilities":{{"tools":{{"listChanged":true}},"resources":{{"subscribe":true}}}}}}}}
{{"jsonrpc":"2.0","method":"notifications/initialized"}}"#
        )
    }
}
