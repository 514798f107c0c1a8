//! The verification by hand that `docs/audit.md` describes does work.

use crate::support::sealed;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const PAGE: &str = include_str!("../../docs/audit.md");

/// The first code block of that language in the page.
fn block(language: &str) -> &'static str {
    let (_, after) = PAGE.split_once(&format!("```{language}\n")).unwrap();
    after.split_once("```").unwrap().0
}

fn python(file: &Path) -> Output {
    Command::new("python3")
        .args(["-c", block("python")])
        .arg(file)
        .output()
        .expect("python3 is needed: install the package `python3`")
}

#[test]
fn the_documented_script_agrees() {
    let dir = tempfile::tempdir().unwrap();
    let closed = sealed(dir.path(), 5);
    let output = python(&closed.file);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert!(
        text.contains("7 lines") && text.contains(&closed.head.to_string()),
        "{text}"
    );

    let bytes = fs::read_to_string(&closed.file).unwrap();
    fs::write(&closed.file, bytes.replacen("forward", "absorb", 1)).unwrap();
    let output = python(&closed.file);
    assert!(!output.status.success());
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("line 2"),
        "{output:?}"
    );
}

#[test]
fn the_documented_command_agrees() {
    let dir = tempfile::tempdir().unwrap();
    let closed = sealed(dir.path(), 1);
    let output = Command::new("sh")
        .args(["-c", block("sh")])
        .env("FILE", &closed.file)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let lines: Vec<_> = text.lines().collect();
    let [computed, claimed] = lines.as_slice() else {
        panic!("{output:?}")
    };
    assert_eq!(computed.len(), 64);
    assert_eq!(computed, claimed);
}
