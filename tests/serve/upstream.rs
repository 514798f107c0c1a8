//! What of an agent's request reaches a server over HTTP.

use crate::gate::{Gate, call, modern, modern_call, until};
use crate::scripted::{Scripted, Session, hello, respond, result};
use crate::support::home::Home;
use lockgate::identity::NewKey;
use serde_json::json;

const MARK: &str = "must-not-arrive";

fn server(modern: bool) -> Scripted {
    Scripted::start(move |request, stream| match request.rpc().as_str() {
        "initialize" if !modern => result(request, stream, &hello()),
        "server/discover" if modern => {
            result(
                request,
                stream,
                &json!({ "supportedVersions": ["2026-07-28"], "capabilities": {}, "resultType": "complete", "ttlMs": 0, "cacheScope": "private" }),
            );
        }
        "tools/list" => {
            let tool = json!({ "name": "t", "inputSchema": { "type": "object" } });
            result(
                request,
                stream,
                &json!({ "tools": [tool], "resultType": "complete", "ttlMs": 0, "cacheScope": "private" }),
            );
        }
        "tools/call" => result(
            request,
            stream,
            &json!({ "content": [], "resultType": "complete" }),
        ),
        "" => respond(stream, "405 Method Not Allowed", &[], ""),
        "notifications/initialized" => respond(stream, "202 Accepted", &[], ""),
        _ => respond(stream, "400 Bad Request", &[], ""),
    })
}

#[test]
fn credentials_and_headers_of_the_agent_stay_here() {
    for modern in [false, true] {
        let server = server(modern);
        let key = NewKey::make().unwrap();
        let policy = format!(
            "[server.s]\nurl = \"{}\"\n[agent.a]\nkey = \"{}\"\n[[rule]]\nid = \"all\"\neffect = \"permit\"\ntools = [\"*\"]\n",
            server.url(),
            key.hash()
        );
        let gate = Gate::serving(Home::new(), &policy);
        let ask = if modern {
            gate.list(key.reveal());
            modern_call(2, "t", &json!({}))
        } else {
            let session = gate.session(key.reveal());
            call(&session, 2, "t", &json!({}))
        };
        let session = ask.header("mcp-session-id").unwrap_or(MARK).to_owned();
        let reply = ask
            .key(key.reveal())
            .with("cookie", MARK)
            .with("x-forwarded-for", MARK)
            .with("x-api-key", MARK)
            .with("proxy-authorization", MARK)
            .with("connection", "x-hop")
            .with("x-hop", MARK)
            .with("te", "trailers")
            .with("traceparent", MARK)
            .with("mcp-param-unknown", MARK)
            .at(gate.port);
        assert!(reply.json()["result"]["content"].is_array(), "{reply:?}");
        let seen = server.seen();
        assert_eq!(seen.iter().filter(|r| r.rpc() == "tools/call").count(), 1);
        for request in seen {
            let told = format!(
                "{:?} {}",
                request.headers,
                String::from_utf8_lossy(&request.body)
            );
            assert!(!told.contains(MARK) && !told.contains(&session), "{told}");
            assert!(!told.contains(key.reveal()), "{told}");
            for name in [
                "authorization",
                "x-hop",
                "te",
                "cookie",
                "mcp-param-unknown",
            ] {
                assert_eq!(request.header(name), None, "{told}");
            }
        }
    }
}

#[test]
fn a_server_that_is_silent_to_one_holds_up_nobody_else() {
    let (gate, a, b) = Gate::agents("hesitant");
    let (first, port) = (a.clone(), gate.port);
    let list = |key: &str| modern(1, "tools/list", &json!({})).key(key);
    let ask = list(&first);
    let waits = std::thread::spawn(move || ask.at(port));
    until("the question", || {
        (gate.count("server/discover") == 1).then_some(())
    });
    assert_eq!(list(&b).at(gate.port).status, 200);
    // What the other has learnt is good for the first, too.
    assert_eq!(waits.join().unwrap().status, 200);
    let (mut asked, all) = (std::collections::BTreeSet::new(), gate.received());
    for (process, _) in all.iter().filter(|(_, m)| m["method"] == "server/discover") {
        assert!(asked.insert(*process), "once each: {all:?}");
    }
    assert_eq!(asked.len(), 2);
    gate.list(&a);
    gate.list(&b);
}

/// A server may say what belongs to no request, and to no stream that anybody has
/// opened: nobody is told, and the evidence says so.
#[test]
fn what_no_stream_carries_is_recorded() {
    let gate = Gate::open("modern");
    gate.list("");
    let reply = modern_call(2, "echo", &json!({ "text": "and then" })).at(gate.port);
    assert_eq!(crate::gate::said(&reply), "and then");
    let lost = until("a record", || {
        let mut records = gate.records().into_iter();
        records.find(|r| r["reason"] == "undelivered")
    });
    assert_eq!(lost["verdict"], "drop", "{lost}");
    assert_eq!(lost["method"], "notifications/tools/list_changed", "{lost}");
}

/// After a handshake of the older era a request of 2026-07-28 is the agent's own
/// choice; what the server then asks on its response stream is not passed on.
#[test]
fn whatever_a_server_asks_on_a_response_stream_is_recorded() {
    let server = Scripted::start(|request, stream| match request.rpc().as_str() {
        "initialize" => result(request, stream, &hello()),
        "tools/list" => {
            let id = &request.json()["id"];
            let asks = json!({ "jsonrpc": "2.0", "id": "s1", "method": "roots/list" });
            let answer = json!({ "jsonrpc": "2.0", "id": id, "result": {
                "tools": [], "resultType": "complete", "ttlMs": 0, "cacheScope": "private" } });
            let events = format!("data: {asks}\n\ndata: {answer}\n\n");
            respond(stream, "200 OK", &[crate::scripted::EVENTS], events);
        }
        "notifications/initialized" => respond(stream, "202 Accepted", &[], ""),
        _ => respond(stream, "405 Method Not Allowed", &[], ""),
    });
    let mut session = Session::open(&server.url());
    session.initialize();
    let answer = session.ask("tools/list", &crate::scripted::modern(json!({})));
    assert!(answer["result"]["tools"].is_array(), "{answer}");
    assert!(session.process.finish().success());
    let folder = session.home.root().join("state/lockgate/audit");
    let files = std::fs::read_dir(folder).unwrap();
    let all: String = files
        .map(|f| std::fs::read_to_string(f.unwrap().path()).unwrap())
        .collect();
    let records = all
        .lines()
        .filter_map(|l| serde_json::from_str::<serde_json::Value>(l).ok());
    let asked: Vec<_> = records.filter(|r| r["method"] == "roots/list").collect();
    assert_eq!(asked.len(), 1, "{all}");
    assert_eq!(
        (&asked[0]["verdict"], &asked[0]["reason"]),
        (&json!("drop"), &json!("wrong-era"))
    );
}

#[test]
fn whoever_asks_and_leaves_has_asked_for_the_others() {
    let (gate, a, b) = Gate::agents("modern");
    let mut wire = crate::raw::Wire::to(gate.port);
    wire.send(modern(1, "tools/list", &json!({})).key(&a).bytes());
    drop(wire);
    gate.list(&b);
    gate.list(&a);
    assert!(gate.count("server/discover") <= 2);
    gate.assert_well();
}
