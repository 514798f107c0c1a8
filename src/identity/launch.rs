//! Who started this process: what an agent on stdio cannot make up.
//!
//! The attack answered: another program of the machine that starts `lockgate
//! run` as an agent that may do more. A program that can become the parent's
//! executable, such as a script of the same interpreter, is not told apart.

use crate::engine::policy::Launch;
use rustix::process::{getppid, getuid};
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;

/// Why this process was not started by the agent.
#[derive(Debug, thiserror::Error)]
pub enum NotTheAgent {
    /// Another user runs it.
    #[error("it must run as user id {wanted}, and runs as {found}")]
    User {
        /// Of the policy.
        wanted: u32,
        /// Of this process.
        found: u32,
    },
    /// Another program started it.
    #[error("`{0}` must have started it, and another program has")]
    Parent(String),
    /// The operating system does not say.
    #[error("which program started it cannot be told here")]
    Unknown,
}

/// Whether this process was started as the policy demands.
pub fn check(launch: &Launch) -> Result<(), NotTheAgent> {
    let found = getuid().as_raw();
    if let Some(wanted) = launch.uid.filter(|wanted| *wanted != found) {
        return Err(NotTheAgent::User { wanted, found });
    }
    if let Some(parent) = &launch.parent {
        let running = parent_executable().ok_or(NotTheAgent::Unknown)?;
        let wanted = std::fs::metadata(parent);
        // The file itself, whatever links lead to it.
        let is_same = wanted.is_ok_and(|w| same(&w) == same(&running));
        if !is_same {
            return Err(NotTheAgent::Parent(parent.clone()));
        }
    }
    Ok(())
}

fn same(file: &Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}

/// The file that the parent process runs, as Linux tells it.
fn parent_executable() -> Option<Metadata> {
    let parent = getppid()?;
    let file = std::fs::metadata(format!("/proc/{}/exe", parent.as_raw_nonzero())).ok()?;
    // Otherwise it has ended meanwhile, and its number may be another's.
    (getppid() == Some(parent)).then_some(file)
}
