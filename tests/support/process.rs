//! Processes that cannot outlive their test: each gets a process group of its
//! own, which is killed when its handle is dropped; every wait has an end and
//! fails with what all parties said on stderr.

use super::home::Home;
use rustix::process::{Pid, Signal, kill_process_group};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Longest wait for one line or one exit.
const PATIENCE: Duration = Duration::from_mins(1);

/// Longest wait for the end of a stream whose process has ended.
const LINGER: Duration = Duration::from_secs(2);

/// A child on three pipes.
#[derive(Debug)]
pub(crate) struct Process {
    argv: Vec<String>,
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<Vec<u8>>,
    stderr: Arc<Mutex<String>>,
    hearing: JoinHandle<()>,
}

impl Process {
    /// Starts `argv` in `home`, with the home's environment and no other.
    pub(crate) fn start(home: &Home, argv: &[String]) -> Self {
        let (program, rest) = argv.split_first().expect("argv names a program");
        let mut child = Command::new(program)
            .args(rest)
            .env_clear()
            .envs(home.env())
            .current_dir(home.work())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap_or_else(|e| panic!("cannot start {argv:?}: {e}"));
        let stderr = Arc::new(Mutex::new(String::new()));
        let mut said = child.stderr.take().expect("piped");
        let heard = Arc::clone(&stderr);
        let hearing = thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(n @ 1..) = said.read(&mut chunk) {
                let text = String::from_utf8_lossy(&chunk[..n]).into_owned();
                heard.lock().expect("no panic").push_str(&text);
            }
        });
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        let (tell, lines) = channel();
        thread::spawn(move || {
            let mut line = Vec::new();
            while let Ok(1..) = stdout.read_until(b'\n', &mut line) {
                if tell.send(std::mem::take(&mut line)).is_err() {
                    break;
                }
            }
        });
        Self {
            argv: argv.to_vec(),
            stdin: child.stdin.take(),
            child,
            lines,
            stderr,
            hearing,
        }
    }

    /// Sends bytes as they are. A peer that has stopped reading is a failure.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let stdin = self.stdin.as_mut().expect("stdin is open");
        let sent = stdin.write_all(bytes.as_ref()).and_then(|()| stdin.flush());
        if let Err(e) = sent {
            self.fail(&format!("does not read: {e}"));
        }
    }

    /// Sends a message and its line end.
    pub(crate) fn say(&mut self, message: &str) {
        self.send(format!("{message}\n"));
    }

    /// The next line of stdout, with its line end; `None` at the end.
    pub(crate) fn line(&self) -> Option<Vec<u8>> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => self.fail("says nothing"),
        }
    }

    /// Closes stdin and waits for the end, and for what was said before it.
    pub(crate) fn finish(&mut self) -> ExitStatus {
        self.stdin = None;
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                // Its children may hold the stream open.
                let end = Instant::now() + LINGER;
                while !self.hearing.is_finished() && Instant::now() < end {
                    thread::sleep(Duration::from_millis(1));
                }
                return status;
            }
            if Instant::now() > end {
                self.fail("does not end after its stdin was closed");
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// All that is left on stdout, until its end.
    pub(crate) fn rest(&self) -> Vec<u8> {
        std::iter::from_fn(|| self.line()).flatten().collect()
    }

    /// Its id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it and its children said on stderr so far.
    pub(crate) fn stderr(&self) -> String {
        self.stderr.lock().expect("no panic").clone()
    }

    /// Ends the test.
    pub(crate) fn fail(&self, why: &str) -> ! {
        panic!("{:?} {why}\nstderr:\n{}", self.argv, self.stderr())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let group = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
            if let Some(group) = group {
                let _ = kill_process_group(group, Signal::KILL);
            }
            let _ = self.child.wait();
        }
    }
}
