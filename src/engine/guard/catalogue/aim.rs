//! Whether a glob is aimed at a place: how much of its name it spells out.

use super::Pattern;
use crate::engine::guard::paths::glob::{self, Component};

/// Hundredths of a pattern that a glob has to spell out to be aimed at it.
pub(super) const AIMED: usize = 50;
pub(super) const AIMED_GENERIC: usize = 70;
/// The same for a glob open at both ends, or open where the name has its dot.
const AIMED_OPEN: usize = 80;

/// How exact a glob has to be.
#[derive(Clone, Copy)]
pub(super) struct Aim {
    /// Hundredths of the pattern that it has to spell out.
    pub(super) enough: usize,
    /// It is what a search by name looks for: a word may stand in any name.
    pub(super) sought: bool,
    /// `dir/*` means what is in it.
    pub(super) whole: bool,
}

fn aligned(path: Option<&[Component]>, parts: &[Component], aim: Aim) -> bool {
    path.is_some_and(|p| p.len() == parts.len() && aligned_tail(path, parts, aim))
}

/// Compares from the end; parts of the pattern beyond the path are unspelled.
fn aligned_tail(path: Option<&[Component]>, parts: &[Component], aim: Aim) -> bool {
    let Some(path) = path else { return false };
    let (mut spelled, mut literal, mut before, mut before_literal) =
        (0_usize, 0_usize, 0_usize, 0_usize);
    let mut names = path.iter().rev();
    for (n, part) in parts.iter().rev().enumerate() {
        let Some(name) = names.next() else {
            literal = literal.saturating_add(part.literals().saturating_mul(2));
            continue;
        };
        let Some(overlap) = aimed(name, part, aim.sought) else {
            return false;
        };
        spelled = spelled.saturating_add(overlap.spelled);
        literal = literal.saturating_add(overlap.literal);
        if n > 0 {
            before = before.saturating_add(overlap.spelled);
            before_literal = before_literal.saturating_add(overlap.literal);
        }
    }
    // `dir/*` where `dir` is spelled out means what is in it.
    let whole_directory = aim.whole
        && path.len() == parts.len()
        && path.last().is_some_and(Component::is_open)
        && before_literal > 0
        && reaches(before, before_literal, AIMED_OPEN);
    // Directories that `**` stands for are not spelled: ask for more.
    let enough = if path.len() < parts.len() || aim.sought {
        AIMED_OPEN
    } else {
        aim.enough
    };
    spelled >= 4 && reaches(spelled, literal, enough) || whole_directory
}

pub(super) fn reaches(spelled: usize, literal: usize, hundredths: usize) -> bool {
    spelled.saturating_mul(100) >= literal.saturating_mul(hundredths)
}

/// The overlap of two components, unless the glob is about something else.
fn aimed(name: &Component, part: &Component, sought: bool) -> Option<glob::Overlap> {
    let overlap = name.overlap(part)?;
    if name.is_literal() || name.is_open() {
        return Some(overlap);
    }
    if let Some(extension) = name.extension()
        && !part.starts_open()
    {
        // `*.json` is about JSON, not about each secret that happens to be one.
        let same = Component::parse(&extension).overlap(part);
        return same.filter(|s| s.spelled == s.literal);
    }
    if sought && name.open_both() {
        return (overlap.spelled == overlap.literal).then_some(overlap);
    }
    let open = name.open_both() || name.starts_open() || part.starts_open();
    (!open || reaches(overlap.spelled, overlap.literal, AIMED_OPEN)).then_some(overlap)
}

impl Pattern<'_> {
    /// Whether a glob could mean the place and is aimed at it.
    pub(super) fn aimed_at(
        &self,
        parts: &[Component],
        path: &[Component],
        deep: &[bool],
        aim: Aim,
        home: Option<usize>,
    ) -> bool {
        let k = parts.len();
        let path = match home {
            Some(home) if self.home => path.get(home..).unwrap_or_default(),
            None if self.home => return false,
            _ => path,
        };
        if self.rooted || self.home {
            let long = path.len() == k || (self.below && path.len() > k);
            return long && aligned(path.get(..k), parts, aim);
        }
        if self.below {
            return (0..path.len())
                .any(|at: usize| aligned(path.get(at..at.saturating_add(k)), parts, aim));
        }
        // From the end; what `**` swallows is not spelled.
        let after = deep.iter().rev().take_while(|d| !**d).count();
        let start = path.len().saturating_sub(after.min(k));
        if after < k && after == path.len() {
            return false;
        }
        aligned_tail(path.get(start..), parts, aim)
    }
}
