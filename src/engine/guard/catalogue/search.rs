//! Whether a name that narrows the walk of a home keeps secrets out of it.
//!
//! Two questions. What only lists names may find what it likes, unless the name
//! is that of a secret. What reads the files that it finds has to be narrowed
//! to names that no place has. Deliberately absent: names in a directory that a
//! row takes as a whole (`.ssh/notes.rs`), or no search would be left.

use super::aim::reaches;
use super::{GLOBS, INDEX, Kind};
use crate::engine::guard::paths::glob::Component;

/// Endings of source code and prose.
const CODE: &str = "
    .md .mdx .rst .adoc .tex .ts .tsx .js .jsx .mjs .cjs .py .ipynb .rs .go .java .kt .scala .rb
    .c .h .cc .cpp .hpp .cs .swift .html .css .scss .svg .vue .svelte .php .pl .lua .sh .ex .exs
    .hs .ml .dart .sql
";
/// Most alternatives of `{a,b}` that are looked at.
const ALTERNATIVES: usize = 64;
/// Longest name in bytes that is looked at.
const LONGEST: usize = 1024;

/// Whether a name pattern given to a search of a whole home directory could
/// bring a secret to light. Far looser than [`aimed_at`].
pub(in crate::engine::guard) fn in_search(name: &str, anywhere: bool) -> bool {
    let name = Component::parse(&if anywhere {
        format!("*{name}*")
    } else {
        name.to_owned()
    });
    if name.is_open() {
        return true;
    }
    let rows = INDEX.rows.iter().zip(GLOBS.iter());
    // What is honestly read may be found.
    let parts = rows.filter(|(row, _)| row.place.kind != Kind::GuardedWrites);
    parts.flat_map(|(_, parts)| parts).any(|part| {
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

/// Whether what is read below `root` under such a name (lower case) could be a
/// secret. `personal` where `root` is somebody's, or holds somebody's home.
pub(in crate::engine::guard) fn in_read(name: &str, root: &[String], personal: bool) -> bool {
    let Some(names) = alternatives(name) else {
        return true;
    };
    let names: Vec<Component> = names.iter().map(|n| Component::parse(n)).collect();
    if names.iter().any(Component::is_open) {
        return true;
    }
    let is_plain = |name: &&Component| {
        let extension = name.extension().unwrap_or_default();
        !CODE.split_ascii_whitespace().any(|code| code == extension)
    };
    let names: Vec<&Component> = names.iter().filter(is_plain).collect();
    INDEX.rows.iter().zip(GLOBS.iter()).any(|(row, parts)| {
        let below = if row.pattern.rooted {
            root.first()
                .is_none_or(|first| row.pattern.parts.first() == Some(&first.as_str()))
        } else {
            personal
        };
        let last = row.pattern.parts.last().zip(parts.last());
        below
            && row.place.kind != Kind::GuardedWrites
            && last.is_some_and(|(text, part)| names.iter().any(|n| may_be(n, text, part)))
    })
}

/// Whether a file that a glob takes may be called as a row says. Of a row that
/// has wildcards itself the glob has to say half.
fn may_be(name: &Component, text: &str, part: &Component) -> bool {
    if let Some(start) = text.strip_suffix('*').filter(|s| s.len() > 3)
        && !start.contains(['*', '?', '['])
        && name.overlap(&Component::parse(start)).is_some()
    {
        return true;
    }
    name.overlap(part)
        .is_some_and(|o| part.is_literal() || reaches(o.spelled, o.literal, 50))
}

/// `*.{yml,json}` as `*.yml` and `*.json`; `None` where they are too many.
fn alternatives(name: &str) -> Option<Vec<String>> {
    if name.len() > LONGEST {
        return None;
    }
    let mut out = vec![name.to_owned()];
    // Each round opens the first braces of every name.
    for _ in 0..4 {
        let mut next = Vec::new();
        for name in &out {
            match braces(name) {
                Some((before, inner, after)) => {
                    next.extend(inner.split(',').map(|one| format!("{before}{one}{after}")));
                }
                None => next.push(name.clone()),
            }
        }
        out = next;
        if out.len() > ALTERNATIVES {
            return None;
        }
    }
    out.iter().all(|n| braces(n).is_none()).then_some(out)
}

fn braces(name: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = name.split_once('{')?;
    let (inner, after) = rest.split_once('}')?;
    Some((before, inner, after))
}
