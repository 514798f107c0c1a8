//! `serve --record`: who asked for what, for whom, and none of the credentials.

use crate::gate::{Gate, modern_call};
use crate::issuer::Issuer;
use crate::sign::Key;
use crate::support::home::Home;
use crate::support::need::script;
use crate::tokens::{OURS, claims};
use serde_json::{Value, json};

#[test]
fn requests_are_recorded_with_whom_they_are_for() {
    let key = Key::p256();
    let issuer = Issuer::with(&[("k", &key)]);
    let home = Home::new();
    let (log, recording) = (home.root().join("log"), home.root().join("traffic.jsonl"));
    let server = [
        "python3",
        &script("stage.py"),
        "modern",
        &log.display().to_string(),
    ];
    let policy = format!(
        "[server.stage]\ncommand = {server:?}\n[serve]\nurl = \"{OURS}\"\n\
         [agent.a]\njwt = {{ issuer = \"{}\" }}\n\
         [[rule]]\nid = \"some\"\neffect = \"permit\"\ntools = [\"echo\"]\n",
        issuer.url
    );
    let flags = ["--record".to_owned(), recording.display().to_string()];
    let gate = Gate::flagged(home, &policy, &flags);
    let header = json!({ "alg": "ES256", "kid": "k" });
    let token = key.token(&header, &claims(&issuer, &json!({ "groups": ["dev"] })));
    gate.list(&token);
    for tool in ["echo", "secret"] {
        modern_call(2, tool, &json!({ "text": "deep" }))
            .key(&token)
            .at(gate.port);
    }
    let text = std::fs::read_to_string(&recording).unwrap();
    assert!(!text.contains(&token), "{text}");
    let all = text.lines().map(|l| serde_json::from_str(l).unwrap());
    let (answers, lines): (Vec<Value>, Vec<Value>) =
        all.partition(|line: &Value| line.get("answers").is_some());
    assert_eq!(lines.len(), 2, "{text}");
    assert_eq!(answers.len(), 1, "{text}");
    assert_eq!(answers[0]["answers"], lines[0]["mark"]);
    assert_eq!(answers[0]["verdict"], "permit");
    assert!(answers[0]["bytes"].as_u64().unwrap() > 2, "{text}");
    for (line, (tool, verdict)) in lines.iter().zip([("echo", "permit"), ("secret", "deny")]) {
        let parts = [
            "agent",
            "user",
            "groups",
            "scopes",
            "server",
            "name",
            "verdict",
            "arguments",
        ];
        let found: Vec<_> = parts.iter().map(|part| &line[*part]).collect();
        let expected = json!([
            "a", "alice", ["dev"], ["files:read"], "stage", tool, verdict, { "text": "deep" }
        ]);
        assert_eq!(json!(found), expected);
        assert!(
            line["policy"].as_str().unwrap().starts_with("sha256:"),
            "{line}"
        );
    }
    assert_eq!(lines[0]["rules"][0]["id"], "some");
    assert_eq!(lines[1]["reason"], "not-permitted");
}
