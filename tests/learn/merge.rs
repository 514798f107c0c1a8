//! `learn --merge`: what a policy misses is added, and the rest stays.

use super::traffic::{call, recorded};
use super::{Judge, entry, existing, learn, merged, policy};
use proptest::prelude::*;
use serde_json::json;

/// A policy that a person wrote.
const WRITTEN: &str = r#"# Ours.
version=1

[paths]
# Where we work.
read = [
  "/srv/data/in", # the inbox
]

[server.s]   # the server
[agent.a]
stdio=true

# Reading is fine.
[[rule]]
id = 'read'
effect = 'permit'
server = 's'
tools = ["read_file"]
args = { "/path" = { path = "read" } }

[[rule]]
effect = "forbid"   # never
id = "never"
tools = ["fetch"]
args = { "/url" = { glob = "https://docs.example.org:8443/**" } }
"#;

/// Rules without their place.
fn rules(text: &str) -> Vec<String> {
    let rules = policy(text).rules_for_display().into_iter();
    rules
        .map(|mut rule| {
            rule.rule.line = 0;
            format!("{rule:?}")
        })
        .collect()
}

fn comments(text: &str) -> Vec<&str> {
    let with = text.lines().filter_map(|line| line.split_once("# "));
    with.map(|(_, comment)| comment.trim()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn merging_adds_what_is_missing_once(calls in prop::collection::vec(call(), 1..10)) {
        let entries = recorded(&calls);
        let once = merged(WRITTEN, &entries);
        prop_assert_eq!(&merged(&once, &entries), &once);
        let before = Judge::new(WRITTEN);
        let after = Judge::new(&once);
        for entry in &entries {
            let was = before.judge(entry);
            let now = after.judge(entry);
            let forbidden = was.reason.as_deref() == Some("forbidden");
            prop_assert_eq!(now.permitted, !forbidden, "{:?}\n{}", now, once);
            if was.permitted {
                prop_assert_eq!(&now.rules[0].id, &was.rules[0].id);
            }
        }
        let new = rules(&once);
        for rule in rules(WRITTEN) {
            prop_assert!(new.contains(&rule), "{rule}\n{once}");
        }
        for comment in comments(WRITTEN) {
            prop_assert!(comments(&once).contains(&comment), "{comment}\n{once}");
        }
    }
}

#[test]
fn what_is_permitted_already_adds_nothing() {
    let entries = [entry(
        "a",
        "s",
        "read_file",
        &json!({ "path": "/srv/data/in/x" }),
    )];
    assert_eq!(merged(WRITTEN, &entries), WRITTEN);
}

#[test]
fn a_forbid_stays_and_the_text_above_stays() {
    let entries = [
        entry(
            "a",
            "s",
            "fetch",
            &json!({ "url": "https://docs.example.org:8443/x" }),
        ),
        entry(
            "a",
            "s",
            "fetch",
            &json!({ "url": "https://api.example.com/x" }),
        ),
        entry("a", "s", "read_file", &json!({ "path": "/home/me/work/x" })),
    ];
    let once = merged(WRITTEN, &entries);
    let expected = WRITTEN.replace(
        "  \"/srv/data/in\", # the inbox\n",
        "  \"/srv/data/in\", \"~/work/x\", # the inbox\n",
    );
    assert!(
        once.starts_with(expected.trim_end()) || once.contains("~/work/x"),
        "{once}"
    );
    let after = Judge::new(&once);
    for (entry, expected) in entries.iter().zip([false, true, true]) {
        assert_eq!(after.judge(entry).permitted, expected, "{once}");
    }
}

#[test]
fn an_agent_that_the_policy_does_not_know_is_added() {
    let entries = [entry("b", "t", "search", &json!({ "query": "x" }))];
    let once = merged(WRITTEN, &entries);
    assert!(Judge::new(&once).judge(&entries[0]).permitted, "{once}");
    assert!(once.starts_with(WRITTEN), "{once}");
    assert_eq!(merged(&once, &entries), once);
}

/// Of several files, each server's grows where it stands, and `[paths]` where it
/// stands.
#[test]
fn of_several_files_the_one_with_the_server_grows() {
    let files = [
        "# Whom.\nversion = 1\n[agent.a]\nstdio = true\n",
        "version = 1\n[server.s] # ours\n",
        "version = 1\n[paths]\nread = [\"/srv/data/in\"] # the inbox\n",
    ];
    let entries = [
        entry("a", "s", "read_file", &json!({ "path": "/srv/other/x" })),
        entry("a", "t", "search", &json!({ "query": "x" })),
    ];
    let before = policy(
        "version = 1\n[agent.a]\nstdio = true\n[server.s]\n[paths]\nread = [\"/srv/data/in\"]\n",
    );
    let of = |into| {
        let mut all = existing("", &before);
        all.files = files.to_vec();
        all.into = into;
        learn(&entries).merged(&all, "/home/me").unwrap()
    };
    let changed = of(None);
    assert_eq!(changed.len(), 3);
    for (n, text) in files.iter().enumerate() {
        let first = text
            .trim_end()
            .lines()
            .take(2)
            .collect::<Vec<_>>()
            .join("\n");
        assert!(changed[&n].starts_with(&first), "{}", changed[&n]);
    }
    assert!(changed[&0].contains("[server.t]") && changed[&0].contains("learned-t-search"));
    assert!(
        changed[&1].contains("[server.s] # ours") && changed[&1].contains("learned-s-read_file")
    );
    assert!(
        changed[&2].contains("[\"/srv/data/in\", \"/srv/other/x\"] # the inbox"),
        "{}",
        changed[&2]
    );
    let changed = of(Some(0));
    assert!(changed[&0].contains("learned-s-read_file") && changed[&0].contains("[server.t]"));
    assert_eq!(changed.keys().copied().collect::<Vec<_>>(), [0, 2]);
}
