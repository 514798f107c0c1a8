//! Variables of a command line: what they are set to, what is put in their
//! place, and those whose value is a command by itself (`PAGER='cat f'`).

use super::printed::formatted;
use super::programs::{WRAPPERS, name_of};
use super::{Command, Reader, Word};
use crate::engine::guard::paths::collect::Effect;
use crate::engine::guard::paths::expand;
use crate::engine::guard::paths::role::listed;

/// Ends of the names of variables that programs run, lower case.
const COMMANDS: [&str; 20] = [
    "pager",
    "editor",
    "visual",
    "_command",
    "_ssh",
    "_rsh",
    "lessopen",
    "lessclose",
    "askpass",
    "browser",
    "_cmd",
    "external_diff",
    "_opts",
    "_options",
    "_script",
    "_hook",
    "ps1",
    "ps4",
    "shellopts",
    "opt",
];
/// Variables that say where a program finds its own keys: it uses them and
/// does not print them.
const KEYS: &str = "
    KUBECONFIG AWS_CONFIG_FILE AWS_SHARED_CREDENTIALS_FILE GOOGLE_APPLICATION_CREDENTIALS
    GNUPGHOME SSH_AUTH_SOCK DOCKER_CONFIG PGPASSFILE
";
/// Programs that set the variables that they are given.
const SETTERS: &str = "export declare typeset local readonly";
/// Most variables that are followed.
const MOST: usize = 64;
/// Longest value that is followed, in bytes.
const LONGEST: usize = 4096;

/// The two sides of `name=value`.
fn split(word: &Word) -> Option<(&str, &str)> {
    let (name, value) = word.text.split_once('=')?;
    let name = name.strip_suffix('+').unwrap_or(name);
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    is_name.then_some((name, value))
}

impl Reader {
    /// `name=value` before a command; tells whether the word was one.
    pub(super) fn assignment(&mut self, word: &Word, depth: usize) -> bool {
        let Some((name, value)) = split(word) else {
            return false;
        };
        let value = self.filled(value);
        if !listed(KEYS, name) {
            self.word(&value, Effect::Read);
        }
        let lower = name.to_ascii_lowercase();
        if value.contains(char::is_whitespace) && COMMANDS.iter().any(|end| lower.ends_with(end)) {
            self.script(
                value.trim_start_matches(['|', '-', '!']),
                depth.saturating_add(1),
            );
        }
        self.set(name, &value);
        true
    }

    pub(super) fn set(&mut self, name: &str, value: &str) {
        let known = self.variables.contains_key(name);
        if value.len() <= LONGEST && (known || self.variables.len() < MOST) {
            self.variables.insert(name.to_owned(), value.to_owned());
        }
    }

    pub(super) fn filled(&self, text: &str) -> String {
        if self.variables.is_empty() || !text.contains('$') || text.len() > LONGEST {
            return text.to_owned();
        }
        expand::with(text, &self.variables)
    }

    /// How many words only start another program. What they are given may be
    /// paths as well.
    pub(super) fn wrapped(&mut self, words: &[Word], depth: usize) -> usize {
        let mut at: usize = 0;
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
        for word in words.iter().take(at).skip(1) {
            if !self.assignment(word, depth) {
                self.word(&word.text, Effect::Read);
            }
        }
        at
    }

    /// Builtins that set variables; tells whether nothing else is to be read.
    pub(super) fn sets(&mut self, name: &str, arguments: &[Word], depth: usize) -> bool {
        if listed(SETTERS, name) && arguments.iter().any(|w| split(w).is_some()) {
            for word in arguments {
                if !self.assignment(word, depth) {
                    self.word(&word.text, Effect::Read);
                }
            }
            return true;
        }
        match (name, arguments) {
            ("printf", [flag, variable, format @ ..]) if flag.text == "-v" => {
                let value = formatted(format);
                self.word(&value, Effect::Read);
                self.set(&variable.text, &value);
            }
            ("set", [dashes, values @ ..]) if dashes.text == "--" => self.positions(values),
            _ => {}
        }
        false
    }

    /// `$1`, `$2` and so on.
    fn positions(&mut self, values: &[Word]) {
        for (n, value) in values.iter().take(9).enumerate() {
            self.set(&n.saturating_add(1).to_string(), &value.text);
        }
    }

    /// What the functions that a script defines are called with: the last call
    /// of each is followed.
    pub(super) fn called(&mut self, text: &str, commands: &[Command]) {
        if !text.contains("()") && !text.contains("function ") {
            return;
        }
        let defines = |name: &str| {
            text.match_indices(name).take(16).any(|(at, _)| {
                let after = text.get(at.saturating_add(name.len())..);
                after.is_some_and(|t| {
                    t.trim_start().starts_with("()") || t.trim_start().starts_with('{')
                })
            })
        };
        let calls = commands.iter().filter_map(|c| c.words.split_first());
        let calls: Vec<_> = calls
            .filter(|(first, rest)| {
                !rest.is_empty()
                    && first.text.len() < 32
                    && !first.text.is_empty()
                    && first.text != "function"
            })
            .take(MOST)
            .collect();
        for (first, rest) in calls {
            if defines(&first.text) {
                self.positions(rest);
            }
        }
    }
}
