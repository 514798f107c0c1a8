//! Messages made of other messages' bytes.
//!
//! An object is put together again from its members as they were spelled, so
//! that big numbers, key order and unknown members stay; only what stood between
//! members is lost. Nothing here goes through a typed model.

use super::ask::Ask;
use super::told;
use crate::engine::message::{Document, Id, Json, Limits};
use serde_json::{Value, json};

/// The revision of the modern era.
pub(super) const MODERN: &str = "2026-07-28";
/// The newest revision of the legacy era.
pub(super) const LEGACY: &str = "2025-11-25";

pub(super) const VERSION: &str = "io.modelcontextprotocol/protocolVersion";
pub(super) const CLIENT: &str = "io.modelcontextprotocol/clientInfo";
pub(super) const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
pub(super) const LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";
pub(super) const SUBSCRIPTION: &str = "io.modelcontextprotocol/subscriptionId";
pub(super) const SERVER: &str = "io.modelcontextprotocol/serverInfo";
/// The extension whose messages the eras do not share.
pub(super) const TASKS: &str = "io.modelcontextprotocol/tasks";

/// The `_meta` members that the modern protocol gives each request.
pub(super) const PROTOCOL: [&str; 5] = [VERSION, CLIENT, CAPABILITIES, LOG_LEVEL, SUBSCRIPTION];

/// Log levels, from the most talkative one.
pub(super) const LEVELS: [&str; 8] = [
    "debug",
    "info",
    "notice",
    "warning",
    "error",
    "critical",
    "alert",
    "emergency",
];

/// The place of a level among them.
pub(super) fn level(value: Json<'_>) -> Option<usize> {
    let name = value.as_str()?;
    LEVELS.iter().position(|level| *level == name)
}

/// What becomes of one member.
pub(super) enum Edit {
    Keep,
    Drop,
    Put(String),
}

/// An object with some of its members changed, and `more` at its end. Members
/// of the names in `more` must not be kept.
pub(super) fn object(
    of: Json<'_>,
    edit: impl Fn(&str, Json<'_>) -> Edit,
    more: &[(&str, &str)],
) -> String {
    let mut out = String::with_capacity(of.raw().len().saturating_add(256));
    let mut put = |key: &str, value: &str| {
        out.push(if out.is_empty() { '{' } else { ',' });
        out.push_str(key);
        out.push(':');
        out.push_str(value);
    };
    let mut members = of.members();
    while let Some((key, value)) = members.next_pair() {
        match edit(&key.as_str().unwrap_or_default(), value) {
            Edit::Keep => put(key.raw(), value.raw()),
            Edit::Drop => {}
            Edit::Put(other) => put(key.raw(), &other),
        }
    }
    for (key, value) in more {
        put(&quoted(key), value);
    }
    if out.is_empty() {
        out.push('{');
    }
    out.push('}');
    out
}

/// An object with these members set, each in its place if it is there already.
pub(super) fn with(of: Json<'_>, set: &[(&str, &str)]) -> String {
    let place = |key: &str| set.iter().find(|(name, _)| *name == key);
    let edit = |key: &str, _: Json<'_>| match place(key) {
        Some((_, value)) => Edit::Put((*value).to_owned()),
        None => Edit::Keep,
    };
    let missing = set.iter().filter(|(name, _)| of.get(name).is_none());
    object(of, edit, &missing.copied().collect::<Vec<_>>())
}

/// An object without these members.
pub(super) fn without(of: Json<'_>, names: &[&str]) -> String {
    let edit = |key: &str, _: Json<'_>| {
        if names.contains(&key) {
            Edit::Drop
        } else {
            Edit::Keep
        }
    };
    object(of, edit, &[])
}

/// A string as JSON.
pub(super) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// Ids and progress tokens are kept while a request lasts, so they are short.
pub(super) fn names(id: &Id, params: Option<Json<'_>>) -> Result<(), Refusal> {
    const MOST: usize = 1024;
    let token = params.and_then(token).unwrap_or_default();
    if token.len() > MOST || matches!(id, Id::Text(text) if text.len() > MOST) {
        return Err(Refusal::request(
            "expected an id and a progress token of at most 1024 bytes",
        ));
    }
    Ok(())
}

/// The progress token that a request's params give, in one spelling.
pub(super) fn token(params: Json<'_>) -> Option<String> {
    Some(spelled(params.get("_meta")?.get("progressToken")?))
}

/// The progress token that a notification's params name, in one spelling.
pub(super) fn told_token(params: Json<'_>) -> Option<String> {
    params.get("progressToken").map(spelled)
}

fn spelled(token: Json<'_>) -> String {
    Id::of(token).map_or_else(|| token.raw().to_owned(), |id| id.to_json())
}

/// Reads a value that was taken from a message.
pub(super) fn document(raw: &str) -> Option<Document> {
    Document::read(raw.as_bytes().to_vec(), &Limits::DEFAULT).ok()
}

pub(super) fn request(id: &Id, method: &str, params: Option<&str>) -> Vec<u8> {
    let (id, method) = (id.to_json(), quoted(method));
    let params = params.map(|p| format!(r#","params":{p}"#));
    let params = params.unwrap_or_default();
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":{method}{params}}}"#).into_bytes()
}

pub(super) fn notification(method: &str, params: Option<&str>) -> Vec<u8> {
    let method = quoted(method);
    let params = params.map(|p| format!(r#","params":{p}"#));
    let params = params.unwrap_or_default();
    format!(r#"{{"jsonrpc":"2.0","method":{method}{params}}}"#).into_bytes()
}

pub(super) fn cancelled(id: &Id) -> Vec<u8> {
    let params = format!(r#"{{"requestId":{}}}"#, id.to_json());
    notification("notifications/cancelled", Some(&params))
}

pub(super) fn result(id: &Id, result: &str) -> Vec<u8> {
    let id = id.to_json();
    format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#).into_bytes()
}

pub(super) fn failure(id: &Id, error: &str) -> Vec<u8> {
    let id = id.to_json();
    format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#).into_bytes()
}

/// Something that the adapter says no to.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    code: i32,
    /// Stable word for programs.
    reason: &'static str,
    message: String,
    /// What the specification wants in `data`.
    data: Option<Value>,
}

impl Refusal {
    fn new(code: i32, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
            data: None,
        }
    }

    /// A method that the agent's revision does not have, or that has no
    /// counterpart in the server's.
    pub(super) fn method(message: impl Into<String>) -> Self {
        Self::new(-32601, "era-method", message)
    }

    /// Not a request of the agent's revision.
    pub(super) fn request(message: impl Into<String>) -> Self {
        Self::new(-32600, "era-request", message)
    }

    /// Params are not of the revision's shape.
    pub(super) fn params(message: impl Into<String>) -> Self {
        Self::new(-32602, "era-params", message)
    }

    /// A `requestState` that was not given for this.
    pub(super) fn state(message: impl Into<String>) -> Self {
        Self::new(-32602, "era-state", message)
    }

    /// A revision that the agent cannot have here.
    pub(super) fn version(requested: &str) -> Self {
        let shown = requested.get(..requested.floor_char_boundary(64));
        Self {
            data: Some(json!({"supported": [MODERN], "requested": shown})),
            ..Self::new(-32022, "era-version", "Unsupported protocol version")
        }
    }

    /// The agent asks a server of the older era for its eras.
    pub(super) fn legacy_server() -> Self {
        Self::new(-32601, told::LEGACY_SERVER_REASON, told::LEGACY_SERVER)
    }

    /// The server's own handshake came to nothing.
    pub(super) fn handshake(message: impl Into<String>) -> Self {
        Self::new(-32603, "era-handshake", message)
    }

    /// The server asks for what this agent cannot give.
    pub(super) fn ask(message: impl Into<String>) -> Self {
        Self::new(-32603, "era-ask", message)
    }

    /// What the specification of the legacy era has a client say to a server
    /// that asks for what it has not declared.
    pub(super) fn undeclared(what: Ask) -> Self {
        let code = match what {
            Ask::Form | Ask::Url => -32602,
            Ask::Sample | Ask::SampleWithTools | Ask::Roots => -32601,
        };
        let name = what.name();
        Self::new(
            code,
            "era-ask",
            format!("the agent whose call runs has not declared {name}"),
        )
    }

    /// A result that the agent's revision cannot express.
    pub(super) fn result(message: impl Into<String>) -> Self {
        Self::new(-32603, "era-result", message)
    }

    /// More than the adapter keeps.
    pub(super) fn busy() -> Self {
        Self::new(-32603, "era-busy", "too much is under way already")
    }

    /// Nobody answered in time.
    pub(super) fn late(message: impl Into<String>) -> Self {
        Self::new(-32603, "era-timeout", message)
    }

    /// The answer that says so.
    pub(super) fn answer(&self, id: &Id) -> Vec<u8> {
        let mut data = self.data.clone().unwrap_or_else(|| json!({}));
        if let Some(data) = data.as_object_mut() {
            data.insert("by".to_owned(), json!("lockgate"));
            data.insert("reason".to_owned(), json!(self.reason));
        }
        let error = json!({"code": self.code, "message": self.message, "data": data});
        failure(id, &error.to_string())
    }
}
