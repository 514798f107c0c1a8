//! Programs that print secrets they keep elsewhere than in a file: the verb
//! that does it, and nothing else that they do.
//!
//! Data, one row a program and verb. What a program prints of its environment
//! is not here: lockgate starts servers with an environment that was emptied.

mod rows;

use super::programs::name_of;
use super::{Command, Reader, Use, Word};
use crate::engine::guard::paths::glob;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// One way to have a secret printed.
#[derive(Debug)]
struct Row {
    /// Programs, one after the other; `*` for any characters.
    programs: &'static str,
    /// The words of the verb in order, each with its alternatives (`a|b`).
    /// Flags and their values may stand between them.
    verb: &'static str,
    /// Words of which one has to be there, with wildcards; any where empty.
    with: &'static str,
    /// Words of which none may be there.
    without: &'static str,
    /// What comes out, for people.
    tells: &'static str,
    /// Which document says so.
    source: &'static str,
}

impl Row {
    fn fits(&self, name: &str, arguments: &[Word]) -> bool {
        let has = |list: &str| arguments.iter().any(|w| any(list, &lower(w)));
        any(self.programs, name)
            && self.is_verb(arguments)
            && (self.with.is_empty() || has(self.with))
            && !if self.is_open() {
                // A name may be that of another verb: only the first word counts.
                let verb = arguments.iter().find(|w| !w.text.starts_with('-'));
                verb.is_some_and(|w| any(self.without, &lower(w)))
            } else {
                has(self.without)
            }
    }

    /// Whether the words say this verb: before it and between its words stand
    /// only flags and their values.
    fn is_verb(&self, arguments: &[Word]) -> bool {
        let mut due = self.verb.split_ascii_whitespace();
        let Some(mut next) = due.next() else {
            return true;
        };
        let mut behind_flag = false;
        for word in arguments.iter().take(LONGEST) {
            let text = word.text.as_str();
            if text.starts_with('-') {
                behind_flag = !text.contains('=');
                continue;
            }
            if next.split('|').any(|n| is(n, &lower(word))) {
                match due.next() {
                    Some(word) => next = word,
                    None => return true,
                }
            } else if !behind_flag {
                return false;
            }
            behind_flag = false;
        }
        false
    }

    /// Whether the verb is any name at all, as `pass NAME` has it.
    fn is_open(&self) -> bool {
        self.verb == "*"
    }
}

/// What each row tells, and its source.
pub(in crate::engine::guard::paths) fn printers()
-> impl Iterator<Item = (&'static str, &'static str)> {
    rows::ROWS.iter().map(|row| (row.tells, row.source))
}

/// Most words of a command that are compared with the verbs.
const LONGEST: usize = 64;

fn lower(word: &Word) -> String {
    word.text
        .chars()
        .take(256)
        .collect::<String>()
        .to_ascii_lowercase()
}

fn is(pattern: &str, word: &str) -> bool {
    pattern == word || (glob::is_glob(pattern) && glob::fits(pattern, word))
}

fn any(list: &str, word: &str) -> bool {
    list.split_ascii_whitespace()
        .any(|pattern| is(pattern, word))
}

/// Rows by the programs that they name, and those that name many.
struct Index {
    by_name: BTreeMap<&'static str, Vec<&'static Row>>,
    wild: Vec<&'static Row>,
}

static INDEX: LazyLock<Index> = LazyLock::new(|| {
    let mut index = Index {
        by_name: BTreeMap::new(),
        wild: Vec::new(),
    };
    for row in rows::ROWS {
        for program in row.programs.split_ascii_whitespace() {
            if glob::is_glob(program) {
                index.wild.push(row);
            } else {
                index.by_name.entry(program).or_default().push(row);
            }
        }
    }
    index
});

fn told(name: &str, arguments: &[Word]) -> Option<&'static Row> {
    let name = name.strip_suffix(".exe").unwrap_or(name);
    let named = INDEX.by_name.get(name).into_iter().flatten();
    named
        .chain(&INDEX.wild)
        .find(|row| row.fits(name, arguments))
        .copied()
}

fn words_of<'a>(words: impl Iterator<Item = &'a str>) -> Vec<Word> {
    let word = |text: &str| Word {
        text: text.trim_matches(['"', '\'']).to_owned(),
        ..Word::default()
    };
    words.take(LONGEST).map(word).collect()
}

impl Reader {
    /// Notes what a command prints, if it is a secret.
    pub(super) fn told_by(&mut self, name: &str, arguments: &[Word]) {
        if let Some(row) = told(name, arguments) {
            self.tell(row);
        }
    }

    /// The same for a command that begins somewhere in the words of another.
    pub(super) fn told_within(&mut self, arguments: &[Word]) {
        for at in 0..arguments.len().min(8) {
            if let Some((first, rest)) = arguments.get(at..).and_then(<[Word]>::split_first)
                && let Some(row) = told(&name_of(Some(first)), rest).filter(|row| !row.is_open())
            {
                self.tell(row);
            }
        }
    }

    /// The same for a command line that is only a text.
    pub(super) fn told(&mut self, text: &str) {
        let words = words_of(text.split_whitespace());
        if let Some((first, rest)) = words.split_first()
            && let Some(row) = told(&name_of(Some(first)), rest)
        {
            self.tell(row);
        }
    }

    /// The same for a literal of program text; a list of them comes joined
    /// with slashes. Prose and paths look alike where any word is a verb.
    pub(super) fn told_in_code(&mut self, literal: &str) {
        if literal.len() > 256 {
            return;
        }
        let separators: &[char] = if literal.contains(' ') {
            &[' ']
        } else {
            &['/']
        };
        let words = words_of(literal.split(separators).filter(|w| !w.is_empty()));
        if let Some((first, rest)) = words.split_first()
            && let Some(row) = told(&name_of(Some(first)), rest).filter(|row| !row.is_open())
        {
            self.tell(row);
        }
    }

    /// The environment of containers, picked out of what `inspect` prints by
    /// whatever stands beside it.
    pub(super) fn told_beside(&mut self, commands: &[Command]) {
        for command in commands {
            let mut words = command.words.clone();
            if words.is_empty() {
                continue;
            }
            let first = words.remove(0);
            words.push(Word {
                text: ".Env".to_owned(),
                ..Word::default()
            });
            self.told_by(&name_of(Some(&first)), &words);
        }
    }

    fn tell(&mut self, row: &'static Row) {
        if !self.uses.iter().any(|u| u.tells == Some(row.tells)) {
            self.uses.push(Use {
                tells: Some(row.tells),
                ..Use::default()
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::rows::ROWS;
    use std::collections::BTreeSet;

    #[test]
    fn rows_are_well_formed() {
        let mut seen = BTreeSet::new();
        for row in ROWS {
            assert!(!row.source.is_empty() && !row.tells.is_empty(), "{row:?}");
            assert!(
                !row.verb.is_empty() || !row.with.is_empty(),
                "{row:?} takes everything"
            );
            for text in [row.programs, row.verb, row.with, row.without] {
                assert_eq!(
                    text,
                    text.to_lowercase(),
                    "words are compared in lower case"
                );
            }
            assert!(
                seen.insert((row.programs, row.verb, row.with)),
                "{row:?} twice"
            );
        }
    }
}
