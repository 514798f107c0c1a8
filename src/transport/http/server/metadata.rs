//! Whether the headers of a message of the stateless era say what its body says.
//!
//! MCP 2026-07-28, Streamable HTTP, "Server Validation". Answers whoever shows
//! an intermediary one call and the server another (A3).

use crate::engine::message::{Era, Json, Kind, Message, REVISIONS};
use crate::transport::http::headers::decode;
use crate::transport::http::mirror::{Header, Mirror, modern_version};
use hyper::HeaderMap;
use hyper::header::HeaderName;

/// The revision of the stateless era.
pub(super) const MODERN: &str = "2026-07-28";
pub(super) const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
const METHOD: HeaderName = HeaderName::from_static("mcp-method");
const PREFIX: &str = "mcp-param-";

/// What a message's headers are wrong about, and the JSON-RPC error for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wrong {
    /// -32020: header and body disagree.
    Mismatch(String),
    /// -32022: a revision that nobody here knows.
    Version(String),
    /// -32602: `_meta` lacks what the revision wants.
    Params(String),
}

impl Wrong {
    /// The stable reason code.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Mismatch(_) => "header-mismatch",
            Self::Version(_) => "unsupported-version",
            Self::Params(_) => "invalid-params",
        }
    }
}

/// Tells the era from header and body; both have to say the same.
pub(super) fn era(headers: &HeaderMap, message: Option<&Message<'_>>) -> Result<Era, Wrong> {
    let said = one(headers, &VERSION)?;
    let params = match message {
        Some(Message::Request { params, .. } | Message::Notification { params, .. }) => *params,
        _ => None,
    };
    let meant = modern_version(params);
    match (said, meant) {
        (None, None) => Ok(Era::Legacy),
        (Some(said), None) if is_legacy(said) => Ok(Era::Legacy),
        (Some(said), Some(meant)) if said == meant => {
            if said == MODERN {
                Ok(Era::Modern)
            } else {
                Err(Wrong::Version(meant))
            }
        }
        (Some(said), None) if said == MODERN => match message {
            // A request has to say it in the body too.
            Some(Message::Request { .. }) => Err(Wrong::Params(
                "expected `_meta` to hold `io.modelcontextprotocol/protocolVersion`".to_owned(),
            )),
            // For other messages the revision asks for no `_meta`.
            _ => Ok(Era::Modern),
        },
        (Some(said), None) => Err(Wrong::Version(said.to_owned())),
        (None, Some(_)) => Err(Wrong::Mismatch(
            "the `MCP-Protocol-Version` header is missing".to_owned(),
        )),
        (Some(_), Some(_)) => Err(Wrong::Mismatch(
            "`MCP-Protocol-Version` and the body's `protocolVersion` differ".to_owned(),
        )),
    }
}

fn is_legacy(version: &str) -> bool {
    version != MODERN && REVISIONS.contains(&version)
}

/// Compares all mirrored headers of a modern request with its body.
pub(super) fn verify(
    headers: &HeaderMap,
    message: &Message<'_>,
    mirror: &Mirror,
) -> Result<(), Wrong> {
    let (method, params) = match message {
        Message::Request { method, params, .. } => (method.name(), *params),
        // "Header requirements for notification POSTs are not defined."
        _ => return Ok(()),
    };
    let expected = mirror
        .headers(MODERN, method, params)
        .map_err(|e| Wrong::Mismatch(e.to_string()))?;
    for (name, value) in &expected {
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| Wrong::Mismatch("a header has no name".to_owned()))?;
        let said = one(headers, &name)?;
        let said =
            said.ok_or_else(|| Wrong::Mismatch(format!("the `{name}` header is missing")))?;
        let plain = name == VERSION || name == METHOD;
        if !same(said, value, plain) {
            return Err(Wrong::Mismatch(format!(
                "the `{name}` header and the body differ"
            )));
        }
    }
    unexpected(headers, &expected, mirror, params)?;
    meta(params)
}

/// A header for an argument that is not in the body says what is not there.
fn unexpected(
    headers: &HeaderMap,
    expected: &[Header],
    mirror: &Mirror,
    params: Option<Json<'_>>,
) -> Result<(), Wrong> {
    let name_header = headers.contains_key("mcp-name");
    if name_header && !expected.iter().any(|(name, _)| name == "Mcp-Name") {
        return Err(Wrong::Mismatch(
            "`Mcp-Name` names something that the body does not name".to_owned(),
        ));
    }
    let tool = params.and_then(|p| p.get("name")).and_then(Json::as_str);
    let known = |header: &str| tool.as_ref().is_some_and(|t| mirror.wants(t, header));
    for name in headers.keys() {
        let Some(parameter) = name.as_str().strip_prefix(PREFIX) else {
            continue;
        };
        let is = |(expected, _): &Header| expected.eq_ignore_ascii_case(name.as_str());
        // One that the tool does not know is nobody's business here.
        if known(parameter) && !expected.iter().any(is) {
            return Err(Wrong::Mismatch(format!(
                "the `{name}` header stands for an argument that the body does not have"
            )));
        }
    }
    Ok(())
}

/// What each request has to carry (basic/index, "Per-request metadata").
fn meta(params: Option<Json<'_>>) -> Result<(), Wrong> {
    let meta = params.and_then(|p| p.get("_meta"));
    let key = "io.modelcontextprotocol/clientCapabilities";
    match meta.and_then(|m| m.get(key)) {
        Some(value) if value.kind() == Kind::Object => Ok(()),
        _ => Err(Wrong::Params(format!(
            "expected `_meta` to hold `{key}`, an object"
        ))),
    }
}

fn same(said: &str, value: &str, plain: bool) -> bool {
    if plain {
        return said == value;
    }
    match (decode(said), decode(value)) {
        (Some(said), Some(value)) => said == value || same_number(&said, &value),
        _ => false,
    }
}

/// `42.0` and `42` are the same argument.
fn same_number(a: &str, b: &str) -> bool {
    let number = |text: &str| -> Option<i64> {
        let whole = text.split_once('.').map_or(Some(text), |(whole, rest)| {
            rest.bytes().all(|b| b == b'0').then_some(whole)
        })?;
        whole.parse().ok()
    };
    matches!((number(a), number(b)), (Some(a), Some(b)) if a == b)
}

/// The one value of a header, if it is there.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Wrong> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(Wrong::Mismatch(format!(
            "the `{name}` header is there more than once"
        )));
    }
    first
        .map(|value| {
            value
                .to_str()
                .map_err(|_| Wrong::Mismatch(format!("the `{name}` header is not visible ASCII")))
        })
        .transpose()
}

#[cfg(test)]
mod tests;
