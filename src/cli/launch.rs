//! How the server is started, as far as a lockfile can say it.

use super::setup::Setup;
use crate::engine::mask::is_secret_word;
use crate::engine::pin::{Launch, Package, Transport, runs_another};
use crate::engine::types::Digest;
use crate::engine::url::ServerUrl;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// What the policy or the command line says; the program is not looked at.
pub(super) fn said(setup: &Setup) -> Launch {
    if let Some(url) = &setup.url {
        return Launch {
            transport: Transport::Http,
            command: Vec::new(),
            url: Some(url.without_query().to_owned()),
            executable: None,
            executable_digest: None,
            package: None,
        };
    }
    let given = |words: &[OsString]| -> Vec<String> {
        let words = words.iter().map(|w| w.to_string_lossy().into_owned());
        words.collect()
    };
    let written = setup.entry().map(|s| &s.command_written);
    let command = match written.filter(|words| !words.is_empty()) {
        Some(words) => words.clone(),
        None => given(&setup.command),
    };
    Launch {
        transport: Transport::Stdio,
        package: Package::of_command(&command),
        command,
        url: None,
        executable: None,
        executable_digest: None,
    }
}

/// The same with the program's place and digest, where it is the server itself.
/// `path` is the server's `PATH`.
pub(super) fn examined(setup: &Setup, path: Option<&OsString>) -> Launch {
    let launch = said(setup);
    if runs_another(&launch.command) {
        return launch;
    }
    let program = setup.command.first();
    let executable = program.and_then(|program| resolve(program, path));
    Launch {
        executable_digest: executable.as_deref().and_then(digest_of),
        executable: executable.map(|p| p.display().to_string()),
        ..launch
    }
}

/// What first use may keep: nothing that holds a secret.
pub(super) fn keepable(setup: &Setup) -> Option<Launch> {
    if setup.url.as_ref().is_some_and(ServerUrl::has_query) {
        // Without it, it is not the address.
        return None;
    }
    let launch = said(setup);
    let mut before = None;
    for word in &launch.command {
        if is_secret_word(before, word) {
            return None;
        }
        before = Some(word.as_str());
    }
    Some(launch)
}

fn resolve(program: &OsStr, path: Option<&OsString>) -> Option<PathBuf> {
    let direct = Path::new(program);
    if direct.components().count() > 1 {
        return direct.canonicalize().ok();
    }
    std::env::split_paths(path?)
        .map(|dir| dir.join(program))
        .find(|file| file.is_file())
        .and_then(|file| file.canonicalize().ok())
}

fn digest_of(file: &Path) -> Option<Digest> {
    std::fs::read(file).ok().map(|bytes| Digest::of(&[&bytes]))
}
