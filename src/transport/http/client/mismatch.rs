//! A server that misses headers: once, its tools are listed anew for what they
//! want in headers, and the call is made again (MCP 2026-07-28, Streamable HTTP,
//! "Client Behavior").
//!
//! That repeats nothing: with -32020 a server says that it has refused the
//! request before it looked at it. What is listed here is not shown to anybody
//! and permits nothing; it only says which arguments stand in headers, too. The
//! call's bytes stay as they were judged.

use super::exchange::Call;
use super::failure::Failure;
use super::link::{Link, lock};
use super::oauth::Subject;
use super::response::{Media, Stream, collect, media};
use crate::engine::message::{Document, Id, Json, Limits, Message};
use crate::transport::http::mirror::modern_version;
use crate::transport::http::one_line::one_line;
use hyper::HeaderMap;
use hyper::body::Bytes;
use serde_json::Value;
use std::time::Duration;
use tokio::time::timeout;

/// The JSON-RPC error of a server that misses headers, or finds others.
const HEADER_MISMATCH: &str = "-32020";
/// How long the server may take to list its tools.
const PATIENCE: Duration = Duration::from_secs(30);
/// Most pages that are asked for.
const PAGES: usize = 100;
/// What of a call's `_meta` the revision wants in each request.
const META: [&str; 3] = [
    "io.modelcontextprotocol/protocolVersion",
    "io.modelcontextprotocol/clientInfo",
    "io.modelcontextprotocol/clientCapabilities",
];

/// Whether the answer to a call says so.
pub(super) fn is_one(call: &Call, answer: &[u8]) -> bool {
    if !call.modern || call.method != "tools/call" {
        return false;
    }
    let answer = Document::read(answer.to_vec(), &Limits::DEFAULT);
    let code = answer.ok().and_then(|answer| {
        let error = answer.root().get("error")?;
        Some(error.get("code")?.raw() == HEADER_MISMATCH)
    });
    code == Some(true)
}

/// The headers that the call should have had, if they are others than it had.
pub(super) async fn newer(
    link: &Link,
    call: &Call,
    body: &Bytes,
    had: &HeaderMap,
) -> Option<HeaderMap> {
    let document = Document::read(body.to_vec(), &Limits::DEFAULT).ok()?;
    let params = document.root().get("params");
    let version = modern_version(params)?;
    let listed = timeout(PATIENCE, list(link, call, params?, &version)).await;
    if let Err(failure) = listed.unwrap_or(Err(Failure::Cut)) {
        let told = failure.told(&link.origin);
        tracing::warn!("the tools could not be listed for their headers: {told}");
        return None;
    }
    let newer = link.mirrored(&version, "tools/call", params).ok()?;
    (newer != *had).then_some(newer)
}

/// Learns what the tools want in headers, page by page.
async fn list(link: &Link, call: &Call, params: Json<'_>, version: &str) -> Result<(), Failure> {
    let meta = params.get("_meta");
    let kept = META
        .iter()
        .filter_map(|key| Some(format!(r#""{key}":{}"#, meta?.get(key)?.raw())));
    let meta = kept.collect::<Vec<_>>().join(",");
    // No id of an agent's looks like that, and nobody else sees it.
    let id = Id::Text(format!("lockgate-headers-{}", call.id));
    let mut cursor: Option<String> = None;
    for _ in 0..PAGES {
        let more = cursor.take().map_or_else(String::new, |cursor| {
            format!(r#""cursor":{},"#, Value::String(cursor))
        });
        let id_text = id.to_json();
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":{id_text},"method":"tools/list","params":{{{more}"_meta":{{{meta}}}}}}}"#
        );
        let headers = link.mirrored(version, "tools/list", None);
        let headers = headers.map_err(Failure::Unfit)?;
        let page = ask(link, &id, (Bytes::from(body), headers), &call.subject).await?;
        lock(&link.mirror).learn(&page);
        let next = page.root().get("result").and_then(|r| r.get("nextCursor"));
        let Some(next) = next.and_then(Json::as_str) else {
            return Ok(());
        };
        cursor = Some(next.into_owned());
    }
    Ok(())
}

/// One request of the bridge's own, and its answer.
async fn ask(
    link: &Link,
    id: &Id,
    (body, headers): (Bytes, HeaderMap),
    subject: &Subject,
) -> Result<Document, Failure> {
    let response = link.dialer.post(body, headers, subject).await?;
    let status = response.status();
    if !status.is_success() {
        return Err(Failure::Status(status));
    }
    let answers = |message: Vec<u8>| {
        let document = Document::read(message, &Limits::DEFAULT).ok()?;
        let is_answer = matches!(
            Message::read(document.root()),
            Ok(Message::Response { id: of, .. }) if of == *id
        );
        is_answer.then_some(document)
    };
    match media(response.headers())? {
        Media::Json => {
            let body = collect(link, response.into_body()).await?;
            let message = one_line(body).map_err(|_| Failure::NoMessage)?;
            answers(message).ok_or(Failure::NoAnswer(status))
        }
        Media::Events => {
            let mut stream = Stream::new(link, response.into_body());
            while let Some(message) = stream.next().await? {
                if let Some(answer) = answers(message) {
                    return Ok(answer);
                }
            }
            Err(Failure::Cut)
        }
        Media::Other(found) => Err(Failure::ContentType(found)),
    }
}
