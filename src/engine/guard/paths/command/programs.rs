//! What is known of programs: which run others, which walk, what their flags
//! take. Lists are text, one word after the other.

use super::Word;
use crate::engine::guard::paths::role::listed;

/// Programs that run another one.
pub(super) const WRAPPERS: &str = "
    sudo doas env nohup time command exec builtin nice ionice stdbuf setsid timeout busybox
    then do else if while until ! { caffeinate chroot
";
/// Programs that run text.
pub(super) const INTERPRETERS: &str = "
    bash sh zsh dash ksh fish pwsh powershell powershell.exe cmd cmd.exe eval su ssh watch
    script docker podman kubectl xargs parallel iex invoke-expression tmux screen nsenter
    unshare source .
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
    gitleaks aws gsutil s3cmd
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
    arguments.iter().position(|word| {
        let is_flag = word.text.starts_with('-');
        let is_verb = !is_flag && !value;
        value = listed("-c -C --git-dir --work-tree --namespace", &word.text);
        is_verb
    })
}

/// Whether a git command only tells whether it knows the names it is given.
pub(super) fn only_names(name: &str, arguments: &[Word]) -> bool {
    let verb = git_verb(name, arguments).and_then(|at| arguments.get(at));
    verb.is_some_and(|verb| match verb.text.as_str() {
        "check-ignore" | "check-attr" | "ls-files" => true,
        "rm" => arguments.iter().any(|w| w.text == "--cached"),
        _ => false,
    })
}

pub(super) fn is_searcher(name: &str, arguments: &[Word]) -> bool {
    let git_grep = git_verb(name, arguments)
        .and_then(|at| arguments.get(at))
        .is_some_and(|w| w.text == "grep");
    (listed(SEARCHERS, name) || git_grep)
        && !arguments.iter().any(|w| {
            listed(
                "-e --regexp -f --file --files -pattern -path",
                &w.text.to_ascii_lowercase(),
            )
        })
}

/// Flags behind which a script stands.
pub(super) fn runs_next(flag: &str) -> bool {
    let flags =
        "-c -lc -ic -ec -xc -e -r -p --eval --command -command -pe -ne -le -lne --execute -print";
    listed(flags, &flag.to_ascii_lowercase())
}

/// Flags behind which text stands that names no file.
pub(super) fn skips_next(name: &str, arguments: &[Word], flag: &str) -> bool {
    let flags = match name {
        "git" if arguments.first().is_some_and(|w| w.text == "diff") => "",
        "git" | "gh" | "hg" | "svn" | "glab" => {
            "-m -am --message --title --body -t -b --grep -S -G --author --notes"
        }
        "grep" | "egrep" | "fgrep" | "rg" | "ag" | "ack" => "-e --regexp -A -B -C -m -t -T",
        "sed" | "gsed" => "-e --expression",
        "tar" | "rsync" | "zip" | "du" | "tree" => "--exclude -x -I",
        _ => "",
    };
    listed(flags, flag)
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

/// Whether the word at `n` is what `find` leaves out: `! -name X`.
pub(super) fn is_negated(arguments: &[Word], n: usize) -> bool {
    let text = |back: usize| {
        n.checked_sub(back)
            .and_then(|at| arguments.get(at))
            .map(|w| w.text.as_str())
    };
    text(1).is_some_and(|t| t.starts_with('-')) && matches!(text(2), Some("!" | "\\!" | "-not"))
}
