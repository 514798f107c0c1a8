//! That another policy is in force, or was not let into force.

use super::refusal::clipped;
use crate::engine::types::Digest;
use serde::Serialize;

/// What came of a policy that was changed on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reload {
    /// Whether it is in force now.
    pub outcome: Outcome,
    /// Of the policy that is in force after this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<Digest>,
    /// Of the one before it, if it is another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Digest>,
    /// Why a change is not in force, for people.
    #[serde(skip_serializing_if = "String::is_empty", serialize_with = "clipped")]
    pub detail: String,
}

/// Whether a changed policy is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It is.
    InForce,
    /// It is not; the last good one still is.
    Refused,
}
