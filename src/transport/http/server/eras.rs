//! Which eras a server speaks, and so whether a bridge stands in between.
//!
//! MCP 2026-07-28, Versioning, "Backward Compatibility": `server/discover` tells.
//! It is asked once for a server, through the engine, as any request.

use super::session::Session;
use super::stream::{First, Inlet};
use crate::engine::message::{Direction, Document, Id, Json, Limits, Opened};
use crate::engine::principal::Principal;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// How long a server may take to start and to answer.
const PATIENCE: Duration = Duration::from_mins(1);
/// What is asked.
const DISCOVER: &str = concat!(
    r#","method":"server/discover","params":{"_meta":{"#,
    r#""io.modelcontextprotocol/protocolVersion":"2026-07-28","#,
    r#""io.modelcontextprotocol/clientInfo":{"name":"lockgate","version":""#,
    env!("CARGO_PKG_VERSION"),
    r#""},"io.modelcontextprotocol/clientCapabilities":{}}}}"#
);

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

/// The question, on behalf of an agent's request. Its words are lockgate's own: what is learnt of
/// the answer holds for all agents, and one of them could ask so that it is an error.
fn question(id: &Id) -> Opened {
    let text = format!(r#"{{"jsonrpc":"2.0","id":{id}{DISCOVER}"#);
    Opened::read(Direction::ToServer, text.into_bytes(), &Limits::DEFAULT)
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
        First::Said(sent) => verdict(&sent.bytes),
        // It has ended: servers do, that do not know the method. Or it says
        // nothing: a handshake will tell whether it lives.
        First::Nothing | First::Quiet => Some(false),
    };
    (first, inlet, says)
}

/// What an answer to `server/discover` says; `None` if it is none of the
/// server's.
fn verdict(answer: &[u8]) -> Option<bool> {
    let Ok(document) = Document::read(answer.to_vec(), &Limits::DEFAULT) else {
        return Some(false);
    };
    let Some(error) = document.root().get("error") else {
        return Some(true);
    };
    let data = error.get("data");
    let text = |key| data.and_then(|d| d.get(key)).and_then(Json::as_str);
    if text("by").as_deref() == Some("lockgate") {
        let status = data.and_then(|d| d.get("status")).and_then(Json::as_number);
        // A legacy server knows no request outside a session.
        let refused = matches!(status, Some("400" | "404" | "405" | "406" | "415" | "422"));
        return match text("reason").as_deref() {
            Some("http-status") if refused => Some(false),
            Some("server-exited") => Some(false),
            _ => None,
        };
    }
    // These are errors of the modern era only.
    let code = error.get("code").and_then(Json::as_number);
    Some(matches!(code, Some("-32020" | "-32021" | "-32022")))
}

#[cfg(test)]
mod tests {
    use super::verdict;

    #[test]
    fn an_answer_tells_the_era_or_nothing() {
        let error = |code: &str, data: &str| {
            format!(
                r#"{{"jsonrpc":"2.0","id":0,"error":{{"code":{code},"message":"m","data":{data}}}}}"#
            )
        };
        let own = |reason: &str, status: u16| {
            error(
                "-32000",
                &format!(r#"{{"by":"lockgate","reason":"{reason}","status":{status}}}"#),
            )
        };
        for (answer, expected) in [
            (
                r#"{"jsonrpc":"2.0","id":0,"result":{}}"#.to_owned(),
                Some(true),
            ),
            (error("-32022", "{}"), Some(true)),
            (error("-32601", "null"), Some(false)),
            (error("-32600", "null"), Some(false)),
            (own("http-status", 400), Some(false)),
            (own("http-status", 401), None),
            (own("http-status", 503), None),
            (own("http-connect", 0), None),
            (own("server-exited", 0), Some(false)),
            (own("not-recorded", 0), None),
            ("nonsense".to_owned(), Some(false)),
        ] {
            assert_eq!(verdict(answer.as_bytes()), expected, "{answer}");
        }
    }
}
