//! One chain of lines over one sink.
//!
//! Lines are buffered and leave in one write. After any failure the chain is
//! poisoned: part of a line may be in the sink, so nothing after it can be
//! told from tampering, and nothing is recorded any more.

use super::error::AuditError;
use super::line::{self, Event, Position};
use super::time::rfc3339;
use crate::engine::types::Digest;
use serde::Serialize;
use std::io::{self, Write};
use std::time::SystemTime;

#[cfg(test)]
mod tests;

#[derive(Debug)]
pub(super) struct Chain<W> {
    sink: W,
    /// Number of the next line.
    seq: u64,
    /// Hash of the last line.
    head: Digest,
    buffer: Vec<u8>,
    /// Bytes that the sink has taken.
    written: u64,
    /// The first failure.
    poison: Option<String>,
}

impl<W: Write> Chain<W> {
    pub(super) fn new(sink: W) -> Self {
        Self {
            sink,
            seq: 0,
            head: line::genesis(),
            buffer: Vec::with_capacity(8 * 1024),
            written: 0,
            poison: None,
        }
    }

    /// Adds a line to what the next `flush` writes.
    pub(super) fn append<T: Serialize>(
        &mut self,
        event: Event,
        now: SystemTime,
        body: &T,
    ) -> Result<(), AuditError> {
        self.intact()?;
        let at = Position {
            seq: self.seq,
            time: &rfc3339(now),
            prev: self.head,
        };
        let hash = line::render(&mut self.buffer, at, event, body).map_err(|e| self.poison(e))?;
        self.head = hash;
        self.seq = self.seq.saturating_add(1);
        Ok(())
    }

    /// Writes everything that is buffered: one write, unless the system takes
    /// less or is interrupted.
    pub(super) fn flush(&mut self) -> Result<(), AuditError> {
        self.intact()?;
        let mut rest = self.buffer.as_slice();
        while !rest.is_empty() {
            let failure = match self.sink.write(rest) {
                Ok(0) => io::ErrorKind::WriteZero.into(),
                Ok(taken) => {
                    rest = rest.get(taken..).unwrap_or_default();
                    self.written = self.written.saturating_add(taken as u64);
                    continue;
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => e,
            };
            return Err(self.poison(AuditError::Write(failure)));
        }
        self.buffer.clear();
        Ok(())
    }

    pub(super) fn intact(&self) -> Result<(), AuditError> {
        match &self.poison {
            Some(first) => Err(AuditError::Poisoned(first.clone())),
            None => Ok(()),
        }
    }

    /// Ends recording because of `error`, and gives it back.
    pub(super) fn poison(&mut self, error: AuditError) -> AuditError {
        self.poison.get_or_insert_with(|| error.to_string());
        error
    }
}

impl<W> Chain<W> {
    pub(super) fn head(&self) -> Digest {
        self.head
    }

    /// Bytes buffered.
    pub(super) fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// Bytes of the whole file once everything is written.
    pub(super) fn size(&self) -> u64 {
        self.written.saturating_add(self.buffer.len() as u64)
    }

    pub(super) fn sink(&self) -> &W {
        &self.sink
    }
}
