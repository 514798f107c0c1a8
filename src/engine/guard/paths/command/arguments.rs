//! The arguments of one command: which are files, which are text, which are
//! scripts of their own.

use super::closing::keeps;
use super::flags::{
    is_aside, is_blind as is_blind_flag, is_key_option, is_login, is_negated, names_key,
    names_login, runs_next, skips_next,
};
use super::programs::{
    CHANGERS, INTERPRETERS, LANGUAGES, PROMPTED, REMOVERS, git_verb, is_blind, is_env, is_example,
    is_program_first, is_searcher, only_names,
};
use super::{Command, DEPTH, Reader, Word};
use crate::engine::guard::paths::collect::Effect;
use crate::engine::guard::paths::role::listed;
use crate::engine::guard::paths::shape;

/// Programs that run SQL.
const DATABASES: &str = "sqlite3 duckdb psql mysql mariadb clickhouse clickhouse-client sqlcmd";
/// Longest text between quotes of Perl and Ruby in characters.
const QUOTED: usize = 1024;

/// What a program does with its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Program {
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
    pub(super) fn of(name: &str) -> Self {
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
#[expect(
    clippy::struct_excessive_bools,
    reason = "one for each thing that a command tells; any of them may come together"
)]
pub(super) struct Call<'a> {
    name: &'a str,
    program: Program,
    pub(super) arguments: &'a [Word],
    /// Its output is read as a script or as names of files.
    pub(super) feeds: bool,
    /// Nothing that is in its files comes back.
    blind: bool,
    /// Its files stay where they are and as they are.
    keeps: bool,
    /// It only tells whether it knows the names behind the verb.
    names: bool,
    effect: Effect,
    pub(super) depth: usize,
}

impl Reader {
    pub(super) fn arguments(&mut self, name: &str, arguments: &[Word], feeds: bool, depth: usize) {
        let call = Call {
            name,
            program: Program::of(name),
            arguments,
            feeds,
            blind: !feeds && is_blind(name, arguments),
            keeps: self.printed == 0 && !self.handed && keeps(name, arguments),
            names: !feeds && only_names(name, arguments),
            effect: effect_of(name, arguments),
            depth: depth.saturating_add(1),
        };
        if call.program == Program::Prints {
            self.prints(&call);
            return;
        }
        let mut pattern_due = is_searcher(name, arguments);
        let mut program_due = is_program_first(name, arguments);
        let verb = git_verb(name, arguments);
        let mut next = Next::Word;
        for (n, word) in arguments.iter().enumerate() {
            let text = word.text.as_str();
            match std::mem::replace(&mut next, Next::Word) {
                Next::Skip => {
                    if listed("sed gsed", name) {
                        self.sed(text);
                    }
                    continue;
                }
                Next::Script => {
                    self.inner_script(&call, text);
                    continue;
                }
                Next::Login if is_login(text) => continue,
                Next::Blind => {
                    self.blind(text, Effect::Change);
                    continue;
                }
                Next::Word | Next::Login => {}
            }
            if self.flag(&call, text, &mut next) {
                continue;
            }
            if program_due && !text.starts_with('-') {
                program_due = false;
                self.code(text, call.depth);
                continue;
            }
            if pattern_due && !text.starts_with('-') && verb.is_none_or(|verb| n > verb) {
                pattern_due = false;
                if listed("sed gsed", name) {
                    self.sed(text);
                }
                if word.quoted || !shape::is_anchored(text) || is_escape(text) {
                    continue;
                }
            }
            if !is_text(&call, n, word) {
                let last = n > 0 && n.saturating_add(1) == arguments.len();
                self.argument(&call, word, last);
            }
        }
        self.mounts(name, arguments);
        self.lands(name, arguments);
        if call.program == Program::Interprets && arguments.len() > 1 {
            self.inner_command(&call);
        }
    }

    /// Reads a flag; tells whether there is nothing else in the word.
    fn flag(&mut self, call: &Call<'_>, text: &str, next: &mut Next) -> bool {
        if text.len() < 2 || !text.starts_with('-') {
            return false;
        }
        if call.program == Program::Language && is_code(text) {
            self.program_text(call, text);
            return true;
        }
        if is_key_option(call.name, text) {
            return true;
        }
        let login = names_login(call.name, call.arguments, text);
        if login && text.split_once('=').is_some_and(|(_, v)| is_login(v)) {
            return true;
        }
        if let Some((flag, value)) = text.split_once('=')
            && is_blind_flag(call.name, call.arguments, flag)
        {
            self.blind(value, Effect::Change);
            return true;
        }
        if text.contains(['/', '=']) {
            return false;
        }
        let runs = matches!(call.program, Program::Interprets | Program::Language);
        *next = if login {
            Next::Login
        } else if skips_next(call.name, call.arguments, text) || names_key(call.name, text) {
            Next::Skip
        } else if is_blind_flag(call.name, call.arguments, text) {
            Next::Blind
        } else if runs && runs_next(text) {
            Next::Script
        } else {
            Next::Word
        };
        !text.contains(['.', '~', '$', '@'])
    }

    fn argument(&mut self, call: &Call<'_>, word: &Word, last: bool) {
        let text = word.text.as_str();
        if listed("cd pushd set-location", call.name) {
            self.go(text);
        }
        let spaced = text.contains(char::is_whitespace);
        match call.program {
            Program::Language if spaced || is_code(text) => self.program_text(call, text),
            Program::Interprets if spaced => self.script(text, call.depth),
            Program::Prompted if spaced => self.prompt(text),
            _ if call.feeds && shape::is_command(text) => self.script(text, call.depth),
            Program::Plain if spaced && self.inner(call.name, text, call.depth) => {}
            _ => {
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
                if call.keeps {
                    self.kept(text, effect);
                } else if call.blind {
                    self.blind(text, effect);
                } else {
                    self.word(text, effect);
                    self.decoded(text, call.depth);
                }
            }
        }
    }

    /// One argument that is a command line or a statement of its own:
    /// `core.sshCommand='cat f'`, `--preview 'cat f'`, `"ATTACH 'f' AS c"`,
    /// `".import f t"`. Tells whether it was one.
    fn inner(&mut self, name: &str, text: &str, depth: usize) -> bool {
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
        if shape::is_sql(text) || listed(DATABASES, name) {
            self.sql(text, depth);
            if shape::is_sql(text) {
                return true;
            }
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
            self.program_text(call, text);
            // The flag may as well have named a file.
            if !is_code(text) {
                self.word(text, Effect::Read);
            }
        } else {
            self.script(text, call.depth);
            self.decoded(text, call.depth);
        }
    }

    /// Program text on the command line, in the language of the program.
    fn program_text(&mut self, call: &Call<'_>, text: &str) {
        self.code(text, call.depth);
        if listed("perl ruby", call.name)
            && let Some(quoted) = plainly_quoted(text)
        {
            self.code(&quoted, call.depth);
        }
    }

    /// `docker exec c cat f`, `ssh host cat f`, `xargs cat`: a command of its own.
    fn inner_command(&mut self, call: &Call<'_>) {
        self.told_within(call.arguments);
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

/// What a program does to the files that it is given.
fn effect_of(name: &str, arguments: &[Word]) -> Effect {
    let in_place = || name == "sed" && arguments.iter().any(|w| w.text.starts_with("-i"));
    if listed(REMOVERS, name) {
        Effect::Remove
    } else if listed(CHANGERS, name) || in_place() {
        Effect::Change
    } else {
        Effect::Read
    }
}

/// How the word behind a flag is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    /// As any other.
    Word,
    /// As text that names no file.
    Skip,
    /// As a script or program text.
    Script,
    /// As a file of which nothing comes back.
    Blind,
    /// As the login that the program uses, if it looks like one.
    Login,
}

/// Whether a word without spaces is program text rather than a name.
fn is_code(text: &str) -> bool {
    text.contains(['\'', '"', '`', '('])
}

/// Whether a word starts as a regular expression does and no path of a shell.
fn is_escape(text: &str) -> bool {
    let rest = text.trim_start_matches('\\');
    rest.len() < text.len()
        && rest.starts_with(['.', 'b', 's', 'w', 'd', 'B', 'S', 'W', 'D', '(', '[', '$'])
}

/// `%q(x)`, `qq{x}`, `qw[x]` of Perl and Ruby with plain quotes; `None` where
/// there is none.
fn plainly_quoted(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut found = false;
    while let Some(at) = rest.find(['q', '%']) {
        let (before, from) = rest.split_at_checked(at)?;
        out.push_str(before);
        let word = !before.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        let letters = from.bytes().take(3).take_while(|b| b"%qQwWixr".contains(b));
        let opening = from.get(letters.count()..)?;
        let close = match opening.chars().next() {
            Some('(') => Some(')'),
            Some('{') => Some('}'),
            Some('[') => Some(']'),
            Some('<') => Some('>'),
            Some(c @ ('|' | '/' | '!')) => Some(c),
            _ => None,
        };
        let body = close.filter(|_| word).and_then(|close| {
            let inside = opening.get(1..)?;
            let (end, _) = inside
                .char_indices()
                .take(QUOTED)
                .find(|(_, c)| *c == close)?;
            let after = inside.get(end.saturating_add(1)..)?;
            Some((inside.get(..end)?, after))
        });
        if let Some((body, after)) = body {
            found = true;
            out.push('\'');
            out.push_str(body);
            out.push('\'');
            rest = after;
        } else {
            out.push_str(from.get(..1).unwrap_or_default());
            rest = from.get(1..).unwrap_or_default();
        }
    }
    out.push_str(rest);
    found.then_some(out)
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
    let names = call.names && git_verb(call.name, call.arguments).is_some_and(|verb| n > verb);
    from_example
        || is_aside(text)
        || is_negated(call.name, call.arguments, n)
        || is_key_option(call.name, text)
        || ((listed("test [ [[", call.name) || names) && !shape::is_anchored(text))
}
