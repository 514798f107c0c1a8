//! Which words of a command line name files, and which trees it walks.
//!
//! Every word is judged except those that are text by the command's own
//! grammar: what `echo` prints, commit messages, the pattern of `grep`, what
//! is excluded. Substitutions, here-documents for interpreters, `-c` scripts
//! and `eval` are read in turn, to a bounded depth. Variables assigned in the
//! line are followed, and so is `cd`.

mod arguments;
mod embedded;
mod programs;
mod walks;

use super::collect::Effect;
use super::role::listed;
use super::shape;
use super::words::{self, Command, Word};
use super::{code, expand};
use programs::{INTERPRETERS, LANGUAGES, WRAPPERS, name_of};
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Use {
    /// The path, as written.
    pub(super) path: String,
    /// What happens to it.
    pub(super) effect: Effect,
    /// The directory that the script went to before.
    pub(super) from: Option<String>,
    /// Everything below it, narrowed to these names.
    pub(super) walk: Option<Vec<String>>,
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
struct Reader {
    uses: Vec<Use>,
    variables: BTreeMap<String, String>,
    from: Option<String>,
    /// How many substitutions stand around the script being read.
    printed: usize,
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
        let feeds = self.printed > 0
            || script.commands.iter().any(|c| {
                let name = name_of(c.words.first());
                listed(INTERPRETERS, &name)
                    || listed(LANGUAGES, &name)
                    || matches!(
                        name.as_str(),
                        "cat" | "read" | "for" | "while" | "rev" | "base64" | "xxd"
                    )
            });
        let reversed = text.contains("rev") && text.contains('|');
        for command in &script.commands {
            self.command(command, feeds, depth);
            if text.contains("n-za-m") || text.contains("N-ZA-M") {
                for word in &command.words {
                    self.text(&code::rotated(&word.text), depth);
                }
            }
            if reversed {
                for word in &command.words {
                    self.word(&word.text.chars().rev().collect::<String>(), Effect::Read);
                }
            }
        }
        // What a substitution prints becomes a word of the outer command.
        for nested in &script.nested {
            self.printed = self.printed.saturating_add(1);
            self.script(nested, depth.saturating_add(1));
            self.printed = self.printed.saturating_sub(1);
        }
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
            } else if words.is_empty() && self.assignment(word) {
            } else {
                words.push(Word {
                    text: self.filled(&word.text),
                    ..word.clone()
                });
            }
        }
        let mut at = 0;
        while words
            .get(at)
            .is_some_and(|w| listed(WRAPPERS, &name_of(Some(w))))
        {
            at = at.saturating_add(1);
            while words.get(at).is_some_and(|w| {
                w.text.starts_with('-') || w.text.contains('=') || w.text.parse::<f64>().is_ok()
            }) {
                at = at.saturating_add(1);
            }
        }
        // What wrappers were given may be paths as well.
        for word in words.iter().take(at).skip(1) {
            self.word(&word.text, Effect::Read);
        }
        let Some((first, arguments)) = words.get(at..).and_then(<[Word]>::split_first) else {
            return;
        };
        let name = name_of(Some(first));
        self.word(&first.text, Effect::Read);
        self.documents(command, &name, depth);
        self.walks(&name, arguments);
        self.hidden(&name, arguments);
        self.arguments(&name, arguments, feeds, depth);
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

    /// `name=value` before a command, or given to `export` and the like.
    fn assignment(&mut self, word: &Word) -> bool {
        let Some((name, value)) = word.text.split_once('=') else {
            return false;
        };
        let is_name =
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if is_name {
            let value = self.filled(value);
            self.word(&value, Effect::Read);
            if value.len() <= 4096 && self.variables.len() < 64 {
                self.variables.insert(name.to_owned(), value);
            }
        }
        is_name
    }

    fn filled(&self, text: &str) -> String {
        if self.variables.is_empty() || !text.contains('$') || text.len() > 4096 {
            return text.to_owned();
        }
        expand::with(text, &self.variables)
    }

    /// What is printed to something that may run it or open it.
    fn text(&mut self, text: &str, depth: usize) {
        if shape::is_command(text) {
            self.script(text, depth.saturating_add(1));
            return;
        }
        for word in text.split_whitespace() {
            self.word(word, Effect::Read);
            for plain in code::decoded(word) {
                self.script(&plain, depth.saturating_add(1));
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
        let Some(literals) = code::strings(text) else {
            self.lost = true;
            return;
        };
        for literal in literals {
            if shape::is_command(&literal) {
                self.script(&literal, depth.saturating_add(1));
            } else if !code::is_expression(&literal) {
                self.word(&literal, effect);
            }
            if reversed {
                self.word(&literal.chars().rev().collect::<String>(), Effect::Read);
            }
            if rotated {
                self.word(&code::rotated(&literal), Effect::Read);
            }
            if walks && shape::is_anchored(&literal) {
                self.used(&literal, Effect::Read, Some(Vec::new()));
            }
            for plain in code::decoded(&literal) {
                self.text(&plain, depth);
            }
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

    fn used(&mut self, path: &str, effect: Effect, walk: Option<Vec<String>>) {
        if !path.is_empty() {
            self.uses.push(Use {
                path: path.to_owned(),
                effect,
                from: self.from.clone(),
                walk,
            });
        }
    }
}
