//! The guardian's signals: what wakes it, and what was asked of it.
//!
//! A handled signal goes back to its default action on exec, so handling every
//! signal that can be handled also hands the server default dispositions, even
//! where whoever started lockgate ignored some (`nohup`, a Python parent).

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::signal as sig;
use signal_hook::{flag, low_level};
use std::io::{self, Read as _};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Ends the server, with its grace period.
const END: [i32; 3] = [sig::SIGTERM, sig::SIGINT, sig::SIGHUP];

/// Ends the server without one.
const AT_ONCE: i32 = sig::SIGQUIT;

/// Handled for the server's sake alone. Not here: signals that report a fault
/// of the process itself, which a guardian that has one must die of.
const IGNORED: [i32; 13] = [
    sig::SIGALRM,
    sig::SIGCONT,
    sig::SIGPROF,
    sig::SIGTSTP,
    sig::SIGTTIN,
    sig::SIGTTOU,
    sig::SIGURG,
    sig::SIGUSR1,
    sig::SIGUSR2,
    sig::SIGVTALRM,
    sig::SIGWINCH,
    sig::SIGXCPU,
    sig::SIGXFSZ,
];

/// Signals as something to wait for.
#[derive(Debug)]
pub(super) struct Alarm {
    wake: UnixStream,
    end: Arc<AtomicBool>,
    at_once: Arc<AtomicBool>,
}

impl Alarm {
    /// Installs the handlers.
    pub(super) fn set() -> io::Result<Self> {
        let (wake, waker) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        let alarm = Self {
            wake,
            end: Arc::default(),
            at_once: Arc::default(),
        };
        // The flag before the waker: who wakes must see it.
        for signal in END {
            flag::register(signal, Arc::clone(&alarm.end))?;
        }
        flag::register(AT_ONCE, Arc::clone(&alarm.at_once))?;
        for signal in END.into_iter().chain([AT_ONCE, sig::SIGCHLD]) {
            low_level::pipe::register(signal, waker.try_clone()?)?;
        }
        let nothing = Arc::new(AtomicBool::new(false));
        for signal in IGNORED {
            flag::register(signal, Arc::clone(&nothing))?;
        }
        Ok(alarm)
    }

    /// Whether someone asked for the end.
    pub(super) fn asked_to_end(&self) -> bool {
        self.end.load(Ordering::SeqCst)
    }

    /// Whether someone asked for the end at once.
    pub(super) fn at_once(&self) -> bool {
        self.at_once.load(Ordering::SeqCst)
    }

    /// Sleeps until a signal comes or `limit` is over, or for no reason.
    pub(super) fn wait(&mut self, limit: Option<Duration>) {
        let limit = limit.and_then(|limit| Timespec::try_from(limit).ok());
        let mut fds = [PollFd::new(&self.wake, PollFlags::IN)];
        // An interruption is a signal, and the caller looks at everything anyway.
        let _ = poll(&mut fds, limit.as_ref());
        let mut bytes = [0; 64];
        while self.wake.read(&mut bytes).is_ok_and(|read| read > 0) {}
    }
}
