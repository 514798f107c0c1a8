//! What a policy costs: how long it takes to compile, and to answer a call, as
//! rules become many.
//!
//! ```text
//! cargo bench --bench policy
//! cargo bench --bench policy -- --quick      a short turn, for CI
//! ```
//!
//! The cost of an answer has to follow the rules that might be about the call,
//! not how many there are: in the last column each policy is compared with the
//! smallest, in turns of one round.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program for developers"
)]

use lockgate::engine::guard::paths::Access;
use lockgate::engine::message::{Document, Limits};
use lockgate::engine::policy::{AccessRequest, Action, Answer, PathJudge, Policy, PolicyBase};
use lockgate::engine::types::{AgentName, ServerName};
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Rules and agents of each policy. The second is that of the bar.
const SIZES: [(usize, usize); 3] = [(100, 10), (1000, 100), (10_000, 1000)];
/// Most seconds to compile a thousand rules for a hundred agents.
const COMPILE: f64 = 0.5;
/// Most microseconds of an answer by them.
const ANSWER: f64 = 10.0;

/// Everything is within.
struct Anywhere;

impl PathJudge for Anywhere {
    fn within(&self, _: &str, _: Access) -> Result<(), String> {
        Ok(())
    }
}

struct Subject {
    rules: usize,
    agents: usize,
    policy: Policy,
    compiled: Vec<Duration>,
    answered: Vec<Duration>,
}

/// Ten rules for each agent: nine that permit a tool or a family of tools, with
/// constraints, and one that forbids.
fn text(rules: usize, agents: usize) -> String {
    let mut text = String::from("version = 1\n");
    for agent in 0..agents {
        let _infallible = writeln!(text, "[agent.a{agent}]\nstdio = true");
    }
    for server in 0..10 {
        let _infallible = writeln!(text, "[server.s{server}]\ncommand = [\"s\"]");
    }
    for rule in 0..rules {
        let agent = rule % agents;
        let (effect, tools) = match rule / agents % 10 {
            0 => ("forbid", "[\"delete_*\"]".to_owned()),
            1 => ("permit", "[\"get_*\", \"list_*\"]".to_owned()),
            n => ("permit", format!("[\"tool_{n}\"]")),
        };
        let _infallible = writeln!(
            text,
            "[[rule]]\nid = \"r{rule}\"\neffect = \"{effect}\"\nagents = [\"a{agent}\"]\n\
             server = \"s{}\"\ntools = {tools}\nargs = {{ \"/owner\" = {{ one_of = [\"acme\", \"tools\"] }}, \
             \"/path\" = {{ glob = \"src/**\" }}, \"/n\" = {{ max = {}, optional = true }} }}",
            rule % 10,
            rule + 1,
        );
    }
    text
}

/// One call that a permit is about, one that a forbid is about, and one that
/// nothing permits; for an agent in the middle.
fn answer(subject: &Subject, arguments: &Document, turns: u32) -> Duration {
    let agent = subject.agents / 2;
    let name = AgentName::new(format!("a{agent}")).unwrap();
    let server = ServerName::new(format!("s{}", agent % 10)).unwrap();
    let ask = |tool| {
        let request = AccessRequest {
            agent: &name,
            principal: None,
            server: &server,
            action: Action::CallTool(tool),
            arguments: Some(arguments.root()),
        };
        subject.policy.evaluate(&request, &Anywhere)
    };
    assert!(matches!(ask("tool_5"), Answer::Permit { .. }));
    assert!(matches!(ask("delete_all"), Answer::Forbid { .. }));
    assert!(matches!(ask("no_such"), Answer::Nothing { .. }));
    let begun = Instant::now();
    for _ in 0..turns {
        for tool in ["tool_5", "delete_all", "no_such"] {
            black_box(ask(black_box(tool)));
        }
    }
    begun.elapsed() / (3 * turns)
}

fn median(times: &[Duration]) -> f64 {
    let mut times = times.to_vec();
    times.sort_unstable();
    times
        .get(times.len() / 2)
        .map_or(0.0, Duration::as_secs_f64)
}

fn main() {
    let quick = std::env::args().any(|arg| arg == "--quick");
    let (rounds, turns) = if quick { (3, 200) } else { (15, 2000) };
    let base = PolicyBase {
        dir: "/work".to_owned(),
        home: "/home/u".to_owned(),
    };
    let json = br#"{"owner":"acme","path":"src/engine/mod.rs","n":1}"#.to_vec();
    let arguments = Document::read(json, &Limits::DEFAULT).unwrap();
    let mut subjects: Vec<_> = SIZES
        .iter()
        .map(|&(rules, agents)| Subject {
            rules,
            agents,
            policy: Policy::parse("p.toml", &text(rules, agents), &base).unwrap(),
            compiled: Vec::new(),
            answered: Vec::new(),
        })
        .collect();
    for _ in 0..rounds {
        for subject in &mut subjects {
            let text = text(subject.rules, subject.agents);
            let begun = Instant::now();
            black_box(Policy::parse("p.toml", &text, &base).unwrap());
            subject.compiled.push(begun.elapsed());
            let answered = answer(subject, &arguments, turns);
            subject.answered.push(answered);
        }
    }
    println!("| rules | agents | compiled in, s | an answer, µs | × the smallest |");
    println!("|--:|--:|--:|--:|--:|");
    let smallest = subjects.first().map_or(1.0, |s| median(&s.answered));
    for s in &subjects {
        let (compiled, answered) = (median(&s.compiled), median(&s.answered));
        println!(
            "| {} | {} | {compiled:.3} | {:.2} | {:.2} |",
            s.rules,
            s.agents,
            answered * 1e6,
            answered / smallest
        );
        if s.rules == 1000 {
            let met = |met| if met { "met" } else { "missed" };
            println!(
                "<!-- bars: compiled ≤ {COMPILE} s {}, an answer ≤ {ANSWER} µs {} -->",
                met(compiled <= COMPILE),
                met(answered * 1e6 <= ANSWER)
            );
        }
    }
}
