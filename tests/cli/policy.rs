//! `check`, `explain`, and which policy is in force.

use super::user::{POLICY, User};

#[test]
fn explain_says_what_the_engine_would_do() {
    let user = User::new();
    user.lockgate(&["pin", "--yes"]).is(0, &[]);
    let readme = format!(r#"{{"path":"{}"}}"#, user.path("readme.md").display());
    user.lockgate(&["explain", "read_file", &readme])
        .is(0, &["permitted", "`read`", "lockgate.toml:12"]);
    user.lockgate(&["explain", "read_file", r#"{"path":"/etc/hostname"}"#])
        .is(3, &["denied [not-permitted]", "/path"]);
    user.lockgate(&["explain", "read_file", r#"{"path":"~/.ssh/id_rsa"}"#])
        .is(3, &["denied [secret-place]", "finding"]);
    user.lockgate(&["explain", "add", r#"{"a":1,"b":2,"x":3}"#])
        .is(3, &["denied [undeclared-argument]", "/x"]);
    user.lockgate(&["explain", "write_file", "{}"])
        .is(3, &["denied [not-permitted]"]);
    user.lockgate(&["explain", "--resource", "docs://a"])
        .is(3, &["denied [not-permitted]"]);
    user.lockgate(&["explain", "add", "{"])
        .is(2, &["ARGUMENTS"]);
    let record = user.lockgate(&["explain", "--json", "write_file", "{}"]);
    let record: serde_json::Value = serde_json::from_str(&record.out).unwrap();
    assert_eq!(record["reason"], "not-permitted");
}

#[test]
fn explain_says_what_an_answer_has_to_be() {
    let user = User::new();
    user.lockgate(&["pin", "--yes"]).is(0, &[]);
    let sums = r#"tools = ["add", "get_weather"]"#;
    let strict = format!("{sums}\nresults = {{ max_bytes = 99, secrets = \"deny\" }}\n");
    let policy = POLICY.replace(sums, &strict);
    user.write("lockgate.toml", &policy);
    let call = ["explain", "add", r#"{"a":1,"b":2}"#];
    let told = "answer:  at most 99 bytes and no secret value";
    user.lockgate(&call).is(0, &["permitted", told]);
    let more = "[[rule]]\nid = \"more\"\neffect = \"permit\"\ntools = [\"add\"]\n";
    user.write("lockgate.toml", &format!("{policy}{more}"));
    let done = user.lockgate(&call);
    assert!(done.out.contains("permitted") && !done.out.contains("answer:"));
}

#[test]
fn explain_speaks_of_users_groups_and_scopes() {
    let user = User::new();
    user.lockgate(&["pin", "--yes"]).is(0, &[]);
    let policy = POLICY
        .replace("stdio = true", "jwt = { issuer = \"https://idp.example\" }")
        .replace(
            "tools = [\"add\"",
            "users = [\"alice\"]\ngroups = [\"dev\"]\nscopes = [\"sums\"]\ntools = [\"add\"",
        );
    user.write("lockgate.toml", &policy);
    let sum = r#"{"a":1,"b":2}"#;
    for (who, code, told) in [
        (
            &["--user", "alice", "--group", "dev", "--scope", "sums"][..],
            0,
            "permitted",
        ),
        (
            &["--user", "alice", "--group", "dev"],
            3,
            "denied [insufficient-scope]",
        ),
        (
            &["--user", "alice", "--scope", "sums"],
            3,
            "denied [not-permitted]",
        ),
        (
            &["--user", "bob", "--group", "dev", "--scope", "sums"],
            3,
            "denied [not-permitted]",
        ),
        (&[], 3, "denied [not-permitted]"),
    ] {
        let words = [&["explain", "add", sum], who].concat();
        user.lockgate(&words).is(code, &[told]);
    }
    // An agent that connects does not start `run`.
    let words = ["run", "--config", "lockgate.toml", "--", "true"];
    user.plain(&words, "")
        .is(2, &["`[agent.me]` does not start `lockgate run`"]);
}

#[test]
fn a_new_key_is_shown_once_and_its_hash_is_what_the_policy_takes() {
    let user = User::new();
    let done = user.plain(&["key", "new", "--agent", "ci"], "");
    done.is(0, &["lg_", "[agent.ci]\nkey = \"sha256:"]);
    let (key, line) = done.out.split_once('\n').unwrap();
    assert!(!line.contains(key) && !done.err.contains(key));
    user.write("lockgate.toml", &format!("{POLICY}\n{line}"));
    let config = user.path("lockgate.toml").display().to_string();
    user.plain(&["check", &config], "").is(0, &["2 agents"]);
    // The key itself is no hash, and is not shown again.
    user.write(
        "lockgate.toml",
        &format!("{POLICY}\n[agent.ci]\nkey = \"{key}\"\n"),
    );
    let refused = user.plain(&["check", &config], "");
    refused.is(4, &["no key in the clear", "lockgate key new --agent ci"]);
    let secret = key.rsplit_once('_').unwrap().1;
    assert!(!refused.err.contains(secret) && !refused.out.contains(secret));

    let json = user.plain(&["key", "new", "--json", "--agent", "a.b"], "");
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json["agent"], "a.b");
    assert!(json["hash"].as_str().unwrap().starts_with("sha256:"));
    assert!(json["key"].as_str().unwrap().starts_with("lg_"));
    assert_ne!(json["key"], key);
    user.plain(&["key", "new", "--agent", "a b"], "")
        .is(2, &["--agent"]);
    user.plain(&["key", "new", "--agent", "a.b"], "")
        .is(0, &["[agent.\"a.b\"]"]);
}

#[test]
fn check_tells_all_mistakes_with_their_places() {
    let user = User::new();
    let config = user.path("lockgate.toml").display().to_string();
    user.plain(&["check", &config], "")
        .is(0, &["1 server, 1 agent, 2 rules: fine"]);
    user.write(
        "lockgate.toml",
        &POLICY
            .replace("permit", "permitt")
            .replace("stdio", "studio"),
    );
    user.plain(&["check", &config], "").is(
        4,
        &[
            "lockgate.toml:4",
            "lockgate.toml:14",
            "lockgate.toml:21",
            "^^^",
            "help",
        ],
    );
    let json = user.plain(&["check", "--json", &config], "");
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json["usable"], false);
    user.plain(&["run", "--config", &config, "--", "true"], "")
        .is(4, &["permitt"]);
    user.plain(&["run", "--config", "nowhere.toml", "--", "true"], "")
        .is(4, &["nowhere.toml"]);
}

#[test]
fn a_policy_in_the_working_directory_is_not_obeyed() {
    let user = User::new();
    // It may have come with somebody else's repository (A4).
    user.plain(&["check"], "").is(
        2,
        &["the built-in baseline is", "`lockgate check lockgate.toml`"],
    );
}

#[test]
fn a_policy_that_cannot_be_looked_at_is_not_the_baseline() {
    let user = User::new();
    let folder = user.path(".config/lockgate");
    std::fs::create_dir_all(&folder).unwrap();
    std::os::unix::fs::symlink("nowhere", folder.join("lockgate.toml")).unwrap();
    user.plain(&["run", "--", "true"], "")
        .is(4, &["cannot read the policy"]);
}

#[test]
fn a_policy_that_is_not_obeyed_is_told() {
    let user = User::new();
    let not_in_force = "`lockgate.toml` in this directory is not in force";
    user.plain(&["run", "--", "true"], "")
        .is(0, &[not_in_force, "--config ./lockgate.toml"]);
    user.plain(&["explain", "x", "--", "true"], "")
        .is(0, &[not_in_force]);
    user.plain(&["audit", "verify"], "").is(0, &[not_in_force]);
    // The user's own policy is another one.
    std::fs::create_dir_all(user.path(".config/lockgate")).unwrap();
    user.write(".config/lockgate/lockgate.toml", POLICY);
    user.plain(&["check"], "").is(0, &[not_in_force, "fine"]);
    for words in [
        ["check", "lockgate.toml"],
        ["check", "--config=./lockgate.toml"],
    ] {
        user.plain(&words, "").says_no(not_in_force);
    }
    let env = [("LOCKGATE_CONFIG", "lockgate.toml")];
    user.with(&["check"], &env, "").says_no(not_in_force);
}

#[test]
fn explain_knows_only_pinned_tools_once_there_are_pins() {
    let user = User::new();
    // A written policy wants pins from the start.
    user.lockgate(&["explain", "add", r#"{"a":1,"b":2}"#]).is(
        3,
        &[
            "denied [unpinned-tool]",
            "`lockgate pin --config",
            "--server demo`",
        ],
    );
    // The baseline does after the first use.
    std::fs::remove_file(user.path("lockgate.toml")).unwrap();
    let program = env!("CARGO_BIN_EXE_lockgate");
    let log = user.path("server.log").display().to_string();
    let server = [
        "--server",
        "s",
        "--",
        program,
        "__hostile-server",
        "--log",
        &log,
    ];
    let with = |words: &[&str]| user.plain(&[words, &server].concat(), "");
    with(&["explain", "add"]).is(0, &["stands the first inspection"]);
    with(&["pin", "--yes"]).is(0, &[]);
    let odd = with(&["explain", "ad"]);
    odd.is(3, &["denied [unpinned-tool]", "did you mean `add`?"]);
    let fine = with(&["explain", "add", r#"{"a":1,"b":2}"#]);
    fine.is(0, &["`baseline` (built-in)"]);
    fine.says_no("built-in:0");
}

#[test]
fn explain_tells_where_links_lead_and_quotes_no_argument() {
    let user = User::new();
    user.lockgate(&["pin", "--yes"]).is(0, &[]);
    std::os::unix::fs::symlink("/etc", user.path("etc")).unwrap();
    let link = user.path("etc/hostname").display().to_string();
    let done = user.lockgate(&["explain", "read_file", &format!(r#"{{"path":"{link}"}}"#)]);
    done.is(3, &["found a string of", "leads to `/etc/hostname`"]);
}

#[test]
fn what_is_no_policy_is_told_to_programs_too() {
    let user = User::new();
    std::fs::create_dir(user.path("dir")).unwrap();
    std::fs::write(user.path("latin1.toml"), b"version = 1\n# \xe9\n").unwrap();
    let big = std::fs::File::create(user.path("big.toml")).unwrap();
    big.set_len(1 << 34).unwrap();
    for (file, part) in [
        ("missing.toml", "look at `--config`"),
        ("dir", "expected at least one file"),
        ("/dev/zero", "expected a regular file"),
        ("latin1.toml", "line 2 is not UTF-8"),
        ("big.toml", "split it"),
    ] {
        let done = user.plain(&["check", file], "");
        done.is(4, &[part]);
        assert!(done.err.lines().count() <= 2, "no snippet: {}", done.err);
        let done = user.plain(&["check", "--json", file], "");
        assert_eq!((done.code, &done.json()["usable"]), (4, &false.into()));
    }
    user.write("lockgate.lock", "version = 1\nodd = 1\n");
    let done = user.plain(&["check", "--json", "lockgate.toml"], "");
    assert_eq!((done.code, &done.json()["usable"]), (1, &false.into()));
}

#[test]
fn mistakes_are_one_block_with_one_last_line() {
    let user = User::new();
    user.write("lockgate.toml", "version = 1\n[[rule]]\n");
    let done = user.plain(&["check", "lockgate.toml"], "");
    assert!(done.err.starts_with("error[LG0501]: "), "{}", done.err);
    assert_eq!(done.err.matches("lockgate: ").count(), 1, "{}", done.err);
}

/// Who could write to an included file could write the policy.
#[test]
fn a_policy_of_several_files_is_one_and_protected() {
    let user = User::new();
    std::fs::create_dir(user.path("rules")).unwrap();
    let (head, rules) = POLICY.split_once("[[rule]]").unwrap();
    let head = head.replacen(
        "version = 1\n",
        "version = 1\ninclude = [\"rules/*.toml\"]\n",
        1,
    );
    user.write("lockgate.toml", &head);
    user.write("rules/all.toml", &format!("version = 1\n[[rule]]{rules}"));
    user.lockgate(&["pin", "--yes"]).is(0, &[]);
    let readme = format!(r#"{{"path":"{}"}}"#, user.path("readme.md").display());
    user.lockgate(&["explain", "read_file", &readme])
        .is(0, &["permitted", "rules/all.toml:2"]);
    for name in ["rules/all.toml", "rules/new.toml", "lockgate.toml"] {
        let path = format!(r#"{{"path":"{}"}}"#, user.path(name).display());
        user.lockgate(&["explain", "read_file", &path])
            .is(3, &["denied [self-protection]"]);
    }

    let config = user.path("lockgate.toml").display().to_string();
    user.write("rules/more.toml", "version = 1\n[[rule]]\nid = \"x\"\n");
    let refused = user.plain(&["check", "--json", &config], "");
    assert_eq!(refused.code, 4);
    let found = refused.json();
    let file = found["diagnostics"][0]["file"].as_str().unwrap();
    assert!(file.ends_with("rules/more.toml"), "{found}");
    assert_eq!(found["diagnostics"][0]["line"], 2);
    user.plain(&["check", &config], "")
        .is(4, &["rules/more.toml:2:1", "a rule has no `effect`"]);

    // The same as a directory.
    std::fs::remove_file(user.path("rules/more.toml")).unwrap();
    user.write(
        "rules/head.toml",
        &head.replace("include = [\"rules/*.toml\"]\n", ""),
    );
    let config = user.path("rules").display().to_string();
    user.plain(&["check", &config], "")
        .is(0, &["1 server, 1 agent, 2 rules: fine"]);
    std::fs::remove_file(user.path("rules/head.toml")).unwrap();
    std::fs::remove_file(user.path("rules/all.toml")).unwrap();
    user.plain(&["check", &config], "")
        .is(4, &["expected at least one file `*.toml`"]);
}

#[test]
fn a_policy_that_only_audits_says_so() {
    let user = User::new();
    user.write(
        "lockgate.toml",
        &format!("{POLICY}\n[defaults]\nmode = \"audit\"\n"),
    );
    user.lockgate(&["pin", "--yes"]).is(0, &[]);
    let etc = r#"{"path":"/etc/hostname"}"#;
    user.lockgate(&["explain", "read_file", etc]).is(
        0,
        &[
            "permitted",
            "audit:   without audit mode it would be denied [not-permitted]",
            "nothing that the rules deny is denied",
        ],
    );
    user.lockgate(&["explain", "read_file", r#"{"path":"~/.ssh/id_rsa"}"#])
        .is(3, &["denied [secret-place]"]);
    let config = user.path("lockgate.toml").display().to_string();
    user.plain(&["check", &config], "")
        .is(0, &["the policy only audits"]);
    user.plain(&["check", "--strict", &config], "").is(4, &[]);
    user.lockgate(&["run"])
        .is(0, &["nothing that the rules deny is denied"]);
}
