//! What a listener serves: which servers, to whom, and the way of a request to
//! its session.

use super::body::Bodies;
use super::door::Door;
use super::ear::Ear;
use super::eras::Spoken;
use super::reply::{Reply, empty, not_allowed, refused, text};
use super::session::{Kind, Session, Upstream};
use super::sessions::{Place, Sessions};
use super::{child, exchange, old};
use crate::engine::principal::Principal;
use crate::engine::seal::Seal;
use crate::engine::types::ServerName;
use crate::engine::{Engine, Session as EngineSession};
use crate::identity::{ClientCertificate, Gate, Presented, Refused};
use crate::proxy::era::{Adapter, Bridge, Terms};
use crate::proxy::evidence::SharedLog;
use crate::proxy::facts;
use crate::proxy::pump::Pump;
use crate::state::lockfile::FirstUse;
use crate::transport::child::{Child, ChildSpec};
use crate::transport::http::client::{Dialer, Remote, Subject};
use crate::transport::http::secret::Secret;
use hyper::body::Incoming;
use hyper::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use hyper::{Method, Request, StatusCode};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Instant, SystemTime};

/// Where protected resource metadata is (RFC 9728, section 3).
const METADATA: &str = "/.well-known/oauth-protected-resource";

/// Lines about refused requests in a second, at most.
const REFUSALS: u32 = 10;

/// How a server is reached.
#[derive(Debug)]
pub enum Way {
    /// One process for each session.
    Process(ChildSpec),
    /// A remote server.
    Remote(Arc<Dialer>),
}

/// Makes what judges: an engine for an agent in front of a server.
pub trait Engines: fmt::Debug + Send + Sync {
    /// The engine by the policy and the pins of this moment.
    ///
    /// # Errors
    /// Why there is none, for people.
    fn engine(&self, principal: &Principal, server: &ServerName) -> Result<Arc<Engine>, String>;

    /// Where pins of first use are kept.
    fn pins(&self, server: &ServerName) -> FirstUse;
}

/// Who acts on a listener.
#[derive(Debug)]
pub enum Who {
    /// Whoever reaches it; for listeners on the loopback.
    Everybody(Arc<Principal>),
    /// Whoever proves to be an agent of the policy.
    Proved(Box<Gate>),
}

/// What a site is made of.
#[derive(Debug)]
pub struct Parts {
    /// Who may knock.
    pub door: Door,
    /// By name.
    pub servers: BTreeMap<ServerName, Way>,
    /// The server of `/mcp`.
    pub only: Option<ServerName>,
    /// Who acts.
    pub who: Who,
    /// What judges.
    pub engines: Box<dyn Engines>,
    /// Where records go.
    pub log: SharedLog,
    /// Scheme, host and port at which agents reach the listener.
    pub origin: String,
    /// What agents bring back is sealed with it.
    pub seal: Arc<Seal>,
    /// Whether the transport of 2024-11-05 is served too.
    pub sse: bool,
    /// Servers that a bridge speaks for where an agent only asks for the eras.
    pub bridged: BTreeSet<ServerName>,
}

/// What a session begins with.
#[derive(Debug)]
pub(super) struct Begin<'a> {
    pub(super) kind: Kind,
    pub(super) bridge: Option<Bridge>,
    /// The token that its principal has shown, if it was one.
    pub(super) bearer: Option<&'a Secret>,
    /// Its place among those of its principal.
    pub(super) place: Option<Place>,
}

/// What a listener serves.
#[derive(Debug)]
pub struct Site {
    door: Door,
    servers: BTreeMap<ServerName, Way>,
    only: Option<ServerName>,
    who: Who,
    engines: Box<dyn Engines>,
    log: SharedLog,
    origin: String,
    seal: Arc<Seal>,
    sse: bool,
    told: Mutex<Told>,
    /// When the clock of all sessions began.
    pub(super) began: Instant,
    /// Which eras the servers speak.
    spoken: BTreeMap<ServerName, Spoken>,
    /// Servers that a bridge speaks for, whoever asks.
    bridged: BTreeSet<ServerName>,
    /// The memory of requests.
    pub(super) bodies: Arc<Bodies>,
    /// All sessions.
    pub(super) sessions: Sessions,
    /// What `/metrics` tells.
    pub(super) counts: Counts,
}

/// Lines about refused requests, of one second.
#[derive(Debug, Default)]
struct Told {
    second: u64,
    lines: u32,
    unsaid: u64,
}

/// What `/metrics` tells.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) requests: AtomicU64,
    pub(super) closed_out: AtomicU64,
    pub(super) connections: AtomicU64,
}

impl Site {
    /// A site, of what it is made of.
    pub fn new(parts: Parts) -> Self {
        let Parts {
            door,
            servers,
            only,
            who,
            engines,
            log,
            origin,
            seal,
            sse,
            bridged,
        } = parts;
        Self {
            door,
            spoken: servers
                .keys()
                .map(|name| (name.clone(), Spoken::default()))
                .collect(),
            bridged,
            servers,
            only,
            who,
            engines,
            log,
            origin,
            seal,
            sse,
            told: Mutex::default(),
            began: Instant::now(),
            bodies: Arc::default(),
            sessions: Sessions::default(),
            counts: Counts::default(),
        }
    }

    /// What is known of the eras of a server.
    pub(super) fn spoken(&self, server: &ServerName) -> &Spoken {
        // One that is not served has no session either.
        static NOTHING: LazyLock<Spoken> = LazyLock::new(Spoken::default);
        self.spoken.get(server).unwrap_or(&NOTHING)
    }

    /// Whether an agent that asks for the eras of a server is answered by a
    /// bridge, if the server speaks the other.
    pub(super) fn speaks_for(&self, server: &ServerName, principal: &Principal) -> bool {
        self.bridged.contains(server) || self.sessions.has(principal, server)
    }

    /// Answers one request.
    pub(super) async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        certificate: Option<&ClientCertificate>,
    ) -> Reply {
        self.counts.requests.fetch_add(1, Ordering::Relaxed);
        let authority = request.uri().authority().map(|a| a.as_str().to_owned());
        if let Err(closed) = self.door.admit(request.headers(), authority.as_deref()) {
            self.counts.closed_out.fetch_add(1, Ordering::Relaxed);
            self.tell_refused(&closed);
            return refused(
                StatusCode::FORBIDDEN,
                None,
                closed.code(),
                &closed.to_string(),
            );
        }
        let path = request.uri().path();
        match (request.method(), path) {
            (&Method::GET, "/healthz") => text("text/plain", "ok\n"),
            (_, "/healthz" | "/metrics") if request.method() != Method::GET => not_allowed("GET"),
            (_, "/metrics") => text("text/plain; version=0.0.4", self.metrics()),
            (&Method::GET, path) if path.starts_with(METADATA) => self.resource_metadata(path),
            (_, path) => match self.server(path) {
                Some(server) => match self.principal(request.headers(), certificate).await {
                    Ok(principal) => exchange::answer(&self, &server, principal, request).await,
                    Err(refused) => self.turned_away(&refused),
                },
                None => empty(StatusCode::NOT_FOUND),
            },
        }
    }

    async fn principal(
        &self,
        headers: &HeaderMap,
        certificate: Option<&ClientCertificate>,
    ) -> Result<Arc<Principal>, Refused> {
        match &self.who {
            Who::Everybody(principal) => Ok(Arc::clone(principal)),
            Who::Proved(gate) => {
                let presented = Presented {
                    headers,
                    certificate,
                };
                Box::pin(gate.admit(&presented, SystemTime::now())).await
            }
        }
    }

    /// The answer to somebody who has not proved who he is.
    pub(super) fn turned_away(&self, why: &Refused) -> Reply {
        self.counts.closed_out.fetch_add(1, Ordering::Relaxed);
        self.tell_refused(why);
        let mut reply = refused(why.status(), None, why.code(), &why.to_string());
        let challenge = self.challenge(why);
        reply
            .headers_mut()
            .extend(challenge.map(|c| (WWW_AUTHENTICATE, c)));
        reply
    }

    /// Tells the operator, so often in a second: whoever knocks must not fill
    /// the log.
    fn tell_refused(&self, why: &dyn fmt::Display) {
        let second = self.began.elapsed().as_secs();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.second != second {
            if told.unsaid > 0 {
                tracing::warn!("{} more requests were refused", told.unsaid);
            }
            *told = Told {
                second,
                ..Told::default()
            };
        }
        if told.lines < REFUSALS {
            told.lines = told.lines.saturating_add(1);
            tracing::warn!("a request was refused: {why}");
        } else {
            told.unsaid = told.unsaid.saturating_add(1);
        }
    }

    /// What a client is told about the credential that would help.
    pub(super) fn challenge(&self, why: &Refused) -> Option<HeaderValue> {
        why.challenge(Some(&format!("{}{METADATA}", self.origin)))
    }

    /// Where clients get their tokens (RFC 9728).
    fn resource_metadata(&self, path: &str) -> Reply {
        let rest = path.strip_prefix(METADATA).unwrap_or_default();
        let document = match &self.who {
            Who::Proved(gate) if rest.is_empty() || self.server(rest).is_some() => {
                gate.metadata(&self.origin)
            }
            _ => None,
        };
        match document {
            Some(document) => text("application/json", document),
            None => empty(StatusCode::NOT_FOUND),
        }
    }

    /// The server that a path stands for.
    fn server(&self, path: &str) -> Option<ServerName> {
        let old = path.strip_prefix(old::PATH).filter(|_| self.sse);
        let rest = path.strip_prefix("/mcp").or(old)?;
        if rest.is_empty() {
            return self.only.clone();
        }
        let name = ServerName::new(rest.strip_prefix('/')?).ok()?;
        self.servers.contains_key(&name).then_some(name)
    }

    /// Whether a session with a server is a process of this machine.
    pub(super) fn is_process(&self, server: &ServerName) -> bool {
        matches!(self.servers.get(server), Some(Way::Process(_)))
    }

    fn metrics(&self) -> String {
        let counts = &self.counts;
        let all = [
            (
                "lockgate_http_requests_total",
                "counter",
                counts.requests.load(Ordering::Relaxed),
            ),
            (
                "lockgate_http_refused_at_the_door_total",
                "counter",
                counts.closed_out.load(Ordering::Relaxed),
            ),
            (
                "lockgate_http_connections",
                "gauge",
                counts.connections.load(Ordering::Relaxed),
            ),
            (
                "lockgate_sessions",
                "gauge",
                u64::try_from(self.sessions.count()).unwrap_or(u64::MAX),
            ),
        ];
        let line = |(name, kind, value)| format!("# TYPE {name} {kind}\n{name} {value}\n");
        all.into_iter().map(line).collect()
    }

    /// Begins a session of a principal with a server.
    ///
    /// # Errors
    /// Why there is none, for people.
    pub(super) fn begin(
        &self,
        principal: &Arc<Principal>,
        server: &ServerName,
        begin: Begin<'_>,
    ) -> Result<Arc<Session>, String> {
        let Begin {
            kind,
            bridge,
            bearer,
            place,
        } = begin;
        let way = self
            .servers
            .get(server)
            .ok_or_else(|| "there is no such server".to_owned())?;
        let engine = self.engines.engine(principal, server)?;
        let nonce = random(12)?;
        let pump = Pump::new(
            engine,
            EngineSession::new(&nonce)
                .acting(Arc::clone(principal))
                .begun_at(self.began.elapsed()),
            self.log.clone(),
            self.engines.pins(server),
            facts::resolve,
        );
        let terms = |nonce| Terms {
            nonce,
            seal: Arc::clone(&self.seal),
            principal: Arc::clone(&principal.key),
            server: server.clone(),
        };
        let adapter = match bridge {
            Some(bridge) => Some(Adapter::new(bridge, terms(random(12)?))),
            None => None,
        };
        let principal = Arc::clone(principal);
        let subject = bearer.map(|token| Subject::new(token.clone()));
        let session = Session::new(principal, server.clone(), kind, (pump, adapter), place);
        match way {
            Way::Remote(dialer) => {
                let ear = Arc::new(Ear(Arc::downgrade(&session)));
                // It matters only where tokens are exchanged.
                let dialer = match &subject {
                    Some(subject) => Arc::new(dialer.on_behalf_of(subject.clone())),
                    None => Arc::clone(dialer),
                };
                session.attach(Upstream::Remote(Remote::new(dialer, ear)), subject);
            }
            Way::Process(spec) => {
                let started = Child::spawn(spec).map_err(|e| e.to_string())?;
                let kept = child::keep(started, server, &session);
                let (process, keeper) = kept.map_err(|e| e.to_string())?;
                session.attach(Upstream::Process(process), None);
                tokio::spawn(keeper);
            }
        }
        Ok(session)
    }
}

/// Random bytes as hexadecimal text.
pub(super) fn random(bytes: usize) -> Result<String, String> {
    let mut random = vec![0; bytes];
    getrandom::fill(&mut random).map_err(|e| format!("no randomness to be had: {e}"))?;
    let digits = random.iter().flat_map(|b| [b >> 4, b & 15]);
    Ok(digits
        .filter_map(|d| char::from_digit(d.into(), 16))
        .collect())
}
