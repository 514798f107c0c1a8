//! The arguments of one command: which are files, which are text, which are
//! scripts of their own.

use super::programs::{
    CHANGERS, INTERPRETERS, LANGUAGES, PROMPTED, REMOVERS, git_verb, is_aside, is_env, is_example,
    is_negated, is_searcher, only_names, runs_next, skips_next,
};
use super::{Command, DEPTH, Reader, Word};
use crate::engine::guard::paths::collect::Effect;
use crate::engine::guard::paths::role::listed;
use crate::engine::guard::paths::shape;

/// What a program does with its words.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Program {
    /// Prints them.
    Prints,
    /// Runs them as a script.
    Interprets,
    /// Runs them as program text.
    Language,
    /// An AI agent: does what the prose in them says.
    Prompted,
    /// Opens them.
    Plain,
}

impl Program {
    fn of(name: &str) -> Self {
        if listed("echo printf write-output write-host", name) {
            Self::Prints
        } else if listed(INTERPRETERS, name) {
            Self::Interprets
        } else if listed(LANGUAGES, name) {
            Self::Language
        } else if listed(PROMPTED, name) {
            Self::Prompted
        } else {
            Self::Plain
        }
    }
}

/// One command while its words are read.
struct Call<'a> {
    name: &'a str,
    program: Program,
    arguments: &'a [Word],
    /// Its output is read as a script or as names of files.
    feeds: bool,
    effect: Effect,
    depth: usize,
}

impl Reader {
    pub(super) fn arguments(&mut self, name: &str, arguments: &[Word], feeds: bool, depth: usize) {
        let changes_in_place = name == "sed" && arguments.iter().any(|w| w.text.starts_with("-i"));
        let call = Call {
            name,
            program: Program::of(name),
            arguments,
            feeds,
            effect: if listed(REMOVERS, name) {
                Effect::Remove
            } else if listed(CHANGERS, name) || changes_in_place {
                Effect::Change
            } else {
                Effect::Read
            },
            depth: depth.saturating_add(1),
        };
        let mut pattern_due = is_searcher(name, arguments);
        let verb = git_verb(name, arguments);
        let (mut skip_next, mut script_next) = (false, false);
        for (n, word) in arguments.iter().enumerate() {
            let text = word.text.as_str();
            if std::mem::take(&mut skip_next) {
                if listed("sed gsed", name) {
                    self.sed(text);
                }
                continue;
            }
            if std::mem::take(&mut script_next) {
                self.inner_script(&call, text);
                continue;
            }
            if text.len() > 1 && text.starts_with('-') && !text.contains(['/', '=']) {
                let runs = matches!(call.program, Program::Interprets | Program::Language);
                script_next = runs && runs_next(text);
                skip_next = skips_next(name, arguments, text);
                if !text.contains(['.', '~', '$', '@']) {
                    continue;
                }
            }
            if pattern_due && !text.starts_with('-') && verb.is_none_or(|verb| n > verb) {
                pattern_due = false;
                if listed("sed gsed", name) {
                    self.sed(text);
                }
                if word.quoted || !shape::is_anchored(text) {
                    continue;
                }
            }
            if !is_text(&call, n, word) {
                let last = n > 0 && n.saturating_add(1) == arguments.len();
                self.argument(&call, word, last);
            }
        }
        self.mounts(name, arguments);
        if call.program == Program::Interprets && arguments.len() > 1 {
            self.inner_command(&call);
        }
    }

    fn argument(&mut self, call: &Call<'_>, word: &Word, last: bool) {
        let text = word.text.as_str();
        if listed("cd pushd set-location", call.name) {
            self.go(text);
        }
        let spaced = text.contains(char::is_whitespace);
        match call.program {
            Program::Prints if call.feeds => self.text(text, call.depth),
            Program::Prints => {
                if !word.quoted && text.contains(['*', '?', '[']) {
                    self.word(text, Effect::Read);
                }
            }
            Program::Language if spaced => self.code(text, call.depth),
            Program::Interprets if spaced => self.script(text, call.depth),
            Program::Prompted if spaced => self.prompt(text),
            _ if call.feeds && shape::is_command(text) => self.script(text, call.depth),
            Program::Plain if spaced && self.inner(text, call.depth) => {}
            Program::Plain | Program::Language | Program::Interprets | Program::Prompted => {
                // `mv a b` takes `a` away, not `b`.
                let target = last && listed("mv move", call.name);
                // `cp a b` changes `b` only.
                let copied = !last
                    && listed("cp copy install", call.name)
                    && !call
                        .arguments
                        .iter()
                        .any(|w| w.text.starts_with("-t") || w.text.starts_with("--target"));
                let effect = match (target, copied) {
                    (true, _) => Effect::Change,
                    (_, true) => Effect::Read,
                    _ => call.effect,
                };
                self.word(text, effect);
            }
        }
    }

    /// One argument that is a command line or a statement of its own:
    /// `core.sshCommand='cat f'`, `--preview 'cat f'`, `"ATTACH 'f' AS c"`,
    /// `".import f t"`. Tells whether it was one.
    fn inner(&mut self, text: &str, depth: usize) -> bool {
        // Only the first word can be `name=`; bounded, for it can be all `=`.
        let first = text.split_whitespace().next().unwrap_or_default();
        let values = first
            .match_indices('=')
            .take(8)
            .filter_map(|(at, _)| text.trim_start().get(at.saturating_add(1)..));
        if let Some(line) = std::iter::once(text)
            .chain(values)
            .find(|t| shape::is_line(t))
        {
            self.script(line, depth);
            return true;
        }
        if shape::is_sql(text) {
            self.sql(text, depth);
            return true;
        }
        // `.import f t` of sqlite3, `\i f` of psql, `:r f` of vim.
        let meta = text
            .strip_prefix(['.', '\\', ':'])
            .is_some_and(|t| t.starts_with(|c: char| c.is_ascii_lowercase()));
        if meta {
            for word in text.split_whitespace().skip(1) {
                self.word(word, Effect::Read);
            }
        }
        false
    }

    /// Places that the prose for an AI agent names.
    fn prompt(&mut self, text: &str) {
        for word in text.split_whitespace() {
            let word = word.trim_matches(|c: char| {
                matches!(
                    c,
                    ',' | ';' | ':' | '!' | '?' | '(' | ')' | '"' | '\'' | '`'
                )
            });
            if shape::is_anchored(word) {
                self.word(word.trim_end_matches('.'), Effect::Read);
            }
        }
    }

    /// `sed '$r f'` and `sed 'w f'` open files from within the script.
    fn sed(&mut self, script: &str) {
        for line in script.split(['\n', ';']) {
            let line = line.trim_start_matches(|c: char| {
                c.is_ascii_digit() || c.is_whitespace() || matches!(c, '$' | ',' | '{' | '!')
            });
            if let Some(file) = line.strip_prefix(['r', 'R', 'w', 'W']).map(str::trim)
                && shape::is_anchored(file)
            {
                self.word(file.trim_end_matches('}'), Effect::Read);
            }
        }
    }

    fn inner_script(&mut self, call: &Call<'_>, text: &str) {
        if call.program == Program::Language {
            self.code(text, call.depth);
        } else {
            self.script(text, call.depth);
        }
    }

    /// `docker exec c cat f`, `ssh host cat f`, `xargs cat`: a command of its own.
    fn inner_command(&mut self, call: &Call<'_>) {
        let starts = |w: &Word| shape::is_command(&format!("{} x", w.text));
        if let Some(at) = call.arguments.iter().position(starts)
            && call.depth <= DEPTH
        {
            let words = call.arguments.get(at..).unwrap_or_default().to_vec();
            let command = Command {
                words,
                ..Command::default()
            };
            self.command(&command, call.feeds, call.depth);
        }
    }

    /// `docker run -v /:/host`: everything below the mounted directory.
    fn mounts(&mut self, name: &str, arguments: &[Word]) {
        if !listed("docker podman nerdctl", name) {
            return;
        }
        for word in arguments {
            let text = word.text.as_str();
            let named = ["source=", "src="]
                .iter()
                .find_map(|key| text.split(key).nth(1));
            let mount = named.unwrap_or(text);
            let host = mount.split([':', ',']).next().unwrap_or_default();
            if mount.len() > host.len() && host.starts_with(['/', '~', '$']) {
                self.used(host, Effect::Read, Some(Vec::new()));
            }
        }
    }
}

/// Whether a word is text by the grammar of its command.
fn is_text(call: &Call<'_>, n: usize, word: &Word) -> bool {
    let text = word.text.as_str();
    let last = n.saturating_add(1) == call.arguments.len();
    // `cp .env.example .env` reads the example.
    let from_example = last
        && is_env(text)
        && listed("cp copy mv ln", call.name)
        && call.arguments.iter().any(|w| is_example(&w.text));
    // What git is asked about by name only, unless something opens the answer.
    let names = !call.feeds
        && only_names(call.name, call.arguments)
        && git_verb(call.name, call.arguments).is_some_and(|verb| n > verb);
    from_example
        || is_aside(text)
        || (call.name == "find" && is_negated(call.arguments, n))
        || ((listed("test [ [[", call.name) || names) && !shape::is_anchored(text))
}
