//! Server-Sent Events: bytes in, events out, nothing unbounded.
//!
//! The WHATWG HTML standard, "Server-sent events", parsing and interpreting an
//! event stream (read 2026-11-24), with two differences: bytes are not decoded
//! (what is no UTF-8 is refused by whoever reads the message), and there are
//! bounds, against a server (A1) whose event never ends.

use std::time::Duration;

/// One event that has data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The data, its lines joined by LF.
    pub data: Vec<u8>,
    /// What it is.
    pub kind: EventKind,
}

/// What an event is, by its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// Of the default type, or of the type `message`.
    Message,
    /// Where messages go, in the transport of 2024-11-05.
    Endpoint,
    /// Of another type.
    Other,
}

/// An event, or a line, is longer than the bound. Nothing more can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLarge;

/// Reads a stream piece by piece.
#[derive(Debug)]
pub struct Decoder {
    /// Most bytes of the line under way and the data before it; `None` once
    /// there were more.
    bound: Option<usize>,
    line: Vec<u8>,
    under_way: UnderWay,
    /// The last byte was CR: an LF that follows belongs to it.
    after_return: bool,
    data: Option<Vec<u8>>,
    kind: EventKind,
    /// The id of the event under way; it lasts over events.
    id: Option<String>,
    last_id: Option<String>,
    retry: Option<Duration>,
}

/// The line under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum UnderWay {
    /// The first of the stream: it may begin with a byte-order mark.
    First,
    Line,
    /// Not kept.
    Comment,
}

/// What a line may hold beside its data.
const FIELD: usize = 1024;
/// Longest id that is kept; a stream with a longer one cannot be resumed.
const ID: usize = 512;

impl Decoder {
    /// `bound`: largest data of one event, in bytes.
    pub fn new(bound: usize) -> Self {
        Self::within(bound.saturating_add(FIELD))
    }

    /// `bound`: most bytes that are held.
    fn within(bound: usize) -> Self {
        Self {
            bound: Some(bound),
            line: Vec::new(),
            under_way: UnderWay::First,
            after_return: false,
            data: None,
            kind: EventKind::Message,
            id: None,
            last_id: None,
            retry: None,
        }
    }

    /// Takes the next bytes of the stream, and adds the events that they end.
    pub fn feed(&mut self, mut bytes: &[u8], events: &mut Vec<Event>) -> Result<(), TooLarge> {
        while let Some(first) = bytes.first() {
            if std::mem::take(&mut self.after_return) && *first == b'\n' {
                bytes = bytes.get(1..).unwrap_or_default();
                continue;
            }
            let end = memchr::memchr2(b'\r', b'\n', bytes);
            let (part, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
            self.keep(part)?;
            let Some(line_end) = rest.first() else {
                return Ok(());
            };
            self.after_return = *line_end == b'\r';
            self.end_line(events);
            bytes = rest.get(1..).unwrap_or_default();
        }
        Ok(())
    }

    /// The id of the last event that ended: where a stream can be resumed.
    pub fn last_id(&self) -> Option<&str> {
        self.last_id.as_deref().filter(|id| !id.is_empty())
    }

    /// How long the server wants a client to wait before it comes back.
    pub fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// Bytes that are held.
    pub fn held(&self) -> usize {
        let data = self.data.as_ref().map_or(0, Vec::capacity);
        self.line.capacity().saturating_add(data)
    }

    fn keep(&mut self, part: &[u8]) -> Result<(), TooLarge> {
        let bound = self.bound.ok_or(TooLarge)?;
        let begins = self.line.is_empty() && self.under_way == UnderWay::Line;
        if begins && part.first() == Some(&b':') {
            self.under_way = UnderWay::Comment;
        }
        if self.under_way == UnderWay::Comment {
            return Ok(());
        }
        let data = self.data.as_ref().map_or(0, Vec::len);
        let whole = [self.line.len(), data, part.len()];
        if whole.into_iter().fold(0, usize::saturating_add) > bound {
            self.bound = None;
            self.line = Vec::new();
            self.data = None;
            return Err(TooLarge);
        }
        self.line.extend_from_slice(part);
        Ok(())
    }

    fn end_line(&mut self, events: &mut Vec<Event>) {
        let ended = std::mem::replace(&mut self.under_way, UnderWay::Line);
        if ended == UnderWay::Comment {
            return;
        }
        let mut line = std::mem::take(&mut self.line);
        if ended == UnderWay::First && line.starts_with(b"\xef\xbb\xbf") {
            line.drain(..3);
        }
        if line.is_empty() {
            self.dispatch(events);
            return;
        }
        let colon = memchr::memchr(b':', &line).unwrap_or(line.len());
        let (name, value) = line.split_at(colon);
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match name {
            b"data" => {
                if let Some(data) = &mut self.data {
                    data.push(b'\n');
                    data.extend_from_slice(value);
                } else {
                    // A long line becomes the data instead of being copied.
                    let value = line.len().saturating_sub(value.len());
                    line.drain(..value);
                    self.data = Some(line);
                }
            }
            b"event" => {
                self.kind = match value {
                    b"" | b"message" => EventKind::Message,
                    b"endpoint" => EventKind::Endpoint,
                    _ => EventKind::Other,
                };
            }
            b"id" if !value.contains(&0) => {
                let id = std::str::from_utf8(value).ok().filter(|id| id.len() <= ID);
                self.id = id.map(str::to_owned);
            }
            b"retry" if !value.is_empty() && value.iter().all(u8::is_ascii_digit) => {
                let millis = std::str::from_utf8(value).ok().and_then(|v| v.parse().ok());
                self.retry = Some(Duration::from_millis(millis.unwrap_or(u64::MAX)));
            }
            // A comment after a byte-order mark, and fields that nobody knows.
            _ => {}
        }
    }

    fn dispatch(&mut self, events: &mut Vec<Event>) {
        self.last_id.clone_from(&self.id);
        let data = self.data.take().unwrap_or_default();
        let kind = std::mem::replace(&mut self.kind, EventKind::Message);
        // Empty data says nothing: the standard makes no event of it.
        if !data.is_empty() {
            events.push(Event { data, kind });
        }
    }
}

#[cfg(test)]
mod tests;
