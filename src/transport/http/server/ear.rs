//! What a remote server says, on its way into a session.

use super::session::Session;
use crate::proxy::pump::Lost;
use crate::transport::http::client::{Heard, Room, Sink};
use std::sync::Weak;

/// The way from a remote server into a session.
#[derive(Debug)]
pub(super) struct Ear(pub(super) Weak<Session>);

impl Sink for Ear {
    fn take(&self, heard: Heard) -> Room<'_> {
        let Some(session) = self.0.upgrade() else {
            return Box::pin(async {});
        };
        Box::pin(async move {
            let full = session.heard(heard.bytes, heard.about.as_ref()).await;
            session.until_read(full.as_ref()).await;
        })
    }

    fn lost(&self, lost: Lost) -> Room<'_> {
        let Some(session) = self.0.upgrade() else {
            return Box::pin(async {});
        };
        Box::pin(async move {
            session.at_rest().await;
            session.lose(lost);
        })
    }

    fn drained(&self) {
        if let Some(session) = self.0.upgrade() {
            session.room.changed.notify_waiters();
        }
    }

    fn session_over(&self) {
        if let Some(session) = self.0.upgrade() {
            session.server_gone("the server has ended the session; connect anew");
        }
    }
}
