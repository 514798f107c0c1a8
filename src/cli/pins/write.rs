//! Asking, and writing what was agreed to.

use super::seen::Seen;
use crate::cli::{Fault, say};
use crate::engine::message::Json;
use crate::engine::pin::{Approval, Change, Lockfile, Plan, Review, visible};
use crate::state::lockfile::{self, StoreError};
use std::io::IsTerminal;

/// Asks; without a terminal and without `--yes` nothing is changed. A program
/// that reads JSON has nobody to ask.
pub(super) fn agree(yes: bool, json: bool, question: &str) -> Result<(), Fault> {
    if yes {
        return Ok(());
    }
    if json || !std::io::stdin().is_terminal() {
        return Err(Fault::Failed(
            "nothing was changed: there is nobody to ask; say `--yes` to go ahead".to_owned(),
        ));
    }
    say(&format!("{question} [y/N] "));
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    if read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes") {
        Ok(())
    } else {
        Err(Fault::Failed("nothing was changed".to_owned()))
    }
}

/// How many definitions were written.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Written {
    pub(super) approved: usize,
    pub(super) removed: usize,
}

/// Writes what `plan` shows: approved pins for what the server has, tombstones
/// for what it has no more, and with `whole` how it is started and who it is.
/// What is approved already keeps its approval.
pub(super) fn write(
    seen: &Seen,
    plan: &Plan,
    tools: &[Json<'_>],
    whole: bool,
) -> Result<Written, Fault> {
    let approval = Approval {
        by: std::env::var("USER").ok().filter(|u| !u.is_empty()),
        at: crate::audit::rfc3339(std::time::SystemTime::now())
            .parse()
            .ok(),
        lockgate: Some(env!("CARGO_PKG_VERSION").to_owned()),
    };
    let mut written = Written::default();
    let change = |lockfile: &mut Lockfile| -> Result<(), StoreError> {
        let pins = lockfile
            .servers
            .entry(seen.setup.server.clone())
            .or_default();
        for entry in &plan.drift.entries {
            match (&entry.change, entry.index.and_then(|i| tools.get(i))) {
                (Change::Unchanged(Review::Approved), _) => {}
                (Change::Removed, _) => {
                    pins.bury(&entry.name, approval.at);
                    written.removed = written.removed.saturating_add(1);
                }
                (Change::Duplicate(_) | Change::Unusable(_), _) => {
                    let name = visible(&entry.name);
                    say(&format!("`{name}` cannot be pinned and stays withheld"));
                }
                (_, Some(tool)) => match pins.approve(*tool, approval.clone()) {
                    Ok(_) => written.approved = written.approved.saturating_add(1),
                    Err(why) => say(&format!(
                        "`{}` cannot be pinned: {why}",
                        visible(&entry.name)
                    )),
                },
                (_, None) => {}
            }
        }
        if whole {
            pins.launch = Some(seen.launch.clone());
            pins.identity = Some(seen.listing.identity.clone());
        }
        Ok(())
    };
    lockfile::update(&seen.setup.lockfile, change).map_err(|e| Fault::Failed(e.to_string()))?;
    Ok(written)
}
