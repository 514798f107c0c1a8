//! What the pinned schema of a tool declares, as far as rules need it: an
//! argument that nobody used stays out.

use crate::engine::message::{Json, Kind};
use std::collections::BTreeSet;

/// Most references that are followed one after the other.
const REFERENCES: usize = 8;
/// What builds a schema from others: what they declare is not known here.
const BUILT: [&str; 8] = [
    "allOf",
    "anyOf",
    "oneOf",
    "if",
    "patternProperties",
    "unevaluatedProperties",
    "dependentSchemas",
    "$dynamicRef",
];

/// What a text is declared to be, as far as its words do not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// One of a few.
    Enum,
    Host,
    Email,
}

/// A part of a schema, with the whole that references are resolved in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Declared<'a> {
    root: Option<Json<'a>>,
    part: Option<Json<'a>>,
}

impl<'a> Declared<'a> {
    /// The input schema of a tool, if it is pinned.
    pub(super) fn of(schema: Option<Json<'a>>) -> Self {
        Self {
            root: schema,
            part: schema,
        }
        .resolved()
    }

    fn resolved(mut self) -> Self {
        for _ in 0..REFERENCES {
            let reference = self.part.and_then(|p| p.get("$ref")).and_then(Json::as_str);
            let Some(reference) = reference else { break };
            let path = reference.strip_prefix("#/");
            let steps = path.into_iter().flat_map(|path| path.split('/'));
            let found = steps.fold(self.root, |at, step| {
                at.and_then(|at| at.get(&step.replace("~1", "/").replace("~0", "~")))
            });
            self.part = found.filter(|_| path.is_some());
        }
        self
    }

    fn properties(&self) -> Option<Json<'a>> {
        let properties = self.part?.get("properties")?;
        (properties.kind() == Kind::Object).then_some(properties)
    }

    /// Declared names that are not among these.
    pub(super) fn unseen(&self, names: &BTreeSet<&str>) -> Vec<String> {
        let declared = self.properties().into_iter().flat_map(Json::members);
        declared
            .map(|(name, _)| name.into_owned())
            .filter(|name| !names.contains(name.as_str()) && name != "*")
            .collect()
    }

    /// What is declared of a member.
    pub(super) fn member(&self, name: &str) -> Option<Self> {
        let part = Some(self.properties()?.get(name)?);
        Some(Self { part, ..*self }.resolved())
    }

    /// What a text is declared to be.
    pub(super) fn format(&self) -> Option<Format> {
        let part = self.part?;
        if part.get("enum").is_some() || part.get("const").is_some() {
            return Some(Format::Enum);
        }
        match part.get("format").and_then(Json::as_str).as_deref() {
            Some("hostname" | "idn-hostname" | "ipv4" | "ipv6") => Some(Format::Host),
            Some("email" | "idn-email") => Some(Format::Email),
            _ => None,
        }
    }

    /// The bound that a keyword declares.
    pub(super) fn bound(&self, keyword: &str) -> Option<u64> {
        self.part?.get(keyword)?.raw().parse().ok()
    }

    /// Whether some member is declared by its name.
    pub(super) fn names_members(&self) -> bool {
        let properties = self.properties();
        properties.is_some_and(|properties| properties.members().next().is_some())
    }

    /// What is declared of the items of a list.
    pub(super) fn items(&self) -> Option<Self> {
        let part = Some(self.part?.get("items")?);
        Some(Self { part, ..*self }.resolved())
    }

    /// Whether members may pass that are not declared here.
    pub(super) fn is_open(&self) -> bool {
        let Some(part) = self.part.filter(|p| p.kind() == Kind::Object) else {
            return true;
        };
        let more = part.get("additionalProperties");
        let shut = more.is_some_and(|more| more.as_bool() == Some(false));
        let built = BUILT.iter().any(|key| part.get(key).is_some());
        built || (more.is_some() && !shut) || (self.properties().is_none() && !shut)
    }
}
