//! `tests/cases/policy/*.toml`: a policy, a request, and what comes of it.

use super::{PRINCIPALS, Roots, agent, document, file, policy, server};
use lockgate::engine::policy::{AccessRequest, Action, Answer};
use lockgate::engine::principal::{Groups, Principal};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::sync::Arc;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Constraints {
    case: Vec<ConstraintCase>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConstraintCase {
    name: String,
    args: String,
    calls: Vec<ConstraintCall>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConstraintCall {
    arguments: String,
    permits: bool,
    fires: Option<bool>,
}

#[test]
fn constraints_in_permits_and_forbids() {
    let all: Constraints = toml::from_str(&file("tests/cases/policy/constraints.toml")).unwrap();
    for case in all.case {
        let permit = policy(&format!(
            "{PRINCIPALS}[[rule]]\nid = \"r\"\neffect = \"permit\"\ntools = [\"t\"]\nargs = {}\n",
            case.args
        ));
        let forbid = policy(&format!(
            "{PRINCIPALS}[[rule]]\nid = \"r\"\neffect = \"forbid\"\ntools = [\"t\"]\nargs = {}\n\
             [[rule]]\nid = \"all\"\neffect = \"permit\"\ntools = [\"*\"]\n",
            case.args
        ));
        for call in case.calls {
            let at = format!("{}: {}", case.name, call.arguments);
            let arguments = document(&call.arguments);
            let (agent, server) = (agent("a"), server("s"));
            let request = AccessRequest {
                agent: &agent,
                principal: None,
                server: &server,
                action: Action::CallTool("t"),
                arguments: Some(arguments.root()),
            };
            let answer = permit.evaluate(&request, &Roots);
            assert_eq!(
                matches!(answer, Answer::Permit { .. }),
                call.permits,
                "{at}: {answer:?}"
            );
            let answer = forbid.evaluate(&request, &Roots);
            let fires = call.fires.unwrap_or(call.permits);
            assert_eq!(
                matches!(answer, Answer::Forbid { .. }),
                fires,
                "{at}: {answer:?}"
            );
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    case: Vec<RuleCase>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleCase {
    name: String,
    policy: String,
    calls: Vec<RuleCall>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleCall {
    #[serde(default = "first_agent")]
    agent: String,
    #[serde(default = "first_server")]
    server: String,
    /// For whom the agent acts, with which token.
    user: Option<String>,
    groups: Option<Vec<String>>,
    scopes: Option<Vec<String>>,
    /// The scopes that would do.
    needs: Option<Vec<String>>,
    act: String,
    arguments: Option<String>,
    expect: String,
    why: Option<String>,
    listed: Option<bool>,
    asks: Option<Vec<String>>,
    #[serde(default)]
    never: Vec<String>,
}

fn first_agent() -> String {
    "a".to_owned()
}

fn first_server() -> String {
    "s".to_owned()
}

#[test]
fn whole_policies() {
    let all: Rules = toml::from_str(&file("tests/cases/policy/rules.toml")).unwrap();
    for case in all.case {
        let policy = policy(&format!("{PRINCIPALS}{}", case.policy));
        for call in case.calls {
            call.check(
                &policy,
                &format!("{}: {} {:?}", case.name, call.act, call.arguments),
            );
        }
    }
}

impl RuleCall {
    /// `groups = ["?"]`: the token does not tell.
    fn principal(&self) -> Option<Principal> {
        if self.user.is_none() && self.groups.is_none() && self.scopes.is_none() {
            return None;
        }
        let set = |texts: &Vec<String>| -> BTreeSet<Arc<str>> {
            texts.iter().map(|t| Arc::from(t.as_str())).collect()
        };
        let groups = self.groups.as_ref().map(set);
        let unknown = groups.as_ref().is_some_and(|g| g.contains("?"));
        Some(Principal {
            user: self.user.as_deref().map(Arc::from),
            groups: if unknown {
                Groups::Unknown
            } else {
                Groups::Known(groups.unwrap_or_default())
            },
            scopes: self.scopes.as_ref().map(set),
            ..Principal::named(agent(&self.agent))
        })
    }

    fn check(&self, policy: &lockgate::engine::policy::Policy, at: &str) {
        let (agent, server) = (agent(&self.agent), server(&self.server));
        let arguments = self.arguments.as_deref().map(document);
        let (what, name) = self.act.split_once(' ').unwrap();
        let principal = self.principal();
        let request = AccessRequest {
            agent: &agent,
            principal: principal.as_ref(),
            server: &server,
            action: match what {
                "tool" => Action::CallTool(name),
                "prompt" => Action::GetPrompt(name),
                "resource" => Action::ReadResource(name),
                "ask" => Action::AskAgent(name),
                other => panic!("{other}"),
            },
            arguments: arguments.as_ref().map(|document| document.root()),
        };
        let answer = policy.evaluate(&request, &Roots);
        let (effect, why) = words(&answer);
        assert_eq!(effect, self.expect, "{at}: {why}");
        if let Some(part) = &self.why {
            assert!(why.contains(part), "{at}: {why}");
        }
        for secret in &self.never {
            assert!(!why.contains(secret), "{at}: {why}");
        }
        if let Some(listed) = self.listed {
            assert_eq!(policy.may_ever(&request), listed, "{at}");
        }
        if let (Some(needs), Answer::Nothing { scopes, .. }) = (&self.needs, &answer) {
            let scopes: Vec<_> = scopes.iter().map(ToString::to_string).collect();
            assert_eq!(&scopes, needs, "{at}");
        }
        if let Some(asks) = &self.asks {
            let values = policy.path_values(&request);
            let values: Vec<_> = values
                .iter()
                .map(|(at, value)| format!("{at}={value}"))
                .collect();
            assert_eq!(&values, asks, "{at}");
        }
    }
}

/// The effect with the ids of its rules, and the reason.
fn words(answer: &Answer) -> (String, String) {
    let (word, rules, why, undeclared) = match answer {
        Answer::Permit { rules, undeclared } => ("permit", rules, "", *undeclared),
        Answer::Forbid { rules, why } => ("forbid", rules, why.as_str(), false),
        Answer::Nothing { near, why, .. } => ("nothing", near, why.as_str(), false),
    };
    let ids = rules.iter().map(|rule| rule.id.as_str());
    let words: Vec<_> = std::iter::once(word)
        .chain(ids)
        .chain(undeclared.then_some("undeclared"))
        .collect();
    (words.join(" "), why.to_owned())
}

/// Built here, so that no file of the project looks as if it held a secret.
#[test]
fn secret_values_are_denied_however_deep() {
    let token = format!("gh{}_{}", 'p', "aB3dE5gH7jK9mN1pQ2rS4tU6vW8xY0zA1bC2");
    let encoded: Vec<_> = token.bytes().map(|b| format!("%{b:02x}")).collect();
    let encoded = encoded.concat();
    let rule = |effect: &str, args: &str| {
        let all = "[[rule]]\nid = \"all\"\neffect = \"permit\"\ntools = [\"*\"]\n";
        let all = if effect == "permit" { "" } else { all };
        policy(&format!(
            "{PRINCIPALS}[[rule]]\nid = \"r\"\neffect = \"{effect}\"\ntools = [\"t\"]\nargs = {args}\n{all}"
        ))
    };
    let policies = [
        rule("permit", "{ \"\" = { secrets = \"deny\" } }"),
        rule("permit", "{ \"/x\" = { each = { secrets = \"deny\" } } }"),
        rule(
            "permit",
            "{ \"/x/*\" = { secrets = \"deny\", optional = true } }",
        ),
        rule("forbid", "{ \"\" = { not = { secrets = \"deny\" } } }"),
    ];
    for (x, passes) in [
        (r#"["plain", {"a": [null, 1, true]}]"#.to_owned(), true),
        (format!(r#"["{token}"]"#), false),
        (format!(r#"["use {encoded} now"]"#), false),
        (format!(r#"[1, {{"a": [null, "x={token}"]}}]"#), false),
        (format!(r#"{{"a": {{"{token}": 1}}}}"#), false),
        (format!(r#"["gh\u0070{}"]"#, token.get(3..).unwrap()), false),
    ] {
        let arguments = document(&format!(r#"{{"x": {x}}}"#));
        let (agent, server) = (agent("a"), server("s"));
        let request = AccessRequest {
            agent: &agent,
            principal: None,
            server: &server,
            action: Action::CallTool("t"),
            arguments: Some(arguments.root()),
        };
        for (n, policy) in policies.iter().enumerate() {
            let answer = policy.evaluate(&request, &Roots);
            let (effect, why) = words(&answer);
            assert_eq!(effect.starts_with("permit"), passes, "{n} {x}: {why}");
            assert!(!why.contains(&token), "{why}");
        }
    }
}

#[test]
fn a_rule_is_named_by_file_and_line() {
    let policy = policy(&format!(
        "{PRINCIPALS}\n# a comment\n[[rule]]\nid = \"r\"\neffect = \"permit\"\ntools = [\"t\"]\n"
    ));
    let (agent, server) = (agent("a"), server("s"));
    let request = AccessRequest {
        agent: &agent,
        principal: None,
        server: &server,
        action: Action::CallTool("t"),
        arguments: None,
    };
    let Answer::Permit { rules, .. } = policy.evaluate(&request, &Roots) else {
        panic!("not permitted");
    };
    assert_eq!((rules[0].file.as_str(), rules[0].line), ("p.toml", 8));
    assert_eq!(policy.rules_for_display()[0].rule, rules[0]);
}

#[test]
fn the_baseline_permits_everyone_everything_but_sampling() {
    let policy = lockgate::engine::policy::Policy::baseline();
    let (agent, server) = (agent("anyone"), server("anything"));
    let answer = |action| {
        let request = AccessRequest {
            agent: &agent,
            principal: None,
            server: &server,
            action,
            arguments: None,
        };
        words(&policy.evaluate(&request, &Roots)).0
    };
    for action in [
        Action::CallTool("x"),
        Action::GetPrompt("x"),
        Action::ReadResource("file:///a/../b"),
        Action::AskAgent("roots/list"),
        Action::AskAgent("elicitation/create"),
    ] {
        assert_eq!(answer(action), "permit baseline", "{action:?}");
    }
    for method in ["sampling/createMessage", "elicitation/create#url", "x"] {
        assert_eq!(
            answer(Action::AskAgent(method)),
            "nothing baseline",
            "{method}"
        );
    }
    assert!(policy.may_ever_call(&agent, &server, "x"));
}
