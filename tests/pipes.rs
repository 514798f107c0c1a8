//! Pipes that somebody does not read: honest traffic goes on, and lockgate can
//! be ended.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_mins(1);

/// A server that reads no further until its answer is written, as a simple
/// one does. `NOISE` bytes go to stderr beside it.
const SERVER: &str = r#"
import json, os, sys, threading
noise = int(os.environ["NOISE"])
threading.Thread(target=lambda: os.write(2, b"n" * noise + b"\n"), daemon=True).start()
for line in sys.stdin.buffer:
    message = json.loads(line)
    result = {}
    if message["method"] == "tools/list":
        schema = {"type": "object", "properties": {"x": {"type": "string"}}}
        result = {"tools": [{"name": "say", "description": "Says it.", "inputSchema": schema}]}
    elif message["method"] == "tools/call":
        result = {"content": [{"type": "text", "text": "y" * 2_000_000}]}
    answer = {"jsonrpc": "2.0", "id": message["id"], "result": result}
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
    sys.stdout.buffer.flush()
"#;

/// Lockgate in front of that server; its stderr is a pipe that nobody reads.
struct Gate {
    child: Child,
    answers: Receiver<String>,
}

impl Gate {
    fn start(home: &Path, noise: usize) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_lockgate"))
            .args(["run", "--env", "NOISE", "--", "python3", "-c", SERVER])
            .current_dir(home)
            .env_clear()
            .env("HOME", home)
            .env("NOISE", noise.to_string())
            .env("PATH", std::env::var_os("PATH").unwrap())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (tell, answers) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if tell.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, answers }
    }

    fn input(&mut self) -> ChildStdin {
        self.child.stdin.take().unwrap()
    }

    #[track_caller]
    fn answer(&self, id: u32) -> String {
        let line = self.answers.recv_timeout(PATIENCE).unwrap();
        assert!(
            line.contains(&format!(r#""id":{id},"#)) || line.contains(&format!(r#""id": {id},"#))
        );
        line
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn call(id: u32, size: usize) -> String {
    let text = "x".repeat(size);
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"say","arguments":{{"x":"{text}"}}}}}}"#
    )
}

#[test]
fn a_server_that_answers_before_it_reads_on_finds_a_reader() {
    let home = tempfile::tempdir().unwrap();
    let mut gate = Gate::start(home.path(), 0);
    let mut input = gate.input();
    let writer = std::thread::spawn(move || {
        for (id, size) in [(1, 1), (2, 3_000_000), (3, 1)] {
            writeln!(input, "{}", call(id, size)).unwrap();
        }
        input
    });
    for id in 1..=3 {
        assert!(gate.answer(id).len() > 2_000_000);
    }
    drop(writer.join().unwrap());
    assert!(gate.child.wait().unwrap().success());
}

#[test]
fn an_unread_standard_error_stops_nothing() {
    let home = tempfile::tempdir().unwrap();
    let mut gate = Gate::start(home.path(), 400_000);
    let mut input = gate.input();
    let denied = 90;
    for id in 1..=denied {
        writeln!(input, r#"{{"jsonrpc":"2.0","id":{id},"method":"no/such"}}"#).unwrap();
        assert!(gate.answer(id).contains("unknown-method"));
    }
    writeln!(input, r#"{{"jsonrpc":"2.0","id":500,"method":"ping"}}"#).unwrap();
    assert!(gate.answer(500).contains("result"));
    let pid = gate.child.id().to_string();
    assert!(Command::new("kill").arg(pid).status().unwrap().success());
    let end = Instant::now() + PATIENCE;
    while gate.child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < end, "SIGTERM does not end it");
        std::thread::sleep(Duration::from_millis(20));
    }
}
