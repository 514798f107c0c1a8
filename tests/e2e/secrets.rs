//! The secrets of a remote server (in its URL, in headers) reach that server
//! and nobody else: no answer, log line, record or lockfile has them.

use crate::scripted::{Request, Scripted, hello, respond, result};
use crate::support::home::Home;
use crate::support::lockgate::Run;
use crate::support::process::Process;
use serde_json::json;
use std::net::TcpStream;
use std::path::Path;

const SECRET: &str = "s3cr3t";

fn policy(url: &str) -> String {
    format!(
        r#"version = 1

[server.remote]
url = "{url}?key={SECRET}-query"
headers = {{ Authorization = {{ from = "TOKEN" }}, X-Team = "{SECRET}-literal" }}

[agent.me]
stdio = true

[[rule]]
id = "all"
effect = "permit"
server = "remote"
tools = ["*"]
"#
    )
}

fn server() -> Scripted {
    Scripted::start(
        |request: &Request, stream: &mut TcpStream| match request.rpc().as_str() {
            "initialize" => result(request, stream, &hello()),
            "tools/list" => {
                let schema = json!({ "type": "object", "properties": {} });
                let tool = json!({ "name": "t", "description": "Does it.", "inputSchema": schema });
                result(request, stream, &json!({ "tools": [tool] }));
            }
            "tools/call" => respond(stream, "401 Unauthorized", &[], ""),
            "ping" => respond(
                stream,
                "302 Found",
                &["Location: /mcp?key=s3cr3t-query"],
                "",
            ),
            _ => respond(stream, "405 Method Not Allowed", &[], ""),
        },
    )
}

/// `env TOKEN=... lockgate ...`, so that nothing else of the test has it.
fn with_token(argv: Vec<String>) -> Vec<String> {
    let token = format!("TOKEN=Bearer {SECRET}-token");
    [vec!["env".to_owned(), token], argv].concat()
}

fn files(dir: &Path, all: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, all);
        } else {
            let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            all.push((path.display().to_string(), text));
        }
    }
}

#[test]
fn secrets_of_a_remote_server_go_nowhere_else() {
    let server = server();
    let home = Home::new();
    let run = Run::policy(&home, &policy(&server.url()));
    let mut pin = run.remote("");
    pin.truncate(pin.len() - 2);
    pin[1] = "pin".to_owned();
    pin.push("--yes".to_owned());
    let mut process = Process::start(&home, &with_token(pin.clone()));
    let mut told = String::from_utf8(process.rest()).unwrap();
    assert!(process.finish().success(), "{}", process.stderr());
    told.push_str(&process.stderr());

    pin[1] = "run".to_owned();
    pin.pop();
    let mut process = Process::start(&home, &with_token(pin));
    for (id, method, params) in [
        (
            1,
            "initialize",
            json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "x", "version": "1" } }),
        ),
        (2, "ping", json!({})),
        (3, "tools/call", json!({ "name": "t", "arguments": {} })),
    ] {
        let request = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        process.say(&request.to_string());
        told.push_str(&String::from_utf8(process.line().unwrap()).unwrap());
    }
    assert!(process.finish().success());
    told.push_str(&process.stderr());
    assert!(
        told.contains("HTTP 401") && told.contains("HTTP 302"),
        "{told}"
    );
    assert!(!told.contains(SECRET), "{told}");

    let mut written = Vec::new();
    files(home.root(), &mut written);
    let lockfile = written
        .iter()
        .find(|(path, _)| path.ends_with("lockgate.lock"));
    let (_, lockfile) = lockfile.expect("pinned");
    assert!(
        lockfile.contains(&format!("url = \"{}\"", server.url())),
        "{lockfile}"
    );
    assert!(
        written.iter().any(|(_, text)| text.contains("tools/call")),
        "no audit"
    );
    for (path, text) in written
        .iter()
        .filter(|(path, _)| !path.ends_with("lockgate.toml"))
    {
        assert!(!text.contains(SECRET), "{path}");
    }
    let seen = server.seen();
    assert!(seen.iter().any(|r| r.rpc() == "tools/call"), "{seen:?}");
    for request in seen {
        assert_eq!(request.target, format!("/mcp?key={SECRET}-query"));
        let token = format!("Bearer {SECRET}-token");
        assert_eq!(request.header("authorization"), Some(token.as_str()));
        assert_eq!(request.header("x-team"), Some("s3cr3t-literal"));
    }
}
