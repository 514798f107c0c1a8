//! What waits to be written to one side. It takes cleared frames only.

use crate::engine::decision::{Cleared, Frame};
use rustix::io::Errno;
use std::collections::VecDeque;
use std::io::IoSlice;
use std::os::fd::AsFd;

/// Frames that wait for one peer to read them.
#[derive(Debug, Default)]
pub struct Outbox {
    frames: VecDeque<Cleared<Frame>>,
    /// Bytes of the first frame and its line end that are written already.
    written: usize,
    bytes: usize,
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

impl Outbox {
    /// Past this many bytes no more is read from the other side.
    pub const HIGH: usize = 1024 * 1024;
    /// Most slices of one write.
    const SLICES: usize = 64;

    /// Adds a frame.
    pub fn push(&mut self, frame: Cleared<Frame>) {
        self.bytes = self.bytes.saturating_add(frame.bytes().len());
        self.frames.push_back(frame);
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Whether the other side should wait.
    pub fn is_full(&self) -> bool {
        self.bytes >= Self::HIGH
    }

    /// Drops what waits: nobody will read it.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Writes as much as the peer takes.
    pub fn write(&mut self, to: impl AsFd) -> Written {
        while !self.is_empty() {
            let slices = self.slices();
            match rustix::io::writev(to.as_fd(), &slices) {
                Ok(count) => self.advance(count),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Written::Blocked,
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
        for frame in self.frames.iter().take(Self::SLICES / 2) {
            for part in [frame.bytes(), b"\n"] {
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
        while let Some(frame) = self.frames.front() {
            let whole = frame.bytes().len().saturating_add(1);
            if self.written < whole {
                return;
            }
            self.written = self.written.saturating_sub(whole);
            self.bytes = self.bytes.saturating_sub(frame.bytes().len());
            self.frames.pop_front();
        }
    }
}
