//! A server that wants other headers than lockgate knows of: the tools are
//! listed anew, and the call that it refused is made once more.

use crate::scripted::{JSON, Request, Scripted, Session, modern, respond, result};
use serde_json::{Value, json};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};

fn tool(header: &str) -> Value {
    let region = json!({ "type": "string", "x-mcp-header": header });
    json!({ "name": "where", "inputSchema": { "type": "object", "properties": { "region": region } } })
}

fn mismatch(request: &Request, stream: &mut TcpStream) {
    let error = json!({ "code": -32020, "message": "HeaderMismatch" });
    let answer = json!({ "jsonrpc": "2.0", "id": request.json()["id"], "error": error });
    respond(stream, "400 Bad Request", &[JSON], answer.to_string());
}

/// A server whose annotation is another one from the second list on; wants the
/// header `wanted`.
fn server(wanted: &'static str, later: &'static str) -> Scripted {
    let lists = AtomicUsize::new(0);
    Scripted::start(move |request, stream| match request.rpc().as_str() {
        "tools/list" => {
            let first = lists.fetch_add(1, Ordering::Relaxed) == 0;
            // Two pages.
            if request.json()["params"]["cursor"].is_null() && !first {
                let page = json!({ "resultType": "complete", "tools": [], "nextCursor": "2" });
                return result(request, stream, &page);
            }
            let header = if first { "First" } else { later };
            let page = json!({ "resultType": "complete", "tools": [tool(header)] });
            result(request, stream, &page);
        }
        "tools/call" if request.header(wanted).is_some() => {
            result(
                request,
                stream,
                &json!({ "content": [], "resultType": "complete" }),
            );
        }
        _ => mismatch(request, stream),
    })
}

fn call(server: &Scripted) -> Value {
    let mut session = Session::open(&server.url());
    session.ask("tools/list", &modern(json!({})));
    let call = modern(json!({ "name": "where", "arguments": { "region": "z\u{fc}rich" } }));
    let told = session.ask("tools/call", &call);
    assert!(session.process.finish().success());
    assert!(session.process.rest().is_empty());
    told
}

#[test]
fn a_call_with_stale_headers_is_made_once_more() {
    let server = server("mcp-param-second", "Second");
    let told = call(&server);
    assert!(told.get("result").is_some(), "{told}");
    let seen = server.seen();
    let calls: Vec<_> = seen.iter().filter(|r| r.rpc() == "tools/call").collect();
    assert_eq!(calls.len(), 2);
    assert_eq!(
        calls[0].body, calls[1].body,
        "the bytes are those that were judged"
    );
    assert_eq!(
        calls[0].header("mcp-param-first"),
        Some("=?base64?esO8cmljaA==?=")
    );
    assert_eq!(
        calls[1].header("mcp-param-second"),
        Some("=?base64?esO8cmljaA==?=")
    );
    assert_eq!(calls[1].header("mcp-param-first"), None);
    // lockgate's own list is a message of that revision, too.
    let own = seen.iter().filter(|r| r.rpc() == "tools/list").skip(1);
    for own in own {
        assert_eq!(own.header("mcp-method"), Some("tools/list"));
        let meta = &own.json()["params"]["_meta"];
        assert_eq!(
            meta["io.modelcontextprotocol/protocolVersion"],
            json!("2026-07-28")
        );
    }
}

#[test]
fn a_call_is_never_made_a_third_time() {
    let server = server("mcp-param-never", "Second");
    let told = call(&server);
    assert_eq!(told["error"]["code"], json!(-32020), "{told}");
    assert_eq!(server.count("tools/call"), 2);
    assert_eq!(server.count("tools/list"), 3);
}

#[test]
fn a_call_that_would_be_the_same_is_not_made_again() {
    let server = server("mcp-param-never", "First");
    let told = call(&server);
    assert_eq!(told["error"]["code"], json!(-32020), "{told}");
    assert_eq!(server.count("tools/call"), 1);
}

#[test]
fn a_tool_with_invalid_annotations_is_not_shown() {
    let server = server("mcp-param-first", "a b");
    let mut session = Session::open(&server.url());
    session.ask("tools/list", &modern(json!({})));
    let list = session.ask("tools/list", &modern(json!({ "cursor": "2" })));
    assert_eq!(list["result"]["tools"], json!([]), "{list}");
    let call = modern(json!({ "name": "where", "arguments": { "region": "x" } }));
    let told = session.ask("tools/call", &call);
    assert_eq!(
        told["error"]["data"]["reason"],
        json!("invalid-mirror"),
        "{told}"
    );
    assert_eq!(server.count("tools/call"), 0);
}
