//! What waits to be written to one side: cleared frames, or what was made of them.

use crate::engine::decision::{Cleared, Frame};
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::os::fd::AsFd;

/// Frames that wait for one peer to read them.
#[derive(Debug)]
pub struct Outbox<F = Cleared<Frame>> {
    frames: VecDeque<Waiting<F>>,
    /// Bytes of the first frame and its line end that are written already.
    written: usize,
    /// What the other side sent, in bytes.
    passed: usize,
    /// What answers this side's own messages, in bytes.
    returned: usize,
}

impl<F> Default for Outbox<F> {
    fn default() -> Self {
        Self {
            frames: VecDeque::new(),
            written: 0,
            passed: 0,
            returned: 0,
        }
    }
}

#[derive(Debug)]
struct Waiting<F> {
    frame: F,
    returned: bool,
}

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// Nothing waits any more.
    All,
    /// The peer has to read first.
    Blocked,
    /// The peer reads no more; what waited is dropped.
    Closed,
}

impl<F: AsRef<[u8]>> Outbox<F> {
    /// Past this many bytes no more is read from whoever caused them.
    pub const HIGH: usize = 1024 * 1024;
    /// Most slices of one write.
    const SLICES: usize = 64;

    /// Adds a frame. `returned`: it answers this very peer.
    pub fn push(&mut self, frame: F, returned: bool) {
        let count = if returned {
            &mut self.returned
        } else {
            &mut self.passed
        };
        *count = count.saturating_add(frame.as_ref().len());
        self.frames.push_back(Waiting { frame, returned });
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Whether the other side should wait.
    pub fn is_full(&self) -> bool {
        self.passed >= Self::HIGH
    }

    /// Whether this side should read before it says more.
    pub fn is_owed(&self) -> bool {
        self.returned >= Self::HIGH
    }

    /// Drops what waits: nobody will read it.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Writes as much as the peer takes.
    pub fn write(&mut self, to: impl AsFd) -> Written {
        self.write_by(|slices| Ok(rustix::io::writev(to.as_fd(), slices)?))
    }

    /// Writes as much as the peer takes, by what writes once.
    pub fn write_by(&mut self, write: impl Fn(&[IoSlice<'_>]) -> io::Result<usize>) -> Written {
        while !self.is_empty() {
            let slices = self.slices();
            match write(&slices) {
                Ok(count) => self.advance(count),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Written::Blocked,
                Err(_) => {
                    self.clear();
                    return Written::Closed;
                }
            }
        }
        Written::All
    }

    fn slices(&self) -> Vec<IoSlice<'_>> {
        let mut skip = self.written;
        let mut slices = Vec::with_capacity(Self::SLICES.min(self.frames.len().saturating_mul(2)));
        for waiting in self.frames.iter().take(Self::SLICES / 2) {
            for part in [waiting.frame.as_ref(), b"\n"] {
                let rest = part.get(skip.min(part.len())..).unwrap_or_default();
                skip = skip.saturating_sub(part.len());
                if !rest.is_empty() {
                    slices.push(IoSlice::new(rest));
                }
            }
        }
        slices
    }

    fn advance(&mut self, count: usize) {
        self.written = self.written.saturating_add(count);
        while let Some(Waiting { frame, returned }) = self.frames.front() {
            let length = frame.as_ref().len();
            let whole = length.saturating_add(1);
            if self.written < whole {
                return;
            }
            self.written = self.written.saturating_sub(whole);
            let count = if *returned {
                &mut self.returned
            } else {
                &mut self.passed
            };
            *count = count.saturating_sub(length);
            self.frames.pop_front();
        }
    }
}
