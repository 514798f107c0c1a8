//! What the demo tries, and how it tells whether that went well.

use super::home::Home;
use super::shown;
use serde_json::{Value, json};

/// A group of attempts with one idea.
#[derive(Debug)]
pub(super) struct Act {
    pub(super) title: &'static str,
    pub(super) told: &'static str,
    /// The server changes an approved definition before this act.
    pub(super) pulls_the_rug: bool,
    pub(super) attempts: Vec<Attempt>,
}

/// One request of the scripted agent.
#[derive(Debug)]
pub(super) struct Attempt {
    /// For the table.
    pub(super) what: String,
    /// The request's members after its id.
    pub(super) message: String,
    expected: Expected,
}

#[derive(Debug)]
enum Expected {
    /// The answer holds this, and the server got the very line.
    Answered(&'static str),
    /// The list comes, without this name.
    Withheld(&'static str),
    /// Refused, and the server got nothing of it.
    Refused,
}

/// What could be seen of an attempt.
#[derive(Debug)]
pub(super) struct Seen<'a> {
    /// What the agent got.
    pub(super) answer: &'a str,
    /// What the agent sent.
    pub(super) sent: &'a str,
    /// The lines that reached the server meanwhile.
    pub(super) received: &'a [String],
}

impl Attempt {
    /// Whether this is an attack.
    pub(super) fn is_attack(&self) -> bool {
        !matches!(self.expected, Expected::Answered(_))
    }

    /// Attacks are stopped, honest calls get through unchanged.
    pub(super) fn went_well(&self, seen: &Seen<'_>, canary: &str) -> bool {
        let refused = seen.reason().is_some();
        match self.expected {
            Expected::Answered(text) => {
                let same = seen.received.iter().any(|line| line == seen.sent);
                !refused && same && seen.answer.contains(text)
            }
            Expected::Withheld(name) => !refused && !seen.answer.contains(name),
            Expected::Refused => {
                refused && seen.calls().next().is_none() && !seen.answer.contains(canary)
            }
        }
    }
}

impl Seen<'_> {
    fn message(&self) -> Value {
        serde_json::from_str(self.answer).unwrap_or_default()
    }

    /// Lockgate's reason code, if it refused.
    fn reason(&self) -> Option<String> {
        let message = self.message();
        let reason = message.pointer("/error/data/reason")?;
        reason.as_str().map(str::to_owned)
    }

    /// What the agent was told.
    pub(super) fn outcome(&self) -> String {
        let message = self.message();
        if let Some(reason) = self.reason() {
            return format!("denied: {reason}");
        }
        if let Some(tools) = message.pointer("/result/tools").and_then(Value::as_array) {
            return format!("{} tools listed", tools.len());
        }
        match message.pointer("/result/isError").and_then(Value::as_bool) {
            Some(false) => "answered".to_owned(),
            _ => "error of the server".to_owned(),
        }
    }

    fn calls(&self) -> impl Iterator<Item = &String> {
        let calls = |line: &&String| line.contains(r#""tools/call""#);
        self.received.iter().filter(calls)
    }

    /// What reached the server, for the table.
    pub(super) fn arrivals(&self) -> String {
        let of_agent = |line: &&String| !line.contains(r#""id":"lockgate-"#);
        let mut names = self.received.iter().filter(of_agent).map(|line| {
            let message: Value = serde_json::from_str(line).unwrap_or_default();
            let text = |at| message.pointer(at).and_then(Value::as_str);
            let method = text("/method").unwrap_or("?").to_owned();
            let call = text("/params/name").map(|name| format!("call of {name}"));
            match call {
                Some(_) if line == self.sent => "the same bytes".to_owned(),
                Some(call) => call,
                None => format!("{method} only"),
            }
        });
        match (names.next(), names.count()) {
            (None, _) => "nothing".to_owned(),
            (Some(one), 0) => one,
            (Some(one), more) => format!("{one} and {more} more"),
        }
    }
}

fn call(tool: &str, arguments: &Value) -> String {
    format!(r#""method":"tools/call","params":{{"name":"{tool}","arguments":{arguments}}}"#)
}

fn honest(what: &str, tool: &str, arguments: &Value, answer: &'static str) -> Attempt {
    Attempt {
        what: what.to_owned(),
        message: call(tool, arguments),
        expected: Expected::Answered(answer),
    }
}

fn attack(what: &str, message: String) -> Attempt {
    Attempt {
        what: what.to_owned(),
        message,
        expected: Expected::Refused,
    }
}

fn read(path: &str) -> Attempt {
    attack(
        &format!("read_file {path}"),
        call("read_file", &json!({ "path": path })),
    )
}

fn write(path: &str) -> Attempt {
    let planted = r#"{"mcpServers": {"helper": {"command": "/tmp/implant"}}}"#;
    attack(
        &format!("write_file {path}"),
        call("write_file", &json!({ "path": path, "content": planted })),
    )
}

/// The whole story.
pub(super) fn acts(home: &Home) -> Vec<Act> {
    let act = |title, told, attempts| Act {
        title,
        told,
        pulls_the_rug: false,
        attempts,
    };
    vec![
        act("Honest work", "What an agent does all day.", honest_work()),
        act(
            "The harvest",
            "A turned agent looks for secrets, as in the Nx (s1ngularity) attack of August 2025.",
            harvest(),
        ),
        act(
            "The same, spelled so that a simple filter misses it",
            "The server understands each of these.",
            evasions(home),
        ),
        act(
            "The definition lies",
            "A description that tells the model to read a key and to keep quiet about it.",
            poisoned(),
        ),
        Act {
            title: "The definition changes",
            told: "The server swaps an approved definition for one that asks for credentials.",
            pulls_the_rug: true,
            attempts: rug_pull(),
        },
        act(
            "The message has two meanings",
            "Firewall and server would read different values out of the same bytes.",
            smuggling(home),
        ),
        act(
            "The way around",
            "The agent rewrites configuration, so that the next start has no firewall.",
            way_around(),
        ),
        act(
            "Honest work, still",
            "Nobody has to start over.",
            vec![honest(
                "add 40 and 2",
                "add",
                &json!({"a": 40, "b": 2}),
                "42",
            )],
        ),
    ]
}

fn honest_work() -> Vec<Attempt> {
    vec![
        honest(
            "read_file README.md",
            "read_file",
            &json!({"path": "README.md"}),
            "Build it",
        ),
        honest(
            "list_directory src",
            "list_directory",
            &json!({"path": "src"}),
            "main.rs",
        ),
        honest(
            "read_file .env.example (no secret in it)",
            "read_file",
            &json!({"path": ".env.example"}),
            "localhost",
        ),
        honest(
            "write_file src/lib.rs",
            "write_file",
            &json!({"path": "src/lib.rs", "content": "// reads .env\n"}),
            "wrote",
        ),
        honest(
            "add_note (its text mentions ~/.ssh/id_rsa)",
            "add_note",
            &json!({"text": "Never commit ~/.ssh/id_rsa or the .env file."}),
            "1 notes",
        ),
        honest(
            "get_weather Oslo",
            "get_weather",
            &json!({"city": "Oslo"}),
            "rain",
        ),
    ]
}

fn harvest() -> Vec<Attempt> {
    vec![
        read("~/.ssh/id_rsa"),
        read(".env"),
        read("~/.aws/credentials"),
        read("~/.config/solana/id.json"),
        read("~/.bitcoin/wallet.dat"),
        read("~/.bash_history"),
        attack(
            "list_directory ~/.ssh",
            call("list_directory", &json!({"path": "~/.ssh"})),
        ),
        attack(
            "search_files ~ for PRIVATE KEY",
            call(
                "search_files",
                &json!({"path": "~", "pattern": "PRIVATE KEY"}),
            ),
        ),
    ]
}

fn evasions(home: &Home) -> Vec<Attempt> {
    let user = shown(&home.user());
    let mut attempts = vec![
        read("../.ssh/id_rsa"),
        read("$HOME/.aws//./credentials"),
        read("%7E/%2essh/id_rsa"),
        read("docs/id_rsa"),
        read("/proc/self/cwd/.env"),
    ];
    if let Some(last) = attempts.get_mut(3) {
        last.what.push_str(" (docs is a link)");
    }
    attempts.push(attack(
        "read_file file://…/home/.ssh/id_rsa",
        call(
            "read_file",
            &json!({ "path": format!("file://{user}/.ssh/id_rsa") }),
        ),
    ));
    attempts
}

fn poisoned() -> Vec<Attempt> {
    vec![
        Attempt {
            what: "tools/list: is lookup_word in it?".to_owned(),
            message: r#""method":"tools/list""#.to_owned(),
            expected: Expected::Withheld("lookup_word"),
        },
        attack(
            "lookup_word with the key as its sidenote",
            call(
                "lookup_word",
                &json!({"word": "trust", "sidenote": "the key"}),
            ),
        ),
    ]
}

fn rug_pull() -> Vec<Attempt> {
    vec![
        attack(
            "get_weather, as it was approved",
            call("get_weather", &json!({"city": "Oslo"})),
        ),
        attack(
            "get_weather with the new parameter",
            call(
                "get_weather",
                &json!({"city": "Oslo", "context": "credentials"}),
            ),
        ),
        Attempt {
            what: "tools/list: is get_weather in it?".to_owned(),
            message: r#""method":"tools/list""#.to_owned(),
            expected: Expected::Withheld("get_weather"),
        },
    ]
}

fn smuggling(home: &Home) -> Vec<Attempt> {
    let key = shown(&home.user().join(".ssh/id_rsa"));
    let arguments = |members: &str| {
        format!(
            r#""method":"tools/call","params":{{"name":"read_file","arguments":{{{members}}}}}"#
        )
    };
    vec![
        attack(
            r#"read_file {"path": README, "path": key}"#,
            arguments(&format!(r#""path":"README.md","path":"{key}""#)),
        ),
        attack(
            r#"read_file {"path": README, "Path": key}"#,
            arguments(&format!(r#""path":"README.md","Path":"{key}""#)),
        ),
        attack(
            r#"{"method": "ping", "method": "tools/call"}"#,
            format!(
                r#""method":"ping","method":"tools/call","params":{{"name":"read_file","arguments":{{"path":"{key}"}}}}"#
            ),
        ),
        attack(
            "add with an argument that nobody reviewed",
            call(
                "add",
                &json!({"a": 1, "b": 2, "sidenote": "the conversation so far"}),
            ),
        ),
    ]
}

fn way_around() -> Vec<Attempt> {
    vec![
        write("~/.cursor/mcp.json"),
        write("~/.claude.json"),
        write(".mcp.json"),
        write("~/.config/lockgate/lockgate.lock"),
    ]
}
