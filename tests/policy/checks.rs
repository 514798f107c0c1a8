//! Each analysis of `check`, where it has something to say and where not.

use super::documents::lockfile;
use super::{file, policy};
use lockgate::engine::policy::Severity;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Checks {
    head: String,
    tools: String,
    case: Vec<Check>,
}

/// Rules, and what is said about them: `code severity message`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Check {
    rules: String,
    told: Vec<String>,
}

#[test]
fn each_analysis_tells_what_it_should_and_no_more() {
    let all: Checks = toml::from_str(&file("tests/cases/policy/checks.toml")).unwrap();
    let pins = lockfile("s", &all.tools);
    let mut wrong = Vec::new();
    for case in &all.case {
        let text = format!("{}{}", all.head, case.rules);
        let found = policy(&text).check_against(&pins);
        let told: Vec<_> = found
            .iter()
            // Tools that nobody may call are no matter here.
            .filter(|d| d.code.to_string() != "LG0709")
            .map(|d| {
                let severity = match d.severity {
                    Severity::Error => "error",
                    Severity::Warning => "warning",
                    Severity::Note => "note",
                };
                let help = d.help.as_deref().unwrap_or_default();
                format!("{} {severity} {} => {help}", d.code, d.message)
            })
            .collect();
        let fits = told.len() == case.told.len()
            && told
                .iter()
                .zip(&case.told)
                .all(|(told, expected)| told.contains(expected));
        if !fits {
            wrong.push(format!(
                "{}\n  told {told:#?}\n  expected {:#?}",
                case.rules, case.told
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
