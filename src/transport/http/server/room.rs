//! Who waits for whom: the agent for the server, the server for the agent.
//!
//! Answers clients that read nothing of large answers (A3). Each stops the
//! server's words to itself. Where one server speaks to several clients by one
//! pipe, and those of one principal share it, whoever stops all of them is cut
//! off before long.

use super::queue::Outlet;
use super::session::{Kind, Session};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// So long a client may read nothing while others wait for what it takes up.
const STALLED: Duration = Duration::from_secs(2);

impl Session {
    /// Waits until what the agent sends can be taken.
    pub(super) async fn wait_for_room(&self) {
        loop {
            self.at_rest().await;
            let changed = self.room.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let full = {
                let mut state = self.lock();
                let full = state.is_full() || self.is_unread();
                state.awaited |= full;
                full
            };
            if !full || self.is_over() {
                return;
            }
            changed.await;
        }
    }

    /// Where all answers go out on one stream, it has to be read.
    fn is_unread(&self) -> bool {
        self.kind == Kind::Old && self.room.is_full()
    }

    /// Waits until more of the server can be taken: there is room in the
    /// session, and on the stream that was `full`.
    pub(super) async fn until_read(self: &Arc<Self>, full: Option<&Outlet>) {
        loop {
            let changed = self.room.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let is_full = self.room.is_full();
            if self.is_over() || !is_full && !full.is_some_and(Outlet::is_full) {
                return;
            }
            if timeout(STALLED, changed).await.is_err() && is_full {
                self.at_rest().await;
                self.cut_off_stalled(STALLED);
            }
        }
    }
}
