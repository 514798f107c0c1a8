//! The demo is the first thing that a new user sees: it must hold.

use std::process::Command;

#[test]
fn demo_stops_every_attack_and_no_honest_call() {
    let demo = Command::new(env!("CARGO_BIN_EXE_lockgate"))
        .arg("demo")
        .output()
        .unwrap();
    let shown = String::from_utf8(demo.stdout).unwrap();
    let told = String::from_utf8_lossy(&demo.stderr);
    assert!(demo.status.success(), "{shown}\n{told}");
    assert_eq!(shown.matches('✗').count(), 0, "{shown}");
    assert!(shown.matches('✓').count() > 30, "{shown}");
    assert!(!shown.contains('\x1b'), "colour without a terminal");
    for line in shown.lines().filter(|line| !line.contains('/')) {
        assert!(line.chars().count() <= 100, "too wide: {line}");
    }
    // It leaves its directory for people to look at; a test tidies up.
    let folder = shown
        .lines()
        .map(str::trim)
        .find(|l| l.contains("/lockgate-demo-"));
    std::fs::remove_dir_all(folder.unwrap()).unwrap();
}
