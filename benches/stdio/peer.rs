//! One running target, and the client's end of its pipes.

use crate::Failure;
use crate::procfs::{self, Usage};
use crate::report::Bar;
use crate::target::{self, Between, SMALL};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// The bars that lockgate has set itself, by the figure's name.
pub(crate) const BARS: &[(&str, Bar)] = &[
    ("small call, p50", Bar::TimesFloor(1.35)),
    ("small call, p99", Bar::TimesFloor(1.5)),
    ("calls a second, 16 in flight", Bar::ShareOfDirect(0.45)),
    ("CPU per 10 000 calls, 16 in flight", Bar::AtMost(0.08)),
    ("results of 1 MB", Bar::AtLeast(500.0)),
    ("results of 10 MB", Bar::AtLeast(500.0)),
    // 12 MiB and three times the payload of 10 MB.
    ("peak memory, 10 MB in flight", Bar::AtMost(40.6)),
    ("tools/list of 500, p50", Bar::AtMost(2.0)),
    (
        "cold start to the first list of 50",
        Bar::MoreThanDirect(6.0),
    ),
    ("memory at rest", Bar::AtMost(8.0)),
];

/// A started target after its handshake.
#[derive(Debug)]
pub(crate) struct Peer {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    line: Vec<u8>,
    next: u64,
}

impl Peer {
    /// Starts a target with an echo server of `tools` tools, and does the
    /// handshake. `home` holds lockgate's policy, pins and audit.
    pub(crate) fn start(between: Between, tools: usize, home: &Path) -> Result<Self, Failure> {
        let mut child = command(between, tools, home)?
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(home.join("stderr.log"))?)
            .spawn()?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let mut peer = Self {
            child,
            input,
            output: BufReader::with_capacity(1 << 16, output.ok_or("no stdout")?),
            line: Vec::new(),
            next: 0,
        };
        peer.ask("initialize", r#"{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}"#)?;
        peer.send(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#)?;
        Ok(peer)
    }

    /// One request and its answer; returns the round trip and the answer's size.
    pub(crate) fn ask(&mut self, method: &str, params: &str) -> Result<(Duration, usize), Failure> {
        let from = Instant::now();
        let id = self.request(method, params)?;
        let size = self.answer(id)?;
        Ok((from.elapsed(), size))
    }

    /// A small call.
    pub(crate) fn call(&mut self) -> Result<Duration, Failure> {
        Ok(self.ask("tools/call", SMALL)?.0)
    }

    /// `count` small calls with `flight` of them under way; calls a second.
    pub(crate) fn flood(&mut self, count: u32, flight: u32) -> Result<f64, Failure> {
        let from = Instant::now();
        let mut waiting = std::collections::VecDeque::new();
        for _ in 0..count {
            if waiting.len() >= flight as usize
                && let Some(oldest) = waiting.pop_front()
            {
                self.answer(oldest)?;
            }
            waiting.push_back(self.request("tools/call", SMALL)?);
        }
        for id in waiting {
            self.answer(id)?;
        }
        Ok(f64::from(count) / from.elapsed().as_secs_f64())
    }

    /// What the processes of the target use.
    pub(crate) fn usage(&self) -> Usage {
        procfs::usage(self.child.id())
    }

    fn request(&mut self, method: &str, params: &str) -> Result<u64, Failure> {
        self.next += 1;
        let id = self.next;
        let line =
            format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#);
        self.send(&line)?;
        Ok(id)
    }

    fn send(&mut self, line: &str) -> Result<(), Failure> {
        let input = self.input.as_mut().ok_or("stdin is closed")?;
        input.write_all(format!("{line}\n").as_bytes())?;
        Ok(())
    }

    /// Reads the answer to `id`, which must be the next one and a success.
    fn answer(&mut self, id: u64) -> Result<usize, Failure> {
        self.line.clear();
        self.output.read_until(b'\n', &mut self.line)?;
        let expected = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":"#);
        if self.line.starts_with(expected.as_bytes()) && self.line.ends_with(b"}\n") {
            return Ok(self.line.len());
        }
        let start: String = String::from_utf8_lossy(&self.line)
            .chars()
            .take(300)
            .collect();
        Err(format!(
            "expected a result for request {id}, got `{}`",
            start.trim_end()
        )
        .into())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // The spec's shutdown: close stdin, wait, and only then kill.
        self.input = None;
        let until = Instant::now() + Duration::from_secs(5);
        while Instant::now() < until {
            if let Ok(Some(_)) = self.child.try_wait() {
                return;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn command(between: Between, tools: usize, home: &Path) -> Result<Command, Failure> {
    let own = target::own()?;
    let own = own.as_str();
    let count = tools.to_string();
    let echo = [own, "__echo", "--tools", &count];
    let mut command = match between {
        Between::Direct | Between::Floor => Command::new(own),
        Between::Lockgate => Command::new(env!("CARGO_BIN_EXE_lockgate")),
    };
    match between {
        Between::Direct => command.args(["__echo", "--tools", &count]),
        Between::Floor => command.arg("__floor").args(echo),
        Between::Lockgate => {
            let words: Vec<String> = echo.iter().map(|w| format!("{w:?}")).collect();
            let server = format!("command = [{}]", words.join(", "));
            command.args(["run", "--agent", "bench", "--server", "echo", "--config"]);
            command.arg(target::policy(home, tools, "stdio = true", &server)?)
        }
    };
    target::settle(&mut command, home);
    Ok(command)
}
