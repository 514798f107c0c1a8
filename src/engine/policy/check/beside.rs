//! Rules beside each other: a permit of which a forbid leaves nothing, and
//! rules of which another one does all the work.

use crate::engine::policy::diagnostic::{Problems, Span};
use crate::engine::policy::pattern::Pattern;
use crate::engine::policy::relation::Kind;
use crate::engine::policy::rule::{Effect, Rule};
use crate::engine::policy::{Code, Policy};

/// Most rules that are compared, each with each other one.
const MAX_RULES: usize = 1000;

impl Policy {
    /// What the rules make of each other.
    pub(super) fn check_beside(&self, problems: &mut Problems) {
        if self.acting().count() > MAX_RULES {
            return;
        }
        for (at, rule) in self.acting().enumerate() {
            let others = self.acting().enumerate().filter(|(other, _)| *other != at);
            let of = |effect: Effect| {
                let others = others.clone();
                others.filter(move |(_, other)| other.effect == effect)
            };
            if rule.effect == Effect::Permit {
                let over: Vec<_> = of(Effect::Forbid).map(|(_, forbid)| forbid).collect();
                let kills =
                    |forbid: &Rule| forbid.asks_no_more_than(rule) && forbid.holds_whenever(rule);
                if let Some(by) = covering(rule, &over, kills) {
                    shadowed(rule, &by, problems);
                    continue;
                }
                let wider = of(Effect::Permit).filter(|(other, wide)| {
                    // Of two that are alike, the second one is told.
                    *other < at || !(rule.covers_head_of(wide) && rule.permits_all_of(wide))
                });
                let wider: Vec<_> = wider.map(|(_, wide)| wide).collect();
                if let Some(by) = covering(rule, &wider, |wide| wide.permits_all_of(rule)) {
                    redundant_permit(rule, &by, problems);
                }
            } else if rule.effect == Effect::Forbid {
                let wider = of(Effect::Forbid).filter(|(other, wide)| {
                    *other < at || !(rule.covers_head_of(wide) && rule.fires_wherever(wide))
                });
                let wider: Vec<_> = wider.map(|(_, wide)| wide).collect();
                if let Some(by) = covering(rule, &wider, |wide| wide.fires_wherever(rule)) {
                    let message = format!("rule `{by}` forbids all of this already");
                    let help = "remove one of the two, or say what only this one forbids";
                    problems.tell(Code::REDUNDANT_FORBID, place(rule), message, help);
                }
            }
        }
    }
}

/// The names of rules that together take all items of `rule`.
fn covering(rule: &Rule, others: &[&Rule], does: impl Fn(&Rule) -> bool) -> Option<String> {
    let able: Vec<_> = others
        .iter()
        .filter(|other| other.covers_head_of(rule) && does(other))
        .collect();
    let mut names: Vec<&str> = Vec::new();
    for kind in Kind::ALL {
        for (pattern, _) in kind.of(rule) {
            let by = able.iter().find(|other| kind.covered(pattern, other))?;
            names.push(&by.reference.id);
        }
    }
    names.dedup();
    (!names.is_empty()).then(|| names.join("`, `"))
}

fn shadowed(rule: &Rule, by: &str, problems: &mut Problems) {
    let message = format!("this permits nothing: rule `{by}` forbids all of it");
    let help = "a forbid beats a permit: narrow the forbid, or remove this rule";
    problems.tell(Code::SHADOWED, place(rule), message, help);
}

fn redundant_permit(rule: &Rule, by: &str, problems: &mut Problems) {
    let message = format!("rule `{by}` permits all of this already");
    let help = if rule.arguments.is_empty() && rule.scopes.is_empty() {
        "remove one of the two"
    } else {
        "what this rule asks for limits nothing: narrow the other one, or remove this one"
    };
    problems.tell(Code::REDUNDANT_PERMIT, place(rule), message, help);
}

/// Where a rule says what it is about.
pub(in crate::engine::policy) fn place(rule: &Rule) -> Span {
    let all: Vec<&(Pattern, Span)> = Kind::ALL.iter().flat_map(|kind| kind.of(rule)).collect();
    let start = all.iter().map(|(_, span)| span.start).min();
    let end = all.iter().map(|(_, span)| span.end).max();
    start.unwrap_or(0)..end.unwrap_or(0)
}
