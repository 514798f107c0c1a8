//! Constraints beside what the pinned schemas say of values: what can never
//! hold, what lists values that never come, and what narrows nothing.

use super::places::{alternatives, may_be};
use super::{Tool, grave, listed};
use crate::engine::message::{Json, Kind};
use crate::engine::policy::constraint::{Constraint, Kinds};
use crate::engine::policy::diagnostic::{Problems, Severity, Span};
use crate::engine::policy::literal::Literal;
use crate::engine::policy::number::Decimal;
use crate::engine::policy::pointer::Segment;
use crate::engine::policy::rule::{Argument, Demand, Rule};
use crate::engine::policy::{Code, shown, suggest};
use regex::RegexBuilder;
use std::cmp::Ordering;

/// Largest compiled pattern of a schema, in bytes.
const PATTERN_BYTES: usize = 1 << 18;

/// What is wrong with the values that an argument of a rule asks for.
pub(super) fn check(
    rule: &Rule,
    argument: &Argument,
    tools: &[&Tool<'_>],
    problems: &mut Problems,
) {
    match &argument.demand {
        Demand::Absent => required(rule, argument, tools, problems),
        Demand::Present { constraints, .. } => {
            for (constraint, span) in constraints {
                one(rule, argument, (constraint, span), tools, problems);
            }
        }
    }
}

/// Absent, and the schema requires it: such a call never comes.
fn required(rule: &Rule, argument: &Argument, tools: &[&Tool<'_>], problems: &mut Problems) {
    let [Segment::Key(key)] = argument.pointer.segments() else {
        return;
    };
    let needs = |tool: &&&Tool<'_>| {
        let required = tool.schema().and_then(|schema| schema.get("required"));
        let mut names = required.into_iter().flat_map(Json::items);
        names.any(|name| name.as_str().is_some_and(|name| name == key.as_str()))
    };
    let needing: Vec<_> = tools.iter().filter(needs).map(|tool| tool.name).collect();
    if needing.is_empty() {
        return;
    }
    let quoted = shown::quoted(argument.pointer.as_str());
    let message = format!(
        "{quoted} has to be absent, but {} requires it",
        listed(&needing)
    );
    let help = "remove the argument, or say what it has to be";
    let severity = grave(rule, &needing, tools.len());
    problems
        .of(Code::REQUIRED_ABSENT)
        .add(severity, argument.span.clone(), message, help);
}

fn one(
    rule: &Rule,
    argument: &Argument,
    (constraint, span): (&Constraint, &Span),
    tools: &[&Tool<'_>],
    problems: &mut Problems,
) {
    let (mut never, mut idle, mut asked) = (Vec::new(), Vec::new(), 0_usize);
    let (mut takes, mut odd): (Vec<String>, Option<(&Literal, &str)>) = (Vec::new(), None);
    for tool in tools {
        let schema = tool.schema();
        let all = schema.and_then(|schema| alternatives(schema, argument.pointer.segments()));
        let Some(all) = all else {
            continue;
        };
        asked = asked.saturating_add(1);
        let of_kind: Vec<_> = all
            .iter()
            .copied()
            .filter(|s| may_be(*s, constraint.kinds()))
            .collect();
        // Of another type: told elsewhere.
        if of_kind.is_empty() {
            continue;
        }
        if of_kind
            .iter()
            .all(|schema| never_holds(constraint, *schema))
        {
            never.push(tool.name);
            takes.extend(of_kind.iter().flat_map(|schema| listed_in(*schema)));
        } else if all.iter().all(|schema| always_holds(constraint, *schema)) {
            idle.push(tool.name);
        } else if let Constraint::OneOf(literals) = constraint {
            let refused = |l: &&Literal| of_kind.iter().all(|schema| refuses(*schema, l));
            if let Some(literal) = literals.iter().find(refused) {
                odd.get_or_insert((literal, tool.name));
                takes.extend(of_kind.iter().flat_map(|schema| listed_in(*schema)));
            }
        }
    }
    takes.dedup();
    let place = shown::quoted(argument.pointer.as_str());
    if !never.is_empty() {
        let message = format!(
            "no {place} of {} satisfies `{}`",
            listed(&never),
            constraint.name()
        );
        let help = taken(constraint, &takes);
        let severity = grave(rule, &never, tools.len());
        problems
            .of(Code::NEVER_VALID)
            .add(severity, span.clone(), message, help);
    } else if let Some((literal, tool)) = odd {
        let message = format!(
            "{literal} is no value that {place} of {} takes",
            shown::quoted(tool)
        );
        let help = taken(&Constraint::Equals(literal.clone()), &takes);
        problems
            .of(Code::NEVER_VALID)
            .add(Severity::Warning, span.clone(), message, help);
    } else if asked > 0 && idle.len() == tools.len() {
        let message = format!(
            "`{}` narrows nothing: the schema of {} asks as much of {place}",
            constraint.name(),
            listed(&idle)
        );
        let help = "narrow it further, or remove it; a constraint that the schema repeats holds \
                    when the schema is changed";
        problems.tell(Code::VACUOUS, span.clone(), message, help);
    }
}

/// What a schema takes, for whoever asked for something else.
fn taken(asked: &Constraint, takes: &[String]) -> String {
    let names: Vec<&str> = takes.iter().map(String::as_str).collect();
    let wanted = match asked {
        Constraint::Equals(Literal::String(text)) => Some(text),
        Constraint::OneOf(all) => all.iter().find_map(|one| match one {
            Literal::String(text) => Some(text),
            _ => None,
        }),
        _ => None,
    };
    let near = wanted.and_then(|text| suggest::nearest(text, names.iter().copied()));
    match near {
        Some(near) => format!("did you mean {}?", shown::quoted(near)),
        None if names.is_empty() => "look at the bounds in the pinned schema".to_owned(),
        None => format!("the schema takes {}", listed(&names)),
    }
}

/// The texts that a schema lists.
fn listed_in(schema: Json<'_>) -> Vec<String> {
    let texts = listed_values(schema)
        .into_iter()
        .filter_map(|literal| match literal {
            Literal::String(text) => Some(text),
            Literal::Number(_, spelled) => Some(spelled),
            _ => None,
        });
    texts.collect()
}

/// `enum` or `const` of a schema; what is no scalar makes it unknown.
fn listed_values(schema: Json<'_>) -> Vec<Literal> {
    let values = schema.get("enum").into_iter().flat_map(Json::items);
    let all: Option<Vec<_>> = values.chain(schema.get("const")).map(literal).collect();
    all.unwrap_or_default()
}

fn literal(value: Json<'_>) -> Option<Literal> {
    Some(match value.kind() {
        Kind::Bool => Literal::Bool(value.as_bool()?),
        Kind::Number => Literal::Number(
            Decimal::parse(value.as_number()?)?,
            value.as_number()?.to_owned(),
        ),
        Kind::String => Literal::String(value.as_str()?.into_owned()),
        Kind::Null | Kind::Array | Kind::Object => return None,
    })
}

/// Whether no value that fits the schema satisfies the constraint.
fn never_holds(constraint: &Constraint, schema: Json<'_>) -> bool {
    match constraint {
        Constraint::Equals(literal) => return refuses(schema, literal),
        Constraint::OneOf(literals) => return literals.iter().all(|l| refuses(schema, l)),
        _ => {}
    }
    let listed = listed_values(schema);
    if !listed.is_empty() {
        return listed.iter().all(|l| constraint.takes(l) == Some(false));
    }
    match constraint {
        Constraint::Min(limit, _) => above_all(schema, limit),
        Constraint::Max(limit, _) => below_all(schema, limit),
        Constraint::MinLen(limit) => count(schema, "maxLength").is_some_and(|most| most < *limit),
        Constraint::MaxLen(limit) => count(schema, "minLength").is_some_and(|least| least > *limit),
        _ => false,
    }
}

/// Whether every value that fits the schema satisfies the constraint.
fn always_holds(constraint: &Constraint, schema: Json<'_>) -> bool {
    if !may_be(schema, constraint.kinds()) {
        return false;
    }
    let listed = listed_values(schema);
    if !listed.is_empty() {
        return listed.iter().all(|l| constraint.takes(l) == Some(true));
    }
    match constraint {
        Constraint::Min(limit, _) => {
            number(schema, "minimum").is_some_and(|least| least >= *limit)
                || number(schema, "exclusiveMinimum").is_some_and(|least| least >= *limit)
        }
        Constraint::Max(limit, _) => {
            number(schema, "maximum").is_some_and(|most| most <= *limit)
                || number(schema, "exclusiveMaximum").is_some_and(|most| most <= *limit)
        }
        Constraint::MinLen(limit) => {
            count(schema, "minLength").is_some_and(|least| least >= *limit)
        }
        Constraint::MaxLen(limit) => count(schema, "maxLength").is_some_and(|most| most <= *limit),
        _ => false,
    }
}

/// Whether the schema surely refuses a value.
fn refuses(schema: Json<'_>, value: &Literal) -> bool {
    if !may_be(schema, Kinds::of(&[value.kind()])) {
        return true;
    }
    let listed = listed_values(schema);
    if !listed.is_empty() {
        return !listed.iter().any(|one| one.is(value));
    }
    match value {
        Literal::Number(value, _) => above_all(schema, value) || below_all(schema, value),
        Literal::String(text) => {
            let length = u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
            count(schema, "maxLength").is_some_and(|most| length > most)
                || count(schema, "minLength").is_some_and(|least| length < least)
                || misses_pattern(schema, text)
        }
        Literal::Bool(_) | Literal::Array(_) | Literal::Object(_) => false,
    }
}

/// A schema's pattern may fit anywhere. One that does not compile here is of
/// another dialect, and says nothing.
fn misses_pattern(schema: Json<'_>, text: &str) -> bool {
    let source = schema.get("pattern").and_then(Json::as_str);
    let regex = source.and_then(|source| {
        let mut builder = RegexBuilder::new(&source);
        builder
            .size_limit(PATTERN_BYTES)
            .nest_limit(50)
            .build()
            .ok()
    });
    regex.is_some_and(|regex| !regex.is_match(text))
}

fn above_all(schema: Json<'_>, value: &Decimal) -> bool {
    let above = |key: &str| number(schema, key).map(|limit| value.cmp(&limit));
    above("maximum") == Some(Ordering::Greater)
        || above("exclusiveMaximum").is_some_and(|order| order != Ordering::Less)
}

fn below_all(schema: Json<'_>, value: &Decimal) -> bool {
    let below = |key: &str| number(schema, key).map(|limit| value.cmp(&limit));
    below("minimum") == Some(Ordering::Less)
        || below("exclusiveMinimum").is_some_and(|order| order != Ordering::Greater)
}

fn number(schema: Json<'_>, key: &str) -> Option<Decimal> {
    Decimal::parse(schema.get(key)?.as_number()?)
}

fn count(schema: Json<'_>, key: &str) -> Option<u64> {
    schema.get(key)?.as_number()?.parse().ok()
}
