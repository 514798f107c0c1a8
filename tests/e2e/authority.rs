//! An authorization server, a server whose tokens come from there, and a browser.

use crate::scripted::{JSON, Request, Scripted, respond, result};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Mutex;

/// In everything that nobody but the one it is for may see.
pub(crate) const SECRET: &str = "s3cr3t";

/// An authorization server. What it says can be spoiled.
#[derive(Default)]
pub(crate) struct Spoiled {
    pub(crate) metadata: Vec<(&'static str, Value)>,
    /// In place of the issuer, in the answer to the login.
    pub(crate) iss: Option<&'static str>,
    /// How long tokens last.
    pub(crate) lasts: u64,
}

/// The tokens that it has given; a refresh token is good for one use.
#[derive(Default)]
struct Given {
    serial: usize,
    good: Option<String>,
    challenge: String,
}

pub(crate) fn query(text: &str) -> BTreeMap<String, String> {
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    let plain = |text: &str| {
        let mut text = text.replace('+', " ");
        for (code, sign) in [("%3A", ":"), ("%2F", "/"), ("%3F", "?"), ("%3D", "=")] {
            text = text.replace(code, sign);
        }
        text
    };
    pairs.map(|(k, v)| (k.to_owned(), plain(v))).collect()
}

pub(crate) fn form(request: &Request) -> BTreeMap<String, String> {
    query(std::str::from_utf8(&request.body).expect("is text"))
}

pub(crate) fn authority(spoiled: Spoiled) -> Scripted {
    let given = Mutex::new(Given::default());
    Scripted::start(move |request, stream| {
        let host = request.header("host").unwrap_or_default();
        let issuer = format!("http://{host}");
        let (path, asked) = request
            .target
            .split_once('?')
            .unwrap_or((&request.target, ""));
        let mut given = given.lock().expect("no panic");
        let answer = match path {
            "/.well-known/oauth-authorization-server" => {
                let mut metadata = json!({
                    "issuer": issuer,
                    "authorization_endpoint": format!("{issuer}/authorize"),
                    "token_endpoint": format!("{issuer}/token"),
                    "registration_endpoint": format!("{issuer}/register"),
                    "revocation_endpoint": format!("{issuer}/revoke"),
                    "code_challenge_methods_supported": ["S256"],
                    "authorization_response_iss_parameter_supported": true,
                });
                for (key, value) in &spoiled.metadata {
                    metadata[*key] = value.clone();
                }
                metadata
            }
            "/register" => json!({ "client_id": "lock", "client_secret": format!("{SECRET}-c") }),
            "/authorize" => {
                let asked = query(asked);
                given.challenge.clone_from(&asked["code_challenge"]);
                let iss = spoiled.iss.unwrap_or(&issuer);
                let back = format!(
                    "Location: {}?code={SECRET}-code&state={}&iss={iss}",
                    asked["redirect_uri"], asked["state"]
                );
                return respond(stream, "302 Found", &[&back], "");
            }
            "/token" => {
                let form = form(request);
                let fits = match form["grant_type"].as_str() {
                    "authorization_code" => form["code"] == format!("{SECRET}-code"),
                    _ => given.good.as_ref() == form.get("refresh_token"),
                };
                if !fits {
                    let error = r#"{"error":"invalid_grant"}"#;
                    return respond(stream, "400 Bad Request", &[JSON], error);
                }
                given.serial += 1;
                let serial = given.serial;
                given.good = Some(format!("{SECRET}-r{serial}"));
                json!({
                    "access_token": format!("{SECRET}-a{serial}"), "token_type": "Bearer",
                    "refresh_token": given.good, "expires_in": spoiled.lasts,
                })
            }
            "/revoke" => {
                given.good = None;
                json!({})
            }
            _ => return respond(stream, "404 Not Found", &[], ""),
        };
        respond(stream, "200 OK", &[JSON], answer.to_string());
    })
}

/// A server whose tokens come from there. `judge` refuses requests.
pub(crate) fn server(
    authority: &Scripted,
    judge: impl Fn(&Request) -> Option<(&'static str, String)> + Send + Sync + 'static,
) -> Scripted {
    let issuer = at(authority, "");
    Scripted::start(move |request, stream| {
        let origin = format!("http://{}", request.header("host").unwrap_or_default());
        if request.target == "/.well-known/oauth-protected-resource/mcp" {
            let metadata = json!({
                "resource": format!("{origin}/mcp"), "authorization_servers": [issuer],
            });
            return respond(stream, "200 OK", &[JSON], metadata.to_string());
        }
        if request.header("authorization").is_none() {
            let wants = "WWW-Authenticate: Bearer scope=\"read\"";
            return respond(stream, "401 Unauthorized", &[wants], "");
        }
        if let Some((status, header)) = judge(request) {
            return respond(stream, status, &[&header], "");
        }
        let path = json!({ "type": "object", "properties": { "path": { "type": "string" } } });
        let tools = json!([{ "name": "look", "inputSchema": path }]);
        result(
            request,
            stream,
            &json!({ "tools": tools, "protocolVersion": "2025-11-25",
            "capabilities": { "tools": {} }, "serverInfo": { "name": "s", "version": "1" } }),
        );
    })
}

pub(crate) fn at(server: &Scripted, path: &str) -> String {
    server.url().replace("/mcp", path)
}

/// Gets a page, and what it points to.
pub(crate) fn browse(url: &str) -> String {
    let rest = url.strip_prefix("http://").expect("is plain");
    let (host, path) = rest.split_once('/').expect("has a path");
    let mut stream = TcpStream::connect(host).expect("listens");
    let head = format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answers");
    let location = answer.lines().find_map(|l| l.strip_prefix("Location: "));
    location.map_or(answer.clone(), |next| browse(next.trim()))
}

pub(crate) fn asked(authority: &Scripted, grant: &str) -> usize {
    let seen = authority.seen();
    let tokens = seen.iter().filter(|r| r.target == "/token");
    tokens.filter(|r| form(r)["grant_type"] == grant).count()
}
