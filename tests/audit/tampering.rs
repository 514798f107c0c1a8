//! Whatever is done to a file is told, with the first bad line.

use crate::support::{open, record, sealed};
use lockgate::audit::{Fault, Report, State, verify_dir, verify_file};
use proptest::prelude::*;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;
use std::time::SystemTime;

/// The lines of a sealed file: a header, six decisions, a seal.
static LINES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    let bytes = fs::read(sealed(dir.path(), 6).file).unwrap();
    bytes
        .split_inclusive(|b| *b == b'\n')
        .map(<[u8]>::to_vec)
        .collect()
});

fn verify(bytes: &[u8]) -> Report {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), bytes).unwrap();
    verify_file(file.path()).unwrap()
}

fn fault(lines: &[Vec<u8>]) -> (u64, &'static str) {
    let report = verify(&lines.concat());
    let State::Tampered { line, fault } = report.state else {
        panic!("{report:?}");
    };
    (line, fault.code())
}

fn edited(line: &[u8], from: &str, to: &str) -> Vec<u8> {
    let text = std::str::from_utf8(line).unwrap();
    assert!(text.contains(from), "{text}");
    text.replacen(from, to, 1).into_bytes()
}

/// A line whose own hash is right again after a change.
fn rehashed(line: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(line).unwrap();
    let (covered, _) = text.rsplit_once(",\"hash\":\"").unwrap();
    let hash = lockgate::engine::types::Digest::of(&[covered.as_bytes()]);
    format!("{covered},\"hash\":\"{hash}\"}}\n").into_bytes()
}

#[test]
fn an_untouched_file_holds() {
    let report = verify(&LINES.concat());
    assert!(matches!(report.state, State::Sealed { .. }), "{report:?}");
}

#[test]
fn lines_that_are_moved_are_told() {
    let mut deleted = LINES.clone();
    deleted.remove(3);
    assert_eq!(fault(&deleted), (4, "sequence-gap"));

    let mut doubled = LINES.clone();
    doubled.insert(3, LINES[3].clone());
    assert_eq!(fault(&doubled), (5, "sequence-gap"));

    let mut swapped = LINES.clone();
    swapped.swap(3, 4);
    assert_eq!(fault(&swapped), (4, "sequence-gap"));

    let mut beheaded = LINES.clone();
    beheaded.remove(0);
    assert_eq!(fault(&beheaded), (1, "sequence-gap"));

    let mut continued = LINES.clone();
    continued.push(LINES[3].clone());
    assert_eq!(fault(&continued), (9, "data-after-seal"));

    let mut padded = LINES.clone();
    padded.push(b"\n".to_vec());
    assert_eq!(fault(&padded), (9, "data-after-seal"));
}

#[test]
fn lines_that_are_edited_are_told() {
    let mut plain = LINES.clone();
    plain[2] = edited(&plain[2], "forward", "deny");
    assert_eq!(fault(&plain), (3, "hash-mismatch"));

    let mut consistent = LINES.clone();
    consistent[2] = rehashed(&edited(&consistent[2], "forward", "deny"));
    assert_eq!(fault(&consistent), (4, "broken-link"));

    let mut blank = LINES.clone();
    blank[2] = b"\n".to_vec();
    assert_eq!(fault(&blank), (3, "unreadable-line"));

    let mut endless = LINES.clone();
    endless[2] = vec![b'x'; 3 * 1024 * 1024];
    assert_eq!(fault(&endless), (3, "unreadable-line"));
}

#[test]
fn lines_that_are_made_up_are_told() {
    // Each with a right hash, as someone would make them who can compute.
    for (line, from, to, wanted) in [
        (7, r#""seq":7"#, r#""seq":7,"seq":7"#, "unreadable-line"),
        (7, r#""seq":7"#, r#""Seq":0,"seq":7"#, "unreadable-line"),
        (7, r#""seq":7"#, r#""seq":8"#, "sequence-gap"),
        (7, r#""seq":7"#, r#""seq":7.0"#, "unreadable-line"),
        (7, r#""time":"#, r#""when":"#, "unreadable-line"),
        (
            7,
            r#""event":"close""#,
            r#""event":"open""#,
            "second-header",
        ),
        (
            7,
            r#""event":"close""#,
            r#""event":"note""#,
            "unreadable-line",
        ),
        (
            0,
            r#""event":"open""#,
            r#""event":"decision""#,
            "missing-header",
        ),
        (0, "audit-v1", "audit-v2", "missing-header"),
        (0, "sha256:5b07b726", "sha256:5b07b727", "missing-header"),
        (
            0,
            r#""prev":"sha256:"#,
            r#""prev":"sha256:00"#,
            "unreadable-line",
        ),
    ] {
        let mut lines = LINES.clone();
        lines[line] = rehashed(&edited(&lines[line], from, to));
        assert_eq!(fault(&lines), (line as u64 + 1, wanted), "{to}");
    }
    let other = {
        let dir = tempfile::tempdir().unwrap();
        fs::read(sealed(dir.path(), 0).file).unwrap()
    };
    let header: Vec<u8> = other
        .split_inclusive(|b| *b == b'\n')
        .next()
        .unwrap()
        .to_vec();
    let mut grafted = LINES.clone();
    grafted[0] = header;
    assert_eq!(fault(&grafted), (2, "broken-link"));
}

#[test]
fn a_cut_file_is_never_sealed_and_only_the_cut_line_is_lost() {
    let whole = LINES.concat();
    let mut ends = vec![0];
    ends.extend(LINES.iter().scan(0, |at, line| {
        *at += line.len();
        Some(*at)
    }));
    for end in 0..whole.len() {
        let report = verify(&whole[..end]);
        let lines = ends.iter().filter(|e| **e <= end).count() - 1;
        assert_eq!(report.lines, lines as u64, "at {end}");
        match &report.state {
            State::Unsealed => assert!(ends.contains(&end), "at {end}"),
            State::TruncatedTail { bytes } => assert_eq!(*bytes, end - ends[lines]),
            State::Sealed { .. }
            | State::Writing
            | State::Unreadable { .. }
            | State::Tampered { .. } => {
                panic!("at {end}: {report:?}")
            }
        }
    }
}

#[test]
fn every_changed_byte_of_a_sealed_file_is_told() {
    let whole = LINES.concat();
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        assert!(verify(&bytes).is_tampered(), "byte {at}");
    }
}

proptest! {
    #[test]
    fn any_changed_byte_is_told_in_its_line(at in any::<prop::sample::Index>(), flip in 1_u8..) {
        let mut bytes = LINES.concat();
        let at = at.index(bytes.len());
        let before = bytes[..at].split(|b| *b == b'\n').count() as u64;
        bytes[at] ^= flip;
        let report = verify(&bytes);
        let State::Tampered { line, .. } = report.state else {
            return Err(TestCaseError::fail(format!("byte {at}: {report:?}")));
        };
        prop_assert_eq!(line, before);
    }

    #[test]
    fn no_bytes_make_verification_fail(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        let report = verify(&bytes);
        let sealed = matches!(report.state, State::Sealed { .. });
        prop_assert!(!sealed);
    }

    #[test]
    fn any_order_of_lines_but_the_right_one_is_told(order in Just((0..8_usize).collect::<Vec<_>>()).prop_shuffle()) {
        let lines: Vec<_> = order.iter().map(|n| LINES[*n].clone()).collect();
        let report = verify(&lines.concat());
        prop_assert_eq!(report.is_tampered(), !order.is_sorted());
    }
}

/// A chain of several files.
fn rotated(dir: &Path) -> Vec<Report> {
    let mut log = open(dir).rotating_at(2048);
    for id in 0..20 {
        let _ = log.append(SystemTime::now(), &record(id)).unwrap();
    }
    log.close("end-of-session", SystemTime::now()).unwrap();
    let reports = verify_dir(dir).unwrap();
    assert!(reports.len() > 3 && reports.iter().all(|r| !r.is_tampered()));
    reports
}

fn faults(dir: &Path) -> Vec<(usize, Fault)> {
    let reports = verify_dir(dir).unwrap();
    let faults = reports
        .into_iter()
        .enumerate()
        .filter_map(|(n, r)| match r.state {
            State::Tampered { fault, .. } => Some((n, fault)),
            State::Sealed { .. }
            | State::Writing
            | State::Unsealed
            | State::TruncatedTail { .. }
            | State::Unreadable { .. } => None,
        });
    faults.collect()
}

#[test]
fn a_missing_file_of_a_chain_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let reports = rotated(dir.path());
    fs::remove_file(&reports[1].file).unwrap();
    let codes: Vec<_> = faults(dir.path())
        .into_iter()
        .map(|(n, f)| (n, f.code()))
        .collect();
    assert_eq!(codes, [(0, "missing-file"), (1, "missing-file")]);
}

#[test]
fn a_cut_file_within_a_chain_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let reports = rotated(dir.path());
    let bytes = fs::read(&reports[1].file).unwrap();
    let lines: Vec<_> = bytes.split_inclusive(|b| *b == b'\n').collect();
    fs::write(&reports[1].file, lines[..lines.len() - 2].concat()).unwrap();
    let found = faults(dir.path());
    assert!(
        matches!(found.as_slice(), [(1, Fault::MissingLines(_))]),
        "{found:?}"
    );
}

#[test]
fn exchanged_files_of_a_chain_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let reports = rotated(dir.path());
    let bytes = fs::read(&reports[1].file).unwrap();
    fs::copy(&reports[2].file, &reports[1].file).unwrap();
    fs::write(&reports[2].file, bytes).unwrap();
    assert!(!faults(dir.path()).is_empty());
}

/// Edits a line and makes every hash from there on right again.
fn rebuilt(file: &Path, line: usize, from: &str, to: &str) {
    let text = fs::read_to_string(file).unwrap();
    let mut prev: Option<(String, String)> = None;
    let lines = text.split_inclusive('\n').enumerate().map(|(n, old)| {
        let mut new = old.as_bytes().to_vec();
        if n == line {
            new = edited(&new, from, to);
        }
        if let Some((was, is)) = &prev {
            new = edited(&new, was, is);
        }
        let new = rehashed(&new);
        prev = Some((own_hash(old), own_hash(std::str::from_utf8(&new).unwrap())));
        new
    });
    let bytes = lines.collect::<Vec<_>>().concat();
    fs::write(file, bytes).unwrap();
}

fn own_hash(line: &str) -> String {
    let (_, hash) = line.rsplit_once(",\"hash\":\"").unwrap();
    hash.trim_end_matches("\"}\n").to_owned()
}

#[test]
fn a_rebuilt_file_within_a_chain_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let reports = rotated(dir.path());
    rebuilt(&reports[1].file, 2, "forward", "deny");
    assert!(!verify_file(&reports[1].file).unwrap().is_tampered());
    let found = faults(dir.path());
    assert!(
        matches!(found.as_slice(), [(2, Fault::Successor(_))]),
        "{found:?}"
    );
}
