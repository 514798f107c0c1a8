//! A home of its own for every run, so that nothing leaks between tests and
//! no test reads or writes what belongs to the person who runs it.

use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A temporary user: home, XDG directories, a working directory.
#[derive(Debug)]
pub(crate) struct Home {
    // Held for its `Drop`.
    dir: TempDir,
    root: PathBuf,
}

impl Home {
    /// Makes one.
    pub(crate) fn new() -> Self {
        let dir = tempfile::Builder::new()
            .prefix("lockgate-e2e-")
            .tempdir()
            .expect("a temporary directory can be made");
        // Servers print resolved paths; the transcripts must not differ by a symlink.
        let root = dir.path().canonicalize().expect("it is there");
        for part in ["home", "work", "config", "state", "data", "cache", "tmp"] {
            std::fs::create_dir(root.join(part)).expect("it is empty");
        }
        Self { dir, root }
    }

    /// The directory that holds all of it.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The user's home directory.
    pub(crate) fn home(&self) -> PathBuf {
        self.root.join("home")
    }

    /// Where the server works.
    pub(crate) fn work(&self) -> PathBuf {
        self.root.join("work")
    }

    /// Writes a file below the root, with the directories it needs.
    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.root.join(path);
        std::fs::create_dir_all(path.parent().expect("below the root")).expect("can be made");
        std::fs::write(&path, content).expect("can be written");
        path
    }

    /// The whole environment of every process of the run.
    pub(crate) fn env(&self) -> Vec<(&'static str, PathBuf)> {
        let at = |part: &str| self.root.join(part);
        let path = std::env::var_os("PATH").expect("`PATH` is set");
        vec![
            ("PATH", path.into()),
            ("HOME", at("home")),
            ("XDG_CONFIG_HOME", at("config")),
            ("XDG_STATE_HOME", at("state")),
            ("XDG_DATA_HOME", at("data")),
            ("XDG_CACHE_HOME", at("cache")),
            ("TMPDIR", at("tmp")),
            ("LANG", "C.UTF-8".into()),
            ("TZ", "UTC".into()),
        ]
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // A failed test leaves its evidence behind when asked to.
        if std::thread::panicking() && std::env::var_os("LOCKGATE_TEST_KEEP").is_some() {
            self.dir.disable_cleanup(true);
            eprintln!("kept: {}", self.root.display());
        }
    }
}
