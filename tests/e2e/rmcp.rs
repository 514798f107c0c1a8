//! rmcp as a client: the third driver, in this process.
//!
//! It implements rmcp's `Service` rather than its `ClientHandler`, so that it
//! sees every request and notification alike, as the other drivers do.

use crate::support::home::Home;
use rmcp::ErrorData;
use rmcp::model::{
    ClientConfig, ClientNotification, ClientRequest, ClientResult, ProtocolVersion,
    ServerNotification, ServerRequest,
};
use rmcp::service::{
    ClientLifecycleMode, ClientServiceExt, NotificationContext, Peer, PeerRequestOptions,
    RequestContext, RequestHandle, RoleClient, Service, ServiceError,
};
use rmcp::transport::{StreamableHttpClientTransport, TokioChildProcess};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::process::Command;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

const STEP: Duration = Duration::from_secs(20);

/// Plays the scenario in the file, and returns the transcript.
pub(crate) fn play(home: &Home, scenario: &str, argv: &[String], auto: bool) -> Value {
    let scenario = std::fs::read_to_string(scenario).expect("is there");
    let scenario: Value = serde_json::from_str(&scenario).expect("is JSON");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime
        .expect("can be built")
        .block_on(session(home, scenario, argv, auto))
}

/// What the server sent on its own, and what it is answered.
#[derive(Debug, Clone, Default)]
struct Heard {
    answers: Value,
    received: Arc<Mutex<BTreeMap<String, Vec<Value>>>>,
    progress: Arc<Mutex<Vec<Value>>>,
    news: Arc<Notify>,
}

impl Heard {
    fn note(&self, method: &str, params: Value) {
        self.received
            .lock()
            .expect("no panic")
            .entry(method.to_owned())
            .or_default()
            .push(params);
        self.news.notify_waiters();
    }

    /// Waits until something about what was heard is true.
    async fn until(&self, enough: impl Fn(&Self) -> bool) {
        loop {
            let news = self.news.notified();
            if enough(self) {
                return;
            }
            news.await;
        }
    }

    fn count(&self, method: &str) -> usize {
        self.received
            .lock()
            .expect("no panic")
            .get(method)
            .map_or(0, Vec::len)
    }

    fn progress(&self) -> Vec<Value> {
        self.progress.lock().expect("no panic").clone()
    }

    fn answer(&self, method: &str) -> Option<ClientResult> {
        let answer = self.answers.get(method)?.clone();
        Some(match method {
            "sampling/createMessage" => ClientResult::CreateMessageResult(read(answer)),
            "elicitation/create" => ClientResult::ElicitResult(read(answer)),
            "roots/list" => ClientResult::ListRootsResult(read(answer)),
            other => panic!("the driver knows no answer to {other}"),
        })
    }
}

fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
    let shown = value.to_string();
    serde_json::from_value(value).unwrap_or_else(|e| panic!("rmcp cannot read {shown}: {e}"))
}

fn plain(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).expect("a message can be written")
}

impl Service<RoleClient> for Heard {
    async fn handle_request(
        &self,
        request: ServerRequest,
        _: RequestContext<RoleClient>,
    ) -> Result<ClientResult, ErrorData> {
        let request = plain(&request);
        let method = request["method"].as_str().expect("a method");
        self.note(method, request["params"].clone());
        let unknown = || {
            ErrorData::new(
                rmcp::model::ErrorCode::METHOD_NOT_FOUND,
                "not answered",
                None,
            )
        };
        self.answer(method).ok_or_else(unknown)
    }

    async fn handle_notification(
        &self,
        notification: ServerNotification,
        _: NotificationContext<RoleClient>,
    ) -> Result<(), ErrorData> {
        let notification = plain(&notification);
        let method = notification["method"].as_str().expect("a method");
        if method == "notifications/progress" {
            self.progress
                .lock()
                .expect("no panic")
                .push(notification["params"].clone());
            self.news.notify_waiters();
        } else {
            self.note(method, notification["params"].clone());
        }
        Ok(())
    }

    fn get_info(&self) -> ClientConfig {
        let capability = |method: &str, value: Value| self.answers.get(method).map(|_| value);
        read(json!({
            "protocolVersion": ProtocolVersion::LATEST,
            "clientInfo": { "name": "drive", "version": "1.0.0" },
            "capabilities": {
                "sampling": capability("sampling/createMessage", json!({})),
                "elicitation": capability("elicitation/create", json!({})),
                "roots": capability("roots/list", json!({ "listChanged": true })),
            },
        }))
    }
}

/// Starts the server, which speaks on stdio.
fn child(home: &Home, argv: &[String], errors: &Path) -> TokioChildProcess {
    let (program, rest) = argv.split_first().expect("argv names a program");
    let mut command = Command::new(program);
    command
        .args(rest)
        .env_clear()
        .envs(home.env())
        .current_dir(home.work());
    let file = std::fs::File::create(errors).expect("can be made");
    let server = TokioChildProcess::builder(command)
        .stderr(Stdio::from(file))
        .spawn();
    server.expect("can be started").0
}

async fn session(home: &Home, scenario: Value, argv: &[String], auto: bool) -> Value {
    let heard = Heard {
        answers: scenario["answers"].clone(),
        ..Heard::default()
    };
    let errors = home.write("stderr", "");
    let said = || std::fs::read_to_string(&errors).unwrap_or_default();
    let lifecycle = if auto {
        ClientLifecycleMode::Auto {
            preferred_versions: vec![ProtocolVersion::V_2026_07_28],
            legacy_version: None,
        }
    } else {
        ClientLifecycleMode::Initialize
    };
    let client = heard.clone();
    let begun = timeout(STEP, async {
        if argv[0].starts_with("http") {
            let transport = StreamableHttpClientTransport::from_uri(argv[0].as_str());
            return client.serve_with_lifecycle(transport, lifecycle).await;
        }
        let transport = child(home, argv, &errors);
        client.serve_with_lifecycle(transport, lifecycle).await
    });
    let Ok(begun) = begun.await else {
        panic!("no session within {STEP:?}; stderr:\n{}", said());
    };
    let running = begun.unwrap_or_else(|e| panic!("no session: {e}; stderr:\n{}", said()));
    let mut steps = Vec::new();
    for step in scenario["steps"].as_array().expect("steps") {
        let played = timeout(STEP, play_step(running.peer(), &heard, step)).await;
        steps.extend(played.unwrap_or_else(|_| panic!("stuck at {step}; stderr:\n{}", said())));
    }
    let about = running.peer().peer_info().map(|info| plain(&*info));
    running.cancel().await.expect("the session can end");
    let received = heard.received.lock().expect("no panic").clone();
    json!({ "about": about, "steps": steps, "received": received })
}

async fn play_step(peer: &Peer<RoleClient>, heard: &Heard, step: &Value) -> Option<Value> {
    if let Some(method) = step["request"].as_str() {
        return Some(request(peer, heard, method, step).await);
    }
    if let Some(method) = step["wait"].as_str() {
        let count = step["count"].as_u64().unwrap_or(1);
        heard.until(|h| h.count(method) as u64 >= count).await;
    } else if step["notify"].is_string() {
        let told: ClientNotification = read(json!({ "method": step["notify"] }));
        peer.send_notification(told).await.expect("can be told");
    } else {
        sleep(Duration::from_millis(
            step["sleep"].as_u64().expect("a step"),
        ))
        .await;
    }
    None
}

async fn request(peer: &Peer<RoleClient>, heard: &Heard, method: &str, step: &Value) -> Value {
    let mut entry = json!({ "request": method });
    let mut pages = Vec::new();
    let mut params = step["params"].clone();
    heard.progress.lock().expect("no panic").clear();
    loop {
        let mut message = json!({ "method": method });
        if !params.is_null() {
            message["params"] = params.clone();
        }
        let request: ClientRequest = read(message);
        let options = PeerRequestOptions::no_options();
        let handle = peer
            .send_cancellable_request(request, options)
            .await
            .expect("can be sent");
        if let Some(at) = step["cancel_at"].as_u64() {
            cancel(heard, handle, at).await;
            entry["error"] = json!("cancelled");
            return entry;
        }
        match handle.await_response().await {
            Ok(result) => pages.push(plain(&result)),
            Err(ServiceError::McpError(error)) => {
                entry["error"] = plain(&error);
                return entry;
            }
            Err(other) => panic!("{step}: {other}"),
        }
        let next = pages
            .last()
            .map_or(Value::Null, |page| page["nextCursor"].clone());
        if step["pages"] != json!(true) || next.is_null() {
            break;
        }
        params["cursor"] = next;
    }
    if step["progress"] == json!(true) {
        let told = heard.progress();
        entry["progress"] = told
            .iter()
            .map(|t| json!({ "progress": t["progress"], "total": t["total"] }))
            .collect();
    }
    entry["result"] = json!(pages);
    entry
}

/// Cancels a request once the server has told of its progress `at` times.
async fn cancel(heard: &Heard, handle: RequestHandle<RoleClient>, at: u64) {
    heard.until(|h| h.progress().len() as u64 >= at).await;
    handle
        .cancel(Some("enough".to_owned()))
        .await
        .expect("can be told");
}
