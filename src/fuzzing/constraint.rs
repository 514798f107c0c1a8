//! Constraints that read a text by a grammar of its own.

use super::NoPaths;
use crate::engine::message::{Document, Limits};
use crate::engine::policy::{AccessRequest, Action, Answer, Policy, PolicyBase};
use crate::engine::types::{AgentName, ServerName};
use std::sync::LazyLock;

/// What is asked about the text, each alone.
const CONSTRAINTS: [&str; 9] = [
    "url = { schemes = [\"https\", \"http\"], hosts = [\"**.a.example\", \"a.example\"], paths = [\"/**\"] }",
    "host = [\"**.a.example\", \"a.example\"]",
    "email = { domains = [\"a.example\"] }",
    "command = { programs = [\"git\", \"ls\"], shell = true }",
    "sql = { statements = [\"select\"], tables = [\"a\"], dialect = \"postgres\" }",
    "sql = { statements = [\"select\"], tables = [\"a\"], dialect = \"sqlite\" }",
    "sql = { statements = [\"select\"], tables = [\"a\"], dialect = \"mysql\" }",
    "sql = { statements = [\"select\"], tables = [\"a\"], dialect = \"generic\" }",
    "any_of = [{ glob = \"a/**\" }, { not = { host = \"a.example\" } }]",
];

/// One policy for each constraint and one for its opposite.
static POLICIES: LazyLock<Vec<(Policy, Policy)>> = LazyLock::new(|| {
    let base = PolicyBase {
        dir: "/home/dev/project".to_owned(),
        home: "/home/dev".to_owned(),
    };
    let policy = |constraint: &str| {
        let text = format!(
            "version = 1\n[agent.a]\nstdio = true\n[server.s]\n[[rule]]\nid = \"r\"\n\
             effect = \"permit\"\ntools = [\"t\"]\nargs = {{ \"/x\" = {{ {constraint} }} }}\n"
        );
        Policy::parse("lockgate.toml", &text, &base).ok()
    };
    let both = |c: &&str| Some((policy(c)?, policy(&format!("not = {{ {c} }}"))?));
    CONSTRAINTS.iter().filter_map(both).collect()
});

/// Any text under each of them: a constraint and its opposite never both hold,
/// and where a URL leads, another parser agrees.
pub fn constraint(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    assert_eq!(
        POLICIES.len(),
        CONSTRAINTS.len(),
        "a policy does not compile"
    );
    let arguments = serde_json::json!({ "x": text }).to_string().into_bytes();
    let Ok(arguments) = Document::read(arguments, &Limits::DEFAULT) else {
        return;
    };
    let (Ok(agent), Ok(server)) = (AgentName::new("a"), ServerName::new("s")) else {
        return;
    };
    let permits = |policy: &Policy| {
        let request = AccessRequest {
            agent: &agent,
            principal: None,
            server: &server,
            action: Action::CallTool("t"),
            arguments: Some(arguments.root()),
        };
        matches!(policy.evaluate(&request, &NoPaths), Answer::Permit { .. })
    };
    for (n, (policy, opposite)) in POLICIES.iter().enumerate() {
        let holds = permits(policy);
        assert!(!(holds && permits(opposite)), "{n}: both hold");
        if n == 0 && holds {
            leads_to_the_listed_host(text);
        }
    }
}

fn leads_to_the_listed_host(text: &str) {
    let before_fragment = text.split('#').next().unwrap_or_default();
    let uri: Option<hyper::Uri> = before_fragment.parse().ok();
    let host = uri.as_ref().and_then(hyper::Uri::host).unwrap_or_default();
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let listed = host == "a.example" || host.ends_with(".a.example");
    assert!(listed, "another parser reads another host");
}
