//! One walk over the arguments of all calls at once.
//!
//! Objects by member, lists as wholes where their items are scalars and by item
//! otherwise, until there are only scalars. Every place gets its constraints
//! and a note of what was seen there.

use super::infer::{Learned, Seen, Step, Trouble, escaped, spell};
use super::limit::{Limit, Limits};
use super::programs::{self, Tool};
use super::schema::{Declared, Format};
use super::text::{self, About, Told, count};
use super::value::{Value, ValueKind};
use std::collections::BTreeSet;

/// Most values of one kind that are compared as wholes.
const WHOLES: usize = 8;
/// From so many members on, an object's keys are data and no names.
const MEMBERS: usize = 40;
/// Most numbers that are listed.
const NUMBERS: usize = 64;

pub(super) struct Walk<'c> {
    pub(super) learned: Learned<'c>,
    tool: Tool<'c>,
    patterns: bool,
}

impl<'c> Walk<'c> {
    /// Over the calls of a tool. `patterns`: hosts may be generalised.
    pub(super) fn new(tool: Tool<'c>, patterns: bool) -> Self {
        Self {
            learned: Learned::default(),
            tool,
            patterns,
        }
    }

    /// As deep as a message may be.
    pub(super) fn value(
        &mut self,
        at: &mut Vec<Step>,
        seen: &[Seen<'c>],
        declared: Option<&Declared<'_>>,
    ) -> Result<(), Trouble> {
        let values: Vec<&Value> = seen.iter().filter_map(|s| s.value).collect();
        let kinds: BTreeSet<ValueKind> = values.iter().map(|v| v.kind()).collect();
        let lists = BTreeSet::from([ValueKind::Empty, ValueKind::List]);
        if (kinds.len() > 1 && kinds != lists) || kinds.contains(&ValueKind::Null) {
            return Err(Trouble::Types(at.clone()));
        }
        match kinds.first() {
            None | Some(ValueKind::Null) => Ok(()),
            Some(ValueKind::Map) => self.map(at, seen, &values, declared),
            Some(ValueKind::Empty | ValueKind::List) => self.list(at, seen, &values, declared),
            Some(ValueKind::Bool | ValueKind::Number | ValueKind::Text) => {
                let told = self.scalar(at, seen, declared)?;
                self.put(at, seen, told)
            }
        }
    }

    fn put(&mut self, at: &[Step], seen: &[Seen<'c>], told: Told) -> Result<(), Trouble> {
        let optional = seen.iter().any(|s| s.value.is_none());
        let limits = Limits {
            limits: told.limits,
            optional,
        };
        if limits.to_toml().is_none() {
            let why = "has a value that a policy cannot write down";
            return Err(Trouble::Place(spell(at), why));
        }
        if !told.note.is_empty() {
            self.note(at, told.note);
        }
        self.learned.arguments.insert(spell(at), limits);
        Ok(())
    }

    fn note(&mut self, at: &[Step], note: String) {
        self.learned.notes.push((spell(at), note));
    }

    /// What scalars of one kind have in common.
    fn scalar(
        &mut self,
        at: &[Step],
        seen: &[Seen<'c>],
        declared: Option<&Declared<'_>>,
    ) -> Result<Told, Trouble> {
        let values: Vec<&Value> = seen.iter().filter_map(|s| s.value).collect();
        let format = declared.and_then(Declared::format);
        match values.first() {
            Some(Value::Number(_)) => Ok(number(&values, format)),
            Some(Value::Text(_)) => self.text(at, seen, declared),
            _ => Ok(Told {
                note: match values.iter().collect::<BTreeSet<_>>().first() {
                    Some(Value::Bool(true)) => "always true".to_owned(),
                    _ if values.contains(&&Value::Bool(true)) => "true and false".to_owned(),
                    _ => "always false".to_owned(),
                },
                limits: vec![Limit::one_of(values.into_iter().cloned())],
            }),
        }
    }

    /// Whole values, where they are few.
    fn wholes(&mut self, at: &[Step], seen: &[Seen<'c>], values: &[&Value]) -> Result<(), Trouble> {
        let distinct: BTreeSet<Value> = values.iter().map(|v| (*v).clone()).collect();
        if distinct.len() > WHOLES {
            let why = "has too many different members to list";
            return Err(Trouble::Place(spell(at), why));
        }
        let note = count(distinct.len(), "value");
        let limits = vec![Limit::OneOf(distinct)];
        self.put(at, seen, Told { limits, note })
    }

    fn map(
        &mut self,
        at: &mut Vec<Step>,
        seen: &[Seen<'c>],
        values: &[&Value],
        declared: Option<&Declared<'_>>,
    ) -> Result<(), Trouble> {
        let mut names: BTreeSet<&str> = BTreeSet::new();
        let mut most = 0;
        for value in values {
            if let Value::Map(members) = value {
                names.extend(members.keys().map(String::as_str));
                most = most.max(members.len());
            }
        }
        let is_open = declared.is_none_or(Declared::is_open);
        let is_data = names.len() > MEMBERS && !declared.is_some_and(Declared::names_members);
        if is_open && is_data && !at.is_empty() && !names.contains("*") {
            let distinct: BTreeSet<&&Value> = values.iter().collect();
            if distinct.len() > WHOLES {
                return self.data(at, seen, most);
            }
        }
        // `*` in a pointer is every member.
        if names.contains("*") || names.len() > MEMBERS {
            return self.wholes(at, seen, values);
        }
        let unseen = declared.map(|d| d.unseen(&names)).unwrap_or_default();
        if names.is_empty() && unseen.is_empty() && !at.is_empty() {
            return self.wholes(at, seen, values);
        }
        if is_open && !at.is_empty() {
            self.close(at, seen, names.len(), most)?;
        }
        for name in names {
            let below = members(seen, name);
            at.push(Step::Member(name.to_owned()));
            let member = declared.and_then(|d| d.member(name));
            let done = self.value(at, &below, member.as_ref());
            at.pop();
            done?;
        }
        for name in unseen {
            at.push(Step::Member(name));
            let limits = vec![Limit::Absent];
            let note = String::new();
            let done = self.put(at, &[], Told { limits, note });
            at.pop();
            done?;
        }
        Ok(())
    }

    /// An object whose keys are data: one constraint for all its values.
    fn data(&mut self, at: &mut Vec<Step>, seen: &[Seen<'c>], most: usize) -> Result<(), Trouble> {
        let too_many = Trouble::Place(spell(at), "has too many different members to list");
        let Some(each) = self.common(at, seen) else {
            return Err(too_many);
        };
        let note = format!("objects of up to {}: {}", count(most, "member"), each.note);
        let limits = vec![Limit::MaxItems(text::round(most)), Limit::Each(each.limits)];
        self.put(at, seen, Told { limits, note })
    }

    /// An object whose schema lets any member pass: no more of them than were
    /// seen, and none of another kind.
    fn close(
        &mut self,
        at: &mut Vec<Step>,
        seen: &[Seen<'c>],
        names: usize,
        most: usize,
    ) -> Result<(), Trouble> {
        let mut limits = vec![Limit::MaxItems(u64::try_from(most).unwrap_or(u64::MAX))];
        let maps = seen.iter().filter_map(|s| s.value);
        let full = |value: &Value| matches!(value, Value::Map(members) if members.len() == names);
        if !maps.clone().all(full) {
            match self.common(at, seen) {
                Some(each) => limits.push(Limit::Each(each.limits)),
                None => self.learned.open.push(spell(at)),
            }
        }
        let note = String::new();
        self.put(at, seen, Told { limits, note })
    }

    /// What all values of objects satisfy, if they are scalars of one kind.
    fn common(&mut self, at: &mut Vec<Step>, seen: &[Seen<'c>]) -> Option<Told> {
        let mut below = Vec::new();
        for one in seen {
            let Some(Value::Map(members)) = one.value else {
                continue;
            };
            below.extend(members.iter().map(|(name, value)| Seen {
                value: Some(value),
                at: format!("{}/{}", one.at, escaped(name)),
                call: one.call,
            }));
        }
        self.each(at, &below, None)?.ok()
    }

    /// What all of these satisfy; `None`: they are no scalars of one kind.
    fn each(
        &mut self,
        at: &mut Vec<Step>,
        below: &[Seen<'c>],
        declared: Option<&Declared<'_>>,
    ) -> Option<Result<Told, Trouble>> {
        let kinds: BTreeSet<_> = below
            .iter()
            .filter_map(|s| s.value.map(Value::kind))
            .collect();
        let is_scalar = |kind: &ValueKind| {
            matches!(kind, ValueKind::Bool | ValueKind::Number | ValueKind::Text)
        };
        if kinds.len() != 1 || !kinds.iter().all(is_scalar) {
            return None;
        }
        at.push(Step::Every);
        let told = self.scalar(at, below, declared);
        at.pop();
        Some(told)
    }

    fn list(
        &mut self,
        at: &mut Vec<Step>,
        seen: &[Seen<'c>],
        values: &[&Value],
        declared: Option<&Declared<'_>>,
    ) -> Result<(), Trouble> {
        let lengths = || values.iter().map(|value| value.items());
        let most = lengths().max().unwrap_or(0);
        if most == 0 {
            return self.wholes(at, seen, values);
        }
        let mut limits = Vec::new();
        if lengths().all(|length| length > 0) {
            limits.push(Limit::MinItems(1));
        }
        let bound = declared.and_then(|d| d.bound("maxItems"));
        let bound = bound.unwrap_or(u64::MAX).min(few(most));
        limits.push(Limit::MaxItems(bound));
        let size = match most {
            1 => "one item".to_owned(),
            most => format!("up to {most} items"),
        };
        let vectors: Vec<String> = values.iter().map(|value| value.to_json()).collect();
        if let Some(told) = programs::vectors(name_of(at), &vectors) {
            limits.extend(told.limits);
            let note = told.note;
            return self.put(at, seen, Told { limits, note });
        }
        let items = items(seen);
        let there: Vec<_> = items
            .iter()
            .filter(|s| s.value.is_some())
            .cloned()
            .collect();
        let below = declared.and_then(Declared::items);
        if let Some(told) = self.each(at, &there, below.as_ref()) {
            let told = told?;
            limits.push(Limit::Each(told.limits));
            let note = format!("{size}, {}", told.note);
            return self.put(at, seen, Told { limits, note });
        }
        // A list that is there, though empty at times, is not an optional one.
        let optional = seen.iter().any(|s| s.value.is_none());
        if lengths().any(|length| length == 0) && !optional && !at.contains(&Step::Every) {
            return Err(Trouble::Types(at.clone()));
        }
        let note = size;
        self.put(at, seen, Told { limits, note })?;
        at.push(Step::Every);
        let done = self.value(at, &items, below.as_ref());
        at.pop();
        done
    }

    fn text(
        &mut self,
        at: &[Step],
        seen: &[Seen<'c>],
        declared: Option<&Declared<'_>>,
    ) -> Result<Told, Trouble> {
        let there: Vec<_> = seen
            .iter()
            .filter_map(|s| match s.value {
                Some(Value::Text(text)) => Some((s, text.as_str())),
                _ => None,
            })
            .collect();
        let reached: Option<Vec<_>> = there.iter().map(|(s, _)| s.call.paths.get(&s.at)).collect();
        let texts: Vec<&str> = there.iter().map(|(_, text)| *text).collect();
        if let Some(reached) = reached {
            let writes = reached.iter().any(|r| r.writes);
            let places = reached.iter().flat_map(|r| r.places.iter().cloned());
            if writes {
                self.learned.writes.extend(places);
            } else {
                self.learned.reads.extend(places);
            }
            let distinct: BTreeSet<&str> = texts.into_iter().collect();
            return Ok(Told {
                limits: vec![Limit::Path(writes)],
                note: count(distinct.len(), "path"),
            });
        }
        let about = About {
            name: name_of(at),
            tool: self.tool,
            format: declared.and_then(Declared::format),
            max_len: declared.and_then(|d| d.bound("maxLength")),
            patterns: self.patterns,
        };
        text::limits(about, &texts).map_err(|why| Trouble::Place(spell(at), why))
    }
}

/// The nearest name above a place.
fn name_of(at: &[Step]) -> &str {
    let name = at.iter().rev().find_map(|step| match step {
        Step::Member(name) => Some(name.as_str()),
        Step::Every => None,
    });
    name.unwrap_or_default()
}

/// A member of every object.
fn members<'c>(seen: &[Seen<'c>], name: &str) -> Vec<Seen<'c>> {
    let below = seen.iter().map(|s| Seen {
        value: match s.value {
            Some(Value::Map(members)) => members.get(name),
            _ => None,
        },
        at: format!("{}/{}", s.at, escaped(name)),
        call: s.call,
    });
    below.collect()
}

/// All items of all lists; one that is missing for a list without any.
fn items<'c>(seen: &[Seen<'c>]) -> Vec<Seen<'c>> {
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
    below
}

/// A bound of items: 5, or rounded up to 1, 2 or 5 times a power of ten.
fn few(most: usize) -> u64 {
    if most <= 5 {
        5
    } else {
        text::round_from(most, 10)
    }
}

/// One number, or the range that they span.
fn number(values: &[&Value], format: Option<Format>) -> Told {
    let distinct: BTreeSet<&Value> = values.iter().copied().collect();
    let listed = format == Some(Format::Enum) && distinct.len() <= NUMBERS;
    if distinct.len() == 1 || listed {
        return Told {
            note: match (distinct.len(), values.len()) {
                (1, 1) => "one number".to_owned(),
                (1, _) => "always the same number".to_owned(),
                (some, _) => count(some, "declared number"),
            },
            limits: vec![Limit::one_of(distinct.into_iter().cloned())],
        };
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
    Told {
        note: count(spelled.len(), "different number"),
        limits: vec![
            Limit::Min(bound(spelled.first())),
            Limit::Max(bound(spelled.last())),
        ],
    }
}
