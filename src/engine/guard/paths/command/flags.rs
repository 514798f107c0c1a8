//! What flags take: text, scripts, or names. Only a flag that a program is
//! known to give text hides the word behind it; a word behind any other flag
//! is judged as a path, because most programs read what they are given.

use super::Word;
use super::programs::{git_verb, is_find};
use crate::engine::guard::paths::role::listed;

/// Flags of one program, or of one verb of it, behind which text stands.
fn text_flags(name: &str, arguments: &[Word]) -> &'static str {
    match name {
        "git" => git_verb(name, arguments)
            .and_then(|at| arguments.get(at))
            .map_or("", |verb| git_flags(&verb.text)),
        "gh" | "glab" => "-t --title -b --body -m --message --notes --search -S",
        "hg" | "svn" => match arguments.first().map(|w| w.text.as_str()) {
            Some("commit" | "ci" | "tag" | "import" | "mkdir" | "copy" | "cp") => "-m --message",
            _ => "",
        },
        "grep" | "egrep" | "fgrep" | "zgrep" => {
            "-e --regexp -A -B -C -m --max-count --after-context --before-context --context
            --include --exclude --exclude-dir --label"
        }
        "rg" => "-e --regexp -A -B -C -m --max-count -t -T --type --type-not -r --replace -j -M -E",
        "ag" | "ack" => "-A -B -C -m --ignore --ignore-dir",
        "fd" | "fdfind" => "-E --exclude",
        "sed" | "gsed" => "-e --expression",
        "awk" | "gawk" | "mawk" => "-F --field-separator -e --source",
        "tar" | "gtar" | "bsdtar" | "du" => "--exclude",
        "rsync" => "--exclude --include --filter -f",
        "zip" => "-x --exclude",
        "tree" => "-I -P",
        "mocha" => "--grep -g --fgrep -f",
        "jest" | "vitest" => "-t --testNamePattern --testPathIgnorePatterns --exclude",
        "playwright" | "cypress" => "-g --grep --grep-invert",
        "pytest" => "-k -m --ignore --deselect",
        "npm" | "pnpm" | "yarn" | "bun" => "--grep --testNamePattern",
        "eslint" | "prettier" | "stylelint" => "--ignore-pattern --ignore-path",
        "repomix" => "--ignore -i",
        "semgrep" => "--exclude -e",
        _ => "",
    }
}

fn git_flags(verb: &str) -> &'static str {
    match verb {
        "commit" => "-m -am --message --author --date --trailer --cleanup",
        "tag" | "merge" | "notes" | "stash" => "-m --message",
        "branch" => "-m -M -c -C --move --copy -u --set-upstream-to",
        "checkout" | "switch" | "worktree" => "-b -B -c -C --orphan",
        "clone" => "-b --branch -o --origin",
        "log" | "show" | "diff" | "shortlog" | "rev-list" | "whatchanged" | "reflog" => {
            "-S -G --grep --author --committer --since --until --after --before --format --pretty"
        }
        "grep" => "-e -A -B -C -m --max-count --max-depth",
        _ => "",
    }
}

/// Flags behind which text stands that names no file.
pub(super) fn skips_next(name: &str, arguments: &[Word], flag: &str) -> bool {
    listed(text_flags(name, arguments), flag)
        || (name == "git" && is_commit_message(arguments, flag))
        || (is_grep(name) && is_cluster(flag, 'e'))
}

/// `git commit -qam text`.
fn is_commit_message(arguments: &[Word], flag: &str) -> bool {
    is_cluster(flag, 'm')
        && git_verb("git", arguments)
            .and_then(|at| arguments.get(at))
            .is_some_and(|verb| verb.text == "commit")
}

fn is_grep(name: &str) -> bool {
    listed("grep egrep fgrep zgrep", name)
}

/// One-letter flags in one word, the last of which is `last`.
pub(super) fn is_cluster(flag: &str, last: char) -> bool {
    flag.strip_prefix('-').is_some_and(|letters| {
        letters.len() < 8
            && letters.ends_with(last)
            && letters.bytes().all(|b| b.is_ascii_alphabetic())
    })
}

/// Whether flags bring the pattern, so that no plain word is one.
pub(super) fn bring_pattern(name: &str, arguments: &[Word]) -> bool {
    arguments.iter().any(|w| {
        let flag = w.text.as_str();
        listed("-e --regexp -f --file --files --expression", flag)
            || listed("-pattern -path", &flag.to_ascii_lowercase())
            || (is_grep(name) && (is_cluster(flag, 'e') || is_cluster(flag, 'f')))
            || ["--regexp=", "--file=", "--expression="]
                .iter()
                .any(|long| flag.starts_with(long))
    })
}

/// Flags behind which a script stands.
pub(super) fn runs_next(flag: &str) -> bool {
    let flags =
        "-c -lc -ic -ec -xc -e -r -p --eval --command -command -pe -ne -le -lne --execute -print";
    listed(flags, &flag.to_ascii_lowercase())
        || ['c', 'e', 'E']
            .into_iter()
            .any(|last| is_cluster(flag, last))
}

/// Whether a flag names a key that a program uses and does not print:
/// `ssh -i key host`.
pub(super) fn names_key(name: &str, flag: &str) -> bool {
    listed("ssh scp sftp mosh autossh sshfs", name) && flag == "-i"
}

/// `-o IdentityFile=key` of ssh, in one word or two.
pub(super) fn is_key_option(name: &str, text: &str) -> bool {
    listed("ssh scp sftp mosh autossh sshfs", name)
        && text
            .trim_start_matches("-o")
            .get(..13)
            .is_some_and(|key| key.eq_ignore_ascii_case("identityfile="))
}

/// Whether a flag names the login to a cluster that a program uses. What prints
/// of it, or of what a cluster keeps secret, is no such use.
pub(super) fn names_login(name: &str, arguments: &[Word], flag: &str) -> bool {
    let clusters = "
        kubectl kubecolor oc helm helmfile k9s flux stern istioctl velero cilium linkerd kustomize
    ";
    flag.split('=').next() == Some("--kubeconfig")
        && listed(clusters, name)
        && arguments.len() <= 256
        && !arguments.iter().any(|w| {
            let word = w.text.to_ascii_lowercase();
            word.contains("secret") || word.starts_with("--raw") || listed("config token", &word)
        })
}

/// Whether a path looks like the login to a cluster: other files are told of
/// where they are no such thing.
pub(super) fn is_login(path: &str) -> bool {
    path.contains(".kube/") || path.to_ascii_lowercase().contains("kubeconfig")
}

/// Whether nothing of the file that a flag names comes back: `--env-file` of
/// what starts programs, and what a key is written to.
pub(super) fn is_blind(name: &str, arguments: &[Word], flag: &str) -> bool {
    match flag {
        "-keyout" | "-out" => name == "openssl",
        "-key-file" | "-cert-file" => name == "mkcert",
        "--env-file" | "--env-file-if-exists" => {
            listed(
                "docker podman nerdctl docker-compose node nodemon tsx uvicorn uv bun deno act dotenvx",
                name,
            ) && arguments.len() <= 256
                && !arguments.iter().any(|w| {
                    shows_environment(name, &w.text)
                        && !(listed("config convert", &w.text) && is_summary(arguments))
                })
        }
        _ => false,
    }
}

/// Whether `docker compose config` prints names only.
fn is_summary(arguments: &[Word]) -> bool {
    let any = |flags: &str| {
        arguments
            .iter()
            .any(|w| listed(flags, w.text.split('=').next().unwrap_or_default()))
    };
    any("--services --images --quiet -q --profiles --volumes --networks")
        && !any("--environment --variables -o --output")
}

/// A word of a command line that may print what an environment file says.
fn shows_environment(name: &str, text: &str) -> bool {
    let container = listed("docker podman nerdctl docker-compose", name);
    (!container && listed("-c -e -p -pe --eval --print --command", text))
        || listed("env printenv export set declare config convert eval", text)
        || (text.contains(char::is_whitespace) && text.contains(['$', ';', '|', '>']))
        || ["environ", "process.env", "printenv", "/env"]
            .iter()
            .any(|sign| text.contains(sign) && !text.starts_with('-'))
}

/// `--flag=text` of the same kind, and what is left out.
pub(super) fn is_aside(word: &str) -> bool {
    [
        "--exclude",
        "--ignore",
        "--message=",
        "--grep=",
        "--title=",
        "--body=",
    ]
    .iter()
    .any(|flag| word.starts_with(flag))
        || is_left_out(word)
}

/// `!glob` of searches, and the same in the path language of git.
fn is_left_out(word: &str) -> bool {
    let glob = ["-g", "--glob=", "--iglob="]
        .iter()
        .find_map(|flag| word.strip_prefix(flag))
        .unwrap_or(word);
    let is_glob = |rest: &str| {
        !rest.is_empty()
            && rest
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"._-*/{},?[]@".contains(&b))
    };
    if glob.strip_prefix('!').is_some_and(is_glob) {
        return true;
    }
    let Some(magic) = word.strip_prefix(':') else {
        return false;
    };
    magic.starts_with(['!', '^'])
        || magic
            .strip_prefix('(')
            .and_then(|m| m.split_once(')'))
            .is_some_and(|(words, _)| words.split(',').any(|w| w == "exclude"))
}

/// Whether the word at `n` is what `find` leaves out: `! -name X`, or
/// `-name X -prune -o …`.
pub(super) fn is_negated(name: &str, arguments: &[Word], n: usize) -> bool {
    if !is_find(name) {
        return false;
    }
    let text = |at: usize| arguments.get(at).map(|w| w.text.as_str());
    let back = |steps: usize| n.checked_sub(steps).and_then(text);
    if !back(1).is_some_and(|t| t.starts_with('-')) {
        return false;
    }
    if matches!(back(2), Some("!" | "\\!" | "-not")) {
        return true;
    }
    // To the end of the group that `-prune` is for.
    let mut at = n.saturating_add(1);
    while at < n.saturating_add(64) {
        match text(at) {
            Some("-prune") => {
                return matches!(text(at.saturating_add(1)), Some("-o" | "-or"));
            }
            Some("-name" | "-path" | "-iname" | "-ipath" | "-wholename" | "-type") => {
                at = at.saturating_add(2);
            }
            Some("-o" | "-or" | ")" | "\\)" | "(" | "\\(") => at = at.saturating_add(1),
            _ => return false,
        }
    }
    false
}
