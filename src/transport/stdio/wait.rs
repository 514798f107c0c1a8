//! What the loop waits for, and what poll(2) said of it.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::os::fd::BorrowedFd;
use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Signals,
    Agent,
    Server,
    ToAgent,
    ToServer,
    Words,
    Errors,
    Exit,
}

/// What poll(2) said.
#[derive(Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "one for each thing that poll(2) can say"
)]
pub(super) struct Ready {
    pub(super) signals: bool,
    pub(super) agent: bool,
    pub(super) server: bool,
    pub(super) agent_gone: bool,
    pub(super) words: bool,
    pub(super) errors: bool,
    pub(super) exit: bool,
}

#[derive(Default)]
pub(super) struct Fds<'a> {
    sources: Vec<Source>,
    fds: Vec<PollFd<'a>>,
}

impl<'a> Fds<'a> {
    pub(super) fn add(&mut self, source: Source, fd: BorrowedFd<'a>, flags: PollFlags) {
        self.sources.push(source);
        self.fds.push(PollFd::from_borrowed_fd(fd, flags));
    }

    pub(super) fn poll(mut self, timeout: Option<Duration>) -> Result<Ready, Errno> {
        let timeout = timeout.map(|t| Timespec {
            tv_sec: i64::try_from(t.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: t.subsec_nanos().into(),
        });
        match poll(&mut self.fds, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(e) => return Err(e),
        }
        let mut ready = Ready::default();
        for (source, fd) in self.sources.iter().zip(&self.fds) {
            let flags = fd.revents();
            if flags.is_empty() {
                continue;
            }
            match source {
                Source::Signals => ready.signals = true,
                Source::Agent => ready.agent = true,
                Source::Server => ready.server = true,
                Source::ToAgent => {
                    ready.agent_gone = flags.intersects(PollFlags::ERR | PollFlags::NVAL);
                }
                // It only wakes the loop.
                Source::ToServer => {}
                Source::Exit => ready.exit = true,
                Source::Words => ready.words = true,
                Source::Errors => ready.errors = true,
            }
        }
        Ok(ready)
    }
}
