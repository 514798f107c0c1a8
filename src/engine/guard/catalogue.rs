//! The catalogue of secret places: data, and the matching of a path with it.
//!
//! Data is in `catalogue/places.rs` and `catalogue/people.rs`; the page
//! `docs/secret-places.md` is made from it. Names are compared in lower case
//! on every system: no honest name differs from a secret one only in case.
//! Nothing is a regular expression: a path costs a few look-ups.

mod people;
mod places;

use super::paths::glob::{self, Component};
use std::sync::LazyLock;

/// What an access to a place means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Holds secrets.
    Secret,
    /// Holds secrets by a name so common that the name alone, without any sign
    /// that a file is meant, is not taken for it.
    Generic,
    /// Decides what starts: lockgate's own files and MCP client configuration.
    Guarded,
    /// The same, but honestly read; only changes are stopped.
    GuardedWrites,
}

/// One row of the catalogue.
///
/// `patterns` is a comma-separated list. A pattern is a sequence of path
/// components in lower case: it fits wherever a path ends with it, a leading
/// `/` ties it to the root, a trailing `/**` takes the directory and all below
/// it, `**` between components any number of them, `*` and `?` characters of
/// one component, and a leading `@/` stands for every place where desktop
/// systems keep applications' data. `except` is what the row leaves alone.
#[derive(Debug)]
pub struct Place {
    /// Stable kebab-case name.
    pub id: &'static str,
    /// What is kept there, for people.
    pub what: &'static str,
    /// Which document says so.
    pub source: &'static str,
    /// What an access means.
    pub kind: Kind,
    /// Where.
    pub patterns: &'static str,
    /// Where not.
    pub except: &'static [&'static str],
}

/// Every row.
pub fn places() -> impl Iterator<Item = &'static Place> {
    places::PLACES.iter().chain(people::PLACES)
}

/// What a leading `@/` stands for.
const APPLICATION_DATA: [&str; 6] = [
    ".config",
    "application support",
    "appdata/roaming",
    "appdata/local",
    ".local/share",
    ".var/app/*/config",
];

/// A pattern, split.
#[derive(Debug, Clone)]
pub(super) struct Pattern<'a> {
    parts: Vec<&'a str>,
    /// Tied to the root.
    rooted: bool,
    /// Takes everything below it as well.
    below: bool,
}

impl<'a> Pattern<'a> {
    /// Splits one pattern without a leading `@/`.
    pub(super) fn parse(text: &'a str) -> Self {
        let (text, below) = text
            .strip_suffix("/**")
            .map_or((text, false), |t| (t, true));
        Self {
            parts: text.split('/').filter(|p| !p.is_empty()).collect(),
            rooted: text.starts_with('/'),
            below,
        }
    }

    /// The same, taking everything below as well.
    pub(super) fn with_below(mut self) -> Self {
        self.below = true;
        self
    }

    /// Whether a path of these components is the place or below it.
    pub(super) fn fits(&self, path: &[String]) -> bool {
        if self.rooted {
            return sequence(&self.parts, path, self.below);
        }
        let deep = self.parts.contains(&"**");
        if !self.below && !deep {
            let Some(start) = path.len().checked_sub(self.parts.len()) else {
                return false;
            };
            return path
                .get(start..)
                .is_some_and(|end| sequence(&self.parts, end, false));
        }
        (0..path.len()).any(|at| {
            path.get(at..)
                .is_some_and(|end| sequence(&self.parts, end, self.below))
        })
    }

    /// Whether a glob could mean the place, however vaguely it says so; only
    /// one that is wildcards and nothing else does not count.
    pub(super) fn may_fit(&self, path: &[String]) -> bool {
        let parts: Vec<Component> = self.parts.iter().map(|p| Component::parse(p)).collect();
        let path: Vec<Component> = path.iter().map(|p| Component::parse(p)).collect();
        let starts = if self.rooted { 0..1 } else { 0..path.len() };
        starts
            .into_iter()
            .filter_map(|at| path.get(at..))
            .any(|end| {
                let long = end.len() == parts.len() || (self.below && end.len() > parts.len());
                long && end
                    .iter()
                    .zip(&parts)
                    .all(|(name, part)| name.overlap(part).is_some())
                    && !end.iter().zip(&parts).all(|(name, _)| name.is_open())
            })
    }

    /// Whether a glob could mean the place and is aimed at it.
    fn aimed_at(
        &self,
        parts: &[Component],
        path: &[Component],
        deep: &[bool],
        enough: usize,
    ) -> bool {
        let k = parts.len();
        if self.rooted {
            let long = path.len() == k || (self.below && path.len() > k);
            return long && aligned(path.get(..k), parts, enough);
        }
        if self.below {
            return (0..path.len())
                .any(|at: usize| aligned(path.get(at..at.saturating_add(k)), parts, enough));
        }
        // From the end; what `**` swallows is not spelled.
        let after = deep.iter().rev().take_while(|d| !**d).count();
        let start = path.len().saturating_sub(after.min(k));
        if after < k && after == path.len() {
            return false;
        }
        aligned_tail(path.get(start..), parts, enough)
    }
}

fn sequence(parts: &[&str], path: &[String], below: bool) -> bool {
    let Some((part, parts_left)) = parts.split_first() else {
        return below || path.is_empty();
    };
    if *part == "**" {
        return (0..=path.len()).any(|n| {
            path.get(n..)
                .is_some_and(|rest| sequence(parts_left, rest, below))
        });
    }
    let Some((name, path_left)) = path.split_first() else {
        return false;
    };
    let same = if glob::is_glob(part) {
        glob::fits(part, name)
    } else {
        *part == name
    };
    same && sequence(parts_left, path_left, below)
}

/// Hundredths of a pattern that a glob has to spell out to be aimed at it.
const AIMED: usize = 50;
const AIMED_GENERIC: usize = 70;
/// The same for a glob open at both ends, or open where the name has its dot.
const AIMED_OPEN: usize = 80;

fn aligned(path: Option<&[Component]>, parts: &[Component], enough: usize) -> bool {
    path.is_some_and(|p| p.len() == parts.len() && aligned_tail(path, parts, enough))
}

/// Compares from the end; parts of the pattern beyond the path are unspelled.
fn aligned_tail(path: Option<&[Component]>, parts: &[Component], enough: usize) -> bool {
    let Some(path) = path else { return false };
    let (mut spelled, mut literal, mut before, mut before_literal) =
        (0_usize, 0_usize, 0_usize, 0_usize);
    let mut names = path.iter().rev();
    for (n, part) in parts.iter().rev().enumerate() {
        let Some(name) = names.next() else {
            literal = literal.saturating_add(part.literals().saturating_mul(2));
            continue;
        };
        let Some(overlap) = aimed(name, part) else {
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
    let whole_directory = path.len() == parts.len()
        && path.last().is_some_and(Component::is_open)
        && before_literal > 0
        && reaches(before, before_literal, AIMED_OPEN);
    // Directories that `**` stands for are not spelled: ask for more.
    let enough = if path.len() < parts.len() {
        AIMED_OPEN
    } else {
        enough
    };
    spelled >= 4 && reaches(spelled, literal, enough) || whole_directory
}

fn reaches(spelled: usize, literal: usize, hundredths: usize) -> bool {
    spelled.saturating_mul(100) >= literal.saturating_mul(hundredths)
}

/// The overlap of two components, unless the glob is about something else.
fn aimed(name: &Component, part: &Component) -> Option<glob::Overlap> {
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
    let open = name.open_both() || name.starts_open() || part.starts_open();
    (!open || reaches(overlap.spelled, overlap.literal, AIMED_OPEN)).then_some(overlap)
}

struct Row {
    place: &'static Place,
    pattern: Pattern<'static>,
}

/// The catalogue, split, with an index by first component.
struct Index {
    rows: Vec<Row>,
    /// Sorted by the literal first component.
    literal: Vec<(&'static str, usize)>,
    /// Rows whose first component has a wildcard.
    wild: Vec<usize>,
}

static INDEX: LazyLock<Index> = LazyLock::new(|| {
    let mut rows: Vec<Row> = Vec::with_capacity(1024);
    for place in places() {
        for text in list(place.patterns) {
            let Some(rest) = text.strip_prefix("@/") else {
                rows.push(Row {
                    place,
                    pattern: Pattern::parse(text),
                });
                continue;
            };
            for prefix in APPLICATION_DATA {
                let mut pattern = Pattern::parse(rest);
                pattern.parts.splice(0..0, prefix.split('/'));
                rows.push(Row { place, pattern });
            }
        }
    }
    let (mut literal, mut wild) = (Vec::with_capacity(rows.len()), Vec::new());
    for (at, row) in rows.iter().enumerate() {
        match row.pattern.parts.first() {
            Some(first) if !glob::is_glob(first) => literal.push((*first, at)),
            _ => wild.push(at),
        }
    }
    literal.sort_unstable();
    Index {
        rows,
        literal,
        wild,
    }
});

/// The parts of each row as globs; only paths with wildcards need them.
static GLOBS: LazyLock<Vec<Vec<Component>>> = LazyLock::new(|| {
    INDEX
        .rows
        .iter()
        .map(|row| {
            row.pattern
                .parts
                .iter()
                .map(|p| Component::parse(p))
                .collect()
        })
        .collect()
});

fn list(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.split(',').map(str::trim).filter(|p| !p.is_empty())
}

impl Place {
    /// Whether the row leaves this path alone. The first `skip` components are
    /// the user's home or the working directory: where a person lives says
    /// nothing about what a file is.
    fn excepts(&self, path: &[String], skip: usize) -> bool {
        let path = path.get(skip..).unwrap_or(path);
        self.except
            .iter()
            .flat_map(|group| list(group))
            .any(|text| Pattern::parse(text).fits(path))
    }
}

/// The places that a path of these components (lower case) is in.
pub(super) fn at(path: &[String], skip: usize) -> Vec<&'static Place> {
    let index = &*INDEX;
    let mut found: Vec<&'static Place> = Vec::new();
    let mut look = |at: usize| {
        if let Some(row) = index.rows.get(at)
            && row.pattern.fits(path)
            && !found.iter().any(|p| p.id == row.place.id)
            && !row.place.excepts(path, skip)
        {
            found.push(row.place);
        }
    };
    for name in path {
        let from = index
            .literal
            .partition_point(|(first, _)| *first < name.as_str());
        for (_, at) in index
            .literal
            .iter()
            .skip(from)
            .take_while(|(first, _)| first == name)
        {
            look(*at);
        }
    }
    for at in &index.wild {
        look(*at);
    }
    found
}

/// The places that a glob of these components (lower case) is aimed at.
pub(super) fn aimed_at(path: &[String], skip: usize) -> Vec<&'static Place> {
    let components: Vec<Component> = path.iter().map(|p| Component::parse(p)).collect();
    let deep: Vec<bool> = path.iter().map(|p| p.contains("**")).collect();
    let mut found: Vec<&'static Place> = Vec::new();
    for (row, parts) in INDEX.rows.iter().zip(GLOBS.iter()) {
        let enough = if row.place.kind == Kind::Generic {
            AIMED_GENERIC
        } else {
            AIMED
        };
        if !found.iter().any(|p| p.id == row.place.id)
            && row.pattern.aimed_at(parts, &components, &deep, enough)
            && !row.place.excepts(path, skip)
        {
            found.push(row.place);
        }
    }
    found
}

/// Whether a name pattern given to a search of a whole home directory could
/// bring a secret to light. Far looser than [`aimed_at`].
pub(super) fn in_search(name: &str, anywhere: bool) -> bool {
    let name = Component::parse(&if anywhere {
        format!("*{name}*")
    } else {
        name.to_owned()
    });
    if name.is_open() {
        return true;
    }
    GLOBS.iter().flatten().any(|part| {
        if part.literals() < 3 {
            return false;
        }
        if let Some(extension) = name.extension() {
            let same = Component::parse(&extension).overlap(part);
            return part.extension().is_some_and(|e| e == extension)
                || same.is_some_and(|s| !part.starts_open() && s.spelled == s.literal);
        }
        let limit = if name.is_literal() { 100 } else { 50 };
        let own = name.literals().saturating_mul(2);
        name.overlap(part).is_some_and(|o| {
            o.spelled >= 6 && reaches(o.spelled, o.literal, limit) && reaches(o.spelled, own, 80)
        })
    })
}

/// Whether a secret place is inside the directory of these components. Only
/// hidden directories, those of the system, and applications' data count: any
/// project may have a directory named `cargo`.
pub(super) fn is_above(path: &[String]) -> bool {
    static HEADS: LazyLock<(Vec<&'static str>, Vec<&'static str>)> = LazyLock::new(|| {
        let heads = |row: &Row| row.pattern.parts.len().saturating_sub(1);
        names(|row| row.pattern.parts.iter().take(heads(row)).copied().collect())
    });
    if path.last().is_none_or(|last| !is_listed(&HEADS, last)) {
        return false;
    }
    INDEX
        .rows
        .iter()
        .filter(|row| row.place.kind == Kind::Secret)
        .any(|row| {
            let parts = &row.pattern.parts;
            (1..parts.len()).any(|n| {
                let Some(head) = parts.get(..n).filter(|h| !h.contains(&"**")) else {
                    return false;
                };
                if row.pattern.rooted {
                    return sequence(head, path, false);
                }
                let Some((before, end)) = path
                    .len()
                    .checked_sub(n)
                    .and_then(|at| path.split_at_checked(at))
                else {
                    return false;
                };
                let hidden = end.first().is_some_and(|first| first.starts_with('.'));
                (hidden || is_application_data(before)) && sequence(head, end, false)
            })
        })
}

fn is_application_data(path: &[String]) -> bool {
    APPLICATION_DATA
        .iter()
        .any(|prefix| Pattern::parse(prefix).fits(path))
}

/// Whether some place has this last name (lower case). Names that begin with a
/// wildcard are left out: they have a dot and are looked at anyway.
pub(super) fn ends_some_place(name: &str) -> bool {
    static NAMES: LazyLock<(Vec<&'static str>, Vec<&'static str>)> =
        LazyLock::new(|| names(|row| row.pattern.parts.last().copied().into_iter().collect()));
    is_listed(&NAMES, name)
}

/// Component names of the rows: the literal ones, and those with wildcards
/// behind their first character.
fn names(of: impl Fn(&Row) -> Vec<&'static str>) -> (Vec<&'static str>, Vec<&'static str>) {
    let mut names: Vec<&'static str> = INDEX.rows.iter().flat_map(of).collect();
    names.sort_unstable();
    names.dedup();
    let (wild, literal) = names.into_iter().partition(|n| glob::is_glob(n));
    (literal, wild)
}

fn is_listed((literal, wild): &(Vec<&'static str>, Vec<&'static str>), name: &str) -> bool {
    literal.binary_search(&name).is_ok()
        || wild
            .iter()
            .any(|w| !w.starts_with(['*', '?']) && glob::fits(w, name))
}
