//! Borrowed views of the params that decisions depend on.
//!
//! A view either has exactly the shape that the specification gives, with
//! every key in its exact case, or it is an error: "unless it is a
//! well-formed, permitted call, deny", never the other way round.

use super::envelope::{EnvelopeError, exact_case};
use super::json::{Json, Kind};
use std::borrow::Cow;

/// Why params do not have the shape that their method asks for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ViewError {
    /// A member is missing.
    #[error("expected `{0}` in params")]
    Missing(&'static str),
    /// A member has another type.
    #[error("expected `{key}` to be {expected}, found {found}")]
    Type {
        /// Which member.
        key: &'static str,
        /// The type that it should have.
        expected: &'static str,
        /// The type that it has.
        found: &'static str,
    },
    /// A string that names something holds NUL or is empty.
    #[error("expected `{0}` to be a name: not empty, without control characters")]
    Name(&'static str),
    /// A protocol key spelled in another case.
    #[error(transparent)]
    Case(#[from] EnvelopeError),
}

/// A string that names something: not empty, no control character.
fn name<'a>(params: Json<'a>, key: &'static str) -> Result<Cow<'a, str>, ViewError> {
    let value = params.get(key).ok_or(ViewError::Missing(key))?;
    let text = value.as_str().ok_or(ViewError::Type {
        key,
        expected: "a string",
        found: value.kind().name(),
    })?;
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err(ViewError::Name(key));
    }
    Ok(text)
}

fn object<'a>(params: Json<'a>, key: &'static str) -> Result<Option<Json<'a>>, ViewError> {
    match params.get(key) {
        Some(value) if value.kind() != Kind::Object => Err(ViewError::Type {
            key,
            expected: "an object",
            found: value.kind().name(),
        }),
        other => Ok(other),
    }
}

/// The params of `tools/call`.
#[derive(Debug, Clone)]
pub struct CallTool<'a> {
    /// The tool's name.
    pub name: Cow<'a, str>,
    /// Its arguments; always an object where they are there.
    pub arguments: Option<Json<'a>>,
    /// Answers to the server's input requests (2026-07-28 MRTR).
    pub input_responses: Option<Json<'a>>,
}

impl<'a> CallTool<'a> {
    /// Every key that some revision defines for these params.
    const KEYS: [&'static str; 6] = [
        "name",
        "arguments",
        "_meta",
        "task",
        "inputResponses",
        "requestState",
    ];

    /// Reads them.
    pub fn read(params: Option<Json<'a>>) -> Result<Self, ViewError> {
        let params = params.ok_or(ViewError::Missing("name"))?;
        exact_case(params, &Self::KEYS)?;
        Ok(Self {
            name: name(params, "name")?,
            arguments: object(params, "arguments")?,
            input_responses: object(params, "inputResponses")?,
        })
    }
}

/// One string of params that names what is acted on.
#[derive(Debug, Clone)]
pub struct Named<'a>(pub Cow<'a, str>);

impl<'a> Named<'a> {
    /// Every key that some revision defines beside the one that names, so that
    /// a peer that matches without case finds no `Arguments` that we do not see.
    const KEYS: [&'static str; 9] = [
        "name",
        "taskId",
        "uri",
        "type",
        "title",
        "arguments",
        "_meta",
        "inputResponses",
        "requestState",
    ];

    /// Reads the string at `key`, one of those above.
    pub fn read(params: Option<Json<'a>>, key: &'static str) -> Result<Self, ViewError> {
        let params = params.ok_or(ViewError::Missing(key))?;
        exact_case(params, &Self::KEYS)?;
        Ok(Self(name(params, key)?))
    }
}

/// Every member that some revision defines for the params of a request or
/// notification.
const PARAMS: [&str; 38] = [
    "_meta",
    "argument",
    "arguments",
    "capabilities",
    "clientInfo",
    "context",
    "cursor",
    "data",
    "elicitationId",
    "includeContext",
    "inputResponses",
    "level",
    "logger",
    "maxTokens",
    "message",
    "messages",
    "metadata",
    "mode",
    "modelPreferences",
    "name",
    "notifications",
    "progress",
    "progressToken",
    "protocolVersion",
    "reason",
    "ref",
    "requestId",
    "requestState",
    "requestedSchema",
    "stopSequences",
    "systemPrompt",
    "task",
    "taskId",
    "temperature",
    "toolChoice",
    "total",
    "uri",
    "url",
];

/// Members of those that decisions look into.
const WITHIN: [(&str, &[&str]); 4] = [
    ("ref", &["type", "name", "uri", "title"]),
    ("argument", &["name", "value"]),
    ("context", &["arguments"]),
    (
        "notifications",
        &[
            "toolsListChanged",
            "promptsListChanged",
            "resourcesListChanged",
            "resourceSubscriptions",
        ],
    ),
];

/// Refuses params of a known method that spell a protocol key in another case,
/// at the top or in a member that decisions look into.
pub fn exact_params(params: Option<Json<'_>>) -> Result<(), ViewError> {
    let Some(params) = params else {
        return Ok(());
    };
    exact_case(params, &PARAMS)?;
    let members = params.get_all(WITHIN.map(|(member, _)| member));
    for (member, (_, keys)) in members.into_iter().zip(WITHIN) {
        if let Some(object) = member {
            exact_case(object, keys)?;
        }
    }
    Ok(())
}
