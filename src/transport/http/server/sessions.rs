//! All sessions of a listener: found by their id, and only by their principal.

use super::processes::{Running, longest_unused};
use super::session::Session;
use crate::engine::principal::Principal;
use crate::engine::types::ServerName;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

/// Most sessions of all principals together.
const MOST: usize = 20_000;
/// Most sessions of one principal.
const OF_ONE: usize = 5_000;
/// The same where each is a process of this machine.
const PROCESSES_OF_ONE: usize = 250;
/// A session that nobody uses for so long is over.
const IDLE: Duration = Duration::from_mins(30);

/// An id of a legacy session: 256 random bits as hexadecimal text.
pub(super) type SessionId = String;

#[derive(Debug, Default)]
pub(super) struct Sessions {
    all: Mutex<All>,
    places: Arc<Places>,
}

/// How many sessions each principal has.
#[derive(Debug, Default)]
struct Places(Mutex<BTreeMap<Arc<str>, usize>>);

impl Places {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A session's place: until it is gone, and its process with it.
#[derive(Debug)]
pub(super) struct Place(Kind);

#[derive(Debug)]
enum Kind {
    /// Among those of its principal.
    OfPrincipal { _mine: Mine },
    /// Among the processes of the stateless era.
    OfProcess { _running: Running },
}

impl Place {
    pub(super) fn of_process(running: Running) -> Self {
        Self(Kind::OfProcess { _running: running })
    }

    /// Whether it is that of a process of the stateless era.
    pub(super) fn is_of_process(&self) -> bool {
        matches!(self.0, Kind::OfProcess { .. })
    }
}

#[derive(Debug)]
struct Mine {
    places: Arc<Places>,
    key: Arc<str>,
}

impl Drop for Mine {
    fn drop(&mut self) {
        let mut places = self.places.lock();
        if let Some(mine) = places.get_mut(&self.key) {
            *mine = mine.saturating_sub(1);
            if *mine == 0 {
                places.remove(&self.key);
            }
        }
    }
}

#[derive(Debug, Default)]
struct All {
    legacy: BTreeMap<SessionId, Arc<Session>>,
    /// By principal and server.
    modern: BTreeMap<Key, Arc<Session>>,
    /// Those of them that are being begun.
    beginning: BTreeMap<Key, Weak<Beginning>>,
}

type Key = (Arc<str>, String);
type Beginning = tokio::sync::Mutex<()>;

fn key(principal: &Principal, server: &ServerName) -> Key {
    (Arc::clone(&principal.key), server.as_str().to_owned())
}

/// Why there is no room for another session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Full;

impl Sessions {
    fn lock(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place for another session of a principal, before anything is
    /// started for it. `process`: it is a process of this machine.
    pub(super) fn take_place(&self, principal: &Principal, process: bool) -> Result<Place, Full> {
        let most = if process { PROCESSES_OF_ONE } else { OF_ONE };
        let key = &principal.key;
        let is_full = || {
            self.places
                .lock()
                .get(key)
                .is_some_and(|mine| *mine >= most)
        };
        if is_full() {
            // Those that have ended are forgotten now and then, or now.
            self.forget();
        }
        if self.count() >= MOST {
            return Err(Full);
        }
        let mut places = self.places.lock();
        let mine = places.entry(Arc::clone(key)).or_default();
        if *mine >= most {
            return Err(Full);
        }
        *mine = mine.saturating_add(1);
        drop(places);
        let mine = Mine {
            places: Arc::clone(&self.places),
            key: Arc::clone(key),
        };
        Ok(Place(Kind::OfPrincipal { _mine: mine }))
    }

    /// Takes what has ended off the list.
    fn forget(&self) {
        let mut all = self.lock();
        let over: Vec<_> = all.legacy.extract_if(.., |_, s| s.is_over()).collect();
        drop(all);
        drop(over);
    }

    /// A session that has its place.
    pub(super) fn add(&self, id: SessionId, session: Arc<Session>) {
        self.lock().legacy.insert(id, session);
    }

    /// The session of that id, if it is this principal's, and of this server:
    /// for anybody else it does not exist.
    pub(super) fn find(
        &self,
        id: &str,
        principal: &Principal,
        server: &ServerName,
    ) -> Option<Arc<Session>> {
        let all = self.lock();
        let session = all.legacy.get(id)?;
        let mine = session.principal.key == principal.key && session.server == *server;
        (mine && !session.is_over()).then(|| Arc::clone(session))
    }

    /// Whether a session of that id is somebody else's.
    pub(super) fn is_of_another(&self, id: &str, principal: &Principal) -> bool {
        let all = self.lock();
        let session = all.legacy.get(id);
        session.is_some_and(|session| session.principal.key != principal.key)
    }

    /// What stands for all requests of a principal to a server in the stateless
    /// era, if there is anything yet.
    pub(super) fn standing(
        &self,
        principal: &Principal,
        server: &ServerName,
    ) -> Option<Arc<Session>> {
        let all = self.lock();
        let session = all.modern.get(&key(principal, server))?;
        if session.is_over() {
            return None;
        }
        // From now on it is not the one that gives way.
        session.use_it();
        Some(Arc::clone(session))
    }

    /// Held by whoever begins that: one for each is enough.
    pub(super) fn beginning(&self, principal: &Principal, server: &ServerName) -> Arc<Beginning> {
        let mut all = self.lock();
        all.beginning.retain(|_, one| one.strong_count() > 0);
        let one = all.beginning.entry(key(principal, server)).or_default();
        one.upgrade().unwrap_or_else(|| {
            let new = Arc::default();
            *one = Arc::downgrade(&new);
            new
        })
    }

    /// Offers a session to stand for a principal's requests in the stateless
    /// era: whether it does.
    pub(super) fn offer(
        &self,
        principal: &Principal,
        server: &ServerName,
        session: &Arc<Session>,
    ) -> bool {
        let mut all = self.lock();
        let place = all.modern.entry(key(principal, server));
        let standing = place.or_insert_with(|| Arc::clone(session));
        if standing.is_over() {
            standing.clone_from(session);
        }
        Arc::ptr_eq(standing, session)
    }

    /// Ends what stands for a principal's requests in the stateless era.
    pub(super) fn end_modern(&self, session: &Arc<Session>) {
        let mut all = self.lock();
        all.modern.retain(|_, other| !Arc::ptr_eq(other, session));
        drop(all);
        session.close();
    }

    /// Whether something stands for a principal's requests already.
    pub(super) fn has(&self, principal: &Principal, server: &ServerName) -> bool {
        let all = self.lock();
        all.modern
            .get(&key(principal, server))
            .is_some_and(|session| !session.is_over())
    }

    /// Ends the process that nobody has used for the longest time, of this
    /// server or of any: whether there is one that is about to end.
    pub(super) fn evict(&self, server: Option<&ServerName>, unused: Duration) -> bool {
        let mut all = self.lock();
        let over: Vec<_> = all.modern.extract_if(.., |_, s| s.is_over()).collect();
        let mut processes: Vec<_> = all.modern.values().map(Arc::clone).collect();
        drop(all);
        drop(over);
        processes.retain(|s| s.is_modern_process() && server.is_none_or(|name| s.server == *name));
        let Some(longest) = longest_unused(processes, unused) else {
            return false;
        };
        let mut all = self.lock();
        // Somebody may have come for it meanwhile, which is told under this lock.
        if longest.unused() < unused {
            return false;
        }
        all.modern.retain(|_, other| !Arc::ptr_eq(other, &longest));
        drop(all);
        tracing::debug!("a process of `{}` gives way to another", longest.server);
        longest.close();
        true
    }

    /// Takes a session off the list, and ends it.
    pub(super) fn end(&self, id: &str) {
        let session = self.lock().legacy.remove(id);
        if let Some(session) = session {
            session.close();
        }
    }

    /// Ends what nobody uses any more, and forgets what is over.
    pub(super) fn sweep(&self) {
        let (legacy, modern): (Vec<_>, Vec<_>) = {
            let all = self.lock();
            let legacy = all.legacy.iter().map(|(id, s)| (id.clone(), Arc::clone(s)));
            (legacy.collect(), all.modern.values().cloned().collect())
        };
        let stale = |session: &Arc<Session>| {
            session.is_over() || session.idle().is_some_and(|idle| idle > IDLE)
        };
        for (id, _) in legacy.iter().filter(|(_, s)| stale(s)) {
            self.end(id);
        }
        for session in modern.iter().filter(|s| stale(s)) {
            self.end_modern(session);
        }
    }

    /// Ends the sessions of these principals.
    pub(super) fn end_of(&self, is_meant: impl Fn(&Principal) -> bool) {
        let ended: Vec<_> = {
            let mut all = self.lock();
            let legacy = all.legacy.extract_if(.., |_, s| is_meant(&s.principal));
            let mut ended: Vec<_> = legacy.map(|(_, session)| session).collect();
            let modern = all.modern.extract_if(.., |_, s| is_meant(&s.principal));
            ended.extend(modern.map(|(_, session)| session));
            ended
        };
        ended.iter().for_each(Session::close);
    }

    /// Ends all of them. Gives them back, to be waited for.
    pub(super) fn end_all(&self) -> Vec<Arc<Session>> {
        let all = std::mem::take(&mut *self.lock());
        let sessions = all.legacy.into_values().chain(all.modern.into_values());
        let sessions: Vec<_> = sessions.collect();
        sessions.iter().for_each(Session::close);
        sessions
    }

    /// Ends every stream that has no end of its own.
    pub(super) fn hang_up(&self) {
        for session in self.all() {
            session.hang_up();
        }
    }

    /// All of them.
    pub(super) fn all(&self) -> Vec<Arc<Session>> {
        let all = self.lock();
        let sessions = all.legacy.values().chain(all.modern.values());
        sessions.map(Arc::clone).collect()
    }

    /// Whether there is no room for another session of any kind.
    pub(super) fn is_full(&self) -> bool {
        self.count() >= MOST
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        let all = self.lock();
        all.legacy.len().saturating_add(all.modern.len())
    }
}
