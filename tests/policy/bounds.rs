//! What a policy may cost whoever reads it.

use super::diagnostics::mistakes;

/// Depth is bounded: neither reading nor telling overflows the stack.
#[test]
fn deep_policies_are_refused() {
    let dots = "a.".repeat(100_000);
    for text in [
        format!("version = 1\n{dots}a = 1\n"),
        format!("version = 1\n[{dots}a]\n"),
        format!("version = 1\n[[rule]]\nargs.\"/x\".equals.{dots}a = 1\n"),
        format!("version = 1\nserver.s.env.{dots}a = 1\n"),
        format!("version = 1\nx = {}", "[".repeat(100_000)),
        format!("version = 1\nx = {}", "{a=".repeat(100_000)),
    ] {
        assert!(!mistakes(&text).is_empty());
    }
}

#[test]
fn a_thousand_mistakes_are_told_in_part() {
    let keys: Vec<_> = (0..1000).map(|n| format!("k{n} = 1")).collect();
    let shown = mistakes(&format!("version = 1\n{}\n", keys.join("\n")));
    assert!(shown.ends_with("and 900 more"), "{shown}");
}
