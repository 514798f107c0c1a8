//! What a message tells of the era of the agent that sends it.

use super::splice;
use crate::engine::message::{Id, KnownMethod, Message, Method, Opened};

/// What a message of the agent tells.
pub(super) enum Opens {
    Handshake(Id),
    Modern(Id, Method),
    /// A request of a legacy agent.
    Legacy,
    /// It wants no answer to that any more.
    Cancelled(Id),
    Nothing,
}

impl Opens {
    pub(super) fn of(opened: &Opened) -> Self {
        const VERSION: &str = splice::VERSION;
        match opened.message() {
            Ok(Message::Request { id, method, params }) => {
                let version = params.and_then(|p| p.get("_meta")?.get(VERSION));
                match (&method, version) {
                    (Method::Known(KnownMethod::Initialize), _) => Self::Handshake(id),
                    (Method::Known(KnownMethod::Discover), _) | (_, Some(_)) => {
                        Self::Modern(id, method)
                    }
                    (Method::Known(KnownMethod::Ping), None) => Self::Nothing,
                    (_, None) => Self::Legacy,
                }
            }
            Ok(Message::Notification {
                method: Method::Known(KnownMethod::Cancelled),
                params,
            }) => {
                let id = params.and_then(|p| p.get("requestId")).and_then(Id::of);
                id.map_or(Self::Nothing, Self::Cancelled)
            }
            _ => Self::Nothing,
        }
    }
}
