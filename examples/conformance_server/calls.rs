//! What the tools do that are more than data.

use crate::fixtures::{FIXTURES, read};
use crate::{Context, inputs};
use rmcp::ErrorData;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ClientCapabilities, ContentBlock,
    LoggingLevel, LoggingMessageNotificationParam, ProgressNotificationParam, ServerRequest,
};
use rmcp::service::{SubscriptionContext, SubscriptionSink};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::sleep;

const MOMENT: Duration = Duration::from_millis(50);

/// Who listens to changes.
#[derive(Clone, Default)]
pub(crate) struct Subscribers {
    sinks: Arc<Mutex<Vec<(u64, SubscriptionSink)>>>,
}

impl Subscribers {
    /// Keeps one until it is cancelled.
    pub(crate) async fn hold(&self, context: SubscriptionContext) {
        let mut sinks = self.sinks.lock().await;
        let key = sinks.last().map_or(0, |(key, _)| key + 1);
        sinks.push((key, context.sink().clone()));
        drop(sinks);
        context.cancelled().await;
        self.sinks.lock().await.retain(|(other, _)| *other != key);
    }

    async fn tell(&self, tools: bool) {
        let sinks: Vec<_> = self.sinks.lock().await.clone();
        for (_, sink) in sinks {
            let _is_gone = if tools {
                sink.notify_tool_list_changed().await.is_ok()
            } else {
                sink.notify_prompt_list_changed().await.is_ok()
            };
        }
    }
}

/// A call.
pub(crate) async fn call(
    subscribers: &Subscribers,
    request: &CallToolRequestParams,
    context: &Context,
) -> Result<CallToolResponse, ErrorData> {
    let unknown = || ErrorData::invalid_params("no such tool", None);
    let tool = FIXTURES.tool(&request.name).ok_or_else(unknown)?;
    if let Some(result) = &tool.result {
        return Ok(read::<CallToolResult>(result).into());
    }
    if let Some(asks) = &tool.asks {
        return Ok(ask(asks, context).await.into());
    }
    let able = context.meta.client_capabilities().unwrap_or_default();
    if !tool.inputs.is_empty() || !tool.rounds.is_empty() {
        return inputs::call(tool, request, &able);
    }
    match request.name.as_ref() {
        "test_tool_with_logging" => {
            for step in ["started", "processing data", "completed"] {
                log(context, LoggingLevel::Info, step).await;
                sleep(MOMENT).await;
            }
        }
        "test_logging_tool" => {
            if let Some(level) = context.meta.log_level() {
                log(context, level, "asked for").await;
            }
        }
        "test_tool_with_progress" => progress(context).await,
        "test_reconnection" => sleep(MOMENT * 2).await,
        "test_trigger_tool_change" => subscribers.tell(true).await,
        "test_trigger_prompt_change" => subscribers.tell(false).await,
        "test_missing_capability" if able.sampling.is_none() => {
            let needed: ClientCapabilities = read(&json!({ "sampling": {} }));
            return Err(ErrorData::missing_required_client_capability(needed));
        }
        "test_custom_header" => {
            let value = request.arguments.as_ref().and_then(|a| a.get("value"));
            let value = value.and_then(Value::as_str);
            let value = value.ok_or_else(|| ErrorData::invalid_params("no `value`", None))?;
            return Ok(text(value).into());
        }
        _ => {}
    }
    Ok(text("done").into())
}

fn text(text: &str) -> CallToolResult {
    CallToolResult::success(vec![ContentBlock::text(text)])
}

/// Asks the client, and makes its answer the result.
async fn ask(asks: &Value, context: &Context) -> CallToolResult {
    let request: ServerRequest = read(asks);
    match context.peer.send_request(request).await {
        Ok(answer) => text(&json!(answer).to_string()),
        Err(error) => CallToolResult::error(vec![ContentBlock::text(error.to_string())]),
    }
}

async fn log(context: &Context, level: LoggingLevel, what: &str) {
    let message = LoggingMessageNotificationParam::new(level, json!(what));
    let _is_gone = context.peer.notify_logging_message(message).await;
}

async fn progress(context: &Context) {
    let token = context.meta.get_progress_token();
    for done in [0.0, 50.0, 100.0] {
        if let Some(token) = &token {
            let told = ProgressNotificationParam::new(token.clone(), done).with_total(100.0);
            let _is_gone = context.peer.notify_progress(told).await;
        }
        sleep(MOMENT).await;
    }
}
