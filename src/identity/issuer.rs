//! An issuer's keys: fetched when they are needed, kept for a while.
//!
//! The attack answered: whoever sends tokens with made-up keys makes lockgate
//! fetch. One fetch is under way at a time, whoever waits for it shares it, and
//! between two of them some time passes, whatever is sent meanwhile.

mod fetch;

pub(super) use fetch::{Fetcher, SetUpError};

use super::jwt::{KeySet, Token};
use super::refused::Why;
use crate::engine::url::ServerUrl;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};
use tokio::sync::{Mutex, OwnedMutexGuard};

/// How long keys are used before they are fetched again: what an issuer takes
/// back is good for no longer.
const FRESH: Duration = Duration::from_mins(5);
/// How long they are used while the issuer does not answer.
const STALE: Duration = Duration::from_hours(1);
/// Least time between two fetches.
const PAUSE: Duration = Duration::from_secs(15);
/// By how much the clock may seem to go back: callers ask it one by one.
const JITTER: Duration = Duration::from_mins(1);

/// An issuer, and its keys as far as they are known.
#[derive(Debug)]
pub(super) struct Issuer {
    url: ServerUrl,
    jwks_url: Option<ServerUrl>,
    fetcher: Fetcher,
    known: RwLock<Option<Known>>,
    /// Held while a fetch is under way: when the last one began.
    flight: Arc<Mutex<Option<SystemTime>>>,
}

/// Keys, and when they were fetched.
#[derive(Debug, Clone)]
struct Known {
    keys: Arc<KeySet>,
    at: SystemTime,
}

impl Issuer {
    pub(super) fn new(url: ServerUrl, jwks_url: Option<ServerUrl>, fetcher: Fetcher) -> Self {
        Self {
            url,
            jwks_url,
            fetcher,
            known: RwLock::new(None),
            flight: Arc::default(),
        }
    }

    /// Verifies a token's signature. Keys are fetched where none are known, where
    /// they are old, and where none of them can have signed it.
    pub(super) async fn verify(
        self: &Arc<Self>,
        token: &Token<'_>,
        now: SystemTime,
    ) -> Result<(), Why> {
        let fresh = self.known(now, FRESH);
        match fresh.map(|known| known.keys.verify(token)) {
            None | Some(Err(Why::Signer)) => {}
            Some(done) => return done,
        }
        let flight = Arc::clone(&self.flight).lock_owned().await;
        // Whoever has waited for another's fetch finds that it was just now.
        if flight.is_none_or(|last| elapsed(last, now) >= PAUSE) {
            // In a task of its own: a client that hangs up ends nothing.
            let fetching = tokio::spawn(Arc::clone(self).refresh(flight, now));
            if fetching.await.is_err() {
                tracing::error!("fetching the keys of `{}` failed within", self.url.origin());
            }
        } else {
            drop(flight);
        }
        let known = self.known(now, STALE).ok_or(Why::Unreachable)?;
        known.keys.verify(token)
    }

    fn known(&self, now: SystemTime, age: Duration) -> Option<Known> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.clone().filter(|known| elapsed(known.at, now) < age)
    }

    async fn refresh(
        self: Arc<Self>,
        mut flight: OwnedMutexGuard<Option<SystemTime>>,
        now: SystemTime,
    ) {
        *flight = Some(now);
        match self.fetcher.keys(&self.url, self.jwks_url.as_ref()).await {
            Ok(keys) => {
                let keys = Arc::new(keys);
                let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
                *known = Some(Known { keys, at: now });
            }
            Err(why) => {
                tracing::error!(
                    "the keys of issuer `{}` cannot be had, so that no new token of it can be verified: {why}",
                    self.url.origin()
                );
            }
        }
        drop(flight);
    }
}

/// Time since then; a clock that was set back makes everything old.
fn elapsed(then: SystemTime, now: SystemTime) -> Duration {
    match now.duration_since(then) {
        Ok(passed) => passed,
        Err(back) if back.duration() < JITTER => Duration::ZERO,
        Err(_) => Duration::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_goes_back_makes_keys_old() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(10_000);
        for (then, expected) in [
            (9_990, Duration::from_secs(10)),
            (10_010, Duration::ZERO),
            (20_000, Duration::MAX),
        ] {
            let then = SystemTime::UNIX_EPOCH + Duration::from_secs(then);
            assert_eq!(elapsed(then, now), expected);
        }
    }
}
