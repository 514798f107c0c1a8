//! Evidence of what is refused, or ignored, before it is judged.
//!
//! Whoever knocks must not fill the disk (A3). So what is alike is counted: the
//! first of a kind is recorded at once, the others together, after a pause that
//! grows. A budget bounds the records of each minute, and strangers do not spend
//! what those have who are proved. Nothing is left out of the count: what finds
//! no room waits, and what the table cannot tell apart is counted by its reason.
//!
//! A refusal does not depend on its record: it is one whether or not it can be
//! written.

use crate::audit::Refusal;
use crate::engine::principal::Principal;
use crate::engine::types::ServerName;
use crate::proxy::evidence::SharedLog;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

#[cfg(test)]
mod tests;

/// Most kinds that are told apart.
const KINDS: usize = 1024;
/// After a record of a kind there is none of it for so long; twice as long after
/// each further one, up to a bound.
const PAUSE: Duration = Duration::from_secs(10);
const LONGEST_PAUSE: Duration = Duration::from_mins(10);
/// So many records can be written at once, and one more in each such time.
const BURST: u32 = 60;
const EACH: Duration = Duration::from_secs(3);
/// How often it is looked at whether something is due.
const LOOK: Duration = Duration::from_secs(5);

/// Why a response is a refusal; it travels with the response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Noted {
    pub(super) reason: &'static str,
    pub(super) detail: String,
}

/// Who was refused, as far as that is known.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Knocker {
    /// Where the connection comes from.
    from: Option<IpAddr>,
    agent: Option<String>,
    user: Option<Arc<str>>,
    server: Option<String>,
}

impl Knocker {
    /// Whoever is at the other end of a connection.
    pub(super) fn at(peer: IpAddr) -> Self {
        Self {
            from: Some(network(peer)),
            ..Self::default()
        }
    }

    /// The same, who asks for this server, and has proved to be that.
    pub(super) fn asks_for(&mut self, server: &ServerName, proved: Option<&Principal>) {
        self.server = Some(server.as_str().to_owned());
        self.agent = proved.map(|principal| principal.agent.as_str().to_owned());
        self.user = proved.and_then(|principal| principal.user.clone());
    }
}

/// What counts as one place: whoever has an address of IPv6 has 2^64 of them.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(v6) if !v6.is_loopback() => {
            let bits = v6.to_bits() & (u128::MAX << 64);
            IpAddr::V6(Ipv6Addr::from_bits(bits))
        }
        other => other,
    }
}

fn shown(network: IpAddr) -> String {
    match network {
        IpAddr::V6(v6) if !v6.is_loopback() => format!("{v6}/64"),
        other => other.to_string(),
    }
}

/// All of a listener.
#[derive(Debug)]
pub(super) struct Refusals {
    log: SharedLog,
    began: Instant,
    strangers: Mutex<Ledger>,
    proved: Mutex<Ledger>,
    /// That nothing can be recorded was told.
    told: AtomicBool,
}

impl Refusals {
    pub(super) fn new(log: SharedLog) -> Self {
        Self {
            log,
            began: Instant::now(),
            strangers: Mutex::default(),
            proved: Mutex::default(),
            told: AtomicBool::new(false),
        }
    }

    /// Somebody was refused.
    pub(super) fn note(&self, who: Knocker, why: Noted, status: Option<u16>) {
        let ledger = match who.agent {
            Some(_) => &self.proved,
            None => &self.strangers,
        };
        let now = self.began.elapsed();
        let mut ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
        let due = ledger.hear(who, why, status, now);
        // Not held while it is written.
        drop(ledger);
        self.write(due);
    }

    /// Writes what is due.
    fn look(&self) {
        let now = self.began.elapsed();
        for ledger in [&self.proved, &self.strangers] {
            let mut ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
            let due = ledger.due(now);
            drop(ledger);
            self.write(due);
        }
    }

    /// Writes all that was only counted.
    pub(super) fn close(&self) {
        let now = self.began.elapsed();
        for ledger in [&self.proved, &self.strangers] {
            let mut ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
            let rest = ledger.rest(now);
            drop(ledger);
            self.write(rest);
        }
    }

    /// Looks for ever.
    pub(super) async fn watch(&self) {
        loop {
            tokio::time::sleep(LOOK).await;
            self.look();
        }
    }

    fn write(&self, refusals: impl IntoIterator<Item = Refusal>) {
        for refusal in refusals {
            if let Err(why) = self.log.note(&refusal)
                && !self.told.swap(true, Ordering::Relaxed)
            {
                tracing::error!("refused requests are not recorded: {why}", why = why.0);
            }
        }
    }
}

/// What is counted together.
type Kind = (&'static str, Knocker);

/// What was counted of a kind.
#[derive(Debug)]
struct Tally {
    /// How many are in no record yet.
    unsaid: u64,
    /// When the first of them came.
    since: Duration,
    /// The last of them.
    detail: String,
    status: Option<u16>,
    /// No record until then.
    quiet_until: Duration,
    pause: Duration,
}

#[derive(Debug)]
struct Ledger {
    kinds: BTreeMap<Kind, Tally>,
    /// Records that may be written, as of then.
    budget: (u32, Duration),
    /// When what is over was forgotten last.
    forgot: Duration,
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            kinds: BTreeMap::new(),
            budget: (BURST, Duration::ZERO),
            forgot: Duration::ZERO,
        }
    }
}

impl Ledger {
    /// Counts a refusal. Gives the record, if it is time for one.
    fn hear(
        &mut self,
        who: Knocker,
        why: Noted,
        status: Option<u16>,
        now: Duration,
    ) -> Option<Refusal> {
        let mut kind = (why.reason, who);
        if !self.kinds.contains_key(&kind) {
            // All of them are looked at: not for each who knocks.
            if self.kinds.len() >= KINDS && now >= self.forgot.saturating_add(PAUSE) {
                self.forget(now);
            }
            if self.kinds.len() >= KINDS {
                // As many as there are reasons come on top.
                kind.1 = Knocker::default();
            }
        }
        let tally = self.kinds.entry(kind.clone()).or_insert_with(|| Tally {
            unsaid: 0,
            since: now,
            detail: String::new(),
            status,
            quiet_until: Duration::ZERO,
            pause: PAUSE,
        });
        if tally.unsaid == 0 {
            tally.since = now;
        }
        tally.unsaid = tally.unsaid.saturating_add(1);
        (tally.detail, tally.status) = (why.detail, status);
        if now < tally.quiet_until || !self.spend(now) {
            return None;
        }
        let tally = self.kinds.get_mut(&kind)?;
        Some(said(&kind, tally, now))
    }

    /// The records that it is time for, what waits longest first.
    fn due(&mut self, now: Duration) -> Vec<Refusal> {
        self.forget(now);
        let due = |(_, tally): &(&Kind, &Tally)| tally.unsaid > 0 && now >= tally.quiet_until;
        let due = self.kinds.iter().filter(due);
        let mut due: Vec<_> = due.map(|(kind, t)| (t.since, kind.clone())).collect();
        due.sort();
        let mut records = Vec::new();
        for (_, kind) in due {
            if !self.spend(now) {
                break;
            }
            let tally = self.kinds.get_mut(&kind);
            records.extend(tally.map(|tally| said(&kind, tally, now)));
        }
        records
    }

    /// All that is in no record yet. There is no more of it than there are kinds.
    fn rest(&mut self, now: Duration) -> Vec<Refusal> {
        let unsaid = self.kinds.iter_mut().filter(|(_, t)| t.unsaid > 0);
        unsaid.map(|(kind, t)| said(kind, t, now)).collect()
    }

    /// What has been quiet for as long as it was to be is new when it comes again.
    fn forget(&mut self, now: Duration) {
        self.forgot = now;
        self.kinds
            .retain(|_, t| t.unsaid > 0 || now < t.quiet_until.saturating_add(t.pause));
    }

    /// Takes one record from the budget.
    fn spend(&mut self, now: Duration) -> bool {
        let (mut left, mut at) = self.budget;
        while left < BURST && at.saturating_add(EACH) <= now {
            left = left.saturating_add(1);
            at = at.saturating_add(EACH);
        }
        if left == BURST {
            at = now;
        }
        let spent = left.checked_sub(1);
        self.budget = (spent.unwrap_or_default(), at);
        spent.is_some()
    }
}

/// The record of what was counted; from now on it is quiet.
fn said((reason, who): &Kind, tally: &mut Tally, now: Duration) -> Refusal {
    let count = std::mem::take(&mut tally.unsaid);
    tally.quiet_until = now.saturating_add(tally.pause);
    tally.pause = tally.pause.saturating_mul(2).min(LONGEST_PAUSE);
    Refusal {
        reason,
        detail: std::mem::take(&mut tally.detail),
        status: tally.status,
        from: who.from.map(shown),
        agent: who.agent.clone(),
        user: who.user.clone(),
        server: who.server.clone(),
        count,
        seconds: now.saturating_sub(tally.since).as_secs(),
    }
}
