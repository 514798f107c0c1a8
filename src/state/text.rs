//! Text files of lockgate's own, read whole and bounded.
//!
//! A policy or a lockfile may have come with somebody else's repository: a
//! device, a pipe or a giant in its place costs an error and nothing else.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

/// Why a file cannot be read as text.
#[derive(Debug, thiserror::Error)]
pub enum TextError {
    /// The file system said no.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A directory, a device, a pipe.
    #[error("expected a regular file")]
    NotAFile,
    /// More than is read.
    #[error("expected at most {0} bytes")]
    TooLarge(usize),
    /// Not UTF-8.
    #[error("line {0} is not UTF-8: save the file as UTF-8")]
    NotText(usize),
}

impl TextError {
    /// Whether there is no such file.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Io(e) if e.kind() == io::ErrorKind::NotFound)
    }
}

/// Reads a file of at most `most` bytes.
pub fn read(path: &Path, most: usize) -> Result<String, TextError> {
    // Asked first: opening a pipe waits for a writer for ever.
    if !fs::metadata(path)?.is_file() {
        return Err(TextError::NotAFile);
    }
    let mut bytes = Vec::new();
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    if bytes.len() > most {
        return Err(TextError::TooLarge(most));
    }
    String::from_utf8(bytes).map_err(|e| {
        let good = e.utf8_error().valid_up_to();
        let before = e.as_bytes().get(..good).unwrap_or_default();
        TextError::NotText(memchr::memchr_iter(b'\n', before).count().saturating_add(1))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_small_regular_text_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        fs::write(&path, "a\nb").unwrap();
        assert_eq!(read(&path, 3).unwrap(), "a\nb");
        assert!(matches!(read(&path, 2), Err(TextError::TooLarge(2))));
        fs::write(&path, b"a\n\xff").unwrap();
        assert!(matches!(read(&path, 9), Err(TextError::NotText(2))));
        assert!(matches!(read(dir.path(), 9), Err(TextError::NotAFile)));
        let zero = read(Path::new("/dev/zero"), 9);
        assert!(matches!(zero, Err(TextError::NotAFile)));
        assert!(read(&dir.path().join("g"), 9).unwrap_err().is_missing());
    }
}
