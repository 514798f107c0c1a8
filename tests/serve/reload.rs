//! A policy that changes while lockgate runs: behind a listener, and on stdio.

use crate::gate::{Gate, call, hello, modern_call, request, said, until};
use crate::raw::{Ask, Reply};
use crate::support::home::Home;
use crate::support::lockgate::Run;
use crate::support::need::script;
use crate::support::process::Process;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{fs, thread};

pub(crate) const FORBID: &str =
    "[[rule]]\nid = \"none\"\neffect = \"forbid\"\ntools = [\"echo\"]\n";

/// What was recorded of reloads.
fn reloads(gate: &Gate) -> Vec<Value> {
    let all = gate.evidence();
    let lines = all.lines().filter_map(|l| serde_json::from_str(l).ok());
    lines
        .filter(|r: &Value| r["event"] == "policy-reload")
        .collect()
}

pub(crate) fn read(gate: &Gate) -> String {
    fs::read_to_string(gate.home.root().join("policy/lockgate.toml")).unwrap()
}

/// Writes the policy, and waits until something came of it.
#[track_caller]
fn write(gate: &Gate, policy: &str) -> Value {
    let before = reloads(gate).len();
    gate.home.write("policy/lockgate.toml", policy);
    until("a reload", || reloads(gate).get(before).cloned())
}

/// The same, where it is let into force: until its agents are let in as well,
/// which is the next thing that happens.
#[track_caller]
pub(crate) fn change(gate: &Gate, policy: &str) -> Value {
    let count = |gate: &Gate| figure(gate, "lockgate_policy_reloads_total");
    let before = count(gate);
    let told = write(gate, policy);
    assert_eq!(told["outcome"], "in-force", "{told}");
    until("the figure", || (count(gate) > before).then_some(()));
    told
}

fn figure(gate: &Gate, name: &str) -> u64 {
    let text = Ask::new("GET", "/metrics").at(gate.port).text();
    let mut lines = text.lines().filter_map(|line| line.split_once(' '));
    let (_, value) = lines.find(|(n, _)| *n == name).unwrap();
    value.parse().unwrap()
}

fn echo(gate: &Gate, session: &str, key: &str) -> Reply {
    let ask = call(session, 7, "echo", &json!({ "text": "hi" }));
    ask.key(key).at(gate.port)
}

/// Whether a call is denied from some moment on.
#[track_caller]
fn until_denied(what: &str, ask: impl Fn() -> Reply) {
    until(what, || {
        let denied = ask().json()["error"]["data"]["by"] == "lockgate";
        denied.then_some(())
    });
}

#[test]
fn a_session_goes_by_the_policy_of_the_moment() {
    for era in ["legacy", "modern"] {
        let gate = Gate::open(era);
        let good = read(&gate);
        let session = (era == "legacy").then(|| gate.session(""));
        let ask = || match &session {
            Some(session) => echo(&gate, session, ""),
            None => modern_call(7, "echo", &json!({ "text": "hi" })).at(gate.port),
        };
        if era == "modern" {
            gate.list("");
        }
        assert_eq!(said(&ask()), "hi");
        let first = gate.records();
        assert!(first.iter().all(|r| r["policy"].is_null()), "{first:?}");
        let told = change(&gate, &format!("{good}{FORBID}"));
        until_denied("a denial by the new policy", ask);
        let last = gate.records().pop().unwrap();
        assert_eq!(last["policy"], told["policy"], "{last}");
        assert_ne!(told["policy"], told["before"]);
        assert_eq!(last["rules"][0]["id"], "none");
        // What cannot be used leaves it in force, and says so.
        let broken = format!("{good}[[rul]]\n");
        let refused = write(&gate, &broken);
        assert_eq!(refused["outcome"], "refused", "{refused}");
        assert_eq!(refused["policy"], told["policy"]);
        let said_so = until("word of it", || {
            let all = gate.process.stderr();
            all.contains("NOT in force").then_some(all)
        });
        let line = broken.lines().count();
        let place = format!("lockgate.toml:{line}: ");
        assert!(said_so.contains(&place), "{said_so}");
        assert_eq!(figure(&gate, "lockgate_policy_revision_good"), 0);
        gate.assert_well();
        assert_eq!(ask().json()["error"]["data"]["by"], "lockgate");
        // Mended, it is taken.
        change(&gate, &good);
        until("a permit", || {
            ask().json()["result"].is_object().then_some(())
        });
        assert_eq!(figure(&gate, "lockgate_policy_revision_good"), 1);
        let last = gate.records().pop().unwrap();
        assert_eq!(last["policy"], told["before"], "{last}");
        // Gone, it stays.
        let before = reloads(&gate).len();
        fs::remove_file(gate.home.root().join("policy/lockgate.toml")).unwrap();
        let refused = until("a reload", || reloads(&gate).get(before).cloned());
        assert_eq!(refused["outcome"], "refused");
        assert_eq!(said(&ask()), "hi");
    }
}

#[test]
fn what_takes_a_restart_is_not_taken_in_part() {
    let gate = Gate::open("legacy");
    let good = read(&gate);
    let session = gate.session("");
    let strict = good.replace("version = 1\n", "version = 1\nstrict = true\n");
    for (policy, why) in [
        (good.replace("stage.py", "other.py"), "`[server.stage]`"),
        (format!("{good}[serve]\nsse = true\n"), "`[serve]`"),
        (format!("{good}[audit]\ndir = \"elsewhere\"\n"), "`[audit]`"),
        (good.replace("tofu", "require"), "`[pins]`"),
        (
            format!("{good}[server.new]\ncommand = [\"x\"]\n"),
            "`[server.new]`",
        ),
        (strict, "is strict"),
    ] {
        let refused = write(&gate, &format!("{policy}{FORBID}"));
        assert_eq!(refused["outcome"], "refused", "{policy}");
        let detail = refused["detail"].as_str().unwrap();
        assert!(detail.contains(why), "{detail}");
        assert_eq!(said(&echo(&gate, &session, "")), "hi");
    }
    change(&gate, &format!("{good}{FORBID}"));
    until_denied("a denial", || echo(&gate, &session, ""));
}

#[test]
fn an_agent_that_is_removed_has_no_session_any_more() {
    let (gate, a, b) = Gate::agents("legacy");
    let good = read(&gate);
    let (mine, removed) = (gate.session(&a), gate.session(&b));
    let stream = Ask::new("GET", "/mcp").with("mcp-session-id", &removed);
    let (mut stream, head) = stream.key(&b).stream(gate.port);
    assert_eq!(head.status, 200, "{head:?}");
    let (before, rest) = good.split_once("[agent.b]").unwrap();
    let (_, after) = rest.split_once("[[rule]]").unwrap();
    change(&gate, &format!("{before}[[rule]]{after}"));
    until("its refusal", || {
        (hello().key(&b).at(gate.port).status == 401).then_some(())
    });
    while stream.event().is_some() {}
    assert_eq!(said(&echo(&gate, &mine, &a)), "hi");
    // It comes back, and its session does not.
    change(&gate, &good);
    until("its session's end", || {
        (echo(&gate, &removed, &b).status == 404).then_some(())
    });
    assert_eq!(said(&echo(&gate, &mine, &a)), "hi");
}

#[test]
fn every_call_is_judged_by_one_revision() {
    let permit = |tool: &str| {
        format!(
            "[agent.me]\nstdio = true\n[[rule]]\nid = \"{tool}\"\neffect = \"permit\"\n\
             tools = [\"{tool}\"]\n"
        )
    };
    let gate = Gate::with(Home::new(), "legacy", &permit("echo"));
    let one = read(&gate);
    let other = one.replace("\"echo\"", "\"secret\"");
    let over = AtomicBool::new(false);
    let digests: Vec<_> = thread::scope(|scope| {
        for tool in ["echo", "secret"] {
            let (over, port, session) = (&over, gate.port, gate.session(""));
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    let ask = call(&session, 7, tool, &json!({ "text": "hi" }));
                    assert_eq!(ask.at(port).status, 200);
                }
            });
        }
        let digests = [&other, &one, &other, &one].map(|p| change(&gate, p)["policy"].clone());
        over.store(true, Ordering::Relaxed);
        digests.to_vec()
    });
    assert_eq!(digests[0], digests[2]);
    let permits = BTreeMap::from([
        (digests[0].as_str().unwrap(), "secret"),
        (digests[1].as_str().unwrap(), "echo"),
    ]);
    let mut seen = BTreeMap::<(&str, bool), usize>::new();
    let records = gate.records();
    let calls = records
        .iter()
        .filter(|r| r["kind"] == "request" && r["method"] == "tools/call");
    for record in calls.filter(|r| r["verdict"] != "hold") {
        let policy = record["policy"].as_str();
        let permitted = policy.map_or("echo", |policy| permits[policy]);
        let passes = record["tool"] == permitted;
        assert_eq!(record["verdict"] == "forward", passes, "{record}");
        let of = if permitted == "echo" { "one" } else { "other" };
        *seen.entry((of, passes)).or_default() += 1;
    }
    assert_eq!(seen.len(), 4, "{seen:?}");
}

#[test]
fn so_it_is_on_stdio() {
    let home = Home::new();
    let log = home.root().join("log").display().to_string();
    let server = ["python3", &script("stage.py"), "legacy", &log].map(str::to_owned);
    let good = "version = 1\n[pins]\nmode = \"tofu\"\n[agent.me]\nstdio = true\n\
                [server.stage]\n[[rule]]\nid = \"all\"\neffect = \"permit\"\ntools = [\"*\"]\n";
    let changes = [
        ("echo", format!("{good}{FORBID}"), "in force"),
        (
            "secret",
            good.replace("[agent.me]", "[agent.you]"),
            "may do nothing any more",
        ),
    ];
    let mut process = Process::start(&home, &Run::policy(&home, good).before(&server));
    let mut ask = |method: &str, params: Value| {
        process.say(&request(1, method, &params).to_string());
        loop {
            let line = process.line().unwrap();
            let message = serde_json::from_slice::<Value>(&line).unwrap();
            // It is told that its list has changed.
            if message.get("id").is_some() {
                return message;
            }
        }
    };
    let hello = json!({
        "protocolVersion": "2025-11-25",
        "clientInfo": { "name": "t", "version": "1" },
        "capabilities": {},
    });
    assert!(ask("initialize", hello)["result"].is_object());
    let mut call = |tool: &str| {
        let params = json!({ "name": tool, "arguments": { "text": "hi" } });
        ask("tools/call", params)["result"].is_object()
    };
    for (tool, changed, _) in &changes {
        assert!(call(tool));
        home.write("policy/lockgate.toml", changed);
        // Each call is a moment at which it may be looked at.
        let mut tries = 0..6000;
        while call(tool) {
            assert!(tries.next().is_some(), "it never came: {tool}");
            thread::sleep(Duration::from_millis(10));
        }
        home.write("policy/lockgate.toml", "version = 2\n");
        assert!(!call(tool));
        home.write("policy/lockgate.toml", good);
        while !call(tool) {
            assert!(tries.next().is_some(), "it never came back: {tool}");
            thread::sleep(Duration::from_millis(10));
        }
    }
    process.finish();
    let told = process.stderr();
    for (_, _, word) in &changes {
        assert!(told.contains(word), "{told}");
    }
    let folder = home.root().join("state/lockgate/audit");
    let verified = lockgate::audit::verify_dir(&folder).unwrap();
    assert!(verified.iter().all(|r| !r.is_tampered()), "{verified:?}");
}
