//! What a listener serves: which servers, to whom, and the way of a request to
//! its session.

mod begin;

use super::body::Bodies;
use super::door::Door;
use super::entrance::{Admits, Entrance};
use super::eras::Spoken;
use super::processes::{AtWork, Bounds, Processes};
use super::refusals::{Knocker, Noted, Refusals};
use super::reply::{Reply, empty, not_allowed, refused, text};
use super::session::Kind;
use super::sessions::{Place, Sessions};
use super::starter::Starter;
use super::{exchange, old};
use crate::engine::Engine;
use crate::engine::principal::Principal;
use crate::engine::seal::Seal;
use crate::engine::types::ServerName;
use crate::identity::{ClientCertificate, Gate, Presented, Refused};
use crate::proxy::era::Bridge;
use crate::proxy::evidence::SharedLog;
use crate::state::lockfile::FirstUse;
use crate::telemetry::standing::PolicyStanding;
use crate::traffic::Tape;
use crate::transport::child::ChildSpec;
use crate::transport::http::client::Dialer;
use hyper::body::Incoming;
use hyper::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use hyper::{Method, Request, StatusCode};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::net::IpAddr;
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

    /// Goes up whenever another policy is in force.
    fn revision(&self) -> u64;

    /// The engine by the policy of this moment for a session that has begun,
    /// without waiting for a disk. `None`: the server is none of the policy's,
    /// which takes a restart.
    fn standing(&self, principal: &Principal, server: &ServerName) -> Option<Arc<Engine>>;

    /// Where pins of first use are kept.
    fn pins(&self, server: &ServerName) -> FirstUse;

    /// Where what a session of this principal asks for is recorded, if anywhere.
    fn tape(&self, _principal: &Principal, _server: &ServerName) -> Option<Tape> {
        None
    }
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
    pub admits: Admits,
    /// What judges.
    pub engines: Arc<dyn Engines>,
    /// How the policy stands.
    pub standing: Arc<PolicyStanding>,
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
    /// How many processes stand for principals in the stateless era.
    pub processes: Bounds,
}

/// What a session begins with.
#[derive(Debug)]
pub(super) struct Begin {
    pub(super) kind: Kind,
    pub(super) bridge: Option<Bridge>,
    /// Its place among those of its principal.
    pub(super) place: Option<Place>,
}

/// Why there is no place for what stands for a principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    Processes,
    Sessions,
}

/// What a listener serves.
#[derive(Debug)]
pub struct Site {
    door: Door,
    servers: BTreeMap<ServerName, Reached>,
    only: Option<ServerName>,
    entrance: Entrance,
    engines: Arc<dyn Engines>,
    standing: Arc<PolicyStanding>,
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
    /// Evidence of what was not even judged.
    pub(super) refusals: Refusals,
    /// The memory of requests.
    pub(super) bodies: Arc<Bodies>,
    /// All sessions.
    pub(super) sessions: Sessions,
    /// The processes among them that stand for a principal.
    pub(super) processes: Processes,
    /// What `/metrics` tells.
    pub(super) counts: Counts,
}

/// How a server is reached, once everything for that is there.
#[derive(Debug)]
enum Reached {
    Process(Starter),
    Remote(Arc<Dialer>),
}

impl Reached {
    fn by(way: Way) -> io::Result<Self> {
        Ok(match way {
            Way::Process(spec) => Self::Process(Starter::new(spec)?),
            Way::Remote(dialer) => Self::Remote(dialer),
        })
    }
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
    ///
    /// # Errors
    /// There can be no more threads.
    pub fn new(parts: Parts) -> io::Result<Self> {
        let Parts {
            door,
            servers,
            only,
            admits,
            engines,
            standing,
            log,
            origin,
            seal,
            sse,
            bridged,
            processes,
        } = parts;
        let reached = |(name, way)| Ok((name, Reached::by(way)?));
        let servers = servers.into_iter().map(reached);
        let servers = servers.collect::<io::Result<BTreeMap<_, _>>>()?;
        Ok(Self {
            door,
            spoken: servers
                .keys()
                .map(|name| (name.clone(), Spoken::default()))
                .collect(),
            bridged,
            processes: Processes::new(processes, servers.keys()),
            servers,
            only,
            entrance: Entrance::new(admits),
            engines,
            standing,
            refusals: Refusals::new(log.clone()),
            log,
            origin,
            seal,
            sse,
            told: Mutex::default(),
            began: Instant::now(),
            bodies: Arc::default(),
            sessions: Sessions::default(),
            counts: Counts::default(),
        })
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
        (peer, certificate): (IpAddr, Option<&ClientCertificate>),
    ) -> Reply {
        let mut who = Knocker::at(peer);
        let mut reply = self.reply(request, certificate, &mut who).await;
        if let Some(why) = reply.extensions_mut().remove::<Noted>() {
            self.refusals.note(who, why, Some(reply.status().as_u16()));
        }
        reply
    }

    async fn reply(
        self: &Arc<Self>,
        request: Request<Incoming>,
        certificate: Option<&ClientCertificate>,
        who: &mut Knocker,
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
                Some(server) => {
                    let admits = self.entrance.now();
                    let proved = principal(&admits, request.headers(), certificate).await;
                    let (reply, principal) = match proved {
                        Ok(principal) => {
                            let acts = Arc::clone(&principal);
                            let reply = exchange::answer(self, &server, acts, request).await;
                            self.end_if_stranger(&admits, &principal);
                            (reply, Some(principal))
                        }
                        Err(refused) => (self.turned_away(&refused), None),
                    };
                    // Most replies are none of it.
                    if reply.extensions().get::<Noted>().is_some() {
                        who.asks_for(&server, principal.as_deref());
                    }
                    reply
                }
                None => empty(StatusCode::NOT_FOUND),
            },
        }
    }

    /// Lets in whom another revision of the policy lets in. Whoever it does not
    /// know, or knows by another proof, loses the sessions that there are.
    pub fn admit(&self, admits: Admits) {
        let before = self.entrance.exchange(admits);
        let now = self.entrance.now();
        self.sessions
            .end_of(|principal| !now.holds_for(&principal.agent, &before));
    }

    /// Tells the agents of all sessions what a revision that has come into force
    /// changes of what they see. Each by itself: one that is at work for long keeps
    /// neither the others waiting nor a later revision.
    pub fn announce(&self) {
        for session in self.sessions.all() {
            tokio::spawn(async move { session.revised().await });
        }
    }

    /// Whoever was let in by a revision that is over may have come to a session
    /// after the others were ended.
    fn end_if_stranger(&self, before: &Arc<Admits>, principal: &Principal) {
        let now = self.entrance.now();
        if !Arc::ptr_eq(before, &now) && !now.holds_for(&principal.agent, before) {
            self.sessions.end_of(|other| other.key == principal.key);
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

    /// A connection came to nothing.
    pub(super) fn turned_back(&self, peer: IpAddr, reason: &'static str, why: &str) {
        self.counts.closed_out.fetch_add(1, Ordering::Relaxed);
        let detail = why.to_owned();
        self.refusals
            .note(Knocker::at(peer), Noted { reason, detail }, None);
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
        let admits = self.entrance.now();
        let document = match &*admits.who {
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

    /// A place for what stands for a principal's requests in the stateless era;
    /// none is needed where that is no process.
    pub(super) async fn place(&self, server: &ServerName) -> Result<Option<Place>, Full> {
        if self.sessions.is_full() {
            return Err(Full::Sessions);
        }
        if !self.is_process(server) {
            return Ok(None);
        }
        let place = self.processes.take(server, &self.sessions).await;
        place.map(Some).map_err(|AtWork| Full::Processes)
    }

    /// Whether a session with a server is a process of this machine.
    pub(super) fn is_process(&self, server: &ServerName) -> bool {
        matches!(self.servers.get(server), Some(Reached::Process(_)))
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
        let figures = self.standing.figures();
        all.into_iter().chain(figures).map(line).collect()
    }
}

async fn principal(
    admits: &Admits,
    headers: &HeaderMap,
    certificate: Option<&ClientCertificate>,
) -> Result<Arc<Principal>, Refused> {
    match &*admits.who {
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

/// Random bytes as hexadecimal text.
pub(super) fn random(bytes: usize) -> Result<String, String> {
    let mut random = vec![0; bytes];
    getrandom::fill(&mut random).map_err(|e| format!("no randomness to be had: {e}"))?;
    let digits = random.iter().flat_map(|b| [b >> 4, b & 15]);
    Ok(digits
        .filter_map(|d| char::from_digit(d.into(), 16))
        .collect())
}
