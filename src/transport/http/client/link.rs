//! What all exchanges with the server share: the way to the agent's side, the
//! legacy session, the headers that tools want, and the bound on memory.

use super::dial::Dialer;
use super::failure::Failure;
use super::oauth::Subject;
use super::old::Old;
use crate::engine::message::{Direction, Document, Id, Json, Limits};
use crate::proxy::pump::Lost;
use crate::transport::http::mirror::Mirror;
use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Semaphore;

/// Largest message of the server: what the engine will take.
pub(super) const MESSAGE: usize = Limits::DEFAULT.bytes;
/// Most bytes of the server's that are held at once, over all streams.
const HELD: usize = 4 * MESSAGE;
/// Most requests that are with the server at once; more wait for their turn.
const REQUESTS: usize = 128;
/// As many headers as a request usually has.
const HEADERS: usize = 12;
/// Longest session id.
const SESSION_ID: usize = 1024;

pub(super) const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");

/// A message of the server, not judged yet, and the memory that it takes.
#[derive(Debug)]
pub struct Heard {
    /// The message, on one line.
    pub bytes: Vec<u8>,
    /// The request on whose response it came.
    pub about: Option<Id>,
    _held: Held,
}

/// What a [`Sink`] answers with.
pub type Room<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Who judges what the server says.
pub trait Sink: fmt::Debug + Send + Sync {
    /// Takes a message; ready when there is room for another.
    fn take(&self, heard: Heard) -> Room<'_>;
    /// A message has come to nothing, and nobody can be told.
    fn lost(&self, lost: Lost) -> Room<'_>;
    /// The server does not know the session any more.
    fn session_over(&self);
    /// There is room again for what the agent says.
    fn drained(&self) {}
}

#[derive(Debug)]
pub(super) struct Link {
    pub(super) dialer: Arc<Dialer>,
    /// Scheme, host and port, for people.
    pub(super) origin: String,
    pub(super) mirror: Mutex<Mirror>,
    pub(super) slots: Semaphore,
    legacy: Mutex<Legacy>,
    /// The server speaks the transport of 2024-11-05.
    old: Mutex<Option<Old>>,
    latest: Mutex<Subject>,
    pub(super) sink: Arc<dyn Sink>,
    held: Arc<AtomicUsize>,
}

/// What the server has settled in the legacy era.
#[derive(Debug, Default)]
struct Legacy {
    initialized: bool,
    session: Option<HeaderValue>,
    version: Option<HeaderValue>,
}

impl Link {
    pub(super) fn new(dialer: Arc<Dialer>, sink: Arc<dyn Sink>) -> Self {
        Self {
            origin: dialer.origin().to_owned(),
            dialer,
            mirror: Mutex::default(),
            slots: Semaphore::new(REQUESTS),
            legacy: Mutex::default(),
            old: Mutex::default(),
            latest: Mutex::default(),
            sink,
            held: Arc::default(),
        }
    }

    /// The token with which the agent's latest message came: for what belongs to
    /// no message.
    pub(super) fn latest(&self) -> Subject {
        lock(&self.latest).clone()
    }

    /// Another message comes.
    pub(super) fn comes_with(&self, subject: &Subject) {
        let mut latest = lock(&self.latest);
        if subject.is_some() {
            latest.clone_from(subject);
        }
    }

    /// The server of the transport of 2024-11-05, if it is one.
    pub(super) fn old(&self) -> Option<Old> {
        lock(&self.old).clone()
    }

    /// From now on it is.
    pub(super) fn is_old(&self, old: Old) {
        if let Some(before) = lock(&self.old).replace(old) {
            before.end();
        }
    }

    /// Memory to be counted.
    pub(super) fn hold(&self) -> Held {
        Held {
            all: Arc::clone(&self.held),
            mine: 0,
        }
    }

    /// Passes a message on that came on the response to `about`; waits while
    /// the agent does not read.
    pub(super) async fn pass(&self, about: Option<&Id>, bytes: Vec<u8>) -> Result<(), Failure> {
        let mut held = self.hold();
        held.set(bytes.capacity())?;
        let heard = Heard {
            bytes,
            about: about.cloned(),
            _held: held,
        };
        self.sink.take(heard).await;
        Ok(())
    }

    /// Passes a short answer of lockgate's own on, however much is held.
    pub(super) async fn tell(&self, about: &Id, bytes: Vec<u8>) {
        let heard = Heard {
            bytes,
            about: Some(about.clone()),
            _held: self.hold(),
        };
        self.sink.take(heard).await;
    }

    /// What the server has said comes to nothing: told to the operator, and the
    /// evidence.
    pub(super) async fn lose(&self, bytes: Vec<u8>, why: String) {
        tracing::warn!("a message of the server's own is lost: {why}");
        let lost = Lost::undelivered(Direction::ToAgent, bytes, why);
        self.sink.lost(lost).await;
    }

    fn legacy(&self) -> MutexGuard<'_, Legacy> {
        lock(&self.legacy)
    }

    /// A new session begins, with the id that the server gave.
    pub(super) fn begin_session(&self, headers: &HeaderMap) -> Result<(), Failure> {
        // A copy: what came shares the buffer that the whole response was read
        // into, and would keep it as long as the session lasts.
        let session = headers.get(SESSION).map(HeaderValue::as_bytes);
        let mut session = session.and_then(|id| HeaderValue::from_bytes(id).ok());
        if let Some(id) = &mut session {
            let visible = id.as_bytes().iter().all(u8::is_ascii_graphic);
            if id.is_empty() || id.len() > SESSION_ID || !visible {
                let why = "the server gave it a session id that is not visible ASCII";
                return Err(Failure::Unfit(why.to_owned()));
            }
            // It opens the session to whoever knows it.
            id.set_sensitive(true);
        }
        *self.legacy() = Legacy {
            initialized: true,
            session,
            version: None,
        };
        Ok(())
    }

    /// Remembers the revision that the server has chosen.
    pub(super) fn learn_version(&self, answer: &Document) {
        let result = answer.root().get("result");
        let version = result.and_then(|r| r.get("protocolVersion"));
        let version = version.and_then(Json::as_str);
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-.".contains(&b);
        let word = |v: &str| v.len() <= 32 && v.bytes().all(plain);
        let version = version.filter(|v| word(v));
        self.legacy().version = version.and_then(|v| HeaderValue::from_str(&v).ok());
    }

    /// The headers of a message of the legacy era.
    pub(super) fn legacy_headers(&self) -> HeaderMap {
        let legacy = self.legacy();
        let mut headers = HeaderMap::with_capacity(HEADERS);
        headers.extend(legacy.version.clone().map(|v| (VERSION, v)));
        headers.extend(legacy.session.clone().map(|v| (SESSION, v)));
        headers
    }

    /// The headers of a message of the stateless era.
    pub(super) fn mirrored(
        &self,
        version: &str,
        method: &str,
        params: Option<Json<'_>>,
    ) -> Result<HeaderMap, String> {
        let mirrored = lock(&self.mirror).headers(version, method, params);
        let mut headers = HeaderMap::with_capacity(HEADERS);
        for (name, value) in mirrored.map_err(|e| e.to_string())? {
            let name = HeaderName::from_bytes(name.as_bytes());
            let value = HeaderValue::from_str(&value);
            let (Ok(name), Ok(mut value)) = (name, value) else {
                return Err("a value does not fit into a header".to_owned());
            };
            // An argument can be a secret.
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        Ok(headers)
    }

    /// Whether a server of the legacy era has been initialized.
    pub(super) fn is_legacy(&self) -> bool {
        self.legacy().initialized
    }

    /// Whether a session is to be closed at the end.
    pub(super) fn has_session(&self) -> bool {
        self.legacy().session.is_some()
    }

    /// The server knows the session no more: everything ends.
    pub(super) fn end_session(&self) {
        self.legacy().session = None;
        self.sink.session_over();
    }
}

/// Every value behind these locks is whole after every step.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A share of the memory that may be held; given back when dropped.
#[derive(Debug)]
pub(super) struct Held {
    all: Arc<AtomicUsize>,
    mine: usize,
}

impl Held {
    /// Now it is so much.
    pub(super) fn set(&mut self, bytes: usize) -> Result<(), Failure> {
        let more = bytes.saturating_sub(self.mine);
        let less = self.mine.saturating_sub(bytes);
        self.mine = bytes;
        let before = self.all.fetch_add(more, Ordering::Relaxed);
        self.all.fetch_sub(less, Ordering::Relaxed);
        if more > 0 && before.saturating_add(more) > HELD {
            return Err(Failure::Busy);
        }
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.all.fetch_sub(self.mine, Ordering::Relaxed);
    }
}
