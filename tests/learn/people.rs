//! For whom rules are, and what servers ask of whom.

use super::{Judge, learn, line, policy};
use lockgate::engine::Session;
use lockgate::engine::heard::heard;
use lockgate::engine::message::Direction;
use lockgate::traffic::Entry;
use serde_json::{Value, json};

/// A call of a tool for somebody.
fn of(user: Option<&str>, groups: &Value, tool: &str) -> Entry {
    line(&json!({
        "v": 1, "time": "2026-11-25T01:02:03Z", "agent": "a", "server": "s", "user": user,
        "groups": groups, "method": "tools/call", "subject": "tool", "name": tool,
        "verdict": "permit", "rules": [], "arguments": { "query": "x" },
    }))
}

fn narrowed(entries: &[Entry], tool: &str) -> (Vec<String>, Vec<String>) {
    let text = learn(entries).whole(None, "/home/me", "x").unwrap();
    let judge = Judge::new(&text);
    for entry in entries {
        assert!(judge.judge(entry).permitted, "{entry:?}\n{text}");
    }
    let mut rules = policy(&text).rules_for_display().into_iter();
    let rule = rules.find(|rule| rule.tools == [tool]).unwrap();
    (
        rule.users.unwrap_or_default(),
        rule.groups.unwrap_or_default(),
    )
}

#[test]
fn a_rule_is_for_the_group_or_the_few_who_needed_it() {
    let (all, dev) = (json!(["all"]), json!(["all", "dev"]));
    let everybody = |dev: &Value| {
        let [a, b, c] = ["ann", "bob", "cyd"].map(|user| {
            let groups = if user == "cyd" {
                json!(["all"])
            } else {
                dev.clone()
            };
            of(Some(user), &groups, "search")
        });
        vec![a, b, c]
    };
    let list = |texts: &[&str]| texts.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
    for (what, dev, other, users, groups) in [
        (
            "a group",
            &dev,
            vec![of(Some("ann"), &dev, "other_tool")],
            &[][..],
            &["dev"][..],
        ),
        (
            "no telling group",
            &all,
            vec![of(Some("ann"), &all, "other_tool")],
            &["ann"],
            &[],
        ),
        (
            "unknown groups",
            &Value::Null,
            vec![of(Some("ann"), &Value::Null, "other_tool")],
            &["ann"],
            &[],
        ),
        (
            "most of them",
            &all,
            vec![
                of(Some("ann"), &all, "other_tool"),
                of(Some("bob"), &all, "other_tool"),
            ],
            &[],
            &[],
        ),
        (
            "nobody's",
            &dev,
            vec![
                of(Some("ann"), &dev, "other_tool"),
                of(None, &json!([]), "other_tool"),
            ],
            &[],
            &[],
        ),
    ] {
        let mut entries = everybody(dev);
        entries.extend(other);
        let found = narrowed(&entries, "other_tool");
        assert_eq!(found, (list(users), list(groups)), "{what}");
        // The agent itself is in no group.
        let everybody = if what == "nobody's" {
            &["all"][..]
        } else {
            &[]
        };
        let found = narrowed(&entries, "search");
        assert_eq!(found, (vec![], list(everybody)), "{what}");
    }
}

#[test]
fn what_a_server_asked_of_one_agent_it_may_not_ask_of_another() {
    let ask = |agent: &str| {
        line(&json!({
            "v": 1, "time": "2026-11-25T01:02:03Z", "agent": agent, "server": "s",
            "method": "sampling/createMessage", "subject": "ask",
            "name": "sampling/createMessage", "verdict": "permit", "rules": [],
        }))
    };
    let other = line(&json!({
        "v": 1, "time": "2026-11-25T01:02:03Z", "agent": "b", "server": "s",
        "method": "prompts/get", "subject": "prompt", "name": "p", "verdict": "permit",
        "rules": [],
    }));
    let text = learn(&[ask("a"), other])
        .whole(None, "/home/me", "x")
        .unwrap();
    let judge = Judge::new(&text);
    assert!(judge.judge(&ask("a")).permitted, "{text}");
    assert!(!judge.judge(&ask("b")).permitted, "{text}");
}

#[test]
fn what_a_server_asks_is_heard_wherever_it_stands() {
    let judge = Judge::new("version = 1\n");
    let engine = judge.0.values().next().unwrap();
    let asks = json!({
        "one": { "method": "elicitation/create", "params": { "mode": "form" } },
        "two": { "method": "sampling/createMessage", "params": {} },
        "three": { "method": "sampling/createMessage", "params": {} },
        "odd": { "method": "tools/call", "params": {} },
        "none": { "method": "x/y" },
    });
    let both = ["sampling/createMessage", "elicitation/create"];
    let page = ["elicitation/create#url"];
    for (what, message, expected) in [
        (
            "a request",
            json!({ "id": 1, "method": "roots/list" }),
            &["roots/list"][..],
        ),
        (
            "an answer",
            json!({ "id": 1, "result": { "resultType": "input_required", "inputRequests": asks } }),
            &both,
        ),
        (
            "a task in an answer",
            json!({ "id": 1, "result": { "task": { "taskId": "t", "inputRequests": asks } } }),
            &both,
        ),
        (
            "news of a task",
            json!({ "method": "notifications/tasks/status", "params": { "taskId": "t", "inputRequests": asks } }),
            &both,
        ),
        (
            "an error",
            json!({ "id": 1, "error": { "code": -32042, "message": "m", "data": {} } }),
            &page,
        ),
        (
            "another error",
            json!({ "id": 1, "error": { "code": -32041, "message": "m" } }),
            &[],
        ),
        (
            "a plain answer",
            json!({ "id": 1, "result": { "content": [] } }),
            &[],
        ),
    ] {
        let mut message = message;
        message["jsonrpc"] = json!("2.0");
        let opened = engine.open(Direction::ToAgent, message.to_string().into_bytes());
        let heard = heard(&opened, &Session::new("t"));
        let mut names: Vec<_> = heard.iter().map(|h| h.name.as_str()).collect();
        let mut expected = expected.to_vec();
        names.sort_unstable();
        expected.sort_unstable();
        assert_eq!(names, expected, "{what}");
    }
}
