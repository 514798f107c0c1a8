//! A JSON document that keeps its original bytes.
//!
//! [`Document`] owns the text and a flat index of its values; [`Json`] is a
//! borrowed view of one value. Nothing is converted: numbers stay as they were
//! spelled, strings are unescaped only on request, and every value knows its
//! exact bytes. What is judged is therefore what is forwarded (invariant 2).

use super::limits::Limits;
use super::problem::ReadError;
use super::reader;
use super::text;
use std::borrow::Cow;
use std::ops::Range;

/// What a JSON value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool,
    /// Any number.
    Number,
    /// Any string.
    String,
    /// Any array.
    Array,
    /// Any object.
    Object,
}

impl Kind {
    /// The word used in messages to people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "a boolean",
            Self::Number => "a number",
            Self::String => "a string",
            Self::Array => "an array",
            Self::Object => "an object",
        }
    }
}

/// One value: where it stands, and where its next sibling is in the index.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    pub(super) start: u32,
    pub(super) end: u32,
    /// Index of the first node after this value and all it contains.
    pub(super) next: u32,
    pub(super) kind: Kind,
    /// A string that contains at least one backslash.
    pub(super) escaped: bool,
}

/// One strictly read JSON document, with its original bytes.
#[derive(Debug, Clone)]
pub struct Document {
    pub(super) text: String,
    /// Pre-order: a container is followed by its children; the children of an
    /// object are key, value, key, value. INVARIANT: never empty, node 0 is
    /// the root, and all offsets are char boundaries of `text`.
    pub(super) nodes: Vec<Node>,
}

impl Document {
    /// Reads `bytes` strictly. See [`super::Problem`] for what is refused.
    pub fn read(bytes: Vec<u8>, limits: &Limits) -> Result<Self, ReadError> {
        reader::read(bytes, limits).map_err(|(error, _)| error)
    }

    /// The same, but gives refused bytes back.
    pub fn read_or_return(bytes: Vec<u8>, limits: &Limits) -> Result<Self, (ReadError, Vec<u8>)> {
        reader::read(bytes, limits)
    }

    /// The outermost value.
    pub fn root(&self) -> Json<'_> {
        Json { doc: self, at: 0 }
    }

    /// The value at a place in the index.
    pub(super) fn value(&self, at: u32) -> Json<'_> {
        Json { doc: self, at }
    }

    /// The original text, byte for byte.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Gives the original bytes back.
    pub fn into_bytes(self) -> Vec<u8> {
        self.text.into_bytes()
    }
}

/// A view of one value of a [`Document`].
#[derive(Clone, Copy)]
pub struct Json<'a> {
    doc: &'a Document,
    at: u32,
}

impl std::fmt::Debug for Json<'_> {
    /// Shows the kind only: values can be secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Json({})", self.kind().name())
    }
}

impl<'a> Json<'a> {
    /// Where this value stands in the index of its document.
    pub(super) fn index(self) -> u32 {
        self.at
    }

    fn node(self) -> Node {
        const MISSING: Node = Node {
            start: 0,
            end: 0,
            next: 0,
            kind: Kind::Null,
            escaped: false,
        };
        self.doc
            .nodes
            .get(self.at as usize)
            .copied()
            .unwrap_or(MISSING)
    }

    /// What this value is.
    pub fn kind(self) -> Kind {
        self.node().kind
    }

    /// The exact text of this value as it was received.
    pub fn raw(self) -> &'a str {
        self.doc.text.get(self.span()).unwrap_or_default()
    }

    /// Where this value stands in the document, in bytes.
    pub fn span(self) -> Range<usize> {
        let node = self.node();
        node.start as usize..node.end as usize
    }

    /// Whether this is `null`.
    pub fn is_null(self) -> bool {
        self.kind() == Kind::Null
    }

    /// The boolean, if it is one.
    pub fn as_bool(self) -> Option<bool> {
        (self.kind() == Kind::Bool).then(|| self.raw() == "true")
    }

    /// The number as it was spelled, if it is one.
    pub fn as_number(self) -> Option<&'a str> {
        (self.kind() == Kind::Number).then(|| self.raw())
    }

    /// The string, unescaped, if it is one.
    pub fn as_str(self) -> Option<Cow<'a, str>> {
        let node = self.node();
        if node.kind != Kind::String {
            return None;
        }
        let inner = self.inner();
        Some(if node.escaped {
            Cow::Owned(text::unescape(inner))
        } else {
            Cow::Borrowed(inner)
        })
    }

    /// The member of that exact name, if this is an object that has it.
    pub fn get(self, key: &str) -> Option<Self> {
        let mut members = self.members();
        loop {
            let (name, value) = members.next_pair()?;
            if name.is_str(key) {
                return Some(value);
            }
        }
    }

    /// The members of those names, in one walk.
    pub(super) fn get_all<const N: usize>(self, keys: [&str; N]) -> [Option<Self>; N] {
        let mut found = [None; N];
        let mut members = self.members();
        while let Some((name, value)) = members.next_pair() {
            let place = keys.iter().zip(&mut found);
            if let Some((_, place)) = place.into_iter().find(|(key, _)| name.is_str(key)) {
                *place = Some(value);
            }
        }
        found
    }

    /// Whether this is that very string; without unescaping where it can be
    /// told without.
    fn is_str(self, text: &str) -> bool {
        let node = self.node();
        if node.escaped {
            return self.as_str().is_some_and(|s| s == text);
        }
        // Most keys differ in length already.
        let length = (node.end as usize).checked_sub(node.start as usize);
        let inner = (node.start as usize).saturating_add(1)..(node.end as usize).saturating_sub(1);
        length == text.len().checked_add(2)
            && self.doc.text.as_bytes().get(inner) == Some(text.as_bytes())
    }

    /// The text between the quotes of a string.
    fn inner(self) -> &'a str {
        let node = self.node();
        let inner = (node.start as usize).saturating_add(1)..(node.end as usize).saturating_sub(1);
        self.doc.text.get(inner).unwrap_or_default()
    }

    /// The items of an array; nothing for any other kind.
    pub fn items(self) -> Items<'a> {
        Items(self.children(Kind::Array))
    }

    /// The members of an object in their order; nothing for any other kind.
    pub fn members(self) -> Members<'a> {
        Members(self.children(Kind::Object))
    }

    fn children(self, of: Kind) -> Children<'a> {
        let node = self.node();
        let first = self.at.saturating_add(1);
        Children {
            doc: self.doc,
            at: first,
            end: if node.kind == of { node.next } else { first },
        }
    }
}

#[derive(Debug, Clone)]
struct Children<'a> {
    doc: &'a Document,
    at: u32,
    end: u32,
}

impl<'a> Children<'a> {
    fn peek(&self) -> Option<Json<'a>> {
        let (doc, at) = (self.doc, self.at);
        (at < self.end).then_some(Json { doc, at })
    }

    fn step(&mut self) -> Option<Json<'a>> {
        let value = self.peek()?;
        // A corrupt index must end the walk, not loop.
        self.at = value.node().next.max(self.at.saturating_add(1));
        Some(value)
    }
}

/// The items of an array.
#[derive(Debug, Clone)]
pub struct Items<'a>(Children<'a>);

impl<'a> Iterator for Items<'a> {
    type Item = Json<'a>;
    fn next(&mut self) -> Option<Json<'a>> {
        self.0.step()
    }
}

/// The members of an object.
#[derive(Debug, Clone)]
pub struct Members<'a>(Children<'a>);

impl<'a> Members<'a> {
    /// The next member with its key as a value (to know the key's own bytes).
    pub fn next_pair(&mut self) -> Option<(Json<'a>, Json<'a>)> {
        let key = self.0.peek()?;
        // A key is a string, which holds nothing: its value is the next node.
        self.0.at = self.0.at.saturating_add(1);
        Some((key, self.0.step()?))
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = (Cow<'a, str>, Json<'a>);
    fn next(&mut self) -> Option<Self::Item> {
        let (key, value) = self.next_pair()?;
        Some((key.as_str()?, value))
    }
}
