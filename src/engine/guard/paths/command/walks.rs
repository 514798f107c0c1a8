//! Trees that a command goes through: `find`, `grep -r`, `tar`, `cp -r`.

use super::fed::gives_back;
use super::flags::{is_aside, is_negated, skips_next};
use super::programs::{FLAGGED_WALKERS, WALKERS, git_verb, is_searcher, name_of};
use super::{Reader, Word};
use crate::engine::guard::paths::collect::Effect;
use crate::engine::guard::paths::role::listed;
use crate::engine::guard::paths::shape;

impl Reader {
    /// The trees that a command goes through.
    pub(super) fn walks(&mut self, name: &str, arguments: &[Word]) {
        match name {
            "find" | "gfind" => return self.find(arguments),
            "fd" | "fdfind" => return self.fd(arguments),
            "git" => return self.git_walks(arguments),
            _ if serves(name, arguments) => return self.served(name, arguments),
            _ if !is_walk(name, arguments) => return,
            _ => {}
        }
        let narrowed: Vec<String> = arguments
            .iter()
            .filter_map(|w| {
                ["--include=", "--glob=", "--iglob=", "-g"]
                    .iter()
                    .find_map(|flag| w.text.strip_prefix(flag))
            })
            // What is left out narrows nothing.
            .filter(|t| !t.is_empty() && !t.starts_with('!'))
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
        let lists = listed("ls du tree dir gci get-childitem", name)
            || arguments.iter().any(|w| w.text == "--files");
        let opens = !lists || self.handed;
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
            if is_aside(&word.text) || shape::is_line(&word.text) {
                continue;
            }
            let target = puts && n == last && arguments.len() > 1;
            if !word.text.starts_with('-') && !target {
                self.walk(&word.text, narrowed.clone(), opens);
            }
        }
    }

    fn walk(&mut self, root: &str, mut names: Vec<String>, opens: bool) {
        // Too many to look at narrow nothing.
        if names.len() > NAMES {
            names.clear();
        }
        let from = self.uses.len();
        self.used(root, Effect::Read, Some(names));
        for one in self.uses.iter_mut().skip(from) {
            one.opens = opens;
        }
    }

    fn find(&mut self, arguments: &[Word]) {
        let text = |n: usize| arguments.get(n).map(|w| w.text.as_str());
        let shallow = (0..arguments.len()).any(|n| {
            text(n) == Some("-maxdepth") && matches!(text(n.saturating_add(1)), Some("0" | "1"))
        });
        let opens = self.handed || executes("-exec -execdir -ok -okdir", arguments);
        if shallow && !opens {
            return;
        }
        let mut names = Vec::new();
        let mut unclear = false;
        for (n, word) in arguments.iter().enumerate() {
            let by_name = "-name -iname -path -ipath -wholename -regex -iregex";
            if listed(by_name, &word.text) && !is_negated("find", arguments, n.saturating_add(1)) {
                let name = text(n.saturating_add(1)).unwrap_or_default();
                if opens && listed("-regex -iregex", &word.text) {
                    unclear |= name.contains(['(', '[', '|', '+', '?', '{']);
                    names.push(name.replace("\\.", ".").replace(".*", "*"));
                } else {
                    names.push(name.to_owned());
                }
            }
        }
        if unclear {
            names.clear();
        }
        let mut roots: Vec<&str> = arguments
            .iter()
            .map(|w| w.text.as_str())
            .skip_while(|t| matches!(*t, "-H" | "-L" | "-P"))
            .take_while(|t| !t.starts_with(['-', '!', '(']) && *t != "\\(")
            .collect();
        if roots.is_empty() {
            roots.push(".");
        }
        for root in roots {
            self.walk(root, names.clone(), opens);
        }
    }

    /// `fd [flags] [pattern] [roots]`: the pattern is a regular expression
    /// that fits a part of a name, or a glob where a flag says so.
    fn fd(&mut self, arguments: &[Word]) {
        let values = "
            -t --type -d --max-depth --min-depth --exact-depth -E --exclude -S --size -c --color
            -j --threads -o --owner --changed-within --changed-before --ignore-file --format
        ";
        let (mut names, mut plain): (Vec<String>, Vec<&str>) = (Vec::new(), Vec::new());
        let mut words = arguments.iter().map(|w| w.text.as_str());
        let (mut glob, mut shallow) = (false, false);
        let mut roots: Vec<&str> = Vec::new();
        while let Some(text) = words.next() {
            match text {
                "-x" | "-X" | "--exec" | "--exec-batch" => break,
                "-g" | "--glob" => glob = true,
                "-e" | "--extension" => names.extend(words.next().map(|e| format!("*.{e}"))),
                "--search-path" | "--base-directory" | "-C" => roots.extend(words.next()),
                "-d" | "--max-depth" => shallow |= matches!(words.next(), Some("0" | "1")),
                flag if listed(values, flag) => {
                    words.next();
                }
                flag if flag.starts_with('-') => {}
                word => plain.push(word),
            }
        }
        let opens = self.handed || executes("-x -X --exec --exec-batch", arguments);
        if shallow && !opens {
            return;
        }
        if let Some((pattern, rest)) = plain.split_first() {
            roots.extend(rest);
            let open = !glob && pattern.trim_matches(['.', '*', '+', '^', '$']).is_empty();
            if names.is_empty() && !open && !pattern.is_empty() {
                names.push(if glob {
                    (*pattern).to_owned()
                } else {
                    by_expression(pattern)
                });
            }
        }
        if roots.is_empty() {
            roots.push(".");
        }
        for root in roots {
            self.walk(root, names.clone(), opens);
        }
    }

    /// `git grep` and `git add` where they go through other trees than that of
    /// the project: `--no-index`, `-C ~`, `--work-tree`.
    fn git_walks(&mut self, arguments: &[Word]) {
        let text = |n: usize| arguments.get(n).map(|w| w.text.as_str());
        let Some(at) = git_verb("git", arguments) else {
            return;
        };
        if !matches!(text(at), Some("grep" | "add" | "stage" | "archive")) {
            return;
        }
        let mut folder = None;
        for (n, word) in arguments.iter().enumerate().take(at) {
            if matches!(word.text.as_str(), "-C" | "--work-tree") {
                folder = text(n.saturating_add(1));
            } else if let Some(tree) = word.text.strip_prefix("--work-tree=") {
                folder = Some(tree);
            }
        }
        let folder = folder.unwrap_or(".");
        let words = arguments.get(at.saturating_add(1)..).unwrap_or_default();
        let mut pattern_due = is_searcher("git", arguments);
        let mut bare = true;
        let mut skip = false;
        for word in words {
            if std::mem::take(&mut skip) {
                continue;
            }
            skip = skips_next("git", arguments, &word.text);
            if word.text.starts_with('-') || std::mem::take(&mut pattern_due) {
                continue;
            }
            if is_aside(&word.text) {
                continue;
            }
            bare = false;
            let root = if word.text == "." { folder } else { &word.text };
            self.used(root, Effect::Read, Some(Vec::new()));
        }
        if bare {
            self.used(folder, Effect::Read, Some(Vec::new()));
        }
    }

    /// A directory that is handed out to whoever asks.
    fn served(&mut self, name: &str, arguments: &[Word]) {
        let start = usize::from(listed("docker npm podman", name));
        let named: Vec<&str> = arguments
            .iter()
            .skip(start)
            .map(|w| w.text.as_str())
            .map(|t| match t.split_once('=') {
                Some((flag, value)) if flag.starts_with('-') => value,
                _ => t,
            })
            .filter(|t| !t.starts_with('-') && shape::is_anchored(t))
            .collect();
        if named.is_empty() {
            self.used(".", Effect::Read, Some(Vec::new()));
        }
        for folder in named {
            self.used(folder, Effect::Read, Some(Vec::new()));
        }
    }
}

/// Most names that narrow one walk.
const NAMES: usize = 256;
/// Most words of a program that `find` starts which are looked at.
const STARTED: usize = 64;

/// Whether what is found is given to a program that reads it.
fn executes(flags: &str, arguments: &[Word]) -> bool {
    arguments.iter().enumerate().any(|(n, word)| {
        let started = arguments.get(n.saturating_add(1)..).unwrap_or_default();
        let started = started.get(..STARTED).unwrap_or(started);
        listed(flags, &word.text)
            && started
                .split_first()
                .is_some_and(|(first, rest)| gives_back(&name_of(Some(first)), rest))
    })
}

/// A name with wildcards for a regular expression that fits a part of one.
fn by_expression(pattern: &str) -> String {
    let middle = pattern
        .trim_start_matches('^')
        .trim_end_matches('$')
        .replace("\\.", ".")
        .replace(".*", "*");
    let before = if pattern.starts_with('^') { "" } else { "*" };
    let after = if pattern.ends_with('$') { "" } else { "*" };
    if middle.contains('*') {
        return middle;
    }
    format!("{before}{middle}{after}")
}

/// Whether the command serves a directory, or sends all of it away.
fn serves(name: &str, arguments: &[Word]) -> bool {
    let has = |word: &str| arguments.iter().any(|w| w.text == word);
    let first = arguments.first().map(|w| w.text.as_str());
    match name {
        "python" | "python2" | "python3" => {
            has("http.server")
                || has("SimpleHTTPServer")
                || has("pyftpdlib")
                || has("-mhttp.server")
        }
        "php" => has("-S"),
        "ruby" => has("httpd") && has("-run"),
        "busybox" | "httpd" => name == "httpd" || has("httpd"),
        "caddy" => has("file-server"),
        "twistd" | "twist" => has("web") || has("ftp"),
        "docker" | "podman" => first == Some("build") || (first == Some("buildx") && has("build")),
        "npm" => matches!(first, Some("publish" | "pack")),
        _ => listed(
            "serve http-server live-server servor dufs miniserve darkhttpd webfsd simplehttpserver
            uploadserver sfz browser-sync",
            name,
        ),
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
