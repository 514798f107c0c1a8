//! An HTTP server that does what a test says, byte by byte, and a session with
//! it through `lockgate run --url`.

use crate::support::home::Home;
use crate::support::lockgate::{Run, permit_all};
use crate::support::process::Process;
use crate::wire::message;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A request as the server received it.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    /// By name in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// Reads one; `None` where there is none.
    pub(crate) fn read(stream: &TcpStream) -> Option<Self> {
        let mut reader = BufReader::new(stream);
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok().filter(|n| *n > 0)?;
            if line == "\r\n" {
                break;
            }
            lines.push(line.trim_end().to_owned());
        }
        let mut words = lines.first()?.split(' ').map(str::to_owned);
        let (method, target) = (words.next()?, words.next()?);
        let header = |line: &String| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_ascii_lowercase(), value.trim().to_owned()))
        };
        let headers: BTreeMap<_, _> = lines.iter().skip(1).filter_map(header).collect();
        let length = headers.get("content-length").and_then(|l| l.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        reader.read_exact(&mut body).ok()?;
        Some(Self {
            method,
            target,
            headers,
            body,
        })
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    pub(crate) fn rpc(&self) -> String {
        self.json()["method"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}

/// The server. Each connection takes one request.
pub(crate) struct Scripted {
    port: u16,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Scripted {
    /// `script` writes the response to each request; then the connection ends.
    pub(crate) fn start(script: impl Fn(&Request, &mut TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
        let port = listener.local_addr().expect("bound").port();
        let seen: Arc<Mutex<Vec<Request>>> = Arc::default();
        let (all, script) = (Arc::clone(&seen), Arc::new(script));
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let (all, script) = (Arc::clone(&all), Arc::clone(&script));
                std::thread::spawn(move || {
                    if let Some(request) = Request::read(&stream) {
                        all.lock().expect("no panic").push(request.clone());
                        script(&request, &mut stream);
                    }
                });
            }
        });
        Self { port, seen }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/mcp", self.port)
    }

    /// What it has received so far.
    pub(crate) fn seen(&self) -> Vec<Request> {
        self.seen.lock().expect("no panic").clone()
    }

    /// The same, once there is a request of which `wanted` is true.
    pub(crate) fn seen_until(&self, wanted: impl Fn(&Request) -> bool) -> Vec<Request> {
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            let seen = self.seen();
            if seen.iter().any(&wanted) {
                return seen;
            }
            assert!(Instant::now() < end, "it never came; received {seen:#?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// How often a method was called.
    pub(crate) fn count(&self, method: &str) -> usize {
        self.seen().iter().filter(|r| r.rpc() == method).count()
    }
}

/// Writes a whole response.
pub(crate) fn respond(
    stream: &mut TcpStream,
    status: &str,
    headers: &[&str],
    body: impl AsRef<[u8]>,
) {
    let body = body.as_ref();
    let mut head = format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n",
        body.len()
    );
    for header in headers {
        head.push_str(header);
        head.push_str("\r\n");
    }
    // Whoever asked may be gone; what it saw is what is tested.
    let _ = stream.write_all(format!("{head}\r\n").as_bytes());
    let _ = stream.write_all(body);
}

pub(crate) const JSON: &str = "Content-Type: application/json";
pub(crate) const EVENTS: &str = "Content-Type: text/event-stream";

/// Answers a request with a result.
pub(crate) fn result(request: &Request, stream: &mut TcpStream, result: &Value) {
    let answer = json!({ "jsonrpc": "2.0", "id": request.json()["id"], "result": result });
    respond(stream, "200 OK", &[JSON], answer.to_string());
}

/// Begins a stream of events, which lasts until the connection ends.
pub(crate) fn begin_events(stream: &mut TcpStream) {
    let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\n{EVENTS}\r\n\r\n");
    let _ = stream.write_all(head.as_bytes());
}

/// An agent in front of lockgate in front of that server.
pub(crate) struct Session {
    pub(crate) home: Home,
    pub(crate) process: Process,
    asked: u64,
}

impl Session {
    pub(crate) fn open(url: &str) -> Self {
        let home = Home::new();
        let run = Run::policy(&home, &permit_all("remote"));
        let argv = run.remote(url);
        Self::of(home, &argv)
    }

    /// By a command line of its own.
    pub(crate) fn of(home: Home, argv: &[String]) -> Self {
        let process = Process::start(&home, argv);
        Self {
            home,
            process,
            asked: 0,
        }
    }

    /// Sends a request; gives its id.
    pub(crate) fn send(&mut self, method: &str, params: &Value) -> u64 {
        self.asked += 1;
        let id = self.asked;
        let request = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        self.process.say(&request.to_string());
        id
    }

    /// The next message.
    pub(crate) fn next(&self) -> Value {
        let line = self.process.line();
        message(&line.unwrap_or_else(|| self.process.fail("ended")))
    }

    /// Sends a request; gives the next message, which must answer it.
    pub(crate) fn ask(&mut self, method: &str, params: &Value) -> Value {
        let id = self.send(method, params);
        let answer = self.next();
        assert_eq!(answer["id"], json!(id), "{answer}");
        answer
    }

    /// The legacy handshake.
    pub(crate) fn initialize(&mut self) -> Value {
        let hello = json!({
            "protocolVersion": "2025-11-25",
            "clientInfo": { "name": "raw", "version": "1" },
            "capabilities": { "roots": {} },
        });
        let answer = self.ask("initialize", &hello);
        self.process
            .say(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
        answer
    }
}

/// What a server says to `initialize`.
pub(crate) fn hello() -> Value {
    json!({
        "protocolVersion": "2025-06-18",
        "capabilities": { "tools": {} },
        "serverInfo": { "name": "scripted", "version": "1" },
    })
}

/// Params of the modern era.
pub(crate) fn modern(mut params: Value) -> Value {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { "name": "raw", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    params
}
