//! JSON Pointers (RFC 6901) in which `*` stands for every item of an array and
//! every member of an object.
//!
//! A pointer that meets a scalar where it has to descend does not select
//! "nothing": a lax server may turn `"/etc/passwd"` into `["/etc/passwd"]`, so
//! that `/paths/*` must not read as a missing, optional argument.

use crate::engine::message::{Json, Kind};
use std::borrow::Cow;
use std::ops::ControlFlow;

/// Longest pointer, in segments; above the depth that messages may have.
const MAX_SEGMENTS: usize = 96;

/// One step of a pointer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Segment {
    /// Every item or member.
    Every,
    /// One member or item, unescaped.
    Key(String),
}

/// A pointer as a rule has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pointer {
    source: String,
    segments: Vec<Segment>,
}

/// What stands at one place that a pointer leads to.
#[derive(Debug, Clone, Copy)]
pub(super) enum Found<'a> {
    /// A value.
    Value(Json<'a>),
    /// Nothing: no such member or item, or an empty container under `*`.
    Missing,
    /// The way there ends at a value that has no such children.
    Blocked(Json<'a>),
}

/// The way to a place; becomes a pointer only when somebody asks.
pub(super) type Trail<'a, 'b> = &'b [Cow<'a, str>];

/// Spells a trail as a JSON Pointer.
pub(super) fn spell(trail: Trail<'_, '_>) -> String {
    trail.iter().fold(String::new(), |mut text, segment| {
        text.push('/');
        text.push_str(&segment.replace('~', "~0").replace('/', "~1"));
        text
    })
}

impl Pointer {
    /// Reads a pointer. The error says what is wrong with it.
    pub(super) fn parse(source: &str) -> Result<Self, &'static str> {
        let segments: Vec<_> = match source.strip_prefix('/') {
            None if source.is_empty() => Vec::new(),
            None => return Err("a JSON Pointer starts with `/`"),
            Some(rest) => rest.split('/').map(segment).collect::<Result<_, _>>()?,
        };
        if segments.len() > MAX_SEGMENTS {
            return Err("a JSON Pointer has at most 96 segments here");
        }
        Ok(Self {
            source: source.to_owned(),
            segments,
        })
    }

    /// As written.
    pub(super) fn as_str(&self) -> &str {
        &self.source
    }

    /// Its steps.
    pub(super) fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Shows `see` every place that the pointer leads to in `arguments`, until
    /// it breaks. There is always at least one.
    pub(super) fn visit<'a, B>(
        &self,
        arguments: Option<Json<'a>>,
        see: &mut dyn FnMut(Trail<'a, '_>, Found<'a>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let Some(root) = arguments else {
            let trail: Vec<_> = self.segments.iter().map(Segment::to_text).collect();
            return see(&trail, Found::Missing);
        };
        descend(root, &self.segments, &mut Vec::new(), see)
    }
}

impl Segment {
    fn to_text(&self) -> Cow<'static, str> {
        match self {
            Self::Every => Cow::Borrowed("*"),
            Self::Key(key) => Cow::Owned(key.clone()),
        }
    }
}

fn segment(text: &str) -> Result<Segment, &'static str> {
    if text == "*" {
        return Ok(Segment::Every);
    }
    let unescaped = text.replace("~1", "/").replace("~0", "~");
    // Whatever escapes are left over after the two that exist are wrong.
    let tildes = text.matches('~').count();
    let escapes = text
        .matches("~0")
        .count()
        .saturating_add(text.matches("~1").count());
    if tildes != escapes {
        return Err("`~` is written `~0` in a JSON Pointer, and `/` within a name `~1`");
    }
    Ok(Segment::Key(unescaped))
}

/// The item of an array that a segment names: RFC 6901 knows no leading zeros.
fn index(key: &str) -> Option<usize> {
    let canonical = key == "0" || !key.starts_with('0');
    let digits = !key.is_empty() && key.bytes().all(|b| b.is_ascii_digit());
    (canonical && digits).then(|| key.parse().ok()).flatten()
}

/// As deep as the pointer is long, which is bounded.
fn descend<'a, B>(
    value: Json<'a>,
    segments: &[Segment],
    trail: &mut Vec<Cow<'a, str>>,
    see: &mut dyn FnMut(Trail<'a, '_>, Found<'a>) -> ControlFlow<B>,
) -> ControlFlow<B> {
    let Some((first, rest)) = segments.split_first() else {
        return see(trail, Found::Value(value));
    };
    match (value.kind(), first) {
        (Kind::Object, Segment::Key(key)) => {
            let child = value.members().find(|(name, _)| name == key);
            one(child, first, rest, trail, see)
        }
        (Kind::Array, Segment::Key(key)) => match index(key) {
            Some(at) => {
                let child = value.items().nth(at).map(|item| (first.to_text(), item));
                one(child, first, rest, trail, see)
            }
            None => see(trail, Found::Blocked(value)),
        },
        (Kind::Object, Segment::Every) => every(value.members(), rest, trail, see),
        (Kind::Array, Segment::Every) => {
            let items = value.items().enumerate();
            every(
                items.map(|(at, item)| (Cow::Owned(at.to_string()), item)),
                rest,
                trail,
                see,
            )
        }
        (Kind::Null | Kind::Bool | Kind::Number | Kind::String, _) => {
            see(trail, Found::Blocked(value))
        }
    }
}

fn one<'a, B>(
    child: Option<(Cow<'a, str>, Json<'a>)>,
    segment: &Segment,
    rest: &[Segment],
    trail: &mut Vec<Cow<'a, str>>,
    see: &mut dyn FnMut(Trail<'a, '_>, Found<'a>) -> ControlFlow<B>,
) -> ControlFlow<B> {
    let depth = trail.len();
    let flow = if let Some((name, value)) = child {
        trail.push(name);
        descend(value, rest, trail, see)
    } else {
        trail.push(segment.to_text());
        trail.extend(
            rest.iter()
                .map(|segment| -> Cow<'a, str> { segment.to_text() }),
        );
        see(trail, Found::Missing)
    };
    trail.truncate(depth);
    flow
}

fn every<'a, B>(
    children: impl Iterator<Item = (Cow<'a, str>, Json<'a>)>,
    rest: &[Segment],
    trail: &mut Vec<Cow<'a, str>>,
    see: &mut dyn FnMut(Trail<'a, '_>, Found<'a>) -> ControlFlow<B>,
) -> ControlFlow<B> {
    let mut empty = true;
    for child in children {
        empty = false;
        one(Some(child), &Segment::Every, rest, trail, see)?;
    }
    if empty {
        one(None, &Segment::Every, rest, trail, see)?;
    }
    ControlFlow::Continue(())
}

#[cfg(test)]
mod tests;
