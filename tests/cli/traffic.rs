//! Recording, learning, replaying, laying out: from a server's traffic to the
//! policy that it runs under.

use super::user::User;
use serde_json::json;
use std::os::unix::fs::PermissionsExt as _;

/// A session: the handshake, and these calls.
fn session(calls: &[(&str, serde_json::Value)]) -> String {
    let mut lines = vec![
        json!({ "jsonrpc": "2.0", "id": "i", "method": "initialize", "params": {
            "protocolVersion": "2025-11-25", "capabilities": {},
            "clientInfo": { "name": "t", "version": "1" },
        } }),
        json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }),
    ];
    lines.extend(calls.iter().enumerate().map(|(n, (tool, arguments))| {
        let params = json!({ "name": tool, "arguments": arguments });
        json!({ "jsonrpc": "2.0", "id": n, "method": "tools/call", "params": params })
    }));
    lines
        .iter()
        .flat_map(|line| [line.to_string(), "\n".to_owned()])
        .collect()
}

impl User {
    /// `lockgate run FLAGS`, in front of the hostile server.
    fn runs(&self, flags: &[&str], input: &str) -> super::user::Done {
        let log = self.path("server.log").display().to_string();
        let mut words = vec!["run"];
        words.extend(flags);
        words.extend(["--server", "demo", "--", env!("CARGO_BIN_EXE_lockgate")]);
        words.extend(["__hostile-server", "--log", &log]);
        self.plain(&words, input)
    }
}

fn calls(user: &User) -> Vec<(&'static str, serde_json::Value)> {
    vec![
        ("add", json!({ "a": 1, "b": 2 })),
        ("add", json!({ "a": 7, "b": 2 })),
        ("read_file", json!({ "path": user.path("readme.md") })),
        ("get_weather", json!({ "city": "Bern" })),
    ]
}

#[test]
fn what_was_learned_from_traffic_governs_the_server() {
    let user = User::new();
    let calls = calls(&user);
    let secret = "ghp_0123456789abcdefghij0123";
    let mut all = calls.clone();
    all.push(("get_weather", json!({ "city": secret })));
    all.push(("read_file", json!({ "path": user.path(".ssh/id_rsa") })));
    user.runs(&["--record", "traffic.jsonl"], &session(&all))
        .is(0, &["is recorded in `traffic.jsonl`"]);
    let recording = user.read("traffic.jsonl");
    let mode = std::fs::metadata(user.path("traffic.jsonl"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let answers = |line: &&str| line.contains("\"answers\":");
    let asked = recording.lines().count() - recording.lines().filter(answers).count();
    assert_eq!(asked, all.len(), "{recording}");
    assert!(!recording.contains("The weather"), "{recording}");
    assert!(!recording.contains(secret), "{recording}");
    assert!(
        recording.contains("\"reason\":\"secret-place\""),
        "{recording}"
    );

    // The lockfile of the baseline stands in the user's configuration.
    let out = user
        .path(".config/lockgate/lockgate.toml")
        .display()
        .to_string();
    user.plain(&["learn", "traffic.jsonl", "--out", &out], "")
        .is(
            0,
            &[
                "3 rules from 4 requests",
                "a secret in it was not recorded",
                "secret-place",
            ],
        );
    user.plain(&["learn", "traffic.jsonl", "--out", &out], "")
        .is(1, &["nothing is overwritten"]);
    user.plain(&["check"], "").is(0, &["3 rules: fine"]);
    user.plain(&["fmt", "--check"], "").is(0, &[]);
    user.plain(&["replay", "traffic.jsonl"], "").is(
        0,
        &["6 requests: 5 as before, 0 newly denied, 0 newly permitted; 1 cannot be judged"],
    );

    // The same calls pass, and others do not.
    let mut input = calls.clone();
    input.push(("add", json!({ "a": 8, "b": 2 })));
    input.push(("get_weather", json!({ "city": "Basel" })));
    let done = user.runs(&[], &session(&input));
    done.is(0, &[]);
    for (n, _) in input.iter().enumerate() {
        let answer = done.out.lines().find(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            line["id"] == json!(n)
        });
        let denied = answer.unwrap().contains("not-permitted");
        assert_eq!(denied, n >= calls.len(), "{n}: {answer:?}");
    }
}

#[test]
fn merging_extends_a_policy_and_keeps_its_text() {
    let user = User::new();
    user.runs(&["--record", "traffic.jsonl"], &session(&calls(&user)))
        .is(0, &[]);
    user.lockgate(&["pin", "--yes"]).is(0, &[]);
    let policy = "# Ours.\nversion = 1\n[server.demo] # the demo\n\n[agent.local]\nstdio = true\n";
    user.write("lockgate.toml", policy);
    let merge = ["learn", "traffic.jsonl", "--merge", "lockgate.toml"];
    let out = [
        "learn",
        "traffic.jsonl",
        "--merge",
        "lockgate.toml",
        "--out",
        "lockgate.toml",
    ];
    user.plain(&merge, "").is(
        0,
        &[
            "# Ours.",
            "[server.demo] # the demo",
            "id = \"learned-demo-add\"",
        ],
    );
    assert_eq!(user.read("lockgate.toml"), policy);
    user.plain(&out, "").is(0, &["3 rules from 4 requests"]);
    let once = user.read("lockgate.toml");
    assert!(
        once.starts_with("# Ours.\nversion = 1\n[server.demo] # the demo\n"),
        "{once}"
    );
    user.plain(&out, "").is(0, &["0 rules from 0 requests"]);
    assert_eq!(user.read("lockgate.toml"), once);
    user.plain(&["check", "lockgate.toml"], "").is(0, &["fine"]);
    user.plain(&["learn", "nothing.jsonl"], "")
        .is(1, &["cannot read the recording"]);
    user.write("odd.jsonl", "{\"v\":2}\n");
    user.plain(&["learn", "odd.jsonl"], "")
        .is(1, &["line 1", "version 1"]);
    user.write("odd.jsonl", "hello\n");
    user.plain(&["learn", "odd.jsonl"], "")
        .is(1, &["is no recording"]);
}

#[test]
fn merging_extends_the_file_that_is_meant() {
    let user = User::new();
    user.runs(&["--record", "traffic.jsonl"], &session(&calls(&user)))
        .is(0, &[]);
    let main =
        "version = 1\ninclude = [\"rules/demo.toml\"]\n\n# Who.\n[agent.local]\nstdio = true\n";
    let demo = "# The demo's.\nversion = 1\n[server.demo]   # here\n";
    std::fs::create_dir(user.path("p")).unwrap();
    std::fs::create_dir(user.path("p/rules")).unwrap();
    user.write("p/main.toml", main);
    user.write("p/rules/demo.toml", demo);
    user.write("other.toml", main);
    let words = |config: &'static str, merge: &'static str, out: &'static [&'static str]| {
        let mut words = vec![
            "learn",
            "traffic.jsonl",
            "--config",
            config,
            "--merge",
            merge,
        ];
        words.extend(out);
        words
    };
    user.plain(&words("p/main.toml", "other.toml", &[]), "")
        .is(2, &["`other.toml` is no file of the policy"]);
    user.plain(
        &words("p/main.toml", "p/rules/demo.toml", &["--out", "new.toml"]),
        "",
    )
    .is(2, &["stays where it is"]);
    user.plain(&words("p/main.toml", "p/rules/demo.toml", &[]), "")
        .is(0, &["`p/rules/demo.toml` becomes", "# The demo's."]);
    let out = words(
        "p/main.toml",
        "p/rules/demo.toml",
        &["--out", "p/rules/demo.toml"],
    );
    user.plain(&out, "").is(
        0,
        &["extended `p/rules/demo.toml`", "3 rules from 4 requests"],
    );
    assert_eq!(user.read("p/main.toml"), main);
    let once = user.read("p/rules/demo.toml");
    assert!(once.starts_with(demo.trim_end()), "{once}");
    user.plain(&out, "").is(0, &["0 rules from 0 requests"]);
    assert_eq!(user.read("p/rules/demo.toml"), once);
    user.plain(&["learn", "traffic.jsonl", "--config", "p/main.toml"], "")
        .is(2, &["policy of several files", "--merge p/main.toml"]);

    // A directory: the file in which the server stands.
    std::fs::create_dir(user.path("d")).unwrap();
    user.write("d/who.toml", "version=1\n[agent.local]\nstdio = true\n");
    user.write("d/demo.toml", demo);
    user.write("d/who.test.toml", "[[test]]\nname='x'\n");
    user.plain(
        &["learn", "traffic.jsonl", "--merge", "d", "--out", "d"],
        "",
    )
    .is(0, &["extended `d/demo.toml`"]);
    assert!(user.read("d/demo.toml").starts_with(demo.trim_end()));
    user.plain(&["fmt", "--check", "d"], "")
        .is(1, &["d/demo.toml", "d/who.toml", "d/who.test.toml"]);
    user.plain(&["fmt", "d"], "")
        .is(0, &["laid out `d/who.toml`"]);
    user.plain(&["fmt", "--check", "d"], "").is(0, &[]);
}

#[test]
fn replay_tells_what_would_differ() {
    let user = User::new();
    user.lockgate(&["pin", "--yes"]).is(0, &[]);
    let config = ["--config", "lockgate.toml", "--record", "traffic.jsonl"];
    user.runs(&config, &session(&calls(&user))).is(0, &[]);
    let before = user.read("lockgate.toml");
    let replay = ["replay", "traffic.jsonl", "--config", "lockgate.toml"];
    user.plain(&replay, "").is(0, &["4 requests: 4 as before"]);
    // A denial of the moment says nothing about the policy.
    let line = user.read("traffic.jsonl");
    let line = line.lines().next().unwrap();
    let line = line.replace("\"permit\"", "\"deny\",\"reason\":\"duplicate-id\"");
    user.write("moment.jsonl", &format!("{line}\n"));
    let moment = ["replay", "moment.jsonl", "--config", "lockgate.toml"];
    user.plain(&moment, "")
        .is(0, &["0 newly permitted; 1 cannot be judged"]);
    // Narrower: something that passed is denied.
    user.write("lockgate.toml", &before.replace("\"add\", ", ""));
    let done = user.plain(&replay, "");
    done.is(
        3,
        &[
            "2 newly denied",
            "was: permitted by `sums` (lockgate.toml:",
            "now: denied [not-permitted]",
        ],
    );
    let mut json_words = replay.to_vec();
    json_words.push("--json");
    let told = user.plain(&json_words, "").json();
    assert_eq!(told["newly_denied"], 2);
    assert_eq!(told["differences"][0]["was"]["rules"][0]["id"], "sums");
    assert_eq!(told["differences"][0]["now"]["reason"], "not-permitted");
    // And back: only wider.
    user.write("wide.toml", &before);
    let words = [
        "replay",
        "traffic.jsonl",
        "--config",
        "wide.toml",
        "--against",
        "lockgate.toml",
    ];
    user.plain(&words, "").is(1, &["2 newly permitted"]);
    user.plain(
        &[
            "replay",
            "traffic.jsonl",
            "--config",
            "wide.toml",
            "--server",
            "other",
        ],
        "",
    )
    .is(0, &["0 requests"]);
}

/// Answers are judged by what the recording has of them.
#[test]
fn replay_tells_which_answers_would_be_withheld() {
    let user = User::new();
    user.lockgate(&["pin", "--yes"]).is(0, &[]);
    let config = ["--config", "lockgate.toml", "--record", "traffic.jsonl"];
    user.runs(&config, &session(&calls(&user))).is(0, &[]);
    let recording = user.read("traffic.jsonl");
    assert_eq!(recording.matches("\"answers\":").count(), 4, "{recording}");
    let before = user.read("lockgate.toml");
    let strict = |results: &str| {
        before.replace(
            "id = \"sums\"",
            &format!("id = \"sums\"\nresults = {{ {results} }}"),
        )
    };
    for (results, code, told) in [
        (
            "max_bytes = 5",
            3,
            &[
                "3 answers newly withheld",
                "withheld [result-refused] by `sums` (strict.toml:",
                "at most 5 bytes",
            ][..],
        ),
        (
            "max_bytes = 100000, secrets = \"deny\"",
            0,
            &["4 as before"],
        ),
        ("urls = { hosts = [\"example.com\"] }", 0, &["4 as before"]),
    ] {
        user.write("strict.toml", &strict(results));
        let words = ["replay", "traffic.jsonl", "--config", "strict.toml"];
        user.plain(&words, "").is(code, told);
    }
    // And back; and what was withheld in the recording itself.
    user.write("strict.toml", &strict("max_bytes = 5"));
    let words = [
        "replay",
        "traffic.jsonl",
        "--config",
        "lockgate.toml",
        "--against",
        "strict.toml",
    ];
    user.plain(&words, "")
        .is(1, &["0 answers newly withheld, 3 newly let through"]);
    let config = ["--config", "strict.toml", "--record", "strict.jsonl"];
    user.runs(&config, &session(&calls(&user))).is(0, &[]);
    user.plain(&["replay", "strict.jsonl", "--config", "strict.toml"], "")
        .is(0, &["4 as before"]);
    user.plain(&["replay", "strict.jsonl", "--config", "lockgate.toml"], "")
        .is(1, &["3 newly let through"]);
    // A recording without answers.
    let asked: Vec<_> = recording
        .lines()
        .filter(|line| !line.contains("\"answers\":"))
        .collect();
    user.write("asked.jsonl", &asked.join("\n"));
    user.plain(&["replay", "asked.jsonl", "--config", "strict.toml"], "")
        .is(0, &["3 answers cannot be judged"]);
}

#[test]
fn a_recording_that_cannot_be_made_starts_nothing() {
    let user = User::new();
    user.write("open.jsonl", "");
    let path = user.path("open.jsonl");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    user.runs(&["--record", "open.jsonl"], "")
        .is(1, &["mode 0600", "holds content"]);
    std::os::unix::fs::symlink("elsewhere", user.path("link.jsonl")).unwrap();
    user.runs(&["--record", "link.jsonl"], "")
        .is(1, &["cannot record in `link.jsonl`"]);
    assert!(!user.path("elsewhere").exists());
    assert!(!user.path("server.log").exists());
}

/// A recording says what agents do: no tool may read or write it.
#[test]
fn the_recording_is_guarded_while_it_is_made() {
    let user = User::new();
    let path = json!({ "path": user.path("traffic.jsonl") });
    let done = user.runs(
        &["--record", "traffic.jsonl"],
        &session(&[("read_file", path)]),
    );
    done.is(0, &["self-protection"]);
}

#[test]
fn fmt_lays_out_files_and_refuses_what_is_no_toml() {
    let user = User::new();
    user.write("a.toml", "version=1\n");
    user.write("b.toml", "version = 1\n");
    user.write("c.toml", "version = [\n");
    user.plain(&["fmt", "--check", "a.toml", "b.toml"], "")
        .is(1, &["a.toml"]);
    let done = user.plain(&["fmt", "c.toml", "a.toml"], "");
    done.is(4, &["`c.toml` stays as it is", "laid out `a.toml`"]);
    assert_eq!(user.read("a.toml"), "version = 1\n");
    assert_eq!(user.read("c.toml"), "version = [\n");
    user.plain(&["fmt", "--check", "a.toml", "b.toml"], "")
        .is(0, &[]);
    let done = user.plain(&["fmt", "--stdin"], "version=1 # x\n");
    done.is(0, &[]);
    assert_eq!(done.out, "version = 1 # x\n");
    user.plain(&["fmt", "--stdin", "--check"], "version=1\n")
        .is(1, &["<stdin>"]);
    user.plain(&["fmt", "--stdin"], "version =\n")
        .is(4, &["stays as it is"]);
}
