//! What the rules say before a call is made: who could make it, and what a
//! refused one would have needed.
//!
//! For people only. Nothing here decides: `evaluate` does, and asks each rule
//! by itself.

use super::evaluate::Asked;
use super::moment::Window;
use super::pointer::Found;
use super::rule::{Argument, Demand, Effect, Mode, Rule};
use super::{AccessRequest, Action, PathJudge, Policy, RuleDisplay, RuleRef, UnixTime};
use crate::engine::message::Json;
use crate::engine::principal::Principal;
use crate::engine::types::{AgentName, ServerName};
use std::convert::Infallible;
use std::ops::ControlFlow;

/// A request of which not all is known.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// Who acts.
    pub agent: &'a AgentName,
    /// With which token; `None`: whom a rule is for stays a condition.
    pub principal: Option<&'a Principal>,
    /// On which server.
    pub server: &'a ServerName,
    /// What; `None`: anything.
    pub action: Option<Action<'a>>,
    /// The arguments that are known. The others may be anything.
    pub known: Option<Json<'a>>,
}

/// How one rule stands to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The rule.
    pub rule: RuleDisplay,
    /// How it stands.
    pub stands: Stands,
}

/// Whether a rule applies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stands {
    /// It does, if all of this holds of the arguments that are not known.
    If(Vec<String>),
    /// It does not: why.
    Not(String),
}

/// A permit rule about a request, and what it misses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NearMiss {
    /// Which.
    pub rule: RuleRef,
    /// All that is missing; nothing: it holds.
    pub misses: Vec<Miss>,
}

/// One thing that a permit rule misses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Miss {
    /// What it wants, and what it found.
    pub what: String,
    /// The smallest change that would do.
    pub change: String,
    /// The line where the rule says so; otherwise it is its head.
    pub line: Option<usize>,
}

impl Policy {
    /// How every rule about a question that acts stands to it, in the order of the
    /// file; before them, what `ask_agent` says of a request to the agent.
    pub fn standings(&self, question: &Question<'_>, paths: &dyn PathJudge) -> Vec<Standing> {
        let asked = self.asking(question).into_iter();
        let rules = self.standing(question, paths, Mode::Enforce);
        asked.chain(rules).collect()
    }

    /// The same for rules in audit mode, which change nothing.
    pub fn audited(&self, question: &Question<'_>, paths: &dyn PathJudge) -> Vec<Standing> {
        self.standing(question, paths, Mode::Audit)
    }

    /// `ask_agent` is a permit for every agent.
    fn asking(&self, question: &Question<'_>) -> Option<Standing> {
        let Some(Action::AskAgent(method)) = question.action else {
            return None;
        };
        let known = self.knows(question.agent, question.server).is_ok();
        (known && self.lets_ask(question.server, method)).then(|| Standing {
            rule: RuleDisplay::of_ask_agent(self.ask_agent_reference(question.server), method),
            stands: Stands::If(Vec::new()),
        })
    }

    fn standing(
        &self,
        question: &Question<'_>,
        paths: &dyn PathJudge,
        mode: Mode,
    ) -> Vec<Standing> {
        if self.knows(question.agent, question.server).is_err() {
            return Vec::new();
        }
        let request = AccessRequest {
            agent: question.agent,
            principal: question.principal,
            server: question.server,
            action: question.action.unwrap_or(Action::CallTool("")),
            arguments: question.known,
        };
        let asked = Asked {
            request: &request,
            paths,
        };
        let about = self.rules.iter();
        let about = about.filter(|rule| rule.mode == mode && rule.answers(question));
        about
            .map(|rule| Standing {
                rule: RuleDisplay::of(rule),
                stands: rule.stands(question, &asked),
            })
            .collect()
    }

    /// What each permit rule for this action misses at that time, the nearest
    /// first. Rules for other agents and users are among them; limits are not
    /// asked.
    pub fn near_misses(
        &self,
        request: &AccessRequest<'_>,
        paths: &dyn PathJudge,
        time: Option<UnixTime>,
    ) -> Vec<NearMiss> {
        if self.knows(request.agent, request.server).is_err() {
            return Vec::new();
        }
        let asked = Asked { request, paths };
        let permits = self.acting().filter(|rule| {
            rule.effect == Effect::Permit && rule.covers_on(request.server, request.action)
        });
        let mut near: Vec<_> = permits
            .map(|rule| NearMiss {
                rule: rule.reference.clone(),
                misses: rule.misses(request, &asked, time),
            })
            .collect();
        near.sort_by(|a, b| {
            let key = |n: &NearMiss| (n.misses.len(), n.rule.id.clone());
            key(a).cmp(&key(b))
        });
        near
    }
}

/// How one argument of a rule stands to the arguments that are known.
enum Settled {
    /// It depends on what is not known.
    Open,
    Holds,
    /// It does not hold, and the rule does not either.
    Fails(String),
    /// It cannot be judged, which fires a forbid by itself.
    Fires,
}

impl Rule {
    fn answers(&self, question: &Question<'_>) -> bool {
        self.is_about(question.agent, question.server)
            && question
                .action
                .is_none_or(|action| self.covers_on(question.server, action))
            && question
                .principal
                .is_none_or(|principal| self.covers_user(Some(principal)))
    }

    fn stands(&self, question: &Question<'_>, paths: &dyn PathJudge) -> Stands {
        let lacking = question.principal.and_then(|p| self.lacks(Some(p)));
        if let Some(lacking) = lacking {
            return Stands::Not(lacking.to_string());
        }
        let mut open = Vec::new();
        let mut fails = None;
        for argument in &self.arguments {
            match argument.settled(self.effect, question.known, paths) {
                Settled::Open => open.push(argument.to_string()),
                Settled::Holds => {}
                Settled::Fails(why) => fails = fails.or(Some(why)),
                Settled::Fires => return Stands::If(Vec::new()),
            }
        }
        fails.map_or(Stands::If(open), Stands::Not)
    }

    fn misses(
        &self,
        request: &AccessRequest<'_>,
        paths: &dyn PathJudge,
        time: Option<UnixTime>,
    ) -> Vec<Miss> {
        let mut misses = Vec::new();
        let mut add = |what: String, change: String, line: Option<usize>| {
            misses.push(Miss { what, change, line });
        };
        if !self.is_for(request.agent) {
            let agents = self.agents.iter().flatten();
            let names: Vec<_> = agents.map(|name| format!("`{name}`")).collect();
            let what = format!("is for {}", names.join(", "));
            add(what, format!("add `{}` to `agents`", request.agent), None);
        }
        if !self.covers_user(request.principal) {
            let shown = RuleDisplay::of(self);
            let kinds = [("user", shown.users), ("group", shown.groups)];
            let kinds = kinds
                .into_iter()
                .filter_map(|(kind, names)| Some((kind, names?)));
            let kinds = kinds.map(|(kind, names)| format!("{kind} `{}`", names.join("`, `")));
            let what = format!("is for {}", kinds.collect::<Vec<_>>().join(" and "));
            let change = "act for one of them, or add another there";
            add(what, change.to_owned(), None);
        }
        if let Some(lacking) = self.lacks(request.principal) {
            let change = "get a token with these `scopes`, or ask for fewer";
            add(lacking.to_string(), change.to_owned(), None);
        }
        let is_open = |window: &Window| time.is_some_and(|time| window.is_open(time));
        if let Some(window) = self.when.as_ref().filter(|window| !is_open(window)) {
            let change = "call it then, or widen `when`";
            add(format!("holds {window} only"), change.to_owned(), None);
        }
        for argument in &self.arguments {
            if let Some(why) = argument.refusal(request.arguments, paths) {
                let change = argument.smallest_change(request.arguments);
                add(why, change.to_owned(), Some(argument.line));
            }
        }
        misses
    }
}

impl Argument {
    fn is_missing(&self, arguments: Option<Json<'_>>) -> bool {
        let mut missing = false;
        let ControlFlow::Continue(()) =
            self.pointer
                .visit::<Infallible>(arguments, &mut |_, found| {
                    missing |= matches!(found, Found::Missing);
                    ControlFlow::Continue(())
                });
        missing
    }

    fn settled(&self, effect: Effect, known: Option<Json<'_>>, paths: &dyn PathJudge) -> Settled {
        if self.is_missing(known) {
            return Settled::Open;
        }
        if effect == Effect::Permit {
            let refusal = self.refusal(known, paths);
            return refusal.map_or(Settled::Holds, Settled::Fails);
        }
        match self.forbids(known, paths) {
            Ok(Some(_)) => Settled::Holds,
            Ok(None) => Settled::Fails(format!("it is not so that {self}")),
            Err(_) => Settled::Fires,
        }
    }

    fn smallest_change(&self, arguments: Option<Json<'_>>) -> &'static str {
        if matches!(self.demand, Demand::Absent) {
            "leave the argument out"
        } else if self.is_missing(arguments) {
            "send the argument, or write `optional = true` there"
        } else if self.has_path() {
            "send a path within `[paths]`, or add its directory there"
        } else {
            "send such a value, or widen the constraint"
        }
    }
}
