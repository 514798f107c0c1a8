//! What a wrapped server gets, and what lockgate sees of it: real processes.

use crate::common::*;
use lockgate::transport::child::{Child, ChildSpec, SpawnError, exit_code};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl};
use rustix::io::{FdFlags, fcntl_setfd};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

const GRACE: Duration = Duration::from_secs(2);

fn spec(argv: &[&str]) -> ChildSpec {
    ChildSpec {
        argv: argv.iter().map(OsString::from).collect(),
        env: BTreeMap::from([("PATH".into(), "/usr/bin:/bin".into())]),
        cwd: None,
    }
}

/// The lines of `text` that start with `key`, without it.
fn values<'a>(text: &'a str, key: &str) -> Vec<&'a str> {
    let lines = text
        .lines()
        .filter_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
    lines.collect()
}

#[test]
fn bytes_pass_both_ways_and_the_end_of_input_ends_it() {
    let mut child = start(&stubborn_spec(&["echo"]), GRACE);
    let sent = b"{\"jsonrpc\":\"2.0\"}\n\0\xff\n";
    assert_eq!(
        rustix::io::write(child.stdin.as_ref().unwrap(), sent),
        Ok(sent.len())
    );
    let got = read_until(child.stdout.as_ref().unwrap(), |got| {
        got.len() >= sent.len()
    });
    assert_eq!(got, sent);
    assert_eq!(child.poll_exit(), None);
    child.close_stdin();
    assert_eq!(wait_exit(&mut child), 0);
    assert_eq!(read_all(child.stdout.as_ref()), "");
}

#[test]
fn our_ends_never_block_and_the_server_s_do() {
    let child = start(&stubborn_spec(&["ignore-eof"]), GRACE);
    wait_ready(&child);
    for pipe in [&child.stdin, &child.stdout, &child.stderr] {
        let flags = fcntl_getfl(pipe.as_ref().unwrap()).unwrap();
        assert!(flags.contains(OFlags::NONBLOCK));
    }
    // `echo` would fail with EAGAIN at once if its stdin were non-blocking.
    let mut echo = start(&stubborn_spec(&["echo"]), GRACE);
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(echo.poll_exit(), None);
}

#[test]
fn the_exit_code_is_kept() {
    let cases: &[(&[&str], u8)] = &[
        (&["exit", "0"], 0),
        (&["exit", "3"], 3),
        (&["exit", "255"], 255),
        (&["die"], 128 + 6),
    ];
    for (args, code) in cases {
        let mut child = start(&stubborn_spec(args), GRACE);
        assert_eq!(wait_exit(&mut child), *code, "{args:?}");
        // And told again, by the same number.
        assert_eq!(child.poll_exit().map(exit_code), Some(*code));
    }
}

#[test]
fn the_exit_can_be_polled_for() {
    let child = start(&stubborn_spec(&["exit", "0"]), GRACE);
    let mut fds = [PollFd::new(child.exit_fd().unwrap(), PollFlags::IN)];
    let limit = Timespec::try_from(PATIENCE).unwrap();
    assert_eq!(poll(&mut fds, Some(&limit)), Ok(1));
    let mut child = child;
    assert_eq!(child.poll_exit().map(exit_code), Some(0));
}

#[test]
fn a_program_that_cannot_start_is_told_with_its_code() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str, mode: u32| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let plain = file("plain", "x", 0o644);
    let orphan = file("orphan", "#!/no/such/interpreter\n", 0o755);
    let cases = [
        (
            "no-such-program",
            127,
            "not found in PATH; install it or write its full path",
        ),
        ("/no/such/program", 127, "no such file; check the path"),
        (
            &plain,
            126,
            "not executable; make it so with chmod +x, or write the interpreter before it",
        ),
        (
            &orphan,
            126,
            "it exists, but the interpreter that it names does not; install that",
        ),
        (
            "a\x1b[31mb",
            127,
            "not found in PATH; install it or write its full path",
        ),
    ];
    for (program, code, why) in cases {
        let mut child = start(&spec(&[program]), GRACE);
        assert_eq!(wait_exit(&mut child), code, "{program}");
        let expected = format!(
            "lockgate: cannot start `{}`: {why}\n",
            program.escape_debug()
        );
        assert_eq!(read_all(child.stderr.as_ref()), expected);
        assert_eq!(read_all(child.stdout.as_ref()), "");
    }
}

#[test]
fn a_spec_that_names_nothing_is_an_error() {
    let error = Child::spawn_through(lockgate(), &spec(&[]), GRACE).unwrap_err();
    assert!(matches!(error, SpawnError::EmptyCommand), "{error}");
    let mut lost = spec(&["cat"]);
    lost.cwd = Some("/no/such/directory".into());
    let error = Child::spawn_through(lockgate(), &lost, GRACE).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot start the server in `/no/such/directory`: not a directory; create it or change the server's directory"
    );
    let error = Child::spawn_through(lockgate(), &spec(&["cat", "a\0b"]), GRACE).unwrap_err();
    assert!(matches!(error, SpawnError::System { .. }), "{error}");
}

#[test]
fn arguments_arrive_as_they_are() {
    let odd = [
        "", " ", "$HOME", "`id`", "a;b", "--", "*", "'", "\"", "\\", "\n",
    ];
    let mut argv = vec!["printf", "%s|"];
    argv.extend(odd);
    let child = start(&spec(&argv), GRACE);
    assert_eq!(read_all(child.stdout.as_ref()), odd.join("|") + "|");
}

/// From `/proc` (`proc_pid_stat(5)`): it says 0 where the leader is outside our
/// PID namespace, and there the system calls have no valid answer.
fn own_group_and_session() -> [String; 2] {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let mut fields = fields.split_ascii_whitespace().skip(2).map(str::to_owned);
    [fields.next().unwrap(), fields.next().unwrap()]
}

#[test]
fn the_server_has_what_it_was_given_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    // A descriptor that lockgate inherited and nobody marked close-on-exec.
    let leaked = std::fs::File::open("/etc/passwd").unwrap();
    fcntl_setfd(&leaked, FdFlags::empty()).unwrap();

    let mut given = stubborn_spec(&["report"]);
    given.env = BTreeMap::from([
        ("HOME".into(), "/home/x".into()),
        ("EMPTY".into(), "".into()),
        ("A B".into(), "c=d".into()),
    ]);
    given.cwd = Some(dir.path().to_owned());
    let mut child = start(&given, GRACE);
    let report = read_all(child.stdout.as_ref());
    assert_eq!(wait_exit(&mut child), 0);

    assert_eq!(
        values(&report, "env"),
        ["A B=c=d", "EMPTY=", "HOME=/home/x"]
    );
    assert_eq!(values(&report, "fd"), ["0", "1", "2"]);
    let cwd = dir.path().canonicalize().unwrap();
    assert_eq!(values(&report, "cwd"), [cwd.to_str().unwrap()]);
    // Its own group and session: no signal from our terminal, and no terminal.
    let [group, session] = own_group_and_session();
    assert_ne!(values(&report, "pgrp"), [group]);
    assert_ne!(values(&report, "session"), [session]);
    assert_eq!(values(&report, "pgrp"), values(&report, "session"));
}

/// The exit code of lockgate's part, played by a process that was started with
/// these signals ignored, with `server` behind it.
fn run_ignoring(signals: &str, server: &[&str]) -> Option<i32> {
    let status = std::process::Command::new("env")
        .arg(format!("--ignore-signal={signals}"))
        .args([&stubborn(), Path::new("parent"), lockgate()])
        .args(server)
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .status();
    status.unwrap().code()
}

#[test]
fn the_exit_code_is_kept_where_sigchld_is_ignored() {
    assert_eq!(run_ignoring("CHLD", &["sh", "-c", "exit 3"]), Some(3));
}

#[test]
fn signals_have_their_default_actions() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("status");
    // Rust itself ignores SIGPIPE.
    let code = run_ignoring(
        "HUP,INT,QUIT,TERM,USR1,USR2,CHLD,PIPE,XFSZ,TSTP,TTOU,ALRM",
        &[
            "sh",
            "-c",
            "exec grep -E '^Sig(Blk|Ign)' /proc/self/status > \"$0\"",
            out.to_str().unwrap(),
        ],
    );
    assert_eq!(code, Some(0));
    let status = std::fs::read_to_string(out).unwrap();
    // 1 to 31; the C library keeps 32 and 33 for itself and lets nobody change them.
    let masks: Vec<u64> = status
        .split_ascii_whitespace()
        .filter_map(|mask| u64::from_str_radix(mask, 16).ok())
        .map(|mask| mask & 0x7fff_ffff)
        .collect();
    assert_eq!(masks, [0, 0], "{status}");
}

#[test]
fn a_server_that_closes_stdout_is_seen_to() {
    let mut child = start(&stubborn_spec(&["close-stdout"]), GRACE);
    // The guardian lives and the server lives, and still the stream ends.
    assert_eq!(read_all(child.stdout.as_ref()), "");
    assert_eq!(child.poll_exit(), None);
    child.terminate();
    assert_eq!(wait_exit(&mut child), 128 + 15);
}

#[test]
fn a_flood_of_log_lines_arrives_whole() {
    let mut child = start(&stubborn_spec(&["flood"]), GRACE);
    let flood = read_all(child.stderr.as_ref());
    assert_eq!(flood.len(), 8_000_000);
    assert_eq!(wait_exit(&mut child), 0);
}

#[test]
fn many_start_and_end() {
    let begin = Instant::now();
    for _ in 0..20 {
        let mut child = start(&stubborn_spec(&["exit", "0"]), GRACE);
        assert_eq!(wait_exit(&mut child), 0);
    }
    // Not one of them waited for a grace period.
    assert!(begin.elapsed() < PATIENCE, "{:?}", begin.elapsed());
}

#[test]
fn debug_shows_no_secret() {
    let mut secret = spec(&["server", "--token=s3cret"]);
    secret.env.insert("TOKEN".into(), "s3cret".into());
    assert!(!format!("{secret:?}").contains("s3cret"));
}
