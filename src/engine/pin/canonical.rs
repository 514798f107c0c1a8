//! Canonical bytes of a JSON value (RFC 8785), written straight from the view.
//!
//! Member order, white space, string escapes and number spelling do not show;
//! everything else does, unknown members included. No typed model and no
//! second parser stand in between: what they drop or merge would be a place
//! to change an approved definition unseen (a rug pull).

use super::number;
use crate::engine::message::{Json, Kind};
use std::borrow::Cow;
use std::cmp::Ordering;

/// The canonical text of `value`. Total: the strict reader has refused what
/// has no canonical form (lone surrogates, numbers beyond a double).
///
/// Source: RFC 8785, except that a number which no double holds exactly is
/// written as its exact decimal digits and power of ten (`9007199254740993e0`).
pub fn canonical(value: Json<'_>) -> String {
    // A canonical text is rarely longer than what was received.
    let mut writer = Writer {
        out: String::with_capacity(value.raw().len().saturating_add(64)),
        members: Vec::with_capacity(64),
    };
    writer.value(value);
    writer.out
}

/// The canonical text of a member name.
pub(super) fn canonical_key(name: &str) -> String {
    let mut out = String::with_capacity(name.len().saturating_add(2));
    push_quoted(name, &mut out);
    out
}

/// One member waiting to be written in its place.
type Member<'a> = (Cow<'a, str>, Json<'a>);

struct Writer<'a> {
    out: String,
    /// Members of the objects being written, innermost last: one buffer for
    /// the whole value instead of one for each object.
    members: Vec<Member<'a>>,
}

impl<'a> Writer<'a> {
    fn value(&mut self, value: Json<'a>) {
        match value.kind() {
            Kind::Null | Kind::Bool => self.out.push_str(value.raw()),
            Kind::Number => number::write(value.raw(), &mut self.out),
            Kind::String => self.string(value),
            Kind::Array => self.array(value),
            Kind::Object => self.object(value),
        }
    }

    fn array(&mut self, array: Json<'a>) {
        self.out.push('[');
        let mut first = true;
        for item in array.items() {
            if !first {
                self.out.push(',');
            }
            first = false;
            self.value(item);
        }
        self.out.push(']');
    }

    fn object(&mut self, object: Json<'a>) {
        let base = self.members.len();
        self.members.extend(object.members());
        if let Some(own) = self.members.get_mut(base..) {
            own.sort_unstable_by(|a, b| utf16_order(&a.0, &b.0));
        }
        self.out.push('{');
        let end = self.members.len();
        for at in base..end {
            let Some((name, value)) = self.members.get(at) else {
                break;
            };
            let value = *value;
            if at > base {
                self.out.push(',');
            }
            match name {
                // Without an escape: canonical as it stands, see `string`.
                Cow::Borrowed(name) => {
                    self.out.push('"');
                    self.out.push_str(name);
                    self.out.push('"');
                }
                Cow::Owned(name) => push_quoted(name, &mut self.out),
            }
            self.out.push(':');
            self.value(value);
        }
        self.members.truncate(base);
        self.out.push('}');
    }

    /// A string without backslash is canonical as it stands: the reader has
    /// refused raw control characters. Otherwise only its escapes change.
    fn string(&mut self, value: Json<'a>) {
        let mut rest = value.raw();
        while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
            let (plain, escape) = rest.split_at_checked(at).unwrap_or((rest, ""));
            self.out.push_str(plain);
            let mut chars = escape.chars();
            chars.next();
            match chars.next() {
                Some('u') => push_escaped(unicode_escape(&mut chars), &mut self.out),
                Some('/') => self.out.push('/'),
                Some(c) => {
                    self.out.push('\\');
                    self.out.push(c);
                }
                None => {}
            }
            rest = chars.as_str();
        }
        self.out.push_str(rest);
    }
}

/// RFC 8785 section 3.2.3: names are sorted by their UTF-16 code units.
///
/// That is the order of their bytes, except between a character of four bytes
/// (surrogates in UTF-16) and one of U+E000 to U+FFFF, whose first bytes are
/// 0xEE and 0xEF.
pub(super) fn utf16_order(a: &str, b: &str) -> Ordering {
    let differing = a.bytes().zip(b.bytes()).find(|(x, y)| x != y);
    match differing {
        None => a.len().cmp(&b.len()),
        Some((0xF0.., 0xEE | 0xEF)) => Ordering::Less,
        Some((0xEE | 0xEF, 0xF0..)) => Ordering::Greater,
        Some((x, y)) => x.cmp(&y),
    }
}

/// Reads what follows `\u`: one code unit, or two of a surrogate pair.
fn unicode_escape(chars: &mut std::str::Chars<'_>) -> char {
    let high = unit(chars);
    if !(0xD800..0xDC00).contains(&high) {
        return char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER);
    }
    chars.next();
    chars.next();
    let low = unit(chars);
    let code = 0x1_0000u32
        .wrapping_add((high & 0x3FF) << 10)
        .wrapping_add(low & 0x3FF);
    char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn unit(chars: &mut std::str::Chars<'_>) -> u32 {
    (0..4).fold(0, |unit, _| {
        let digit = chars.next().and_then(|c| c.to_digit(16));
        (unit << 4) | digit.unwrap_or_default()
    })
}

fn push_quoted(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        push_escaped(c, out);
    }
    out.push('"');
}

/// RFC 8785 section 3.2.2.2: short escapes where JSON has them, lower-case
/// hexadecimal for other control characters, everything else as it is.
fn push_escaped(c: char, out: &mut String) {
    const HEX: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
    ];
    let short = match c {
        '"' => '"',
        '\\' => '\\',
        '\u{8}' => 'b',
        '\u{c}' => 'f',
        '\n' => 'n',
        '\r' => 'r',
        '\t' => 't',
        '\0'..='\u{1f}' => {
            out.push_str("\\u00");
            out.push(if c < '\u{10}' { '0' } else { '1' });
            let low = (u32::from(c) & 0xF) as usize;
            out.push(HEX.get(low).copied().unwrap_or('0'));
            return;
        }
        _ => {
            out.push(c);
            return;
        }
    };
    out.push('\\');
    out.push(short);
}

#[cfg(test)]
mod tests;
