//! The raw policy: what the TOML says, with the place of every value.
//!
//! Only shape and types are judged here; what the values mean is the business
//! of `compile`. Unknown keys are errors, and so is everything that a later
//! version may enforce: a policy that says more than is enforced is the most
//! dangerous kind (the attack answered is a typing mistake).

mod agent;
mod condition;
mod constraint;
mod reader;
mod remote;
mod results;
mod rule;
mod serve;
mod test_file;

use super::diagnostic::{Problems, Span};
use super::literal::Literal;
use super::number::Decimal;
use super::{Code, Effect, Mode, PinMode, Sources};
use crate::engine::guard::paths::Access;
use crate::engine::mask::looks_like_token;
pub(super) use condition::{RawDefaults, RawLimit, RawWhen};
pub(super) use constraint::{RawAll, RawCommand, RawConstraint, RawEmail, RawSql, RawUrl};
use reader::{Entry, Keys, Reader};
pub(super) use remote::{RawCredential, RawOAuth};
pub(super) use results::RawResults;
pub use rule::RULE_KEYS;
pub(super) use serve::{RawServe, RawTls};
use std::collections::BTreeSet;
pub(super) use test_file::{
    RawArguments, RawBefore, RawCall, RawCompletion, RawResult, RawTest, read_tests,
};
use toml::de::{DeTable, Error};

/// A value and its place.
#[derive(Debug, Clone)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) span: Span,
}

/// A string and its place.
pub(super) type Text = At<String>;

/// A list of strings. Items of another type were told and are left out.
pub(super) type List = At<Vec<Text>>;

/// No `Debug`: environment values are in it.
#[derive(Default)]
pub(super) struct Raw {
    pub(super) servers: Vec<RawServer>,
    pub(super) agents: Vec<RawAgent>,
    pub(super) paths: RawPaths,
    pub(super) pins: Option<PinMode>,
    pub(super) audit_dir: Option<Text>,
    pub(super) serve: RawServe,
    pub(super) strict: bool,
    pub(super) defaults: RawDefaults,
    pub(super) rules: Vec<RawRule>,
    pub(super) sets: Vec<RawSet>,
    /// Where the tables stand that only one file has.
    pub(super) once: Vec<(&'static str, Span)>,
}

pub(super) struct RawServer {
    pub(super) name: Text,
    pub(super) command: Option<List>,
    pub(super) url: Option<Text>,
    pub(super) headers: Vec<(Text, RawCredential)>,
    pub(super) addresses: Option<List>,
    pub(super) oauth: Option<RawOAuth>,
    pub(super) env: Vec<(Text, RawEnv)>,
    pub(super) cwd: Option<Text>,
    pub(super) allow_methods: Option<List>,
    pub(super) bridge: Option<bool>,
    pub(super) ask_agent: Option<List>,
    /// The keys that only one kind of server has, where they stand.
    pub(super) of_a_kind: Vec<Text>,
}

/// Keys of a server that lockgate starts.
pub(super) const STARTED: [&str; 2] = ["env", "cwd"];
/// Keys of a server that it dials.
pub(super) const DIALLED: [&str; 3] = ["headers", "addresses", "oauth"];

pub(super) enum RawEnv {
    Literal(Text),
    From(Text),
}

pub(super) struct RawSet {
    pub(super) name: Text,
    pub(super) values: Option<Vec<At<Literal>>>,
}

/// No `Debug`: somebody may have written a key in the place of its hash.
pub(super) struct RawAgent {
    pub(super) name: Text,
    pub(super) stdio: Option<RawStdio>,
    pub(super) keys: Vec<Text>,
    pub(super) jwt: Option<RawJwt>,
    pub(super) mtls: Option<RawMtls>,
}

pub(super) enum RawStdio {
    Plain(bool),
    Launch {
        uid: Option<At<u64>>,
        parent: Option<Text>,
    },
}

pub(super) struct RawJwt {
    /// The key.
    pub(super) span: Span,
    pub(super) issuer: Option<Text>,
    pub(super) audience: Option<Text>,
    pub(super) subject: Option<Text>,
    pub(super) client: Option<Text>,
    pub(super) algorithms: Option<List>,
    pub(super) jwks_url: Option<Text>,
    pub(super) groups: Option<Text>,
    pub(super) skew: Option<At<u64>>,
}

pub(super) struct RawMtls {
    /// The key.
    pub(super) span: Span,
    pub(super) spiffe: Option<Text>,
    pub(super) subject: Option<Text>,
}

#[derive(Debug, Default)]
pub(super) struct RawPaths {
    pub(super) workspace: Option<Text>,
    pub(super) read: Option<List>,
    pub(super) write: Option<List>,
    pub(super) secret: Option<List>,
}

#[derive(Debug)]
pub(super) struct RawRule {
    /// The rule's head.
    pub(super) span: Span,
    pub(super) id: Option<Text>,
    pub(super) effect: Option<Effect>,
    pub(super) mode: Option<Mode>,
    pub(super) agents: Option<List>,
    pub(super) users: Option<List>,
    pub(super) groups: Option<List>,
    pub(super) scopes: Option<List>,
    pub(super) server: Option<Text>,
    pub(super) servers: Option<List>,
    pub(super) tools: Option<List>,
    pub(super) prompts: Option<List>,
    pub(super) resources: Option<List>,
    pub(super) completions: Option<List>,
    pub(super) asks: Option<List>,
    pub(super) args: Option<At<Vec<RawArgument>>>,
    /// Where it says `undeclared = "permit"`.
    pub(super) undeclared: Option<Span>,
    pub(super) limit: Option<At<RawLimit>>,
    pub(super) when: Option<At<RawWhen>>,
    pub(super) results: Option<At<RawResults>>,
}

#[derive(Debug)]
pub(super) struct RawArgument {
    pub(super) pointer: Text,
    pub(super) optional: Option<At<bool>>,
    pub(super) absent: Option<At<bool>>,
    pub(super) constraints: Vec<At<RawConstraint>>,
}

const TOP: Keys = Keys {
    table: "a policy",
    known: &[
        "version", "strict", "include", "server", "agent", "paths", "pins", "audit", "serve",
        "defaults", "set", "rule",
    ],
    later: &["flow", "approval", "limit", "label", "console", "fleet"],
};
const SERVER: Keys = Keys {
    table: "`[server.NAME]`",
    known: &[
        "command",
        "url",
        "headers",
        "addresses",
        "oauth",
        "env",
        "cwd",
        "allow_methods",
        "bridge",
        "ask_agent",
    ],
    later: &["sandbox", "labels", "limit"],
};
const PATHS: Keys = Keys {
    table: "`[paths]`",
    known: &["workspace", "read", "write", "secret"],
    later: &[],
};
const PINS: Keys = Keys {
    table: "`[pins]`",
    known: &["mode"],
    later: &["signed", "reprobe"],
};
const AUDIT: Keys = Keys {
    table: "`[audit]`",
    known: &["dir"],
    later: &["checkpoint", "rotate", "export"],
};
const GIVEN: Keys = Keys {
    table: "a value that is given to a server",
    known: &["from"],
    later: &[],
};

const VARIABLE: &str = "an environment variable";
const HEADER: &str = "a header";

/// The keys of the tables whose layout is known, for a test that holds them
/// together.
#[cfg(test)]
pub(crate) const LAID_OUT: [(&str, &[&str]); 6] = [
    ("", TOP.known),
    ("server", SERVER.known),
    ("agent", agent::AGENT.known),
    ("jwt", agent::JWT.known),
    ("paths", PATHS.known),
    ("serve", serve::SERVE.known),
];

/// What only one file of a policy has.
const ONCE: [&str; 5] = ["paths", "pins", "audit", "serve", "defaults"];

/// Most mistakes of syntax that are told: one open bracket can make thousands.
const SYNTAX_ERRORS: usize = 10;

/// Reads a whole policy. Mistakes of syntax come alone: behind them, the
/// parser only guesses. One for each line, for the same reason.
pub(super) fn read(sources: &Sources, problems: &mut Problems) -> Raw {
    let mut raw = Raw::default();
    let files: Vec<_> = sources.tables().collect();
    for file in &files {
        tell_syntax(file.text, &file.errors, file.start, problems);
    }
    if files.iter().any(|file| !file.errors.is_empty()) {
        return raw;
    }
    for file in &files {
        let table = file.table.get_ref();
        if let (Some(include), false) = (table.get("include"), file.followed) {
            let help = "put the policy into a file, and name that";
            let message = "nothing can be included here";
            problems.tell(Code::UNREADABLE, include.span(), message, help);
        }
        Reader { problems }.policy(table, file.start, &mut raw);
    }
    raw
}

/// Parses a file that is no part of a policy, or tells what is wrong with it.
fn parse<'i>(text: &'i str, problems: &mut Problems) -> Option<DeTable<'i>> {
    let (root, errors) = DeTable::parse_recoverable(text);
    tell_syntax(text, &errors, 0, problems);
    errors.is_empty().then(|| root.into_inner())
}

/// Mistakes of syntax, one for each line.
fn tell_syntax(text: &str, errors: &[Error], start: usize, problems: &mut Problems) {
    let mut lines = BTreeSet::new();
    let spans = errors.iter().map(|e| (e, e.span().unwrap_or(0..0)));
    let told = spans.filter(|(_, span)| lines.insert(line_start(text, span.start)));
    for (error, span) in told.take(SYNTAX_ERRORS) {
        // The parser quotes no input in its messages.
        let message = format!("not valid TOML: {}", error.message());
        let help = syntax_help(text, span.start);
        let place = |at: usize| at.saturating_add(start);
        let span = place(span.start)..place(span.end);
        problems.tell(Code::SYNTAX, span, message, help);
    }
}

fn line_start(text: &str, at: usize) -> usize {
    let before = text.get(..at).unwrap_or(text);
    before.rfind('\n').map_or(0, |end| end.saturating_add(1))
}

/// The usual mistake is an expression without quotes.
fn syntax_help(text: &str, at: usize) -> String {
    let line = text.get(line_start(text, at)..).unwrap_or_default();
    let line = line.lines().next().unwrap_or_default();
    for key in ["matches", "glob"] {
        let value = line.split_once(key).map(|(_, rest)| rest.trim_start());
        let value = value.and_then(|rest| rest.strip_prefix('=')).unwrap_or("");
        let value = value.split_whitespace().next().unwrap_or("");
        let value = value.trim_end_matches(',');
        if !value.is_empty() && !value.contains(['"', '\'']) && !looks_like_token(value) {
            return format!("write `{key} = '{value}'`");
        }
    }
    "see https://toml.io; text stands in quotes: `key = 'text'`".to_owned()
}

/// The code of what is wrong in a table and has none of its own.
fn subject(key: &str) -> Code {
    match key {
        "server" => Code::SERVER,
        "agent" => Code::AGENT,
        "paths" => Code::PATHS,
        "serve" => Code::SERVE,
        "set" => Code::SET,
        "rule" => Code::RULE,
        _ => Code::TOP,
    }
}

impl Reader<'_> {
    /// Adds what one file says.
    fn policy(&mut self, table: &DeTable<'_>, start: usize, raw: &mut Raw) {
        let mut version = None;
        for entry in reader::entries(table) {
            self.problems.turn_to(subject(entry.key));
            if let Some(one) = ONCE.iter().find(|one| **one == entry.key) {
                let place = (*one, entry.key_span.clone());
                raw.once.push(place);
            }
            match entry.key {
                "version" => version = Some(entry),
                "strict" => raw.strict |= self.boolean(&entry).is_some_and(|b| b.value),
                // Followed by whoever read the files.
                "include" => drop(self.full_list(&entry)),
                "server" => raw.servers.extend(self.named(&entry, Self::server)),
                "agent" => raw.agents.extend(self.named(&entry, Self::agent)),
                "paths" => raw.paths = self.paths(&entry),
                "pins" => raw.pins = self.pins(&entry),
                "audit" => raw.audit_dir = self.audit(&entry),
                "serve" => raw.serve = self.serve(&entry),
                "set" => raw.sets.extend(self.named(&entry, Self::set)),
                "defaults" => raw.defaults = self.defaults(&entry),
                "rule" => raw.rules.extend(self.rules(&entry)),
                _ => self.unknown(&entry, &TOP),
            }
        }
        self.problems.turn_to(Code::VERSION);
        self.version(version.as_ref(), start);
    }

    fn version(&mut self, entry: Option<&Entry<'_, '_>>, start: usize) {
        const HELP: &str = "write `version = 1` at the top of the policy";
        let Some(entry) = entry else {
            self.problems
                .error(start..start, "the policy does not say its version", HELP);
            return;
        };
        let is_one = self
            .number(entry)
            .map(|(number, _)| Some(number) == Decimal::parse("1"));
        if is_one == Some(false) {
            let message = "this version of lockgate reads version 1 of the policy language only";
            self.problems.error(entry.span(), message, HELP);
        }
    }

    /// The tables of `[what.NAME]`.
    fn named<T>(
        &mut self,
        entry: &Entry<'_, '_>,
        mut read: impl FnMut(&mut Self, Text, &DeTable<'_>) -> T,
    ) -> Vec<T> {
        let mut all = Vec::new();
        for one in self.table(entry).into_iter().flat_map(reader::entries) {
            let name = At {
                value: one.key.to_owned(),
                span: one.key_span.clone(),
            };
            if let Some(table) = self.table(&one) {
                all.push(read(self, name, table));
            }
        }
        all
    }

    fn server(&mut self, name: Text, table: &DeTable<'_>) -> RawServer {
        let mut server = RawServer {
            name,
            command: None,
            url: None,
            headers: Vec::new(),
            addresses: None,
            oauth: None,
            env: Vec::new(),
            cwd: None,
            allow_methods: None,
            bridge: None,
            ask_agent: None,
            of_a_kind: Vec::new(),
        };
        for entry in reader::entries(table) {
            if STARTED.contains(&entry.key) || DIALLED.contains(&entry.key) {
                let (value, span) = (entry.key.to_owned(), entry.key_span.clone());
                server.of_a_kind.push(At { value, span });
            }
            match entry.key {
                "command" => server.command = self.full_list(&entry),
                "url" => server.url = self.text(&entry),
                "headers" => server.headers = self.credentials(&entry),
                "addresses" => server.addresses = self.full_list(&entry),
                "oauth" => server.oauth = Some(self.oauth(&entry)),
                "env" => server.env = self.given(&entry, VARIABLE),
                "cwd" => server.cwd = self.text(&entry),
                "allow_methods" => server.allow_methods = self.list(&entry),
                "bridge" => server.bridge = self.boolean(&entry).map(|b| b.value),
                "ask_agent" => server.ask_agent = self.list(&entry),
                _ => self.unknown(&entry, &SERVER),
            }
        }
        server
    }

    /// A table of values that are written down or come from lockgate's own
    /// environment.
    fn given(&mut self, entry: &Entry<'_, '_>, what: &str) -> Vec<(Text, RawEnv)> {
        let mut all = Vec::new();
        for one in self.table(entry).into_iter().flat_map(reader::entries) {
            let name = At {
                value: one.key.to_owned(),
                span: one.key_span.clone(),
            };
            all.extend(self.one_given(&one, what).map(|value| (name, value)));
        }
        all
    }

    fn not_given(&mut self, span: Span, what: &str) {
        let help = "write a string, or `{ from = \"NAME\" }` to take a variable of lockgate";
        self.problems
            .error(span, format!("this is no value of {what}"), help);
    }

    fn paths(&mut self, entry: &Entry<'_, '_>) -> RawPaths {
        let mut paths = RawPaths::default();
        for one in self.table(entry).into_iter().flat_map(reader::entries) {
            match one.key {
                "workspace" => paths.workspace = self.text(&one),
                "read" => paths.read = self.list(&one),
                "write" => paths.write = self.list(&one),
                "secret" => paths.secret = self.list(&one),
                _ => self.unknown(&one, &PATHS),
            }
        }
        paths
    }

    fn pins(&mut self, entry: &Entry<'_, '_>) -> Option<PinMode> {
        let mut mode = None;
        for one in self.table(entry).into_iter().flat_map(reader::entries) {
            match one.key {
                "mode" => {
                    let words = [("require", PinMode::Require), ("tofu", PinMode::Tofu)];
                    mode = self.word(&one, &words, &["review"]);
                }
                _ => self.unknown(&one, &PINS),
            }
        }
        mode
    }

    fn audit(&mut self, entry: &Entry<'_, '_>) -> Option<Text> {
        let mut dir = None;
        for one in self.table(entry).into_iter().flat_map(reader::entries) {
            match one.key {
                "dir" => dir = self.text(&one),
                _ => self.unknown(&one, &AUDIT),
            }
        }
        dir
    }
}
