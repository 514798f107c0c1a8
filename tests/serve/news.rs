//! A policy that changes what an agent may see: it is told, as a server tells it;
//! and which changes on disk are one.

use crate::gate::{Gate, legacy, modern, request, until};
use crate::raw::{Ask, Wire};
use crate::reload::{FORBID, change, read};
use crate::support::home::Home;
use crate::support::lockgate::Run;
use crate::support::need::script;
use crate::support::process::Process;
use serde_json::{Value, json};
use std::fs;

const CHANGED: &str = "notifications/tools/list_changed";

fn next(wire: &mut Wire) -> Value {
    let (_, data) = wire.event().expect("an event");
    serde_json::from_str(&data).unwrap()
}

fn names(list: &Value) -> Vec<&str> {
    let tools = list["result"]["tools"].as_array().unwrap();
    tools
        .iter()
        .filter_map(|tool| tool["name"].as_str())
        .collect()
}

/// What does not change the list is not told.
fn no_news(gate: &Gate, good: &str) {
    let limited = good.replace(
        "tools = [\"*\"]",
        "tools = [\"*\"]\nlimit = { calls = 900, per = \"1m\" }",
    );
    change(gate, &limited);
}

#[test]
fn a_session_is_told_on_its_stream() {
    let gate = Gate::open("legacy");
    let good = read(&gate);
    let session = gate.session("");
    let (mut wire, _) = Ask::new("GET", "/mcp")
        .with("mcp-session-id", &session)
        .with("mcp-protocol-version", "2025-11-25")
        .stream(gate.port);
    let list = || {
        let list = legacy(&request(2, "tools/list", &json!({})));
        list.with("mcp-session-id", &session).at(gate.port).json()
    };
    no_news(&gate, &good);
    change(&gate, &format!("{good}{FORBID}"));
    assert_eq!(
        next(&mut wire),
        json!({ "jsonrpc": "2.0", "method": CHANGED })
    );
    assert!(!names(&list()).contains(&"echo"));
    change(&gate, &good);
    assert_eq!(next(&mut wire)["method"], CHANGED);
    assert!(names(&list()).contains(&"echo"));
    assert!(!wire.is_answered());
    let own = gate.records();
    let own: Vec<_> = own
        .iter()
        .filter(|r| r["kind"] == "own" && r["method"] == CHANGED)
        .collect();
    assert_eq!(own.len(), 2, "{own:?}");
    assert!(
        own.iter()
            .all(|r| r["verdict"] == "forward" && r["policy"].is_string())
    );
    gate.assert_well();
}

#[test]
fn in_the_stateless_era_whoever_asked_is_told() {
    let gate = Gate::open("modern");
    let good = read(&gate);
    gate.list("");
    let listen = |id: u32, what: &str| {
        let params = json!({ "notifications": { what: true } });
        let (mut wire, _) = modern(id, "subscriptions/listen", &params).stream(gate.port);
        let told = next(&mut wire);
        assert_eq!(
            told["method"], "notifications/subscriptions/acknowledged",
            "{told}"
        );
        wire
    };
    let mut tools = listen(5, "toolsListChanged");
    // The same id, of another client of the same principal.
    let mut again = listen(5, "toolsListChanged");
    let mut prompts = listen(6, "promptsListChanged");
    no_news(&gate, &good);
    change(&gate, &format!("{good}{FORBID}"));
    for wire in [&mut tools, &mut again] {
        let told = next(wire);
        assert_eq!(told["method"], CHANGED);
        assert_eq!(
            told["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], 5,
            "{told}"
        );
        assert!(!wire.is_answered());
    }
    assert!(!prompts.is_answered());
    gate.assert_well();
}

fn started(home: &Home, policy: &str) -> Process {
    let log = home.root().join("log").display().to_string();
    let server = ["python3", &script("stage.py"), "legacy", &log].map(str::to_owned);
    let mut process = Process::start(home, &Run::policy(home, policy).before(&server));
    let hello = json!({
        "protocolVersion": "2025-11-25",
        "clientInfo": { "name": "t", "version": "1" },
        "capabilities": {},
    });
    process.say(&request(1, "initialize", &hello).to_string());
    process.line().unwrap();
    process.say(&request(2, "tools/list", &json!({})).to_string());
    process.line().unwrap();
    process
}

const HEAD: &str = "[pins]\nmode = \"tofu\"\n[agent.me]\nstdio = true\n[server.stage]\n";
const ECHO: &str = "[[rule]]\nid = \"all\"\neffect = \"permit\"\ntools = [\"echo\"]\n";

/// On stdio without a message of anybody: nobody has to ask first.
#[test]
fn a_silent_agent_on_stdio_is_told() {
    let home = Home::new();
    let good = format!("version = 1\n{HEAD}{ECHO}");
    let mut process = started(&home, &good);
    home.write("policy/lockgate.toml", format!("{good}{FORBID}"));
    let told: Value = serde_json::from_slice(&process.line().unwrap()).unwrap();
    assert_eq!(told, json!({ "jsonrpc": "2.0", "method": CHANGED }));
    process.finish();
}

/// A file that is added to an included directory, and one that is taken away.
#[test]
fn files_of_an_included_directory_come_and_go() {
    let home = Home::new();
    fs::create_dir_all(home.root().join("policy/rules")).unwrap();
    home.write("policy/rules/a.toml", format!("version = 1\n{ECHO}"));
    let gate_policy = format!("version = 1\ninclude = [\"rules/*.toml\"]\n{HEAD}");
    let mut process = started(&home, &gate_policy);
    let is_told = || {
        let told: Value = serde_json::from_slice(&process.line().unwrap()).unwrap();
        assert_eq!(told["method"], CHANGED, "{told}");
    };
    home.write("policy/rules/b.toml", format!("version = 1\n{FORBID}"));
    is_told();
    fs::remove_file(home.root().join("policy/rules/b.toml")).unwrap();
    is_told();
    process.finish();
}

/// The same behind a listener.
#[test]
fn a_listener_takes_files_that_come_and_go() {
    let home = Home::new();
    fs::create_dir_all(home.root().join("policy/rules")).unwrap();
    home.write("policy/rules/a.toml", format!("version = 1\n{ECHO}"));
    let log = home.root().join("log").display().to_string();
    let server = ["python3", &script("stage.py"), "modern", &log].map(str::to_owned);
    let policy = format!("[agent.me]\nstdio = true\n[server.stage]\ncommand = {server:?}\n");
    // Its own file includes the directory from the beginning on.
    home.write(
        "policy/all.toml",
        "version = 1\ninclude = [\"rules/*.toml\"]\n",
    );
    let gate = Gate::serving(
        home,
        &format!("{policy}{ECHO}").replace("\"all\"", "\"first\""),
    );
    let whole = read(&gate).replacen(
        "version = 1\n",
        "version = 1\ninclude = [\"all.toml\"]\n",
        1,
    );
    change(&gate, &whole);
    let lists = || -> bool { names(&gate.list("").json()).contains(&"echo") };
    assert!(lists());
    gate.home
        .write("policy/rules/b.toml", format!("version = 1\n{FORBID}"));
    until("the file", || (!lists()).then_some(()));
    fs::remove_file(gate.home.root().join("policy/rules/b.toml")).unwrap();
    until("its end", || lists().then_some(()));
    gate.assert_well();
}

/// A test that changes alone: what is on disk does not keep what it promises.
#[test]
fn the_tests_of_a_strict_policy_are_looked_at_too() {
    let home = Home::new();
    let test = |expect: &str| format!("[[test]]\ntool = \"echo\"\nexpect = \"{expect}\"\n");
    fs::create_dir_all(home.root().join("policy")).unwrap();
    home.write("policy/lockgate.test.toml", test("permit"));
    let policy = format!("version = 1\nstrict = true\n{HEAD}{ECHO}");
    let mut process = started(&home, &policy);
    let says = |word: &str| {
        until(word, || process.stderr().contains(word).then_some(()));
    };
    home.write("policy/lockgate.test.toml", test("deny"));
    says("NOT in force");
    assert!(
        process.stderr().contains("one of its tests fails"),
        "{}",
        process.stderr()
    );
    home.write("policy/lockgate.test.toml", test("permit"));
    says("is on disk again");
    home.write("policy/lockgate.more.test.toml", "[[test]]\n");
    until("a mistake", || {
        process.stderr().contains("cannot be read").then_some(())
    });
    process.finish();
}
