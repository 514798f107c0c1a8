//! What a pinned input schema declares at the end of a pointer.
//!
//! A hint for the author of a policy, no validation: where a schema is beyond
//! this reader, it says "anything", and nobody is troubled.

use super::pointer::Segment;
use crate::engine::message::{Json, Kind};
use std::borrow::Cow;

/// Most schemas looked at for one question: combinators and references can
/// multiply without end.
const MAX_SCHEMAS: usize = 512;

/// What a schema says about a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Declared {
    /// There is no such argument.
    No,
    /// There is, and it may be anything.
    Anything,
    /// There is, and it is of one of these kinds.
    Kinds(Vec<Kind>),
}

/// What `root` declares at the end of `segments`.
pub(super) fn declared(root: Json<'_>, segments: &[Segment]) -> Declared {
    let mut budget = MAX_SCHEMAS;
    let mut here = Vec::new();
    spread(root, root, &mut here, &mut budget);
    for (depth, segment) in segments.iter().enumerate() {
        let mut next = Vec::new();
        for schema in &here {
            match children(*schema, segment, depth == 0) {
                Children::Anything => return Declared::Anything,
                Children::Schemas(found) => {
                    for child in found {
                        spread(root, child, &mut next, &mut budget);
                    }
                }
            }
        }
        here = next;
        if budget == 0 {
            return Declared::Anything;
        }
    }
    kinds(&here)
}

/// A schema with everything it combines and refers to.
fn spread<'a>(root: Json<'a>, schema: Json<'a>, all: &mut Vec<Json<'a>>, budget: &mut usize) {
    let mut open = vec![schema];
    while let Some(schema) = open.pop() {
        let Some(left) = budget.checked_sub(1) else {
            return;
        };
        *budget = left;
        all.push(schema);
        for key in ["allOf", "anyOf", "oneOf"] {
            open.extend(schema.get(key).into_iter().flat_map(Json::items));
        }
        open.extend(["then", "else"].iter().filter_map(|key| schema.get(key)));
        open.extend(reference(root, schema));
    }
}

/// The target of a reference within the document.
pub(super) fn reference<'a>(root: Json<'a>, schema: Json<'a>) -> Option<Json<'a>> {
    let target = schema.get("$ref")?.as_str()?;
    let mut at = root;
    for part in target.strip_prefix("#/")?.split('/') {
        at = at.get(&part.replace("~1", "/").replace("~0", "~"))?;
    }
    Some(at)
}

enum Children<'a> {
    Anything,
    Schemas(Vec<Json<'a>>),
}

fn children<'a>(schema: Json<'a>, segment: &Segment, is_root: bool) -> Children<'a> {
    let properties = schema.get("properties");
    let mut found: Vec<_> = match segment {
        Segment::Every => properties
            .into_iter()
            .flat_map(Json::members)
            .map(|(_, v)| v)
            .collect(),
        Segment::Key(key) => properties.and_then(|p| p.get(key)).into_iter().collect(),
    };
    let is_item = match segment {
        Segment::Every => true,
        Segment::Key(key) => key.bytes().all(|b| b.is_ascii_digit()),
    };
    if is_item {
        found.extend(schema.get("items"));
        found.extend(schema.get("prefixItems").into_iter().flat_map(Json::items));
    }
    if !found.is_empty() {
        return Children::Schemas(found);
    }
    // An object that lists nothing takes anything; not so the arguments
    // themselves, where what is not listed is denied.
    let is_open = schema.get("patternProperties").is_some()
        || schema
            .get("additionalProperties")
            .is_some_and(|more| more.as_bool() != Some(false))
        || schema.as_bool() == Some(true)
        || (!is_root && properties.is_none() && takes_children(schema));
    if is_open {
        Children::Anything
    } else {
        Children::Schemas(Vec::new())
    }
}

/// Whether an untyped or container schema may have children that it does not list.
fn takes_children(schema: Json<'_>) -> bool {
    let combines = ["allOf", "anyOf", "oneOf", "$ref", "items", "enum", "const"];
    let types = types(schema);
    if types.is_empty() {
        return schema.kind() == Kind::Object
            && combines.iter().all(|key| schema.get(key).is_none());
    }
    types
        .iter()
        .any(|name| matches!(name.as_ref(), "object" | "array"))
}

pub(super) fn types(schema: Json<'_>) -> Vec<Cow<'_, str>> {
    let Some(declared) = schema.get("type") else {
        return Vec::new();
    };
    let one = declared.as_str();
    declared
        .items()
        .filter_map(Json::as_str)
        .chain(one)
        .collect()
}

/// The kinds that the schemas of one place allow, taken together.
fn kinds(schemas: &[Json<'_>]) -> Declared {
    if schemas.is_empty() {
        return Declared::No;
    }
    let mut kinds = Vec::new();
    for schema in schemas {
        let named = types(*schema);
        let values: Vec<_> = schema
            .get("enum")
            .into_iter()
            .flat_map(Json::items)
            .chain(schema.get("const"))
            .map(Json::kind)
            .collect();
        let combines = ["allOf", "anyOf", "oneOf", "$ref"]
            .iter()
            .any(|key| schema.get(key).is_some());
        if named.is_empty() && values.is_empty() && !combines {
            return Declared::Anything;
        }
        for name in &named {
            match kind(name) {
                Some(kind) => kinds.push(kind),
                None => return Declared::Anything,
            }
        }
        if named.is_empty() {
            kinds.extend(values);
        }
    }
    let mut seen = Vec::new();
    kinds.retain(|kind| {
        let is_new = !seen.contains(kind);
        seen.push(*kind);
        is_new
    });
    if kinds.is_empty() {
        Declared::Anything
    } else {
        Declared::Kinds(kinds)
    }
}

pub(super) fn kind(name: &str) -> Option<Kind> {
    Some(match name {
        "null" => Kind::Null,
        "boolean" => Kind::Bool,
        "number" | "integer" => Kind::Number,
        "string" => Kind::String,
        "array" => Kind::Array,
        "object" => Kind::Object,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
