//! The catalogue of secret places: data, and the matching of a path with it.
//!
//! Data is in `catalogue/places.rs`, `people.rs` and `tools.rs`, the comparison
//! with globs in `aim.rs`; the page `docs/secret-places.md` is made from it. Names are compared in lower case
//! on every system: no honest name differs from a secret one only in case.
//! Nothing is a regular expression: a path costs a few look-ups.

mod aim;
mod backup;
mod people;
mod places;
mod search;
mod tools;

use super::paths::glob::{self, Component};
use aim::{AIMED, AIMED_GENERIC, Aim};
pub(super) use search::{in_read, in_search};
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
/// one component, a leading `@/` stands for every place where desktop systems
/// keep applications' data, and a leading `~/` ties it to somebody's home.
/// `except` is what the row leaves alone.
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
    places::PLACES
        .iter()
        .chain(people::PLACES)
        .chain(tools::PLACES)
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
    /// Tied to a home directory.
    home: bool,
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
            home: false,
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
        // `.pem` alone is an extension and no file's name.
        glob::fits(part, name) && part.strip_prefix('*') != Some(name.as_str())
    } else {
        *part == name
    };
    same && sequence(parts_left, path_left, below)
}

struct Row {
    place: &'static Place,
    pattern: Pattern<'static>,
}

impl Row {
    fn fits(&self, path: &[String], home: Option<usize>) -> bool {
        if !self.pattern.home {
            return self.pattern.fits(path);
        }
        home.and_then(|home| path.get(home..))
            .is_some_and(|below| sequence(&self.pattern.parts, below, self.pattern.below))
    }
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
                let in_home = text.strip_prefix("~/");
                let mut pattern = Pattern::parse(in_home.unwrap_or(text));
                pattern.home = in_home.is_some();
                rows.push(Row { place, pattern });
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

/// What is known of where a path lies.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Setting {
    /// How many leading components only say where the user or the server is.
    pub(super) skip: usize,
    /// How many leading components are somebody's home directory.
    pub(super) home: Option<usize>,
    /// It is what a search by name looks for.
    pub(super) sought: bool,
    /// It is changed.
    pub(super) changed: bool,
}

/// The places that a path of these components (lower case) is in. A copy of a
/// place that holds secrets is one as well.
pub(super) fn at(path: &[String], setting: Setting) -> Vec<&'static Place> {
    let mut found: Vec<&'static Place> = Vec::new();
    look(path, setting, &mut found);
    for path in originals(path) {
        let mut copied = Vec::new();
        look(&path, setting, &mut copied);
        copied.retain(|p| p.kind != Kind::GuardedWrites);
        found.extend(copied);
    }
    found
}

/// The same path under the names that its last one is a copy of.
pub(super) fn originals(path: &[String]) -> Vec<Vec<String>> {
    let Some((last, before)) = path.split_last() else {
        return Vec::new();
    };
    let under = |name: &str| {
        let mut path = before.to_vec();
        path.push(name.to_owned());
        path
    };
    let mut out: Vec<Vec<String>> = backup::originals(last).into_iter().map(under).collect();
    // `.aws.bak/credentials`
    if before.iter().any(|folder| backup::folder(folder).is_some()) {
        let of = |name: &String| backup::folder(name).unwrap_or(name).to_owned();
        let mut path: Vec<String> = before.iter().map(of).collect();
        path.push(last.clone());
        out.push(path);
    }
    out
}

fn look(path: &[String], setting: Setting, found: &mut Vec<&'static Place>) {
    let index = &*INDEX;
    let mut look = |at: usize| {
        if let Some(row) = index.rows.get(at)
            && row.fits(path, setting.home)
            && !found.iter().any(|p| p.id == row.place.id)
            && !row.place.excepts(path, setting.skip)
            // A copy of what the row leaves alone is left alone.
            && !originals(path).iter().any(|p| row.place.excepts(p, setting.skip))
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
}

/// The places that a glob of these components (lower case) is aimed at.
pub(super) fn aimed_at(path: &[String], setting: Setting) -> Vec<&'static Place> {
    let components: Vec<Component> = path.iter().map(|p| Component::parse(p)).collect();
    let deep: Vec<bool> = path.iter().map(|p| p.contains("**")).collect();
    let mut found: Vec<&'static Place> = Vec::new();
    for (row, parts) in INDEX.rows.iter().zip(GLOBS.iter()) {
        let aim = Aim {
            enough: if row.place.kind == Kind::Generic {
                AIMED_GENERIC
            } else {
                AIMED
            },
            sought: setting.sought,
            // To list `/etc` reads no file of lockgate.
            whole: setting.changed || matches!(row.place.kind, Kind::Secret | Kind::Generic),
        };
        if !found.iter().any(|p| p.id == row.place.id)
            && row
                .pattern
                .aimed_at(parts, &components, &deep, aim, setting.home)
            && !row.place.excepts(path, setting.skip)
        {
            found.push(row.place);
        }
    }
    found
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

/// Whether a name (lower case) is the end of a row's names and none itself:
/// `.pem`, and not `.env`.
pub(super) fn is_only_extension(name: &str) -> bool {
    name.starts_with('.')
        && !ends_some_place(name)
        && INDEX.wild.iter().any(|at| {
            let parts = INDEX.rows.get(*at).map(|row| row.pattern.parts.as_slice());
            matches!(parts, Some([only]) if only.strip_prefix('*') == Some(name))
        })
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
