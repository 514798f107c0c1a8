use super::{show, verify};
use crate::audit::{AuditLog, Refusal, SessionMeta};
use crate::engine::message::{Direction, Document, Limits};
use crate::engine::policy::RuleRef;
use crate::engine::record::{Record, RecordKind, RecordVerdict};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;
use tempfile::TempDir;

/// One sealed file with a denial.
fn evidence() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let meta = SessionMeta {
        lockgate: "0.1.0".to_owned(),
        ..SessionMeta::default()
    };
    let mut log = AuditLog::open(dir.path(), meta, UNIX_EPOCH).unwrap();
    let names = ("claude-code".into(), "files".into());
    let mut record = Record::new(
        Direction::ToServer,
        RecordKind::Request,
        RecordVerdict::Deny,
        names,
        99,
    );
    record.method = Some("tools/call".into());
    record.tool = Some("read\u{1b}[2J\u{202e}_file".to_owned());
    record.reason = Some("secret-place");
    record.rules = vec![RuleRef {
        id: "keys".to_owned(),
        file: "lockgate.toml".to_owned(),
        line: 12,
    }];
    let _ = log.append(UNIX_EPOCH, &record).unwrap();
    let refusal = Refusal {
        reason: "header-mismatch",
        detail: "the `Mcp-Name` header\u{1b} differs".to_owned(),
        status: Some(400),
        from: Some("192.0.2.1".to_owned()),
        agent: Some("ci".to_owned()),
        user: None,
        server: Some("files".to_owned()),
        count: 7,
        seconds: 3,
    };
    log.note(UNIX_EPOCH, &refusal).unwrap();
    let closed = log.close("end-of-session", UNIX_EPOCH).unwrap();
    (dir, closed.file)
}

fn run(command: impl FnOnce(&mut dyn Write) -> u8) -> (u8, String) {
    let mut out = Vec::new();
    let code = command(&mut out);
    (code, String::from_utf8(out).unwrap())
}

fn verified(path: &Path, json: bool) -> (u8, String) {
    run(|out| verify(&[path.to_owned()], json, out))
}

#[test]
fn verify_tells_the_state_and_the_head() {
    let (dir, file) = evidence();
    for path in [dir.path(), &file] {
        let (code, text) = verified(path, false);
        assert_eq!(code, 0, "{text}");
        let wanted = format!(
            "{}: sealed (end-of-session); decisions 1, head sha256:",
            file.display()
        );
        assert!(text.starts_with(&wanted), "{text}");
    }
    let (code, text) = verified(&file, true);
    let report = Document::read(text.trim_end().into(), &Limits::DEFAULT).unwrap();
    let state = report.root().get("state").unwrap();
    assert_eq!((code, state.raw()), (0, "\"sealed\""));
}

#[test]
fn tampered_evidence_has_its_exit_code_and_names_the_line() {
    let (dir, file) = evidence();
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("deny", "drop")).unwrap();
    let (code, text) = verified(dir.path(), false);
    assert_eq!(code, 6);
    assert!(
        text.contains("TAMPERED at line 2: the line does not have the hash"),
        "{text}"
    );
    let (code, text) = verified(&file, true);
    assert!(
        code == 6 && text.contains(r#""state":"tampered","line":2,"fault":"hash-mismatch""#),
        "{text}"
    );
    let (code, text) = run(|out| show(&[file], None, false, out));
    assert_eq!((code, text.lines().count()), (6, 1), "{text}");
}

#[test]
fn what_cannot_be_verified_is_no_success() {
    let empty = tempfile::tempdir().unwrap();
    for json in [false, true] {
        assert_eq!(verified(empty.path(), json).0, 1);
        assert_eq!(verified(&empty.path().join("missing"), json).0, 1);
        assert_eq!(run(|out| verify(&[], json, out)).0, 1);
    }
    let (_dir, file) = evidence();
    let paths = [file];
    assert_eq!(verify(&paths, false, &mut Full), 1);
    assert_eq!(show(&paths, None, false, &mut Full), 1);
    assert_eq!(show(&paths, Some(1), false, &mut Full), 1);
}

/// Takes nothing.
struct Full;

impl Write for Full {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_file_that_cannot_be_read_hides_nothing_about_the_others() {
    let (dir, file) = evidence();
    let pipe = dir.path().join("0.jsonl");
    let mode = rustix::fs::Mode::RUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let (code, text) = verified(dir.path(), false);
    assert_eq!((code, text.lines().count()), (1, 2), "{text}");
    assert!(
        text.contains("cannot be verified: expected a regular file"),
        "{text}"
    );
    let bytes = fs::read_to_string(&file).unwrap();
    fs::write(&file, bytes.replace("deny", "drop")).unwrap();
    assert_eq!(verified(dir.path(), false).0, 6);
    assert_eq!(verified(dir.path(), true).0, 6);
}

#[test]
fn show_is_for_people_and_escapes_what_a_terminal_would_act_on() {
    let (_dir, file) = evidence();
    let (code, text) = run(|out| show(&[file], None, false, out));
    assert_eq!(code, 0);
    insta::assert_snapshot!(text, @r"
    1970-01-01T00:00:00.000000Z open 0.1.0
    1970-01-01T00:00:00.000000Z deny    claude-code -> files request tools/call read\u{1b}[2J\u{202e}_file secret-place [keys lockgate.toml:12]
    1970-01-01T00:00:00.000000Z refuse  192.0.2.1 ci files header-mismatch the `Mcp-Name` header\u{1b} differs (7 times)
    1970-01-01T00:00:00.000000Z close end-of-session
    ");
}

#[test]
fn show_passes_json_through_and_tail_is_its_end() {
    let (dir, file) = evidence();
    let bytes = fs::read_to_string(&file).unwrap();
    let (code, text) = run(|out| show(&[file], None, true, out));
    assert_eq!((code, &text), (0, &bytes));
    for (last, lines) in [(0, 0), (1, 1), (2, 2), (9, 4)] {
        let (code, text) = run(|out| show(&[dir.path().to_owned()], Some(last), true, out));
        assert_eq!((code, text.lines().count()), (0, lines));
        assert!(bytes.ends_with(&text));
    }
}
