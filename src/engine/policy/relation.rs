//! Rules beside each other: what one asks for, does another ask for it too.
//!
//! "Yes" is certain; "no" may mean that it cannot be told. A comparison of two
//! policies and a remark about a rule that does nothing both rely on that.

use super::Policy;
use super::constraint::{All, Constraint, UrlPattern, glob_contains};
use super::diagnostic::Span;
use super::literal::Literal;
use super::pattern::{Pattern, has_dot_segment};
use super::rule::{Argument, Demand, Effect, Mode, Rule};
use crate::engine::guard::paths::Access;
use crate::engine::types::{AgentName, ServerName};

impl Policy {
    /// The rules that decide anything: those in audit mode do not.
    pub(super) fn acting(&self) -> impl Iterator<Item = &Rule> + Clone {
        let rules = self.rules.iter();
        rules.filter(|rule| rule.mode == Mode::Enforce)
    }
}

/// What the items of a rule are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Tool,
    Prompt,
    Resource,
    /// Names of prompts and uris in one list.
    Completion,
    /// Requests of a server to the agent.
    Ask,
}

impl Kind {
    pub(super) const ALL: [Self; 5] = [
        Self::Tool,
        Self::Prompt,
        Self::Resource,
        Self::Completion,
        Self::Ask,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Tool => "tool",
            Self::Prompt => "prompt",
            Self::Resource => "resource",
            Self::Completion => "completion of",
            Self::Ask => "request to the agent",
        }
    }

    /// The patterns that a rule has of this kind.
    pub(super) fn of(self, rule: &Rule) -> &[(Pattern, Span)] {
        match self {
            Self::Tool => &rule.tools,
            Self::Prompt => &rule.prompts,
            Self::Resource => &rule.resources,
            Self::Completion => &rule.completions,
            Self::Ask => &rule.asks,
        }
    }

    /// Whether a rule of this effect takes all that `pattern` takes.
    pub(super) fn covered(self, pattern: &Pattern, by: &Rule) -> bool {
        let takes = |wide: &Pattern| match (self, by.effect) {
            (Self::Resource, Effect::Permit) => wide.permits_all_of(pattern),
            (Self::Resource, _) => wide.forbids_all_of(pattern),
            (Self::Completion, Effect::Permit) => {
                wide.contains(pattern) && wide.permits_all_of(pattern)
            }
            (Self::Completion, _) => wide.contains(pattern) && wide.forbids_all_of(pattern),
            (Self::Tool | Self::Prompt | Self::Ask, _) => wide.contains(pattern),
        };
        self.of(by).iter().any(|(wide, _)| takes(wide))
    }

    /// Whether a permit may let something pass that a rule on `pattern` stops.
    pub(super) fn may_reach(self, pattern: &Pattern, permit: &Rule) -> bool {
        let meets = |kind: Self| kind.of(permit).iter().any(|(p, _)| p.overlaps(pattern));
        // Of a uri, a forbid sees every spelling.
        let has = |kind: Self| !kind.of(permit).is_empty();
        match self {
            Self::Tool | Self::Ask => meets(self),
            // Who may get it may have its arguments completed.
            Self::Prompt => meets(self) || meets(Self::Completion),
            Self::Resource => has(self) || has(Self::Completion),
            Self::Completion => has(self) || has(Self::Prompt) || has(Self::Resource),
        }
    }
}

impl Constraint {
    /// Whether every value that satisfies this one satisfies `other`, and what
    /// cannot be told here cannot be told there.
    fn implies_exactly(&self, other: &Self) -> bool {
        let all = |literals: &[Literal]| literals.iter().all(|literal| surely(other, literal));
        match (self, other) {
            (Self::OneOf(mine), _) => all(mine),
            (Self::Equals(mine), _) => all(std::slice::from_ref(mine)),
            (Self::Min(mine, _), Self::Min(limit, _)) => mine >= limit,
            (Self::Max(mine, _), Self::Max(limit, _)) => mine <= limit,
            (Self::MinLen(mine), Self::MinLen(limit))
            | (Self::MinItems(mine), Self::MinItems(limit)) => mine >= limit,
            (Self::MaxLen(mine), Self::MaxLen(limit))
            | (Self::MaxItems(mine), Self::MaxItems(limit)) => mine <= limit,
            // What may be written may be read.
            (Self::Path(Access::Write), Self::Path(_)) => true,
            _ => self.is(other),
        }
    }

    /// Whether every value that satisfies this one satisfies `other`.
    pub(super) fn implies(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Glob(mine), Self::Glob(wide)) => {
                glob_contains(wide.glob().glob(), mine.glob().glob())
            }
            (Self::Host(mine), Self::Host(wide)) => wide.contains(mine),
            (Self::Email(mine), Self::Email(wide)) => wide.contains(mine),
            (Self::Url(mine), Self::Url(wide)) => {
                let takes = |one| wide.iter().any(|wide: &UrlPattern| wide.contains(one));
                mine.iter().all(takes)
            }
            (Self::Each(mine), Self::Each(wide)) => all_imply(mine, wide),
            (Self::AnyOf(mine), Self::AnyOf(wide)) => mine
                .iter()
                .all(|mine| wide.iter().any(|wide| all_imply(mine, wide))),
            (Self::AnyOf(mine), _) => mine
                .iter()
                .all(|mine| mine.iter().any(|(mine, _)| mine.implies(other))),
            _ => self.implies_exactly(other),
        }
    }

    /// Whether both are written alike, wherever that is.
    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Each(mine), Self::Each(theirs)) | (Self::Not(mine), Self::Not(theirs)) => {
                are_alike(mine, theirs)
            }
            (Self::AnyOf(mine), Self::AnyOf(theirs)) => {
                mine.len() == theirs.len() && mine.iter().zip(theirs).all(|(a, b)| are_alike(a, b))
            }
            _ => self.name() == other.name() && format!("{self:?}") == format!("{other:?}"),
        }
    }
}

/// Whether what satisfies all of `mine` satisfies all of `theirs`.
fn all_imply(mine: &All, theirs: &All) -> bool {
    let met = |need: &Constraint| mine.iter().any(|(has, _)| has.implies(need));
    theirs.iter().all(|(need, _)| met(need))
}

fn are_alike(mine: &All, theirs: &All) -> bool {
    let mut both = mine.iter().zip(theirs);
    mine.len() == theirs.len() && both.all(|((a, _), (b, _))| a.is(b))
}

/// Whether a listed value satisfies a constraint when it comes in a call.
fn surely(constraint: &Constraint, literal: &Literal) -> bool {
    let is_odd = |text: &str| has_dot_segment(text);
    match (constraint, literal) {
        (Constraint::Glob(_), Literal::String(text)) if is_odd(text) => false,
        _ => constraint.takes(literal) == Some(true),
    }
}

impl Demand {
    /// Whether arguments that satisfy this one satisfy `other`, as a permit reads
    /// them: nothing is said of what cannot be told.
    fn implies(&self, other: &Self) -> bool {
        self.meets(other, all_imply)
    }

    /// Whether arguments that fire a forbid by this one fire it by `other`. One
    /// value that cannot be told is enough, so that none of these may be missing
    /// there, nor be told better.
    fn fires(&self, other: &Self) -> bool {
        self.meets(other, |mine, theirs| {
            let need = |(need, _): &(Constraint, Span)| {
                mine.iter().any(|(has, _)| has.implies_exactly(need))
            };
            let has = |(has, _): &(Constraint, Span)| {
                theirs.iter().any(|(need, _)| has.implies_exactly(need))
            };
            theirs.iter().all(need) && mine.iter().all(has)
        })
    }

    fn meets(&self, other: &Self, constraints: impl Fn(&All, &All) -> bool) -> bool {
        match (self, other) {
            (Self::Absent, Self::Absent | Self::Present { optional: true, .. }) => true,
            (
                Self::Present {
                    optional,
                    constraints: mine,
                },
                Self::Present {
                    optional: may_miss,
                    constraints: theirs,
                },
            ) => (!optional || *may_miss) && constraints(mine, theirs),
            (Self::Absent | Self::Present { .. }, _) => false,
        }
    }
}

impl Argument {
    /// Whether one of `others` is about the same place and implies this one.
    pub(super) fn is_implied_by(&self, others: &[Self]) -> bool {
        let about = |other: &&Self| other.pointer.segments() == self.pointer.segments();
        let mut same = others.iter().filter(about);
        same.any(|other| other.demand.implies(&self.demand))
    }

    /// The same for a forbid beside a forbid.
    fn is_fired_by(&self, others: &[Self]) -> bool {
        let about = |other: &&Self| other.pointer.segments() == self.pointer.segments();
        let mut same = others.iter().filter(about);
        same.any(|other| other.demand.fires(&self.demand))
    }
}

impl Rule {
    /// Whether it is about an agent on a server at all.
    pub(super) fn is_about(&self, agent: &AgentName, server: &ServerName) -> bool {
        self.is_for(agent) && self.is_on(server)
    }

    /// Whether it is about all people that `narrow` is about.
    pub(super) fn covers_people_of(&self, narrow: &Self) -> bool {
        // A new field of a rule is to be thought of here and below.
        let Self {
            reference: _,
            effect: _,
            mode: _,
            agents: _,
            users,
            groups,
            scopes: _,
            servers: _,
            tools: _,
            prompts: _,
            resources: _,
            completions: _,
            asks: _,
            arguments: _,
            undeclared: _,
            results: _,
            limit: _,
            when: _,
        } = self;
        covers(users.as_deref(), narrow.users.as_deref())
            && covers(groups.as_deref(), narrow.groups.as_deref())
    }

    /// Whether it is about all agents, servers and people of `narrow`.
    pub(super) fn covers_head_of(&self, narrow: &Self) -> bool {
        names_all(self.agents.as_deref(), narrow.agents.as_deref())
            && names_all(self.servers.as_deref(), narrow.servers.as_deref())
            && self.covers_people_of(narrow)
    }

    /// Whether it holds whenever `narrow` does.
    pub(super) fn holds_whenever(&self, narrow: &Self) -> bool {
        match (&self.when, &narrow.when) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(wide), Some(narrow)) => wide.covers(narrow),
        }
    }

    /// Whether it counts as generously as `narrow`, by the same count: what two
    /// rules count is twice as much.
    pub(super) fn limits_no_more_than(&self, narrow: &Self) -> bool {
        match (&self.limit, &narrow.limit) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(wide), Some(limit)) => {
                self.reference.id == narrow.reference.id && wide.covers(limit)
            }
        }
    }

    /// Whether it takes every answer that `narrow` takes.
    fn takes_answers_of(&self, narrow: &Self) -> bool {
        match (&self.results, &narrow.results) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(wide), Some(narrow)) => wide.takes_all_of(narrow),
        }
    }

    /// Whether what `narrow` lets pass satisfies the arguments of this one: for
    /// a permit beside a permit, and for a forbid beside a permit.
    pub(super) fn asks_no_more_than(&self, narrow: &Self) -> bool {
        let mut all = self.arguments.iter();
        all.all(|argument| argument.is_implied_by(&narrow.arguments))
    }

    /// Whether this forbid fires wherever `other` does. A value that cannot be
    /// judged fires a forbid whatever its other arguments say, so that one with
    /// fewer arguments does not.
    pub(super) fn fires_wherever(&self, other: &Self) -> bool {
        let is_asked = |theirs: &Argument| {
            let mut mine = self.arguments.iter();
            mine.any(|mine| mine.pointer.segments() == theirs.pointer.segments())
        };
        let reaches = self.arguments.is_empty()
            || (self
                .arguments
                .iter()
                .all(|mine| mine.is_fired_by(&other.arguments))
                && other.arguments.iter().all(is_asked));
        reaches && self.holds_whenever(other)
    }

    /// Whether this permit lets all pass that `narrow` does, apart from items.
    pub(super) fn permits_all_of(&self, narrow: &Self) -> bool {
        self.scopes.is_subset(&narrow.scopes)
            && (self.undeclared || !narrow.undeclared)
            && self.limits_no_more_than(narrow)
            && self.holds_whenever(narrow)
            && self.takes_answers_of(narrow)
            && self.asks_no_more_than(narrow)
    }
}

/// Whether each name of `narrow` is in `wide`; nothing is every name.
fn names_all<T: PartialEq>(wide: Option<&[T]>, narrow: Option<&[T]>) -> bool {
    match (wide, narrow) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(wide), Some(narrow)) => narrow.iter().all(|name| wide.contains(name)),
    }
}

/// Whether each pattern of `narrow` lies in one of `wide`; nothing is everyone.
fn covers(wide: Option<&[(Pattern, Span)]>, narrow: Option<&[(Pattern, Span)]>) -> bool {
    match (wide, narrow) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(wide), Some(narrow)) => narrow
            .iter()
            .all(|(narrow, _)| wide.iter().any(|(wide, _)| wide.contains(narrow))),
    }
}
