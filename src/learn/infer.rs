//! From the arguments of many calls to constraints that all of them satisfy.
//!
//! One walk over all calls at once: objects by member, lists by item, until
//! there are only scalars. A place that has values of several types splits the
//! calls, each part with a rule of its own; what no constraint can say (a null,
//! several types in one list) is left out and told.

use super::collect::Call;
use super::limit::Limits;
use super::programs::Tool;
use super::schema::Declared;
use super::value::{Value, ValueKind};
use super::walk::Walk;
use std::collections::{BTreeMap, BTreeSet};

/// What some calls of one tool have in common.
#[derive(Debug, Clone, Default)]
pub(super) struct Learned<'c> {
    pub(super) calls: Vec<&'c Call>,
    /// By JSON Pointer.
    pub(super) arguments: BTreeMap<String, Limits>,
    /// Paths that are read.
    pub(super) reads: BTreeSet<String>,
    /// Paths that are written.
    pub(super) writes: BTreeSet<String>,
    /// Places whose members nobody has declared.
    pub(super) open: Vec<String>,
    /// What was seen of each argument, by its pointer.
    pub(super) notes: Vec<(String, String)>,
}

/// A step from a value to those below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Every,
    Member(String),
}

/// Why some calls have nothing in common that can be said.
pub(super) enum Trouble {
    /// The values at this place are of several types.
    Types(Vec<Step>),
    /// A place that cannot be constrained, and why.
    Place(String, &'static str),
}

/// A value, or its absence, in one call.
#[derive(Clone)]
pub(super) struct Seen<'c> {
    pub(super) value: Option<&'c Value>,
    /// Its own pointer.
    pub(super) at: String,
    pub(super) call: &'c Call,
}

/// Calls that nothing is learned from, and why.
pub(super) type LeftOut<'c> = (&'c Call, String);

/// Learns from the calls of one agent to one tool.
pub(super) fn infer<'c>(
    calls: Vec<&'c Call>,
    declared: &Declared<'_>,
    patterns: bool,
    left_out: &mut Vec<LeftOut<'c>>,
) -> Vec<Learned<'c>> {
    let mut done = Vec::new();
    let mut waiting = vec![calls];
    while let Some(calls) = waiting.pop() {
        let seen: Vec<_> = calls
            .iter()
            .map(|call| Seen {
                value: Some(&call.arguments),
                at: String::new(),
                call,
            })
            .collect();
        let Some(first) = calls.first() else { continue };
        let tool = Tool {
            server: &first.server,
            name: &first.tool,
        };
        let mut walk = Walk::new(tool, patterns);
        match walk.value(&mut Vec::new(), &seen, Some(declared)) {
            Ok(()) => {
                walk.learned.calls = calls;
                done.push(walk.learned);
            }
            Err(Trouble::Types(at)) => split(&at, calls, &mut waiting, left_out),
            Err(Trouble::Place(at, why)) => {
                let place = crate::engine::mask::place(&at);
                left_out.extend(calls.into_iter().map(|c| (c, format!("{place} {why}"))));
            }
        }
    }
    done.reverse();
    done
}

/// Parts calls by the type of what stands at a place.
fn split<'c>(
    at: &[Step],
    calls: Vec<&'c Call>,
    waiting: &mut Vec<Vec<&'c Call>>,
    left_out: &mut Vec<LeftOut<'c>>,
) {
    let mut parts: BTreeMap<BTreeSet<ValueKind>, Vec<&Call>> = BTreeMap::new();
    for call in calls {
        let mut kinds = BTreeSet::new();
        kinds_at(&call.arguments, at, &mut kinds);
        parts.entry(kinds).or_default().push(call);
    }
    let place = crate::engine::mask::place(&spell(at));
    for (kinds, calls) in parts {
        let why = if kinds.contains(&ValueKind::Null) {
            "is null, and a policy has no word for that"
        } else if kinds.len() > 1 {
            "has values of several types"
        } else {
            waiting.push(calls);
            continue;
        };
        left_out.extend(calls.into_iter().map(|c| (c, format!("{place} {why}"))));
    }
}

fn kinds_at(value: &Value, at: &[Step], kinds: &mut BTreeSet<ValueKind>) {
    let Some((step, rest)) = at.split_first() else {
        kinds.insert(value.kind());
        return;
    };
    match (value, step) {
        (Value::Map(members), Step::Member(key)) => {
            if let Some(member) = members.get(key) {
                kinds_at(member, rest, kinds);
            }
        }
        (Value::List(items), Step::Every) => {
            for item in items {
                kinds_at(item, rest, kinds);
            }
        }
        _ => {}
    }
}

pub(super) fn spell(at: &[Step]) -> String {
    let steps = at.iter().map(|step| match step {
        Step::Every => "/*".to_owned(),
        Step::Member(key) => format!("/{}", escaped(key)),
    });
    steps.collect()
}

pub(super) fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
