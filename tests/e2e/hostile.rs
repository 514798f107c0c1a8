//! A hostile server behind lockgate: nothing ambiguous or unasked reaches the
//! agent, which is told why and by whose fault, and the session goes on.

use crate::support::home::Home;
use crate::support::lockgate::{Run, permit_all};
use crate::support::need::script;
use crate::support::process::Process;
use crate::wire::message;
use serde_json::{Value, json};

/// In everything that must not reach the agent.
const MARK: &str = "must-not-arrive";

struct Session {
    process: Process,
    asked: u64,
}

impl Session {
    fn open(home: &Home) -> Self {
        let run = Run::policy(home, &permit_all("hostile"));
        let argv = run.before(&["node".to_owned(), script("hostile.mjs")]);
        let process = Process::start(home, &argv);
        let mut session = Self { process, asked: 0 };
        let hello = json!({
            "protocolVersion": "2025-11-25",
            "clientInfo": { "name": "raw", "version": "1" },
            "capabilities": {},
        });
        assert!(session.ask("initialize", &hello).get("result").is_some());
        session
            .process
            .say(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
        session
    }

    /// Sends a request, and returns the next message, which must answer it.
    fn ask(&mut self, method: &str, params: &Value) -> Value {
        self.asked += 1;
        let id = self.asked;
        let request = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        self.process.say(&request.to_string());
        let line = self.process.line();
        let line = line.unwrap_or_else(|| self.process.fail("ended"));
        let answer = message(&line);
        assert_eq!(answer["id"], json!(id), "{answer}");
        assert!(!answer.to_string().contains(MARK), "{answer}");
        answer
    }

    /// Lets the server say `line`.
    fn say(&mut self, line: &[u8]) -> Value {
        let hex = line
            .iter()
            .fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        self.ask(
            "tools/call",
            &json!({ "name": "say", "arguments": { "hex": hex } }),
        )
    }

    fn honest(&mut self) {
        let answer = self.say(b"");
        assert_eq!(answer["result"]["content"][0]["text"], "honest", "{answer}");
    }
}

/// Answers that are refused, and why.
fn answers() -> Vec<(Vec<u8>, &'static str)> {
    let line = |text: &str| text.replace("MARK", MARK).into_bytes();
    let mut invalid =
        line(r#"{"jsonrpc":"2.0","id":ID,"result":{"content":[{"type":"text","text":"MARK~"}]}}"#);
    let at = invalid
        .iter()
        .position(|byte| *byte == b'~')
        .expect("it is there");
    invalid[at] = 0xFF;
    vec![
        (
            line(
                r#"{"jsonrpc":"2.0","id":ID,"result":{"content":[]},"result":{"content":["MARK"]}}"#,
            ),
            "duplicate-key",
        ),
        (
            line(r#"{"jsonrpc":"2.0","id":ID,"result":{"content":[],"Content":["MARK"]}}"#),
            "colliding-keys",
        ),
        (
            line(
                r#"{"jsonrpc":"2.0","id":ID,"result":{"content":[]},"error":{"code":1,"message":"MARK"}}"#,
            ),
            "ambiguous-envelope",
        ),
        (
            line(r#"{"jsonrpc":"2.0","id":ID,"result":"MARK"}"#),
            "invalid-result",
        ),
        (
            line(
                r#"{"jsonrpc":"2.0","id":ID,"result":{"content":[{"type":"text","text":"MARK \ud800"}]}}"#,
            ),
            "lone-surrogate",
        ),
        (
            line(&format!(
                r#"{{"jsonrpc":"2.0","id":ID,"result":{{"MARK":{}1{}}}}}"#,
                "[".repeat(200),
                "]".repeat(200)
            )),
            "too-deep",
        ),
        (
            // Python, Java and .NET take a CR for a line end.
            line(concat!(
                r#"{"jsonrpc":"2.0","id":ID,"result":{"content":[],"a":"#,
                "\r",
                r#"{"jsonrpc":"2.0","id":1,"method":"sampling/createMessage","params":{"x":"MARK"}}"#,
                "\r}}"
            )),
            "line-break",
        ),
        (invalid, "invalid-utf8"),
    ]
}

#[test]
fn ambiguous_answers_are_refused_in_the_servers_name() {
    let home = Home::new();
    let mut session = Session::open(&home);
    let mut wrong = Vec::new();
    for (line, reason) in answers() {
        let data = session.say(&line)["error"]["data"].take();
        if data["reason"] != reason || data["blame"] != "upstream" {
            wrong.push(format!(
                "{}\n  expected {reason}, got {data}",
                line.escape_ascii()
            ));
        }
        session.honest();
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Each line is followed by an honest answer, the next thing that the agent sees.
#[test]
fn what_the_agent_did_not_ask_for_never_arrives() {
    let home = Home::new();
    let mut session = Session::open(&home);
    for stray in [
        "MARK",
        "",
        r#"{"jsonrpc":"2.0","id":4711,"result":{"content":["MARK"]}}"#,
        r#"{"jsonrpc":"2.0","id":"lockgate-1","result":{"tools":["MARK"]}}"#,
        r#"{"jsonrpc":"2.0","id":null,"result":{"a":"MARK"}}"#,
        r#"[{"jsonrpc":"2.0","id":ID,"result":{"a":"MARK"}}]"#,
        r#"{"jsonrpc":"2.0","method":"notifications/MARK"}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"MARK","progress":1}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"MARK"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"sampling/MARK"}"#,
    ] {
        let honest =
            r#"{"jsonrpc":"2.0","id":ID,"result":{"content":[{"type":"text","text":"honest"}]}}"#;
        // The server replaces the first ID only: a batch must not take it.
        let stray = stray.replace("ID", "1").replace("MARK", MARK);
        let answer = session.say(format!("{stray}\n{honest}").as_bytes());
        assert_eq!(
            answer["result"]["content"][0]["text"], "honest",
            "{stray}: {answer}"
        );
    }
}
