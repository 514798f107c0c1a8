//! Whether anything reads what a command prints: a pipe into something that
//! runs it or opens what it names, or a file that is run or read as a list
//! further on. Text that nobody reads names nothing.

use super::arguments::Program;
use super::programs::{INTERPRETERS, LANGUAGES, WRAPPERS, is_blind, is_find, name_of};
use super::{Command, Reader, Word};
use crate::engine::guard::paths::collect::Effect;
use crate::engine::guard::paths::role::listed;
use crate::engine::guard::paths::shape;
use std::collections::{BTreeMap, BTreeSet};

/// Interpreters that read what is printed only where they start another one.
const STARTERS: &str = "docker podman kubectl watch tmux screen";
/// Programs that open what they are told on their standard input.
const OPENERS: &str = "
    cat read for while rev base64 base32 basenc xxd openssl cpio pax at batch crontab sqlite3
    ed ex psql mysql sftp ftp lftp smbclient m4 gdb gnuplot dc mapfile readarray
";
/// Flags that take a list of names.
const LISTS: &str = "-@ --files-from --files0-from --stdin-paths --pathspec-from-file";

/// How far what a script prints is read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Fed {
    /// Something may open what it names.
    pub(super) names: bool,
    /// Something may run it.
    pub(super) runs: bool,
}

impl Fed {
    /// What the commands of one script do with what the others print.
    pub(super) fn of(commands: &[Command], nested: &[String]) -> Self {
        let mut fed = Self::default();
        let first_words = nested.iter().filter_map(|n| n.split_whitespace().next());
        fed.runs = commands.iter().any(starts);
        let programs = commands.iter().map(program).chain(first_words.map(|first| {
            name_of(Some(&Word {
                text: first.to_owned(),
                ..Word::default()
            }))
        }));
        for name in programs {
            fed.runs |= runs(&name);
            fed.names |= listed(OPENERS, &name);
        }
        fed.names |= fed.runs || commands.iter().any(takes_list);
        fed
    }
}

fn runs(name: &str) -> bool {
    (listed(INTERPRETERS, name) && !listed(STARTERS, name)) || listed(LANGUAGES, name)
}

/// `docker run -i image sh`
fn starts(command: &Command) -> bool {
    listed(STARTERS, &program(command))
        && command
            .words
            .iter()
            .skip(1)
            .any(|w| runs(&name_of(Some(w))))
}

/// The program of a command, behind those that only start it.
fn program(command: &Command) -> String {
    let names = command.words.iter().filter(|w| !w.redirect);
    names
        .map(|w| name_of(Some(w)))
        .find(|name| !listed(WRAPPERS, name) && !name.contains('=') && !name.starts_with('-'))
        .unwrap_or_default()
}

fn takes_list(command: &Command) -> bool {
    let archives = listed("tar gtar bsdtar", &program(command));
    command.words.iter().skip(1).enumerate().any(|(n, w)| {
        let flag = w.text.split('=').next().unwrap_or_default();
        // `tar cTf list a.tar`
        listed(LISTS, flag)
            || (archives
                && (n == 0 || flag.starts_with('-'))
                && !flag.starts_with("--")
                && flag.len() < 8
                && flag.contains('T'))
    })
}

/// Whether groups or loops hand on what is printed inside of them.
pub(super) fn has_groups(commands: &[Command]) -> bool {
    commands.iter().any(|c| {
        c.piped
            && c.words
                .first()
                .is_some_and(|w| matches!(w.text.as_str(), "}" | "done" | "fi" | "esac"))
    })
}

/// What the command at `n` prints to: the rest of its pipe.
pub(super) fn pipe(commands: &[Command], n: usize) -> Option<&[Command]> {
    commands.get(n).filter(|c| c.piped)?;
    let rest = commands.get(n.saturating_add(1)..)?;
    let end = rest.iter().take(LONGEST).position(|c| !c.piped)?;
    rest.get(..=end)
}

/// Most commands of one pipe that are followed.
const LONGEST: usize = 16;

/// The file that a command writes what it prints to, if it is one.
pub(super) fn target(command: &Command) -> Option<&str> {
    let written = command.words.iter().find(|w| w.redirect && w.written);
    let named = || {
        (program(command) == "tee")
            .then(|| {
                command
                    .words
                    .iter()
                    .skip(1)
                    .find(|w| !w.text.starts_with('-'))
            })
            .flatten()
    };
    let text = written.or_else(named)?.text.as_str();
    let is_stream = matches!(text, "-" | "$()")
        || text.starts_with("/dev/")
        || text.bytes().all(|b| b.is_ascii_digit());
    (!is_stream).then_some(text)
}

/// Who runs, or reads as a list of names, the files that a script names.
#[derive(Debug, Default)]
pub(super) struct Runners<'a> {
    by_word: BTreeMap<&'a str, Program>,
    by_name: BTreeSet<String>,
}

impl<'a> Runners<'a> {
    pub(super) fn of(commands: &'a [Command]) -> Self {
        let mut runners = Self::default();
        for command in commands {
            let name = program(command);
            let how = if listed(LANGUAGES, &name) {
                Some(Program::Language)
            } else if runs(&name) {
                Some(Program::Interprets)
            } else {
                takes_list(command).then_some(Program::Plain)
            };
            for word in command.words.iter().filter(|w| !w.written) {
                let text = word.text.as_str();
                let mut add = |text: &'a str, how| {
                    runners.by_word.entry(bare(text)).or_insert(how);
                };
                if let Some(how) = how {
                    add(text, how);
                    if let Some((_, value)) = text.split_once('=') {
                        add(value, how);
                    }
                } else if name_of(Some(word)) == name {
                    add(text, Program::Interprets);
                }
                if let Some(list) = text.strip_prefix('@') {
                    add(list, Program::Plain);
                }
                if text.contains('/') && name_of(Some(word)) == name {
                    runners.by_name.insert(name.clone());
                }
            }
        }
        runners
    }

    pub(super) fn get(&self, file: &str) -> Option<Program> {
        let word = Word {
            text: file.to_owned(),
            ..Word::default()
        };
        let run = || self.by_name.contains(&name_of(Some(&word)));
        let known = self.by_word.get(bare(file)).copied();
        known.or_else(|| run().then_some(Program::Interprets))
    }
}

fn bare(path: &str) -> &str {
    path.strip_prefix("./").unwrap_or(path)
}

impl Reader {
    /// Names that a listing hands on: `ls -a | xargs cat` opens every hidden
    /// file, `ls -a | grep '^.env$' | xargs cat` the one that is left.
    pub(super) fn handed_on(&mut self, commands: &[Command]) {
        for (n, command) in commands.iter().enumerate() {
            let name = program(command);
            if listed("locate plocate mlocate", &name) {
                for word in command.words.iter().skip(1) {
                    self.left_over(&word.text);
                }
            }
            if !command.piped || !listed("ls find fd locate plocate mlocate git", &name) {
                continue;
            }
            let line = pipe(commands, n).unwrap_or_default();
            let opened = line.iter().any(opens);
            if opened && lists_hidden(&name, command) {
                let folder = command
                    .words
                    .iter()
                    .skip(1)
                    .find(|w| name == "ls" && !w.redirect && !w.text.starts_with('-'));
                let hidden = folder.map_or_else(
                    || ".env".to_owned(),
                    |f| format!("{}/.env", f.text.trim_end_matches('/')),
                );
                self.used(&hidden, Effect::Read, None);
            }
            if opened || self.printed > 0 {
                for filter in line.iter().filter(|c| program(c) == "grep") {
                    for word in filter.words.iter().skip(1) {
                        self.left_over(&word.text);
                    }
                }
            }
        }
    }

    /// The name that a regular expression over names leaves.
    pub(super) fn left_over(&mut self, expression: &str) {
        if expression.starts_with('-') || expression.contains(['(', '[', '+', '?', '{']) {
            return;
        }
        let name = expression
            .trim_start_matches('^')
            .trim_end_matches('$')
            .replace("\\.", ".")
            .replace(".*", "*");
        if shape::is_single(&name) {
            self.word(&name, Effect::Read);
        }
    }
}

/// `xargs cat`, but not `xargs ls`.
fn opens(command: &Command) -> bool {
    let name = program(command);
    if name == "while" || name == "read" {
        return true;
    }
    if !listed("xargs parallel", &name) {
        return false;
    }
    let words = command.words.get(1..).unwrap_or_default();
    words
        .iter()
        .position(|w| shape::is_command(&format!("{} x", w.text)))
        .and_then(|at| words.get(at..)?.split_first())
        .is_some_and(|(first, rest)| {
            let name = name_of(Some(first));
            !is_blind(&name, rest) && !listed("echo printf", &name)
        })
}

/// Programs of which nothing of a file comes back, beside the blind ones.
const NAMES: &str = "
    echo printf test [ [[ true cd pushd for do done if then fi export local declare ls du file
    basename dirname cksum md5sum sha1sum sha256sum sha512sum b2sum shasum chgrp mkdir read
    sleep exit set
";
/// Programs that only choose and order lines.
const FILTERS: &str = "sort uniq head tail grep egrep fgrep rg sed awk tr shuf tac cut";

/// Whether a program gives back what is in the files that it is named.
pub(super) fn gives_back(name: &str, arguments: &[Word]) -> bool {
    !name.is_empty() && !is_blind(name, arguments) && !listed(NAMES, name)
}

/// Whether a command may open names that are put into it, or into a variable.
pub(super) fn reads_names(command: &Command) -> bool {
    let name = program(command);
    let rest = command.words.get(1..).unwrap_or_default();
    gives_back(&name, rest) && !is_find(&name)
}

/// Whether a command opens the files whose names it is given.
pub(super) fn takes_names(command: &Command) -> bool {
    opens(command) || takes_list(command) || listed("cpio pax", &program(command))
}

/// Whether something opens the files whose names the command at `n` prints:
/// the rest of its pipe; a command that `taken` says is there, where what is
/// printed goes to a file; what stands around the substitution (`outer`).
pub(super) fn hands_on(commands: &[Command], n: usize, taken: bool, outer: bool) -> bool {
    let line = pipe(commands, n).unwrap_or_default();
    let last = line.last().or_else(|| commands.get(n));
    line.iter().any(takes_names)
        || (taken && last.and_then(target).is_some())
        || (outer && line.iter().all(|c| listed(FILTERS, &program(c))))
}

/// `ls -a`, `git ls-files -o`: names that a plain listing leaves out.
fn lists_hidden(name: &str, command: &Command) -> bool {
    let has = |flag: &str| command.words.iter().any(|w| w.text == flag);
    match name {
        "ls" => command.words.iter().any(|w| {
            matches!(w.text.as_str(), "--all" | "--almost-all")
                || (w.text.starts_with('-')
                    && !w.text.starts_with("--")
                    && w.text.contains(['a', 'A']))
        }),
        "git" => has("ls-files") && (has("-o") || has("--others")) && !has("--exclude-standard"),
        _ => false,
    }
}
