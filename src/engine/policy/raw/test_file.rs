//! `*.test.toml` in its raw form: calls, and what is expected of them.

use super::reader::{self, Entry, Keys, Reader};
use super::{At, List, Literal, Problems, Span, Text};
use toml::de::{DeTable, DeValue};

const TOP: Keys = Keys {
    table: "a test file",
    known: &["test"],
    later: &[],
};
const TEST: Keys = Keys {
    table: "`[[test]]`",
    known: &[
        "name",
        "agent",
        "user",
        "groups",
        "scopes",
        "server",
        "tool",
        "prompt",
        "resource",
        "args",
        "args_json",
        "links",
        "expect",
        "rule",
        "reason",
        "permit",
        "deny",
    ],
    later: &[],
};
const CALL: Keys = Keys {
    table: "a call of `permit` or `deny`",
    known: &[
        "agent",
        "user",
        "groups",
        "scopes",
        "server",
        "tool",
        "prompt",
        "resource",
        "args",
        "args_json",
        "links",
        "rule",
        "reason",
    ],
    later: &[],
};

/// What one table says of a call.
#[derive(Debug, Clone)]
pub(in crate::engine::policy) struct RawCall {
    /// Where it stands.
    pub(in crate::engine::policy) span: Span,
    pub(in crate::engine::policy) agent: Option<Text>,
    pub(in crate::engine::policy) user: Option<Text>,
    pub(in crate::engine::policy) groups: Option<List>,
    pub(in crate::engine::policy) scopes: Option<List>,
    pub(in crate::engine::policy) server: Option<Text>,
    pub(in crate::engine::policy) tool: Option<Text>,
    pub(in crate::engine::policy) prompt: Option<Text>,
    pub(in crate::engine::policy) resource: Option<Text>,
    pub(in crate::engine::policy) args: Option<At<RawArguments>>,
    /// Symbolic links: place, and where it leads.
    pub(in crate::engine::policy) links: Vec<(Text, Text)>,
    pub(in crate::engine::policy) rule: Option<Text>,
    pub(in crate::engine::policy) reason: Option<Text>,
}

/// Arguments of a call.
#[derive(Debug, Clone)]
pub(in crate::engine::policy) enum RawArguments {
    /// `args`
    Table(Literal),
    /// `args_json`
    Json(String),
}

/// One `[[test]]`.
#[derive(Debug)]
pub(in crate::engine::policy) struct RawTest {
    pub(in crate::engine::policy) name: Option<Text>,
    /// What it says itself; what its calls do not say.
    pub(in crate::engine::policy) own: RawCall,
    /// Whether its own call has to be permitted; no value: it says what nobody
    /// understands.
    pub(in crate::engine::policy) expect: Option<At<Option<bool>>>,
    /// Calls that have to be permitted.
    pub(in crate::engine::policy) permit: Option<At<Vec<RawCall>>>,
    /// Calls that have to be denied.
    pub(in crate::engine::policy) deny: Option<At<Vec<RawCall>>>,
}

/// Reads a whole test file.
pub(in crate::engine::policy) fn read_tests(text: &str, problems: &mut Problems) -> Vec<RawTest> {
    let Some(root) = super::parse(text, problems) else {
        return Vec::new();
    };
    let mut reader = Reader { problems };
    let mut tests = None;
    for entry in reader::entries(&root) {
        match entry.key {
            "test" => tests = Some(reader.tests(&entry)),
            _ => reader.unknown(&entry, &TOP),
        }
    }
    if tests.is_none() {
        let help = "write `[[test]]` above each test";
        problems.error(0..0, "the file has no test", help);
    }
    tests.unwrap_or_default()
}

impl Reader<'_> {
    fn tests(&mut self, entry: &Entry<'_, '_>) -> Vec<RawTest> {
        let help = "write `[[test]]`, with two brackets, above each test";
        let DeValue::Array(items) = entry.value.get_ref() else {
            let message = "expected `test` to be a list of tables";
            self.problems.error(entry.key_span.clone(), message, help);
            return Vec::new();
        };
        let mut tests = Vec::new();
        for item in items {
            if let DeValue::Table(table) = item.get_ref() {
                tests.push(self.test(item.span(), table));
            } else {
                let message = "expected a test to be a table";
                self.problems.error(item.span(), message, help);
            }
        }
        tests
    }

    fn test(&mut self, span: Span, table: &DeTable<'_>) -> RawTest {
        let mut test = RawTest {
            name: None,
            own: RawCall::at(span),
            expect: None,
            permit: None,
            deny: None,
        };
        for entry in reader::entries(table) {
            match entry.key {
                "name" => test.name = self.text(&entry),
                "expect" => {
                    let words = [("permit", true), ("deny", false)];
                    test.expect = Some(At {
                        value: self.word(&entry, &words, &["ask"]),
                        span: entry.key_span.clone(),
                    });
                }
                "permit" => test.permit = self.calls(&entry),
                "deny" => test.deny = self.calls(&entry),
                _ => self.of_call(&mut test.own, &entry, &TEST),
            }
        }
        test
    }

    fn calls(&mut self, entry: &Entry<'_, '_>) -> Option<At<Vec<RawCall>>> {
        let help =
            "write a list of calls: `[{ tool = \"...\", args = {...} }]`, or of tools' names";
        let items = match entry.value.get_ref() {
            DeValue::Array(items) if !items.is_empty() => items,
            DeValue::Array(_) => {
                let message = format!("`{}` is an empty list", entry.key);
                self.problems.error(entry.span(), message, help);
                return None;
            }
            _ => {
                let message = format!("expected `{}` to be a list", entry.key);
                self.problems.error(entry.span(), message, help);
                return None;
            }
        };
        let mut calls = Vec::new();
        for item in items {
            let mut call = RawCall::at(item.span());
            match item.get_ref() {
                DeValue::String(name) => {
                    call.tool = Some(At {
                        value: name.clone().into_owned(),
                        span: item.span(),
                    });
                    calls.push(call);
                }
                DeValue::Table(table) => {
                    for one in reader::entries(table) {
                        self.of_call(&mut call, &one, &CALL);
                    }
                    calls.push(call);
                }
                _ => {
                    let message = "expected a call to be a table, or a tool's name";
                    self.problems.error(item.span(), message, help);
                }
            }
        }
        Some(At {
            value: calls,
            span: entry.key_span.clone(),
        })
    }

    /// A key that both a test and one of its calls may have.
    fn of_call(&mut self, call: &mut RawCall, entry: &Entry<'_, '_>, keys: &Keys) {
        match entry.key {
            "agent" => call.agent = self.text(entry),
            "user" => call.user = self.text(entry),
            "groups" => call.groups = self.list(entry),
            "scopes" => call.scopes = self.list(entry),
            "server" => call.server = self.text(entry),
            "tool" => call.tool = self.text(entry),
            "prompt" => call.prompt = self.text(entry),
            "resource" => call.resource = self.text(entry),
            "args" | "args_json" => self.arguments_of(call, entry),
            "links" => {
                for one in self.table(entry).into_iter().flat_map(reader::entries) {
                    let place = At {
                        value: one.key.to_owned(),
                        span: one.key_span.clone(),
                    };
                    call.links.extend(self.text(&one).map(|to| (place, to)));
                }
            }
            "rule" => call.rule = self.text(entry),
            "reason" => call.reason = self.text(entry),
            _ => self.unknown(entry, keys),
        }
    }

    /// Whether a value and all in it is one that JSON has too; what is not, is
    /// told in its place. As deep as the parser lets a file be, which is bounded.
    fn is_json(&mut self, entry: &Entry<'_, '_>) -> bool {
        match entry.value.get_ref() {
            DeValue::Table(table) => {
                // The first mistake is enough.
                reader::entries(table).all(|member| self.is_json(&member))
            }
            DeValue::Array(items) => items.iter().all(|value| {
                let item = Entry {
                    key: entry.key,
                    key_span: entry.key_span.clone(),
                    value,
                };
                self.is_json(&item)
            }),
            _ => self.literal(entry).is_some(),
        }
    }

    fn arguments_of(&mut self, call: &mut RawCall, entry: &Entry<'_, '_>) {
        let read = if entry.key == "args" {
            let literal = self.table(entry).filter(|_| self.is_json(entry));
            let literal = literal.and_then(|_| self.literal(entry));
            literal.map(|at| At {
                value: RawArguments::Table(at.value),
                span: at.span,
            })
        } else {
            self.text(entry).map(|text| At {
                value: RawArguments::Json(text.value),
                span: text.span,
            })
        };
        if call.args.is_some() {
            let help = "keep one of them";
            let message = "both `args` and `args_json` are given";
            self.problems.error(entry.key_span.clone(), message, help);
        }
        call.args = read.or(call.args.take());
    }
}

impl RawCall {
    fn at(span: Span) -> Self {
        Self {
            span,
            agent: None,
            user: None,
            groups: None,
            scopes: None,
            server: None,
            tool: None,
            prompt: None,
            resource: None,
            args: None,
            links: Vec::new(),
            rule: None,
            reason: None,
        }
    }

    /// This call, with what it does not say itself as `test` says it.
    pub(in crate::engine::policy) fn within(self, test: &Self) -> Self {
        let names = self.tool.is_some() || self.prompt.is_some() || self.resource.is_some();
        let subject = |own: Option<Text>, of_test: &Option<Text>| {
            if names { own } else { of_test.clone() }
        };
        let mut links = test.links.clone();
        links.extend(self.links);
        Self {
            span: self.span,
            agent: self.agent.or_else(|| test.agent.clone()),
            user: self.user.or_else(|| test.user.clone()),
            groups: self.groups.or_else(|| test.groups.clone()),
            scopes: self.scopes.or_else(|| test.scopes.clone()),
            server: self.server.or_else(|| test.server.clone()),
            tool: subject(self.tool, &test.tool),
            prompt: subject(self.prompt, &test.prompt),
            resource: subject(self.resource, &test.resource),
            args: self.args.or_else(|| test.args.clone()),
            links,
            rule: self.rule.or_else(|| test.rule.clone()),
            reason: self.reason.or_else(|| test.reason.clone()),
        }
    }
}
