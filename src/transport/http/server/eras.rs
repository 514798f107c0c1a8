//! Which eras a server speaks, and so whether a bridge stands in between.
//!
//! MCP 2026-07-28, Versioning, "Backward Compatibility": `server/discover` tells.
//! It is asked through the engine, as any request, and what is learnt holds for
//! all agents. No agent waits for long because of what another asks.

use super::session::{Kind, Session};
use super::site::{Begin, Full, Site};
use crate::engine::message::Id;
use crate::engine::principal::Principal;
use crate::engine::types::ServerName;
use crate::proxy::era::{Told as Says, question};
use hyper::body::Bytes;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::time::timeout;

/// How long a server may take to start, and as long again to answer.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long an agent waits until it is known.
const LONGEST: Duration = Duration::from_secs(75);
/// For so long it is believed that a server does not speak 2026-07-28: it may
/// only have failed.
const BELIEVED: Duration = Duration::from_mins(5);

/// For so long others wait for whoever asks already. Then each asks for himself:
/// what holds up one of them may be his own.
const SHARED: Duration = Duration::from_secs(2);
/// For so long it is remembered, for whoever has asked, that it came to nothing.
const REMEMBERED: Duration = Duration::from_secs(2);

/// What is known of one server.
#[derive(Debug, Default)]
pub(super) struct Spoken {
    known: Mutex<Known>,
    /// Something was learnt, or has come to nothing.
    changed: Notify,
    /// It answered a handshake with an error, and speaks 2026-07-28.
    no_handshake: AtomicBool,
}

#[derive(Debug, Default)]
struct Known {
    /// Whether it speaks 2026-07-28, and when that was told.
    modern: Option<(bool, Instant)>,
    /// Who asks, by principal.
    asks: BTreeMap<Arc<str>, Ask>,
}

/// A principal asks, or has asked in vain.
#[derive(Debug)]
struct Ask {
    begun: Instant,
    vain: Option<(Instant, Vain)>,
}

/// Why asking came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Vain {
    /// The server could not be reached; the log says why.
    Unavailable,
    /// There is no place for it.
    Full(Full),
    /// Lockgate has answered in its place.
    Said(Bytes),
}

/// What somebody does who wants to know.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Known(bool),
    Vain(Vain),
    /// Somebody asks: wait for him, at most so long.
    Wait(Duration),
    /// Ask, and say what came of it.
    Ask,
}

impl Spoken {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self, who: &Arc<str>, now: Instant) -> Next {
        let mut known = self.lock();
        if let Some((modern, when)) = known.modern
            && (modern || now.duration_since(when) < BELIEVED)
        {
            return Next::Known(modern);
        }
        let fresh = |at: &Instant| now.duration_since(*at) < REMEMBERED;
        let asks = &mut known.asks;
        asks.retain(|_, ask| ask.vain.as_ref().is_none_or(|(at, _)| fresh(at)));
        match asks.get(who).map(|mine| &mine.vain) {
            Some(None) => return Next::Wait(PATIENCE),
            Some(Some((_, vain))) => return Next::Vain(vain.clone()),
            None => {}
        }
        let under_way = asks.values().filter(|ask| ask.vain.is_none());
        if let Some(first) = under_way.map(|ask| ask.begun).min() {
            let left = SHARED.saturating_sub(now.duration_since(first));
            if !left.is_zero() {
                return Next::Wait(left);
            }
        }
        let (begun, vain) = (now, None);
        asks.insert(Arc::clone(who), Ask { begun, vain });
        Next::Ask
    }

    /// This came of asking.
    fn learn(&self, who: &Arc<str>, told: Result<bool, Vain>, now: Instant) {
        let mut known = self.lock();
        match (told, known.asks.get_mut(who)) {
            (Ok(modern), _) => {
                known.modern = Some((modern, now));
                known.asks.remove(who);
            }
            (Err(vain), Some(ask)) => ask.vain = Some((now, vain)),
            (Err(_), None) => {}
        }
        drop(known);
        self.changed.notify_waiters();
    }

    /// Whether the server speaks 2026-07-28; `None` if that cannot be told in time. It is asked by
    /// a task of its own, which goes on when the agent has left: others wait for it.
    pub(super) async fn is_modern<F>(
        &self,
        who: &Arc<str>,
        ask: impl Fn() -> F,
    ) -> Option<Result<bool, Vain>>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let told = async {
            loop {
                let changed = self.changed.notified();
                tokio::pin!(changed);
                // Registered before the look, so that no change is missed.
                changed.as_mut().enable();
                match self.next(who, Instant::now()) {
                    Next::Known(modern) => return Ok(modern),
                    Next::Vain(vain) => return Err(vain),
                    Next::Wait(time) => drop(timeout(time, changed).await),
                    Next::Ask => drop(tokio::spawn(ask())),
                }
            }
        };
        timeout(LONGEST, told).await.ok()
    }

    /// Whether it wants no handshake.
    pub(super) fn refuses_handshake(&self) -> bool {
        self.no_handshake.load(Ordering::Relaxed)
    }

    /// It wants none.
    pub(super) fn refuse_handshake(&self) {
        self.no_handshake.store(true, Ordering::Relaxed);
    }
}

/// Asks for a principal. What came of it is told when it is over, whatever way
/// it ends.
#[derive(Debug)]
pub(super) struct Asker {
    pub(super) site: Arc<Site>,
    pub(super) server: ServerName,
    pub(super) principal: Arc<Principal>,
}

impl Asker {
    pub(super) async fn run(self) {
        let mut told = Told {
            asker: &self,
            what: Err(Vain::Unavailable),
        };
        told.what = self.ask().await;
    }

    async fn ask(&self) -> Result<bool, Vain> {
        let Self { site, server, .. } = self;
        let place = site.place(server).await.map_err(Vain::Full)?;
        let begin = Begin {
            kind: Kind::Modern,
            bridge: None,
            place,
        };
        let started = timeout(PATIENCE, site.begin(&self.principal, server, begin)).await;
        let started = started.unwrap_or_else(|_| Err("it does not start in time".to_owned()));
        let session = started.map_err(|why| {
            tracing::error!("no session could be begun: {why}");
            Vain::Unavailable
        })?;
        let mut asked = Asked {
            session,
            kept: false,
        };
        let modern = discover(&asked.session, &self.principal).await?;
        asked.kept = modern && site.sessions.offer(&self.principal, server, &asked.session);
        Ok(modern)
    }
}

/// Says what came of asking, also if that was a panic.
struct Told<'a> {
    asker: &'a Asker,
    what: Result<bool, Vain>,
}

impl Drop for Told<'_> {
    fn drop(&mut self) {
        let Asker {
            site,
            server,
            principal,
            ..
        } = self.asker;
        let what = std::mem::replace(&mut self.what, Err(Vain::Unavailable));
        let spoken = site.spoken(server);
        spoken.learn(&principal.key, what, Instant::now());
    }
}

/// Ends a session on which a server was asked and that nobody keeps.
struct Asked {
    session: Arc<Session>,
    kept: bool,
}

impl Drop for Asked {
    fn drop(&mut self) {
        if !self.kept {
            self.session.close();
        }
    }
}

/// Asks on a fresh session.
async fn discover(session: &Arc<Session>, principal: &Arc<Principal>) -> Result<bool, Vain> {
    let id = Id::Number(0);
    let mut inlet = session.ask(question(&id), &id, principal);
    let answer = async {
        loop {
            match inlet.next().await {
                // A server may say things before it answers; they are no answer.
                Some(sent) if !sent.last => {}
                said => return said,
            }
        }
    };
    match timeout(PATIENCE, answer).await {
        Ok(Some(sent)) => {
            let says = Says::of(&sent.bytes).discovered();
            says.ok_or_else(|| Vain::Said(sent.bytes.clone()))
        }
        // It has ended: servers do, that do not know the method. Or it says
        // nothing: a handshake will tell whether it lives.
        Ok(None) | Err(_) => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_waits_long_for_another() {
        let (spoken, now) = (Spoken::default(), Instant::now());
        let [a, b, c] = ["a", "b", "c"].map(Arc::<str>::from);
        let at = |ms: u64| now + Duration::from_millis(ms);
        assert_eq!(spoken.next(&a, now), Next::Ask);
        assert_eq!(spoken.next(&a, at(1)), Next::Wait(PATIENCE), "once");
        assert_eq!(
            spoken.next(&b, at(500)),
            Next::Wait(Duration::from_millis(1500))
        );
        // What the first asks is not answered: the others ask for themselves.
        assert_eq!(spoken.next(&b, at(2000)), Next::Ask);
        assert_eq!(spoken.next(&c, at(2001)), Next::Ask);
        spoken.learn(&b, Err(Vain::Unavailable), at(2002));
        assert_eq!(spoken.next(&b, at(3000)), Next::Vain(Vain::Unavailable));
        assert_eq!(spoken.next(&c, at(3000)), Next::Wait(PATIENCE), "its own");
        assert_eq!(spoken.next(&b, at(4002)), Next::Ask, "not for ever");
        spoken.learn(&c, Ok(true), at(4003));
        for who in [&a, &b, &c] {
            assert_eq!(spoken.next(who, at(4004)), Next::Known(true));
        }
        // What comes of it later takes nothing back.
        spoken.learn(&a, Err(Vain::Unavailable), at(5000));
        assert_eq!(spoken.next(&a, at(1_000_000)), Next::Known(true));
    }

    #[test]
    fn that_it_does_not_speak_it_is_believed_for_a_while() {
        let (spoken, now) = (Spoken::default(), Instant::now());
        let a = Arc::<str>::from("a");
        spoken.learn(&a, Ok(false), now);
        assert_eq!(spoken.next(&a, now), Next::Known(false));
        assert_eq!(spoken.next(&a, now + BELIEVED), Next::Ask);
    }
}
