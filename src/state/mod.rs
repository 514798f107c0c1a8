//! What outlives a process, beside the audit trail.

pub mod lockfile;
pub mod login;
pub mod text;
