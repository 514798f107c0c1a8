//! A checked rule: everything compiled, nothing left to fail at request time.

use super::constraint::All;
use super::diagnostic::Span;
use super::moment::Window;
use super::pattern::Pattern;
use super::pointer::Pointer;
use super::quota::Limit;
use super::results::Results;
use super::{AccessRequest, Action, RuleRef};
use crate::engine::principal::{Groups, Principal};
use crate::engine::types::{AgentName, ServerName};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What a rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Lets pass, unless an ask or a forbid matches.
    Permit,
    /// Wants a person's approval, whatever permits; nobody can give one yet.
    Ask,
    /// Denies, whatever else permits.
    Forbid,
}

/// Whether a rule acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// It does.
    Enforce,
    /// It changes nothing; the record says what it would have done.
    Audit,
}

/// One `[[rule]]`.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) reference: RuleRef,
    pub(super) effect: Effect,
    pub(super) mode: Mode,
    /// `None`: every agent of the policy.
    pub(super) agents: Option<Vec<AgentName>>,
    /// `None`: every user, and nobody at all.
    pub(super) users: Option<Vec<(Pattern, Span)>>,
    /// `None`: members of any group, and of none.
    pub(super) groups: Option<Vec<(Pattern, Span)>>,
    /// What a token must be good for, all of it.
    pub(super) scopes: BTreeSet<Arc<str>>,
    /// `None`: every server of the policy.
    pub(super) servers: Option<Vec<ServerName>>,
    pub(super) tools: Vec<(Pattern, Span)>,
    pub(super) prompts: Vec<(Pattern, Span)>,
    pub(super) resources: Vec<(Pattern, Span)>,
    /// Prompts and resource templates whose arguments are completed.
    pub(super) completions: Vec<(Pattern, Span)>,
    /// Requests of a server to the agent, as `ask_agent` names them.
    pub(super) asks: Vec<(Pattern, Span)>,
    /// All of them must hold.
    pub(super) arguments: Vec<Argument>,
    pub(super) undeclared: bool,
    /// How often a permit holds.
    pub(super) limit: Option<Limit>,
    /// When it is about anything at all.
    pub(super) when: Option<Window>,
    /// What the answer to what a permit permits has to be.
    pub(super) results: Option<Arc<Results>>,
}

/// What one pointer's values have to be.
#[derive(Debug, Clone)]
pub(super) struct Argument {
    pub(super) pointer: Pointer,
    pub(super) span: Span,
    /// The line that it stands in.
    pub(super) line: usize,
    pub(super) demand: Demand,
}

/// What is demanded of the values of a pointer.
#[derive(Debug, Clone)]
pub(super) enum Demand {
    /// There are none.
    Absent,
    /// There are some, and each satisfies all constraints.
    Present {
        /// None at all will do too.
        optional: bool,
        constraints: All,
    },
}

/// What a principal lacks to make use of a rule with `scopes`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lacking {
    /// How many are missing, and all that are needed.
    Scopes(usize, Vec<Arc<str>>),
    /// It has shown no token at all.
    Token,
}

impl Rule {
    /// The one rule of the built-in baseline.
    pub(super) fn baseline() -> Self {
        let every = || vec![(Pattern::new("*".to_owned()), 0..0)];
        Self {
            reference: RuleRef {
                id: "baseline".to_owned(),
                file: "built-in".to_owned(),
                line: 0,
            },
            effect: Effect::Permit,
            mode: Mode::Enforce,
            agents: None,
            users: None,
            groups: None,
            scopes: BTreeSet::new(),
            servers: None,
            tools: every(),
            prompts: every(),
            resources: every(),
            completions: Vec::new(),
            asks: Vec::new(),
            arguments: Vec::new(),
            undeclared: false,
            limit: None,
            when: None,
            results: None,
        }
    }

    /// Whether it is about this agent, user, server and action at all.
    pub(super) fn covers(&self, request: &AccessRequest<'_>) -> bool {
        self.is_for(request.agent)
            && self.covers_user(request.principal)
            && self.covers_on(request.server, request.action)
    }

    /// Whether it is about the user for whom somebody acts.
    pub(super) fn covers_user(&self, principal: Option<&Principal>) -> bool {
        let user = principal.and_then(|p| p.user.as_deref());
        let user_fits = self.users.as_ref().is_none_or(|users| {
            let fits = |user: &str| users.iter().any(|(p, _)| p.matches(user));
            user.is_some_and(fits)
        });
        let group_fits = self.groups.as_ref().is_none_or(|groups| {
            let fits = |group: &Arc<str>| groups.iter().any(|(p, _)| p.matches(group));
            match principal.map(|p| &p.groups) {
                None => false,
                Some(Groups::Known(known)) => known.iter().any(fits),
                // What cannot be told fires a forbid or an ask, and fails a permit.
                Some(Groups::Unknown) => self.effect != Effect::Permit,
            }
        });
        user_fits && group_fits
    }

    /// What a token has to have so that this rule holds, where it lacks some of
    /// it. Without a token there is nothing to ask for.
    pub(super) fn lacks(&self, principal: Option<&Principal>) -> Option<Lacking> {
        if self.scopes.is_empty() {
            return None;
        }
        let Some(has) = principal.and_then(|p| p.scopes.as_ref()) else {
            return Some(Lacking::Token);
        };
        let missing = self.scopes.difference(has).count();
        (missing > 0).then(|| Lacking::Scopes(missing, self.scopes.iter().cloned().collect()))
    }

    /// The same for any agent.
    pub(super) fn covers_on(&self, server: &ServerName, action: Action<'_>) -> bool {
        self.is_on(server)
            && match action {
                Action::CallTool(name) => fits(&self.tools, name),
                Action::GetPrompt(name) => fits(&self.prompts, name),
                Action::ReadResource(uri) => self.covers_uri(&self.resources, uri),
                Action::CompletePrompt(name) => {
                    fits(&self.prompts, name) || fits(&self.completions, name)
                }
                Action::CompleteResource(uri) => {
                    self.covers_uri(&self.resources, uri) || self.covers_uri(&self.completions, uri)
                }
                Action::AskAgent(method) => fits(&self.asks, method),
            }
    }

    /// Whether it is about an agent at all.
    pub(super) fn is_for(&self, agent: &AgentName) -> bool {
        let agents = self.agents.as_ref();
        agents.is_none_or(|agents| agents.contains(agent))
    }

    /// Whether it is about a server at all.
    pub(super) fn is_on(&self, server: &ServerName) -> bool {
        let servers = self.servers.as_ref();
        servers.is_none_or(|servers| servers.contains(server))
    }

    fn covers_uri(&self, patterns: &[(Pattern, Span)], uri: &str) -> bool {
        patterns.iter().any(|(pattern, _)| match self.effect {
            Effect::Permit => pattern.permits_uri(uri),
            Effect::Ask | Effect::Forbid => pattern.forbids_uri(uri),
        })
    }
}

fn fits(patterns: &[(Pattern, Span)], name: &str) -> bool {
    patterns.iter().any(|(pattern, _)| pattern.matches(name))
}
