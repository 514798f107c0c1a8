//! Patterns beside each other: does one take all that another takes, can
//! anything fit both.

use super::{Pattern, fits, is_ambiguous, percent_decode};

/// Most steps of a comparison; beyond, two patterns may well overlap.
const MAX_STEPS: usize = 1 << 20;

impl Pattern {
    /// Whether all that fits `other` fits this one.
    ///
    /// Exact: no literal part has a star, so that a star of `other` is a letter
    /// that only a star of this one takes.
    pub(in crate::engine::policy) fn contains(&self, other: &Self) -> bool {
        self.matches(&other.0)
    }

    /// The same for uris of permits.
    pub(in crate::engine::policy) fn permits_all_of(&self, other: &Self) -> bool {
        let is_plain = other.0 != "*" && !(other.is_literal() && is_ambiguous(&other.0));
        self == other || self.0 == "*" || (is_plain && self.contains(other))
    }

    /// The same for uris of forbids, and for a permit beside a forbid.
    pub(in crate::engine::policy) fn forbids_all_of(&self, other: &Self) -> bool {
        let plain = |pattern: &Self| percent_decode(&pattern.0).to_lowercase();
        fits(&plain(self), &plain(other))
    }

    /// Whether something may fit both.
    pub(in crate::engine::policy) fn overlaps(&self, other: &Self) -> bool {
        let (a, b): (Vec<_>, Vec<_>) = (self.0.chars().collect(), other.0.chars().collect());
        if a.len().saturating_mul(b.len()) > MAX_STEPS {
            return true;
        }
        // From the ends: whether what is left of both overlaps.
        let mut below: Vec<bool> = Vec::new();
        let ends = |of: &[char]| -> Vec<Option<char>> {
            let letters = of.iter().rev().copied().map(Some);
            std::iter::once(None).chain(letters).collect()
        };
        let columns = ends(&b);
        for one in ends(&a) {
            let mut row: Vec<bool> = Vec::new();
            for (j, two) in columns.iter().copied().enumerate() {
                let down = below.get(j).copied().unwrap_or(false);
                let right = row.last().copied().unwrap_or(false);
                let both = j.checked_sub(1).and_then(|j| below.get(j)).copied();
                row.push(match (one, two) {
                    (None, None) => true,
                    (Some('*'), _) | (_, Some('*')) => down || right,
                    (Some(x), Some(y)) => x == y && both.unwrap_or(false),
                    (None, Some(_)) | (Some(_), None) => false,
                });
            }
            below = row;
        }
        below.last().copied().unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pattern(source: &str) -> Pattern {
        Pattern::new(source.to_owned())
    }

    #[test]
    fn comparisons() {
        for (one, other, contains, overlaps) in [
            ("get_*", "get_issue", true, true),
            ("get_issue", "get_*", false, true),
            ("*", "", true, true),
            ("a*", "*b", false, true),
            ("a*", "b*", false, false),
            ("*a*", "*aa*", true, true),
            ("*", "*", true, true),
            ("", "", true, true),
            ("a", "b", false, false),
            ("*x", "*y", false, false),
        ] {
            let (a, b) = (pattern(one), pattern(other));
            assert_eq!(a.contains(&b), contains, "{one} {other}");
            assert_eq!(a.overlaps(&b), overlaps, "{one} {other}");
            assert_eq!(b.overlaps(&a), overlaps, "{other} {one}");
        }
    }

    #[test]
    fn uris() {
        for (one, other, permits) in [
            ("*", "a://../b", true),
            ("a://*", "a://x/*", true),
            ("a://*", "*", false),
            ("**", "*", false),
            ("a://*", "a://x/../y", false),
            ("a://x/../y", "a://x/../y", true),
        ] {
            let holds = pattern(one).permits_all_of(&pattern(other));
            assert_eq!(holds, permits, "{one} {other}");
        }
        assert!(pattern("A://%78/*").forbids_all_of(&pattern("a://x/y")));
    }

    proptest! {
        #[test]
        fn what_fits_both_overlaps(a in "[ab*]{0,6}", b in "[ab*]{0,6}", text in "[ab]{0,8}") {
            let (a, b) = (pattern(&a), pattern(&b));
            if a.matches(&text) && b.matches(&text) {
                prop_assert!(a.overlaps(&b));
            }
            if a.contains(&b) && b.matches(&text) {
                prop_assert!(a.matches(&text));
            }
        }

        #[test]
        fn an_overlap_is_found(a in "[ab*]{0,4}", b in "[ab*]{0,4}") {
            let (one, other) = (pattern(&a), pattern(&b));
            // Longest witness: the letters of both.
            let mut texts = vec![String::new()];
            let mut found = false;
            for _ in 0..=8 {
                found |= texts.iter().any(|t| one.matches(t) && other.matches(t));
                texts = texts.iter().flat_map(|t| ["a", "b"].map(|c| format!("{t}{c}"))).collect();
            }
            prop_assert_eq!(one.overlaps(&other), found);
        }
    }
}
