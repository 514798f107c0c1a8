//! `run`: what it starts, with what, and under whose name.

use super::user::{POLICY, User};
use std::path::{Path, PathBuf};

#[test]
fn run_keeps_the_exit_code_and_leaves_evidence() {
    let user = User::new();
    let call = concat!(
        r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#,
        "\n",
        r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"add","arguments":{"a":1,"b":2}}}"#,
        "\n"
    );
    let program = env!("CARGO_BIN_EXE_lockgate");
    let log = user.path("server.log").display().to_string();
    let words = ["run", "--", program, "__hostile-server", "--log", &log];
    let done = user.plain(&words, call);
    done.is(0, &[r#""id":1"#, r#""id":2"#]);
    assert!(done.out.lines().all(|l| l.starts_with('{')), "{}", done.out);
    user.plain(&["run", "--", "sh", "-c", "exit 7"], "")
        .is(7, &[]);
    user.plain(&["run", "--", "no-such-program"], "")
        .is(127, &["no-such-program"]);
    user.plain(&["run"], "").is(2, &["--"]);
    user.plain(&["run", "--nonsense"], "").is(2, &[]);

    let audit = user.path(".local/state/lockgate/audit");
    user.plain(&["audit", "verify"], "").is(0, &["sealed"]);
    user.plain(&["audit", "show"], "")
        .is(0, &["tools/call", "add"]);
    let file = largest(&audit);
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replacen("tools/call", "tools/list", 1)).unwrap();
    user.plain(&["audit", "verify"], "")
        .is(6, &["TAMPERED at line 3"]);
}

/// The parent of `run` is this test.
#[cfg(target_os = "linux")]
#[test]
fn an_agent_is_who_started_it() {
    use std::os::unix::fs::{MetadataExt as _, symlink};
    let user = User::new();
    let uid = std::fs::metadata(user.path("readme.md")).unwrap().uid();
    let me = std::env::current_exe().unwrap();
    symlink(&me, user.path("me")).unwrap();
    let me = me.display();
    for (stdio, code, told) in [
        (format!("{{ uid = {uid}, parent = \"{me}\" }}"), 7, ""),
        ("{ parent = \"me\" }".to_owned(), 7, ""),
        (format!("{{ uid = {} }}", uid + 1), 3, "must run as user id"),
        (
            format!("{{ uid = {}, parent = \"{me}\" }}", uid + 1),
            3,
            "must run as user id",
        ),
        (
            "{ parent = \"/bin/sh\" }".to_owned(),
            3,
            "`/bin/sh` must have started it",
        ),
        (
            "{ parent = \"/no/such/file\" }".to_owned(),
            3,
            "`/no/such/file` must have",
        ),
    ] {
        let policy = POLICY.replace("stdio = true", &format!("stdio = {stdio}"));
        user.write("lockgate.toml", &policy);
        let words = [
            "run",
            "--config",
            "lockgate.toml",
            "--",
            "sh",
            "-c",
            "exit 7",
        ];
        user.plain(&words, "").is(code, &[told]);
        // Whoever explains acts for nobody.
        user.lockgate(&["explain", "write_file", "{}"])
            .is(3, &["denied [not-permitted]"]);
    }
}

fn largest(dir: &Path) -> PathBuf {
    let files = std::fs::read_dir(dir).unwrap().map(|f| f.unwrap().path());
    files
        .max_by_key(|f| f.metadata().unwrap().len())
        .unwrap_or_else(|| panic!("no audit file"))
}

#[test]
fn a_server_that_cannot_start_leaves_a_sealed_record_or_none() {
    let user = User::new();
    user.plain(&["run", "--env", "NOPE", "--", "true"], "")
        .is(2, &["`--env`: `NOPE` is not set"]);
    assert!(!user.path(".local/state/lockgate/audit").exists());
    user.plain(&["run", "--", "no-such-program"], "")
        .is(127, &[]);
    user.plain(&["audit", "verify"], "").is(0, &["sealed"]);
}

#[test]
fn env_takes_names_and_prints_no_value() {
    let user = User::new();
    for word in ["TOKEN=hunter2", "hunter2=x=hunter2!", "ghp_hunter2hunter2"] {
        let done = user.plain(&["run", "--env", word, "--", "true"], "");
        done.is(2, &["--env"]);
        done.says_no("the policy");
        if !word.starts_with("hunter2") {
            done.says_no("hunter2");
        }
    }
    let run = [
        "run",
        "--env",
        "TOKEN",
        "--",
        "sh",
        "-c",
        "test \"$TOKEN\" = hunter2",
    ];
    user.with(&run, &[("TOKEN", "hunter2")], "").is(0, &[]);
}

#[test]
fn a_command_line_gets_no_other_servers_name_and_secrets() {
    let user = User::new();
    let policy = POLICY.replace(
        "[server.demo]",
        "[server.demo]\ncommand = [\"true\"]\nenv = { TOKEN = \"hunter2\" }",
    );
    user.write("lockgate.toml", &policy);
    let config = user.path("lockgate.toml").display().to_string();
    let run = |words: &[&str]| {
        let mut all = vec!["run", "--config", &config];
        all.extend(words);
        user.plain(&all, "")
    };
    run(&["--server", "demo", "--", "env"]).is(2, &["with another command line"]);
    let refused = run(&["--", "env"]);
    refused.is(2, &["no server with this command line", "`demo`"]);
    refused.says_no("hunter2");
    run(&["--server", "demo", "--", "true"]).is(0, &[]);
    run(&["--", "true"]).is(0, &[]);
    run(&[]).is(0, &[]);
    user.write("lockgate.toml", POLICY);
    run(&["--", "true"]).is(0, &[]);
}

#[test]
fn findings_against_the_pins_are_told_and_not_obeyed() {
    let user = User::new();
    user.lockgate(&["pin", "--yes"]).is(0, &[]);
    user.write("lockgate.toml", &POLICY.replace("\"add\"", "\"ad\""));
    let message = "no pinned tool is called `ad`: did you mean `add`?";
    user.lockgate(&["run"]).is(0, &[message]);
    user.lockgate(&["explain", "get_weather"])
        .is(3, &[message, "schema-violation"]);
    let config = user.path("lockgate.toml").display().to_string();
    let check = user.plain(&["check", &config], "");
    check.is(4, &["is in force as it stands"]);
    check.says_no("cannot be used");
    let json = user.plain(&["check", "--json", &config], "").json();
    assert_eq!(
        (&json["usable"], &json["fine"]),
        (&true.into(), &false.into())
    );
}

#[test]
fn a_remote_server_keeps_its_headers_to_itself() {
    let user = User::new();
    let policy = POLICY.replace(
        "[server.demo]",
        "[server.demo]\nurl = \"http://127.0.0.1:9/mcp?key=hunter2\"\nheaders = { Authorization = { from = \"NOPE\" } }",
    );
    user.write("lockgate.toml", &policy);
    for (words, code, told) in [
        (
            &["--server", "demo", "--url", "http://127.0.0.1:9/other"][..],
            2,
            "another URL",
        ),
        (
            &["--url", "http://127.0.0.1:9/mcp"],
            2,
            "no server with this",
        ),
        (
            &["--server", "demo", "--", "true"],
            2,
            "another command line",
        ),
        (
            &["--url", "http://127.0.0.1:9/mcp", "--", "true"],
            2,
            "--url",
        ),
        (
            &["--url", "http://u:hunter2@127.0.0.1/"],
            2,
            "user or password",
        ),
        (
            &["--server", "demo"],
            2,
            "`NOPE`, the value of the header `authorization`, is not set",
        ),
        (
            &["--server", "demo", "--header-env", "Host=HOME"],
            2,
            "does not set itself",
        ),
        (
            &["--server", "demo", "--header-env", "hunter2"],
            2,
            "HEADER=VARIABLE",
        ),
        (
            &["--server", "demo", "--header-env", "Authorization=HOME"],
            0,
            "",
        ),
        (
            &[
                "--url",
                "http://127.0.0.1:9/mcp?key=hunter2",
                "--header-env",
                "Authorization=HOME",
            ],
            0,
            "",
        ),
    ] {
        let words = [&["run", "--config", "lockgate.toml"], words].concat();
        let done = user.plain(&words, "");
        done.is(code, &[told]);
        done.says_no("hunter2");
    }
    user.plain(&["run", "--header-env", "A=HOME", "--", "true"], "")
        .is(2, &["--header-env"]);
}

/// Where the policy leaves open whether a server is started or dialled, what the
/// other kind has is not left unenforced in silence.
#[test]
fn what_the_other_kind_of_server_has_is_told_at_the_start() {
    let user = User::new();
    for (keys, started, dialled) in [
        ("oauth = { login = true }", Some("`oauth`"), None),
        ("headers = { A = \"b\" }", Some("`headers`"), None),
        (
            "env = { A = \"b\" }\ncwd = \"/\"",
            None,
            Some("`env` and `cwd`"),
        ),
    ] {
        let policy = format!("version = 1\n[agent.me]\nstdio = true\n[server.s]\n{keys}\n");
        user.write("p.toml", &policy);
        let run = |rest: &[&str]| {
            let words = ["run", "--config", "p.toml", "--server", "s"];
            user.plain(&[&words[..], rest].concat(), "")
        };
        for (rest, told) in [
            (&["--", "sh", "-c", "exit 7"][..], started),
            (&["--url", "http://127.0.0.1:1/mcp"], dialled),
        ] {
            let done = run(rest);
            match told {
                Some(told) => done.is(2, &[told, "LG0202"]),
                None => done.says_no("LG0202"),
            }
        }
    }
}
