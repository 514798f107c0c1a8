//! The inspection of definitions on real servers, honest imitations of
//! attacks, and published attacks.

#![expect(
    clippy::expect_used,
    reason = "helpers of tests are outside of `#[test]` functions"
)]

use lockgate::engine::guard::definition::{inspect, inspect_text};
use lockgate::engine::message::{Document, Json, Limits};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn cases(below: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/cases/pin")
        .join(below)
}

fn document(text: &str) -> Document {
    Document::read(text.as_bytes().to_vec(), &Limits::DEFAULT).expect("a case is strict JSON")
}

#[test]
fn real_servers_have_no_findings() {
    let mut tools = 0;
    let mut findings = Vec::new();
    for entry in std::fs::read_dir(cases("real")).expect("the directory of real servers") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a captured list");
        let document = document(&text);
        let file = path.file_stem().expect("a name").to_string_lossy();
        for tool in document.root().get("tools").expect("tools").items() {
            tools += 1;
            let name = tool.get("name").expect("a name").raw();
            for finding in inspect(tool) {
                findings.push(format!("{file} {name}: {finding:?}"));
            }
        }
        let instructions = document.root().get("instructions");
        if let Some(text) = instructions.and_then(Json::as_str) {
            for finding in inspect_text("/instructions", &text) {
                findings.push(format!("{file}: {finding:?}"));
            }
        }
    }
    assert!(tools > 100, "only {tools} tools were read");
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    case: Vec<Case>,
}

/// A definition, where it comes from, and the codes that it must raise.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    source: String,
    codes: BTreeSet<String>,
    definition: String,
}

fn read_cases(file: &str) -> Vec<Case> {
    let text = std::fs::read_to_string(cases(file)).expect("a case file");
    let cases: Cases = toml::from_str(&text).expect("a case file");
    let names: BTreeSet<_> = cases.case.iter().map(|case| &case.name).collect();
    assert_eq!(names.len(), cases.case.len(), "a name stands twice");
    cases.case
}

fn codes_of(case: &Case) -> BTreeSet<String> {
    let document = document(&case.definition);
    let findings = inspect(document.root());
    findings.iter().map(|f| f.code.to_owned()).collect()
}

#[test]
fn every_poisoned_definition_is_found() {
    let cases = read_cases("poisoned.toml");
    assert!(cases.len() >= 40, "only {} cases", cases.len());
    let mut missed = Vec::new();
    for case in &cases {
        assert!(!case.codes.is_empty(), "{} expects nothing", case.name);
        assert!(!case.source.is_empty(), "{} has no source", case.name);
        let found = codes_of(case);
        if !case.codes.is_subset(&found) {
            let (name, source, wanted) = (&case.name, &case.source, &case.codes);
            missed.push(format!(
                "{name} ({source}): wanted {wanted:?}, found {found:?}"
            ));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wordings {
    found: Vec<String>,
}

#[test]
fn other_wordings_are_found_too() {
    let text = std::fs::read_to_string(cases("wordings.toml")).expect("the wordings");
    let wordings: Wordings = toml::from_str(&text).expect("the wordings");
    let missed = |text: &&String| inspect_text("/description", text).is_empty();
    let missed: Vec<_> = wordings.found.iter().filter(missed).collect();
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn honest_definitions_that_look_like_attacks_are_not_found() {
    for case in read_cases("honest.toml") {
        assert_eq!(
            codes_of(&case),
            case.codes,
            "{} ({})",
            case.name,
            case.source
        );
    }
}

/// Twenty seconds are hundreds of times what linear work takes here, and a
/// small part of what quadratic work would.
#[test]
fn hostile_repetition_takes_linear_time() {
    let start = std::time::Instant::now();
    for word in [
        "not ",
        "tell not ",
        "send all ",
        "a ",
        "<",
        "[",
        "QUJD",
        "\u{200d}",
        "before using ",
        "![",
        "\u{430}",
        "😀\u{fe0f}",
    ] {
        let text = word.repeat(800_000 / word.len());
        let _findings = inspect_text("", &text);
    }
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}
