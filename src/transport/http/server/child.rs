//! A server that runs here, for one session: its process and who looks after it.
//!
//! What is cleared is written at once, as far as the pipe takes it. One task for
//! a process does the rest: it reads what the server says while the agent reads
//! too, passes on its words, and brings its end about.

use super::session::Session;
use crate::engine::decision::{Cleared, Frame};
use crate::engine::types::ServerName;
use crate::sandbox::stderr::{LinePrefix, prefix_lines};
use crate::telemetry::log::Writer;
use crate::transport::child::{Action, Child, Shutdown, ShutdownTimes, exit_code};
use crate::transport::lines::{Line, Lines};
use crate::transport::outbox::{Outbox, Written};
use std::future::{Future, pending};
use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::net::unix::pipe;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;
use tokio::time::sleep_until;

/// How long a server's streams may stay open after it has ended.
const LINGER: Duration = Duration::from_secs(2);

/// What a session and the keeper of its process share.
#[derive(Debug)]
struct Shared {
    /// What the server reads; `None` once nothing is written any more.
    stdin: pipe::Sender,
    /// Something is to be done.
    wake: Notify,
    /// The pipe is full.
    blocked: AtomicBool,
    /// The server is to end.
    end: AtomicBool,
}

/// The session's hold on its process.
#[derive(Debug)]
pub(super) struct Process {
    outbox: Outbox,
    shared: Option<Arc<Shared>>,
}

impl Process {
    /// Whether the agent should wait before it says more.
    pub(super) fn is_full(&self) -> bool {
        self.outbox.is_full()
    }

    pub(super) fn send(&mut self, frame: Cleared<Frame>, returned: bool) {
        self.outbox.push(frame, returned);
        let blocked = |s: &Arc<Shared>| s.blocked.load(Ordering::Relaxed);
        if !self.shared.as_ref().is_some_and(blocked) {
            self.write();
        }
    }

    /// Writes as much as the server takes.
    fn write(&mut self) {
        let Some(shared) = &self.shared else {
            // It reads no more; the record says what it was.
            self.outbox.clear();
            return;
        };
        let stdin = &shared.stdin;
        let written = self
            .outbox
            .write_by(|slices| stdin.try_write_vectored(slices));
        let blocked = written == Written::Blocked;
        shared.blocked.store(blocked, Ordering::Relaxed);
        match written {
            Written::All => {}
            Written::Blocked => shared.wake.notify_one(),
            Written::Closed => self.end(),
        }
    }

    /// The server is to end: its input ends first.
    pub(super) fn end(&mut self) {
        if let Some(shared) = self.shared.take() {
            shared.end.store(true, Ordering::Relaxed);
            shared.wake.notify_one();
        }
    }
}

/// Begins to look after a process.
///
/// # Errors
/// The system watches no more descriptors.
pub(super) fn keep(
    mut child: Child,
    server: &ServerName,
    session: &Arc<Session>,
) -> io::Result<(Process, impl Future<Output = ()> + Send + use<>)> {
    let missing = || io::Error::from(io::ErrorKind::BrokenPipe);
    let input = child.stdin.take().ok_or_else(missing)?;
    let output = child.stdout.take().ok_or_else(missing)?;
    let words = child.stderr.take().ok_or_else(missing)?;
    let shared = Arc::new(Shared {
        stdin: pipe::Sender::from_owned_fd(input)?,
        wake: Notify::new(),
        blocked: AtomicBool::new(false),
        end: AtomicBool::new(false),
    });
    let keeper = Keeper {
        stdout: Some(pipe::Receiver::from_owned_fd(output)?),
        stderr: Some(pipe::Receiver::from_owned_fd(words)?),
        exits: signal(SignalKind::child())?,
        child,
        shared: Some(Arc::clone(&shared)),
        lines: Lines::new(crate::engine::message::Limits::DEFAULT.bytes),
        words: LinePrefix::new(server),
        session: Arc::clone(session),
        shutdown: None,
        ended: None,
        why: None,
    };
    let process = Process {
        outbox: Outbox::default(),
        shared: Some(shared),
    };
    Ok((process, keeper.run()))
}

/// Looks after a process until it has ended.
#[derive(Debug)]
struct Keeper {
    child: Child,
    stdout: Option<pipe::Receiver>,
    stderr: Option<pipe::Receiver>,
    /// Some process has ended.
    exits: Signal,
    /// Dropped to end the server's input.
    shared: Option<Arc<Shared>>,
    lines: Lines,
    words: LinePrefix,
    session: Arc<Session>,
    shutdown: Option<Shutdown>,
    /// When it was seen to have ended.
    ended: Option<Instant>,
    why: Option<String>,
}

/// What there is to do.
enum News {
    Said,
    Logged,
    Room,
    Exit,
    Woken,
    Time,
}

impl Keeper {
    async fn run(mut self) {
        while self.ended.is_none() || self.stdout.is_some() {
            match self.news().await {
                News::Said => self.read().await,
                News::Logged => self.read_words(),
                News::Room => self.write(),
                News::Exit => self.look(),
                News::Woken | News::Time => {}
            }
            if self.stdout.is_none() || self.shutdown.is_some() {
                self.look();
            }
            let asked = |s: &Arc<Shared>| s.end.load(Ordering::Relaxed);
            if self.shared.as_ref().is_some_and(asked) {
                self.begin_shutdown();
            }
            self.step();
        }
        let why = self
            .why
            .take()
            .unwrap_or_else(|| "it was stopped".to_owned());
        self.session
            .server_gone(&format!("the server has ended ({why})"));
    }

    async fn news(&mut self) -> News {
        let full = self.session.room.is_full();
        let due = self.due();
        let blocked = self
            .shared
            .as_ref()
            .filter(|s| s.blocked.load(Ordering::Relaxed));
        tokio::select! {
            () = readable(self.stdout.as_ref().filter(|_| !full)) => News::Said,
            () = self.session.until_read(None), if full => News::Woken,
            () = readable(self.stderr.as_ref()) => News::Logged,
            () = writable(blocked) => News::Room,
            _ = self.exits.recv(), if self.ended.is_none() => News::Exit,
            () = woken(self.shared.as_ref()) => News::Woken,
            () = until(due) => News::Time,
        }
    }

    fn due(&self) -> Option<Instant> {
        let linger = self.ended.map(|at| at + LINGER);
        let shutdown = self.shutdown.as_ref().filter(|_| self.ended.is_none());
        linger.or(shutdown.and_then(Shutdown::deadline))
    }

    async fn read(&mut self) {
        let Some(stdout) = &self.stdout else { return };
        let room = self.lines.room();
        let open = match stdout.try_read_buf(room) {
            Ok(count) => count > 0,
            Err(e) => is_passing(&e),
        };
        while let Some(line) = self.lines.next_line() {
            pass(&self.session, line).await;
        }
        if !open {
            if let Some(line) = self.lines.last_line() {
                pass(&self.session, line).await;
            }
            self.said_all();
        }
    }

    /// The server's output has ended: nobody will be answered any more.
    fn said_all(&mut self) {
        self.stdout = None;
        self.look();
        if self.ended.is_none() {
            self.why = Some("it has closed its output".to_owned());
        }
        self.begin_shutdown();
    }

    fn read_words(&mut self) {
        let Some(stderr) = &self.stderr else { return };
        let mut bytes = [0; 4096];
        let said = match stderr.try_read(&mut bytes) {
            Ok(0) => {
                self.stderr = None;
                self.words.finish()
            }
            Ok(count) => prefix_lines(&mut self.words, bytes.get(..count).unwrap_or_default()),
            Err(e) if is_passing(&e) => return,
            Err(_) => {
                self.stderr = None;
                return;
            }
        };
        // Bounded, and never waits.
        let _ = Writer.write(&said);
    }

    fn write(&self) {
        if let super::session::Upstream::Process(process) = &mut self.session.lock().upstream {
            process.write();
        }
        self.session.room.changed.notify_waiters();
    }

    fn look(&mut self) {
        if self.ended.is_some() {
            return;
        }
        if let Some(status) = self.child.poll_exit() {
            self.ended = Some(Instant::now());
            self.why = Some(status.to_string());
            tracing::debug!("a server has ended with {}", exit_code(status));
        }
    }

    fn begin_shutdown(&mut self) {
        if self.shutdown.is_none() {
            self.shutdown = Some(Shutdown::begin(Instant::now(), ShutdownTimes::default()));
        }
    }

    /// What is due.
    fn step(&mut self) {
        let now = Instant::now();
        let due = self.shutdown.as_mut().and_then(|s| s.step(now));
        match due.filter(|_| self.ended.is_none()) {
            None => {}
            Some(Action::CloseStdin) => {
                if let super::session::Upstream::Process(process) =
                    &mut self.session.lock().upstream
                {
                    process.shared = None;
                }
                // The last hold on the server's input.
                self.shared = None;
            }
            Some(Action::Terminate) => self.child.terminate(),
            Some(Action::Kill) => self.child.kill(),
        }
        // What holds the stream open now is not the server any more.
        if self.ended.is_some_and(|at| at + LINGER <= now) {
            self.stdout = None;
        }
    }
}

async fn pass(session: &Arc<Session>, line: Line) {
    match line {
        Line::Whole(bytes) => {
            // One pipe for all streams: it waits for the room of all.
            session.heard(bytes, None).await;
        }
        Line::TooLarge(scan) => session.from_server_too_large(&scan),
    }
}

fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, WouldBlock};
    matches!(error.kind(), Interrupted | WouldBlock)
}

/// Waits until there is something to read, or for ever where nothing is read.
async fn readable(fd: Option<&pipe::Receiver>) {
    match fd {
        Some(fd) => drop(fd.readable().await),
        None => pending().await,
    }
}

async fn writable(shared: Option<&Arc<Shared>>) {
    match shared {
        Some(shared) => drop(shared.stdin.writable().await),
        None => pending().await,
    }
}

async fn woken(shared: Option<&Arc<Shared>>) {
    match shared {
        Some(shared) => shared.wake.notified().await,
        None => pending().await,
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due.into()).await,
        None => pending().await,
    }
}
