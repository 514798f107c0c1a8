//! The order in which a server is asked to exit, as a value: no clock, no I/O.
//!
//! MCP, 2026-07-28, stdio transport, "Shutdown" (the same in every revision):
//! close the server's stdin, wait, SIGTERM, wait, SIGKILL.

use std::time::{Duration, Instant};

/// How long to wait for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShutdownTimes {
    /// For the server to exit after its stdin was closed.
    pub after_close: Duration,
    /// For it to exit after SIGTERM; its guardian then kills it.
    pub after_term: Duration,
    /// For the guardian to report, before it is killed itself.
    pub for_guard: Duration,
}

impl Default for ShutdownTimes {
    /// 2 s, 2 s, 1 s. Clients give a server as little before they kill lockgate.
    fn default() -> Self {
        Self {
            after_close: Duration::from_secs(2),
            after_term: Duration::from_secs(2),
            for_guard: Duration::from_secs(1),
        }
    }
}

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// [`super::Child::close_stdin`]
    CloseStdin,
    /// [`super::Child::terminate`]
    Terminate,
    /// [`super::Child::kill`]
    Kill,
}

/// A shutdown under way. Drop it when the server has exited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shutdown {
    times: ShutdownTimes,
    next: Option<(Instant, Action)>,
}

impl Shutdown {
    /// Begins; the first action is due at once.
    pub fn begin(now: Instant, times: ShutdownTimes) -> Self {
        Self {
            times,
            next: Some((now, Action::CloseStdin)),
        }
    }

    /// When to call [`Shutdown::step`] next. `None` once everything was done.
    pub fn deadline(&self) -> Option<Instant> {
        self.next.map(|(due, _)| due)
    }

    /// The action that is due, if one is. One at a time: a loop that comes late
    /// still gives the server its full time after each.
    pub fn step(&mut self, now: Instant) -> Option<Action> {
        let (_, action) = self.next.filter(|(due, _)| *due <= now)?;
        let times = self.times;
        self.next = match action {
            Action::CloseStdin => Some((now + times.after_close, Action::Terminate)),
            Action::Terminate => Some((now + times.after_term + times.for_guard, Action::Kill)),
            Action::Kill => None,
        };
        Some(action)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMES: ShutdownTimes = ShutdownTimes {
        after_close: Duration::from_millis(200),
        after_term: Duration::from_millis(100),
        for_guard: Duration::from_millis(50),
    };

    /// The actions at these milliseconds, and the deadline after each.
    fn steps(at: &[u64]) -> Vec<(Option<Action>, Option<u64>)> {
        let start = Instant::now();
        let mut shutdown = Shutdown::begin(start, TIMES);
        at.iter()
            .map(|&ms| {
                let action = shutdown.step(start + Duration::from_millis(ms));
                let deadline = shutdown
                    .deadline()
                    .map(|due| u64::try_from((due - start).as_millis()).unwrap());
                (action, deadline)
            })
            .collect()
    }

    #[test]
    fn each_step_comes_when_it_is_due() {
        assert_eq!(
            steps(&[0, 1, 199, 200, 201, 349, 350, 10_000]),
            [
                (Some(Action::CloseStdin), Some(200)),
                (None, Some(200)),
                (None, Some(200)),
                (Some(Action::Terminate), Some(350)),
                (None, Some(350)),
                (None, Some(350)),
                (Some(Action::Kill), None),
                (None, None),
            ]
        );
    }

    #[test]
    fn coming_late_shortens_nothing() {
        assert_eq!(
            steps(&[5000, 5000, 9000, 9001]),
            [
                (Some(Action::CloseStdin), Some(5200)),
                (None, Some(5200)),
                (Some(Action::Terminate), Some(9150)),
                (None, Some(9150)),
            ]
        );
    }
}
