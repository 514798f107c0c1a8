//! The clients: each plays a scenario and hands back what it saw.

use crate::rmcp;
use crate::support::home::Home;
use crate::support::need::script;
use crate::support::peers::peers;
use crate::support::process::Process;
use regex::Regex;
use serde_json::Value;
use std::sync::LazyLock;

/// A real client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Client {
    /// The TypeScript SDK of the first generation: legacy only.
    TypeScript1,
    /// The second generation, probing for the modern era.
    TypeScript2,
    /// The second generation as it comes, which does not probe.
    TypeScript2Legacy,
    /// The Python SDK of the first generation: legacy only.
    Python1,
    /// Probes by default.
    Python,
    /// Without probing.
    PythonLegacy,
    /// In the modern era without asking for it, which is all that it knows.
    PythonModern,
    /// The handshake, with a revision that has none (it is what rmcp does).
    Rmcp,
    /// Probing.
    RmcpAuto,
}

impl Client {
    /// Plays `scenario` against the server that `argv` starts, and returns the
    /// transcript: JSON, without what differs from run to run.
    pub(crate) fn play(self, home: &Home, scenario: &str, argv: &[String]) -> String {
        let driver = match self {
            Self::TypeScript1 => vec!["node".into(), script("drive.mjs"), peers().js(), "1".into()],
            Self::TypeScript2 => vec!["node".into(), script("drive.mjs"), peers().js(), "2".into()],
            Self::TypeScript2Legacy => {
                vec![
                    "node".into(),
                    script("drive.mjs"),
                    peers().js(),
                    "2-legacy".into(),
                ]
            }
            Self::Python1 => vec![peers().python_1(), script("drive_1.py")],
            Self::Python => vec![peers().python(), script("drive.py"), "auto".into()],
            Self::PythonLegacy => vec![peers().python(), script("drive.py"), "legacy".into()],
            Self::PythonModern => {
                vec![peers().python(), script("drive.py"), "2026-07-28".into()]
            }
            Self::Rmcp => return normal(home, rmcp::play(home, scenario, argv, false)),
            Self::RmcpAuto => return normal(home, rmcp::play(home, scenario, argv, true)),
        };
        let rest = [vec![scenario.to_owned(), "--".into()], argv.to_vec()].concat();
        let mut process = Process::start(home, &[driver, rest].concat());
        let told = process.rest();
        if !process.finish().success() {
            process.fail("failed");
        }
        let transcript = serde_json::from_slice(&told)
            .unwrap_or_else(|e| process.fail(&format!("printed no transcript: {e}")));
        normal(home, transcript)
    }
}

/// Times in all the forms that the servers print.
static TIMES: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)?",
        r"|[A-Z][a-z]{2} [A-Z][a-z]{2} \d\d \d{4} \d\d:\d\d:\d\d GMT[^\x22]*?\)",
        r"|\b\d{1,2}:\d\d:\d\d( [AP]M)?",
        // Base64 of "Resource 1: This is a base64 blob created at TIME".
        r"|UmVzb3VyY2Ug[A-Za-z0-9+/=]+",
    ))
    .expect("is one")
});

/// Takes out what differs from run to run: the temporary directory, times, and
/// what races inside a client.
fn normal(home: &Home, mut transcript: Value) -> String {
    let steps = transcript.get_mut("steps").and_then(Value::as_array_mut);
    for step in steps.into_iter().flatten() {
        // The TypeScript SDK forgets the handler on the result, which may
        // overtake the last progress inside it. The bytes are compared anyway.
        if let Some(told) = step.get_mut("progress").and_then(Value::as_array_mut) {
            told.retain(|t| t["progress"] != t["total"]);
        }
    }
    let text = serde_json::to_string_pretty(&transcript).expect("can be written");
    let text = text.replace(&home.root().display().to_string(), "$ROOT");
    TIMES.replace_all(&text, "$$TIME").into_owned()
}
