//! Who acts, and for whom: proved by a transport, never said by the peer.

use super::types::{AgentName, Digest};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

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
    /// The user's groups.
    pub groups: Groups,
    /// What the token may be used for; `None` if there is no token, which no
    /// other token can mend.
    pub scopes: Option<BTreeSet<Arc<str>>>,
    /// Who acts for whom, the one who acts now first (`act` of RFC 8693).
    pub actors: Vec<Arc<str>>,
    /// The token with which this very request came, where some server's own is
    /// got in exchange for it. It decides nothing.
    pub token: Option<Arc<ShownToken>>,
}

/// A token that a principal has shown, and that was verified. Nobody is shown it
/// again but an authorization server; its memory is overwritten in the end.
#[derive(Clone, PartialEq, Eq)]
pub struct ShownToken {
    text: Zeroizing<String>,
    ends: Duration,
}

impl ShownToken {
    /// A token, and when it ends (after the beginning of 1970).
    pub fn new(text: &str, ends: Duration) -> Self {
        let text = Zeroizing::new(text.to_owned());
        Self { text, ends }
    }

    /// The token, for whom it is meant.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// When it ends (after the beginning of 1970).
    pub fn ends(&self) -> Duration {
        self.ends
    }
}

impl fmt::Debug for ShownToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ShownToken(..)")
    }
}

/// The groups of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Groups {
    /// These, and no others.
    Known(BTreeSet<Arc<str>>),
    /// The credential does not tell: a permit for a group does not hold, and a
    /// forbid for one does.
    Unknown,
}

impl Default for Groups {
    fn default() -> Self {
        Self::Known(BTreeSet::new())
    }
}

impl Principal {
    /// An agent that acts for itself, known by its name alone.
    pub fn named(agent: AgentName) -> Self {
        Self {
            key: Arc::from(agent.as_str()),
            agent,
            user: None,
            groups: Groups::default(),
            scopes: None,
            actors: Vec::new(),
            token: None,
        }
    }

    /// An agent that is one of several that the policy calls by this name:
    /// `facts` tell them apart. No name has a space in it, so that no such key
    /// is a bare name's.
    pub fn told_apart(agent: AgentName, facts: &[&str]) -> Self {
        let lengths: Vec<_> = facts.iter().map(|f| f.len().to_be_bytes()).collect();
        let parts = lengths.iter().zip(facts);
        let parts: Vec<&[u8]> = parts
            .flat_map(|(length, fact)| [length.as_slice(), fact.as_bytes()])
            .collect();
        Self {
            key: Arc::from(format!("{agent} {}", Digest::of(&parts))),
            ..Self::named(agent)
        }
    }
}

/// A request of one principal in the session of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the session belongs to another principal")]
pub struct OtherPrincipal;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_not_shown() {
        let agent = AgentName::new("ci").unwrap();
        let token = Arc::new(ShownToken::new("s3cr3t", Duration::ZERO));
        let principal = Principal {
            token: Some(token),
            ..Principal::named(agent)
        };
        let told = format!("{principal:?}");
        assert!(told.contains("ShownToken") && !told.contains("s3cr3t"));
    }

    #[test]
    fn keys_tell_principals_apart() {
        let agent = || AgentName::new("ci").unwrap();
        let all = [
            Principal::named(agent()),
            Principal::told_apart(agent(), &[]),
            Principal::told_apart(agent(), &["a", "bc"]),
            Principal::told_apart(agent(), &["ab", "c"]),
            Principal::told_apart(agent(), &["abc"]),
            Principal::told_apart(AgentName::new("dev").unwrap(), &["abc"]),
        ];
        let keys: BTreeSet<_> = all.iter().map(|p| Arc::clone(&p.key)).collect();
        assert_eq!(keys.len(), all.len());
        let again = Principal::told_apart(agent(), &["a", "bc"]);
        assert!(keys.contains(&again.key));
    }
}
