//! The guardian: the small process between lockgate and the wrapped server.
//!
//! `lockgate __guard PARENT GRACE -- ARGV...` starts ARGV and outlives lockgate
//! by as long as it takes to end the server and everything that the server
//! started. It is single-threaded, reads no configuration and no message, and
//! shares nothing with the server once that runs. Deliberately absent: command
//! line parsing by clap, logging, and any decision.
//!
//! Answers the server (A1) that ignores the end of its input and SIGTERM,
//! double-forks, or calls `setsid(2)` to survive, and the kill -9 of lockgate
//! that would leave it running with nobody to judge it.

mod alarm;
mod order;
mod start;

pub use order::{COMMAND, Order};

use crate::sandbox::tree;
use alarm::Alarm;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, getppid, kill_process_group, wait};
use std::ffi::OsString;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// What the server's leftovers get between TERM and KILL when the server exited
/// by itself or lockgate is gone: long enough to remove a lock file.
const HASTE: Duration = Duration::from_millis(500);

/// How long to look for leftovers. What lives longer hangs in the kernel.
const SWEEP: Duration = Duration::from_secs(5);

/// lockgate was already gone when we started: as if SIGTERM had ended us.
const NOBODY_LEFT: u8 = 128 + 15;

/// Runs the guardian; `args` is what follows [`COMMAND`].
///
/// Exits with the server's exit code, with 128 + n if signal n ended it, with
/// 127 if its program was not found and 126 if it could not be executed (and
/// says so on stderr), with 2 if called wrongly.
pub fn main(args: impl Iterator<Item = OsString>) -> ExitCode {
    ExitCode::from(run(args).unwrap_or_else(|failure| {
        start::say(&failure.message);
        failure.code
    }))
}

/// Why there is no server, and the exit code that says so.
#[derive(Debug, PartialEq, Eq)]
struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    /// A step of our own that the system refused. Not started beats half guarded.
    fn system(step: &str, error: &std::io::Error) -> Self {
        Self {
            code: 126,
            message: format!("cannot {step}: {error}"),
        }
    }
}

fn run(args: impl Iterator<Item = OsString>) -> Result<u8, Failure> {
    let order = Order::parse(args).map_err(|error| Failure {
        code: 2,
        message: error.to_string(),
    })?;
    // First of all, so that nothing below can be mistaken for inherited.
    start::close_inherited_fds()
        .map_err(|error| Failure::system("list open file descriptors", &error))?;
    // Before the server runs: its exit must not be missed, and a handled signal
    // is a signal with the default action after exec, whatever we inherited.
    let alarm = Alarm::set().map_err(|error| Failure::system("handle signals", &error))?;
    if tree::die_with_parent(Signal::TERM, order.parent).is_err() {
        return Ok(NOBODY_LEFT);
    }
    tree::adopt_orphans().map_err(|error| Failure::system("become a subreaper", &error))?;
    let server = start::server(&order)?;
    let watch = Watch {
        server,
        order,
        alarm,
        exit: None,
        kill_at: None,
    };
    // From here on the pipes belong to the server alone: when it closes one,
    // lockgate sees the end of it although we live.
    let Ok(()) = start::release_stdio() else {
        watch.kill();
        return Ok(128 + 9);
    };
    Ok(watch.until_the_end())
}

/// The life of one server.
#[derive(Debug)]
struct Watch {
    server: Pid,
    order: Order,
    alarm: Alarm,
    /// The server's exit code, once it has exited.
    exit: Option<u8>,
    /// Once the end has begun: when patience ends.
    kill_at: Option<Instant>,
}

impl Watch {
    /// Waits for the server to exit or for a reason to end it, and leaves
    /// nothing of its tree behind. Returns the exit code.
    fn until_the_end(mut self) -> u8 {
        loop {
            let children = self.reap();
            if self.exit.is_some() && !tree::is_left(self.server, children) {
                break;
            }
            if let Some(patience) = self.reason_to_end() {
                self.end_within(patience);
            }
            let now = Instant::now();
            match self.kill_at {
                Some(at) if at <= now => break,
                Some(at) => self.alarm.wait(Some(at - now)),
                None => self.alarm.wait(tree::PARENT_CHECK),
            }
        }
        self.kill()
    }

    /// Why the tree has to end now, told as the time that it still gets.
    fn reason_to_end(&self) -> Option<Duration> {
        if self.alarm.at_once() {
            Some(Duration::ZERO)
        } else if self.exit.is_some() || getppid() != Some(self.order.parent) {
            Some(HASTE)
        } else if self.alarm.asked_to_end() {
            Some(self.order.grace)
        } else {
            None
        }
    }

    /// Asks politely the first time, and never prolongs what was granted before.
    fn end_within(&mut self, patience: Duration) {
        let at = Instant::now() + patience;
        if self.kill_at.is_none() {
            // Errors: whoever is gone already needs no signal.
            let _ = match self.exit {
                // Not reaped, so the group is still the server's.
                None => kill_process_group(self.server, Signal::TERM).map_err(Into::into),
                Some(_) => tree::signal_left(self.server, Signal::TERM),
            };
        }
        self.kill_at = Some(self.kill_at.map_or(at, |granted| granted.min(at)));
    }

    /// Kills everything that is left and returns the exit code.
    fn kill(mut self) -> u8 {
        if self.exit.is_none() {
            // The whole group at one instant, before it can fork again.
            let _ = kill_process_group(self.server, Signal::KILL);
            self.wait_for_server();
        }
        // Nobody listens to an error here; what cannot be killed now is dead
        // as soon as it leaves the kernel, or init's.
        let _ = tree::sweep(Some(self.server), SWEEP);
        self.exit.unwrap_or(128 + 9)
    }

    /// Waits for the server that was just killed.
    fn wait_for_server(&mut self) {
        let end = Instant::now() + SWEEP;
        while self.reap() && self.exit.is_none() && Instant::now() < end {
            self.alarm.wait(Some(Duration::from_millis(20)));
        }
    }

    /// Reaps what has exited; whether we still have children.
    fn reap(&mut self) -> bool {
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) if pid == self.server => {
                    self.exit = exit_code(status).or(self.exit);
                }
                Ok(Some(_)) | Err(rustix::io::Errno::INTR) => {}
                Ok(None) => return true,
                Err(_) => return false,
            }
        }
    }
}

/// As shells do: the code, or 128 + the signal.
fn exit_code(status: WaitStatus) -> Option<u8> {
    let code = match status.terminating_signal() {
        Some(signal) => 128 + signal,
        None => status.exit_status()?,
    };
    u8::try_from(code).ok()
}
