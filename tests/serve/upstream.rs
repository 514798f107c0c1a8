//! What of an agent's request reaches a server over HTTP.

use crate::gate::{Gate, call, modern_call};
use crate::scripted::{Scripted, hello, respond, result};
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
