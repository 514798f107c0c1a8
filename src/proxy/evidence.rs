//! The audit log as what the pump records with.

use super::pump::{RecordFailed, Recorder};
use crate::audit::{AuditLog, Committed, Ticket};
use crate::engine::decision::Evidence;
use crate::engine::record::Record;
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
