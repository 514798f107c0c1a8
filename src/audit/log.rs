//! The log of one writer process: append, commit, rotate, close.
//!
//! ```text
//! let ticket = log.append(now, &record)?;     // buffered
//! let committed = log.commit()?;              // one write for all of them
//! if committed.covers(&ticket) { /* only now may the message go */ }
//! ```

use super::chain::Chain;
use super::error::AuditError;
use super::line::{Event, FORMAT};
use super::meta::{Header, Predecessor, Seal, SessionMeta};
use super::place::Place;
use super::refusal::Refusal;
use super::reload::Reload;
use super::sync::Syncer;
use crate::engine::record::Record;
use crate::engine::types::Digest;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// A file that is larger than this in bytes is continued in another.
const ROTATE_AT: u64 = 64 * 1024 * 1024;
/// Bytes that are buffered before they are written without being asked.
const BUFFER: usize = 256 * 1024;

/// An open log. Dropped without [`close`](Self::close), it leaves a file
/// without a seal, as a crash does.
#[derive(Debug)]
pub struct AuditLog {
    place: Place,
    meta: SessionMeta,
    chain: Chain<Arc<File>>,
    /// Name of the current file.
    name: String,
    syncer: Syncer,
    /// Tells this log's tickets from another's.
    id: u64,
    /// Decisions appended.
    decisions: u64,
    rotate_at: u64,
}

/// Stands for one appended record.
#[derive(Debug, Clone, Copy)]
#[must_use = "a decision may only be carried out once its record is committed"]
pub struct Ticket {
    log: u64,
    decision: u64,
}

/// Proof that records are written. Only [`AuditLog::commit`] makes one.
///
/// ```compile_fail,E0451
/// let forged = lockgate::audit::Committed { log: 0, decisions: u64::MAX };
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Committed {
    log: u64,
    decisions: u64,
}

impl Committed {
    /// Whether the record that `ticket` stands for is written.
    pub fn covers(&self, ticket: &Ticket) -> bool {
        self.log == ticket.log && ticket.decision <= self.decisions
    }
}

/// What a sealed log leaves: keep it elsewhere to notice a cut or rewritten file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// The last file.
    pub file: PathBuf,
    /// Its last hash.
    pub head: Digest,
    /// Decisions in all files of this log.
    pub decisions: u64,
}

impl AuditLog {
    /// Makes a new file in `dir` (made where it is missing) and writes its
    /// header.
    pub fn open(dir: &Path, meta: SessionMeta, now: SystemTime) -> Result<Self, AuditError> {
        let place = Place::open(dir)?;
        let syncer = Syncer::start()?;
        let id = getrandom::u64().map_err(AuditError::Random)?;
        let (name, file) = place.create(now)?;
        let chain = begin(file, &meta, None, now)?;
        syncer.hand_over(place.dir())?;
        syncer.request(chain.sink())?;
        Ok(Self {
            place,
            meta,
            chain,
            name,
            syncer,
            id,
            decisions: 0,
            rotate_at: ROTATE_AT,
        })
    }

    /// The same log with smaller files, in bytes.
    #[must_use]
    pub fn rotating_at(mut self, bytes: u64) -> Self {
        self.rotate_at = bytes;
        self
    }

    /// The current file.
    pub fn path(&self) -> PathBuf {
        self.place.path_of(&self.name)
    }

    /// Adds a record. It counts once a [`commit`](Self::commit) covers it.
    /// After any error every later call fails.
    pub fn append(&mut self, now: SystemTime, record: &Record) -> Result<Ticket, AuditError> {
        self.make_room(now)?;
        self.chain.append(Event::Decision, now, record)?;
        self.decisions = self.decisions.saturating_add(1);
        if self.chain.buffered() >= BUFFER {
            self.chain.flush()?;
        }
        Ok(Ticket {
            log: self.id,
            decision: self.decisions,
        })
    }

    /// Writes what was refused before it was judged. Nothing waits for it, and
    /// so nothing is proved by it. After any error every later call fails.
    pub fn note(&mut self, now: SystemTime, refusal: &Refusal) -> Result<(), AuditError> {
        self.make_room(now)?;
        self.chain.append(Event::Refusal, now, refusal)?;
        self.commit().map(drop)
    }

    /// Writes what came of a policy that was changed on disk. After any error every
    /// later call fails.
    pub fn reloaded(&mut self, now: SystemTime, reload: &Reload) -> Result<(), AuditError> {
        self.make_room(now)?;
        self.chain.append(Event::Reload, now, reload)?;
        self.commit().map(drop)
    }

    fn make_room(&mut self, now: SystemTime) -> Result<(), AuditError> {
        self.chain.intact()?;
        if self.chain.size() >= self.rotate_at {
            self.rotate(now)?;
        }
        Ok(())
    }

    /// Writes what was appended; after it, a record survives the death of this
    /// process. Within about a second it is on disk too. After any error every
    /// later call fails.
    pub fn commit(&mut self) -> Result<Committed, AuditError> {
        if self.chain.buffered() > 0 {
            self.chain.flush()?;
            let requested = self.syncer.request(self.chain.sink());
            requested.map_err(|e| self.chain.poison(e))?;
        }
        self.chain.intact()?;
        Ok(Committed {
            log: self.id,
            decisions: self.decisions,
        })
    }

    /// Seals the file, waits until it is on disk, and tells its last hash.
    pub fn close(mut self, reason: &str, now: SystemTime) -> Result<Closed, AuditError> {
        let seal = Seal { reason, next: None };
        self.chain.append(Event::Close, now, &seal)?;
        self.chain.flush()?;
        self.syncer.finish(self.chain.sink())?;
        let closed = Closed {
            file: self.place.path_of(&self.name),
            head: self.chain.head(),
            decisions: self.decisions,
        };
        tracing::info!(
            file = %closed.file.display(),
            head = %closed.head,
            decisions = closed.decisions,
            "audit file sealed"
        );
        Ok(closed)
    }

    fn rotate(&mut self, now: SystemTime) -> Result<(), AuditError> {
        self.try_rotate(now).map_err(|e| self.chain.poison(e))
    }

    /// Continues in a new file. The new file is there before the old one names
    /// it, so that a crash in between leaves no dangling name.
    fn try_rotate(&mut self, now: SystemTime) -> Result<(), AuditError> {
        let (name, file) = self.place.create(now)?;
        let seal = Seal {
            reason: "rotated",
            next: Some(&name),
        };
        self.chain.append(Event::Close, now, &seal)?;
        self.chain.flush()?;
        let continues = Predecessor {
            file: &self.name,
            hash: self.chain.head(),
        };
        let next = begin(file, &self.meta, Some(continues), now)?;
        self.syncer.hand_over(self.chain.sink())?;
        self.syncer.hand_over(self.place.dir())?;
        self.chain = next;
        self.name = name;
        Ok(())
    }
}

/// Begins a file with its header, written at once.
fn begin(
    file: Arc<File>,
    meta: &SessionMeta,
    continues: Option<Predecessor<'_>>,
    now: SystemTime,
) -> Result<Chain<Arc<File>>, AuditError> {
    let mut chain = Chain::new(file);
    let header = Header {
        format: FORMAT,
        pid: std::process::id(),
        meta,
        continues,
    };
    chain.append(Event::Open, now, &header)?;
    chain.flush()?;
    Ok(chain)
}
