//! How a session begins, in either era, and across them.

use super::eras::{Asker, Vain};
use super::exchange::{QUIET, SESSION, Visit};
use super::queue::Sent;
use super::reply::{Reply, json, method_not_found, modern_status, refused};
use super::session::{Kind, Session};
use super::site::{Begin, Full, Site, random};
use super::stream::First;
use crate::engine::message::{Direction, Document, Id, Json, Limits, Opened};
use crate::proxy::era::{Bridge, LEGACY_SERVER, LEGACY_SERVER_REASON};
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{HeaderValue, RETRY_AFTER};
use std::sync::Arc;

impl Visit<'_> {
    /// What stands for the principal's requests to the server. What its eras are
    /// is asked first, where nobody has yet.
    pub(super) async fn stateless(&self, id: &Id) -> Result<Arc<Session>, Box<Reply>> {
        let bridge = (!self.speaks_modern(id).await?).then_some(Bridge::ModernAgent);
        let sessions = &self.site.sessions;
        let standing = || sessions.standing(&self.principal, self.server);
        if let Some(standing) = standing() {
            return Ok(standing);
        }
        let beginning = sessions.beginning(&self.principal, self.server);
        let _one = beginning.lock().await;
        if let Some(standing) = standing() {
            return Ok(standing);
        }
        let place = self.site.place(self.server).await;
        let place = place.map_err(|full| Box::new(told_full(full, id)))?;
        let begin = Begin {
            kind: Kind::Modern,
            bridge,
            place,
        };
        let started = self.site.begin(&self.principal, self.server, begin).await;
        let session = started.map_err(|why| Box::new(unavailable(&why)))?;
        sessions.offer(&self.principal, self.server, &session);
        Ok(session)
    }

    /// An agent asks for the eras itself. A server that does not speak this one
    /// is not spoken for: an agent that knows the other begins anew, and loses
    /// nothing that a bridge could not carry.
    pub(super) async fn discover(&self, opened: Opened, id: &Id) -> Reply {
        match self.speaks_modern(id).await {
            Ok(true) => {}
            Ok(false) => return legacy_only(id),
            Err(reply) => return *reply,
        }
        match self.stateless(id).await {
            Ok(session) => {
                let inlet = session.ask(opened, id, &self.principal);
                self.respond(inlet, None, id).await
            }
            Err(reply) => *reply,
        }
    }

    /// Whether the server speaks 2026-07-28. The error is for the agent's request
    /// of that id.
    async fn speaks_modern(&self, id: &Id) -> Result<bool, Box<Reply>> {
        let spoken = self.site.spoken(self.server);
        let ask = || {
            let asker = Asker {
                site: Arc::clone(self.site),
                server: self.server.clone(),
                principal: Arc::clone(&self.principal),
            };
            asker.run()
        };
        let told = spoken.is_modern(&self.principal.key, ask).await;
        let vain = match told {
            Some(Ok(modern)) => return Ok(modern),
            Some(Err(vain)) => vain,
            None => {
                let why = "the server says nothing; send it again later";
                let status = StatusCode::GATEWAY_TIMEOUT;
                return Err(Box::new(refused(status, Some(id), "server-silent", why)));
            }
        };
        Err(Box::new(match vain {
            Vain::Unavailable => no_upstream(),
            Vain::Full(full) => told_full(full, id),
            Vain::Said(answer) => about(id, &answer),
        }))
    }

    pub(super) async fn initialize(&self, opened: Opened, id: &Id) -> Reply {
        let spoken = self.site.spoken(self.server);
        let line = opened.into_unjudged().unwrap_or_default();
        let mut wants_none = false;
        if !spoken.refuses_handshake() {
            let failed = match self.hand_shake(line.clone(), id, None).await {
                Ok(reply) => return reply,
                Err(failed) => failed,
            };
            if !matches!(self.speaks_modern(id).await, Ok(true)) {
                return failed.reply;
            }
            wants_none = failed.wants_none;
        }
        let bridge = Some(Bridge::LegacyAgent);
        match self.hand_shake(line, id, bridge).await {
            Ok(reply) => {
                if wants_none {
                    spoken.refuse_handshake();
                }
                reply
            }
            Err(failed) => failed.reply,
        }
    }

    /// Begins a session, and puts it on the list.
    pub(super) async fn begin(
        &self,
        kind: Kind,
        bridge: Option<Bridge>,
    ) -> Result<(Arc<Session>, String), Box<Reply>> {
        let sessions = &self.site.sessions;
        let process = self.site.is_process(self.server);
        let Ok(place) = sessions.take_place(&self.principal, process) else {
            let why = "there are too many sessions; close some of them";
            let status = StatusCode::TOO_MANY_REQUESTS;
            return Err(Box::new(refused(status, None, "too-many-sessions", why)));
        };
        let begun = self
            .site
            .begin(
                &self.principal,
                self.server,
                Begin {
                    kind,
                    bridge,
                    place: Some(place),
                },
            )
            .await
            .and_then(|session| Ok((session, random(32)?)));
        let (session, name) = begun.map_err(|why| Box::new(unavailable(&why)))?;
        sessions.add(name.clone(), Arc::clone(&session));
        Ok((session, name))
    }

    /// Begins a session with a handshake.
    async fn hand_shake(
        &self,
        line: Vec<u8>,
        id: &Id,
        bridge: Option<Bridge>,
    ) -> Result<Reply, Box<Failed>> {
        let begun = self.begin(Kind::Legacy, bridge).await;
        let (session, name) = begun.map_err(|reply| {
            let (reply, wants_none) = (*reply, false);
            Box::new(Failed { reply, wants_none })
        })?;
        let mut ending = Ending {
            site: self.site,
            name: &name,
            kept: false,
        };
        let opened = Opened::read(Direction::ToServer, line, &Limits::DEFAULT);
        let mut inlet = session.ask(opened, id, &self.principal);
        let first = inlet.first(QUIET).await;
        let failed = match &first {
            First::Said(sent) => sent.last && is_error(&sent.bytes),
            First::Nothing => true,
            First::Quiet => false,
        };
        let wants_none = failed && matches!(&first, First::Said(sent) if wants_none(sent));
        let mut reply = self.respond_with(first, inlet, Some(false), id);
        if failed {
            return Err(Box::new(Failed { reply, wants_none }));
        }
        if let Ok(mut value) = HeaderValue::from_str(&name) {
            value.set_sensitive(true);
            reply.headers_mut().insert(SESSION, value);
        }
        ending.kept = true;
        Ok(reply)
    }
}

/// The answer to an agent whose era the server does not speak.
fn legacy_only(id: &Id) -> Reply {
    method_not_found(id, LEGACY_SERVER_REASON, LEGACY_SERVER)
}

/// A handshake that came to nothing: the answer of the server, or nobody's.
struct Failed {
    reply: Reply,
    /// The server does not know the method, or the era: whoever asks.
    wants_none: bool,
}

/// Whether a server says that it wants no handshake. Another error may be about
/// this agent's own.
fn wants_none(answer: &Sent) -> bool {
    let document = Document::read(answer.bytes.to_vec(), &Limits::DEFAULT).ok();
    let code = document.as_ref().and_then(|document| {
        let error = document.root().get("error")?;
        error.get("code").and_then(Json::as_number)
    });
    !answer.by_us && matches!(code, Some("-32601" | "-32020" | "-32021" | "-32022"))
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

/// The answer where there is no place for what would stand for the principal.
fn told_full(full: Full, id: &Id) -> Reply {
    let (status, reason, why) = match full {
        Full::Processes => (
            StatusCode::SERVICE_UNAVAILABLE,
            "too-many-processes",
            "all processes of the server are at work for others; send it again later",
        ),
        Full::Sessions => (
            StatusCode::TOO_MANY_REQUESTS,
            "too-many-sessions",
            "there are too many sessions; send it again later",
        ),
    };
    let mut reply = refused(status, Some(id), reason, why);
    let headers = reply.headers_mut();
    headers.insert(RETRY_AFTER, HeaderValue::from_static("5"));
    reply
}

/// An answer of lockgate's own to a request that was made for this one.
fn about(id: &Id, answer: &Bytes) -> Reply {
    let mut bytes = answer.to_vec();
    let document = Document::read(bytes.clone(), &Limits::DEFAULT).ok();
    let place = document.and_then(|d| Some(d.root().get("id")?.span()));
    if let Some(place) = place.filter(|place| place.end <= bytes.len()) {
        bytes.splice(place, id.to_json().into_bytes());
    }
    json(modern_status(&bytes), bytes.into())
}

fn unavailable(why: &str) -> Reply {
    tracing::error!("no session could be begun: {why}");
    no_upstream()
}

fn no_upstream() -> Reply {
    let why = "the server cannot be started; its operator finds the reason in the log";
    refused(StatusCode::BAD_GATEWAY, None, "no-upstream", why)
}

/// Whether an answer is an error.
fn is_error(answer: &[u8]) -> bool {
    // Errors are short.
    let short = answer.len() <= 1 << 16;
    let document = short.then(|| Document::read(answer.to_vec(), &Limits::DEFAULT));
    matches!(document, Some(Ok(document)) if document.root().get("error").is_some())
}
