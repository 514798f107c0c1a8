//! Lockgate's command line as the tests use it: the one place to change when
//! it changes.

use super::home::Home;
use std::path::{Path, PathBuf};

/// `lockgate run [--config F] -- CMD`, as argv.
#[derive(Debug, Default)]
pub(crate) struct Run {
    config: Option<PathBuf>,
}

impl Run {
    /// With no policy: the built-in baseline.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Under a policy.
    pub(crate) fn policy(home: &Home, text: &str) -> Self {
        Self {
            config: Some(home.write("policy/lockgate.toml", text)),
        }
    }

    /// The command line that stands in front of `server`.
    pub(crate) fn before(&self, server: &[String]) -> Vec<String> {
        let mut argv = self.argv();
        argv.push("--".to_owned());
        argv.extend_from_slice(server);
        argv
    }

    /// The command line that stands in front of the server at `url`.
    pub(crate) fn remote(&self, url: &str) -> Vec<String> {
        let mut argv = self.argv();
        argv.extend(["--url".to_owned(), url.to_owned()]);
        argv
    }

    /// The command line that serves over HTTP what is behind `rest`: the URL
    /// after `--url`, or the command after `--`.
    pub(crate) fn serve(&self, rest: &[String]) -> Vec<String> {
        let mut argv = self.argv();
        argv[1] = "serve".to_owned();
        argv.extend(["--listen".to_owned(), "127.0.0.1:0".to_owned()]);
        argv.extend_from_slice(rest);
        argv
    }

    fn argv(&self) -> Vec<String> {
        let mut argv = vec![program().display().to_string(), "run".to_owned()];
        if let Some(config) = &self.config {
            argv.extend(["--config".to_owned(), config.display().to_string()]);
        }
        argv
    }
}

/// The program under test; `LOCKGATE_TEST_BIN` names another build of it.
fn program() -> PathBuf {
    std::env::var_os("LOCKGATE_TEST_BIN").map_or_else(
        || Path::new(env!("CARGO_BIN_EXE_lockgate")).to_owned(),
        PathBuf::from,
    )
}

/// A server of `examples/`, which `cargo test` builds beside the program.
pub(crate) fn example(name: &str) -> String {
    let path = Path::new(env!("CARGO_BIN_EXE_lockgate"))
        .with_file_name("examples")
        .join(name);
    assert!(
        path.is_file(),
        "missing: run `cargo build --examples` first"
    );
    path.display().to_string()
}

/// A policy that permits one server everything it can be permitted: what
/// passes under it has to pass unchanged.
pub(crate) fn permit_all(server: &str) -> String {
    format!(
        r#"version = 1

[server.{server}]
ask_agent = ["sampling/createMessage", "elicitation/create", "roots/list"]

[agent.me]
stdio = true

[pins]
mode = "tofu"

[[rule]]
id = "all"
effect = "permit"
server = "{server}"
tools = ["*"]
prompts = ["*"]
resources = ["*"]
"#
    )
}
