//! Constraints: what one argument value has to be.
//!
//! Three answers, not two. A value that a constraint cannot be asked about
//! (another type, a number beyond exact comparison) is "cannot be told", which
//! fails a permit and fires a forbid: no error ever opens anything.

use super::literal::Literal;
use super::number::Decimal;
use super::pattern::has_dot_segment;
use super::varying::Varying;
use super::{PathJudge, shown};
use crate::engine::guard::paths::Access;
use crate::engine::message::{Json, Kind};
use globset::{GlobBuilder, GlobMatcher};
use regex::{Regex, RegexBuilder};
use std::cmp::Ordering;

/// Largest compiled regular expression, in bytes.
const REGEX_BYTES: usize = 1 << 20;

/// Most items of a list that an explanation spells out.
const SHOWN_ITEMS: usize = 8;

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
    /// A string that is a path within the roots.
    Path(Access),
    /// A string that depends on who asks, by the key that says so.
    Varying(&'static str, Varying),
}

/// How a value stands to a constraint.
#[derive(Debug, Clone, PartialEq, Eq)]
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

/// Compiles a regular expression that has to fit a whole string. Linear-time
/// by construction; bounded in size.
pub(super) fn whole_regex(source: &str) -> Result<Regex, String> {
    let build = |source: &str| {
        let mut builder = RegexBuilder::new(source);
        builder
            .size_limit(REGEX_BYTES)
            .dfa_size_limit(REGEX_BYTES)
            .nest_limit(100)
            .build()
    };
    // Alone first: `a)|(b` is only balanced once it is wrapped.
    build(source)
        .and_then(|_| build(&format!(r"\A(?:{source})\z")))
        .map_err(|error| last_line(&error.to_string()))
}

/// Compiles a glob.
pub(super) fn glob(source: &str) -> Result<GlobMatcher, String> {
    GlobBuilder::new(source)
        .literal_separator(true)
        .backslash_escape(true)
        .build()
        .map(|glob| glob.compile_matcher())
        .map_err(|error| error.kind().to_string())
}

/// The regex crate draws the place over several lines; ours is in the policy.
fn last_line(error: &str) -> String {
    let line = error.lines().last().unwrap_or(error).trim();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
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
            Self::Path(_) => "path",
            Self::Varying(name, _) => name,
        }
    }

    /// The one kind of value that it can be asked about.
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::OneOf(literals) => literals.first().map_or(Kind::Null, Literal::kind),
            Self::Equals(literal) => literal.kind(),
            Self::Min(..) | Self::Max(..) => Kind::Number,
            Self::Matches(..)
            | Self::Glob(_)
            | Self::MinLen(_)
            | Self::MaxLen(_)
            | Self::Path(_)
            | Self::Varying(..) => Kind::String,
        }
    }

    /// Whether a value that the policy lists satisfies it; `None` where that
    /// takes more than the value.
    pub(super) fn takes(&self, literal: &Literal) -> Option<bool> {
        let length = |text: &str| u64::try_from(text.chars().count()).ok();
        Some(match (self, literal) {
            (Self::OneOf(all), _) => all.iter().any(|one| one.is(literal)),
            (Self::Equals(one), _) => one.is(literal),
            (Self::Matches(regex, _), Literal::String(text)) => regex.is_match(text),
            (Self::Glob(matcher), Literal::String(text)) => matcher.is_match(text),
            (Self::Min(limit, _), Literal::Number(number, _)) => number >= limit,
            (Self::Max(limit, _), Literal::Number(number, _)) => number <= limit,
            (Self::MinLen(limit), Literal::String(text)) => length(text)? >= *limit,
            (Self::MaxLen(limit), Literal::String(text)) => length(text)? <= *limit,
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
            // The guard's words name the path, which is content.
            Self::Path(access) => paths.within(&value.as_str()?, *access).is_ok().into(),
            Self::Varying(_, varying) => varying.try_judge(value, paths)?,
        })
    }
}

fn order(value: Json<'_>, limit: &Decimal) -> Option<Ordering> {
    Some(Decimal::parse(value.as_number()?)?.cmp(limit))
}

fn length(value: Json<'_>) -> Option<u64> {
    u64::try_from(value.as_str()?.chars().count()).ok()
}

impl std::fmt::Display for Constraint {
    /// What it expects, after "expected".
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::OneOf(literals) => {
                let mut shown: Vec<_> = literals
                    .iter()
                    .take(SHOWN_ITEMS)
                    .map(ToString::to_string)
                    .collect();
                let more = literals.len().saturating_sub(SHOWN_ITEMS);
                if more > 0 {
                    shown.push(format!("{more} more"));
                }
                write!(f, "one of {}", shown.join(", "))
            }
            Self::Equals(literal) => literal.fmt(f),
            Self::Matches(_, source) => {
                write!(f, "a string that matches {}", shown::quoted(source))
            }
            Self::Glob(matcher) => {
                write!(f, "a string like {}", shown::quoted(matcher.glob().glob()))
            }
            Self::Min(_, spelled) => write!(f, "a number of at least `{spelled}`"),
            Self::Max(_, spelled) => write!(f, "a number of at most `{spelled}`"),
            Self::MinLen(limit) => write!(f, "a string of at least {limit} characters"),
            Self::MaxLen(limit) => write!(f, "a string of at most {limit} characters"),
            Self::Varying(_, varying) => {
                let texts = varying.written();
                let texts: Vec<_> = texts.iter().map(|text| shown::quoted(text)).collect();
                write!(f, "a string like {}", texts.join(" or "))
            }
            Self::Path(Access::Read) => f.write_str("a path under [paths] read or write"),
            Self::Path(Access::Write) => f.write_str("a path under [paths] write"),
        }
    }
}
