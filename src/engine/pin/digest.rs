//! Digests of definitions: SHA-256 over canonical bytes, domain-separated.
//!
//! The prefix keeps a digest of one kind of thing from ever standing for
//! another kind. Digests are over the whole received object: a member that no
//! revision defines is covered like any other.

use super::canonical::{canonical, canonical_key};
use crate::engine::message::{Json, Kind};
use crate::engine::types::Digest;
use std::collections::BTreeMap;

const TOOL: &[u8] = b"lockgate-tool-v1\0";
const FIELD: &[u8] = b"lockgate-field-v1\0";

/// Digests of one tool definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolDigest {
    /// Over the whole canonical object.
    pub whole: Digest,
    /// Over each top-level member's canonical value.
    pub fields: BTreeMap<String, Digest>,
}

impl ToolDigest {
    /// Both kinds of digest; `None` for anything but an object.
    pub fn of(definition: Json<'_>) -> Option<Self> {
        Some(Self {
            whole: whole_digest(definition)?,
            fields: field_digests(definition),
        })
    }
}

/// The digest that a definition is compared by; `None` for anything but an
/// object. Costs one pass over the definition.
pub fn whole_digest(definition: Json<'_>) -> Option<Digest> {
    (definition.kind() == Kind::Object)
        .then(|| Digest::of(&[TOOL, canonical(definition).as_bytes()]))
}

/// One digest for each top-level member, to tell what changed.
pub fn field_digests(definition: Json<'_>) -> BTreeMap<String, Digest> {
    let members = definition.members();
    members
        .map(|(name, value)| {
            // The name as canonical JSON: it cannot run into the value.
            let key = canonical_key(&name);
            let value = canonical(value);
            let digest = Digest::of(&[FIELD, key.as_bytes(), b":", value.as_bytes()]);
            (name.into_owned(), digest)
        })
        .collect()
}

/// The members that differ between two sets of field digests, sorted.
pub(super) fn changed_fields(
    before: &BTreeMap<String, Digest>,
    after: &BTreeMap<String, Digest>,
) -> Vec<String> {
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort_unstable();
    names.dedup();
    names.retain(|name| before.get(*name) != after.get(*name));
    names.into_iter().cloned().collect()
}
