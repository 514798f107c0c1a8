//! Values that a policy writes down, and their equality with JSON values.

use super::number::Decimal;
use super::shown;
use crate::engine::message::{Json, Kind};
use std::collections::BTreeMap;
use std::fmt;

/// A value in a policy. TOML has no null, so there is none here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Literal {
    Bool(bool),
    /// The number, and how the policy spells it.
    Number(Decimal, String),
    String(String),
    Array(Vec<Self>),
    Object(BTreeMap<String, Self>),
}

impl Literal {
    /// The kind of the JSON values that can equal it.
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Bool(_) => Kind::Bool,
            Self::Number(..) => Kind::Number,
            Self::String(_) => Kind::String,
            Self::Array(_) => Kind::Array,
            Self::Object(_) => Kind::Object,
        }
    }

    /// How many items or members it has.
    pub(super) fn count(&self) -> Option<u64> {
        match self {
            Self::Array(items) => u64::try_from(items.len()).ok(),
            Self::Object(members) => u64::try_from(members.len()).ok(),
            Self::Bool(_) | Self::Number(..) | Self::String(_) => None,
        }
    }

    /// Whether both are one value, however they are spelled.
    pub(super) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Number(one, _), Self::Number(another, _)) => one == another,
            (Self::Array(one), Self::Array(another)) => {
                one.len() == another.len() && one.iter().zip(another).all(|(a, b)| a.is(b))
            }
            (Self::Object(one), Self::Object(another)) => {
                one.len() == another.len()
                    && one
                        .iter()
                        .all(|(key, a)| another.get(key).is_some_and(|b| a.is(b)))
            }
            _ => self == other,
        }
    }

    /// Whether `value` is this: numbers by their exact value, strings
    /// unescaped, objects without regard to the order of their members.
    ///
    /// `None`: cannot be told. A lax server reads `"5"` as 5, so that values
    /// of different kinds are not simply unequal.
    pub(super) fn equals(&self, value: Json<'_>) -> Option<bool> {
        if self.kind() != value.kind() {
            return None;
        }
        match self {
            Self::Bool(expected) => Some(value.as_bool() == Some(*expected)),
            Self::Number(expected, _) => Some(Decimal::parse(value.as_number()?)? == *expected),
            Self::String(expected) => Some(value.as_str()? == expected.as_str()),
            Self::Array(expected) => {
                if expected.len() != value.items().count() {
                    return Some(false);
                }
                all(expected.iter().zip(value.items()).map(|(e, v)| e.equals(v)))
            }
            Self::Object(expected) => {
                if expected.len() != value.members().count() {
                    return Some(false);
                }
                all(expected
                    .iter()
                    .map(|(key, e)| value.get(key).map_or(Some(false), |v| e.equals(v))))
            }
        }
    }
}

/// "And" over what may be unknown: one `false` settles it.
fn all(parts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut known = true;
    for part in parts {
        match part {
            Some(false) => return Some(false),
            Some(true) => {}
            None => known = false,
        }
    }
    known.then_some(true)
}

impl fmt::Display for Literal {
    /// As an explanation shows it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "`{value}`"),
            Self::Number(_, spelled) => write!(f, "`{spelled}`"),
            Self::String(text) => f.write_str(&shown::quoted(text)),
            Self::Array(items) => write!(f, "an array of {}", items.len()),
            Self::Object(members) => write!(f, "an object of {}", members.len()),
        }
    }
}
