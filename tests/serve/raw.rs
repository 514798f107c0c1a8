//! A client on a bare socket, which says what it likes.

use serde_json::Value;
use std::fmt::{self, Debug};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Longest wait for a byte.
const PATIENCE: Duration = Duration::from_secs(90);

pub(crate) trait Stream: Read + Write + Send {
    /// Whether reading would not wait.
    fn is_readable(&mut self) -> bool {
        false
    }
}

impl Stream for TcpStream {
    fn is_readable(&mut self) -> bool {
        self.set_nonblocking(true).unwrap();
        let found = self.peek(&mut [0]);
        self.set_nonblocking(false).unwrap();
        found.is_ok()
    }
}

/// One connection.
pub(crate) struct Wire(BufReader<Box<dyn Stream>>);

/// A response: its head, and its body as far as it was read.
#[derive(Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} {}", self.status, self.headers, self.text())
    }
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(n, _)| n == name);
        found.next().map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The message that is the body, or the last one of a stream.
    pub(crate) fn json(&self) -> Value {
        if self.header("content-type") == Some("text/event-stream") {
            let text = self.text();
            let last = text.lines().rfind(|l| l.starts_with("data: {"));
            return serde_json::from_str(last.unwrap_or_default().trim_start_matches("data: "))
                .unwrap_or_default();
        }
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The reason of lockgate's own error.
    pub(crate) fn reason(&self) -> String {
        let json = self.json();
        assert_eq!(json["error"]["data"]["by"], "lockgate", "{self:?}");
        json["error"]["data"]["reason"].as_str().unwrap().to_owned()
    }
}

impl Wire {
    pub(crate) fn to(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("somebody listens");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self::over(stream)
    }

    pub(crate) fn over(stream: impl Stream + 'static) -> Self {
        Self(BufReader::new(Box::new(stream)))
    }

    /// Sends bytes as they are; whether they could be sent.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        let to = self.0.get_mut();
        to.write_all(bytes.as_ref())
            .and_then(|()| to.flush())
            .is_ok()
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.0.read_line(&mut line).ok()?;
        (read > 0).then(|| line.trim_end().to_owned())
    }

    /// The head of a response; `None` if the connection has ended.
    pub(crate) fn head(&mut self) -> Option<Reply> {
        let status = self.line()?;
        let status = status.split(' ').nth(1)?.parse().ok()?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(": ").unwrap_or((&line, ""));
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        let body = Vec::new();
        Some(Reply {
            status,
            headers,
            body,
        })
    }

    /// A response with the whole of its body.
    pub(crate) fn reply(&mut self) -> Option<Reply> {
        let mut reply = self.head()?;
        if let Some(length) = reply.header("content-length") {
            reply.body = vec![0; length.parse().unwrap()];
            self.0.read_exact(&mut reply.body).ok()?;
        } else if reply.header("transfer-encoding") == Some("chunked") {
            while let Some(chunk) = self.chunk() {
                reply.body.extend(chunk);
            }
        }
        Some(reply)
    }

    fn chunk(&mut self) -> Option<Vec<u8>> {
        let size = self.line()?;
        let size = usize::from_str_radix(&size, 16).ok()?;
        let mut chunk = vec![0; size + 2];
        self.0.read_exact(&mut chunk).ok()?;
        chunk.truncate(size);
        (size > 0).then_some(chunk)
    }

    /// The next event of a stream, comments aside: its id, and its data.
    pub(crate) fn event(&mut self) -> Option<(String, String)> {
        let mut text = String::new();
        loop {
            text.push_str(&String::from_utf8(self.chunk()?).ok()?);
            if let Some(event) = text.strip_suffix("\n\n") {
                if event.starts_with(':') {
                    text.clear();
                    continue;
                }
                let field = |name: &str| {
                    let line = event.lines().find_map(|l| l.strip_prefix(name));
                    line.unwrap_or_default().trim_start().to_owned()
                };
                return Some((field("id:"), field("data:")));
            }
        }
    }

    /// Whether something has come that was not read.
    pub(crate) fn is_answered(&mut self) -> bool {
        self.0.get_mut().is_readable()
    }
}

/// A request.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    line: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Ask {
    pub(crate) fn new(method: &str, path: &str) -> Self {
        let ask = Self {
            line: format!("{method} {path} HTTP/1.1"),
            headers: Vec::new(),
            body: Vec::new(),
        };
        let both = "application/json, text/event-stream";
        ask.with("host", "127.0.0.1").with("accept", both)
    }

    /// A message as a POST.
    pub(crate) fn post(message: &Value) -> Self {
        Self::post_to("/mcp", message)
    }

    /// The same, to another place.
    pub(crate) fn post_to(path: &str, message: &Value) -> Self {
        let mut ask = Self::new("POST", path).with("content-type", "application/json");
        ask.body = message.to_string().into_bytes();
        ask
    }

    /// One more header.
    pub(crate) fn with(mut self, name: &str, value: impl AsRef<str>) -> Self {
        let value = value.as_ref().to_owned();
        self.headers.push((name.to_owned(), value));
        self
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(n, _)| n == name);
        found.next().map(|(_, value)| value.as_str())
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(n, _)| n != name);
        self
    }

    /// Another value for a header.
    pub(crate) fn set(self, name: &str, value: impl AsRef<str>) -> Self {
        self.without(name).with(name, value)
    }

    pub(crate) fn key(self, key: &str) -> Self {
        self.set("authorization", format!("Bearer {key}"))
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let headers = self.headers.iter();
        let headers: Vec<_> = headers.map(|(n, v)| format!("{n}: {v}\r\n")).collect();
        let length = self.line.starts_with("POST");
        let length = length.then(|| format!("content-length: {}\r\n", self.body.len()));
        let length = length.unwrap_or_default();
        let head = format!("{}\r\n{}{length}\r\n", self.line, headers.concat());
        [head.as_bytes(), &self.body].concat()
    }

    /// Asks on a connection of its own.
    pub(crate) fn at(&self, port: u16) -> Reply {
        let (_wire, reply) = self.open(port);
        reply
    }

    fn open(&self, port: u16) -> (Wire, Reply) {
        let mut wire = Wire::to(port);
        wire.send(self.bytes());
        let reply = wire.reply();
        let reply = reply.unwrap_or_else(|| panic!("no answer to {self:?}"));
        (wire, reply)
    }

    /// The same, whose answer is a stream that is still to be read.
    pub(crate) fn stream(&self, port: u16) -> (Wire, Reply) {
        let mut wire = Wire::to(port);
        wire.send(self.bytes());
        let head = wire.head();
        let head = head.unwrap_or_else(|| panic!("no answer to {self:?}"));
        assert_eq!(head.status, 200, "{head:?}");
        assert_eq!(head.header("content-type"), Some("text/event-stream"));
        (wire, head)
    }
}
