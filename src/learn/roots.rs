//! The roots of `[paths]` that some paths lie in.

use std::collections::{BTreeMap, BTreeSet};

/// Most components of a path that are followed.
const DEEP: usize = 64;
/// A directory has so many components before it is proposed for what is in it.
const SHALLOW: usize = 2;

/// Roots that hold all of these absolute paths: the nearest common directory
/// where that is harmless, else several below it, else the very paths.
pub(super) fn roots(paths: &BTreeSet<String>, harmless: &dyn Fn(&str) -> bool) -> BTreeSet<String> {
    let split = paths.iter().map(|path| parts(path)).collect();
    let mut found = BTreeSet::new();
    below(split, 0, harmless, &mut found);
    found
}

/// Whether a path lies in one of the roots.
pub(super) fn covers(roots: &[String], path: &str) -> bool {
    let path = parts(path);
    roots.iter().any(|root| path.starts_with(&parts(root)))
}

fn parts(path: &str) -> Vec<&str> {
    path.split('/').filter(|part| !part.is_empty()).collect()
}

fn join(parts: &[&str]) -> String {
    format!("/{}", parts.join("/"))
}

/// `depth` components are common to all paths.
fn below(
    paths: Vec<Vec<&str>>,
    depth: usize,
    harmless: &dyn Fn(&str) -> bool,
    found: &mut BTreeSet<String>,
) {
    let Some(first) = paths.first() else { return };
    if paths.len() == 1 || depth >= DEEP {
        found.extend(paths.iter().map(|path| join(path)));
        return;
    }
    let mut common = depth;
    while let Some(part) = first.get(common)
        && paths.iter().all(|path| path.get(common) == Some(part))
    {
        common = common.saturating_add(1);
    }
    let dir = join(first.get(..common).unwrap_or_default());
    if common >= SHALLOW && harmless(&dir) {
        found.insert(dir);
        return;
    }
    let mut children: BTreeMap<Option<&str>, Vec<Vec<&str>>> = BTreeMap::new();
    for path in paths {
        children
            .entry(path.get(common).copied())
            .or_default()
            .push(path);
    }
    for (child, paths) in children {
        match child {
            // The directory itself, which would let in all that is below it.
            None => {}
            Some(_) => below(paths, common.saturating_add(1), harmless, found),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_are_as_narrow_as_they_can_be_told() {
        let harmless = |dir: &str| !matches!(dir, "/" | "/home" | "/home/u" | "/home/u/.config");
        for (paths, expected) in [
            (&["/home/u/p/a"][..], &["/home/u/p/a"][..]),
            (&["/home/u/p/a", "/home/u/p/b"], &["/home/u/p"]),
            (&["/home/u/p", "/home/u/p/b/c"], &["/home/u/p"]),
            (
                &["/home/u/p/a", "/home/u/q/b"],
                &["/home/u/p/a", "/home/u/q/b"],
            ),
            (
                &["/home/u/p/a", "/home/u/p/b", "/home/u/q/b"],
                &["/home/u/p", "/home/u/q/b"],
            ),
            (&["/tmp/a", "/tmp/b"], &["/tmp/a", "/tmp/b"]),
            (&["/tmp/x/a", "/var/y/b"], &["/tmp/x/a", "/var/y/b"]),
            (&["/home/u", "/home/u/p/a"], &["/home/u/p/a"]),
        ] {
            let paths = paths.iter().map(|p| (*p).to_owned()).collect();
            let found: Vec<_> = roots(&paths, &harmless).into_iter().collect();
            assert_eq!(found, expected);
        }
        assert!(covers(&["/a/b".to_owned()], "/a/b/c"));
        assert!(!covers(&["/a/b".to_owned()], "/a/bc"));
    }
}
