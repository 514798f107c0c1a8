//! How many processes stand for principals in the stateless era.
//!
//! Each principal has one for each server, and nobody says when he is done with
//! it (A3: there may be as many principals as an issuer has users). Who comes
//! when all are taken gets the place of the one that nobody has used for the
//! longest time; if all are at work, he is told to come again.

use super::session::Session;
use super::sessions::{Place, Sessions};
use crate::engine::types::ServerName;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// A process that was used a moment ago is at work: whoever has found it is about
/// to say something.
const JUST_USED: Duration = Duration::from_secs(1);
/// How long to wait for a process that is at work.
const AT_WORK: Duration = Duration::from_secs(1);
/// How long for one that was told to end: it has 5 s for that.
const ENDING: Duration = Duration::from_secs(8);

/// Most processes.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Of all servers.
    pub all: usize,
    /// Of one server.
    pub of_server: usize,
}

/// The places of processes.
#[derive(Debug)]
pub(super) struct Processes {
    all: Arc<Semaphore>,
    of_server: BTreeMap<ServerName, Arc<Semaphore>>,
}

/// One process's place: until the process has ended.
#[derive(Debug)]
pub(super) struct Running {
    _all: OwnedSemaphorePermit,
    _of_server: OwnedSemaphorePermit,
}

/// All processes are at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AtWork;

impl Processes {
    pub(super) fn new<'a>(bounds: Bounds, servers: impl Iterator<Item = &'a ServerName>) -> Self {
        let of = |name: &ServerName| (name.clone(), Arc::new(Semaphore::new(bounds.of_server)));
        Self {
            all: Arc::new(Semaphore::new(bounds.all)),
            of_server: servers.map(of).collect(),
        }
    }

    /// A place for a process of a server. What stands for principals is in
    /// `sessions`.
    pub(super) async fn take(
        &self,
        server: &ServerName,
        sessions: &Sessions,
    ) -> Result<Place, AtWork> {
        let of_server = self.of_server.get(server).ok_or(AtWork)?;
        let of_server = one(of_server, || sessions.evict(Some(server), JUST_USED)).await?;
        let all = one(&self.all, || sessions.evict(None, JUST_USED)).await?;
        Ok(Place::of_process(Running {
            _all: all,
            _of_server: of_server,
        }))
    }
}

/// Takes one, for which another may have to give way.
async fn one(
    places: &Arc<Semaphore>,
    evict: impl FnOnce() -> bool,
) -> Result<OwnedSemaphorePermit, AtWork> {
    if let Ok(place) = Arc::clone(places).try_acquire_owned() {
        return Ok(place);
    }
    let patience = if evict() { ENDING } else { AT_WORK };
    // Whoever waits is served in the order of coming.
    let place = timeout(patience, Arc::clone(places).acquire_owned()).await;
    place.ok().and_then(Result::ok).ok_or(AtWork)
}

/// Of these, the one that nobody has used for the longest time.
pub(super) fn longest_unused(
    sessions: Vec<Arc<Session>>,
    at_least: Duration,
) -> Option<Arc<Session>> {
    let idle = |session: Arc<Session>| session.idle().map(|idle| (idle, session));
    let idle = sessions.into_iter().filter_map(idle);
    let long = idle.filter(|(idle, _)| *idle >= at_least);
    let longest = long.max_by_key(|(idle, _)| *idle);
    longest.map(|(_, session)| session)
}
