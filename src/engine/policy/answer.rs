//! What the policy answers.

use super::rule::Mode;
use super::{Charge, Demands, RuleRef};
use crate::engine::reason::Reason;
use std::sync::Arc;

/// What the policy answers. There is no bool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Some permit rule is satisfied and neither an ask nor a forbid matches.
    Permit {
        /// The permit rules that are satisfied. None where the policy only
        /// audits, and nothing permits.
        rules: Vec<RuleRef>,
        /// Whether one of them lets undeclared arguments pass.
        undeclared: bool,
    },
    /// An ask rule matches, or could not be evaluated: a person has to approve.
    Ask {
        /// Which.
        rules: Vec<RuleRef>,
        /// Why, for people.
        why: String,
    },
    /// A forbid rule matches, or could not be evaluated.
    Forbid {
        /// Which.
        rules: Vec<RuleRef>,
        /// Why, for people.
        why: String,
    },
    /// A permit rule would be satisfied, had its limit not been reached.
    Limited {
        /// Which.
        rules: Vec<RuleRef>,
        /// Why, and when to try again, for people.
        why: String,
    },
    /// No permit rule is satisfied; nothing means deny.
    Nothing {
        /// Permit rules for this action whose constraints failed.
        near: Vec<RuleRef>,
        /// The constraints that failed, for people.
        why: String,
        /// What a token needs so that one of them permits: nothing if a token
        /// is not what is missing.
        scopes: Vec<Arc<str>>,
    },
}

impl Answer {
    /// The reason of the denial that it is; `None` for a permit.
    pub fn reason(&self) -> Option<Reason> {
        match self {
            Self::Permit { .. } => None,
            Self::Ask { .. } => Some(Reason::ApprovalNeeded),
            Self::Forbid { .. } => Some(Reason::Forbidden),
            Self::Limited { .. } => Some(Reason::Limit),
            Self::Nothing { scopes, .. } if scopes.is_empty() => Some(Reason::NotPermitted),
            Self::Nothing { .. } => Some(Reason::InsufficientScope),
        }
    }

    /// The rules behind it.
    pub fn rules(&self) -> &[RuleRef] {
        match self {
            Self::Permit { rules, .. }
            | Self::Ask { rules, .. }
            | Self::Forbid { rules, .. }
            | Self::Limited { rules, .. }
            | Self::Nothing { near: rules, .. } => rules,
        }
    }

    /// Why, for people; nothing for a permit.
    pub fn why(&self) -> &str {
        match self {
            Self::Permit { .. } => "",
            Self::Ask { why, .. }
            | Self::Forbid { why, .. }
            | Self::Limited { why, .. }
            | Self::Nothing { why, .. } => why,
        }
    }
}

/// An answer at one moment, and what comes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// What holds.
    pub answer: Answer,
    /// What rules in audit mode would have made of it, where they matter.
    pub would: Option<Would>,
    /// What a request that passes counts against.
    pub charges: Vec<Charge>,
    /// What the answer to a request that passes has to be, where it matters.
    pub results: Option<Arc<Demands>>,
}

/// The answer as if nothing were in audit mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Would {
    /// The answer.
    pub answer: Answer,
    /// The mode of each of its rules.
    pub modes: Vec<Mode>,
}

impl Judgement {
    /// An answer with nothing beside it.
    pub(super) fn only(answer: Answer) -> Self {
        Self {
            answer,
            would: None,
            charges: Vec::new(),
            results: None,
        }
    }
}
