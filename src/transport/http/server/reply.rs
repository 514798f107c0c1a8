//! Responses: their bodies and their status.

use super::metadata::{MODERN, Wrong};
use super::refusals::Noted;
use super::stream::Events;
use crate::engine::message::{Document, Id, Json, Limits};
use http_body_util::Full;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};
use std::pin::Pin;
use std::task::{Context, Poll};

/// The body of a response.
#[derive(Debug)]
pub(super) enum Content {
    Whole(Full<Bytes>),
    Events(Box<Events>),
}

pub(super) type Reply = Response<Content>;

impl Body for Content {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match &mut *self {
            Self::Whole(whole) => Pin::new(whole).poll_frame(context),
            Self::Events(events) => Pin::new(events.as_mut()).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(whole) => whole.is_end_stream(),
            Self::Events(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(whole) => whole.size_hint(),
            Self::Events(_) => SizeHint::default(),
        }
    }
}

/// A response without a body.
pub(super) fn empty(status: StatusCode) -> Reply {
    let mut reply = Response::new(Content::Whole(Full::default()));
    *reply.status_mut() = status;
    reply
}

/// A method that the path does not have.
pub(super) fn not_allowed(allowed: &'static str) -> Reply {
    let mut reply = empty(StatusCode::METHOD_NOT_ALLOWED);
    let headers = reply.headers_mut();
    headers.insert(ALLOW, HeaderValue::from_static(allowed));
    reply
}

/// Text for people and programs.
pub(super) fn text(kind: &'static str, text: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Content::Whole(Full::new(text.into())));
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}

/// One JSON-RPC message.
pub(super) fn json(status: StatusCode, message: Bytes) -> Reply {
    let mut reply = text("application/json", message);
    *reply.status_mut() = status;
    reply
}

/// A stream of messages.
pub(super) fn events(events: Events) -> Reply {
    let mut reply = Response::new(Content::Events(Box::new(events)));
    let headers = reply.headers_mut();
    let none = HeaderValue::from_static("no");
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(
        CACHE_CONTROL,
        HeaderValue::from_static("no-cache, no-transform"),
    );
    headers.insert(HeaderName::from_static("x-accel-buffering"), none);
    reply
}

/// A refusal of the listener's own, as a JSON-RPC error.
pub(super) fn refused(
    status: StatusCode,
    id: Option<&Id>,
    reason: &'static str,
    why: &str,
) -> Reply {
    let data = json!({ "by": "lockgate", "reason": reason });
    noted(error(status, id, -32000, &data, why), reason, why)
}

/// The same response, of which the evidence says this.
pub(super) fn noted(mut reply: Reply, reason: &'static str, why: &str) -> Reply {
    let detail = why.to_owned();
    reply.extensions_mut().insert(Noted { reason, detail });
    reply
}

/// The answer to a request that there is no method for.
pub(super) fn method_not_found(id: &Id, reason: &str, why: &str) -> Reply {
    let data = json!({ "by": "lockgate", "reason": reason });
    error(StatusCode::NOT_FOUND, Some(id), -32601, &data, why)
}

fn error(status: StatusCode, id: Option<&Id>, code: i32, data: &Value, why: &str) -> Reply {
    let id = id.map_or_else(|| "null".to_owned(), Id::to_json);
    let error = json!({ "code": code, "message": format!("lockgate: {why}"), "data": data });
    let text = format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#);
    json(status, text.into())
}

/// What the stateless era answers where headers or `_meta` are wrong.
pub(super) fn wrong(wrong: &Wrong, id: Option<&Id>) -> Reply {
    let by = |reason: &str| json!({ "by": "lockgate", "reason": reason });
    let reason = wrong.code();
    let (code, data, why) = match wrong {
        Wrong::Mismatch(why) => (-32020, by(reason), why.clone()),
        Wrong::Version(said) => {
            let said = told(said);
            let why = format!("revision `{said}` is not supported");
            // What the revision wants to be told.
            let data = json!({
                "supported": [MODERN], "requested": said, "by": "lockgate", "reason": reason,
            });
            (-32022, data, why)
        }
        Wrong::Params(why) => (-32602, by(reason), why.clone()),
    };
    let reply = error(StatusCode::BAD_REQUEST, id, code, &data, &why);
    noted(reply, reason, &why)
}

/// A peer's word, as far as it looks like a revision.
fn told(version: &str) -> &str {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
    if version.len() <= 32 && version.bytes().all(plain) {
        version
    } else {
        "?"
    }
}

/// The status that the stateless era gives an answer.
pub(super) fn modern_status(answer: &[u8]) -> StatusCode {
    // Errors are short, or do not begin like one.
    if answer.len() > 1 << 16 || memchr::memmem::find(answer, b"\"error\"").is_none() {
        return StatusCode::OK;
    }
    let document = Document::read(answer.to_vec(), &Limits::DEFAULT).ok();
    let code = document.as_ref().and_then(|d| {
        let code = d.root().get("error")?.get("code")?;
        Json::as_number(code)
    });
    match code {
        Some("-32020" | "-32021" | "-32022") => StatusCode::BAD_REQUEST,
        Some("-32601") => StatusCode::NOT_FOUND,
        _ => StatusCode::OK,
    }
}
