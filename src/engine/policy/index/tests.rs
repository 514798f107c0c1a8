use crate::engine::policy::{AccessRequest, Action, Policy, PolicyBase};
use crate::engine::types::{AgentName, ServerName};
use proptest::prelude::*;

const HEAD: &str = "version = 1\nagent.a.stdio = true\nagent.b.stdio = true\n\
                    server.s.command = [\"s\"]\nserver.t.command = [\"t\"]\n";

fn one_of(all: &[&'static str]) -> impl Strategy<Value = &'static str> + use<> {
    prop::sample::select(all.to_vec())
}

fn rule() -> impl Strategy<Value = String> {
    let pattern = "[ab*é]{1,4}";
    let subject = prop_oneof![
        prop::collection::vec(pattern, 1..3).prop_map(|p| format!("tools = {p:?}\n")),
        prop::collection::vec(pattern, 1..3).prop_map(|p| format!("prompts = {p:?}\n")),
        prop::collection::vec(pattern, 1..3).prop_map(|p| format!("completions = {p:?}\n")),
        prop::collection::vec("[ab*:/.]{1,4}", 1..3).prop_map(|p| format!("resources = {p:?}\n")),
        Just("asks = [\"roots/list\"]\n".to_owned()),
    ];
    let agents = one_of(&["", "agents = [\"a\"]\n", "agents = [\"a\", \"b\", \"a\"]\n"]);
    let servers = one_of(&["", "server = \"s\"\n", "servers = [\"s\", \"t\"]\n"]);
    (one_of(&["permit", "forbid"]), subject, agents, servers).prop_map(
        |(effect, subject, agents, servers)| {
            format!("effect = \"{effect}\"\n{subject}{agents}{servers}")
        },
    )
}

proptest! {
    #[test]
    fn what_is_found_is_what_asking_all_finds(
        rules in prop::collection::vec(rule(), 0..12),
        name in "[abé]{0,4}",
        uri in "[ab:/.%AB2eE]{0,6}",
    ) {
        let mut text = HEAD.to_owned();
        for (number, rule) in rules.iter().enumerate() {
            text = format!("{text}[[rule]]\nid = \"r{number}\"\n{rule}");
        }
        let base = PolicyBase { dir: "/".to_owned(), home: "/".to_owned() };
        let policy = Policy::parse("p", &text, &base).unwrap();
        for agent in ["a", "b", "c"].map(|name| AgentName::new(name).unwrap()) {
            for server in ["s", "t", "u"].map(|name| ServerName::new(name).unwrap()) {
                for action in [
                    Action::CallTool(&name),
                    Action::GetPrompt(&name),
                    Action::CompletePrompt(&name),
                    Action::ReadResource(&uri),
                    Action::CompleteResource(&uri),
                    Action::AskAgent("roots/list"),
                    Action::AskAgent(&name),
                ] {
                    let request = AccessRequest {
                        agent: &agent, principal: None, server: &server, action, arguments: None,
                    };
                    let id = |rule: &&super::Rule| rule.reference.id.clone();
                    let asked = policy.rules.iter().filter(|rule| rule.covers(&request));
                    let asked: Vec<_> = asked.map(|rule| id(&rule)).collect();
                    let found: Vec<_> = policy.rules.covering(&request).iter().map(id).collect();
                    prop_assert_eq!(found, asked);
                }
            }
        }
    }
}
