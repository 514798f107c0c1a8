//! How a session begins, in either era, and across them.

use super::eras;
use super::exchange::{QUIET, SESSION, Visit};
use super::queue::Sent;
use super::reply::{Reply, method_not_found, refused};
use super::session::{Kind, Session};
use super::site::{Begin, Site, random};
use super::stream::First;
use crate::engine::message::{Direction, Document, Id, Json, Limits, Opened};
use crate::proxy::era::{Bridge, LEGACY_SERVER, LEGACY_SERVER_REASON};
use hyper::StatusCode;
use hyper::header::HeaderValue;
use std::sync::Arc;

impl Visit<'_> {
    /// What stands for the principal's requests to the server. What its eras are
    /// is asked first, where nobody has yet.
    pub(super) async fn stateless(&self, id: &Id) -> Result<Arc<Session>, Box<Reply>> {
        let bridge = (!self.speaks_modern(id).await?).then_some(Bridge::ModernAgent);
        let begin = || self.fresh(bridge);
        self.site
            .sessions
            .of(&self.principal, self.server, begin)
            .map_err(|why| Box::new(unavailable(&why)))
    }

    fn fresh(&self, bridge: Option<Bridge>) -> Result<Arc<Session>, String> {
        let begin = Begin {
            kind: Kind::Modern,
            bridge,
            bearer: self.bearer.as_ref(),
            place: None,
        };
        self.site.begin(&self.principal, self.server, begin)
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

    /// Asks a server whether it speaks 2026-07-28. The error is for the agent's request of that id.
    async fn ask(&self, id: &Id) -> Result<bool, Box<Reply>> {
        let session = self
            .fresh(None)
            .map_err(|why| Box::new(unavailable(&why)))?;
        let mut asked = Asked {
            session,
            kept: false,
        };
        let (first, inlet, says) = eras::ask(&asked.session, id, &self.principal).await;
        let Some(modern) = says else {
            return Err(Box::new(self.respond_with(first, inlet, None, id)));
        };
        self.site.spoken(self.server).learn(modern);
        let sessions = &self.site.sessions;
        asked.kept = modern && sessions.offer(&self.principal, self.server, &asked.session);
        Ok(modern)
    }

    /// Whether the server speaks 2026-07-28.
    async fn speaks_modern(&self, id: &Id) -> Result<bool, Box<Reply>> {
        let spoken = self.site.spoken(self.server);
        if let Some(known) = spoken.is_modern() {
            return Ok(known);
        }
        let _asking = spoken.asking.lock().await;
        if let Some(known) = spoken.is_modern() {
            return Ok(known);
        }
        Box::pin(self.ask(id)).await
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
    pub(super) fn begin(
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
                    bearer: self.bearer.as_ref(),
                    place: Some(place),
                },
            )
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
        let begun = self.begin(Kind::Legacy, bridge);
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

/// Ends a session on which a server was asked and that nobody keeps, also if
/// the agent hangs up.
struct Asked {
    session: Arc<Session>,
    kept: bool,
}

impl Drop for Asked {
    fn drop(&mut self) {
        if !self.kept {
            self.session.close();
        }
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

/// Whether an answer is an error.
fn is_error(answer: &[u8]) -> bool {
    // Errors are short.
    let short = answer.len() <= 1 << 16;
    let document = short.then(|| Document::read(answer.to_vec(), &Limits::DEFAULT));
    matches!(document, Some(Ok(document)) if document.root().get("error").is_some())
}
