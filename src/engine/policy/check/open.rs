//! What a permit leaves open: arguments of tools that change things.
//!
//! The guards hold all the same. But what an agent may write, fetch or run
//! anywhere is more than most authors mean when they name a tool.

use super::places::{Place, places};
use super::{Tool, listed};
use crate::engine::guard::paths::{Purpose, changes, purpose};
use crate::engine::policy::Code;
use crate::engine::policy::constraint::Constraint;
use crate::engine::policy::diagnostic::Problems;
use crate::engine::policy::pointer::{Pointer, Segment};
use crate::engine::policy::rule::{Argument, Demand, Effect, Rule};
use std::collections::{BTreeMap, BTreeSet};

/// What a rule leaves open of one purpose: tools by place.
type Open<'a> = BTreeMap<String, BTreeSet<&'a str>>;

/// Tells what a permit leaves open of the tools that it covers.
pub(super) fn check(rule: &Rule, tools: &[&Tool<'_>], problems: &mut Problems) {
    if rule.effect != Effect::Permit {
        return;
    }
    let mut open: BTreeMap<Purpose, Open<'_>> = BTreeMap::new();
    for tool in tools {
        let Some(schema) = tool.schema() else {
            continue;
        };
        if !changes(tool.name, tool.definition.root()) {
            continue;
        }
        for place in places(schema).iter().filter(|place| place.is_free_text()) {
            let purpose = purpose(tool.name, &place.key, place.schema);
            if let Some(purpose) = purpose
                && !is_narrowed(rule, place, purpose)
            {
                let at = open.entry(purpose).or_default();
                at.entry(place.pointer.clone())
                    .or_default()
                    .insert(tool.name);
            }
        }
    }
    for (purpose, places) in open {
        tell(rule, purpose, &places, problems);
    }
}

fn tell(rule: &Rule, purpose: Purpose, places: &Open<'_>, problems: &mut Problems) {
    let (code, what, constraint) = match purpose {
        Purpose::Path => (Code::OPEN_PATH, "any path", "path = \"write\""),
        Purpose::Url => (
            Code::OPEN_URL,
            "any URL",
            "matches = 'https://api[.]example[.]com/[a-z/]*'",
        ),
        Purpose::Command => (
            Code::OPEN_COMMAND,
            "any command",
            "one_of = [\"make test\"]",
        ),
        Purpose::Text => (Code::OPEN_TEXT, "any text of any length", "max_len = 20000"),
    };
    let told: Vec<_> = places
        .iter()
        .map(|(place, tools)| {
            let tools: Vec<_> = tools.iter().copied().collect();
            format!("`{place}` of {}", listed(&tools))
        })
        .collect();
    let first = places.keys().next().map_or("", String::as_str);
    let message = format!("this permits {what} in {}", told.join(", and in "));
    let help = format!("say in `args` what it may be: `\"{first}\" = {{ {constraint} }}`");
    problems.tell(code, super::beside::place(rule), message, help);
}

/// Whether a rule says what may stand at a place.
fn is_narrowed(rule: &Rule, place: &Place<'_>, purpose: Purpose) -> bool {
    let Ok(pointer) = Pointer::parse(&place.pointer) else {
        return true;
    };
    let about = |argument: &&Argument| leads_to(argument.pointer.segments(), pointer.segments());
    rule.arguments
        .iter()
        .filter(about)
        .any(|argument| match &argument.demand {
            Demand::Absent => true,
            Demand::Present { constraints, .. } => constraints.iter().any(|(constraint, _)| {
                let is_length = matches!(constraint, Constraint::MinLen(_) | Constraint::MaxLen(_));
                purpose == Purpose::Text || !is_length
            }),
        })
}

/// Whether what a rule says of `of` holds at `place`: there, or above it.
fn leads_to(of: &[Segment], place: &[Segment]) -> bool {
    of.len() <= place.len()
        && of
            .iter()
            .zip(place)
            .all(|(one, other)| *one == Segment::Every || one == other)
}
