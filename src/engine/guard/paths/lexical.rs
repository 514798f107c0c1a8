//! From one form of a path to absolute, normalised locations.
//!
//! `.` and `..` are folded the way path libraries do (lexically) and, under
//! `/proc`, the way the kernel does as well: `/proc/self/root` is `/` and
//! `/proc/self/cwd` the working directory, so both readings are returned. What
//! symbolic links do to `..` is answered by the file system (`Located::asked`).

use super::HostFacts;

/// Where one form of a path may lie.
#[derive(Debug, Default)]
pub(super) struct Located {
    /// Absolute and normalised; at least one.
    pub(super) paths: Vec<String>,
    /// The path with its `..` kept, for the file system to follow.
    pub(super) unfolded: Option<String>,
}

/// Whether a form is absolute: rooted, with a drive, or a network share.
pub(super) fn is_absolute(form: &str) -> bool {
    form.starts_with('/') || has_drive(form)
}

fn has_drive(form: &str) -> bool {
    let mut chars = form.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic())
        && chars.next() == Some(':')
        && matches!(chars.next(), None | Some('/'))
}

/// Places `form`, relative to the absolute `base`.
///
/// The first place is the one of this machine, where `C:` is a name like any
/// other: a directory of that name may be there, and lead somewhere. What a
/// drive would mean comes after it.
pub(super) fn locate(form: &str, base: &str, host: &HostFacts) -> Located {
    let whole = if form.starts_with('/') {
        form.to_owned()
    } else {
        format!("{base}/{form}")
    };
    let mut located = Located {
        paths: vec![folded(&whole)],
        unfolded: None,
    };
    located.paths.extend(on_drive(form).map(folded));
    located.paths.extend(elsewhere(form));
    if whole.contains("/proc/") {
        let followed = proc_followed(&whole, host);
        if !located.paths.contains(&followed) {
            located.paths.push(followed);
        }
        // The links themselves are in the catalogue; what they lead to is a
        // different process's view where the number is not ours.
        if let Some(first) = located.paths.first()
            && let Some(again) = Some(proc_followed(first, host)).filter(|a| a != first)
        {
            located.paths.push(again);
        }
    }
    if has_parent_step(&whole) && whole.starts_with('/') {
        located.unfolded = Some(whole);
    }
    located
}

/// The path of Windows that a form can be read as.
fn on_drive(form: &str) -> Option<&str> {
    // A device prefix counts only before a drive: elsewhere `//./etc/shadow` is
    // `/etc/shadow`. `file:///C:/…` leaves a slash before the drive.
    ["//?/", "//./", "/??/", "/", ""]
        .iter()
        .filter_map(|prefix| form.strip_prefix(prefix))
        .find(|rest| has_drive(rest))
}

/// Where a form lies for a server that stands elsewhere: `../../etc/shadow`
/// climbs to the root from most places, and what is behind the first two names
/// of a network share is a path of that machine.
fn elsewhere(form: &str) -> Option<String> {
    if let Some(share) = form.strip_prefix("//") {
        let mut names = share.splitn(3, '/');
        names.next()?;
        names.next()?;
        return Some(folded(&format!("/{}", names.next()?)));
    }
    let climbed = form.trim_start_matches(['.', '/']);
    let climbs = form.starts_with("../") || form.starts_with("./../");
    (climbs && !climbed.starts_with("root/")).then(|| folded(&format!("/{climbed}")))
}

/// A `..` after a name: the file system may disagree with the lexical reading.
fn has_parent_step(path: &str) -> bool {
    let mut named = false;
    path.split('/').any(|part| match part {
        "" | "." => false,
        ".." => named,
        _ => {
            named = true;
            false
        }
    })
}

/// Folds separators, `.` and `..`; the result starts with `/` or, if the path
/// does not, with a drive and `/`.
pub(super) fn folded(path: &str) -> String {
    let (drive, path) = match path.split_at_checked(2) {
        Some((drive, rest)) if has_drive(path) => (drive, rest),
        _ => ("", path),
    };
    let mut kept: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            name => kept.push(name),
        }
    }
    format!("{drive}/{}", kept.join("/"))
}

/// The same with the kernel's reading of `/proc/<process>/{root,cwd}`.
fn proc_followed(path: &str, host: &HostFacts) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            "root" if is_process(&kept) => kept.clear(),
            "cwd" if is_process(&kept) => {
                kept.clear();
                kept.extend(host.cwd.split('/').filter(|p| !p.is_empty()));
            }
            name => kept.push(name),
        }
    }
    format!("/{}", kept.join("/"))
}

/// `/proc/<process>` or `/proc/<process>/task/<thread>`.
fn is_process(kept: &[&str]) -> bool {
    matches!(kept, ["proc", _] | ["proc", _, "task", _])
}

/// The components as the catalogue compares them: lower case, without what
/// Windows ignores at the end of a name, without alternate data streams, without
/// a drive.
pub(super) fn compared(path: &str) -> Vec<String> {
    let mut parts: Vec<String> = path
        .split('/')
        .filter(|p| !p.is_empty())
        .map(|part| {
            let lower = part.to_lowercase();
            let named = match lower.split_once(':') {
                Some((name, _)) if name.len() > 1 => name,
                _ => lower.as_str(),
            };
            let trimmed = named.trim_end_matches(['.', ' ']).trim_start();
            if trimmed.is_empty() {
                lower
            } else {
                trimmed.to_owned()
            }
        })
        .collect();
    if parts
        .first()
        .is_some_and(|p| p.len() == 2 && p.ends_with(':'))
    {
        parts.remove(0);
    }
    // macOS keeps /etc, /tmp and /var below /private.
    if parts.first().is_some_and(|p| p == "private") {
        parts.remove(0);
    }
    parts
}
