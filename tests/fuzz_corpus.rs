//! Replays the committed fuzz corpora, so that what fuzzing has found stays
//! fixed on the stable toolchain. The bodies are those of the fuzz targets.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use lockgate::fuzzing;
use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

#[track_caller]
fn replay(target: &str, body: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target);
    let mut seeds: Vec<_> = fs::read_dir(&corpus)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    seeds.sort();
    assert!(
        seeds.len() >= 24,
        "only {} seeds in {}",
        seeds.len(),
        corpus.display()
    );
    let failed: Vec<_> = seeds
        .iter()
        .filter(|seed| {
            let data = fs::read(seed).unwrap();
            catch_unwind(|| body(&data)).is_err()
        })
        .collect();
    assert!(
        failed.is_empty(),
        "seeds that break an assertion: {failed:#?}"
    );
}

#[test]
fn message() {
    replay("message", fuzzing::message);
}

#[test]
fn canonical() {
    replay("canonical", fuzzing::canonical);
}

#[test]
fn constraint() {
    replay("constraint", fuzzing::constraint);
}

#[test]
fn policy() {
    replay("policy", fuzzing::policy);
}

#[test]
fn path() {
    replay("path", fuzzing::path);
}

#[test]
fn session() {
    replay("session", fuzzing::session);
}

#[test]
fn sse() {
    replay("sse", fuzzing::sse);
}

#[test]
fn era() {
    replay("era", fuzzing::era);
}
