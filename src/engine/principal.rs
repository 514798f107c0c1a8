//! Who acts, and for whom: proved by a transport, never said by the peer.

use super::types::AgentName;
use std::sync::Arc;

/// A principal: an agent of the policy, and on whose behalf it acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The agent, as the policy names it.
    pub agent: AgentName,
    /// Tells principals apart: equal for two requests if, and only if, they may
    /// share sessions, caches and quotas.
    pub key: Arc<str>,
    /// The user on whose behalf the agent acts.
    pub user: Option<Arc<str>>,
}

impl Principal {
    /// An agent that acts for itself, known by its name alone.
    pub fn named(agent: AgentName) -> Self {
        Self {
            key: Arc::from(agent.as_str()),
            agent,
            user: None,
        }
    }
}
