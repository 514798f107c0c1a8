//! A definition as a person reviews it: indented JSON with sorted members.
//!
//! What a terminal or a code review would not show as it is (zero width,
//! direction marks, control characters) is written as a JSON escape, so that
//! the text in the lockfile hides nothing. Numbers keep their spelling: the
//! text read back has the canonical bytes of what was received.

use super::canonical::utf16_order;
use crate::engine::guard::definition::unicode;
use crate::engine::message::{Json, Kind};

/// Arrays of plain values up to this many characters stay on one line.
const LINE: usize = 88;

/// Indented JSON without a final line break. Never contains `'''`, a carriage
/// return, or any control character but the line breaks between members.
pub fn pretty(value: Json<'_>) -> String {
    let mut out = String::with_capacity(value.raw().len().saturating_mul(2));
    write(value, 0, &mut out);
    out
}

fn write(value: Json<'_>, depth: usize, out: &mut String) {
    match value.kind() {
        Kind::Null | Kind::Bool | Kind::Number => out.push_str(value.raw()),
        Kind::String => string(&value.as_str().unwrap_or_default(), out),
        Kind::Array => array(value, depth, out),
        Kind::Object => object(value, depth, out),
    }
}

fn object(object: Json<'_>, depth: usize, out: &mut String) {
    let mut members: Vec<_> = object.members().collect();
    members.sort_by(|a, b| utf16_order(&a.0, &b.0));
    if members.is_empty() {
        out.push_str("{}");
        return;
    }
    let inner = depth.saturating_add(1);
    let mut separator = "{";
    for (name, value) in members {
        out.push_str(separator);
        separator = ",";
        line(inner, out);
        string(&name, out);
        out.push_str(": ");
        write(value, inner, out);
    }
    line(depth, out);
    out.push('}');
}

fn array(array: Json<'_>, depth: usize, out: &mut String) {
    if let Some(short) = one_line(array) {
        out.push_str(&short);
        return;
    }
    let inner = depth.saturating_add(1);
    let mut separator = "[";
    for item in array.items() {
        out.push_str(separator);
        separator = ",";
        line(inner, out);
        write(item, inner, out);
    }
    line(depth, out);
    out.push(']');
}

fn one_line(array: Json<'_>) -> Option<String> {
    let mut out = String::from("[");
    for item in array.items() {
        if matches!(item.kind(), Kind::Array | Kind::Object) || out.len() > LINE {
            return None;
        }
        if out.len() > 1 {
            out.push_str(", ");
        }
        write(item, 0, &mut out);
    }
    out.push(']');
    (out.len() <= LINE).then_some(out)
}

fn line(depth: usize, out: &mut String) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

/// A JSON string in which nothing is invisible.
fn string(text: &str, out: &mut String) {
    out.push('"');
    let mut apostrophes = 0usize;
    for c in text.chars() {
        apostrophes = if c == '\'' {
            apostrophes.saturating_add(1)
        } else {
            0
        };
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // Three in a row would end a TOML literal string.
            '\'' if apostrophes.is_multiple_of(3) => unit(u32::from(c), out),
            _ if unicode::is_visible(c) => out.push(c),
            _ => {
                let mut units = [0; 2];
                for unit_of in c.encode_utf16(&mut units) {
                    unit(u32::from(*unit_of), out);
                }
            }
        }
    }
    out.push('"');
}

fn unit(unit: u32, out: &mut String) {
    use std::fmt::Write as _;
    // Writing to a string cannot fail.
    let _: std::fmt::Result = write!(out, "\\u{unit:04x}");
}
