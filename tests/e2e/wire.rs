//! What went over the wire, byte for byte, on both sides of lockgate.
//!
//! A tap (`tests/peers/tap.mjs`) stands between the client and lockgate, and
//! another between lockgate and the server.

use crate::support::home::Home;
use crate::support::need::script;
use serde_json::Value;

/// The place of a tap.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Tap {
    /// In front of lockgate: what the client sent and received.
    Client,
    /// In front of the server: what the server received and sent.
    Server,
}

impl Tap {
    fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }

    /// The command line that records what `command` receives and sends.
    pub(crate) fn before(self, home: &Home, command: Vec<String>) -> Vec<String> {
        let prefix = home.root().join(self.name()).display().to_string();
        [
            vec!["node".into(), script("tap.mjs"), prefix, "--".into()],
            command,
        ]
        .concat()
    }

    /// What it recorded, one entry for each time the command was started.
    pub(crate) fn recorded(self, home: &Home) -> Vec<Record> {
        let read = |start: usize, way: &str| {
            let name = format!("{}.{start}.{way}", self.name());
            std::fs::read(home.root().join(name)).ok()
        };
        (0..)
            .map_while(|start| {
                Some(Record {
                    input: lines(&read(start, "in")?),
                    output: lines(&read(start, "out")?),
                })
            })
            .collect()
    }
}

/// What one process received and sent, line by line, line ends included.
#[derive(Debug, Default)]
pub(crate) struct Record {
    pub(crate) input: Vec<Vec<u8>>,
    pub(crate) output: Vec<Vec<u8>>,
}

fn lines(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes
        .split_inclusive(|b| *b == b'\n')
        .map(<[u8]>::to_vec)
        .collect()
}

/// Asserts that lockgate passed every line on, in order and byte for byte, in
/// both directions. Its own requests to the server, and their answers, are the
/// only lines that one side alone may have.
pub(crate) fn assert_unchanged(home: &Home) {
    let (client, server) = (Tap::Client.recorded(home), Tap::Server.recorded(home));
    assert!(!server.is_empty(), "the server was not started");
    assert_eq!(
        client.len(),
        server.len(),
        "starts of lockgate and of the server"
    );
    for (client, server) in client.iter().zip(&server) {
        assert!(!client.input.is_empty(), "the client said nothing");
        assert_lines(
            "the client sent",
            &client.input,
            "the server received",
            &without_own(&server.input),
        );
        assert_lines(
            "the server sent",
            &without_own(&server.output),
            "the client received",
            &client.output,
        );
    }
}

/// The lines that are not between lockgate and the server alone.
fn without_own(lines: &[Vec<u8>]) -> Vec<Vec<u8>> {
    lines.iter().filter(|line| !is_own(line)).cloned().collect()
}

fn is_own(line: &[u8]) -> bool {
    let id = message(line)
        .get("id")
        .and_then(Value::as_str)
        .map(str::to_owned);
    id.is_some_and(|id| id.starts_with("lockgate-"))
}

/// The message on a recorded line.
pub(crate) fn message(line: &[u8]) -> Value {
    serde_json::from_slice(line)
        .unwrap_or_else(|e| panic!("no JSON on the wire: {e}: {}", line.escape_ascii()))
}

fn assert_lines(from: &str, sent: &[Vec<u8>], to: &str, got: &[Vec<u8>]) {
    let shown = |line: Option<&Vec<u8>>| {
        line.map_or("(nothing)".to_owned(), |l| l.escape_ascii().to_string())
    };
    for at in 0..sent.len().max(got.len()) {
        let (a, b) = (sent.get(at), got.get(at));
        assert!(
            a == b,
            "line {at} differs\n{from}: {}\n{to}: {}",
            shown(a),
            shown(b)
        );
    }
}
