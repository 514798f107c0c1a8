//! Answers to requests.
//!
//! Total and order-free: every rule is asked, a forbid beats a permit, nothing
//! means deny, and what a rule cannot tell fails a permit and fires a forbid.

use super::constraint::{All, Constraint, Holding, together};
use super::pointer::{Found, Trail, spell};
use super::rule::{Argument, Demand, Effect, Lacking, Rule};
use super::{AccessRequest, Action, Answer, AskAgent, PathJudge, Policy, RuleRef, Scope, shown};
use crate::engine::mask::{self, MaskedUri};
use crate::engine::message::Json;
use crate::engine::types::{AgentName, ServerName};
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::ops::ControlFlow;

/// Most reasons that an answer spells out.
const SHOWN_REASONS: usize = 8;

impl Policy {
    /// Answers a request. Total: an error in a rule denies.
    pub fn evaluate(&self, request: &AccessRequest<'_>, paths: &dyn PathJudge) -> Answer {
        if let Err(why) = self.knows(request.agent, request.server) {
            return nothing(why);
        }
        if request.principal.is_some_and(|p| p.agent != *request.agent) {
            return nothing("another agent's principal asks".to_owned());
        }
        if let Action::AskAgent(method) = request.action {
            return self.answer_server(request.server, method);
        }
        let mut permits = Vec::new();
        let mut forbids = Vec::new();
        let mut near = Vec::new();
        let mut steps = BTreeSet::new();
        let mut undeclared = false;
        for rule in self.covering(request) {
            let reference = rule.reference.clone();
            match rule.effect {
                Effect::Forbid => {
                    forbids.extend(rule.fires(request, paths).map(|why| (reference, why)));
                }
                Effect::Permit => {
                    let refusal = rule.refusal(request.arguments, paths);
                    match (refusal, rule.lacks(request.principal)) {
                        (None, None) => {
                            permits.push(reference);
                            undeclared |= rule.undeclared;
                        }
                        (None, Some(lacking)) => {
                            near.push((reference, lacking.to_string()));
                            steps.insert(lacking);
                        }
                        (Some(why), _) => near.push((reference, why)),
                    }
                }
            }
        }
        if !forbids.is_empty() {
            let (rules, why) = reasons(forbids);
            return Answer::Forbid { rules, why };
        }
        if !permits.is_empty() {
            return Answer::Permit {
                rules: permits,
                undeclared,
            };
        }
        if near.is_empty() {
            return nothing(format!(
                "no rule permits {} of server `{}` for agent `{}`{}",
                describe(request.action),
                request.server,
                request.agent,
                if request.principal.is_some_and(|p| p.user.is_some()) {
                    " and its user"
                } else {
                    ""
                }
            ));
        }
        let (near, why) = reasons(near);
        // The smallest step that is enough; the first of all in their order, so
        // that the rules' own order does not matter.
        let scopes = match steps.pop_first() {
            Some(Lacking::Scopes(_, scopes)) => scopes,
            Some(Lacking::Token) | None => Vec::new(),
        };
        Answer::Nothing { near, why, scopes }
    }

    /// Whether the one who asks may call a tool for some arguments, and with
    /// some token of the same user: what tools/list shows. The arguments of the
    /// request do not matter.
    pub fn may_ever(&self, request: &AccessRequest<'_>) -> bool {
        let is_other = request.principal.is_some_and(|p| p.agent != *request.agent);
        !is_other
            && self.knows(request.agent, request.server).is_ok()
            && self
                .covering(request)
                .filter(|rule| rule.effect == Effect::Permit)
                .any(|rule| rule.lacks(request.principal) != Some(Lacking::Token))
            && !self.covering(request).any(Rule::always_forbids)
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
        let arguments = self.covering(request).flat_map(|rule| &rule.arguments);
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

    fn covering(&self, request: &AccessRequest<'_>) -> impl Iterator<Item = &Rule> {
        let request = *request;
        self.rules.iter().filter(move |rule| rule.covers(&request))
    }

    /// A request of the server to the agent: a matter of `ask_agent` alone.
    fn answer_server(&self, server: &ServerName, method: &str) -> Answer {
        let AskAgent { methods, line } = self.ask_agent(server);
        let reference = RuleRef {
            id: match self.scope {
                Scope::Named => format!("server.{server}.ask_agent"),
                Scope::Anyone => "baseline".to_owned(),
            },
            file: self.file.clone(),
            line,
        };
        if methods.iter().any(|known| known == method) {
            return Answer::Permit {
                rules: vec![reference],
                undeclared: false,
            };
        }
        Answer::Nothing {
            near: vec![reference],
            why: format!(
                "`ask_agent` does not let server `{server}` send {} to the agent",
                shown::quoted(method)
            ),
            scopes: Vec::new(),
        }
    }
}

fn nothing(why: String) -> Answer {
    Answer::Nothing {
        near: Vec::new(),
        why,
        scopes: Vec::new(),
    }
}

fn describe(action: Action<'_>) -> String {
    match action {
        Action::CallTool(name) => format!("tool {}", shown::quoted(name)),
        Action::GetPrompt(name) => format!("prompt {}", shown::quoted(name)),
        Action::ReadResource(uri) => format!("resource `{}`", MaskedUri::of(uri).as_str()),
        Action::AskAgent(method) => format!("request {}", shown::quoted(method)),
    }
}

fn reasons(of: Vec<(RuleRef, String)>) -> (Vec<RuleRef>, String) {
    let more = of.len().saturating_sub(SHOWN_REASONS);
    let mut texts: Vec<_> = of
        .iter()
        .take(SHOWN_REASONS)
        .map(|(rule, why)| format!("rule `{}`: {why}", rule.id))
        .collect();
    if more > 0 {
        texts.push(format!("and {more} more rules"));
    }
    (
        of.into_iter().map(|(rule, _)| rule).collect(),
        texts.join("; "),
    )
}

impl Rule {
    /// A forbid that no argument can escape.
    fn always_forbids(&self) -> bool {
        self.effect == Effect::Forbid && self.arguments.is_empty()
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
            return Some(format!("forbids {}", describe(request.action)));
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
    fn has_path(&self) -> bool {
        match &self.demand {
            Demand::Absent => false,
            Demand::Present { constraints, .. } => constraints.iter().any(|(c, _)| c.has_path()),
        }
    }

    /// Why a permit does not hold: the first place that fails.
    fn refusal(&self, arguments: Option<Json<'_>>, paths: &dyn PathJudge) -> Option<String> {
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
    fn forbids(
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
