//! `who-can`, `what-can`, and what `explain` says beside the verdict.

use super::user::{Done, User};
use serde_json::Value;

const POLICY: &str = r#"version = 1

[agent.me]
stdio = true
[agent.ci]
jwt = { issuer = "https://idp.example" }

[paths]
workspace = "."
read = ["${workspace}"]

[server.demo]

[[rule]]
id = "read"
effect = "permit"
server = "demo"
agents = ["me"]
tools = ["read_file"]
args = { "/path" = { path = "read" } }

[[rule]]
id = "sums"
effect = "permit"
server = "demo"
users = ["alice"]
groups = ["dev"]
scopes = ["sums"]
tools = ["add"]

[[rule]]
id = "weather"
effect = "permit"
tools = ["get_weather"]
prompts = ["daily"]
resources = ["docs://*"]

[[rule]]
id = "no-city"
effect = "forbid"
tools = ["get_weather"]
args = { "/city" = { equals = "Paris" } }

[[rule]]
id = "not-ci"
effect = "forbid"
agents = ["ci"]
tools = ["get_weather"]
"#;

fn user() -> User {
    let user = User::new();
    user.lockgate(&["pin", "--yes"]).is(0, &[]);
    user.write("lockgate.toml", POLICY);
    user
}

fn ask(user: &User, words: &[&str]) -> Done {
    user.plain(&[words, &["--config", "lockgate.toml"]].concat(), "")
}

#[test]
fn who_can_names_agents_conditions_and_rules() {
    let user = user();
    ask(&user, &["who-can", "add"]).is(
        0,
        &[
            "tool `add` of `demo`",
            "AGENT  CAN  BY",
            "ci     if   `sums` (lockgate.toml:22): for user `alice`; for group `dev`; with scope `sums`",
        ],
    );
    ask(&user, &["who-can", "get_weather"]).is(
        0,
        &[
            "ci     no   forbidden by `not-ci` (lockgate.toml:44)",
            "me     if   `weather` (lockgate.toml:31)\n",
            "unless `no-city` (lockgate.toml:38): `/city`: `Paris`",
        ],
    );
    ask(&user, &["who-can", "write_file"]).is(0, &["me     no   nothing permits it"]);
    ask(&user, &["who-can", "--prompt", "daily"])
        .is(0, &["prompt `daily`", "me     yes  `weather`"]);
    ask(&user, &["who-can", "--resource", "docs://a"]).is(0, &["me     yes  `weather`"]);
    ask(&user, &["who-can", "reed_file"]).is(
        0,
        &["nobody: no rule is about tool `reed_file`; did you mean `read_file`?"],
    );
    ask(&user, &["who-can", "add", "--server", "demmo"])
        .is(2, &["there is no server `demmo`; did you mean `demo`?"]);
    ask(&user, &["who-can"]).is(2, &["<TOOL>"]);
}

#[test]
fn who_can_judges_the_arguments_that_are_known() {
    let user = user();
    for (words, told) in [
        (
            &["get_weather", "--arg", "/city=Oslo"][..],
            "me     yes  `weather`",
        ),
        (
            &["get_weather", "--arg", "/city=Paris"],
            "me     no   forbidden by `no-city`",
        ),
        // What cannot be told fires a forbid.
        (
            &["get_weather", "--arg", "/city=5"],
            "me     no   forbidden by `no-city`",
        ),
        (
            &["read_file", "--arg", "/path=readme.md"],
            "me     yes  `read`",
        ),
        (
            &["read_file", "--arg", "/path=/etc/hostname"],
            "me     no   not by `read` (lockgate.toml:14): `/path`: expected a path",
        ),
        (
            &["read_file", "--arg", "/path=~/.ssh/id_rsa"],
            "me     no   the guard refuses it [secret-place]",
        ),
        (
            &["read_file", "--arg", "/pth=a"],
            "`/pth` is no argument of the pinned `read_file`; did you mean `/path`?",
        ),
    ] {
        ask(&user, &[&["who-can"], words].concat()).is(0, &[told]);
    }
    for (arg, told) in [
        ("path=a", "a JSON Pointer starts with `/`"),
        ("/path", "expected `/POINTER=VALUE`"),
        ("/l/1=a", "items are given in their order"),
    ] {
        ask(&user, &["who-can", "read_file", "--arg", arg]).is(2, &[told]);
    }
    ask(&user, &["who-can", "x", "--arg", "/a=1", "--arg", "/a/b=2"])
        .is(2, &["another `--arg` gives what is above it"]);
    let json = ask(
        &user,
        &["who-can", "read_file", "--json", "--arg", "/path=~/.ssh/x"],
    )
    .json();
    assert_eq!(json["servers"][0]["agents"][1]["can"], "no");
    assert!(
        json["servers"][0]["agents"][1]["guard"]
            .as_str()
            .unwrap()
            .contains("secret-place")
    );
    let json = ask(&user, &["who-can", "add", "--json"]).json();
    let ci = &json["servers"][0]["agents"][0];
    assert_eq!(
        (&ci["can"], &ci["permits"][0]["rule"]["id"]),
        (&"if".into(), &"sums".into())
    );
    assert_eq!(ci["permits"][0]["conditions"].as_array().unwrap().len(), 3);
}

#[test]
fn what_can_is_a_table_of_all_that_an_agent_may_do() {
    let user = user();
    ask(&user, &["what-can", "me"]).is(
        0,
        &[
            "`me` on `demo`",
            "WHAT                         CAN  BY",
            "tool read_file               if   `read` (lockgate.toml:14): `/path`: a path",
            "tool write_file              no   nothing permits it",
            "prompts daily                yes  `weather`",
            "resources docs://*           yes  `weather`",
        ],
    );
    ask(
        &user,
        &[
            "what-can", "ci", "--user", "alice", "--group", "dev", "--scope", "sums",
        ],
    )
    .is(
        0,
        &[
            "tool add                     yes  `sums`",
            "tool get_weather             no   forbidden by `not-ci`",
        ],
    );
    ask(
        &user,
        &["what-can", "ci", "--user", "alice", "--group", "dev"],
    )
    .is(
        0,
        &[
            "tool add                     no",
            "needs a token with the scopes sums",
        ],
    );
    ask(
        &user,
        &["what-can", "ci", "--user", "bob", "--scope", "sums"],
    )
    .is(0, &["tool add                     no   nothing permits it"]);
    ask(&user, &["what-can", "mee"]).is(2, &["there is no agent `mee`; did you mean `me`?"]);
    ask(&user, &["what-can", "me", "--server", "x"]).is(2, &["there is no server `x`"]);
    let json = ask(&user, &["what-can", "me", "--json"]).json();
    let what = json["servers"][0]["what"].as_array().unwrap().clone();
    let of = |name: &str| {
        what.iter()
            .find(|row| row["name"] == name)
            .cloned()
            .unwrap()
    };
    assert_eq!(of("write_file")["can"], "no");
    assert_eq!(of("docs://*")["kind"], "resources");
    // Without pins, the patterns stand for the tools.
    std::fs::remove_file(user.path("lockgate.lock")).unwrap();
    ask(&user, &["what-can", "me"]).is(
        0,
        &[
            "tools read_file              if      `read`",
            "tools get_weather            not if  `no-city` (lockgate.toml:38): `/city`: `Paris`",
            "the server has no pins",
            "lockgate pin --config lockgate.toml --server demo",
        ],
    );
    ask(&user, &["who-can", "add"]).is(
        0,
        &["the tool has no pin: nobody gets it until `lockgate pin"],
    );
}

#[test]
fn explain_says_what_would_have_to_change() {
    let user = user();
    let explain = |words: &[&str]| ask(&user, &[&["explain"], words].concat());
    for (words, told) in [
        (
            &["--agent", "me", "read_file", r#"{"path":"/etc/hostname"}"#][..],
            "change:  for `read`: send a path within `[paths]`, or add its directory there (lockgate.toml:20)",
        ),
        (
            &["--agent", "ci", "read_file", r#"{"path":"readme.md"}"#],
            "change:  for `read`: add `ci` to `agents` (lockgate.toml:14: is for `me`)",
        ),
        (
            &["--agent", "me", "read_file"],
            "send the argument, or write `optional = true` there (lockgate.toml:20)",
        ),
        (
            &["--agent", "ci", "--user", "alice", "--group", "dev", "add"],
            "change:  for `sums`: get a token with these `scopes`",
        ),
        (
            &["--agent", "me", "get_weather", r#"{"city":"Paris"}"#],
            "narrow or remove `no-city` (lockgate.toml:38); then `weather` (lockgate.toml:31) permits it",
        ),
        (
            &["--agent", "me", "write_file"],
            "change:  a permit rule for it",
        ),
        (
            &["--agent", "me", "read_file", r#"{"path":"~/.ssh/x"}"#],
            "change:  name another place: the guard comes before all rules",
        ),
        (
            &["--agent", "me", "get_weather", r#"{"city":"Oslo","x":1}"#],
            "leave the argument out; or `undeclared = \"permit\"` in `weather` (lockgate.toml:31)",
        ),
    ] {
        explain(words).is(3, &[told]);
    }
    let json = explain(&["--json", "--agent", "me", "write_file"]).json();
    assert_eq!(json["change"][0], "a permit rule for it");
    let json = explain(&[
        "--json",
        "--agent",
        "me",
        "get_weather",
        r#"{"city":"Oslo"}"#,
    ])
    .json();
    assert_eq!(json["change"], Value::Null);
}

#[test]
fn explain_takes_a_message() {
    let user = user();
    let message = "{\"jsonrpc\":\"2.0\",\"id\":1,\n\"method\":\"tools/call\",\"params\":{\"name\":\"get_weather\",\"arguments\":{\"city\":\"Oslo\"}}}\n";
    user.write("call.json", message);
    let words = [
        "explain",
        "--config",
        "lockgate.toml",
        "--agent",
        "me",
        "--from",
    ];
    user.plain(&[&words[..], &["call.json"]].concat(), "")
        .is(0, &["permitted", "`weather`"]);
    user.plain(
        &[&words[..], &["-"]].concat(),
        &message.replace("Oslo", "Paris"),
    )
    .is(3, &["denied [forbidden]"]);
    let other = r#"{"jsonrpc":"2.0","id":1,"method":"odd/method"}"#;
    user.plain(&[&words[..], &["-"]].concat(), other)
        .is(3, &["denied [unknown-method]"]);
    user.plain(&[&words[..], &["-"]].concat(), "{\"a\":\"\n\"}")
        .is(2, &["stdin is no JSON-RPC message"]);
    user.plain(&[&words[..], &["none.json"]].concat(), "")
        .is(1, &["cannot read `none.json`"]);
    user.plain(&[&words[..], &["-", "add"]].concat(), "")
        .is(2, &["cannot be used with"]);
}

/// Three calls, of which the second passes.
fn record_calls(user: &User) {
    let log = user.path("server.log");
    let program = env!("CARGO_BIN_EXE_lockgate");
    let call = |id: u32, tool: &str, arguments: &str| {
        format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"tools/call\",\"params\":{{\"name\":\"{tool}\",\"arguments\":{arguments}}}}}\n"
        )
    };
    let said = [
        call(2, "read_file", r#"{"path":"/etc/hostname"}"#),
        call(3, "get_weather", r#"{"city":"Oslo"}"#),
        call(4, "write_file", "{}"),
    ];
    let run = [
        "run",
        "--config",
        "lockgate.toml",
        "--agent",
        "me",
        "--server",
        "demo",
        "--",
    ];
    let log = log.display().to_string();
    let done = user.plain(
        &[&run[..], &[program, "__hostile-server", "--log", &log]].concat(),
        &said.concat(),
    );
    done.is(0, &["\"id\":4"]);
}

#[test]
fn explain_tells_of_a_record_what_can_be_told() {
    let user = user();
    record_calls(&user);
    let audit = user.path(".local/state/lockgate/audit");
    let record = |which: &str| ask(&user, &["explain", "--record", which]);
    record("id:2").is(
        3,
        &[
            "tools/call `read_file` by `me` on `demo`: deny [not-permitted]",
            "rule:    `read` (lockgate.toml:14), then",
            "policy:  the same as then (sha256:",
            "today:   `read` (lockgate.toml:14): `/path`: a path",
            "unknown: whether the arguments fit: a record has their shape only, {\"path\":\"<string of 13>\"}",
        ],
    );
    record("id:3").is(
        0,
        &["forward", "today:   `weather`", "today:   unless `no-city`"],
    );
    let denied = record("id:4");
    denied.is(3, &["today:   nothing permits it"]);
    denied.says_no("unknown:");
    record("0").is(1, &["no decision `0` is recorded"]);
    record("id:99").is(1, &["no decision `id:99` is recorded"]);
    record("x").is(2, &["expected the number of a line (`seq`)"]);
    let json = ask(&user, &["explain", "--json", "--record", "id:2"]).json();
    assert_eq!(
        (&json["policy_changed"], &json["today"]["can"]),
        (&false.into(), &"if".into())
    );
    let hash = json["record"]["hash"].as_str().unwrap();
    record(&hash[..20]).is(3, &["`read_file`"]);
    record(&json["record"]["seq"].to_string()).is(3, &["`read_file`"]);

    user.write(
        "lockgate.toml",
        &POLICY.replace("tools = [\"add\"]", "tools = [\"write_file\"]"),
    );
    record("id:4").is(
        3,
        &[
            "policy:  another one than then",
            "today:   `sums` (lockgate.toml:22): for user `alice`",
        ],
    );
    let elsewhere = user.path("none").display().to_string();
    ask(&user, &["explain", "--record", "1", "--audit", &elsewhere]).is(1, &["none"]);
    ask(
        &user,
        &[
            "explain",
            "--record",
            "id:2",
            "--audit",
            &audit.display().to_string(),
        ],
    )
    .is(3, &[]);
    ask(&user, &["explain", "add", "--record", "1"]).is(2, &["cannot be used with"]);
}
