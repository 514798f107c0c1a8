//! A remote server for one session of a listener: no pipes, no thread.
//!
//! Messages are taken as they come and sent in their order. Nothing runs while
//! there is nothing to send.

use super::dial::Dialer;
use super::link::{Link, Sink, lock};
use super::oauth::Subject;
use super::router::{Prepared, Router};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

/// A connection to a remote server.
#[derive(Debug)]
pub struct Remote {
    router: Arc<Router>,
    line: Arc<Mutex<Line>>,
}

/// Messages whose predecessor must be on its way first.
#[derive(Debug, Default)]
struct Line {
    waiting: VecDeque<(Vec<u8>, Subject)>,
    bytes: usize,
    /// Somebody sends one after the other.
    moves: bool,
}

impl Line {
    /// So much may wait before the agent has to.
    const MESSAGES: usize = 256;
    const BYTES: usize = 1024 * 1024;

    fn is_full(&self) -> bool {
        self.waiting.len() >= Self::MESSAGES || self.bytes >= Self::BYTES
    }
}

impl Remote {
    /// Whether the agent should wait before it says more.
    pub fn is_full(&self) -> bool {
        lock(&self.line).is_full()
    }

    /// A connection, of which nothing is dialled before there is something to
    /// be sent. What the server says goes into `sink`.
    pub fn new(dialer: Arc<Dialer>, sink: Arc<dyn Sink>) -> Self {
        let link = Arc::new(Link::new(dialer, sink));
        Self {
            router: Arc::new(Router::new(link)),
            line: Arc::default(),
        }
    }

    /// Sends a message that was cleared. `subject`: the token with which it came.
    pub fn send(&self, message: Vec<u8>, subject: Subject) {
        let mut line = lock(&self.line);
        if line.moves {
            line.bytes = line.bytes.saturating_add(message.len());
            line.waiting.push_back((message, subject));
            return;
        }
        match self.router.prepare(message, subject) {
            Ok(prepared) if prepared.runs_beside() => self.router.start(prepared),
            Ok(prepared) => {
                line.moves = true;
                drop(line);
                let (router, line) = (Arc::clone(&self.router), Arc::clone(&self.line));
                tokio::spawn(move_on(router, line, prepared));
            }
            Err((id, answer)) => {
                drop(line);
                let router = Arc::clone(&self.router);
                tokio::spawn(async move { router.link.tell(&id, answer).await });
            }
        }
    }

    /// Ends what is under way, and closes the session if there is one.
    pub fn close(&self) {
        let mut line = lock(&self.line);
        line.waiting.clear();
        line.bytes = 0;
        drop(line);
        let router = Arc::clone(&self.router);
        tokio::spawn(async move { super::goodbye(&router).await });
    }
}

/// Sends a message and all that have come since, one after the other.
async fn move_on(router: Arc<Router>, line: Arc<Mutex<Line>>, first: Prepared) {
    router.send_prepared(first).await;
    loop {
        let (next, drained) = {
            let mut line = lock(&line);
            let was_full = line.is_full();
            let next = line.waiting.pop_front();
            line.bytes = line
                .bytes
                .saturating_sub(next.as_ref().map_or(0, |(message, _)| message.len()));
            line.moves = next.is_some();
            (next, was_full && !line.is_full())
        };
        if drained {
            router.link.sink.drained();
        }
        match next {
            Some((message, subject)) => router.send(message, subject).await,
            None => return,
        }
    }
}
