//! The file that a recording is written to.
//!
//! It holds content: only its owner may read it (0600), nothing is written
//! through a symbolic link or into somebody else's file, and it ends at a
//! bound. It is not the audit: when it fails, that is said once, loudly, and
//! whatever is permitted still passes.

use super::answered::AnswerDraft;
use super::entry::{self, Draft};
use crate::audit::rfc3339;
use crate::engine::Session;
use crate::engine::heard::heard;
use crate::engine::message::{Direction, Id, Message, Opened};
use crate::engine::record::Record;
use crate::engine::types::Digest;
use rustix::fs::{Mode, OFlags};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// Largest recording, in bytes.
pub const MOST_BYTES: u64 = 256 << 20;
/// Largest arguments of one request that are recorded, in bytes.
const MOST_ARGUMENTS: usize = 256 << 10;

/// Most requests of one connection whose answers are recorded.
const MOST_WAITING: usize = 10_000;

/// Why nothing can be recorded in a file.
#[derive(Debug, thiserror::Error)]
pub enum TapeError {
    /// The file system said no; also where the path ends in a symbolic link.
    #[error("cannot record in `{path}`: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It is not a file of one's own.
    #[error("cannot record in `{path}`: expected {expected}; name a new file")]
    Place {
        /// The file.
        path: PathBuf,
        /// What it should be.
        expected: &'static str,
    },
    /// It is full.
    #[error(
        "cannot record in `{path}`: it has {MOST_BYTES} bytes, which is the most; name a new file"
    )]
    Full {
        /// The file.
        path: PathBuf,
    },
}

/// What policy and pins were in force.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stamps {
    /// Digest of the policy.
    pub policy: Option<Digest>,
    /// Digest of the lockfile.
    pub lockfile: Option<Digest>,
}

/// A recording that is being made, of one connection; all write to one file.
#[derive(Debug)]
pub struct Tape {
    reel: Arc<Mutex<Reel>>,
    stamps: Stamps,
    /// Recorded requests without an answer, with their marks.
    waiting: BTreeMap<Id, String>,
}

/// What a message asks for or answers, before it is judged.
#[derive(Debug, Default)]
pub struct Take {
    drafts: Vec<Draft>,
    /// The request that waits for an answer.
    asks: Option<Id>,
    /// What it answers.
    answer: Option<(Id, AnswerDraft)>,
}

#[derive(Debug)]
struct Reel {
    path: PathBuf,
    /// `None` once it has failed.
    file: Option<File>,
    /// Makes marks that no other recording in this file has.
    tag: String,
    /// How many marks there are.
    marks: u64,
}

impl Tape {
    /// Opens a recording, to go on at its end; makes it where it is missing.
    pub fn open(path: &Path) -> Result<Self, TapeError> {
        let failed = |source| TapeError::Io {
            path: path.to_owned(),
            source,
        };
        let flags = OFlags::CREATE | OFlags::APPEND | OFlags::RDWR;
        // A pipe is opened without waiting for its reader, and then refused.
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR);
        let file = File::from(file.map_err(|e| failed(e.into()))?);
        let meta = file.metadata().map_err(failed)?;
        let expected = if !meta.is_file() {
            Some("a regular file")
        } else if meta.uid() != rustix::process::geteuid().as_raw() {
            Some("a file of your own")
        } else if meta.mode() & 0o077 != 0 {
            Some("a file that nobody else may read or write (mode 0600): it holds content")
        } else if meta.nlink() != 1 {
            Some("a file with one name")
        } else {
            None
        };
        if let Some(expected) = expected {
            let path = path.to_owned();
            return Err(TapeError::Place { path, expected });
        }
        if meta.len() >= MOST_BYTES {
            let path = path.to_owned();
            return Err(TapeError::Full { path });
        }
        end_the_last_line(&file, meta.len()).map_err(failed)?;
        let reel = Reel {
            path: path.to_owned(),
            file: Some(file),
            tag: tag().map_err(failed)?,
            marks: 0,
        };
        Ok(Self {
            reel: Arc::new(Mutex::new(reel)),
            stamps: Stamps::default(),
            waiting: BTreeMap::new(),
        })
    }

    /// The same recording, of what is judged by this policy and these pins.
    #[must_use]
    pub fn stamped(&self, stamps: Stamps) -> Self {
        Self {
            reel: Arc::clone(&self.reel),
            stamps,
            waiting: BTreeMap::new(),
        }
    }

    /// What a message asks for or answers, before it is judged.
    pub fn hear(&self, opened: &Opened, session: &Session) -> Take {
        let heard = heard(opened, session);
        let drafts = heard.iter().map(|h| Draft::of(h, MOST_ARGUMENTS)).collect();
        let to_agent = opened.direction() == Direction::ToAgent;
        let (asks, answer) = match opened.message() {
            Ok(Message::Request { id, .. }) if !to_agent => (Some(id), None),
            Ok(Message::Response { id, result }) if to_agent => (None, Some((id, result))),
            Ok(Message::Failure {
                id: Some(id),
                error,
            }) if to_agent => (None, Some((id, error))),
            _ => (None, None),
        };
        let answer = answer.filter(|(id, _)| self.waiting.contains_key(id));
        Take {
            drafts,
            asks,
            answer: answer.map(|(id, value)| (id, AnswerDraft::of(value))),
        }
    }

    /// Writes down what came of it.
    pub fn keep(&mut self, take: Take, record: &Record) {
        let Some(permitted) = entry::outcome(record) else {
            return;
        };
        let Take {
            drafts,
            asks,
            answer,
        } = take;
        let answer = answer.and_then(|(id, draft)| Some((self.waiting.remove(&id)?, draft)));
        if drafts.is_empty() && answer.is_none() {
            return;
        }
        let now = rfc3339(SystemTime::now());
        let [policy, lockfile] =
            [self.stamps.policy, self.stamps.lockfile].map(|d| d.map(|d| d.to_string()));
        let stamps = [policy.as_deref(), lockfile.as_deref()];
        let reel = Arc::clone(&self.reel);
        let mut reel = reel.lock().unwrap_or_else(PoisonError::into_inner);
        let mark = asks.filter(|_| permitted && !drafts.is_empty());
        let mark = mark.map(|id| {
            let mark = reel.mark();
            self.wait(id, mark.clone());
            mark
        });
        let mut lines = String::new();
        for draft in &drafts {
            let ties = (drafts.len() > 1, mark.as_deref());
            lines.push_str(&draft.line(record, &now, stamps, ties));
            lines.push('\n');
        }
        if let Some((mark, answer)) = answer {
            lines.push_str(&answer.line(record, permitted, &now, &mark));
            lines.push('\n');
        }
        reel.write(lines.as_bytes());
    }

    /// Requests that are never answered must not fill the memory.
    fn wait(&mut self, id: Id, mark: String) {
        if self.waiting.len() >= MOST_WAITING {
            self.waiting.pop_first();
        }
        self.waiting.insert(id, mark);
    }
}

/// Letters that nobody else has.
fn tag() -> io::Result<String> {
    let mut bytes = [0; 6];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<Vec<_>>()
        .concat())
}

impl Reel {
    /// The next mark.
    fn mark(&mut self) -> String {
        self.marks = self.marks.saturating_add(1);
        format!("{}-{}", self.tag, self.marks)
    }

    /// One write, so that lines of several writers do not mix.
    fn write(&mut self, lines: &[u8]) {
        let Some(file) = &mut self.file else {
            return;
        };
        let room = |file: &File| {
            let length = u64::try_from(lines.len()).unwrap_or(u64::MAX);
            let size = file.metadata()?.len();
            Ok::<_, io::Error>(size.saturating_add(length) <= MOST_BYTES)
        };
        let why = match room(file) {
            Ok(true) => match file.write_all(lines) {
                Ok(()) => return,
                Err(e) => e.to_string(),
            },
            Ok(false) => format!("it has {MOST_BYTES} bytes, which is the most"),
            Err(e) => e.to_string(),
        };
        self.file = None;
        tracing::error!(
            "the recording `{}` ends here: {why}; what is permitted still passes, and the audit \
             goes on",
            self.path.display()
        );
    }
}

/// A writer that was stopped halfway left half a line, which must not become
/// part of the next one.
fn end_the_last_line(file: &File, length: u64) -> io::Result<()> {
    let Some(last) = length.checked_sub(1) else {
        return Ok(());
    };
    let mut byte = [0];
    file.read_exact_at(&mut byte, last)?;
    let mut file = file;
    if byte == *b"\n" {
        Ok(())
    } else {
        file.write_all(b"\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn only_a_file_of_ones_own_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        Tape::open(&at("new")).unwrap();
        let mode = fs::metadata(at("new")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::os::unix::fs::symlink(at("new"), at("link")).unwrap();
        fs::write(at("open"), "").unwrap();
        fs::set_permissions(at("open"), fs::Permissions::from_mode(0o644)).unwrap();
        Tape::open(&at("twice")).unwrap();
        fs::hard_link(at("twice"), at("again")).unwrap();
        for (name, why) in [
            ("link", "cannot record"),
            ("open", "mode 0600"),
            ("again", "one name"),
            ("", "cannot record"),
        ] {
            let error = Tape::open(&at(name)).unwrap_err().to_string();
            assert!(error.contains(why), "{name}: {error}");
        }
    }

    #[test]
    fn a_recording_ends_at_its_bound_and_stops_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("r");
        Tape::open(&path).unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        file.set_len(MOST_BYTES - 4).unwrap();
        let tape = Tape::open(&path).unwrap();
        for line in ["{}\n", "x", "y"] {
            tape.reel.lock().unwrap().write(line.as_bytes());
        }
        assert_eq!(fs::metadata(&path).unwrap().len(), MOST_BYTES);
        assert!(tape.reel.lock().unwrap().file.is_none());
        assert!(matches!(Tape::open(&path), Err(TapeError::Full { .. })));
    }

    #[test]
    fn half_a_line_stays_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("r");
        Tape::open(&path).unwrap();
        fs::write(&path, "{\"v\":1").unwrap();
        let tape = Tape::open(&path).unwrap();
        tape.reel.lock().unwrap().write(b"{}\n");
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\"v\":1\n{}\n");
    }
}
