//! A schema as a graph: which subschema is applied to which place of a value.
//!
//! Only what costs time is in it. A reference that cannot be followed inside
//! the schema alone is refused: whoever cannot tell where it leads cannot tell
//! what it costs.

use super::pattern;
use crate::engine::message::{Json, Kind};
use std::collections::BTreeMap;

/// Index of a node.
pub(super) type NodeId = usize;

/// One subschema.
#[derive(Debug, Clone, Default)]
pub(super) struct Node {
    /// What its own keywords cost at each value.
    pub(super) weight: u64,
    /// States of its `pattern`.
    pub(super) pattern: u64,
    /// It compares whole items (`uniqueItems`).
    pub(super) compares: bool,
    /// It asks its parts again what they have looked at (`unevaluated...`).
    pub(super) asks_again: bool,
    /// Applied to the same value.
    pub(super) same: Vec<NodeId>,
    /// Applied to members by name.
    pub(super) named: BTreeMap<String, NodeId>,
    /// Applied to members by pattern, with its states.
    pub(super) matching: Vec<(u64, NodeId)>,
    /// Applied to members that have no schema by name.
    pub(super) others: Vec<NodeId>,
    /// Applied to names of members.
    pub(super) names: Vec<NodeId>,
    /// Applied to items by position.
    pub(super) placed: Vec<NodeId>,
    /// Applied to all items.
    pub(super) items: Vec<NodeId>,
}

/// All subschemas; the first is the whole schema.
#[derive(Debug, Clone, Default)]
pub(super) struct Graph {
    pub(super) nodes: Vec<Node>,
}

/// What the whole text of a schema says about its references.
#[derive(Default)]
struct Names<'a> {
    anchors: BTreeMap<String, Option<Json<'a>>>,
    /// A part has an identity of its own, so that `#` means something else there.
    nested: bool,
    /// A part names itself by `id`, as drafts 3 and 4 did.
    nested_old: bool,
    /// One of these drafts is named.
    old: bool,
}

impl<'a> Names<'a> {
    fn of(root: Json<'a>) -> Self {
        let mut names = Self::default();
        names.look(root, true);
        names.nested |= names.nested_old && names.old;
        names
    }

    /// The reader bounds the depth of what is read.
    fn look(&mut self, value: Json<'a>, top: bool) {
        for item in value.items() {
            self.look(item, false);
        }
        for (key, member) in value.members() {
            if let Some(text) = member.as_str() {
                match &*key {
                    "$id" => self.nested |= !top,
                    "id" => self.nested_old |= !top,
                    "$schema" => self.old |= text.contains("draft-03") || text.contains("draft-04"),
                    "$anchor" | "$dynamicAnchor" => {
                        let target = self.anchors.entry(text.into_owned());
                        // Two of one name: nobody can tell which is meant.
                        target.and_modify(|t| *t = None).or_insert(Some(value));
                    }
                    _ => {}
                }
            }
            self.look(member, false);
        }
    }
}

struct Builder<'a> {
    root: Json<'a>,
    names: Names<'a>,
    /// By where a subschema stands in the text.
    ids: BTreeMap<usize, NodeId>,
    waiting: Vec<Json<'a>>,
}

impl Graph {
    /// The graph of a schema; the error says which reference leads nowhere.
    pub(super) fn of(root: Json<'_>) -> Result<Self, String> {
        let mut builder = Builder {
            root,
            names: Names::of(root),
            ids: BTreeMap::new(),
            waiting: Vec::new(),
        };
        let mut graph = Self::default();
        builder.id(root);
        // In the order of their ids.
        let mut next = 0;
        while let Some(schema) = builder.waiting.get(next).copied() {
            graph.nodes.push(builder.node(schema)?);
            next = next.saturating_add(1);
        }
        Ok(graph)
    }
}

impl<'a> Builder<'a> {
    fn id(&mut self, schema: Json<'a>) -> NodeId {
        let fresh = self.waiting.len();
        let id = *self.ids.entry(schema.span().start).or_insert(fresh);
        if id == fresh {
            self.waiting.push(schema);
        }
        id
    }

    fn list(&mut self, list: Json<'a>) -> Vec<NodeId> {
        list.items().map(|schema| self.id(schema)).collect()
    }

    fn node(&mut self, schema: Json<'a>) -> Result<Node, String> {
        let mut node = Node::default();
        for (key, value) in schema.members() {
            let size = u64::try_from(value.raw().len()).unwrap_or(u64::MAX);
            match &*key {
                "$ref" | "$dynamicRef" | "$recursiveRef" => {
                    if let Some(to) = value.as_str() {
                        let target = self.target(&to)?;
                        node.same.push(self.id(target));
                    }
                }
                "allOf" | "anyOf" | "oneOf" => node.same.extend(self.list(value)),
                "not" | "if" | "then" | "else" => node.same.push(self.id(value)),
                "dependentSchemas" | "dependencies" => {
                    let schemas = value.members().filter(|(_, v)| v.kind() != Kind::Array);
                    let ids: Vec<NodeId> = schemas.map(|(_, v)| self.id(v)).collect();
                    node.same.extend(ids);
                    node.weight = node.weight.saturating_add(size / 64);
                }
                "properties" => {
                    for (name, member) in value.members() {
                        let id = self.id(member);
                        node.named.insert(name.into_owned(), id);
                    }
                }
                "patternProperties" => {
                    for (pattern, member) in value.members() {
                        let id = self.id(member);
                        node.matching.push((pattern::states(&pattern), id));
                    }
                }
                "additionalProperties" => node.others.push(self.id(value)),
                "unevaluatedProperties" => {
                    node.asks_again = true;
                    node.others.push(self.id(value));
                }
                "propertyNames" => node.names.push(self.id(value)),
                "prefixItems" => node.placed.extend(self.list(value)),
                "items" if value.kind() == Kind::Array => node.placed.extend(self.list(value)),
                "items" | "additionalItems" | "contains" => node.items.push(self.id(value)),
                "unevaluatedItems" => {
                    node.asks_again = true;
                    node.items.push(self.id(value));
                }
                "pattern" => {
                    if let Some(pattern) = value.as_str() {
                        node.pattern = pattern::states(&pattern);
                    }
                }
                "uniqueItems" => node.compares = value.as_bool() == Some(true),
                "enum" | "const" | "required" | "dependentRequired" => {
                    node.weight = node.weight.saturating_add(size / 64);
                }
                _ => {}
            }
        }
        Ok(node)
    }

    /// Where a reference leads.
    fn target(&self, to: &str) -> Result<Json<'a>, String> {
        let nowhere = || "a reference leads nowhere inside the schema".to_owned();
        let fragment = to
            .strip_prefix('#')
            .ok_or("a reference leads out of the schema")?;
        if self.names.nested {
            return Err("it has references, and parts with an `$id` of their own".to_owned());
        }
        let Some(pointer) = fragment.strip_prefix('/') else {
            if fragment.is_empty() {
                return Ok(self.root);
            }
            let found = self.names.anchors.get(fragment).copied().flatten();
            return found.ok_or_else(nowhere);
        };
        let pointer = decoded(pointer).ok_or_else(nowhere)?;
        pointer
            .split('/')
            .try_fold(self.root, |value, segment| {
                if value.kind() == Kind::Array {
                    return value.items().nth(segment.parse().ok()?);
                }
                value.get(&segment.replace("~1", "/").replace("~0", "~"))
            })
            .ok_or_else(nowhere)
    }
}

/// Undoes percent-encoding.
fn decoded(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let mut ahead = bytes.clone();
        let pair = ahead
            .next()
            .and_then(digit)
            .zip(ahead.next().and_then(digit));
        let Some((high, low)) = pair else {
            out.push(byte);
            continue;
        };
        out.push(u8::try_from(high.saturating_mul(16).saturating_add(low)).ok()?);
        bytes = ahead;
    }
    String::from_utf8(out).ok()
}
