//! Bodies of the fuzz targets in `fuzz/`, replayed over the committed corpora
//! by `tests/fuzz_corpus.rs` on every test run.
//!
//! Each takes any bytes, and asserts what must hold for all of them. Nothing
//! here is part of the product's interface.

mod constraint;
mod era;

pub use constraint::constraint;
pub use era::era;

use crate::engine::decision::{Decision, Evidence};
use crate::engine::guard::paths::{
    Candidate, HostFacts, PathFact, PathFacts, PathGuard, PathRules,
};
use crate::engine::message::{Direction, Document, Json, Kind, Limits, Message, Opened};
use crate::engine::pin::{Review, ServerPins, canonical as canonical_text, pin};
use crate::engine::policy::{AccessRequest, Action, Answer, PathJudge, Policy, PolicyBase, render};
use crate::engine::record::RecordVerdict as Verdict;
use crate::engine::seal::{KEY, Seal};
use crate::engine::types::{AgentName, ServerName};
use crate::engine::{Context, Engine, Session};
use crate::transport::http::one_line::one_line;
use crate::transport::http::sse::Decoder;
use serde_json::Value;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// The strict reader: what it accepts keeps its bytes, and other parsers read
/// the same in it.
pub fn message(data: &[u8]) {
    let document = match Document::read(data.to_vec(), &Limits::DEFAULT) {
        Ok(document) => document,
        Err(error) => {
            assert!(error.offset <= data.len(), "{error} is outside the message");
            return;
        }
    };
    assert_eq!(document.text().as_bytes(), data, "bytes are kept");
    let other = serde_json::from_slice::<Value>(data);
    let agrees = other.is_ok_and(|other| same(document.root(), &other));
    assert!(agrees, "serde_json refuses it, or reads it otherwise");
    let read = Message::read(document.root());
    for direction in [Direction::ToServer, Direction::ToAgent] {
        let opened = Opened::read(direction, data.to_vec(), &Limits::DEFAULT);
        assert_eq!(
            opened.message().is_ok(),
            read.is_ok() && is_one_line(data),
            "two readings differ"
        );
    }
    assert_eq!(document.into_bytes(), data, "bytes are given back");
}

/// Whether no peer can take it for several lines, however it ends its own.
fn is_one_line(data: &[u8]) -> bool {
    let line = data.strip_suffix(b"\r").unwrap_or(data);
    !line.iter().any(|byte| matches!(byte, b'\r' | b'\n'))
}

fn same(ours: Json<'_>, theirs: &Value) -> bool {
    match (ours.kind(), theirs) {
        (Kind::Null, Value::Null) => true,
        (Kind::Bool, Value::Bool(b)) => ours.as_bool() == Some(*b),
        (Kind::Number, Value::Number(n)) => {
            let spelled = ours.as_number().and_then(|n| n.parse::<f64>().ok());
            // serde_json may be wrong in the last place (its `float_roundtrip`).
            spelled
                .zip(n.as_f64())
                .is_some_and(|(a, b)| (a - b).abs() <= a.abs() * 1e-14)
        }
        (Kind::String, Value::String(s)) => ours.as_str().as_deref() == Some(s),
        (Kind::Array, Value::Array(items)) => {
            ours.items().count() == items.len() && ours.items().zip(items).all(|(a, b)| same(a, b))
        }
        (Kind::Object, Value::Object(members)) => {
            ours.members().count() == members.len()
                && ours
                    .members()
                    .all(|(key, value)| members.get(&*key).is_some_and(|v| same(value, v)))
        }
        _ => false,
    }
}

/// The canonical form: it says the same, it is its own canonical form, and a
/// pin of either spelling is the pin of the other.
pub fn canonical(data: &[u8]) {
    let Ok(document) = Document::read(data.to_vec(), &Limits::DEFAULT) else {
        return;
    };
    let text = canonical_text(document.root());
    // A number's canonical exponent may make it longer than it was received.
    let limits = Limits {
        number: Limits::DEFAULT.number.saturating_mul(2),
        ..Limits::DEFAULT
    };
    let again = Document::read(text.clone().into_bytes(), &limits);
    assert!(again.is_ok(), "the canonical form is not strict JSON");
    let Ok(again) = again else { return };
    assert_eq!(canonical_text(again.root()), text, "not a fixpoint");
    let other = serde_json::from_slice::<Value>(data);
    let agrees = other.is_ok_and(|other| same(again.root(), &other));
    assert!(agrees, "the canonical form says something else");
    let pins = [document.root(), again.root()].map(|d| pin(d, Review::Unreviewed));
    let [received, canonical] = pins.map(|p| p.map(|(name, pin)| (name, pin.digest)));
    assert_eq!(received, canonical, "spelling changes the pin");
}

/// An event stream: any pieces of it give the same events, which hold no more
/// than the bound, and no event makes two lines.
pub fn sse(data: &[u8]) {
    const BOUND: usize = 256;
    let (step, stream) = data.split_first().unwrap_or((&0, data));
    let step = usize::from(*step).saturating_add(1);
    let read = |step: usize| {
        let (mut decoder, mut events) = (Decoder::new(BOUND), Vec::new());
        let fine = stream
            .chunks(step)
            .all(|piece| decoder.feed(piece, &mut events).is_ok());
        assert!(decoder.held() <= BOUND.saturating_mul(16), "holds too much");
        let last = decoder.last_id().map(str::to_owned);
        (events, last, decoder.retry(), fine)
    };
    let whole = read(stream.len().max(1));
    assert_eq!(whole, read(step), "pieces make a difference");
    for event in whole.0 {
        assert!(!event.data.is_empty(), "an event of nothing");
        if let Ok(line) = one_line(event.data) {
            assert!(memchr::memchr2(b'\r', b'\n', &line).is_none(), "two lines");
        }
    }
}

struct NoPaths;

impl PathJudge for NoPaths {
    fn within(&self, _: &str, _: crate::engine::guard::paths::Access) -> Result<(), String> {
        Err("no file system here".to_owned())
    }
}

/// The policy: parsing never panics, mistakes can be shown, and a forbid rule
/// that is added never leaves anything permitted.
pub fn policy(data: &[u8]) {
    const FORBID: &str =
        "\n[[rule]]\nid = \"zz\"\neffect = \"forbid\"\nmode = \"enforce\"\ntools = [\"*\"]\n";
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let base = PolicyBase {
        dir: "/home/dev/project".to_owned(),
        home: "/home/dev".to_owned(),
    };
    match Policy::parse("lockgate.toml", text, &base) {
        Err(mistakes) => {
            assert!(!mistakes.is_empty(), "refused without a reason");
            assert!(!render("lockgate.toml", text, &mistakes, false).is_empty());
        }
        Ok(policy) => {
            answers(&policy);
            let stricter = format!("{text}{FORBID}");
            if let Ok(stricter) = Policy::parse("lockgate.toml", &stricter, &base) {
                for answer in answers(&stricter) {
                    assert!(
                        !matches!(answer, Answer::Permit { .. }),
                        "forbidden, and permitted all the same"
                    );
                }
            }
        }
    }
}

/// What a policy says to one call by each of its agents on each of its servers.
fn answers(policy: &Policy) -> Vec<Answer> {
    let arguments = br#"{"path":"/home/dev/project/a","n":3,"list":[{"x":"y"}]}"#;
    let Ok(arguments) = Document::read(arguments.to_vec(), &Limits::DEFAULT) else {
        return Vec::new();
    };
    let mut answers = Vec::new();
    for agent in policy.agents.keys().take(3) {
        for server in policy.servers.keys().take(3) {
            for tool in ["read_file", "get_issue"] {
                let request = AccessRequest {
                    agent,
                    principal: None,
                    server,
                    action: Action::CallTool(tool),
                    arguments: Some(arguments.root()),
                };
                answers.push(policy.evaluate(&request, &NoPaths));
                let visible = policy.may_ever_call(agent, server, tool);
                let permitted = matches!(answers.last(), Some(Answer::Permit { .. }));
                assert!(visible || !permitted, "permits what it does not list");
            }
        }
    }
    answers
}

fn guard() -> PathGuard {
    let host = HostFacts {
        home: "/home/dev".to_owned(),
        cwd: "/home/dev/project".to_owned(),
        own: vec!["/home/dev/.config/lockgate".to_owned()],
        ..HostFacts::default()
    };
    let rules = PathRules {
        defaults: true,
        ..PathRules::default()
    };
    PathGuard::new(host, rules)
}

/// A directory of the project that is a link to a secret one.
const LINK: &str = "/home/dev/project/link";

/// A file system in which `LINK` is the only symbolic link.
fn resolved(questions: &BTreeSet<String>) -> PathFacts {
    let follow = |path: &String| {
        let folded = plainly(path);
        let led = match folded.strip_prefix(LINK) {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => {
                plainly(&format!("/home/dev/.ssh{rest}"))
            }
            _ => folded,
        };
        (path.clone(), PathFact::Resolved(led))
    };
    PathFacts(questions.iter().map(follow).collect())
}

/// The path that a server opens which takes its argument for what it is.
fn plainly(text: &str) -> String {
    let mut kept = vec!["home", "dev", "project"];
    if text.starts_with('/') {
        kept.clear();
    }
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            name => kept.push(name),
        }
    }
    format!("/{}", kept.join("/"))
}

/// The path guard: whatever the spelling, what is judged is absolute and
/// without `.` and `..`, what a spelling stands for is judged as it is, and the
/// plainest reading of all is among those that are judged, links included.
pub fn path(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let guard = guard();
    let direct = guard.candidate_of_path("/path", text);
    for spelling in &direct.spellings {
        // `C:/` where the string can only be a Windows path.
        let drive = spelling.get(1..3) == Some(":/");
        assert!(
            spelling.starts_with('/') || drive,
            "not absolute: `{spelling}`"
        );
        let dots = |part: &str| part == "." || part == "..";
        assert!(!spelling.split('/').any(dots), "not normal: `{spelling}`");
    }
    let arguments = serde_json::json!({ "path": text }).to_string();
    let Ok(arguments) = Document::read(arguments.into_bytes(), &Limits::DEFAULT) else {
        return;
    };
    let mut candidates = guard.candidates("read_file", arguments.root(), None);
    assert_plainest(text, &guard, &candidates);
    candidates.extend(guard.candidates_of_uri(text));
    candidates.push(direct);
    let facts = resolved(&guard.questions(&candidates));
    for candidate in candidates {
        let spellings = candidate.spellings.clone();
        if !reaches(&guard, candidate, &facts) {
            continue;
        }
        let again = spellings.iter().any(|spelling| {
            let one = guard.candidate_of_path("/path", spelling);
            let facts = resolved(&guard.questions(std::slice::from_ref(&one)));
            reaches(&guard, one, &facts)
        });
        assert!(again, "secret as `{text}`, but not as what it stands for");
    }
}

/// What a server opens that takes the text for what it is, was asked for.
fn assert_plainest(text: &str, guard: &PathGuard, candidates: &[Candidate]) {
    let plain = plainly(text);
    let protected = ["/home/dev/.ssh/", "/home/dev/.config/lockgate/"]
        .iter()
        .any(|place| plain.starts_with(place))
        || plain
            .strip_prefix(LINK)
            .is_some_and(|rest| rest.starts_with('/'));
    // No system call takes a NUL.
    if protected && !text.contains('\0') {
        let facts = resolved(&guard.questions(candidates));
        assert!(
            !guard.inspect(candidates, &facts).is_empty(),
            "opens `{plain}`, and nobody asked"
        );
    }
}

/// Whether something protected is reached; not: whether it could not be told.
fn reaches(guard: &PathGuard, candidate: Candidate, facts: &PathFacts) -> bool {
    let findings = guard.inspect(&[candidate], facts);
    findings.iter().any(|f| f.code != "unresolvable-path")
}

/// Everything is recorded.
#[derive(Debug)]
struct Recorded;

impl Evidence for Recorded {
    type Ticket = ();
    fn covers(&self, (): &()) -> bool {
        true
    }
}

/// A whole session: lines that begin with `<` come from the server, all others
/// from the agent. No message vanishes, and what passes is what came.
pub fn session(data: &[u8]) {
    let (Ok(agent), Ok(server)) = (AgentName::new("agent"), ServerName::new("server")) else {
        return;
    };
    let pins = ServerPins::default();
    let engine = Engine::new(Policy::baseline(), agent, server, pins, guard())
        .sealing(Arc::new(Seal::new(&[7; KEY])), Arc::from("p"));
    let mut session = Session::new("fuzz");
    let lines = data.split(|b| *b == b'\n').take(200);
    for (n, line) in (0_u64..).zip(lines) {
        let (direction, line) = match line {
            [b'<', line @ ..] => (Direction::ToAgent, line),
            line => (Direction::ToServer, line),
        };
        let now = Duration::from_millis(n.saturating_mul(50));
        // As the pump does it: a message, then those that waited for it.
        let opened = engine.open(direction, line.to_vec());
        let mut waiting = VecDeque::from([(opened, Some(line))]);
        let mut turns = 0_usize;
        while let Some((opened, received)) = waiting.pop_front() {
            turns = turns.saturating_add(1);
            assert!(turns < 1000, "released messages go round in circles");
            let opened = engine.inquire(&session, opened);
            let facts = resolved(opened.questions());
            let asks = matches!(opened.message(), Ok(Message::Request { .. }));
            let direction = opened.direction();
            let context = Context {
                now,
                facts,
                ..Context::default()
            };
            let mut decision = engine.decide(&mut session, opened, &context);
            waiting.extend(decision.take_released().into_iter().map(|o| (o, None)));
            judge(decision, direction, asks, received);
        }
    }
}

/// What must hold of every decision about a message.
fn judge(decision: Decision, came: Direction, asks: bool, received: Option<&[u8]>) {
    let verdict = decision.record().verdict;
    let reason = decision.record().reason;
    let cleared = decision.clear(&(), &Recorded);
    assert!(cleared.is_ok(), "a recorded decision was not cleared");
    let cleared = cleared.unwrap_or_default();
    for (_, frame) in &cleared {
        let read = Document::read(frame.bytes().to_vec(), &Limits::DEFAULT);
        assert!(
            read.is_ok_and(|d| Message::read(d.root()).is_ok()),
            "sends what it refuses"
        );
    }
    match verdict {
        Verdict::Forward => {
            assert!(
                cleared.iter().any(|(to, _)| *to == came),
                "forwarded to nobody"
            );
            if let Some(received) = received {
                let kept = cleared.iter().any(|(_, frame)| frame.bytes() == received);
                assert!(kept, "forwards other bytes than it judged");
            }
        }
        Verdict::Deny => {
            assert!(reason.is_some(), "denied without a reason code");
            let answered = cleared.iter().any(|(to, _)| *to != came);
            assert!(answered || !asks, "a denied request got no answer");
        }
        Verdict::Drop => assert!(!asks, "a request vanished"),
        Verdict::Rewrite | Verdict::Hold | Verdict::Absorb => {}
    }
}
