//! The places that an input schema declares, and what it says about each.
//!
//! Only what is certain: where a schema combines in a way that this reader does
//! not follow, there is no answer, and nobody is troubled with a guess.

use crate::engine::message::Json;
use crate::engine::policy::constraint::Kinds;
use crate::engine::policy::pointer::Segment;
use crate::engine::policy::schema::{kind, reference, types};

/// Most schemas looked at for one question.
const MAX_SCHEMAS: usize = 64;

/// Most places that one schema is asked for, and how deep they lie.
const MAX_PLACES: usize = 256;
const MAX_DEPTH: usize = 6;

/// Keys that restrict a schema beside what this reader follows.
const BEYOND: [&str; 6] = ["allOf", "not", "if", "then", "else", "dependentSchemas"];

/// Keys that restrict beside a reference or a choice.
const OWN: [&str; 12] = [
    "type",
    "enum",
    "const",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minLength",
    "maxLength",
    "pattern",
    "properties",
    "items",
];

/// One place of a schema.
#[derive(Debug)]
pub(super) struct Place<'a> {
    /// As a rule writes it.
    pub(super) pointer: String,
    /// The last name on the way, without `*`.
    pub(super) key: String,
    /// What stands there.
    pub(super) schema: Json<'a>,
}

impl Place<'_> {
    /// Whether any text may stand there.
    pub(super) fn is_free_text(&self) -> bool {
        let is_closed = ["enum", "const"]
            .iter()
            .any(|key| self.schema.get(key).is_some());
        !is_closed && types(self.schema).iter().any(|name| name == "string")
    }
}

/// All places of an input schema, containers included.
pub(super) fn places(root: Json<'_>) -> Vec<Place<'_>> {
    let mut all = Vec::new();
    // The way there, the last name, and how deep.
    let mut open = vec![(String::new(), String::new(), 0_usize, root)];
    while let Some((pointer, key, depth, schema)) = open.pop() {
        if all.len() >= MAX_PLACES || depth > MAX_DEPTH {
            continue;
        }
        let below = depth.saturating_add(1);
        for one in choices(root, schema).unwrap_or_else(|| vec![schema]) {
            for (name, child) in one.get("properties").into_iter().flat_map(Json::members) {
                let step = name.replace('~', "~0").replace('/', "~1");
                open.push((format!("{pointer}/{step}"), name.into_owned(), below, child));
            }
            if let Some(items) = one.get("items") {
                open.push((format!("{pointer}/*"), key.clone(), below, items));
            }
            if depth > 0 {
                all.push(Place {
                    pointer: pointer.clone(),
                    key: key.clone(),
                    schema: one,
                });
            }
        }
    }
    all.sort_by(|a, b| a.pointer.cmp(&b.pointer));
    all
}

/// The schemas one of which a value at the end of `segments` has to fit; none
/// if that cannot be told.
pub(super) fn alternatives<'a>(root: Json<'a>, segments: &[Segment]) -> Option<Vec<Json<'a>>> {
    let mut here = choices(root, root)?;
    for segment in segments {
        let mut next = Vec::new();
        for schema in here {
            let child = match segment {
                Segment::Key(key) => schema.get("properties").and_then(|all| all.get(key)),
                Segment::Every => schema.get("items"),
            };
            match child {
                Some(child) => next.extend(choices(root, child)?),
                None if is_scalar(schema) => {}
                None => return None,
            }
        }
        here = next;
    }
    (!here.is_empty()).then_some(here)
}

/// Whether values of one of these kinds may fit the schema.
pub(super) fn may_be(schema: Json<'_>, wanted: Kinds) -> bool {
    let named = types(schema);
    let fits = |name: &str| kind(name).is_some_and(|kind| wanted.has(kind));
    named.is_empty() || named.iter().any(|name| fits(name))
}

fn is_scalar(schema: Json<'_>) -> bool {
    let named = types(schema);
    let scalar = |name: &str| !matches!(name, "object" | "array");
    !named.is_empty() && named.iter().all(|name| scalar(name))
}

/// A schema without its references and choices.
fn choices<'a>(root: Json<'a>, schema: Json<'a>) -> Option<Vec<Json<'a>>> {
    let mut found = Vec::new();
    let mut open = vec![schema];
    let mut budget = MAX_SCHEMAS;
    while let Some(schema) = open.pop() {
        budget = budget.checked_sub(1)?;
        let has = |key: &str| schema.get(key).is_some();
        if BEYOND.iter().any(|key| schema.get(key).is_some()) {
            return None;
        }
        let lists = ["anyOf", "oneOf"].iter().filter_map(|key| schema.get(key));
        let mut parts: Vec<_> = lists.flat_map(Json::items).collect();
        let mut ways = usize::from(has("anyOf")).saturating_add(usize::from(has("oneOf")));
        if has("$ref") {
            parts.push(reference(root, schema)?);
            ways = ways.saturating_add(1);
        }
        match ways {
            0 => found.push(schema),
            1 if !OWN.iter().any(|key| schema.get(key).is_some()) => open.extend(parts),
            _ => return None,
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::message::{Document, Limits};
    use crate::engine::policy::pointer::Pointer;

    const SCHEMA: &str = r##"{ "type": "object", "$defs": { "Id": { "type": "integer" } },
      "properties": {
        "path": { "type": "string" },
        "since": { "anyOf": [{ "type": "string", "maxLength": 9 }, { "type": "null" }] },
        "id": { "$ref": "#/$defs/Id" },
        "odd": { "allOf": [{ "type": "string" }] },
        "edits": { "type": "array", "items": { "type": "object", "properties": { "a/b": { "type": "string" } } } }
      } }"##;

    #[test]
    fn places_and_what_stands_there() {
        let document = Document::read(SCHEMA.as_bytes().to_vec(), &Limits::DEFAULT).unwrap();
        let all: Vec<_> = places(document.root())
            .into_iter()
            .map(|p| p.pointer)
            .collect();
        assert_eq!(
            all,
            [
                "/edits",
                "/edits/*",
                "/edits/*/a~1b",
                "/id",
                "/odd",
                "/path",
                "/since",
                "/since"
            ]
        );
        for (pointer, expected) in [
            ("/path", Some(1)),
            ("/since", Some(2)),
            ("/id", Some(1)),
            ("/odd", None),
            ("/edits/*/a~1b", Some(1)),
            ("/edits/*/other", None),
        ] {
            let segments = Pointer::parse(pointer).unwrap();
            let found = alternatives(document.root(), segments.segments());
            assert_eq!(found.map(|all| all.len()), expected, "{pointer}");
        }
    }
}
