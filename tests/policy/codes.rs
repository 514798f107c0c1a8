//! Every code has a page, an example that brings it about and one that does not.

use super::documents::lockfile;
use super::{PRINCIPALS, base, file};
use lockgate::engine::pin::Lockfile;
use lockgate::engine::policy::{
    Code, Diagnostic, MAX_BYTES, Policy, PolicyBase, Severity, Sources, TestFile, render,
};
use std::collections::BTreeSet;

/// What a page has.
struct Page {
    severity: String,
    wrong: Option<String>,
    mended: Option<String>,
    older: Option<String>,
    tools: Option<String>,
}

fn page(code: Code) -> Page {
    let text = code.page().unwrap_or_else(|| panic!("no page on {code}"));
    let (head, rest) = text.split_once("\n\n").unwrap();
    let title = code.entry().unwrap().title;
    assert_eq!(head, format!("## {code}: {title}"));
    assert!(rest.contains("To mend it: "), "{code}: how is it mended?");
    let block = |kind: &str| {
        let (_, rest) = text.split_once(&format!("```{kind}\n"))?;
        let (block, _) = rest.split_once("\n```").unwrap();
        Some(if kind != "json" && !block.starts_with("version") {
            format!("{PRINCIPALS}{block}\n")
        } else {
            format!("{block}\n")
        })
    };
    Page {
        severity: rest.split_once('.').unwrap().0.to_owned(),
        wrong: block("toml"),
        mended: block("toml mended"),
        older: block("toml older"),
        tools: block("json"),
    }
}

/// All that `check` says.
fn told(text: &str, older: Option<&str>, pins: &Lockfile) -> Vec<Diagnostic> {
    let sources = Sources::one("p.toml", &base().dir, text);
    let policy = match Policy::parse_beside("p.toml", &sources, &base(), pins) {
        Ok(policy) => policy,
        Err(mistakes) => return mistakes,
    };
    let mut found = policy.check_against(pins);
    found.extend(policy.check_environment(|_| false));
    if let Some(older) = older {
        let older = Policy::parse("older.toml", older, &base()).unwrap();
        found.extend(policy.check_against_older(&older, pins));
    }
    found
}

/// These cannot stand on a page.
fn elsewhere(code: &str) -> Option<(String, Vec<Diagnostic>)> {
    let errors = |text: &str, base: &PolicyBase| Policy::parse("p.toml", text, base).unwrap_err();
    match code {
        "LG0002" => {
            let text = "#".repeat(MAX_BYTES + 1);
            let found = errors(&text, &base());
            Some((String::new(), found))
        }
        "LG0004" => {
            let nowhere = PolicyBase {
                dir: "here".to_owned(),
                ..base()
            };
            Some((String::new(), errors("version = 1\n", &nowhere)))
        }
        "LG1101" => {
            let text = "[[test]]\nname = \"x\"\n";
            let found = TestFile::parse(text, &Policy::baseline(), &base()).unwrap_err();
            Some((text.to_owned(), found))
        }
        _ => None,
    }
}

#[test]
fn every_code_has_a_page_and_is_brought_about() {
    for entry in Code::ALL {
        let code = entry.code;
        let page = page(code);
        assert_eq!(page.severity, format!("{:?}", entry.severity), "{code}");
        let pins = page.tools.as_deref().map(|tools| lockfile("s", tools));
        let pins = pins.unwrap_or_default();
        let older = page.older.as_deref();
        let (text, mut found) = match &page.wrong {
            Some(text) => (text.clone(), told(text, older, &pins)),
            None => elsewhere(&code.to_string()).unwrap_or_else(|| panic!("{code}: no example")),
        };
        found.retain(|d| d.code == code);
        assert!(
            !found.is_empty(),
            "{code}: its example does not bring it about"
        );
        assert_eq!(found[0].severity, entry.severity, "{code}");
        insta::assert_snapshot!(code.to_string(), render("p.toml", &text, &found, false));
        if let Some(mended) = &page.mended {
            let left = told(mended, older, &pins);
            let still: Vec<_> = left.iter().filter(|d| d.code == code).collect();
            assert!(
                still.is_empty(),
                "{code}: the mended example has it still: {still:?}"
            );
            let wrong: Vec<_> = left
                .iter()
                .filter(|d| d.severity == Severity::Error)
                .collect();
            assert!(
                wrong.is_empty(),
                "{code}: the mended example is wrong: {wrong:?}"
            );
        } else {
            assert!(
                page.wrong.is_none(),
                "{code}: its page does not show it mended"
            );
        }
    }
}

/// The page has no sections beside those of the table.
#[test]
fn the_document_has_no_other_codes() {
    let text = file("docs/diagnostics.md");
    let heads: BTreeSet<_> = text
        .lines()
        .filter(|line| line.starts_with("## "))
        .collect();
    let known: Vec<_> = Code::ALL
        .iter()
        .map(|entry| format!("## {}: {}", entry.code, entry.title))
        .collect();
    let known: BTreeSet<_> = known.iter().map(String::as_str).collect();
    assert_eq!(heads, known);
}

/// A code is no option: whatever is told has one, and one of the table.
#[test]
fn whatever_is_told_has_a_code_of_the_table() {
    let mistakes: toml::Table = toml::from_str(&file("tests/cases/policy/mistakes.toml")).unwrap();
    let cases = mistakes["case"].as_array().unwrap();
    assert!(cases.len() > 50);
    for case in cases {
        let policy = case["policy"].as_str().unwrap();
        let found = told(&format!("{PRINCIPALS}{policy}"), None, &Lockfile::default());
        for diagnostic in &found {
            assert!(
                diagnostic.code.entry().is_some(),
                "{policy}: {}",
                diagnostic.code
            );
            let shown = render("p.toml", policy, std::slice::from_ref(diagnostic), false);
            assert!(
                shown.contains(&format!("[{}]: ", diagnostic.code)),
                "{shown}"
            );
        }
    }
}
