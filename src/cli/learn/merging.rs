//! `learn --merge`: which files of a policy get what it misses.

use super::{existing, save, unwritten};
use crate::cli::fmt::replace;
use crate::cli::setup::{Anybody, Written, read_policy};
use crate::cli::{Fault, color_on_stderr, say, tell};
use crate::engine::policy::{Policy, render_all};
use crate::learn::Proposal;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A policy with what it misses.
pub(super) struct Merged {
    /// As `--config`, or `--merge`, has it.
    shown: String,
    written: Written,
    /// New texts, by the number of the file.
    changed: BTreeMap<usize, String>,
    /// What `--merge` names.
    named: PathBuf,
}

/// Extends the file that is named; of a directory, and with `[paths]`, the file
/// in which the server, or the table, stands.
pub(super) fn merged(
    named: &Path,
    policy: &Path,
    out: Option<&Path>,
    proposal: &Proposal,
    anybody: &Anybody,
) -> Result<Merged, Fault> {
    let written = read_policy(policy, anybody.places())?;
    let into = if named.is_dir() {
        None
    } else {
        Some(number(named, policy, &written)?)
    };
    if out.is_some_and(|out| out != named) && written.sources.count() > 1 {
        return Err(Fault::Usage(format!(
            "a policy of several files stays where it is: write `--out {}`",
            named.display()
        )));
    }
    let texts = written.sources.files().map(|(_, text)| text).collect();
    let existing = existing(texts, into, anybody);
    if proposal.widens(&existing) && !existing.ids.is_empty() {
        say("lockgate: `[paths]` grows: other rules with a `path` hold there, too");
    }
    let home = anybody.places().home.display().to_string();
    let changed = proposal
        .merged(&existing, &home)
        .map_err(|e| unwritten(&e))?;
    Ok(Merged {
        shown: policy.display().to_string(),
        written,
        changed,
        named: named.to_owned(),
    })
}

/// The number of the file that is named.
fn number(named: &Path, policy: &Path, written: &Written) -> Result<usize, Fault> {
    let real = |file: &Path| file.canonicalize().ok();
    let wanted = real(named);
    let mut files = written.sources.files();
    let found = files.position(|(name, _)| real(Path::new(name)) == wanted);
    found.filter(|_| wanted.is_some()).ok_or_else(|| {
        Fault::Usage(format!(
            "`{}` is no file of the policy `{}`",
            named.display(),
            policy.display()
        ))
    })
}

impl Merged {
    /// The same compiler as behind `run` takes it, or it is not printed.
    pub(super) fn compiled(&self) -> Result<Policy, Fault> {
        let base = &self.written.base;
        let sources = self.written.sources.with_texts(&self.changed);
        Policy::parse_all(&self.shown, &sources, base).map_err(|mistakes| {
            let shown = render_all(&sources, &mistakes, color_on_stderr());
            say(&format!("{shown}\n"));
            Fault::Failed("what was learned is no policy that can be used: see above".to_owned())
        })
    }

    /// Prints or writes the files that change.
    pub(super) fn give(&self, out: Option<&Path>) -> Result<(), Fault> {
        let files = self.written.sources.files().enumerate();
        let texts: Vec<_> = files
            .map(|(n, (name, text))| (name, text, self.changed.get(&n)))
            .collect();
        let in_place = out == Some(self.named.as_path());
        if let ([(_, text, changed)], false) = (texts.as_slice(), in_place) {
            let text = changed.map_or(*text, String::as_str);
            if let Some(out) = out {
                return save(out, text);
            }
            tell(text.trim_end_matches('\n'));
            return Ok(());
        }
        for (name, before, text) in texts {
            let Some(text) = text.filter(|text| *text != before) else {
                continue;
            };
            if in_place {
                replace(Path::new(name), text)?;
                say(&format!("lockgate: extended `{name}`"));
            } else {
                tell(&format!(
                    "# `{name}` becomes\n\n{}",
                    text.trim_end_matches('\n')
                ));
            }
        }
        Ok(())
    }
}
