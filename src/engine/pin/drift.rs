//! A server's complete list beside its pins: what is new, changed, gone.
//!
//! Takes the definitions of all pages at once: a list seen page by page hides
//! a name that stands twice and a name that is missing. Says where a new name
//! resembles a known one, which is how a removed or approved tool is
//! impersonated (shadowing).

use super::digest::changed_fields;
use super::{ServerPins, field_digests, tool_name, whole_digest};
use crate::engine::guard::definition::inspect;
use crate::engine::message::{Json, fold_case};
use crate::engine::pin::Review;
use crate::engine::types::{Digest, Finding};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// How one name stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// As pinned.
    Unchanged(Review),
    /// No pin of that name.
    New {
        /// What the inspection says.
        findings: Vec<Finding>,
        /// Known tools that it resembles.
        resembles: Vec<Resemblance>,
    },
    /// Differs from its pin.
    Changed {
        /// In these top-level members, sorted.
        fields: Vec<String>,
        /// What the inspection says of the new definition.
        findings: Vec<Finding>,
    },
    /// Pinned, and not in the list.
    Removed,
    /// More than once in the list, this many times: nobody can tell which
    /// definition a call would mean.
    Duplicate(usize),
    /// Cannot be pinned; why.
    Unusable(String),
}

/// In what a new tool resembles a known one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Likeness {
    /// The names look alike (Unicode TR 39 skeleton, case aside).
    Name,
    /// The same description.
    Description,
    /// The same input schema.
    Schema,
}

/// A known tool that a new one resembles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resemblance {
    /// The known tool.
    pub name: String,
    /// Whether it is gone (removed now or earlier).
    pub removed: bool,
    /// In what.
    pub likeness: Likeness,
}

/// One name of the list or of the pins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name; for what has none, its place in the list (`#3`).
    pub name: String,
    /// How it stands.
    pub change: Change,
    /// Where in the observed list; the first place of a duplicate, nothing
    /// for a removed one.
    pub index: Option<usize>,
}

/// Every name of the list and of the pins, sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// One for each name.
    pub entries: Vec<Entry>,
}

impl Drift {
    /// Whether everything is as pinned.
    pub fn is_empty(&self) -> bool {
        self.entries
            .iter()
            .all(|entry| matches!(entry.change, Change::Unchanged(_)))
    }
}

/// Compares the definitions of all pages with the pins of their server.
pub fn compare(pins: &ServerPins, observed: &[Json<'_>]) -> Drift {
    let mut named: BTreeMap<Cow<'_, str>, Vec<(usize, Json<'_>)>> = BTreeMap::new();
    let mut entries = Vec::new();
    for (index, definition) in observed.iter().enumerate() {
        match tool_name(*definition) {
            Ok(name) => named.entry(name).or_default().push((index, *definition)),
            Err(reason) => entries.push(Entry {
                name: format!("#{}", index.saturating_add(1)),
                change: Change::Unusable(reason),
                index: Some(index),
            }),
        }
    }
    let gone = |name: &str| !named.contains_key(name);
    let known = Known::new(pins, gone);
    for (name, places) in &named {
        let change = match places.as_slice() {
            [(_, definition)] => change(pins, &known, name, *definition),
            several => Change::Duplicate(several.len()),
        };
        entries.push(Entry {
            name: name.to_string(),
            change,
            index: places.first().map(|(index, _)| *index),
        });
    }
    let removed = pins.tools.keys().filter(|name| gone(name));
    entries.extend(removed.map(|name| Entry {
        name: name.clone(),
        change: Change::Removed,
        index: None,
    }));
    entries.sort_by(|a, b| (&a.name, a.index).cmp(&(&b.name, b.index)));
    Drift { entries }
}

fn change(pins: &ServerPins, known: &Known<'_>, name: &str, definition: Json<'_>) -> Change {
    match pins.tools.get(name) {
        None => Change::New {
            findings: inspect(definition),
            resembles: known.resembled(name, definition),
        },
        Some(pin) if whole_digest(definition) == Some(pin.digest.whole) => {
            Change::Unchanged(pin.review)
        }
        Some(pin) => Change::Changed {
            fields: changed_fields(&pin.digest.fields, &field_digests(definition)),
            findings: inspect(definition),
        },
    }
}

/// The known tools by what a newcomer may share with them.
struct Known<'a> {
    skeletons: BTreeMap<String, Vec<(&'a str, bool)>>,
    descriptions: BTreeMap<Digest, Vec<&'a str>>,
    schemas: BTreeMap<Digest, Vec<&'a str>>,
}

impl<'a> Known<'a> {
    fn new(pins: &'a ServerPins, gone: impl Fn(&str) -> bool) -> Self {
        let mut known = Self {
            skeletons: BTreeMap::new(),
            descriptions: BTreeMap::new(),
            schemas: BTreeMap::new(),
        };
        for (name, pin) in &pins.tools {
            let removed = gone(name);
            known.add_name(name, removed);
            if removed {
                let field = |field: &str| pin.digest.fields.get(field).copied();
                known.add_content(name, field("description"), field("inputSchema"));
            }
        }
        for (name, stone) in &pins.removed {
            known.add_name(name, true);
            known.add_content(name, stone.description, stone.schema);
        }
        known
    }

    fn add_name(&mut self, name: &'a str, removed: bool) {
        let names = self.skeletons.entry(skeleton(name)).or_default();
        names.push((name, removed));
    }

    fn add_content(&mut self, name: &'a str, description: Option<Digest>, schema: Option<Digest>) {
        if let Some(digest) = description {
            self.descriptions.entry(digest).or_default().push(name);
        }
        if let Some(digest) = schema {
            self.schemas.entry(digest).or_default().push(name);
        }
    }

    /// The known tools that a new definition resembles, sorted by name.
    fn resembled(&self, name: &str, definition: Json<'_>) -> Vec<Resemblance> {
        let fields = field_digests(definition);
        let empty = Vec::new();
        // Tools without parameters all have the same schema: that says nothing.
        let has_parameters = definition
            .get("inputSchema")
            .and_then(|schema| schema.get("properties"))
            .is_some_and(|properties| properties.members().next().is_some());
        let description = fields
            .get("description")
            .and_then(|digest| self.descriptions.get(digest));
        let schema = fields
            .get("inputSchema")
            .filter(|_| has_parameters)
            .and_then(|digest| self.schemas.get(digest));
        let names = self.skeletons.get(&skeleton(name));
        let mut found: Vec<Resemblance> = names
            .into_iter()
            .flatten()
            .map(|(name, removed)| resemblance(name, *removed, Likeness::Name))
            .collect();
        for name in description.unwrap_or(&empty) {
            found.push(resemblance(name, true, Likeness::Description));
        }
        for name in schema.unwrap_or(&empty) {
            found.push(resemblance(name, true, Likeness::Schema));
        }
        found.sort_by(|a, b| (&a.name, a.likeness).cmp(&(&b.name, b.likeness)));
        found
    }
}

fn resemblance(name: &str, removed: bool, likeness: Likeness) -> Resemblance {
    Resemblance {
        name: name.to_owned(),
        removed,
        likeness,
    }
}

/// Names with the same skeleton look the same to a person.
fn skeleton(name: &str) -> String {
    fold_case(&unicode_security::skeleton(name).collect::<String>())
}
