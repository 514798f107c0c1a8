//! Real agents of one era in front of real servers of the other, behind `lockgate
//! run`: what the agent sees, and what the server received in its own era.

use crate::client::Client;
use crate::remote::{Listening, listening};
use crate::scripted::{Scripted, Session, hello, modern, respond, result};
use crate::server::Server;
use crate::support::home::Home;
use crate::support::lockgate::{Run, permit_all};
use crate::support::process::Process;
use crate::wire::{self, Tap};
use serde_json::{Value, json};

/// How lockgate reaches the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Behind {
    Stdio,
    Http,
}

/// Plays a scenario with a client in front of a server; gives what the client saw,
/// and what stands behind.
fn play(
    client: Client,
    server: Server,
    scenario: &Value,
    command: &[String],
    behind: Behind,
) -> (Home, Value, Option<Listening>) {
    let home = Home::new();
    let scenario = home.write("scenario.json", scenario.to_string());
    let policy = permit_all(server.name());
    // An agent that asks for the eras first is answered for the server.
    let policy = policy.replace("ask_agent", "bridge = true\nask_agent");
    let run = Run::policy(&home, &policy);
    let (argv, remote) = match behind {
        Behind::Stdio => (
            run.before(&Tap::Server.before(&home, command.to_vec())),
            None,
        ),
        Behind::Http => {
            let remote = remote(server, &home, command);
            (run.remote(&remote.url()), Some(remote))
        }
    };
    let told = client.play(&home, &scenario.display().to_string(), &argv);
    let told = serde_json::from_str(&told).expect("is JSON");
    (home, told, remote)
}

/// The command line of a server of one era.
fn command(server: Server, behind: Behind) -> Vec<String> {
    let mut command = server.command(&Home::new());
    if let Server::Dual = server {
        if behind == Behind::Http {
            *command.last_mut().expect("a mode") = "http".to_owned();
        }
        command.push("modern".to_owned());
    }
    command
}

fn remote(server: Server, home: &Home, command: &[String]) -> Listening {
    match server {
        Server::Everything => listening(server, home, false),
        _ => Listening::start(home, command),
    }
}

/// What the client got for the call of that tool.
fn text(told: &Value, tool: usize) -> &str {
    let text = &told["steps"][tool]["result"]["content"][0]["text"];
    text.as_str().unwrap_or_else(|| panic!("{told:#}"))
}

/// What the server received of the session. A client that probes may do that with
/// a process of its own.
fn received(home: &Home) -> Vec<Value> {
    let recorded = Tap::Server.recorded(home);
    let lines = recorded.last().expect("it was started").input.iter();
    lines.map(|line| wire::message(line)).collect()
}

fn of<'a>(all: &'a [Value], method: &str) -> Vec<&'a Value> {
    all.iter().filter(|m| m["method"] == method).collect()
}

fn is_modern(message: &Value) -> bool {
    let meta = &message["params"]["_meta"];
    meta["io.modelcontextprotocol/protocolVersion"] == "2026-07-28"
}

/// It was told how far the call is. The Python driver writes it otherwise.
fn assert_progress(client: Client, step: &Value) {
    let python = matches!(client, Client::PythonLegacy | Client::PythonModern);
    let told = step["progress"].as_array().map_or(0, Vec::len);
    assert!(python || told >= 2, "{step:#}");
}

fn legacy_agent_modern_server(client: Client, behind: Behind) {
    let scenario = json!({
        "answers": { "elicitation/create": { "action": "accept", "content": { "name": "Ada" } } },
        "steps": [
            { "request": "tools/list", "params": {} },
            { "request": "tools/call", "params": { "name": "add", "arguments": { "a": 1, "b": 2 } } },
            { "request": "tools/call", "params": { "name": "greet", "arguments": { "word": "Hello" } } },
            { "request": "tools/call", "params": { "name": "slow", "arguments": { "steps": 3 } }, "progress": true },
            { "request": "resources/read", "params": { "uri": "note://one" } },
            { "request": "prompts/get", "params": { "name": "ask", "arguments": { "topic": "eras" } } },
            { "request": "ping" },
        ],
    });
    let command = command(Server::Dual, behind);
    let (home, told, remote) = play(client, Server::Dual, &scenario, &command, behind);
    assert_eq!(told["about"]["info"]["name"], "dual", "{told:#}");
    assert_eq!(text(&told, 1), "3");
    assert_eq!(text(&told, 2), "Hello, Ada!");
    assert_eq!(text(&told, 3), "done");
    assert_eq!(
        told["received"]["elicitation/create"][0]["message"],
        "Who are you?"
    );
    assert_progress(client, &told["steps"][3]);
    assert_eq!(told["steps"][4]["result"]["contents"][0]["text"], "noted");
    assert!(told["steps"][6]["error"].is_null(), "{told:#}");
    let Some(remote) = remote else {
        let all = received(&home);
        // The handshake was refused, and everything since is of the server's era.
        assert_eq!(all[0]["method"], "initialize");
        assert_eq!(of(&all, "initialize").len(), 1);
        assert!(all[1..].iter().all(is_modern), "{all:#?}");
        assert_eq!(of(&all, "server/discover").len(), 1);
        let calls = of(&all, "tools/call");
        assert_eq!(calls.len(), 4, "one of three came again: {calls:#?}");
        let again = &calls[2]["params"];
        let answers = again["inputResponses"].as_object().expect("answers");
        let answer = answers.values().next().expect("one");
        assert_eq!(answer["content"]["name"], "Ada");
        // The server gets its own words back, not lockgate's.
        let state = again["requestState"].as_str().expect("a state");
        assert!(!state.starts_with("lg1."), "{state}");
        return;
    };
    let said = remote.said(|_| true);
    let posts: Vec<_> = said.lines().filter(|l| l.starts_with("POST")).collect();
    assert!(!posts.iter().any(|l| l.contains("session")), "{said}");
    assert!(!posts[0].contains("mcp-method"), "{said}");
    let modern = |l: &&str| l.contains("mcp-protocol-version=2026-07-28");
    assert!(posts[1..].iter().all(modern), "{said}");
    assert_eq!(said.matches("mcp-name=greet").count(), 2, "{said}");
    assert_eq!(said.matches("mcp-name=add").count(), 1, "{said}");
}

fn modern_agent_legacy_server(client: Client, behind: Behind) {
    let scenario = json!({
        "mode": { "pin": "2026-07-28" },
        "answers": { "elicitation/create": { "action": "accept", "content": { "name": "Ada", "check": true, "integer": 7 } } },
        "steps": [
            { "request": "tools/list", "params": {} },
            { "request": "tools/call", "params": { "name": "get-sum", "arguments": { "a": 1, "b": 2 } } },
            { "request": "tools/call", "params": { "name": "trigger-elicitation-request", "arguments": {} }, "driven": true },
            { "request": "tools/call", "params": { "name": "trigger-long-running-operation", "arguments": { "duration": 0.2, "steps": 4 } }, "progress": true },
            { "request": "prompts/get", "params": { "name": "simple-prompt" } },
            { "request": "resources/read", "params": { "uri": "demo://resource/dynamic/text/1" } },
        ],
    });
    let command = command(Server::Everything, behind);
    let (home, told, _remote) = play(client, Server::Everything, &scenario, &command, behind);
    assert!(text(&told, 1).contains('3'), "{told:#}");
    let steps = told["steps"].as_array().expect("steps");
    let elicited = steps[2].to_string();
    assert!(elicited.contains("Ada"), "{told:#}");
    let asked = &told["received"]["elicitation/create"];
    assert_eq!(asked.as_array().map(Vec::len), Some(1), "{told:#}");
    assert!(text(&told, 3).contains("completed"), "{told:#}");
    assert_progress(client, &steps[3]);
    assert!(steps.iter().all(|step| step["error"].is_null()), "{told:#}");
    if behind == Behind::Http {
        return;
    }
    let all = received(&home);
    assert_eq!(of(&all, "initialize").len(), 1, "{all:#?}");
    assert_eq!(of(&all, "notifications/initialized").len(), 1);
    let begun = all.iter().position(|m| m["method"] == "initialize");
    let since = &all[begun.expect("a handshake")..];
    assert!(
        !since.iter().any(is_modern),
        "the server's own era: {since:#?}"
    );
    for tool in ["get-sum", "trigger-elicitation-request"] {
        let calls = of(&all, "tools/call");
        let calls = calls.iter().filter(|m| m["params"]["name"] == tool);
        assert_eq!(calls.count(), 1, "{tool} was called once");
    }
    let answers = all.iter().filter(|m| m["result"]["action"] == "accept");
    assert_eq!(answers.count(), 1, "the server has its answer: {all:#?}");
}

/// A modern server need not say in JSON-RPC that it takes no handshake. What it says
/// is looked for in the transport of 2024-11-05, too, and then it is asked.
#[test]
fn a_bare_status_is_a_refusal_of_the_handshake() {
    let server = Scripted::start(|request, stream| match request.rpc().as_str() {
        "initialize" => respond(stream, "400 Bad Request", &[], ""),
        "server/discover" => result(
            request,
            stream,
            &json!({ "resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": { "tools": {} } }),
        ),
        "prompts/list" => {
            let found = json!({ "resultType": "complete", "prompts": [] });
            result(request, stream, &found);
        }
        _ => respond(stream, "405 Method Not Allowed", &[], ""),
    });
    let mut session = Session::open(&server.url());
    let answer = session.initialize();
    assert_eq!(
        answer["result"]["protocolVersion"], "2025-11-25",
        "{answer}"
    );
    let answer = session.ask("prompts/list", &json!({}));
    assert_eq!(answer["result"]["prompts"], json!([]), "{answer}");
    assert!(session.process.finish().success());
    let seen = server.seen();
    let version = |rpc: &str| {
        let request = seen.iter().find(|r| r.rpc() == rpc);
        let version = request.and_then(|r| r.header("mcp-protocol-version"));
        version.map(str::to_owned)
    };
    assert_eq!(version("initialize"), None);
    for rpc in ["server/discover", "prompts/list"] {
        assert_eq!(version(rpc).as_deref(), Some("2026-07-28"), "{rpc}");
    }
    assert_eq!(server.count("initialize"), 1);
}

/// Without `bridge = true` an agent that asks for the eras is told the truth, in the
/// words of the revision; what it sends in 2026-07-28 all the same is bridged.
#[test]
fn a_legacy_server_is_not_spoken_for_by_itself() {
    let server = Scripted::start(|request, stream| {
        let modern = request.header("mcp-protocol-version") == Some("2026-07-28");
        match request.rpc().as_str() {
            // As servers do that want a session.
            _ if modern => respond(stream, "400 Bad Request", &[], "no session"),
            "initialize" => result(request, stream, &hello()),
            "notifications/initialized" => respond(stream, "202 Accepted", &[], ""),
            "prompts/list" => result(request, stream, &json!({ "prompts": [] })),
            _ => respond(stream, "405 Method Not Allowed", &[], ""),
        }
    });
    let mut session = Session::open(&server.url());
    let answer = session.ask("server/discover", &modern(json!({})));
    assert_eq!(answer["error"]["code"], -32601, "{answer}");
    assert_eq!(
        answer["error"]["data"]["reason"], "legacy-server",
        "{answer}"
    );
    let answer = session.ask("prompts/list", &modern(json!({})));
    assert_eq!(answer["result"]["resultType"], "complete", "{answer}");
    let answer = session.ask("server/discover", &modern(json!({})));
    let versions = &answer["result"]["supportedVersions"];
    assert_eq!(*versions, json!(["2026-07-28"]), "{answer}");
    assert!(session.process.finish().success());
    assert_eq!(server.count("server/discover"), 1);
    assert_eq!(server.count("initialize"), 1);
    assert_eq!(server.count("prompts/list"), 1);
}

/// `pin` and its kin list the tools of servers of one era, however they are reached.
#[test]
fn pins_are_taken_of_servers_of_one_era() {
    let words: [(&[&str], i32); 4] = [
        (&["pin", "--check"], 5),
        (&["pin", "--yes"], 0),
        (&["status"], 0),
        (&["diff"], 0),
    ];
    for (server, tool) in [(Server::Dual, "greet"), (Server::Everything, "get-sum")] {
        for behind in [Behind::Stdio, Behind::Http] {
            let home = Home::new();
            let command = command(server, behind);
            let remote = (behind == Behind::Http).then(|| remote(server, &home, &command));
            let argv = match &remote {
                Some(remote) => Run::new().remote(&remote.url()),
                None => Run::new().before(&command),
            };
            for (words, expected) in words {
                let mut argv = argv.clone();
                argv.splice(1..2, words.iter().map(|word| (*word).to_owned()));
                let mut process = Process::start(&home, &argv);
                let told = String::from_utf8(process.rest()).expect("is text");
                let code = process.finish().code();
                let about = format!(
                    "{server:?} {behind:?} {words:?}: {told}{}",
                    process.stderr()
                );
                assert_eq!(code, Some(expected), "{about}");
                assert!(words[0] == "diff" || about.contains(tool), "{about}");
            }
        }
    }
}

macro_rules! crossed {
    ($($name:ident: $play:ident, $client:ident, $behind:ident;)*) => {$(
        #[test]
        fn $name() {
            $play(Client::$client, Behind::$behind);
        }
    )*};
}

crossed! {
    legacy_typescript_1: legacy_agent_modern_server, TypeScript1, Stdio;
    legacy_typescript_2: legacy_agent_modern_server, TypeScript2Legacy, Stdio;
    legacy_python: legacy_agent_modern_server, PythonLegacy, Stdio;
    legacy_typescript_1_http: legacy_agent_modern_server, TypeScript1, Http;
    legacy_python_http: legacy_agent_modern_server, PythonLegacy, Http;
    modern_typescript_2: modern_agent_legacy_server, TypeScript2, Stdio;
    modern_python: modern_agent_legacy_server, PythonModern, Stdio;
    modern_typescript_2_http: modern_agent_legacy_server, TypeScript2, Http;
    modern_python_http: modern_agent_legacy_server, PythonModern, Http;
}
