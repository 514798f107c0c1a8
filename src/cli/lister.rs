//! Lists a server's tools as a client of its own, for `pin` and its kin.
//!
//! Nothing of a peer is forwarded here: lockgate asks, reads strictly, and
//! shows. The server runs as it would behind `run`.

use super::Fault;
use crate::engine::message::{Document, Id, Json, Kind, Limits, Message};
use crate::engine::pin::Identity;
use crate::engine::types::ServerName;
use crate::transport::lines::{Line, Lines};
use crate::transport::upstream::{Exit, Upstream};
use crate::transport::words::Words;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// What a server has to show.
#[derive(Debug)]
pub(super) struct Listing {
    /// Each page's message.
    pages: Vec<Document>,
    /// Who it says it is.
    pub(super) identity: Identity,
}

impl Listing {
    /// The definitions of all pages.
    pub(super) fn tools(&self) -> Vec<Json<'_>> {
        let results = self.pages.iter().filter_map(|p| p.root().get("result"));
        let lists = results.filter_map(|r| r.get("tools"));
        lists.flat_map(Json::items).collect()
    }
}

/// A server may first have to be downloaded (npx, uvx).
const PATIENCE: Duration = Duration::from_mins(2);
/// After this long a person wants to know why nothing happens.
const SILENCE: Duration = Duration::from_secs(3);
/// How long a server may take to end once nobody needs it.
const CLOSING: Duration = Duration::from_secs(2);
const PAGES: usize = 1000;
const LEGACY: &str = "2025-11-25";
const MODERN: &str = "2026-07-28";

/// Lists all pages of the server's tools, and ends it, or the connection to it.
pub(super) fn list(upstream: Box<dyn Upstream>, server: &ServerName) -> Result<Listing, Fault> {
    let mut client = Client {
        words: Words::new(server),
        upstream,
        lines: Lines::new(Limits::DEFAULT.bytes),
        began: Instant::now(),
        told: false,
        serial: 0,
    };
    let listing = client.list();
    client.upstream.close_stdin();
    client.wait(CLOSING);
    listing
}

struct Client {
    words: Words,
    upstream: Box<dyn Upstream>,
    lines: Lines,
    began: Instant,
    told: bool,
    serial: i64,
}

impl Client {
    fn list(&mut self) -> Result<Listing, Fault> {
        let info = format!(
            r#""clientInfo":{{"name":"lockgate","version":"{}"}}"#,
            env!("CARGO_PKG_VERSION")
        );
        let hello = self.ask(
            "initialize",
            &format!(r#""protocolVersion":"{LEGACY}","capabilities":{{}},{info}"#),
        )?;
        let legacy = hello.root().get("result").is_some();
        let identity = if legacy {
            self.send(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#)?;
            identity(&hello)
        } else {
            identity(&self.ask("server/discover", &modern_meta())?)
        };
        let mut pages = Vec::new();
        let mut cursor = None;
        loop {
            let mut params = Vec::new();
            params.extend(cursor.map(|c: String| format!(r#""cursor":{}"#, quoted(&c))));
            if !legacy {
                params.push(modern_meta());
            }
            let page = self.ask("tools/list", &params.join(","))?;
            let result = page.root().get("result");
            let tools = result.and_then(|r| r.get("tools"));
            if tools.is_none_or(|t| t.kind() != Kind::Array) {
                return Err(Fault::Failed(
                    "the server does not list any tools".to_owned(),
                ));
            }
            let next = result.and_then(|r| r.get("nextCursor"));
            cursor = next.and_then(Json::as_str).map(String::from);
            pages.push(page);
            if cursor.is_none() {
                return Ok(Listing { pages, identity });
            }
            if pages.len() >= PAGES {
                return Err(Fault::Failed("the list of tools has no end".to_owned()));
            }
        }
    }

    /// Sends a request and waits for its answer; what else comes is refused.
    fn ask(&mut self, method: &str, params: &str) -> Result<Document, Fault> {
        self.serial = self.serial.saturating_add(1);
        let id = Id::Number(self.serial);
        self.send(&format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{{{params}}}}}"#
        ))?;
        loop {
            let line = self.line()?;
            let Ok(document) = Document::read(line, &Limits::DEFAULT) else {
                tracing::warn!("the server wrote a line that is no message");
                continue;
            };
            let answer = match Message::read(document.root()) {
                Ok(Message::Response { id: of, .. } | Message::Failure { id: Some(of), .. }) => {
                    of == id
                }
                Ok(Message::Request { id: of, .. }) => {
                    self.send(&format!(
                        r#"{{"jsonrpc":"2.0","id":{of},"error":{{"code":-32601,"message":"lockgate only lists tools"}}}}"#
                    ))?;
                    false
                }
                _ => false,
            };
            if answer {
                return Ok(document);
            }
        }
    }

    fn send(&mut self, line: &str) -> Result<(), Fault> {
        let gone = || Fault::Failed("the server has closed its input".to_owned());
        let bytes = format!("{line}\n").into_bytes();
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let stdin = self.upstream.stdin().ok_or_else(gone)?;
            match rustix::io::write(stdin, rest) {
                Ok(count) => rest = rest.get(count..).unwrap_or_default(),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    let mut fds = [PollFd::new(stdin, PollFlags::OUT)];
                    let _ = poll(&mut fds, Some(&second()));
                    self.patience()?;
                }
                Err(_) => return Err(gone()),
            }
        }
        Ok(())
    }

    fn line(&mut self) -> Result<Vec<u8>, Fault> {
        loop {
            match self.lines.next_line() {
                Some(Line::Whole(line)) => return Ok(line),
                Some(Line::TooLarge(_)) => {
                    return Err(Fault::Failed("the server's answer is too large".to_owned()));
                }
                None => {}
            }
            self.pass_words();
            let gone = || Fault::Failed("the server has closed its output".to_owned());
            let stdout = self.upstream.stdout().ok_or_else(gone)?;
            let mut fds = [PollFd::new(stdout, PollFlags::IN)];
            if !matches!(poll(&mut fds, Some(&second())), Ok(1..)) {
                self.patience()?;
                continue;
            }
            let room = self.lines.room();
            let read = rustix::io::read(stdout, rustix::buffer::spare_capacity(room));
            if read == Ok(0) {
                let status = self.wait(CLOSING);
                let status = status.map_or_else(String::new, |exit| format!(" ({})", exit.why));
                return Err(Fault::Failed(format!(
                    "the server ended before it listed its tools{status}"
                )));
            }
        }
    }

    /// Waits a while for the server to end; dropping it ends it otherwise.
    fn wait(&mut self, patience: Duration) -> Option<Exit> {
        let began = Instant::now();
        while began.elapsed() < patience {
            self.pass_words();
            if let Some(exit) = self.upstream.poll_exit() {
                self.pass_words();
                return Some(exit);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        None
    }

    /// Shows what the server says on its standard error.
    fn pass_words(&mut self) {
        while let Some(stderr) = self.upstream.stderr() {
            let mut fds = [PollFd::new(stderr, PollFlags::IN)];
            if !matches!(poll(&mut fds, Some(&Timespec::default())), Ok(1..)) {
                break;
            }
            if !self.words.read(stderr.as_fd()) {
                self.upstream.close_stderr();
            }
        }
        let text = String::from_utf8_lossy(self.words.waiting()).into_owned();
        self.words.clear();
        if !text.is_empty() {
            super::say(text.trim_end());
        }
    }

    fn patience(&mut self) -> Result<(), Fault> {
        let waited = self.began.elapsed();
        if waited > PATIENCE {
            return Err(Fault::Failed(format!(
                "the server did not answer in {} s",
                PATIENCE.as_secs()
            )));
        }
        if waited > SILENCE && !self.told {
            self.told = true;
            super::say("waiting for the server to start (a first download can take a minute) ...");
        }
        Ok(())
    }
}

fn second() -> Timespec {
    Timespec {
        tv_sec: 1,
        tv_nsec: 0,
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string()
}

fn modern_meta() -> String {
    format!(
        r#""_meta":{{"io.modelcontextprotocol/protocolVersion":"{MODERN}","io.modelcontextprotocol/clientInfo":{{"name":"lockgate","version":"{}"}},"io.modelcontextprotocol/clientCapabilities":{{}}}}"#,
        env!("CARGO_PKG_VERSION")
    )
}

fn identity(hello: &Document) -> Identity {
    let result = hello.root().get("result");
    let text = |value: Option<Json<'_>>| value.and_then(Json::as_str).map(String::from);
    let info = result.and_then(|r| {
        let modern = r.get("_meta");
        let modern = modern.and_then(|m| m.get("io.modelcontextprotocol/serverInfo"));
        r.get("serverInfo").or(modern)
    });
    Identity {
        name: text(info.and_then(|i| i.get("name"))),
        title: text(info.and_then(|i| i.get("title"))),
        version: text(info.and_then(|i| i.get("version"))),
        protocol: text(result.and_then(|r| r.get("protocolVersion"))),
        instructions: text(result.and_then(|r| r.get("instructions"))),
    }
}
