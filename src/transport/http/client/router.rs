//! From the poll loop's lines to requests, and the order among them.
//!
//! Notifications, answers and `initialize` are waited for until the response
//! begins; other requests run side by side, as they do on stdio. A message's
//! bytes are sent as they came.

use super::exchange::{self, Call, State};
use super::failure::Failure;
use super::link::{Link, lock};
use super::listen;
use super::oauth::Subject;
use crate::engine::message::{Direction, Document, Id, Json, KnownMethod, Limits, Message, Method};
use crate::proxy::pump::Lost;
use crate::transport::http::mirror::modern_version;
use crate::transport::lines::{Line, Lines};
use hyper::body::Bytes;
use hyper::{HeaderMap, StatusCode};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe;
use tokio::sync::{Notify, oneshot};
use tokio::task::AbortHandle;
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
    Nowhere,
}

/// A message that is ready to be sent.
pub(super) struct Prepared {
    kind: Kind,
    parcel: Parcel,
}

/// What is posted.
struct Parcel {
    body: Bytes,
    headers: HeaderMap,
    /// The token with which the agent's message came.
    subject: Subject,
}

impl Prepared {
    /// Whether what comes after it need not wait for its response to begin.
    pub(super) fn runs_beside(&self) -> bool {
        let initialize = Method::Known(KnownMethod::Initialize);
        matches!(&self.kind, Kind::Request { method, .. } if *method != initialize)
    }
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
    pub(super) link: Arc<Link>,
    running: Mutex<BTreeMap<Id, Running>>,
    /// Told whenever an exchange has ended.
    ended: Notify,
    /// The stream of the server's own messages.
    listening: Mutex<Option<AbortHandle>>,
    serial: AtomicU64,
}

/// Takes an exchange off the list when it ends, however it ends.
struct Forget {
    router: Arc<Router>,
    id: Id,
    serial: u64,
}

impl Drop for Forget {
    fn drop(&mut self) {
        let mut running = lock(&self.router.running);
        if running
            .get(&self.id)
            .is_some_and(|r| r.serial == self.serial)
        {
            running.remove(&self.id);
            if running.is_empty() {
                // An empty map keeps a node, and most sessions are idle.
                *running = BTreeMap::new();
            }
        }
        self.router.ended.notify_one();
    }
}

impl Router {
    pub(super) fn new(link: Arc<Link>) -> Self {
        Self {
            link,
            running: Mutex::default(),
            ended: Notify::new(),
            listening: Mutex::default(),
            serial: AtomicU64::default(),
        }
    }

    /// Runs until the poll loop has no more to say and all is answered.
    pub(super) async fn run(self: Arc<Self>, mut input: pipe::Receiver) {
        // The poll loop's own frames are bounded already.
        let mut lines = Lines::new(usize::MAX);
        while matches!(input.read_buf(lines.room()).await, Ok(1..)) {
            while let Some(Line::Whole(line)) = lines.next_line() {
                self.send(line, Subject::default()).await;
            }
        }
        self.end_lasting();
        while !lock(&self.running).is_empty() {
            self.ended.notified().await;
        }
    }

    /// What never ends by itself ends when nobody listens any more.
    fn end_lasting(&self) {
        self.end_listening();
        let cancelled = |r: &Running| r.call.state.cancelled.load(Ordering::Relaxed);
        for running in lock(&self.running).values() {
            if running.lasting || cancelled(running) {
                running.abort.abort();
            }
        }
    }

    fn end_listening(&self) {
        if let Some(listening) = lock(&self.listening).take() {
            listening.abort();
        }
    }

    /// Ends everything that is under way, unanswered.
    pub(super) fn end_all(&self) {
        self.end_listening();
        if let Some(old) = self.link.old() {
            old.end();
        }
        lock(&self.running).values().for_each(|r| r.abort.abort());
    }

    /// Sends a message; ready when the next may be sent.
    pub(super) async fn send(self: &Arc<Self>, line: Vec<u8>, subject: Subject) {
        match self.prepare(line, subject) {
            Ok(prepared) => self.send_prepared(prepared).await,
            Err((id, answer)) => self.link.tell(&id, answer).await,
        }
    }

    /// Reads a message and makes its headers. The error is the answer to a
    /// request that cannot be sent.
    pub(super) fn prepare(
        &self,
        line: Vec<u8>,
        subject: Subject,
    ) -> Result<Prepared, (Id, Vec<u8>)> {
        self.link.comes_with(&subject);
        // The engine has read it already; only its parts are told again here.
        let unreadable = |_| {
            let why = "a message that was cleared cannot be read";
            (None, Failure::Unfit(why.to_owned()))
        };
        let read = Document::read(line, &Limits::DEFAULT).map_err(unreadable);
        let read = read.and_then(|document| Ok((self.read(&document)?, document)));
        match read {
            Ok(((kind, headers), document)) => {
                let parcel = Parcel {
                    headers,
                    body: Bytes::from(document.into_bytes()),
                    subject,
                };
                Ok(Prepared { kind, parcel })
            }
            Err((id, failure)) => {
                let origin = &self.link.origin;
                tracing::warn!("a message was not sent: {}", failure.told(origin));
                // An answer to nobody is dropped by whoever judges it.
                let id = id.unwrap_or(Id::Text(String::new()));
                let answer = failure.answer(&id, origin);
                Err((id, answer))
            }
        }
    }

    pub(super) async fn send_prepared(self: &Arc<Self>, prepared: Prepared) {
        let Prepared { kind, parcel } = prepared;
        match kind {
            Kind::Request { id, method } => {
                let initializes = method == Method::Known(KnownMethod::Initialize);
                let begun = self.request(id, &method, parcel);
                if initializes {
                    // What follows needs the session that the response's head opens.
                    let _ = begun.await;
                }
            }
            Kind::Cancelled { request } => self.cancel(request, parcel).await,
            Kind::Initialized => {
                if self.tell(parcel).await && self.link.old().is_none() {
                    self.end_listening();
                    let listening = tokio::spawn(listen::run(Arc::clone(&self.link)));
                    *lock(&self.listening) = Some(listening.abort_handle());
                }
            }
            Kind::Other => {
                self.tell(parcel).await;
            }
            Kind::Nowhere => {}
        }
    }

    /// Begins a request that runs beside what comes after it.
    pub(super) fn start(self: &Arc<Self>, prepared: Prepared) {
        if let Kind::Request { id, method } = &prepared.kind {
            drop(self.request(id.clone(), method, prepared.parcel));
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
            // Answers exist in the legacy era only; elsewhere lockgate refuses
            // what was never to be asked, and there is no way to say so.
            Message::Response { .. } | Message::Failure { .. } => {
                let kind = if self.link.is_legacy() {
                    Kind::Other
                } else {
                    Kind::Nowhere
                };
                return Ok((kind, self.link.legacy_headers()));
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
        self.link.mirrored(&version, method.name(), params)
    }

    fn request(self: &Arc<Self>, id: Id, method: &Method, parcel: Parcel) -> oneshot::Receiver<()> {
        let Parcel {
            body,
            headers,
            subject,
        } = parcel;
        let call = Call {
            id: id.clone(),
            method: method.name().to_owned(),
            modern: headers.contains_key("mcp-method"),
            subject,
            state: Arc::new(State::default()),
        };
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        let (begun, response) = oneshot::channel();
        let running = call.clone();
        let forget = Forget {
            router: Arc::clone(self),
            id: id.clone(),
            serial,
        };
        // The list is locked until the exchange is on it, so that one that ends
        // at once finds itself there.
        let mut list = lock(&self.running);
        let exchange = tokio::spawn(async move {
            let link = Arc::clone(&forget.router.link);
            exchange::run(link, call, body, headers, begun).await;
            drop(forget);
        });
        let running = Running {
            call: running,
            lasting: *method == Method::Known(KnownMethod::Listen),
            abort: exchange.abort_handle(),
            serial,
        };
        list.insert(id, running);
        response
    }

    /// The agent wants no answer any more.
    async fn cancel(&self, request: Option<Id>, parcel: Parcel) {
        let running = request.and_then(|id| {
            let running = lock(&self.running);
            let running = running.get(&id)?;
            Some((running.call.clone(), running.abort.clone()))
        });
        let Some((call, abort)) = running else {
            // It may have crossed the answer; a modern server hears of none.
            if self.link.is_legacy() {
                self.tell(parcel).await;
            }
            return;
        };
        let state = &call.state;
        state.cancelled.store(true, Ordering::Relaxed);
        if call.modern || !state.sent.load(Ordering::Relaxed) {
            // Closing the response stream is how 2026-07-28 says it.
            abort.abort();
            return;
        }
        self.tell(parcel).await;
        // Most servers answer no more; nothing is lost with the stream.
        tokio::spawn(async move {
            sleep(GRACE).await;
            abort.abort();
        });
    }

    /// Sends what has no answer. Says whether the server has accepted it.
    async fn tell(&self, parcel: Parcel) -> bool {
        let Parcel {
            body,
            headers,
            subject,
        } = parcel;
        let origin = &self.link.origin;
        // Shared, not copied.
        let kept = body.clone();
        let in_session = headers.contains_key(super::link::SESSION);
        let sent = async {
            if let Some(old) = self.link.old() {
                return old.tell(body, &subject).await.map(|()| None);
            }
            let response = self.link.dialer.post(body, headers, &subject).await?;
            Ok(Some(response.status()).filter(|status| !status.is_success()))
        };
        let failure = match timeout(PATIENCE, sent).await {
            Ok(Ok(None)) => return true,
            Ok(Ok(Some(StatusCode::NOT_FOUND))) if in_session => {
                self.link.end_session();
                return false;
            }
            Ok(Ok(Some(status))) => Failure::Status(status).told(origin),
            Ok(Err(failure)) => failure.told(origin),
            Err(_) => late(origin),
        };
        tracing::warn!("a notification or answer of the agent may not have arrived: {failure}");
        let lost = Lost::undelivered(Direction::ToServer, kept.to_vec(), failure);
        self.link.sink.lost(lost).await;
        false
    }
}

fn late(origin: &str) -> String {
    format!("{origin}: no response within {} s", PATIENCE.as_secs())
}
