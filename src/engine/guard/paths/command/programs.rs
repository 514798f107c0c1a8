//! What is known of programs: which run others, which walk, what their flags
//! take. Lists are text, one word after the other.

use super::Word;
use super::flags::bring_pattern;
use crate::engine::guard::paths::role::listed;

/// Programs that run another one.
pub(super) const WRAPPERS: &str = "
    sudo doas env nohup time command exec builtin nice ionice stdbuf setsid timeout busybox
    then do else if while until ! { caffeinate chroot spawn npx bunx uvx pnpx
";
/// Programs that run text.
pub(super) const INTERPRETERS: &str = "
    bash sh zsh dash ksh fish pwsh powershell powershell.exe cmd cmd.exe eval su ssh watch
    script docker podman kubectl xargs parallel iex invoke-expression tmux screen nsenter
    unshare source . expect
";
/// Programs that run program text.
pub(super) const LANGUAGES: &str = "
    python python2 python3 node nodejs deno bun ruby perl php lua osascript tclsh rscript
    julia awk gawk mawk ipython
";
/// Programs that do what a prose argument tells them.
pub(super) const PROMPTED: &str = "
    claude gemini codex q amp aider opencode goose cursor-agent copilot qwen crush droid llm
    ollama auggie
";
/// Programs whose first plain word is a pattern.
pub(super) const SEARCHERS: &str = "
    grep egrep fgrep zgrep rg ag ack sed gsed jq yq findstr tr select-string
";
/// Programs that walk a tree.
pub(super) const WALKERS: &str = "
    tar zip 7z 7za rar rsync rg ag ack tree mv restic borg rclone gtar bsdtar trufflehog
    gitleaks aws gsutil s3cmd s5cmd azcopy ditto pax mksquashfs genisoimage mkisofs duplicity
    tarsnap jar zpaq croc wormhole repomix gitingest code2prompt files-to-prompt
";
/// Programs that walk a tree where a flag says so.
pub(super) const FLAGGED_WALKERS: &str = "
    cp scp grep egrep fgrep zgrep ls findstr dir gci get-childitem copy-item xcopy robocopy
    du
";
/// Programs that take away the files that they are given.
pub(super) const REMOVERS: &str = "rm mv shred unlink rmdir del erase move rd";
/// Programs that change the files that they are given.
pub(super) const CHANGERS: &str = "
    rm mv cp tee ln chmod chown truncate touch install dd patch shred unlink set-content
    out-file add-content del move copy
";

pub(super) fn name_of(word: Option<&Word>) -> String {
    let text = word.map(|w| w.text.as_str()).unwrap_or_default();
    text.rsplit(['/', '\\'])
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase()
}

/// What git is told to do: the first word that is neither a flag nor the
/// value of one.
pub(super) fn git_verb(name: &str, arguments: &[Word]) -> Option<usize> {
    if name != "git" {
        return None;
    }
    let mut value = false;
    arguments.iter().take(16).position(|word| {
        let is_flag = word.text.starts_with('-');
        let is_verb = !is_flag && !value;
        value = listed("-c -C --git-dir --work-tree --namespace", &word.text);
        is_verb
    })
}

/// Whether a git command only tells whether it knows the names it is given.
pub(super) fn only_names(name: &str, arguments: &[Word]) -> bool {
    let Some(at) = git_verb(name, arguments) else {
        return false;
    };
    let any = |flag: &str| arguments.iter().any(|w| w.text == flag);
    // What a setting runs is told nowhere else.
    if arguments.iter().take(at).any(|w| w.text == "-c") {
        return false;
    }
    match arguments.get(at).map(|verb| verb.text.as_str()) {
        Some("check-ignore" | "check-attr" | "ls-files" | "ls-tree") => true,
        Some("status") => !["-v", "-vv", "--verbose"].into_iter().any(any),
        Some("rm") => any("--cached"),
        Some("restore") => any("--staged"),
        Some("log" | "rev-list" | "shortlog" | "whatchanged") => {
            arguments.iter().all(|w| is_log_flag(&w.text))
        }
        Some("diff") => {
            ["--name-only", "--name-status", "--stat"]
                .into_iter()
                .any(any)
                && arguments
                    .iter()
                    .all(|w| is_log_flag(&w.text) || listed("--cached --staged", &w.text))
        }
        _ => false,
    }
}

/// A word of `git log` that is no flag, or one that shows nothing of files.
fn is_log_flag(text: &str) -> bool {
    let flag = text.split('=').next().unwrap_or_default();
    let number = flag.strip_prefix('-').unwrap_or_default();
    !text.starts_with('-')
        || (!number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
        || listed(
            "-- -n -s -C --oneline --all --follow --stat --shortstat --numstat --name-only
            --name-status --graph --decorate --format --pretty --since --until --after --before
            --author --committer --grep --reverse --diff-filter --full-history --date
            --abbrev-commit --no-patch --no-merges --merges --first-parent --max-count
            --branches --tags --remotes --no-pager --no-color --color --count --skip",
            flag,
        )
}

pub(super) fn is_searcher(name: &str, arguments: &[Word]) -> bool {
    let git_grep = git_verb(name, arguments)
        .and_then(|at| arguments.get(at))
        .is_some_and(|w| w.text == "grep");
    (listed(SEARCHERS, name) || git_grep) && !bring_pattern(name, arguments)
}

/// Whether the program finds files by tests on them.
pub(super) fn is_find(name: &str) -> bool {
    listed("find gfind fd fdfind", name)
}

/// Whether the first plain word is the text of a program: `awk '{…}' f`.
pub(super) fn is_program_first(name: &str, arguments: &[Word]) -> bool {
    listed("awk gawk mawk nawk", name)
        && !arguments.iter().any(|w| {
            ["-f", "-e", "-E", "--file", "--source", "--exec"]
                .iter()
                .any(|flag| w.text.starts_with(flag))
        })
}

/// Whether the output tells of the files it is given no more than that they
/// are there, or there is none.
pub(super) fn is_blind(name: &str, arguments: &[Word]) -> bool {
    match name {
        "ls" => !arguments
            .iter()
            .any(|w| w.text.starts_with('-') && (w.text.contains('R') || w.text == "--recursive")),
        "wc" => !arguments.iter().any(|w| w.text.starts_with("--files0")),
        _ => listed(
            "stat touch rm unlink rmdir chmod chown realpath readlink basename dirname trash",
            name,
        ),
    }
}

pub(super) fn is_example(text: &str) -> bool {
    let name = text.rsplit('/').next().unwrap_or_default();
    name.contains("env")
        && ["example", "sample", "template", "dist", "tmpl", "defaults"]
            .iter()
            .any(|hint| name.contains(hint))
}

pub(super) fn is_env(text: &str) -> bool {
    text.rsplit('/')
        .next()
        .is_some_and(|name| name.starts_with(".env"))
}
