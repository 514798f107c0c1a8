//! Connections to the server, kept for each thread that dials.
//!
//! A connection is driven by the runtime in which it was made; a request that
//! comes from there too is answered without waking another thread.

use super::connect::Connector;
use super::link::lock;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};
use std::time::Duration;

/// How long an unused connection is kept. The usual servers (node, uvicorn)
/// close one after 5 s; a request that meets the close is lost, not repeated.
const IDLE: Duration = Duration::from_secs(4);
/// Most threads with connections of their own; the others share the last's.
const THREADS: usize = 64;

pub(crate) type Pool = Client<Connector, Full<Bytes>>;

/// The connections of each thread.
#[derive(Debug, Clone)]
pub(super) struct Pools {
    connector: Connector,
    made: Arc<Mutex<Vec<(ThreadId, Pool)>>>,
}

impl Pools {
    pub(super) fn new(connector: Connector) -> Self {
        Self {
            connector,
            made: Arc::default(),
        }
    }

    /// That of this thread.
    pub(super) fn mine(&self) -> Pool {
        let me = thread::current().id();
        let mut made = lock(&self.made);
        let mine = made.iter().find(|(thread, _)| *thread == me);
        if let Some((_, pool)) = mine.or(made.last().filter(|_| made.len() >= THREADS)) {
            return pool.clone();
        }
        let pool = pool(self.connector.clone());
        made.push((me, pool.clone()));
        pool
    }
}

/// Connections that are kept for a while.
pub(super) fn pool(connector: Connector) -> Pool {
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .build(connector)
}
