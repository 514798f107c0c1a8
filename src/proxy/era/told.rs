//! What an answer tells of the era that a server speaks.
//!
//! MCP 2026-07-28, Versioning and Compatibility, and both transports' "Backward
//! Compatibility": an error of the modern era tells a modern server, any other a
//! legacy one. An error of lockgate's own tells only what it says the server did.

use super::splice::Refusal;
use crate::engine::message::{Direction, Document, Id, Json, KnownMethod, Limits, Method, Opened};
use crate::engine::reason::Reason;

/// What is asked. Its words are lockgate's own: what is learnt of the answer may
/// hold for all agents, and one of them could ask so that it is an error.
const DISCOVER: &str = concat!(
    r#","method":"server/discover","params":{"_meta":{"#,
    r#""io.modelcontextprotocol/protocolVersion":"2026-07-28","#,
    r#""io.modelcontextprotocol/clientInfo":{"name":"lockgate","version":""#,
    env!("CARGO_PKG_VERSION"),
    r#""},"io.modelcontextprotocol/clientCapabilities":{}}}}"#
);

/// What an agent of 2026-07-28 is told that asks a legacy server for its eras.
pub const LEGACY_SERVER: &str = "the server does not speak 2026-07-28: begin with `initialize`";
/// The same for programs.
pub const LEGACY_SERVER_REASON: &str = "legacy-server";

/// `server/discover`, to find out.
pub fn question(id: &Id) -> Opened {
    let text = format!(r#"{{"jsonrpc":"2.0","id":{id}{DISCOVER}"#);
    Opened::read(Direction::ToServer, text.into_bytes(), &Limits::DEFAULT)
}

/// The answer to an agent that asked a legacy server for its eras.
pub(super) fn legacy_server(id: &Id) -> Vec<u8> {
    Refusal::legacy_server().answer(id)
}

/// What an answer is, as far as it tells an era.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// A result.
    Result,
    /// A result that says of what kind it is, as only the modern era has it.
    ModernResult,
    /// An error that only the modern era has.
    ModernError,
    /// An error of the server that the modern era has not given a meaning, or
    /// lockgate's own word that the server would not take the request.
    Error,
    /// Lockgate's own word that says nothing of the server.
    Nothing,
}

impl Told {
    /// Of an answer's bytes.
    pub fn of(answer: &[u8]) -> Self {
        let Ok(document) = Document::read(answer.to_vec(), &Limits::DEFAULT) else {
            return Self::Error;
        };
        let root = document.root();
        let Some(error) = root.get("error") else {
            let kind = root.get("result").and_then(|r| r.get("resultType"));
            return match kind.and_then(Json::as_str) {
                Some(_) => Self::ModernResult,
                None => Self::Result,
            };
        };
        let data = error.get("data");
        let text = |key| data.and_then(|d| d.get(key)).and_then(Json::as_str);
        if text("by").as_deref() == Some("lockgate") {
            let status = data.and_then(|d| d.get("status")).and_then(Json::as_number);
            // A legacy server knows no request outside a session.
            let refused = matches!(status, Some("400" | "404" | "405" | "406" | "415" | "422"));
            return match text("reason").as_deref() {
                Some("http-status") if refused => Self::Error,
                // It has ended: servers do, that do not know the method. Or it would
                // not list its tools, or not as the revision has it, so that a call
                // never went out.
                Some("server-exited" | "verification-failed" | "wrong-era") => Self::Error,
                _ => Self::Nothing,
            };
        }
        match error.get("code").and_then(Json::as_number) {
            Some("-32020" | "-32021" | "-32022") => Self::ModernError,
            _ => Self::Error,
        }
    }

    /// What an answer to `server/discover` says: whether the server speaks
    /// 2026-07-28; `None` if it is none of the server's.
    pub fn discovered(self) -> Option<bool> {
        match self {
            Self::Result | Self::ModernResult | Self::ModernError => Some(true),
            Self::Error => Some(false),
            Self::Nothing => None,
        }
    }
}

/// Whether lockgate has withheld an answer because the server might speak another
/// era.
pub(super) fn was_withheld(answer: &[u8]) -> bool {
    let document = Document::read(answer.to_vec(), &Limits::DEFAULT).ok();
    let data = document
        .as_ref()
        .and_then(|d| d.root().get("error")?.get("data"));
    let says = |key, what| {
        let text = data.and_then(|d| d.get(key)).and_then(Json::as_str);
        text.as_deref() == Some(what)
    };
    says("by", "lockgate") && says("reason", Reason::WrongEra.code())
}

/// Whether an error says that the request was not acted on: it was not known, or
/// not well-formed for a server that first wants a handshake. An answer to a call
/// never says that: a tool can fail with any code.
pub(super) fn was_refused(method: &Method, answer: &[u8]) -> bool {
    let Ok(document) = Document::read(answer.to_vec(), &Limits::DEFAULT) else {
        return false;
    };
    let Some(error) = document.root().get("error") else {
        return false;
    };
    let by = error.get("data").and_then(|d| d.get("by"));
    if by.and_then(Json::as_str).as_deref() == Some("lockgate") {
        return Told::of(answer) == Told::Error;
    }
    let code = error.get("code").and_then(Json::as_number);
    match method {
        Method::Known(KnownMethod::CallTool) => false,
        // -32000 is what servers give that are reached over HTTP and want a session.
        Method::Known(_) => matches!(code, Some("-32601" | "-32600" | "-32602" | "-32000")),
        Method::Unknown(_) => matches!(code, Some("-32601" | "-32600")),
    }
}

#[cfg(test)]
mod tests {
    use super::{Told, was_refused};
    use crate::engine::message::Method;

    fn error(code: &str, data: &str) -> String {
        format!(
            r#"{{"jsonrpc":"2.0","id":0,"error":{{"code":{code},"message":"m","data":{data}}}}}"#
        )
    }

    fn own(reason: &str, status: u16) -> String {
        error(
            "-32000",
            &format!(r#"{{"by":"lockgate","reason":"{reason}","status":{status}}}"#),
        )
    }

    #[test]
    fn an_answer_tells_the_era_or_nothing() {
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
            let told = Told::of(answer.as_bytes());
            assert_eq!(told.discovered(), expected, "{answer}");
        }
        let modern = r#"{"jsonrpc":"2.0","id":0,"result":{"resultType":"complete"}}"#;
        assert_eq!(Told::of(modern.as_bytes()), Told::ModernResult);
        let text = r#"{"jsonrpc":"2.0","id":0,"result":{"text":"\"resultType\":\"complete\""}}"#;
        assert_eq!(Told::of(text.as_bytes()), Told::Result);
    }

    /// What may be sent again, and what may not.
    #[test]
    fn only_what_was_refused_unseen_is_sent_again() {
        for (method, answer, expected) in [
            ("tools/list", error("-32602", "null"), true),
            ("tools/list", error("-32603", "null"), false),
            ("resources/read", error("-32002", "null"), false),
            ("tools/call", error("-32601", "null"), false),
            ("tools/call", error("-32602", "null"), false),
            ("tools/call", own("verification-failed", 0), true),
            ("tools/call", own("wrong-era", 0), true),
            ("tools/call", own("http-status", 400), true),
            ("tools/call", own("http-cut", 0), false),
            ("tools/call", own("not-permitted", 0), false),
            ("vendor/extra", error("-32602", "null"), false),
            ("vendor/extra", error("-32600", "null"), true),
            (
                "tools/call",
                r#"{"jsonrpc":"2.0","id":0,"result":{}}"#.to_owned(),
                false,
            ),
        ] {
            let refused = was_refused(&Method::of(method), answer.as_bytes());
            assert_eq!(refused, expected, "{method}: {answer}");
        }
    }
}
