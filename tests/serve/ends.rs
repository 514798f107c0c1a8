//! The end of the listener, and of the servers behind it.

use crate::gate::{Gate, call, modern_call, said, until};
use crate::raw::Reply;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use std::path::Path;
use std::thread::{self, JoinHandle};

pub(crate) fn signal(process: u32, signal: Signal) {
    let process = i32::try_from(process).ok().and_then(Pid::from_raw);
    kill_process(process.unwrap(), signal).unwrap();
}

/// Calls that the server does not answer yet.
fn waiting(gate: &Gate, asks: Vec<crate::raw::Ask>) -> Vec<JoinHandle<Reply>> {
    let before = gate.count("tools/call");
    let port = gate.port;
    let all: Vec<_> = asks
        .into_iter()
        .map(|ask| thread::spawn(move || ask.at(port)))
        .collect();
    until("the calls", || {
        (gate.count("tools/call") == before + all.len()).then_some(())
    });
    all
}

#[test]
fn a_call_under_way_is_answered_before_the_end() {
    let mut gate = Gate::open("legacy");
    let session = gate.session("");
    let (mut stream, _) = crate::raw::Ask::new("GET", "/mcp")
        .with("mcp-session-id", &session)
        .stream(gate.port);
    let go = json!({ "name": "go" });
    let calls = waiting(
        &gate,
        vec![call(&session, 2, "wait", &go), modern_call(3, "wait", &go)],
    );
    let servers: Vec<_> = gate.received().iter().map(|(server, _)| *server).collect();
    signal(gate.process.id(), Signal::TERM);
    assert!(stream.event().is_none(), "a stream without an end ends");
    until("that nobody listens", || {
        std::net::TcpStream::connect(("127.0.0.1", gate.port)).err()
    });
    gate.release("go");
    for call in calls {
        assert_eq!(said(&call.join().unwrap()), "go");
    }
    assert!(gate.process.finish().success());
    for server in servers {
        assert!(!Path::new(&format!("/proc/{server}")).exists(), "{server}");
    }
}

#[test]
fn whoever_waits_for_a_server_that_dies_is_told() {
    let gate = Gate::open("legacy");
    let session = gate.session("");
    let never = json!({ "name": "never" });
    let asks = (10..15).map(|id| call(&session, id, "wait", &never));
    let calls = waiting(&gate, asks.collect());
    signal(gate.received()[0].0, Signal::KILL);
    for call in calls {
        assert_eq!(call.join().unwrap().reason(), "server-exited");
    }
    let again = call(&session, 20, "echo", &json!({ "text": "again" }));
    let gone = until("the end of the session", || {
        Some(again.at(gate.port)).filter(|reply| reply.status == 404)
    });
    assert_eq!(gone.reason(), "unknown-session");
    let session = gate.session("");
    let reply = call(&session, 20, "echo", &json!({ "text": "again" })).at(gate.port);
    assert_eq!(said(&reply), "again");
}

#[test]
fn agents_of_the_modern_era_get_another_server() {
    for era in ["modern", "legacy"] {
        let gate = Gate::open(era);
        gate.list("");
        let never = json!({ "name": "never" });
        let asks = (10..15).map(|_| modern_call(1, "wait", &never));
        let calls = waiting(&gate, asks.collect());
        let first = gate.received().last().unwrap().0;
        signal(first, Signal::KILL);
        for call in calls {
            let reply = call.join().unwrap();
            assert!(reply.json()["error"].is_object(), "{reply:?}");
        }
        until("another server", || {
            let list = crate::gate::modern(1, "tools/list", &json!({})).at(gate.port);
            list.json()["result"]["tools"].is_array().then_some(())
        });
        let reply = modern_call(2, "echo", &json!({ "text": "again" })).at(gate.port);
        assert_eq!(said(&reply), "again");
        let all = gate.received();
        assert_ne!(all.last().unwrap().0, first);
        let waits = all.iter().filter(|(_, m)| m["params"]["name"] == "wait");
        assert_eq!(waits.count(), 5, "nothing is called twice");
    }
}
