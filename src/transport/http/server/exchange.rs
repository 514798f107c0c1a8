//! One HTTP exchange with an agent: what it wants, and what it is answered.

use super::body::{Share, Unread, accepts, essence, on_one_line, read};
use super::metadata::{self, VERSION, Wrong};
use super::names::cancelled;
use super::reply::{Reply, empty, events, json, modern_status, not_allowed, noted, refused, wrong};
use super::session::{Kind, Session};
use super::site::Site;
use super::stream::{Events, First, Inlet, position};
use super::workers::{beside, is_long};
use crate::engine::message::{
    Direction, Document, Era, Id, Json, KnownMethod, Limits, Message, Method as Called, Opened,
    TopLevel,
};
use crate::engine::principal::Principal;
use crate::engine::types::ServerName;
use crate::identity::Refused;
use crate::transport::http::mirror::Mirror;
use hyper::body::Incoming;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, WWW_AUTHENTICATE};
use hyper::{Method, Request, StatusCode};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

pub(super) const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// How long nothing is said before a stream is begun that can say so.
pub(super) const QUIET: Duration = Duration::from_secs(10);
/// The first revision whose clients know an event without content.
const PRIMED: &str = "2025-11-25";

/// Who acts on what, and in what circumstances.
pub(super) struct Visit<'a> {
    pub(super) site: &'a Arc<Site>,
    pub(super) server: &'a ServerName,
    pub(super) principal: Arc<Principal>,
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
    let (path, query) = (head.uri.path(), head.uri.query());
    let old = path.starts_with(super::old::PATH);
    let visit = Visit {
        site,
        server,
        principal,
        headers: head.headers,
    };
    match head.method {
        method if old => Box::pin(visit.old(&method, (path, query), body)).await,
        Method::POST => visit.post(body).await,
        Method::GET => visit.get(),
        Method::DELETE => visit.delete(),
        _ => not_allowed("GET, POST, DELETE"),
    }
}

impl Visit<'_> {
    async fn post(&self, body: Incoming) -> Reply {
        let wanted = ["application/json", "text/event-stream"];
        if !wanted.iter().all(|kind| accepts(&self.headers, kind)) {
            let why = "expected `Accept: application/json, text/event-stream`";
            return refused(StatusCode::NOT_ACCEPTABLE, None, "not-acceptable", why);
        }
        let (opened, _share) = match self.message(body).await {
            Ok(message) => message,
            Err(reply) => return *reply,
        };
        match self.era(&opened) {
            Ok(Era::Modern) => self.modern(opened).await,
            Ok(Era::Legacy) => self.legacy(opened).await,
            Err(reply) => *reply,
        }
    }

    /// The message that is the body of a POST, and its share of the memory.
    pub(super) async fn message(&self, body: Incoming) -> Result<(Opened, Share), Box<Reply>> {
        self.fits()?;
        let mut share = Share::new(&self.site.bodies, &self.principal.key);
        let bytes = match read(body, &mut share).await {
            Ok(bytes) => on_one_line(bytes),
            Err(Unread::Late) => {
                let (status, why) = (StatusCode::REQUEST_TIMEOUT, "the request came too slowly");
                return Err(Box::new(refused(status, None, "too-slow", why)));
            }
            Err(Unread::Busy) => {
                let (status, why) = (
                    StatusCode::SERVICE_UNAVAILABLE,
                    "too many large requests at once; send it again later",
                );
                return Err(Box::new(refused(status, None, "busy", why)));
            }
            Err(Unread::Broken) => return Err(Box::new(empty(StatusCode::BAD_REQUEST))),
            Err(Unread::TooLarge(scan)) => return Err(Box::new(self.too_large(&scan))),
        };
        let read = move || Opened::read(Direction::ToServer, bytes, &Limits::DEFAULT);
        let opened = if is_long(share.bytes()) {
            beside(read).await
        } else {
            read()
        };
        Ok((opened, share))
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
        let discovers = match opened.message() {
            Ok(message) => asks_for_eras(&message),
            Err(_) => None,
        };
        if let Some((id, verified)) = discovers.map(|id| (id, self.verified(&opened)))
            && !self.site.speaks_for(self.server, &self.principal)
        {
            return match verified {
                Ok(()) => Box::pin(self.discover(opened, &id)).await,
                Err(what) => wrong(&what, Some(&id)),
            };
        }
        // Whatever else has no id is answered by nobody.
        let asker = match opened.message() {
            Ok(Message::Request { id, .. }) => id,
            _ => Id::Number(0),
        };
        let session = match self.stateless(&asker).await {
            Ok(session) => session,
            Err(reply) => return *reply,
        };
        session.wait_for_room().await;
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
        if let Some(id) = id {
            let inlet = session.asked(opened, &id, &self.principal).await;
            return self.respond(inlet, None, &id).await;
        }
        let cancels = cancelled(&opened).is_some();
        let reply = told(&session.told(opened, &self.principal).await);
        if cancels {
            let why = "a request of this era is cancelled by closing its stream";
            return noted(reply, "ignored-cancellation", why);
        }
        reply
    }

    /// Whether the headers say what the body says, as far as no tool's
    /// definition is needed for that.
    fn verified(&self, opened: &Opened) -> Result<(), Wrong> {
        match opened.message() {
            Ok(message) => metadata::verify(&self.headers, &message, &Mirror::default()),
            Err(_) => Ok(()),
        }
    }

    async fn legacy(&self, opened: Opened) -> Reply {
        let request = match opened.message() {
            Ok(Message::Request { id, method, .. }) => Some((id, method)),
            _ => None,
        };
        if let Some((id, Called::Known(KnownMethod::Initialize))) = &request
            && !self.headers.contains_key(SESSION)
        {
            return Box::pin(self.initialize(opened, id)).await;
        }
        let session = match self.session() {
            Ok(session) => session,
            Err(reply) => return *reply,
        };
        session.wait_for_room().await;
        match request {
            Some((id, _)) => {
                let inlet = session.asked(opened, &id, &self.principal).await;
                let primes = self.said(&VERSION).is_some_and(|v| v >= PRIMED);
                self.respond(inlet, Some(primes), &id).await
            }
            None => told(&session.told(opened, &self.principal).await),
        }
    }

    /// The answer to a request. `primes` in the legacy era: whether its client
    /// knows events without content.
    pub(super) async fn respond(&self, mut inlet: Inlet, primes: Option<bool>, id: &Id) -> Reply {
        let first = inlet.first(QUIET).await;
        self.respond_with(first, inlet, primes, id)
    }

    /// One message where nothing comes before it, else a stream.
    pub(super) fn respond_with(
        &self,
        first: First,
        inlet: Inlet,
        primes: Option<bool>,
        id: &Id,
    ) -> Reply {
        let prime = primes == Some(true);
        let prime = prime.then(|| (inlet.number(), 0));
        let first = match first {
            // The connection shows from now on that somebody is at work.
            First::Quiet => return events(Events::new(inlet, prime, None)),
            // It was cancelled, and has no answer.
            First::Nothing if !inlet.is_over() => return empty(StatusCode::ACCEPTED),
            First::Nothing => {
                let why = "the session has ended before the answer came";
                return refused(StatusCode::NOT_FOUND, Some(id), "session-ended", why);
            }
            First::Said(first) => first,
        };
        if !first.last {
            return events(Events::new(inlet, prime, Some(first)));
        }
        if let Some(scopes) = first.by_us.then(|| lacking(&first.bytes)).flatten() {
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

    fn too_large(&self, scan: &TopLevel) -> Reply {
        let status = StatusCode::PAYLOAD_TOO_LARGE;
        if let Ok(session) = self.session() {
            let inlet = session.too_large(scan);
            if let Some(sent) = inlet.ready() {
                return json(status, sent.bytes.clone());
            }
        }
        refused(status, scan.id(), "too-large", "the request is too large")
    }

    /// A session of this principal with this server.
    pub(super) fn find(&self, name: &str) -> Option<Arc<Session>> {
        let sessions = &self.site.sessions;
        sessions.find(name, &self.principal, self.server)
    }

    /// The legacy session that the headers name.
    fn session(&self) -> Result<Arc<Session>, Box<Reply>> {
        let mut named = self.headers.get_all(SESSION).iter();
        let (Some(name), None) = (named.next(), named.next()) else {
            let why = "expected one `Mcp-Session-Id` header, as `initialize` gave it";
            let reply = refused(StatusCode::BAD_REQUEST, None, "no-session", why);
            return Err(Box::new(reply));
        };
        let found = self.find(name.to_str().unwrap_or_default());
        let found = found.filter(|session| session.kind == Kind::Legacy);
        found.ok_or_else(|| {
            let why = "there is no such session; begin another with `initialize`";
            Box::new(self.no_session(name.to_str().unwrap_or_default(), why))
        })
    }

    /// For the agent, a session of somebody else is one that is not there.
    pub(super) fn no_session(&self, name: &str, why: &str) -> Reply {
        let reply = refused(StatusCode::NOT_FOUND, None, "unknown-session", why);
        if self.site.sessions.is_of_another(name, &self.principal) {
            let why = "the session of another principal was asked for";
            return noted(reply, "foreign-session", why);
        }
        reply
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

/// The answer to what has none: it was taken, or this is wrong with it.
fn told(inlet: &Inlet) -> Reply {
    match inlet.ready() {
        Some(sent) => json(StatusCode::BAD_REQUEST, sent.bytes.clone()),
        None => empty(StatusCode::ACCEPTED),
    }
}

/// The id of a request that asks for the server's eras.
fn asks_for_eras(message: &Message<'_>) -> Option<Id> {
    match message {
        Message::Request { id, method, .. } if *method == Called::Known(KnownMethod::Discover) => {
            Some(id.clone())
        }
        _ => None,
    }
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

/// Sweeps sessions for ever.
pub(super) async fn sweep(site: Arc<Site>) {
    loop {
        sleep(Duration::from_secs(30)).await;
        site.sessions.sweep();
    }
}
