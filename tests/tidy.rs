//! Tests of the source itself: the wall around the engine, and that documents
//! and code say the same. Each failure names file, line and what to do.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use lockgate::engine::policy::{Policy, PolicyBase, render};
use regex::Regex;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A text file of the project.
struct Text {
    /// Relative to the project, with `/`.
    path: String,
    content: String,
}

impl Text {
    /// The part that ships, without comments: line number and code.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let product = self.content.split("#[cfg(test)]\nmod tests {").next();
        let lines = product.unwrap_or_default().lines().enumerate();
        lines.map(|(n, line)| (n + 1, line.split("//").next().unwrap_or_default()))
    }

    /// Whether it is a test: beside the code, or in `tests/`.
    fn is_test(&self) -> bool {
        self.path.starts_with("tests/")
            || self.path.ends_with("tests.rs")
            || self.path.contains("/tests/")
    }

    fn is_rust(&self) -> bool {
        Path::new(&self.path).extension().is_some_and(|e| e == "rs")
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn project() -> Vec<Text> {
    const SKIPPED: [&str; 5] = ["target", ".git", "node_modules", ".venv", "corpus"];
    let mut texts = Vec::new();
    let mut waiting = vec![root()];
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                if !SKIPPED.contains(&name.as_str()) {
                    waiting.push(path);
                }
            } else if let Ok(content) = fs::read_to_string(&path) {
                let path = path.strip_prefix(root()).unwrap();
                let path = path.to_string_lossy().replace('\\', "/");
                texts.push(Text { path, content });
            }
        }
    }
    texts.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(
        texts.len() > 20,
        "the walk found only {} files",
        texts.len()
    );
    texts
}

fn below(folder: &str) -> Vec<Text> {
    let mut texts = project();
    texts.retain(|t| t.path.starts_with(folder));
    texts
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

#[track_caller]
fn assert_none(wrong: &[String], advice: &str) {
    assert!(wrong.is_empty(), "{advice}:\n  {}\n", wrong.join("\n  "));
}

/// Every line of shipped code below `folder` in which `pattern` matches.
fn lines_with(folder: &str, pattern: &str) -> Vec<String> {
    let pattern = Regex::new(pattern).unwrap();
    let mut found = Vec::new();
    for text in below(folder).iter().filter(|t| t.is_rust() && !t.is_test()) {
        for (number, line) in text.code().filter(|(_, line)| pattern.is_match(line)) {
            found.push(format!("{}:{number}: {}", text.path, line.trim()));
        }
    }
    found
}

#[test]
fn engine_is_walled_off() {
    let outside = r"\b(tokio|axum|rmcp|hyper|rustix)\b|\bstd::(fs|net|env|process|thread)\b";
    let shells = r"\bcrate::(transport|proxy|audit|cli|sandbox|identity|state|telemetry|console)\b";
    let clock =
        r"\b(Instant|SystemTime|HashMap|HashSet)\b|\basync\b|\bthread_local\b|\bstatic mut\b";
    let lossy = r"\bserde_json::from_\w+|\bfrom_(slice|str|reader)::<serde_json";
    for pattern in [outside, shells, clock, lossy] {
        assert_none(
            &lines_with("src/engine/", pattern),
            "the engine is pure: hand facts in as values, and read JSON with `Document`",
        );
    }
}

#[test]
fn unsafe_code_is_in_the_sandbox_only() {
    let mut wrong = lines_with("src/", r"\bunsafe\b");
    wrong.retain(|line| !line.starts_with("src/sandbox/"));
    assert_none(&wrong, "unsafe code belongs into src/sandbox");
}

#[test]
fn engine_forbids_what_clippy_can_see() {
    let head = read("src/engine/mod.rs");
    assert!(head.contains("#![forbid(unsafe_code)]"));
    assert!(head.contains("#![deny(clippy::disallowed_methods, clippy::disallowed_types)]"));
}

#[test]
fn files_are_short() {
    const MOST: usize = 500;
    let rust = project().into_iter().filter(Text::is_rust);
    let long: Vec<String> = rust
        .map(|t| (t.content.lines().count(), t.path))
        .filter(|(lines, _)| *lines > MOST)
        .map(|(lines, path)| format!("{path}: {lines} lines"))
        .collect();
    assert_none(&long, "split these at an idea, below 500 lines");
}

#[test]
fn every_module_says_what_it_is_for() {
    let silent: Vec<String> = below("src/")
        .into_iter()
        .filter(|t| t.is_rust() && !t.content.starts_with("//!"))
        .map(|t| t.path)
        .filter(|path| !path.ends_with("tests.rs") && !path.contains("/tests/"))
        .collect();
    assert_none(
        &silent,
        "begin with a module doc: purpose, what is absent, which attack",
    );
}

#[test]
fn nothing_is_left_unfinished() {
    // Spelled so that this line does not find itself.
    let words = Regex::new(concat!(r"\b(TO", "DO|FIX", "ME|XX", r"X|HA", r"CK)\b")).unwrap();
    let mut found = Vec::new();
    for text in project().iter().filter(|t| t.is_rust()) {
        for (number, line) in text.content.lines().enumerate() {
            if words.is_match(line) {
                found.push(format!("{}:{}: {}", text.path, number + 1, line.trim()));
            }
        }
    }
    assert_none(&found, "finish it, or list it as a gap");
}

#[test]
fn tree_is_as_documented() {
    let missing: Vec<String> = [
        "Cargo.toml",
        "Cargo.lock",
        "LICENSE",
        "README.md",
        "ARCHITECTURE.md",
        "SECURITY.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "clippy.toml",
        "deny.toml",
        ".ci/run",
        "src/main.rs",
        "src/engine",
        "policies",
        "tests",
        "examples",
        "docker/Dockerfile",
        "benches",
        "fuzz/corpus",
        "docs/threat-model.md",
    ]
    .into_iter()
    .filter(|path| !root().join(path).exists())
    .map(str::to_owned)
    .collect();
    assert_none(&missing, "README and ARCHITECTURE name these");
}

#[test]
fn gaps_are_listed_and_listed_gaps_are_tested() {
    let ignore = Regex::new(r#"#\[ignore(?:\s*=\s*"([^"]*)")?"#).unwrap();
    let id = Regex::new(r"\bgap-[a-z0-9]+(?:-[a-z]+)+").unwrap();
    let reasons = |text: &Text| -> Vec<String> {
        let found = ignore.captures_iter(&text.content);
        found
            .map(|c| c.get(1).map_or("", |m| m.as_str()).to_owned())
            .collect()
    };
    let mut tested = BTreeSet::new();
    let mut wrong = Vec::new();
    for text in project().iter().filter(|t| t.is_rust()) {
        for reason in reasons(text) {
            match text.path.as_str() {
                "tests/tidy.rs" => {}
                "tests/gaps.rs" => drop(tested.insert(reason)),
                // Not a test: a program that a test starts.
                _ if reason.starts_with("helper process") => {}
                path => wrong.push(format!("{path}: `{reason}`")),
            }
        }
    }
    assert_none(
        &wrong,
        "a test is not ignored unless it is a gap, in tests/gaps.rs",
    );
    for text in project() {
        let named = id.find_iter(&text.content).map(|m| m.as_str());
        let unknown = named.filter(|gap| !tested.contains(*gap));
        wrong.extend(unknown.map(|gap| format!("{}: `{gap}`", text.path)));
    }
    assert_none(&wrong, "no such gap in tests/gaps.rs");
    let threats = read("docs/threat-model.md");
    let listed: BTreeSet<String> = id
        .find_iter(&threats)
        .map(|m| m.as_str().to_owned())
        .collect();
    assert_eq!(
        tested, listed,
        "gaps of tests/gaps.rs (left) and of docs/threat-model.md (right) differ"
    );
}

#[test]
fn examples_in_documents_are_right() {
    let block = Regex::new(r"(?ms)^```(toml|json)\n(.*?)^```").unwrap();
    let base = PolicyBase {
        dir: "/home/you".to_owned(),
        home: "/home/you".to_owned(),
    };
    let mut seen = 0;
    for file in ["README.md", "docs/clients.md"] {
        for found in block.captures_iter(&read(file)) {
            seen += 1;
            if &found[1] == "json" {
                serde_json::from_str::<serde_json::Value>(&found[2]).unwrap();
            } else if let Err(mistakes) = Policy::parse(file, &found[2], &base) {
                panic!("{}", render(file, &found[2], &mistakes, false));
            }
        }
    }
    assert!(seen >= 5, "only {seen} examples found");
}

#[test]
fn every_invariant_names_its_tests() {
    const INVARIANTS: usize = 12;
    let architecture = read("ARCHITECTURE.md");
    let reference = Regex::new(r"`((?:src|tests)/[\w/.-]+\.rs)::(\w+)`").unwrap();
    let row = Regex::new(r"(?m)^\| (\d+) \| (.*)$").unwrap();
    let mut wrong = Vec::new();
    let mut seen = 0;
    for invariant in row.captures_iter(&architecture) {
        seen += 1;
        if !reference.is_match(&invariant[2]) {
            wrong.push(format!("invariant {} names no test", &invariant[1]));
        }
    }
    assert_eq!(seen, INVARIANTS, "rows of the table of invariants");
    for named in reference.captures_iter(&architecture) {
        let source = fs::read_to_string(root().join(&named[1])).unwrap_or_default();
        // A compile-fail example stands at the type that it is about.
        let function = source.contains(&format!("fn {}(", &named[2]));
        let example =
            source.contains("compile_fail") && source.contains(&format!("struct {}", &named[2]));
        if !function && !example {
            wrong.push(format!("{} has no test `{}`", &named[1], &named[2]));
        }
    }
    assert_none(&wrong, "ARCHITECTURE.md says that a test holds it");
}

#[test]
fn files_name_no_machine() {
    let mut places = vec![env!("CARGO_MANIFEST_DIR").to_owned()];
    if let Some(home) = std::env::var_os("HOME") {
        for folder in [".cargo", ".rustup"] {
            places.push(Path::new(&home).join(folder).to_string_lossy().into_owned());
        }
    }
    let mut found = Vec::new();
    for text in project() {
        let here = places
            .iter()
            .filter(|place| text.content.contains(place.as_str()));
        found.extend(here.map(|place| format!("{}: {place}", text.path)));
    }
    assert_none(&found, "these work on one machine only");
}

#[test]
fn lock_files_name_no_registry_host() {
    let host = Regex::new(r#""resolved": *"https?:|--(extra-)?index-url|^registry *=|https?://[^ "]*(npm|pypi|pythonhosted)"#).unwrap();
    let names = Regex::new(r"(lock|package|requirements|npmrc|pip|config)[^/]*$").unwrap();
    let mut found = Vec::new();
    let lock = |t: &&Text| !t.is_rust() && names.is_match(&t.path);
    for text in below("tests/").iter().filter(lock) {
        let lines = text.content.lines().enumerate();
        let wrong = lines.filter(|(_, line)| host.is_match(line)).take(3);
        found.extend(wrong.map(|(n, line)| format!("{}:{}: {}", text.path, n + 1, line.trim())));
    }
    assert_none(
        &found,
        "leave the choice of a registry to the machine's own configuration",
    );
}

#[test]
fn documents_name_every_reason_of_the_listener() {
    let server = r#"(?s)\b(?:refused|refuse|noted|turned_back)\([^;"{]*?"([a-z]+(?:-[a-z]+)*)""#;
    let codes = r#"(?:Self::\w+(?:\(_\))? => |\w+ = )"([a-z]+(?:-[a-z]+)*)""#;
    let mut missing = Vec::new();
    let mut seen = 0;
    for (folder, pattern, documents) in [
        ("src/transport/http/server/", server, ["serve", "identity"]),
        ("src/transport/http/server/", codes, ["serve", "identity"]),
        ("src/identity/refused.rs", codes, ["identity", "identity"]),
    ] {
        let pattern = Regex::new(pattern).unwrap();
        let told = documents
            .map(|name| read(&format!("docs/{name}.md")))
            .concat();
        for text in below(folder).iter().filter(|t| !t.is_test()) {
            for found in pattern.captures_iter(&text.content) {
                seen += 1;
                if !told.contains(&format!("`{}`", &found[1])) {
                    missing.push(format!("{}: {}", text.path, &found[1]));
                }
            }
        }
    }
    assert!(seen > 40, "only {seen} reasons found");
    assert_none(
        &missing,
        "docs/serve.md or docs/identity.md has to name these",
    );
}

#[test]
fn build_runs_nothing_of_its_own() {
    assert!(
        !root().join("build.rs").exists(),
        "a firewall's build must be easy to review"
    );
}
