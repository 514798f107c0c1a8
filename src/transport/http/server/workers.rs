//! The threads that serve connections, each with a runtime of its own.
//!
//! A connection stays on its thread, and so does all that its requests cause,
//! the connections to the server included: nothing of a call is woken on another
//! processor, which is what most of the time of a small call went into. The price
//! is that whatever takes long stops the other connections of its thread; so what
//! is long to read is judged elsewhere, see [`is_long`].

use std::future::pending;
use std::io;
use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;

/// Most threads.
const THREADS: usize = 64;
/// A message of so many bytes takes as long as many small ones (a few hundred
/// microseconds), and a thread of its own costs little beside that.
const LONG: usize = 128 * 1024;

/// Threads that run until this is dropped.
#[derive(Debug)]
pub(super) struct Workers(Vec<Worker>);

#[derive(Debug)]
struct Worker {
    handle: Handle,
    /// How many connections it has.
    busy: Arc<AtomicUsize>,
    /// Its thread ends with it.
    _running: oneshot::Sender<()>,
}

/// A connection's place on a thread.
#[derive(Debug)]
pub(super) struct Seat(Arc<AtomicUsize>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Workers {
    /// As many as there are processors.
    ///
    /// # Errors
    /// The system has no more threads, or watches no more descriptors.
    pub(super) fn start() -> io::Result<Self> {
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        let workers = (0..processors.min(THREADS)).map(|_| Worker::start());
        workers.collect::<io::Result<_>>().map(Self)
    }

    /// The thread with the fewest connections, and a place on it.
    pub(super) fn seat(&self) -> Option<(&Handle, Seat)> {
        let worker = self.0.iter();
        let worker = worker.min_by_key(|worker| worker.busy.load(Ordering::Relaxed))?;
        worker.busy.fetch_add(1, Ordering::Relaxed);
        Some((&worker.handle, Seat(Arc::clone(&worker.busy))))
    }
}

impl Worker {
    fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (running, stop) = oneshot::channel::<()>();
        let run = move || {
            // Ends with an error when the other end is dropped.
            let _ = runtime.block_on(stop);
            runtime.shutdown_background();
        };
        thread::Builder::new()
            .name("worker".to_owned())
            .spawn(run)?;
        Ok(Self {
            handle,
            busy: Arc::default(),
            _running: running,
        })
    }
}

/// Whether it would keep others waiting to judge so much.
pub(super) fn is_long(bytes: usize) -> bool {
    bytes >= LONG
}

/// Does what is long beside the threads. A panic of it is one of whoever waits.
pub(super) async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match spawn_blocking(work).await {
        Ok(done) => done,
        Err(e) => match e.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // The runtime ends, and with it whoever waits.
            Err(_) => pending().await,
        },
    }
}
