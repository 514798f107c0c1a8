//! What goes to the agent on one response: a queue, and the events made of it.

use super::queue::{Outlet, Reader, Sent, queue};
use super::session::Session;
use crate::engine::message::Id;
use hyper::body::{Body, Bytes, Frame};
use std::collections::VecDeque;
use std::future::{Future as _, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until, timeout};

/// A quiet stream says so often that it lives; less than what the usual
/// intermediaries allow (60 s).
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How an answer begins.
#[derive(Debug)]
pub(super) enum First {
    /// Nothing has come yet.
    Quiet,
    /// Nothing comes any more.
    Nothing,
    /// With this.
    Said(Sent),
}

/// What comes out on one response. When it is dropped the session knows that the
/// agent has left.
#[derive(Debug)]
pub(super) struct Inlet {
    queue: Reader,
    session: Arc<Session>,
    /// Which stream of the session.
    number: u64,
    /// The request that is answered here; `None` for a stream without one.
    request: Option<Id>,
}

impl Inlet {
    pub(super) fn new(session: Arc<Session>, number: u64, request: Option<Id>) -> (Outlet, Self) {
        let (outlet, queue) = queue(&session.room);
        let inlet = Self {
            queue,
            session,
            number,
            request,
        };
        (outlet, inlet)
    }

    /// Which stream of the session.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// What was resumed was the answer to that request.
    pub(super) fn belongs_to(&mut self, request: Option<Id>) {
        self.request = request;
    }

    /// What comes first, if anything comes in time.
    pub(super) async fn first(&mut self, patience: Duration) -> First {
        match timeout(patience, self.next()).await {
            Err(_) => First::Quiet,
            Ok(None) => First::Nothing,
            Ok(Some(sent)) => First::Said(sent),
        }
    }

    /// Whether the session has ended.
    pub(super) fn is_over(&self) -> bool {
        self.session.is_over()
    }

    /// The next message; `None` once nothing comes any more.
    pub(super) async fn next(&mut self) -> Option<Sent> {
        poll_fn(|context| self.queue.poll_next(context)).await
    }

    /// A message that is there already.
    pub(super) fn ready(&self) -> Option<Sent> {
        self.queue.ready()
    }
}

impl Drop for Inlet {
    fn drop(&mut self) {
        self.queue.leave();
        self.session.left(self.number, self.request.as_ref());
    }
}

/// A body of server-sent events.
#[derive(Debug)]
pub(super) struct Events {
    inlet: Inlet,
    /// Chunks of the event that is being sent.
    chunks: VecDeque<Bytes>,
    quiet: Pin<Box<Sleep>>,
    ended: bool,
}

impl Events {
    /// `first` goes out at once; `prime` is an event without content that tells
    /// the client where it stands.
    pub(super) fn new(inlet: Inlet, prime: Option<(u64, u64)>, first: Option<Sent>) -> Self {
        let mut events = Self {
            inlet,
            chunks: VecDeque::new(),
            quiet: Box::pin(sleep_until(Instant::now() + KEEP_ALIVE)),
            ended: false,
        };
        if let Some(at) = prime {
            events
                .chunks
                .push_back(format!("{}data: \n\n", id(Some(at))).into());
        }
        if let Some(first) = first {
            events.push(&first);
        }
        events
    }

    /// A stream that begins with an event of its own.
    pub(super) fn starting(inlet: Inlet, event: Bytes) -> Self {
        let mut events = Self::new(inlet, None, None);
        events.chunks.push_back(event);
        events
    }

    fn push(&mut self, sent: &Sent) {
        let head = format!("event: message\n{}data: ", id(sent.at));
        self.chunks.push_back(head.into());
        self.chunks.push_back(sent.bytes.clone());
        self.chunks.push_back(Bytes::from_static(b"\n\n"));
        self.ended = sent.last;
    }

    fn stay_awake(&mut self) {
        self.quiet.as_mut().reset(Instant::now() + KEEP_ALIVE);
    }
}

fn id(at: Option<(u64, u64)>) -> String {
    at.map_or_else(String::new, |(stream, n)| format!("id: {stream}-{n}\n"))
}

/// Where a client says that it stands.
pub(super) fn position(last_event_id: &str) -> Option<(u64, u64)> {
    let (stream, n) = last_event_id.split_once('-')?;
    Some((stream.parse().ok()?, n.parse().ok()?))
}

impl Body for Events {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        loop {
            if let Some(chunk) = self.chunks.pop_front() {
                self.stay_awake();
                return Poll::Ready(Some(Ok(Frame::data(chunk))));
            }
            if self.ended {
                return Poll::Ready(None);
            }
            match self.inlet.queue.poll_next(context) {
                Poll::Ready(Some(sent)) => self.push(&sent),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => match self.quiet.as_mut().poll(context) {
                    Poll::Ready(()) => self.chunks.push_back(Bytes::from_static(b":\n\n")),
                    Poll::Pending => return Poll::Pending,
                },
            }
        }
    }
}

/// Events that a client may ask for again, up to a bound, oldest first.
#[derive(Debug, Default)]
pub(super) struct Replay {
    events: VecDeque<(u64, u64, Bytes, bool)>,
    bytes: usize,
}

impl Replay {
    /// Most events that are kept.
    const EVENTS: usize = 256;
    /// Most bytes that are kept.
    const BYTES: usize = 1024 * 1024;

    pub(super) fn keep(&mut self, (stream, n): (u64, u64), bytes: Bytes, last: bool) {
        if bytes.len() > Self::BYTES {
            return;
        }
        self.bytes = self.bytes.saturating_add(bytes.len());
        self.events.push_back((stream, n, bytes, last));
        while self.events.len() > Self::EVENTS || self.bytes > Self::BYTES {
            let Some((_, _, oldest, _)) = self.events.pop_front() else {
                break;
            };
            self.bytes = self.bytes.saturating_sub(oldest.len());
        }
    }

    /// What came on that stream after that event.
    pub(super) fn after(&self, (stream, n): (u64, u64)) -> Vec<(u64, Bytes, bool)> {
        let events = self.events.iter();
        let later = events.filter(|(s, m, ..)| *s == stream && *m > n);
        later
            .map(|(_, m, bytes, last)| (*m, bytes.clone(), *last))
            .collect()
    }
}
