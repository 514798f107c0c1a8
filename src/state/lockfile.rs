//! `lockgate.lock` on disk: read whole, replaced whole.
//!
//! Several lockgate processes may pin on first use at the same time, so each
//! change happens under an advisory lock, on what the file holds at that
//! moment, and replaces the file in one step. Nobody waits for that lock for
//! long: whoever holds it could stop a session that has other things to do.

use super::text::{self, TextError};
use crate::engine::pin::{FirstUseRoom, Launch, Lockfile, LockfileError, ServerPins, ToolPin};
use crate::engine::types::{Digest, ServerName};
use crate::proxy::pump::PinStore;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

/// How long a person waits for the lock.
const PATIENT: Duration = Duration::from_secs(10);
/// How long a session does, with messages behind it.
const HURRIED: Duration = Duration::from_millis(250);
/// How long between two tries.
const PAUSE: Duration = Duration::from_millis(5);

/// Largest lockfile, in bytes.
const MAX_BYTES: usize = 16 << 20;

/// The lockfile could not be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system said no.
    #[error("cannot {what} `{}`: {error}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// What came back.
        error: io::Error,
    },
    /// The file cannot be read.
    #[error("cannot read `{}`: {error}", path.display())]
    Text {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        error: TextError,
    },
    /// More pins than a lockfile holds.
    #[error("expected the lockfile to have at most {MAX_BYTES} bytes: pin fewer servers in it")]
    TooLarge,
    /// The file is there and is no lockfile.
    #[error("`{}` cannot be used:\n{}", path.display(), list(errors))]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// All its mistakes.
        errors: Vec<LockfileError>,
    },
    /// Somebody has pinned something else meanwhile.
    #[error("`{0}` has been pinned otherwise meanwhile; see `lockgate diff`")]
    Conflict(String),
    /// Others have put so much into it that no more is pinned unseen.
    #[error("`{0}` has as many pins of first use as lockgate keeps; see `lockgate pin`")]
    Full(ServerName),
}

fn list(errors: &[LockfileError]) -> String {
    let lines: Vec<String> = errors.iter().map(|e| format!("  {e}")).collect();
    lines.join("\n")
}

/// Reads a lockfile, and tells the digest of its bytes; one that is not there
/// is empty and has none.
pub fn load(path: &Path) -> Result<(Lockfile, Option<Digest>), StoreError> {
    let text = match text::read(path, MAX_BYTES) {
        Ok(text) => text,
        Err(e) if e.is_missing() => return Ok((Lockfile::default(), None)),
        Err(error) => {
            let path = path.to_owned();
            return Err(StoreError::Text { path, error });
        }
    };
    let lockfile = Lockfile::parse(&text).map_err(|errors| StoreError::Invalid {
        path: path.to_owned(),
        errors,
    })?;
    Ok((lockfile, Some(Digest::of(&[text.as_bytes()]))))
}

/// Changes the lockfile under a lock, on what it holds at that moment.
pub fn update(
    path: &Path,
    change: impl FnOnce(&mut Lockfile) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    update_within(path, PATIENT, change)
}

fn update_within(
    path: &Path,
    patience: Duration,
    change: impl FnOnce(&mut Lockfile) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let dir = parent(path);
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|e| failed("create", dir, e))?;
    let _lock = lock(path, patience)?;
    let (mut lockfile, _) = load(path)?;
    change(&mut lockfile)?;
    let text = lockfile.to_string();
    // What could not be read again is not written.
    if text.len() > MAX_BYTES {
        return Err(StoreError::TooLarge);
    }
    let write = |e| failed("write", path, e);
    let mut file = tempfile::NamedTempFile::new_in(dir).map_err(write)?;
    file.write_all(text.as_bytes()).map_err(write)?;
    if let Ok(old) = fs::metadata(path) {
        file.as_file()
            .set_permissions(old.permissions())
            .map_err(write)?;
    }
    file.as_file().sync_all().map_err(write)?;
    file.persist(path).map_err(|e| write(e.error))?;
    Ok(())
}

/// Held on a file beside the lockfile, since the lockfile itself is replaced.
fn lock(path: &Path, patience: Duration) -> Result<File, StoreError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".guard");
    let beside = parent(path).join(name);
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&beside)
        .map_err(|e| failed("open", &beside, e))?;
    let deadline = Instant::now() + patience;
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(file),
            Err(Errno::INTR) => {}
            Err(Errno::WOULDBLOCK) if Instant::now() < deadline => std::thread::sleep(PAUSE),
            Err(Errno::WOULDBLOCK) => {
                let busy = "another process has had it locked for too long";
                let busy = io::Error::new(io::ErrorKind::WouldBlock, busy);
                return Err(failed("lock", &beside, busy));
            }
            Err(e) => return Err(failed("lock", &beside, e.into())),
        }
    }
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    }
}

fn failed(what: &'static str, path: &Path, error: io::Error) -> StoreError {
    StoreError::Io {
        what,
        path: path.to_owned(),
        error,
    }
}

/// Tells one state of the lockfile from another without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    inode: u64,
    length: u64,
    changed: (i64, i64),
}

impl Stamp {
    /// Of the file as it is now; `None` if it cannot be looked at.
    pub fn of(path: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt as _;
        let found = fs::metadata(path).ok()?;
        Some(Self {
            inode: found.ino(),
            length: found.len(),
            changed: (found.ctime(), found.ctime_nsec()),
        })
    }

    /// Whether it has been so for that long at a moment of the wall clock.
    pub fn is_older(&self, than: Duration, at: SystemTime) -> bool {
        let at = at.duration_since(SystemTime::UNIX_EPOCH);
        let bound = at.ok().and_then(|at| at.checked_sub(than));
        let changed = u64::try_from(self.changed.0);
        match (bound, changed) {
            (Some(bound), Ok(changed)) => changed < bound.as_secs(),
            _ => false,
        }
    }
}

/// Keeps pins of first use for one server.
#[derive(Debug)]
pub struct FirstUse {
    path: PathBuf,
    server: ServerName,
    launch: Option<Launch>,
}

impl FirstUse {
    /// Into that lockfile, with how the server was started, so that it can be
    /// reviewed later without saying that again.
    pub fn new(path: PathBuf, server: ServerName, launch: Option<Launch>) -> Self {
        Self {
            path,
            server,
            launch,
        }
    }
}

impl PinStore for FirstUse {
    fn save(&mut self, pins: &BTreeMap<String, ToolPin>) -> Result<(), String> {
        let merge = |lockfile: &mut Lockfile| {
            let server = lockfile.servers.entry(self.server.clone()).or_default();
            merge(server, pins)?;
            if FirstUseRoom::beside(&server.tools).is_none() {
                return Err(StoreError::Full(self.server.clone()));
            }
            if server.launch.is_none() {
                server.launch.clone_from(&self.launch);
            }
            Ok(())
        };
        update_within(&self.path, HURRIED, merge).map_err(|e| e.to_string())
    }
}

/// Never replaces a pin: a pin that is there and differs is drift.
fn merge(server: &mut ServerPins, pins: &BTreeMap<String, ToolPin>) -> Result<(), StoreError> {
    for (name, pin) in pins {
        if server.removed.contains_key(name) {
            return Err(StoreError::Conflict(name.clone()));
        }
        let kept = server
            .tools
            .entry(name.clone())
            .or_insert_with(|| pin.clone());
        if kept.digest.whole != pin.digest.whole {
            return Err(StoreError::Conflict(name.clone()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
