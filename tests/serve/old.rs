//! HTTP+SSE, for agents of 2024-11-05.

use crate::gate::{Gate, request, said, until};
use crate::raw::{Ask, Wire};
use crate::support::home::Home;
use crate::support::need::script;
use crate::support::peers::peers;
use crate::support::process::Process;
use lockgate::identity::NewKey;
use serde_json::{Value, json};

const ALL: &str =
    "[serve]\nsse = true\n[[rule]]\nid = \"all\"\neffect = \"permit\"\ntools = [\"*\"]\n";

/// Opens the stream; gives the place for messages, too.
fn open(gate: &Gate, key: &str) -> (Wire, String) {
    let (mut wire, _) = Ask::new("GET", "/sse").key(key).stream(gate.port);
    let (_, place) = wire.event().unwrap();
    assert!(place.starts_with("/sse?session="), "{place}");
    (wire, place)
}

fn post(place: &str, key: &str, message: &Value) -> Ask {
    Ask::post_to(place, message).key(key)
}

#[test]
fn a_stream_is_its_principals() {
    let (a, b) = (NewKey::make().unwrap(), NewKey::make().unwrap());
    let policy = format!(
        "[agent.a]\nkey = \"{}\"\n[agent.b]\nkey = \"{}\"\n{ALL}",
        a.hash(),
        b.hash()
    );
    let gate = Gate::with(Home::new(), "legacy", &policy);
    let (mut stream, place) = open(&gate, a.reveal());
    let (mut other, _) = open(&gate, b.reveal());
    let hello = json!({ "protocolVersion": "2024-11-05", "capabilities": {}, "clientInfo": { "name": "raw", "version": "1" } });
    let hello = request(1, "initialize", &hello);
    let foreign = post(&place, b.reveal(), &hello).at(gate.port);
    let unknown = post(
        &format!("/sse?session={}", "0".repeat(64)),
        b.reveal(),
        &hello,
    );
    assert_eq!(
        (foreign.status, foreign.reason()),
        (404, "unknown-session".into())
    );
    assert_eq!(foreign.body, unknown.at(gate.port).body);
    // Nor is it a session of the other transport.
    let name = place.rsplit_once('=').unwrap().1;
    let crossed = crate::gate::call(name, 2, "echo", &json!({})).key(a.reveal());
    assert_eq!(crossed.at(gate.port).status, 404);
    assert_eq!(gate.received(), []);
    assert_eq!(post(&place, a.reveal(), &hello).at(gate.port).status, 202);
    assert!(stream.event().unwrap().1.contains("serverInfo"));
    let list = request(2, "tools/list", &json!({}));
    assert_eq!(post(&place, a.reveal(), &list).at(gate.port).status, 202);
    assert!(stream.event().unwrap().1.contains("echo"));
    let server = gate.received()[0].0;
    drop(stream);
    let process = format!("/proc/{server}");
    until("the end of the server", || {
        (!std::path::Path::new(&process).exists()).then_some(())
    });
    assert_eq!(post(&place, a.reveal(), &list).at(gate.port).status, 404);
    drop(gate);
    assert!(other.event().is_none(), "nothing came here");
}

#[test]
fn clients_of_that_time_work() {
    let policy = format!("[agent.me]\nstdio = true\n{ALL}");
    let gate = Gate::with(Home::new(), "legacy", &policy);
    let scenario = json!({ "steps": [
        { "request": "tools/list", "params": {} },
        { "request": "tools/call", "params": { "name": "echo", "arguments": { "text": "by stream" } } },
    ] });
    let scenario = gate.home.write("scenario.json", scenario.to_string());
    let argv = [
        "node".to_owned(),
        script("drive.mjs"),
        peers().js(),
        "1".to_owned(),
        scenario.display().to_string(),
        "--".to_owned(),
        format!("http://127.0.0.1:{}/sse", gate.port),
    ];
    let mut client = Process::start(&gate.home, &argv);
    let told: Value = serde_json::from_slice(&client.rest()).unwrap_or_default();
    if !client.finish().success() {
        client.fail("failed");
    }
    assert_eq!(
        told["steps"][1]["result"]["content"][0]["text"], "by stream",
        "{told}"
    );
    assert_eq!(gate.count("tools/call"), 1);
}

/// Clients of one era, and a server that knows only the other.
#[test]
fn clients_of_one_era_reach_servers_of_the_other() {
    for (era, major, mode) in [
        ("legacy", "2", json!({ "pin": "2026-07-28" })),
        ("modern", "1", Value::Null),
        ("modern", "2-legacy", Value::Null),
    ] {
        let home = Home::new();
        let log = home.root().join("log").display().to_string();
        let server = ["python3", &script("stage.py"), era, &log].map(str::to_owned);
        let policy = format!(
            "[server.stage]\ncommand = {server:?}\nbridge = true\n[agent.me]\nstdio = true\n\
             [[rule]]\nid = \"all\"\neffect = \"permit\"\ntools = [\"*\"]\n"
        );
        let gate = Gate::serving(home, &policy);
        let mut scenario = json!({ "steps": [
            { "request": "tools/list", "params": {} },
            { "request": "tools/call", "params": { "name": "echo", "arguments": { "text": "across" } } },
        ] });
        if !mode.is_null() {
            scenario["mode"] = mode;
        }
        let scenario = gate.home.write("scenario.json", scenario.to_string());
        let argv = [
            "node".to_owned(),
            script("drive.mjs"),
            peers().js(),
            major.to_owned(),
            scenario.display().to_string(),
            "--".to_owned(),
            format!("http://127.0.0.1:{}/mcp", gate.port),
        ];
        let mut client = Process::start(&gate.home, &argv);
        let told: Value = serde_json::from_slice(&client.rest()).unwrap_or_default();
        if !client.finish().success() {
            client.fail("failed");
        }
        let text = &told["steps"][1]["result"]["content"][0]["text"];
        assert_eq!(text, "across", "{era} {major}: {told}");
        let modern = |m: &Value| {
            m["params"]["_meta"]
                .get("io.modelcontextprotocol/protocolVersion")
                .is_some()
        };
        let calls = gate.received();
        let calls: Vec<_> = calls
            .iter()
            .filter(|(_, m)| m["method"] == "tools/call")
            .collect();
        assert_eq!(calls.len(), 1);
        assert_eq!(
            modern(&calls[0].1),
            era == "modern",
            "the server's own era: {calls:?}"
        );
    }
}

#[test]
fn it_is_off_by_itself() {
    let gate = Gate::open("legacy");
    assert_eq!(Ask::new("GET", "/sse").at(gate.port).status, 404);
    let session = gate.session("");
    let reply = crate::gate::call(&session, 2, "echo", &json!({ "text": "x" })).at(gate.port);
    assert_eq!(said(&reply), "x");
}
