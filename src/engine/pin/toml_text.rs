//! TOML strings and keys as the lockfile writes them.
//!
//! One spelling for each string, so that the file is byte-stable; what a code
//! review would not show as it is becomes an escape. Source: TOML 1.0.

use crate::engine::guard::definition::unicode;
use std::fmt::Write as _;

/// A key: bare where it can be, otherwise quoted.
pub(super) fn key(name: &str) -> String {
    let bare = !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if bare { name.to_owned() } else { string(name) }
}

/// A basic string on one line.
pub(super) fn string(text: &str) -> String {
    let mut out = String::with_capacity(text.len().saturating_add(2));
    out.push('"');
    for c in text.chars() {
        if c == '\n' {
            out.push_str("\\n");
        } else {
            push(c, &mut out);
        }
    }
    out.push('"');
    out
}

/// A text that may have many lines: a multi-line basic string if it has.
pub(super) fn text(text: &str) -> String {
    if !text.contains('\n') {
        return string(text);
    }
    let mut out = String::from("\"\"\"\n");
    for c in text.chars() {
        if c == '\n' {
            out.push('\n');
        } else {
            push(c, &mut out);
        }
    }
    out.push_str("\"\"\"");
    out
}

/// An array of strings on one line.
pub(super) fn strings(items: &[String]) -> String {
    let items: Vec<String> = items.iter().map(|item| string(item)).collect();
    format!("[{}]", items.join(", "))
}

fn push(c: char, out: &mut String) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\t' => out.push_str("\\t"),
        '\r' => out.push_str("\\r"),
        _ if unicode::is_visible(c) => out.push(c),
        _ => {
            // Writing to a string cannot fail.
            let _: std::fmt::Result = write!(out, "\\U{:08x}", u32::from(c));
        }
    }
}
