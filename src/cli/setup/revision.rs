//! One state of the policy and the lockfile, read once.
//!
//! Whatever is set up from one revision goes by the same policy, whatever is
//! written to the file meanwhile: a listener that read it once for each of its
//! servers could go by two.

use super::load_policy;
use crate::cli::places::Places;
use crate::cli::{Fault, Target};
use crate::engine::pin::Lockfile;
use crate::engine::policy::{Agent, Policy};
use crate::engine::types::{AgentName, Digest, ServerName};
use crate::state::lockfile;
use std::path::PathBuf;
use std::sync::Arc;

/// What is read before it is known who is meant.
#[derive(Debug, Clone)]
pub(in crate::cli) struct Revision {
    /// Where things are kept.
    pub(in crate::cli) places: Places,
    /// The policy's file, unless the baseline is in force.
    pub(in crate::cli) file: Option<PathBuf>,
    /// The policy, checked and compiled.
    pub(in crate::cli) policy: Arc<Policy>,
    /// Digest of its text.
    pub(in crate::cli) policy_digest: Option<Digest>,
    /// The lockfile's path.
    pub(in crate::cli) lockfile: PathBuf,
    /// What it holds.
    pub(in crate::cli) pins: Arc<Lockfile>,
    /// Digest of its bytes, if it is there.
    pub(in crate::cli) pins_digest: Option<Digest>,
}

impl Revision {
    /// Reads what is in force now.
    pub(in crate::cli) fn read(target: &Target) -> Result<Self, Fault> {
        let places = Places::from_env().map_err(|e| Fault::Failed(e.to_string()))?;
        let file = places.policy(target.config.as_deref());
        let (policy, policy_digest) = match &file {
            None => (Policy::baseline(), None),
            Some(file) => {
                let (policy, digest) = load_policy(file, &places)?;
                (policy, Some(digest))
            }
        };
        let lockfile = places.lockfile(file.as_deref());
        let (pins, pins_digest) =
            lockfile::load(&lockfile).map_err(|e| Fault::Failed(e.to_string()))?;
        Ok(Self {
            places,
            file,
            policy: Arc::new(policy),
            policy_digest,
            lockfile,
            pins: Arc::new(pins),
            pins_digest,
        })
    }

    /// Every server that can be meant: those of the policy, or with no policy,
    /// those that the lockfile knows how to start.
    pub(in crate::cli) fn servers(&self) -> Vec<ServerName> {
        if self.file.is_some() {
            return self.policy.servers.keys().cloned().collect();
        }
        let pinned = self.pins.servers.iter();
        let startable = pinned.filter(|(_, pins)| pins.launch.is_some());
        startable.map(|(name, _)| name.clone()).collect()
    }

    /// Any agent: for what is done on behalf of none.
    pub(in crate::cli) fn any_agent(&self) -> Option<AgentName> {
        self.policy.agents.keys().next().cloned()
    }

    /// An agent that has a credential for the network.
    pub(in crate::cli) fn remote_agent(&self) -> Option<AgentName> {
        let mut agents = self.policy.agents.iter();
        let remote = agents.find(|(_, agent)| Agent::is_remote(agent));
        remote.map(|(name, _)| name.clone())
    }
}
