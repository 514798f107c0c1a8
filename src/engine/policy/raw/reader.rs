//! Reading one TOML value as the type that a key has.
//!
//! Each function tells what is wrong and gives nothing back then, so that the
//! caller goes on with the next key.

use super::{At, Decimal, List, Literal, Problems, Span, Text};
use crate::engine::policy::{Code, shown, suggest};
use std::collections::BTreeMap;
use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

/// The keys of one kind of table.
#[derive(Debug)]
pub(super) struct Keys {
    /// What to call the table.
    pub(super) table: &'static str,
    /// What it may have.
    pub(super) known: &'static [&'static str],
    /// What the language has and this version does not enforce.
    pub(super) later: &'static [&'static str],
}

/// One key and its value.
#[derive(Debug)]
pub(super) struct Entry<'t, 'i> {
    pub(super) key: &'t str,
    pub(super) key_span: Span,
    pub(super) value: &'t Spanned<DeValue<'i>>,
}

impl Entry<'_, '_> {
    /// The place of the value.
    pub(super) fn span(&self) -> Span {
        self.value.span()
    }
}

/// The entries of a table.
pub(super) fn entries<'t, 'i>(table: &'t DeTable<'i>) -> impl Iterator<Item = Entry<'t, 'i>> {
    table.iter().map(|(key, value)| Entry {
        key: key.get_ref(),
        key_span: key.span(),
        value,
    })
}

/// Reads values and collects what is wrong.
#[derive(Debug)]
pub(super) struct Reader<'p> {
    pub(super) problems: &'p mut Problems,
}

impl Reader<'_> {
    /// Tells of a key that does not belong here.
    pub(super) fn unknown(&mut self, entry: &Entry<'_, '_>, keys: &Keys) {
        let key = shown::quoted(entry.key);
        if keys.later.contains(&entry.key) {
            self.not_enforced(entry.key_span.clone(), entry.key);
            return;
        }
        let message = format!("unknown key {key} in {}", keys.table);
        let help = suggest::help(entry.key, keys.known);
        let span = entry.key_span.clone();
        self.problems.tell(Code::UNKNOWN_KEY, span, message, help);
    }

    /// Tells of something that a later version may enforce.
    pub(super) fn not_enforced(&mut self, span: Span, what: &str) {
        let message = format!("{} is not enforced by this version", shown::quoted(what));
        let help = "remove it: lockgate takes nothing into a policy that it does not enforce";
        self.problems.tell(Code::NOT_ENFORCED, span, message, help);
    }

    fn mismatch(&mut self, entry: &Entry<'_, '_>, expected: &str) {
        let message = format!(
            "expected {} to be {expected}, found {}",
            shown::quoted(entry.key),
            kind(entry.value.get_ref())
        );
        let help = format!("write {} as {expected}", shown::quoted(entry.key));
        self.problems
            .tell(Code::WRONG_TYPE, entry.span(), message, help);
    }

    /// A string.
    pub(super) fn text(&mut self, entry: &Entry<'_, '_>) -> Option<Text> {
        if let DeValue::String(text) = entry.value.get_ref() {
            return Some(At {
                value: text.clone().into_owned(),
                span: entry.span(),
            });
        }
        self.mismatch(entry, "a string");
        None
    }

    /// A list of strings.
    pub(super) fn list(&mut self, entry: &Entry<'_, '_>) -> Option<List> {
        let DeValue::Array(items) = entry.value.get_ref() else {
            self.mismatch(entry, "a list of strings");
            return None;
        };
        let mut texts = Vec::new();
        for value in items {
            let item = Entry {
                key: entry.key,
                key_span: entry.key_span.clone(),
                value,
            };
            if let DeValue::String(text) = value.get_ref() {
                texts.push(At {
                    value: text.clone().into_owned(),
                    span: value.span(),
                });
            } else {
                self.mismatch(&item, "a list of strings");
            }
        }
        Some(At {
            value: texts,
            span: entry.span(),
        })
    }

    /// A list of strings that has at least one.
    pub(super) fn full_list(&mut self, entry: &Entry<'_, '_>) -> Option<List> {
        let is_empty = matches!(entry.value.get_ref(), DeValue::Array(items) if items.is_empty());
        if is_empty {
            // It would never match anything, which nobody means.
            let message = format!("{} is an empty list", shown::quoted(entry.key));
            let help = "leave the key out, or list at least one";
            self.problems
                .tell(Code::EMPTY_LIST, entry.span(), message, help);
            return None;
        }
        self.list(entry)
    }

    /// `true` or `false`.
    pub(super) fn boolean(&mut self, entry: &Entry<'_, '_>) -> Option<At<bool>> {
        if let DeValue::Boolean(value) = entry.value.get_ref() {
            return Some(At {
                value: *value,
                span: entry.span(),
            });
        }
        self.mismatch(entry, "true or false");
        None
    }

    /// A number, exact, with its spelling.
    pub(super) fn number(&mut self, entry: &Entry<'_, '_>) -> Option<(Decimal, String)> {
        let number = number(entry.value.get_ref());
        if number.is_none() {
            self.mismatch(entry, "a number that can be compared exactly");
        }
        number
    }

    /// A whole number of at least 0.
    pub(super) fn count(&mut self, entry: &Entry<'_, '_>) -> Option<u64> {
        if let DeValue::Integer(integer) = entry.value.get_ref()
            && let Ok(count) = u64::from_str_radix(integer.as_str(), integer.radix())
        {
            return Some(count);
        }
        self.mismatch(entry, "a whole number of at least 0");
        None
    }

    /// A port that can be listened on.
    pub(super) fn port(&mut self, entry: &Entry<'_, '_>) -> Option<At<u16>> {
        if let DeValue::Integer(integer) = entry.value.get_ref()
            && let Ok(value @ 1..) = u16::from_str_radix(integer.as_str(), integer.radix())
        {
            return Some(At {
                value,
                span: entry.span(),
            });
        }
        self.mismatch(entry, "a port from 1 to 65535");
        None
    }

    /// A table.
    pub(super) fn table<'t, 'i>(&mut self, entry: &Entry<'t, 'i>) -> Option<&'t DeTable<'i>> {
        if let DeValue::Table(table) = entry.value.get_ref() {
            return Some(table);
        }
        self.mismatch(entry, "a table");
        None
    }

    /// One of a few words. `later` are words that this version does not enforce.
    pub(super) fn word<T: Copy>(
        &mut self,
        entry: &Entry<'_, '_>,
        words: &[(&str, T)],
        later: &[&str],
    ) -> Option<T> {
        let text = self.text(entry)?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text.value) {
            return Some(*value);
        }
        if later.contains(&text.value.as_str()) {
            let what = format!("{} = \"{}\"", entry.key, text.value);
            self.not_enforced(text.span, &what);
            return None;
        }
        let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        let message = format!(
            "{} is no value of {}",
            shown::quoted(&text.value),
            shown::quoted(entry.key)
        );
        let help = suggest::help(&text.value, &known);
        self.problems
            .tell(Code::UNKNOWN_WORD, text.span, message, help);
        None
    }

    /// Any value that JSON has too.
    pub(super) fn literal(&mut self, entry: &Entry<'_, '_>) -> Option<At<Literal>> {
        let literal = literal(entry.value.get_ref());
        if literal.is_none() {
            self.mismatch(entry, "a value that JSON has too");
        }
        literal.map(|value| At {
            value,
            span: entry.span(),
        })
    }
}

fn literal(value: &DeValue<'_>) -> Option<Literal> {
    Some(match value {
        DeValue::String(text) => Literal::String(text.clone().into_owned()),
        DeValue::Boolean(value) => Literal::Bool(*value),
        DeValue::Integer(_) | DeValue::Float(_) => {
            let (number, spelled) = number(value)?;
            Literal::Number(number, spelled)
        }
        DeValue::Array(items) => Literal::Array(
            items
                .iter()
                .map(|item| literal(item.get_ref()))
                .collect::<Option<_>>()?,
        ),
        DeValue::Table(members) => Literal::Object(
            members
                .iter()
                .map(|(key, value)| Some((key.get_ref().to_string(), literal(value.get_ref())?)))
                .collect::<Option<BTreeMap<_, _>>>()?,
        ),
        DeValue::Datetime(_) => return None,
    })
}

fn number(value: &DeValue<'_>) -> Option<(Decimal, String)> {
    let spelled = match value {
        DeValue::Integer(integer) => decimal_text(integer)?,
        DeValue::Float(float) => float.as_str().to_owned(),
        DeValue::String(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)
        | DeValue::Array(_)
        | DeValue::Table(_) => return None,
    };
    Some((Decimal::parse(&spelled)?, spelled))
}

fn decimal_text(integer: &DeInteger<'_>) -> Option<String> {
    if integer.radix() == 10 {
        return Some(integer.as_str().to_owned());
    }
    let value = u128::from_str_radix(integer.as_str(), integer.radix()).ok()?;
    Some(value.to_string())
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(number) if number.as_str().starts_with('-') => "a negative number",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(number) if number.as_str().ends_with("inf") => "an infinite number",
        DeValue::Float(number) if number.as_str().ends_with("nan") => "no number (`nan`)",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
