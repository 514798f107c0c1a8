//! Which eras a server speaks, and so whether a bridge stands in between.
//!
//! MCP 2026-07-28, Versioning, "Backward Compatibility": `server/discover` tells.
//! It is asked once for a server, through the engine, as any request.

use super::session::Session;
use super::stream::{First, Sent};
use crate::engine::message::{Direction, Document, Id, Json, Limits, Opened};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::OnceCell;

/// How long a server may take to start and to answer.
const PATIENCE: Duration = Duration::from_mins(1);
/// What is asked.
const DISCOVER: &str = concat!(
    r#"{"jsonrpc":"2.0","id":0,"method":"server/discover","params":{"_meta":{"#,
    r#""io.modelcontextprotocol/protocolVersion":"2026-07-28","#,
    r#""io.modelcontextprotocol/clientInfo":{"name":"lockgate","version":""#,
    env!("CARGO_PKG_VERSION"),
    r#""},"io.modelcontextprotocol/clientCapabilities":{}}}}"#
);

/// What is known of one server.
#[derive(Debug, Default)]
pub(super) struct Spoken {
    modern: OnceCell<bool>,
    /// It answered a handshake with an error, and speaks 2026-07-28.
    no_handshake: AtomicBool,
}

/// It could not be told, and why: the error that came instead.
#[derive(Debug)]
pub(super) struct Untold(pub(super) Option<Sent>);

impl Spoken {
    /// Whether the server speaks 2026-07-28. `session` is one that speaks it
    /// with the server, if it does.
    pub(super) async fn modern(
        &self,
        session: impl AsyncFnOnce() -> Result<Arc<Session>, Untold>,
    ) -> Result<bool, Untold> {
        let asked = async || ask(&session().await?).await;
        self.modern.get_or_try_init(asked).await.copied()
    }

    /// Whether it wants no handshake.
    pub(super) fn refuses_handshake(&self) -> bool {
        self.no_handshake.load(Ordering::Relaxed)
    }

    /// It wants none.
    pub(super) fn refuse_handshake(&self) {
        self.no_handshake.store(true, Ordering::Relaxed);
    }

    /// The same, if it has been told already.
    pub(super) fn is_modern(&self) -> Option<bool> {
        self.modern.get().copied()
    }
}

async fn ask(session: &Arc<Session>) -> Result<bool, Untold> {
    let opened = Opened::read(
        Direction::ToServer,
        DISCOVER.as_bytes().to_vec(),
        &Limits::DEFAULT,
    );
    let mut inlet = session.ask(opened, &Id::Number(0), &session.principal);
    let answer = match inlet.first(PATIENCE).await {
        First::Said(sent) => sent,
        // It has ended: servers do, that do not know the method. Or it says
        // nothing: the handshake will tell whether it lives.
        First::Nothing | First::Quiet => return Ok(false),
    };
    match verdict(&answer.bytes) {
        Some(modern) => Ok(modern),
        None => Err(Untold(Some(answer))),
    }
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
