//! Wildcards inside one path component, and how far two of them agree.
//!
//! `overlap` answers "could this glob mean that secret name, and is it aimed
//! at it": `id_*` is aimed at `id_rsa`, `*` and `*.json` are aimed at nothing.
//! Path-level `**` is the catalogue's business. Time is the product of the two
//! lengths, and components are at most [`LONGEST`] characters.

/// Longest component in characters that is compared as a glob (a name's length on most systems).
pub(in crate::engine::guard) const LONGEST: usize = 255;

/// One step of a glob.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// Exactly this character.
    One(char),
    /// Any character (`?`).
    Any,
    /// One of these ranges (`[a-z]`), or none of them (`[!a-z]`).
    Class {
        ranges: Vec<(char, char)>,
        negated: bool,
    },
    /// Any number of characters (`*`).
    Many,
}

/// One component of a glob, parsed.
#[derive(Debug, Clone)]
pub(in crate::engine::guard) struct Component {
    steps: Vec<Step>,
}

/// How a glob and a name pattern agree. Counts are in half characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine::guard) struct Overlap {
    /// What the glob spells out of the pattern's literal characters.
    pub(in crate::engine::guard) spelled: usize,
    /// All literal characters of the pattern.
    pub(in crate::engine::guard) literal: usize,
}

/// Whether `text` holds a character that globs give a meaning to.
pub(in crate::engine::guard) fn is_glob(text: &str) -> bool {
    text.bytes().any(|b| matches!(b, b'*' | b'?' | b'['))
}

/// Whether a name takes in nearly all hidden files, `.env` among them.
pub(in crate::engine::guard) fn is_all_hidden(name: &str) -> bool {
    let name = Component::parse(name);
    name.is_hidden_glob()
        && name.literals() < 3
        && name.overlap(&Component::parse(".env")).is_some()
}

impl Component {
    /// Parses one component; an unclosed `[` is an ordinary character.
    pub(in crate::engine::guard) fn parse(text: &str) -> Self {
        let mut steps = Vec::new();
        let mut rest = text.chars();
        while let Some(c) = rest.next() {
            if steps.len() > LONGEST {
                break;
            }
            match c {
                '*' if steps.last() == Some(&Step::Many) => {}
                '*' => steps.push(Step::Many),
                '?' => steps.push(Step::Any),
                '[' => match class(rest.clone()) {
                    Some((step, after)) => {
                        steps.push(step);
                        rest = after;
                    }
                    None => steps.push(Step::One('[')),
                },
                other => steps.push(Step::One(other)),
            }
        }
        Self { steps }
    }

    /// Whether the glob is nothing but `*` and `?`.
    pub(in crate::engine::guard) fn is_open(&self) -> bool {
        self.steps
            .iter()
            .all(|s| matches!(s, Step::Many | Step::Any))
    }

    /// Whether it begins with `*`.
    pub(in crate::engine::guard) fn starts_open(&self) -> bool {
        self.steps.first() == Some(&Step::Many)
    }

    /// Whether it begins and ends with `*`.
    pub(in crate::engine::guard) fn open_both(&self) -> bool {
        self.starts_open() && self.steps.last() == Some(&Step::Many)
    }

    /// Whether it begins with a literal dot and has a wildcard.
    pub(in crate::engine::guard) fn is_hidden_glob(&self) -> bool {
        self.steps.first() == Some(&Step::One('.')) && !self.is_literal()
    }

    /// Whether it has no wildcard.
    pub(in crate::engine::guard) fn is_literal(&self) -> bool {
        self.steps.iter().all(|s| matches!(s, Step::One(_)))
    }

    /// The `.ext` of a glob that says only that: `*.ext`.
    pub(in crate::engine::guard) fn extension(&self) -> Option<String> {
        let (first, rest) = self.steps.split_first()?;
        if *first != Step::Many || rest.first() != Some(&Step::One('.')) {
            return None;
        }
        rest.iter()
            .map(|s| match s {
                Step::One(c) => Some(*c),
                Step::Any | Step::Class { .. } | Step::Many => None,
            })
            .collect()
    }

    /// Both begin, or both end, with a literal character, and not the same one.
    fn differs_at_an_end(&self, other: &Self) -> bool {
        let differ = |a: Option<&Step>, b: Option<&Step>| matches!((a, b), (Some(Step::One(x)), Some(Step::One(y))) if x != y);
        differ(self.steps.first(), other.steps.first())
            || differ(self.steps.last(), other.steps.last())
    }

    /// How many literal characters it has.
    pub(in crate::engine::guard) fn literals(&self) -> usize {
        self.steps
            .iter()
            .filter(|s| matches!(s, Step::One(_)))
            .count()
    }

    /// Whether some name fits both globs, and how much of `pattern` this one
    /// spells out in the best case.
    pub(in crate::engine::guard) fn overlap(&self, pattern: &Self) -> Option<Overlap> {
        if self.differs_at_an_end(pattern) {
            return None;
        }
        let literal = pattern.literals().saturating_mul(2);
        if self.steps == [Step::Many] {
            return Some(Overlap {
                spelled: 0,
                literal,
            });
        }
        let width = pattern.steps.len().saturating_add(1);
        let mut row: Vec<Option<usize>> = vec![None; width];
        if let Some(first) = row.first_mut() {
            *first = Some(0);
        }
        settle(&mut row, &pattern.steps, None);
        for step in &self.steps {
            let mut next: Vec<Option<usize>> = vec![None; width];
            for (at, from) in row.iter().enumerate() {
                let Some(score) = *from else { continue };
                if *step == Step::Many {
                    raise(&mut next, at, score);
                    continue;
                }
                match pattern.steps.get(at) {
                    Some(Step::Many) => raise(&mut next, at, score),
                    Some(other) => {
                        if let Some(gain) = meet(step, other) {
                            raise(&mut next, at.saturating_add(1), score.saturating_add(gain));
                        }
                    }
                    None => {}
                }
            }
            settle(&mut next, &pattern.steps, Some(step));
            row = next;
        }
        Some(Overlap {
            spelled: row.last().copied().flatten()?,
            literal,
        })
    }
}

/// Moves along the pattern without consuming a step of the glob: over a `*` of
/// the pattern, and over anything when the glob stands at a `*` itself.
fn settle(row: &mut [Option<usize>], pattern: &[Step], step: Option<&Step>) {
    for (at, other) in pattern.iter().enumerate() {
        let Some(score) = row.get(at).copied().flatten() else {
            continue;
        };
        if *other == Step::Many || step == Some(&Step::Many) {
            raise(row, at.saturating_add(1), score);
        }
    }
}

fn raise(row: &mut [Option<usize>], at: usize, score: usize) {
    if let Some(cell) = row.get_mut(at) {
        *cell = Some(cell.map_or(score, |old| old.max(score)));
    }
}

/// What two single steps have in common: a literal counts two, a class one.
fn meet(a: &Step, b: &Step) -> Option<usize> {
    match (a, b) {
        (Step::One(x), Step::One(y)) => (x == y).then_some(2),
        (Step::One(c), Step::Class { ranges, negated })
        | (Step::Class { ranges, negated }, Step::One(c)) => {
            let inside = ranges.iter().any(|(low, high)| low <= c && c <= high);
            (inside != *negated).then_some(1)
        }
        _ => Some(0),
    }
}

/// A class after its `[`, and what follows its `]`.
fn class(mut rest: std::str::Chars<'_>) -> Option<(Step, std::str::Chars<'_>)> {
    let mut negated = false;
    let mut ranges: Vec<(char, char)> = Vec::new();
    let mut c = rest.next()?;
    if c == '!' || c == '^' {
        negated = true;
        c = rest.next()?;
    }
    loop {
        if ranges.len() > LONGEST {
            return None;
        }
        let mut ahead = rest.clone();
        match (ahead.next()?, ahead.next()) {
            ('-', Some(high)) if high != ']' => {
                ranges.push((c, high));
                rest = ahead;
            }
            _ => ranges.push((c, c)),
        }
        c = rest.next()?;
        if c == ']' {
            return Some((Step::Class { ranges, negated }, rest));
        }
    }
}

/// Whether `text` fits `pattern`, in which only `*` and `?` mean something.
pub(in crate::engine::guard) fn fits(pattern: &str, text: &str) -> bool {
    let (mut p, mut t) = (pattern.chars(), text.chars());
    // Where to resume after the last `*`: the pattern behind it, and the text.
    let mut retry: Option<(std::str::Chars<'_>, std::str::Chars<'_>)> = None;
    loop {
        let mut ahead = p.clone();
        match (ahead.next(), t.clone().next()) {
            (Some('*'), _) => {
                p = ahead;
                retry = Some((p.clone(), t.clone()));
            }
            (None, None) => return true,
            (Some(want), Some(found)) if want == '?' || want == found => {
                p = ahead;
                t.next();
            }
            _ => {
                let Some((pattern, text)) = &mut retry else {
                    return false;
                };
                if text.next().is_none() {
                    return false;
                }
                p = pattern.clone();
                t = text.clone();
            }
        }
    }
}
