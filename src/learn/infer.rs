//! From the arguments of many calls to constraints that all of them satisfy.
//!
//! One walk over all calls at once: objects by member, lists by item, until
//! there are only scalars. A place that has values of several types splits the
//! calls, each part with a rule of its own; what no constraint can say (a null,
//! several types in one list) is left out and told.

use super::collect::Call;
use super::schema::Declared;
use super::text;
use super::value::{Value, ValueKind};
use std::collections::{BTreeMap, BTreeSet};

/// Most values of one kind that are compared as wholes.
const WHOLES: usize = 8;
/// From so many members on, an object's keys are data and no names.
const MEMBERS: usize = 40;

/// What a value has to be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Limit {
    OneOf(BTreeSet<Value>),
    Matches(String),
    /// `true`: it is written to.
    Path(bool),
    Min(String),
    Max(String),
    MaxLen(u64),
    Absent,
}

impl Limit {
    pub(super) fn one_of(values: impl IntoIterator<Item = Value>) -> Self {
        Self::OneOf(values.into_iter().collect())
    }

    /// Its key and value in a policy; `None` where TOML cannot say it.
    fn to_toml(&self) -> Option<(&'static str, toml_edit::Value)> {
        let integer = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        Some(match self {
            Self::OneOf(values) => match values.first() {
                Some(only) if values.len() == 1 => ("equals", only.to_toml()?),
                _ => {
                    let values: Option<toml_edit::Array> =
                        values.iter().map(Value::to_toml).collect();
                    ("one_of", values?.into())
                }
            },
            Self::Matches(pattern) => ("matches", pattern.as_str().into()),
            Self::Path(writes) => ("path", if *writes { "write" } else { "read" }.into()),
            Self::Min(bound) => ("min", Value::Number(bound.clone()).to_toml()?),
            Self::Max(bound) => ("max", Value::Number(bound.clone()).to_toml()?),
            Self::MaxLen(bound) => ("max_len", integer(*bound).into()),
            Self::Absent => ("absent", true.into()),
        })
    }

    /// As a policy has it.
    #[cfg(test)]
    pub(super) fn told(&self) -> String {
        let (key, value) = self.to_toml().unwrap();
        crate::layout::format(&format!("{key} = {value}"))
            .unwrap()
            .trim()
            .to_owned()
    }
}

/// The constraints of one pointer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Limits {
    pub(super) limits: Vec<Limit>,
    pub(super) optional: bool,
}

impl Limits {
    /// As a policy writes them.
    pub(super) fn to_toml(&self) -> Option<toml_edit::InlineTable> {
        let mut table = toml_edit::InlineTable::new();
        for limit in &self.limits {
            let (key, value) = limit.to_toml()?;
            table.insert(key, value);
        }
        if self.optional {
            table.insert("optional", true.into());
        }
        Some(table)
    }
}

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
}

/// A step from a value to those below it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Every,
    Member(String),
}

/// Why some calls have nothing in common that can be said.
enum Trouble {
    /// The values at this place are of several types.
    Types(Vec<Step>),
    /// A place that cannot be constrained, and why.
    Place(String, &'static str),
}

/// A value, or its absence, in one call.
#[derive(Clone)]
struct Seen<'c> {
    value: Option<&'c Value>,
    /// Its own pointer.
    at: String,
    call: &'c Call,
}

/// Calls that nothing is learned from, and why.
pub(super) type LeftOut<'c> = (&'c Call, String);

/// Learns from the calls of one agent to one tool.
pub(super) fn infer<'c>(
    calls: Vec<&'c Call>,
    declared: &Declared<'_>,
    left_out: &mut Vec<LeftOut<'c>>,
) -> Vec<Learned<'c>> {
    let mut done = Vec::new();
    let mut waiting = vec![calls];
    while let Some(calls) = waiting.pop() {
        if calls.is_empty() {
            continue;
        }
        let seen: Vec<_> = calls
            .iter()
            .map(|call| Seen {
                value: Some(&call.arguments),
                at: String::new(),
                call,
            })
            .collect();
        let mut walk = Walk::default();
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

fn spell(at: &[Step]) -> String {
    let steps = at.iter().map(|step| match step {
        Step::Every => "/*".to_owned(),
        Step::Member(key) => format!("/{}", escaped(key)),
    });
    steps.collect()
}

fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[derive(Default)]
struct Walk<'c> {
    learned: Learned<'c>,
}

impl<'c> Walk<'c> {
    /// As deep as a message may be.
    fn value(
        &mut self,
        at: &mut Vec<Step>,
        seen: &[Seen<'c>],
        declared: Option<&Declared<'_>>,
    ) -> Result<(), Trouble> {
        let values: Vec<&Value> = seen.iter().filter_map(|s| s.value).collect();
        let kinds: BTreeSet<ValueKind> = values.iter().map(|v| v.kind()).collect();
        let optional = seen.iter().any(|s| s.value.is_none());
        // A list that is there, though empty at times, is not an optional one.
        let lists = BTreeSet::from([ValueKind::Empty, ValueKind::List]);
        let alike = kinds == lists && (optional || at.contains(&Step::Every));
        if (kinds.len() > 1 && !alike) || kinds.contains(&ValueKind::Null) {
            return Err(Trouble::Types(at.clone()));
        }
        match kinds.first() {
            None | Some(ValueKind::Null) => Ok(()),
            Some(ValueKind::Map) => self.map(at, seen, &values, declared),
            Some(ValueKind::Empty | ValueKind::List) => self.list(at, seen, &values, declared),
            Some(ValueKind::Bool) => {
                let limit = Limit::one_of(values.into_iter().cloned());
                self.put(at, vec![limit], optional)
            }
            Some(ValueKind::Number) => {
                let limits = number(&values);
                self.put(at, limits, optional)
            }
            Some(ValueKind::Text) => self.text(at, seen, optional),
        }
    }

    fn put(&mut self, at: &[Step], limits: Vec<Limit>, optional: bool) -> Result<(), Trouble> {
        let limits = Limits { limits, optional };
        if limits.to_toml().is_none() {
            let why = "has a value that a policy cannot write down";
            return Err(Trouble::Place(spell(at), why));
        }
        self.learned.arguments.insert(spell(at), limits);
        Ok(())
    }

    /// Whole values, where they are few.
    fn wholes(&mut self, at: &[Step], values: &[&Value], optional: bool) -> Result<(), Trouble> {
        let distinct: BTreeSet<Value> = values.iter().map(|v| (*v).clone()).collect();
        if distinct.len() > WHOLES {
            let why = "has too many different members to list";
            return Err(Trouble::Place(spell(at), why));
        }
        self.put(at, vec![Limit::OneOf(distinct)], optional)
    }

    fn map(
        &mut self,
        at: &mut Vec<Step>,
        seen: &[Seen<'c>],
        values: &[&Value],
        declared: Option<&Declared<'_>>,
    ) -> Result<(), Trouble> {
        let optional = seen.iter().any(|s| s.value.is_none());
        let mut names: BTreeSet<&str> = BTreeSet::new();
        for value in values {
            if let Value::Map(members) = value {
                names.extend(members.keys().map(String::as_str));
            }
        }
        // `*` in a pointer is every member.
        if names.contains("*") || names.len() > MEMBERS {
            return self.wholes(at, values, optional);
        }
        let unseen = declared.map(|d| d.unseen(&names)).unwrap_or_default();
        if names.is_empty() && unseen.is_empty() && !at.is_empty() {
            return self.wholes(at, values, optional);
        }
        if declared.is_none_or(Declared::is_open) {
            self.learned.open.push(spell(at));
        }
        for name in names {
            let below: Vec<_> = seen
                .iter()
                .map(|s| Seen {
                    value: match s.value {
                        Some(Value::Map(members)) => members.get(name),
                        _ => None,
                    },
                    at: format!("{}/{}", s.at, escaped(name)),
                    call: s.call,
                })
                .collect();
            at.push(Step::Member(name.to_owned()));
            let member = declared.and_then(|d| d.member(name));
            let done = self.value(at, &below, member.as_ref());
            at.pop();
            done?;
        }
        for name in unseen {
            at.push(Step::Member(name));
            let done = self.put(at, vec![Limit::Absent], false);
            at.pop();
            done?;
        }
        Ok(())
    }

    fn list(
        &mut self,
        at: &mut Vec<Step>,
        seen: &[Seen<'c>],
        values: &[&Value],
        declared: Option<&Declared<'_>>,
    ) -> Result<(), Trouble> {
        let optional = seen.iter().any(|s| s.value.is_none());
        let empty = |value: &&Value| matches!(value, Value::List(items) if items.is_empty());
        if values.iter().all(empty) {
            return self.wholes(at, values, optional);
        }
        let mut below = Vec::new();
        for one in seen {
            match one.value {
                Some(Value::List(items)) if !items.is_empty() => {
                    below.extend(items.iter().enumerate().map(|(n, item)| Seen {
                        value: Some(item),
                        at: format!("{}/{n}", one.at),
                        call: one.call,
                    }));
                }
                _ => below.push(Seen {
                    value: None,
                    at: one.at.clone(),
                    call: one.call,
                }),
            }
        }
        at.push(Step::Every);
        let items = declared.and_then(Declared::items);
        let done = self.value(at, &below, items.as_ref());
        at.pop();
        done
    }

    fn text(&mut self, at: &[Step], seen: &[Seen<'c>], optional: bool) -> Result<(), Trouble> {
        let there: Vec<_> = seen
            .iter()
            .filter_map(|s| match s.value {
                Some(Value::Text(text)) => Some((s, text.as_str())),
                _ => None,
            })
            .collect();
        let reached: Option<Vec<_>> = there.iter().map(|(s, _)| s.call.paths.get(&s.at)).collect();
        if let Some(reached) = reached {
            let writes = reached.iter().any(|r| r.writes);
            let places = reached.iter().flat_map(|r| r.places.iter().cloned());
            if writes {
                self.learned.writes.extend(places);
            } else {
                self.learned.reads.extend(places);
            }
            return self.put(at, vec![Limit::Path(writes)], optional);
        }
        let name = at.iter().rev().find_map(|step| match step {
            Step::Member(name) => Some(name.as_str()),
            Step::Every => None,
        });
        let texts: Vec<&str> = there.iter().map(|(_, text)| *text).collect();
        let Some(limits) = text::limits(name.unwrap_or_default(), &texts) else {
            let why = "names too many places to list them, or places of several kinds";
            return Err(Trouble::Place(spell(at), why));
        };
        self.put(at, limits, optional)
    }
}

/// One number, or the range that they span.
fn number(values: &[&Value]) -> Vec<Limit> {
    let distinct: BTreeSet<&Value> = values.iter().copied().collect();
    if distinct.len() == 1 {
        return vec![Limit::one_of(distinct.into_iter().cloned())];
    }
    let mut spelled: Vec<&str> = distinct
        .iter()
        .filter_map(|value| match value {
            Value::Number(raw) => Some(raw.as_str()),
            _ => None,
        })
        .collect();
    spelled.sort_by(|a, b| {
        if let (Ok(a), Ok(b)) = (a.parse::<i64>(), b.parse::<i64>()) {
            return a.cmp(&b);
        }
        let real = |text: &str| text.parse::<f64>().unwrap_or(f64::NAN);
        real(a).total_cmp(&real(b))
    });
    let bound = |raw: Option<&&str>| raw.map_or_else(String::new, |raw| (*raw).to_owned());
    vec![
        Limit::Min(bound(spelled.first())),
        Limit::Max(bound(spelled.last())),
    ]
}
