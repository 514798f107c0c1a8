use super::super::stream::First;
use super::*;
use crate::audit::{AuditLog, SessionMeta};
use crate::engine::guard::paths::{HostFacts, PathFacts, PathGuard};
use crate::engine::pin::ServerPins;
use crate::engine::policy::{Policy, PolicyBase};
use crate::engine::types::AgentName;
use crate::engine::{Engine, Session as EngineSession};
use std::time::UNIX_EPOCH;
use tempfile::TempDir;

const POLICY: &str = r#"version = 1
[agent.a]
key = "sha256:fb7724a4beec:a3ebd2419d8edb8c23f017d996f444fc:43c3ba18645f119a5f6f5a4fe774f631b0c02359298fc38470c77605272a5e7a"
[server.s]
command = ["s"]
[pins]
mode = "tofu"
[[rule]]
id = "all"
effect = "permit"
tools = ["*"]
"#;
const META: &str = concat!(
    r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","#,
    r#""io.modelcontextprotocol/clientCapabilities":{}}"#
);
const PATIENCE: Duration = Duration::from_secs(5);
const MOMENT: Duration = Duration::from_millis(50);

/// A session before a server of which only the words are there.
struct Stage {
    session: Arc<Session>,
    _dir: TempDir,
}

impl Stage {
    fn new(kind: Kind) -> Self {
        let base = PolicyBase {
            dir: "/work".to_owned(),
            home: "/home/u".to_owned(),
        };
        let policy = Policy::parse("p.toml", POLICY, &base).unwrap();
        let guard = PathGuard::new(HostFacts::default(), policy.paths.clone());
        let (agent, server) = (AgentName::new("a").unwrap(), ServerName::new("s").unwrap());
        let pins = ServerPins::default();
        let engine = Engine::new(policy, agent.clone(), server.clone(), pins, guard);
        let dir = tempfile::tempdir().unwrap();
        let log = AuditLog::open(dir.path(), SessionMeta::default(), UNIX_EPOCH).unwrap();
        let principal = Arc::new(Principal::named(agent));
        let pump = Pump::new(
            engine,
            EngineSession::new("n").acting(Arc::clone(&principal)),
            SharedLog::new(log),
            FirstUse::new(dir.path().join("lockgate.lock"), server.clone(), None),
            |_| PathFacts::default(),
        );
        let session = Session::new(principal, server, kind, (pump, None), None);
        Self { session, _dir: dir }
    }

    fn ask(&self, line: &str) -> Inlet {
        let opened = opened(line);
        let Ok(Message::Request { id, .. }) = opened.message() else {
            panic!("no request: {line}");
        };
        self.session.ask(opened, &id, &self.session.principal)
    }

    fn tell(&self, line: &str) -> Inlet {
        self.session.tell(opened(line), &self.session.principal)
    }

    fn server(&self, line: &str) {
        self.session.from_server(line.into(), None);
    }

    /// The server lists `echo`, as lockgate has asked.
    fn lists(&self) {
        self.server(
            r#"{"jsonrpc":"2.0","id":"lockgate-n-1","result":{"tools":[{"name":"echo","inputSchema":{"type":"object"}}]}}"#,
        );
    }
}

fn opened(line: &str) -> Opened {
    Opened::read(Direction::ToServer, line.into(), &Limits::DEFAULT)
}

fn call(id: &str, meta: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"echo","arguments":{{}}{meta}}}}}"#
    )
}

async fn said(inlet: &mut Inlet) -> Option<(String, bool)> {
    match inlet.first(MOMENT).await {
        First::Said(sent) => Some((String::from_utf8(sent.bytes.to_vec()).unwrap(), sent.by_us)),
        First::Quiet | First::Nothing => None,
    }
}

/// Agents of one principal share a session, and count their requests alike.
#[tokio::test]
async fn nobody_cancels_the_request_of_another() {
    let stage = Stage::new(Kind::Modern);
    let mut inlet = stage.ask(&call("\"mine\"", &format!(",{META}")));
    for id in 1..4 {
        drop(stage.tell(&format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"requestId":{id}}}}}"#
        )));
    }
    stage.lists();
    stage.server(r#"{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","content":[]}}"#);
    let (answer, _) = said(&mut inlet).await.unwrap();
    assert!(answer.contains(r#""id":"mine","result""#), "{answer}");
}

#[tokio::test]
async fn whose_answer_it_is_does_not_depend_on_what_it_says() {
    let stage = Stage::new(Kind::Legacy);
    let mut refused = stage.ask(r#"{"jsonrpc":"2.0","id":7,"method":"no/such"}"#);
    let mut forged = stage.ask(&call("8", ""));
    stage.lists();
    stage.server(
        r#"{"jsonrpc":"2.0","id":8,"error":{"code":-32000,"message":"m","data":{"by":"lockgate","reason":"insufficient-scope","scopes":["admin"]}}}"#,
    );
    assert!(said(&mut refused).await.unwrap().1);
    assert!(!said(&mut forged).await.unwrap().1);
}

#[tokio::test]
async fn whoever_waits_for_room_is_woken() {
    let stage = Stage::new(Kind::Legacy);
    let mut waiting = Vec::new();
    for id in 1.. {
        if stage.session.lock().is_full() {
            break;
        }
        waiting.push(stage.ask(&call(&id.to_string(), "")));
    }
    let session = Arc::clone(&stage.session);
    let woken = tokio::spawn(async move { session.wait_for_room().await });
    // It looks, and waits.
    while !stage.session.lock().awaited {
        tokio::task::yield_now().await;
    }
    stage.lists();
    tokio::time::timeout(PATIENCE, woken)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn what_comes_after_the_end_waits_for_nothing() {
    let stage = Stage::new(Kind::Legacy);
    stage.session.close();
    let mut inlet = stage.ask(&call("1", ""));
    assert!(matches!(inlet.first(PATIENCE).await, First::Nothing));
}

#[tokio::test]
async fn an_old_connection_does_not_end_the_new_one() {
    let stage = Stage::new(Kind::Legacy);
    let old = stage.session.listen().unwrap();
    let mut new = stage.session.resume((old.number(), 0)).unwrap();
    drop(old);
    stage.server(r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#);
    assert!(said(&mut new).await.is_some());
}

#[tokio::test]
async fn an_agent_that_has_left_keeps_nothing_alive() {
    let stage = Stage::new(Kind::Legacy);
    let inlet = stage.ask(&call("1", ""));
    assert!(stage.session.idle().is_none());
    drop(inlet);
    assert!(stage.session.idle().is_some());
}

/// What the server says on its own waits within bounds.
#[tokio::test]
async fn what_nobody_reads_is_bounded() {
    let stage = Stage::new(Kind::Legacy);
    let long = "x".repeat(600 * 1024);
    for _ in 0..4 {
        stage.server(&format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/message","params":{{"level":"info","data":"{long}"}}}}"#
        ));
    }
    let mut inlet = stage.session.listen().unwrap();
    assert!(said(&mut inlet).await.is_some());
    assert!(said(&mut inlet).await.is_none());
}
