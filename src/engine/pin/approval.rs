//! Who stands for a pin. Written for people; no decision depends on it.

use std::fmt;
use std::str::FromStr;

/// A point in time as RFC 3339 writes it, with its offset from UTC.
///
/// The clock is outside the engine: times come in as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timestamp(toml::value::Datetime);

/// Why a text is no [`Timestamp`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a date and time with an offset, such as `2026-11-24T09:30:00Z`")]
pub struct InvalidTimestamp;

impl Timestamp {
    pub(super) fn of(datetime: toml::value::Datetime) -> Result<Self, InvalidTimestamp> {
        let complete =
            datetime.date.is_some() && datetime.time.is_some() && datetime.offset.is_some();
        complete.then_some(Self(datetime)).ok_or(InvalidTimestamp)
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        let datetime = toml::value::Datetime::from_str(text).ok();
        datetime.ok_or(InvalidTimestamp).and_then(Self::of)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whether a person has looked at a pin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Review {
    /// Approved by a person.
    Approved,
    /// Pinned on first use; nobody has looked.
    Unreviewed,
}

impl Review {
    /// As the lockfile spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Unreviewed => "unreviewed",
        }
    }

    /// Reads that spelling.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Approved, Self::Unreviewed]
            .into_iter()
            .find(|r| r.as_str() == text)
    }
}

/// Who pinned, when, with what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Approval {
    /// The person, or the automation, as it names itself.
    pub by: Option<String>,
    /// When.
    pub at: Option<Timestamp>,
    /// The version of lockgate that wrote the pin.
    pub lockgate: Option<String>,
}
