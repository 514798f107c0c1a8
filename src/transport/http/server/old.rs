//! HTTP+SSE, the transport of 2024-11-05, for agents that know no other.
//!
//! `GET /sse/<server>` opens the one stream of a session, whose first event
//! names the place that takes messages; all answers come on the stream.
//! Off unless `[serve] sse = true`: the session's id stands in a URL, where
//! proxies and logs see it. It is good for its principal only, all the same.

use super::exchange::Visit;
use super::reply::{Reply, empty, events, not_allowed};
use super::session::Kind;
use super::stream::Events;
use crate::engine::message::Opened;
use hyper::{Method, StatusCode};

/// Where the transport is served.
pub(super) const PATH: &str = "/sse";

impl Visit<'_> {
    /// Answers a request to the old transport. `path` and `query` are its own.
    pub(super) async fn old(
        &self,
        method: &Method,
        (path, query): (&str, Option<&str>),
        body: hyper::body::Incoming,
    ) -> Reply {
        match *method {
            Method::GET => self.open_old(path).await,
            Method::POST => match self.message(body).await {
                Ok((opened, _share)) => self.old_message(query, opened).await,
                Err(reply) => *reply,
            },
            _ => not_allowed("GET, POST"),
        }
    }

    async fn open_old(&self, path: &str) -> Reply {
        let (session, name) = match self.begin(Kind::Old, None).await {
            Ok(begun) => begun,
            Err(reply) => return *reply,
        };
        let Some(inlet) = session.listen() else {
            return empty(StatusCode::CONFLICT);
        };
        let place = format!("event: endpoint\ndata: {path}?session={name}\n\n");
        events(Events::starting(inlet, place.into()))
    }

    async fn old_message(&self, query: Option<&str>, opened: Opened) -> Reply {
        let name = query.and_then(|q| q.strip_prefix("session="));
        let found = name.and_then(|name| self.find(name));
        let Some(session) = found.filter(|s| s.kind == Kind::Old) else {
            let why = "there is no such session; open another with GET";
            return self.no_session(name.unwrap_or_default(), why);
        };
        session.wait_for_room().await;
        session.taken(opened, &self.principal).await;
        empty(StatusCode::ACCEPTED)
    }
}
