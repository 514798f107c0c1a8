//! `args`: pointers read, constraints compiled, and what can never hold told.

use super::{Compiler, shown};
use crate::engine::policy::Code;
use crate::engine::policy::constraint::{All, Constraint, whole_regex};
use crate::engine::policy::diagnostic::Span;
use crate::engine::policy::literal::Literal;
use crate::engine::policy::pointer::Pointer;
use crate::engine::policy::raw::{At, RawAll, RawArgument, RawConstraint};
use crate::engine::policy::rule::{Argument, Demand, Effect};

/// What happens to a value that satisfies a constraint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    /// It passes: in a permit, and under `not` in a forbid.
    Pass,
    /// It is caught: in a forbid, and under `not` in a permit.
    Catch,
}

impl Side {
    fn turned(self) -> Self {
        match self {
            Self::Pass => Self::Catch,
            Self::Catch => Self::Pass,
        }
    }
}

impl Compiler<'_> {
    pub(super) fn argument(&mut self, raw: RawArgument, effect: Effect) -> Option<Argument> {
        let pointer = match Pointer::parse(&raw.pointer.value) {
            Ok(pointer) => pointer,
            Err(why) => {
                let message = format!("{} is no JSON Pointer", shown::quoted(&raw.pointer.value));
                let help = if raw.pointer.value.starts_with('/') {
                    why.to_owned()
                } else {
                    format!("{why}: write `/{}`", raw.pointer.value.replace('.', "/"))
                };
                self.problems
                    .of(Code::BAD_POINTER)
                    .error(raw.pointer.span, message, help);
                return None;
            }
        };
        self.problems.turn_to(Code::CONSTRAINT);
        let demand = self.demand(raw.absent, raw.optional, raw.constraints, effect)?;
        Some(Argument {
            pointer,
            line: self.place_of(raw.pointer.span.start).1,
            span: raw.pointer.span,
            demand,
        })
    }

    fn demand(
        &mut self,
        absent: Option<At<bool>>,
        optional: Option<At<bool>>,
        raw: Vec<At<RawConstraint>>,
        effect: Effect,
    ) -> Option<Demand> {
        if let Some(absent) = absent {
            if !absent.value {
                let help = "leave `absent` out, and say what the argument has to be";
                self.problems
                    .error(absent.span, "`absent = false` constrains nothing", help);
            } else if !raw.is_empty() || optional.is_some() {
                let help = "`absent` stands alone; `optional = true` lets a missing argument pass";
                self.problems.error(
                    absent.span,
                    "an argument that is absent is nothing else",
                    help,
                );
            }
            return Some(Demand::Absent);
        }
        let side = match effect {
            Effect::Permit => Side::Pass,
            Effect::Ask | Effect::Forbid => Side::Catch,
        };
        let constraints = self.all(raw, side)?;
        Some(Demand::Present {
            optional: optional.is_some_and(|optional| optional.value),
            constraints,
        })
    }

    /// Constraints that must hold together.
    fn all(&mut self, raw: RawAll, side: Side) -> Option<All> {
        let constraints: Vec<_> = raw
            .into_iter()
            .map(|constraint| self.constraint(constraint, side))
            .collect();
        let constraints: All = constraints.into_iter().collect::<Option<_>>()?;
        self.contradictions(&constraints);
        Some(constraints)
    }

    fn constraint(&mut self, raw: At<RawConstraint>, side: Side) -> Option<(Constraint, Span)> {
        let At { value, span } = raw;
        let constraint = match value {
            RawConstraint::OneOf(literals) => self.one_of(literals, &span)?,
            RawConstraint::OneOfSet(set) => {
                let values = self.set(&set, &span)?;
                self.one_of_texts("one_of", values)?
            }
            RawConstraint::Equals(literal) => {
                let value = At {
                    value: literal,
                    span: span.clone(),
                };
                self.one_of_texts("equals", vec![value])?
            }
            RawConstraint::Matches(source) => {
                let help = if source.contains("${") {
                    "an expression has no variables: use `glob`, `equals` or `one_of`"
                } else {
                    "see https://docs.rs/regex for what is understood"
                };
                let regex = whole_regex(&source);
                let regex = self.pattern(regex, &span, "regular expression", help)?;
                Constraint::Matches(regex, source)
            }
            RawConstraint::Glob(source) => self.glob(&source, &span)?,
            RawConstraint::Min(number, spelled) => Constraint::Min(number, spelled),
            RawConstraint::Max(number, spelled) => Constraint::Max(number, spelled),
            RawConstraint::MinLen(limit) => {
                Constraint::MinLen(self.above_zero(limit, &span, "min_len")?)
            }
            RawConstraint::MaxLen(limit) => Constraint::MaxLen(limit),
            RawConstraint::MinItems(limit) => {
                Constraint::MinItems(self.above_zero(limit, &span, "min_items")?)
            }
            RawConstraint::MaxItems(limit) => Constraint::MaxItems(limit),
            RawConstraint::Path(access) => {
                // "Not within the roots" and "cannot be told" are one answer of
                // the path guard, which must never be what lets a call pass.
                let help = "say in a permit where the path may point, or add to `[paths] secret`";
                self.only_passes("path", side, &span, help)?;
                Constraint::Path(access)
            }
            RawConstraint::Host(list) => Constraint::Host(self.hosts(&list)?),
            RawConstraint::Url(url) => Constraint::Url(self.urls(url, &span)?),
            RawConstraint::Email(email) => Constraint::Email(self.emails(email, &span)?),
            RawConstraint::Secrets => {
                let help =
                    "a permit denies them; in a forbid, write `not = { secrets = \"deny\" }`";
                self.only_passes("secrets", side, &span, help)?;
                Constraint::Secrets
            }
            RawConstraint::Command(command) => Constraint::Command(self.commands(command, &span)?),
            RawConstraint::Sql(sql) => Constraint::Sql(Box::new(self.queries(sql, &span)?)),
            RawConstraint::Each(all) => Constraint::Each(self.all(all, side)?),
            RawConstraint::Not(all) => Constraint::Not(self.all(all, side.turned())?),
            RawConstraint::AnyOf(alternatives) => {
                let alternatives: Vec<_> = alternatives
                    .into_iter()
                    .map(|all| self.all(all, side))
                    .collect();
                Constraint::AnyOf(alternatives.into_iter().collect::<Option<_>>()?)
            }
        };
        Some((constraint, span))
    }

    /// What a source was compiled to.
    fn pattern<T>(
        &mut self,
        compiled: Result<T, String>,
        span: &Span,
        what: &str,
        help: &str,
    ) -> Option<T> {
        let told = |why| (span.clone(), format!("not a {what}: {why}"));
        match compiled.map_err(told) {
            Ok(compiled) => Some(compiled),
            Err((span, message)) => {
                let code = match what {
                    "glob" => Code::BAD_GLOB,
                    _ => Code::BAD_REGEX,
                };
                self.problems.of(code).error(span, message, help);
                None
            }
        }
    }

    fn above_zero(&mut self, limit: u64, span: &Span, name: &str) -> Option<u64> {
        if limit == 0 {
            let message = format!("`{name} = 0` always holds");
            let help = "remove it, or ask for at least 1";
            self.problems.error(span.clone(), message, help);
            return None;
        }
        Some(limit)
    }

    /// A constraint that may only ever be what lets a call pass.
    fn only_passes(&mut self, name: &str, side: Side, span: &Span, help: &str) -> Option<()> {
        let message = match side {
            Side::Pass => return Some(()),
            Side::Catch => {
                format!("`{name}` has no meaning but in a permit, and under `not` in a forbid")
            }
        };
        self.problems.error(span.clone(), message, help);
        None
    }

    fn one_of(&mut self, literals: Vec<At<Literal>>, span: &Span) -> Option<Constraint> {
        let Some(first) = literals.first().map(|literal| literal.value.kind()) else {
            let help = "list the values that may pass, or use `absent = true`";
            self.problems.error(
                span.clone(),
                "`one_of` is empty: nothing satisfies it",
                help,
            );
            return None;
        };
        if let Some(odd) = literals
            .iter()
            .find(|literal| literal.value.kind() != first)
        {
            let message = format!(
                "expected all values of `one_of` to be {}, found {}",
                first.name(),
                odd.value.kind().name()
            );
            let help = "write one rule for each kind of value";
            self.problems.error(odd.span.clone(), message, help);
        }
        if let Some(named) = literals.iter().find(|one| self.names_a_set(&one.value)) {
            let help = "write `one_of = \"@NAME\"` for the values of a set, without a list";
            let message = "a list of `one_of` names no sets";
            self.problems.error(named.span.clone(), message, help);
        }
        self.one_of_texts("one_of", literals)
    }
}
