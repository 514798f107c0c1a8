//! What a session reads of the agent's messages before they are judged: which
//! request is meant, and by which names.

use super::streams::Own;
use crate::engine::message::{Id, KnownMethod, Message, Method, Opened};

/// The request that a message cancels.
pub(super) fn cancelled(opened: &Opened) -> Option<Id> {
    let Ok(Message::Notification { method, params }) = opened.message() else {
        return None;
    };
    let cancels = method == Method::Known(KnownMethod::Cancelled);
    params
        .filter(|_| cancels)?
        .get("requestId")
        .and_then(Id::of)
}

/// The progress token that a request asks with.
pub(super) fn token(opened: &Opened) -> Option<Id> {
    let Ok(Message::Request { params, .. }) = opened.message() else {
        return None;
    };
    params?.get("_meta")?.get("progressToken").and_then(Id::of)
}

/// Gives a request, and its progress token, another name.
pub(super) fn rename(opened: Opened, name: &Id) -> (Opened, Own) {
    let renamed = opened.renamed(&name.to_json());
    let (opened, id, token) = renamed;
    (opened, Own { id, token })
}
