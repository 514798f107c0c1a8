//! How a session begins, in either era, and across them.

use super::eras::{Spoken, Untold};
use super::exchange::{QUIET, SESSION, Visit};
use super::reply::{Reply, json, refused};
use super::session::{Kind, Session};
use super::site::{Site, random};
use super::stream::First;
use crate::engine::message::{Direction, Document, Id, Limits, Opened};
use crate::proxy::era::Bridge;
use hyper::StatusCode;
use hyper::header::HeaderValue;
use std::sync::Arc;

impl Visit<'_> {
    /// What stands for the principal's requests to the server.
    pub(super) async fn stateless(&self) -> Result<Arc<Session>, Box<Reply>> {
        let bridge = (!self.speaks_modern().await?).then_some(Bridge::ModernAgent);
        self.stateless_by(bridge)
    }

    fn stateless_by(&self, bridge: Option<Bridge>) -> Result<Arc<Session>, Box<Reply>> {
        let begin = || {
            let (site, server) = (&self.site, self.server);
            site.begin(&self.principal, server, (Kind::Modern, bridge), None)
        };
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

    pub(super) async fn initialize(&self, opened: Opened, id: &Id) -> Reply {
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
            .begin(&self.principal, self.server, (kind, bridge), Some(place))
            .and_then(|session| Ok((session, random(32)?)));
        let (session, name) = begun.map_err(|why| Box::new(unavailable(&why)))?;
        sessions.add(name.clone(), Arc::clone(&session));
        Ok((session, name))
    }

    /// Begins a session with a handshake. The error is the answer of a server that does not want
    /// one, or nobody's.
    async fn hand_shake(
        &self,
        line: Vec<u8>,
        id: &Id,
        bridge: Option<Bridge>,
    ) -> Result<Reply, Box<Reply>> {
        let (session, name) = self.begin(Kind::Legacy, bridge)?;
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
        let mut reply = self.respond_with(first, inlet, Some(false), id);
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
