//! A checked rule: everything compiled, nothing left to fail at request time.

use super::constraint::All;
use super::diagnostic::Span;
use super::pattern::Pattern;
use super::pointer::Pointer;
use super::{AccessRequest, Action, RuleRef};
use crate::engine::principal::{Groups, Principal};
use crate::engine::types::{AgentName, ServerName};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What a rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Lets pass, unless a forbid matches.
    Permit,
    /// Denies, whatever else permits.
    Forbid,
}

/// One `[[rule]]`.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) reference: RuleRef,
    pub(super) effect: Effect,
    /// `None`: every agent of the policy.
    pub(super) agents: Option<Vec<AgentName>>,
    /// `None`: every user, and nobody at all.
    pub(super) users: Option<Vec<(Pattern, Span)>>,
    /// `None`: members of any group, and of none.
    pub(super) groups: Option<Vec<(Pattern, Span)>>,
    /// What a token must be good for, all of it.
    pub(super) scopes: BTreeSet<Arc<str>>,
    /// `None`: every server of the policy.
    pub(super) server: Option<ServerName>,
    pub(super) tools: Vec<(Pattern, Span)>,
    pub(super) prompts: Vec<(Pattern, Span)>,
    pub(super) resources: Vec<(Pattern, Span)>,
    /// All of them must hold.
    pub(super) arguments: Vec<Argument>,
    pub(super) undeclared: bool,
}

/// What one pointer's values have to be.
#[derive(Debug, Clone)]
pub(super) struct Argument {
    pub(super) pointer: Pointer,
    pub(super) span: Span,
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
            agents: None,
            users: None,
            groups: None,
            scopes: BTreeSet::new(),
            server: None,
            tools: every(),
            prompts: every(),
            resources: every(),
            arguments: Vec::new(),
            undeclared: false,
        }
    }

    /// Whether it is about this agent, user, server and action at all.
    pub(super) fn covers(&self, request: &AccessRequest<'_>) -> bool {
        let named = self
            .agents
            .as_ref()
            .is_none_or(|agents| agents.contains(request.agent));
        named
            && self.covers_user(request.principal)
            && self.covers_on(request.server, request.action)
    }

    /// Whether it is about the user for whom somebody acts.
    fn covers_user(&self, principal: Option<&Principal>) -> bool {
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
                // What cannot be told fires a forbid and fails a permit.
                Some(Groups::Unknown) => self.effect == Effect::Forbid,
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
        let on_server = self.server.as_ref().is_none_or(|name| name == server);
        on_server
            && match action {
                Action::CallTool(name) => self.tools.iter().any(|(p, _)| p.matches(name)),
                Action::GetPrompt(name) => self.prompts.iter().any(|(p, _)| p.matches(name)),
                Action::ReadResource(uri) => {
                    self.resources.iter().any(|(p, _)| match self.effect {
                        Effect::Permit => p.permits_uri(uri),
                        Effect::Forbid => p.forbids_uri(uri),
                    })
                }
                // Not a matter of rules, but of `[server.NAME] ask_agent`.
                Action::AskAgent(_) => false,
            }
    }
}
