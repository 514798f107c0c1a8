//! The scripted agent: writes lines to `lockgate run`, and waits for answers.

use super::HOSTILE_SERVER;
use super::home::Home;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection through lockgate to the hostile server.
#[derive(Debug)]
pub(super) struct Agent {
    lockgate: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    next: u32,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    /// The line that was sent.
    pub(super) sent: String,
    /// The answer's line.
    pub(super) text: String,
}

impl Agent {
    /// Starts lockgate in front of the hostile server, and does the handshake.
    pub(super) fn start(home: &Home) -> io::Result<Self> {
        let mut lockgate = super::lockgate(home)?
            .args(["run", "--server", "handy-tools", "--"])
            .arg(std::env::current_exe()?)
            .arg(HOSTILE_SERVER)
            .arg("--log")
            .arg(home.log())
            .arg("--change-when")
            .arg(home.trigger())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(home.root().join("lockgate-stderr.log"))?)
            .spawn()?;
        let (input, output) = (lockgate.stdin.take(), lockgate.stdout.take());
        let output = output.ok_or_else(|| io::Error::other("no pipe"))?;
        let (sender, lines) = channel();
        // A thread of its own, so that waiting for an answer can time out.
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mut agent = Self {
            lockgate,
            input,
            lines,
            next: 0,
        };
        agent.ask(r#""method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"demo-agent","version":"1"}}"#)?;
        agent.send(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#)?;
        agent.ask(r#""method":"tools/list""#)?;
        Ok(agent)
    }

    /// Sends a request, given as the members after its id, and waits for the
    /// answer. The bytes are sent as they are: duplicate keys included.
    pub(super) fn ask(&mut self, members: &str) -> io::Result<Answer> {
        self.next = self.next.saturating_add(1);
        let sent = format!(r#"{{"jsonrpc":"2.0","id":{},{members}}}"#, self.next);
        self.send(&sent)?;
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let line = self
                .lines
                .recv_timeout(left)
                .map_err(|_| io::Error::other(format!("no answer to `{sent}`")))?;
            let message: serde_json::Value = serde_json::from_str(&line)?;
            if message.get("id").and_then(serde_json::Value::as_u64) == Some(self.next.into()) {
                return Ok(Answer { sent, text: line });
            }
        }
    }

    fn send(&mut self, line: &str) -> io::Result<()> {
        match &mut self.input {
            Some(input) => writeln!(input, "{line}"),
            None => Err(io::Error::other("the connection is closed")),
        }
    }

    /// Closes the connection and waits for lockgate to end.
    pub(super) fn end(mut self) -> io::Result<()> {
        self.input = None;
        self.lockgate.wait().map(drop)
    }
}
