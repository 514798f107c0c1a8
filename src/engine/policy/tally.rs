//! From what rules say, each for itself, to an answer.

use super::answer::Would;
use super::rule::{Effect, Lacking, Mode, Rule};
use super::{AccessRequest, Action, Answer, RuleRef, shown};
use crate::engine::mask::MaskedUri;
use std::collections::BTreeSet;

/// Most reasons that an answer spells out.
const SHOWN_REASONS: usize = 8;

/// What a rule says of a request.
#[derive(Debug)]
pub(super) enum Word {
    /// A forbid or an ask fires: why.
    Fires(String),
    /// A permit is satisfied.
    Holds,
    /// It is not: why.
    Fails(String),
    /// It is not, for want of a token that is good for more.
    Lacks(Lacking),
    /// It is not, since it was often enough.
    Limited(String),
    /// A forbid or an ask does not fire.
    Silent,
}

/// What several rules say, put together; in no order but the file's.
#[derive(Debug, Default)]
pub(super) struct Tally<'r> {
    forbids: Vec<(RuleRef, String)>,
    asks: Vec<(RuleRef, String)>,
    pub(super) permits: Vec<RuleRef>,
    undeclared: bool,
    limited: Vec<(RuleRef, String)>,
    pub(super) near: Vec<(RuleRef, String)>,
    steps: BTreeSet<&'r Lacking>,
}

impl<'r> Tally<'r> {
    pub(super) fn add(&mut self, rule: &'r Rule, word: &'r Word) {
        let reference = rule.reference.clone();
        match word {
            Word::Silent => {}
            Word::Fires(why) if rule.effect == Effect::Ask => {
                self.asks.push((reference, why.clone()));
            }
            Word::Fires(why) => self.forbids.push((reference, why.clone())),
            Word::Holds => {
                self.permits.push(reference);
                self.undeclared |= rule.undeclared;
            }
            Word::Fails(why) => self.near.push((reference, why.clone())),
            Word::Lacks(lacking) => {
                self.near.push((reference, lacking.to_string()));
                self.steps.insert(lacking);
            }
            Word::Limited(why) => self.limited.push((reference, why.clone())),
        }
    }

    pub(super) fn answer(mut self, request: &AccessRequest<'_>) -> Answer {
        if !self.forbids.is_empty() {
            let (rules, why) = reasons(self.forbids);
            return Answer::Forbid { rules, why };
        }
        if !self.asks.is_empty() {
            let (rules, why) = reasons(self.asks);
            let why =
                format!("{why}; somebody would have to approve it, and approvals do not exist yet");
            return Answer::Ask { rules, why };
        }
        if !self.permits.is_empty() {
            return Answer::Permit {
                rules: self.permits,
                undeclared: self.undeclared,
            };
        }
        if !self.limited.is_empty() {
            let (rules, why) = reasons(self.limited);
            return Answer::Limited { rules, why };
        }
        if self.near.is_empty() {
            return nothing(no_rule(request));
        }
        let (near, why) = reasons(self.near);
        // The smallest step that is enough; the first of all in their order, so
        // that the rules' own order does not matter.
        let scopes = match self.steps.pop_first() {
            Some(Lacking::Scopes(_, scopes)) => scopes.clone(),
            Some(Lacking::Token) | None => Vec::new(),
        };
        Answer::Nothing { near, why, scopes }
    }
}

/// What rules in audit mode make of an answer, where they make a difference.
pub(super) fn would(said: &[(&Rule, Word)], answer: &Answer, whole: Answer) -> Option<Would> {
    let mode_of = |reference: &RuleRef| {
        let rule = said.iter().find(|(rule, _)| rule.reference == *reference);
        rule.map_or(Mode::Enforce, |(rule, _)| rule.mode)
    };
    let modes: Vec<_> = whole.rules().iter().map(mode_of).collect();
    let decides = !matches!(whole, Answer::Nothing { .. });
    let differs = whole.reason() != answer.reason();
    (differs || (decides && modes.contains(&Mode::Audit))).then_some(Would {
        answer: whole,
        modes,
    })
}

fn no_rule(request: &AccessRequest<'_>) -> String {
    format!(
        "no rule permits {} of server `{}` for agent `{}`{}",
        describe(request.action),
        request.server,
        request.agent,
        if request.principal.is_some_and(|p| p.user.is_some()) {
            " and its user"
        } else {
            ""
        }
    )
}

pub(super) fn nothing(why: String) -> Answer {
    Answer::Nothing {
        near: Vec::new(),
        why,
        scopes: Vec::new(),
    }
}

pub(super) fn describe(action: Action<'_>) -> String {
    match action {
        Action::CallTool(name) => format!("tool {}", shown::quoted(name)),
        Action::GetPrompt(name) => format!("prompt {}", shown::quoted(name)),
        Action::ReadResource(uri) => format!("resource `{}`", MaskedUri::of(uri).as_str()),
        Action::CompletePrompt(name) => format!("completion for prompt {}", shown::quoted(name)),
        Action::CompleteResource(uri) => {
            format!("completion for resource `{}`", MaskedUri::of(uri).as_str())
        }
        Action::AskAgent(method) => format!("request {}", shown::quoted(method)),
    }
}

pub(super) fn reasons(of: Vec<(RuleRef, String)>) -> (Vec<RuleRef>, String) {
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
