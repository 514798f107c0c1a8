//! Many agents of both eras at once over `lockgate serve`, while the servers
//! behind it are killed: every request gets one answer, its own, and nothing is
//! left over.

use crate::http::Connection;
use crate::remote::Listening;
use crate::support::home::Home;
use crate::support::lockgate::{Run, example, permit_all};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const AGENTS: usize = 40;
const CALLS: usize = 25;
const REVISION: &str = "2026-07-28";

/// How the calls of all agents ended.
#[derive(Debug, Default)]
struct Tally {
    answered: AtomicUsize,
    /// By an error, since the server was killed.
    cut: AtomicUsize,
}

/// An agent, which starts a session again when its own is over.
struct Agent {
    name: String,
    connection: Connection,
    /// Those of its session; those of the stateless era differ by request.
    session: Option<String>,
    body: Vec<u8>,
}

impl Agent {
    fn new(name: String, port: u16) -> Self {
        Self {
            name,
            connection: Connection::open(port).expect("it listens"),
            session: None,
            body: Vec::new(),
        }
    }

    fn post(&mut self, headers: &str, message: &Value) -> (u16, Option<String>, Value) {
        let sent = self.connection.send("POST", headers, &message.to_string());
        sent.unwrap_or_else(|e| panic!("{}: {e}", self.name));
        let head = self.connection.response(&mut self.body);
        let head = head.unwrap_or_else(|e| panic!("{}: {e}", self.name));
        let answer = serde_json::from_slice(&self.body).unwrap_or(Value::Null);
        (head.status, head.session, answer)
    }

    /// Opens a session; the server may be killed meanwhile.
    fn opened(&mut self) -> String {
        let params = json!({
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": { "name": self.name, "version": "1" },
        });
        let hello = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params });
        for _ in 0..200 {
            let (_, session, answer) = self.post("", &hello);
            assert_eq!(answer["id"], json!(0), "{}: {answer}", self.name);
            let Some(session) = session.filter(|_| answer.get("result").is_some()) else {
                continue;
            };
            let headers =
                format!("mcp-session-id: {session}\r\nmcp-protocol-version: 2025-11-25\r\n");
            let told = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
            if self.post(&headers, &told).0 == 202 {
                return headers;
            }
        }
        panic!("{}: no session", self.name)
    }

    /// One call: its headers and message.
    fn call(&mut self, id: usize, modern: bool) -> (String, Value) {
        let text = format!("{} {id}", self.name);
        let mut params = json!({ "name": "echo", "arguments": { "text": text } });
        let headers = if modern {
            params["_meta"] = json!({
                "io.modelcontextprotocol/protocolVersion": REVISION,
                "io.modelcontextprotocol/clientInfo": { "name": self.name, "version": "1" },
                "io.modelcontextprotocol/clientCapabilities": {},
            });
            format!(
                "mcp-protocol-version: {REVISION}\r\nmcp-method: tools/call\r\nmcp-name: echo\r\n"
            )
        } else {
            let session = self.session.take().unwrap_or_else(|| self.opened());
            self.session.insert(session).clone()
        };
        let message =
            json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params });
        (headers, message)
    }

    /// All its calls. Their ids are those of every other agent's.
    fn work(mut self, modern: bool, tally: &Tally) {
        let mut id = 0;
        while id < CALLS {
            let (headers, message) = self.call(id, modern);
            let (status, _, answer) = self.post(&headers, &message);
            if status == 404 && !modern {
                // Never sent on: the session was over before.
                self.session = None;
                continue;
            }
            assert_eq!(answer["id"], json!(id), "{}: {status} {answer}", self.name);
            if answer.get("error").is_some() {
                tally.cut.fetch_add(1, Ordering::Relaxed);
                self.session = None;
            } else {
                let text = &answer["result"]["content"][0]["text"];
                assert_eq!(*text, json!(format!("{} {id}", self.name)), "crossed");
                tally.answered.fetch_add(1, Ordering::Relaxed);
            }
            id += 1;
        }
        if let Some(session) = self.session {
            let _ = self.connection.send("DELETE", &session, "");
            let _ = self.connection.response(&mut self.body);
        }
    }
}

/// The servers that lockgate has started, by their process ids.
fn servers(home: &Home) -> Vec<i32> {
    let entries = fs::read_dir("/proc").expect("is there").flatten();
    let pids = entries.filter_map(|e| e.file_name().to_str()?.parse::<i32>().ok());
    // The marker of this test's own servers; the guardians name it as well.
    let marker = home.root().display().to_string();
    let ours = |pid: &i32| {
        let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let words = String::from_utf8_lossy(&words).into_owned();
        let mut words = words.split('\0');
        words.next().is_some_and(|w| w.ends_with("echo_server")) && words.any(|w| w == marker)
    };
    pids.filter(ours).collect()
}

fn resident_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
    let number = line.and_then(|l| l.split_whitespace().next());
    number.and_then(|n| n.parse().ok()).unwrap_or_default()
}

/// All agents at once; `kills` ends a server every few calls.
fn wave(home: &Home, port: u16, kills: bool) -> Tally {
    let tally = Tally::default();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let killer = scope.spawn(|| {
            let mut at = 0_usize;
            while kills && !over.load(Ordering::Relaxed) {
                let servers = servers(home);
                if let Some(pid) = servers.get(at % servers.len().max(1)) {
                    let _ = kill_process(Pid::from_raw(*pid).expect("not 0"), Signal::KILL);
                }
                at += 1;
                thread::sleep(Duration::from_millis(30));
            }
        });
        let agents: Vec<_> = (0..AGENTS)
            .map(|n| {
                let tally = &tally;
                let agent = Agent::new(format!("agent-{n}"), port);
                scope.spawn(move || agent.work(n % 2 == 1, tally))
            })
            .collect();
        let outcomes: Vec<_> = agents
            .into_iter()
            .map(thread::ScopedJoinHandle::join)
            .collect();
        over.store(true, Ordering::Relaxed);
        killer.join().expect("no panic");
        for outcome in outcomes {
            outcome.unwrap_or_else(|why| std::panic::resume_unwind(why));
        }
    });
    tally
}

#[test]
fn every_request_gets_its_own_answer_and_nothing_is_left_over() {
    let home = Home::new();
    let policy = permit_all("echo");
    // An argument that no other server has.
    let marker = home.root().display().to_string();
    let server = ["--".to_owned(), example("echo_server"), marker];
    let gate = Listening::start(&home, &Run::policy(&home, &policy).serve(&server));
    // The first wave brings the memory to its level, without any harm.
    let calm = wave(&home, gate.port, false);
    assert_eq!(calm.answered.into_inner(), AGENTS * CALLS);
    let level = resident_kib(gate.process.id());

    let mut cut = 0;
    for _ in 0..3 {
        let tally = wave(&home, gate.port, true);
        let answered = tally.answered.into_inner();
        cut += tally.cut.load(Ordering::Relaxed);
        assert_eq!(answered + tally.cut.into_inner(), AGENTS * CALLS);
    }
    println!("{cut} calls were cut");
    assert!(cut > 0, "no server was killed in the middle of a call");

    // Sessions are over and their servers gone; the stateless era may keep one.
    let end = Instant::now() + Duration::from_secs(30);
    while servers(&home).len() > 1 {
        assert!(Instant::now() < end, "left over: {:?}", servers(&home));
        thread::sleep(Duration::from_millis(50));
    }
    let now = resident_kib(gate.process.id());
    println!("resident: {level} KiB, then {now} KiB");
    assert!(
        now < level + 16 * 1024,
        "memory grew from {level} to {now} KiB"
    );
}
