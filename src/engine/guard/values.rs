//! Secret values in a text: tokens and keys by the formats that their vendors
//! publish.
//!
//! Answers A2 (a turned agent sends what it has found through a permitted tool).
//! One pass of a keyword automaton, then a small hand check around each hit, so
//! that the work is linear in the text. Base64, hexadecimal and percent-encoded
//! words are unwrapped to a bound.
//!
//! Deliberately absent: guessing by entropy alone (it denies hashes and ids),
//! words that spell a key (seed phrases), and whoever encodes in a way of his
//! own: this is a net, not a wall.

mod catalogue;
mod shape;
mod wrapped;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};
use catalogue::DETECTORS;
use std::ops::Range;
use std::sync::LazyLock;

/// Deepest encoding within encoding.
const DEPTH: usize = 3;

/// A secret value in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretValue {
    /// Which detector found it.
    pub detector: &'static str,
    /// Where it stands; the whole encoded word where it is encoded.
    pub span: Range<usize>,
}

struct Index {
    /// All keywords, without regard to case.
    keywords: AhoCorasick,
    /// The detector of each keyword, and the keyword.
    of: Vec<(usize, &'static str)>,
}

/// `None` cannot happen: the keywords are few and short.
static INDEX: LazyLock<Option<Index>> = LazyLock::new(|| {
    let rows = DETECTORS.iter().enumerate();
    let of: Vec<_> = rows
        .flat_map(|(n, detector)| detector.keywords.iter().map(move |word| (n, *word)))
        .collect();
    let keywords = AhoCorasickBuilder::new()
        .match_kind(MatchKind::Standard)
        .ascii_case_insensitive(true)
        .build(of.iter().map(|(_, word)| word));
    keywords.ok().map(|keywords| Index { keywords, of })
});

/// Every secret value of a text, in order, without overlaps.
pub fn find(text: &str) -> Vec<SecretValue> {
    let mut found = Vec::new();
    look(text, 0, &mut |value| {
        found.push(value);
        true
    });
    found.sort_by_key(|v: &SecretValue| (v.span.start, std::cmp::Reverse(v.span.end)));
    let mut end = 0;
    found.retain(|value| {
        let is_new = value.span.start >= end;
        end = end.max(value.span.end);
        is_new
    });
    found
}

/// The detector of some secret value of a text.
pub fn first(text: &str) -> Option<&'static str> {
    let mut found = None;
    look(text, 0, &mut |value| {
        found = Some(value.detector);
        false
    });
    found
}

/// Shows every secret value, also overlapping ones, until `see` has enough.
fn look(text: &str, depth: usize, see: &mut dyn FnMut(SecretValue) -> bool) -> bool {
    let Some(index) = INDEX.as_ref() else {
        // A detector that cannot look has seen something.
        return see(SecretValue {
            detector: "unreadable",
            span: 0..text.len(),
        });
    };
    for hit in index.keywords.find_overlapping_iter(text) {
        let Some((row, word)) = index.of.get(hit.pattern().as_usize()) else {
            continue;
        };
        let Some(detector) = DETECTORS.get(*row) else {
            continue;
        };
        if let Some(span) = detector.fits(text, hit.span().range(), word) {
            let detector = detector.name;
            if !see(SecretValue { detector, span }) {
                return false;
            }
        }
    }
    if depth < DEPTH {
        for (span, plain) in wrapped::words(text) {
            let mut outer = |inner: SecretValue| {
                see(SecretValue {
                    detector: inner.detector,
                    span: span.clone(),
                })
            };
            if !look(&plain, depth.saturating_add(1), &mut outer) {
                return false;
            }
        }
    }
    true
}

#[cfg(test)]
mod tests;
