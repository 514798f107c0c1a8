//! Where processes of a server are started: a thread of its own.
//!
//! A program on a disk that does not answer holds up whoever needs it, and not
//! the messages of the others. A thread of the runtime's for work that waits
//! would not do: it ends when it has nothing to do, and with it, on Linux, what
//! it has started (`Child::spawn`).

use crate::transport::child::{Child, ChildSpec};
use std::io;
use std::sync::mpsc::{Sender, channel};
use tokio::sync::oneshot;

/// What came of a start.
type Started = Result<Child, String>;

/// Starts processes of one server, one after the other.
#[derive(Debug)]
pub(super) struct Starter(Sender<oneshot::Sender<Started>>);

impl Starter {
    /// # Errors
    /// There can be no more threads.
    pub(super) fn new(spec: ChildSpec) -> io::Result<Self> {
        let (orders, ordered) = channel::<oneshot::Sender<Started>>();
        let thread = std::thread::Builder::new().name("starter".to_owned());
        thread.spawn(move || {
            while let Ok(order) = ordered.recv() {
                // Whoever ordered may have left. What is started all the same is
                // killed when nobody takes it.
                if !order.is_closed() {
                    let _ = order.send(Child::spawn(&spec).map_err(|e| e.to_string()));
                }
            }
        })?;
        Ok(Self(orders))
    }

    /// Starts one.
    ///
    /// # Errors
    /// Why it cannot be started, for people.
    pub(super) async fn start(&self) -> Started {
        let (order, started) = oneshot::channel();
        let gone = || "the thread that starts it has ended".to_owned();
        self.0.send(order).map_err(|_| gone())?;
        started.await.map_err(|_| gone())?
    }
}
