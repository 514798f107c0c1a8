//! One running target, and the client's connections to it.

use crate::Failure;
use crate::http::Connection;
use crate::measure::Bench;
use crate::procfs::{self, Usage};
use crate::report::Bar;
use crate::target::{self, Between, SMALL};
use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The bars that lockgate has set itself, by the figure's name.
pub(crate) const BARS: &[(&str, Bar)] = &[
    ("small call, p50", Bar::TimesFloor(1.35)),
    ("small call, p99", Bar::TimesFloor(1.5)),
    ("calls a second, 16 in flight", Bar::ShareOfDirect(0.38)),
    ("CPU per 10 000 calls, 16 in flight", Bar::AtMost(0.35)),
    ("results of 1 MB", Bar::AtLeast(500.0)),
    ("results of 10 MB", Bar::AtLeast(500.0)),
    // 12 MiB and three times the payload of 10 MB.
    ("peak memory, 10 MB in flight", Bar::AtMost(40.6)),
    ("tools/list of 500, p50", Bar::AtMost(2.0)),
    (
        "cold start to the first list of 50",
        Bar::MoreThanDirect(6.0),
    ),
    ("memory at rest", Bar::AtMost(15.0)),
    ("an idle session", Bar::AtMost(20.0)),
];

/// A process that listens, ended with its handle.
#[derive(Debug)]
struct Listening {
    child: Child,
    port: u16,
}

impl Listening {
    fn start(mut command: Command, home: &Path) -> Result<Self, Failure> {
        target::settle(&mut command, home);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut said = BufReader::new(child.stderr.take().ok_or("no stderr")?);
        let (mut line, mut all) = (String::new(), String::new());
        let port = loop {
            line.clear();
            if said.read_line(&mut line)? == 0 {
                return Err(format!("a target does not listen: {all}").into());
            }
            all.push_str(&line);
            if line.contains("listening on ") {
                let port = line.trim_end().rsplit([' ', ':']).next();
                break port.unwrap_or_default().parse()?;
            }
        };
        // What it says later is nobody's business, but must not stop it.
        std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
        Ok(Self { child, port })
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// A session and its connection.
#[derive(Debug)]
struct Session {
    connection: Connection,
    /// Those that say which session it is.
    headers: String,
    next: u64,
}

impl Session {
    fn open(port: u16, body: &mut Vec<u8>) -> Result<Self, Failure> {
        let mut session = Self {
            connection: Connection::open(port)?,
            headers: String::new(),
            next: 0,
        };
        session.send("initialize", r#"{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}"#)?;
        if let Some(name) = session.answer(body)? {
            session.headers =
                format!("mcp-session-id: {name}\r\nmcp-protocol-version: 2025-11-25\r\n");
        }
        let told = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
        session.connection.send("POST", &session.headers, told)?;
        let status = session.connection.response(body)?.status;
        if status == 202 {
            Ok(session)
        } else {
            Err(format!("a notification was answered with {status}").into())
        }
    }

    fn send(&mut self, method: &str, params: &str) -> Result<(), Failure> {
        self.next += 1;
        let id = self.next;
        let body =
            format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#);
        self.connection.send("POST", &self.headers, &body)
    }

    /// Reads the answer to the last request, which must be a success, into
    /// `body`; gives the name of the session that it opens.
    fn answer(&mut self, body: &mut Vec<u8>) -> Result<Option<String>, Failure> {
        let head = self.connection.response(body)?;
        let expected = format!(r#"{{"jsonrpc":"2.0","id":{},"result":"#, self.next);
        if head.status == 200
            && body.starts_with(expected.as_bytes())
            && body.trim_ascii_end().ends_with(b"}")
        {
            return Ok(head.session);
        }
        let start: String = String::from_utf8_lossy(body).chars().take(300).collect();
        Err(format!(
            "expected a result for request {}, got {} `{start}`",
            self.next, head.status
        )
        .into())
    }
}

/// A started target with sessions to it.
#[derive(Debug)]
pub(crate) struct Peer {
    sessions: Vec<Session>,
    body: Vec<u8>,
    front: Listening,
    /// The echo server, unless it is in front.
    _behind: Option<Listening>,
}

impl Peer {
    /// Starts a target with an echo server of `tools` tools, and opens a
    /// session. `home` holds lockgate's policy, pins and audit.
    pub(crate) fn start(between: Between, tools: usize, home: &Path) -> Result<Self, Failure> {
        let own = target::own()?;
        let mut echo = Command::new(&own);
        echo.args(["__echo", "--http", "--tools", &tools.to_string()]);
        let echo = Listening::start(echo, home)?;
        let address = format!("127.0.0.1:{}", echo.port);
        let (front, behind) = match between {
            Between::Direct => (echo, None),
            Between::Floor => {
                let mut floor = Command::new(own);
                floor.args(["__floor", &address]);
                (Listening::start(floor, home)?, Some(echo))
            }
            Between::Lockgate => {
                let server = format!("url = \"http://{address}/mcp\"");
                let policy = target::policy(home, tools, AGENT, &server)?;
                let mut lockgate = Command::new(env!("CARGO_BIN_EXE_lockgate"));
                lockgate.args([
                    "serve",
                    "--listen",
                    "127.0.0.1:0",
                    "--agent",
                    "bench",
                    "--config",
                ]);
                lockgate.arg(policy);
                (Listening::start(lockgate, home)?, Some(echo))
            }
        };
        let mut peer = Self {
            sessions: Vec::new(),
            body: Vec::new(),
            front,
            _behind: behind,
        };
        peer.sessions_up_to(1)?;
        Ok(peer)
    }

    fn sessions_up_to(&mut self, count: usize) -> Result<(), Failure> {
        while self.sessions.len() < count {
            let session = Session::open(self.front.port, &mut self.body)?;
            self.sessions.push(session);
        }
        Ok(())
    }

    /// One request and its answer; returns the round trip and the answer's size.
    pub(crate) fn ask(&mut self, method: &str, params: &str) -> Result<(Duration, usize), Failure> {
        let from = Instant::now();
        let session = self.sessions.first_mut().ok_or("no session")?;
        session.send(method, params)?;
        session.answer(&mut self.body)?;
        Ok((from.elapsed(), self.body.len()))
    }

    /// A small call.
    pub(crate) fn call(&mut self) -> Result<Duration, Failure> {
        Ok(self.ask("tools/call", SMALL)?.0)
    }

    /// `count` small calls with `flight` of them under way, each in a session
    /// of its own; calls a second.
    pub(crate) fn flood(&mut self, count: u32, flight: u32) -> Result<f64, Failure> {
        self.sessions_up_to(flight as usize)?;
        let from = Instant::now();
        let mut waiting = VecDeque::new();
        for at in 0..count {
            let at = (at % flight) as usize;
            if waiting.len() >= flight as usize {
                self.settle(waiting.pop_front())?;
            }
            let session = self.sessions.get_mut(at).ok_or("no session")?;
            session.send("tools/call", SMALL)?;
            waiting.push_back(at);
        }
        while !waiting.is_empty() {
            self.settle(waiting.pop_front())?;
        }
        Ok(f64::from(count) / from.elapsed().as_secs_f64())
    }

    fn settle(&mut self, at: Option<usize>) -> Result<(), Failure> {
        let session = at.and_then(|at| self.sessions.get_mut(at));
        session.ok_or("no session")?.answer(&mut self.body)?;
        Ok(())
    }

    /// What the processes of the target use, without echo servers.
    pub(crate) fn usage(&self) -> Usage {
        procfs::usage(self.front.child.id())
    }
}

/// Growth of the resident memory by a session that has made a call and waits.
pub(crate) fn idle_sessions(bench: &mut Bench<'_>) -> Result<(), Failure> {
    const COUNT: u16 = 400;
    let mut values: [Vec<f64>; 3] = Default::default();
    for (values, peer) in values.iter_mut().zip(&mut bench.start(50)?) {
        peer.ask("tools/list", "{}")?;
        let before = peer.usage().resident;
        peer.sessions_up_to(COUNT.into())?;
        for session in &mut peer.sessions {
            session.send("tools/call", SMALL)?;
            session.answer(&mut peer.body)?;
        }
        let grown = peer.usage().resident - before;
        values.push(grown * 1024.0 / f64::from(COUNT));
    }
    bench.keep("an idle session", "KiB", values);
    Ok(())
}

/// Who the client is, in the policy.
const AGENT: &str = "stdio = true";
