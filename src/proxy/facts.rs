//! Facts of this machine for the path guard, which does no I/O itself.
//!
//! Answers the symbolic-link detour (A2): a harmless name that leads to a
//! secret place. Links are followed one component at a time, as the kernel
//! does, so that `..` behind a link means what it will mean to the server. The
//! work for one call is bounded; what cannot be told is `Unknown`, and the
//! guard denies it. A file that appears after the answer is the sandbox's.

use crate::engine::guard::paths::{HostFacts, PathFact, PathFacts};
use crate::engine::policy::UnixTime;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Most links on one path; the Linux kernel's own limit (its manual page on path resolution).
const LINKS: usize = 40;
/// Most components that one path may have, those of its links included.
const STEPS: usize = 2048;
/// Most questions of one call.
const QUESTIONS: usize = 8192;

/// Environment variables that a path may mention.
const VARIABLES: [&str; 28] = [
    "HOME",
    "USERPROFILE",
    "HOMEDRIVE",
    "HOMEPATH",
    "APPDATA",
    "LOCALAPPDATA",
    "PROGRAMDATA",
    "USER",
    "USERNAME",
    "LOGNAME",
    "PWD",
    "OLDPWD",
    "TMPDIR",
    "TEMP",
    "TMP",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_STATE_HOME",
    "XDG_CACHE_HOME",
    "XDG_RUNTIME_DIR",
    "GNUPGHOME",
    "CARGO_HOME",
    "CODEX_HOME",
    "COPILOT_HOME",
    "KUBECONFIG",
    "DOCKER_CONFIG",
    "AWS_SHARED_CREDENTIALS_FILE",
    "GOOGLE_APPLICATION_CREDENTIALS",
];

/// The wall clock; nothing where it stands before 1970.
pub fn unix_time() -> Option<UnixTime> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    Some(UnixTime(since.as_secs()))
}

/// Where each path leads. Total: every question has an answer.
pub fn resolve(questions: &BTreeSet<String>) -> PathFacts {
    let mut facts = BTreeMap::new();
    for (n, question) in questions.iter().enumerate() {
        let fact = if n < QUESTIONS {
            follow(Path::new(question))
        } else {
            PathFact::Unknown(format!("more than {QUESTIONS} paths in one call"))
        };
        facts.insert(question.clone(), fact);
    }
    PathFacts(facts)
}

/// What the guard has to know of this machine. `cwd` is the server's working
/// directory; `own` lockgate's files, to which their real places are added.
pub fn host_facts(cwd: &Path, own: Vec<String>) -> HostFacts {
    let mut variables: BTreeMap<String, String> = VARIABLES
        .into_iter()
        .filter_map(|name| {
            Some((
                name.to_owned(),
                std::env::var(name).ok().filter(|v| !v.is_empty())?,
            ))
        })
        .collect();
    if rustix::process::geteuid().is_root() {
        variables.insert("EUID".to_owned(), "0".to_owned());
    }
    let home = ["HOME", "USERPROFILE"]
        .iter()
        .find_map(|name| variables.get(*name))
        .cloned()
        .unwrap_or_else(|| "/".to_owned());
    let real = resolve(&own.iter().cloned().collect());
    let mut own = own;
    for fact in real.0.into_values() {
        if let PathFact::Resolved(path) = fact
            && !own.contains(&path)
        {
            own.push(path);
        }
    }
    HostFacts {
        home,
        cwd: cwd.to_string_lossy().into_owned(),
        variables,
        case_insensitive: cfg!(any(target_os = "macos", windows)),
        own,
    }
}

/// Follows one path as the kernel would. Once a component is missing the rest
/// is taken as written: there is nothing there that could be a link.
fn follow(path: &Path) -> PathFact {
    let mut done = PathBuf::from("/");
    let mut left: Vec<std::ffi::OsString> = Vec::new();
    push_components(&mut left, path);
    let (mut links, mut steps, mut missing) = (0_usize, 0_usize, false);
    while let Some(name) = left.pop() {
        steps = steps.saturating_add(1);
        if steps > STEPS {
            return PathFact::Unknown(format!("more than {STEPS} components"));
        }
        if name == ".." {
            done.pop();
            // Back in a directory that was seen to exist, links count again.
            missing = missing && !done.exists();
            continue;
        }
        let next = done.join(&name);
        if missing {
            done = next;
            continue;
        }
        match std::fs::symlink_metadata(&next) {
            Ok(found) if found.file_type().is_symlink() => {
                links = links.saturating_add(1);
                if links > LINKS {
                    return PathFact::Unknown(format!("more than {LINKS} symbolic links"));
                }
                let target = match std::fs::read_link(&next) {
                    Ok(target) => target,
                    Err(error) => return PathFact::Unknown(error.kind().to_string()),
                };
                if target.is_absolute() {
                    done = PathBuf::from("/");
                }
                push_components(&mut left, &target);
            }
            Ok(_) => done = next,
            Err(error) if is_absent(&error) => {
                missing = true;
                done = next;
            }
            Err(error) => return PathFact::Unknown(error.kind().to_string()),
        }
    }
    match done.to_str() {
        Some(text) => PathFact::Resolved(text.to_owned()),
        None => PathFact::Unknown("its target is not UTF-8".to_owned()),
    }
}

/// Pushes the components of `path` so that the first is popped first.
fn push_components(left: &mut Vec<std::ffi::OsString>, path: &Path) {
    for component in path.components().rev() {
        match component {
            Component::Normal(name) => left.push(name.to_owned()),
            Component::ParentDir => left.push("..".into()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
}

/// Nothing is there, or nothing by such a name can be.
fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::InvalidFilename
    )
}

#[cfg(test)]
mod tests;
