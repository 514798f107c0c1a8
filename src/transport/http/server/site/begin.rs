//! How a session gets what judges in it, and what stands behind it.
//!
//! Processes are started, and the lockfile is looked at, on threads that may
//! wait: a disk that does not answer holds up whoever begins a session, and not
//! the messages of the others.

use super::super::child;
use super::super::ear::Ear;
use super::super::session::{Session, Upstream};
use super::{Begin, Engines, Reached, Site, random};
use crate::engine::principal::Principal;
use crate::engine::types::ServerName;
use crate::engine::{Engine, Session as EngineSession};
use crate::proxy::era::{Adapter, Terms};
use crate::proxy::facts;
use crate::proxy::pump::{Judges, Pump};
use crate::state::lockfile::FirstUse;
use crate::transport::child::Child;
use crate::transport::http::client::{Dialer, Remote};
use std::sync::Arc;
use tokio::task::spawn_blocking;

/// What had to be waited for.
struct Prepared {
    engine: Arc<Engine>,
    /// Of which it is, or of one before.
    revision: u64,
    pins: FirstUse,
    behind: Behind,
}

/// What stands behind a session.
enum Behind {
    Remote(Arc<Dialer>),
    /// Killed when it is dropped: whoever asked for it may have left.
    Process(Child),
}

/// Says in a session what judges by the policy of the moment.
#[derive(Debug)]
struct Judging {
    engines: Arc<dyn Engines>,
    principal: Arc<Principal>,
    server: ServerName,
    /// The one that was asked for last.
    revision: u64,
}

impl Judges for Judging {
    fn newer(&mut self) -> Option<Arc<Engine>> {
        let revision = self.engines.revision();
        if revision == self.revision {
            return None;
        }
        self.revision = revision;
        self.engines.standing(&self.principal, &self.server)
    }
}

impl Site {
    /// Begins a session of a principal with a server.
    ///
    /// # Errors
    /// Why there is none, for people.
    pub(in super::super) async fn begin(
        self: &Arc<Self>,
        principal: &Arc<Principal>,
        server: &ServerName,
        begin: Begin,
    ) -> Result<Arc<Session>, String> {
        let way = self.servers.get(server);
        let way = way.ok_or_else(|| "there is no such server".to_owned())?;
        let (site, acts, on) = (Arc::clone(self), Arc::clone(principal), server.clone());
        let judges = spawn_blocking(move || {
            // Before: what is exchanged in between is seen with the first message.
            let revision = site.engines.revision();
            let engine = site.engines.engine(&acts, &on)?;
            Ok::<_, String>((engine, revision, site.engines.pins(&on)))
        });
        let judges = judges.await;
        let (engine, revision, pins) =
            judges.map_err(|e| format!("no engine could be made: {e}"))??;
        let behind = match way {
            Reached::Remote(dialer) => Behind::Remote(Arc::clone(dialer)),
            Reached::Process(starter) => Behind::Process(starter.start().await?),
        };
        let prepared = Prepared {
            engine,
            revision,
            pins,
            behind,
        };
        self.joined(principal, server, begin, prepared)
    }

    fn joined(
        &self,
        principal: &Arc<Principal>,
        server: &ServerName,
        begin: Begin,
        prepared: Prepared,
    ) -> Result<Arc<Session>, String> {
        let Begin {
            kind,
            bridge,
            place,
        } = begin;
        let nonce = random(12)?;
        let pump = Pump::new(
            prepared.engine,
            EngineSession::new(&nonce)
                .acting(Arc::clone(principal))
                .begun_at(self.began.elapsed()),
            self.log.clone(),
            prepared.pins,
            facts::resolve,
        )
        .recording(self.engines.tape(principal, server))
        .with_clock(facts::unix_time)
        .judged_by(Box::new(Judging {
            engines: Arc::clone(&self.engines),
            principal: Arc::clone(principal),
            server: server.clone(),
            revision: prepared.revision,
        }));
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
        let session = Session::new(principal, server.clone(), kind, (pump, adapter), place);
        match prepared.behind {
            Behind::Remote(dialer) => {
                let ear = Arc::new(Ear(Arc::downgrade(&session)));
                session.attach(Upstream::Remote(Remote::new(dialer, ear)));
            }
            Behind::Process(started) => {
                let kept = child::keep(started, server, &session);
                let (process, keeper) = kept.map_err(|e| e.to_string())?;
                session.attach(Upstream::Process(process));
                tokio::spawn(keeper);
            }
        }
        Ok(session)
    }
}
