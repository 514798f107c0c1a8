//! What makes the engines of a listener, by one revision of the policy at a time.

use super::super::launch;
use super::super::setup::{Setup, Shared};
use crate::cli::Fault;
use crate::engine::Engine;
use crate::engine::guard::paths::PathGuard;
use crate::engine::pin::ServerPins;
use crate::engine::principal::Principal;
use crate::engine::types::{AgentName, Digest, ServerName};
use crate::state::lockfile::{self, FirstUse, Stamp};
use crate::traffic::{Stamps, Tape};
use crate::transport::http::server::Engines;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// Makes engines by the policy, and the pins that the lockfile has now.
#[derive(Debug)]
pub(super) struct Makers {
    /// All that goes by one revision of the policy, so that one exchange changes
    /// it for all servers at once.
    ruled: RwLock<Arc<Ruled>>,
    /// How often that was exchanged.
    revision: AtomicU64,
    shared: Shared,
    /// What agents ask for is recorded there.
    tape: Option<Tape>,
}

/// The servers by one revision of the policy, and the engines made by it.
#[derive(Debug)]
pub(super) struct Ruled {
    pub(super) setups: BTreeMap<ServerName, Setup>,
    guards: BTreeMap<ServerName, PathGuard>,
    /// It has taken the place of another.
    revised: bool,
    /// For sessions that begin.
    engines: Mutex<BTreeMap<Key, Made>>,
    /// For sessions that began by another revision.
    standing: Mutex<BTreeMap<Key, Arc<Engine>>>,
}

type Key = (AgentName, ServerName);

/// An engine, and the state and digest of the lockfile that it was made from.
type Made = (Option<Stamp>, Option<Digest>, Arc<Engine>);

impl Ruled {
    pub(super) fn new(setups: BTreeMap<ServerName, Setup>) -> Result<Self, Fault> {
        let guards = setups
            .iter()
            .map(|(name, s)| Ok((name.clone(), s.guard()?)));
        Ok(Self {
            guards: guards.collect::<Result<_, Fault>>()?,
            setups,
            revised: false,
            engines: Mutex::default(),
            standing: Mutex::default(),
        })
    }

    /// The same in place of another.
    pub(super) fn revised(self) -> Self {
        Self {
            revised: true,
            ..self
        }
    }

    /// Any of the servers.
    pub(super) fn first(&self) -> Result<&Setup, Fault> {
        self.setups.values().next().ok_or_else(|| {
            Fault::Usage(
                "the policy has no server: add `[server.NAME]`, or say `-- COMMAND` or `--url`"
                    .to_owned(),
            )
        })
    }

    /// The servers that a bridge speaks for.
    pub(super) fn bridged(&self) -> BTreeSet<ServerName> {
        let bridged = self.setups.iter().filter(|(_, setup)| {
            let entry = setup.entry();
            entry.is_some_and(|entry| entry.bridge)
        });
        bridged.map(|(name, _)| name.clone()).collect()
    }

    /// An engine for an agent, where its server is one of these.
    fn made(
        &self,
        agent: &AgentName,
        server: &ServerName,
        pins: ServerPins,
        shared: &Shared,
    ) -> Option<Arc<Engine>> {
        let (setup, guard) = (self.setups.get(server)?, self.guards.get(server)?);
        let engine = setup.engine_with(guard.clone(), agent.clone(), pins, shared);
        Some(Arc::new(if self.revised {
            engine.revised()
        } else {
            engine
        }))
    }
}

impl Makers {
    pub(super) fn new(ruled: Arc<Ruled>, shared: Shared, tape: Option<Tape>) -> Self {
        Self {
            ruled: RwLock::new(ruled),
            revision: AtomicU64::new(0),
            shared,
            tape,
        }
    }

    /// From now on all goes by this revision.
    pub(super) fn exchange(&self, ruled: Ruled) {
        let mut now = self.ruled.write().unwrap_or_else(PoisonError::into_inner);
        *now = Arc::new(ruled);
        // After it: whoever sees the number gets this revision, or a later one.
        self.revision.fetch_add(1, Ordering::Release);
    }

    fn ruled(&self) -> Arc<Ruled> {
        // One pointer is whole whatever happened to its last writer.
        Arc::clone(&self.ruled.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Engines for Makers {
    fn engine(&self, principal: &Principal, server: &ServerName) -> Result<Arc<Engine>, String> {
        let none = "there is no such server";
        let ruled = self.ruled();
        let setup = ruled.setups.get(server).ok_or(none)?;
        // Before it is read: what changes in between is seen the next time.
        let stamp = Stamp::of(&setup.lockfile);
        let key = (principal.agent.clone(), server.clone());
        let mut engines = ruled.engines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((made, _, engine)) = engines.get(&key)
            && *made == stamp
        {
            return Ok(Arc::clone(engine));
        }
        let (pins, digest) = lockfile::load(&setup.lockfile).map_err(|e| e.to_string())?;
        let pins = pins.servers.get(server).cloned().unwrap_or_default();
        let engine = ruled.made(&principal.agent, server, pins, &self.shared);
        let engine = engine.ok_or(none)?;
        engines.insert(key, (stamp, digest, Arc::clone(&engine)));
        Ok(engine)
    }

    fn revision(&self) -> u64 {
        self.revision.load(Ordering::Acquire)
    }

    fn standing(&self, principal: &Principal, server: &ServerName) -> Option<Arc<Engine>> {
        let ruled = self.ruled();
        let key = (principal.agent.clone(), server.clone());
        // Not the lock of the others: theirs is held while the lockfile is read.
        let standing = || ruled.standing.lock();
        if let Some(engine) = standing().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Some(Arc::clone(engine));
        }
        let pins = ruled.setups.get(server)?.server_pins();
        let engine = ruled.made(&principal.agent, server, pins, &self.shared)?;
        let mut all = standing().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(all.entry(key).or_insert(engine)))
    }

    fn pins(&self, server: &ServerName) -> FirstUse {
        let ruled = self.ruled();
        let setup = ruled.setups.get(server);
        let launch = setup.and_then(launch::keepable);
        let lockfile = setup.map(|s| s.lockfile.clone()).unwrap_or_default();
        FirstUse::new(lockfile, server.clone(), launch)
    }

    fn tape(&self, principal: &Principal, server: &ServerName) -> Option<Tape> {
        let tape = self.tape.as_ref()?;
        let ruled = self.ruled();
        let key = (principal.agent.clone(), server.clone());
        let engines = ruled.engines.lock().unwrap_or_else(PoisonError::into_inner);
        let made = engines.get(&key);
        Some(tape.stamped(Stamps {
            policy: ruled.setups.get(server)?.policy.digest(),
            lockfile: made.and_then(|(_, digest, _)| *digest),
        }))
    }
}
