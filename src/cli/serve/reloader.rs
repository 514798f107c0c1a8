//! Another revision of the policy takes the place of the one in force, for all
//! servers and agents at once, or not at all.

use super::super::reload::{Watch, refuse_restart};
use super::super::setup::Revision;
use super::{Makers, Ruled, ServeArgs, Served, keep_out, served, who};
use crate::cli::Fault;
use crate::transport::http::server::{Admits, Site};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

/// How often the policy's files are looked at.
const EVERY: Duration = Duration::from_secs(1);

/// Looks after the policy of a listener.
#[derive(Debug)]
pub(super) struct Reloader {
    pub(super) watch: Watch,
    pub(super) args: ServeArgs,
    /// At which agents reach the listener.
    pub(super) origin: String,
    /// Who is let in by the revision in force.
    pub(super) admits: Admits,
    pub(super) makers: Arc<Makers>,
}

impl Reloader {
    /// For ever. Files are read, and tests of the policy run, where that holds up
    /// nobody.
    pub(super) async fn run(self, site: Arc<Site>) {
        let mut reloader = self;
        loop {
            sleep(EVERY).await;
            let looked = spawn_blocking(move || {
                let next = reloader.look();
                (reloader, next)
            });
            let next;
            (reloader, next) = match looked.await {
                Ok(looked) => looked,
                Err(e) => {
                    tracing::error!("the policy is not looked after any more: {e}");
                    return;
                }
            };
            if let Some((ruled, admits)) = next {
                reloader.makers.exchange(ruled);
                reloader.admits = admits.clone();
                site.admit(admits);
                site.announce();
            }
        }
    }

    /// What takes the place of the revision in force, if anything does.
    fn look(&mut self) -> Option<(Ruled, Admits)> {
        let (args, origin, admits) = (&self.args, &self.origin, &self.admits);
        self.watch
            .look(|revision| next(args, origin, admits, revision))
    }
}

/// All that goes by a revision, once it is known to be good.
fn next(
    args: &ServeArgs,
    origin: &str,
    before: &Admits,
    revision: Revision,
) -> Result<(Ruled, Admits), Fault> {
    refuse_restart(&before.policy, &revision.policy, None)?;
    let Served { setups, .. } = served(revision, &args.target)?.recorded(args);
    let ruled = Ruled::new(setups)?.revised();
    let first = ruled.first()?;
    super::super::test::check_strict(first)?;
    keep_out(args, first)?;
    let policy = Arc::clone(&first.policy);
    // One that stays knows the keys of issuers already.
    let who = if policy.admits_alike(&before.policy) {
        Arc::clone(&before.who)
    } else {
        Arc::new(who(args, first, origin)?)
    };
    Ok((ruled, Admits { who, policy }))
}
