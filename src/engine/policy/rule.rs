//! A checked rule: everything compiled, nothing left to fail at request time.

use super::constraint::Constraint;
use super::diagnostic::Span;
use super::pattern::Pattern;
use super::pointer::Pointer;
use super::{Action, RuleRef};
use crate::engine::types::{AgentName, ServerName};

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
        constraints: Vec<(Constraint, Span)>,
    },
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
            server: None,
            tools: every(),
            prompts: every(),
            resources: every(),
            arguments: Vec::new(),
            undeclared: false,
        }
    }

    /// Whether it is about this agent, server and action at all.
    pub(super) fn covers(
        &self,
        agent: &AgentName,
        server: &ServerName,
        action: Action<'_>,
    ) -> bool {
        let named = self
            .agents
            .as_ref()
            .is_none_or(|agents| agents.contains(agent));
        named && self.covers_on(server, action)
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
