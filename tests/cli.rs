//! The command line as scripts rely on it: exit codes, what is printed, and
//! what is changed.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// One user with a policy, a lockfile and a hostile server.
struct User {
    dir: tempfile::TempDir,
}

/// What a command did.
struct Done {
    code: i32,
    out: String,
    err: String,
}

const POLICY: &str = r#"version = 1

[agent.me]
stdio = true

[paths]
workspace = "."
read = ["${workspace}"]

[server.demo]

[[rule]]
id = "read"
effect = "permit"
server = "demo"
tools = ["read_file"]
args = { "/path" = { path = "read" } }

[[rule]]
id = "sums"
effect = "permit"
server = "demo"
tools = ["add", "get_weather"]
"#;

impl User {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let user = Self { dir };
        user.write("lockgate.toml", POLICY);
        user.write("readme.md", "hello");
        user
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.dir.path().join(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// `lockgate WORDS`, with the policy and in front of the hostile server.
    fn lockgate(&self, words: &[&str]) -> Done {
        let config = self.path("lockgate.toml").display().to_string();
        let mut all: Vec<&str> = vec![words[0], "--config", &config];
        all.extend(&words[1..]);
        let program = env!("CARGO_BIN_EXE_lockgate");
        let (log, trigger) = (self.path("server.log"), self.path("rug"));
        let (log, trigger) = (log.display().to_string(), trigger.display().to_string());
        all.extend(["--", program, "__hostile-server", "--log", &log]);
        all.extend(["--change-when", &trigger]);
        self.plain(&all, "")
    }

    fn plain(&self, words: &[&str], input: &str) -> Done {
        let mut child = Command::new(env!("CARGO_BIN_EXE_lockgate"))
            .args(words)
            .current_dir(self.dir.path())
            .env_clear()
            .env("HOME", self.path(""))
            .env("PATH", std::env::var_os("PATH").unwrap())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        let output = child.wait_with_output().unwrap();
        Done {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Done {
    #[track_caller]
    fn is(&self, code: i32, parts: &[&str]) {
        let all = format!("{}{}", self.out, self.err);
        assert_eq!(self.code, code, "{all}");
        for part in parts {
            assert!(all.contains(part), "no `{part}` in\n{all}");
        }
    }
}

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
        .is(0, &["1 tools approved"]);
    user.lockgate(&["approve", "nonsense", "--yes"])
        .is(2, &["lists no tool `nonsense`"]);
    user.lockgate(&["pin", "--yes"]).is(0, &["approved in"]);
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
        .is(0, &["1 tools approved"]);
    user.lockgate(&["pin", "--check"]).is(0, &["as pinned"]);
}

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
fn check_tells_all_mistakes_with_their_places() {
    let user = User::new();
    let config = user.path("lockgate.toml").display().to_string();
    user.plain(&["check", &config], "")
        .is(0, &["2 rules are fine"]);
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

fn largest(dir: &Path) -> PathBuf {
    let files = std::fs::read_dir(dir).unwrap().map(|f| f.unwrap().path());
    files
        .max_by_key(|f| f.metadata().unwrap().len())
        .unwrap_or_else(|| panic!("no audit file"))
}

#[test]
fn a_policy_in_the_working_directory_is_not_obeyed() {
    let user = User::new();
    // It may have come with somebody else's repository (A4).
    user.plain(&["check"], "")
        .is(0, &["the built-in baseline is in force"]);
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
