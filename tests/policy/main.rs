//! The policy from outside: cases as data, properties, diagnostics as a person
//! sees them, and every policy that the project shows to anyone.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod against;
mod bounds;
mod cases;
mod checks;
mod codes;
mod conditions;
mod diagnostics;
mod documents;
mod effective;
mod launch;
mod login;
mod narrower;
#[path = "../support/packs.rs"]
mod packs;
mod properties;
mod remote;
mod results;
mod test_file;

use lockgate::engine::guard::paths::Access;
use lockgate::engine::message::{Document, Limits};
use lockgate::engine::policy::{PathJudge, Policy, PolicyBase, render};
use lockgate::engine::types::{AgentName, ServerName};

/// Agents `a` and `b`, servers `s` and `t`.
const PRINCIPALS: &str = "version = 1
agent.a.stdio = true
agent.b.stdio = true
server.s.command = [\"s\"]
server.t.command = [\"t\"]
";

/// Everything under /work/ may be read, everything under /work/out/ written.
#[derive(Debug)]
struct Roots;

impl PathJudge for Roots {
    fn within(&self, value: &str, access: Access) -> Result<(), String> {
        let root = match access {
            Access::Read => "/work/",
            Access::Write => "/work/out/",
        };
        if value.starts_with(root) && !value.contains("..") {
            return Ok(());
        }
        Err("outside the roots".to_owned())
    }
}

fn base() -> PolicyBase {
    PolicyBase {
        dir: "/work".to_owned(),
        home: "/home/me".to_owned(),
    }
}

/// The policy, or its diagnostics as a panic.
fn policy(text: &str) -> Policy {
    Policy::parse("p.toml", text, &base())
        .unwrap_or_else(|diagnostics| panic!("{}", render("p.toml", text, &diagnostics, false)))
}

fn agent(name: &str) -> AgentName {
    AgentName::new(name).unwrap()
}

fn server(name: &str) -> ServerName {
    ServerName::new(name).unwrap()
}

fn document(json: &str) -> Document {
    Document::read(json.as_bytes().to_vec(), &Limits::DEFAULT)
        .unwrap_or_else(|e| panic!("{json}: {e}"))
}

fn file(path: &str) -> String {
    let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}
