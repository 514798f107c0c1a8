//! What is refused before it is judged, in the audit file.

use crate::ends::signal;
use crate::gate::{Gate, hello, legacy, modern, request, until};
use crate::raw::{Ask, Wire};
use crate::support::home::Home;
use crate::support::need::script;
use lockgate::identity::NewKey;
use rustix::process::Signal;
use serde_json::{Value, json};

/// The only record with this reason.
#[track_caller]
fn the(gate: &Gate, reason: &str) -> Value {
    let mut all = until(reason, || {
        let all = gate.refusals();
        let all: Vec<_> = all.into_iter().filter(|r| r["reason"] == reason).collect();
        (!all.is_empty()).then_some(all)
    });
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

/// Requests that are refused: the reason, and who asks, where that is proved.
fn refused(
    (a, b, stranger): (&str, &str, &str),
    session: &str,
) -> Vec<(&'static str, Option<&'static str>, Ask)> {
    let list = || modern(1, "tools/list", &json!({}));
    let cancels = json!({
        "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 1 },
    });
    let cancels = Ask::post(&cancels).with("mcp-protocol-version", "2026-07-28");
    let ping = legacy(&request(9, "ping", &json!({})));
    let unknown = ping.clone().with("mcp-session-id", "f".repeat(64));
    let page = Ask::new("GET", "/mcp").with("sec-fetch-site", "cross-site");
    vec![
        ("foreign-host", None, hello().set("host", "evil.example")),
        ("foreign-origin", None, page),
        ("no-credential", None, hello()),
        ("unknown-key", None, hello().key(stranger)),
        (
            "unknown-scheme",
            None,
            hello().set("authorization", "Basic eA=="),
        ),
        (
            "header-mismatch",
            Some("a"),
            list().key(a).set("mcp-method", "ping"),
        ),
        (
            "unsupported-version",
            Some("a"),
            ping.clone()
                .key(a)
                .set("mcp-protocol-version", "2031-01-01"),
        ),
        ("ignored-cancellation", Some("a"), cancels.key(a)),
        (
            "stream-exists",
            Some("a"),
            Ask::new("GET", "/mcp")
                .key(a)
                .with("mcp-session-id", session),
        ),
        (
            "foreign-session",
            Some("b"),
            ping.key(b).with("mcp-session-id", session),
        ),
        ("unknown-session", Some("b"), unknown.key(b)),
        (
            "content-type",
            Some("b"),
            hello().key(b).set("content-type", "text/plain"),
        ),
    ]
}

#[test]
fn what_is_refused_before_it_is_judged_is_evidence() {
    let (gate, a, b) = Gate::agents("legacy");
    let session = gate.session(&a);
    let stranger = NewKey::make().unwrap();
    let (stream, _) = Ask::new("GET", "/mcp")
        .key(&a)
        .with("mcp-session-id", &session)
        .stream(gate.port);
    let keys = (a.as_str(), b.as_str(), stranger.reveal());
    for (reason, who, ask) in refused(keys, &session) {
        let reply = ask.at(gate.port);
        let found = the(&gate, reason);
        let server = (!reason.starts_with("foreign-") || who.is_some()).then_some("stage");
        assert_eq!(found["from"], "127.0.0.1", "{found}");
        assert_eq!(found["agent"].as_str(), who, "{found}");
        assert_eq!(found["server"].as_str(), server, "{found}");
        assert_eq!(found["status"], reply.status, "{found}");
        assert_eq!(found["count"], 1, "{found}");
        assert_documented(reason);
    }
    // To the agent, the two are one.
    let mine = |name: &str| {
        let ask = legacy(&request(9, "ping", &json!({}))).with("mcp-session-id", name);
        let reply = ask.key(&b).at(gate.port);
        (reply.status, reply.text())
    };
    assert_eq!(mine(&session), mine(&"f".repeat(64)));
    for (reason, bytes) in [
        (
            "malformed-head",
            "GET / HTTP/1.1\r\nhost : x\r\n\r\n".to_owned(),
        ),
        (
            "head-too-large",
            format!("GET / HTTP/1.1\r\n{}\r\n", "x: a\r\n".repeat(1000)),
        ),
    ] {
        let mut wire = Wire::to(gate.port);
        wire.send(bytes);
        let status = wire.reply().unwrap().status;
        assert!([400, 431].contains(&status), "{reason}: {status}");
        the(&gate, reason);
        assert_documented(reason);
    }
    let evidence = gate.evidence();
    // What follows `lg_`, twelve digits and `_`.
    for key in [&a, &b, stranger.reveal()] {
        assert!(!evidence.contains(key.split_at(16).1));
    }
    assert!(!evidence.contains(&session));
    drop(stream);
}

fn assert_documented(reason: &str) {
    let root = env!("CARGO_MANIFEST_DIR");
    let read = |name: &str| std::fs::read_to_string(format!("{root}/docs/{name}.md")).unwrap();
    let text = read("serve") + &read("identity");
    assert!(
        text.contains(&format!("`{reason}`")),
        "{reason} is in no document"
    );
}

#[test]
fn a_flood_of_strangers_is_counted_and_fills_no_disk() {
    let (mut gate, a, _) = Gate::agents("legacy");
    let mut wire = Wire::to(gate.port);
    for _ in 0..2000 {
        wire.send(hello().bytes());
        assert_eq!(wire.reply().unwrap().status, 401);
    }
    // Whoever is proved is recorded all the same.
    let reply = hello()
        .key(&a)
        .set("content-type", "text/plain")
        .at(gate.port);
    assert_eq!(reply.status, 415);
    the(&gate, "content-type");
    drop(wire);
    signal(gate.process.id(), Signal::TERM);
    assert!(gate.process.finish().success());
    let all = gate.refusals();
    assert!(all.len() < 20, "{} records", all.len());
    let strangers = all.iter().filter(|r| r["reason"] == "no-credential");
    assert_eq!(
        strangers.map(|r| r["count"].as_u64().unwrap()).sum::<u64>(),
        2000
    );
}

#[test]
fn without_evidence_a_refusal_is_still_one() {
    let key = NewKey::make().unwrap();
    let home = Home::new();
    let log = home.root().join("log").display().to_string();
    let server = ["python3", &script("stage.py"), "legacy", &log].map(str::to_owned);
    let policy = format!(
        "[server.stage]\ncommand = {server:?}\n[agent.a]\nkey = \"{}\"\n\
         [[rule]]\nid = \"all\"\neffect = \"permit\"\ntools = [\"*\"]\n",
        key.hash()
    );
    // No file grows beyond some 2 KiB.
    let small = ["sh", "-c", "trap '' XFSZ; ulimit -f 4; exec \"$@\"", "sh"];
    let gate = Gate::started_by(home, &policy, &small);
    let asks = [
        hello(),
        hello().key(key.reveal()).set("content-type", "text/plain"),
        hello().set("host", "evil.example"),
        hello().with("origin", "https://evil.example"),
        hello().set("authorization", "Basic eA=="),
        hello().key("lg_0123456789ab_x"),
        hello().key("x.y.z"),
        hello().key(key.reveal()).with("content-encoding", "gzip"),
        hello().key(key.reveal()).set("accept", "text/html"),
        hello()
            .key(key.reveal())
            .set("mcp-protocol-version", "2031-01-01"),
        legacy(&request(1, "ping", &json!({}))).key(key.reveal()),
    ];
    for ask in &asks {
        assert!((400..=415).contains(&ask.at(gate.port).status));
    }
    until("the end of the evidence", || {
        gate.process
            .stderr()
            .contains("refused requests are not recorded")
            .then_some(())
    });
    for ask in &asks {
        assert!((400..=415).contains(&ask.at(gate.port).status));
    }
    let reply = hello().key(key.reveal()).at(gate.port);
    assert_eq!(
        reply.json()["error"]["data"]["reason"],
        "not-recorded",
        "{reply:?}"
    );
    assert_eq!(gate.received(), []);
}
