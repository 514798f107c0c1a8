//! Answers to requests.
//!
//! Total and order-free: every rule is asked, a forbid beats an ask, an ask
//! beats a permit, nothing means deny, and what a rule cannot tell fails a permit
//! and fires the others. What rules in audit mode say is told beside the answer
//! and is no part of it.

use super::constraint::{All, Constraint, Holding, together};
use super::pointer::{Found, Trail, spell};
use super::rule::{Argument, Demand, Effect, Lacking, Mode, Rule};
use super::tally::{Tally, Word, describe, nothing, would};
use super::{
    AccessRequest, Action, Answer, AskAgent, Charge, Demands, Judgement, Moment, PathJudge, Policy,
    RuleRef, Scope, Variable, shown,
};
use crate::engine::guard::paths::Access;
use crate::engine::mask;
use crate::engine::message::Json;
use crate::engine::types::{AgentName, ServerName};
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::ops::ControlFlow;

impl Policy {
    /// Answers a request at a time that is not told, whatever has been counted.
    /// Total: an error in a rule denies.
    pub fn evaluate(&self, request: &AccessRequest<'_>, paths: &dyn PathJudge) -> Answer {
        self.judge(request, paths, &Moment::default()).answer
    }

    /// Answers a request at one moment. Total: an error in a rule denies.
    pub fn judge(
        &self,
        request: &AccessRequest<'_>,
        paths: &dyn PathJudge,
        moment: &Moment<'_>,
    ) -> Judgement {
        if let Err(why) = self.knows(request.agent, request.server) {
            return Judgement::only(nothing(why));
        }
        if request.principal.is_some_and(|p| p.agent != *request.agent) {
            let why = "another agent's principal asks".to_owned();
            return Judgement::only(nothing(why));
        }
        let asked = Asked { request, paths };
        let said: Vec<_> = self
            .rules
            .covering(request)
            .into_iter()
            .map(|rule| (rule, rule.says(request, &asked, moment)))
            .collect();
        let enforced = said.iter().filter(|(rule, _)| rule.mode == Mode::Enforce);
        let answer = self.answer(request, enforced);
        let audits = self.only_audits() || said.iter().any(|(r, _)| r.mode == Mode::Audit);
        let whole = audits.then(|| self.answer(request, said.iter()));
        let answer = self.unless_only_audited(request, answer);
        let whole_permits = matches!(whole, Some(Answer::Permit { .. }));
        let would = whole.and_then(|whole| would(&said, &answer, whole));
        let charges = said
            .iter()
            .filter(|(_, word)| matches!(word, Word::Holds))
            .filter_map(|(rule, _)| rule.charge(request))
            .collect();
        // Where the policy only audits, what no rule permits passes as it is.
        let results = Demands::of(&said, !self.only_audits(), whole_permits);
        Judgement {
            answer,
            would,
            charges,
            results,
        }
    }

    /// What some rules come to together.
    fn answer<'r>(
        &self,
        request: &AccessRequest<'_>,
        said: impl Iterator<Item = &'r (&'r Rule, Word)>,
    ) -> Answer {
        let mut all = Tally::default();
        if let Action::AskAgent(method) = request.action {
            self.add_ask_agent(request.server, method, &mut all);
        }
        for (rule, word) in said {
            all.add(rule, word);
        }
        all.answer(request)
    }

    /// Where the policy only audits, what no rule permits passes. What it says of
    /// a server's requests to the agent is no rule, and holds.
    fn unless_only_audited(&self, request: &AccessRequest<'_>, answer: Answer) -> Answer {
        let is_asked = matches!(request.action, Action::AskAgent(_));
        match answer {
            Answer::Nothing { .. } | Answer::Limited { .. } if self.only_audits() && !is_asked => {
                Answer::Permit {
                    rules: Vec::new(),
                    undeclared: false,
                }
            }
            other => other,
        }
    }

    /// Whether the one who asks may call a tool for some arguments, and with
    /// some token of the same user: what tools/list shows. The arguments of the
    /// request do not matter.
    pub fn may_ever(&self, request: &AccessRequest<'_>) -> bool {
        let is_other = request.principal.is_some_and(|p| p.agent != *request.agent);
        if is_other || self.knows(request.agent, request.server).is_err() {
            return false;
        }
        let mut covering = self.rules.covering(request);
        covering.retain(|rule| rule.mode == Mode::Enforce);
        let lets = |rule: &&Rule| match rule.effect {
            Effect::Permit => rule.lacks(request.principal) != Some(Lacking::Token),
            // Whoever calls it is told what it waits for.
            Effect::Ask => true,
            Effect::Forbid => false,
        };
        !covering.iter().any(|rule| rule.always_forbids())
            && (self.only_audits() || covering.iter().any(lets))
    }

    /// The same for an agent that acts for itself.
    pub fn may_ever_call(&self, agent: &AgentName, server: &ServerName, tool: &str) -> bool {
        self.may_ever(&AccessRequest {
            agent,
            principal: None,
            server,
            action: Action::CallTool(tool),
            arguments: None,
        })
    }

    /// The values of `arguments` that some rule's `path` constraint looks at,
    /// with their JSON Pointers: the file system has to be asked about them.
    pub fn path_values(&self, request: &AccessRequest<'_>) -> Vec<(String, String)> {
        let mut values = BTreeSet::new();
        let covering = self.rules.covering(request);
        let arguments = covering.into_iter().flat_map(|rule| &rule.arguments);
        for argument in arguments.filter(|argument| argument.has_path()) {
            let ControlFlow::Continue(()) =
                argument
                    .pointer
                    .visit::<Infallible>(request.arguments, &mut |at, found| {
                        if let Found::Value(value) = found {
                            argument.demand.path_values(&spell(at), value, &mut values);
                        }
                        ControlFlow::Continue(())
                    });
        }
        values.into_iter().collect()
    }

    /// `[server.NAME] ask_agent` as the rule that it is.
    pub(super) fn ask_agent_reference(&self, server: &ServerName) -> RuleRef {
        let AskAgent { file, line, .. } = self.ask_agent(server);
        RuleRef {
            id: match self.scope {
                Scope::Named => format!("server.{server}.ask_agent"),
                Scope::Anyone => "baseline".to_owned(),
            },
            file: match self.scope {
                Scope::Named => file,
                Scope::Anyone => self.file.clone(),
            },
            line,
        }
    }

    /// What `[server.NAME] ask_agent` says of a request to the agent, as the permit
    /// that it is.
    fn add_ask_agent(&self, server: &ServerName, method: &str, all: &mut Tally<'_>) {
        let reference = self.ask_agent_reference(server);
        if self.lets_ask(server, method) {
            all.permits.push(reference);
            return;
        }
        let why = format!(
            "`ask_agent` does not let server `{server}` send {} to the agent",
            shown::quoted(method)
        );
        all.near.push((reference, why));
    }
}

/// What a request says of itself, beside what the path guard says.
pub(super) struct Asked<'a> {
    pub(super) request: &'a AccessRequest<'a>,
    pub(super) paths: &'a dyn PathJudge,
}

impl PathJudge for Asked<'_> {
    fn within(&self, value: &str, access: Access) -> Result<(), String> {
        self.paths.within(value, access)
    }

    fn variable(&self, variable: Variable) -> Option<&str> {
        match variable {
            Variable::Agent => Some(self.request.agent.as_str()),
            Variable::User => self.request.principal?.user.as_deref(),
        }
    }
}

impl Rule {
    /// A forbid that no argument and no time can escape.
    pub(super) fn always_forbids(&self) -> bool {
        self.effect == Effect::Forbid && self.arguments.is_empty() && self.when.is_none()
    }

    /// What it says of a request that it covers.
    fn says(
        &self,
        request: &AccessRequest<'_>,
        paths: &dyn PathJudge,
        moment: &Moment<'_>,
    ) -> Word {
        if self.effect != Effect::Permit {
            return match (&self.when, moment.time) {
                (Some(window), Some(time)) if !window.is_open(time) => Word::Silent,
                // A time that cannot be told fires it.
                _ => self.fires(request, paths).map_or(Word::Silent, Word::Fires),
            };
        }
        let closed = self.when.as_ref().and_then(|window| match moment.time {
            None => Some(format!("holds {window}, and the time cannot be told")),
            Some(time) if window.is_open(time) => None,
            Some(_) => Some(format!("holds {window} only")),
        });
        let refusal = self.refusal(request.arguments, paths);
        let failed: Vec<_> = closed.into_iter().chain(refusal).collect();
        if !failed.is_empty() {
            return Word::Fails(failed.join(", "));
        }
        if let Some(lacking) = self.lacks(request.principal) {
            return Word::Lacks(lacking);
        }
        let full = moment
            .counted
            .zip(self.charge(request))
            .and_then(|(counted, charge)| {
                let room = counted.quotas.room(counted.who, &charge, counted.now);
                room.err()
            });
        full.map_or(Word::Holds, |full| Word::Limited(full.to_string()))
    }

    /// What a request counts against by this rule.
    fn charge(&self, request: &AccessRequest<'_>) -> Option<Charge> {
        let limit = self.limit.clone()?;
        let tool = match request.action {
            Action::CallTool(tool) if limit.by_tool => {
                Some((request.server.to_string(), tool.to_owned()))
            }
            _ => None,
        };
        Some(Charge {
            rule: self.reference.id.clone(),
            tool,
            limit,
            binding: self.mode == Mode::Enforce,
        })
    }

    /// Why a permit does not hold. All that failed, not only the first.
    fn refusal(&self, arguments: Option<Json<'_>>, paths: &dyn PathJudge) -> Option<String> {
        let failed: Vec<_> = self
            .arguments
            .iter()
            .filter_map(|a| a.refusal(arguments, paths))
            .collect();
        (!failed.is_empty()).then(|| failed.join(", "))
    }

    /// Why a forbid fires.
    fn fires(&self, request: &AccessRequest<'_>, paths: &dyn PathJudge) -> Option<String> {
        if self.arguments.is_empty() {
            let verb = match self.effect {
                Effect::Ask => "asks about",
                Effect::Permit | Effect::Forbid => "forbids",
            };
            return Some(format!("{verb} {}", describe(request.action)));
        }
        let mut met = Vec::new();
        let mut all = true;
        for argument in &self.arguments {
            match argument.forbids(request.arguments, paths) {
                Ok(Some(why)) => met.push(why),
                Ok(None) => all = false,
                // Whatever the other arguments say: an error denies.
                Err(why) => return Some(why),
            }
        }
        all.then(|| met.join(", "))
    }
}

impl Demand {
    fn path_values(&self, at: &str, value: Json<'_>, values: &mut BTreeSet<(String, String)>) {
        if let Self::Present { constraints, .. } = self {
            for (constraint, _) in constraints {
                constraint.path_values(at, value, values);
            }
        }
    }
}

impl Argument {
    pub(super) fn has_path(&self) -> bool {
        match &self.demand {
            Demand::Absent => false,
            Demand::Present { constraints, .. } => constraints.iter().any(|(c, _)| c.has_path()),
        }
    }

    /// Why a permit does not hold: the first place that fails.
    pub(super) fn refusal(
        &self,
        arguments: Option<Json<'_>>,
        paths: &dyn PathJudge,
    ) -> Option<String> {
        let flow = self.pointer.visit(arguments, &mut |at, found| match self
            .refusal_at(at, found, paths)
        {
            Some(why) => ControlFlow::Break(why),
            None => ControlFlow::Continue(()),
        });
        flow.break_value()
    }

    fn refusal_at(
        &self,
        at: Trail<'_, '_>,
        found: Found<'_>,
        paths: &dyn PathJudge,
    ) -> Option<String> {
        match (found, &self.demand) {
            (Found::Blocked(value), _) => Some(blocked(at, value)),
            (Found::Missing, Demand::Absent | Demand::Present { optional: true, .. }) => None,
            (Found::Missing, Demand::Present { constraints, .. }) => Some(format!(
                "{}: expected {}, found nothing",
                place(at),
                together(constraints)
            )),
            (Found::Value(value), Demand::Absent) => {
                let value = mask::value(&spell(at), value);
                Some(format!(
                    "{}: expected no such argument, found {value}",
                    place(at)
                ))
            }
            (Found::Value(value), Demand::Present { constraints, .. }) => constraints
                .iter()
                .find_map(|(constraint, _)| match constraint.judge(value, paths) {
                    Holding::Yes => None,
                    Holding::No => Some(mismatch(at, constraint, value)),
                    Holding::Unknown => Some(unknown(at, constraint, value)),
                }),
        }
    }

    /// Whether some place meets a forbid: with what, for people. The error: a
    /// place that cannot be judged, which fires it as well.
    pub(super) fn forbids(
        &self,
        arguments: Option<Json<'_>>,
        paths: &dyn PathJudge,
    ) -> Result<Option<String>, String> {
        let mut met = None;
        let mut present = false;
        let flow = self.pointer.visit(arguments, &mut |at, found| {
            match (found, &self.demand) {
                (Found::Blocked(value), _) => return ControlFlow::Break(blocked(at, value)),
                (
                    Found::Missing,
                    Demand::Present {
                        optional: false, ..
                    },
                ) => {}
                (Found::Missing, Demand::Absent | Demand::Present { .. }) => {
                    met.get_or_insert_with(|| format!("{} is missing", place(at)));
                }
                (Found::Value(_), Demand::Absent) => present = true,
                (Found::Value(value), Demand::Present { constraints, .. }) => {
                    match meets(constraints, value, paths) {
                        Ok(true) => {
                            met.get_or_insert_with(|| {
                                format!("{} is {}", place(at), together(constraints))
                            });
                        }
                        Ok(false) => {}
                        Err(constraint) => {
                            return ControlFlow::Break(unknown(at, constraint, value));
                        }
                    }
                }
            }
            ControlFlow::Continue(())
        });
        match flow {
            ControlFlow::Break(why) => Err(why),
            // Absent means that nothing at all is there.
            ControlFlow::Continue(()) => Ok(met.filter(|_| !present)),
        }
    }
}

/// Whether a value satisfies all constraints; the error is the first that
/// cannot tell.
fn meets<'c>(
    constraints: &'c All,
    value: Json<'_>,
    paths: &dyn PathJudge,
) -> Result<bool, &'c Constraint> {
    let mut all = true;
    for (constraint, _) in constraints {
        match constraint.judge(value, paths) {
            Holding::Yes => {}
            Holding::No => all = false,
            Holding::Unknown => return Err(constraint),
        }
    }
    Ok(all)
}

fn place(at: Trail<'_, '_>) -> String {
    mask::place(&spell(at))
}

fn blocked(at: Trail<'_, '_>, value: Json<'_>) -> String {
    format!(
        "{}: expected an object or an array to look into, found {}",
        place(at),
        value.kind().name()
    )
}

fn mismatch(at: Trail<'_, '_>, constraint: &Constraint, value: Json<'_>) -> String {
    format!(
        "{}: expected {constraint}, found {}",
        place(at),
        mask::value(&spell(at), value)
    )
}

fn unknown(at: Trail<'_, '_>, constraint: &Constraint, value: Json<'_>) -> String {
    format!(
        "{}: `{}` cannot be told: expected {constraint}, found {}",
        place(at),
        constraint.name(),
        mask::value(&spell(at), value)
    )
}
