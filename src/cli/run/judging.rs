//! The engine of the one session of `run`, by the policy of the moment.

use super::super::reload::{Watch, refuse_restart};
use super::super::setup::{Revision, Setup, Shared};
use crate::cli::Fault;
use crate::engine::Engine;
use crate::proxy::evidence::SharedLog;
use crate::proxy::pump::Judges;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often the policy's files are looked at, while messages come.
const EVERY: Duration = Duration::from_secs(1);

/// Looks at the policy's files between messages.
#[derive(Debug)]
pub(super) struct Judging {
    watch: Watch,
    looked: Instant,
    setup: Setup,
    shared: Shared,
}

impl Judging {
    /// Nothing, where the baseline is in force.
    pub(super) fn new(setup: &Setup, shared: Shared, log: SharedLog) -> Option<Self> {
        Some(Self {
            watch: Watch::new(setup, log, Arc::default())?,
            looked: Instant::now(),
            setup: setup.by(setup.revision()),
            shared,
        })
    }
}

impl Judges for Judging {
    fn interval(&self) -> Option<Duration> {
        Some(EVERY)
    }

    fn newer(&mut self) -> Option<Arc<Engine>> {
        let now = Instant::now();
        if now.saturating_duration_since(self.looked) < EVERY {
            return None;
        }
        self.looked = now;
        let (setup, shared) = (&self.setup, &self.shared);
        let (setup, engine) = self.watch.look(|revision| next(setup, shared, revision))?;
        self.setup = setup;
        Some(Arc::new(engine))
    }
}

/// The engine of the same agent by a revision, once that is known to be good.
fn next(before: &Setup, shared: &Shared, revision: Revision) -> Result<(Setup, Engine), Fault> {
    refuse_restart(&before.policy, &revision.policy, Some(&before.server))?;
    let mut setup = before.by(revision);
    super::super::test::check_strict(&setup)?;
    // It never becomes another one: whom the policy does not know any more, or
    // by another proof, may do nothing.
    if let Err(why) = setup.check_launch() {
        tracing::error!(
            "policy: `{}` may do nothing any more: {}",
            setup.agent,
            why.text()
        );
        let mut policy = (*setup.policy).clone();
        policy.agents.remove(&setup.agent);
        setup.policy = Arc::new(policy);
    }
    let engine = setup.engine_for(setup.agent.clone(), setup.server_pins(), shared)?;
    Ok((setup, engine.revised()))
}
