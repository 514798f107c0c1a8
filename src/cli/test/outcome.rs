//! What became of each call, beside what was expected; and which rules that
//! was made of.

use crate::cli::explain::words;
use crate::engine::policy::{Call, Effect, Expect, Mode, Policy, RuleRef, Subject};
use crate::engine::record::{Record, RecordVerdict};
use std::collections::BTreeMap;

/// Reasons that lie in the call and the pins, not in what the policy says. A
/// denial for one of them proves nothing about the rules: most often an
/// argument is spelled wrong.
const NOT_THE_POLICY: [&str; 9] = [
    "unpinned-tool",
    "unknown-tool",
    "drifted-tool",
    "invalid-mirror",
    "undeclared-argument",
    "schema-violation",
    "schema-unusable",
    "invalid-params",
    "too-many-tools",
];

/// What became of one call.
#[derive(Debug)]
pub(super) struct Outcome {
    /// 1-based line of the test file.
    pub(super) line: usize,
    /// What was called, in words.
    pub(super) what: String,
    /// The decision.
    pub(super) record: Record,
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
    pub(super) fn of(call: &Call, record: Record) -> Self {
        Self {
            line: call.line,
            what: what(call),
            wrong: wrong(call, &record),
            record,
        }
    }

    pub(super) fn is_fine(&self) -> bool {
        self.wrong.is_none()
    }
}

fn what(call: &Call) -> String {
    let (verb, name) = match &call.subject {
        Subject::Tool(name) => ("tools/call", name),
        Subject::Prompt(name) => ("prompts/get", name),
        Subject::Resource(uri) => ("resources/read", uri),
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

fn wrong(call: &Call, record: &Record) -> Option<Wrong> {
    let permitted = is_permitted(record);
    let found = record.reason.unwrap_or_default();
    let reason = match call.expect {
        Expect::Permit => None,
        Expect::Deny(reason) => reason,
    };
    let is_meant = match (call.expect, reason) {
        (Expect::Permit, _) => permitted,
        (Expect::Deny(_), Some(reason)) => !permitted && found == reason,
        (Expect::Deny(_), None) => !permitted && !NOT_THE_POLICY.contains(&found),
    };
    let by_rule = call
        .rule
        .as_ref()
        .is_none_or(|id| record.rules.iter().any(|rule| rule.id == *id));
    if is_meant && by_rule {
        return None;
    }
    let mut expected = match (call.expect, reason) {
        (Expect::Permit, _) => "permitted".to_owned(),
        (Expect::Deny(_), Some(reason)) => format!("denied [{reason}]"),
        (Expect::Deny(_), None) => "denied".to_owned(),
    };
    if let Some(rule) = &call.rule {
        expected = format!("{expected} by `{rule}`");
    }
    let is_elsewhere = !is_meant && !permitted && reason.is_none();
    let hint = (is_elsewhere && call.expect != Expect::Permit).then(|| {
        format!(
            "this denial says nothing about the rules: if it is meant, write `reason = \"{found}\"`"
        )
    });
    Some(Wrong { expected, hint })
}

/// What was found, in words.
pub(super) fn found(record: &Record) -> Vec<String> {
    let mut lines = vec![format!("found:   {}", words::verdict(record))];
    lines.extend(words::because(record));
    lines
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
        for outcome in outcomes.filter(|outcome| outcome.is_fine()) {
            let permitted = is_permitted(&outcome.record);
            let reason = outcome.record.reason.unwrap_or_default();
            let is_refusal = matches!(reason, "not-permitted" | "insufficient-scope");
            // What a rule in audit mode would have done is what it is there for.
            let would = outcome.record.would.iter().flat_map(|would| &would.rules);
            for (named, mode) in would {
                let rule = rules.iter().find(|rule| rule.rule == *named);
                if let (Some(rule), Mode::Audit) = (rule, mode) {
                    let count = counts.entry(&rule.rule.id).or_default();
                    count.0 = count.0.saturating_add(1);
                }
            }
            for named in &outcome.record.rules {
                let Some(rule) = rules.iter().find(|rule| rule.rule == *named) else {
                    continue;
                };
                let count = counts.entry(&rule.rule.id).or_default();
                let is_permit = rule.effect == Effect::Permit;
                if is_permit == permitted {
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
