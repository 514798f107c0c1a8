//! The path guard against case files: one call or uri a line, grouped by
//! technique. Attacks must be found, honest calls must have no finding.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test helper stops at the first thing that is wrong"
)]

use lockgate::engine::guard::paths::{HostFacts, PathFacts, PathGuard, PathRules};
use lockgate::engine::message::{Document, Json, Limits};
use std::path::{Path, PathBuf};

fn guard() -> PathGuard {
    let host = HostFacts {
        home: "/home/u".to_owned(),
        cwd: "/home/u/project".to_owned(),
        variables: [("HOME", "/home/u"), ("USER", "u"), ("TMPDIR", "/tmp")]
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .into(),
        case_insensitive: false,
        own: vec![
            "/home/u/project/gate/policy.toml".to_owned(),
            "/srv/gate".to_owned(),
        ],
    };
    PathGuard::new(
        host,
        PathRules {
            defaults: true,
            ..PathRules::default()
        },
    )
}

/// The codes that one line's call is stopped with.
fn codes(guard: &PathGuard, case: Json<'_>) -> Vec<&'static str> {
    let candidates = if let Some(uri) = case.get("uri").and_then(Json::as_str) {
        guard.candidates_of_uri(&uri)
    } else {
        let tool = case
            .get("tool")
            .and_then(Json::as_str)
            .expect("a case has a tool or a uri");
        let arguments = case.get("args").expect("a case has args");
        guard.candidates(&tool, arguments, case.get("schema"))
    };
    let facts = PathFacts::without_links(&guard.questions(&candidates));
    guard
        .inspect(&candidates, &facts)
        .into_iter()
        .map(|f| f.code)
        .collect()
}

fn files(kind: &str) -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/cases/path")
        .join(kind);
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir)
        .unwrap()
        .map(|f| f.unwrap().path())
        .collect();
    files.sort();
    files
}

/// Runs every line; returns how many there were and which went wrong.
fn run(kind: &str, right: &dyn Fn(&[&str], Json<'_>) -> bool) -> (usize, Vec<String>) {
    let guard = guard();
    let (mut count, mut wrong) = (0, Vec::new());
    for file in files(kind) {
        let text = std::fs::read_to_string(&file).unwrap();
        for (n, line) in text.lines().enumerate().filter(|(_, l)| l.starts_with('{')) {
            count += 1;
            let case = Document::read(line.as_bytes().to_vec(), &Limits::DEFAULT)
                .unwrap_or_else(|e| panic!("{}:{}: {e}", file.display(), n + 1));
            let found = codes(&guard, case.root());
            if !right(&found, case.root()) {
                let name = file.file_name().unwrap().to_string_lossy().into_owned();
                wrong.push(format!("{name}:{}: {found:?} {line}", n + 1));
            }
        }
    }
    (count, wrong)
}

#[test]
fn attacks_are_found() {
    let (count, wrong) = run("attacks", &|found, case| match case
        .get("expect")
        .and_then(Json::as_str)
    {
        Some(code) => found.contains(&code.as_ref()),
        None => found
            .iter()
            .any(|code| matches!(*code, "secret-place" | "self-protection")),
    });
    assert!(count >= 250, "only {count} attacks");
    assert!(
        wrong.is_empty(),
        "{} of {count} attacks pass:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn honest_calls_pass() {
    let (count, wrong) = run("honest", &|found, _| found.is_empty());
    assert!(count >= 250, "only {count} honest calls");
    assert!(
        wrong.is_empty(),
        "{} of {count} honest calls are stopped:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
