//! The older policy of `check --against`: a file, or a revision in git.
//!
//! git is started without a shell, with fixed arguments ([`git`]). What it is asked
//! for is checked first: a name that begins with `-` would be an option.

mod git;

use crate::cli::places::Places;
use crate::cli::{Fault, setup};
use crate::engine::policy::{PolicyBase, Sources};
use crate::state::policy::read_in;
use git::Revision;
use std::path::Path;

/// Longest name of a revision, and of a file in it.
const MAX_NAME: usize = 200;

/// Where an older policy is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Older {
    /// In a file.
    File(String),
    /// In git: a revision, and the path from the top of the repository; without
    /// one, where the policy is now.
    Git(String, Option<String>),
}

impl Older {
    /// Reads what `--against` says.
    pub(super) fn parse(text: &str) -> Result<Self, Fault> {
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
        if path.as_ref().is_some_and(|path| !is_path(path)) {
            return Err(Fault::Usage(format!(
                "`--against {text}`: expected the policy's path from the top of the repository \
                 behind the revision, such as `git:main:ops/lockgate.toml`"
            )));
        }
        Ok(Self::Git(revision.to_owned(), path))
    }

    /// Its texts, as if they stood where `base` says; `policy` is the file or the
    /// directory that is checked.
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
            Self::Git(revision, path) => {
                let failed = |why: &dyn std::fmt::Display| {
                    let name = self.name();
                    Fault::Failed(format!(
                        "cannot read `{name}`: {why}; look whether `git show {}` prints it in the \
                         directory of the policy",
                        name.trim_start_matches("git:")
                    ))
                };
                let tree = Revision::beside(policy, revision).map_err(|e| failed(&e))?;
                let at = match path {
                    Some(path) => git::top().join(path),
                    None => tree.place(policy),
                };
                let shown = format!("git:{revision}:{}", git::inner(&at).unwrap_or_default());
                let mut read = read_in(&tree, Path::new(&shown), &at).map_err(|e| failed(&e))?;
                read.sources
                    .move_to(&read.dir.display().to_string(), &base.dir);
                Ok(read.sources)
            }
        }
    }

    /// What to call it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::File(file) => file.clone(),
            Self::Git(revision, None) => format!("git:{revision}"),
            Self::Git(revision, Some(path)) => format!("git:{revision}:{path}"),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_go_to_git() {
        for (text, revision, path) in [
            ("git:main", "main", None),
            ("git:HEAD~1", "HEAD~1", None),
            ("git:v1.2.3", "v1.2.3", None),
            ("git:release/2^2~3", "release/2^2~3", None),
            ("git:main:a/b.toml", "main", Some("a/b.toml")),
        ] {
            let older = Older::parse(text).unwrap();
            let expected = Older::Git(revision.to_owned(), path.map(str::to_owned));
            assert_eq!(older, expected, "{text}");
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
            assert!(Older::parse(text).is_err(), "{text}");
        }
        assert_eq!(
            Older::parse("old.toml").unwrap(),
            Older::File("old.toml".to_owned())
        );
    }
}
