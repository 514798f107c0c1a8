//! What permits demand of answers: one satisfied permit is enough, in any order.

use super::{PRINCIPALS, Roots, agent, document, policy, server};
use lockgate::engine::policy::{AccessRequest, Action, Answer, Instead, Met, Moment, Policy};
use proptest::prelude::*;

const RESULTS: [&str; 7] = [
    "",
    "results = { max_bytes = 30 }\n",
    "results = { max_bytes = 80 }\n",
    "results = { secrets = \"deny\" }\n",
    "results = { urls = [\"https://a.example/**\"] }\n",
    "results = { urls = { hosts = [\"*.example\"] }, secrets = \"deny\" }\n",
    "results = { max_bytes = 60, secrets = \"deny\", urls = \"https://b.example/\" }\n",
];
const ARGUMENTS: [&str; 3] = [
    "",
    "args.\"/x\" = { equals = 1 }\n",
    "args.\"/x\" = { equals = 2 }\n",
];

/// A permit without its id; most have demands.
fn permit() -> impl Strategy<Value = String> {
    let tools = prop::sample::select(vec!["[\"*\"]", "[\"t\"]", "[\"u\"]"]);
    let results = prop::sample::select(RESULTS.to_vec());
    let arguments = prop::sample::select(ARGUMENTS.to_vec());
    let mode = prop::sample::select(vec!["", "", "", "mode = \"audit\"\n"]);
    (tools, mode, results, arguments).prop_map(|(tools, mode, results, arguments)| {
        format!("effect = \"permit\"\ntools = {tools}\n{mode}{results}{arguments}")
    })
}

fn result() -> impl Strategy<Value = String> {
    let token = format!("gh{}_{}", 'p', "aB3dE5gH7jK9mN1pQ2rS4tU6vW8xY0zA1bC2");
    let parts = vec![
        "a".to_owned(),
        "a text that is longer than the others are".to_owned(),
        "https://a.example/x".to_owned(),
        "(https://b.example/)".to_owned(),
        "HTTP:c.example".to_owned(),
        token,
    ];
    let texts = prop::collection::vec(prop::sample::select(parts), 0..4);
    texts.prop_map(|texts| format!("{{\"content\":{texts:?}}}"))
}

fn build(rules: &[(usize, String)]) -> Policy {
    let mut text = PRINCIPALS.to_owned();
    for (id, rule) in rules {
        text = format!("{text}[[rule]]\nid = \"r{id}\"\n{rule}");
    }
    policy(&text)
}

/// What comes of an answer; `None` where the call is not permitted.
fn met(policy: &Policy, result: &str) -> Option<Met> {
    let (agent, server, arguments) = (agent("a"), server("s"), document("{\"x\":1}"));
    let request = AccessRequest {
        agent: &agent,
        principal: None,
        server: &server,
        action: Action::CallTool("t"),
        arguments: Some(arguments.root()),
    };
    let judgement = policy.judge(&request, &Roots, &Moment::default());
    let demands = judgement.results;
    matches!(judgement.answer, Answer::Permit { .. }).then(|| {
        demands.map_or_else(Met::default, |demands| {
            demands.judge(document(result).root())
        })
    })
}

/// The rules that refuse an answer: none if it passes. `None` where the call is
/// not permitted.
fn refused(policy: &Policy, result: &str) -> Option<Vec<String>> {
    let refused = met(policy, result)?.refused;
    let rules = refused.into_iter().flat_map(|unmet| unmet.rules);
    let mut ids: Vec<_> = rules.map(|rule| rule.id).collect();
    ids.sort();
    Some(ids)
}

fn numbered(rules: Vec<String>) -> Vec<(usize, String)> {
    rules.into_iter().enumerate().collect()
}

proptest! {
    #[test]
    fn the_order_of_permits_does_not_matter_to_an_answer(
        (rules, shuffled) in prop::collection::vec(permit(), 0..5).prop_flat_map(|rules| {
            let rules = numbered(rules);
            (Just(rules.clone()), Just(rules).prop_shuffle())
        }),
        result in result(),
    ) {
        prop_assert_eq!(refused(&build(&rules), &result), refused(&build(&shuffled), &result));
    }

    #[test]
    fn a_permit_that_is_added_refuses_no_answer_that_passed(
        rules in prop::collection::vec(permit(), 0..4),
        more in permit(),
        result in result(),
    ) {
        let rules = numbered(rules);
        let before = refused(&build(&rules), &result);
        let mut with = rules;
        with.push((50, more));
        let after = refused(&build(&with), &result);
        if before == Some(Vec::new()) {
            prop_assert_eq!(after, Some(Vec::new()));
        }
    }

    /// In audit mode it is as if it were not there; and were all enforced, what
    /// comes of an answer would be what is told.
    #[test]
    fn a_permit_in_audit_mode_changes_nothing_for_an_answer(
        rules in prop::collection::vec(permit(), 0..5),
        result in result(),
    ) {
        let rules = numbered(rules);
        let is_audited = |rule: &str| rule.contains("audit");
        let enforced: Vec<_> = rules.iter().filter(|(_, r)| !is_audited(r)).cloned().collect();
        let audits = build(&rules);
        prop_assert_eq!(refused(&audits, &result), refused(&build(&enforced), &result));
        let all: Vec<_> = rules
            .iter()
            .map(|(id, rule)| (*id, rule.replace("mode = \"audit\"\n", "")))
            .collect();
        if let (Some(met), Some(whole)) = (met(&audits, &result), refused(&build(&all), &result)) {
            let is_refused = match met.would {
                None => met.refused.is_some(),
                Some(Instead::Passed) => false,
                Some(Instead::Refused(_)) => true,
            };
            prop_assert_eq!(is_refused, !whole.is_empty());
        }
    }
}

/// What costs nothing where nothing is demanded.
#[test]
fn without_demands_no_answer_is_looked_at() {
    let (agent, server) = (agent("a"), server("s"));
    let request = AccessRequest {
        agent: &agent,
        principal: None,
        server: &server,
        action: Action::CallTool("t"),
        arguments: None,
    };
    let demands = |rules: &[&str]| {
        let rules = rules.iter().map(|rule| (*rule).to_owned()).collect();
        let policy = build(&numbered(rules));
        policy
            .judge(&request, &Roots, &Moment::default())
            .results
            .is_some()
    };
    let plain = "effect = \"permit\"\ntools = [\"t\"]\n";
    let strict = &format!("{plain}results = {{ max_bytes = 9 }}\n");
    let other = &strict.replace("\"t\"", "\"u\"");
    assert!(!demands(&[plain]));
    assert!(!demands(&[plain, strict]));
    assert!(!demands(&[plain, other]));
    assert!(demands(&[strict, other]));
}

#[test]
fn demands_are_shown() {
    let text = format!(
        "{PRINCIPALS}[[rule]]\nid = \"r\"\neffect = \"permit\"\ntools = [\"t\"]\nresults = {{ max_bytes = 9, secrets = \"deny\", urls = \"https://a.example/**\" }}\n"
    );
    let shown = policy(&text).rules_for_display();
    assert_eq!(
        shown.first().and_then(|rule| rule.results.as_deref()),
        Some(
            "at most 9 bytes and no secret value and every URL is a URL like `https://a.example/**`"
        )
    );
}
