//! How the policy stands, for whoever watches lockgate.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// How the policy stands.
#[derive(Debug)]
pub struct PolicyStanding {
    /// What is on disk is in force.
    good: AtomicBool,
    /// Since when what is in force is, in seconds of the wall clock.
    since: AtomicU64,
    taken: AtomicU64,
    refused: AtomicU64,
}

impl Default for PolicyStanding {
    /// As it is after the start.
    fn default() -> Self {
        Self {
            good: AtomicBool::new(true),
            since: AtomicU64::new(seconds()),
            taken: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }
}

impl PolicyStanding {
    /// Another revision is in force.
    pub fn taken(&self) {
        self.as_on_disk();
        self.since.store(seconds(), Ordering::Relaxed);
        self.taken.fetch_add(1, Ordering::Relaxed);
    }

    /// What is in force is on disk again.
    pub fn as_on_disk(&self) {
        self.good.store(true, Ordering::Relaxed);
    }

    /// What is on disk was not let into force.
    pub fn refused(&self) {
        self.good.store(false, Ordering::Relaxed);
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Name, kind and value of each figure, for Prometheus.
    pub fn figures(&self) -> [(&'static str, &'static str, u64); 4] {
        let number = |n: &AtomicU64| n.load(Ordering::Relaxed);
        [
            (
                "lockgate_policy_revision_good",
                "gauge",
                self.good.load(Ordering::Relaxed).into(),
            ),
            (
                "lockgate_policy_in_force_since_seconds",
                "gauge",
                number(&self.since),
            ),
            (
                "lockgate_policy_reloads_total",
                "counter",
                number(&self.taken),
            ),
            (
                "lockgate_policy_reloads_refused_total",
                "counter",
                number(&self.refused),
            ),
        ]
    }
}

fn seconds() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| now.as_secs())
}
