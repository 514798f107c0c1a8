//! Which tests belong to which policy.
//!
//! `NAME.test.toml` and `NAME.ANY.test.toml` belong to `NAME.toml` beside them;
//! a test file that is named after no policy belongs to every policy of its
//! directory. A directory that is one policy has all tests in it.

use crate::cli::Fault;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const ENDING: &str = ".test.toml";

/// Whether a file holds tests, by its name.
pub(super) fn is_test(path: &Path) -> bool {
    stem(path).is_some()
}

/// What a test file is named after.
fn stem(path: &Path) -> Option<&str> {
    let name = path.file_name()?.to_str()?;
    name.strip_suffix(ENDING).filter(|stem| !stem.is_empty())
}

/// The policy that a test file is named after.
fn policy_of(test: &Path) -> Option<PathBuf> {
    let mut stem = stem(test)?;
    loop {
        let policy = test.with_file_name(format!("{stem}.toml"));
        if policy.exists() {
            return Some(policy);
        }
        stem = stem.rsplit_once('.')?.0;
    }
}

/// The directory of a file.
pub(super) fn dir_of(file: &Path) -> &Path {
    let dir = file.parent().filter(|dir| !dir.as_os_str().is_empty());
    dir.unwrap_or(Path::new("."))
}

/// All test files of a directory, by name.
fn tests_in(dir: &Path) -> Result<Vec<PathBuf>, Fault> {
    let failed = |e: std::io::Error| {
        let dir = dir.display();
        Fault::Failed(format!("cannot look for tests in `{dir}`: {e}"))
    };
    let mut tests = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        // `./x` is no better than `x` in messages.
        let path = if dir == Path::new(".") {
            PathBuf::from(name)
        } else {
            dir.join(name)
        };
        if is_test(&path) {
            tests.push(path);
        }
    }
    tests.sort();
    Ok(tests)
}

/// The tests of a policy, which lie beside it.
pub(in crate::cli) fn tests_of(policy: &Path) -> Result<Vec<PathBuf>, Fault> {
    if policy.is_dir() {
        return tests_in(policy);
    }
    let mut tests = tests_in(dir_of(policy))?;
    tests
        .retain(|test| policy_of(test).is_none_or(|named| named.file_name() == policy.file_name()));
    Ok(tests)
}

/// The policies that are meant by files and directories, each with its tests.
pub(super) fn meant(paths: &[PathBuf]) -> Result<BTreeMap<PathBuf, Vec<PathBuf>>, Fault> {
    let mut all: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
    for path in paths {
        if !path.is_dir() && !is_test(path) {
            all.entry(path.clone()).or_default().extend(tests_of(path)?);
            continue;
        }
        for test in listed(path)? {
            let policy = policy_of(&test).unwrap_or(dir_of(&test).join("lockgate.toml"));
            if !policy.exists() {
                return Err(Fault::Usage(format!(
                    "`{}` lies beside no policy: say whose tests these are with `--config`",
                    test.display()
                )));
            }
            all.entry(policy).or_default().push(test);
        }
    }
    for tests in all.values_mut() {
        tests.sort();
        tests.dedup();
    }
    Ok(all)
}

/// The test files of a path, which is one or has some.
pub(super) fn listed(path: &Path) -> Result<Vec<PathBuf>, Fault> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let tests = tests_in(path)?;
    if tests.is_empty() {
        let path = path.display();
        return Err(Fault::Usage(format!("`{path}` has no `*{ENDING}`")));
    }
    Ok(tests)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_belong_to_the_policy_of_their_name() {
        let dir = tempfile::tempdir().unwrap();
        for name in [
            "a.toml",
            "b.toml",
            "a.test.toml",
            "a.read.test.toml",
            "b.test.toml",
            "all.test.toml",
            ".test.toml",
            "test.toml",
        ] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        let names = |tests: Vec<PathBuf>| -> Vec<String> {
            let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
            tests.iter().map(name).collect()
        };
        let of = |policy: &str| names(tests_of(&dir.path().join(policy)).unwrap());
        assert_eq!(
            of("a.toml"),
            ["a.read.test.toml", "a.test.toml", "all.test.toml"]
        );
        assert_eq!(of("b.toml"), ["all.test.toml", "b.test.toml"]);
        assert_eq!(names(tests_of(dir.path()).unwrap()).len(), 4);
    }
}
