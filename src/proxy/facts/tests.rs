//! Real links in a temporary directory.

use super::*;
use crate::engine::guard::paths::{PathGuard, PathRules};
use std::os::unix::fs::symlink;

fn one(path: &Path) -> PathFact {
    let question = path.to_str().unwrap().to_owned();
    resolve(&[question.clone()].into())
        .0
        .remove(&question)
        .unwrap()
}

fn resolved(path: &Path) -> PathFact {
    PathFact::Resolved(path.to_str().unwrap().to_owned())
}

/// A canonical temporary directory: it may itself be behind a link.
fn directory() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().canonicalize().unwrap();
    (dir, path)
}

#[test]
fn links_are_followed_and_missing_tails_kept() {
    let (_keep, dir) = directory();
    std::fs::create_dir_all(dir.join("real/sub")).unwrap();
    std::fs::write(dir.join("real/file"), "").unwrap();
    symlink(dir.join("real"), dir.join("link")).unwrap();
    symlink("../real/file", dir.join("real/relative")).unwrap();
    symlink(dir.join("nowhere"), dir.join("dangling")).unwrap();
    assert_eq!(
        one(&dir.join("real/file")),
        resolved(&dir.join("real/file"))
    );
    assert_eq!(
        one(&dir.join("link/file")),
        resolved(&dir.join("real/file"))
    );
    assert_eq!(
        one(&dir.join("link/relative")),
        resolved(&dir.join("real/file"))
    );
    assert_eq!(
        one(&dir.join("link/new/deep.txt")),
        resolved(&dir.join("real/new/deep.txt"))
    );
    assert_eq!(one(&dir.join("dangling")), resolved(&dir.join("nowhere")));
    // A file where a directory would have to be.
    assert_eq!(
        one(&dir.join("real/file/x")),
        resolved(&dir.join("real/file/x"))
    );
}

#[test]
fn parent_steps_behind_a_link_mean_what_the_kernel_means() {
    let (_keep, dir) = directory();
    std::fs::create_dir_all(dir.join("a/b")).unwrap();
    symlink(dir.join("a/b"), dir.join("link")).unwrap();
    assert_eq!(one(&dir.join("link/../x")), resolved(&dir.join("a/x")));
    symlink(dir.join("a"), dir.join("back")).unwrap();
    assert_eq!(
        one(&dir.join("missing/../back/x")),
        resolved(&dir.join("a/x"))
    );
}

#[test]
fn loops_are_unknown() {
    let (_keep, dir) = directory();
    symlink(dir.join("two"), dir.join("one")).unwrap();
    symlink(dir.join("one"), dir.join("two")).unwrap();
    assert!(matches!(one(&dir.join("one/x")), PathFact::Unknown(_)));
    assert!(matches!(
        one(&dir.join("x/".repeat(3000))),
        PathFact::Unknown(_)
    ));
}

#[test]
fn every_question_is_answered() {
    let questions: BTreeSet<String> = ["", "relative", "/", "/\u{0}", "/nowhere/at/all"]
        .map(str::to_owned)
        .into();
    let facts = resolve(&questions);
    assert_eq!(facts.0.keys().cloned().collect::<BTreeSet<_>>(), questions);
    assert_eq!(facts.0.get("/"), Some(&PathFact::Resolved("/".to_owned())));
}

#[test]
fn own_files_are_known_by_their_real_place_too() {
    let (_keep, dir) = directory();
    std::fs::create_dir(dir.join("state")).unwrap();
    symlink(dir.join("state"), dir.join("current")).unwrap();
    let own = dir.join("current").to_str().unwrap().to_owned();
    let host = host_facts(&dir, vec![own.clone()]);
    assert_eq!(
        host.own,
        [own, dir.join("state").to_str().unwrap().to_owned()]
    );
    assert_eq!(host.cwd, dir.to_str().unwrap());
}

#[test]
fn a_harmless_name_that_leads_to_a_secret_is_found() {
    let (_keep, dir) = directory();
    std::fs::create_dir_all(dir.join("home/.ssh")).unwrap();
    std::fs::create_dir(dir.join("work")).unwrap();
    std::fs::write(dir.join("home/.ssh/id_rsa"), "").unwrap();
    std::fs::write(dir.join("work/plain.txt"), "").unwrap();
    symlink(dir.join("home/.ssh/id_rsa"), dir.join("work/notes.txt")).unwrap();
    symlink(dir.join("home/.ssh"), dir.join("work/docs")).unwrap();
    let guard = PathGuard::new(
        host_facts(&dir.join("work"), Vec::new()),
        PathRules {
            defaults: true,
            ..PathRules::default()
        },
    );
    let codes = |value: &str| -> Vec<&'static str> {
        let candidates = [guard.candidate_of_path("", value)];
        let facts = resolve(&guard.questions(&candidates));
        guard
            .inspect(&candidates, &facts)
            .iter()
            .map(|f| f.code)
            .collect()
    };
    assert_eq!(codes("notes.txt"), ["secret-place"]);
    assert_eq!(codes("docs/readme"), ["secret-place"]);
    assert_eq!(codes("docs"), ["secret-place"]);
    assert!(codes("plain.txt").is_empty());
    assert!(codes("new.txt").is_empty());
}
