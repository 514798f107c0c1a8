//! One policy beside an older one: what is wider is told, whatever the rules.

use super::{Roots, agent, base, document, policy, server};
use lockgate::engine::pin::Lockfile;
use lockgate::engine::policy::{AccessRequest, Action, Answer, Moment, Policy, Severity, UnixTime};
use lockgate::engine::principal::{Groups, Principal};
use proptest::prelude::*;
use std::sync::Arc;

pub(super) const HEAD: &str = "version = 1
agent.a.stdio = true
agent.b.jwt.issuer = \"https://idp.example\"
server.s.command = [\"s\"]
server.t.command = [\"t\"]
";

const ARGS: [&str; 22] = [
    "",
    "args = { \"/n\" = { max = 5 } }\n",
    "args = { \"/n\" = { max = 9, optional = true } }\n",
    "args = { \"/n\" = { min = 3, max = 9 } }\n",
    "args = { \"/n\" = { one_of = [1, 7] } }\n",
    "args = { \"/n\" = { equals = 7 } }\n",
    "args = { \"/n\" = { absent = true } }\n",
    "args = { \"/p\" = { equals = \"a/../b\" } }\n",
    "args = { \"/p\" = { glob = \"a/**\" } }\n",
    "args = { \"/p\" = { matches = \"a.*\" } }\n",
    "args = { \"/p\" = { one_of = [\"ab\", \"a/b\"] }, \"/n\" = { max = 9 } }\n",
    "args = { \"/l/*\" = { max_len = 2 } }\n",
    "args = { \"/p\" = { glob = \"a/*\" } }\n",
    "args = { \"/p\" = { glob = \"a/b\" }, \"/n\" = { max = 9 } }\n",
    "args = { \"/p\" = { host = [\"a.example\", \"localhost\"] } }\n",
    "args = { \"/p\" = { host = \"*.a.example\" } }\n",
    "args = { \"/p\" = { host = [\"**.example\", \"10.0.0.1\"], max_len = 11 } }\n",
    "args = { \"/p\" = { url = \"https://a.example/x/**\" } }\n",
    "args = { \"/p\" = { url = { hosts = [\"**.example\"], paths = [\"/**\"] } } }\n",
    "args = { \"/p\" = { email = [\"a*@a.example\"] } }\n",
    "args = { \"/p\" = { email = [\"*@*.example\"] } }\n",
    "args = { \"/l\" = { max_items = 1, each = { any_of = [{ one_of = [\"ab\"] }, { max_len = 1 }] } } }\n",
];

/// One of some texts.
fn one(of: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::select(of).prop_map(str::to_owned)
}

fn rule() -> impl Strategy<Value = String> {
    let head = (
        one(&["permit", "permit", "permit", "forbid", "forbid", "ask"]),
        one(&["", "agents = [\"a\"]\n", "agents = [\"b\"]\n"]),
        one(&["", "server = \"s\"\n", "server = \"t\"\n"]),
        one(&[
            "",
            "",
            "users = [\"al*\"]\n",
            "users = [\"alice\"]\n",
            "groups = [\"dev\"]\n",
        ]),
    );
    let items = one(&[
        "tools = [\"get\"]\n",
        "tools = [\"g*\"]\n",
        "tools = [\"*t\"]\n",
        "tools = [\"*\"]\n",
        "tools = [\"get\", \"put\"]\n",
        "resources = [\"*\"]\n",
        "resources = [\"x://*\"]\n",
        "resources = [\"x://A/*\"]\n",
        "prompts = [\"p*\"]\n",
        "prompts = [\"p1\"]\n",
        "completions = [\"p*\"]\n",
        "completions = [\"x://*\", \"p1\"]\n",
        "asks = [\"roots/list\"]\n",
        "asks = [\"roots/list\", \"sampling/createMessage\"]\n",
    ]);
    let mode = one(&["", "", "", "mode = \"audit\"\n"]);
    let when = one(&[
        "",
        "",
        "when = { from = \"09:00\", to = \"17:00\", zone = \"UTC\" }\n",
        "when = { days = [\"mon\"], from = \"10:00\", to = \"16:00\", zone = \"UTC\" }\n",
        "when = { from = \"22:00\", to = \"12:00\", zone = \"+02:00\" }\n",
    ]);
    let args = one(&ARGS);
    let scopes = one(&["", "", "scopes = [\"w\"]\n"]);
    let undeclared = one(&["", "", "undeclared = \"permit\"\n"]);
    (head, items, args, (scopes, undeclared), (mode, when)).prop_map(
        |((effect, agents, on, people), items, args, (scopes, undeclared), (mode, when))| {
            let is_tool = items.starts_with("tools");
            let args = if is_tool { args } else { String::new() };
            let needs = if effect == "permit" {
                scopes
            } else {
                String::new()
            };
            let undeclared = if effect == "permit" && is_tool {
                undeclared
            } else {
                String::new()
            };
            format!("effect = \"{effect}\"\n{agents}{on}{people}{items}{args}{needs}{undeclared}{mode}{when}")
        },
    )
}

fn a_policy() -> impl Strategy<Value = String> {
    let defaults = one(&["", "", "", "[defaults]\nmode = \"audit\"\n"]);
    (defaults, prop::collection::vec(rule(), 0..4)).prop_map(|(defaults, rules)| {
        let rules = rules.iter().enumerate();
        let rules = rules.map(|(at, rule)| format!("[[rule]]\nid = \"r{at}\"\n{rule}"));
        let rules = rules.collect::<Vec<_>>().concat();
        format!("{HEAD}{defaults}{rules}")
    })
}

const ACTIONS: [Action<'_>; 14] = [
    Action::CallTool("get"),
    Action::CallTool("put"),
    Action::CallTool("gut"),
    Action::CallTool("x"),
    Action::ReadResource("x://a/b"),
    Action::ReadResource("x://A/b"),
    Action::ReadResource("x://a/../b"),
    Action::ReadResource("y://a"),
    Action::GetPrompt("p1"),
    Action::CompletePrompt("p1"),
    Action::CompletePrompt("p2"),
    Action::CompleteResource("x://a/b"),
    Action::AskAgent("roots/list"),
    Action::AskAgent("sampling/createMessage"),
];

/// A Monday: at night, before ten, at noon and after four; and no time at all.
const TIMES: [Option<UnixTime>; 5] = [
    None,
    Some(UnixTime(MONDAY)),
    Some(UnixTime(MONDAY + 9 * 3600 + 1800)),
    Some(UnixTime(MONDAY + 12 * 3600)),
    Some(UnixTime(MONDAY + 24 * 3600 + 16 * 3600)),
];
const MONDAY: u64 = 1_795_392_000;

const ARGUMENTS: [&str; 25] = [
    "{}",
    r#"{"n":1}"#,
    r#"{"n":4}"#,
    r#"{"n":7}"#,
    r#"{"n":"7"}"#,
    r#"{"n":99}"#,
    r#"{"p":"a/../b"}"#,
    r#"{"p":"a/b"}"#,
    r#"{"p":"ab","n":7}"#,
    r#"{"p":"a/b","n":7}"#,
    r#"{"p":3,"n":7}"#,
    r#"{"l":[]}"#,
    r#"{"l":["xy"]}"#,
    r#"{"l":["xyz"],"n":1}"#,
    r#"{"l":["ab"]}"#,
    r#"{"p":"a/b/c"}"#,
    r#"{"p":"localhost"}"#,
    r#"{"p":"a.example"}"#,
    r#"{"p":"x.a.example"}"#,
    r#"{"p":"10.0.0.1"}"#,
    r#"{"p":"https://a.example/x/y"}"#,
    r#"{"p":"https://a.example:8443/x/y"}"#,
    r#"{"p":"https://b.example/X/y"}"#,
    r#"{"p":"ab@a.example"}"#,
    r#"{"p":"AB@b.a.example"}"#,
];

/// What an answer lets pass: whether, and undeclared arguments too.
fn lets(policy: &Policy, request: &AccessRequest<'_>, moment: &Moment<'_>) -> (bool, bool) {
    match policy.judge(request, &Roots, moment).answer {
        Answer::Permit { undeclared, .. } => (true, undeclared),
        _ => (false, false),
    }
}

/// A request that `new` lets pass and `old` does not.
fn witness(new: &Policy, old: &Policy, actions: &[Action<'_>]) -> Option<String> {
    let principal = |user: Option<&str>, groups: &[&str], scopes: &[&str]| Principal {
        user: user.map(Arc::from),
        groups: Groups::Known(groups.iter().map(|g| Arc::from(*g)).collect()),
        scopes: Some(scopes.iter().map(|s| Arc::from(*s)).collect()),
        ..Principal::named(agent("b"))
    };
    let people = [
        None,
        Some(principal(None, &[], &["w"])),
        Some(principal(Some("alice"), &["dev"], &[])),
        Some(principal(Some("alfred"), &[], &["w"])),
        Some(principal(Some("bob"), &["dev"], &["w"])),
    ];
    for principal in &people {
        let name = agent(if principal.is_some() { "b" } else { "a" });
        for on in ["s", "t"] {
            let on = server(on);
            for action in actions.iter().copied() {
                let is_tool = matches!(action, Action::CallTool(_));
                let texts = if is_tool { ARGUMENTS.len() } else { 1 };
                for text in ARGUMENTS.iter().take(texts) {
                    let arguments = document(text);
                    let request = AccessRequest {
                        agent: &name,
                        principal: principal.as_ref(),
                        server: &on,
                        action,
                        arguments: is_tool.then(|| arguments.root()),
                    };
                    for time in TIMES {
                        let moment = Moment {
                            time,
                            ..Moment::default()
                        };
                        let now = lets(new, &request, &moment);
                        let before = lets(old, &request, &moment);
                        if (now.0 && !before.0) || (now.1 && !before.1) {
                            return Some(format!(
                                "{name} {on} {action:?} {text} {principal:?} {time:?}"
                            ));
                        }
                    }
                }
            }
        }
    }
    None
}

pub(super) fn is_told(new: &Policy, old: &Policy) -> bool {
    let found = new.check_against_older(old, &Lockfile::default());
    found.iter().any(|d| d.severity == Severity::Warning)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn what_is_wider_is_told(new in a_policy(), old in a_policy()) {
        let (new, old) = (policy(&new), policy(&old));
        if let Some(request) = witness(&new, &old, &ACTIONS) {
            prop_assert!(is_told(&new, &old), "not told: {request}");
        }
    }

    /// One rule beside one rule: nothing else can be told by chance.
    #[test]
    fn a_rule_that_is_another_one_is_told(new in rule(), old in rule()) {
        let whole = |rule: &str| {
            policy(&format!("{HEAD}[[rule]]\nid = \"r\"\n{rule}"))
        };
        let (new, old) = (whole(&new), whole(&old));
        if let Some(request) = witness(&new, &old, &ACTIONS) {
            prop_assert!(is_told(&new, &old), "not told: {request}");
        }
    }

    #[test]
    fn a_policy_is_not_wider_than_itself(text in a_policy()) {
        let policy = policy(&text);
        let found = policy.check_against_older(&policy, &Lockfile::default());
        prop_assert!(found.is_empty(), "{found:?}");
    }

    /// A rule less: the most frequent change, in both directions.
    #[test]
    fn a_rule_that_is_gone_is_told(text in a_policy()) {
        let Some((less, _)) = text.rsplit_once("[[rule]]") else {
            return Ok(());
        };
        let (all, less) = (policy(&text), policy(less));
        for (new, old) in [(&all, &less), (&less, &all)] {
            if let Some(request) = witness(new, old, &ACTIONS) {
                prop_assert!(is_told(new, old), "not told: {request}");
            }
        }
    }
}

/// Every constraint beside every other one, in a permit and in a forbid.
#[test]
fn constraints_are_compared() {
    let rule = |effect: &str, args: &str| {
        format!("[[rule]]\nid = \"{effect}\"\neffect = \"{effect}\"\ntools = [\"get\"]\n{args}")
    };
    let all = "[[rule]]\nid = \"all\"\neffect = \"permit\"\ntools = [\"*\"]\n";
    let mut compared = (0, 0);
    for now in ARGS {
        for before in ARGS {
            for (effect, rest) in [("permit", ""), ("forbid", all)] {
                let whole = |args: &str| policy(&format!("{HEAD}{}{rest}", rule(effect, args)));
                let (new, old) = (whole(now), whole(before));
                let told = is_told(&new, &old);
                if let Some(request) = witness(&new, &old, &[Action::CallTool("get")]) {
                    assert!(told, "{effect} {now} {before}: not told: {request}");
                    compared.0 += 1;
                }
                compared.1 += usize::from(!told);
            }
        }
    }
    // It neither tells nothing nor everything.
    assert!(compared.0 > 50 && compared.1 > 50, "{compared:?}");
}

/// Not only rules make a policy wider.
#[test]
fn what_else_is_wider_is_told() {
    let base_text = r#"version = 1
strict = true
[paths]
read = ["/work/a"]
write = ["/work/out"]
secret = ["+defaults", "/work/key"]
[pins]
mode = "require"
[serve]
hosts = ["one.example"]
[server.s]
command = ["s"]
env = { A = "1" }
ask_agent = ["roots/list"]
[server.r]
url = "https://r.example/"
[agent.a]
stdio = { uid = 1000, parent = "/usr/bin/code" }
[agent.j]
jwt = { issuer = "https://idp.example", subject = "repo:acme/*", algorithms = ["EdDSA"] }
[agent.m]
mtls = { spiffe = "spiffe://acme.example/x/*" }
"#;
    let old = policy(base_text);
    for (from, to, told) in [
        (
            "read = [\"/work/a\"]",
            "read = [\"/work/ab\"]",
            "`/work/ab` may be read",
        ),
        (
            "read = [\"/work/a\"]",
            "read = [\"/work/a/b\", \"/work/out/x\"]",
            "",
        ),
        (
            "write = [\"/work/out\"]",
            "write = [\"/work\"]",
            "`/work` may be written",
        ),
        (", \"/work/key\"", "", "`/work/key` is no secret place"),
        ("\"+defaults\", ", "", "the built-in catalogue"),
        ("\"require\"", "\"tofu\"", "on first sight"),
        (
            "[\"one.example\"]",
            "[\"one.example\", \"two.example\"]",
            "`two.example`",
        ),
        ("hosts =", "sse = true\nhosts =", "HTTP+SSE"),
        ("command = [\"s\"]", "command = [\"t\"]", "another command"),
        ("A = \"1\"", "A = \"1\", B = \"2\"", "the variables `B`"),
        ("A = \"1\"", "A = \"2\"", "the variables `A`"),
        (
            "[\"roots/list\"]",
            "[\"roots/list\", \"elicitation/create\"]",
            "`elicitation/create`",
        ),
        ("[\"roots/list\"]", "[]", ""),
        ("https://r.example/", "https://q.example/", "another URL"),
        ("uid = 1000, ", "", "another user"),
        (", parent = \"/usr/bin/code\"", "", "another program"),
        (
            "stdio = { uid = 1000, parent = \"/usr/bin/code\" }",
            "stdio = true",
            "another user",
        ),
        ("repo:acme/*", "repo:*", "other subjects"),
        ("repo:acme/*", "repo:acme/web", ""),
        (
            "[\"EdDSA\"]",
            "[\"EdDSA\", \"ES256\"]",
            "more signature algorithms",
        ),
        (
            "https://idp.example",
            "https://id.example",
            "another issuer",
        ),
        ("example/x/*", "example/*/*", "other client certificates"),
        ("example/x/*", "example/x/y", ""),
        (
            "[agent.m]",
            "[agent.n]\nstdio = true\n[agent.m]",
            "there is an agent `n`",
        ),
        (
            "[server.r]",
            "[server.q]\n[server.r]",
            "there is a server `q`",
        ),
        ("strict = true", "", "whatever its tests"),
        (
            "[pins]",
            "[defaults]\nmode = \"audit\"\n[pins]",
            "what no rule permits passes",
        ),
    ] {
        let text = base_text.replacen(from, to, 1);
        assert_ne!(text, base_text, "{from}");
        let new = Policy::parse("p.toml", &text, &base()).unwrap();
        let found = new.check_against_older(&old, &Lockfile::default());
        let wider: Vec<_> = found
            .iter()
            .filter(|d| d.severity == Severity::Warning)
            .map(|d| d.message.as_str())
            .collect();
        if told.is_empty() {
            assert!(wider.is_empty(), "{from} -> {to}: {wider:?}");
        } else {
            assert!(
                wider.iter().any(|message| message.contains(told)),
                "{from} -> {to}: {found:?}"
            );
        }
    }
}
