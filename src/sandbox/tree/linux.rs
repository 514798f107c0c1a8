//! Linux: parent-death signal, subreaper, `/proc`.

use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, getpid, getppid, kill_process, pidfd_open,
    set_child_subreaper, set_parent_process_death_signal, waitpid,
};
use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

/// How often to ask whether the parent lives: never, a signal tells.
pub(crate) const PARENT_CHECK: Option<Duration> = None;

/// The signal that ends a guardian at once. Its death kills the server, and
/// what the server leaves behind comes to lockgate.
pub(crate) const KILL_GUARD: Signal = Signal::KILL;

/// Between two looks at `/proc`: what was killed needs a moment to die.
const PAUSE: Duration = Duration::from_millis(1);

/// Asks the kernel for `signal` when the thread that started us ends.
///
/// Async-signal-safe: two system calls, no allocation. An error means that
/// `parent` had already died, and then there is nobody left to work for.
pub(crate) fn die_with_parent(signal: Signal, parent: Pid) -> io::Result<()> {
    set_parent_process_death_signal(Some(signal))?;
    // The parent may have died before the call above, and then no signal comes.
    if getppid() == Some(parent) {
        Ok(())
    } else {
        Err(Errno::SRCH.into())
    }
}

/// Orphans below us become our children from now on. Any pid switches it on.
pub(crate) fn adopt_orphans() -> io::Result<()> {
    Ok(set_child_subreaper(Some(getpid()))?)
}

/// A file descriptor that polls readable when our child `pid` has exited.
/// `None` before Linux 5.3.
pub(crate) fn exit_fd(pid: Pid) -> Option<OwnedFd> {
    pidfd_open(pid, PidfdFlags::empty()).ok()
}

/// Whether something of the server's tree is left, once the server itself is
/// gone: everything that is left is our child.
pub(crate) fn is_left(_group: Pid, children: bool) -> bool {
    children
}

/// Sends `signal` to what the server left behind.
pub(crate) fn signal_left(_group: Pid, signal: Signal) -> io::Result<()> {
    for_each_adopted(|pid, state| {
        if state != State::Dead {
            // It may have died this instant; then there is nothing to do.
            let _ = kill_process(pid, signal);
        }
    })
}

/// Kills and reaps everything that is left, and what that leaves in turn.
///
/// Ends when nothing is left. An error means that `/proc` cannot be read, or
/// that after `limit` something still lives: it hangs in the kernel, or it forks
/// faster than it can be found.
pub(crate) fn sweep(_group: Option<Pid>, limit: Duration) -> io::Result<()> {
    let end = Instant::now() + limit;
    loop {
        let (mut found, mut living) = (false, false);
        for_each_adopted(|pid, state| {
            found = true;
            if state == State::Dead {
                let _ = waitpid(Some(pid), WaitOptions::NOHANG);
            } else {
                living = true;
                let _ = kill_process(pid, Signal::KILL);
            }
        })?;
        if !found {
            // INVARIANT: none of them existed when this look began. Each
            // descendant hangs on a direct child of ours, which only we reap.
            return Ok(());
        }
        if Instant::now() >= end {
            return Err(io::ErrorKind::TimedOut.into());
        }
        if living {
            std::thread::sleep(PAUSE);
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Living,
    /// Dead and not reaped.
    Dead,
}

/// What we need of `/proc/PID/stat` (`proc_pid_stat(5)`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stat {
    state: State,
    parent: i32,
    session: i32,
}

impl Stat {
    /// `None` for a line that is not of the documented form.
    fn parse(line: &[u8]) -> Option<Self> {
        // The name in brackets is the process's own choice: it may hold blanks,
        // brackets and newlines, so the fields count from the last bracket.
        let name_end = line.iter().rposition(|&byte| byte == b')')?;
        let rest = std::str::from_utf8(line.get(name_end + 1..)?).ok()?;
        let mut fields = rest.split_ascii_whitespace();
        let state = match fields.next()? {
            "Z" | "X" => State::Dead,
            _ => State::Living,
        };
        let parent = fields.next()?.parse().ok()?;
        let session = fields.nth(1)?.parse().ok()?;
        Some(Self {
            state,
            parent,
            session,
        })
    }
}

/// How `/proc` numbers processes, and how we do.
///
/// They differ in a PID namespace that shows the `/proc` of another one, as a
/// container without a mount of its own does. Then a number from there must not
/// be signalled: it is somebody else's here.
#[derive(Debug)]
struct Numbers {
    /// What `/proc` calls us.
    own: i32,
    /// Where our number stands in the `NSpid` line of a process, if it is not
    /// the one that `/proc` shows.
    place: Option<usize>,
}

impl Numbers {
    fn read() -> io::Result<Self> {
        let unknown = || io::Error::other("/proc does not show this process");
        let own = std::fs::read_link("/proc/self")?;
        let own: i32 = own
            .to_str()
            .and_then(|own| own.parse().ok())
            .ok_or_else(unknown)?;
        let me = getpid().as_raw_nonzero().get();
        if own == me {
            return Ok(Self { own, place: None });
        }
        let status = std::fs::read("/proc/self/status")?;
        let place = ns_pids(&status).position(|pid| pid == me);
        Ok(Self {
            own,
            place: Some(place.ok_or_else(unknown)?),
        })
    }

    /// The number here of the process that `/proc` calls `shown`.
    fn here(&self, shown: i32) -> Option<Pid> {
        let Some(place) = self.place else {
            return Pid::from_raw(shown);
        };
        let status = std::fs::read(format!("/proc/{shown}/status")).ok()?;
        Pid::from_raw(ns_pids(&status).nth(place)?)
    }
}

/// The numbers of a process in all namespaces that it is in, outermost first
/// (`proc_pid_status(5)`). Its name, which it chooses itself, has no line end.
fn ns_pids(status: &[u8]) -> impl Iterator<Item = i32> {
    let line = status
        .split(|&byte| byte == b'\n')
        .find_map(|line| line.strip_prefix(b"NSpid:"));
    let line = String::from_utf8_lossy(line.unwrap_or_default()).into_owned();
    let pids: Vec<i32> = line
        .split_ascii_whitespace()
        .filter_map(|pid| pid.parse().ok())
        .collect();
    pids.into_iter()
}

/// Whether what the server leaves behind can be found.
pub(crate) fn can_find_orphans() -> io::Result<()> {
    Numbers::read().map(drop)
}

/// Calls `act` for each direct child of ours that belongs to another session.
///
/// The server begins a session of its own before its first instruction, and a
/// process can never return to a session that it left: a child in a foreign
/// session is from a server's tree, and nothing else is. `act` is called at once
/// and not after the whole look, so that a process that keeps forking has as
/// little time as possible.
fn for_each_adopted(mut act: impl FnMut(Pid, State)) -> io::Result<()> {
    let numbers = Numbers::read()?;
    // Read where theirs is read. `getsid(2)` has no valid answer where the
    // leader of our session is outside our PID namespace, as in a container:
    // both say 0 then, and a server's session, begun inside, never is 0.
    let own = std::fs::read("/proc/self/stat")?;
    let own = Stat::parse(&own).ok_or(io::ErrorKind::InvalidData)?;
    for entry in std::fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(shown) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // It may be gone by now.
        let Ok(line) = std::fs::read(format!("/proc/{shown}/stat")) else {
            continue;
        };
        if let Some(stat) = Stat::parse(&line)
            && stat.parent == numbers.own
            && stat.session != own.session
            && let Some(pid) = numbers.here(shown)
        {
            act(pid, stat.state);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    type Parsed = Option<(State, i32, i32)>;

    #[test]
    fn a_stat_line_is_read_whatever_the_process_calls_itself() {
        let cases: &[(&[u8], Parsed)] = &[
            (b"7 (cat) R 1 7 5 34816 9", Some((State::Living, 1, 5))),
            (b"7 (cat) Z 12 7 5 0 -1", Some((State::Dead, 12, 5))),
            (b"7 (a) Z 1 2 3) S 40 7 50 0", Some((State::Living, 40, 50))),
            (b"7 (a\nb \xff) D 4 7 5 0", Some((State::Living, 4, 5))),
            (b"7 (cat) R 1 7", None),
            (b"7 (cat) R x 7 5", None),
            (b"7 cat R 1 7 5", None),
            (b"", None),
        ];
        for (line, expected) in cases {
            let stat = Stat::parse(line).map(|s| (s.state, s.parent, s.session));
            assert_eq!(&stat, expected, "{}", String::from_utf8_lossy(line));
        }
    }

    #[test]
    fn the_numbers_of_all_namespaces_are_read() {
        let status = b"Name:\tNSpid: 9\nNSpid:\t1234\t7\t1\nNSsid:\t0\n";
        assert_eq!(ns_pids(status).collect::<Vec<_>>(), [1234, 7, 1]);
        assert_eq!(ns_pids(b"Name:\tx\n").count(), 0);
    }

    #[test]
    fn our_own_children_are_not_adopted_ones() {
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .unwrap();
        let pid = Pid::from_child(&child);
        let mut seen = false;
        for_each_adopted(|adopted, _| seen |= adopted == pid).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!seen);
    }
}
