//! What the rules say before a call agrees with what they decide about it.

use super::properties::{any_rule, arguments, build, numbered};
use super::{PRINCIPALS, Roots, agent, document, policy, server};
use lockgate::engine::policy::{
    AccessRequest, Action, Answer, Effect, NearMiss, Policy, Question, Standing, Stands,
};
use lockgate::engine::principal::{Groups, Principal};
use proptest::prelude::*;
use std::sync::Arc;

fn evaluate(policy: &Policy, tool: &str, arguments: &str) -> Answer {
    let (agent, server, arguments) = (agent("a"), server("s"), document(arguments));
    let request = AccessRequest {
        agent: &agent,
        principal: None,
        server: &server,
        action: Action::CallTool(tool),
        arguments: Some(arguments.root()),
    };
    policy.evaluate(&request, &Roots)
}

fn near_misses(policy: &Policy, who: Option<&Principal>, tool: &str, args: &str) -> Vec<NearMiss> {
    let (agent, server, arguments) = (agent("a"), server("s"), document(args));
    let request = AccessRequest {
        agent: &agent,
        principal: who,
        server: &server,
        action: Action::CallTool(tool),
        arguments: Some(arguments.root()),
    };
    policy.near_misses(&request, &Roots, None)
}

fn standings(policy: &Policy, tool: &str, known: Option<&str>) -> Vec<Standing> {
    let (agent, server) = (agent("a"), server("s"));
    let known = known.map(document);
    let question = Question {
        agent: &agent,
        principal: None,
        server: &server,
        action: Some(Action::CallTool(tool)),
        known: known.as_ref().map(|known| known.root()),
    };
    policy.standings(&question, &Roots)
}

/// Applies, whatever is not known.
fn surely(standing: &Standing) -> bool {
    standing.stands == Stands::If(Vec::new())
}

fn is_permit(standing: &Standing) -> bool {
    standing.rule.effect == Effect::Permit
}

proptest! {
    #[test]
    fn a_rule_that_misses_nothing_permits_and_no_other(
        rules in prop::collection::vec(any_rule(), 0..6),
        tool in prop::sample::select(vec!["t", "u", "w"]),
        arguments in arguments(),
    ) {
        let policy = build(&numbered(rules));
        let near = near_misses(&policy, None, tool, &arguments);
        let holds = near.iter().any(|near| near.misses.is_empty());
        match evaluate(&policy, tool, &arguments) {
            Answer::Permit { .. } => prop_assert!(holds),
            Answer::Nothing { .. } => prop_assert!(!holds),
            _ => {}
        }
        let misses: Vec<_> = near.iter().map(|near| near.misses.len()).collect();
        prop_assert!(misses.is_sorted(), "the nearest first: {misses:?}");
    }

    #[test]
    fn what_is_said_of_all_arguments_holds_of_each(
        rules in prop::collection::vec(any_rule(), 0..6),
        tool in prop::sample::select(vec!["t", "u", "w"]),
        arguments in arguments(),
        tells in any::<bool>(),
    ) {
        let policy = build(&numbered(rules));
        let all = standings(&policy, tool, tells.then_some(arguments.as_str()));
        let answer = evaluate(&policy, tool, &arguments);
        let refuses = |s: &&Standing| !is_permit(s);
        if all.iter().filter(refuses).any(surely) {
            prop_assert!(
                matches!(answer, Answer::Forbid { .. } | Answer::Ask { .. }),
                "{answer:?}"
            );
        } else if all.iter().any(|s| is_permit(s) && surely(s)) && !all.iter().any(|s| refuses(&s)) {
            prop_assert!(matches!(answer, Answer::Permit { .. }), "{answer:?}");
        }
        let may = all.iter().any(|s| is_permit(s) && matches!(s.stands, Stands::If(_)));
        prop_assert!(may || !matches!(answer, Answer::Permit { .. }), "{answer:?}");
    }
}

fn rules(text: &str) -> Policy {
    policy(&format!("{PRINCIPALS}{text}"))
}

/// Rule, what each miss wants, and what would do.
fn told(near: &[NearMiss]) -> Vec<(&str, Vec<(&str, &str)>)> {
    near.iter()
        .map(|near| {
            let misses = near.misses.iter();
            let misses = misses.map(|miss| (miss.what.as_str(), miss.change.as_str()));
            (near.rule.id.as_str(), misses.collect())
        })
        .collect()
}

#[test]
fn each_miss_says_what_would_do() {
    let policy = rules(
        r#"
[[rule]]
id = "other"
effect = "permit"
agents = ["b"]
tools = ["t"]
[[rule]]
id = "people"
effect = "permit"
users = ["alice"]
groups = ["dev", "ops"]
scopes = ["s1"]
tools = ["t"]
[[rule]]
id = "values"
effect = "permit"
tools = ["t"]
args = { "/n" = { max = 5 }, "/path" = { path = "read" }, "/gone" = { absent = true }, "/need" = { equals = 1 } }
"#,
    );
    let near = near_misses(&policy, None, "t", r#"{"n":7,"path":"/etc/x","gone":1}"#);
    let told = told(&near);
    let ids: Vec<_> = told.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, ["other", "people", "values"]);
    assert_eq!(told[0].1, [("is for `b`", "add `a` to `agents`")]);
    assert_eq!(told[1].1[0].0, "is for user `alice` and group `dev`, `ops`");
    assert_eq!(told[1].1[1].0, "needs a token with `scopes`, found none");
    let changes: Vec<_> = told[2].1.iter().map(|(_, change)| *change).collect();
    assert_eq!(
        changes,
        [
            "leave the argument out",
            "send such a value, or widen the constraint",
            "send the argument, or write `optional = true` there",
            "send a path within `[paths]`, or add its directory there",
        ]
    );
    let spans: Vec<_> = near[2]
        .misses
        .iter()
        .map(|miss| miss.line.is_some())
        .collect();
    assert_eq!(spans, [true; 4]);
    // Whoever has all of it misses nothing.
    let alice = Principal {
        user: Some(Arc::from("alice")),
        groups: Groups::Known([Arc::from("ops")].into()),
        scopes: Some([Arc::from("s1")].into()),
        ..Principal::named(agent("a"))
    };
    let hours = rules(
        "[[rule]]\nid = \"h\"\neffect = \"permit\"\ntools = [\"t\"]\nwhen = { days = [\"sun\"], zone = \"UTC\" }\n",
    );
    let near = near_misses(&hours, None, "t", "{}");
    assert_eq!(near[0].misses[0].change, "call it then, or widen `when`");
    let near = near_misses(&policy, Some(&alice), "t", "{}");
    assert_eq!(
        (near[0].rule.id.as_str(), near[0].misses.len()),
        ("people", 0)
    );
}

#[test]
fn what_is_known_is_judged_and_the_rest_is_left() {
    let policy = rules(
        r#"
[[rule]]
id = "p"
effect = "permit"
tools = ["t"]
args = { "/n" = { max = 5 }, "/path" = { path = "read" } }
[[rule]]
id = "f"
effect = "forbid"
tools = ["t"]
args = { "/n" = { equals = 3 }, "/k" = { equals = "x" } }
"#,
    );
    let path = "`/path`: a path under [paths] read or write";
    let left = |texts: &[&str]| Stands::If(texts.iter().map(|t| (*t).to_owned()).collect());
    for (known, permit, forbid) in [
        (None, Some(2), left(&["`/k`: `x`", "`/n`: `3`"])),
        (Some(r#"{"n":3}"#), Some(1), left(&["`/k`: `x`"])),
        (Some(r#"{"n":"3"}"#), None, left(&[])),
        (
            Some(r#"{"n":9}"#),
            None,
            Stands::Not("it is not so that `/n`: `3`".to_owned()),
        ),
        (
            Some(r#"{"n":3,"path":"/work/a","k":"x"}"#),
            Some(0),
            left(&[]),
        ),
    ] {
        let all = standings(&policy, "t", known);
        match (&all[0].stands, permit) {
            (Stands::If(open), Some(count)) => {
                assert_eq!(open.len(), count, "{known:?}");
                assert!(count != 1 || open[0] == path, "{open:?}");
            }
            (Stands::Not(why), None) => assert!(why.contains("`/n`"), "{why}"),
            other => panic!("{known:?}: {other:?}"),
        }
        assert_eq!(all[1].stands, forbid, "{known:?}");
    }
    assert!(standings(&policy, "u", None).is_empty());
}
