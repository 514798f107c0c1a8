//! What holds of every policy and every request.

use super::{PRINCIPALS, Roots, agent, base, document, policy, server};
use lockgate::engine::policy::{AccessRequest, Action, Answer, Policy, render};
use proptest::prelude::*;

const CONSTRAINTS: [&str; 12] = [
    "equals = 1",
    "one_of = [\"a\", \"b\"]",
    "matches = \"a.*\"",
    "glob = \"a/*\"",
    "min = 0, max = 5",
    "min_len = 1, max_len = 2",
    "equals = \"a\", optional = true",
    "absent = true",
    "equals = [1, \"a\"]",
    "equals = { k = true }",
    "max = 1e2, optional = true",
    "max_len = 3",
];
const POINTERS: [&str; 5] = ["/x", "/x/*", "/x/*/k", "/y", "/x/0"];

/// A rule without its id.
fn rule(effects: &'static [&'static str]) -> impl Strategy<Value = String> {
    let tools = prop::sample::select(vec!["[\"*\"]", "[\"t*\"]", "[\"t\", \"u\"]", "[\"u\"]"]);
    let argument = (
        prop::sample::select(POINTERS.to_vec()),
        prop::sample::select(CONSTRAINTS.to_vec()),
    );
    let agents = prop::sample::select(vec!["", "agents = [\"a\"]\n", "agents = [\"b\"]\n"]);
    let servers = prop::sample::select(vec!["", "server = \"s\"\n", "server = \"t\"\n"]);
    let arguments = prop::collection::btree_map(argument.0, argument.1, 0..3);
    (
        prop::sample::select(effects.to_vec()),
        tools,
        agents,
        servers,
        arguments,
    )
        .prop_map(|(effect, tools, agents, servers, arguments)| {
            let mut text = format!("effect = \"{effect}\"\ntools = {tools}\n{agents}{servers}");
            for (pointer, constraint) in arguments {
                text = format!("{text}args.\"{pointer}\" = {{ {constraint} }}\n");
            }
            text
        })
}

fn any_rule() -> impl Strategy<Value = String> {
    rule(&["permit", "permit", "forbid"])
}

fn value() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "1",
        "1.0",
        "7",
        "null",
        "true",
        "\"a\"",
        "\"ab\"",
        "\"a/b\"",
        "\"a/../b\"",
        "\"1\"",
        "1e300",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3)
                .prop_map(|items| format!("[{}]", items.join(","))),
            inner.prop_map(|value| format!("{{\"k\":{value}}}")),
        ]
    })
}

fn arguments() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("{}".to_owned()),
        value().prop_map(|x| format!("{{\"x\":{x}}}")),
        (value(), value()).prop_map(|(x, y)| format!("{{\"y\":{y},\"x\":{x}}}")),
    ]
}

fn build(rules: &[(usize, String)]) -> Policy {
    let mut text = PRINCIPALS.to_owned();
    for (id, rule) in rules {
        text = format!("{text}[[rule]]\nid = \"r{id}\"\n{rule}");
    }
    policy(&text)
}

fn numbered(rules: Vec<String>) -> Vec<(usize, String)> {
    rules.into_iter().enumerate().collect()
}

/// The effect, with the sorted ids of its rules.
fn answer(policy: &Policy, tool: &str, arguments: &str) -> (&'static str, Vec<String>, bool) {
    let (agent, server) = (agent("a"), server("s"));
    let document = document(arguments);
    let request = AccessRequest {
        agent: &agent,
        principal: None,
        server: &server,
        action: Action::CallTool(tool),
        arguments: Some(document.root()),
    };
    let (word, rules, undeclared) = match policy.evaluate(&request, &Roots) {
        Answer::Permit { rules, undeclared } => ("permit", rules, undeclared),
        Answer::Forbid { rules, .. } => ("forbid", rules, false),
        Answer::Nothing { near, .. } => ("nothing", near, false),
    };
    let mut ids: Vec<_> = rules.into_iter().map(|rule| rule.id).collect();
    ids.sort();
    (word, ids, undeclared)
}

proptest! {
    #[test]
    fn a_policy_without_permits_permits_nothing(
        rules in prop::collection::vec(rule(&["forbid"]), 0..4), arguments in arguments(),
    ) {
        let policy = build(&numbered(rules));
        prop_assert_ne!(answer(&policy, "t", &arguments).0, "permit");
        prop_assert!(!policy.may_ever_call(&agent("a"), &server("s"), "t"));
    }

    #[test]
    fn adding_a_forbid_never_permits_more(
        rules in prop::collection::vec(any_rule(), 0..4),
        forbid in rule(&["forbid"]),
        arguments in arguments(),
    ) {
        let before = numbered(rules);
        let mut after = before.clone();
        after.push((99, forbid));
        let before = answer(&build(&before), "t", &arguments);
        let after = answer(&build(&after), "t", &arguments);
        prop_assert!(before.0 == "permit" || after.0 != "permit", "{:?} {:?}", before, after);
    }

    #[test]
    fn the_order_of_rules_does_not_matter(
        (rules, shuffled) in prop::collection::vec(any_rule(), 0..5).prop_flat_map(|rules| {
            let rules = numbered(rules);
            (Just(rules.clone()), Just(rules).prop_shuffle())
        }),
        arguments in arguments(),
    ) {
        prop_assert_eq!(
            answer(&build(&rules), "t", &arguments),
            answer(&build(&shuffled), "t", &arguments)
        );
    }

    #[test]
    fn what_is_permitted_is_listed(
        rules in prop::collection::vec(any_rule(), 0..5), arguments in arguments(),
    ) {
        let policy = build(&numbered(rules));
        if answer(&policy, "t", &arguments).0 == "permit" {
            prop_assert!(policy.may_ever_call(&agent("a"), &server("s"), "t"));
        }
    }

    #[test]
    fn a_permit_and_a_forbid_of_one_call_leave_no_way(
        argument in (prop::sample::select(POINTERS.to_vec()), prop::sample::select(CONSTRAINTS.to_vec())),
        arguments in arguments(),
    ) {
        // What a permit takes, a forbid of the same words refuses.
        let (pointer, constraint) = argument;
        let rule = |effect| {
            format!("effect = \"{effect}\"\ntools = [\"t\"]\nargs.\"{pointer}\" = {{ {constraint} }}\n")
        };
        let policy = build(&[(0, rule("permit")), (1, rule("forbid"))]);
        prop_assert_ne!(answer(&policy, "t", &arguments).0, "permit");
    }

    #[test]
    fn any_text_is_read_or_refused_with_a_reason(text in ".{0,200}") {
        if let Err(diagnostics) = Policy::parse("p.toml", &text, &base()) {
            prop_assert!(!diagnostics.is_empty());
            prop_assert!(render("p.toml", &text, &diagnostics, true).contains("p.toml"));
        }
    }

    #[test]
    fn a_damaged_policy_is_read_or_refused_with_a_reason(
        at in 0usize..2000, with in ".{0,3}", cut in 0usize..20,
    ) {
        let mut text = super::file("policies/server-filesystem.toml");
        let start = text.floor_char_boundary(at.min(text.len()));
        let end = text.ceil_char_boundary((start + cut).min(text.len()));
        text.replace_range(start..end, &with);
        if let Err(diagnostics) = Policy::parse("p.toml", &text, &base()) {
            prop_assert!(!diagnostics.is_empty());
            prop_assert!(!render("p.toml", &text, &diagnostics, false).is_empty());
        }
    }
}
