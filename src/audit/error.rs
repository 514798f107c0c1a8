//! Why a decision could not be recorded. Whatever it is, it is a denial.

use std::io;
use std::path::PathBuf;

/// Why there is no evidence of a decision.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The directory cannot be made or opened.
    #[error("cannot open the audit directory `{}`: {source}", path.display())]
    Directory {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others may rename and delete what is in the directory.
    #[error(
        "expected the audit directory `{}` to be writable by its owner alone, found mode {mode:04o}: run `chmod 700` on it",
        path.display()
    )]
    Exposed {
        /// Which.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The directory is someone else's.
    #[error(
        "expected the audit directory `{}` to belong to user {expected}, found user {found}: choose another directory",
        path.display()
    )]
    Foreign {
        /// Which.
        path: PathBuf,
        /// Who runs lockgate.
        expected: u32,
        /// Whose it is.
        found: u32,
    },
    /// The file cannot be made.
    #[error("cannot create the audit file `{}`: {source}", path.display())]
    Create {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file cannot be locked.
    #[error("cannot lock the audit file `{}`: {source}", path.display())]
    Lock {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The system gives no random bytes for a file name.
    #[error("cannot get random bytes for the name of an audit file: {0}")]
    Random(getrandom::Error),
    /// The thread that syncs cannot be started.
    #[error("cannot start the thread that writes audit files to disk: {0}")]
    Thread(io::Error),
    /// The system refused the bytes.
    #[error("cannot write to the audit file: {0}")]
    Write(io::Error),
    /// The disk refused the bytes.
    #[error("cannot write the audit file to disk: {0}")]
    Sync(String),
    /// A record cannot be written as JSON.
    #[error("cannot write a record as JSON: {0}")]
    Encode(serde_json::Error),
    /// A record beyond what verification reads.
    #[error("expected a record of at most {most} bytes, found {found}")]
    TooLong {
        /// The limit.
        most: usize,
        /// Its size.
        found: usize,
    },
    /// An earlier failure; nothing is recorded any more.
    #[error("nothing is recorded since an earlier failure ({0}): mend it and start again")]
    Poisoned(String),
}

impl AuditError {
    /// The stable reason code of the denial that follows.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Directory { .. }
            | Self::Exposed { .. }
            | Self::Foreign { .. }
            | Self::Create { .. }
            | Self::Lock { .. }
            | Self::Random(_)
            | Self::Thread(_) => "audit-unavailable",
            Self::Write(_)
            | Self::Sync(_)
            | Self::Encode(_)
            | Self::TooLong { .. }
            | Self::Poisoned(_) => "not-recorded",
        }
    }
}
