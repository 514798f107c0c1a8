//! The audit log as what the pump records with.

use super::pump::{RecordFailed, Recorder};
use crate::audit::{AuditError, AuditLog, Closed, Committed, Refusal, Reload, Ticket};
use crate::engine::decision::Evidence;
use crate::engine::record::Record;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

impl Evidence for Committed {
    type Ticket = Ticket;

    fn covers(&self, ticket: &Ticket) -> bool {
        Self::covers(self, ticket)
    }
}

impl Recorder for AuditLog {
    type Proof = Committed;

    fn append(&mut self, record: &Record) -> Result<Ticket, RecordFailed> {
        Self::append(self, SystemTime::now(), record).map_err(|e| RecordFailed(e.to_string()))
    }

    fn commit(&mut self) -> Result<Committed, RecordFailed> {
        Self::commit(self).map_err(|e| RecordFailed(e.to_string()))
    }
}

/// One audit log for many sessions: their records stand in one order.
#[derive(Debug, Clone)]
pub struct SharedLog(Arc<Mutex<Option<AuditLog>>>);

impl SharedLog {
    /// Shares a log.
    pub fn new(log: AuditLog) -> Self {
        Self(Arc::new(Mutex::new(Some(log))))
    }

    /// Seals it. Nothing is recorded, and so nothing passes, after that.
    ///
    /// # Errors
    /// What [`AuditLog::close`] says.
    pub fn close(&self, reason: &str) -> Result<Option<Closed>, AuditError> {
        let log = self.lock().take();
        log.map(|log| log.close(reason, SystemTime::now()))
            .transpose()
    }

    /// Records what was refused before it was judged.
    ///
    /// # Errors
    /// It could not be recorded. It stays refused.
    pub fn note(&self, refusal: &Refusal) -> Result<(), RecordFailed> {
        let mut log = self.lock();
        let log = log.as_mut().ok_or_else(sealed)?;
        let noted = log.note(SystemTime::now(), refusal);
        noted.map_err(|e| RecordFailed(e.to_string()))
    }

    /// Records what came of a policy that was changed on disk.
    ///
    /// # Errors
    /// It could not be recorded.
    pub fn reloaded(&self, reload: &Reload) -> Result<(), RecordFailed> {
        let mut log = self.lock();
        let log = log.as_mut().ok_or_else(sealed)?;
        let noted = log.reloaded(SystemTime::now(), reload);
        noted.map_err(|e| RecordFailed(e.to_string()))
    }

    fn lock(&self) -> MutexGuard<'_, Option<AuditLog>> {
        // A log that failed halfway poisons itself.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn sealed() -> RecordFailed {
    RecordFailed("the audit file is sealed".to_owned())
}

impl Recorder for SharedLog {
    type Proof = Committed;

    fn append(&mut self, record: &Record) -> Result<Ticket, RecordFailed> {
        let mut log = self.lock();
        Recorder::append(log.as_mut().ok_or_else(sealed)?, record)
    }

    fn commit(&mut self) -> Result<Committed, RecordFailed> {
        let mut log = self.lock();
        Recorder::commit(log.as_mut().ok_or_else(sealed)?)
    }
}
