//! Attacks on a raw pipe, in front of real servers: each is refused with an
//! error that says why, the server receives nothing of it, and honest traffic
//! goes on in the same session.

use crate::server::Server;
use crate::support::home::Home;
use crate::support::lockgate::{Run, permit_all};
use crate::support::process::Process;
use crate::wire::{self, Tap};
use serde_json::{Value, json};

/// In everything that must not reach the server.
const MARK: &str = "must-not-arrive";

/// A session with `server-filesystem`, whose one directory is the user's home.
struct Session {
    home: Home,
    process: Process,
    asked: u64,
}

impl Session {
    fn open(policy: Option<&str>) -> Self {
        let home = Home::new();
        home.write("home/.ssh/id_rsa", format!("PRIVATE {MARK}"));
        home.write("home/notes.txt", "honest");
        let run = policy.map_or_else(Run::new, |text| Run::policy(&home, text));
        let mut server = Server::Filesystem.command(&home);
        server.pop();
        server.push(home.home().display().to_string());
        let argv = run.before(&Tap::Server.before(&home, server));
        let process = Process::start(&home, &argv);
        let mut session = Self {
            home,
            process,
            asked: 0,
        };
        let hello = json!({
            "protocolVersion": "2025-11-25",
            "clientInfo": { "name": "raw", "version": "1" },
            "capabilities": {},
        });
        assert!(session.ask("initialize", &hello).get("result").is_some());
        session
            .process
            .say(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
        assert!(
            session
                .ask("tools/list", &json!({}))
                .get("result")
                .is_some()
        );
        session
    }

    fn ask(&mut self, method: &str, params: &Value) -> Value {
        self.asked += 1;
        let id = self.asked;
        let request = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        self.process.say(&request.to_string());
        self.answer(&json!(id))
    }

    fn call(&mut self, tool: &str, arguments: &Value) -> Value {
        self.ask(
            "tools/call",
            &json!({ "name": tool, "arguments": arguments }),
        )
    }

    /// The next message, which must be the answer to `id`.
    fn answer(&self, id: &Value) -> Value {
        let line = self.process.line();
        let line = line.unwrap_or_else(|| self.process.fail("ended"));
        let message = wire::message(&line);
        assert_eq!(
            message.get("id"),
            Some(id),
            "{message}\n{}",
            self.process.stderr()
        );
        message
    }

    fn honest(&mut self) {
        let path = self.home.home().join("notes.txt");
        let answer = self.call("read_text_file", &json!({ "path": path }));
        assert_eq!(answer["result"]["content"][0]["text"], "honest", "{answer}");
    }

    /// Ends the session; nothing that bears the mark came or went.
    fn close(mut self) {
        let status = self.process.finish();
        assert!(status.success(), "{status}\n{}", self.process.stderr());
        for record in Tap::Server.recorded(&self.home) {
            for line in record.input.iter().chain(&record.output) {
                let whole = !contains(line, MARK.as_bytes());
                assert!(whole, "the server received {}", line.escape_ascii());
            }
        }
    }
}

fn contains(line: &[u8], part: &[u8]) -> bool {
    line.windows(part.len()).any(|window| window == part)
}

/// Bytes of one attack, the id of the answer, and its reason.
type Attack = (Vec<u8>, Value, String);

/// Everything here is refused whatever the policy says: `cases/attacks.jsonl`,
/// and what is too large or no text. A null id: the attack's could not be read.
fn malformed() -> Vec<Attack> {
    let cases = include_str!("../cases/attacks.jsonl").lines().map(|line| {
        let case: Value = serde_json::from_str(line).expect("a case");
        let text = |key: &str| case[key].as_str().expect("a string").to_owned();
        (
            text("text").into_bytes(),
            case["id"].clone(),
            text("reason"),
        )
    });
    let built = [
        (
            "deep",
            "too-deep",
            format!("[{}{}]", "[".repeat(10_000), "]".repeat(10_000)).into_bytes(),
        ),
        (
            "huge",
            "too-large",
            format!("\"{}\"", "x".repeat(70 * 1024 * 1024)).into_bytes(),
        ),
        ("utf8", "invalid-utf8", b"\"\xff\"".to_vec()),
    ];
    let built = built.map(|(id, reason, value)| {
        let head = format!(r#"{{"jsonrpc":"2.0","id":"{id}","method":"MARK","params":{{"a":"#);
        let bytes = [head.into_bytes(), value, b"}}".to_vec()].concat();
        (bytes, json!(id), reason.to_owned())
    });
    cases.chain(built).collect()
}

/// Puts the mark where a message says so, at its front.
fn marked(bytes: &[u8]) -> Vec<u8> {
    let head = bytes.len().min(4096);
    let (head, rest) = bytes.split_at(head);
    let at = head.windows(4).position(|window| window == b"MARK");
    let at = at.unwrap_or_else(|| panic!("no mark in {}", head.escape_ascii()));
    [&head[..at], MARK.as_bytes(), &head[at + 4..], rest].concat()
}

#[test]
fn malformed_messages_are_refused_and_the_session_goes_on() {
    let mut session = Session::open(Some(&permit_all("filesystem")));
    let mut wrong = Vec::new();
    for (bytes, id, reason) in malformed() {
        session
            .process
            .send([marked(&bytes), b"\n".to_vec()].concat());
        let line = session.process.line();
        let line = line.unwrap_or_else(|| session.process.fail("ended"));
        let answer = wire::message(&line);
        let got = (&answer["id"], answer["error"]["data"]["reason"].as_str());
        if got != (&id, Some(reason.as_str())) {
            let head = bytes.get(..bytes.len().min(120)).expect("shorter");
            wrong.push(format!(
                "{}\n  expected {id} {reason}, got {answer}",
                head.escape_ascii()
            ));
        }
        session.honest();
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    session.close();
}

#[test]
fn answers_and_notifications_that_nobody_asked_for_vanish() {
    let mut session = Session::open(Some(&permit_all("filesystem")));
    for stray in [
        r#"{"jsonrpc":"2.0","id":"lockgate-1","result":{"a":"MARK"}}"#,
        r#"{"jsonrpc":"2.0","id":77,"error":{"code":1,"message":"MARK"}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/MARK"}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"MARK"}}"#,
        r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"MARK","arguments":{}}}"#,
    ] {
        session
            .process
            .send([marked(stray.as_bytes()), b"\n".to_vec()].concat());
        // No answer: the next message is the honest one's.
        session.honest();
    }
    session.close();
}

#[test]
fn an_id_in_use_is_refused() {
    let mut session = Session::open(Some(&permit_all("filesystem")));
    let path = session.home.home().join("notes.txt");
    let call = |tool: &str, path: &str| {
        let params = json!({ "name": tool, "arguments": { "path": path } });
        json!({ "jsonrpc": "2.0", "id": "same", "method": "tools/call", "params": params })
    };
    let first = call("read_text_file", &path.display().to_string());
    let second = call("get_file_info", MARK);
    session.process.send(format!("{first}\n{second}\n"));
    let mut answers = [
        session.answer(&json!("same")),
        session.answer(&json!("same")),
    ];
    answers.sort_by_key(|answer| answer.get("error").is_some());
    assert_eq!(answers[0]["result"]["content"][0]["text"], "honest");
    assert_eq!(answers[1]["error"]["data"]["reason"], "duplicate-id");
    session.honest();
    session.close();
}

/// Ways to ask `server-filesystem` for the private key in the home directory.
fn reads_of_the_key(home: &str) -> Vec<(&'static str, Value)> {
    let at = |path: String| json!({ "path": path });
    vec![
        ("read_text_file", at(format!("{home}/.ssh/id_rsa"))),
        ("read_file", at(format!("{home}/./.ssh//id_rsa"))),
        (
            "read_text_file",
            at(format!("{home}/projects/../.ssh/id_rsa")),
        ),
        ("read_text_file", at("~/.ssh/id_rsa".to_owned())),
        ("read_text_file", at(format!("{home}/link/id_rsa"))),
        (
            "read_text_file",
            at(format!("/proc/self/root{home}/.ssh/id_rsa")),
        ),
        ("read_media_file", at(format!("{home}/.ssh/id_rsa"))),
        (
            "read_multiple_files",
            json!({ "paths": [format!("{home}/notes.txt"), format!("{home}/.ssh/id_rsa")] }),
        ),
        ("list_directory", at(format!("{home}/.ssh"))),
        ("directory_tree", at(format!("{home}/.ssh"))),
        (
            "move_file",
            json!({ "source": format!("{home}/.ssh/id_rsa"), "destination": format!("{home}/x") }),
        ),
        (
            "write_file",
            json!({ "path": format!("{home}/.ssh/authorized_keys"), "content": "x" }),
        ),
    ]
}

fn secret_reads_are_stopped(policy: Option<&str>) {
    let mut session = Session::open(policy);
    let home = session.home.home();
    std::os::unix::fs::symlink(home.join(".ssh"), home.join("link")).expect("can be made");
    let mut wrong = Vec::new();
    for (tool, arguments) in reads_of_the_key(&home.display().to_string()) {
        let answer = session.call(tool, &arguments);
        if answer["error"]["data"]["reason"] != "secret-place" {
            wrong.push(format!("{tool} {arguments}: {answer}"));
        }
        session.honest();
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Honest calls only: no call for the key has arrived.
    for record in Tap::Server.recorded(&session.home) {
        for line in record
            .input
            .iter()
            .filter(|line| contains(line, b"tools/call"))
        {
            assert!(contains(line, b"notes.txt"), "{}", line.escape_ascii());
            assert!(!contains(line, b".ssh"), "{}", line.escape_ascii());
        }
    }
    session.close();
}

#[test]
fn secret_reads_are_stopped_under_the_baseline() {
    secret_reads_are_stopped(None);
}

#[test]
fn secret_reads_are_stopped_under_a_policy_that_permits_everything() {
    secret_reads_are_stopped(Some(&permit_all("filesystem")));
}
