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
    /// What judges by it, or by one before.
    engine: Arc<Engine>,
}

impl Judges for Judging {
    fn newer(&mut self) -> Option<Arc<Engine>> {
        let revision = self.engines.revision();
        if revision == self.revision {
            return None;
        }
        self.revision = revision;
        let standing = self.engines.standing(&self.principal, &self.server);
        // The old one would permit what the new policy may not.
        self.engine = standing.unwrap_or_else(|| {
            tracing::error!(
                "policy: nothing judges for `{}` on `{}` by the revision in force: a session that \
                 goes on is permitted nothing any more",
                self.principal.agent,
                self.server
            );
            Arc::new(self.engine.closed())
        });
        Some(Arc::clone(&self.engine))
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
            Arc::clone(&prepared.engine),
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
            engine: prepared.engine,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::guard::paths::{HostFacts, PathFacts, PathGuard};
    use crate::engine::message::Direction;
    use crate::engine::pin::ServerPins;
    use crate::engine::policy::{Policy, PolicyBase};
    use crate::engine::types::AgentName;
    use crate::engine::{Context, Session as EngineSession};
    use std::sync::atomic::{AtomicU64, Ordering};

    const POLICY: &str = "version = 1\n[agent.a]\nstdio = true\n[server.s]\ncommand = [\"s\"]\n\
                          [[rule]]\nid = \"all\"\neffect = \"permit\"\nprompts = [\"*\"]\n";

    /// Engines of which one revision has none.
    #[derive(Debug)]
    struct Revised {
        revision: AtomicU64,
        without: u64,
        engine: Arc<Engine>,
    }

    impl Engines for Revised {
        fn engine(&self, _: &Principal, _: &ServerName) -> Result<Arc<Engine>, String> {
            Ok(Arc::clone(&self.engine))
        }

        fn revision(&self) -> u64 {
            self.revision.load(Ordering::Relaxed)
        }

        fn standing(&self, _: &Principal, _: &ServerName) -> Option<Arc<Engine>> {
            (self.revision() != self.without).then(|| Arc::clone(&self.engine))
        }

        fn pins(&self, server: &ServerName) -> FirstUse {
            FirstUse::new("/nowhere".into(), server.clone(), None)
        }
    }

    /// What an engine says of a prompt: its reason for a refusal.
    fn refusal(engine: &Engine) -> Option<&'static str> {
        let mut session = EngineSession::new("n");
        let line = br#"{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{"name":"p"}}"#;
        let opened = engine.open(Direction::ToServer, line.to_vec());
        let context = Context {
            facts: PathFacts::default(),
            ..Context::default()
        };
        let opened = engine.inquire(&session, opened);
        let decision = engine.decide(&mut session, opened, &context);
        decision.record().reason
    }

    #[test]
    fn what_the_revision_in_force_cannot_judge_is_not_permitted() {
        let base = PolicyBase {
            dir: "/work".to_owned(),
            home: "/home/u".to_owned(),
        };
        let policy = Policy::parse("p.toml", POLICY, &base).unwrap();
        let guard = PathGuard::new(HostFacts::default(), policy.paths.clone());
        let (agent, server) = (AgentName::new("a").unwrap(), ServerName::new("s").unwrap());
        let pins = ServerPins::default();
        let engine = Arc::new(Engine::new(
            policy,
            agent.clone(),
            server.clone(),
            pins,
            guard,
        ));
        let engines = Arc::new(Revised {
            revision: AtomicU64::new(0),
            without: 1,
            engine: Arc::clone(&engine),
        });
        let mut judging = Judging {
            engines: Arc::<Revised>::clone(&engines),
            principal: Arc::new(Principal::named(agent)),
            server,
            revision: 0,
            engine: Arc::clone(&engine),
        };
        assert!(judging.newer().is_none(), "nothing has changed");
        assert_eq!(refusal(&engine), None);
        for (revision, expected) in [(1, Some("not-permitted")), (2, None)] {
            engines.revision.store(revision, Ordering::Relaxed);
            let newer = judging.newer().expect("another revision is in force");
            assert_eq!(refusal(&newer), expected, "{revision}");
            assert!(judging.newer().is_none(), "once each");
        }
    }
}
