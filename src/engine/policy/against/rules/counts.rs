//! What a limit no longer counts, while something else permits it.
//!
//! Such calls leave room for those that are still counted.

use super::super::{More, Pair};
use crate::engine::policy::Code;
use crate::engine::policy::check::place;
use crate::engine::policy::relation::Kind;
use crate::engine::policy::rule::{Effect, Rule};
use std::collections::BTreeMap;

impl Pair<'_> {
    pub(super) fn counts(&self, found: &mut Vec<More>) {
        let limited = |rule: &&Rule| rule.effect == Effect::Permit && rule.limit.is_some();
        let known = self.narrow.acting().filter(limited);
        let known: BTreeMap<_, _> = known.map(|rule| (&*rule.reference.id, rule)).collect();
        for rule in self.wide.acting().filter(limited) {
            let before = known.get(rule.reference.id.as_str());
            let uncounted = before.filter(|known| !counts_all_of(rule, known));
            if let Some(known) = uncounted
                && self
                    .wide
                    .acting()
                    .any(|other| passes_beside(other, rule, known))
            {
                let id = &rule.reference.id;
                let what = format!(
                    "rule `{id}` counts less than the {} one, and another rule permits some of the rest",
                    self.other()
                );
                found.push(self.more(Code::MAY_BE_WIDER, &place(rule), &what));
            }
        }
    }
}

/// Whether a rule holds for all that `known` holds for.
fn counts_all_of(rule: &Rule, known: &Rule) -> bool {
    let mut patterns = Kind::ALL
        .iter()
        .flat_map(|kind| kind.of(known).iter().map(move |(p, _)| (kind, p)));
    rule.covers_head_of(known)
        && rule.scopes.is_subset(&known.scopes)
        && rule.asks_no_more_than(known)
        && rule.holds_whenever(known)
        && patterns.all(|(kind, pattern)| kind.covered(pattern, rule))
}

fn passes_beside(other: &Rule, rule: &Rule, known: &Rule) -> bool {
    let reaches = |kind: &Kind| {
        let mut patterns = kind.of(known).iter();
        patterns.any(|(pattern, _)| kind.may_reach(pattern, other))
    };
    other.effect == Effect::Permit
        && other.reference.id != rule.reference.id
        && Kind::ALL.iter().any(reaches)
}
