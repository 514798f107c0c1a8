//! Rules as a program or a person reads them back.

use super::Policy;
use super::pattern::Pattern;
use super::quota::Limit;
use super::rule::{Argument, Demand, Effect, Lacking, Mode, Rule};
use super::{RuleRef, shown};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// A rule, in words.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RuleDisplay {
    /// Which, and where it is written.
    pub rule: RuleRef,
    /// What it does.
    pub effect: Effect,
    /// Whether it does.
    pub mode: Mode,
    /// For whom; `None` is every agent of the policy.
    pub agents: Option<Vec<String>>,
    /// For which users: patterns; `None` is everyone.
    pub users: Option<Vec<String>>,
    /// For the members of which groups: patterns; `None` is everyone.
    pub groups: Option<Vec<String>>,
    /// What a token has to be good for.
    pub scopes: Vec<String>,
    /// On which servers; `None` is every server of the policy.
    pub servers: Option<Vec<String>>,
    /// Patterns of tool names.
    pub tools: Vec<String>,
    /// Patterns of prompt names.
    pub prompts: Vec<String>,
    /// Patterns of resource uris.
    pub resources: Vec<String>,
    /// Patterns of what is completed: prompt names, and uris of templates.
    pub completions: Vec<String>,
    /// Requests of a server to the agent.
    pub asks: Vec<String>,
    /// What each argument has to be, one sentence each.
    pub arguments: Vec<String>,
    /// Whether arguments that the pinned schema does not declare may pass.
    pub undeclared: bool,
    /// How often it holds, in words.
    pub limit: Option<String>,
    /// When, in words.
    pub when: Option<String>,
    /// What answers have to be, in words.
    pub results: Option<String>,
}

impl Policy {
    /// Every scope that some rule needs.
    pub fn scopes(&self) -> BTreeSet<Arc<str>> {
        let scopes = self.rules.iter().flat_map(|rule| &rule.scopes);
        scopes.cloned().collect()
    }

    /// Its rules, in the order of the file.
    pub fn rules_for_display(&self) -> Vec<RuleDisplay> {
        self.rules.iter().map(RuleDisplay::of).collect()
    }
}

impl RuleDisplay {
    pub(super) fn of(rule: &Rule) -> Self {
        let texts = |patterns: &[(Pattern, _)]| {
            patterns
                .iter()
                .map(|(pattern, _)| pattern.as_str().to_owned())
                .collect()
        };
        Self {
            rule: rule.reference.clone(),
            effect: rule.effect,
            mode: rule.mode,
            agents: rule
                .agents
                .as_ref()
                .map(|agents| agents.iter().map(ToString::to_string).collect()),
            users: rule.users.as_deref().map(texts),
            groups: rule.groups.as_deref().map(texts),
            scopes: rule.scopes.iter().map(ToString::to_string).collect(),
            servers: rule
                .servers
                .as_ref()
                .map(|servers| servers.iter().map(ToString::to_string).collect()),
            tools: texts(&rule.tools),
            prompts: texts(&rule.prompts),
            resources: texts(&rule.resources),
            completions: texts(&rule.completions),
            asks: texts(&rule.asks),
            arguments: rule.arguments.iter().map(ToString::to_string).collect(),
            undeclared: rule.undeclared,
            limit: rule.limit.as_ref().map(ToString::to_string),
            when: rule.when.as_ref().map(ToString::to_string),
            results: rule.results.as_ref().map(ToString::to_string),
        }
    }
}

impl RuleDisplay {
    /// What `ask_agent` says of one method: a permit for everybody.
    pub(super) fn of_ask_agent(rule: RuleRef, method: &str) -> Self {
        Self {
            rule,
            effect: Effect::Permit,
            mode: Mode::Enforce,
            agents: None,
            users: None,
            groups: None,
            scopes: Vec::new(),
            servers: None,
            tools: Vec::new(),
            prompts: Vec::new(),
            resources: Vec::new(),
            completions: Vec::new(),
            asks: vec![method.to_owned()],
            arguments: Vec::new(),
            undeclared: false,
            limit: None,
            when: None,
            results: None,
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = self.rate.as_ref();
        let rate = rate.map(|rate| format!("{} calls in {}", rate.calls, rate.written));
        let flying = self.in_flight.map(|most| format!("{most} in flight"));
        let all: Vec<_> = rate.into_iter().chain(flying).collect();
        f.write_str(&all.join(", "))?;
        f.write_str(if self.by_tool { ", of each tool" } else { "" })
    }
}

impl fmt::Display for Lacking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token => f.write_str("needs a token with `scopes`, found none"),
            Self::Scopes(_, needed) => {
                write!(f, "needs a token with the scopes {}", needed.join(" "))
            }
        }
    }
}

impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pointer.as_str() {
            "" => f.write_str("the arguments: ")?,
            pointer => write!(f, "{}: ", shown::quoted(pointer))?,
        }
        match &self.demand {
            Demand::Absent => f.write_str("absent"),
            Demand::Present {
                optional,
                constraints,
            } => {
                let texts: Vec<_> = constraints.iter().map(|(c, _)| c.to_string()).collect();
                f.write_str(&texts.join(" and "))?;
                f.write_str(if *optional { ", or missing" } else { "" })
            }
        }
    }
}
