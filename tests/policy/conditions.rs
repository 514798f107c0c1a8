//! One policy beside an older one: limits, hours, sets and variables.

use super::against::{HEAD, is_told};
use super::policy;

const LIMIT: &str = "limit = { calls = 10, per = \"1m\" }";
const HOURS: &str = "when = { from = \"09:00\", to = \"17:00\", zone = \"UTC\" }";

/// What a rule says now and said before; whether that is told as wider, and
/// whether the other way round is.
const CHANGES: [(&str, &str, bool, bool); 18] = [
    ("", LIMIT, true, false),
    (LIMIT, LIMIT, false, false),
    ("limit = { calls = 20, per = \"1m\" }", LIMIT, true, false),
    ("limit = { calls = 10, per = \"1h\" }", LIMIT, true, true),
    (
        "limit = { calls = 10, per = \"1m\", by = \"tool\" }",
        LIMIT,
        true,
        false,
    ),
    (
        "limit = { in_flight = 2 }",
        "limit = { in_flight = 1 }",
        true,
        false,
    ),
    ("limit = { in_flight = 1 }", LIMIT, true, true),
    ("", HOURS, true, false),
    (HOURS, HOURS, false, false),
    (
        "when = { from = \"09:00\", to = \"18:00\", zone = \"UTC\" }",
        HOURS,
        true,
        false,
    ),
    (
        "when = { from = \"09:00\", to = \"17:00\", zone = \"+01:00\" }",
        HOURS,
        true,
        true,
    ),
    ("servers = [\"s\", \"t\"]", "servers = [\"s\"]", true, false),
    ("servers = [\"t\", \"s\"]", "", false, false),
    (
        "args.\"/x\" = { equals = \"${user}\" }",
        "args.\"/x\" = { equals = \"${agent}\" }",
        true,
        true,
    ),
    (
        "args.\"/x\" = { one_of = [\"a\", \"${user}\"] }",
        "args.\"/x\" = { one_of = [\"a\"] }",
        true,
        true,
    ),
    (
        "args.\"/x\" = { one_of = \"@n\" }",
        "args.\"/x\" = { one_of = [\"x\", \"y\", \"z\"] }",
        false,
        true,
    ),
    (
        "\n\nargs.\"/x\" = { each = { not = { max = 3 } } }",
        "args.\"/x\" = { each = { not = { max = 3 } } }",
        false,
        false,
    ),
    (
        "args.\"/x\" = { each = { not = { max = 3 } } }",
        "args.\"/x\" = { each = { not = { max = 4 } } }",
        true,
        true,
    ),
];

/// A rule that changes in what the other tests do not vary: whether that is told
/// as wider, and the other way round.
#[test]
fn limits_hours_and_sets_are_compared() {
    let rule = |keys: &str| {
        policy(&format!(
            "{HEAD}[set.n]\nvalues = [\"x\", \"y\"]\n[[rule]]\nid = \"r\"\neffect = \"permit\"\n\
             args.\"/o\" = {{ one_of = \"@n\", optional = true }}\n{keys}\n"
        ))
    };
    let get = "tools = [\"get\"]\n";
    for (new, old, wider, narrower) in CHANGES {
        let (new_rule, old_rule) = (rule(&format!("{get}{new}")), rule(&format!("{get}{old}")));
        assert_eq!(is_told(&new_rule, &old_rule), wider, "{new} after {old}");
        assert_eq!(is_told(&old_rule, &new_rule), narrower, "{old} after {new}");
    }
}

/// Two rules count twice as much, and what one of them no longer counts passes
/// beside it.
#[test]
fn calls_that_are_counted_less_are_told() {
    let limited = |id: &str, tools: &str| {
        format!(
            "[[rule]]\nid = \"{id}\"\neffect = \"permit\"\ntools = [{tools}]\n\
             limit = {{ calls = 10, per = \"1m\" }}\n"
        )
    };
    let all = "[[rule]]\nid = \"all\"\neffect = \"permit\"\ntools = [\"get\"]\n";
    let of = |rules: &[&str]| policy(&format!("{HEAD}{}", rules.concat()));
    let both = limited("r", "\"get\", \"put\"");
    let (get, put) = (limited("g", "\"get\""), limited("r", "\"put\""));
    for (new, old, told) in [
        (of(&[&put, &get]), of(&[&both]), true),
        (of(&[&put]), of(&[&both]), false),
        (of(&[&put, all]), of(&[&both, all]), true),
        (of(&[&both, all]), of(&[&both, all]), false),
        (of(&[all]), of(&[&both, all]), false),
    ] {
        assert_eq!(is_told(&new, &old), told, "{new:?}");
    }
}
