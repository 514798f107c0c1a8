//! How streams and sessions end, by whoever ends them.

use super::session::{Kind, Session, State, Upstream};
use crate::engine::message::{Direction, Id};
use crate::proxy::era::Adapter;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::runtime::Handle;

impl Session {
    /// The agent reads a stream no more.
    pub(super) fn left(self: &Arc<Self>, number: u64, request: Option<&Id>) {
        if self.is_judging()
            && let Ok(runtime) = Handle::try_current()
        {
            let (session, request) = (Arc::clone(self), request.cloned());
            runtime.spawn(async move {
                session.at_rest().await;
                session.has_left(number, request.as_ref());
            });
        } else {
            self.has_left(number, request);
        }
    }

    fn has_left(self: &Arc<Self>, number: u64, request: Option<&Id>) {
        let mut state = self.lock();
        self.use_it();
        let open = state.streams.left(number, request);
        if self.kind == Kind::Old && request.is_none() && number > 0 {
            // Its one stream was the session.
            drop(state);
            self.close();
            return;
        }
        // In the stateless era that cancels the request; in the others it does
        // not, and the agent may come back.
        let modern = self.kind == Kind::Modern;
        if let (true, true, Some(id)) = (open, modern, request) {
            drop(state);
            self.cancelled(id);
        }
    }

    /// Nobody wants the answer to a request of the stateless era any more.
    fn cancelled(self: &Arc<Self>, id: &Id) {
        let mut state = self.lock();
        state.streams.end(id);
        match &mut state.adapter {
            Some(adapter) => {
                let steps = adapter.closed(id);
                self.step(&mut state, steps, false);
                self.pass_on(&mut state, None, None);
            }
            None => self.cancel(&mut state, id),
        }
    }

    /// Ends the requests of clients that have read nothing for so long, where
    /// others of the same principal wait for them.
    pub(super) fn cut_off_stalled(self: &Arc<Self>, long: Duration) {
        if self.kind != Kind::Modern {
            return;
        }
        let stalled = self.lock().streams.cut_off_stalled(long);
        for id in stalled {
            tracing::warn!(
                "a client reads nothing of an answer that others wait behind: its request is cancelled"
            );
            self.cancelled(&id);
        }
    }

    fn cancel(self: &Arc<Self>, state: &mut State, id: &Id) {
        let text = format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"requestId":{id},"reason":"the agent has closed the stream"}}}}"#
        );
        let now = self.now();
        state
            .pump
            .receive(Direction::ToServer, text.into_bytes(), now);
        self.pass_on(state, None, None);
    }

    /// The server has ended: whoever waits is told why, and the session is over.
    pub(super) fn server_gone(self: &Arc<Self>, why: &str) {
        let mut state = self.lock();
        let now = self.now();
        state.pump.server_gone(why, now);
        self.pass_on(&mut state, None, None);
        let steps = state.adapter.as_mut().map(Adapter::end);
        self.step(&mut state, steps.unwrap_or_default(), false);
        self.pass_on(&mut state, None, None);
        state.upstream = Upstream::Gone;
        self.over.store(true, Ordering::Relaxed);
        state.streams.close();
        drop(state);
        self.room.changed.notify_waiters();
    }

    /// Ends every stream that has no end of its own.
    pub(super) fn hang_up(&self) {
        self.lock().streams.hang_up();
    }

    /// Waits until the server behind it has ended.
    pub(super) async fn ended(&self) {
        loop {
            let changed = self.room.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if matches!(self.lock().upstream, Upstream::Gone) {
                return;
            }
            changed.await;
        }
    }

    /// Ends the session: the agent wants no more of it.
    pub(super) fn close(self: &Arc<Self>) {
        let mut state = self.lock();
        self.over.store(true, Ordering::Relaxed);
        match &mut state.upstream {
            // Its keeper tells when it has ended.
            Upstream::Process(process) => process.end(),
            Upstream::Remote(remote) => {
                remote.close();
                state.upstream = Upstream::Gone;
            }
            Upstream::Coming | Upstream::Gone => {}
        }
        state.streams.close();
        drop(state);
        self.room.changed.notify_waiters();
    }
}
