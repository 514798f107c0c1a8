//! The files of a policy, as texts: who reads them is not the engine's business.
//!
//! A place in any of them is one number, counted through all files, so that a
//! place says which file it is in.

use super::code::Code;
use super::diagnostic::{Diagnostic, Problems, Severity, Span};
use crate::engine::types::Digest;
use std::collections::BTreeMap;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Source {
    name: String,
    key: String,
    dir: String,
    text: String,
    /// Where its first byte is counted.
    start: usize,
    /// Where its lines begin, the first one left out.
    lines: Vec<usize>,
    /// What it includes has been read, or a problem says why not.
    followed: bool,
}

/// The files of a policy. Their order makes no difference to what they say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    files: Vec<Source>,
    found: Vec<Diagnostic>,
}

/// A file to add.
#[derive(Debug, Clone)]
pub struct NewSource {
    /// What people and records call it.
    pub name: String,
    /// What it is called on every machine, for the digest.
    pub key: String,
    /// The directory that its relative paths are relative to, absolute.
    pub dir: String,
    /// What it says.
    pub text: String,
}

/// Something that a file includes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Include {
    /// A path, relative to the file; `*` in its last part stands for any run of
    /// characters.
    pub path: String,
    /// Where it says so.
    pub span: Span,
}

/// Where something stands, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'s> {
    /// The name of the file.
    pub file: &'s str,
    /// 1-based.
    pub line: usize,
    /// 1-based, in characters.
    pub column: usize,
    /// The same in UTF-16 code units.
    pub utf16: usize,
}

impl Sources {
    /// A policy of one file that includes no others.
    pub fn one(name: &str, dir: &str, text: &str) -> Self {
        let mut sources = Self::default();
        sources.add(NewSource {
            name: name.to_owned(),
            key: name.to_owned(),
            dir: dir.to_owned(),
            text: text.to_owned(),
        });
        sources
    }

    /// Adds a file. Gives its number.
    pub fn add(&mut self, new: NewSource) -> usize {
        let NewSource {
            name,
            key,
            dir,
            text,
        } = new;
        let number = self.files.len();
        // One apart, so that the end of a file is not the next one's beginning.
        let start = self.end().saturating_add(usize::from(number > 0));
        let ends = memchr::memchr_iter(b'\n', text.as_bytes());
        self.files.push(Source {
            lines: ends.map(|end| end.saturating_add(1)).collect(),
            name,
            key,
            dir,
            text,
            start,
            followed: false,
        });
        number
    }

    /// What a file includes. Whoever asks has to add it, or to object.
    pub fn follow(&mut self, number: usize) -> Vec<Include> {
        let Some(file) = self.files.get_mut(number) else {
            return Vec::new();
        };
        file.followed = true;
        let file = &*file;
        let (table, _) = file.table();
        let listed = table.get_ref().get("include").map(Spanned::get_ref);
        let items = match listed {
            Some(DeValue::Array(items)) => items.iter(),
            // Told where the whole policy is read.
            _ => [].iter(),
        };
        let text = |item: &Spanned<DeValue<'_>>| match item.get_ref() {
            DeValue::String(path) => Some(Include {
                path: path.clone().into_owned(),
                span: item.span(),
            }),
            _ => None,
        };
        items.filter_map(text).collect()
    }

    /// Something is wrong with the files themselves: they are no policy then.
    pub fn object(&mut self, span: Span, message: String, help: String) {
        self.found.push(Diagnostic {
            code: Code::UNREADABLE,
            span,
            message,
            help: Some(help),
            severity: Severity::Error,
        });
    }

    /// Where a place is.
    pub fn place(&self, at: usize) -> Option<Place<'_>> {
        let file = self.at(at)?;
        let at = at.saturating_sub(file.start).min(file.text.len());
        let line = file.lines.partition_point(|start| *start <= at);
        let begin = line.checked_sub(1).and_then(|line| file.lines.get(line));
        let at = file.text.floor_char_boundary(at);
        let before = file.text.get(begin.copied().unwrap_or(0)..at);
        let before = before.unwrap_or_default();
        Some(Place {
            file: &file.name,
            line: line.saturating_add(1),
            column: before.chars().count().saturating_add(1),
            utf16: before.encode_utf16().count().saturating_add(1),
        })
    }

    /// Lets relative paths of files in one directory, or below it, be relative to
    /// another.
    pub fn move_to(&mut self, from: &str, to: &str) {
        for file in &mut self.files {
            let rest = file.dir.strip_prefix(from);
            if let Some(rest) = rest.filter(|rest| rest.is_empty() || rest.starts_with('/')) {
                file.dir = format!("{to}{rest}");
            }
        }
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> usize {
        self.files.iter().map(|f| f.text.len()).sum()
    }

    /// The names and the texts of the files, in their order.
    pub fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        let files = self.files.iter();
        files.map(|file| (file.name.as_str(), file.text.as_str()))
    }

    /// The same files, some with other texts, by their numbers. What they include
    /// stays what it was.
    #[must_use]
    pub fn with_texts(&self, texts: &BTreeMap<usize, String>) -> Self {
        let mut changed = Self {
            found: self.found.clone(),
            ..Self::default()
        };
        for (n, file) in self.files.iter().enumerate() {
            let text = texts.get(&n).unwrap_or(&file.text);
            let number = changed.add(NewSource {
                name: file.name.clone(),
                key: file.key.clone(),
                dir: file.dir.clone(),
                text: text.clone(),
            });
            if let Some(new) = changed.files.get_mut(number) {
                new.followed = file.followed;
            }
        }
        changed
    }

    /// How many files there are.
    pub fn count(&self) -> usize {
        self.files.len()
    }

    /// The digest of what they say: of one file, that of its text; of several, of
    /// all names and texts.
    pub fn digest(&self) -> Digest {
        if let [only] = self.files.as_slice() {
            return Digest::of(&[only.text.as_bytes()]);
        }
        let mut files: Vec<_> = self.files.iter().map(|f| (&f.key, &f.text)).collect();
        files.sort();
        let parts = files.into_iter().flat_map(|(key, text)| [key, text]);
        let parts = parts.map(|part| Digest::of(&[part.as_bytes()]).0);
        let parts: Vec<_> = parts.collect();
        let mut all: Vec<&[u8]> = vec![b"lockgate-policy-v1\0"];
        all.extend(parts.iter().map(<[u8; 32]>::as_slice));
        Digest::of(&all)
    }

    /// What was found wrong with the files.
    pub(super) fn objections(&self, problems: &mut Problems) {
        problems.extend(self.found.iter().cloned());
    }

    /// The text of a file with its name, and where it begins.
    pub(super) fn text_at(&self, at: usize) -> Option<(&str, &str, usize)> {
        let file = self.at(at)?;
        Some((&file.name, &file.text, file.start))
    }

    /// The directory of the file that a place is in.
    pub(super) fn dir_at(&self, at: usize) -> Option<&str> {
        self.at(at).map(|file| file.dir.as_str())
    }

    /// Every file as a table whose places are counted through all of them: the
    /// text, where it begins, what is in it and what is no TOML.
    pub(super) fn tables(&self) -> impl Iterator<Item = Parsed<'_>> {
        self.files.iter().map(|file| {
            let (table, errors) = file.table();
            Parsed {
                text: &file.text,
                start: file.start,
                followed: file.followed,
                table,
                errors,
            }
        })
    }

    fn end(&self) -> usize {
        let end = |file: &Source| file.start.saturating_add(file.text.len());
        self.files.last().map_or(0, end)
    }

    fn at(&self, at: usize) -> Option<&Source> {
        let before = self.files.iter().rev().find(|file| file.start <= at);
        before.or(self.files.first())
    }
}

/// A file, read as TOML.
pub(super) struct Parsed<'s> {
    pub(super) text: &'s str,
    pub(super) start: usize,
    pub(super) followed: bool,
    pub(super) table: Spanned<DeTable<'s>>,
    /// With places within the file.
    pub(super) errors: Vec<toml::de::Error>,
}

impl Source {
    fn table(&self) -> (Spanned<DeTable<'_>>, Vec<toml::de::Error>) {
        let (table, errors) = DeTable::parse_recoverable(&self.text);
        (moved(table, self.start, moved_table), errors)
    }
}

/// A value with its place counted from further back. As deep as the parser lets
/// a text be, which is bounded.
fn moved<T>(value: Spanned<T>, by: usize, inner: fn(T, usize) -> T) -> Spanned<T> {
    let span = value.span();
    let span = span.start.saturating_add(by)..span.end.saturating_add(by);
    Spanned::new(span, inner(value.into_inner(), by))
}

fn moved_table(table: DeTable<'_>, by: usize) -> DeTable<'_> {
    table
        .into_iter()
        .map(|(key, value)| (moved(key, by, |key, _| key), moved(value, by, moved_value)))
        .collect()
}

fn moved_value(value: DeValue<'_>, by: usize) -> DeValue<'_> {
    match value {
        DeValue::Table(table) => DeValue::Table(moved_table(table, by)),
        DeValue::Array(items) => {
            let mut all = DeArray::new();
            for item in items {
                all.push(moved(item, by, moved_value));
            }
            DeValue::Array(all)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(name: &str, text: &str) -> NewSource {
        NewSource {
            name: name.to_owned(),
            key: name.to_owned(),
            dir: "/".to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn columns_are_in_utf16_too() {
        let sources = Sources::one("p", "/", "a\n\u{1f600}b = 1\n");
        for (at, line, column, utf16) in [
            (0, 1, 1, 1),
            (2, 2, 1, 1),
            (4, 2, 1, 1),
            (6, 2, 2, 3),
            (99, 3, 1, 1),
        ] {
            let place = sources.place(at).unwrap();
            let told = (place.line, place.column, place.utf16);
            assert_eq!(told, (line, column, utf16), "{at}");
        }
    }

    #[test]
    fn files_move_together() {
        let mut sources = Sources::default();
        for (name, dir) in [("a", "/old"), ("b", "/old/c"), ("c", "/older")] {
            let dir = dir.to_owned();
            sources.add(NewSource {
                dir,
                ..source(name, "x")
            });
        }
        sources.move_to("/old", "/new");
        let dirs: Vec<_> = (0..6).step_by(2).map(|at| sources.dir_at(at)).collect();
        assert_eq!(dirs, [Some("/new"), Some("/new/c"), Some("/older")]);
    }

    #[test]
    fn a_place_says_its_file() {
        let mut sources = Sources::default();
        sources.add(source("a", "é = 1\nb = 2"));
        sources.add(source("empty", ""));
        sources.add(source("c", "\nd = 3\n"));
        for (at, file, line, column) in [
            (0, "a", 1, 1),
            (3, "a", 1, 3),
            (6, "a", 1, 6),
            (7, "a", 2, 1),
            (12, "a", 2, 6),
            (13, "empty", 1, 1),
            (14, "c", 1, 1),
            (15, "c", 2, 1),
            (21, "c", 3, 1),
            (99, "c", 3, 1),
        ] {
            let place = sources.place(at).unwrap();
            let told = (place.file, place.line, place.column);
            assert_eq!(told, (file, line, column), "{at}");
        }
        assert_eq!(Sources::default().place(0), None);
        assert_eq!(sources.dir_at(14), Some("/"));
    }
}
