//! A server that ends when it is asked for its eras is started once more.
//!
//! Some servers of the older revisions end on a first message that they do not
//! know (MCP 2026-07-28, "Backward Compatibility"). Nothing that they were asked
//! has changed anything, and so it is not asked again: the new process is spoken
//! to in the older era. Once: one that ends again has ended.

use super::Stdio;
use crate::proxy::pump::{PinStore, Recorder};
use crate::transport::lines::Lines;
use crate::transport::outbox::Outbox;
use crate::transport::signals;
use crate::transport::upstream::Upstream;
use std::fmt;
use std::os::fd::AsFd as _;
use std::time::Duration;

/// What comes of a start: the server, or why not.
pub type Started = Result<Box<dyn Upstream>, String>;

/// Starts the server, once.
pub(super) struct Again(Box<dyn FnOnce() -> Started>);

impl fmt::Debug for Again {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Again(..)")
    }
}

impl<R: Recorder, P: PinStore> Stdio<R, P> {
    /// With a way to start the server once more.
    #[must_use]
    pub fn starting_again(self, start: impl FnOnce() -> Started + 'static) -> Self {
        Self {
            again: Some(Again(Box::new(start))),
            ..self
        }
    }

    /// The server has ended. Whether another process of it has taken its place.
    pub(super) fn starts_again(&mut self, now: Duration) -> bool {
        let waits = self.agent_reads && self.agent_done.is_none();
        let wanted = waits && !signals::stop_requested() && self.interpreter.may_start_again();
        let Some(again) = self.again.take_if(|_| wanted) else {
            return false;
        };
        // Why it has ended, for people.
        if let Some(stderr) = self.upstream.stderr() {
            self.words.read(stderr.as_fd());
        }
        self.upstream = match (again.0)() {
            Ok(upstream) => upstream,
            Err(why) => {
                tracing::error!("the server has ended, and cannot be started again: {why}");
                return false;
            }
        };
        let why = "the server has ended when it was asked for its eras, and is started again";
        tracing::warn!("{why}, to be spoken to as an older one");
        self.from_server = Some(Lines::new(self.pump.longest_line()));
        // What the old one has not read is what it was asked.
        self.to_server = Outbox::default();
        (self.status, self.ended, self.shutdown) = (None, None, None);
        self.pump.server_restarts(why, now);
        let acts = self.interpreter.started_again(now);
        self.follow(acts, false, now);
        true
    }
}
