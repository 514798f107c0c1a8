//! What a value says in the terms of constraints: for whoever writes a policy
//! from values that were seen.
//!
//! The same readers as behind the constraints, so that what is proposed holds
//! for what it was proposed from. `None` is what a constraint cannot be asked
//! about. Deliberately absent: any judgement.

use super::constraint::{self, Dialect};
use crate::engine::message::Json;
use std::collections::BTreeSet;

/// Where a URL leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrlSeen {
    /// In lower case.
    pub scheme: String,
    /// As a pattern has it.
    pub host: HostSeen,
    /// `None`: the scheme's own.
    pub port: Option<u16>,
    /// Decoded, without the query; `None`: servers may route it differently.
    pub path: Option<String>,
}

/// A machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostSeen {
    /// Name or address, as a policy writes it.
    pub name: String,
    /// It is an address.
    pub is_address: bool,
    /// It is not of the public network, or may well not be.
    pub is_inner: bool,
    /// Clouds give credentials away there, or it is no machine at all.
    pub is_never: bool,
}

/// What a text of SQL does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlSeen {
    /// Kinds of statements, as a policy names them.
    pub statements: BTreeSet<&'static str>,
    /// Tables, as a policy names them.
    pub tables: BTreeSet<String>,
}

/// Reads a URL.
pub fn url(text: &str) -> Option<UrlSeen> {
    constraint::url_seen(text)
}

/// Reads a bare host.
pub fn host(text: &str) -> Option<HostSeen> {
    constraint::host_seen(text)
}

/// Reads an email address: what stands before the `@`, and behind it.
pub fn email(text: &str) -> Option<(&str, &str)> {
    constraint::email_seen(text)
}

/// The commands of a line or an argument vector, word by word.
pub fn commands(value: Json<'_>) -> Option<Vec<Vec<String>>> {
    constraint::commands_seen(value)
}

/// Whether a program runs what it is given, whatever a policy lists.
pub fn is_runner(program: &str) -> bool {
    constraint::is_runner(program)
}

/// Reads SQL of a dialect, by its name in a policy. `None` also where its tables
/// cannot be told, or where it calls what is not known to compute only.
pub fn sql(text: &str, dialect: &str) -> Option<SqlSeen> {
    let mut known = Dialect::ALL.iter();
    let (_, dialect) = known.find(|(name, _)| *name == dialect)?;
    constraint::sql_seen(text, *dialect)
}
