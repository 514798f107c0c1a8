//! Real servers over Streamable HTTP behind `lockgate run --url`, with every
//! client: it sees what it sees directly.

use crate::client::Client;
use crate::scripted::{Request, Scripted, hello, respond, result};
use crate::server::Server;
use crate::support::home::Home;
use crate::support::lockgate::{Run, permit_all};
use crate::support::need::script;
use crate::support::peers::peers;
use crate::support::process::Process;
use crate::wire;
use regex::Regex;
use serde_json::json;
use similar::TextDiff;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A server that listens on a port of its own.
pub(crate) struct Listening {
    pub(crate) process: Process,
    pub(crate) port: u16,
}

impl Listening {
    pub(crate) fn start(home: &Home, argv: &[String]) -> Self {
        let process = Process::start(home, argv);
        let told = Regex::new(r"listening on (?:http://127\.0\.0\.1:)?(\d+)\n").expect("is one");
        let end = Instant::now() + Duration::from_mins(1);
        loop {
            let said = process.stderr();
            if let Some(found) = told.captures(&said) {
                let port = found[1].parse().expect("a port");
                return Self { process, port };
            }
            if Instant::now() > end {
                process.fail("does not listen");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/mcp", self.port)
    }

    /// What it has said so far, once `enough` is true of it.
    pub(crate) fn said(&self, enough: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            let said = self.process.stderr();
            if enough(&said) || Instant::now() > end {
                return said;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Lets a server listen.
pub(crate) fn listening(server: Server, home: &Home, json: bool) -> Listening {
    if let Server::Everything = server {
        return everything(home, "transports/streamableHttp.js");
    }
    let mut argv = server.command(home);
    argv.pop();
    argv.push("http".to_owned());
    argv.extend(json.then(|| "json".to_owned()));
    Listening::start(home, &argv)
}

/// Lets `server-everything` listen on one of its transports.
fn everything(home: &Home, transport: &str) -> Listening {
    let main = peers().js_server("server-everything").pop();
    let main = main.expect("a program").replace("index.js", transport);
    Listening::start(home, &["node".to_owned(), script("listen.mjs"), main])
}

/// What the run through lockgate is compared with.
#[derive(Clone, Copy)]
enum Beside {
    /// The same client, connected to the same server over HTTP.
    Direct,
    /// The same client on stdio. For the modern era, since the drivers send
    /// requests that the SDKs do not know to mirror: lockgate does better than
    /// they.
    Stdio,
}

/// How the client speaks to lockgate.
#[derive(Clone, Copy)]
enum Front {
    /// `lockgate run`
    Stdio,
    /// `lockgate serve`
    Http,
}

/// Plays the server's scenario twice, the second time over HTTP and through
/// lockgate; gives what the server said then.
fn same_through_lockgate(
    front: Front,
    server: Server,
    client: Client,
    beside: Beside,
    json: bool,
) -> String {
    let direct = Home::new();
    let scenario = server.prepare(&direct);
    let before = match beside {
        Beside::Stdio => client.play(&direct, &scenario, &server.command(&direct)),
        Beside::Direct => {
            let remote = listening(server, &direct, json);
            client.play(&direct, &scenario, &[remote.url()])
        }
    };

    let gated = Home::new();
    let scenario = server.prepare(&gated);
    let remote = listening(server, &gated, json);
    let run = Run::policy(&gated, &permit_all(server.name()));
    let after = match front {
        Front::Stdio => client.play(&gated, &scenario, &run.remote(&remote.url())),
        Front::Http => {
            let behind = ["--url".to_owned(), remote.url()];
            let gate = Listening::start(&gated, &run.serve(&behind));
            client.play(&gated, &scenario, &[gate.url()])
        }
    };
    assert_same(&before, &after, &format!("{server:?} with {client:?}"));
    remote.said(|_| true)
}

fn assert_same(before: &str, after: &str, who: &str) {
    let (before, after) = (comparable(before), comparable(after));
    if before != after {
        let diff = TextDiff::from_lines(&before, &after);
        let diff = diff
            .unified_diff()
            .header("direct", "through lockgate")
            .to_string();
        panic!("{who}: the client saw something else\n{diff}");
    }
}

/// A server of the transport of 2024-11-05 is found out, and spoken to as it
/// wants to be.
#[test]
fn a_server_of_http_and_sse_is_like_any_other() {
    for client in [Client::TypeScript1, Client::Python] {
        let direct = Home::new();
        let server = Server::Everything;
        let scenario = server.prepare(&direct);
        let before = client.play(&direct, &scenario, &server.command(&direct));
        let gated = Home::new();
        let scenario = server.prepare(&gated);
        let remote = everything(&gated, "transports/sse.js");
        let url = remote.url().replace("/mcp", "/sse");
        let run = Run::policy(&gated, &permit_all(server.name()));
        let after = client.play(&gated, &scenario, &run.remote(&url));
        assert_same(&before, &after, &format!("{client:?}"));
    }
}

/// Takes out the session's id, of which `server-everything` tells, and what it
/// tells before a client can listen: on stdio it is heard, over HTTP it is not.
pub(crate) fn comparable(transcript: &str) -> String {
    let session = r"(from )?session ([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|undefined)";
    let early = r#"(?s)\n    "notifications/tools/list_changed": \[.*?\],"#;
    let session = Regex::new(session).expect("is one");
    let early = Regex::new(early).expect("is one");
    // A header that the SDK forgot is missed by lockgate, in words of its own.
    let missed = r#"(?s)"code": -32020,.*?"message": "[^"]*""#;
    let missed = Regex::new(missed).expect("is one");
    let transcript = session.replace_all(transcript, "");
    let transcript = early.replace(&transcript, "");
    missed
        .replace_all(&transcript, r#""code": -32020"#)
        .into_owned()
}

macro_rules! matrix {
    ($($name:ident: $front:ident, $server:ident, $client:ident, $beside:ident, $json:literal;)*) => {$(
        #[test]
        fn $name() {
            same_through_lockgate(
                Front::$front,
                Server::$server,
                Client::$client,
                Beside::$beside,
                $json,
            );
        }
    )*};
}

matrix! {
    everything_typescript_1: Stdio, Everything, TypeScript1, Direct, false;
    everything_typescript_2: Stdio, Everything, TypeScript2, Direct, false;
    everything_python: Stdio, Everything, Python, Direct, false;
    everything_rmcp: Stdio, Everything, Rmcp, Direct, false;
    dual_typescript_1: Stdio, Dual, TypeScript1, Direct, false;
    dual_typescript_1_stdio: Stdio, Dual, TypeScript1, Stdio, false;
    dual_typescript_2: Stdio, Dual, TypeScript2, Stdio, false;
    dual_rmcp: Stdio, Dual, Rmcp, Stdio, false;
    dual_rmcp_auto: Stdio, Dual, RmcpAuto, Stdio, false;
    dual_json_typescript_1: Stdio, Dual, TypeScript1, Direct, true;
    served_everything_typescript_1: Http, Everything, TypeScript1, Direct, false;
    served_everything_typescript_2: Http, Everything, TypeScript2Legacy, Direct, false;
    served_everything_python: Http, Everything, PythonLegacy, Direct, false;
    served_everything_rmcp: Http, Everything, Rmcp, Direct, false;
    served_dual_typescript_1: Http, Dual, TypeScript1, Direct, false;
    served_dual_typescript_2: Http, Dual, TypeScript2, Direct, false;
    served_dual_python: Http, Dual, Python, Direct, false;
    served_dual_rmcp: Http, Dual, Rmcp, Direct, false;
    served_dual_rmcp_auto: Http, Dual, RmcpAuto, Direct, false;
    served_dual_json_typescript_1: Http, Dual, TypeScript1, Direct, true;
}

/// In the modern era nothing opens a session, the headers say again what the
/// body says, and a cancelled request ends at the server.
#[test]
fn the_modern_era_is_stateless() {
    let said = same_through_lockgate(
        Front::Stdio,
        Server::Dual,
        Client::Python,
        Beside::Stdio,
        false,
    );
    assert!(!said.contains("session mcp"), "{said}");
    let requests: Vec<_> = said.lines().filter(|l| l.starts_with("POST")).collect();
    let modern = |line: &&&str| line.contains("mcp-protocol-version=2026-07-28");
    assert_eq!(
        requests.iter().filter(modern).count(),
        requests.len(),
        "{said}"
    );
    for told in [
        "mcp-method=server/discover",
        "mcp-method=tools/call mcp-name=where mcp-param-region==?base64?WsO8cmljaCA=?= ",
        "mcp-method=tools/call mcp-name=where mcp-param-region=us-west1 ",
        "mcp-method=resources/read mcp-name=note://one ",
        "slow was cancelled",
    ] {
        assert!(said.contains(told), "{told}\n{said}");
    }
    assert!(!said.contains("notifications/cancelled"), "{said}");
}

/// In the legacy era the session is kept, and closed at the end.
#[test]
fn the_legacy_era_keeps_a_session() {
    let direct = Home::new();
    let remote = listening(Server::Dual, &direct, false);
    let scenario = Server::Dual.prepare(&direct);
    let run = Run::policy(&direct, &permit_all("dual"));
    Client::TypeScript1.play(&direct, &scenario, &run.remote(&remote.url()));
    let said = remote.said(|said| said.contains("DELETE session"));
    assert!(
        said.contains("GET session mcp-protocol-version=2025-11-25"),
        "{said}"
    );
    assert!(
        said.contains("DELETE session mcp-protocol-version=2025-11-25"),
        "{said}"
    );
    assert!(!said.contains("mcp-method"), "{said}");
    assert!(said.contains("slow was cancelled"), "{said}");
}

/// `lockgate WORDS --url U`, whose exit code and output come back.
fn lockgate(home: &Home, url: &str, words: &[&str]) -> (i32, String) {
    let mut argv = Run::new().remote(url);
    argv.remove(1);
    argv.splice(1..1, words.iter().map(|w| (*w).to_owned()));
    let mut process = Process::start(home, &argv);
    let told = String::from_utf8(process.rest()).expect("is text");
    let code = process.finish().code().expect("it exits");
    (code, format!("{told}{}", process.stderr()))
}

/// `pin`, `status`, `diff` and `approve` work over HTTP, in both eras.
#[test]
fn pins_are_kept_for_remote_servers() {
    for modern in [false, true] {
        let changed = Arc::new(AtomicBool::new(false));
        let drifts = Arc::clone(&changed);
        let server = Scripted::start(move |request, stream| {
            let text = if drifts.load(Ordering::Relaxed) {
                "Does that."
            } else {
                "Does it."
            };
            let schema = json!({ "type": "object", "properties": {} });
            let tool = json!({ "name": "t", "description": text, "inputSchema": schema });
            match request.rpc().as_str() {
                "initialize" if modern => respond(stream, "400 Bad Request", &[], ""),
                "initialize" => result(request, stream, &hello()),
                "server/discover" => result(
                    request,
                    stream,
                    &json!({ "supportedVersions": ["2026-07-28"] }),
                ),
                "tools/list" => result(request, stream, &json!({ "tools": [tool] })),
                _ => respond(stream, "405 Method Not Allowed", &[], ""),
            }
        });
        let home = Home::new();
        let run = |words: &[&str]| lockgate(&home, &server.url(), words);
        let (code, told) = run(&["pin", "--check"]);
        assert_eq!(code, 5, "{told}");
        assert_eq!(run(&["pin", "--yes"]).0, 0);
        assert_eq!(run(&["status"]).0, 0);
        changed.store(true, Ordering::Relaxed);
        let (code, told) = run(&["diff"]);
        assert!(code == 5 && told.contains("that"), "{told}");
        assert_eq!(run(&["approve", "--yes"]).0, 0);
        let (code, told) = run(&["diff"]);
        assert_eq!(code, 0, "{told}");
        let lists = server
            .seen()
            .into_iter()
            .filter(|r| r.rpc() == "tools/list");
        let version = if modern { "2026-07-28" } else { "2025-06-18" };
        for list in lists {
            assert_eq!(list.header("mcp-protocol-version"), Some(version));
        }
    }
}

/// TLS: a server is spoken to if an authority of the machine vouches for it,
/// and only then.
#[test]
fn certificates_are_checked() {
    let home = Home::new();
    let authority = home.root().join("authority.pem").display().to_string();
    let server = [
        peers().python(),
        script("dual.py"),
        "https".to_owned(),
        authority.clone(),
    ];
    let server = Listening::start(&home, &server);
    let url = server.url().replace("http:", "https:");
    let run = |set: &[String]| {
        let argv = Run::policy(&home, &permit_all("dual")).remote(&url);
        let mut process = Process::start(&home, &[set, &argv].concat());
        process.say(r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"raw","version":"1"}}}"#);
        let told = wire::message(&process.line().expect("an answer"));
        assert!(process.finish().success());
        told
    };
    let told = run(&["env".to_owned(), format!("SSL_CERT_FILE={authority}")]);
    assert_eq!(
        told["result"]["serverInfo"]["name"],
        json!("dual"),
        "{told}"
    );
    let told = run(&[]);
    assert_eq!(
        told["error"]["data"]["reason"],
        json!("http-connect"),
        "{told}"
    );
    assert!(told.to_string().contains("certificate"), "{told}");
    let posts = server.said(|_| true).matches("POST").count();
    assert_eq!(posts, 1, "an impostor is told nothing");
}

/// The environment's proxy is asked for a connection, and sees no more.
#[test]
fn a_proxy_of_the_environment_is_used() {
    let proxy = Scripted::start(|request, stream| {
        if request.method == "CONNECT" {
            let _ = stream.write_all(b"HTTP/1.1 200 Connected\r\n\r\n");
            let within = Request::read(stream).expect("a request");
            result(&within, stream, &json!({ "target": within.target }));
        }
    });
    let home = Home::new();
    let at = proxy
        .url()
        .replace("http://", "http_proxy=http://me:s3cr3t@")
        .replace("/mcp", "");
    let argv = Run::policy(&home, &permit_all("dual")).remote("http://server.test/mcp");
    let mut process = Process::start(&home, &[vec!["env".to_owned(), at], argv].concat());
    process.say(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#);
    let told = wire::message(&process.line().expect("an answer"));
    assert_eq!(told["result"]["target"], json!("/mcp"), "{told}");
    assert!(process.finish().success());
    let seen = proxy.seen();
    assert_eq!(seen[0].target, "server.test:80");
    assert_eq!(
        seen[0].header("proxy-authorization"),
        Some("Basic bWU6czNjcjN0")
    );
}
