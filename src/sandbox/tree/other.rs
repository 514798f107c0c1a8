//! Systems without parent-death signal and subreaper: only the group is known.

use rustix::process::{Pid, Signal, getppid, kill_process_group, test_kill_process_group};
use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

/// How often to ask whether the parent lives: no signal tells.
pub(crate) const PARENT_CHECK: Option<Duration> = Some(Duration::from_millis(500));

/// The signal that makes a guardian kill the server's group at once. Killing
/// the guardian itself would leave the server running.
pub(crate) const KILL_GUARD: Signal = Signal::QUIT;

/// An error means that `parent` has already died. The guardian asks again every
/// [`PARENT_CHECK`].
pub(crate) fn die_with_parent(_signal: Signal, parent: Pid) -> io::Result<()> {
    if getppid() == Some(parent) {
        Ok(())
    } else {
        Err(rustix::io::Errno::SRCH.into())
    }
}

/// Not known here: orphans go to init.
#[expect(clippy::unnecessary_wraps, reason = "it can fail on Linux")]
pub(crate) fn adopt_orphans() -> io::Result<()> {
    Ok(())
}

/// `/proc` is not used here.
#[expect(clippy::unnecessary_wraps, reason = "it can fail on Linux")]
pub(crate) fn can_find_orphans() -> io::Result<()> {
    Ok(())
}

/// Not known here: ask `Child::poll_exit` now and then.
pub(crate) fn exit_fd(_pid: Pid) -> Option<OwnedFd> {
    None
}

/// Whether something of the server's group is left.
pub(crate) fn is_left(group: Pid, _children: bool) -> bool {
    test_kill_process_group(group).is_ok()
}

/// Sends `signal` to what is left of the server's group.
pub(crate) fn signal_left(group: Pid, signal: Signal) -> io::Result<()> {
    Ok(kill_process_group(group, signal)?)
}

/// Kills what is left of the server's group, where that is known.
pub(crate) fn sweep(group: Option<Pid>, _limit: Duration) -> io::Result<()> {
    match group {
        Some(group) => signal_left(group, Signal::KILL),
        None => Ok(()),
    }
}
