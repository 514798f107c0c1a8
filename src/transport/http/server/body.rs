//! The body of a request, and what its headers say about media types.

use crate::engine::message::{Limits, TopLevel};
use crate::transport::http::one_line::one_line;
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use hyper::header::{ACCEPT, HeaderMap, HeaderName};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// How long the body of a request may take to come, and so much more for each
/// megabyte of it that has come.
const BODY: Duration = Duration::from_secs(30);

/// Why a body was not read.
pub(super) enum Unread {
    Late,
    Broken,
    TooLarge(TopLevel),
}

/// Reads a body, within bounds of size and time.
pub(super) async fn read(mut body: Incoming) -> Result<Vec<u8>, Unread> {
    let most = Limits::DEFAULT.bytes;
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    // What is announced is not believed beyond this.
    let mut bytes = Vec::with_capacity(announced.min(64 * 1024));
    let mut deadline = Instant::now() + BODY;
    let mut counted = 0;
    loop {
        let frame = match timeout_at(deadline, body.frame()).await {
            Err(_) => return Err(Unread::Late),
            Ok(None) => return Ok(bytes),
            Ok(Some(Err(_))) => return Err(Unread::Broken),
            Ok(Some(Ok(frame))) => frame,
        };
        let Some(data) = frame.data_ref() else {
            continue;
        };
        if bytes.len().saturating_add(data.len()) > most || announced > most {
            bytes.extend_from_slice(data);
            return Err(Unread::TooLarge(TopLevel::of(&bytes)));
        }
        bytes.extend_from_slice(data);
        while bytes.len().saturating_sub(counted) > 1024 * 1024 {
            counted = counted.saturating_add(1024 * 1024);
            deadline += BODY;
        }
    }
}

/// A message on one line, as the engine wants it. One that cannot be brought
/// there stays as it is, for the engine to refuse.
pub(super) fn on_one_line(bytes: Vec<u8>) -> Vec<u8> {
    if memchr::memchr2(b'\r', b'\n', &bytes).is_none() {
        return bytes;
    }
    one_line(bytes.clone()).unwrap_or(bytes)
}

/// A media type without its parameters.
pub(super) fn essence(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    let essence = value.split(';').next().unwrap_or_default();
    Some(essence.trim().to_ascii_lowercase())
}

/// Whether a client takes this media type.
pub(super) fn accepts(headers: &HeaderMap, kind: &str) -> bool {
    let group = kind.split('/').next().unwrap_or_default();
    let takes = |range: &str| {
        let range = range.split(';').next().unwrap_or_default().trim();
        let range = range.to_ascii_lowercase();
        range == "*/*" || range == kind || range.strip_suffix("/*") == Some(group)
    };
    let values = headers.get_all(ACCEPT).iter();
    let mut values = values.filter_map(|v| v.to_str().ok());
    values.any(|value| value.split(',').any(takes))
}
