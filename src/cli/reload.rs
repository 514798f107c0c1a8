//! A policy that changes on disk while it is in force.
//!
//! Its files are looked at now and then, by their stamps. What has changed is
//! read once it stays as it is, and checked as at the start; what does not hold
//! leaves the last good revision in force, and is told until it is mended.

use super::Fault;
use super::places::Places;
use super::setup::{Revision, Setup};
use super::test::{check_tests, tests_of};
use crate::audit::{Outcome, Reload};
use crate::engine::pin::visible;
use crate::engine::policy::Policy;
use crate::engine::types::ServerName;
use crate::proxy::evidence::SharedLog;
use crate::state::lockfile::Stamp;
use crate::telemetry::standing::PolicyStanding;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// A file that was not written to for so long is whole.
const REST: Duration = Duration::from_secs(1);
/// What does not hold may hold by now, though its own files have not changed: a
/// file that it includes is there, or its tests are mended.
const AGAIN: Duration = Duration::from_secs(10);
/// It is told again after that.
const REMIND: Duration = Duration::from_mins(10);

/// Looks after the files of a policy.
#[derive(Debug)]
pub(super) struct Watch {
    file: PathBuf,
    places: Places,
    /// The policy in force.
    policy: Arc<Policy>,
    /// All that belongs to it, the tests of a strict one included.
    own: Vec<PathBuf>,
    /// How that was when it was read last.
    seen: Stamps,
    /// A state that may not be the last one of a change.
    unsettled: Option<Stamps>,
    wrong: Option<Wrong>,
    log: SharedLog,
    standing: Arc<PolicyStanding>,
}

type Stamps = Vec<Option<Stamp>>;

/// Why what is on disk is not in force.
#[derive(Debug)]
struct Wrong {
    why: String,
    tried: Instant,
    told: Instant,
}

/// Refuses a revision that changes what has been set up already. `only`: a server
/// without a listener.
pub(super) fn refuse_restart(
    old: &Policy,
    new: &Policy,
    only: Option<&ServerName>,
) -> Result<(), Fault> {
    match old.needs_restart(new, only) {
        None => Ok(()),
        Some(what) => Err(Fault::Policy(format!(
            "a change of {what} needs a restart of lockgate, and nothing of the policy is taken \
             until then"
        ))),
    }
}

impl Watch {
    /// Looks after the policy of a setup; nothing, where that is the baseline.
    pub(super) fn new(
        setup: &Setup,
        log: SharedLog,
        standing: Arc<PolicyStanding>,
    ) -> Option<Self> {
        Some(Self {
            file: setup.file.clone()?,
            places: setup.places.clone(),
            policy: Arc::clone(&setup.policy),
            own: watched(&setup.revision(), setup.file.as_ref()?),
            // Unlike any state: what has changed since it was read is seen.
            seen: Stamps::new(),
            unsettled: None,
            wrong: None,
            log,
            standing,
        })
    }

    /// Looks once. If there is another revision, gives what `take` makes of it;
    /// then that is in force, and recorded as such.
    pub(super) fn look<T>(&mut self, take: impl FnOnce(Revision) -> Result<T, Fault>) -> Option<T> {
        let now = Instant::now();
        if stamps(&self.own) == self.seen && !self.is_due(now) {
            return None;
        }
        let started = SystemTime::now();
        let read = Revision::of(Some(self.file.clone()), self.places.clone());
        let own = read.as_ref().map_or_else(
            |_| self.own.clone(),
            |revision| watched(revision, &self.file),
        );
        let found = stamps(&own);
        // Either nothing was written while it was read and shortly before, or
        // nothing since the last look, which was then read as a whole.
        let rests = |one: &Option<Stamp>| one.as_ref().is_some_and(|s| s.is_older(REST, started));
        if !found.iter().all(rests) && self.unsettled.as_ref() != Some(&found) {
            self.unsettled = Some(found);
            return None;
        }
        (self.unsettled, self.seen) = (None, found);
        let taken = match read {
            Err(fault) => Err(fault),
            Ok(revision) if revision.policy.digest() == self.policy.digest() => {
                // What it promises may not hold any more, though it is the same.
                match promised(&revision) {
                    Ok(()) => {
                        self.own = own;
                        self.as_before();
                        return None;
                    }
                    Err(fault) => Err(fault),
                }
            }
            Ok(revision) => {
                let policy = Arc::clone(&revision.policy);
                take(revision).map(|taken| (policy, taken))
            }
        };
        match taken {
            Ok((policy, taken)) => {
                self.own = own;
                self.take(policy).then_some(taken)
            }
            Err(fault) => {
                // Its files may be others than those that were looked at.
                self.seen = stamps(&self.own);
                self.refuse(&fault, now);
                None
            }
        }
    }

    fn is_due(&self, now: Instant) -> bool {
        let tried = self.wrong.as_ref().map(|wrong| wrong.tried);
        tried.is_some_and(|tried| now.saturating_duration_since(tried) >= AGAIN)
    }

    /// The policy in force is on disk, or is there again.
    fn as_before(&mut self) {
        if self.wrong.take().is_some() {
            tracing::warn!("policy: what is in force is on disk again");
            self.standing.as_on_disk();
            self.record(Outcome::InForce, None, "");
        }
    }

    /// Another one is in force. Without a record it is not.
    fn take(&mut self, policy: Arc<Policy>) -> bool {
        let before = std::mem::replace(&mut self.policy, policy);
        if !self.record(Outcome::InForce, Some(&before), "") {
            self.policy = before;
            return false;
        }
        self.wrong = None;
        self.standing.taken();
        let digest = self.policy.digest().map(|digest| digest.to_string());
        tracing::warn!(
            "policy: `{}` has changed, and is in force from the next message on ({})",
            self.file.display(),
            digest.unwrap_or_default()
        );
        true
    }

    fn refuse(&mut self, fault: &Fault, now: Instant) {
        let why = visible(&fault.brief());
        let wrong = self.wrong.as_ref().filter(|wrong| wrong.why == why);
        let told = wrong.map(|wrong| wrong.told);
        let told = told.filter(|told| now.saturating_duration_since(*told) < REMIND);
        if wrong.is_none() {
            self.standing.refused();
            self.record(Outcome::Refused, None, &why);
        }
        if told.is_none() {
            tracing::error!(
                "policy: `{}` has changed and is NOT in force; the one before it still is: {why}",
                self.file.display()
            );
        }
        self.wrong = Some(Wrong {
            why,
            tried: now,
            told: told.unwrap_or(now),
        });
    }

    fn record(&self, outcome: Outcome, before: Option<&Policy>, detail: &str) -> bool {
        let recorded = self.log.reloaded(&Reload {
            outcome,
            policy: self.policy.digest(),
            before: before.and_then(Policy::digest),
            detail: detail.to_owned(),
        });
        if let Err(e) = &recorded {
            tracing::error!("policy: a change of it cannot be recorded: {e}");
        }
        recorded.is_ok()
    }
}

/// All whose change matters: a new test is a change of its directory.
fn watched(revision: &Revision, file: &Path) -> Vec<PathBuf> {
    let mut all = revision.own.clone();
    if revision.policy.strict {
        all.extend(tests_of(file).unwrap_or_default());
        let dir = file.parent().filter(|dir| !dir.as_os_str().is_empty());
        all.push(dir.unwrap_or(Path::new(".")).to_owned());
    }
    all
}

/// The tests of a strict policy.
fn promised(revision: &Revision) -> Result<(), Fault> {
    if revision.policy.strict {
        check_tests(revision)?;
    }
    Ok(())
}

fn stamps(files: &[PathBuf]) -> Stamps {
    files.iter().map(|file| Stamp::of(file)).collect()
}
