use super::*;
use proptest::prelude::*;

/// Before and after; the result stays as it is.
#[track_caller]
fn becomes(before: &str, after: &str) {
    let once = format(before).unwrap_or_else(|e| panic!("{e}: {before}"));
    assert_eq!(once, after, "{before}");
    assert_eq!(format(&once).unwrap(), once, "not stable: {before}");
}

#[test]
fn keys_tables_and_quotes_have_their_place() {
    becomes(
        concat!(
            "# What this is.\n\n# The version.\nversion=1   # always\n",
            "[[rule]]\n",
            "tools = [ 'a','b' ]\nid=\"x\"\n\n\n# why\neffect = 'permit'\n",
            "args = {\"/p\"={optional=true,path='read'}}\n",
            "# Who.\n[agent.me]\nstdio = true\n[paths]\nread=['a']\nworkspace='.'\n# The end.\n"
        ),
        concat!(
            "# What this is.\n\n# The version.\nversion = 1 # always\n\n",
            "[paths]\nworkspace = \".\"\nread = [\"a\"]\n\n",
            "# Who.\n[agent.me]\nstdio = true\n\n",
            "[[rule]]\nid = \"x\"\n\n# why\neffect = \"permit\"\ntools = [\"a\", \"b\"]\n",
            "args = { \"/p\" = { path = \"read\", optional = true } }\n\n# The end.\n"
        ),
    );
    becomes(
        "[server.x]\n[server.x.env]\nA='1'\n",
        "[server.x]\n\n[server.x.env]\nA = \"1\"\n",
    );
    let quotes = "a = '\\.git'\nb = \"it's \\\"\\u0001\"\nc = \"\"\"\nx\"\"\"\"\n";
    becomes(quotes, quotes);
    becomes("", "");
    becomes("# only\n", "# only\n");
}

#[test]
fn what_does_not_fit_in_a_line_is_broken() {
    let names: Vec<_> = (10..30).map(|n| format!("\"tool_{n}\"")).collect();
    let text = format!("[[rule]]\ntools = [{}]\n", names.join(","));
    let out = format(&text).unwrap();
    assert!(out.lines().all(|line| line.chars().count() <= 100), "{out}");
    assert_eq!(out.lines().count(), 6, "{out}");
    assert_eq!(format(&out).unwrap(), out);
    let long = "x".repeat(60);
    becomes(
        &format!(
            "[[rule]]\n# why\nargs = {{ \"/b\" = {{ equals = \"{long}\" }}, \"/a\" = {{ max = 3 }} }} # c\nid = \"x\"\n"
        ),
        &format!(
            "[[rule]]\nid = \"x\"\n\n# why\n[rule.args] # c\n\"/b\" = {{ equals = \"{long}\" }}\n\"/a\" = {{ max = 3 }}\n"
        ),
    );
}

#[test]
fn comments_in_lists_stay_with_their_items() {
    becomes(
        "a = [ # first\n 'x', # x\n\n # y\n 'y' # behind\n ,\n # last\n]\n",
        "a = [ # first\n  \"x\", # x\n  # y\n  \"y\", # behind\n  # last\n]\n",
    );
}

#[test]
fn what_is_no_toml_or_would_lose_something_is_refused() {
    assert!(matches!(format("a = ["), Err(LayoutError::Syntax(_))));
    assert!(matches!(
        format("a = 1\na = 2"),
        Err(LayoutError::Syntax(_))
    ));
}

#[test]
fn the_shipped_policies_keep_what_they_say() {
    for text in [
        include_str!("../../policies/server-filesystem.toml"),
        include_str!("../../policies/mcp-server-git.toml"),
    ] {
        let once = format(text).unwrap();
        assert_eq!(format(&once).unwrap(), once);
    }
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z]{1,6}", "[ -~]{0,12}", "[\\PC\n\t]{0,6}"]
}

fn value() -> impl Strategy<Value = toml::Value> {
    let leaf = prop_oneof![
        word().prop_map(toml::Value::String),
        any::<i64>().prop_map(toml::Value::Integer),
        any::<bool>().prop_map(toml::Value::Boolean),
    ];
    leaf.prop_recursive(4, 40, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(toml::Value::Array),
            prop::collection::btree_map(word(), inner, 0..6)
                .prop_map(|m| toml::Value::Table(m.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever the values: nothing is lost, and the result is stable.
    #[test]
    fn any_document_keeps_its_values(
        keys in prop::collection::btree_map(
            prop_oneof![
                Just("rule".to_owned()), Just("server".to_owned()), Just("agent".to_owned()), word()
            ],
            value(),
            0..5,
        )
    ) {
        let table: toml::Table = keys.into_iter().collect();
        let text = toml::to_string(&table).unwrap();
        let once = format(&text).map_err(|e| TestCaseError::fail(format!("{e}: {text}")))?;
        prop_assert_eq!(&format(&once).unwrap(), &once);
        prop_assert_eq!(once.parse::<toml::Table>().unwrap(), table);
    }
}
