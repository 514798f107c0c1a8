//! Evidence: one record per decision, in order, chained by hash; and what a
//! listener has refused before there was anything to decide.
//!
//! One writer process owns one file and never rewrites it. A forward needs a
//! [`Committed`] that covers the [`Ticket`] of its record: no record, no
//! forward (invariant 10). The chain shows edits, deletions, insertions and
//! swaps; it is no signature, so whoever can write the file can also build a
//! new chain or cut its end: `docs/audit.md`, `gap-07-audit-truncation`.
//! Absent: what to record (the engine says), signed checkpoints, export.

mod chain;
mod error;
mod line;
mod log;
mod meta;
mod place;
mod refusal;
mod reload;
mod sync;
mod time;
mod verify;

pub use error::AuditError;
pub use line::{FORMAT, MOST_LINE_BYTES};
pub use log::{AuditLog, Closed, Committed, Ticket};
pub use meta::SessionMeta;
pub use refusal::Refusal;
pub use reload::{Outcome, Reload};
pub use time::rfc3339;
pub use verify::{
    Fault, Line, Link, Report, State, VerifyError, audit_files, verify_dir, verify_file, walk,
};
