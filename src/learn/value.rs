//! JSON values that are compared, counted and written as TOML.

use crate::engine::mask::names_a_secret;
use crate::engine::message::{Json, Kind};
use crate::traffic::scrub::{is_placeholder, is_secret};
use std::collections::BTreeMap;
use toml_edit::{Array, InlineTable};

/// Most significant digits of a fraction that a policy compares exactly.
const DIGITS: usize = 17;

/// A value; numbers as they are spelled.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Self>),
    Map(BTreeMap<String, Self>),
}

/// What kind of value it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ValueKind {
    Null,
    Bool,
    Number,
    Text,
    /// A list without items: told apart, since `/list/*` selects nothing in it.
    Empty,
    List,
    Map,
}

impl Value {
    pub(super) fn of(value: Json<'_>) -> Self {
        match value.kind() {
            Kind::Null => Self::Null,
            Kind::Bool => Self::Bool(value.as_bool() == Some(true)),
            Kind::Number => Self::Number(value.raw().to_owned()),
            Kind::String => Self::Text(value.as_str().unwrap_or_default().into_owned()),
            Kind::Array => Self::List(value.items().map(Self::of).collect()),
            Kind::Object => {
                let members = value.members();
                Self::Map(
                    members
                        .map(|(k, v)| (k.into_owned(), Self::of(v)))
                        .collect(),
                )
            }
        }
    }

    pub(super) fn kind(&self) -> ValueKind {
        match self {
            Self::Null => ValueKind::Null,
            Self::Bool(_) => ValueKind::Bool,
            Self::Number(_) => ValueKind::Number,
            Self::Text(_) => ValueKind::Text,
            Self::List(items) if items.is_empty() => ValueKind::Empty,
            Self::List(_) => ValueKind::List,
            Self::Map(_) => ValueKind::Map,
        }
    }

    /// How many items a list has.
    pub(super) fn items(&self) -> usize {
        match self {
            Self::List(items) => items.len(),
            _ => 0,
        }
    }

    /// Whether it is or holds a secret, or the placeholder of one. A recording
    /// may have been made by somebody else.
    pub(super) fn holds_secret(&self, name: &str) -> bool {
        let named = names_a_secret(name);
        match self {
            Self::Null | Self::Bool(_) => false,
            Self::Number(_) => named && !name.to_lowercase().ends_with("tokens"),
            Self::Text(text) => {
                is_placeholder(text) || is_secret(name, text) || (named && !text.is_empty())
            }
            Self::List(items) => named || items.iter().any(|item| item.holds_secret(name)),
            Self::Map(members) => {
                named
                    || members.iter().any(|(key, value)| {
                        is_placeholder(key) || is_secret("", key) || value.holds_secret(key)
                    })
            }
        }
    }

    /// Whether a text within a list or a table would be taken for a variable: a
    /// policy has no way to say it there.
    fn holds_variable(&self) -> bool {
        match self {
            Self::Null | Self::Bool(_) | Self::Number(_) => false,
            Self::Text(text) => text.contains("${"),
            Self::List(items) => items.iter().any(Self::holds_variable),
            Self::Map(members) => {
                let mut values = members.values();
                values.any(Self::holds_variable)
            }
        }
    }

    /// The same value as JSON.
    pub(super) fn to_json(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Number(raw) => raw.clone(),
            Self::Text(text) => serde_json::Value::from(text.as_str()).to_string(),
            Self::List(items) => {
                let items: Vec<_> = items.iter().map(Self::to_json).collect();
                format!("[{}]", items.join(","))
            }
            Self::Map(members) => {
                let members = members.iter().map(|(key, value)| {
                    let key = serde_json::Value::from(key.as_str());
                    format!("{key}:{}", value.to_json())
                });
                format!("{{{}}}", members.collect::<Vec<_>>().join(","))
            }
        }
    }

    /// As a policy writes it. `None`: TOML has no null, and a number may be too
    /// long to be compared.
    pub(super) fn to_toml(&self) -> Option<toml_edit::Value> {
        Some(match self {
            Self::Null => return None,
            Self::Bool(value) => (*value).into(),
            Self::Number(raw) => number(raw)?,
            // `${` begins a variable there.
            Self::Text(text) => text.replace("${", "$${").into(),
            Self::List(_) | Self::Map(_) if self.holds_variable() => return None,
            Self::List(items) => {
                let items: Option<Array> = items.iter().map(Self::to_toml).collect();
                items?.into()
            }
            Self::Map(members) => {
                let mut table = InlineTable::new();
                for (key, value) in members {
                    table.insert(key, value.to_toml()?);
                }
                table.into()
            }
        })
    }
}

/// A number as TOML, if it is the same number there.
fn number(raw: &str) -> Option<toml_edit::Value> {
    if raw.parse::<i64>().is_ok() {
        return raw.parse().ok();
    }
    let mantissa = raw.split(['e', 'E']).next().unwrap_or(raw);
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let significant = digits.trim_start_matches('0').len();
    let fraction = raw.contains(['.', 'e', 'E']);
    let finite = raw.parse::<f64>().is_ok_and(f64::is_finite);
    (fraction && finite && significant <= DIGITS).then(|| raw.parse().ok())?
}
