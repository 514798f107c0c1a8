//! Text of a server on a terminal: shown, never obeyed.
//!
//! A server that could write an escape sequence to the reviewer's terminal
//! could repaint the very diff that is to be approved. Every character that
//! is not plainly visible is shown by its number.

use crate::engine::guard::definition::unicode;
use std::fmt::Write as _;

/// `text` on one line, every hidden character as `<U+200B>`; line breaks and
/// tabs become `⏎` and `→`.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push('⏎'),
            '\t' => out.push('→'),
            _ => push_visible(c, &mut out),
        }
    }
    out
}

/// The same over several lines: line breaks stay.
pub(super) fn visible_lines(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => out.push(c),
            _ => push_visible(c, &mut out),
        }
    }
    out
}

fn push_visible(c: char, out: &mut String) {
    if c != '\r' && unicode::is_visible(c) {
        out.push(c);
    } else {
        // Writing to a string cannot fail.
        let _: std::fmt::Result = write!(out, "<U+{:04X}>", u32::from(c));
    }
}
