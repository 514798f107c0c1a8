//! Which words of a command line name files, and which trees it walks.
//!
//! Every word is judged except those that are text by the command's own
//! grammar: what `echo` prints, commit messages, the pattern of `grep`, what
//! is excluded. Substitutions, here-documents for interpreters, `-c` scripts
//! and `eval` are read in turn, to a bounded depth. Variables assigned in the
//! line are followed, and so is `cd`.

mod arguments;
mod assigned;
mod closing;
mod embedded;
mod fed;
mod flags;
mod lands;
mod printed;
mod printers;
mod programs;
mod walks;

pub(super) use printers::printers;

use super::code;
use super::collect::Effect;
use super::role::listed;
use super::shape;
use super::words::{self, Command, Word};
use arguments::Program;
use fed::{Fed, Runners};
use programs::{INTERPRETERS, LANGUAGES, name_of};
use std::collections::BTreeMap;

/// Deepest nesting of scripts in scripts.
const DEPTH: usize = 6;
/// Longest script in bytes that is read; a longer one cannot be judged.
const LONGEST: usize = 1024 * 1024;
/// Most bytes that are read of one script and all that it contains.
const WORK: usize = 8 * 1024 * 1024;
/// Most paths that one script may name.
const USES: usize = 50_000;

/// Something that a script reaches for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Use {
    /// The path, as written.
    pub(super) path: String,
    /// What happens to it.
    pub(super) effect: Effect,
    /// The directory that the script went to before.
    pub(super) from: Option<String>,
    /// Everything below it, narrowed to these names.
    pub(super) walk: Option<Vec<String>>,
    /// What the walk finds is read, not only listed.
    pub(super) opens: bool,
    /// Nothing of what is in it comes back.
    pub(super) blind: bool,
    /// The same wherever it is, and it stays as it is: it is shut, or used.
    pub(super) kept: bool,
    /// What a program prints that keeps secrets, instead of a path.
    pub(super) tells: Option<&'static str>,
}

/// What a script reaches for; `None` where it cannot be told.
pub(super) fn uses(script: &str) -> Option<Vec<Use>> {
    let mut reader = Reader::default();
    reader.script(script, 0);
    (!reader.lost).then_some(reader.uses)
}

/// The same for an argument vector.
pub(super) fn uses_of_argv(argv: &[String]) -> Option<Vec<Use>> {
    let mut reader = Reader::default();
    let words = argv
        .iter()
        .map(|text| Word {
            text: text.clone(),
            quoted: text.contains(char::is_whitespace),
            ..Word::default()
        })
        .collect();
    reader.command(
        &Command {
            words,
            ..Command::default()
        },
        false,
        0,
    );
    (!reader.lost).then_some(reader.uses)
}

/// What program text reaches for.
pub(super) fn uses_of_code(text: &str) -> Option<Vec<Use>> {
    let mut reader = Reader::default();
    reader.code(text, 0);
    (!reader.lost).then_some(reader.uses)
}

/// What an SQL statement reaches for.
pub(super) fn uses_of_sql(text: &str) -> Option<Vec<Use>> {
    let mut reader = Reader::default();
    reader.sql(text, 0);
    (!reader.lost).then_some(reader.uses)
}

#[derive(Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "one for each thing that stands around a command; any of them may come together"
)]
struct Reader {
    uses: Vec<Use>,
    variables: BTreeMap<String, String>,
    from: Option<String>,
    /// How many substitutions stand around the script being read.
    printed: usize,
    /// Something runs what the script being read prints.
    runs: bool,
    /// Something in the script being read decodes.
    decoder: bool,
    /// Something opens the files whose names the command being read prints.
    handed: bool,
    /// The script around the substitution being read opens files.
    reads: bool,
    /// Bytes of scripts and program text read so far.
    work: usize,
    lost: bool,
}

impl Reader {
    fn script(&mut self, text: &str, depth: usize) {
        if !self.affords(text, depth) {
            return;
        }
        let script = words::parse(text);
        let fed = Fed::of(&script.commands, &script.nested);
        let outer = (self.runs, self.decoder);
        let around = (self.handed, self.reads);
        self.runs |= fed.runs;
        self.decoder |= printed::has_decoder(text);
        let feeds = self.printed > 0 || fed.names;
        let rotated = text.contains("n-za-m") || text.contains("N-ZA-M");
        let groups = fed::has_groups(&script.commands);
        let taken = script.commands.iter().any(fed::takes_names);
        let runners = Runners::of(&script.commands);
        let reversed = text.contains("rev") && (text.contains('|') || text.contains("<<<"));
        self.called(text, &script.commands);
        for (n, command) in script.commands.iter().enumerate() {
            let pipe = fed::pipe(&script.commands, n).filter(|_| !groups);
            self.handed = around.0
                || (groups && taken)
                || fed::hands_on(&script.commands, n, taken, self.reads);
            self.command_of(command, pipe, &runners, feeds, depth);
            if rotated {
                for word in &command.words {
                    self.text(&code::rotated(&word.text), depth);
                }
            }
            if reversed {
                for word in &command.words {
                    let back: String = word.text.chars().rev().collect();
                    self.plain(&back, depth.saturating_add(1));
                }
            }
        }
        self.handed_on(&script.commands);
        if text.contains(".Env") {
            self.told_beside(&script.commands);
        }
        // What a substitution prints becomes a word of the outer command.
        self.handed = around.0;
        self.reads = script.commands.iter().any(fed::reads_names);
        for nested in &script.nested {
            self.printed = self.printed.saturating_add(1);
            self.script(nested, depth.saturating_add(1));
            self.printed = self.printed.saturating_sub(1);
        }
        (self.handed, self.reads) = around;
        (self.runs, self.decoder) = outer;
    }

    /// One command among those of its script. What it writes to a file is read
    /// only where the file is run, or is a list of names, further on.
    fn command_of(
        &mut self,
        command: &Command,
        pipe: Option<&[Command]>,
        runners: &Runners<'_>,
        feeds: bool,
        depth: usize,
    ) {
        let last = pipe.and_then(<[Command]>::last).unwrap_or(command);
        let written = fed::target(last).filter(|_| pipe.is_some() || !command.piped);
        let runner = written.and_then(|file| runners.get(file));
        let feeds = if self.printed > 0 {
            feeds
        } else if let Some(pipe) = pipe {
            Fed::of(pipe, &[]).names || runner.is_some()
        } else if written.is_some() {
            runner.is_some()
        } else {
            feeds
        };
        let outer = self.runs;
        self.runs |= matches!(runner, Some(Program::Interprets | Program::Language));
        self.command(command, feeds, depth);
        for body in &command.documents {
            match runner {
                Some(Program::Language) => self.code(body, depth.saturating_add(1)),
                Some(Program::Interprets) => self.script(body, depth.saturating_add(1)),
                Some(_) => self.text(body, depth.saturating_add(1)),
                None => {}
            }
        }
        self.runs = outer;
    }

    /// Bounds the work: scripts in scripts can be written to multiply.
    fn affords(&mut self, text: &str, depth: usize) -> bool {
        self.work = self.work.saturating_add(text.len()).saturating_add(64);
        self.lost |=
            depth > DEPTH || text.len() > LONGEST || self.work > WORK || self.uses.len() > USES;
        !self.lost
    }

    fn command(&mut self, command: &Command, feeds: bool, depth: usize) {
        let mut words: Vec<Word> = Vec::with_capacity(command.words.len());
        for word in &command.words {
            if word.redirect {
                let effect = if word.written {
                    Effect::Change
                } else {
                    Effect::Read
                };
                self.used(&word.text, effect, None);
            } else if words.is_empty() && self.assignment(word, depth) {
            } else {
                words.push(Word {
                    text: self.filled(&word.text),
                    ..word.clone()
                });
            }
        }
        let at = self.wrapped(&words, depth);
        let Some((first, arguments)) = words.get(at..).and_then(<[Word]>::split_first) else {
            return;
        };
        let name = name_of(Some(first));
        self.word(&first.text, Effect::Read);
        // `npx -c 'cat f'`, `env -S 'cat f'`, `x='cat f'; $x`
        if first.text.contains(char::is_whitespace) {
            self.script(&first.text, depth.saturating_add(1));
        }
        self.documents(command, &name, depth);
        self.walks(&name, arguments);
        self.hidden(&name, arguments);
        self.told_by(&name, arguments);
        if self.sets(&name, arguments, depth) {
            return;
        }
        self.arguments(&name, arguments, feeds, depth);
        if let Some(last) = arguments.last() {
            self.set("_", &last.text);
        }
    }

    fn documents(&mut self, command: &Command, name: &str, depth: usize) {
        for body in &command.documents {
            if listed(INTERPRETERS, name) {
                self.script(body, depth.saturating_add(1));
            } else if listed(LANGUAGES, name) {
                self.code(body, depth.saturating_add(1));
            }
        }
    }

    fn code(&mut self, text: &str, depth: usize) {
        if !self.affords(text, depth) {
            return;
        }
        let reversed = text.contains("[::-1]") || text.contains("reverse");
        let rotated = text.contains("rot");
        let walks = code::walks(text);
        let effect = if code::changes(text) {
            Effect::Change
        } else {
            Effect::Read
        };
        self.embedded(text);
        let outer = (self.runs, self.decoder);
        self.runs = true;
        self.decoder |= printed::has_decoder(text);
        let Some(literals) = code::strings(text) else {
            self.lost = true;
            return;
        };
        for literal in literals {
            self.told_in_code(&literal);
            if shape::is_command(&literal) {
                self.script(&literal, depth.saturating_add(1));
            } else if !code::is_expression(&literal) {
                self.word(&literal, effect);
            }
            if reversed {
                let back: String = literal.chars().rev().collect();
                self.plain(&back, depth.saturating_add(1));
            }
            if rotated {
                self.word(&code::rotated(&literal), Effect::Read);
            }
            if walks && shape::is_anchored(&literal) {
                self.used(&literal, Effect::Read, Some(Vec::new()));
            }
            self.decoded(&literal, depth);
            // Program text inside a literal: `exec('open("…")')`.
            if literal.contains(['"', '\'']) && literal.len() < text.len() {
                self.code(&super::spell::unescaped(&literal), depth.saturating_add(1));
            }
        }
        // A notebook cell that is a script as a whole: `%%bash`.
        if let Some((magic, cell)) = text.trim_start().split_once('\n')
            && let Some(program) = magic.strip_prefix("%%")
            && program
                .split_whitespace()
                .any(|word| word == "script" || word == "system" || listed(INTERPRETERS, word))
        {
            self.script(cell, depth.saturating_add(1));
        }
        for line in text.lines() {
            if let Some(shell) = line.trim_start().strip_prefix(['!', '%']) {
                self.script(shell, depth.saturating_add(1));
            }
        }
        if shape::is_command(text) && !text.contains('(') {
            self.script(text, depth.saturating_add(1));
        }
        (self.runs, self.decoder) = outer;
    }

    fn go(&mut self, text: &str) {
        self.from = Some(match &self.from {
            Some(from) if !shape::is_anchored(text) || text.starts_with('.') => {
                format!("{from}/{text}")
            }
            _ => text.to_owned(),
        })
        .filter(|f| f.len() <= 4096);
    }

    fn word(&mut self, text: &str, effect: Effect) {
        if !shape::is_single(text) && !shape::is_spaced_path(text) {
            return;
        }
        self.used(text, effect, None);
        for plain in code::decoded(text) {
            if plain.contains(['/', '.']) {
                self.used(plain.trim(), effect, None);
            }
        }
    }

    /// A word of which nothing that is in the file comes back.
    fn blind(&mut self, text: &str, effect: Effect) {
        let from = self.uses.len();
        self.word(text, effect);
        for one in self.uses.iter_mut().skip(from) {
            one.blind = true;
        }
    }

    /// A word for a file that is only shut, or used where it is.
    fn kept(&mut self, text: &str, effect: Effect) {
        let from = self.uses.len();
        self.blind(text, effect);
        for one in self.uses.iter_mut().skip(from) {
            one.kept = true;
        }
    }

    fn used(&mut self, path: &str, effect: Effect, walk: Option<Vec<String>>) {
        if !path.is_empty() {
            self.uses.push(Use {
                path: path.to_owned(),
                effect,
                from: self.from.clone(),
                walk,
                ..Use::default()
            });
        }
    }
}
