//! From the poll loop's lines to requests, and the order among them.
//!
//! Notifications, answers and `initialize` are waited for until the response
//! begins; other requests run side by side, as they do on stdio. A message's
//! bytes are sent as they came.

use super::exchange::{self, Call, State};
use super::failure::Failure;
use super::link::{Link, lock};
use super::listen;
use crate::engine::message::{Document, Id, Json, KnownMethod, Limits, Message, Method};
use crate::transport::http::mirror::modern_version;
use crate::transport::lines::{Line, Lines};
use hyper::body::Bytes;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{HeaderMap, StatusCode};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe;
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};

/// How long the response to a notification or an answer may take to begin.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a cancelled legacy request may go on.
const GRACE: Duration = Duration::from_secs(5);

/// What a message is, as far as its way depends on it.
enum Kind {
    Request { id: Id, method: Method },
    Cancelled { request: Option<Id> },
    Initialized,
    Other,
}

#[derive(Debug)]
struct Running {
    call: Call,
    lasting: bool,
    abort: AbortHandle,
    /// Tells an exchange from an earlier one with the same id.
    serial: u64,
}

#[derive(Debug)]
pub(super) struct Router {
    link: Arc<Link>,
    running: BTreeMap<Id, Running>,
    tasks: JoinSet<(Id, u64)>,
    /// The stream of the server's own messages; dropped with its set.
    listening: JoinSet<()>,
    serial: u64,
}

impl Router {
    pub(super) fn new(link: Arc<Link>) -> Self {
        Self {
            link,
            running: BTreeMap::new(),
            tasks: JoinSet::new(),
            listening: JoinSet::new(),
            serial: 0,
        }
    }

    /// Runs until the poll loop has no more to say and all is answered.
    pub(super) async fn run(mut self, mut input: pipe::Receiver) {
        // The poll loop's own frames are bounded already.
        let mut lines = Lines::new(usize::MAX);
        let mut open = true;
        while open || !self.tasks.is_empty() {
            tokio::select! {
                read = input.read_buf(lines.room()), if open => {
                    while let Some(Line::Whole(line)) = lines.next_line() {
                        self.send(line).await;
                    }
                    if !matches!(read, Ok(1..)) {
                        open = false;
                        self.listening.abort_all();
                        self.end_lasting();
                    }
                }
                Some(ended) = self.tasks.join_next() => self.forget(ended.ok()),
            }
        }
    }

    /// What never ends by itself ends when nobody listens any more.
    fn end_lasting(&self) {
        let cancelled = |r: &Running| r.call.state.cancelled.load(Ordering::Relaxed);
        let all = self.running.values();
        for running in all.filter(|r| r.lasting || cancelled(r)) {
            running.abort.abort();
        }
    }

    fn forget(&mut self, ended: Option<(Id, u64)>) {
        match ended {
            Some((id, serial)) => {
                if self.running.get(&id).is_some_and(|r| r.serial == serial) {
                    self.running.remove(&id);
                }
            }
            // An aborted one does not say its name.
            None => self.running.retain(|_, r| !r.abort.is_finished()),
        }
    }

    async fn send(&mut self, line: Vec<u8>) {
        // The engine has read it already; only its parts are told again here.
        let Ok(document) = Document::read(line, &Limits::DEFAULT) else {
            tracing::error!("a message that was cleared cannot be read and is not sent");
            return;
        };
        let (kind, headers) = match self.read(&document) {
            Ok(read) => read,
            Err((id, failure)) => {
                tracing::warn!(
                    "a message was not sent: {}",
                    failure.told(&self.link.origin)
                );
                if let Some(id) = id {
                    self.link.tell(failure.answer(&id, &self.link.origin)).await;
                }
                return;
            }
        };
        let body = Bytes::from(document.into_bytes());
        match kind {
            Kind::Request { id, method } => self.request(id, &method, body, headers).await,
            Kind::Cancelled { request } => self.cancel(request, body, headers).await,
            Kind::Initialized => {
                if self.tell(body, headers).await {
                    self.listening = JoinSet::new();
                    self.listening.spawn(listen::run(Arc::clone(&self.link)));
                }
            }
            Kind::Other => {
                self.tell(body, headers).await;
            }
        }
    }

    /// What a message is, and its headers.
    fn read(&self, document: &Document) -> Result<(Kind, HeaderMap), (Option<Id>, Failure)> {
        let unfit = |id: Option<&Id>, why: String| (id.cloned(), Failure::Unfit(why));
        let message = Message::read(document.root()).map_err(|e| unfit(None, e.to_string()))?;
        let (kind, method, params) = match message {
            Message::Request { id, method, params } => {
                let kind = Kind::Request {
                    id,
                    method: method.clone(),
                };
                (kind, method, params)
            }
            Message::Notification { method, params } => {
                let kind = match &method {
                    Method::Known(KnownMethod::Cancelled) => Kind::Cancelled {
                        request: params.and_then(|p| p.get("requestId")).and_then(Id::of),
                    },
                    Method::Known(KnownMethod::Initialized) => Kind::Initialized,
                    _ => Kind::Other,
                };
                (kind, method, params)
            }
            // Answers exist in the legacy era only.
            Message::Response { .. } | Message::Failure { .. } => {
                return Ok((Kind::Other, self.link.legacy_headers()));
            }
        };
        let headers = self.headers(&method, params).map_err(|why| {
            let id = match &kind {
                Kind::Request { id, .. } => Some(id),
                _ => None,
            };
            unfit(id, why)
        })?;
        Ok((kind, headers))
    }

    fn headers(&self, method: &Method, params: Option<Json<'_>>) -> Result<HeaderMap, String> {
        let Some(version) = modern_version(params) else {
            // A new session begins without the headers of the last one.
            return Ok(match method {
                Method::Known(KnownMethod::Initialize) => HeaderMap::new(),
                _ => self.link.legacy_headers(),
            });
        };
        let mirrored = lock(&self.link.mirror).headers(&version, method.name(), params);
        let mut headers = HeaderMap::new();
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

    async fn request(&mut self, id: Id, method: &Method, body: Bytes, headers: HeaderMap) {
        let known = |m| *method == Method::Known(m);
        let call = Call {
            id: id.clone(),
            method: method.name().to_owned(),
            modern: headers.contains_key("mcp-method"),
            state: Arc::new(State::default()),
        };
        self.serial = self.serial.saturating_add(1);
        let (begun, response) = oneshot::channel();
        let (link, serial) = (Arc::clone(&self.link), self.serial);
        let running = call.clone();
        let abort = self.tasks.spawn(async move {
            let id = call.id.clone();
            exchange::run(link, call, body, headers, begun).await;
            (id, serial)
        });
        let running = Running {
            call: running,
            lasting: known(KnownMethod::Listen),
            abort,
            serial,
        };
        self.running.insert(id, running);
        if known(KnownMethod::Initialize) {
            // What follows needs the session that the response's head opens.
            let _ = response.await;
        }
    }

    /// The agent wants no answer any more.
    async fn cancel(&mut self, request: Option<Id>, body: Bytes, headers: HeaderMap) {
        let running = request.and_then(|id| self.running.get(&id));
        let Some(running) = running else {
            // It may have crossed the answer; a modern server hears of none.
            if self.link.is_legacy() {
                self.tell(body, headers).await;
            }
            return;
        };
        let state = &running.call.state;
        state.cancelled.store(true, Ordering::Relaxed);
        let abort = running.abort.clone();
        if running.call.modern || !state.sent.load(Ordering::Relaxed) {
            // Closing the response stream is how 2026-07-28 says it.
            abort.abort();
            return;
        }
        self.tell(body, headers).await;
        // Most servers answer no more; nothing is lost with the stream.
        tokio::spawn(async move {
            sleep(GRACE).await;
            abort.abort();
        });
    }

    /// Sends what has no answer. Says whether the server has accepted it.
    async fn tell(&mut self, body: Bytes, headers: HeaderMap) -> bool {
        let in_session = headers.contains_key(super::link::SESSION);
        let origin = &self.link.origin;
        let sent = timeout(PATIENCE, self.link.dialer.post(body, headers)).await;
        let failure = match sent {
            Ok(Ok(response)) if response.status().is_success() => return true,
            Ok(Ok(response)) if in_session && response.status() == StatusCode::NOT_FOUND => {
                self.link.end_session();
                return false;
            }
            Ok(Ok(response)) => Failure::Status(response.status()).told(origin),
            Ok(Err(failure)) => failure.told(origin),
            Err(_) => format!("{origin}: no response within {} s", PATIENCE.as_secs()),
        };
        tracing::warn!("a notification or answer of the agent may not have arrived: {failure}");
        false
    }
}
