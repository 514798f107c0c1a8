//! Inspection of definitions before anyone approves them.
//!
//! A tool definition is text that a model obeys and that nobody reads. The
//! inspection looks at every key and every string of the received object,
//! wherever it stands (full-schema poisoning), for what a reviewer should see
//! first. Findings are shown and stop pinning on first use; they are never
//! the only wall, and nothing here permits anything. Deliberately absent: a
//! judgement of what the tool does when called.

mod encoded;
mod names;
mod phrases;
mod schema;
mod text;
pub(crate) mod unicode;

use crate::engine::message::{Json, Kind};
use crate::engine::types::Finding;
use std::collections::BTreeSet;
use text::Plain;

/// More findings than this help nobody; the rest is not listed.
const MOST: usize = 64;

/// What a reviewer should see first in a tool definition, or in any other
/// object that a model reads (a prompt, a resource). Empty for most honest
/// definitions; takes time linear in the size of the object.
///
/// Codes: `hidden-unicode`, `control-characters`, `confusable-name`,
/// `mixed-script`, `model-instruction`, `hidden-markup`, `encoded-text`,
/// `secret-reference`, `smuggling-parameter`, `misleading-annotation`,
/// `remote-schema`, `abusive-schema`, `invalid-mirror`, `mirrored-secret`.
pub fn inspect(definition: Json<'_>) -> Vec<Finding> {
    let mut report = Report::default();
    walk(definition, &mut String::new(), &mut report);
    names::inspect(definition, &mut report);
    schema::inspect(definition, &mut report);
    report.findings
}

/// The same for one text that a model reads (server instructions). `at` is
/// what the findings give as their place.
pub fn inspect_text(at: &str, text: &str) -> Vec<Finding> {
    let mut report = Report::default();
    string(text, at, &mut report);
    report.findings
}

/// Findings, at most one of a code for each place.
#[derive(Default)]
struct Report {
    findings: Vec<Finding>,
    seen: BTreeSet<(&'static str, String)>,
}

impl Report {
    fn add(&mut self, code: &'static str, at: &str, detail: impl Into<String>) {
        if self.findings.len() < MOST && self.seen.insert((code, at.to_owned())) {
            self.findings.push(Finding {
                code,
                at: at.to_owned(),
                detail: detail.into(),
            });
        }
    }
}

/// Visits every key and every string; `at` is the JSON Pointer of `value`.
fn walk(value: Json<'_>, at: &mut String, report: &mut Report) {
    let length = at.len();
    match value.kind() {
        Kind::String => string(&value.as_str().unwrap_or_default(), at, report),
        Kind::Array => {
            for (index, item) in value.items().enumerate() {
                at.push('/');
                at.push_str(&index.to_string());
                walk(item, at, report);
                at.truncate(length);
            }
        }
        Kind::Object => {
            for (key, member) in value.members() {
                push_pointer(&key, at);
                string(&key, at, report);
                walk(member, at, report);
                at.truncate(length);
            }
        }
        Kind::Null | Kind::Bool | Kind::Number => {}
    }
}

/// Appends one reference token of a JSON Pointer (RFC 6901).
fn push_pointer(key: &str, at: &mut String) {
    at.push('/');
    for c in key.chars() {
        match c {
            '~' => at.push_str("~0"),
            '/' => at.push_str("~1"),
            _ => at.push(c),
        }
    }
}

/// Everything that is looked for in one string.
fn string(text: &str, at: &str, report: &mut Report) {
    for (c, kind) in unicode::misplaced(text) {
        let code = match kind {
            unicode::Hidden::Control => "control-characters",
            unicode::Hidden::Direction
            | unicode::Hidden::Tag
            | unicode::Hidden::Variation
            | unicode::Hidden::ZeroWidth
            | unicode::Hidden::Unassigned => "hidden-unicode",
        };
        report.add(code, at, format!("{} U+{:04X}", kind.name(), u32::from(c)));
    }
    if let Some(word) = names::mixed_word(text) {
        let detail = format!("letters of several scripts in the word `{word}`");
        report.add("mixed-script", at, detail);
    }
    let plain = Plain::of(text);
    for (code, what) in phrases::found(&plain) {
        report.add(code, at, what);
    }
    if let Some(what) = encoded::hidden_markup(text, plain.lower()) {
        report.add("hidden-markup", at, what);
    }
    if let Some(what) = encoded::encoded(text, &plain) {
        report.add("encoded-text", at, what);
    }
}

#[cfg(test)]
mod tests;
