//! What waits to be read on one response, and how much of it there is.
//!
//! A queue of our own, since whoever reads nothing has to lose what waits for
//! him when others wait for the room that it takes.

use hyper::body::Bytes;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// So much may wait on one stream before its server is read no more.
const HIGH: usize = 1024 * 1024;

/// Bytes for the agent that nobody has read yet, over all streams of a session.
#[derive(Debug)]
pub(super) struct Room {
    queued: AtomicUsize,
    most: usize,
    /// Something has been read, or was given up.
    pub(super) changed: Notify,
}

impl Room {
    /// For one agent.
    pub(super) fn for_one() -> Self {
        Self::of(HIGH)
    }

    /// For agents that share a session: several may read nothing before the
    /// others have to wait.
    pub(super) fn shared() -> Self {
        Self::of(8 * HIGH)
    }

    fn of(most: usize) -> Self {
        Self {
            queued: AtomicUsize::new(0),
            most,
            changed: Notify::new(),
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.queued.load(Ordering::Relaxed) >= self.most
    }

    fn give_back(&self, bytes: usize) {
        let before = self.queued.fetch_sub(bytes, Ordering::Relaxed);
        if before >= self.most && before.saturating_sub(bytes) < self.most {
            self.changed.notify_waiters();
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
        self.room.give_back(self.bytes);
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

#[derive(Debug)]
struct Waiting {
    sent: VecDeque<Sent>,
    bytes: usize,
    /// Whoever waits for more.
    reader: Option<Waker>,
    /// When something was read, or began to wait.
    read: Instant,
    /// Nothing more comes.
    ended: bool,
    /// Nobody reads any more.
    left: bool,
}

#[derive(Debug)]
struct Queue {
    waiting: Mutex<Waiting>,
    room: Arc<Room>,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // It is whole after every step.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pop(&self, waiting: &mut Waiting) -> Option<Sent> {
        let sent = waiting.sent.pop_front()?;
        let before = waiting.bytes;
        waiting.bytes = before.saturating_sub(sent.bytes.len());
        waiting.read = Instant::now();
        if before >= HIGH && waiting.bytes < HIGH {
            self.room.changed.notify_waiters();
        }
        Some(sent)
    }

    /// What waits is given up.
    fn clear(&self, mut waiting: MutexGuard<'_, Waiting>) {
        waiting.bytes = 0;
        let given_up = std::mem::take(&mut waiting.sent);
        let reader = waiting.reader.take();
        // Not under the lock: what is dropped and woken may want it.
        drop(waiting);
        drop(given_up);
        self.room.changed.notify_waiters();
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

/// What ends with the last of those who write.
#[derive(Debug)]
struct Open(Arc<Queue>);

impl Drop for Open {
    fn drop(&mut self) {
        let mut waiting = self.0.lock();
        waiting.ended = true;
        let reader = waiting.reader.take();
        drop(waiting);
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

/// The writing end.
#[derive(Debug, Clone)]
pub(super) struct Outlet(Arc<Open>);

/// The reading end.
#[derive(Debug)]
pub(super) struct Reader(Arc<Queue>);

/// The two ends of a queue, which takes of this room.
pub(super) fn queue(room: &Arc<Room>) -> (Outlet, Reader) {
    let queue = Arc::new(Queue {
        room: Arc::clone(room),
        waiting: Mutex::new(Waiting {
            sent: VecDeque::new(),
            bytes: 0,
            reader: None,
            read: Instant::now(),
            ended: false,
            left: false,
        }),
    });
    (Outlet(Arc::new(Open(Arc::clone(&queue)))), Reader(queue))
}

impl Outlet {
    /// Sends a message; to nobody, if the reader has left.
    pub(super) fn send(&self, bytes: Bytes, last: bool, at: Option<(u64, u64)>, by_us: bool) {
        let Open(queue) = &*self.0;
        let mut waiting = queue.lock();
        if waiting.left {
            return;
        }
        let share = Share {
            room: Arc::clone(&queue.room),
            bytes: bytes.len(),
        };
        queue.room.queued.fetch_add(share.bytes, Ordering::Relaxed);
        if waiting.sent.is_empty() {
            waiting.read = Instant::now();
        }
        waiting.bytes = waiting.bytes.saturating_add(share.bytes);
        waiting.sent.push_back(Sent {
            bytes,
            last,
            at,
            by_us,
            _share: share,
        });
        let reader = waiting.reader.take();
        drop(waiting);
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    /// Whether the reader has left.
    pub(super) fn is_closed(&self) -> bool {
        self.0.0.lock().left
    }

    /// Whether so much waits that its server should wait as well.
    pub(super) fn is_full(&self) -> bool {
        self.0.0.lock().bytes >= HIGH
    }

    /// Whether much waits, and nothing of it has been read for so long.
    pub(super) fn is_stalled(&self, long: Duration) -> bool {
        let waiting = self.0.0.lock();
        waiting.bytes >= HIGH && waiting.read.elapsed() >= long
    }

    /// Gives up what waits; nothing more comes.
    pub(super) fn cut_off(&self) {
        let Open(queue) = &*self.0;
        let mut waiting = queue.lock();
        waiting.left = true;
        waiting.ended = true;
        queue.clear(waiting);
    }
}

impl Reader {
    /// The next message; `None` once nothing comes any more.
    pub(super) fn poll_next(&self, context: &mut Context<'_>) -> Poll<Option<Sent>> {
        let mut waiting = self.0.lock();
        if let Some(sent) = self.0.pop(&mut waiting) {
            return Poll::Ready(Some(sent));
        }
        if waiting.ended {
            return Poll::Ready(None);
        }
        waiting.reader = Some(context.waker().clone());
        Poll::Pending
    }

    /// A message that is there already.
    pub(super) fn ready(&self) -> Option<Sent> {
        let mut waiting = self.0.lock();
        self.0.pop(&mut waiting)
    }

    /// Nobody reads any more.
    pub(super) fn leave(&self) {
        let mut waiting = self.0.lock();
        waiting.left = true;
        self.0.clear(waiting);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Waker;

    const MEGABYTE: usize = HIGH;

    fn text(bytes: usize) -> Bytes {
        vec![b'x'; bytes].into()
    }

    fn next(reader: &Reader) -> Poll<Option<usize>> {
        let polled = reader.poll_next(&mut Context::from_waker(Waker::noop()));
        polled.map(|sent| sent.map(|sent| sent.bytes.len()))
    }

    #[test]
    fn messages_come_in_their_order_and_end_with_whoever_writes() {
        let (outlet, reader) = queue(&Arc::new(Room::for_one()));
        let other = outlet.clone();
        assert!(next(&reader).is_pending());
        outlet.send(text(1), false, None, false);
        other.send(text(2), true, None, false);
        drop(outlet);
        assert_eq!(next(&reader), Poll::Ready(Some(1)));
        assert_eq!(next(&reader), Poll::Ready(Some(2)));
        assert!(next(&reader).is_pending());
        drop(other);
        assert_eq!(next(&reader), Poll::Ready(None));
    }

    #[test]
    fn room_is_taken_and_given_back_however_it_ends() {
        let room = Arc::new(Room::shared());
        let (outlet, reader) = queue(&room);
        for _ in 0..8 {
            assert!(!room.is_full());
            outlet.send(text(MEGABYTE), false, None, false);
        }
        assert!(room.is_full() && outlet.is_full());
        drop(reader.ready());
        assert!(!room.is_full());
        assert!(outlet.is_stalled(Duration::ZERO));
        assert!(!outlet.is_stalled(Duration::from_hours(1)));
        outlet.cut_off();
        assert_eq!(room.queued.load(Ordering::Relaxed), 0);
        assert_eq!(next(&reader), Poll::Ready(None));
        outlet.send(text(1), true, None, false);
        assert_eq!(next(&reader), Poll::Ready(None));
        let (outlet, reader) = queue(&room);
        outlet.send(text(MEGABYTE), false, None, false);
        reader.leave();
        outlet.send(text(MEGABYTE), false, None, false);
        assert!(outlet.is_closed());
        assert_eq!(room.queued.load(Ordering::Relaxed), 0);
    }
}
