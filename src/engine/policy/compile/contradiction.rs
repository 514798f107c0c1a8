//! Constraints of one argument that no value satisfies together.
//!
//! A permit with a contradiction permits nothing and a forbid forbids nothing,
//! which nobody means. Told where it is plain: kinds, bounds, and values that
//! the policy itself lists.

use super::Compiler;
use crate::engine::message::Kind;
use crate::engine::policy::Code;
use crate::engine::policy::constraint::Constraint;
use crate::engine::policy::diagnostic::Span;
use crate::engine::policy::literal::Literal;

impl Compiler<'_> {
    /// Tells of the first contradiction.
    pub(super) fn contradictions(&mut self, constraints: &[(Constraint, Span)]) {
        let found = kinds(constraints)
            .or_else(|| bounds(constraints))
            .or_else(|| values(constraints));
        if let Some((span, message, help)) = found {
            self.problems.tell(Code::CONTRADICTION, span, message, help);
        }
    }
}

type Found = (Span, String, &'static str);

/// Constraints about values of different kinds.
fn kinds(constraints: &[(Constraint, Span)]) -> Option<Found> {
    let mut kind: Option<(Kind, &'static str)> = None;
    for (constraint, span) in constraints {
        let (first, name) = *kind.get_or_insert((constraint.kind(), constraint.name()));
        if first != constraint.kind() {
            let message = format!(
                "no value satisfies both: `{name}` is about {}, `{}` about {}",
                first.name(),
                constraint.name(),
                constraint.kind().name()
            );
            let help = "all constraints of an argument must hold; remove one";
            return Some((span.clone(), message, help));
        }
    }
    None
}

/// A lower bound above the upper one.
fn bounds(constraints: &[(Constraint, Span)]) -> Option<Found> {
    let (mut low, mut high, mut short, mut long) = (None, None, None, None);
    for (constraint, span) in constraints {
        match constraint {
            Constraint::Min(number, _) => low = Some(number),
            Constraint::Max(number, _) => high = Some(number),
            Constraint::MinLen(limit) => short = Some(limit),
            Constraint::MaxLen(limit) => long = Some(limit),
            Constraint::OneOf(_)
            | Constraint::Equals(_)
            | Constraint::Matches(..)
            | Constraint::Glob(_)
            | Constraint::Path(_) => {}
        }
        let empty = low.zip(high).is_some_and(|(low, high)| low > high)
            || short.zip(long).is_some_and(|(short, long)| short > long);
        if empty {
            let message = "no value satisfies these bounds".to_owned();
            return Some((
                span.clone(),
                message,
                "the lower bound is above the upper one",
            ));
        }
    }
    None
}

/// Listed values, none of which another constraint lets pass.
fn values(constraints: &[(Constraint, Span)]) -> Option<Found> {
    for (constraint, span) in constraints {
        let listed: &[Literal] = match constraint {
            Constraint::Equals(literal) => std::slice::from_ref(literal),
            Constraint::OneOf(literals) => literals,
            _ => continue,
        };
        let passes = |literal: &Literal| {
            let mut all = constraints.iter();
            all.all(|(other, _)| other.takes(literal) != Some(false))
        };
        if !listed.iter().any(passes) {
            let message = format!(
                "no value satisfies all of these: the others refuse what `{}` lists",
                constraint.name()
            );
            let help = "all constraints of an argument must hold; remove one";
            return Some((span.clone(), message, help));
        }
    }
    None
}
