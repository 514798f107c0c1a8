//! The difference of two definitions, word by word, for a terminal.
//!
//! A poisoned change can be one word in a long description, so unchanged words
//! stay in sight and changed ones are marked. Everything a server wrote goes
//! through [`visible`](super::visible()): the terminal obeys only this module.

use super::visible::visible_lines;
use super::{canonical, pretty, visible};
use crate::engine::message::{Document, Json, Limits};
use similar::{Algorithm, ChangeTag, TextDiff};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// Texts of more words or lines than this together are shown whole, old then
/// new: the comparison takes time proportional to size times changes.
const LONGEST: usize = 20_000;

/// Unchanged lines kept around a change in a schema.
const CONTEXT: usize = 3;

/// Colours of the parts of a diff; empty without colour.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paint {
    color: bool,
}

impl Paint {
    pub(super) fn new(color: bool) -> Self {
        Self { color }
    }

    pub(super) fn red(self, text: &str) -> String {
        self.wrap("31", text)
    }

    pub(super) fn green(self, text: &str) -> String {
        self.wrap("32", text)
    }

    pub(super) fn yellow(self, text: &str) -> String {
        self.wrap("33", text)
    }

    pub(super) fn bold(self, text: &str) -> String {
        self.wrap("1", text)
    }

    fn wrap(self, code: &str, text: &str) -> String {
        if self.color && !text.is_empty() {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

/// Shows what changed from `old` to `new`, both JSON texts of definitions:
/// per top-level member, strings by words, other values as indented JSON by
/// lines. Empty if nothing changed. With `color` false the result has no
/// escape sequence at all: removed words stand in `[-…-]`, added in `{+…+}`.
///
/// A text that is not a definition is compared as plain text.
pub fn render_diff(old: &str, new: &str, color: bool) -> String {
    let paint = Paint::new(color);
    let (Some(before), Some(after)) = (read(old), read(new)) else {
        return if old == new {
            String::new()
        } else {
            words(old, new, paint)
        };
    };
    definitions(before.root(), after.root(), paint)
}

fn read(text: &str) -> Option<Document> {
    Document::read(text.as_bytes().to_vec(), &Limits::DEFAULT).ok()
}

fn definitions(before: Json<'_>, after: Json<'_>, paint: Paint) -> String {
    let old: BTreeMap<Cow<'_, str>, Json<'_>> = before.members().collect();
    let new: BTreeMap<Cow<'_, str>, Json<'_>> = after.members().collect();
    let names: BTreeSet<&Cow<'_, str>> = old.keys().chain(new.keys()).collect();
    let mut out = String::new();
    for name in names {
        let (was, is) = (old.get(name).copied(), new.get(name).copied());
        if was.map(canonical) == is.map(canonical) {
            continue;
        }
        let (sign, body) = match (was, is) {
            (Some(was), Some(is)) => ("~", member(was, is, paint)),
            (Some(was), None) => ("-", marked(was, "- ", |text| paint.red(text))),
            (None, Some(is)) => ("+", marked(is, "+ ", |text| paint.green(text))),
            (None, None) => continue,
        };
        out.push_str(&paint.bold(&format!("{sign} {}", visible(name))));
        out.push('\n');
        for line in body.lines() {
            out.push_str("    ");
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

fn member(was: Json<'_>, is: Json<'_>, paint: Paint) -> String {
    match (was.as_str(), is.as_str()) {
        (Some(was), Some(is)) => words(&was, &is, paint),
        _ => lines(&pretty(was), &pretty(is), paint),
    }
}

/// The text of a string, or indented JSON.
fn readable(value: Json<'_>) -> String {
    let text = value.as_str();
    visible_lines(&text.map_or_else(|| pretty(value), Cow::into_owned))
}

fn marked(value: Json<'_>, sign: &str, paint: impl Fn(&str) -> String) -> String {
    let text = readable(value);
    let lines: Vec<String> = text
        .split('\n')
        .map(|line| paint(&format!("{sign}{line}")))
        .collect();
    lines.join("\n")
}

/// One text with removed and added words in place.
pub(super) fn words(old: &str, new: &str, paint: Paint) -> String {
    // Made visible first: a hidden character is part of the word it hides in.
    let (old, new) = (visible_lines(old), visible_lines(new));
    let (before, after) = (split_words(&old), split_words(&new));
    if before.len().saturating_add(after.len()) > LONGEST {
        return whole(&old, &new, paint);
    }
    let diff = TextDiff::configure()
        .algorithm(Algorithm::Myers)
        .diff_slices(&before, &after);
    let mut runs: Vec<(ChangeTag, String)> = Vec::new();
    for change in diff.iter_all_changes() {
        match runs.last_mut() {
            Some((tag, text)) if *tag == change.tag() => text.push_str(change.value()),
            _ => runs.push((change.tag(), change.value().to_owned())),
        }
    }
    runs.iter()
        .map(|(tag, text)| match tag {
            ChangeTag::Equal => text.clone(),
            ChangeTag::Delete => by_line(text, |line| paint.red(&format!("[-{line}-]"))),
            ChangeTag::Insert => by_line(text, |line| paint.green(&format!("{{+{line}+}}"))),
        })
        .collect()
}

/// Marks every line on its own: the lines are indented afterwards.
fn by_line(text: &str, mark: impl Fn(&str) -> String) -> String {
    let lines: Vec<String> = text.split('\n').map(mark).collect();
    lines.join("\n")
}

/// Words, runs of white space, and line breaks.
fn split_words(text: &str) -> Vec<&str> {
    let kind = |c: char| match c {
        '\n' => 0u8,
        _ if c.is_whitespace() => 1,
        _ => 2,
    };
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next().map(kind) {
        let end = rest
            .char_indices()
            .find(|(at, c)| *at > 0 && (first == 0 || kind(*c) != first))
            .map_or(rest.len(), |(at, _)| at);
        let Some((word, after)) = rest.split_at_checked(end) else {
            break;
        };
        words.push(word);
        rest = after;
    }
    words
}

/// Indented JSON line by line; a line that replaces one is shown by words.
fn lines(old: &str, new: &str, paint: Paint) -> String {
    let (before, after): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    if before.len().saturating_add(after.len()) > LONGEST {
        return whole(old, new, paint);
    }
    let diff = TextDiff::configure()
        .algorithm(Algorithm::Myers)
        .diff_slices(&before, &after);
    let mut out = Vec::new();
    for (at, group) in diff.grouped_ops(CONTEXT).iter().enumerate() {
        if at > 0 {
            out.push("  ...".to_owned());
        }
        for op in group {
            let (_, was, is) = op.as_tag_tuple();
            let was = before.get(was).unwrap_or_default();
            let is = after.get(is).unwrap_or_default();
            if was == is {
                out.extend(was.iter().map(|line| format!("  {line}")));
                continue;
            }
            let paired = was.len().min(is.len());
            for (was, is) in was.iter().zip(is) {
                out.push(format!("~ {}", words(was, is, paint)));
            }
            let minus = was.iter().skip(paired);
            out.extend(minus.map(|line| paint.red(&format!("- {line}"))));
            let plus = is.iter().skip(paired);
            out.extend(plus.map(|line| paint.green(&format!("+ {line}"))));
        }
    }
    out.join("\n")
}

fn whole(old: &str, new: &str, paint: Paint) -> String {
    let minus = old.lines().map(|line| paint.red(&format!("- {line}")));
    let plus = new.lines().map(|line| paint.green(&format!("+ {line}")));
    minus.chain(plus).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests;
