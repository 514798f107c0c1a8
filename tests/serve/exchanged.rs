//! The token of an agent's request is exchanged for one of the server's: that
//! of this very request, and of no other.

use crate::gate::{Gate, call, hello, legacy, modern, modern_call, request, until};
use crate::issuer::Issuer;
use crate::raw::Ask;
use crate::scripted::{JSON, Scripted, hello as greeted, respond, result};
use crate::sign::Key;
use crate::support::home::Home;
use lockgate::identity::NewKey;
use serde_json::json;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

const OURS: &str = "https://gate.example";

/// An issuer, an authority that gives `for-NAME` for the token of that name, and
/// a listener in front of a server.
struct Setting {
    gate: Gate,
    server: Scripted,
    tokens: Vec<String>,
    /// An agent's that shows no token.
    key: NewKey,
    /// Whether the server goes on to list its tools.
    lists: Arc<AtomicBool>,
    _issuer: Issuer,
    authority: Scripted,
}

/// `names`: of tokens, each the user and a number.
fn setting(modern: bool, names: &'static [&'static str]) -> Setting {
    let (signs, lists) = (Key::p256(), Arc::new(AtomicBool::new(true)));
    let issuer = Issuer::with(&[("k", &signs)]);
    let token = |name: &&str| {
        let user = name.split('-').next();
        let claims = json!({
            "iss": issuer.url, "aud": OURS, "sub": user, "client_id": "c", "jti": name,
            "exp": 33_000_000_000_u64,
        });
        signs.token(&json!({ "alg": "ES256", "kid": "k" }), &claims)
    };
    let tokens: Vec<_> = names.iter().map(token).collect();
    let known = tokens.clone();
    let authority = Scripted::start(move |request, stream| {
        let form = String::from_utf8_lossy(&request.body).into_owned();
        let shown = known.iter().position(|token| form.contains(token.as_str()));
        let name = names[shown.expect("a token that was shown")];
        let answer = json!({
            "access_token": format!("for-{name}"), "token_type": "Bearer", "expires_in": 600,
            "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
        });
        respond(stream, "200 OK", &[JSON], answer.to_string());
    });
    let server = server(modern, Arc::clone(&lists));
    let home = Home::new();
    let secret = home.write("secret", "s3cr3t");
    std::fs::set_permissions(&secret, PermissionsExt::from_mode(0o600)).unwrap();
    let key = NewKey::make().unwrap();
    let policy = format!(
        "[serve]\nurl = \"{OURS}\"\n[agent.a]\njwt = {{ issuer = \"{}\" }}\n[agent.k]\nkey = \"{}\"\n\
         [server.s]\nurl = \"{}\"\n\
         oauth = {{ token_url = \"{}\", client_id = \"gate\", client_secret = {{ file = \"{}\" }}, exchange = true }}\n\
         [[rule]]\nid = \"all\"\neffect = \"permit\"\ntools = [\"*\"]\n",
        issuer.url,
        key.hash(),
        server.url(),
        authority.url(),
        secret.display(),
    );
    Setting {
        gate: Gate::serving(home, &policy),
        server,
        tokens,
        key,
        lists,
        _issuer: issuer,
        authority,
    }
}

/// A server of one era whose tools come on two pages.
fn server(modern: bool, lists: Arc<AtomicBool>) -> Scripted {
    Scripted::start(move |request, stream| {
        let answer = match request.rpc().as_str() {
            "initialize" if !modern => {
                let held = "Mcp-Session-Id: s1";
                let answer =
                    json!({ "jsonrpc": "2.0", "id": request.json()["id"], "result": greeted() });
                return respond(stream, "200 OK", &[JSON, held], answer.to_string());
            }
            "server/discover" if modern => {
                json!({ "supportedVersions": ["2026-07-28"], "capabilities": { "tools": {} } })
            }
            "tools/list" => {
                while !lists.load(Ordering::Relaxed) {
                    thread::sleep(Duration::from_millis(5));
                }
                let second = request.json()["params"]["cursor"].is_string();
                let name = if second { "t" } else { "other" };
                let tool = json!({ "name": name, "inputSchema": { "type": "object", "properties": { "id": { "type": "integer" } } } });
                let next = if second {
                    json!({})
                } else {
                    json!({ "nextCursor": "2" })
                };
                let mut page = json!({ "tools": [tool] });
                page.as_object_mut()
                    .unwrap()
                    .extend(next.as_object().unwrap().clone());
                page
            }
            "tools/call" => json!({ "content": [] }),
            "ping" => json!({}),
            "" => return respond(stream, "405 Method Not Allowed", &[], ""),
            method if method.starts_with("notifications/") => {
                return respond(stream, "202 Accepted", &[], "");
            }
            _ if request.json()["id"].is_null() => return respond(stream, "202 Accepted", &[], ""),
            _ => return respond(stream, "400 Bad Request", &[], ""),
        };
        let mut answer = answer;
        if modern {
            let more = json!({ "resultType": "complete", "ttlMs": 0, "cacheScope": "private" });
            answer
                .as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
        }
        result(request, stream, &answer);
    })
}

impl Setting {
    /// With which tokens a method was called, in order.
    fn shown(&self, method: &str) -> Vec<String> {
        let all = self.server.seen().into_iter().filter(|r| r.rpc() == method);
        let of = |r: crate::scripted::Request| r.header("authorization").unwrap_or("-").to_owned();
        all.map(of).collect()
    }

    /// A call by an agent of an era, in a session where it needs one.
    fn call(&self, session: Option<&str>, id: i64, token: usize) -> Ask {
        let ask = match session {
            Some(session) => call(session, id, "t", &json!({ "id": id })),
            None => modern_call(id, "t", &json!({ "id": id })),
        };
        ask.key(&self.tokens[token])
    }

    /// Nothing of what was shown goes anywhere else.
    fn assert_kept(&self) {
        let told = format!(
            "{:?} {} {}",
            self.server.seen(),
            self.gate.process.stderr(),
            self.gate.evidence()
        );
        assert!(
            self.tokens
                .iter()
                .all(|token| !told.contains(token.as_str()))
        );
    }
}

#[test]
fn each_principal_s_token_is_exchanged_for_one_of_the_server_s() {
    let setting = setting(true, &["alice-1", "bob-1"]);
    for (at, user) in [(0, "alice"), (1, "bob")] {
        let reply = setting.call(None, 2, at).at(setting.gate.port);
        assert!(reply.json()["result"]["content"].is_array(), "{reply:?}");
        let shown = setting.shown("tools/call");
        assert_eq!(shown.last(), Some(&format!("Bearer for-{user}-1")));
    }
    let seen = setting.server.seen().len();
    let reply = modern(2, "tools/list", &json!({})).key(setting.key.reveal());
    let reply = reply.at(setting.gate.port);
    let reason = &reply.json()["error"]["data"]["reason"];
    assert_eq!(reason, "http-token", "{reply:?}");
    let after = setting.server.seen().len();
    assert_eq!(after, seen, "a key has nothing to exchange");
    setting.assert_kept();
}

/// Two calls of one principal, of different tokens, wait for the same list; then
/// each goes with its own, in whatever eras. The list is asked for with that of
/// the call that needs it first.
#[test]
fn requests_in_flight_keep_the_tokens_that_they_came_with() {
    for (modern_server, modern_agent) in
        [(true, true), (false, false), (true, false), (false, true)]
    {
        let eras = format!("server modern: {modern_server}, agent modern: {modern_agent}");
        let setting = setting(modern_server, &["alice-1", "alice-2", "alice-3"]);
        let port = setting.gate.port;
        let session = (!modern_agent).then(|| {
            let reply = hello().key(&setting.tokens[0]).at(port);
            assert_eq!(reply.status, 200, "{reply:?}");
            let session = reply.header("mcp-session-id").unwrap().to_owned();
            let told = legacy(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
            let told = told.key(&setting.tokens[0]);
            told.with("mcp-session-id", &session).at(port);
            session
        });
        setting.lists.store(false, Ordering::Relaxed);
        let holds = |most: usize| {
            let records = setting.gate.records();
            let holds = records.iter().filter(|r| r["verdict"] == "hold");
            (holds.count() >= most).then_some(())
        };
        let asks = [1, 2].map(|token| {
            let id = i64::try_from(token).unwrap() + 10;
            let ask = setting.call(session.as_deref(), id, token);
            let asked = thread::spawn(move || ask.at(port));
            until("a call that waits", || holds(token));
            asked
        });
        setting.lists.store(true, Ordering::Relaxed);
        for asked in asks {
            let reply = asked.join().unwrap();
            assert!(
                reply.json()["result"]["content"].is_array(),
                "{eras}: {reply:?}"
            );
        }
        let mut calls = std::collections::BTreeMap::new();
        for seen in setting.server.seen() {
            if seen.rpc() == "tools/call" {
                let id = seen.json()["params"]["arguments"]["id"].as_i64().unwrap();
                calls.insert(id, seen.header("authorization").unwrap().to_owned());
            }
        }
        let expected = [(11, "for-alice-2"), (12, "for-alice-3")];
        let expected = expected.map(|(id, token)| (id, format!("Bearer {token}")));
        assert_eq!(calls, expected.into(), "{eras}");
        assert_eq!(
            setting.shown("tools/list"),
            ["Bearer for-alice-2"; 2],
            "{eras}"
        );
        if !modern_agent && !modern_server {
            assert_eq!(
                setting.shown("initialize"),
                ["Bearer for-alice-1"],
                "{eras}"
            );
        }
        setting.assert_kept();
    }
}

/// A session lasts longer than a token: each message goes with its own, and what
/// belongs to none with the latest. What was got for a token is got once.
#[test]
fn a_session_goes_on_with_the_tokens_that_come() {
    let setting = setting(false, &["alice-1", "alice-2"]);
    let port = setting.gate.port;
    let session = setting.gate.session(&setting.tokens[0]);
    for (id, token) in [(5, 1), (6, 0), (7, 1)] {
        let reply = setting.call(Some(&session), id, token).at(port);
        assert!(reply.json()["result"]["content"].is_array(), "{reply:?}");
    }
    let ping = legacy(&request(8, "ping", &json!({})));
    let ping = ping
        .key(&setting.tokens[0])
        .with("mcp-session-id", &session);
    assert_eq!(ping.at(port).status, 200);
    let shown = [2, 1, 2].map(|n| format!("Bearer for-alice-{n}"));
    assert_eq!(setting.shown("tools/call"), shown);
    let end = Ask::new("DELETE", "/mcp/s").key(&setting.tokens[1]);
    let reply = end.with("mcp-session-id", &session).at(port);
    assert_eq!(reply.status, 204, "{reply:?}");
    let seen = setting.server.seen_until(|r| r.method == "DELETE");
    let closed = seen.iter().find(|r| r.method == "DELETE").unwrap();
    // The last message was the `ping`.
    assert_eq!(closed.header("authorization"), Some("Bearer for-alice-1"));
    assert_eq!(setting.authority.seen().len(), 2);
    setting.assert_kept();
}
