//! Who is let in, exchanged as a whole while the listener runs.

use super::site::Who;
use crate::engine::policy::Policy;
use crate::engine::types::AgentName;
use std::sync::{Arc, PoisonError, RwLock};

/// Who is let in by one revision of the policy.
#[derive(Debug, Clone)]
pub struct Admits {
    /// Who acts. It may be the same for several revisions.
    pub who: Arc<Who>,
    /// The revision.
    pub policy: Arc<Policy>,
}

impl Admits {
    /// Whether an agent that was let in by `before` would be by this.
    pub(super) fn holds_for(&self, agent: &AgentName, before: &Self) -> bool {
        let everybody = |admits: &Self| match &*admits.who {
            Who::Everybody(principal) => Some(principal.agent.clone()),
            Who::Proved(_) => None,
        };
        everybody(self) == everybody(before) && self.policy.proves_alike(&before.policy, agent)
    }
}

/// Where they are let in.
#[derive(Debug)]
pub(super) struct Entrance(RwLock<Arc<Admits>>);

impl Entrance {
    pub(super) fn new(admits: Admits) -> Self {
        Self(RwLock::new(Arc::new(admits)))
    }

    /// Who is let in now.
    pub(super) fn now(&self) -> Arc<Admits> {
        // One pointer is whole whatever happened to its last writer.
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Exchanges that. Gives who was let in before.
    pub(super) fn exchange(&self, admits: Admits) -> Arc<Admits> {
        let mut now = self.0.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *now, Arc::new(admits))
    }
}
