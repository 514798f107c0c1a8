//! From a server's name to the addresses that are dialled.
//!
//! A name is looked up once for each connection, all that it stands for is
//! judged, and exactly that is dialled: there is no second look-up that could
//! say something else (DNS rebinding).

use crate::engine::guard::address::{Reach, Refused};
use hyper_util::client::legacy::connect::dns::Name;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower_service::Service;

type Error = Box<dyn std::error::Error + Send + Sync>;
type Pending<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Looks names up. The ports mean nothing.
pub(super) trait LookUp: fmt::Debug + Send + Sync {
    fn look_up(&self, name: String) -> Pending<io::Result<Vec<SocketAddr>>>;
}

/// As the machine does it.
#[derive(Debug)]
pub(super) struct System;

impl LookUp for System {
    fn look_up(&self, name: String) -> Pending<io::Result<Vec<SocketAddr>>> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.collect())
        })
    }
}

/// A name stands for an address that is not dialled. Which one is not for the
/// agent to know.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct BadAddress(pub(super) Refused);

/// Looks a server's name up, and judges what is found.
#[derive(Debug, Clone)]
pub(super) struct Names {
    pub(super) look_up: Arc<dyn LookUp>,
    /// `None` for a proxy of the environment, which is the operator's own.
    pub(super) reach: Option<Reach>,
}

impl Service<Name> for Names {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = Error;
    type Future = Pending<Result<Self::Response, Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let found = self.look_up.look_up(name.as_str().to_owned());
        let reach = self.reach.clone();
        Box::pin(async move {
            let found = found.await?;
            if let Some(reach) = reach {
                let addresses = found.iter().map(SocketAddr::ip);
                reach.judge_all(addresses).map_err(BadAddress)?;
            }
            Ok(found.into_iter())
        })
    }
}
