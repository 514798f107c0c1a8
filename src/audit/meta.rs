//! What the first and the last line of a file say.

use crate::engine::types::Digest;
use serde::Serialize;

/// What one session is: told once, in the header of each of its files.
#[derive(Debug, Clone, Default, Serialize)]
pub struct SessionMeta {
    /// Version of lockgate.
    pub lockgate: String,
    /// The agent, where one is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The server, where one file is about one server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// Protocol revision, where it is known at the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// Of the server's launch arguments (they may hold secrets).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub launch: Option<Digest>,
    /// Of the policy in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<Digest>,
    /// Of the lockfile in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lockfile: Option<Digest>,
}

/// The first line.
#[derive(Debug, Serialize)]
pub(super) struct Header<'a> {
    pub(super) format: &'static str,
    pub(super) pid: u32,
    #[serde(flatten)]
    pub(super) meta: &'a SessionMeta,
    /// The file that this one continues.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) continues: Option<Predecessor<'a>>,
}

/// The file before this one, and its last hash.
#[derive(Debug, Serialize)]
pub(super) struct Predecessor<'a> {
    pub(super) file: &'a str,
    pub(super) hash: Digest,
}

/// The last line.
#[derive(Debug, Serialize)]
pub(super) struct Seal<'a> {
    pub(super) reason: &'a str,
    /// The file that continues this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next: Option<&'a str>,
}
