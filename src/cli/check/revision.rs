//! The older policy of `check --against`: a file, or a revision in git.
//!
//! git is started without a shell, with fixed arguments, and reads one blob: no
//! filter, no pager, nothing fetched. What it is asked for is checked first: a
//! name that begins with `-` would be an option.

use crate::cli::places::Places;
use crate::cli::{Fault, setup};
use crate::engine::policy::{MAX_BYTES, PolicyBase, Sources};
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

/// Longest name of a revision, and of a file in it.
const MAX_NAME: usize = 200;

/// Where an older policy is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Older {
    /// In a file.
    File(String),
    /// In git: what `git cat-file` calls it.
    Git(String),
}

impl Older {
    /// Reads what `--against` says; `policy` is the file that is checked.
    pub(super) fn parse(text: &str, policy: &Path) -> Result<Self, Fault> {
        let Some(rest) = text.strip_prefix("git:") else {
            return Ok(Self::File(text.to_owned()));
        };
        let (revision, path) = match rest.split_once(':') {
            Some((revision, path)) => (revision, Some(path.to_owned())),
            None => (rest, None),
        };
        if !is_revision(revision) {
            return Err(Fault::Usage(format!(
                "`--against {text}`: expected a branch, a tag or a commit behind `git:`, such as \
                 `git:main` or `git:HEAD~1`"
            )));
        }
        let path = match path {
            Some(path) => path,
            // Relative to the directory in which git is started.
            None => format!(
                "./{}",
                policy.file_name().unwrap_or_default().to_string_lossy()
            ),
        };
        if !is_path(&path) {
            return Err(Fault::Usage(format!(
                "`--against {text}`: expected the policy's path from the top of the repository \
                 behind the revision, such as `git:main:ops/lockgate.toml`"
            )));
        }
        Ok(Self::Git(format!("{revision}:{path}")))
    }

    /// Its texts, as if they stood where `base` says. Of a revision that is one
    /// file: what it includes is not followed, and a mistake.
    pub(super) fn read(
        &self,
        policy: &Path,
        places: &Places,
        base: &PolicyBase,
    ) -> Result<Sources, Fault> {
        match self {
            Self::File(file) => {
                let mut read = setup::read_policy(Path::new(file), places)?;
                read.sources.move_to(&read.base.dir, &base.dir);
                Ok(read.sources)
            }
            Self::Git(object) => {
                let text = blob(object, policy)?;
                Ok(Sources::one(&self.name(), &base.dir, &text))
            }
        }
    }

    /// What to call it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::File(file) => file.clone(),
            Self::Git(object) => format!("git:{object}"),
        }
    }
}

/// A name, with `~2` and `^` behind it: nothing that selects otherwise.
fn is_revision(text: &str) -> bool {
    let at = text.find(['~', '^']).unwrap_or(text.len());
    let (name, suffix) = text.split_at_checked(at).unwrap_or_default();
    let letter = |c: char| c.is_ascii_alphanumeric() || "._/-".contains(c);
    let signs = |c: char| c.is_ascii_digit() || "~^".contains(c);
    text.len() <= MAX_NAME
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(letter)
        && !name.contains("..")
        && suffix.chars().all(signs)
}

fn is_path(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= MAX_NAME
        && !text.starts_with(['-', '/', ':'])
        && !text.contains(|c: char| c.is_control() || c == '\\' || c == ':')
        && !text.split('/').any(|segment| segment == "..")
}

fn blob(object: &str, policy: &Path) -> Result<String, Fault> {
    let failed = |why: &str| {
        Fault::Failed(format!(
            "cannot read `git:{object}`: {why}; look whether `git show {object}` prints it in the \
             directory of the policy"
        ))
    };
    let dir = policy.parent().filter(|dir| !dir.as_os_str().is_empty());
    let mut git = Command::new("git");
    git.args([
        "--no-pager",
        "--no-replace-objects",
        "cat-file",
        "blob",
        object,
    ])
    .current_dir(dir.unwrap_or(Path::new(".")))
    .env_clear()
    .env("GIT_NO_LAZY_FETCH", "1")
    .env("GIT_TERMINAL_PROMPT", "0")
    .env("GIT_OPTIONAL_LOCKS", "0")
    .stdin(Stdio::null())
    .stdout(Stdio::piped())
    .stderr(Stdio::null());
    for kept in ["PATH", "HOME", "XDG_CONFIG_HOME"] {
        git.envs(std::env::var_os(kept).map(|value| (kept, value)));
    }
    let mut child = git
        .spawn()
        .map_err(|e| failed(&format!("git does not start: {e}")))?;
    let most = u64::try_from(MAX_BYTES)
        .unwrap_or(u64::MAX)
        .saturating_add(1);
    let mut bytes = Vec::new();
    let read = match child.stdout.take() {
        Some(out) => out.take(most).read_to_end(&mut bytes),
        None => Ok(0),
    };
    if bytes.len() > MAX_BYTES {
        // It would wait for a reader of the rest.
        let _ = child.kill();
        let _ = child.wait();
        return Err(failed("it is larger than a policy may be"));
    }
    let ended = child.wait();
    if read.is_err() || !ended.is_ok_and(|status| status.success()) {
        return Err(failed("git does not give it"));
    }
    String::from_utf8(bytes).map_err(|_| failed("it is no UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_go_to_git() {
        let policy = Path::new("/work/ops/lockgate.toml");
        for (text, expected) in [
            ("git:main", "main:./lockgate.toml"),
            ("git:HEAD~1", "HEAD~1:./lockgate.toml"),
            ("git:v1.2.3", "v1.2.3:./lockgate.toml"),
            ("git:release/2^2~3", "release/2^2~3:./lockgate.toml"),
            ("git:main:a/b.toml", "main:a/b.toml"),
        ] {
            let older = Older::parse(text, policy).unwrap();
            assert_eq!(older, Older::Git(expected.to_owned()), "{text}");
        }
        for text in [
            "git:",
            "git:--output=x",
            "git:-p",
            "git:a..b",
            "git:@{-1}",
            "git:main@{1}",
            "git:a b",
            "git:a;b",
            "git:$(x)",
            "git::x",
            "git:main:",
            "git:main:../x",
            "git:main:/x",
            "git:main:-x",
            "git:main:a:b",
            "git:^main",
            "git:main^{/x}",
        ] {
            assert!(Older::parse(text, policy).is_err(), "{text}");
        }
        assert_eq!(
            Older::parse("old.toml", policy).unwrap(),
            Older::File("old.toml".to_owned())
        );
    }
}
