//! Where evidence lies: a directory of one's own, a new file per writer.
//!
//! The directory is checked on its open descriptor and files are made relative
//! to it, so that nobody swaps it in between. Names say when and who, and are
//! never chosen by a peer (invariant 11).

use super::error::AuditError;
use super::time::compact;
use rustix::fs::{Mode, OFlags};
use std::fs::{DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// The end of every audit file's name.
pub(super) const EXTENSION: &str = "jsonl";
/// Permission bits that let others than the owner change the directory.
const OTHERS_WRITE: u32 = 0o022;

#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    dir: Arc<File>,
}

impl Place {
    /// Makes the directory where it is missing (mode 0700) and checks it.
    pub(super) fn open(path: &Path) -> Result<Self, AuditError> {
        let failed = |source| AuditError::Directory {
            path: path.to_owned(),
            source,
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(failed)?;
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        let dir = rustix::fs::open(path, flags, Mode::empty()).map_err(|e| failed(e.into()))?;
        let dir = File::from(dir);
        let meta = dir.metadata().map_err(failed)?;
        let expected = rustix::process::geteuid().as_raw();
        if meta.uid() != expected {
            return Err(AuditError::Foreign {
                path: path.to_owned(),
                expected,
                found: meta.uid(),
            });
        }
        let mode = meta.mode() & 0o7777;
        if mode & OTHERS_WRITE != 0 {
            return Err(AuditError::Exposed {
                path: path.to_owned(),
                mode,
            });
        }
        Ok(Self {
            path: path.to_owned(),
            dir: Arc::new(dir),
        })
    }

    /// Makes a new file (mode 0600), locked for as long as it is open.
    pub(super) fn create(&self, now: SystemTime) -> Result<(String, Arc<File>), AuditError> {
        let random = getrandom::u32().map_err(AuditError::Random)?;
        let pid = std::process::id();
        let name = format!("{}-{pid}-{random:08x}.{EXTENSION}", compact(now));
        let path = self.path_of(&name);
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::APPEND | OFlags::WRONLY;
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let file = rustix::fs::openat(&self.dir, &name, flags, mode).map_err(|e| {
            let (path, source) = (path.clone(), e.into());
            AuditError::Create { path, source }
        })?;
        let file = File::from(file);
        lock(&file).map_err(|source| AuditError::Lock { path, source })?;
        Ok((name, Arc::new(file)))
    }

    pub(super) fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    pub(super) fn dir(&self) -> &Arc<File> {
        &self.dir
    }
}

/// Locks a new file. Only `verify` may hold its lock, and only for a moment.
fn lock(file: &File) -> io::Result<()> {
    const TRIES: usize = 200;
    const PAUSE: Duration = Duration::from_millis(5);
    for _ in 1..TRIES {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
            Err(TryLockError::Error(e)) => return Err(e),
            Ok(()) => return Ok(()),
        }
    }
    file.try_lock().map_err(io::Error::from)
}

/// Whether a process still writes to this file.
pub(super) fn is_written(file: &File) -> io::Result<bool> {
    match file.try_lock_shared() {
        Ok(()) => file.unlock().map(|()| false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(e)) => Err(e),
    }
}
