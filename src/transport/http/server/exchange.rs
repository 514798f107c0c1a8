//! One HTTP exchange with an agent: what it wants, and what it is answered.

use super::eras::{Spoken, Untold};
use super::metadata::{self, VERSION};
use super::reply::{Reply, empty, events, json, modern_status, not_allowed, refused, wrong};
use super::session::Session;
use super::site::{Site, random};
use super::stream::{Events, Inlet, Sent, position};
use crate::engine::message::{
    Direction, Document, Era, Id, Json, KnownMethod, Limits, Message, Method as Called, Opened,
    TopLevel,
};
use crate::engine::principal::Principal;
use crate::engine::types::ServerName;
use crate::identity::Refused;
use crate::proxy::era::Bridge;
use crate::transport::http::one_line::one_line;
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use hyper::header::{
    ACCEPT, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, WWW_AUTHENTICATE,
};
use hyper::{Method, Request, StatusCode};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout, timeout_at};

pub(super) const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// How long the body of a request may take to come, and so much more for each
/// megabyte of it that has come.
const BODY: Duration = Duration::from_secs(30);
/// How long nothing is said before a stream is begun that can say so.
const QUIET: Duration = Duration::from_secs(10);
/// The first revision whose clients know an event without content.
const PRIMED: &str = "2025-11-25";

/// Who acts on what, and in what circumstances.
struct Visit<'a> {
    site: &'a Arc<Site>,
    server: &'a ServerName,
    principal: Arc<Principal>,
    headers: HeaderMap,
}

/// Answers a request to a server's endpoint.
pub(super) async fn answer(
    site: &Arc<Site>,
    server: &ServerName,
    principal: Arc<Principal>,
    request: Request<Incoming>,
) -> Reply {
    let (head, body) = request.into_parts();
    let visit = Visit {
        site,
        server,
        principal,
        headers: head.headers,
    };
    match head.method {
        Method::POST => visit.post(body).await,
        Method::GET => visit.get(),
        Method::DELETE => visit.delete(),
        _ => not_allowed("GET, POST, DELETE"),
    }
}

impl Visit<'_> {
    async fn post(&self, body: Incoming) -> Reply {
        if let Err(reply) = self.fits() {
            return *reply;
        }
        let bytes = match read(body).await {
            Ok(bytes) => bytes,
            Err(Unread::Late) => {
                let why = "the request took too long to come";
                return refused(StatusCode::REQUEST_TIMEOUT, None, "too-slow", why);
            }
            Err(Unread::Broken) => return empty(StatusCode::BAD_REQUEST),
            Err(Unread::TooLarge(scan)) => return self.too_large(&scan),
        };
        let bytes = on_one_line(bytes);
        let opened = Opened::read(Direction::ToServer, bytes, &Limits::DEFAULT);
        match self.era(&opened) {
            Ok(Era::Modern) => self.modern(opened).await,
            Ok(Era::Legacy) => self.legacy(opened).await,
            Err(reply) => *reply,
        }
    }

    /// What every POST has to say about itself.
    fn fits(&self) -> Result<(), Box<Reply>> {
        let refuse = |status, reason, why| Err(Box::new(refused(status, None, reason, why)));
        // A browser asks before it sends this type across origins.
        if essence(&self.headers, &CONTENT_TYPE) != Some("application/json".to_owned()) {
            let why = "expected `Content-Type: application/json`";
            return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content-type", why);
        }
        if self.headers.contains_key(CONTENT_ENCODING) {
            let why = "expected a body without `Content-Encoding`";
            return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, "compressed", why);
        }
        let wanted = ["application/json", "text/event-stream"];
        if !wanted.iter().all(|kind| accepts(&self.headers, kind)) {
            let why = "expected `Accept: application/json, text/event-stream`";
            return refuse(StatusCode::NOT_ACCEPTABLE, "not-acceptable", why);
        }
        Ok(())
    }

    fn era(&self, opened: &Opened) -> Result<Era, Box<Reply>> {
        let message = opened.message().ok();
        let id = match &message {
            Some(Message::Request { id, .. }) => Some(id),
            _ => None,
        };
        let era = metadata::era(&self.headers, message.as_ref());
        era.map_err(|what| Box::new(wrong(&what, id)))
    }

    async fn modern(&self, opened: Opened) -> Reply {
        let session = match self.stateless().await {
            Ok(session) => session,
            Err(reply) => return *reply,
        };
        let id = match opened.message() {
            Ok(message) => {
                let id = match &message {
                    Message::Request { id, .. } => Some(id.clone()),
                    _ => None,
                };
                let verified = metadata::verify(&self.headers, &message, &session.lock().mirror);
                if let Err(what) = verified {
                    return wrong(&what, id.as_ref());
                }
                id
            }
            Err(_) => None,
        };
        session.wait_for_room().await;
        match id {
            Some(id) => {
                let inlet = session.ask(opened, &id, &self.principal);
                self.respond(inlet, None, &id).await
            }
            None => told(session.tell(opened, &self.principal)),
        }
    }

    /// What stands for the principal's requests to the server.
    async fn stateless(&self) -> Result<Arc<Session>, Box<Reply>> {
        let bridge = (!self.speaks_modern().await?).then_some(Bridge::ModernAgent);
        self.stateless_by(bridge)
    }

    fn stateless_by(&self, bridge: Option<Bridge>) -> Result<Arc<Session>, Box<Reply>> {
        let begin = || self.site.begin(&self.principal, self.server, true, bridge);
        let session = self.site.sessions.of(&self.principal, self.server, begin);
        session.map_err(|why| Box::new(unavailable(&why)))
    }

    /// Whether the server speaks 2026-07-28.
    async fn speaks_modern(&self) -> Result<bool, Box<Reply>> {
        let Some(spoken) = self.site.spoken.get(self.server) else {
            return Ok(true);
        };
        if let Some(known) = spoken.is_modern() {
            return Ok(known);
        }
        let mut asked = None;
        let told = spoken
            .modern(async || {
                let session = self.stateless_by(None);
                let session = session.map_err(|_| Untold(None))?;
                asked = Some(Arc::clone(&session));
                Ok(session)
            })
            .await;
        if let (Ok(false) | Err(_), Some(asked)) = (&told, &asked) {
            self.site.sessions.end_modern(asked);
        }
        told.map_err(|Untold(answer)| {
            let why = "the server cannot be reached; its operator finds the reason in the log";
            Box::new(match answer {
                Some(answer) => json(StatusCode::BAD_GATEWAY, answer.bytes.clone()),
                None => refused(StatusCode::BAD_GATEWAY, None, "no-upstream", why),
            })
        })
    }

    async fn legacy(&self, opened: Opened) -> Reply {
        let request = match opened.message() {
            Ok(Message::Request { id, method, .. }) => Some((id, method)),
            _ => None,
        };
        if let Some((id, Called::Known(KnownMethod::Initialize))) = &request
            && !self.headers.contains_key(SESSION)
        {
            return self.initialize(opened, id).await;
        }
        let session = match self.session() {
            Ok(session) => session,
            Err(reply) => return *reply,
        };
        session.wait_for_room().await;
        match request {
            Some((id, _)) => {
                let inlet = session.ask(opened, &id, &self.principal);
                let primes = self.said(&VERSION).is_some_and(|v| v >= PRIMED);
                self.respond(inlet, Some(primes), &id).await
            }
            None => told(session.tell(opened, &self.principal)),
        }
    }

    /// The answer to a request. `primes` in the legacy era: whether its client
    /// knows events without content.
    async fn respond(&self, mut inlet: Inlet, primes: Option<bool>, id: &Id) -> Reply {
        let first = timeout(QUIET, inlet.next()).await;
        self.respond_with(first.ok(), inlet, primes, id)
    }

    /// One message where nothing comes before it, else a stream. `first` is
    /// nothing yet, nothing any more, or the first message.
    fn respond_with(
        &self,
        first: Option<Option<Sent>>,
        inlet: Inlet,
        primes: Option<bool>,
        id: &Id,
    ) -> Reply {
        let prime = primes == Some(true);
        let prime = prime.then(|| (inlet.number(), 0));
        let first = match first {
            // The connection shows from now on that somebody is at work.
            None => return events(Events::new(inlet, prime, None)),
            Some(None) => {
                let why = "the session has ended before the answer came";
                return refused(StatusCode::NOT_FOUND, Some(id), "session-ended", why);
            }
            Some(Some(first)) => first,
        };
        if !first.last {
            return events(Events::new(inlet, prime, Some(first)));
        }
        if let Some(scopes) = lacking(&first.bytes) {
            let refused = Refused::insufficient_scope(scopes);
            let challenge = self.site.challenge(&refused);
            let mut reply = json(refused.status(), first.bytes.clone());
            reply
                .headers_mut()
                .extend(challenge.map(|c| (WWW_AUTHENTICATE, c)));
            return reply;
        }
        let status = match primes {
            None => modern_status(&first.bytes),
            Some(_) => StatusCode::OK,
        };
        json(status, first.bytes.clone())
    }

    async fn initialize(&self, opened: Opened, id: &Id) -> Reply {
        let sessions = &self.site.sessions;
        if sessions.has_room(&self.principal).is_err() {
            let why = "there are too many sessions; close some of them";
            let status = StatusCode::TOO_MANY_REQUESTS;
            return refused(status, Some(id), "too-many-sessions", why);
        }
        let spoken = self.site.spoken.get(self.server);
        let line = opened.into_unjudged().unwrap_or_default();
        if !spoken.is_some_and(Spoken::refuses_handshake) {
            let reply = match self.hand_shake(line.clone(), id, None).await {
                Ok(reply) => return reply,
                Err(reply) => *reply,
            };
            if !matches!(self.speaks_modern().await, Ok(true)) {
                return reply;
            }
            if let Some(spoken) = spoken {
                spoken.refuse_handshake();
            }
        }
        let bridge = Some(Bridge::LegacyAgent);
        let shaken = self.hand_shake(line, id, bridge).await;
        shaken.unwrap_or_else(|reply| *reply)
    }

    /// Begins a session. The error is the answer of a server that does not want
    /// one, or nobody's.
    async fn hand_shake(
        &self,
        line: Vec<u8>,
        id: &Id,
        bridge: Option<Bridge>,
    ) -> Result<Reply, Box<Reply>> {
        let begun = self
            .site
            .begin(&self.principal, self.server, false, bridge)
            .and_then(|session| Ok((session, random(32)?)));
        let (session, name) = begun.map_err(|why| Box::new(unavailable(&why)))?;
        let sessions = &self.site.sessions;
        sessions.add(name.clone(), Arc::clone(&session));
        let mut ending = Ending {
            site: self.site,
            name: &name,
            kept: false,
        };
        let opened = Opened::read(Direction::ToServer, line, &Limits::DEFAULT);
        let mut inlet = session.ask(opened, id, &self.principal);
        let first = timeout(QUIET, inlet.next()).await;
        let failed = match &first {
            Ok(Some(sent)) => sent.last && is_error(&sent.bytes),
            Ok(None) => true,
            Err(_) => false,
        };
        let mut reply = self.respond_with(first.ok(), inlet, Some(false), id);
        if failed {
            return Err(Box::new(reply));
        }
        if let Ok(mut value) = HeaderValue::from_str(&name) {
            value.set_sensitive(true);
            reply.headers_mut().insert(SESSION, value);
        }
        ending.kept = true;
        Ok(reply)
    }

    fn too_large(&self, scan: &TopLevel) -> Reply {
        let status = StatusCode::PAYLOAD_TOO_LARGE;
        if let Ok(session) = self.session() {
            let mut inlet = session.too_large(scan);
            if let Some(sent) = inlet.ready() {
                return json(status, sent.bytes.clone());
            }
        }
        refused(status, scan.id(), "too-large", "the request is too large")
    }

    /// The legacy session that the headers name.
    fn session(&self) -> Result<Arc<Session>, Box<Reply>> {
        let mut named = self.headers.get_all(SESSION).iter();
        let (Some(name), None) = (named.next(), named.next()) else {
            let why = "expected one `Mcp-Session-Id` header, as `initialize` gave it";
            let reply = refused(StatusCode::BAD_REQUEST, None, "no-session", why);
            return Err(Box::new(reply));
        };
        let name = name.to_str().unwrap_or_default();
        let found = self.site.sessions.find(name, &self.principal, self.server);
        found.ok_or_else(|| {
            let why = "there is no such session; begin another with `initialize`";
            Box::new(refused(StatusCode::NOT_FOUND, None, "unknown-session", why))
        })
    }

    fn get(&self) -> Reply {
        if let Err(reply) = self.era_of_bare() {
            return *reply;
        }
        if !accepts(&self.headers, "text/event-stream") {
            let why = "expected `Accept: text/event-stream`";
            return refused(StatusCode::NOT_ACCEPTABLE, None, "not-acceptable", why);
        }
        let session = match self.session() {
            Ok(session) => session,
            Err(reply) => return *reply,
        };
        let inlet = match self.said(&LAST_EVENT_ID) {
            None => session.listen(),
            Some(last) => match position(last) {
                Some(at) => session.resume(at),
                None => None,
            },
        };
        match inlet {
            Some(inlet) => events(Events::new(inlet, None, None)),
            None if self.headers.contains_key(LAST_EVENT_ID) => {
                let why = "what comes after this event is not kept any more";
                refused(StatusCode::NOT_FOUND, None, "unknown-event", why)
            }
            None => {
                let why = "the session has such a stream already";
                refused(StatusCode::CONFLICT, None, "stream-exists", why)
            }
        }
    }

    fn delete(&self) -> Reply {
        if let Err(reply) = self.era_of_bare() {
            return *reply;
        }
        match self.session() {
            Ok(_) => {
                self.site
                    .sessions
                    .end(self.said(&SESSION).unwrap_or_default());
                empty(StatusCode::NO_CONTENT)
            }
            Err(reply) => *reply,
        }
    }

    /// GET and DELETE exist in the legacy era only.
    fn era_of_bare(&self) -> Result<(), Box<Reply>> {
        match metadata::era(&self.headers, None) {
            Ok(Era::Legacy) => Ok(()),
            Ok(Era::Modern) => Err(Box::new(not_allowed("POST"))),
            Err(what) => Err(Box::new(wrong(&what, None))),
        }
    }

    fn said(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Ends a session that has come to nothing, also if the agent hangs up.
struct Ending<'a> {
    site: &'a Arc<Site>,
    name: &'a str,
    kept: bool,
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        if !self.kept {
            self.site.sessions.end(self.name);
        }
    }
}

fn unavailable(why: &str) -> Reply {
    tracing::error!("no session could be begun: {why}");
    let why = "the server cannot be started; its operator finds the reason in the log";
    refused(StatusCode::BAD_GATEWAY, None, "no-upstream", why)
}

/// The answer to what has none: it was taken, or this is wrong with it.
fn told(mut inlet: Inlet) -> Reply {
    match inlet.ready() {
        Some(sent) => json(StatusCode::BAD_REQUEST, sent.bytes.clone()),
        None => empty(StatusCode::ACCEPTED),
    }
}

/// Whether an answer is an error.
fn is_error(answer: &[u8]) -> bool {
    // Errors are short.
    let short = answer.len() <= 1 << 16;
    let document = short.then(|| Document::read(answer.to_vec(), &Limits::DEFAULT));
    matches!(document, Some(Ok(document)) if document.root().get("error").is_some())
}

/// The scopes that a token lacks, if that is why lockgate says no.
fn lacking(answer: &[u8]) -> Option<Vec<Arc<str>>> {
    memchr::memmem::find(
        answer.get(..1 << 16).unwrap_or(answer),
        b"insufficient-scope",
    )?;
    let document = Document::read(answer.to_vec(), &Limits::DEFAULT).ok()?;
    let data = document.root().get("error")?.get("data")?;
    let says = |key, what| data.get(key).and_then(Json::as_str).as_deref() == Some(what);
    if !says("by", "lockgate") || !says("reason", "insufficient-scope") {
        return None;
    }
    let scopes = data.get("scopes")?.items();
    Some(
        scopes
            .filter_map(|s| Some(Arc::from(&*s.as_str()?)))
            .collect(),
    )
}

/// Why a body was not read.
enum Unread {
    Late,
    Broken,
    TooLarge(TopLevel),
}

/// Reads a body, within bounds of size and time.
async fn read(mut body: Incoming) -> Result<Vec<u8>, Unread> {
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
fn on_one_line(bytes: Vec<u8>) -> Vec<u8> {
    if memchr::memchr2(b'\r', b'\n', &bytes).is_none() {
        return bytes;
    }
    one_line(bytes.clone()).unwrap_or(bytes)
}

/// A media type without its parameters.
fn essence(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    let essence = value.split(';').next().unwrap_or_default();
    Some(essence.trim().to_ascii_lowercase())
}

/// Whether a client takes this media type.
fn accepts(headers: &HeaderMap, kind: &str) -> bool {
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

/// Sweeps sessions for ever.
pub(super) async fn sweep(site: Arc<Site>) {
    loop {
        sleep(Duration::from_secs(30)).await;
        site.sessions.sweep();
    }
}
