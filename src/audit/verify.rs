//! Verification: does a file say what was written into it?
//!
//! Streaming and in bounded memory, because the file may be hostile. Every
//! line is read by the strict reader, so that it means to us what it means to
//! any other program. A tail that a crash tore is told from tampering.

mod dir;
mod line;

pub use dir::{audit_files, verify_dir};
pub use line::Line;

use super::line::{Event, MOST_LINE_BYTES, genesis, is_torn};
use super::place::is_written;
use crate::engine::types::Digest;
use serde::{Serialize, Serializer};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};

/// Why nothing can be said about a file.
#[derive(Debug, thiserror::Error)]
#[error("cannot verify `{}`: {source}", path.display())]
pub struct VerifyError {
    /// Which.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The bytes are not those that were hashed.
    #[error("the line does not have the hash that it claims")]
    Hash,
    /// The line before is another one than when this was written.
    #[error("the line does not follow the one before it")]
    Link,
    /// Lines are missing, doubled or moved.
    #[error("expected line number {expected} (`seq`), found {found}")]
    Sequence {
        /// The number that follows.
        expected: u64,
        /// The number that stands there.
        found: u64,
    },
    /// Not a line of this format.
    #[error("the line cannot be read: {0}")]
    Unreadable(String),
    /// The file does not begin with a header.
    #[error("expected the header of the file: {0}")]
    Header(&'static str),
    /// A header in the middle of a file.
    #[error("a second header")]
    SecondHeader,
    /// Something follows the seal.
    #[error("data after the seal")]
    AfterSeal,
    /// The file that this one continues or is continued by is not there.
    #[error("the file `{0}` of the same chain is missing")]
    MissingFile(String),
    /// The file that this one continues ends otherwise.
    #[error("the file does not continue `{0}` where it ends")]
    Successor(String),
    /// A file continues this one from a line that is not there.
    #[error("lines are missing: `{0}` continues from later ones")]
    MissingLines(String),
}

impl Fault {
    /// The stable kebab-case code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Hash => "hash-mismatch",
            Self::Link => "broken-link",
            Self::Sequence { .. } => "sequence-gap",
            Self::Unreadable(_) => "unreadable-line",
            Self::Header(_) => "missing-header",
            Self::SecondHeader => "second-header",
            Self::AfterSeal => "data-after-seal",
            Self::MissingFile(_) => "missing-file",
            Self::Successor(_) => "broken-succession",
            Self::MissingLines(_) => "missing-lines",
        }
    }
}

/// In which state a file is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum State {
    /// Whole, and closed by its writer.
    Sealed {
        /// Why it was closed.
        reason: String,
    },
    /// Its writer is at work; every line up to now holds.
    Writing,
    /// Its writer ended without closing it; every line holds. What came after
    /// the last line, if anything, cannot be told.
    Unsealed,
    /// As `Unsealed`, and a crash tore the last line.
    TruncatedTail {
        /// What is left of it.
        bytes: usize,
    },
    /// One of a directory's files that cannot be read.
    Unreadable {
        /// Why.
        error: String,
    },
    /// Not what was written.
    Tampered {
        /// 1-based number of the first bad line.
        line: u64,
        /// What is wrong with it.
        #[serde(serialize_with = "code")]
        fault: Fault,
    },
}

/// A link between two files of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Link {
    /// The file before.
    pub file: String,
    /// Its last hash.
    pub hash: Digest,
}

/// What verification says about one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Which.
    pub file: PathBuf,
    /// In which state it is.
    #[serde(flatten)]
    pub state: State,
    /// Lines that hold, from the first on.
    pub lines: u64,
    /// Decisions among them.
    pub decisions: u64,
    /// Time of the first line.
    pub from: Option<String>,
    /// Time of the last line that holds.
    pub to: Option<String>,
    /// Hash of the last line that holds: compare it with one kept elsewhere.
    pub head: Digest,
    /// The file that this one continues.
    pub continues: Option<Link>,
    /// The file that continues this one.
    pub next: Option<String>,
}

impl Report {
    /// Whether the evidence is not what was written.
    pub fn is_tampered(&self) -> bool {
        matches!(self.state, State::Tampered { .. })
    }

    fn new(path: &Path, state: State) -> Self {
        Self {
            file: path.to_owned(),
            state,
            lines: 0,
            decisions: 0,
            from: None,
            to: None,
            head: genesis(),
            continues: None,
            next: None,
        }
    }
}

/// Verifies one file by itself.
pub fn verify_file(path: &Path) -> Result<Report, VerifyError> {
    walk(path, &mut |_| Ok(()))
}

/// Verifies one file and hands over each line that holds, in order. An error
/// of `visit` ends the walk.
pub fn walk(
    path: &Path,
    visit: &mut dyn FnMut(&Line<'_>) -> io::Result<()>,
) -> Result<Report, VerifyError> {
    try_walk(path, visit).map_err(|source| VerifyError {
        path: path.to_owned(),
        source,
    })
}

fn try_walk(path: &Path, visit: &mut dyn FnMut(&Line<'_>) -> io::Result<()>) -> io::Result<Report> {
    // A pipe would wait for a writer for ever.
    if !std::fs::metadata(path)?.is_file() {
        let why = "expected a regular file";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    }
    let file = File::open(path)?;
    // Asked first: a writer that ends meanwhile leaves a torn line only if it
    // was torn when we looked.
    let written = is_written(&file)?;
    let mut report = Report::new(path, State::Unsealed);
    let mut reader = BufReader::with_capacity(64 * 1024, file);
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        let most = MOST_LINE_BYTES as u64;
        reader.by_ref().take(most).read_until(b'\n', &mut bytes)?;
        if bytes.is_empty() {
            break;
        }
        match report.judge(&bytes, visit)? {
            Ok(()) => {}
            Err(state) => {
                report.state = state;
                break;
            }
        }
    }
    let unsealed = matches!(report.state, State::Unsealed | State::TruncatedTail { .. });
    if written && unsealed {
        report.state = State::Writing;
    }
    Ok(report)
}

impl Report {
    /// Takes the next line in, or says how the file ends.
    fn judge(
        &mut self,
        bytes: &[u8],
        visit: &mut dyn FnMut(&Line<'_>) -> io::Result<()>,
    ) -> io::Result<Result<(), State>> {
        let tampered = |fault| State::Tampered {
            line: self.lines.saturating_add(1),
            fault,
        };
        if matches!(self.state, State::Sealed { .. }) {
            return Ok(Err(tampered(Fault::AfterSeal)));
        }
        if !bytes.ends_with(b"\n") && bytes.len() < MOST_LINE_BYTES && is_torn(bytes, self.lines) {
            let bytes = bytes.len();
            return Ok(Err(State::TruncatedTail { bytes }));
        }
        let document = match line::read(bytes) {
            Ok(document) => document,
            Err(fault) => return Ok(Err(tampered(fault))),
        };
        let line = match Line::check(bytes, &document, self.lines, self.head) {
            Ok(line) => line,
            Err(fault) => return Ok(Err(tampered(fault))),
        };
        visit(&line)?;
        self.take(&line);
        Ok(Ok(()))
    }

    fn take(&mut self, line: &Line<'_>) {
        let time = line.time.clone().into_owned();
        match line.event {
            Event::Open => {
                self.from = Some(time.clone());
                self.continues = line.continues();
            }
            Event::Decision => self.decisions = self.decisions.saturating_add(1),
            Event::Refusal | Event::Reload => {}
            Event::Close => {
                self.next = line.text("next").map(Into::into);
                self.state = State::Sealed {
                    reason: line.text("reason").unwrap_or_default().into_owned(),
                };
            }
        }
        self.to = Some(time);
        self.head = line.hash;
        self.lines = self.lines.saturating_add(1);
    }
}

fn code<S: Serializer>(fault: &Fault, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(fault.code())
}
