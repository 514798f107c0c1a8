//! Secrets that lockgate shows to a server, and files that hold them.
//!
//! A file is looked at before each use, so that whoever rotates a secret need
//! not restart anything. Its path is told to the operator's log only, its
//! content to nobody.

use crate::state::text::{self, TextError};
use std::fmt;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use zeroize::Zeroizing;

/// Largest file of a secret, in bytes.
const LARGEST: usize = 64 << 10;
/// Two changes closer than that may bear one time.
const TICK: Duration = Duration::from_secs(2);

/// A text that is not shown. Its memory is overwritten in the end.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Hides `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text, for whom it is meant.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Where a secret is read.
#[derive(Debug)]
pub enum Source {
    /// It does not change.
    Fixed(Secret),
    /// It is what a file holds.
    File(SecretFile),
}

impl Source {
    /// The secret as it is now.
    ///
    /// # Errors
    /// Where a file cannot be used.
    pub fn read(&self) -> Result<Secret, FileError> {
        match self {
            Self::Fixed(secret) => Ok(secret.clone()),
            Self::File(file) => file.read(),
        }
    }
}

/// A file that holds one secret and nothing else.
#[derive(Debug)]
pub struct SecretFile {
    path: PathBuf,
    /// It may have more than one line.
    many: bool,
    last: Mutex<Option<(Stamp, Secret)>>,
}

/// What tells one content of a file from the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    file: (u64, u64),
    size: u64,
    written: (i64, i64),
    changed: (i64, i64),
}

/// Why a file is no source of a secret.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the secret in `{path}`: {why}", path = .0.display(), why = .1)]
pub struct FileError(PathBuf, Why);

#[derive(Debug, thiserror::Error)]
enum Why {
    #[error("{0}")]
    Text(#[from] TextError),
    #[error("everybody on this machine may read it or change it; say `chmod o= FILE`")]
    Open,
    #[error("it is empty, or more than one line")]
    Shape,
}

impl SecretFile {
    /// The file at an absolute path; nothing is read yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            many: false,
            last: Mutex::default(),
        }
    }

    /// The same of a secret that has lines, such as a key in PEM.
    #[must_use]
    pub fn of_many_lines(self) -> Self {
        Self { many: true, ..self }
    }

    fn read(&self) -> Result<Secret, FileError> {
        self.current()
            .map_err(|why| FileError(self.path.clone(), why))
    }

    fn current(&self) -> Result<Secret, Why> {
        let io = |e: io::Error| Why::Text(e.into());
        // Before the content: what changes in between is read again next time.
        let meta = std::fs::metadata(&self.path).map_err(io)?;
        if !meta.is_file() {
            return Err(TextError::NotAFile.into());
        }
        if meta.mode() & 0o007 != 0 {
            return Err(Why::Open);
        }
        let stamp = Stamp {
            file: (meta.dev(), meta.ino()),
            size: meta.len(),
            written: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        };
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, secret)) = last.as_ref().filter(|(of, _)| *of == stamp) {
            return Ok(secret.clone());
        }
        *last = None;
        let text = text::read(&self.path, LARGEST)?;
        let line = text.strip_suffix('\n').unwrap_or(&text);
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.trim().is_empty() || (!self.many && line.contains(['\n', '\r'])) {
            return Err(Why::Shape);
        }
        let secret = Secret::new(line);
        let written = meta.modified().map_err(io)?;
        let age = SystemTime::now().duration_since(written);
        if age.is_ok_and(|age| age > TICK) {
            *last = Some((stamp, secret.clone()));
        }
        Ok(secret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_file_is_read_again_when_it_has_changed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        let write = |text: &str, mode: u32| {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        };
        let file = SecretFile::new(&path);
        let read = || file.read().map(|s| s.expose().to_owned());
        assert!(read().unwrap_err().to_string().contains("No such file"));
        for (text, mode, expected) in [
            ("s3cret-1\n", 0o600, Ok("s3cret-1")),
            ("s3cret-2\r\n", 0o640, Ok("s3cret-2")),
            // Of the same size, at once.
            ("s3cret-3\r\n", 0o440, Ok("s3cret-3")),
            ("s3cret-3", 0o400, Ok("s3cret-3")),
            (" kept ", 0o600, Ok(" kept ")),
            ("s3cret-4\n", 0o644, Err("chmod o=")),
            ("s3cret-4\n", 0o602, Err("chmod o=")),
            ("s3cret-4\n\n", 0o600, Err("more than one line")),
            ("s3cret\n4", 0o600, Err("more than one line")),
            ("\n", 0o600, Err("empty")),
            ("", 0o600, Err("empty")),
        ] {
            let _ = fs::remove_file(&path);
            write(text, mode);
            match (read(), expected) {
                (Ok(read), Ok(expected)) => assert_eq!(read, expected),
                (Err(told), Err(expected)) => {
                    let told = told.to_string();
                    assert!(
                        told.contains(expected) && !told.contains("s3cret"),
                        "{told}"
                    );
                }
                (read, expected) => panic!("{read:?}, expected {expected:?}"),
            }
        }
        assert!(!format!("{:?}", Secret::new("s3cret")).contains("s3cret"));
    }

    #[test]
    fn a_file_that_stays_is_kept_and_its_mode_is_looked_at_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        fs::write(&path, "one").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let long_ago = SystemTime::now() - Duration::from_hours(1);
        let touch = || {
            let file = fs::File::options().write(true).open(&path).unwrap();
            file.set_modified(long_ago).unwrap();
        };
        touch();
        let file = SecretFile::new(&path);
        assert_eq!(file.read().unwrap().expose(), "one");
        assert!(file.last.lock().unwrap().is_some());
        // Another content with the old time: the inode says that it changed.
        fs::write(&path, "two").unwrap();
        touch();
        assert_eq!(file.read().unwrap().expose(), "two");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o604)).unwrap();
        assert!(file.read().is_err());
    }
}
