//! Constraints of one argument that no value satisfies together.
//!
//! A permit with a contradiction permits nothing and a forbid forbids nothing,
//! which nobody means. Told where it is plain: kinds, bounds, and values that
//! the policy itself lists.

use super::Compiler;
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
    for (n, (constraint, span)) in constraints.iter().enumerate() {
        let kinds = constraint.kinds();
        if kinds.is_empty() {
            let message = format!(
                "no value satisfies what stands in `{}`: it is about values of different kinds",
                constraint.name()
            );
            return Some((
                span.clone(),
                message,
                "all constraints must hold; remove one",
            ));
        }
        let mut earlier = constraints.iter().take(n).map(|(other, _)| other);
        let Some(other) = earlier.find(|other| other.kinds().and(kinds).is_empty()) else {
            continue;
        };
        let message = format!(
            "no value satisfies both: `{}` is about {}, `{}` about {kinds}",
            other.name(),
            other.kinds(),
            constraint.name(),
        );
        let help = "all constraints of an argument must hold; remove one";
        return Some((span.clone(), message, help));
    }
    None
}

/// A lower bound above the upper one.
fn bounds(constraints: &[(Constraint, Span)]) -> Option<Found> {
    let (mut low, mut high) = (None, None);
    let (mut short, mut long, mut few, mut many) = (None, None, None, None);
    for (constraint, span) in constraints {
        match constraint {
            Constraint::Min(number, _) => low = Some(number),
            Constraint::Max(number, _) => high = Some(number),
            Constraint::MinLen(limit) => short = Some(limit),
            Constraint::MaxLen(limit) => long = Some(limit),
            Constraint::MinItems(limit) => few = Some(limit),
            Constraint::MaxItems(limit) => many = Some(limit),
            _ => {}
        }
        let crossed = |low: Option<&u64>, high| low.zip(high).is_some_and(|(low, high)| low > high);
        let empty = low.zip(high).is_some_and(|(low, high)| low > high)
            || crossed(short, long)
            || crossed(few, many);
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
