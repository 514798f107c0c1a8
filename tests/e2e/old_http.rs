//! Servers of the HTTP+SSE transport of 2024-11-05, good and hostile.

use crate::scripted::{Request, Scripted, Session, begin_events, hello, respond};
use serde_json::{Value, json};
use std::io::Write;
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

/// In everything that must not reach the agent.
const MARK: &str = "must-not-arrive";

/// A server that names `endpoint`, and says on its stream what `script` answers
/// to each message; `None` ends the stream.
fn old(
    endpoint: &str,
    script: impl Fn(&Request) -> Option<Vec<Value>> + Send + Sync + 'static,
) -> Scripted {
    let (says, said) = channel::<Option<Value>>();
    let (says, said) = (Mutex::new(says), Mutex::new(said));
    let named = format!("event: endpoint\ndata: {endpoint}\n\n");
    Scripted::start(move |request, stream| {
        match (request.method.as_str(), request.target.as_str()) {
            ("GET", "/mcp") => speak(stream, &named, &said),
            ("POST", "/messages?session=1") => {
                let answers = script(request);
                let refused = answers.as_ref().is_some_and(Vec::is_empty);
                if refused && request.json().get("id").is_some() {
                    return respond(stream, "503 Service Unavailable", &[], MARK);
                }
                respond(stream, "202 Accepted", &[], "Accepted");
                let says: Sender<_> = says.lock().unwrap().clone();
                match answers {
                    Some(answers) => answers
                        .into_iter()
                        .for_each(|a| says.send(Some(a)).unwrap()),
                    None => says.send(None).unwrap(),
                }
            }
            _ => respond(stream, "404 Not Found", &[], MARK),
        }
    })
}

fn speak(stream: &mut TcpStream, named: &str, said: &Mutex<Receiver<Option<Value>>>) {
    begin_events(stream);
    let _ = stream.write_all(named.as_bytes());
    while let Ok(Some(message)) = said.lock().unwrap().recv() {
        let _ = stream.write_all(format!("event: message\ndata: {message}\n\n").as_bytes());
    }
}

fn answer(request: &Request, result: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": request.json()["id"], "result": result })
}

/// Answers the handshake; other requests as `rest` does.
fn with_hello(
    rest: impl Fn(&Request) -> Option<Vec<Value>> + Send + Sync + 'static,
) -> impl Fn(&Request) -> Option<Vec<Value>> + Send + Sync + 'static {
    move |request| match request.rpc().as_str() {
        "initialize" => Some(vec![answer(request, &hello())]),
        "notifications/initialized" => Some(Vec::new()),
        _ => rest(request),
    }
}

#[test]
fn messages_go_where_the_server_says_and_answers_come_on_its_stream() {
    let server = old(
        "/messages?session=1",
        with_hello(|request| {
            let note = json!({ "jsonrpc": "2.0", "id": 900, "result": { "x": MARK } });
            // An answer to nothing comes along, which nobody gets.
            Some(vec![note, answer(request, &json!({ "fine": true }))])
        }),
    );
    let mut session = Session::open(&server.url());
    let told = session.initialize();
    assert_eq!(
        told["result"]["serverInfo"]["name"],
        json!("scripted"),
        "{told}"
    );
    for _ in 0..3 {
        let told = session.ask("ping", &json!({}));
        assert_eq!(told["result"]["fine"], json!(true), "{told}");
    }
    assert!(session.process.finish().success());
    let seen = server.seen();
    let ways: Vec<_> = seen
        .iter()
        .map(|r| format!("{} {}", r.method, r.target))
        .collect();
    assert_eq!(ways[..2], ["POST /mcp", "GET /mcp"]);
    assert_eq!(ways[2..], ["POST /messages?session=1"; 5]);
    assert_eq!(
        seen[0].body, seen[2].body,
        "the bytes are sent as they came"
    );
}

#[test]
fn an_address_of_another_origin_is_not_followed() {
    let thief = Scripted::start(|_, stream| respond(stream, "202 Accepted", &[], ""));
    let there = thief.url();
    for endpoint in [
        there.as_str(),
        "//127.0.0.1:1/messages",
        "http://u:p@127.0.0.1/messages",
        "http://169.254.169.254/latest",
        "/messages#x",
    ] {
        let server = old(endpoint, with_hello(|_| None));
        let mut session = Session::open(&server.url());
        let told = session.ask("initialize", &json!({ "protocolVersion": "2024-11-05", "capabilities": {}, "clientInfo": { "name": "x", "version": "1" } }));
        assert_eq!(
            told["error"]["data"]["reason"],
            json!("http-endpoint"),
            "{told}"
        );
        assert!(!told.to_string().contains("messages#x"), "{told}");
        let posts = server.seen().iter().filter(|r| r.method == "POST").count();
        assert_eq!(posts, 1);
    }
    assert!(thief.seen().is_empty());
}

#[test]
fn what_waits_when_the_stream_ends_is_answered_and_never_repeated() {
    let server = old(
        "/messages?session=1",
        with_hello(|request| {
            (request.rpc() == "ping").then(|| {
                vec![json!({ "jsonrpc": "2.0", "method": "notifications/tools/list_changed" })]
            })
        }),
    );
    let mut session = Session::open(&server.url());
    session.initialize();
    let first = session.send("ping", &json!({}));
    server.seen_until(|r| r.rpc() == "ping");
    let second = session.send("resources/list", &json!({}));
    let mut left = vec![first, second];
    while !left.is_empty() {
        let told = session.next();
        if let Some(id) = told["id"].as_u64() {
            assert!(told["error"].is_object(), "{told}");
            left.retain(|l| *l != id);
        }
    }
    assert_eq!(session.process.finish().code(), Some(1));
    assert_eq!(server.count("ping"), 1);
    assert_eq!(server.count("resources/list"), 1);
    assert_eq!(server.count("initialize"), 2, "one of each transport");
}

#[test]
fn a_refused_message_is_told_and_the_stream_goes_on() {
    let server = old(
        "/messages?session=1",
        with_hello(|request| match request.rpc().as_str() {
            "ping" => Some(vec![answer(request, &json!({}))]),
            _ => Some(Vec::new()),
        }),
    );
    let mut session = Session::open(&server.url());
    session.initialize();
    let told = session.ask("resources/list", &json!({}));
    assert_eq!(told["error"]["data"]["status"], json!(503), "{told}");
    assert!(!told.to_string().contains(MARK), "{told}");
    let told = session.ask("ping", &json!({}));
    assert!(told.get("result").is_some(), "{told}");
    assert!(session.process.finish().success());
}

#[test]
fn what_is_no_such_server_is_told_as_before() {
    for events in [
        "",
        ": nothing\n\n",
        "data: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"x\":\"must-not-arrive\"}}\n\n",
        "event: other\ndata: /messages\n\n",
    ] {
        let server = Scripted::start(move |request, stream| {
            if request.method == "GET" && !events.is_empty() {
                begin_events(stream);
                let _ = stream.write_all(events.as_bytes());
                return;
            }
            respond(stream, "405 Method Not Allowed", &[], MARK);
        });
        let mut session = Session::open(&server.url());
        let hello = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "x", "version": "1" } });
        let told = session.ask("initialize", &hello);
        assert_eq!(told["error"]["data"]["status"], json!(405), "{told}");
        assert!(!told.to_string().contains(MARK), "{told}");
        assert_eq!(server.count("initialize"), 1);
    }
}
