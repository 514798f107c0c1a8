//! What the answer to a permitted request has to be: `results` of permits.
//!
//! Each permit is an alternative: an answer passes that satisfies one of those
//! that permitted its request, and a permit without `results` is satisfied by
//! any. So no permit that is added refuses more, and the order does not matter.

mod facts;
mod urls;

pub use facts::{ByFacts, ResultFacts};

use super::RuleRef;
use super::constraint::{Constraint, Holding, has_secret};
use super::rule::{Mode, Rule};
use super::tally::{Word, reasons};
use crate::engine::message::{Json, Kind};
use std::cell::OnceCell;
use std::fmt;
use std::sync::Arc;

/// `results` of one permit.
#[derive(Debug, Clone)]
pub(super) struct Results {
    pub(super) max_bytes: Option<u64>,
    /// No secret value anywhere.
    pub(super) no_secrets: bool,
    /// What every URL satisfies: a `url` constraint.
    pub(super) urls: Option<Constraint>,
}

impl Results {
    /// Whether every answer that `narrow` takes is taken.
    pub(super) fn takes_all_of(&self, narrow: &Self) -> bool {
        let longest = |most| narrow.max_bytes.is_some_and(|narrow| narrow <= most);
        let leads = |urls| {
            let narrow = narrow.urls.as_ref();
            narrow.is_some_and(|narrow| narrow.implies(urls))
        };
        self.max_bytes.is_none_or(longest)
            && (narrow.no_secrets || !self.no_secrets)
            && self.urls.as_ref().is_none_or(leads)
    }
}

/// What the permits of one request demand of its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demands {
    /// What holds. Empty: nothing is demanded.
    binding: Vec<Alternative>,
    /// The same as if nothing were in audit mode, where that may differ.
    whole: Option<Vec<Alternative>>,
}

#[derive(Debug, Clone)]
struct Alternative {
    rule: RuleRef,
    mode: Mode,
    wants: Arc<Results>,
}

impl PartialEq for Alternative {
    /// A policy has one rule at a place.
    fn eq(&self, other: &Self) -> bool {
        self.rule == other.rule
    }
}

impl Eq for Alternative {}

/// How an answer stands to the demands.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Met {
    /// It satisfies none of the permits.
    pub refused: Option<Unmet>,
    /// What would have come of it, were nothing in audit mode, where that is
    /// something else.
    pub would: Option<Instead>,
}

/// What would have come of an answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Instead {
    /// It would have passed.
    Passed,
    /// It would not.
    Refused(Unmet),
}

/// Which permits an answer does not satisfy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmet {
    /// Which.
    pub rules: Vec<RuleRef>,
    /// The mode of each.
    pub modes: Vec<Mode>,
    /// What they expected, for people. It never quotes the answer.
    pub why: String,
}

impl Demands {
    /// Of what the rules say of a request: whether they hold at all (where the
    /// policy only audits, what they demand is recorded only), and whether it
    /// would be permitted, were nothing in audit mode.
    pub(super) fn of(said: &[(&Rule, Word)], holds: bool, whole: bool) -> Option<Arc<Self>> {
        let demanding =
            |(rule, word): &(&Rule, Word)| matches!(word, Word::Holds) && rule.results.is_some();
        if !said.iter().any(demanding) {
            return None;
        }
        let binding = holds.then(|| alternatives(said, &[Mode::Enforce]));
        let demands = Self {
            binding: binding.unwrap_or_default(),
            whole: whole.then(|| alternatives(said, &[Mode::Enforce, Mode::Audit])),
        };
        let whole = demands.whole.iter().flatten();
        let demands_something = whole.chain(&demands.binding).next().is_some();
        demands_something.then(|| Arc::new(demands))
    }

    /// Holds an answer against them: its `result`, or its `error`.
    pub fn judge(&self, answer: Json<'_>) -> Met {
        let answer = Answered {
            value: answer,
            has_secret: OnceCell::new(),
        };
        let refused = unmet(&self.binding, &answer);
        let whole = self.whole.as_ref().map(|whole| unmet(whole, &answer));
        let differs = |whole: &Option<Unmet>| whole.is_some() != refused.is_some();
        let would = whole.filter(differs);
        Met {
            would: would.map(|whole| whole.map_or(Instead::Passed, Instead::Refused)),
            refused,
        }
    }
}

/// What each rule of these modes that holds demands; nothing if one demands
/// nothing.
fn alternatives(said: &[(&Rule, Word)], modes: &[Mode]) -> Vec<Alternative> {
    let holds = said
        .iter()
        .filter(|(rule, word)| matches!(word, Word::Holds) && modes.contains(&rule.mode));
    let all = holds.map(|(rule, _)| {
        Some(Alternative {
            rule: rule.reference.clone(),
            mode: rule.mode,
            wants: Arc::clone(rule.results.as_ref()?),
        })
    });
    all.collect::<Option<_>>().unwrap_or_default()
}

/// Why none of them is satisfied.
fn unmet(alternatives: &[Alternative], answer: &Answered<'_>) -> Option<Unmet> {
    let mut failed = Vec::new();
    for one in alternatives {
        failed.push((one.rule.clone(), one.wants.refusal(answer)?));
    }
    if failed.is_empty() {
        return None;
    }
    let (rules, why) = reasons(failed);
    Some(Unmet {
        rules,
        modes: alternatives.iter().map(|one| one.mode).collect(),
        why,
    })
}

/// An answer; what takes long to find out is found out once.
struct Answered<'a> {
    value: Json<'a>,
    has_secret: OnceCell<bool>,
}

impl Results {
    /// Why an answer is not as they want it. All that failed, not only the first.
    fn refusal(&self, answer: &Answered<'_>) -> Option<String> {
        let mut failed = Vec::new();
        let bytes = u64::try_from(answer.value.raw().len()).unwrap_or(u64::MAX);
        if let Some(most) = self.max_bytes.filter(|most| bytes > *most) {
            failed.push(format!("expected at most {most} bytes, found {bytes}"));
        }
        let has_secret = || *answer.has_secret.get_or_init(|| has_secret(answer.value));
        if self.no_secrets && has_secret() {
            failed.push("expected no secret value, found one".to_owned());
        }
        let is_missed = |like: &&Constraint| !leads_only(like, answer.value);
        if let Some(like) = self.urls.as_ref().filter(is_missed) {
            failed.push(format!("expected every URL to be {like}, found another"));
        }
        (!failed.is_empty()).then(|| failed.join(", "))
    }
}

/// Whether every URL in its strings and names is as it should be. As deep as a
/// message may be, which is bounded.
fn leads_only(like: &Constraint, value: Json<'_>) -> bool {
    let in_text = |value: Json<'_>| {
        let text = value.as_str();
        // Nobody knows what is in one that cannot be read.
        text.is_some_and(|text| {
            let mut found = urls::find(&text);
            found.all(|url| like.judge_text(url) == Some(Holding::Yes))
        })
    };
    match value.kind() {
        Kind::String => in_text(value),
        Kind::Array => value.items().all(|item| leads_only(like, item)),
        Kind::Object => {
            let mut members = value.members();
            let mut pairs = std::iter::from_fn(|| members.next_pair());
            pairs.all(|(key, value)| in_text(key) && leads_only(like, value))
        }
        Kind::Null | Kind::Bool | Kind::Number => true,
    }
}

impl fmt::Display for Results {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.max_bytes.map(|most| format!("at most {most} bytes"));
        let secrets = self.no_secrets.then(|| "no secret value".to_owned());
        let urls = self.urls.as_ref();
        let urls = urls.map(|like| format!("every URL is {like}"));
        let all: Vec<_> = bytes.into_iter().chain(secrets).chain(urls).collect();
        f.write_str(&all.join(" and "))
    }
}
