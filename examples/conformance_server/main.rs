//! The server that the official conformance suite wants to meet, on rmcp, in
//! both eras: what `tests/conformance` puts behind lockgate.
//!
//! ```text
//! cargo run --example conformance_server -- stdio
//! cargo run --example conformance_server -- http
//! ```
//!
//! Over HTTP it listens on 127.0.0.1 and a port that is free, and prints the
//! port on stderr. What it has and says is data (`fixtures.json`).

#![expect(deprecated, reason = "what 2026-07-28 removes, 2025-11-25 has")]

mod calls;
mod fixtures;
mod inputs;

use calls::Subscribers;
use fixtures::{FIXTURES, read};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CompleteRequestParams, CompleteResult,
    GetPromptRequestParams, GetPromptResponse, InitializeRequestParams, InitializeResult,
    ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult, ListToolsResult,
    PaginatedRequestParams, ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult,
    ServerConfig, SetLevelRequestParams, SubscribeRequestParams, SubscriptionFilter, Tool,
    UnsubscribeRequestParams,
};
use rmcp::service::{RequestContext, SubscriptionContext};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ErrorData, RoleServer, ServerHandler, ServiceExt};
use serde_json::json;
use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

/// For how long a list may be kept.
const TTL_MS: u64 = 60_000;

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let over = std::env::args().nth(1);
    let outcome: Result<(), Box<dyn Error>> = match (runtime, over.as_deref()) {
        (Ok(runtime), Some("stdio")) => runtime.block_on(stdio()),
        (Ok(runtime), Some("http")) => runtime.block_on(http()),
        (Ok(_), _) => Err("expected `stdio` or `http`".into()),
        (Err(error), _) => Err(error.into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _unwritten = writeln!(std::io::stderr(), "conformance_server: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn stdio() -> Result<(), Box<dyn Error>> {
    let running = Reference::default().serve(rmcp::transport::stdio()).await?;
    running.waiting().await?;
    Ok(())
}

async fn http() -> Result<(), Box<dyn Error>> {
    let reference = Reference::default();
    let service = StreamableHttpService::new(
        move || Ok(reference.clone()),
        LocalSessionManager::default().into(),
        StreamableHttpServerConfig::default(),
    );
    let service = TowerToHyperService::new(service);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    writeln!(std::io::stderr(), "listening on {port}")?;
    loop {
        let (stream, _) = listener.accept().await?;
        let service = service.clone();
        tokio::spawn(async move {
            let served = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            let _client_is_gone = served.await;
        });
    }
}

/// The server.
#[derive(Clone, Default)]
struct Reference {
    subscribers: Subscribers,
}

type Context = RequestContext<RoleServer>;

impl ServerHandler for Reference {
    fn get_info(&self) -> ServerConfig {
        read(&json!({
            "protocolVersion": "2025-11-25",
            "capabilities": {
                "tools": { "listChanged": true },
                "prompts": { "listChanged": true },
                "resources": { "listChanged": true, "subscribe": true },
                "logging": {},
                "completions": {},
            },
            "serverInfo": { "name": "reference", "version": "1.0.0" },
        }))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        let tool = FIXTURES.tool(name)?;
        Some(tool.definition.clone())
    }

    async fn initialize(
        &self,
        request: InitializeRequestParams,
        _: Context,
    ) -> Result<InitializeResult, ErrorData> {
        let info = self.get_info();
        Ok(InitializeResult::new(info.capabilities)
            .with_protocol_version(request.protocol_version)
            .with_server_info(info.server_info))
    }

    fn accepted_subscription_filter(
        &self,
        requested: &SubscriptionFilter,
    ) -> Option<SubscriptionFilter> {
        Some(requested.supported_by(&self.get_info().capabilities))
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        self.subscribers.hold(context).await;
        Ok(())
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: Context,
    ) -> Result<ListToolsResult, ErrorData> {
        let tools = FIXTURES.tools.iter().map(|tool| tool.definition.clone());
        let list = ListToolsResult {
            tools: tools.collect(),
            ..ListToolsResult::default()
        };
        Ok(list
            .with_ttl_ms(TTL_MS)
            .with_cache_scope(CacheScope::Public))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: Context,
    ) -> Result<CallToolResponse, ErrorData> {
        calls::call(&self.subscribers, &request, &context).await
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: Context,
    ) -> Result<ListResourcesResult, ErrorData> {
        let list = ListResourcesResult {
            resources: FIXTURES.resources.clone(),
            ..ListResourcesResult::default()
        };
        Ok(list
            .with_ttl_ms(TTL_MS)
            .with_cache_scope(CacheScope::Public))
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: Context,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let list = ListResourceTemplatesResult {
            resource_templates: FIXTURES.templates.clone(),
            ..ListResourceTemplatesResult::default()
        };
        Ok(list
            .with_ttl_ms(TTL_MS)
            .with_cache_scope(CacheScope::Public))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: Context,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let uri = request.uri;
        let mut contents = FIXTURES.contents.iter();
        let Some(found) = contents.find(|c| c["uri"] == json!(uri)) else {
            let about = json!({ "uri": uri });
            return Err(ErrorData::resource_not_found(
                "no such resource",
                Some(about),
            ));
        };
        let result = ReadResourceResult::new(vec![read(found)]);
        Ok(result
            .with_ttl_ms(TTL_MS)
            .with_cache_scope(CacheScope::Public)
            .into())
    }

    async fn subscribe(&self, _: SubscribeRequestParams, _: Context) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn unsubscribe(&self, _: UnsubscribeRequestParams, _: Context) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: Context,
    ) -> Result<ListPromptsResult, ErrorData> {
        let prompts = FIXTURES.prompts.iter();
        let list = ListPromptsResult {
            prompts: prompts.map(|prompt| prompt.definition.clone()).collect(),
            ..ListPromptsResult::default()
        };
        Ok(list
            .with_ttl_ms(TTL_MS)
            .with_cache_scope(CacheScope::Public))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _: Context,
    ) -> Result<GetPromptResponse, ErrorData> {
        let mut prompts = FIXTURES.prompts.iter();
        let prompt = prompts.find(|p| p.definition.name == request.name);
        let prompt = prompt.ok_or_else(|| ErrorData::invalid_params("no such prompt", None))?;
        if let Some(needed) = inputs::missing(&prompt.inputs, request.input_responses.as_ref()) {
            return Ok(needed.into());
        }
        let mut text = prompt.result.to_string();
        for (name, value) in request.arguments.iter().flatten() {
            let value = value.as_str().unwrap_or_default();
            text = text.replace(&format!("${{{name}}}"), value);
        }
        let result: rmcp::model::GetPromptResult =
            read(&serde_json::from_str(&text).map_err(|_| {
                ErrorData::invalid_params("an argument that does not fit into JSON", None)
            })?);
        Ok(result.into())
    }

    async fn complete(
        &self,
        _: CompleteRequestParams,
        _: Context,
    ) -> Result<CompleteResult, ErrorData> {
        let values = ["paris", "park", "party"];
        Ok(read(
            &json!({ "resultType": "complete", "completion": { "values": values, "total": 3, "hasMore": false } }),
        ))
    }

    async fn set_level(&self, _: SetLevelRequestParams, _: Context) -> Result<(), ErrorData> {
        Ok(())
    }
}
