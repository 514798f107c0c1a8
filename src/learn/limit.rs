//! Constraints that are proposed, and how a policy writes them.

use super::value::Value;
use std::collections::BTreeSet;
use toml_edit::{Array, InlineTable};

/// What a value has to be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Limit {
    OneOf(BTreeSet<Value>),
    Matches(String),
    /// `true`: it is written to.
    Path(bool),
    Min(String),
    Max(String),
    MaxLen(u64),
    MinItems(u64),
    MaxItems(u64),
    /// Patterns of hosts.
    Host(BTreeSet<String>),
    /// Patterns of URLs.
    Urls(BTreeSet<String>),
    /// URLs of these schemes, hosts and ports.
    UrlParts(UrlParts),
    /// Patterns of addresses.
    Email(BTreeSet<String>),
    Command(Command),
    Sql(Sql),
    /// What each item satisfies.
    Each(Vec<Self>),
    /// What one of these say.
    AnyOf(Vec<Vec<Self>>),
    Absent,
}

/// Where URLs lead.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct UrlParts {
    pub(super) scheme: String,
    pub(super) hosts: BTreeSet<String>,
    pub(super) port: Option<u16>,
}

/// Command lines.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Command {
    pub(super) programs: BTreeSet<String>,
    /// `None`: too many to list.
    pub(super) args: Option<BTreeSet<String>>,
    /// Several commands in a line.
    pub(super) shell: bool,
}

/// SQL.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Sql {
    pub(super) dialect: &'static str,
    pub(super) statements: BTreeSet<&'static str>,
    pub(super) tables: BTreeSet<String>,
}

impl Limit {
    pub(super) fn one_of(values: impl IntoIterator<Item = Value>) -> Self {
        Self::OneOf(values.into_iter().collect())
    }

    /// One of these texts.
    pub(super) fn texts<'t>(texts: impl IntoIterator<Item = &'t str>) -> Self {
        Self::one_of(texts.into_iter().map(|text| Value::Text(text.to_owned())))
    }

    /// Its key and value in a policy; `None` where TOML cannot say it.
    fn to_toml(&self) -> Option<(&'static str, toml_edit::Value)> {
        let integer = |n: &u64| i64::try_from(*n).unwrap_or(i64::MAX);
        Some(match self {
            Self::OneOf(values) => match values.first() {
                Some(only) if values.len() == 1 => ("equals", only.to_toml()?),
                _ => {
                    let values: Option<Array> = values.iter().map(Value::to_toml).collect();
                    ("one_of", values?.into())
                }
            },
            Self::Matches(pattern) => ("matches", pattern.as_str().into()),
            Self::Path(writes) => ("path", if *writes { "write" } else { "read" }.into()),
            Self::Min(bound) => ("min", Value::Number(bound.clone()).to_toml()?),
            Self::Max(bound) => ("max", Value::Number(bound.clone()).to_toml()?),
            Self::MaxLen(bound) => ("max_len", integer(bound).into()),
            Self::MinItems(bound) => ("min_items", integer(bound).into()),
            Self::MaxItems(bound) => ("max_items", integer(bound).into()),
            Self::Host(hosts) => ("host", one_or_list(hosts)),
            Self::Urls(patterns) => ("url", one_or_list(patterns)),
            Self::UrlParts(parts) => ("url", parts.to_toml().into()),
            Self::Email(patterns) => ("email", one_or_list(patterns)),
            Self::Command(command) => ("command", command.to_toml().into()),
            Self::Sql(sql) => ("sql", sql.to_toml().into()),
            Self::Each(limits) => ("each", table(limits)?.into()),
            Self::AnyOf(alternatives) => {
                let all: Option<Array> = alternatives.iter().map(|one| table(one)).collect();
                ("any_of", all?.into())
            }
            Self::Absent => ("absent", true.into()),
        })
    }

    /// As a policy has it.
    #[cfg(test)]
    pub(super) fn told(&self) -> String {
        let (key, value) = self.to_toml().unwrap();
        let text = crate::layout::format(&format!("{key} = {value}")).unwrap();
        let lines: Vec<_> = text.lines().map(str::trim).collect();
        let text = lines.join(" ");
        text.replace("[ ", "[").replace(", ]", "]")
    }
}

/// Limits that hold together.
fn table(limits: &[Limit]) -> Option<InlineTable> {
    let mut table = InlineTable::new();
    for limit in limits {
        let (key, value) = limit.to_toml()?;
        table.insert(key, value);
    }
    Some(table)
}

fn list<'t>(texts: impl IntoIterator<Item = &'t str>) -> Array {
    texts.into_iter().collect()
}

fn one_or_list(texts: &BTreeSet<String>) -> toml_edit::Value {
    match texts.first() {
        Some(only) if texts.len() == 1 => only.as_str().into(),
        _ => list(texts.iter().map(String::as_str)).into(),
    }
}

impl UrlParts {
    fn to_toml(&self) -> InlineTable {
        let mut table = InlineTable::new();
        table.insert("schemes", list([self.scheme.as_str()]).into());
        table.insert("hosts", list(self.hosts.iter().map(String::as_str)).into());
        if let Some(port) = self.port {
            table.insert("ports", Array::from_iter([i64::from(port)]).into());
        }
        table
    }
}

impl Command {
    fn to_toml(&self) -> InlineTable {
        let mut table = InlineTable::new();
        let programs = self.programs.iter().map(String::as_str);
        table.insert("programs", list(programs).into());
        if let Some(args) = &self.args {
            table.insert("args", list(args.iter().map(String::as_str)).into());
        }
        if self.shell {
            table.insert("shell", true.into());
        }
        table
    }
}

impl Sql {
    fn to_toml(&self) -> InlineTable {
        let mut table = InlineTable::new();
        table.insert("statements", list(self.statements.iter().copied()).into());
        let tables = self.tables.iter().map(String::as_str);
        table.insert("tables", list(tables).into());
        table.insert("dialect", self.dialect.into());
        table
    }
}

/// The constraints of one pointer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Limits {
    pub(super) limits: Vec<Limit>,
    pub(super) optional: bool,
}

impl Limits {
    /// As a policy writes them.
    pub(super) fn to_toml(&self) -> Option<InlineTable> {
        let mut table = table(&self.limits)?;
        if self.optional {
            table.insert("optional", true.into());
        }
        Some(table)
    }
}
