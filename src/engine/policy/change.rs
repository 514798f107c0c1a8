//! What one revision of a policy changes of another, while both are at hand.

use super::relation::Kind;
use super::rule::{Effect, Rule};
use super::{Agent, Policy, Scope, Server};
use crate::engine::message::KnownMethod;
use crate::engine::types::{AgentName, ServerName};
use std::collections::{BTreeMap, BTreeSet};

impl Policy {
    /// The first thing in which `new` differs from what has been set up by this
    /// policy already: sockets, processes, connections and files. It takes a
    /// restart to change these; rules and agents do not need one.
    /// `only`: the one server that has been set up, and no listener.
    pub fn needs_restart(&self, new: &Self, only: Option<&ServerName>) -> Option<String> {
        if only.is_none() && self.serve != new.serve {
            return Some("`[serve]`".to_owned());
        }
        if self.audit_dir != new.audit_dir {
            return Some("`[audit]`".to_owned());
        }
        // What is known of tools in a session is known by the mode of then.
        if self.pins != new.pins {
            return Some("`[pins]`".to_owned());
        }
        let names = self.servers.keys().chain(new.servers.keys());
        let names = names.filter(|name| only.is_none_or(|only| only == *name));
        let mut names = names.map(|name| (self.servers.get(name), new.servers.get(name), name));
        let changed = names.find(|(old, new, _)| match (old, new) {
            (Some(old), Some(new)) => !old.is_reached_like(new),
            _ => true,
        });
        changed.map(|(_, _, name)| format!("`[server.{name}]`"))
    }

    /// The same without anybody: nothing is permitted by it.
    #[must_use]
    pub fn without_anybody(&self) -> Self {
        Self {
            agents: BTreeMap::new(),
            servers: BTreeMap::new(),
            scope: Scope::Named,
            ..self.clone()
        }
    }

    /// Whether an agent proves in the same way in both who it is; or is in
    /// neither.
    pub fn proves_alike(&self, other: &Self, agent: &AgentName) -> bool {
        match (self.agents.get(agent), other.agents.get(agent)) {
            (Some(one), Some(other)) => one.proves_like(other),
            (None, None) => true,
            _ => false,
        }
    }

    /// Whether both show an agent the same of what a server has, whoever acts:
    /// what `method` tells of.
    pub(in crate::engine) fn lists_alike(
        &self,
        other: &Self,
        agent: &AgentName,
        server: &ServerName,
        method: KnownMethod,
    ) -> bool {
        let kind = match method {
            KnownMethod::PromptsChanged => Kind::Prompt,
            KnownMethod::ResourcesChanged => Kind::Resource,
            _ => Kind::Tool,
        };
        let shown = |policy: &Self| {
            let about = policy.acting().filter(|rule| rule.is_about(agent, server));
            let shown: BTreeSet<_> = about.filter_map(|rule| rule.shows(kind)).collect();
            (
                policy.knows(agent, server).is_ok(),
                policy.only_audits(),
                shown,
            )
        };
        shown(self) == shown(other)
    }

    /// Whether everybody is let in by both in the same way.
    pub fn admits_alike(&self, other: &Self) -> bool {
        let mut names = self.agents.keys().chain(other.agents.keys());
        names.all(|name| self.proves_alike(other, name)) && self.scopes() == other.scopes()
    }
}

impl Rule {
    /// All that `Policy::may_ever` asks of it, and of what it is: spelled out, to be
    /// compared. A rule that says nothing of the kind says nothing.
    fn shows(&self, kind: Kind) -> Option<String> {
        let texts = |patterns: &[(super::pattern::Pattern, _)]| -> BTreeSet<String> {
            let texts = patterns.iter();
            texts
                .map(|(pattern, _)| pattern.as_str().to_owned())
                .collect()
        };
        let names = texts(kind.of(self));
        let is_heard = match self.effect {
            Effect::Permit | Effect::Ask => true,
            Effect::Forbid => self.always_forbids(),
        };
        (!names.is_empty() && is_heard).then(|| {
            let users = self.users.as_deref().map(texts);
            let groups = self.groups.as_deref().map(texts);
            let token = !self.scopes.is_empty();
            format!("{:?} {users:?} {groups:?} {token} {names:?}", self.effect)
        })
    }
}

impl Server {
    fn is_reached_like(&self, other: &Self) -> bool {
        // Without `..`: a new key has to say whether it takes a restart.
        let Self {
            command,
            command_written,
            url,
            headers,
            addresses,
            oauth,
            env,
            cwd,
            // The engine asks the policy at hand.
            allow_methods: _,
            bridge,
            ask_agent: _,
            span: _,
        } = self;
        *command == other.command
            && *command_written == other.command_written
            && *url == other.url
            && *headers == other.headers
            && *addresses == other.addresses
            && *oauth == other.oauth
            && *env == other.env
            && *cwd == other.cwd
            && *bridge == other.bridge
    }
}

impl Agent {
    fn proves_like(&self, other: &Self) -> bool {
        let Self {
            stdio,
            keys,
            jwt,
            mtls,
            span: _,
        } = self;
        *stdio == other.stdio && *keys == other.keys && *jwt == other.jwt && *mtls == other.mtls
    }
}
