//! Which way a frame goes, for transports with more than one.
//!
//! Told beside the decision, by whoever has read the message anyway: so that a
//! transport need not read a large result again to find whose answer it is, or
//! to put a peer's own id back into it. It permits nothing.

use super::message::{Document, Id, Json, KnownMethod, Limits, Message, Method};
use std::ops::Range;

/// Where in `_meta` a notification says which subscription it belongs to.
const SUBSCRIPTION: &str = "io.modelcontextprotocol/subscriptionId";

/// What kind of message a frame is, as far as its way depends on it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Kind {
    /// A request; the id is its own.
    Request,
    /// An answer; the id is that of the request.
    Answer,
    /// Progress; the id is the request's progress token.
    Progress,
    /// A notification of a subscription; the id is that of the subscription.
    Subscribed,
    /// A cancellation; the id is that of the request.
    Cancelled,
    /// Any other notification; there is no id.
    #[default]
    Note,
}

/// The way of a frame.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Route {
    /// What it is.
    pub kind: Kind,
    /// The id that finds its way.
    pub id: Option<Id>,
    /// Where in the frame's bytes that id stands, if it does.
    pub at: Option<Range<usize>>,
}

impl Route {
    /// Of a message, which is that of `document`.
    pub(super) fn of(document: &Document, message: &Message<'_>) -> Self {
        let root = document.root();
        let (kind, found) = match message {
            Message::Request { .. } => (Kind::Request, root.get("id")),
            Message::Response { .. } | Message::Failure { .. } => (Kind::Answer, root.get("id")),
            Message::Notification { method, params } => note(method, *params),
        };
        let id = found.and_then(Id::of);
        Self {
            kind,
            at: found.filter(|_| id.is_some()).map(Json::span),
            id,
        }
    }

    /// Of any message; none of its own if it cannot be read.
    pub fn read(bytes: &[u8]) -> Self {
        let document = Document::read(bytes.to_vec(), &Limits::DEFAULT);
        let Ok(document) = document else {
            return Self::default();
        };
        let message = Message::read(document.root());
        message.map_or_else(|_| Self::default(), |m| Self::of(&document, &m))
    }

    /// Of an answer of lockgate's own.
    pub(super) fn answer(id: Option<&Id>) -> Self {
        Self {
            kind: Kind::Answer,
            id: id.cloned(),
            at: None,
        }
    }

    /// Of a request of lockgate's own.
    pub(super) fn request(id: &Id) -> Self {
        Self {
            kind: Kind::Request,
            id: Some(id.clone()),
            at: None,
        }
    }
}

fn note<'a>(method: &Method, params: Option<Json<'a>>) -> (Kind, Option<Json<'a>>) {
    let of = |key: &str| params.and_then(|p| p.get(key));
    match method {
        Method::Known(KnownMethod::Progress) => (Kind::Progress, of("progressToken")),
        Method::Known(KnownMethod::Cancelled) => (Kind::Cancelled, of("requestId")),
        _ => match of("_meta").and_then(|meta| meta.get(SUBSCRIPTION)) {
            Some(id) => (Kind::Subscribed, Some(id)),
            None => (Kind::Note, None),
        },
    }
}
