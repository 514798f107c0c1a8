//! A server that does not want to end, for the tests: each mode is one way in
//! which real or hostile servers survive, and some report what they were given.
//!
//! `stubborn_server MODE [ARG...]`; arguments that a mode does not know are
//! markers by which a test finds the process.

use lockgate::transport::child::{Child, ChildSpec, exit_code};
use rustix::process::{Signal, getpgrp, getpid, getsid, kill_process, set_child_subreaper, setsid};
use std::ffi::OsString;
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    let mode = args.next().unwrap_or_default();
    let rest: Vec<OsString> = args.collect();
    match run(&mode.to_string_lossy(), &rest) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            let _ = writeln!(io::stderr(), "stubborn_server: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(mode: &str, rest: &[OsString]) -> io::Result<u8> {
    match mode {
        // Polite: echoes and ends with its input.
        "echo" => drop(io::copy(&mut io::stdin(), &mut io::stdout())?),
        "exit" => return Ok(number(rest).unwrap_or(0)),
        "die" => kill_process(getpid(), Signal::ABORT)?,
        "report" => report()?,
        // Ends on SIGTERM only.
        "ignore-eof" => ready_and_sleep()?,
        // Ends on SIGKILL only.
        "ignore-term" => {
            ignore_term()?;
            ready_and_sleep()?;
        }
        // Takes its time on SIGTERM, then exits with 7.
        "slow-term" => {
            let term = ignore_term()?;
            say("ready")?;
            while !term.load(std::sync::atomic::Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(5));
            }
            std::thread::sleep(Duration::from_millis(200));
            return Ok(7);
        }
        // Closes stdout and lives on.
        "close-stdout" => {
            rustix::stdio::dup2_stdout(std::fs::File::open("/dev/null")?)?;
            sleep();
        }
        // Has a child, a child in its own session, and one that double-forked;
        // then does what the next mode says.
        "family" => return family(rest),
        // Calls setsid, starts what the rest says, and exits.
        "daemonise" => {
            setsid()?;
            again(rest)?;
        }
        // Flees: each generation forks the next in a session of its own.
        "flee" => {
            let _ = setsid();
            again(&with_mode("flee", rest))?;
        }
        "flood" => {
            let line = [b'!'; 4000];
            for _ in 0..2000 {
                io::stderr().write_all(&line)?;
            }
        }
        // Not a server: adopts the orphans of what the rest starts, lets them live.
        "orphanage" => {
            set_child_subreaper(Some(getpid()))?;
            again(rest)?;
            io::stdin().read_to_end(&mut Vec::new())?;
        }
        // Not a server: what lockgate does, in a process that a test can kill.
        "parent" => return parent(rest),
        _ => return Err(io::Error::other(format!("unknown mode `{mode}`"))),
    }
    Ok(0)
}

fn number(rest: &[OsString]) -> Option<u8> {
    rest.first()?.to_str()?.parse().ok()
}

fn say(line: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{line}")
}

fn sleep() {
    std::thread::sleep(Duration::from_mins(10));
}

fn ready_and_sleep() -> io::Result<()> {
    say("ready")?;
    sleep();
    Ok(())
}

fn ignore_term() -> io::Result<Arc<AtomicBool>> {
    let term = Arc::default();
    signal_hook::flag::register(signal_hook::consts::SIGTERM, Arc::clone(&term))?;
    Ok(term)
}

fn with_mode(mode: &str, rest: &[OsString]) -> Vec<OsString> {
    let mut args = vec![mode.into()];
    args.extend(rest.iter().cloned());
    args
}

/// Starts this program again.
fn again(args: &[OsString]) -> io::Result<()> {
    Command::new(std::env::current_exe()?)
        .args(args)
        .stdout(Stdio::null())
        .spawn()?;
    Ok(())
}

fn family(rest: &[OsString]) -> io::Result<u8> {
    let (then, markers) = rest.split_first().ok_or(io::Error::other("no mode"))?;
    let sleeper = with_mode("ignore-term", markers);
    again(&sleeper)?;
    again(&with_mode("daemonise", &sleeper))?;
    again(&with_mode("daemonise", &with_mode("daemonise", &sleeper)))?;
    // Each announces itself only by being there; the test looks for four.
    run(&then.to_string_lossy(), markers)
}

fn report() -> io::Result<()> {
    say(&format!("cwd {}", std::env::current_dir()?.display()))?;
    say(&format!("pgrp {}", getpgrp()))?;
    say(&format!("session {}", getsid(None)?))?;
    for entry in std::fs::read_dir("/proc/self/fd")? {
        let entry = entry?;
        let target = std::fs::read_link(entry.path()).unwrap_or_default();
        // The directory that is being read here.
        if !target.starts_with("/proc") {
            say(&format!("fd {}", entry.file_name().display()))?;
        }
    }
    for (name, value) in std::env::vars_os() {
        say(&format!("env {}={}", name.display(), value.display()))?;
    }
    Ok(())
}

/// Starts `rest` (the `lockgate` program, then argv) as lockgate does, lives until
/// its own input ends, and exits as the server did.
fn parent(rest: &[OsString]) -> io::Result<u8> {
    let (lockgate, argv) = rest.split_first().ok_or(io::Error::other("no program"))?;
    let spec = ChildSpec {
        argv: argv.to_vec(),
        env: std::env::vars_os().collect(),
        cwd: None,
    };
    let mut child = Child::spawn_through(Path::new(lockgate), &spec, Duration::from_mins(1))
        .map_err(io::Error::other)?;
    io::stdin().read_to_end(&mut Vec::new())?;
    child.close_stdin();
    loop {
        if let Some(status) = child.poll_exit() {
            return Ok(exit_code(status));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
