//! What one permit asks for less than another one.

use super::super::listed;
use crate::engine::policy::Code;
use crate::engine::policy::constraint::{Constraint, Kinds};
use crate::engine::policy::diagnostic::Span;
use crate::engine::policy::pattern::Pattern;
use crate::engine::policy::rule::{Argument, Demand, Rule};

/// What `rule` takes beyond `known`; the place of each, where it has one.
/// Empty only if there is nothing.
pub(super) fn differences(
    rule: &Rule,
    known: &Rule,
    span: &Span,
    other: &str,
) -> Vec<(Code, String, Span)> {
    let mut found = Vec::new();
    let theirs = format!("the {other} rule `{}`", known.reference.id);
    for was in &known.arguments {
        if was.is_implied_by(&rule.arguments) {
            continue;
        }
        let same = |one: &&Argument| one.pointer.segments() == was.pointer.segments();
        match rule.arguments.iter().find(same) {
            None => {
                let text = format!("nothing is asked here; {theirs} asks {was}");
                found.push((Code::LOOSENED, text, span.clone()));
            }
            Some(now) => {
                let code = if can_tell(now, was) {
                    Code::LOOSENED
                } else {
                    Code::MAY_BE_WIDER
                };
                let text = format!("asks {now}; {theirs} {was}");
                found.push((code, text, now.span.clone()));
            }
        }
    }
    if !known.covers_people_of(rule) {
        let people = |patterns: Option<&[(Pattern, Span)]>| match patterns {
            None => "everyone".to_owned(),
            Some(all) => listed(all.iter().map(|(pattern, _)| pattern.as_str())),
        };
        let text = format!(
            "users {} of groups {}; {theirs} users {} of groups {}",
            people(rule.users.as_deref()),
            people(rule.groups.as_deref()),
            people(known.users.as_deref()),
            people(known.groups.as_deref()),
        );
        found.push((Code::LOOSENED, text, span.clone()));
    }
    if !known.scopes.is_subset(&rule.scopes) {
        let gone = known.scopes.difference(&rule.scopes).map(AsRef::as_ref);
        let text = format!("the scopes {} are not needed", listed(gone));
        found.push((Code::LOOSENED, text, span.clone()));
    }
    conditions(rule, known, span, &theirs, &mut found);
    if rule.undeclared && !known.undeclared {
        let text = "arguments that no schema declares may pass".to_owned();
        found.push((Code::UNDECLARED_WIDER, text, span.clone()));
    }
    if found.is_empty() {
        let text = format!("asks for something else than {theirs}");
        found.push((Code::MAY_BE_WIDER, text, span.clone()));
    }
    found
}

/// How often and when.
fn conditions(
    rule: &Rule,
    known: &Rule,
    span: &Span,
    theirs: &str,
    found: &mut Vec<(Code, String, Span)>,
) {
    if !known.limits_no_more_than(rule) {
        let (code, text) = match &rule.limit {
            None => (
                Code::LOOSENED,
                format!("there is no limit; {theirs} has one"),
            ),
            Some(_) => (
                Code::MAY_BE_WIDER,
                format!("counts otherwise than {theirs}"),
            ),
        };
        found.push((code, text, span.clone()));
    }
    if let (Some(was), false) = (&known.when, known.holds_whenever(rule)) {
        let now = match &rule.when {
            None => "at any time".to_owned(),
            Some(window) => window.to_string(),
        };
        let text = format!("holds {now}; {theirs} {was}");
        found.push((Code::LOOSENED, text, span.clone()));
    }
}

/// Whether two demands of one place can be compared, so that "not implied" means
/// "takes more".
fn can_tell(now: &Argument, was: &Argument) -> bool {
    let (
        Demand::Present {
            constraints: now, ..
        },
        Demand::Present {
            constraints: was, ..
        },
    ) = (&now.demand, &was.demand)
    else {
        return true;
    };
    let missed = was
        .iter()
        .filter(|(was, _)| !now.iter().any(|(now, _)| now.implies(was)));
    // An expression may imply whatever it likes; a value or a bound is plain.
    let plain = |constraint: &Constraint| {
        matches!(
            constraint,
            Constraint::OneOf(_)
                | Constraint::Equals(_)
                | Constraint::Min(..)
                | Constraint::Max(..)
                | Constraint::MinLen(_)
                | Constraint::MaxLen(_)
                | Constraint::MinItems(_)
                | Constraint::MaxItems(_)
                | Constraint::Host(_)
                | Constraint::Email(_)
                | Constraint::Path(_)
        )
    };
    let all_plain = now.iter().all(|(constraint, _)| plain(constraint));
    missed.into_iter().all(|(was, _)| {
        all_plain
            || !now
                .iter()
                .any(|(now, _)| now.kinds().and(was.kinds()) != Kinds::NONE)
    })
}
