//! Writing: order, proof, place, rotation.

use crate::support::{fill, meta, open, record, sealed};
use lockgate::audit::{AuditError, AuditLog, State, audit_files, verify_dir, verify_file};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_sealed_log_holds() {
    let dir = tempfile::tempdir().unwrap();
    let closed = sealed(dir.path(), 5);
    let report = verify_file(&closed.file).unwrap();
    let reason = "end-of-session".to_owned();
    assert_eq!(report.state, State::Sealed { reason });
    assert_eq!((report.lines, report.decisions), (7, 5));
    assert_eq!(report.head, closed.head);
}

#[test]
fn only_a_commit_covers_a_ticket() {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, mut other) = (open(dir.path()), open(dir.path()));
    let now = SystemTime::now();
    let first = log.append(now, &record(1)).unwrap();
    let early = log.commit().unwrap();
    let second = log.append(now, &record(2)).unwrap();
    assert!(early.covers(&first) && !early.covers(&second));
    let on_disk = verify_file(&log.path()).unwrap();
    assert_eq!(on_disk.decisions, 1, "the second is only buffered");
    let late = log.commit().unwrap();
    assert!(late.covers(&first) && late.covers(&second));
    let foreign = other.append(now, &record(1)).unwrap();
    assert!(!late.covers(&foreign), "another log's ticket");
    assert!(!other.commit().unwrap().covers(&first));
}

#[test]
fn an_open_log_is_told_from_an_abandoned_one() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = open(dir.path());
    fill(&mut log, 2);
    let path = log.path();
    assert_eq!(verify_file(&path).unwrap().state, State::Writing);
    drop(log);
    // The thread that syncs may hold the file for a moment.
    let end = Instant::now() + Duration::from_secs(20);
    while verify_file(&path).unwrap().state != State::Unsealed {
        assert!(Instant::now() < end, "is still taken for open");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn evidence_is_for_its_owner_alone() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("made/on the way");
    let closed = sealed(&dir, 1);
    assert_eq!(mode(&dir), 0o700);
    assert_eq!(mode(dir.parent().unwrap()), 0o700);
    assert_eq!(mode(&closed.file), 0o600);
}

#[test]
fn a_directory_that_others_can_change_is_refused() {
    for refused in [0o777, 0o770, 0o1777, 0o702] {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), Permissions::from_mode(refused)).unwrap();
        let error = AuditLog::open(dir.path(), meta(), SystemTime::now()).unwrap_err();
        assert!(matches!(error, AuditError::Exposed { mode, .. } if mode == refused));
        assert_eq!(error.code(), "audit-unavailable");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}

#[test]
fn a_file_in_the_place_of_the_directory_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    fs::write(&path, "").unwrap();
    let error = AuditLog::open(&path, meta(), SystemTime::now()).unwrap_err();
    assert!(matches!(error, AuditError::Directory { .. }), "{error}");
}

#[test]
fn names_sort_by_time() {
    let dir = tempfile::tempdir().unwrap();
    let start = SystemTime::now();
    let logs: Vec<_> = (0..5)
        .map(|n| {
            let now = start + Duration::from_secs(n * 40_000);
            AuditLog::open(dir.path(), meta(), now).unwrap().path()
        })
        .collect();
    assert_eq!(audit_files(dir.path()).unwrap(), logs);
}

#[test]
fn a_large_log_continues_in_another_file() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = open(dir.path()).rotating_at(4096);
    let now = SystemTime::now();
    let tickets: Vec<_> = (0..50)
        .map(|id| log.append(now, &record(id)).unwrap())
        .collect();
    let committed = log.commit().unwrap();
    assert!(tickets.iter().all(|t| committed.covers(t)));
    let closed = log.close("end-of-session", now).unwrap();
    let reports = verify_dir(dir.path()).unwrap();
    assert!(reports.len() > 3, "{} files", reports.len());
    assert_eq!(reports.iter().map(|r| r.decisions).sum::<u64>(), 50);
    assert_eq!(closed.decisions, 50);
    assert!(
        reports
            .iter()
            .all(|r| matches!(r.state, State::Sealed { .. })),
        "{reports:#?}"
    );
    let links = reports.iter().filter(|r| r.continues.is_some()).count();
    assert_eq!(links, reports.len() - 1);
}

#[test]
fn a_rotation_that_fails_ends_recording() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("audit");
    let mut log = open(&dir).rotating_at(1);
    // A directory that was removed takes no new file, not even for root.
    fs::remove_dir_all(&dir).unwrap();
    let now = SystemTime::now();
    assert!(matches!(
        log.append(now, &record(1)),
        Err(AuditError::Create { .. })
    ));
    assert!(matches!(
        log.append(now, &record(1)),
        Err(AuditError::Poisoned(_))
    ));
    assert!(matches!(log.commit(), Err(AuditError::Poisoned(_))));
    assert!(matches!(
        log.close("end", now),
        Err(AuditError::Poisoned(_))
    ));
}
