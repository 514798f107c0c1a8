//! What a test may state beside its call: the answer, what audit mode would make
//! of it, and the calls that came before.

use super::super::reader::{self, Entry, Keys, Reader};
use super::super::{At, Literal, Text};
use super::RawCall;
use crate::engine::policy::WouldBe;
use crate::engine::policy::compile::stretch;
use std::time::Duration;
use toml::de::DeValue;

const COMPLETION: Keys = Keys {
    table: "`completion`",
    known: &["prompt", "resource", "argument", "value"],
    later: &[],
};
const BEFORE: Keys = Keys {
    table: "a call of `before`",
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
        "times",
        "answered",
        "ago",
    ],
    later: &[],
};

/// Most calls of one entry of `before`.
const MOST_TIMES: u64 = 100_000;
/// Most bytes of an answer that is made up: what a message may have.
const MOST_BYTES: u64 = 8 << 20;

/// `completion = { prompt = "review", argument = "language", value = "py" }`
#[derive(Debug, Clone, Default)]
pub(in crate::engine::policy) struct RawCompletion {
    pub(in crate::engine::policy) prompt: Option<Text>,
    pub(in crate::engine::policy) resource: Option<Text>,
    pub(in crate::engine::policy) argument: Option<Text>,
    pub(in crate::engine::policy) value: Option<Text>,
}

/// What the server answers.
#[derive(Debug, Clone)]
pub(in crate::engine::policy) enum RawResult {
    /// `result = "..."`
    Text(String),
    /// `result = { ... }`
    Table(Literal),
    /// `result_bytes`
    Bytes(u64),
}

/// Calls that came before.
#[derive(Debug, Clone)]
pub(in crate::engine::policy) struct RawBefore {
    pub(in crate::engine::policy) call: RawCall,
    /// How many.
    pub(in crate::engine::policy) times: u64,
    /// Whether the server has answered them.
    pub(in crate::engine::policy) answered: bool,
    /// How long before the call that is judged.
    pub(in crate::engine::policy) ago: Duration,
}

impl Reader<'_> {
    pub(super) fn completion(&mut self, entry: &Entry<'_, '_>) -> Option<At<RawCompletion>> {
        let mut completion = RawCompletion::default();
        for one in reader::entries(self.table(entry)?) {
            match one.key {
                "prompt" => completion.prompt = self.text(&one),
                "resource" => completion.resource = self.text(&one),
                "argument" => completion.argument = self.text(&one),
                "value" => completion.value = self.text(&one),
                _ => self.unknown(&one, &COMPLETION),
            }
        }
        Some(At {
            value: completion,
            span: entry.span(),
        })
    }

    pub(super) fn result_of(&mut self, call: &mut RawCall, entry: &Entry<'_, '_>) {
        let value = match (entry.key, entry.value.get_ref()) {
            ("result_bytes", _) => self.within(entry, 2, MOST_BYTES).map(RawResult::Bytes),
            (_, DeValue::String(text)) => Some(RawResult::Text(text.clone().into_owned())),
            (_, DeValue::Table(_)) => {
                let literal = Some(()).filter(|()| self.is_json(entry));
                let literal = literal.and_then(|()| self.literal(entry));
                literal.map(|at| RawResult::Table(at.value))
            }
            _ => {
                let help = "write the text of the answer, or the whole `result` as a table";
                let message = "expected `result` to be a string or a table";
                self.problems.error(entry.span(), message, help);
                None
            }
        };
        if call.result.is_some() {
            let help = "keep one of them";
            let message = "both `result` and `result_bytes` are given";
            self.problems.error(entry.key_span.clone(), message, help);
        }
        let read = value.map(|value| At {
            value,
            span: entry.key_span.clone(),
        });
        call.result = read.or(call.result.take());
    }

    pub(super) fn would(&mut self, entry: &Entry<'_, '_>) -> Option<WouldBe> {
        let words = [
            ("permit", WouldBe::Permit),
            ("deny", WouldBe::Deny),
            ("withhold", WouldBe::Withhold),
        ];
        self.word(entry, &words, &[])
    }

    /// The calls of `before`, each a table.
    pub(super) fn before(&mut self, entry: &Entry<'_, '_>) -> Option<Vec<RawBefore>> {
        let help = "write a list of tables: `[{ times = 60 }]`";
        let DeValue::Array(items) = entry.value.get_ref() else {
            let message = "expected `before` to be a list";
            self.problems.error(entry.span(), message, help);
            return None;
        };
        let mut all = Vec::new();
        for item in items {
            let DeValue::Table(table) = item.get_ref() else {
                let message = "expected a call of `before` to be a table";
                self.problems.error(item.span(), message, help);
                continue;
            };
            let mut before = RawBefore {
                call: RawCall::at(item.span()),
                times: 1,
                answered: true,
                ago: Duration::ZERO,
            };
            for one in reader::entries(table) {
                match one.key {
                    "times" => {
                        before.times = self.within(&one, 1, MOST_TIMES).unwrap_or(1);
                    }
                    "answered" => {
                        before.answered = self.boolean(&one).is_none_or(|at| at.value);
                    }
                    "ago" => before.ago = self.stretch(&one).unwrap_or_default(),
                    "rule" | "reason" | "would" | "result" | "result_bytes" | "before" => {
                        self.unknown(&one, &BEFORE);
                    }
                    _ => self.of_call(&mut before.call, &one, &BEFORE),
                }
            }
            all.push(before);
        }
        Some(all)
    }

    fn stretch(&mut self, entry: &Entry<'_, '_>) -> Option<Duration> {
        let text = self.text(entry)?;
        let found = stretch(&text.value);
        if found.is_none() {
            let help = "write a number with `s`, `m`, `h` or `d`, up to `31d`";
            let message = format!("expected `{}` to be a stretch of time", entry.key);
            self.problems.error(text.span, message, help);
        }
        found
    }

    fn within(&mut self, entry: &Entry<'_, '_>, least: u64, most: u64) -> Option<u64> {
        let count = self.count(entry)?;
        if (least..=most).contains(&count) {
            return Some(count);
        }
        let message = format!("expected `{}` to be from {least} to {most}", entry.key);
        self.problems
            .error(entry.span(), message, "write a number within it");
        None
    }
}

/// The first, else what the second says.
pub(super) fn or<T: Clone>(own: Option<T>, of_test: Option<&T>) -> Option<T> {
    own.or_else(|| of_test.cloned())
}

/// All names that a call may have for what it is about.
pub(super) fn names_something(call: &RawCall) -> bool {
    let names = [&call.tool, &call.prompt, &call.resource, &call.asks];
    call.completion.is_some() || names.iter().any(|name| name.is_some())
}
