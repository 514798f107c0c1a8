//! Starting the server from the guardian. The only unsafe code of lockgate.

use super::{Failure, Order};
use crate::sandbox::tree;
use rustix::io::Errno;
use rustix::process::{Pid, Signal, getpid, setsid};
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

/// Where a process finds its own file descriptors.
const OWN_FDS: &str = if cfg!(target_os = "linux") {
    "/proc/self/fd"
} else {
    "/dev/fd"
};

/// Writes a message to stderr, if anybody still reads it.
pub(super) fn say(message: &str) {
    let _ = writeln!(io::stderr(), "lockgate: {message}");
}

/// Closes every file descriptor but 0, 1 and 2. lockgate opens its own so that
/// they end on exec; this is for those that lockgate itself inherited.
pub(super) fn close_inherited_fds() -> io::Result<()> {
    let mut listed = Vec::new();
    for entry in std::fs::read_dir(OWN_FDS)? {
        let number = entry?.file_name().to_str().and_then(|n| n.parse().ok());
        listed.extend(number.filter(|&fd: &i32| fd > 2));
    }
    for fd in listed {
        // The directory listed itself, and is closed by now.
        if std::fs::symlink_metadata(format!("{OWN_FDS}/{fd}")).is_err() {
            continue;
        }
        #[expect(unsafe_code, reason = "a raw descriptor has no safe owner")]
        // SAFETY: `fd` is open, as the line above saw. The guardian has one
        // thread and holds no open object of its own here, so nothing in this
        // process owns `fd` or uses it later.
        unsafe {
            rustix::io::close(fd);
        }
    }
    Ok(())
}

/// Starts the server with our stdin, stdout, stderr, environment and directory.
pub(super) fn server(order: &Order) -> Result<Pid, Failure> {
    let guard = getpid();
    let mut command = Command::new(&order.program);
    command.args(&order.args);
    let before_exec = move || {
        // A session and process group of its own: Ctrl-C at the terminal is ours
        // to handle, and without a terminal it cannot type or draw on the user's.
        setsid()?;
        tree::die_with_parent(Signal::KILL, guard)
    };
    #[expect(unsafe_code, reason = "std has no safe hook between fork and exec")]
    // SAFETY: `before_exec` runs in the forked child and may do only what is
    // async-signal-safe. It makes three system calls (setsid, prctl, getppid)
    // through rustix, takes no lock, and allocates nothing: its errors are bare
    // OS error numbers. It touches no memory but its own copy of `guard`.
    unsafe {
        command.pre_exec(before_exec);
    }
    // std empties the signal mask and gives SIGPIPE its default action; `Alarm`
    // did the other signals.
    match command.spawn() {
        Ok(child) => Ok(Pid::from_child(&child)),
        Err(error) => Err(cannot_start(order, &error)),
    }
}

/// Gives up our copies of the server's pipes.
pub(super) fn release_stdio() -> io::Result<()> {
    let null: File = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/null")?;
    dup2_stdin(&null)?;
    dup2_stdout(&null)?;
    dup2_stderr(&null)?;
    Ok(())
}

/// Exit codes as shells and `env(1)` have them.
fn cannot_start(order: &Order, error: &io::Error) -> Failure {
    let program = order.program.to_string_lossy();
    let is_path = program.contains('/');
    let (code, why) = match Errno::from_io_error(error) {
        Some(Errno::NOENT) if !is_path => (
            127,
            "not found in PATH; install it or write its full path".to_owned(),
        ),
        Some(Errno::NOENT) if Path::new(&order.program).exists() => (
            126,
            "it exists, but the interpreter that it names does not; install that".to_owned(),
        ),
        Some(Errno::NOENT) => (127, "no such file; check the path".to_owned()),
        Some(Errno::ACCESS) => (
            126,
            "not executable; make it so with chmod +x, or write the interpreter before it"
                .to_owned(),
        ),
        _ => (126, error.to_string()),
    };
    Failure {
        code,
        message: format!("cannot start `{}`: {why}", program.escape_debug()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_program_that_does_not_start_says_what_to_do() {
        let cases = [
            ("foo", Errno::NOENT, 127),
            ("./foo", Errno::NOENT, 127),
            ("/etc/passwd", Errno::NOENT, 126),
            ("/etc/passwd", Errno::ACCESS, 126),
            ("foo\x1b[31m", Errno::NOENT, 127),
            ("foo", Errno::TOOBIG, 126),
        ];
        let mut told = String::new();
        for (program, errno, code) in cases {
            let order = Order {
                parent: getpid(),
                grace: Duration::ZERO,
                program: program.into(),
                args: Vec::new(),
            };
            let failure = cannot_start(&order, &errno.into());
            assert_eq!(failure.code, code, "{program} {errno}");
            told.push_str(&failure.message);
            told.push('\n');
        }
        insta::assert_snapshot!(told, @r"
        cannot start `foo`: not found in PATH; install it or write its full path
        cannot start `./foo`: no such file; check the path
        cannot start `/etc/passwd`: it exists, but the interpreter that it names does not; install that
        cannot start `/etc/passwd`: not executable; make it so with chmod +x, or write the interpreter before it
        cannot start `foo\u{1b}[31m`: not found in PATH; install it or write its full path
        cannot start `foo`: Argument list too long (os error 7)
        ");
    }
}
