//! Hostile and broken HTTP servers behind `lockgate run --url`: every request
//! gets one answer, is sent once, and nothing secret or strange comes along.

use crate::scripted::{
    EVENTS, JSON, Request, Scripted, Session, begin_events, hello, modern, respond, result,
};
use serde_json::{Value, json};
use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

/// In everything that must not reach the agent.
const MARK: &str = "must-not-arrive";

/// Asks a server once that answers by `script`; gives the error's message.
#[track_caller]
fn refused(script: impl Fn(&Request, &mut TcpStream) + Send + Sync + 'static) -> String {
    let server = Scripted::start(script);
    let mut session = Session::open(&server.url());
    let answer = session.ask("ping", &json!({}));
    let error = answer["error"]["message"].as_str();
    let error = error.unwrap_or_else(|| panic!("{answer}")).to_owned();
    assert_eq!(answer["error"]["data"]["by"], json!("lockgate"), "{answer}");
    // The session goes on, and the end is clean.
    assert!(session.ask("ping", &json!({})).get("error").is_some());
    assert!(session.process.finish().success());
    let told = format!("{answer}{}", session.process.stderr());
    assert!(!told.contains(MARK), "{told}");
    assert_eq!(server.count("ping"), 2, "each request is sent once");
    error
}

#[test]
fn error_pages_become_errors_that_say_what_to_do() {
    for (status, told) in [
        ("401 Unauthorized", "credentials"),
        ("403 Forbidden", "HTTP 403"),
        ("404 Not Found", "HTTP+SSE"),
        ("405 Method Not Allowed", "HTTP+SSE"),
        ("429 Too Many Requests", "wait"),
        ("500 Internal Server Error", "try again later"),
        ("503 Service Unavailable", "try again later"),
    ] {
        let error = refused(move |_, stream| {
            let page = format!("<html>{MARK}</html>");
            respond(stream, status, &["Content-Type: text/html"], page);
        });
        assert!(error.contains(told) && error.contains(status), "{error}");
    }
    // An error of another shape, or of another request, is an error page too.
    for body in [
        format!(r#"{{"error":"{MARK}"}}"#),
        format!(r#"{{"jsonrpc":"2.0","id":99,"error":{{"code":-32022,"message":"{MARK}"}}}}"#),
    ] {
        let error = refused(move |_, stream| respond(stream, "400 Bad Request", &[JSON], &body));
        assert!(error.contains("HTTP 400"), "{error}");
    }
}

#[test]
fn redirects_are_told_and_not_followed() {
    let error = refused(|_, stream| {
        let to = format!("Location: https://u:{MARK}@evil.example/next?token={MARK}");
        respond(stream, "307 Temporary Redirect", &[&to], "");
    });
    assert!(error.contains("`https://evil.example/next`"), "{error}");
}

#[test]
fn answers_that_are_none_become_errors() {
    let html = "Content-Type: text/html; charset=utf-8";
    for (status, headers, body, told) in [
        ("200 OK", vec![html], MARK, "`text/html`"),
        ("200 OK", vec![], MARK, "no content type"),
        (
            "200 OK",
            vec![JSON, "Content-Encoding: gzip"],
            MARK,
            "compress",
        ),
        ("200 OK", vec![JSON], "", "without an answer"),
        ("202 Accepted", vec![], "", "202 Accepted without an answer"),
        ("200 OK", vec![EVENTS], ": nothing\n\n", "cut off"),
        (
            "200 OK",
            vec![EVENTS],
            "event: other\ndata: {\"x\":\"must-not-arrive\"}\n\n",
            "cut off",
        ),
        (
            "200 OK",
            vec![JSON],
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"x\":\"must-not-\narrive\"}}",
            "no JSON-RPC message",
        ),
    ] {
        let error = refused(move |_, stream| respond(stream, status, &headers, body));
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn a_connection_that_breaks_is_told_and_nothing_is_repeated() {
    let error = refused(|_, _| {});
    assert!(error.contains("not repeated"), "{error}");
    let error = refused(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{\"jsonrpc\"");
    });
    assert!(error.contains("cut off"), "{error}");
    let error = refused(|_, stream| {
        begin_events(stream);
        let _ = stream.write_all(b"data: {\"jsonrpc\":\"2.0\",\"id\":1,\"res");
    });
    assert!(error.contains("cut off"), "{error}");
    // Nobody listens there any more.
    let port = std::net::TcpListener::bind(("127.0.0.1", 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let mut session = Session::open(&format!("http://127.0.0.1:{port}/mcp?key={MARK}"));
    let answer = session.ask("ping", &json!({})).to_string();
    assert!(
        answer.contains("cannot connect") && !answer.contains(MARK),
        "{answer}"
    );
}

#[test]
fn an_event_or_body_without_end_takes_no_memory_and_is_refused() {
    for head in ["Content-Type: application/json", EVENTS] {
        let error = refused(move |_, stream| {
            let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\n{head}\r\n\r\ndata: ");
            let _ = stream.write_all(head.as_bytes());
            let chunk = vec![b'x'; 1 << 20];
            for _ in 0..80 {
                if stream.write_all(&chunk).is_err() {
                    return;
                }
            }
        });
        assert!(error.contains("larger than"), "{error}");
    }
}

#[test]
fn messages_spread_over_lines_are_one_message() {
    let server = Scripted::start(|request, stream| {
        let answer =
            json!({ "jsonrpc": "2.0", "id": request.json()["id"], "result": { "x": ["a\nb"] } });
        let pretty = serde_json::to_string_pretty(&answer)
            .unwrap()
            .replace('\n', "\r\n");
        if request.json()["id"] == json!(1) {
            return respond(stream, "200 OK", &[JSON], pretty);
        }
        begin_events(stream);
        for line in pretty.lines() {
            let _ = stream.write_all(format!("data: {line}\r\n").as_bytes());
        }
        let _ = stream.write_all(b"\r\n");
    });
    let mut session = Session::open(&server.url());
    for _ in 0..2 {
        let answer = session.ask("ping", &json!({}));
        assert_eq!(answer["result"]["x"], json!(["a\nb"]), "{answer}");
    }
}

#[test]
fn a_line_break_smuggles_no_second_message() {
    let server = Scripted::start(|request, stream| {
        let id = &request.json()["id"];
        let second = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"x":"{MARK}"}}}}"#);
        respond(
            stream,
            "200 OK",
            &[JSON],
            format!("{{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\"}}\n{second}"),
        );
    });
    let mut session = Session::open(&server.url());
    let answer = session.ask("ping", &json!({}));
    assert!(
        answer.get("error").is_some() && !answer.to_string().contains(MARK),
        "{answer}"
    );
}

/// A legacy server with a session; `script` answers what the handshake does not.
fn with_session(script: impl Fn(&Request, &mut TcpStream) + Send + Sync + 'static) -> Scripted {
    Scripted::start(move |request, stream| match request.rpc().as_str() {
        "initialize" => {
            let answer = json!({ "jsonrpc": "2.0", "id": request.json()["id"], "result": hello() });
            let session = "Mcp-Session-Id: s3cr3t-session";
            respond(stream, "200 OK", &[JSON, session], answer.to_string());
        }
        "notifications/initialized" => respond(stream, "202 Accepted", &[], ""),
        _ if request.method == "DELETE" => respond(stream, "200 OK", &[], ""),
        _ => script(request, stream),
    })
}

#[test]
fn a_session_that_has_ended_ends_lockgate_with_a_clear_message() {
    let server = with_session(|request, stream| match request.rpc().as_str() {
        "ping" => std::thread::sleep(Duration::from_secs(30)),
        "tools/list" => respond(stream, "404 Not Found", &[JSON], MARK),
        _ => respond(stream, "405 Method Not Allowed", &[], ""),
    });
    let mut session = Session::open(&server.url());
    session.initialize();
    session.send("ping", &json!({}));
    server.seen_until(|r| r.rpc() == "ping");
    session.send("tools/list", &json!({}));
    let mut told: Vec<Value> = [session.next(), session.next()].into();
    told.sort_by_key(|answer| answer["id"].as_u64());
    for (answer, id) in told.iter().zip([2, 3]) {
        assert_eq!(answer["id"], json!(id), "{answer}");
        assert!(
            answer["error"]["message"]
                .as_str()
                .unwrap()
                .contains("session"),
            "{answer}"
        );
    }
    assert!(session.process.line().is_none());
    assert_eq!(session.process.finish().code(), Some(1));
    let said = format!("{told:?}{}", session.process.stderr());
    assert!(
        said.contains("ended the session") && !said.contains(MARK),
        "{said}"
    );
    assert!(!said.contains("s3cr3t-session"), "{said}");
    for request in server.seen().iter().filter(|r| r.rpc() != "initialize") {
        assert_eq!(
            request.header("mcp-session-id"),
            Some("s3cr3t-session"),
            "{request:?}"
        );
        assert_eq!(
            request.header("mcp-protocol-version"),
            Some("2025-06-18"),
            "{request:?}"
        );
    }
    assert!(
        server.seen().iter().all(|r| r.method != "DELETE"),
        "there is none to delete"
    );
}

#[test]
fn what_a_server_says_on_its_own_is_judged_and_its_stream_is_resumed() {
    let server = with_session(|request, stream| {
        if request.method != "GET" {
            return if request.json()["id"] == json!("r1") {
                respond(stream, "202 Accepted", &[], "");
            } else {
                result(request, stream, &json!({}));
            };
        }
        begin_events(stream);
        let events = if request.header("last-event-id").is_none() {
            format!(
                concat!(
                    "retry: 10\nid: e1\ndata: {{\"jsonrpc\":\"2.0\",\"id\":77,\"result\":{{\"x\":\"{mark}\"}}}}\n\n",
                    "data: {{\"jsonrpc\":\"2.0\",\"method\":\"notifications/{mark}\"}}\n\n",
                    "data: no json {mark}\n\n",
                    "id: e2\ndata: {{\"jsonrpc\":\"2.0\",\"id\":\"r1\",\"method\":\"roots/list\"}}\n\n",
                ),
                mark = MARK
            )
        } else {
            "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}\n\n"
                .to_owned()
        };
        let _ = stream.write_all(events.as_bytes());
        if request.header("last-event-id").is_some() {
            std::thread::sleep(Duration::from_secs(30));
        }
    });
    let mut session = Session::open(&server.url());
    session.initialize();
    let asked = session.next();
    assert_eq!(
        (&asked["id"], &asked["method"]),
        (&json!("r1"), &json!("roots/list")),
        "{asked}"
    );
    let answer = r#"{"jsonrpc":"2.0", "id":"r1","result":{"roots":[]}}"#;
    session.process.say(answer);
    let changed = session.next();
    assert_eq!(
        changed["method"],
        json!("notifications/tools/list_changed"),
        "{changed}"
    );
    let seen = server.seen_until(|r| r.json()["id"] == json!("r1"));
    let sent = seen.iter().find(|r| r.json()["id"] == json!("r1")).unwrap();
    assert_eq!(
        sent.body,
        answer.as_bytes(),
        "the bytes are sent as they came"
    );
    let streams: Vec<_> = seen.iter().filter(|r| r.method == "GET").collect();
    assert_eq!(streams[0].header("accept"), Some("text/event-stream"));
    let resumed = server.seen_until(|r| r.header("last-event-id").is_some());
    assert!(
        resumed
            .iter()
            .any(|r| r.header("last-event-id") == Some("e2"))
    );
    assert!(session.process.finish().success());
    assert!(
        server.seen().iter().any(|r| r.method == "DELETE"),
        "the session is closed"
    );
}

#[test]
fn an_answer_that_broke_off_is_asked_for_and_the_call_is_not_repeated() {
    let server = with_session(|request, stream| {
        if request.rpc() == "ping" {
            begin_events(stream);
            let _ = stream.write_all(b"retry: 10\nid: p1\ndata:\n\n");
        } else if request.header("last-event-id") == Some("p1") {
            begin_events(stream);
            let _ = stream.write_all(
                b"id: p2\ndata: {\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"late\":true}}\n\n",
            );
        } else {
            respond(stream, "405 Method Not Allowed", &[], "");
        }
    });
    let mut session = Session::open(&server.url());
    session.initialize();
    let answer = session.ask("ping", &json!({}));
    assert_eq!(answer["result"]["late"], json!(true), "{answer}");
    assert_eq!(server.count("ping"), 1);
}

#[test]
fn modern_errors_pass_as_they_are() {
    for (status, code) in [
        ("400 Bad Request", -32020),
        ("400 Bad Request", -32021),
        ("400 Bad Request", -32022),
        ("404 Not Found", -32601),
    ] {
        let server = Scripted::start(move |request, stream| {
            let id = if code == -32021 {
                Value::Null
            } else {
                request.json()["id"].clone()
            };
            let error = json!({ "code": code, "message": "as it is", "data": { "supported": ["2026-07-28"] } });
            let answer = json!({ "jsonrpc": "2.0", "id": id, "error": error });
            respond(stream, status, &[JSON], answer.to_string());
        });
        let mut session = Session::open(&server.url());
        let answer = session.ask("server/discover", &modern(json!({})));
        let error =
            json!({ "code": code, "message": "as it is", "data": { "supported": ["2026-07-28"] } });
        assert_eq!(answer["error"], error, "{answer}");
        let seen = server.seen();
        assert_eq!(seen.len(), 1);
        assert_eq!(seen[0].header("mcp-method"), Some("server/discover"));
        assert_eq!(seen[0].header("mcp-protocol-version"), Some("2026-07-28"));
        assert_eq!(
            seen[0].header("accept"),
            Some("application/json, text/event-stream")
        );
        assert_eq!(seen[0].header("accept-encoding"), Some("identity"));
        assert_eq!(seen[0].header("mcp-session-id"), None);
    }
}

#[test]
fn a_cancelled_modern_request_ends_at_the_server() {
    let (closed, told) = std::sync::mpsc::channel();
    let closed = std::sync::Mutex::new(closed);
    let server = Scripted::start(move |request, stream| {
        if request.rpc() == "ping" {
            return result(request, stream, &json!({ "resultType": "complete" }));
        }
        begin_events(stream);
        // Nobody can answer that: it is not passed on.
        let _ = stream.write_all(format!("data: {{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"roots/list\",\"params\":{{\"x\":\"{MARK}\"}}}}\n\n").as_bytes());
        while stream.write_all(b":\n").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
        closed.lock().unwrap().send(()).unwrap();
    });
    let mut session = Session::open(&server.url());
    let id = session.send(
        "subscriptions/listen",
        &modern(json!({ "notifications": {} })),
    );
    server.seen_until(|r| r.rpc() == "subscriptions/listen");
    let cancel = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": id } });
    session.process.say(&cancel.to_string());
    told.recv_timeout(Duration::from_secs(20))
        .expect("the stream is closed");
    let answer = session.ask("ping", &modern(json!({})));
    assert!(answer.get("result").is_some(), "{answer}");
    assert_eq!(server.count("notifications/cancelled"), 0);
    assert!(session.process.finish().success());
    assert!(session.process.rest().is_empty());
    let records = records(session.home.root());
    assert!(
        records.contains("wrong-era") && records.contains("roots/list"),
        "{records}"
    );
    assert_eq!(server.seen().len(), 2, "there is no way to tell the server");
}

/// All audit files below a directory.
fn records(dir: &std::path::Path) -> String {
    let entries = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path());
    let read = |path: std::path::PathBuf| {
        if path.is_dir() {
            return records(&path);
        }
        let audit = path.extension().is_some_and(|e| e == "jsonl");
        let text = audit.then(|| std::fs::read_to_string(&path).unwrap());
        text.unwrap_or_default()
    };
    entries.map(read).collect()
}

#[test]
fn many_requests_at_once_are_each_answered_once() {
    let server = Scripted::start(|request, stream| {
        let id = request.json()["id"].as_u64().unwrap();
        std::thread::sleep(Duration::from_millis(id % 7));
        result(request, stream, &json!({ "n": id }));
    });
    let mut session = Session::open(&server.url());
    let asked: Vec<u64> = (0..300).map(|_| session.send("ping", &json!({}))).collect();
    let mut answered: Vec<u64> = asked
        .iter()
        .map(|_| {
            let answer = session.next();
            assert_eq!(answer["result"]["n"], answer["id"], "{answer}");
            answer["id"].as_u64().unwrap()
        })
        .collect();
    answered.sort_unstable();
    assert_eq!(answered, asked);
    assert_eq!(server.count("ping"), 300);
}

#[test]
fn a_notification_is_not_overtaken() {
    let server = with_session(|request, stream| {
        if request.rpc() == "notifications/roots/list_changed" {
            std::thread::sleep(Duration::from_millis(300));
            let early = format!("{MARK}-or-late");
            return respond(stream, "202 Accepted", &[], early);
        }
        result(
            request,
            stream,
            &json!({ "at": format!("{:?}", std::time::Instant::now()) }),
        );
    });
    let mut session = Session::open(&server.url());
    session.initialize();
    let began = std::time::Instant::now();
    session
        .process
        .say(r#"{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}"#);
    session.ask("ping", &json!({}));
    assert!(
        began.elapsed() >= Duration::from_millis(300),
        "the request overtook"
    );
}
