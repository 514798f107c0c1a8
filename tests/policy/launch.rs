//! What stands in the place of names: variables of a launch, and sets in sets.

use super::policy;
use lockgate::engine::policy::EnvValue;

#[test]
fn what_is_known_before_anybody_asks_is_put_in() {
    let policy = policy(
        r#"version = 1
[paths]
workspace = "/srv/app"
[agent.a]
stdio = true
[server.s]
command = ["s", "--root=${workspace}", "${home}/x", "$${workspace}", "$HOME"]
env = { ROOT = "${workspace}/data", HIS = "${home}", RAW = "$${home}", FROM = { from = "OTHER" } }
"#,
    );
    let server = policy.servers.values().next().unwrap();
    assert_eq!(
        server.command,
        [
            "s",
            "--root=/srv/app",
            "/home/me/x",
            "${workspace}",
            "$HOME"
        ]
    );
    assert_eq!(server.command_written[1], "--root=${workspace}");
    let value = |name: &str| {
        server
            .env
            .iter()
            .find(|(n, _)| n == &name)
            .unwrap()
            .1
            .clone()
    };
    for (name, expected) in [
        ("ROOT", "/srv/app/data"),
        ("HIS", "/home/me"),
        ("RAW", "${home}"),
    ] {
        assert_eq!(
            value(name),
            EnvValue::Literal(expected.to_owned()),
            "{name}"
        );
    }
    assert_eq!(value("FROM"), EnvValue::From("OTHER".to_owned()));
}

/// Sets in sets, each value once more where it is named twice; `@@` is a letter.
#[test]
fn a_set_stands_for_all_that_it_holds() {
    let policy = policy(
        r#"version = 1
[agent.a]
stdio = true
[server.s]
[set.all]
values = ["get", "@write", "@@me"]
[set.write]
values = ["put", "@more"]
[set.more]
values = ["del_*"]
[[rule]]
id = "r"
effect = "permit"
tools = ["@all", "x"]
args = { "/a" = { one_of = "@write" } }
"#,
    );
    let rule = &policy.rules_for_display()[0];
    assert_eq!(rule.tools, ["get", "put", "del_*", "@me", "x"]);
    assert_eq!(rule.arguments, ["`/a`: one of `put`, `del_*`"]);
}
