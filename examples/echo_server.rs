//! A minimal, fast MCP server over stdio or HTTP: what the benches put behind
//! lockgate, and a start for experiments.
//!
//! ```text
//! cargo run --example echo_server -- --tools 50 [--http]
//! ```
//!
//! Over HTTP it listens on 127.0.0.1 and a port that is free, and prints the
//! port on stderr. Its sessions are names only.
//!
//! The first tool, `echo`, returns its `text`, or a text of `size` bytes that
//! reads like a build log. The other tools are only there to be listed.

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request as HttpRequest, Response};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

/// Runs the server on stdin and stdout, or over HTTP.
pub(crate) fn main() -> ExitCode {
    let mut arguments = std::env::args().skip_while(|a| a != "--tools").skip(1);
    let tools = arguments.next().and_then(|n| n.parse().ok()).unwrap_or(1);
    let echo = Echo::new(tools);
    let outcome = if std::env::args().any(|a| a == "--http") {
        listen(echo)
    } else {
        serve(echo)
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Answers line by line; flushes only when no further request waits in the
/// buffer, so that pipelined calls share a write.
fn serve(mut echo: Echo) -> io::Result<()> {
    let mut input = BufReader::with_capacity(1 << 16, io::stdin().lock());
    let mut output = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let mut line = Vec::new();
    loop {
        line.clear();
        if input.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        echo.answer(&line, &mut output)?;
        if !input.buffer().contains(&b'\n') {
            output.flush()?;
        }
    }
}

/// One thread: it has less to do than anything in front of it.
fn listen(echo: Echo) -> io::Result<()> {
    let echo = Arc::new(Mutex::new(echo));
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build()?.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        writeln!(io::stderr(), "listening on {port}")?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let echo = Arc::clone(&echo);
            let service = hyper::service::service_fn(move |r| respond(Arc::clone(&echo), r));
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service);
            tokio::spawn(connection);
        }
    })
}

async fn respond(
    echo: Arc<Mutex<Echo>>,
    request: HttpRequest<Incoming>,
) -> hyper::Result<Response<Full<Bytes>>> {
    let mut response = Response::new(Full::default());
    if request.method() != Method::POST {
        // No stream for what the server says on its own: it says nothing.
        *response.status_mut() = match *request.method() {
            Method::DELETE => hyper::StatusCode::OK,
            _ => hyper::StatusCode::METHOD_NOT_ALLOWED,
        };
        return Ok(response);
    }
    let opens = !request.headers().contains_key("mcp-session-id");
    let body = request.into_body().collect().await?.to_bytes();
    let mut answer = Vec::new();
    let written = echo
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .answer(&body, &mut answer);
    if written.is_err() || answer.is_empty() {
        *response.status_mut() = hyper::StatusCode::ACCEPTED;
        return Ok(response);
    }
    let headers = response.headers_mut();
    let json = hyper::header::HeaderValue::from_static("application/json");
    headers.insert(hyper::header::CONTENT_TYPE, json);
    if opens {
        let name = hyper::header::HeaderValue::from_static("echo");
        headers.insert("mcp-session-id", name);
    }
    *response.body_mut() = Full::new(answer.into());
    Ok(response)
}

#[derive(Deserialize)]
struct Request<'a> {
    id: Option<Value>,
    #[serde(borrow)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow)]
    params: Option<Params<'a>>,
}

#[derive(Deserialize)]
struct Params<'a> {
    #[serde(borrow, rename = "protocolVersion")]
    version: Option<Cow<'a, str>>,
    #[serde(borrow)]
    arguments: Option<Arguments<'a>>,
}

#[derive(Deserialize)]
struct Arguments<'a> {
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
    size: Option<usize>,
}

struct Echo {
    list: String,
    payloads: BTreeMap<usize, String>,
}

impl Echo {
    fn new(tools: usize) -> Self {
        Self {
            list: tool_list(tools),
            payloads: BTreeMap::new(),
        }
    }

    fn answer(&mut self, line: &[u8], output: &mut impl Write) -> io::Result<()> {
        let Ok(request) = serde_json::from_slice::<Request<'_>>(line) else {
            return writeln!(
                output,
                r#"{{"jsonrpc":"2.0","id":null,"error":{{"code":-32700,"message":"parse error"}}}}"#
            );
        };
        let Some(id) = request.id else {
            return Ok(());
        };
        match request.method.as_deref() {
            Some("initialize") => {
                let version = request.params.and_then(|p| p.version);
                let version = version.as_deref().unwrap_or("2025-11-25");
                writeln!(
                    output,
                    r#"{{"jsonrpc":"2.0","id":{id},"result":{{"protocolVersion":{},"capabilities":{{"tools":{{}}}},"serverInfo":{{"name":"echo","version":"1.0.0"}}}}}}"#,
                    Value::from(version)
                )
            }
            Some("tools/list") => writeln!(
                output,
                r#"{{"jsonrpc":"2.0","id":{id},"result":{{"tools":{}}}}}"#,
                self.list
            ),
            Some("tools/call") => {
                let arguments = request.params.and_then(|p| p.arguments);
                write!(
                    output,
                    r#"{{"jsonrpc":"2.0","id":{id},"result":{{"content":[{{"type":"text","text":"#
                )?;
                match arguments.map(|a| (a.size, a.text)) {
                    Some((Some(size), _)) => output.write_all(self.payload(size).as_bytes())?,
                    Some((None, Some(text))) => serde_json::to_writer(&mut *output, &text)?,
                    Some((None, None)) | None => output.write_all(b"\"\"")?,
                }
                output.write_all(b"}],\"isError\":false}}\n")
            }
            Some("ping") => writeln!(output, r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#),
            Some(_) | None => writeln!(
                output,
                r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-32601,"message":"no such method"}}}}"#
            ),
        }
    }

    /// A JSON string of about `size` bytes: prose with two escapes in a
    /// hundred bytes, as tool output tends to have. Made once.
    fn payload(&mut self, size: usize) -> &str {
        self.payloads.entry(size).or_insert_with(|| {
            let mut text = String::with_capacity(size.saturating_add(128));
            text.push('"');
            let mut line = 0_usize;
            while text.len() < size {
                let _infallible = write!(
                    text,
                    "{line:07} compiled module \\\"alpha-{}\\\" in {} ms, {} files written\\n",
                    line % 97,
                    line.wrapping_mul(2_654_435_761) % 10_000,
                    line % 31,
                );
                line = line.wrapping_add(1);
            }
            text.push('"');
            text
        })
    }
}

/// `echo`, then fillers of about 600 bytes each: what a tool of a public
/// server weighs.
fn tool_list(count: usize) -> String {
    let mut list = String::from(
        r#"[{"name":"echo","description":"Returns text, or a text of size bytes.","inputSchema":{"type":"object","properties":{"text":{"type":"string"},"size":{"type":"integer"}}}}"#,
    );
    for n in 1..count {
        let _infallible = write!(
            list,
            r#",{{"name":"lookup_{n:04}","description":"Looks up records of kind {n} in the store of this project and returns those that match the filter, newest first. It reads only. Records come back as plain text, one a line, at most as many as the limit says.","inputSchema":{{"type":"object","properties":{{"filter":{{"type":"string","description":"Words to look for"}},"limit":{{"type":"integer","minimum":1,"maximum":500,"description":"Most records to return"}},"order":{{"type":"string","enum":["newest","oldest"]}},"owner":{{"type":"string"}}}},"required":["filter"],"additionalProperties":false}}}}"#,
        );
    }
    list.push(']');
    list
}
