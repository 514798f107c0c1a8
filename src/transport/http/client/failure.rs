//! What went wrong between lockgate and a remote server, as people read it.
//!
//! It names the server by scheme, host and port only: path and query can hold
//! keys. What an error page says is never repeated: it is a stranger's text.

use crate::engine::message::Id;
use crate::engine::pin::visible;
use hyper::StatusCode;
use serde_json::json;

/// Why a request has no answer of the server's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Failure {
    /// No connection.
    #[error("cannot connect ({0}); check the URL, the network, and that the server runs")]
    Connect(String),
    /// Its name stands for an address that is not dialled.
    #[error("{0}")]
    Address(String),
    /// A file of a secret cannot be used.
    #[error("the credentials for it cannot be read; the log of lockgate says why")]
    Credentials,
    /// An address for messages that is not the server's own.
    #[error(
        "the server (of the transport of 2024-11-05) names an address for messages that is not its own, which is not followed"
    )]
    Endpoint,
    /// The stream of a server of 2024-11-05 has ended before.
    #[error("the server has ended its stream; connect anew")]
    StreamOver,
    /// No token.
    #[error("no token for it: {0}")]
    Token(String),
    /// Nobody has logged in to it, or not for this.
    #[error("{0}")]
    Login(String),
    /// The connection broke before the server had answered.
    #[error(
        "the connection broke before the server answered ({0}); whether it acted is not known, so the request was not repeated"
    )]
    Broken(String),
    /// The answer stopped in the middle.
    #[error(
        "the server's answer was cut off; whether it acted is not known, so the request was not repeated"
    )]
    Cut,
    /// An error status, and no JSON-RPC error with it.
    #[error("HTTP {status}{advice}", status = .0, advice = advice(*.0))]
    Status(StatusCode),
    /// A redirect. They are not followed: nobody has judged where it leads.
    #[error(
        "HTTP {0}: the server points to {1}; redirects are not followed, give lockgate that URL if you trust it"
    )]
    Redirect(StatusCode, String),
    /// A success that says nothing.
    #[error("HTTP {0} without an answer to the request")]
    NoAnswer(StatusCode),
    /// Neither JSON nor an event stream.
    #[error(
        "expected `application/json` or `text/event-stream`, the server answered with {0}; check that the URL is that of an MCP endpoint"
    )]
    ContentType(String),
    /// A compressed body, which was not asked for.
    #[error("the server compressed its answer, although lockgate accepts no compression")]
    Compressed,
    /// An answer above the bound.
    #[error("the server's answer is larger than {0} bytes")]
    TooLarge(usize),
    /// Too much is held already.
    #[error("too much is under way at once; ask again when other requests have been answered")]
    Busy,
    /// The answer is no message.
    #[error("the server's answer is no JSON-RPC message")]
    NoMessage,
    /// The request cannot be said in HTTP.
    #[error("the request cannot be sent over HTTP: {0}")]
    Unfit(String),
}

/// What a person can do about a status.
fn advice(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => {
            ": the server wants other credentials; name the header that it expects in the policy's `headers`, or with `--header-env`, or give the server `oauth` (`{ login = true }` for `lockgate login`)"
        }
        403 => ": the server refuses these credentials, or this client",
        404 | 405 => {
            ": there is no MCP endpoint at this URL, of neither Streamable HTTP nor HTTP+SSE; check its path"
        }
        407 => ": the proxy wants credentials; put them into the proxy's URL",
        408 | 504 => ": the server took too long",
        413 => ": the request is too large for the server",
        429 => ": too many requests; wait before the next one",
        500..=599 => ": the server has failed; try again later",
        _ => "",
    }
}

impl Failure {
    /// For programs: a stable word.
    fn code(&self) -> &'static str {
        match self {
            Self::Connect(_) => "http-connect",
            Self::Address(_) => "http-address",
            Self::Credentials => "http-credentials",
            Self::Token(_) => "http-token",
            Self::Login(_) => "http-login",
            Self::Endpoint => "http-endpoint",
            Self::StreamOver => "http-stream-over",
            Self::Broken(_) | Self::Cut => "http-cut",
            Self::Status(_) => "http-status",
            Self::Redirect(..) => "http-redirect",
            Self::NoAnswer(_) => "http-no-answer",
            Self::ContentType(_) => "http-content-type",
            Self::Compressed => "http-compressed",
            Self::TooLarge(_) => "http-too-large",
            Self::Busy => "http-busy",
            Self::NoMessage => "http-no-message",
            Self::Unfit(_) => "http-unfit",
        }
    }

    /// The status, where there was one.
    fn status(&self) -> Option<u16> {
        match self {
            Self::Status(s) | Self::Redirect(s, _) | Self::NoAnswer(s) => Some(s.as_u16()),
            _ => None,
        }
    }

    /// For people, with the server's address.
    pub(super) fn told(&self, origin: &str) -> String {
        visible(&format!("{origin}: {self}"))
    }

    /// The answer to the request that failed, on one line.
    pub(super) fn answer(&self, id: &Id, origin: &str) -> Vec<u8> {
        let mut data = json!({ "by": "lockgate", "reason": self.code() });
        if let (Some(status), Some(data)) = (self.status(), data.as_object_mut()) {
            data.insert("status".to_owned(), json!(status));
        }
        let message = format!("lockgate got no answer from {}", self.told(origin));
        let error = json!({ "code": NO_ANSWER, "message": message, "data": data });
        format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#).into_bytes()
    }
}

/// The JSON-RPC error code of an answer that did not come: of those that
/// implementations may use, and none that the protocol gives a meaning.
const NO_ANSWER: i32 = -32000;

/// What an error says at its root, without what its wrappers say.
pub(super) fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    let mut text = cause.to_string();
    // It can quote a certificate, which is a stranger's text.
    if let Some((end, _)) = text.char_indices().nth(200) {
        text.truncate(end);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::message::{Document, Limits, Message};

    #[test]
    fn every_failure_is_an_answer_on_one_line() {
        let id = Id::Text("a\"b".to_owned());
        for failure in [
            Failure::Connect("x\ny\u{1b}[2J".to_owned()),
            Failure::Status(StatusCode::UNAUTHORIZED),
            Failure::Redirect(StatusCode::FOUND, "https://evil.example/".to_owned()),
            Failure::Cut,
        ] {
            let line = failure.answer(&id, "https://a.example");
            let text = String::from_utf8(line.clone()).unwrap();
            assert!(!text.contains(['\n', '\u{1b}']), "{text}");
            let document = Document::read(line, &Limits::DEFAULT).unwrap();
            let message = Message::read(document.root()).unwrap();
            assert!(matches!(message, Message::Failure { id: Some(of), .. } if of == id));
        }
    }
}
