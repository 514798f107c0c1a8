//! Trees that a command goes through: `find`, `grep -r`, `tar`, `cp -r`.

use super::programs::{FLAGGED_WALKERS, WALKERS, is_negated, is_searcher, skips_next};
use super::{Reader, Word};
use crate::engine::guard::paths::collect::Effect;
use crate::engine::guard::paths::role::listed;

impl Reader {
    /// The trees that a command goes through.
    pub(super) fn walks(&mut self, name: &str, arguments: &[Word]) {
        if matches!(name, "find" | "fd" | "fdfind" | "gfind") {
            self.find(name, arguments);
            return;
        }
        if !is_walk(name, arguments) {
            return;
        }
        let narrowed: Vec<String> = arguments
            .iter()
            .filter_map(|w| {
                w.text
                    .strip_prefix("--include=")
                    .or_else(|| w.text.strip_prefix("-g"))
            })
            .filter(|t| !t.is_empty())
            .map(str::to_owned)
            .collect();
        let last = arguments.len().saturating_sub(1);
        let puts = matches!(
            name,
            "aws"
                | "gsutil"
                | "s3cmd"
                | "cp"
                | "mv"
                | "scp"
                | "rsync"
                | "rclone"
                | "xcopy"
                | "robocopy"
                | "copy-item"
        );
        let mut pattern_due = is_searcher(name, arguments);
        let mut left_out = false;
        for (n, word) in arguments.iter().enumerate() {
            // `zip` takes any number of names behind `-x`.
            if left_out && !(word.text.starts_with('-') || name == "zip") {
                left_out = false;
                continue;
            }
            left_out |= skips_next(name, arguments, &word.text);
            if left_out {
                continue;
            }
            if pattern_due && !word.text.starts_with('-') {
                pattern_due = false;
                continue;
            }
            let target = puts && n == last && arguments.len() > 1;
            if !word.text.starts_with('-') && !target {
                self.used(&word.text, Effect::Read, Some(narrowed.clone()));
            }
        }
    }

    fn find(&mut self, name: &str, arguments: &[Word]) {
        let text = |n: usize| arguments.get(n).map(|w| w.text.as_str());
        let shallow = (0..arguments.len()).any(|n| {
            matches!(text(n), Some("-maxdepth" | "-d" | "--max-depth"))
                && matches!(text(n.saturating_add(1)), Some("0" | "1"))
        });
        if shallow {
            return;
        }
        let mut names = Vec::new();
        for (n, word) in arguments.iter().enumerate() {
            let by_name = "-name -iname -path -ipath -wholename -regex -iregex -g -e";
            if listed(by_name, &word.text) && !is_negated(arguments, n.saturating_add(1)) {
                names.extend(text(n.saturating_add(1)).map(str::to_owned));
            }
        }
        let mut roots: Vec<&str> = arguments
            .iter()
            .map(|w| w.text.as_str())
            .take_while(|t| name != "find" || !t.starts_with(['-', '!', '(']))
            .filter(|t| !t.starts_with('-'))
            .collect();
        if name != "find" && roots.len() > 1 {
            names.push(roots.remove(0).to_owned());
        }
        if roots.is_empty() {
            roots.push(".");
        }
        for root in roots {
            self.used(root, Effect::Read, Some(names.clone()));
        }
    }
}

/// Whether the command goes through whole trees.
fn is_walk(name: &str, arguments: &[Word]) -> bool {
    let has = |flag: char| {
        arguments
            .iter()
            .any(|w| w.text.starts_with('-') && !w.text.starts_with("--") && w.text.contains(flag))
    };
    let long = |flag: &str| arguments.iter().any(|w| w.text.eq_ignore_ascii_case(flag));
    let archive = has('a') && matches!(name, "cp" | "rsync" | "du");
    let recursive = archive
        || has('r')
        || has('R')
        || ["--recursive", "-recurse", "/s", "/e"]
            .into_iter()
            .any(long);
    let packs = || {
        arguments
            .first()
            .is_some_and(|w| !w.text.trim_start_matches('-').starts_with(['x', 't']))
    };
    match name {
        "tar" | "gtar" | "bsdtar" => packs(),
        "tree" => !long("-L"),
        _ => listed(WALKERS, name) || (listed(FLAGGED_WALKERS, name) && recursive),
    }
}
