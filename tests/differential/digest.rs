//! One spelling for what a reader took a message to be.
//!
//! `method|id|name|uri|arguments`; `-` where there is none or null. Values:
//! `n`, `t`, `f`, `d` and the bits of the double (no negative zero), `s` and
//! the UTF-8 in hexadecimal, `[a,b]`, `{key:value}` in order of the
//! hexadecimal keys.

use lockgate::engine::message::{
    CallTool, Document, Id, Json, Kind, KnownMethod, Limits, Message, Method, Named,
};
use std::fmt::Write;

/// What a reader made of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reading {
    Refused,
    Read([String; 5]),
}

impl Reading {
    /// Parses a digest.
    pub(crate) fn parse(digest: &str) -> Self {
        if digest == "!" {
            return Self::Refused;
        }
        let parts: Vec<String> = digest.split('|').map(str::to_owned).collect();
        Self::Read(
            parts
                .try_into()
                .unwrap_or_else(|_| panic!("no digest: {digest}")),
        )
    }
}

/// What we read; nothing where the engine does not look.
#[derive(Debug)]
pub(crate) struct Ours([Option<String>; 5]);

impl Ours {
    /// Whether a peer reads the same wherever the engine looks.
    pub(crate) fn agrees(&self, peer: &Reading) -> bool {
        match peer {
            Reading::Refused => false,
            Reading::Read(parts) => {
                let mut both = self.0.iter().zip(parts);
                both.all(|(ours, theirs)| ours.as_ref().is_none_or(|ours| ours == theirs))
            }
        }
    }
}

/// Our reading, or the reason of the refusal.
pub(crate) fn ours(bytes: &[u8]) -> Result<Ours, &'static str> {
    let document =
        Document::read(bytes.to_vec(), &Limits::DEFAULT).map_err(|e| e.problem.code())?;
    let message = Message::read(document.root()).map_err(|e| e.code())?;
    let (method, id, params) = match message {
        Message::Request { id, method, params } => (Some(method), Some(id), params),
        Message::Notification { method, params } => (Some(method), None, params),
        Message::Response { id, .. } => (None, Some(id), None),
        Message::Failure { id, .. } => (None, id, None),
    };
    let mut read = [
        Some(method_part(method.as_ref())),
        Some(id_part(id.as_ref())),
        None,
        None,
        None,
    ];
    let Some(Method::Known(known)) = method else {
        return Ok(Ours(read));
    };
    match known {
        KnownMethod::CallTool => {
            let call = CallTool::read(params).map_err(|_| "invalid-params")?;
            read[2] = Some(text(&call.name));
            read[4] = Some(call.arguments.map_or("-".to_owned(), canon));
        }
        KnownMethod::GetPrompt => {
            let named = Named::read(params, "name").map_err(|_| "invalid-params")?;
            read[2] = Some(text(&named.0));
            read[4] = Some(
                params
                    .and_then(|p| p.get("arguments"))
                    .map_or("-".to_owned(), canon_or_none),
            );
        }
        KnownMethod::ReadResource
        | KnownMethod::SubscribeResource
        | KnownMethod::UnsubscribeResource => {
            let named = Named::read(params, "uri").map_err(|_| "invalid-params")?;
            read[3] = Some(text(&named.0));
        }
        _ => {}
    }
    Ok(Ours(read))
}

fn method_part(method: Option<&Method>) -> String {
    method.map_or("-".to_owned(), |m| text(m.name()))
}

fn id_part(id: Option<&Id>) -> String {
    match id {
        None => "-".to_owned(),
        Some(Id::Number(n)) => number(&n.to_string()),
        Some(Id::Text(t)) => text(t),
    }
}

/// What `serde_json` reads.
pub(crate) fn serde(bytes: &[u8]) -> Reading {
    let Ok(message) = serde_json::from_slice::<serde_json::Value>(bytes) else {
        return Reading::Refused;
    };
    if !message.is_object() {
        return Reading::Refused;
    }
    let params = &message["params"];
    let parts = [
        &message["method"],
        &message["id"],
        &params["name"],
        &params["uri"],
        &params["arguments"],
    ];
    Reading::Read(parts.map(|part| {
        if part.is_null() {
            "-".to_owned()
        } else {
            serde_canon(part)
        }
    }))
}

fn serde_canon(value: &serde_json::Value) -> String {
    use serde_json::Value;
    match value {
        Value::Null => "n".to_owned(),
        Value::Bool(truth) => (if *truth { "t" } else { "f" }).to_owned(),
        Value::Number(n) => double(n.as_f64().expect("a double")),
        Value::String(s) => text(s),
        Value::Array(items) => array(items.iter().map(serde_canon)),
        Value::Object(members) => object(members.iter().map(|(k, v)| (hex(k), serde_canon(v)))),
    }
}

fn canon(value: Json<'_>) -> String {
    match value.kind() {
        Kind::Null => "n".to_owned(),
        Kind::Bool => (if value.as_bool() == Some(true) {
            "t"
        } else {
            "f"
        })
        .to_owned(),
        Kind::Number => number(value.raw()),
        Kind::String => text(&value.as_str().expect("a string")),
        Kind::Array => array(value.items().map(canon)),
        Kind::Object => object(value.members().map(|(k, v)| (hex(&k), canon(v)))),
    }
}

/// Null where a value may be left out is none.
fn canon_or_none(value: Json<'_>) -> String {
    if value.is_null() {
        "-".to_owned()
    } else {
        canon(value)
    }
}

fn number(token: &str) -> String {
    double(token.parse().expect("a double"))
}

fn double(value: f64) -> String {
    format!("d{:016x}", (value + 0.0).to_bits())
}

fn text(value: &str) -> String {
    format!("s{}", hex(value))
}

fn hex(value: &str) -> String {
    value.bytes().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

fn array(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(","))
}

fn object(members: impl Iterator<Item = (String, String)>) -> String {
    let mut members: Vec<_> = members.collect();
    members.sort();
    let members: Vec<String> = members
        .into_iter()
        .map(|(key, of)| format!("{key}:{of}"))
        .collect();
    format!("{{{}}}", members.join(","))
}
