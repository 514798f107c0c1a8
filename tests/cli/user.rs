//! A user of lockgate: a home, a policy, a hostile server.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// One user with a policy, a lockfile and a hostile server.
pub(crate) struct User {
    dir: tempfile::TempDir,
}

/// What a command did.
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

pub(crate) const POLICY: &str = r#"version = 1

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
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let user = Self { dir };
        user.write("lockgate.toml", POLICY);
        user.write("readme.md", "hello");
        user
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.dir.path().join(name), text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// `lockgate WORDS`, with the policy and in front of the hostile server.
    pub(crate) fn lockgate(&self, words: &[&str]) -> Done {
        let config = self.path("lockgate.toml").display().to_string();
        let mut all: Vec<&str> = vec![words[0], "--config", &config];
        // One server, named, so that words without `/` are tools.
        if matches!(words[0], "status" | "diff" | "approve")
            && !words.iter().any(|word| word.contains('/'))
        {
            all.extend(["--server", "demo"]);
        }
        all.extend(&words[1..]);
        let program = env!("CARGO_BIN_EXE_lockgate");
        let (log, trigger) = (self.path("server.log"), self.path("rug"));
        let (log, trigger) = (log.display().to_string(), trigger.display().to_string());
        all.extend(["--", program, "__hostile-server", "--log", &log]);
        all.extend(["--change-when", &trigger]);
        self.plain(&all, "")
    }

    /// The hostile server's command line, for a policy.
    pub(crate) fn command(&self, log: &str) -> String {
        format!(
            "[\"{}\", \"__hostile-server\", \"--log\", \"{}\"]",
            env!("CARGO_BIN_EXE_lockgate"),
            self.path(log).display()
        )
    }

    pub(crate) fn plain(&self, words: &[&str], input: &str) -> Done {
        self.with(words, &[], input)
    }

    pub(crate) fn with(&self, words: &[&str], env: &[(&str, &str)], input: &str) -> Done {
        let mut child = Command::new(env!("CARGO_BIN_EXE_lockgate"))
            .args(words)
            .current_dir(self.dir.path())
            .env_clear()
            .env("HOME", self.path(""))
            .env("PATH", std::env::var_os("PATH").unwrap())
            .envs(env.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).ok();
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
    pub(crate) fn is(&self, code: i32, parts: &[&str]) {
        let all = format!("{}{}", self.out, self.err);
        assert_eq!(self.code, code, "{all}");
        for part in parts {
            assert!(all.contains(part), "no `{part}` in\n{all}");
        }
    }

    /// What a program reads: one JSON object and nothing else.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {}{}", self.out, self.err))
    }

    #[track_caller]
    pub(crate) fn says_no(&self, part: &str) {
        let all = format!("{}{}", self.out, self.err);
        assert!(!all.contains(part), "`{part}` in\n{all}");
    }
}
