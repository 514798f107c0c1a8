//! A server that ends when it is asked for its eras: `run` starts it once more, and
//! asks it nothing twice that it may have acted on.

use crate::scripted::{Session, modern};
use crate::support::home::Home;
use crate::support::lockgate::{Run, permit_all};
use crate::support::need::script;
use serde_json::{Value, json};

/// A session with `fragile.py`; `bridge`: an agent that asks for the eras is
/// answered for it.
fn session(bridge: bool, words: &[&str]) -> Session {
    let home = Home::new();
    let log = home.root().join("log").display().to_string();
    let policy =
        permit_all("fragile").replace("ask_agent", &format!("bridge = {bridge}\nask_agent"));
    let server = ["python3", &script("fragile.py"), &log].map(str::to_owned);
    let words = words.iter().map(|&word| word.to_owned());
    let server: Vec<_> = server.into_iter().chain(words).collect();
    let argv = Run::policy(&home, &policy).before(&server);
    Session::of(home, &argv)
}

/// What the server has received, and when it was started.
fn received(session: &Session) -> Vec<String> {
    let text = std::fs::read_to_string(session.home.root().join("log")).expect("was started");
    let method = |line: &str| {
        let message: Value = serde_json::from_str(line).expect("is JSON");
        message["method"].as_str().expect("a method").to_owned()
    };
    text.lines().map(method).collect()
}

/// What was recorded of the end of the first process.
fn restarts(session: &Session) -> Vec<Value> {
    let folder = session.home.root().join("state/lockgate/audit");
    let files = std::fs::read_dir(folder).expect("is there");
    let texts = files.map(|f| std::fs::read_to_string(f.expect("is").path()).expect("is text"));
    let all: String = texts.collect();
    let records = all
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    records
        .filter(|r: &Value| r["reason"] == "server-exited" && r["verdict"] == "drop")
        .collect()
}

#[test]
fn a_modern_agent_is_bridged_to_the_second_process() {
    let mut session = session(true, &[]);
    let eras = session.ask("server/discover", &modern(json!({})));
    let versions = &eras["result"]["supportedVersions"];
    assert!(versions.to_string().contains("2026-07-28"), "{eras}");
    let call = modern(json!({ "name": "t", "arguments": {} }));
    let answer = session.ask("tools/call", &call);
    assert_eq!(answer["result"]["content"][0]["text"], "done", "{answer}");
    assert!(session.process.finish().success());
    let expected = [
        "started",
        "server/discover",
        "started",
        "initialize",
        "notifications/initialized",
        "tools/list",
        "tools/call",
    ];
    assert_eq!(received(&session), expected);
    let restarts = restarts(&session);
    assert_eq!(restarts.len(), 1, "{restarts:?}");
    assert_eq!(restarts[0]["method"], "server/discover");
    let said = session.process.stderr();
    assert!(said.contains("is started again"), "{said}");
    assert!(said.contains("before initialization"), "{said}");
}

/// An agent of both eras is told that the server is an older one, and goes on on
/// the same connection.
#[test]
fn an_agent_of_both_eras_begins_anew_on_the_same_connection() {
    let mut session = session(false, &[]);
    let eras = session.ask("server/discover", &modern(json!({})));
    assert_eq!(eras["error"]["code"], -32601, "{eras}");
    let hello = session.initialize();
    assert_eq!(hello["result"]["protocolVersion"], "2024-11-05", "{hello}");
    let answer = session.ask("tools/list", &json!({}));
    assert_eq!(answer["result"]["tools"][0]["name"], "t", "{answer}");
    assert!(session.process.finish().success());
    assert_eq!(
        received(&session)[..4],
        ["started", "server/discover", "started", "initialize"]
    );
}

/// Nobody has to ask for the eras first, and a list changes nothing.
#[test]
fn what_only_asks_is_asked_again() {
    let mut session = session(false, &[]);
    let answer = session.ask("tools/list", &modern(json!({})));
    assert_eq!(answer["result"]["tools"][0]["name"], "t", "{answer}");
    assert!(session.process.finish().success());
    assert_eq!(
        received(&session)
            .iter()
            .filter(|m| *m == "started")
            .count(),
        2
    );
}

#[test]
fn it_is_started_again_once() {
    let mut session = session(true, &["always"]);
    let answer = session.ask("server/discover", &modern(json!({})));
    assert!(answer["error"].is_object(), "{answer}");
    assert_eq!(session.process.finish().code(), Some(3));
    let expected = ["started", "server/discover", "started", "initialize"];
    assert_eq!(received(&session), expected);
}

/// Nobody can tell what a call has done to a server that has ended.
#[test]
fn a_server_that_has_a_call_is_not_started_again() {
    let mut session = session(true, &[]);
    let read = modern(json!({ "uri": "x:y" }));
    let answer = session.ask("resources/read", &read);
    assert!(answer["error"].is_object(), "{answer}");
    assert_eq!(session.process.finish().code(), Some(3));
    assert_eq!(received(&session), ["started", "resources/read"]);
    assert_eq!(restarts(&session).len(), 0);
}
