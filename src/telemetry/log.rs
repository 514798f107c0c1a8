//! Log lines on standard error that never stop the messages.
//!
//! A client need not read lockgate's standard error, and a server can fill it
//! (A1); a write to a full pipe would stop the one thread that everything runs
//! on. While a [`Held`] lives, lines are kept, up to a bound, for whoever polls
//! the descriptor; otherwise they are written, and given up after a while.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Most bytes that are kept.
const ROOM: usize = 64 * 1024;
/// A write of so many bytes does not block once poll(2) has said so
/// (`PIPE_BUF` on Linux, pipe(7)).
const CHUNK: usize = 4096;
/// So long nobody may read before a line is given up.
const PATIENCE: Timespec = Timespec {
    tv_sec: 1,
    tv_nsec: 0,
};

#[derive(Debug)]
struct State {
    /// Lines are kept, not written.
    held: bool,
    kept: Vec<u8>,
    /// Lines that found no room.
    lost: usize,
    /// Whoever drains is to go on.
    drains: bool,
}

static STATE: Mutex<State> = Mutex::new(State {
    held: false,
    kept: Vec::new(),
    lost: 0,
    drains: false,
});
/// There is something to drain, or it is over.
static NEWS: Condvar = Condvar::new();

fn state() -> MutexGuard<'static, State> {
    // The state is whole after every step, so a panic elsewhere spoils nothing.
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where the log goes: one line a write.
#[derive(Debug, Clone, Copy, Default)]
pub struct Writer;

impl Write for Writer {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut state = state();
        if !state.held {
            drop(state);
            patiently(line);
        } else if state.kept.len().saturating_add(line.len()) > ROOM {
            state.lost = state.lost.saturating_add(1);
        } else {
            state.kept.extend_from_slice(line);
            NEWS.notify_one();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Keeps log lines from being written as long as it lives.
#[derive(Debug)]
pub struct Held(());

impl Held {
    /// From now on lines are kept.
    pub fn begin() -> Self {
        let mut state = state();
        state.held = true;
        state.drains = true;
        Self(())
    }

    /// Moves what was kept to the end of `to`.
    pub fn take(&self, to: &mut Vec<u8>) {
        move_kept(&mut state(), to);
    }

    /// Whoever drains comes to an end.
    pub fn end_draining() {
        state().drains = false;
        NEWS.notify_all();
    }
}

fn move_kept(state: &mut State, to: &mut Vec<u8>) {
    to.append(&mut state.kept);
    let lost = std::mem::take(&mut state.lost);
    if lost > 0 {
        to.extend_from_slice(
            format!("lockgate: {lost} lines of the log found no reader\n").as_bytes(),
        );
    }
}

/// Writes what is kept until that ends. It may wait for a reader, since it has a
/// thread of its own.
pub fn drain(_: &Held) {
    let mut lines = Vec::new();
    loop {
        let mut state = state();
        while state.drains && state.kept.is_empty() {
            state = NEWS.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if !state.drains {
            // The rest is written by whoever lets go.
            return;
        }
        move_kept(&mut state, &mut lines);
        drop(state);
        patiently(&lines);
        lines.clear();
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut rest = Vec::new();
        self.take(&mut rest);
        state().held = false;
        patiently(&rest);
    }
}

/// Writes to standard error as long as somebody reads there.
fn patiently(mut bytes: &[u8]) {
    let stderr = io::stderr();
    while !bytes.is_empty() {
        let fd = stderr.as_fd();
        let mut fds = [PollFd::from_borrowed_fd(fd, PollFlags::OUT)];
        if !matches!(poll(&mut fds, Some(&PATIENCE)), Ok(1..)) {
            return;
        }
        let (chunk, _) = bytes.split_at(CHUNK.min(bytes.len()));
        match rustix::io::write(fd, chunk) {
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return,
        }
    }
}
