//! Messages that take long to judge are judged beside the threads that serve.
//!
//! While that goes on its session is locked. Whoever wants the session then
//! waits without stopping its thread: the others on it are of other sessions,
//! and of other principals.

use super::queue::Outlet;
use super::session::Session;
use super::stream::Inlet;
use super::workers::{beside, is_long};
use crate::engine::message::{Id, Opened};
use crate::engine::principal::Principal;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Something long is judged as long as this is there.
struct Judging(Arc<Session>);

impl Judging {
    fn begin(session: &Arc<Session>) -> Self {
        session.long.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(session))
    }
}

impl Drop for Judging {
    fn drop(&mut self) {
        self.0.long.fetch_sub(1, Ordering::Relaxed);
        self.0.room.changed.notify_waiters();
    }
}

impl Session {
    /// Whether something long is judged.
    pub(super) fn is_judging(&self) -> bool {
        self.long.load(Ordering::Relaxed) > 0
    }

    /// Waits until nothing long is judged.
    pub(super) async fn at_rest(&self) {
        while self.is_judging() {
            let changed = self.room.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if !self.is_judging() {
                return;
            }
            changed.await;
        }
    }

    async fn judged<T: Send + 'static>(
        self: &Arc<Self>,
        judge: impl FnOnce(&Arc<Self>) -> T + Send + 'static,
    ) -> T {
        let judging = Judging::begin(self);
        beside(move || judge(&judging.0)).await
    }

    /// See [`Session::ask`].
    pub(super) async fn asked(
        self: &Arc<Self>,
        opened: Opened,
        id: &Id,
        principal: &Arc<Principal>,
    ) -> Inlet {
        if !is_long(opened.bytes()) {
            return self.ask(opened, id, principal);
        }
        let (id, principal) = (id.clone(), Arc::clone(principal));
        self.judged(move |session| session.ask(opened, &id, &principal))
            .await
    }

    /// See [`Session::tell`].
    pub(super) async fn told(
        self: &Arc<Self>,
        opened: Opened,
        principal: &Arc<Principal>,
    ) -> Inlet {
        if !is_long(opened.bytes()) {
            return self.tell(opened, principal);
        }
        let principal = Arc::clone(principal);
        self.judged(move |session| session.tell(opened, &principal))
            .await
    }

    /// See [`Session::put`].
    pub(super) async fn taken(self: &Arc<Self>, opened: Opened, principal: &Arc<Principal>) {
        if !is_long(opened.bytes()) {
            return self.put(opened, principal);
        }
        let principal = Arc::clone(principal);
        self.judged(move |session| session.put(opened, &principal))
            .await;
    }

    /// See [`Session::from_server`].
    pub(super) async fn heard(
        self: &Arc<Self>,
        line: Vec<u8>,
        about: Option<&Id>,
    ) -> Option<Outlet> {
        self.at_rest().await;
        if !is_long(line.len()) {
            return self.from_server(line, about);
        }
        let about = about.cloned();
        self.judged(move |session| session.from_server(line, about.as_ref()))
            .await
    }
}
