//! stdio in front, any upstream behind: one thread, one poll(2) loop.
//!
//! One loop rather than a thread each way: messages of both sides meet in one
//! order, nothing has to be locked, and a peer that does not read stops the
//! other side (back-pressure) but never the loop. Standard streams of an async
//! runtime go through a thread pool, which costs more than all checks do.

mod again;
mod wait;

pub use again::Started;

use super::child::{Action, Shutdown, ShutdownTimes};
use super::lines::{Line, Lines};
use super::outbox::{Outbox, Written};
use super::upstream::{Exit, Upstream};
use super::words::Words;
use crate::engine::message::Direction;
use crate::engine::types::ServerName;
use crate::proxy::era::{Act, ForAgent, Heard, Interpreter, Passed};
use crate::proxy::pump::{Outgoing, PinStore, Pump, Recorder};
use crate::telemetry::log::Held;
use again::Again;
use rustix::event::PollFlags;
use rustix::io::Errno;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};
use wait::{Fds, Ready, Source};

/// The agent's side: where its messages come from and go to.
#[derive(Debug)]
pub struct Ends {
    /// Messages of the agent.
    pub input: OwnedFd,
    /// Messages for the agent; writing must not block.
    pub output: OwnedFd,
    /// The server's own words, prefixed; writing of up to 4096 bytes must not
    /// block once poll(2) says so.
    pub errors: OwnedFd,
    /// Becomes readable when a signal has come.
    pub signals: OwnedFd,
}

/// One running connection.
#[derive(Debug)]
pub struct Stdio<R: Recorder, P> {
    pump: Pump<R, P>,
    /// Translates, if the agent and the server are of two eras.
    interpreter: Interpreter,
    upstream: Box<dyn Upstream>,
    ends: Ends,
    began: Instant,
    from_agent: Option<Lines>,
    from_server: Option<Lines>,
    to_agent: Outbox<ForAgent>,
    to_server: Outbox,
    agent_reads: bool,
    words: Words,
    shutdown: Option<Shutdown>,
    /// When the agent said that it has no more to say, or the server last
    /// answered after that.
    agent_done: Option<Duration>,
    status: Option<Exit>,
    /// When the server was seen to have ended.
    ended: Option<Duration>,
    /// How it can be started once more.
    again: Option<Again>,
}

/// How long a server may go on answering after the agent has hung up.
const LAST_ANSWERS: Duration = Duration::from_secs(10);
/// How long a server's streams may stay open after it has ended.
const LINGER: Duration = Duration::from_secs(2);
impl<R: Recorder, P: PinStore> Stdio<R, P> {
    /// A connection between `ends` and `upstream`.
    pub fn new(
        pump: Pump<R, P>,
        interpreter: Interpreter,
        upstream: Box<dyn Upstream>,
        ends: Ends,
        server: &ServerName,
    ) -> Self {
        let bound = pump.longest_line();
        Self {
            pump,
            interpreter,
            upstream,
            ends,
            began: Instant::now(),
            from_agent: Some(Lines::new(bound)),
            from_server: Some(Lines::new(bound)),
            to_agent: Outbox::default(),
            to_server: Outbox::default(),
            agent_reads: true,
            words: Words::new(server).with_log(Held::begin()),
            shutdown: None,
            agent_done: None,
            status: None,
            ended: None,
            again: None,
        }
    }

    /// Runs until the server has ended and all that it said is passed on.
    /// Gives how it ended, and the recorder to be closed.
    pub fn run(mut self) -> (Option<Exit>, R) {
        while !self.is_over() {
            if let Err(e) = self.turn() {
                tracing::error!("cannot wait for the peers: {e}");
                self.upstream.kill();
                break;
            }
        }
        (self.status, self.pump.into_recorder())
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    fn is_over(&self) -> bool {
        let said = self.to_agent.is_empty() || !self.agent_reads;
        self.from_server.is_none() && self.status.is_some() && said && self.words.is_empty()
    }

    /// Waits for something to happen, and deals with it.
    fn turn(&mut self) -> Result<(), Errno> {
        let ready = self.wait()?;
        let now = self.now();
        if ready.signals {
            self.signal(now);
        }
        if ready.server {
            self.read_server(now);
        }
        if ready.agent {
            self.read_agent(now);
        }
        self.pump.tick(now);
        let due = self.interpreter.tick(now);
        self.follow(due, false, now);
        self.send();
        self.pass_words(&ready);
        if ready.agent_gone && self.agent_reads {
            self.agent_reads = false;
            self.to_agent.clear();
            self.begin_shutdown(now);
        }
        self.watch_upstream(now, &ready);
        Ok(())
    }

    fn wait(&mut self) -> Result<Ready, Errno> {
        self.words.gather();
        // Each side waits for what it has caused itself, and for nothing else:
        // a server that answers before it reads on must find a reader.
        let agent_may = !self.to_server.is_full()
            && !self.to_agent.is_owed()
            && self.pump.wants_agent()
            && self.interpreter.wants_agent();
        let server_may = !self.to_agent.is_full() && !self.to_server.is_owed();
        let mut fds = Fds::default();
        let read_agent = agent_may && self.from_agent.is_some();
        let read_server = server_may && self.from_server.is_some();
        fds.add(Source::Signals, self.ends.signals.as_fd(), PollFlags::IN);
        if read_agent {
            fds.add(Source::Agent, self.ends.input.as_fd(), PollFlags::IN);
        }
        if let Some(stdout) = self.upstream.stdout().filter(|_| read_server) {
            fds.add(Source::Server, stdout.as_fd(), PollFlags::IN);
        }
        if self.agent_reads {
            let wanted = wanted(!self.to_agent.is_empty(), PollFlags::OUT);
            fds.add(Source::ToAgent, self.ends.output.as_fd(), wanted);
        }
        if let Some(stdin) = self.upstream.stdin().filter(|_| !self.to_server.is_empty()) {
            fds.add(Source::ToServer, stdin.as_fd(), PollFlags::OUT);
        }
        if let Some(stderr) = self.upstream.stderr().filter(|_| self.words.has_room()) {
            fds.add(Source::Words, stderr.as_fd(), PollFlags::IN);
        }
        if !self.words.is_empty() {
            fds.add(Source::Errors, self.ends.errors.as_fd(), PollFlags::OUT);
        }
        if let Some(exit) = self.upstream.exit_fd().filter(|_| self.status.is_none()) {
            fds.add(Source::Exit, exit.as_fd(), PollFlags::IN);
        }
        fds.poll(self.timeout())
    }

    fn timeout(&self) -> Option<Duration> {
        let hung_up = self.agent_done.map(|t| t.saturating_add(LAST_ANSWERS));
        let open = self.from_server.is_some() || !self.words.is_empty();
        let linger = self.ended.filter(|_| open);
        let linger = linger.map(|t| t.saturating_add(LINGER));
        let shutdown = self.shutdown.as_ref().and_then(Shutdown::deadline);
        let shutdown = shutdown.map(|t| t.saturating_duration_since(self.began));
        let (pump, era) = (self.pump.deadline(), self.interpreter.deadline());
        let next = [pump, era, linger, hung_up, shutdown];
        let next = next.into_iter().flatten().min()?;
        Some(next.saturating_sub(self.now()))
    }

    fn read_agent(&mut self, now: Duration) {
        let Some(lines) = &mut self.from_agent else {
            return;
        };
        let open = fill(lines, self.ends.input.as_fd());
        while let Some(line) = self.from_agent.as_mut().and_then(Lines::next_line) {
            self.hear(line, now);
        }
        if !open {
            let last = self.from_agent.take();
            if let Some(line) = last.and_then(|mut lines| lines.last_line()) {
                self.hear(line, now);
            }
            self.agent_done = Some(now);
        }
    }

    /// A line of the agent.
    fn hear(&mut self, line: Line, now: Duration) {
        let bytes = match line {
            Line::Whole(bytes) => bytes,
            Line::TooLarge(scan) => {
                self.interpreter.cannot_read(scan.id());
                return self.pump.receive_too_large(Direction::ToServer, &scan, now);
            }
        };
        let opened = self.pump.open(Direction::ToServer, bytes);
        match self.interpreter.from_agent(opened, now) {
            Heard::AsIs(opened) => self.pump.receive_opened(opened, now),
            Heard::Acts(acts) => self.follow(acts, true, now),
        }
    }

    /// Does what the interpreter wants to be done. `returned`: it comes of what
    /// the agent has sent.
    fn follow(&mut self, acts: Vec<Act>, returned: bool, now: Duration) {
        for act in acts {
            match act {
                Act::Judge(opened) => self.pump.receive_opened(*opened, now),
                Act::Tell(told) if self.agent_reads => self.to_agent.push(told, returned),
                // It has hung up.
                Act::Tell(told) => drop(told),
                Act::Lost(lost) => self.pump.lost(lost, now),
            }
        }
    }

    fn read_server(&mut self, now: Duration) {
        self.record_lost(now);
        let (Some(lines), Some(stdout)) = (&mut self.from_server, self.upstream.stdout()) else {
            return;
        };
        let unanswered = self.pump.unanswered();
        let open = fill(lines, stdout.as_fd());
        while let Some(line) = lines.next_line() {
            judge(&mut self.pump, line, now);
        }
        // As long as it answers, an agent that has hung up may still read.
        if self.pump.unanswered() < unanswered {
            self.agent_done = self.agent_done.map(|_| now);
        }
        if !open {
            if let Some(line) = lines.last_line() {
                judge(&mut self.pump, line, now);
            }
            self.server_said_all(now);
        }
    }

    /// What has come to nothing on its way to the server, or back, is recorded.
    fn record_lost(&mut self, now: Duration) {
        for lost in self.upstream.lost() {
            self.pump.lost(lost, now);
        }
    }

    /// The server's output has ended: nobody will be answered any more.
    fn server_said_all(&mut self, now: Duration) {
        if self.from_server.take().is_none() {
            return;
        }
        self.record_lost(now);
        self.upstream.close_stdout();
        if self.status.is_none() {
            self.status = self.upstream.poll_exit();
        }
        if self.starts_again(now) {
            return;
        }
        let why = match &self.status {
            Some(exit) => format!("the server has ended ({})", exit.why),
            None => "the server has closed its output".to_owned(),
        };
        self.pump.server_gone(&why, now);
        self.pass_on(now);
        let left = self.interpreter.end(now);
        self.follow(left, false, now);
        self.begin_shutdown(now);
    }

    /// Gives what is cleared to whom it is for.
    fn pass_on(&mut self, now: Duration) {
        loop {
            let cleared = self.pump.flush();
            if cleared.is_empty() {
                return;
            }
            for sent in cleared {
                match sent.to {
                    Direction::ToAgent => self.tell(sent, now),
                    Direction::ToServer if self.upstream.stdin().is_some() => {
                        self.to_server.push(sent.frame, sent.returned);
                    }
                    // Its reader is gone; the record says what it was.
                    Direction::ToServer => drop(sent),
                }
            }
        }
    }

    fn tell(&mut self, sent: Outgoing, now: Duration) {
        let returned = sent.returned;
        match self.interpreter.to_agent(sent.frame, now) {
            Passed::AsIs(frame) if self.agent_reads => self.to_agent.push(frame.into(), returned),
            Passed::AsIs(frame) => drop(frame),
            Passed::Acts(acts) => self.follow(acts, returned, now),
        }
    }

    /// Passes on what is cleared, as far as the peers read.
    fn send(&mut self) {
        let now = self.now();
        self.pass_on(now);
        if !self.to_agent.is_empty() && self.to_agent.write(&self.ends.output) == Written::Closed {
            self.agent_reads = false;
            self.begin_shutdown(now);
        }
        if let Some(stdin) = self.upstream.stdin()
            && !self.to_server.is_empty()
            && self.to_server.write(stdin) == Written::Closed
        {
            // A server that reads no more answers no more: whoever waits is
            // told when it has ended.
            self.upstream.close_stdin();
            self.begin_shutdown(now);
        }
    }

    /// Passes the server's words on to lockgate's own standard error.
    fn pass_words(&mut self, ready: &Ready) {
        if ready.words
            && let Some(stderr) = self.upstream.stderr()
            && !self.words.read(stderr.as_fd())
        {
            self.upstream.close_stderr();
        }
        if ready.errors {
            self.words.write(self.ends.errors.as_fd());
        }
    }

    fn signal(&mut self, now: Duration) {
        let mut seen = [0; 64];
        // How many came does not matter; they are told apart below.
        let _ = rustix::io::read(&self.ends.signals, &mut seen);
        if super::signals::stop_requested() {
            self.begin_shutdown(now);
        }
    }

    fn begin_shutdown(&mut self, now: Duration) {
        if self.shutdown.is_none() {
            let now = self.began + now;
            self.shutdown = Some(Shutdown::begin(now, ShutdownTimes::default()));
        }
    }

    fn watch_upstream(&mut self, now: Duration, ready: &Ready) {
        // Asked only when there is news: it is a system call.
        let news = ready.exit || ready.signals || self.from_server.is_none();
        if self.status.is_none() && (news || self.shutdown.is_some()) {
            self.status = self.upstream.poll_exit();
            self.ended = self.status.as_ref().map(|_| now);
        }
        self.hang_up(now);
        let action = self
            .shutdown
            .as_mut()
            .and_then(|s| s.step(self.began + now));
        match action.filter(|_| self.status.is_none()) {
            None => {}
            Some(Action::CloseStdin) => self.upstream.close_stdin(),
            Some(Action::Terminate) => self.upstream.terminate(),
            Some(Action::Kill) => self.upstream.kill(),
        }
        // What holds the streams open now is not the server any more.
        if self.ended.is_some_and(|t| t.saturating_add(LINGER) <= now) {
            self.server_said_all(now);
            self.send();
            self.upstream.close_stderr();
            self.words.clear();
            // Nothing is left to wait for but an agent that does not read.
            if super::signals::stop_requested() {
                self.to_agent.clear();
            }
        }
    }

    /// The agent has hung up: the server gets what is left, then end of input,
    /// and time to answer what it was asked.
    fn hang_up(&mut self, now: Duration) {
        let Some(since) = self.agent_done else {
            return;
        };
        let late = since.saturating_add(LAST_ANSWERS) <= now;
        let holds = self.pump.is_holding() || self.interpreter.is_holding();
        if !late && (holds || !self.to_server.is_empty()) {
            return;
        }
        self.upstream.close_stdin();
        if late || !self.pump.is_waiting() {
            self.agent_done = None;
            self.begin_shutdown(now);
        }
    }
}

/// A line of the server.
fn judge<R: Recorder, P: PinStore>(pump: &mut Pump<R, P>, line: Line, now: Duration) {
    match line {
        Line::Whole(bytes) => pump.receive(Direction::ToAgent, bytes, now),
        Line::TooLarge(scan) => pump.receive_too_large(Direction::ToAgent, &scan, now),
    }
}

/// Reads once. Says whether the stream is still open.
fn fill(lines: &mut Lines, from: BorrowedFd<'_>) -> bool {
    let room = lines.room();
    match rustix::io::read(from, rustix::buffer::spare_capacity(room)) {
        Ok(count) => count > 0,
        Err(e) => matches!(e, Errno::INTR | Errno::AGAIN),
    }
}

fn wanted(condition: bool, flags: PollFlags) -> PollFlags {
    if condition { flags } else { PollFlags::empty() }
}
