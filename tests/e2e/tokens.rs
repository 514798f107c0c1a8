//! How lockgate proves itself to a remote server: secrets in files, and tokens
//! of an authorization server.

use crate::scripted::{JSON, Request, Scripted, Session, respond, result};
use crate::support::home::Home;
use crate::support::lockgate::{Run, permit_all};
use serde_json::json;
use std::collections::BTreeMap;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// In everything that nobody but the one it is for may see.
const SECRET: &str = "s3cr3t";

/// A session with the policy's own server, which has these keys.
fn session(home: Home, keys: &str) -> Session {
    let policy =
        permit_all("remote").replace("[server.remote]\n", &format!("[server.remote]\n{keys}\n"));
    let mut argv = Run::policy(&home, &policy).remote("");
    argv.truncate(argv.len() - 2);
    let set = ["env".to_owned(), format!("CLIENT_SECRET={SECRET} &+")];
    let argv = [set.to_vec(), argv].concat();
    Session::of(home, &argv)
}

/// An authorization server that gives `token-1`, `token-2`, ...
fn authority(lasts: u64) -> Scripted {
    let given = AtomicUsize::new(0);
    Scripted::start(move |request, stream| match request.target.as_str() {
        "/token" => {
            // Whoever asks meanwhile has to wait for the same one.
            std::thread::sleep(Duration::from_millis(200));
            let serial = given.fetch_add(1, Ordering::Relaxed) + 1;
            let answer = json!({
                "access_token": format!("token-{serial}"), "token_type": "Bearer", "expires_in": lasts,
            });
            respond(stream, "200 OK", &[JSON], answer.to_string());
        }
        "/.well-known/openid-configuration" => {
            let host = request.header("host").unwrap_or_default();
            let answer = json!({
                "issuer": format!("http://{host}"), "token_endpoint": format!("http://{host}/token"),
            });
            respond(stream, "200 OK", &[JSON], answer.to_string());
        }
        "/refuses" => respond(
            stream,
            "401 Unauthorized",
            &[JSON],
            format!(r#"{{"error":"invalid_client","error_description":"{SECRET}"}}"#),
        ),
        _ => respond(stream, "404 Not Found", &[], ""),
    })
}

fn at(server: &Scripted, path: &str) -> String {
    server.url().replace("/mcp", path)
}

fn form(request: &Request) -> BTreeMap<String, String> {
    let text = String::from_utf8(request.body.clone()).expect("is text");
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
}

fn oauth(server: &Scripted, place: &str) -> String {
    format!(
        "url = \"{}\"\noauth = {{ {place}, client_id = \"lock:gate\", client_secret = {{ from = \"CLIENT_SECRET\" }}, scope = \"a b\" }}",
        server.url()
    )
}

fn tokens(server: &Scripted) -> Vec<String> {
    let of = |r: &Request| r.header("authorization").unwrap_or_default().to_owned();
    server.seen().iter().map(of).collect()
}

#[test]
fn a_token_is_got_once_and_shown_with_every_request() {
    for place in ["token_url = \"{}/token\"", "issuer = \"{}\""] {
        let authority = authority(3600);
        let server = Scripted::start(|request, stream| result(request, stream, &json!({})));
        let place = place.replace("{}", &at(&authority, ""));
        let mut session = session(Home::new(), &oauth(&server, &place));
        for _ in 0..5 {
            session.send("ping", &json!({}));
        }
        for _ in 0..5 {
            let answer = session.next();
            assert!(answer.get("result").is_some(), "{answer}");
        }
        assert!(session.process.finish().success());
        assert_eq!(tokens(&server), ["Bearer token-1"; 5]);
        let seen = authority.seen();
        let asked: Vec<_> = seen.iter().filter(|r| r.method == "POST").collect();
        assert_eq!(asked.len(), 1, "{seen:#?}");
        // `lock%3Agate:s3cr3t+%26%2B`
        let basic = "Basic bG9jayUzQWdhdGU6czNjcjN0KyUyNiUyQg==";
        assert_eq!(asked[0].header("authorization"), Some(basic));
        let form = form(asked[0]);
        let resource = server.url().replace(':', "%3A").replace('/', "%2F");
        for (key, value) in [
            ("grant_type", "client_credentials"),
            ("scope", "a+b"),
            ("resource", &resource),
        ] {
            assert_eq!(form.get(key).map(String::as_str), Some(value), "{form:?}");
        }
    }
}

#[test]
fn a_token_near_its_end_is_not_used() {
    let authority = authority(0);
    let server = Scripted::start(|request, stream| result(request, stream, &json!({})));
    let place = format!("token_url = \"{}\"", at(&authority, "/token"));
    let mut session = session(Home::new(), &oauth(&server, &place));
    session.ask("ping", &json!({}));
    session.ask("ping", &json!({}));
    assert_eq!(tokens(&server), ["Bearer token-1", "Bearer token-2"]);
}

/// A server that refuses some tokens with 401.
fn refusing(refused: &'static [&'static str]) -> Scripted {
    Scripted::start(move |request: &Request, stream: &mut TcpStream| {
        let token = request.header("authorization").unwrap_or_default();
        if refused.iter().any(|r| token.ends_with(r)) {
            return respond(
                stream,
                "401 Unauthorized",
                &["WWW-Authenticate: Bearer"],
                "",
            );
        }
        result(request, stream, &json!({}));
    })
}

#[test]
fn a_refused_token_is_replaced_once() {
    let authority = authority(3600);
    let accepts_first = Arc::new(AtomicUsize::new(0));
    let calls = Arc::clone(&accepts_first);
    let server = Scripted::start(move |request: &Request, stream: &mut TcpStream| {
        let first = request.header("authorization") == Some("Bearer token-1");
        // It is revoked after its first use.
        if first && calls.fetch_add(1, Ordering::Relaxed) > 0 {
            return respond(stream, "401 Unauthorized", &[], "");
        }
        result(request, stream, &json!({}));
    });
    let place = format!("token_url = \"{}\"", at(&authority, "/token"));
    let mut session = session(Home::new(), &oauth(&server, &place));
    for _ in 0..3 {
        let answer = session.ask("ping", &json!({}));
        assert!(answer.get("result").is_some(), "{answer}");
    }
    let shown = ["token-1", "token-1", "token-2", "token-2"].map(|t| format!("Bearer {t}"));
    assert_eq!(tokens(&server), shown);
    assert_eq!(authority.seen().len(), 2);
}

#[test]
fn a_token_that_was_just_got_is_not_replaced() {
    let authority = authority(3600);
    let server = refusing(&["token-1", "token-2"]);
    let place = format!("token_url = \"{}\"", at(&authority, "/token"));
    let mut session = session(Home::new(), &oauth(&server, &place));
    let answer = session.ask("ping", &json!({}));
    assert_eq!(answer["error"]["data"]["status"], json!(401), "{answer}");
    assert_eq!(tokens(&server), ["Bearer token-1"]);
    // By now it is an old one.
    session.ask("ping", &json!({}));
    assert_eq!(tokens(&server).len(), 3);
    assert_eq!(authority.seen().len(), 2);
}

#[test]
fn without_a_token_nothing_is_sent() {
    let authority = authority(0);
    let server = Scripted::start(|request, stream| result(request, stream, &json!({})));
    for (place, told) in [
        (
            format!("token_url = \"{}\"", at(&authority, "/refuses")),
            "`invalid_client`",
        ),
        (
            format!("issuer = \"{}\"", at(&authority, "/tenant")),
            "no metadata",
        ),
        (
            "token_url = \"http://127.0.0.1:1/token\"".to_owned(),
            "cannot connect",
        ),
    ] {
        let mut session = session(Home::new(), &oauth(&server, &place));
        let answer = session.ask("ping", &json!({}));
        assert_eq!(
            answer["error"]["data"]["reason"],
            json!("http-token"),
            "{answer}"
        );
        assert!(session.process.finish().success());
        let said = format!("{answer}{}", session.process.stderr());
        assert!(said.contains(told) && !said.contains(SECRET), "{said}");
    }
    assert!(server.seen().is_empty());
}

/// Nobody on stdio has a token that could be exchanged.
#[test]
fn an_exchange_without_a_token_of_the_agent_is_refused() {
    let server = Scripted::start(|request, stream| result(request, stream, &json!({})));
    let keys = oauth(
        &server,
        "exchange = true, token_url = \"https://idp.example/token\"",
    );
    let mut session = session(Home::new(), &keys);
    assert_eq!(session.process.finish().code(), Some(2));
    let said = session.process.stderr();
    assert!(said.contains("exchange = true"), "{said}");
    assert!(server.seen().is_empty());
}

#[test]
fn a_secret_in_a_file_is_read_again_and_kept_to_itself() {
    let server = Scripted::start(|request, stream| result(request, stream, &json!({})));
    let home = Home::new();
    let path = home.write("policy/token", format!("Bearer {SECRET}-1\n"));
    let mode = |mode| {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(&path, mode).expect("is ours");
    };
    mode(0o600);
    let keys = format!(
        "url = \"{}\"\nheaders = {{ Authorization = {{ file = \"token\" }} }}",
        server.url()
    );
    let mut session = session(home, &keys);
    session.ask("ping", &json!({}));
    std::fs::write(&path, format!("Bearer {SECRET}-2\n")).expect("is ours");
    session.ask("ping", &json!({}));
    mode(0o644);
    let answer = session.ask("ping", &json!({}));
    assert_eq!(
        answer["error"]["data"]["reason"],
        json!("http-credentials"),
        "{answer}"
    );
    assert!(session.process.finish().success());
    let said = session.process.stderr();
    assert!(
        said.contains("chmod o=") && !said.contains(SECRET),
        "{said}"
    );
    let shown = ["1", "2"].map(|n| format!("Bearer {SECRET}-{n}"));
    assert_eq!(tokens(&server), shown);
}
