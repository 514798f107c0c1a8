//! A connection of the client: HTTP/1.1 by hand, which costs next to nothing.

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

type Failure = Box<dyn Error>;

/// One keep-alive connection.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    port: u16,
    request: Vec<u8>,
    line: String,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) status: u16,
    pub(crate) session: Option<String>,
    length: Option<usize>,
    chunked: bool,
    events: bool,
}

impl Connection {
    pub(crate) fn open(port: u16) -> Result<Self, Failure> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream: BufReader::with_capacity(1 << 16, stream),
            port,
            request: Vec::new(),
            line: String::new(),
        })
    }

    /// Sends a request in one write; `headers` are whole lines.
    pub(crate) fn send(&mut self, method: &str, headers: &str, body: &str) -> Result<(), Failure> {
        self.request.clear();
        write!(
            self.request,
            "{method} /mcp HTTP/1.1\r\nhost: 127.0.0.1:{}\r\ncontent-type: application/json\r\n\
             accept: application/json, text/event-stream\r\ncontent-length: {}\r\n{headers}\r\n{body}",
            self.port,
            body.len()
        )?;
        self.stream.get_mut().write_all(&self.request)?;
        Ok(())
    }

    /// Reads a response; the message in it is in `body` then.
    pub(crate) fn response(&mut self, body: &mut Vec<u8>) -> Result<Head, Failure> {
        let head = self.head()?;
        body.clear();
        if head.chunked {
            while self.chunk(body)? > 0 {}
        } else {
            let length = head.length.unwrap_or(0);
            body.resize(length, 0);
            self.stream.read_exact(body)?;
        }
        if head.events {
            last_event(body);
        }
        Ok(head)
    }

    fn head(&mut self) -> Result<Head, Failure> {
        let mut head = Head {
            status: 0,
            session: None,
            length: None,
            chunked: false,
            events: false,
        };
        loop {
            self.line.clear();
            if self.stream.read_line(&mut self.line)? == 0 {
                return Err("the connection was closed".into());
            }
            let line = self.line.trim_end();
            if line.is_empty() {
                return Ok(head);
            }
            if let Some(status) = line.strip_prefix("HTTP/1.1 ") {
                head.status = status.split(' ').next().unwrap_or_default().parse()?;
            }
            let Some((name, value)) = line.split_once(':') else {
                continue;
            };
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "content-length" => head.length = Some(value.parse()?),
                "transfer-encoding" => head.chunked = value == "chunked",
                "content-type" => head.events = value.starts_with("text/event-stream"),
                "mcp-session-id" => head.session = Some(value.to_owned()),
                _ => {}
            }
        }
    }

    /// Appends one chunk; gives its length.
    fn chunk(&mut self, body: &mut Vec<u8>) -> Result<usize, Failure> {
        self.line.clear();
        self.stream.read_line(&mut self.line)?;
        let length = usize::from_str_radix(self.line.trim_end(), 16)?;
        let from = body.len();
        body.resize(from + length, 0);
        self.stream
            .read_exact(body.get_mut(from..).unwrap_or_default())?;
        self.line.clear();
        self.stream.read_line(&mut self.line)?;
        Ok(length)
    }
}

/// Leaves the data of the last event that has any.
fn last_event(body: &mut Vec<u8>) {
    let mut lines = body.split(|b| *b == b'\n').rev();
    let data = lines.find_map(|line| line.strip_prefix(b"data: "));
    let data = data.filter(|data| !data.is_empty()).unwrap_or_default();
    *body = data.to_vec();
}
