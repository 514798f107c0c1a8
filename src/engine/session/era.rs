//! Which era the peers speak, as far as it decides what a server may send, and
//! whether its list of tools counts.

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

    /// The server has refused the handshake: there was none.
    pub(in crate::engine) fn hears_no_handshake(&mut self) {
        if *self == Self::Legacy {
            *self = Self::Unknown;
        }
    }

    /// Whether it speaks 2026-07-28, as far as it has shown.
    pub(in crate::engine) fn is_modern(self) -> bool {
        self == Self::Modern
    }

    /// Whether a server may send requests at all: since 2026-07-28 it puts what
    /// it wants to know into its answers.
    pub(in crate::engine) fn lets_servers_ask(self) -> bool {
        self != Self::Modern
    }
}

/// Whether the server speaks 2026-07-28 where it is spoken to in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::engine) enum Server {
    /// Whoever began the session knows.
    #[default]
    Known,
    /// Nobody does.
    Doubted,
}

impl Server {
    /// What it has answered may show that it does: only that revision has types of
    /// results, and an answer to the question for its eras.
    pub(in crate::engine) fn answers(&mut self, method: Option<&Method>, result: Json<'_>) {
        let asked = method == Some(&Method::Known(KnownMethod::Discover));
        if *self == Self::Doubted && (asked || result.get("resultType").is_some()) {
            *self = Self::Known;
        }
    }

    /// The same of an error.
    pub(in crate::engine) fn fails(&mut self, error: Json<'_>) {
        let code = error.get("code").and_then(Json::as_number);
        if matches!(code, Some("-32020" | "-32021" | "-32022")) {
            *self = Self::Known;
        }
    }
}
