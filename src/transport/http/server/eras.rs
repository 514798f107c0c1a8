//! Which eras a server speaks, and so whether a bridge stands in between.
//!
//! MCP 2026-07-28, Versioning, "Backward Compatibility": `server/discover` tells.
//! It is asked once for a server, through the engine, as any request.

use super::session::Session;
use super::stream::{First, Inlet};
use crate::engine::message::Id;
use crate::engine::principal::Principal;
use crate::proxy::era::{Told, question};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// How long a server may take to start and to answer.
const PATIENCE: Duration = Duration::from_mins(1);
/// For so long it is believed that a server does not speak 2026-07-28: it may
/// only have failed.
const BELIEVED: Duration = Duration::from_mins(5);

/// What is known of one server.
#[derive(Debug, Default)]
pub(super) struct Spoken {
    /// Whether it speaks 2026-07-28, and when that was told.
    modern: Mutex<Option<(bool, Instant)>>,
    /// Held by whoever asks: once is enough.
    pub(super) asking: tokio::sync::Mutex<()>,
    /// It answered a handshake with an error, and speaks 2026-07-28.
    no_handshake: AtomicBool,
}

impl Spoken {
    /// Whether it speaks 2026-07-28, if that is known.
    pub(super) fn is_modern(&self) -> Option<bool> {
        let told = *self.modern.lock().unwrap_or_else(PoisonError::into_inner);
        let (modern, when) = told?;
        (modern || when.elapsed() < BELIEVED).then_some(modern)
    }

    /// It has told.
    pub(super) fn learn(&self, modern: bool) {
        let told = Some((modern, Instant::now()));
        *self.modern.lock().unwrap_or_else(PoisonError::into_inner) = told;
    }

    /// Whether it wants no handshake.
    pub(super) fn refuses_handshake(&self) -> bool {
        self.no_handshake.load(Ordering::Relaxed)
    }

    /// It wants none.
    pub(super) fn refuse_handshake(&self) {
        self.no_handshake.store(true, Ordering::Relaxed);
    }
}

/// Asks on a fresh session. With the answer comes what it says about the era:
/// nothing, if it is none of the server's.
pub(super) async fn ask(
    session: &Arc<Session>,
    id: &Id,
    principal: &Arc<Principal>,
) -> (First, Inlet, Option<bool>) {
    let mut inlet = session.ask(question(id), id, principal);
    let answer = async {
        loop {
            match inlet.next().await {
                // A server may say things before it answers; they are no answer.
                Some(sent) if !sent.last => {}
                Some(sent) => return First::Said(sent),
                None => return First::Nothing,
            }
        }
    };
    let first = timeout(PATIENCE, answer).await.unwrap_or(First::Quiet);
    let says = match &first {
        First::Said(sent) => Told::of(&sent.bytes).discovered(),
        // It has ended: servers do, that do not know the method. Or it says
        // nothing: a handshake will tell whether it lives.
        First::Nothing | First::Quiet => Some(false),
    };
    (first, inlet, says)
}
