//! Constraints: what one argument value has to be.
//!
//! Three answers, not two. A value that a constraint cannot be asked about
//! (another type, a number beyond exact comparison) is "cannot be told", which
//! fails a permit and fires a forbid: no error ever opens anything.

mod combine;
mod command;
mod email;
mod host;
mod kinds;
mod sql;
mod text;
mod told;
mod url;

pub(super) use combine::{All, has_secret};
pub(super) use command::{Commands, is_runner, seen as commands_seen};
pub(super) use email::{Emails, seen as email_seen};
pub(super) use host::{Hosts, seen as host_seen};
pub(super) use kinds::Kinds;
pub(super) use sql::{Dialect, Queries, Statement, seen as sql_seen};
pub(super) use text::{glob, glob_contains, whole_regex};
use told::listed;
pub(super) use told::together;
pub(super) use url::{UrlParts, UrlPattern, judge_origin, seen as url_seen};

use super::literal::Literal;
use super::number::Decimal;
use super::pattern::has_dot_segment;
use super::varying::Varying;
use super::{PathJudge, shown, suggest};
use crate::engine::guard::paths::Access;
use crate::engine::message::{Json, Kind};
use globset::GlobMatcher;
use regex::Regex;
use std::cmp::Ordering;

/// One constraint, compiled.
#[derive(Debug, Clone)]
pub(super) enum Constraint {
    /// One of these; all of one kind.
    OneOf(Vec<Literal>),
    /// This.
    Equals(Literal),
    /// A string that the expression fits as a whole.
    Matches(Regex, String),
    /// A string that the glob fits: `*` stops at `/`, `**` does not.
    Glob(GlobMatcher),
    /// A number of at least this.
    Min(Decimal, String),
    /// A number of at most this.
    Max(Decimal, String),
    /// A string of at least so many characters (Unicode scalar values).
    MinLen(u64),
    /// A string of at most so many.
    MaxLen(u64),
    /// An array or object of at least so many items or members.
    MinItems(u64),
    /// One of at most so many.
    MaxItems(u64),
    /// A string that is a path within the roots.
    Path(Access),
    /// A string that is the name or address of one of these.
    Host(Hosts),
    /// A string that is a URL like one of these.
    Url(Vec<UrlPattern>),
    /// A string that is an email address like one of these.
    Email(Emails),
    /// A command line or an argument vector of these programs.
    Command(Commands),
    /// A string that is SQL of these kinds over these tables.
    Sql(Box<Queries>),
    /// What holds no secret value, however deep.
    Secrets,
    /// An array or object, all items or values of which satisfy these.
    Each(All),
    /// What satisfies all constraints of one of these.
    AnyOf(Vec<All>),
    /// What does not satisfy all of these.
    Not(All),
    /// A string that depends on who asks, by the key that says so.
    Varying(&'static str, Varying),
}

/// How a value stands to a constraint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holding {
    /// It satisfies it.
    Yes,
    /// It does not.
    No,
    /// It cannot be told.
    Unknown,
}

impl From<bool> for Holding {
    fn from(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}

impl Constraint {
    /// Its key in a policy.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::OneOf(_) => "one_of",
            Self::Equals(_) => "equals",
            Self::Matches(..) => "matches",
            Self::Glob(_) => "glob",
            Self::Min(..) => "min",
            Self::Max(..) => "max",
            Self::MinLen(_) => "min_len",
            Self::MaxLen(_) => "max_len",
            Self::MinItems(_) => "min_items",
            Self::MaxItems(_) => "max_items",
            Self::Path(_) => "path",
            Self::Host(_) => "host",
            Self::Url(_) => "url",
            Self::Email(_) => "email",
            Self::Command(_) => "command",
            Self::Sql(_) => "sql",
            Self::Secrets => "secrets",
            Self::Each(_) => "each",
            Self::AnyOf(_) => "any_of",
            Self::Not(_) => "not",
            Self::Varying(name, _) => name,
        }
    }

    /// The kinds of values that it can be asked about.
    pub(super) fn kinds(&self) -> Kinds {
        let of = |all: &All| {
            let kinds = all.iter().map(|(constraint, _)| constraint.kinds());
            kinds.fold(Kinds::ALL, Kinds::and)
        };
        match self {
            Self::OneOf(literals) => literals
                .first()
                .map_or(Kinds::NONE, |literal| Kinds::of(&[literal.kind()])),
            Self::Equals(literal) => Kinds::of(&[literal.kind()]),
            Self::Min(..) | Self::Max(..) => Kinds::of(&[Kind::Number]),
            Self::Matches(..)
            | Self::Glob(_)
            | Self::MinLen(_)
            | Self::MaxLen(_)
            | Self::Path(_)
            | Self::Host(_)
            | Self::Url(_)
            | Self::Email(_)
            | Self::Sql(_)
            | Self::Varying(..) => Kinds::of(&[Kind::String]),
            Self::Command(_) => Kinds::of(&[Kind::String, Kind::Array]),
            Self::Secrets => Kinds::ALL,
            Self::MinItems(_) | Self::MaxItems(_) | Self::Each(_) => {
                Kinds::of(&[Kind::Array, Kind::Object])
            }
            Self::AnyOf(alternatives) => alternatives.iter().map(of).fold(Kinds::NONE, Kinds::or),
            Self::Not(all) => of(all),
        }
    }

    /// Whether a value that the policy lists satisfies it; `None` where that
    /// takes more than the value.
    pub(super) fn takes(&self, literal: &Literal) -> Option<bool> {
        let length = |text: &str| u64::try_from(text.chars().count()).ok();
        let refuses = |all: &All| all.iter().any(|(c, _)| c.takes(literal) == Some(false));
        Some(match (self, literal) {
            (Self::OneOf(all), _) => all.iter().any(|one| one.is(literal)),
            (Self::Equals(one), _) => one.is(literal),
            (Self::Matches(regex, _), Literal::String(text)) => regex.is_match(text),
            (Self::Glob(matcher), Literal::String(text)) => matcher.is_match(text),
            (Self::Min(limit, _), Literal::Number(number, _)) => number >= limit,
            (Self::Max(limit, _), Literal::Number(number, _)) => number <= limit,
            (Self::MinLen(limit), Literal::String(text)) => length(text)? >= *limit,
            (Self::MaxLen(limit), Literal::String(text)) => length(text)? <= *limit,
            (Self::MinItems(limit), _) => literal.count()? >= *limit,
            (Self::MaxItems(limit), _) => literal.count()? <= *limit,
            (
                Self::Host(_) | Self::Url(_) | Self::Email(_) | Self::Sql(_),
                Literal::String(text),
            ) => match self.judge_text(text)? {
                Holding::Yes => true,
                Holding::No => false,
                Holding::Unknown => return None,
            },
            (Self::AnyOf(alternatives), _) if alternatives.iter().all(refuses) => false,
            (Self::Not(all), _) if all.iter().all(|(c, _)| c.takes(literal) == Some(true)) => false,
            _ => return None,
        })
    }

    /// Asks it about a value.
    pub(super) fn judge(&self, value: Json<'_>, paths: &dyn PathJudge) -> Holding {
        self.try_judge(value, paths).unwrap_or(Holding::Unknown)
    }

    fn try_judge(&self, value: Json<'_>, paths: &dyn PathJudge) -> Option<Holding> {
        Some(match self {
            Self::OneOf(literals) => {
                let answers: Vec<_> = literals.iter().map(|l| l.equals(value)).collect();
                if answers.contains(&Some(true)) {
                    Holding::Yes
                } else if answers.contains(&None) {
                    Holding::Unknown
                } else {
                    Holding::No
                }
            }
            Self::Equals(literal) => literal.equals(value)?.into(),
            Self::Matches(regex, _) => regex.is_match(&value.as_str()?).into(),
            Self::Glob(matcher) => {
                let text = value.as_str()?;
                // `docs/../.env` fits `docs/**` by its letters only.
                if has_dot_segment(&text) {
                    return None;
                }
                matcher.is_match(text.as_ref()).into()
            }
            Self::Min(limit, _) => (order(value, limit)? != Ordering::Less).into(),
            Self::Max(limit, _) => (order(value, limit)? != Ordering::Greater).into(),
            Self::MinLen(limit) => (length(value)? >= *limit).into(),
            Self::MaxLen(limit) => (length(value)? <= *limit).into(),
            Self::MinItems(limit) => (combine::count(value)? >= *limit).into(),
            Self::MaxItems(limit) => (combine::count(value)? <= *limit).into(),
            // The guard's words name the path, which is content.
            Self::Path(access) => paths.within(&value.as_str()?, *access).is_ok().into(),
            Self::Command(commands) => commands.judge(value)?,
            Self::Host(_) | Self::Url(_) | Self::Email(_) | Self::Sql(_) => {
                self.judge_text(&value.as_str()?)?
            }
            Self::Secrets => (!has_secret(value)).into(),
            Self::Each(all) => combine::each(all, value, paths)?,
            Self::AnyOf(alternatives) => combine::any(alternatives, value, paths),
            Self::Not(all) => combine::not(combine::all(all, value, paths)),
            Self::Varying(_, varying) => varying.try_judge(value, paths)?,
        })
    }

    /// Asks it about a text that has a grammar of its own.
    pub(super) fn judge_text(&self, text: &str) -> Option<Holding> {
        match self {
            Self::Host(hosts) => hosts.judge(text),
            Self::Url(patterns) => url::judge(patterns, text),
            Self::Email(emails) => emails.judge(text),
            Self::Sql(queries) => queries.judge(text),
            _ => None,
        }
    }
}

fn order(value: Json<'_>, limit: &Decimal) -> Option<Ordering> {
    Some(Decimal::parse(value.as_number()?)?.cmp(limit))
}

fn length(value: Json<'_>) -> Option<u64> {
    u64::try_from(value.as_str()?.chars().count()).ok()
}

/// "And" within one text: a plain no settles it.
fn and(one: Holding, other: Holding) -> Holding {
    match (one, other) {
        (Holding::No, _) | (_, Holding::No) => Holding::No,
        (Holding::Yes, Holding::Yes) => Holding::Yes,
        (Holding::Unknown, _) | (_, Holding::Unknown) => Holding::Unknown,
    }
}

/// "And" over the parts of a text, each of which is among what is listed or
/// not: all, none, or something between, which is no answer.
fn all_or_none(parts: impl IntoIterator<Item = Holding>) -> Holding {
    let mut answer = None;
    for part in parts {
        if *answer.get_or_insert(part) != part || part == Holding::Unknown {
            return Holding::Unknown;
        }
    }
    answer.unwrap_or(Holding::Yes)
}
