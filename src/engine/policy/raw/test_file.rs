//! `*.test.toml` in its raw form: calls, and what is expected of them.

mod beside;

use super::reader::{self, Entry, Keys, Reader};
use super::{At, List, Literal, Problems, Span, Text};
use crate::engine::policy::{Expect, UnixTime, WouldBe};
use crate::engine::reason::Reason;
pub(in crate::engine::policy) use beside::{RawBefore, RawCompletion, RawResult};
use beside::{names_something, or};
use toml::de::{DeTable, DeValue};
use toml::value::{Datetime, Offset};

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
        "completion",
        "asks",
        "args",
        "args_json",
        "links",
        "at",
        "before",
        "result",
        "result_bytes",
        "would",
        "expect",
        "rule",
        "reason",
        "permit",
        "deny",
        "withhold",
    ],
    later: &[],
};
const CALL: Keys = Keys {
    table: "a call of `permit`, `deny` or `withhold`",
    known: &[
        "agent",
        "user",
        "groups",
        "scopes",
        "server",
        "tool",
        "prompt",
        "resource",
        "completion",
        "asks",
        "args",
        "args_json",
        "links",
        "at",
        "before",
        "result",
        "result_bytes",
        "would",
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
    pub(in crate::engine::policy) completion: Option<At<RawCompletion>>,
    /// What the server asks of the agent.
    pub(in crate::engine::policy) asks: Option<Text>,
    pub(in crate::engine::policy) args: Option<At<RawArguments>>,
    /// Symbolic links: place, and where it leads.
    pub(in crate::engine::policy) links: Vec<(Text, Text)>,
    /// The time of the call.
    pub(in crate::engine::policy) at: Option<At<UnixTime>>,
    /// What came before it.
    pub(in crate::engine::policy) before: Option<Vec<RawBefore>>,
    /// What the server answers; its key's place.
    pub(in crate::engine::policy) result: Option<At<RawResult>>,
    /// What would become of it, were nothing in audit mode.
    pub(in crate::engine::policy) would: Option<WouldBe>,
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
    /// What has to become of its own call; no value: it says what nobody
    /// understands.
    pub(in crate::engine::policy) expect: Option<At<Option<Expect>>>,
    /// Calls that have to be permitted.
    pub(in crate::engine::policy) permit: Option<At<Vec<RawCall>>>,
    /// Calls that have to be denied.
    pub(in crate::engine::policy) deny: Option<At<Vec<RawCall>>>,
    /// Calls that have to be permitted, and their answers withheld.
    pub(in crate::engine::policy) withhold: Option<At<Vec<RawCall>>>,
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
            withhold: None,
        };
        for entry in reader::entries(table) {
            match entry.key {
                "name" => test.name = self.text(&entry),
                "expect" => {
                    let words = [
                        ("permit", Expect::Permit),
                        ("deny", Expect::Deny(None)),
                        ("withhold", Expect::Withhold(None)),
                        ("ask", Expect::Deny(Some(Reason::ApprovalNeeded.code()))),
                    ];
                    test.expect = Some(At {
                        value: self.word(&entry, &words, &[]),
                        span: entry.key_span.clone(),
                    });
                }
                "permit" => test.permit = self.calls(&entry),
                "deny" => test.deny = self.calls(&entry),
                "withhold" => test.withhold = self.calls(&entry),
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
            "completion" => call.completion = self.completion(entry),
            "asks" => call.asks = self.text(entry),
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
            "at" => call.at = self.time(entry),
            "before" => call.before = self.before(entry),
            "result" | "result_bytes" => self.result_of(call, entry),
            "would" => call.would = self.would(entry),
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

    /// A moment, in full.
    fn time(&mut self, entry: &Entry<'_, '_>) -> Option<At<UnixTime>> {
        let value = match entry.value.get_ref() {
            DeValue::Datetime(datetime) => unix_time(datetime),
            _ => None,
        };
        if value.is_none() {
            let help = "write `at = 2026-11-25T09:30:00Z`";
            let message = "expected `at` to be a date with a time and an offset";
            self.problems.error(entry.span(), message, help);
        }
        value.map(|value| At {
            value,
            span: entry.span(),
        })
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

/// `None`: not all of it is there, or it is before 1970.
fn unix_time(datetime: &Datetime) -> Option<UnixTime> {
    let (date, time, offset) = (datetime.date?, datetime.time?, datetime.offset?);
    let offset = match offset {
        Offset::Z => 0,
        Offset::Custom { minutes } => i64::from(minutes),
    };
    // Days since 1970 by the Gregorian calendar; a year begins in March here, so
    // that a leap day is its last.
    let (month, day) = (i64::from(date.month), i64::from(date.day));
    let year = i64::from(date.year).checked_sub(i64::from(month <= 2))?;
    let days_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let days = year * 365 + year / 4 - year / 100 + year / 400 + days_of_year - 719_468;
    let seconds = i64::from(time.hour) * 3600 + i64::from(time.minute) * 60;
    let seconds = seconds + i64::from(time.second.unwrap_or(0)) - offset * 60;
    u64::try_from(days * 86_400 + seconds).ok().map(UnixTime)
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
            completion: None,
            asks: None,
            args: None,
            links: Vec::new(),
            at: None,
            before: None,
            result: None,
            would: None,
            rule: None,
            reason: None,
        }
    }

    /// This call, with what it does not say itself as `test` says it.
    pub(in crate::engine::policy) fn within(self, test: &Self) -> Self {
        // One that names something else has nothing of the test's own subject.
        let of_test = (!names_something(&self)).then_some(test);
        let subject = |own: Option<Text>, of: fn(&Self) -> &Option<Text>| {
            own.or_else(|| of_test.and_then(|test| of(test).clone()))
        };
        let mut links = test.links.clone();
        links.extend(self.links);
        Self {
            span: self.span,
            agent: or(self.agent, test.agent.as_ref()),
            user: or(self.user, test.user.as_ref()),
            groups: or(self.groups, test.groups.as_ref()),
            scopes: or(self.scopes, test.scopes.as_ref()),
            server: or(self.server, test.server.as_ref()),
            tool: subject(self.tool, |test| &test.tool),
            prompt: subject(self.prompt, |test| &test.prompt),
            resource: subject(self.resource, |test| &test.resource),
            completion: self
                .completion
                .or_else(|| of_test.and_then(|test| test.completion.clone())),
            asks: subject(self.asks, |test| &test.asks),
            args: or(self.args, test.args.as_ref()),
            links,
            at: or(self.at, test.at.as_ref()),
            before: or(self.before, test.before.as_ref()),
            result: or(self.result, test.result.as_ref()),
            would: self.would.or(test.would),
            rule: or(self.rule, test.rule.as_ref()),
            reason: or(self.reason, test.reason.as_ref()),
        }
    }
}
