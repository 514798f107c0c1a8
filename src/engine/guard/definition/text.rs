//! One plain form of a text, so that a phrase has one spelling.
//!
//! Undoes what hides a phrase from a search and not from a model: hidden
//! characters, full-width and other compatibility forms, accents, letters of
//! other scripts that look Latin, case, punctuation, line breaks, `camelCase`.

use super::unicode;
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// Stands for the end of a sentence: several words that match nothing, so
/// that a phrase rarely spans two sentences.
const SENTENCE_END: &str = " \u{1} \u{1} \u{1} ";
/// The end of a clause, likewise.
const CLAUSE_END: &str = " \u{1} ";

/// A text in plain form.
#[derive(Debug)]
pub(super) struct Plain {
    lower: String,
    flat: String,
}

impl Plain {
    pub(super) fn of(text: &str) -> Self {
        let lower = lower(text);
        let flat = flat(&lower);
        Self { lower, flat }
    }

    /// Lower case, hidden characters gone, punctuation kept.
    pub(super) fn lower(&self) -> &str {
        &self.lower
    }

    /// Its words in order. A dotfile keeps its dot (`.ssh`), `@` is a word, and
    /// `|` is the word `pipe`.
    pub(super) fn words(&self) -> Vec<&str> {
        self.flat.split_ascii_whitespace().collect()
    }
}

fn lower(text: &str) -> String {
    // `conversationHistory` has two words; only names are written like that.
    let name = !text.contains(' ');
    let mut out = String::with_capacity(text.len());
    let mut before = ' ';
    let visible = text.chars().filter(|c| unicode::is_visible(*c));
    if text.is_ascii() {
        for c in visible {
            if name && before.is_ascii_lowercase() && c.is_ascii_uppercase() {
                out.push('_');
            }
            out.push(c.to_ascii_lowercase());
            before = c;
        }
        return unescaped(out);
    }
    for c in visible.nfkd().filter(|c| !is_combining_mark(*c)) {
        if name && before.is_lowercase() && c.is_uppercase() {
            out.push('_');
        }
        before = c;
        if c.is_ascii() {
            out.push(c.to_ascii_lowercase());
        } else if let Some(latin) = looks_latin(c) {
            out.push(latin);
        } else {
            out.extend(c.to_lowercase());
        }
    }
    unescaped(out)
}

/// Without the entities by which angle brackets are written in markup.
fn unescaped(text: String) -> String {
    if !text.contains('&') {
        return text;
    }
    text.replace("&lt;", "<").replace("&gt;", ">")
}

/// The ASCII letter or digit that `c` looks like (Unicode TR 39).
fn looks_latin(c: char) -> Option<char> {
    if !c.is_alphanumeric() {
        return None;
    }
    let mut buffer = [0; 4];
    let mut skeleton = unicode_security::skeleton(c.encode_utf8(&mut buffer));
    let latin = skeleton.next().filter(char::is_ascii_alphanumeric)?;
    skeleton
        .next()
        .is_none()
        .then(|| latin.to_ascii_lowercase())
}

fn flat(lower: &str) -> String {
    let mut out = String::with_capacity(lower.len().saturating_add(16));
    let mut before = ' ';
    let mut chars = lower.chars().peekable();
    while let Some(c) = chars.next() {
        let after = chars.peek().copied().unwrap_or(' ');
        match c {
            _ if c.is_alphanumeric() => out.push(c),
            '\'' | '\u{2019}' | '`' if before.is_alphanumeric() && after.is_alphanumeric() => {}
            '.' if !before.is_alphanumeric() && after.is_alphanumeric() => out.push_str(" ."),
            '.' | '!' | '?' if after.is_whitespace() => out.push_str(SENTENCE_END),
            // `curl … | sh`
            '|' => out.push_str(" pipe "),
            ',' | ';' | ':' if after.is_whitespace() => out.push_str(CLAUSE_END),
            '@' if before.is_alphanumeric() && after.is_alphanumeric() => out.push_str(" @ "),
            _ => out.push(' '),
        }
        before = c;
    }
    out
}
