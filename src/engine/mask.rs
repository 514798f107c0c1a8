//! Masking: the shape of a value without its content.
//!
//! A record must tell what was asked without becoming the place where secrets
//! are collected (invariant 9). Kept: nesting, member names, booleans, null,
//! short numbers, lengths. Never kept: a string's content, a long number.
//! The output is bounded whatever comes in, and no content is copied, so that
//! a large message costs no more than its walk.

use crate::engine::message::{Json, Kind};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use std::fmt::{self, Write as _};

#[cfg(test)]
mod tests;
mod told;

pub use told::{
    is_secret_word, key_told, looks_like_token, may_be_content, names_a_secret, place, pointer,
    value,
};

/// Most bytes that a [`Masked`] value takes as JSON.
pub const MOST_BYTES: usize = 4096;
/// Containers below this depth are only counted.
const DEPTH: usize = 6;
/// Items of one array, and members of one object, that are shown.
const SHOWN: usize = 32;
/// What any placeholder, number, pair of brackets with its count, takes at most.
const COST: usize = 48;
/// Longest key that is shown, in characters.
const KEY: usize = 40;
/// A key with this many digits may be a token or an account, not a name.
const KEY_DIGITS: usize = 4;
/// Numbers with more digits than this can be cards, accounts or codes.
const NUMBER_DIGITS: usize = 6;
/// Longest masked resource uri, in characters.
const URI: usize = 512;
/// A segment of a URL this long that mixes letters and digits may be a token.
const TOKEN: usize = 20;

/// The shape of `value` without its content.
pub fn mask(value: Json<'_>) -> Masked {
    let mut masker = Masker {
        left: MOST_BYTES.saturating_sub(COST),
    };
    Masked(masker.shape(value, 0))
}

/// A masked value. Serialises to at most [`MOST_BYTES`] of JSON.
#[derive(Debug, Clone, PartialEq)]
pub struct Masked(Shape);

#[derive(Debug, Clone, PartialEq)]
enum Shape {
    Null,
    Bool(bool),
    Integer(i64),
    Real(f64),
    /// A number that is not shown.
    Number,
    /// A string of so many bytes as spelled in JSON.
    Text(usize),
    /// A container that is not opened, and how much it holds.
    Closed(&'static str, usize),
    /// The first items, and how many follow.
    List(Vec<Self>, usize),
    /// The first members, and how many follow.
    Map(Vec<(Key, Self)>, usize),
}

#[derive(Debug, Clone, PartialEq)]
enum Key {
    Shown(String),
    /// A key that may be content: its place among the members, so that two of
    /// them stay apart, and its length in bytes as spelled in JSON.
    Hidden(usize, usize),
}

struct Masker {
    /// Bytes of JSON that may still be produced.
    left: usize,
}

impl Masker {
    fn afford(&mut self, cost: usize) -> bool {
        let left = self.left.checked_sub(cost);
        self.left = left.unwrap_or(self.left);
        left.is_some()
    }

    fn shape(&mut self, value: Json<'_>, depth: usize) -> Shape {
        match value.kind() {
            Kind::Null => Shape::Null,
            Kind::Bool => Shape::Bool(value.as_bool() == Some(true)),
            Kind::Number => number(value.raw()),
            Kind::String => Shape::Text(inner_length(value)),
            Kind::Array if depth >= DEPTH => Shape::Closed("array", value.items().count()),
            Kind::Array => self.list(value, depth),
            Kind::Object if depth >= DEPTH => {
                Shape::Closed("object", members_left(value.members()))
            }
            Kind::Object => self.map(value, depth),
        }
    }

    fn list(&mut self, value: Json<'_>, depth: usize) -> Shape {
        let mut shown = Vec::new();
        let mut items = value.items();
        while shown.len() < SHOWN && self.afford(COST) {
            let Some(item) = items.next() else { break };
            shown.push(self.shape(item, depth.saturating_add(1)));
        }
        Shape::List(shown, items.count())
    }

    fn map(&mut self, value: Json<'_>, depth: usize) -> Shape {
        let mut shown = Vec::new();
        let mut members = value.members();
        // The longest key is paid for before it is looked at.
        while shown.len() < SHOWN && self.afford(COST.saturating_add(KEY.saturating_mul(4))) {
            let Some((name, value)) = members.next_pair() else {
                break;
            };
            let name = key(name, shown.len());
            self.left = self.left.saturating_add(unused(&name));
            let value = self.shape(value, depth.saturating_add(1));
            shown.push((name, value));
        }
        Shape::Map(shown, members_left(members))
    }
}

/// What a key did not use of the longest key's share.
fn unused(key: &Key) -> usize {
    let used = match key {
        Key::Shown(name) => name.len(),
        Key::Hidden(..) => COST,
    };
    KEY.saturating_mul(4).saturating_sub(used)
}

fn members_left(mut members: crate::engine::message::Members<'_>) -> usize {
    let mut left = 0_usize;
    while members.next_pair().is_some() {
        left = left.saturating_add(1);
    }
    left
}

/// Length without the quotes. Escapes are counted as they were spelled: to
/// count characters, a large string would have to be unescaped.
fn inner_length(value: Json<'_>) -> usize {
    value.raw().len().saturating_sub(2)
}

fn number(raw: &str) -> Shape {
    if raw.bytes().filter(u8::is_ascii_digit).count() > NUMBER_DIGITS {
        return Shape::Number;
    }
    match (raw.parse(), raw.parse::<f64>()) {
        (Ok(integer), _) => Shape::Integer(integer),
        (Err(_), Ok(real)) if real.is_finite() => Shape::Real(real),
        (Err(_), _) => Shape::Number,
    }
}

/// Shows a key that looks like a name; others may be content, because whoever
/// builds the arguments chooses the keys.
fn key(name: Json<'_>, at: usize) -> Key {
    let length = inner_length(name);
    // The longest spelling of one character is a pair of `\uXXXX`.
    if length > KEY.saturating_mul(12) {
        return Key::Hidden(at, length);
    }
    match name.as_str() {
        Some(text) if is_name(&text) => Key::Shown(text.into_owned()),
        Some(_) | None => Key::Hidden(at, length),
    }
}

fn is_name(key: &str) -> bool {
    key.chars().count() <= KEY
        && key.chars().filter(|c| c.is_numeric()).count() < KEY_DIGITS
        && key
            .chars()
            .all(|c| c.is_alphanumeric() || "_-.$@/: ".contains(c))
}

impl Serialize for Masked {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl Serialize for Shape {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(b) => serializer.serialize_bool(*b),
            Self::Integer(n) => serializer.serialize_i64(*n),
            Self::Real(n) => serializer.serialize_f64(*n),
            Self::Number => serializer.serialize_str("<number>"),
            Self::Text(bytes) => serializer.collect_str(&format_args!("<string of {bytes}>")),
            Self::Closed(what, count) => {
                serializer.collect_str(&format_args!("<{what} of {count}>"))
            }
            Self::List(items, more) => {
                let mut list = serializer.serialize_seq(None)?;
                for item in items {
                    list.serialize_element(item)?;
                }
                if *more > 0 {
                    list.serialize_element(&format_args!("<{more} more>"))?;
                }
                list.end()
            }
            Self::Map(members, more) => {
                let mut map = serializer.serialize_map(None)?;
                for (key, value) in members {
                    map.serialize_entry(key, value)?;
                }
                if *more > 0 {
                    map.serialize_entry("<more>", more)?;
                }
                map.end()
            }
        }
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Shown(name) => serializer.serialize_str(name),
            Self::Hidden(at, bytes) => {
                serializer.collect_str(&format_args!("<key {at} of {bytes}>"))
            }
        }
    }
}

/// A resource uri without what it may carry beside a place: user information,
/// query, fragment, opaque content (`data:`), token-like segments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaskedUri(String);

impl MaskedUri {
    /// Masks `uri` (RFC 3986). What has no scheme is only counted.
    pub fn of(uri: &str) -> Self {
        let whole = || Self(format!("<uri of {}>", uri.len()));
        let Some((scheme, rest)) = uri.split_once(':').filter(|(s, _)| is_scheme(s)) else {
            return whole();
        };
        let Some(rest) = rest.strip_prefix("//") else {
            return Self(format!("{scheme}:<{} more>", rest.len()));
        };
        let (rest, fragment) = cut(rest, '#');
        let (rest, query) = cut(rest, '?');
        let (authority, path) = cut(rest, '/');
        let mut out = format!("{scheme}://");
        if let Some((_, host)) = authority.rsplit_once('@') {
            out.push_str("<user>@");
            push_plain(&mut out, host);
        } else {
            push_plain(&mut out, authority);
        }
        for segment in path.into_iter().flat_map(|p| p.split('/')) {
            if out.chars().count() > URI {
                out.push_str("/<more>");
                break;
            }
            out.push('/');
            if scheme != "file" && is_token(segment) {
                tell(&mut out, format_args!("<{} more>", segment.len()));
            } else {
                push_plain(&mut out, segment);
            }
        }
        for (mark, part) in [('?', query), ('#', fragment)] {
            if let Some(part) = part {
                tell(&mut out, format_args!("{mark}<{} more>", part.len()));
            }
        }
        Self(out)
    }

    /// As it may be shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Serialize for MaskedUri {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

fn cut(text: &str, at: char) -> (&str, Option<&str>) {
    text.split_once(at)
        .map_or((text, None), |(before, after)| (before, Some(after)))
}

fn is_scheme(scheme: &str) -> bool {
    scheme.len() <= 32
        && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+.-".contains(c))
}

fn is_token(segment: &str) -> bool {
    segment.len() >= TOKEN
        && segment.contains(|c: char| c.is_ascii_digit())
        && segment.contains(|c: char| c.is_ascii_alphabetic())
}

/// At most what one uri may take; nothing that a terminal would act on.
fn push_plain(out: &mut String, text: &str) {
    let plain = |c: char| c.is_alphanumeric() || c.is_ascii_graphic() || c == ' ';
    out.extend(text.chars().take(URI).map(|c| {
        if plain(c) {
            c
        } else {
            char::REPLACEMENT_CHARACTER
        }
    }));
}

fn tell(out: &mut String, what: fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = out.write_fmt(what);
}
