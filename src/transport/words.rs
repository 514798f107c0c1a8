//! The server's standard error on its way to lockgate's own.
//!
//! Bounded: while nobody reads, the server has to wait to write more, and
//! the messages go on.

use crate::engine::types::ServerName;
use crate::sandbox::stderr::{LinePrefix, prefix_lines};
use crate::telemetry::log::Held;
use rustix::io::Errno;
use std::os::fd::BorrowedFd;

/// Lines of a server's standard error that wait to be written.
///
/// Lockgate's own log lines wait with them, for the same reason.
#[derive(Debug)]
pub struct Words {
    prefix: LinePrefix,
    waiting: Vec<u8>,
    log: Option<Held>,
}

impl Words {
    /// Past this many bytes the server has to wait.
    const ROOM: usize = 64 * 1024;
    /// A write of so many bytes does not block once poll(2) has said so
    /// (`PIPE_BUF` on Linux, pipe(7)).
    const CHUNK: usize = 4096;

    /// Of that server.
    pub fn new(server: &ServerName) -> Self {
        Self {
            prefix: LinePrefix::new(server),
            waiting: Vec::new(),
            log: None,
        }
    }

    /// Takes lockgate's own log along from now on.
    #[must_use]
    pub fn with_log(mut self, log: Held) -> Self {
        self.log = Some(log);
        self
    }

    /// Takes in what lockgate has logged, if there is room.
    pub fn gather(&mut self) {
        if let Some(log) = self
            .log
            .as_ref()
            .filter(|_| self.waiting.len() < Self::ROOM)
        {
            log.take(&mut self.waiting);
        }
    }

    /// Whether more may be read.
    pub fn has_room(&self) -> bool {
        self.waiting.len() < Self::ROOM
    }

    /// Whether nothing waits to be written.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Drops what waits: nobody will read it.
    pub fn clear(&mut self) {
        self.waiting.clear();
    }

    /// What waits.
    pub fn waiting(&self) -> &[u8] {
        &self.waiting
    }

    /// Reads once. Says whether there may be more.
    pub fn read(&mut self, from: BorrowedFd<'_>) -> bool {
        let mut bytes = [0; Self::CHUNK];
        match rustix::io::read(from, &mut bytes) {
            Ok(0) => {
                self.waiting.extend(self.prefix.finish());
                false
            }
            Ok(count) => {
                let read = bytes.get(..count).unwrap_or_default();
                self.waiting.extend(prefix_lines(&mut self.prefix, read));
                true
            }
            Err(e) => matches!(e, Errno::INTR | Errno::AGAIN),
        }
    }

    /// Writes once, as much as surely does not block.
    pub fn write(&mut self, to: BorrowedFd<'_>) {
        let most = Self::CHUNK.min(self.waiting.len());
        let chunk = self.waiting.get(..most).unwrap_or_default();
        match rustix::io::write(to, chunk) {
            Ok(count) => drop(self.waiting.drain(..count)),
            Err(Errno::INTR | Errno::AGAIN) => {}
            // Nobody reads it, and the messages are what counts.
            Err(_) => self.clear(),
        }
    }
}
