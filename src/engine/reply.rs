//! Refusals, and lockgate's own requests, as JSON-RPC.

use super::decision::Frame;
use super::message::{Id, Json};
use super::reason::Reason;
use super::record::Record;
use super::route::Route;
use serde_json::{Map, Value, json};

/// The error that tells a peer that its message, or the answer it waits for,
/// did not pass: what, why, by which rule, and whose fault.
pub(super) fn refusal(id: Option<&Id>, record: &Record, reason: Reason) -> Frame {
    let subject = record.subject();
    let what = match (&record.method, subject) {
        (Some(method), Some(subject)) => format!("{method} `{}`", shorten(subject)),
        (Some(method), None) => shorten(method),
        (None, _) => "this message".to_owned(),
    };
    let detail = record
        .detail
        .as_deref()
        .unwrap_or("it could not be recorded");
    let mut data = Map::new();
    data.insert("reason".to_owned(), json!(reason.code()));
    data.insert("blame".to_owned(), json!(record.direction.sender()));
    data.insert("by".to_owned(), json!("lockgate"));
    if !record.rules.is_empty() {
        data.insert("rules".to_owned(), json!(record.rules));
    }
    if !record.scopes.is_empty() {
        data.insert("scopes".to_owned(), json!(record.scopes));
    }
    if !record.findings.is_empty() {
        data.insert("findings".to_owned(), json!(record.findings));
    }
    let error = json!({
        "code": reason.json_rpc(),
        "message": format!("lockgate denied {what}: {detail} [{}]", reason.code()),
        "data": data,
    });
    let route = Route::answer(id);
    let id = id.map_or_else(|| "null".to_owned(), Id::to_json);
    let text = format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#);
    Frame::new(text.into_bytes(), route)
}

/// Lockgate's own `tools/list`.
pub(super) fn list_tools(id: &Id, cursor: Option<&str>, meta: Option<&str>) -> Frame {
    let mut params = Vec::new();
    if let Some(cursor) = cursor {
        params.push(format!(r#""cursor":{}"#, Value::String(cursor.to_owned())));
    }
    if let Some(meta) = meta {
        params.push(format!(r#""_meta":{meta}"#));
    }
    let params = if params.is_empty() {
        String::new()
    } else {
        format!(r#","params":{{{}}}"#, params.join(","))
    };
    let route = Route::request(id);
    let id = id.to_json();
    let text = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/list"{params}}}"#);
    Frame::new(text.into_bytes(), route)
}

/// What of a call's `_meta` the stateless revision wants in each request.
pub(super) fn request_meta(params: Option<Json<'_>>) -> Option<String> {
    const KEPT: [&str; 3] = [
        "io.modelcontextprotocol/protocolVersion",
        "io.modelcontextprotocol/clientInfo",
        "io.modelcontextprotocol/clientCapabilities",
    ];
    let meta = params?.get("_meta")?;
    meta.get("io.modelcontextprotocol/protocolVersion")?;
    let kept = KEPT
        .iter()
        .filter_map(|k| Some(format!(r#""{k}":{}"#, meta.get(k)?.raw())));
    Some(format!("{{{}}}", kept.collect::<Vec<_>>().join(",")))
}

fn shorten(text: &str) -> String {
    const MOST: usize = 80;
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(MOST).collect();
    short.push('…');
    short
}
