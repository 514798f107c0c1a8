//! What a listener has refused, or ignored, before anything was judged.
//!
//! No decision: nobody can be sure that it was a message, or whose. One record
//! stands for many of them where somebody knocks often, and says for how many.

use serde::{Serialize, Serializer};
use std::sync::Arc;

/// Most bytes of a text that is written.
const MOST: usize = 256;

/// Refusals of one kind, from one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// Why: stable kebab-case code.
    pub reason: &'static str,
    /// Why, of the last of them, for people.
    #[serde(serialize_with = "clipped")]
    pub detail: String,
    /// The HTTP status that the last of them was answered with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Where they came from: an address, or the network of one. Nothing, where
    /// there are more places than are told apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The agent, where it was proved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Its user.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "user")]
    pub user: Option<Arc<str>>,
    /// The server that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// How many they are.
    pub count: u64,
    /// In how many seconds they came.
    pub seconds: u64,
}

pub(super) fn clipped<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    let shown = text.get(..text.floor_char_boundary(MOST));
    serializer.serialize_str(shown.unwrap_or_default())
}

#[expect(clippy::ref_option, reason = "serde hands the field over like this")]
fn user<S: Serializer>(text: &Option<Arc<str>>, serializer: S) -> Result<S::Ok, S::Error> {
    clipped(text.as_deref().unwrap_or_default(), serializer)
}
