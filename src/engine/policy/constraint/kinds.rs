//! Kinds of values that a constraint can be asked about.

use crate::engine::message::Kind;
use std::fmt;

const EVERY: [Kind; 6] = [
    Kind::Null,
    Kind::Bool,
    Kind::Number,
    Kind::String,
    Kind::Array,
    Kind::Object,
];

/// A set of kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine::policy) struct Kinds(u8);

impl Kinds {
    pub(in crate::engine::policy) const ALL: Self = Self(0b11_1111);
    pub(in crate::engine::policy) const NONE: Self = Self(0);

    pub(in crate::engine::policy) fn of(kinds: &[Kind]) -> Self {
        kinds
            .iter()
            .fold(Self::NONE, |all, kind| all.or(Self(bit(*kind))))
    }

    pub(in crate::engine::policy) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(in crate::engine::policy) fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(in crate::engine::policy) fn has(self, kind: Kind) -> bool {
        self.0 & bit(kind) != 0
    }

    pub(in crate::engine::policy) fn is_empty(self) -> bool {
        self.0 == 0
    }
}

fn bit(kind: Kind) -> u8 {
    match kind {
        Kind::Null => 1,
        Kind::Bool => 2,
        Kind::Number => 4,
        Kind::String => 8,
        Kind::Array => 16,
        Kind::Object => 32,
    }
}

impl fmt::Display for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = EVERY.iter().filter(|kind| self.has(**kind));
        let names: Vec<_> = names.map(|kind| kind.name()).collect();
        f.write_str(&names.join(" or "))
    }
}
