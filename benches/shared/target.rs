//! The targets that are compared, and what they are started with.

use crate::Failure;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What stands between the client and the echo server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Between {
    /// Nothing.
    Direct,
    /// Two threads that copy bytes.
    Floor,
    /// `lockgate run` with everything on.
    Lockgate,
}

impl Between {
    /// In the order of the table's columns.
    pub(crate) const ALL: [Self; 3] = [Self::Direct, Self::Floor, Self::Lockgate];
}

/// A small call.
pub(crate) const SMALL: &str = r#"{"name":"echo","arguments":{"text":"the quick brown fox"}}"#;

/// A written policy, so that rules and constraints are paid for as well.
const POLICY: &str = r#"version = 1

[agent.bench]
${agent}

[server.echo]
${server}

[pins]
mode = "tofu"

[[rule]]
id     = "calls"
effect = "permit"
agents = ["bench"]
server = "echo"
tools  = ["echo", "lookup_*"]
args   = { "/text" = { max_len = 1000, optional = true }, "/size" = { max = 100000000, optional = true } }
"#;

/// Writes the policy and gives its file. Pins of its own for each number of
/// tools: what is new since the first use would be withheld, and not what is to
/// be measured.
pub(crate) fn policy(
    home: &Path,
    tools: usize,
    agent: &str,
    server: &str,
) -> Result<PathBuf, Failure> {
    let folder = home.join(format!("tools-{tools}"));
    fs::create_dir_all(&folder)?;
    let file = folder.join("lockgate.toml");
    let policy = POLICY.replace("${agent}", agent);
    fs::write(&file, policy.replace("${server}", server))?;
    Ok(file)
}

/// This program, which is the echo server and the floor as well.
pub(crate) fn own() -> Result<String, Failure> {
    let own = std::env::current_exe()?;
    let own = own.to_str();
    Ok(own
        .ok_or("the path of this program is not UTF-8")?
        .to_owned())
}

/// Gives a target a home of its own.
pub(crate) fn settle(command: &mut Command, home: &Path) {
    command.env("HOME", home);
    for folder in ["CONFIG", "STATE", "DATA", "CACHE"] {
        let name = format!("XDG_{folder}_HOME");
        command.env(name, home.join(folder.to_lowercase()));
    }
}
