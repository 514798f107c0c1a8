//! Which era the agent speaks, as far as it decides what a server may send.

use crate::engine::message::{Json, KnownMethod, Method};

/// What the agent has shown of the era that it speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::engine) enum Era {
    /// Nothing yet.
    #[default]
    Unknown,
    /// It has begun the handshake of the revisions up to 2025-11-25.
    Legacy,
    /// Its messages name a later revision, and there was no handshake.
    Modern,
}

impl Era {
    /// The agent has sent a request. A handshake counts more than a probe.
    pub(in crate::engine) fn hears(&mut self, method: &Method, params: Option<Json<'_>>) {
        const VERSION: &str = "io.modelcontextprotocol/protocolVersion";
        let named = || params?.get("_meta")?.get(VERSION);
        if *method == Method::Known(KnownMethod::Initialize) {
            *self = Self::Legacy;
        } else if *self == Self::Unknown && named().is_some() {
            *self = Self::Modern;
        }
    }

    /// Whether a server may send requests at all: since 2026-07-28 it puts what
    /// it wants to know into its answers.
    pub(in crate::engine) fn lets_servers_ask(self) -> bool {
        self != Self::Modern
    }
}
