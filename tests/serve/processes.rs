//! How many processes stand for principals in the stateless era, and who gives
//! way.

use crate::gate::{Gate, modern, modern_call, until};
use crate::raw::Reply;
use crate::support::home::Home;
use lockgate::identity::NewKey;
use serde_json::json;
use std::path::Path;
use std::time::{Duration, Instant};

const PERMIT: &str = "[[rule]]\nid = \"all\"\neffect = \"permit\"\ntools = [\"*\"]\n";

/// Four agents in front of so many processes.
fn gate(bounds: &str) -> (Gate, Vec<String>) {
    let keys: Vec<_> = (0..4).map(|_| NewKey::make().unwrap()).collect();
    let agents = keys.iter().enumerate();
    let agents = agents.map(|(n, key)| format!("[agent.a{n}]\nkey = \"{}\"\n", key.hash()));
    let agents: String = agents.collect();
    let policy = format!("[serve]\n{bounds}\n{agents}{PERMIT}");
    let gate = Gate::with(Home::new(), "modern", &policy);
    let keys = keys.iter().map(|key| key.reveal().to_owned());
    (gate, keys.collect())
}

fn list(gate: &Gate, key: &str) -> Reply {
    modern(1, "tools/list", &json!({})).key(key).at(gate.port)
}

/// The process that has begun last.
fn newest(gate: &Gate) -> u32 {
    gate.received().last().unwrap().0
}

fn lives(process: u32) -> bool {
    Path::new(&format!("/proc/{process}")).exists()
}

#[test]
fn the_process_that_was_used_longest_ago_gives_way() {
    for bounds in ["processes = 2", "processes_of_server = 2"] {
        let (gate, keys) = gate(bounds);
        assert_eq!(list(&gate, &keys[0]).status, 200);
        let first = newest(&gate);
        assert_eq!(list(&gate, &keys[1]).status, 200);
        let second = newest(&gate);
        assert_ne!(first, second);
        // The first was used last.
        std::thread::sleep(Duration::from_millis(100));
        assert_eq!(list(&gate, &keys[0]).status, 200);
        assert_eq!(newest(&gate), first);
        until("a place", || {
            let reply = list(&gate, &keys[2]);
            assert!(reply.status == 200 || reply.reason() == "too-many-processes");
            (reply.status == 200).then_some(())
        });
        until("the end of the second", || (!lives(second)).then_some(()));
        assert!(lives(first), "{bounds}");
    }
}

#[test]
fn a_process_that_is_at_work_does_not_give_way() {
    let (gate, keys) = gate("processes = 2");
    let mut calls = Vec::new();
    for key in &keys[..2] {
        assert_eq!(list(&gate, key).status, 200);
        let (key, port) = (key.clone(), gate.port);
        calls.push(std::thread::spawn(move || {
            let ask = modern_call(2, "wait", &json!({ "name": "go" }));
            ask.key(&key).at(port)
        }));
    }
    until("the calls", || {
        (gate.count("tools/call") == 2).then_some(())
    });
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(1500) {
        let reply = list(&gate, &keys[2]);
        assert_eq!(
            (reply.status, reply.reason()),
            (503, "too-many-processes".into())
        );
        assert_eq!(reply.header("retry-after"), Some("5"));
        assert_eq!(reply.json()["id"], 1);
    }
    gate.release("go");
    for call in calls {
        assert_eq!(call.join().unwrap().status, 200);
    }
    until("a place", || {
        (list(&gate, &keys[2]).status == 200).then_some(())
    });
    let servers: std::collections::BTreeSet<_> = gate
        .received()
        .iter()
        .map(|(process, _)| *process)
        .collect();
    assert_eq!(servers.len(), 3, "no more were started");
}
