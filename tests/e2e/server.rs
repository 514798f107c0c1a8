//! The servers, what they need to stand on, and the scenario for each.

use crate::support::home::Home;
use crate::support::need::script;
use crate::support::peers::peers;
use std::path::Path;
use std::process::Command;

/// A real server.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Server {
    Everything,
    Filesystem,
    Memory,
    Git,
    Time,
    /// Ours: the only one whose lists come in pages.
    Pages,
    /// Ours, on the Python SDK: both eras, on stdio and over HTTP.
    Dual,
}

impl Server {
    /// Its name in policies.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Everything => "everything",
            Self::Filesystem => "filesystem",
            Self::Memory => "memory",
            Self::Git => "git",
            Self::Time => "time",
            Self::Pages => "pages",
            Self::Dual => "dual",
        }
    }

    /// What the client does: a JSON object with
    /// - `answers`: by method, what the client answers to the server's requests;
    /// - `steps`: `{request, params, pages?, progress?, cancel_at?}` asks (all
    ///   pages; with a progress token; and cancels at that progress),
    ///   `{wait, count?}` waits until the server has sent that, `{notify}`
    ///   tells, `{sleep}` waits milliseconds.
    ///
    /// `${work}` stands for the server's directory.
    fn scenario(self) -> &'static str {
        match self {
            Self::Everything => include_str!("scenarios/everything.json"),
            Self::Filesystem => include_str!("scenarios/filesystem.json"),
            Self::Memory => include_str!("scenarios/memory.json"),
            Self::Git => include_str!("scenarios/git.json"),
            Self::Time => include_str!("scenarios/time.json"),
            Self::Pages => include_str!("scenarios/pages.json"),
            Self::Dual => include_str!("scenarios/dual.json"),
        }
    }

    /// Lays out what the server works on, and writes the scenario down.
    pub(crate) fn prepare(self, home: &Home) -> String {
        match self {
            Self::Filesystem => files(home),
            Self::Git => repository(home),
            Self::Everything | Self::Memory | Self::Time | Self::Pages | Self::Dual => {}
        }
        let work = home.work().display().to_string();
        let scenario = self.scenario().replace("${work}", &work);
        home.write("scenario.json", scenario).display().to_string()
    }

    /// Its command line.
    pub(crate) fn command(self, home: &Home) -> Vec<String> {
        let work = home.work().display().to_string();
        match self {
            Self::Everything => with(peers().js_server("server-everything"), &["stdio"]),
            Self::Filesystem => with(peers().js_server("server-filesystem"), &[&work]),
            Self::Memory => {
                // The variable goes with the command line, so that both runs have it.
                let file = format!("MEMORY_FILE_PATH={work}/memory.jsonl");
                let server = peers().js_server("server-memory");
                [vec!["env".to_owned(), file], server].concat()
            }
            Self::Git => with(
                peers().python_server("mcp-server-git"),
                &["--repository", &work],
            ),
            Self::Time => with(
                peers().python_server("mcp-server-time"),
                &["--local-timezone", "Etc/UTC"],
            ),
            Self::Dual => vec![peers().python(), script("dual.py"), "stdio".to_owned()],
            Self::Pages => vec!["node".to_owned(), script("pages.mjs"), peers().js()],
        }
    }
}

fn with(mut command: Vec<String>, args: &[&str]) -> Vec<String> {
    command.extend(args.iter().map(|arg| (*arg).to_owned()));
    command
}

fn files(home: &Home) {
    home.write(
        "work/notes.txt",
        "first line\nsecond line: \u{e4}\u{2028}\u{1f512}\n",
    );
    home.write("work/src/main.rs", "fn main() {}\n");
    home.write("work/src/lib.rs", "// nothing\n");
    home.write("work/dot.png", b"\x89PNG\r\n\x1a\n\x00\xff\xfe");
}

fn repository(home: &Home) {
    home.write("work/notes.txt", "one\n");
    git(&home.work(), &["init", "--quiet", "--initial-branch=main"]);
    git(&home.work(), &["add", "."]);
    git(
        &home.work(),
        &["commit", "--quiet", "--message=First: caf\u{e9}"],
    );
    home.write("work/notes.txt", "one\ntwo\n");
}

/// As one fixed person at one fixed time: the hashes are the same every run.
fn git(dir: &Path, args: &[&str]) {
    let when = "2026-01-02T03:04:05Z";
    let status = Command::new("git")
        .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.com"])
        .args(["-c", "commit.gpgSign=false"])
        .args(args)
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_DATE", when)
        .env("GIT_COMMITTER_DATE", when)
        .status();
    assert!(status.is_ok_and(|s| s.success()), "git {args:?} failed");
}
