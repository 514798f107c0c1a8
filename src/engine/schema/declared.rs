//! Arguments that a schema does not declare, though it may accept them.
//!
//! Each part of the schema is looked at once, however often the value comes
//! back to it: the agent makes one large, the server the other.

use crate::engine::message::{Json, Kind};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The first argument that `schema` does not declare.
///
/// A member is declared by `properties`, by an explicit `additionalProperties`
/// or `patternProperties`, or, where the schema is built from others (`$ref`,
/// `allOf` and the like), by the validator alone.
pub fn undeclared(schema: Json<'_>, value: Json<'_>) -> Option<String> {
    let mut search = Search {
        parts: BTreeMap::new(),
        names: BTreeMap::new(),
    };
    search.undeclared(schema, value, "", 0)
}

/// What counts of one part of a schema.
#[derive(Debug, Clone, Copy, Default)]
struct Part<'a> {
    items: Option<Json<'a>>,
    properties: Option<Json<'a>>,
    /// Other keywords than `properties` say what is declared.
    open: bool,
}

impl<'a> Part<'a> {
    fn of(schema: Json<'a>) -> Self {
        let mut part = Self::default();
        for (key, value) in schema.members() {
            match &*key {
                "items" => part.items = Some(value),
                "properties" => part.properties = Some(value),
                "$ref"
                | "$dynamicRef"
                | "allOf"
                | "anyOf"
                | "oneOf"
                | "if"
                | "patternProperties"
                | "additionalProperties"
                | "unevaluatedProperties"
                | "dependentSchemas" => part.open = true,
                _ => {}
            }
        }
        part
    }
}

/// What has been looked at, by where it stands in the schema's text.
struct Search<'a> {
    parts: BTreeMap<usize, Part<'a>>,
    names: BTreeMap<usize, BTreeMap<Cow<'a, str>, Json<'a>>>,
}

impl<'a> Search<'a> {
    fn part(&mut self, schema: Json<'a>) -> Part<'a> {
        let part = self.parts.entry(schema.span().start);
        *part.or_insert_with(|| Part::of(schema))
    }

    /// What `properties` say of a name.
    fn declared(&mut self, properties: Json<'a>, name: &str) -> Option<Json<'a>> {
        let names = self.names.entry(properties.span().start);
        let names = names.or_insert_with(|| properties.members().collect());
        names.get(name).copied()
    }

    fn undeclared(
        &mut self,
        schema: Json<'a>,
        value: Json<'_>,
        at: &str,
        depth: usize,
    ) -> Option<String> {
        const DEEPEST: usize = 32;
        // What is too deep to be told is not declared.
        if depth > DEEPEST {
            return Some(at.to_owned());
        }
        if schema.kind() != Kind::Object || !matches!(value.kind(), Kind::Array | Kind::Object) {
            return None;
        }
        let part = self.part(schema);
        let inner = depth.saturating_add(1);
        if value.kind() == Kind::Array {
            let items = part.items?;
            let mut found = value.items().enumerate();
            return found
                .find_map(|(i, item)| self.undeclared(items, item, &format!("{at}/{i}"), inner));
        }
        // Below the top, an object without `properties` is free-form by design.
        let free = depth > 0 && part.properties.is_none();
        for (name, member) in value.members() {
            let below = || format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
            let properties = part.properties;
            match properties.and_then(|p| self.declared(p, &name)) {
                Some(declared) => {
                    let found = self.undeclared(declared, member, &below(), inner);
                    if found.is_some() {
                        return found;
                    }
                }
                None if !part.open && !free => return Some(below()),
                None => {}
            }
        }
        None
    }
}
