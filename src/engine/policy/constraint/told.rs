//! What a constraint expects, in words.

use super::{All, Constraint, shown};
use crate::engine::guard::paths::Access;
use std::fmt;

/// Most items of a list that an explanation spells out.
const SHOWN_ITEMS: usize = 8;

impl fmt::Display for Constraint {
    /// What it expects, after "expected".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OneOf(literals) => {
                f.write_str("one of ")?;
                some(f, literals.iter().map(ToString::to_string))
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
            Self::MinItems(limit) => write!(f, "at least {limit} items"),
            Self::MaxItems(limit) => write!(f, "at most {limit} items"),
            Self::Path(Access::Read) => f.write_str("a path under [paths] read or write"),
            Self::Path(Access::Write) => f.write_str("a path under [paths] write"),
            Self::Host(hosts) => write!(f, "a host like {hosts}"),
            Self::Url(patterns) => {
                f.write_str("a URL like ")?;
                some(f, patterns.iter().map(ToString::to_string))
            }
            Self::Email(emails) => write!(f, "an email address like {emails}"),
            Self::Command(commands) => write!(f, "a command like {commands}"),
            Self::Sql(queries) => write!(f, "SQL with {queries}"),
            Self::Secrets => f.write_str("no secret values"),
            Self::Each(all) => write!(f, "each item to be {}", together(all)),
            Self::AnyOf(alternatives) => {
                let alternatives: Vec<_> = alternatives.iter().map(together).collect();
                f.write_str(&alternatives.join(", or "))
            }
            Self::Not(all) => write!(f, "anything but {}", together(all)),
        }
    }
}

/// What constraints that must hold together expect.
pub(in crate::engine::policy) fn together(all: &All) -> String {
    let told: Vec<_> = all.iter().map(|(c, _)| c.to_string()).collect();
    told.join(" and ")
}

/// The first of a list, quoted.
pub(super) fn listed<'t>(
    f: &mut fmt::Formatter<'_>,
    texts: impl Iterator<Item = &'t str>,
) -> fmt::Result {
    some(f, texts.map(shown::quoted))
}

fn some(f: &mut fmt::Formatter<'_>, texts: impl Iterator<Item = String>) -> fmt::Result {
    let mut texts: Vec<_> = texts.collect();
    let more = texts.len().saturating_sub(SHOWN_ITEMS);
    texts.truncate(SHOWN_ITEMS);
    if more > 0 {
        texts.push(format!("{more} more"));
    }
    f.write_str(&texts.join(", "))
}
