//! Reading recordings back.

use super::answered::Answered;
use super::entry::{Entry, EntryError};
use super::tape::MOST_BYTES;
use crate::state::text::{self, TextError};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A recording as a whole.
#[derive(Debug, Default)]
pub struct Recording {
    /// Its entries, in their order.
    pub entries: Vec<Entry>,
    /// Lines that are no entries (a writer was stopped halfway): number and why.
    pub unreadable: Vec<(usize, String)>,
}

/// Why a recording cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// The file system said no.
    #[error("cannot read the recording `{path}`: {source}")]
    Text {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: TextError,
    },
    /// It was made by another version of lockgate.
    #[error("`{path}`, line {line}: {error}")]
    Version {
        /// The file.
        path: PathBuf,
        /// Where, from 1.
        line: usize,
        /// What it is.
        error: EntryError,
    },
    /// There are lines, and none of them is an entry.
    #[error("`{path}` is no recording: line {line}: {why}")]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The first line, from 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
}

/// Reads a recording.
pub fn recording(path: &Path) -> Result<Recording, RecordingError> {
    let most = usize::try_from(MOST_BYTES).unwrap_or(usize::MAX);
    let text = text::read(path, most).map_err(|source| RecordingError::Text {
        path: path.to_owned(),
        source,
    })?;
    let mut recording = Recording::default();
    let mut answers: BTreeMap<String, Answered> = BTreeMap::new();
    for (n, line) in text.lines().enumerate() {
        let line_number = n.saturating_add(1);
        let read = match Answered::read(line) {
            Ok(Some((mark, answer))) => {
                answers.insert(mark, answer);
                continue;
            }
            Ok(None) => Entry::read(line),
            Err(error) => Err(error),
        };
        match read {
            Ok(entry) => recording.entries.push(entry),
            Err(error @ EntryError::Version(_)) => {
                return Err(RecordingError::Version {
                    path: path.to_owned(),
                    line: line_number,
                    error,
                });
            }
            Err(error) => recording.unreadable.push((line_number, error.to_string())),
        }
    }
    for entry in &mut recording.entries {
        let answer = entry.mark.as_ref().and_then(|mark| answers.get(mark));
        entry.answer = answer.cloned();
    }
    match recording.unreadable.first() {
        Some((line, why)) if recording.entries.is_empty() => Err(RecordingError::Foreign {
            path: path.to_owned(),
            line: *line,
            why: why.clone(),
        }),
        _ => Ok(recording),
    }
}
