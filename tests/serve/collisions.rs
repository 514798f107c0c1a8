//! Equal ids, of clients that do not know of each other.

use crate::gate::{Gate, call, legacy, modern, request, said};
use crate::raw::{Ask, Reply};
use serde_json::{Value, json};
use std::thread;

/// Asks with the same id and the same progress token, all at once, and each for
/// something of its own; nobody gets an answer that is not his.
fn same_names(gate: &Gate, asks: &[(String, Ask)]) {
    let port = gate.port;
    let waiting: Vec<_> = asks
        .iter()
        .map(|(name, ask)| {
            let (name, ask) = (name.clone(), ask.clone());
            thread::spawn(move || (name, ask.at(port)))
        })
        .collect();
    crate::gate::until("all calls", || {
        let all = gate.received();
        let calls = all.iter().filter(|(_, m)| m["params"]["name"] == "wait");
        (calls.count() == asks.len()).then_some(())
    });
    // In the opposite order.
    for (name, _) in asks.iter().rev() {
        gate.release(name);
    }
    for one in waiting {
        let (name, reply) = one.join().unwrap();
        assert_eq!(said(&reply), name);
        assert_eq!(reply.json()["id"], json!(7));
        let told = progress(&reply);
        assert_eq!(told, [json!("same")], "{name}: {reply:?}");
    }
}

/// The tokens of all progress that came on a stream.
fn progress(reply: &Reply) -> Vec<Value> {
    let text = reply.text();
    let messages = text.lines().filter_map(|l| l.strip_prefix("data: {"));
    let messages = messages.map(|m| serde_json::from_str::<Value>(&format!("{{{m}")).unwrap());
    let told = messages.filter(|m| m["method"] == "notifications/progress");
    told.map(|m| m["params"]["progressToken"].clone()).collect()
}

fn params(name: &str) -> Value {
    json!({ "name": "wait", "arguments": { "name": name }, "_meta": { "progressToken": "same" } })
}

#[test]
fn ids_of_the_modern_era_do_not_collide() {
    let (gate, a, b) = Gate::agents("modern");
    gate.list(&a);
    gate.list(&b);
    let asks: Vec<_> = (0..12)
        .map(|n| {
            let name = format!("n{n}");
            let key = if n % 2 == 0 { &a } else { &b };
            let ask = modern(7, "tools/call", &params(&name)).key(key);
            (name, ask)
        })
        .collect();
    same_names(&gate, &asks);
}

#[test]
fn ids_of_the_modern_era_do_not_collide_across_the_bridge() {
    let (gate, a, b) = Gate::agents("legacy");
    gate.list(&a);
    gate.list(&b);
    let asks: Vec<_> = (0..12)
        .map(|n| {
            let name = format!("n{n}");
            let key = if n % 2 == 0 { &a } else { &b };
            let ask = modern(7, "tools/call", &params(&name)).key(key);
            (name, ask)
        })
        .collect();
    same_names(&gate, &asks);
}

#[test]
fn ids_of_legacy_sessions_do_not_collide() {
    let (gate, a, b) = Gate::agents("legacy");
    let asks: Vec<_> = (0..6)
        .map(|n| {
            let name = format!("n{n}");
            let key = if n % 2 == 0 { &a } else { &b };
            let session = gate.session(key);
            let ask = legacy(&request(7, "tools/call", &params(&name)));
            (name, ask.with("mcp-session-id", session).key(key))
        })
        .collect();
    same_names(&gate, &asks);
}

#[test]
fn an_id_that_is_in_use_is_refused_and_the_first_keeps_it() {
    let gate = Gate::open("legacy");
    let session = gate.session("");
    let first = call(&session, 7, "wait", &json!({ "name": "go" }));
    let port = gate.port;
    let waiting = thread::spawn(move || first.at(port));
    crate::gate::until("the call", || (gate.count("tools/call") == 1).then_some(()));
    let second = call(&session, 7, "echo", &json!({ "text": "must-not-arrive" })).at(gate.port);
    assert!(second.json()["error"].is_object(), "{second:?}");
    gate.release("go");
    assert_eq!(said(&waiting.join().unwrap()), "go");
    assert_eq!(gate.count("tools/call"), 1);
}
