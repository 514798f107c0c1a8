//! Ends that nobody planned: kill -9, a full disk, many writers at once.
//!
//! The writers are this test program itself, started once more with one of
//! the ignored tests below, which do nothing without their directory.

use crate::support::{fill, meta, record};
use lockgate::audit::{AuditError, AuditLog, State, verify_dir};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

const DIR: &str = "LOCKGATE_TEST_AUDIT_DIR";

fn writer_log() -> AuditLog {
    let dir = std::env::var_os(DIR).expect("is started by another test, with a directory");
    AuditLog::open(&PathBuf::from(dir), meta(), SystemTime::now()).unwrap()
}

/// Starts this program with one ignored test, through `sh` after `setup`.
fn start(writer: &str, setup: &str, dir: &Path) -> Child {
    Command::new("sh")
        .args(["-c", &format!("{setup} exec \"$@\""), "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", writer])
        .env(DIR, dir)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Tells the parent how many decisions are committed.
fn tell(decisions: u64) {
    // Not `eprintln`, which libtest may hold back.
    writeln!(std::io::stderr(), "{decisions}").unwrap();
}

#[test]
#[ignore = "helper process of the tests below"]
fn endless_writer() {
    let mut log = writer_log();
    let mut decisions = 0;
    loop {
        // Small batches as in practice, and now and then a write that takes long.
        for _ in 0..[1, 2, 3, 2, 1, 400][(decisions % 6) as usize] {
            let _ = log.append(SystemTime::now(), &record(decisions)).unwrap();
            decisions += 1;
        }
        let _ = log.commit().unwrap();
        tell(decisions);
    }
}

#[test]
#[ignore = "helper process of the tests below"]
fn finite_writer() {
    let mut log = writer_log().rotating_at(20_000);
    fill(&mut log, 200);
    log.close("end-of-session", SystemTime::now()).unwrap();
}

#[test]
#[ignore = "helper process of the tests below"]
fn writer_until_the_disk_is_full() {
    let mut log = writer_log();
    let now = SystemTime::now();
    let failure = (1..).find_map(|n| {
        let ticket = log.append(now, &record(n)).unwrap();
        match log.commit() {
            Ok(committed) => {
                assert!(committed.covers(&ticket));
                tell(n);
                None
            }
            Err(e) => Some(e),
        }
    });
    assert!(matches!(failure, Some(AuditError::Write(_))), "{failure:?}");
    assert!(matches!(
        log.append(now, &record(0)),
        Err(AuditError::Poisoned(_))
    ));
    assert!(matches!(log.commit(), Err(AuditError::Poisoned(_))));
    assert!(matches!(
        log.close("end", now),
        Err(AuditError::Poisoned(_))
    ));
    writeln!(std::io::stderr(), "closed").unwrap();
}

/// The last number that a writer told; what it was killed in the middle of
/// does not count.
fn last_told(text: &str) -> u64 {
    let (whole, _) = text.rsplit_once('\n').unwrap_or_default();
    whole
        .lines()
        .filter_map(|l| l.parse().ok())
        .next_back()
        .unwrap_or(0)
}

#[test]
fn kill_minus_nine_loses_nothing_committed_and_never_looks_tampered() {
    for round in 0..25_u64 {
        let dir = tempfile::tempdir().unwrap();
        let mut child = start("crash::endless_writer", "", dir.path());
        let mut told = BufReader::new(child.stderr.take().unwrap());
        let mut text = String::new();
        told.read_line(&mut text).unwrap();
        let killer = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_micros(round * 1237 % 20_000));
            child.kill().unwrap();
            child.wait().unwrap();
        });
        told.read_to_string(&mut text).unwrap();
        killer.join().unwrap();
        let reports = verify_dir(dir.path()).unwrap();
        let [report] = reports.as_slice() else {
            panic!("{reports:?}")
        };
        assert!(
            matches!(report.state, State::Unsealed | State::TruncatedTail { .. }),
            "{report:?}"
        );
        let committed = last_told(&text);
        assert!(committed > 0, "{text}");
        assert!(
            report.decisions >= committed,
            "{committed} were committed: {report:?}"
        );
    }
}

#[test]
fn a_file_that_cannot_grow_ends_recording_and_keeps_what_counts() {
    let dir = tempfile::tempdir().unwrap();
    // EFBIG instead of ENOSPC: the same path, without a file system of our own.
    let setup = "trap '' XFSZ; ulimit -f 64;";
    let child = start("crash::writer_until_the_disk_is_full", setup, dir.path());
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && text.ends_with("closed\n"),
        "{text}"
    );
    let reports = verify_dir(dir.path()).unwrap();
    let [report] = reports.as_slice() else {
        panic!("{reports:?}")
    };
    assert_eq!(report.decisions, last_told(&text));
    assert!(
        matches!(report.state, State::Unsealed | State::TruncatedTail { .. }),
        "{report:?}"
    );
}

#[test]
fn writers_at_the_same_time_do_not_meet() {
    let dir = tempfile::tempdir().unwrap();
    let children: Vec<_> = (0..4)
        .map(|_| start("crash::finite_writer", "", dir.path()))
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let reports = verify_dir(dir.path()).unwrap();
    assert!(
        reports
            .iter()
            .all(|r| matches!(r.state, State::Sealed { .. })),
        "{reports:#?}"
    );
    assert_eq!(reports.iter().map(|r| r.decisions).sum::<u64>(), 800);
}
