//! The JSON-RPC envelope: what kind of message a document is.
//!
//! MCP narrows JSON-RPC 2.0 (ids are strings or integers, never null; no
//! batches since 2025-06-18, and lockgate refuses them in every revision), and
//! lockgate narrows it further where peers differ (invariant 3).

use super::json::{Json, Kind};
use super::method::Method;
use super::text::same_fold;

/// One JSON-RPC message as a borrowed view.
#[derive(Debug, Clone)]
pub enum Message<'a> {
    /// Expects an answer.
    Request {
        /// Correlates the answer.
        id: Id,
        /// What is asked.
        method: Method,
        /// Always an object where it is there.
        params: Option<Json<'a>>,
    },
    /// Expects none.
    Notification {
        /// What is told.
        method: Method,
        /// Always an object where it is there.
        params: Option<Json<'a>>,
    },
    /// A successful answer.
    Response {
        /// The request's id.
        id: Id,
        /// Always an object.
        result: Json<'a>,
    },
    /// An answer that says what went wrong.
    Failure {
        /// The request's id; absent where the peer could not read it.
        id: Option<Id>,
        /// Always an object with `code` and `message`.
        error: Json<'a>,
    },
}

/// A request id: a string, or an integer that every parser reads alike.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Id {
    /// Within ±(2^53 − 1), in its one canonical spelling.
    Number(i64),
    /// Any string without NUL.
    Text(String),
}

impl Id {
    /// Largest integer that JavaScript can tell from its neighbours.
    const MOST: i64 = (1 << 53) - 1;

    fn read(value: Json<'_>) -> Result<Self, EnvelopeError> {
        match value.kind() {
            Kind::Number => {
                let token = value.raw();
                // The reader lets no sign and no zero stand in front but this one.
                let number: Option<i64> = token
                    .parse()
                    .ok()
                    .filter(|n: &i64| n.abs() <= Self::MOST && token != "-0");
                number.map(Self::Number).ok_or(EnvelopeError::OddId)
            }
            Kind::String => match value.as_str() {
                Some(text) if !text.contains('\0') => Ok(Self::Text(text.into_owned())),
                _ => Err(EnvelopeError::OddId),
            },
            Kind::Null | Kind::Bool | Kind::Array | Kind::Object => Err(EnvelopeError::OddId),
        }
    }

    /// Reads an id where some member refers to one (`requestId`).
    pub fn of(value: Json<'_>) -> Option<Self> {
        Self::read(value).ok()
    }

    /// As JSON.
    pub fn to_json(&self) -> String {
        match self {
            Self::Number(n) => n.to_string(),
            // A string can always be written.
            Self::Text(s) => serde_json::to_string(s).unwrap_or_default(),
        }
    }
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.to_json())
    }
}

/// Why a well-formed document is no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// A JSON-RPC batch.
    #[error("expected one JSON-RPC message, found an array: batches are not accepted")]
    Batch,
    /// Neither object nor array.
    #[error("expected a JSON-RPC object, found {0}")]
    NotAnObject(&'static str),
    /// `jsonrpc` is not `"2.0"`.
    #[error("expected `\"jsonrpc\": \"2.0\"`")]
    Version,
    /// An id that peers may read differently, or null.
    #[error("expected an id that is a string or an integer within ±(2^53 − 1)")]
    OddId,
    /// `method` is not a string, or holds NUL.
    #[error("expected `method` to be a string without NUL")]
    OddMethod,
    /// `params` is not an object.
    #[error("expected `params` to be an object, found {0}")]
    OddParams(&'static str),
    /// A member that belongs to another kind of message.
    #[error("expected one of `method`, `result` and `error`, found {0}")]
    Mixed(&'static str),
    /// `result` is not an object.
    #[error("expected `result` to be an object, found {0}")]
    OddResult(&'static str),
    /// `error` is no JSON-RPC error object.
    #[error("expected `error` to be an object with an integer `code` and a string `message`")]
    OddError,
    /// A protocol key spelled in another case.
    #[error("expected the key `{expected}`, found it spelled in another case")]
    KeyCase {
        /// The right spelling.
        expected: &'static str,
    },
}

impl EnvelopeError {
    /// The stable kebab-case reason code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Batch => "batch",
            Self::NotAnObject(_) | Self::Version | Self::OddMethod => "invalid-envelope",
            Self::OddId => "invalid-id",
            Self::OddParams(_) => "invalid-params",
            Self::Mixed(_) => "ambiguous-envelope",
            Self::OddResult(_) => "invalid-result",
            Self::OddError => "invalid-error",
            Self::KeyCase { .. } => "key-case",
        }
    }
}

const ENVELOPE: [&str; 6] = ["jsonrpc", "id", "method", "params", "result", "error"];

/// Refuses members of `object` that spell a protocol key in another case: a
/// peer that matches keys without case would read them.
pub fn exact_case(object: Json<'_>, keys: &[&'static str]) -> Result<(), EnvelopeError> {
    for (name, _) in object.members() {
        if keys.contains(&name.as_ref()) {
            continue;
        }
        if let Some(expected) = keys.iter().find(|k| same_fold(k, &name)) {
            return Err(EnvelopeError::KeyCase { expected });
        }
    }
    Ok(())
}

impl<'a> Message<'a> {
    /// Reads the envelope of a document.
    pub fn read(root: Json<'a>) -> Result<Self, EnvelopeError> {
        match root.kind() {
            Kind::Object => {}
            Kind::Array => return Err(EnvelopeError::Batch),
            other @ (Kind::Null | Kind::Bool | Kind::Number | Kind::String) => {
                return Err(EnvelopeError::NotAnObject(other.name()));
            }
        }
        exact_case(root, &ENVELOPE)?;
        let [version, id, method, params, result, error] = root.get_all(ENVELOPE);
        if version.and_then(Json::as_str).as_deref() != Some("2.0") {
            return Err(EnvelopeError::Version);
        }
        match (method, result, error) {
            (Some(method), None, None) => Self::call(id, method, params),
            (None, Some(result), None) => Self::response(id, params, result),
            (None, None, Some(error)) => Self::failure(id, params, error),
            (None, None, None) => Err(EnvelopeError::Mixed("none of them")),
            (Some(_), _, _) | (None, Some(_), Some(_)) => {
                Err(EnvelopeError::Mixed("more than one of them"))
            }
        }
    }

    fn call(
        id: Option<Json<'a>>,
        method: Json<'a>,
        params: Option<Json<'a>>,
    ) -> Result<Self, EnvelopeError> {
        let name = method.as_str().ok_or(EnvelopeError::OddMethod)?;
        if name.contains('\0') {
            return Err(EnvelopeError::OddMethod);
        }
        let method = Method::of(&name);
        // Some peers spell "no params" as null; all of them read it so.
        let params = params.filter(|p| !p.is_null());
        if let Some(params) = params
            && params.kind() != Kind::Object
        {
            return Err(EnvelopeError::OddParams(params.kind().name()));
        }
        Ok(match id {
            Some(id) => Self::Request {
                id: Id::read(id)?,
                method,
                params,
            },
            None => Self::Notification { method, params },
        })
    }

    fn response(
        id: Option<Json<'a>>,
        params: Option<Json<'a>>,
        result: Json<'a>,
    ) -> Result<Self, EnvelopeError> {
        if params.is_some() {
            return Err(EnvelopeError::Mixed("`params` in an answer"));
        }
        if result.kind() != Kind::Object {
            return Err(EnvelopeError::OddResult(result.kind().name()));
        }
        let id = id.ok_or(EnvelopeError::OddId)?;
        Ok(Self::Response {
            id: Id::read(id)?,
            result,
        })
    }

    fn failure(
        id: Option<Json<'a>>,
        params: Option<Json<'a>>,
        error: Json<'a>,
    ) -> Result<Self, EnvelopeError> {
        if params.is_some() {
            return Err(EnvelopeError::Mixed("`params` in an answer"));
        }
        exact_case(error, &["code", "message", "data"])?;
        let whole = error
            .get("code")
            .and_then(Json::as_number)
            .is_some_and(|n| n.parse::<i64>().is_ok());
        let told = error
            .get("message")
            .is_some_and(|m| m.kind() == Kind::String);
        if error.kind() != Kind::Object || !whole || !told {
            return Err(EnvelopeError::OddError);
        }
        // JSON-RPC 2.0 section 5: null where the request's id could not be read.
        let id = id.filter(|id| !id.is_null());
        Ok(Self::Failure {
            id: id.map(Id::read).transpose()?,
            error,
        })
    }
}
