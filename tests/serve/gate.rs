//! A listener with the server `stage.py` behind it, and what both saw.

use crate::raw::{Ask, Reply};
use crate::support::home::Home;
use crate::support::lockgate::Run;
use crate::support::need::script;
use crate::support::process::Process;
use lockgate::identity::NewKey;
use regex::Regex;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Waits until something is there.
pub(crate) fn until<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_mins(1);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "it never came: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A running listener.
pub(crate) struct Gate {
    pub(crate) home: Home,
    pub(crate) process: Process,
    pub(crate) port: u16,
}

/// The permit for everything on it.
const ALL: &str = "[[rule]]\nid = \"all\"\neffect = \"permit\"\ntools = [\"*\"]\n";

impl Gate {
    /// One for whoever is on this machine.
    pub(crate) fn open(era: &str) -> Self {
        let home = Home::new();
        Self::with(home, era, &format!("[agent.me]\nstdio = true\n{ALL}"))
    }

    /// One for two agents, whose keys come back.
    pub(crate) fn agents(era: &str) -> (Self, String, String) {
        let (a, b) = (NewKey::make().unwrap(), NewKey::make().unwrap());
        let agent =
            |name: &str, key: &NewKey| format!("[agent.{name}]\nkey = \"{}\"\n", key.hash());
        let policy = format!("{}{}{ALL}", agent("a", &a), agent("b", &b));
        let gate = Self::with(Home::new(), era, &policy);
        (gate, a.reveal().to_owned(), b.reveal().to_owned())
    }

    /// One with more in its policy.
    pub(crate) fn with(home: Home, era: &str, policy: &str) -> Self {
        let log = home.root().join("log").display().to_string();
        let server = ["python3", &script("stage.py"), era, &log].map(str::to_owned);
        let server = format!("[server.stage]\ncommand = {server:?}\n");
        Self::serving(home, &format!("{server}{policy}"))
    }

    /// One with servers of its own.
    pub(crate) fn serving(home: Home, policy: &str) -> Self {
        Self::started_by(home, policy, &[])
    }

    /// One that another program starts.
    pub(crate) fn started_by(home: Home, policy: &str, starter: &[&str]) -> Self {
        let policy = format!("version = 1\n[pins]\nmode = \"tofu\"\n{policy}");
        let mut argv: Vec<_> = starter.iter().map(|&word| word.to_owned()).collect();
        argv.extend(Run::policy(&home, &policy).serve(&[]));
        let process = Process::start(&home, &argv);
        let told = Regex::new(r"listening on https?://127\.0\.0\.1:(\d+)\n").unwrap();
        let port = until("a port", || {
            Some(told.captures(&process.stderr())?[1].to_owned())
        });
        let port = port.parse().unwrap();
        Self {
            home,
            process,
            port,
        }
    }

    /// The lines that servers have received, each with its process.
    pub(crate) fn received(&self) -> Vec<(u32, Value)> {
        let text = std::fs::read_to_string(self.home.root().join("log")).unwrap_or_default();
        let whole = text.split_inclusive('\n').filter(|l| l.ends_with('\n'));
        let line = |line: &str| {
            let (process, message) = line.split_once(' ').unwrap();
            let message = serde_json::from_str(message).unwrap();
            (process.parse().unwrap(), message)
        };
        whole.map(line).collect()
    }

    /// What has been received of a method.
    pub(crate) fn count(&self, method: &str) -> usize {
        let all = self.received();
        all.iter().filter(|(_, m)| m["method"] == method).count()
    }

    /// Lets the calls of `wait` with this name be answered.
    pub(crate) fn release(&self, name: &str) {
        self.home.write(&format!("log.{name}"), "");
    }

    /// The text of all audit files.
    pub(crate) fn evidence(&self) -> String {
        let folder = self.home.root().join("state/lockgate/audit");
        let files = std::fs::read_dir(folder).unwrap();
        let texts = files.map(|f| std::fs::read_to_string(f.unwrap().path()).unwrap());
        texts.collect()
    }

    fn events(&self, event: &str) -> Vec<Value> {
        let all = self.evidence();
        let lines = all.lines().filter_map(|l| serde_json::from_str(l).ok());
        lines.filter(|r: &Value| r["event"] == event).collect()
    }

    /// The decisions that were recorded.
    pub(crate) fn records(&self) -> Vec<Value> {
        self.events("decision")
    }

    /// What was recorded of what was not even judged.
    pub(crate) fn refusals(&self) -> Vec<Value> {
        self.events("refusal")
    }

    /// Whether the listener still does what it is for.
    #[track_caller]
    pub(crate) fn assert_well(&self) {
        let reply = Ask::new("GET", "/healthz").at(self.port);
        assert_eq!((reply.status, reply.text().as_str()), (200, "ok\n"));
    }

    /// Begins a legacy session and lists the tools; gives its name.
    pub(crate) fn session(&self, key: &str) -> String {
        let reply = hello().key(key).at(self.port);
        assert_eq!(reply.status, 200, "{reply:?}");
        let name = reply.header("mcp-session-id").unwrap().to_owned();
        let told = legacy(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        let reply = told.key(key).with("mcp-session-id", &name).at(self.port);
        assert_eq!(reply.status, 202, "{reply:?}");
        let list = legacy(&request(1, "tools/list", &json!({})));
        let reply = list.key(key).with("mcp-session-id", &name).at(self.port);
        assert!(reply.json()["result"]["tools"].is_array(), "{reply:?}");
        name
    }

    /// Lists the tools in the modern era.
    pub(crate) fn list(&self, key: &str) -> Reply {
        let reply = modern(1, "tools/list", &json!({})).key(key).at(self.port);
        assert!(reply.json()["result"]["tools"].is_array(), "{reply:?}");
        reply
    }
}

pub(crate) fn request(id: impl Into<Value>, method: &str, params: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id.into(), "method": method, "params": params })
}

/// A legacy message outside a session.
pub(crate) fn legacy(message: &Value) -> Ask {
    Ask::post(message).with("mcp-protocol-version", "2025-11-25")
}

/// The legacy handshake.
pub(crate) fn hello() -> Ask {
    let params = json!({
        "protocolVersion": "2025-11-25",
        "clientInfo": { "name": "raw", "version": "1" },
        "capabilities": {},
    });
    Ask::post(&request(0, "initialize", &params))
}

/// A call within a legacy session.
pub(crate) fn call(session: &str, id: impl Into<Value>, tool: &str, arguments: &Value) -> Ask {
    let params = json!({ "name": tool, "arguments": arguments });
    legacy(&request(id, "tools/call", &params)).with("mcp-session-id", session)
}

/// A request of the modern era, whose headers say what its body says.
pub(crate) fn modern(id: impl Into<Value>, method: &str, params: &Value) -> Ask {
    let mut params = params.clone();
    let mut meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { "name": "raw", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": { "elicitation": { "form": {} } },
    });
    if let Some(token) = params["_meta"].get("progressToken") {
        meta["progressToken"] = token.clone();
    }
    params["_meta"] = meta;
    let ask = Ask::post(&request(id, method, &params))
        .with("mcp-protocol-version", "2026-07-28")
        .with("mcp-method", method);
    match params["name"].as_str() {
        Some(name) => ask.with("mcp-name", name),
        None => ask,
    }
}

/// A call in the modern era.
pub(crate) fn modern_call(id: impl Into<Value>, tool: &str, arguments: &Value) -> Ask {
    let params = json!({ "name": tool, "arguments": arguments });
    modern(id, "tools/call", &params)
}

/// The text that a tool has answered.
#[track_caller]
pub(crate) fn said(reply: &Reply) -> String {
    let json = reply.json();
    let text = json["result"]["content"][0]["text"].as_str();
    text.unwrap_or_else(|| panic!("{reply:?}")).to_owned()
}
