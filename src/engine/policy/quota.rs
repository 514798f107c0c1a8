//! How often a permit holds: calls in a stretch of time, and calls in flight.
//!
//! A stretch is cut into sixteen slots, and each call is counted in the slot in
//! which it passes. A call passes while the slots of the last stretch, the
//! current one beside them, hold fewer than `calls`: so there are never more
//! than that in any stretch, whenever it begins, and what one count costs does
//! not depend on the limit. A call counts up to a sixteenth longer than `per`.
//!
//! Counts are those of a principal; nothing of one can be told from another's.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Slots of a stretch.
const SLOTS: u64 = 16;
/// Most principals whose calls are counted.
const MOST_PRINCIPALS: usize = 100_000;
/// Most counts of one principal.
const MOST_COUNTS: usize = 16_384;

/// A `limit` of a rule. At least one of `rate` and `in_flight` is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Limit {
    /// So many calls in so long.
    pub(super) rate: Option<Rate>,
    /// So many calls without an answer.
    pub(super) in_flight: Option<u32>,
    /// Whether each tool is counted for itself.
    pub(super) by_tool: bool,
}

impl Limit {
    /// Whether it lets all pass that `other` does, if both count the same calls.
    /// Of different stretches it says no.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let rate = match (&self.rate, &other.rate) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(wide), Some(narrow)) => wide.per == narrow.per && wide.calls >= narrow.calls,
        };
        let in_flight = match (self.in_flight, other.in_flight) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(wide), Some(narrow)) => wide >= narrow,
        };
        rate && in_flight && (self.by_tool || !other.by_tool)
    }
}

/// So many calls in so long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rate {
    pub(super) calls: u32,
    /// At least a second.
    pub(super) per: Duration,
    /// The same as written.
    pub(super) written: String,
}

/// What a request counts against if it passes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    pub(super) rule: String,
    /// The server and its tool, where each is counted for itself.
    pub(super) tool: Option<(String, String)>,
    pub(super) limit: Limit,
    /// Whether the request may not pass without it; otherwise its rule is in
    /// audit mode.
    pub(super) binding: bool,
}

/// A request in flight; it is over when this is dropped.
#[derive(Debug, Clone)]
pub struct Lease(#[expect(dead_code, reason = "it counts by being there")] Arc<()>);

/// A limit that has been reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exhausted {
    /// Too many calls; there is room again after that.
    Calls {
        /// How many there may be.
        calls: u32,
        /// In how long.
        per: String,
        /// Until one more may pass.
        wait: Duration,
    },
    /// Too many calls without an answer.
    InFlight(u32),
    /// More is counted than lockgate keeps.
    Full,
}

impl fmt::Display for Exhausted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Calls { calls, per, wait } => {
                let up = u64::from(wait.subsec_nanos() > 0);
                let seconds = wait.as_secs().saturating_add(up).max(1);
                write!(
                    f,
                    "its limit of {calls} in {per} is reached: try again in {seconds} s"
                )
            }
            Self::InFlight(most) => {
                write!(
                    f,
                    "its limit of {most} in flight is reached: wait for an answer first"
                )
            }
            Self::Full => f.write_str("too much is counted already: try again later"),
        }
    }
}

/// What has been counted, of all principals. Shared by all sessions.
#[derive(Debug, Default)]
pub struct Quotas(Mutex<BTreeMap<Arc<str>, BTreeMap<Key, Count>>>);

/// A rule, the tool where each has its own count, and the stretch: a rule that
/// comes back with another begins anew.
type Key = (String, Option<(String, String)>, Duration);

/// The calls of one principal by one rule.
#[derive(Debug, Default)]
struct Count {
    /// Slots with calls in them, oldest first.
    slots: VecDeque<(u64, u32)>,
    flying: Arc<()>,
}

impl Charge {
    fn key(&self) -> Key {
        let per = self
            .limit
            .rate
            .as_ref()
            .map_or(Duration::ZERO, |rate| rate.per);
        (self.rule.clone(), self.tool.clone(), per)
    }
}

impl Quotas {
    /// Whether there is room for one more.
    pub(super) fn room(&self, who: &str, charge: &Charge, now: Duration) -> Result<(), Exhausted> {
        // Every count is whole after every step.
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match all.get(who).and_then(|own| own.get(&charge.key())) {
            Some(count) => count.room(&charge.limit, now),
            None => Count::default().room(&charge.limit, now),
        }
    }

    /// Counts a request that passes: all of it, or nothing.
    ///
    /// # Errors
    /// A limit that another session has reached meanwhile.
    pub fn take(
        &self,
        who: &Arc<str>,
        charges: &[Charge],
        now: Duration,
    ) -> Result<Vec<Lease>, Exhausted> {
        if charges.is_empty() {
            return Ok(Vec::new());
        }
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !all.contains_key(who) && all.len() >= MOST_PRINCIPALS {
            all.retain(|_, own| {
                own.retain(|key, count| count.matters(key, now));
                !own.is_empty()
            });
            if all.len() >= MOST_PRINCIPALS {
                return Err(Exhausted::Full);
            }
        }
        let own = all.entry(Arc::clone(who)).or_default();
        if own.len().saturating_add(charges.len()) > MOST_COUNTS {
            own.retain(|key, count| count.matters(key, now));
            if own.len().saturating_add(charges.len()) > MOST_COUNTS {
                return Err(Exhausted::Full);
            }
        }
        let mut fits = Vec::new();
        for charge in charges {
            let room = own
                .entry(charge.key())
                .or_default()
                .room(&charge.limit, now);
            if charge.binding {
                room.clone()?;
            }
            fits.push(room.is_ok());
        }
        let mut leases = Vec::new();
        for (charge, _) in charges.iter().zip(fits).filter(|(_, fits)| *fits) {
            let count = own.entry(charge.key()).or_default();
            if let Some(rate) = &charge.limit.rate {
                count.add(rate, now);
            }
            if charge.limit.in_flight.is_some() {
                leases.push(Lease(Arc::clone(&count.flying)));
            }
        }
        Ok(leases)
    }
}

impl Count {
    fn room(&self, limit: &Limit, now: Duration) -> Result<(), Exhausted> {
        if let Some(most) = limit.in_flight {
            // One is the count's own.
            let flying = Arc::strong_count(&self.flying).saturating_sub(1);
            if flying >= usize::try_from(most).unwrap_or(usize::MAX) {
                return Err(Exhausted::InFlight(most));
            }
        }
        match &limit.rate {
            Some(rate) => self.room_in(rate, now),
            None => Ok(()),
        }
    }

    fn room_in(&self, rate: &Rate, now: Duration) -> Result<(), Exhausted> {
        let slot = slot(rate.per, now);
        let counts = |at: u64| slot.saturating_sub(at) <= SLOTS;
        let live = self.slots.iter().filter(|(at, _)| counts(*at));
        let mut used = live
            .clone()
            .fold(0_u32, |sum, (_, n)| sum.saturating_add(*n));
        if used < rate.calls {
            return Ok(());
        }
        // The first slot whose end makes room.
        let mut free = now;
        for (at, calls) in live {
            used = used.saturating_sub(*calls);
            free = slot_start(rate.per, at.saturating_add(SLOTS).saturating_add(1));
            if used < rate.calls {
                break;
            }
        }
        Err(Exhausted::Calls {
            calls: rate.calls,
            per: rate.written.clone(),
            wait: free.saturating_sub(now),
        })
    }

    fn add(&mut self, rate: &Rate, now: Duration) {
        let slot = slot(rate.per, now);
        self.slots
            .retain(|(at, _)| slot.saturating_sub(*at) <= SLOTS);
        match self.slots.back_mut() {
            // Sessions see the clock one after the other, if hardly.
            Some((at, calls)) if *at >= slot => *calls = calls.saturating_add(1),
            _ => self.slots.push_back((slot, 1)),
        }
    }

    /// Whether it differs from a count that has just begun.
    fn matters(&self, (_, _, per): &Key, now: Duration) -> bool {
        let slot = slot(*per, now);
        let mut slots = self.slots.iter();
        Arc::strong_count(&self.flying) > 1
            || slots.any(|(at, _)| slot.saturating_sub(*at) <= SLOTS)
    }
}

/// The slot of a time.
fn slot(per: Duration, now: Duration) -> u64 {
    let width = (per.as_nanos() / u128::from(SLOTS)).max(1);
    u64::try_from(now.as_nanos() / width).unwrap_or(u64::MAX)
}

/// When a slot begins.
fn slot_start(per: Duration, slot: u64) -> Duration {
    let width = (per.as_nanos() / u128::from(SLOTS)).max(1);
    let nanos = width.saturating_mul(u128::from(slot));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
