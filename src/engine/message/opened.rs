//! A received line after the strict reader has looked at it, with its owner.

use super::envelope::{EnvelopeError, Id, Message};
use super::json::{Document, Json};
use super::limits::Limits;
use super::method::{Direction, Method};
use super::problem::{Problem, ReadError};
use super::scan::TopLevel;
use crate::engine::guard::paths::Candidate;
use crate::engine::principal::Principal;
use crate::engine::reason::Reason;
use crate::engine::route::Route;
use std::collections::BTreeSet;
use std::sync::Arc;

/// One received message: readable or not, never lost.
#[derive(Debug)]
pub struct Opened {
    direction: Direction,
    content: Content,
    bytes: usize,
    /// What the path guard found in it; filled by the engine.
    pub(in crate::engine) candidates: Vec<Candidate>,
    /// The absolute paths that the file system must be asked about.
    pub(in crate::engine) questions: BTreeSet<String>,
    /// Why what it waited for did not come.
    pub(in crate::engine) refused: Option<(Reason, String)>,
    /// Who sent it, if it had to wait: others may have sent something since.
    pub(in crate::engine) sent_by: Option<Arc<Principal>>,
}

#[derive(Debug)]
pub(in crate::engine) enum Content {
    Readable(Document, Envelope),
    Unreadable(Unreadable),
}

/// What `Message::read` found, without the document: an envelope is read once.
#[derive(Debug)]
pub(in crate::engine) enum Envelope {
    Request(Id, Method, Option<u32>),
    Notification(Method, Option<u32>),
    Response(Id, u32),
    Failure(Option<Id>, u32),
}

impl Envelope {
    fn of(message: Message<'_>) -> Self {
        let at = |value: Option<Json<'_>>| value.map(Json::index);
        match message {
            Message::Request { id, method, params } => Self::Request(id, method, at(params)),
            Message::Notification { method, params } => Self::Notification(method, at(params)),
            Message::Response { id, result } => Self::Response(id, result.index()),
            Message::Failure { id, error } => Self::Failure(id, error.index()),
        }
    }

    fn message<'a>(&self, document: &'a Document) -> Message<'a> {
        let at = |at: Option<u32>| at.map(|at| document.value(at));
        match self {
            Self::Request(id, method, params) => Message::Request {
                id: id.clone(),
                method: method.clone(),
                params: at(*params),
            },
            Self::Notification(method, params) => Message::Notification {
                method: method.clone(),
                params: at(*params),
            },
            Self::Response(id, result) => Message::Response {
                id: id.clone(),
                result: document.value(*result),
            },
            Self::Failure(id, error) => Message::Failure {
                id: id.clone(),
                error: document.value(*error),
            },
        }
    }
}

/// A message that the reader refused, and who waits for it.
#[derive(Debug, Clone)]
pub struct Unreadable {
    /// The stable reason code.
    pub code: &'static str,
    /// For people: what was expected, what came, where.
    pub detail: String,
    /// Its id, where that could be told.
    pub id: Option<Id>,
    /// Whether it calls a method.
    pub call: bool,
}

impl Opened {
    /// Reads a received line.
    pub fn read(direction: Direction, bytes: Vec<u8>, limits: &Limits) -> Self {
        let length = bytes.len();
        // Kept only until the document owns the bytes: who waits for a message
        // that cannot be read is looked up in the bytes themselves.
        let content = match Document::read_or_return(bytes, limits) {
            Ok(document) => Self::of(document),
            Err((e, bytes)) => Content::Unreadable(Unreadable::syntax(&e, &TopLevel::of(&bytes))),
        };
        Self::new(direction, content, length)
    }

    fn of(document: Document) -> Content {
        let bytes = document.text().as_bytes();
        if let Err(e) = one_line(bytes) {
            return Content::Unreadable(Unreadable::syntax(&e, &TopLevel::of(bytes)));
        }
        match Message::read(document.root()).map(Envelope::of) {
            Ok(envelope) => Content::Readable(document, envelope),
            Err(e) => Content::Unreadable(Unreadable::envelope(&e, bytes)),
        }
    }

    /// A line that was too long to keep.
    pub fn too_large(direction: Direction, scan: &TopLevel, limits: &Limits) -> Self {
        let error = ReadError {
            problem: Problem::TooLarge,
            offset: limits.bytes,
            expected: format!("at most {} bytes", limits.bytes),
            found: format!("{} bytes", scan.length()),
        };
        let content = Content::Unreadable(Unreadable::syntax(&error, scan));
        Self::new(direction, content, scan.length())
    }

    fn new(direction: Direction, content: Content, bytes: usize) -> Self {
        Self {
            direction,
            content,
            bytes,
            candidates: Vec::new(),
            questions: BTreeSet::new(),
            refused: None,
            sent_by: None,
        }
    }

    /// Which way it travels.
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// Its size in bytes, without the line end.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The message, if it could be read.
    pub fn message(&self) -> Result<Message<'_>, &Unreadable> {
        match &self.content {
            Content::Unreadable(unreadable) => Err(unreadable),
            Content::Readable(document, envelope) => Ok(envelope.message(document)),
        }
    }

    /// The document, if it could be read.
    pub(in crate::engine) fn document(&self) -> Option<&Document> {
        match &self.content {
            Content::Readable(document, _) => Some(document),
            Content::Unreadable(_) => None,
        }
    }

    /// The text of a readable message, for whoever may have to say it otherwise.
    pub fn text(&self) -> Option<&str> {
        self.document().map(Document::text)
    }

    /// The absolute paths that the file system must be asked about.
    pub fn questions(&self) -> &BTreeSet<String> {
        &self.questions
    }

    /// The same request under another name, JSON text, which is also that of its
    /// progress token. Gives the names that it had.
    #[must_use]
    pub fn renamed(self, name: &str) -> (Self, String, Option<String>) {
        let Content::Readable(document, Envelope::Request(..)) = &self.content else {
            return (self, "null".to_owned(), None);
        };
        let root = document.root();
        let token = root.get("params").and_then(|p| p.get("_meta"));
        let token = token.and_then(|meta| meta.get("progressToken"));
        let id = root.get("id");
        let raw = |value: Option<Json<'_>>| value.map(|v| v.raw().to_owned());
        let (own, own_token) = (raw(id).unwrap_or_default(), raw(token));
        let mut places: Vec<_> = [id, token].into_iter().flatten().map(Json::span).collect();
        places.sort_by_key(|place| std::cmp::Reverse(place.start));
        let mut text = document.text().to_owned();
        for place in places {
            text.replace_range(place, name);
        }
        let renamed = Self::read(self.direction, text.into_bytes(), &Limits::DEFAULT);
        (renamed, own, own_token)
    }

    /// The bytes of a readable message, for whoever translates it before it is
    /// judged.
    pub fn into_unjudged(self) -> Option<Vec<u8>> {
        self.into_bytes().map(|(bytes, _)| bytes)
    }

    /// The original bytes of a readable message, and the way that they go.
    pub(in crate::engine) fn into_bytes(self) -> Option<(Vec<u8>, Route)> {
        match self.content {
            Content::Readable(document, envelope) => {
                let route = Route::of(&document, &envelope.message(&document));
                Some((document.into_bytes(), route))
            }
            Content::Unreadable(_) => None,
        }
    }
}

/// A message is one line for whoever reads it, however that peer ends lines:
/// JSON allows a carriage return between values, and the readers of Python, Java
/// and others take it for a line end. In strings the reader has refused both.
fn one_line(bytes: &[u8]) -> Result<(), ReadError> {
    // A line may end in CR LF.
    let line = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    match memchr::memchr2(b'\r', b'\n', line) {
        None => Ok(()),
        Some(offset) => Err(ReadError {
            problem: Problem::LineBreak,
            offset,
            expected: "a message on one line".to_owned(),
            found: "CR or LF".to_owned(),
        }),
    }
}

impl Unreadable {
    fn syntax(error: &ReadError, scan: &TopLevel) -> Self {
        Self {
            code: error.problem.code(),
            detail: error.to_string(),
            id: scan.id().cloned(),
            call: scan.is_call(),
        }
    }

    fn envelope(error: &EnvelopeError, bytes: &[u8]) -> Self {
        let scan = TopLevel::of(bytes);
        Self {
            code: error.code(),
            detail: error.to_string(),
            id: scan.id().cloned(),
            call: scan.is_call(),
        }
    }
}
