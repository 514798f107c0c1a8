//! What holds of every policy and every request.

use super::{PRINCIPALS, Roots, agent, base, document, policy, server};
use lockgate::engine::policy::{AccessRequest, Action, Answer, Policy, render};
use lockgate::engine::principal::{Groups, Principal};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::Arc;

const CONSTRAINTS: [&str; 24] = [
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
    "min_items = 1, max_items = 2",
    "each = { max_len = 1 }",
    "each = { any_of = [{ equals = 1 }, { glob = \"a/*\" }] }",
    "any_of = [{ equals = 1 }, { equals = \"a\" }], optional = true",
    "not = { equals = 1 }",
    "not = { each = { glob = \"a/*\" } }",
    "not = { any_of = [{ min = 2 }, { one_of = [\"a\"] }] }",
    "host = [\"a\", \"*.example\"]",
    "url = { hosts = [\"a.example\"] }",
    "email = \"*@a.example\"",
    "command = { programs = [\"a\"] }",
    "sql = { statements = [\"select\"], dialect = \"sqlite\" }",
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
        "\"https://a.example/x\"",
        "\"x@a.example\"",
        "\"select 1\"",
        "\"a; b\"",
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

/// What narrows a rule to some principals.
fn narrowing() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "users = [\"alice\"]\n",
        "users = [\"b*\", \"alice\"]\n",
        "groups = [\"dev\"]\n",
        "groups = [\"d*\", \"ops\"]\n",
        "users = [\"*\"]\ngroups = [\"ops\"]\n",
        "users = [\"*\"]\n",
        "groups = [\"*\"]\n",
    ])
}

fn narrowed(effects: &'static [&'static str]) -> impl Strategy<Value = String> {
    (rule(effects), narrowing()).prop_map(|(rule, narrow)| narrow_to(&rule, narrow))
}

/// Right behind the first line, before the table of arguments.
fn narrow_to(rule: &str, narrow: &str) -> String {
    rule.replacen('\n', &format!("\n{narrow}"), 1)
}

fn principal() -> impl Strategy<Value = Principal> {
    let names = |all: Vec<&'static str>| prop::sample::subsequence(all.clone(), 0..=all.len());
    (
        prop::sample::select(vec![None, Some("alice"), Some("bob"), Some("eve")]),
        names(vec!["dev", "ops", "x"]),
        prop::option::of(names(vec!["s1", "s2"])),
    )
        .prop_map(|(user, groups, scopes)| Principal {
            user: user.map(Arc::from),
            groups: Groups::Known(groups.into_iter().map(Arc::from).collect()),
            scopes: scopes.map(|scopes| scopes.into_iter().map(Arc::from).collect()),
            ..Principal::named(agent("a"))
        })
}

fn numbered(rules: Vec<String>) -> Vec<(usize, String)> {
    rules.into_iter().enumerate().collect()
}

/// The effect, with the sorted ids of its rules.
fn answer(policy: &Policy, tool: &str, arguments: &str) -> (&'static str, Vec<String>, bool) {
    answer_to(policy, None, tool, arguments)
}

fn answer_to(
    policy: &Policy,
    principal: Option<&Principal>,
    tool: &str,
    arguments: &str,
) -> (&'static str, Vec<String>, bool) {
    let (agent, server) = (agent("a"), server("s"));
    let document = document(arguments);
    let request = AccessRequest {
        agent: &agent,
        principal,
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
    /// What cannot be told satisfies neither a constraint nor its opposite.
    #[test]
    fn a_constraint_and_its_opposite_never_both_hold(
        constraint in prop::sample::select(CONSTRAINTS.to_vec()), arguments in arguments(),
    ) {
        prop_assume!(!constraint.contains("optional") && !constraint.contains("absent"));
        let head = "effect = \"permit\"\ntools = [\"t\"]\n";
        let answer_of = |constraint: &str| {
            let rule = format!("{head}args.\"/x\" = {{ {constraint} }}\n");
            answer(&build(&[(0, rule)]), "t", &arguments).0
        };
        let opposite = format!("not = {{ {constraint} }}");
        let twice = format!("not = {{ {opposite} }}");
        let plain = answer_of(constraint);
        prop_assert!(plain != "permit" || answer_of(&opposite) != "permit");
        prop_assert!(answer_of(&twice) != "permit" || plain == "permit");
        // Where the opposite holds, a forbid of the constraint stays silent.
        let all = "effect = \"permit\"\ntools = [\"*\"]\n".to_owned();
        let forbid = format!("effect = \"forbid\"\ntools = [\"t\"]\nargs.\"/x\" = {{ {constraint} }}\n");
        let caught = answer(&build(&[(0, all), (1, forbid)]), "t", &arguments).0;
        prop_assert!(answer_of(&opposite) != "permit" || caught == "permit");
    }

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
    fn a_rule_for_somebody_permits_nobody_else_more(
        rules in prop::collection::vec(narrowed(&["permit"]), 1..4),
        forbids in prop::collection::vec(any_rule(), 0..3),
        arguments in arguments(),
    ) {
        let forbids: Vec<_> = forbids.into_iter().filter(|r| r.contains("\"forbid\"")).collect();
        let policy = build(&numbered([rules, forbids].concat()));
        // Neither an agent that acts for itself nor a token without a user.
        prop_assert_ne!(answer(&policy, "t", &arguments).0, "permit");
        let nobody = Principal { scopes: Some(BTreeSet::new()), ..Principal::named(agent("a")) };
        prop_assert_ne!(answer_to(&policy, Some(&nobody), "t", &arguments).0, "permit");
        prop_assert!(!policy.may_ever_call(&agent("a"), &server("s"), "t"));
    }

    #[test]
    fn narrowing_a_permit_never_permits_more(
        rules in prop::collection::vec(any_rule(), 0..3),
        permit in rule(&["permit"]),
        narrow in narrowing(),
        scopes in any::<bool>(),
        who in principal(),
        arguments in arguments(),
    ) {
        let mut wide = numbered(rules);
        let mut narrower = wide.clone();
        let mut text = narrow_to(&permit, narrow);
        if scopes {
            text = narrow_to(&text, "scopes = [\"s1\"]\n");
        }
        wide.push((99, permit));
        narrower.push((99, text));
        let wide = answer_to(&build(&wide), Some(&who), "t", &arguments);
        let narrower = answer_to(&build(&narrower), Some(&who), "t", &arguments);
        prop_assert!(wide.0 == "permit" || narrower.0 != "permit", "{:?} {:?}", wide, narrower);
    }

    #[test]
    fn who_cannot_be_told_is_permitted_no_more_than_anybody(
        rules in prop::collection::vec(
            prop_oneof![any_rule(), narrowed(&["permit", "forbid"])], 0..5,
        ),
        who in principal(),
        arguments in arguments(),
    ) {
        let policy = build(&numbered(rules));
        let unknown = Principal { groups: Groups::Unknown, ..who.clone() };
        if answer_to(&policy, Some(&unknown), "t", &arguments).0 == "permit" {
            prop_assert_eq!(answer_to(&policy, Some(&who), "t", &arguments).0, "permit");
        }
    }

    #[test]
    fn another_agents_principal_gets_nothing(
        rules in prop::collection::vec(any_rule(), 0..4), arguments in arguments(),
    ) {
        let policy = build(&numbered(rules));
        let other = Principal::named(agent("b"));
        prop_assert_eq!(answer_to(&policy, Some(&other), "t", &arguments).0, "nothing");
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
