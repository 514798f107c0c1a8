//! Where lockgate keeps what: policy, lockfile, audit.

use std::env;
use std::path::{Path, PathBuf};

/// The user's home, configuration and state directories.
#[derive(Debug, Clone)]
pub(super) struct Places {
    /// The user's home directory.
    pub(super) home: PathBuf,
    /// `lockgate.toml` and `lockgate.lock` of the user.
    pub(super) config: PathBuf,
    /// Audit files, and logins to remote servers.
    pub(super) state: PathBuf,
}

/// A directory that lockgate needs is not known.
#[derive(Debug, thiserror::Error)]
#[error("cannot tell the home directory; set `HOME`")]
pub(super) struct NoHome;

impl Places {
    /// As the environment says (XDG Base Directory Specification 0.8).
    pub(super) fn from_env() -> Result<Self, NoHome> {
        let home = env::home_dir().filter(|h| h.is_absolute()).ok_or(NoHome)?;
        let xdg = |name: &str, default: &str| {
            let set = env::var_os(name).map(PathBuf::from);
            // The specification: a relative path is to be ignored.
            let base = set.filter(|p| p.is_absolute());
            base.unwrap_or_else(|| home.join(default)).join("lockgate")
        };
        Ok(Self {
            config: xdg("XDG_CONFIG_HOME", ".config"),
            state: xdg("XDG_STATE_HOME", ".local/state"),
            home,
        })
    }

    /// The policy in force: `--config`, then `LOCKGATE_CONFIG`, then the
    /// user's. A file in the working directory is never obeyed: it may have
    /// come with somebody else's repository (A4).
    pub(super) fn policy(&self, flag: Option<&Path>) -> Option<PathBuf> {
        if let Some(flag) = flag {
            return Some(flag.to_owned());
        }
        if let Some(file) = env::var_os("LOCKGATE_CONFIG").filter(|f| !f.is_empty()) {
            return Some(PathBuf::from(file));
        }
        let own = self.config.join("lockgate.toml");
        // Only a file that is surely not there leaves the baseline in force: one
        // that cannot be looked at is a policy that cannot be read.
        let missing = std::fs::symlink_metadata(&own)
            .is_err_and(|e| e.kind() == std::io::ErrorKind::NotFound);
        (!missing).then_some(own)
    }

    /// The policy of the working directory, where there is one and another (or
    /// none) is in force: whoever put it there may think that it is obeyed.
    pub(super) fn unheeded(&self, flag: Option<&Path>) -> Option<&'static str> {
        const HERE: &str = "lockgate.toml";
        let here = Path::new(HERE).canonicalize().ok()?;
        let in_force = self.policy(flag).and_then(|file| file.canonicalize().ok());
        (in_force.as_ref() != Some(&here)).then_some(HERE)
    }

    /// The lockfile that belongs to a policy, or the user's own.
    pub(super) fn lockfile(&self, policy: Option<&Path>) -> PathBuf {
        let beside = policy.and_then(Path::parent).map(|dir| {
            if dir.as_os_str().is_empty() {
                Path::new(".")
            } else {
                dir
            }
        });
        beside.unwrap_or(&self.config).join("lockgate.lock")
    }

    /// Where audit files go unless the policy says otherwise.
    pub(super) fn audit(&self) -> PathBuf {
        self.state.join("audit")
    }

    /// Where logins to remote servers are kept.
    pub(super) fn logins(&self) -> PathBuf {
        self.state.join("logins")
    }
}
