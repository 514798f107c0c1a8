//! Clients that take their time, and floods.

use crate::gate::{Gate, call, legacy, modern, modern_call, request, said, until};
use crate::raw::{Ask, Wire};
use crate::scripted::{Scripted, begin_events, hello, respond, result};
use crate::support::home::Home;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use std::io::Write;
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

/// Sends one byte after the other, until the other side has had enough.
fn drip(gate: &Gate, start: &str) -> (Wire, Duration) {
    let mut wire = Wire::to(gate.port);
    let begun = Instant::now();
    assert!(wire.send(start));
    while wire.send("a") && begun.elapsed() < Duration::from_mins(3) {
        if wire.is_answered() {
            break;
        }
        thread::sleep(Duration::from_millis(200));
    }
    (wire, begun.elapsed())
}

#[test]
fn a_head_that_never_ends_is_given_up() {
    let gate = Gate::open("legacy");
    let (_, took) = drip(&gate, "GET /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\nx: ");
    assert!(took < Duration::from_mins(2), "{took:?}");
    gate.assert_well();
}

#[test]
fn a_body_that_never_ends_is_given_up() {
    let gate = Gate::open("legacy");
    let head = "POST /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: */*\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n";
    let (mut wire, took) = drip(&gate, head);
    assert!(took < Duration::from_mins(2), "{took:?}");
    assert_eq!(wire.reply().unwrap().status, 408);
    gate.assert_well();
}

/// The most memory that a process has had, in megabytes.
fn peak(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|l| l.starts_with("VmHWM")).unwrap();
    let kilobytes = line.split_whitespace().nth(1).unwrap();
    kilobytes.parse::<u64>().unwrap() / 1024
}

/// A line of `/metrics`.
fn metric(gate: &Gate, name: &str) -> usize {
    let text = Ask::new("GET", "/metrics").at(gate.port).text();
    let line = text.lines().find(|l| l.starts_with(&format!("{name} ")));
    line.unwrap().rsplit_once(' ').unwrap().1.parse().unwrap()
}

#[test]
fn a_client_that_reads_nothing_costs_little_and_is_cut_off() {
    let gate = Gate::open("legacy");
    let (flooded, other) = (gate.session(""), gate.session(""));
    let before = peak(gate.process.id());
    let params =
        json!({ "name": "flood", "arguments": { "count": 3000 }, "_meta": { "progressToken": 1 } });
    let flood = legacy(&request(2, "tools/call", &params)).with("mcp-session-id", &flooded);
    let mut wire = Wire::to(gate.port);
    assert!(wire.send(flood.bytes()));
    until("the call", || (gate.count("tools/call") == 1).then_some(()));
    let reply = call(&other, 3, "echo", &json!({ "text": "meanwhile" })).at(gate.port);
    assert_eq!(said(&reply), "meanwhile");
    let end = Instant::now() + Duration::from_mins(3);
    while metric(&gate, "lockgate_http_connections") > 1 {
        assert!(Instant::now() < end, "it is still connected");
        thread::sleep(Duration::from_millis(200));
    }
    let grown = peak(gate.process.id()) - before;
    assert!(grown < 60, "{grown} MB for 300 MB that nobody reads");
    drop(wire);
}

/// In the modern era the clients of one principal share a server, and its one
/// pipe: one that reads nothing is cut off before the others have waited long.
#[test]
fn a_client_that_reads_nothing_holds_up_nobody() {
    let (gate, a, b) = Gate::agents("modern");
    gate.list(&a);
    gate.list(&b);
    let params = json!({
        "name": "flood", "arguments": { "count": 1000 }, "_meta": { "progressToken": 1 },
    });
    let mut wire = Wire::to(gate.port);
    let flood = modern(2, "tools/call", &params).key(&a);
    assert!(wire.send(flood.bytes()));
    until("the call", || (gate.count("tools/call") == 1).then_some(()));
    let echo = |key: &str, text: &str| {
        let ask = modern_call(3, "echo", &json!({ "text": text })).key(key);
        said(&ask.at(gate.port))
    };
    let begun = Instant::now();
    for _ in 0..20 {
        assert_eq!(echo(&b, "of another"), "of another");
        assert_eq!(echo(&a, "of its own"), "of its own");
    }
    // Less than the minute after which its connection is cut off anyway.
    assert!(
        begun.elapsed() < Duration::from_secs(45),
        "they were held up"
    );
    assert_eq!(gate.count("notifications/cancelled"), 1);
    drop(wire);
}

#[test]
fn a_server_that_floods_fills_no_memory() {
    let server = Scripted::start(|request, stream| match request.rpc().as_str() {
        "initialize" => result(request, stream, &hello()),
        "tools/list" => {
            let tool = json!({ "name": "t", "inputSchema": { "type": "object" } });
            result(request, stream, &json!({ "tools": [tool] }));
        }
        "tools/call" => {
            begin_events(stream);
            let _ = stream.set_write_timeout(Some(Duration::from_secs(5)));
            let text = "x".repeat(100_000);
            let note = format!(
                "data: {{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{{\"level\":\"info\",\"data\":\"{text}\"}}}}\n\n"
            );
            let flooded = (0..3000).all(|_| stream.write_all(note.as_bytes()).is_ok());
            assert!(!flooded, "all was taken");
        }
        "" => respond(stream, "405 Method Not Allowed", &[], ""),
        _ => respond(stream, "202 Accepted", &[], ""),
    });
    let policy = format!(
        "[server.s]\nurl = \"{}\"\n[agent.me]\nstdio = true\n[[rule]]\nid = \"all\"\neffect = \"permit\"\ntools = [\"*\"]\n",
        server.url()
    );
    let gate = Gate::serving(Home::new(), &policy);
    let session = gate.session("");
    let before = peak(gate.process.id());
    let mut wire = Wire::to(gate.port);
    assert!(wire.send(call(&session, 2, "t", &json!({})).bytes()));
    server.seen_until(|r| r.rpc() == "tools/call");
    // As long as the server waits at a full socket.
    let end = Instant::now() + Duration::from_secs(5);
    while Instant::now() < end {
        gate.assert_well();
        thread::sleep(Duration::from_millis(100));
    }
    let grown = peak(gate.process.id()) - before;
    assert!(grown < 60, "{grown} MB for 300 MB that nobody reads");
}

#[test]
fn ten_thousand_idle_connections_leave_room() {
    let limit = getrlimit(Resource::Nofile);
    let most = Rlimit {
        current: limit.maximum,
        ..limit
    };
    setrlimit(Resource::Nofile, most).unwrap();
    let most = limit
        .maximum
        .and_then(|m| usize::try_from(m).ok())
        .unwrap_or(usize::MAX);
    let count = most.saturating_sub(500).min(10_000);
    let gate = Gate::open("legacy");
    let connect = |_| TcpStream::connect(("127.0.0.1", gate.port)).unwrap();
    let idle: Vec<_> = (0..count).map(connect).collect();
    gate.assert_well();
    let session = gate.session("");
    let reply = call(&session, 2, "echo", &json!({ "text": "still" })).at(gate.port);
    assert_eq!(said(&reply), "still");
    drop(idle);
    until("the end of them", || {
        (metric(&gate, "lockgate_http_connections") == 1).then_some(())
    });
}
