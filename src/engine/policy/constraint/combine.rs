//! Constraints made of constraints: `each`, `any_of`, `not`.
//!
//! "And" keeps what cannot be told even beside a plain no, and "not" turns only
//! a plain answer around. No error can therefore come out as the answer that
//! lets a call pass, whatever stands around it.

use super::{Constraint, Holding};
use crate::engine::guard::values;
use crate::engine::message::{Json, Kind};
use crate::engine::policy::PathJudge;
use crate::engine::policy::diagnostic::Span;
use std::collections::BTreeSet;

/// Constraints that must hold together.
pub(in crate::engine::policy) type All = Vec<(Constraint, Span)>;

/// Asks all of them.
pub(in crate::engine::policy) fn all(
    constraints: &All,
    value: Json<'_>,
    paths: &dyn PathJudge,
) -> Holding {
    let mut answer = Holding::Yes;
    for (constraint, _) in constraints {
        match constraint.judge(value, paths) {
            Holding::Yes => {}
            Holding::No => answer = Holding::No,
            Holding::Unknown => return Holding::Unknown,
        }
    }
    answer
}

/// Every item of an array, every value of an object.
pub(super) fn each(all_of: &All, value: Json<'_>, paths: &dyn PathJudge) -> Option<Holding> {
    let mut answer = Holding::Yes;
    for child in children(value)? {
        match all(all_of, child, paths) {
            Holding::Yes => {}
            Holding::No => answer = Holding::No,
            Holding::Unknown => return None,
        }
    }
    Some(answer)
}

/// One of several: a plain yes is enough.
pub(super) fn any(alternatives: &[All], value: Json<'_>, paths: &dyn PathJudge) -> Holding {
    let mut answer = Holding::No;
    for alternative in alternatives {
        match all(alternative, value, paths) {
            Holding::Yes => return Holding::Yes,
            Holding::No => {}
            Holding::Unknown => answer = Holding::Unknown,
        }
    }
    answer
}

/// The other plain answer.
pub(super) fn not(answer: Holding) -> Holding {
    match answer {
        Holding::Yes => Holding::No,
        Holding::No => Holding::Yes,
        Holding::Unknown => Holding::Unknown,
    }
}

/// How many items or members there are.
pub(super) fn count(value: Json<'_>) -> Option<u64> {
    let count = match value.kind() {
        Kind::Array => value.items().count(),
        Kind::Object => children(value)?.len(),
        _ => return None,
    };
    u64::try_from(count).ok()
}

fn children(value: Json<'_>) -> Option<Vec<Json<'_>>> {
    Some(match value.kind() {
        Kind::Array => value.items().collect(),
        Kind::Object => {
            let mut members = value.members();
            std::iter::from_fn(|| members.next_pair().map(|(_, value)| value)).collect()
        }
        _ => return None,
    })
}

/// Whether a string in it, or a name, holds a secret value. As deep as a
/// message may be, which is bounded.
pub(super) fn has_secret(value: Json<'_>) -> bool {
    let in_text = |value: Json<'_>| match value.as_str() {
        Some(text) => values::first(&text).is_some(),
        // Nobody knows what is in it.
        None => true,
    };
    match value.kind() {
        Kind::String => in_text(value),
        Kind::Array => value.items().any(has_secret),
        Kind::Object => {
            let mut members = value.members();
            let mut pairs = std::iter::from_fn(|| members.next_pair());
            pairs.any(|(key, value)| in_text(key) || has_secret(value))
        }
        Kind::Null | Kind::Bool | Kind::Number => false,
    }
}

impl Constraint {
    /// Whether a path is looked for anywhere in it.
    pub(in crate::engine::policy) fn has_path(&self) -> bool {
        let any = |all: &All| all.iter().any(|(constraint, _)| constraint.has_path());
        match self {
            Self::Path(_) => true,
            Self::Each(all) | Self::Not(all) => any(all),
            Self::AnyOf(alternatives) => alternatives.iter().any(any),
            _ => false,
        }
    }

    /// The strings of `value` that it reads as paths, with their pointers.
    pub(in crate::engine::policy) fn path_values(
        &self,
        at: &str,
        value: Json<'_>,
        values: &mut BTreeSet<(String, String)>,
    ) {
        if !self.has_path() {
            return;
        }
        let mut look = |at: &str, value: Json<'_>, all: &All| {
            for (constraint, _) in all {
                constraint.path_values(at, value, values);
            }
        };
        match self {
            Self::Path(_) => {
                let text = value
                    .as_str()
                    .map(|text| (at.to_owned(), text.into_owned()));
                values.extend(text);
            }
            Self::Each(all) => {
                for (n, item) in value.items().enumerate() {
                    look(&format!("{at}/{n}"), item, all);
                }
                for (key, member) in value.members() {
                    let key = key.replace('~', "~0").replace('/', "~1");
                    look(&format!("{at}/{key}"), member, all);
                }
            }
            Self::Not(all) => look(at, value, all),
            Self::AnyOf(alternatives) => {
                for all in alternatives {
                    look(at, value, all);
                }
            }
            _ => {}
        }
    }
}
