//! Phrases: a small pattern language over words, and the matcher.
//!
//! A pattern is a row of steps. A step is a set of words (`call|use`), a word
//! ending in `*` matches any ending, `$NAME` is a set of `SETS`, and `<3`
//! before a step lets up to three other words stand in between. The patterns
//! (`catalogue`) are data; matching takes time linear in the text, for every
//! start at most a window of 64 words is looked at.

mod catalogue;

use super::text::Plain;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// A word of a step: itself, or any word that starts with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Word {
    text: &'static str,
    prefix: bool,
}

impl Word {
    fn matches(self, word: &str) -> bool {
        if self.prefix {
            word.starts_with(self.text)
        } else {
            word == self.text
        }
    }
}

/// The words of one place in a phrase, and how many others may stand before.
#[derive(Debug, Clone)]
struct Step {
    gap: u32,
    words: Vec<Word>,
}

#[derive(Debug, Clone)]
struct Phrase {
    code: &'static str,
    what: &'static str,
    steps: Vec<Step>,
}

/// Phrases by the first bytes of the words that can start them.
struct Catalogue {
    phrases: Vec<Phrase>,
    starts: BTreeMap<&'static str, Vec<usize>>,
    /// By their first byte.
    prefix_starts: BTreeMap<Option<u8>, Vec<(&'static str, usize)>>,
}

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| Catalogue::new(catalogue::PHRASES));
static ASKS: LazyLock<Catalogue> = LazyLock::new(|| Catalogue::new(catalogue::ASKS));

/// The phrases of the catalogue that stand in a text: code and meaning.
pub(super) fn found(plain: &Plain) -> Vec<(&'static str, &'static str)> {
    CATALOGUE.found(&plain.words())
}

/// Whether the description of a parameter asks for more than an argument.
pub(super) fn asks_for_more(plain: &Plain) -> bool {
    !ASKS.found(&plain.words()).is_empty()
}

/// Whether letters written without spaces hold a phrase.
pub(super) fn joined(letters: &str) -> bool {
    catalogue::JOINED
        .iter()
        .any(|words| letters.contains(words))
}

impl Catalogue {
    fn new(groups: &[catalogue::Group]) -> Self {
        let mut new = Self {
            phrases: Vec::new(),
            starts: BTreeMap::new(),
            prefix_starts: BTreeMap::new(),
        };
        for group in groups {
            for pattern in group.patterns {
                let steps = steps(pattern);
                let index = new.phrases.len();
                for word in steps.first().into_iter().flat_map(|step| &step.words) {
                    if word.prefix {
                        let first = word.text.bytes().next();
                        let starts = new.prefix_starts.entry(first).or_default();
                        starts.push((word.text, index));
                    } else {
                        new.starts.entry(word.text).or_default().push(index);
                    }
                }
                new.phrases.push(Phrase {
                    code: group.code,
                    what: group.what,
                    steps,
                });
            }
        }
        new
    }

    fn found(&self, words: &[&str]) -> Vec<(&'static str, &'static str)> {
        let mut found = Vec::new();
        for (at, word) in words.iter().enumerate() {
            let exact = self.starts.get(word).into_iter().flatten().copied();
            let prefixes = [None, word.bytes().next()].into_iter();
            let prefixes = prefixes.filter_map(|first| self.prefix_starts.get(&first));
            let prefixes = prefixes
                .flatten()
                .filter(|(start, _)| word.starts_with(start));
            for index in exact.chain(prefixes.map(|(_, index)| *index)) {
                let Some(phrase) = self.phrases.get(index) else {
                    continue;
                };
                let hit = (phrase.code, phrase.what);
                if !found.contains(&hit) && phrase.stands_at(words.get(at..).unwrap_or_default()) {
                    found.push(hit);
                }
            }
        }
        found
    }
}

impl Phrase {
    /// Whether the phrase starts with the first of `words`.
    ///
    /// Bit `n` of `reached` says that the steps so far can end at word `n`.
    fn stands_at(&self, words: &[&str]) -> bool {
        let mut reached = 1u64;
        for step in self.steps.iter().skip(1) {
            // Every place within the gap after every reached place.
            let mut places = 0u64;
            for skip in 0..=step.gap {
                places |= reached.checked_shl(skip.saturating_add(1)).unwrap_or(0);
            }
            reached = 0;
            let last = 64u32.saturating_sub(places.leading_zeros()) as usize;
            for (n, word) in words.iter().enumerate().take(last) {
                let place = 1u64
                    .checked_shl(u32::try_from(n).unwrap_or(64))
                    .unwrap_or(0);
                if places & place != 0 && step.words.iter().any(|w| w.matches(word)) {
                    reached |= place;
                }
            }
            if reached == 0 {
                return false;
            }
        }
        true
    }
}

/// Reads one pattern.
fn steps(pattern: &'static str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut gap = 0;
    for part in pattern.split_ascii_whitespace() {
        if let Some(number) = part.strip_prefix('<') {
            gap = number.parse().unwrap_or(0);
            continue;
        }
        let mut words = Vec::new();
        for alternative in part.split('|') {
            let mut sets = catalogue::SETS.iter();
            let set = if alternative.starts_with('$') {
                sets.find(|(name, _)| *name == alternative)
            } else {
                None
            };
            let set = set.map_or(alternative, |(_, set)| *set);
            words.extend(set.split('|').map(|text| Word {
                text: text.trim_end_matches('*'),
                prefix: text.ends_with('*'),
            }));
        }
        steps.push(Step { gap, words });
        gap = 0;
    }
    steps
}

#[cfg(test)]
mod tests;
