//! What became of each call, beside what was expected; and which rules that
//! was made of.

use super::judge::Decided;
use crate::cli::explain::words;
use crate::engine::policy::{
    Call, Completed, Completion, Effect, Expect, Mode, Policy, RuleRef, Subject, WouldBe,
};
use crate::engine::record::{Record, RecordKind, RecordVerdict, Would};
use std::collections::BTreeMap;

/// Reasons that lie in the call and the pins, not in what the policy says. A
/// denial for one of them proves nothing about the rules: most often an
/// argument is spelled wrong.
const NOT_THE_POLICY: [&str; 11] = [
    "unpinned-tool",
    "unknown-tool",
    "drifted-tool",
    "invalid-mirror",
    "undeclared-argument",
    "schema-violation",
    "schema-unusable",
    "invalid-params",
    "too-many-tools",
    "too-many-pending",
    "invalid-result",
];

/// Denials that mean that a permit has refused: its constraints, its limit, what
/// it wants of an answer.
const REFUSALS: [&str; 4] = [
    "not-permitted",
    "insufficient-scope",
    "limit",
    "result-refused",
];

/// What became of one call.
#[derive(Debug)]
pub(super) struct Outcome {
    /// 1-based line of the test file.
    pub(super) line: usize,
    /// What was called, in words.
    pub(super) what: String,
    decided: Decided,
    /// What was expected, where it is something else.
    pub(super) wrong: Option<Wrong>,
}

/// What was expected and did not happen.
#[derive(Debug)]
pub(super) struct Wrong {
    /// What was expected, in words.
    pub(super) expected: String,
    /// What to look at.
    pub(super) hint: Option<String>,
}

impl Outcome {
    pub(super) fn of(call: &Call, decided: Decided) -> Self {
        Self {
            line: call.line,
            what: what(call),
            wrong: wrong(call, &decided),
            decided,
        }
    }

    pub(super) fn is_fine(&self) -> bool {
        self.wrong.is_none()
    }

    /// The decision that it hung on: about the answer, where one came.
    pub(super) fn record(&self) -> &Record {
        self.decided.answer.as_ref().unwrap_or(&self.decided.call)
    }

    /// Both decisions, as far as they were made.
    fn records(&self) -> impl Iterator<Item = &Record> {
        std::iter::once(&self.decided.call).chain(&self.decided.answer)
    }

    /// What was found, in words.
    pub(super) fn found(&self) -> Vec<String> {
        let record = self.record();
        let verdict = match (&self.decided.stuck, &self.decided.answer) {
            (Some((number, time)), _) => {
                let verdict = words::verdict(record);
                format!("call {number} of `before` {verdict}, the {time}. time")
            }
            (None, Some(answer)) if !is_permitted(answer) => {
                format!("withheld [{}]", answer.reason.unwrap_or("withheld"))
            }
            (None, _) => words::verdict(record),
        };
        let mut lines = vec![format!("found:   {verdict}")];
        lines.extend(words::because(record));
        lines
    }
}

fn what(call: &Call) -> String {
    let (verb, name) = match &call.subject {
        Subject::Tool(name) => ("tools/call", name.as_str()),
        Subject::Prompt(name) => ("prompts/get", name.as_str()),
        Subject::Resource(uri) => ("resources/read", uri.as_str()),
        Subject::Completion(Completion { of, .. }) => {
            let (Completed::Prompt(name) | Completed::Resource(name)) = of;
            ("completion/complete", name.as_str())
        }
        Subject::Asks(method) => {
            return format!("`{method}` by `{}`, asking `{}`", call.server, call.agent);
        }
    };
    let user = call.principal.as_ref().and_then(|p| p.user.as_deref());
    let user = user.map_or_else(String::new, |user| format!(" for `{user}`"));
    format!(
        "{verb} `{name}` by `{}`{user} on `{}`",
        call.agent, call.server
    )
}

pub(super) fn is_permitted(record: &Record) -> bool {
    matches!(
        record.verdict,
        RecordVerdict::Forward | RecordVerdict::Rewrite
    )
}

/// What became of a call, or would become of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Came {
    Passed,
    Denied(&'static str),
    Withheld(&'static str),
}

impl Came {
    fn of(decided: &Decided) -> Self {
        let Decided { call, answer, .. } = decided;
        match answer {
            _ if !is_permitted(call) => Self::Denied(call.reason.unwrap_or_default()),
            Some(answer) if !is_permitted(answer) => {
                Self::Withheld(answer.reason.unwrap_or_default())
            }
            _ => Self::Passed,
        }
    }

    /// What it would be, were nothing in audit mode.
    fn without_audit(decided: &Decided) -> Self {
        let Decided { call, answer, .. } = decided;
        let of_call = call.would.as_ref();
        let of_answer = answer.as_ref().and_then(|answer| answer.would.as_ref());
        match (of_call, of_answer) {
            (
                Some(Would {
                    reason: Some(reason),
                    ..
                }),
                _,
            ) => Self::Denied(reason),
            (
                _,
                Some(Would {
                    reason: Some(reason),
                    ..
                }),
            ) => Self::Withheld(reason),
            (_, Some(_)) => Self::Passed,
            (Some(_), None) if !is_permitted(call) => Self::Passed,
            _ => Self::of(decided),
        }
    }

    fn is(self, expected: Expect) -> bool {
        let says = |found: &'static str, reason: Option<&str>| {
            reason.map_or_else(
                || !NOT_THE_POLICY.contains(&found),
                |reason| found == reason,
            )
        };
        match (self, expected) {
            (Self::Passed, Expect::Permit) => true,
            (Self::Denied(found), Expect::Deny(reason))
            | (Self::Withheld(found), Expect::Withhold(reason)) => says(found, reason),
            _ => false,
        }
    }

    fn would_be(self, expected: WouldBe) -> bool {
        match expected {
            WouldBe::Permit => self == Self::Passed,
            WouldBe::Deny => matches!(self, Self::Denied(_)),
            WouldBe::Withhold => matches!(self, Self::Withheld(_)),
        }
    }
}

fn wrong(call: &Call, decided: &Decided) -> Option<Wrong> {
    let came = Came::of(decided);
    let would = Came::without_audit(decided);
    let is_meant = decided.stuck.is_none()
        && came.is(call.expect)
        && call.would.is_none_or(|expected| would.would_be(expected));
    let by_rule = call
        .rule
        .as_ref()
        .is_none_or(|id| determined(call, decided).any(|rule| rule.id == *id));
    if is_meant && by_rule {
        return None;
    }
    let (word, reason) = match call.expect {
        Expect::Permit => ("permitted", None),
        Expect::Deny(reason) => ("denied", reason),
        Expect::Withhold(reason) => ("permitted, and the answer withheld", reason),
    };
    let mut expected = word.to_owned();
    if let Some(reason) = reason {
        expected = format!("{expected} [{reason}]");
    }
    if let Some(would) = call.would {
        let would = match would {
            WouldBe::Permit => "permitted",
            WouldBe::Deny => "denied",
            WouldBe::Withhold => "withheld",
        };
        expected = format!("{expected}, and {would} without audit mode");
    }
    if let Some(rule) = &call.rule {
        expected = format!("{expected} by `{rule}`");
    }
    let elsewhere = match (came, call.expect) {
        (Came::Denied(found), Expect::Deny(None))
        | (Came::Withheld(found), Expect::Withhold(None)) => {
            NOT_THE_POLICY.contains(&found).then_some(found)
        }
        _ => None,
    };
    let hint = elsewhere.map(|found| {
        format!(
            "this denial says nothing about the rules: if it is meant, write `reason = \"{found}\"`"
        )
    });
    Some(Wrong { expected, hint })
}

/// The rules that a call hung on; where it is said what would come of it without
/// audit mode, those of that too.
fn determined<'a>(call: &'a Call, decided: &'a Decided) -> impl Iterator<Item = &'a RuleRef> {
    let answers = decided.answer.as_ref();
    let withheld = answers.filter(|answer| !is_permitted(answer));
    let rules = &withheld.unwrap_or(&decided.call).rules;
    let records = std::iter::once(&decided.call).chain(answers);
    let would = records.filter_map(|record| record.would.as_ref());
    let would = would.filter(|_| call.would.is_some());
    rules
        .iter()
        .chain(would.flat_map(|would| would.rules.iter().map(|(rule, _)| rule)))
}

/// How often a rule was what a call hung on.
#[derive(Debug, Clone)]
pub(super) struct Covered {
    pub(super) rule: RuleRef,
    pub(super) effect: Effect,
    /// A permit that permitted, a forbid that fired.
    pub(super) determined: usize,
    /// A permit whose constraints refused.
    pub(super) refused: usize,
}

/// Which rules the tests are about.
#[derive(Debug)]
pub(super) struct Coverage(Vec<Covered>);

impl Coverage {
    /// Of calls that came out as expected: what is wrong proves nothing.
    pub(super) fn of<'a>(policy: &Policy, outcomes: impl Iterator<Item = &'a Outcome>) -> Self {
        let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        let rules = policy.rules_for_display();
        let outcomes = outcomes.filter(|outcome| outcome.is_fine());
        for record in outcomes.flat_map(Outcome::records) {
            let is_answer = record.kind == RecordKind::Response;
            let permitted = is_permitted(record);
            let is_refusal = REFUSALS.contains(&record.reason.unwrap_or_default());
            // What a rule in audit mode would have done is what it is there for.
            let would = record.would.iter().flat_map(|would| &would.rules);
            for (named, mode) in would {
                let rule = rules.iter().find(|rule| rule.rule == *named);
                if let (Some(rule), Mode::Audit) = (rule, mode) {
                    let count = counts.entry(&rule.rule.id).or_default();
                    count.0 = count.0.saturating_add(1);
                }
            }
            for named in &record.rules {
                let Some(rule) = rules.iter().find(|rule| rule.rule == *named) else {
                    continue;
                };
                let count = counts.entry(&rule.rule.id).or_default();
                let is_permit = rule.effect == Effect::Permit;
                if is_permit == permitted && !is_answer {
                    count.0 = count.0.saturating_add(1);
                } else if is_permit && is_refusal {
                    count.1 = count.1.saturating_add(1);
                }
            }
        }
        let covered = rules.iter().map(|rule| {
            let (determined, refused) =
                counts.get(rule.rule.id.as_str()).copied().unwrap_or((0, 0));
            Covered {
                rule: rule.rule.clone(),
                effect: rule.effect,
                determined,
                refused,
            }
        });
        Self(covered.collect())
    }

    pub(super) fn rules(&self) -> &[Covered] {
        &self.0
    }

    /// The rules that no test made determining.
    pub(super) fn idle(&self) -> impl Iterator<Item = &Covered> {
        self.0.iter().filter(|rule| rule.determined == 0)
    }

    /// How many of a hundred rules are covered.
    pub(super) fn percent(&self) -> usize {
        let all = self.0.len();
        let covered = all.saturating_sub(self.idle().count());
        covered.saturating_mul(100).checked_div(all).unwrap_or(100)
    }
}
