//! One response of the server: its kind, its body, its stream of events.

use super::failure::Failure;
use super::link::{Held, Link, MESSAGE};
use crate::engine::mirrored::is_token;
use crate::transport::http::one_line::one_line;
use crate::transport::http::sse::{Decoder, Event, EventKind};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, LOCATION};
use std::collections::VecDeque;
use std::time::Duration;

/// What a response's body is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Media {
    /// One message.
    Json,
    /// A stream of them.
    Events,
    /// Something else, as people read it.
    Other(String),
}

/// Tells it from the headers.
pub(super) fn media(headers: &HeaderMap) -> Result<Media, Failure> {
    let plain = |v: &hyper::header::HeaderValue| v.as_bytes().eq_ignore_ascii_case(b"identity");
    if !headers.get_all(CONTENT_ENCODING).iter().all(plain) {
        return Err(Failure::Compressed);
    }
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return Ok(Media::Other("no content type".to_owned()));
    };
    let value = value.to_str().unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    let essence = essence.to_ascii_lowercase();
    Ok(match essence.as_str() {
        "application/json" => Media::Json,
        "text/event-stream" => Media::Events,
        // A stranger's text is shown only where it is what it should be.
        other => match other.split_once('/') {
            Some((a, b)) if is_token(a) && is_token(b) && other.len() < 80 => {
                Media::Other(format!("`{other}`"))
            }
            _ => Media::Other("an unreadable content type".to_owned()),
        },
    })
}

/// Where a redirect points to, without what can be secret.
pub(super) fn location(headers: &HeaderMap) -> String {
    let text = headers.get(LOCATION).and_then(|v| v.to_str().ok());
    let text = text.and_then(|t| t.split(['?', '#']).next());
    let text = text.unwrap_or("nowhere");
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    // A user and a password stand before the last `@` of the authority.
    let slash = rest.find(['/', '\\']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(slash);
    let host = authority.rsplit('@').next().unwrap_or_default();
    let shown: String = match scheme {
        "" => format!("{host}{path}"),
        scheme => format!("{scheme}://{host}{path}"),
    };
    format!("`{}`", shown.chars().take(200).collect::<String>())
}

/// Reads a whole body.
pub(super) async fn collect(link: &Link, mut body: Incoming) -> Result<Vec<u8>, Failure> {
    // What is announced is not believed beyond this.
    const ANNOUNCED: u64 = 1024 * 1024;
    let mut held = link.hold();
    let announced = body.size_hint().lower().min(ANNOUNCED);
    let mut bytes = Vec::with_capacity(usize::try_from(announced).unwrap_or_default());
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return Err(Failure::Cut);
        };
        let Some(data) = frame.data_ref() else {
            continue;
        };
        if bytes.len().saturating_add(data.len()) > MESSAGE {
            return Err(Failure::TooLarge(MESSAGE));
        }
        bytes.extend_from_slice(data);
        held.set(bytes.capacity())?;
    }
    Ok(bytes)
}

/// What an event says.
#[derive(Debug)]
pub(super) enum Said {
    Message(Vec<u8>),
    /// Where messages go, in the transport of 2024-11-05.
    Endpoint(Vec<u8>),
}

/// A stream of events, as the lines that they carry.
#[derive(Debug)]
pub(super) struct Stream {
    body: Incoming,
    decoder: Decoder,
    events: VecDeque<Event>,
    held: Held,
    failed: bool,
}

impl Stream {
    pub(super) fn new(link: &Link, body: Incoming) -> Self {
        Self {
            body,
            decoder: Decoder::new(MESSAGE),
            events: VecDeque::new(),
            held: link.hold(),
            failed: false,
        }
    }

    /// The next message; `None` once the stream has ended or broken.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        loop {
            match self.said().await? {
                Some(Said::Message(message)) => return Ok(Some(message)),
                Some(Said::Endpoint(_)) => {
                    tracing::debug!("the server sent an event that is no message");
                }
                None => return Ok(None),
            }
        }
    }

    /// The next event that says anything; `None` as above.
    pub(super) async fn said(&mut self) -> Result<Option<Said>, Failure> {
        loop {
            while let Some(event) = self.events.pop_front() {
                match event.kind {
                    EventKind::Endpoint => return Ok(Some(Said::Endpoint(event.data))),
                    EventKind::Other => {
                        tracing::debug!("the server sent an event that is no message");
                        continue;
                    }
                    EventKind::Message => {}
                }
                let line = one_line(event.data).map_err(|_| Failure::NoMessage)?;
                if !line.trim_ascii().is_empty() {
                    return Ok(Some(Said::Message(line)));
                }
            }
            if self.failed {
                return Err(Failure::TooLarge(MESSAGE));
            }
            let Some(Ok(frame)) = self.body.frame().await else {
                return Ok(None);
            };
            let Some(data) = frame.data_ref() else {
                continue;
            };
            let mut events = Vec::new();
            self.failed = self.decoder.feed(data, &mut events).is_err();
            let queued: usize = events.iter().map(|e| e.data.capacity()).sum();
            self.events = events.into();
            self.held.set(self.decoder.held().saturating_add(queued))?;
        }
    }

    /// Where the stream can be resumed.
    pub(super) fn last_id(&self) -> Option<&str> {
        self.decoder.last_id()
    }

    /// How long the server wants a client to wait before it does.
    pub(super) fn retry(&self) -> Option<Duration> {
        self.decoder.retry()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::{HeaderName, HeaderValue};

    fn with(name: HeaderName, value: &'static [u8]) -> HeaderMap {
        let value = HeaderValue::from_bytes(value).unwrap();
        [(name, value)].into_iter().collect()
    }

    #[test]
    fn content_types_are_told_apart() {
        let other = |text: &str| Media::Other(text.to_owned());
        for (value, expected) in [
            (&b"application/json"[..], Media::Json),
            (b"Application/JSON; charset=utf-8", Media::Json),
            (b"text/event-stream;x", Media::Events),
            (b"text/html", other("`text/html`")),
            (b"application/json-seq", other("`application/json-seq`")),
            (b"a b/<c>", other("an unreadable content type")),
            (b"\xff", other("an unreadable content type")),
            (b"", other("an unreadable content type")),
        ] {
            assert_eq!(media(&with(CONTENT_TYPE, value)), Ok(expected));
        }
        assert_eq!(media(&HeaderMap::new()), Ok(other("no content type")));
        assert_eq!(
            media(&with(CONTENT_ENCODING, b"gzip")),
            Err(Failure::Compressed)
        );
    }

    #[test]
    fn redirects_are_shown_without_secrets() {
        for (value, shown) in [
            (
                &b"https://user:pw@b.example/x?token=1#y"[..],
                "`https://b.example/x`",
            ),
            (b"/login?next=%2Fmcp", "`/login`"),
            (b"//u@c.example/x", "`//u@c.example/x`"),
            (b"\xff", "`nowhere`"),
        ] {
            assert_eq!(location(&with(LOCATION, value)), shown);
        }
    }
}
