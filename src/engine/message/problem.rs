//! Why bytes were refused, for programs (a code) and for people.

/// Why bytes were refused: what was expected, what came, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem} at byte {offset}: expected {expected}, found {found}")]
pub struct ReadError {
    /// What is wrong.
    pub problem: Problem,
    /// Where, in bytes from the start of the message.
    pub offset: usize,
    /// What would have been right.
    pub expected: String,
    /// What stood there; never more than a few characters of the message.
    pub found: String,
}

/// The kinds of refusal. Each has a stable reason code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Problem {
    /// Not JSON.
    Syntax,
    /// Not UTF-8.
    InvalidUtf8,
    /// Starts with a byte-order mark.
    ByteOrderMark,
    /// The same key twice in one object.
    DuplicateKey,
    /// Two keys of one object that differ only in case.
    CollidingKeys,
    /// A line break between values: many peers split their input there, and
    /// would read what follows as a message of its own.
    LineBreak,
    /// Half of a surrogate pair.
    LoneSurrogate,
    /// A number beyond the range of a double.
    NumberRange,
    /// Nested deeper than the limit.
    TooDeep,
    /// More bytes than the limit.
    TooLarge,
    /// More members, values or digits than the limit.
    TooMany,
}

impl Problem {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::Syntax,
        Self::InvalidUtf8,
        Self::ByteOrderMark,
        Self::DuplicateKey,
        Self::CollidingKeys,
        Self::LineBreak,
        Self::LoneSurrogate,
        Self::NumberRange,
        Self::TooDeep,
        Self::TooLarge,
        Self::TooMany,
    ];

    /// The stable kebab-case reason code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Syntax => "invalid-json",
            Self::InvalidUtf8 => "invalid-utf8",
            Self::ByteOrderMark => "byte-order-mark",
            Self::DuplicateKey => "duplicate-key",
            Self::CollidingKeys => "colliding-keys",
            Self::LineBreak => "line-break",
            Self::LoneSurrogate => "lone-surrogate",
            Self::NumberRange => "number-out-of-range",
            Self::TooDeep => "too-deep",
            Self::TooLarge => "too-large",
            Self::TooMany => "too-many-values",
        }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Syntax => "invalid JSON",
            Self::InvalidUtf8 => "invalid UTF-8",
            Self::ByteOrderMark => "byte-order mark",
            Self::DuplicateKey => "duplicate key",
            Self::CollidingKeys => "keys that differ only in case",
            Self::LineBreak => "line break inside a message",
            Self::LoneSurrogate => "lone surrogate",
            Self::NumberRange => "number out of range",
            Self::TooDeep => "nested too deeply",
            Self::TooLarge => "message too large",
            Self::TooMany => "too many values",
        })
    }
}
