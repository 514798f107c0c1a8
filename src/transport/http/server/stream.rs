//! What goes to the agent on one response: a queue, and the events made of it.

use super::session::Session;
use crate::engine::message::Id;
use hyper::body::{Body, Bytes, Frame};
use std::collections::VecDeque;
use std::future::Future as _;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, Sleep, sleep_until, timeout};

/// A quiet stream says so often that it lives; less than what the usual
/// intermediaries allow (60 s).
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Bytes for the agent that nobody has read yet, over all streams of a session.
#[derive(Debug, Default)]
pub(super) struct Room {
    queued: AtomicUsize,
    pub(super) changed: Notify,
}

impl Room {
    /// Past so many bytes no more is read from the server.
    const HIGH: usize = 1024 * 1024;

    pub(super) fn is_full(&self) -> bool {
        self.queued.load(Ordering::Relaxed) >= Self::HIGH
    }

    /// Waits until there is room.
    pub(super) async fn wait(&self) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Registered before the look, so that no change is missed.
            changed.as_mut().enable();
            if !self.is_full() {
                return;
            }
            changed.await;
        }
    }
}

/// A share of the room; given back when dropped.
#[derive(Debug)]
struct Share {
    room: Arc<Room>,
    bytes: usize,
}

impl Drop for Share {
    fn drop(&mut self) {
        let before = self.room.queued.fetch_sub(self.bytes, Ordering::Relaxed);
        if before >= Room::HIGH && before.saturating_sub(self.bytes) < Room::HIGH {
            self.room.changed.notify_waiters();
        }
    }
}

/// A message on its way to the agent.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) bytes: Bytes,
    /// Nothing comes after it.
    pub(super) last: bool,
    /// Which stream, and which event of it; where events can be asked for again.
    pub(super) at: Option<(u64, u64)>,
    /// It is an answer of lockgate's own, whatever a server writes into its
    /// answers.
    pub(super) by_us: bool,
    _share: Share,
}

impl Sent {
    pub(super) fn new(bytes: Bytes, last: bool, at: Option<(u64, u64)>, room: &Arc<Room>) -> Self {
        let share = Share {
            room: Arc::clone(room),
            bytes: bytes.len(),
        };
        room.queued.fetch_add(share.bytes, Ordering::Relaxed);
        Self {
            bytes,
            last,
            at,
            by_us: false,
            _share: share,
        }
    }

    /// The same, and whose answer it is.
    pub(super) fn by_us(self, by_us: bool) -> Self {
        Self { by_us, ..self }
    }
}

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

/// The writing end of a queue.
pub(super) type Outlet = mpsc::UnboundedSender<Sent>;

/// The reading end of a queue. When it is dropped the session knows that the
/// agent has left.
#[derive(Debug)]
pub(super) struct Inlet {
    queue: mpsc::UnboundedReceiver<Sent>,
    session: Arc<Session>,
    /// Which stream of the session.
    number: u64,
    /// The request that is answered here; `None` for a stream without one.
    request: Option<Id>,
}

impl Inlet {
    pub(super) fn new(session: Arc<Session>, number: u64, request: Option<Id>) -> (Outlet, Self) {
        let (outlet, queue) = mpsc::unbounded_channel();
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
        self.queue.recv().await
    }

    /// A message that is there already.
    pub(super) fn ready(&mut self) -> Option<Sent> {
        self.queue.try_recv().ok()
    }
}

impl Drop for Inlet {
    fn drop(&mut self) {
        self.queue.close();
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
            match self.inlet.queue.poll_recv(context) {
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
