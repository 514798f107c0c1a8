//! `pin`, `status`, `diff`, `approve`.

use super::user::{POLICY, User};
use lockgate::engine::message::{Document, Limits};
use lockgate::engine::pin::{Approval, Lockfile};

#[test]
fn pins_from_the_first_look_to_a_rug_pull() {
    let user = User::new();
    user.lockgate(&["pin", "--check"])
        .is(5, &["get_weather", "new"]);
    user.lockgate(&["pin"])
        .is(1, &["nothing was changed", "--yes"]);
    assert!(
        !user.path("lockgate.lock").exists(),
        "nothing is changed without a yes"
    );
    user.lockgate(&["approve", "add", "--yes"])
        .is(0, &["1 tool approved"]);
    user.lockgate(&["approve", "nonsense", "--yes"])
        .is(2, &["lists no tool `nonsense`"]);
    user.lockgate(&["pin", "--yes"])
        .is(0, &["approved", "1 with findings"]);
    user.lockgate(&["pin", "--check"]).is(0, &["as pinned"]);
    user.lockgate(&["status"]).is(0, &["get_weather: approved"]);
    let before = user.read("lockgate.lock");

    user.write("rug", "now");
    // The server changes with the next message after the trigger.
    let status = user.lockgate(&["status", "--json"]);
    let seen: serde_json::Value = serde_json::from_str(&status.out).unwrap();
    assert_eq!(
        (status.code, &seen["drift"]),
        (5, &true.into()),
        "{}",
        status.out
    );
    user.lockgate(&["status", "demo/tool/add"])
        .is(0, &["add: approved"]);
    user.lockgate(&["diff", "demo/tool/get_weather"])
        .is(5, &["get_weather"]);
    user.lockgate(&["status", "demo/prompt/add"])
        .is(2, &["SERVER/tool/NAME"]);
    user.lockgate(&["diff"])
        .is(5, &["get_weather", "description"]);
    assert_eq!(
        user.read("lockgate.lock"),
        before,
        "looking changes nothing"
    );
    user.lockgate(&["approve", "--yes", "get_weather"])
        .is(0, &["1 tool approved"]);
    user.lockgate(&["pin", "--check"]).is(0, &["as pinned"]);
}

#[test]
fn a_name_that_nobody_knows_is_a_mistake() {
    let user = User::new();
    user.lockgate(&["pin", "--yes"]).is(0, &[]);
    for verb in ["status", "diff", "approve"] {
        user.lockgate(&[verb, "demo/tool/get_wether"])
            .is(2, &["no tool `get_wether`", "did you mean `get_weather`?"]);
    }
    // Without `--server`, a word alone is a server's name.
    let config = user.path("lockgate.toml").display().to_string();
    let words = ["status", "--config", &config, "demmo", "--", "true"];
    user.plain(&words, "")
        .is(2, &["no `[server.demmo]`", "did you mean `demo`?"]);
    user.plain(&["status", "demmo"], "")
        .is(2, &["no server `demmo` is pinned"]);
}

#[test]
fn first_use_is_reviewed_without_saying_the_command_again() {
    let user = User::new();
    std::fs::remove_file(user.path("lockgate.toml")).unwrap();
    let program = env!("CARGO_BIN_EXE_lockgate");
    let log = user.path("server.log").display().to_string();
    let list = concat!(r#"{"jsonrpc":"2.0","id":2,"method":"tools/list"}"#, "\n");
    let run = [
        "run",
        "--server",
        "files",
        "--",
        program,
        "__hostile-server",
        "--log",
        &log,
    ];
    user.plain(&run, list).is(0, &[r#""id":2"#]);
    user.plain(&["status", "files"], "").is(
        5,
        &[
            "? add: pinned on first use, not reviewed",
            "+ lookup_word: new",
        ],
    );
    user.plain(&["status"], "").is(5, &["files:"]);
    user.plain(&["status", "fles"], "")
        .is(2, &["did you mean `files`?"]);
    // Whoever approves sees what is approved: definitions, launch, identity.
    user.plain(&["approve", "files/tool/add", "--yes"], "").is(
        0,
        &[
            "? add: pinned on first use",
            "\"description\": \"Adds two numbers.\"",
            "1 unreviewed",
        ],
    );
    let word = [
        "approve",
        "add",
        "--yes",
        "--",
        program,
        "__hostile-server",
        "--log",
        &log,
    ];
    user.plain(&word, "")
        .is(2, &["no server `add` is pinned", "SERVER/tool/NAME"]);
    user.plain(&["approve", "files", "--yes"], "").is(
        0,
        &[
            "? launch.command: not reviewed",
            "__hostile-server",
            "? identity.name",
            "handy-tools",
            "1 with findings",
        ],
    );
    user.plain(&["status", "files"], "")
        .is(0, &["add: approved"]);
    // Another server of the same name.
    user.plain(&["run", "--server", "files", "--", "true"], "")
        .is(
            0,
            &["with another command line", "lockgate diff --server files"],
        );
}

#[test]
fn a_secret_in_a_command_line_is_not_kept_on_first_use() {
    let user = User::new();
    std::fs::remove_file(user.path("lockgate.toml")).unwrap();
    let program = env!("CARGO_BIN_EXE_lockgate");
    let log = user.path("server.log").display().to_string();
    let list = concat!(r#"{"jsonrpc":"2.0","id":2,"method":"tools/list"}"#, "\n");
    let run = [
        "run",
        "--server",
        "s",
        "--",
        program,
        "__hostile-server",
        "--log",
        &log,
        "--token",
        "hunter2",
    ];
    user.plain(&run, list).is(0, &[r#""id":2"#]);
    let kept = user.read(".config/lockgate/lockgate.lock");
    assert!(
        kept.contains("[server.s.tool.add]") && !kept.contains("hunter2"),
        "{kept}"
    );
    user.plain(&["status", "s"], "")
        .is(2, &["without its command line"]);
}

#[test]
fn what_is_approved_keeps_its_approval() {
    let user = User::new();
    user.lockgate(&["pin", "--yes"]).is(0, &[]);
    let times = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|l| l.starts_with("approved_at"));
        lines.map(str::to_owned).collect()
    };
    let before = times(&user.read("lockgate.lock"));
    user.write("rug", "now");
    user.lockgate(&["approve", "--yes"])
        .is(0, &["1 tool approved"]);
    let after = times(&user.read("lockgate.lock"));
    let changed = before.iter().zip(&after).filter(|(a, b)| a != b).count();
    assert_eq!((before.len(), changed), (after.len(), 1), "{after:?}");
}

#[test]
fn drift_of_the_server_alone_is_told() {
    let user = User::new();
    user.lockgate(&["pin", "--yes"]).is(0, &[]);
    let lock = user.read("lockgate.lock");
    user.write(
        "lockgate.lock",
        &lock.replace("version = \"1.0.0\"", "version = \"0.9.0\""),
    );
    user.lockgate(&["status"])
        .is(5, &["~ identity.version: changed"]);
    // The same program elsewhere is another machine, and no drift.
    let program = std::fs::canonicalize(env!("CARGO_BIN_EXE_lockgate")).unwrap();
    let moved = lock.replace(
        &format!("executable = \"{}\"", program.display()),
        "executable = \"/elsewhere/lockgate\"",
    );
    assert_ne!(moved, lock);
    user.write("lockgate.lock", &moved);
    user.lockgate(&["status"])
        .is(0, &["launch.executable: not as on the machine"]);
    user.lockgate(&["pin", "--check"]).is(0, &["as pinned"]);
    // Other bytes in the same place are.
    let digest = lock
        .lines()
        .find(|l| l.starts_with("executable_digest"))
        .unwrap();
    let other = format!("executable_digest = \"sha256:{}\"", "0".repeat(64));
    user.write("lockgate.lock", &lock.replace(digest, &other));
    user.lockgate(&["status"])
        .is(5, &["~ launch.executable_digest: changed"]);
}

#[test]
fn a_lockfile_names_no_machine_where_the_policy_does_not() {
    let user = User::new();
    let log = user.path("s.log").display().to_string();
    let command = user.command("s.log").replace(&log, "${workspace}/s.log");
    let policy = POLICY.replace(
        "[server.demo]",
        &format!("[server.demo]\ncommand = {command}"),
    );
    user.write("lockgate.toml", &policy);
    let config = user.path("lockgate.toml").display().to_string();
    user.plain(&["pin", "--config", &config, "--yes"], "")
        .is(0, &[]);
    let lock = user.read("lockgate.lock");
    assert!(
        lock.contains("${workspace}/s.log") && !lock.contains(&log),
        "{lock}"
    );
    user.plain(&["pin", "--config", &config, "--check"], "")
        .is(0, &[]);
}

#[test]
fn a_removed_tool_is_approved_alone() {
    let user = User::new();
    user.lockgate(&["pin", "--yes"]).is(0, &[]);
    user.write("rug", "now");
    // A pin of a tool that the server does not have.
    let gone = br#"{"name":"gone"}"#.to_vec();
    let gone = Document::read(gone, &Limits::DEFAULT).unwrap();
    let mut lockfile = Lockfile::parse(&user.read("lockgate.lock")).unwrap();
    for pins in lockfile.servers.values_mut() {
        pins.approve(gone.root(), Approval::default()).unwrap();
    }
    user.write("lockgate.lock", &lockfile.to_string());
    let done = user.lockgate(&["approve", "demo/tool/gone", "--yes"]);
    done.is(0, &["- gone: removed", "0 tools approved, 1 removed"]);
    // Only what was asked for is shown.
    done.says_no("get_weather");
    user.lockgate(&["status", "demo/tool/gone"])
        .is(0, &["removed before"]);
}

#[test]
fn programs_read_one_object() {
    let user = User::new();
    let refused = user.lockgate(&["pin", "--json"]);
    assert_eq!((refused.code, &refused.json()["drift"]), (1, &true.into()));
    let pinned = user.lockgate(&["pin", "--json", "--yes"]);
    let seen = pinned.json();
    assert_eq!((pinned.code, &seen["drift"]), (0, &false.into()), "{seen}");
    assert!(seen["approved"].as_u64().unwrap() > 3, "{seen}");
    user.write("rug", "now");
    let approved = user.lockgate(&["approve", "--json", "--yes"]).json();
    assert_eq!(
        (&approved["approved"], &approved["drift"]),
        (&1.into(), &false.into())
    );
}

#[test]
fn without_a_name_every_server_of_the_policy_is_meant() {
    let user = User::new();
    let two = format!(
        "version = 1\n[agent.me]\nstdio = true\n[server.a]\ncommand = {}\n[server.b]\ncommand = {}\n",
        user.command("a.log"),
        user.command("b.log")
    );
    user.write("lockgate.toml", &two);
    let config = user.path("lockgate.toml").display().to_string();
    user.plain(&["pin", "--config", &config, "--yes"], "")
        .is(2, &["`a`, `b`"]);
    let pin = ["pin", "--config", &config, "--yes", "--server", "a"];
    user.plain(&pin, "").is(0, &["a: "]);
    user.plain(&["status", "--config", &config], "")
        .is(5, &["a:\n", "add: approved", "b:\n", "+ add: new"]);
    user.plain(&["pin", "--check", "--config", &config], "")
        .is(5, &["a: all", "+ add: new"]);
    let json = user.plain(&["status", "--json", "--config", &config], "");
    assert_eq!(json.out.lines().count(), 2, "{}", json.out);
}
