//! The wrapped server as lockgate sees it: three pipes, an exit status, and a
//! way to end it that leaves nothing behind.
//!
//! Between lockgate and the server stands a guardian (`sandbox::guard`). Made
//! for a `poll(2)` loop: no call here waits for the server to want something.
//! Dropping one that still runs kills it and waits for that, and so does asking
//! for the exit after the guardian was killed: milliseconds, 2 s at the most.
//!
//! Answers kill -9 at any moment, of any of the three, and a server (A1) that
//! does not want to end.

mod shutdown;

pub use shutdown::{Action, Shutdown, ShutdownTimes};

use crate::sandbox::guard::Order;
use crate::sandbox::tree;
use rustix::process::{Pid, Signal, getpid, kill_process};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The capacity that we ask for on stdin and stdout, in bytes. Not the most that
/// Linux grants: the pipes of a user share 64 MiB by default, and past that every
/// new one, in whatever program, gets two pages (pipe(7), `pipe-user-pages-soft`).
#[cfg(target_os = "linux")]
const PIPE_SIZE: usize = 256 << 10;

/// How long to look for what a killed guardian left behind.
const SWEEP: Duration = Duration::from_secs(2);

/// Where we find ourselves, even after an upgrade replaced our file.
#[cfg(target_os = "linux")]
const OURSELVES: &str = "/proc/self/exe";

/// What to start.
#[derive(Clone, PartialEq, Eq)]
pub struct ChildSpec {
    /// Program and arguments; never a shell. The program is looked up in the
    /// `PATH` of `env` unless it holds a slash.
    pub argv: Vec<OsString>,
    /// The whole environment: nothing else is inherited.
    pub env: BTreeMap<OsString, OsString>,
    /// The working directory; lockgate's own if `None`.
    pub cwd: Option<PathBuf>,
}

impl fmt::Debug for ChildSpec {
    /// Arguments and values can be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChildSpec")
            .field("program", &self.argv.first())
            .field("arguments", &self.argv.len().saturating_sub(1))
            .field("env", &self.env.keys())
            .field("cwd", &self.cwd)
            .finish()
    }
}

/// Why a server was not started. A program that cannot be executed is not among
/// them: the guardian finds that out, says so on the server's stderr, and exits
/// with 126 or 127.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// There is no program to start.
    #[error("expected a program to start, found an empty command")]
    EmptyCommand,
    /// The working directory is not one.
    #[error("cannot start the server in `{}`: not a directory; create it or change the server's directory", .0.display())]
    WorkingDirectory(PathBuf),
    /// The system refused a step.
    #[error("cannot {step}: {error}")]
    System {
        /// Which step.
        step: &'static str,
        /// What it said.
        error: std::io::Error,
    },
}

/// Makes sure that SIGCHLD is not ignored: whoever started lockgate may have left
/// it so, and then the kernel throws exit codes away. The handler does nothing.
fn hear_of_exits() -> std::io::Result<()> {
    static HEARING: Mutex<bool> = Mutex::new(false);
    let mut hearing = HEARING.lock().unwrap_or_else(PoisonError::into_inner);
    if !*hearing {
        let nothing = Arc::new(AtomicBool::new(false));
        signal_hook::flag::register(signal_hook::consts::SIGCHLD, nothing)?;
        *hearing = true;
    }
    Ok(())
}

fn system(step: &'static str) -> impl FnOnce(std::io::Error) -> SpawnError {
    move |error| SpawnError::System { step, error }
}

/// A started server. Dropping it kills it and everything that it started.
#[derive(Debug)]
pub struct Child {
    /// What the server reads; non-blocking. `None` once closed.
    pub stdin: Option<OwnedFd>,
    /// What the server writes; non-blocking. `None` once closed.
    pub stdout: Option<OwnedFd>,
    /// What the server logs; non-blocking. `None` once closed.
    pub stderr: Option<OwnedFd>,
    guard: std::process::Child,
    exit_fd: Option<OwnedFd>,
    exit: Option<ExitStatus>,
}

impl Child {
    /// Starts a server, with the default grace period.
    ///
    /// Call it on a thread that lives as long as the server: on Linux the end of
    /// that thread ends the server as the end of lockgate does.
    ///
    /// # Errors
    /// See [`SpawnError`].
    pub fn spawn(spec: &ChildSpec) -> Result<Self, SpawnError> {
        #[cfg(target_os = "linux")]
        let lockgate = PathBuf::from(OURSELVES);
        #[cfg(not(target_os = "linux"))]
        let lockgate = std::env::current_exe().map_err(system("find lockgate's own program"))?;
        Self::spawn_through(&lockgate, spec, ShutdownTimes::default().after_term)
    }

    /// Starts a server through the guardian of another `lockgate` program, for
    /// programs that are not lockgate; `grace` is what the server gets between
    /// TERM and KILL.
    ///
    /// # Errors
    /// See [`SpawnError`].
    pub fn spawn_through(
        lockgate: &Path,
        spec: &ChildSpec,
        grace: Duration,
    ) -> Result<Self, SpawnError> {
        let (program, args) = spec.argv.split_first().ok_or(SpawnError::EmptyCommand)?;
        let order = Order {
            parent: getpid(),
            grace,
            program: program.clone(),
            args: args.to_vec(),
        };
        let mut command = Command::new(lockgate);
        command
            .arg0("lockgate")
            .args(order.to_args())
            .env_clear()
            .envs(&spec.env)
            // The guardian must outlive a Ctrl-C that is meant for lockgate.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(cwd) = &spec.cwd {
            if !cwd.is_dir() {
                return Err(SpawnError::WorkingDirectory(cwd.clone()));
            }
            command.current_dir(cwd);
        }
        // Before the guardian runs: its exit must not be lost, and if it is killed
        // its orphans come to us.
        hear_of_exits().map_err(system("handle SIGCHLD"))?;
        tree::adopt_orphans().map_err(system("become a subreaper"))?;
        if let Err(why) = tree::can_find_orphans() {
            tracing::warn!("what the server leaves behind may outlive it ({why}); mount /proc");
        }
        let guard = command.spawn().map_err(system("start the guardian"))?;
        Self::new(guard)
    }

    fn new(mut guard: std::process::Child) -> Result<Self, SpawnError> {
        let child = Self {
            stdin: guard.stdin.take().map(Into::into),
            stdout: guard.stdout.take().map(Into::into),
            stderr: guard.stderr.take().map(Into::into),
            exit_fd: tree::exit_fd(Pid::from_child(&guard)),
            guard,
            exit: None,
        };
        for pipe in [&child.stdin, &child.stdout, &child.stderr]
            .into_iter()
            .flatten()
        {
            rustix::io::ioctl_fionbio(pipe, true)
                .map_err(|error| system("make a pipe non-blocking")(error.into()))?;
        }
        #[cfg(target_os = "linux")]
        for pipe in [&child.stdin, &child.stdout].into_iter().flatten() {
            // Only speed: a user with many servers gets the smaller pipes.
            let _ = rustix::pipe::fcntl_setpipe_size(pipe, PIPE_SIZE);
        }
        Ok(child)
    }

    /// Tells the server that nothing more comes: the request to exit that every
    /// revision of the protocol knows.
    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Polls readable when [`Child::poll_exit`] has an answer. `None` where the
    /// system has no such thing; then ask now and then.
    pub fn exit_fd(&self) -> Option<&OwnedFd> {
        self.exit_fd.as_ref()
    }

    /// How it ended, once the server and all that it started are gone. Their
    /// pipes may still hold what they wrote.
    ///
    /// The code is the server's, 128 + n if signal n ended it, 126 or 127 if it
    /// could not be started. A signal means that the guardian itself was killed.
    pub fn poll_exit(&mut self) -> Option<ExitStatus> {
        if self.exit.is_none() {
            let status = match self.guard.try_wait() {
                Ok(status) => status?,
                // Somebody else reaped it: it is gone, and how is lost.
                Err(_) => ExitStatus::from_raw(i32::from(u8::MAX) << 8),
            };
            self.exit = Some(status);
            if status.signal().is_some() {
                // It could not end the tree, so we do. What still lives after
                // that hangs in the kernel with a KILL pending.
                let _ = tree::sweep(None, SWEEP);
            }
        }
        self.exit
    }

    /// Ends the server: TERM, and KILL after the grace period. Asking again
    /// changes nothing.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Kills the server and all that it started, now. [`Child::poll_exit`] tells
    /// when they are gone.
    pub fn kill(&self) {
        self.signal(tree::KILL_GUARD);
    }

    fn signal(&self, signal: Signal) {
        // Once reaped, the pid may be a stranger's.
        if self.exit.is_none() {
            // It may have exited; then there is nothing to end.
            let _ = kill_process(Pid::from_child(&self.guard), signal);
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.poll_exit().is_none() {
            self.kill();
            let _ = self.guard.wait();
            let _ = self.poll_exit();
        }
    }
}

/// The exit code of a program that ends as its server did: as shells do, 128 + n
/// for signal n.
pub fn exit_code(status: ExitStatus) -> u8 {
    let code = match status.signal() {
        Some(signal) => 128 + signal,
        None => status.code().unwrap_or(i32::from(u8::MAX)),
    };
    u8::try_from(code).unwrap_or(u8::MAX)
}
