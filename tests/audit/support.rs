//! Records and logs for the tests.

use lockgate::audit::{AuditLog, Closed, SessionMeta};
use lockgate::engine::mask::mask;
use lockgate::engine::message::{Direction, Document, Limits};
use lockgate::engine::record::{Record, RecordKind, RecordVerdict};
use std::path::Path;
use std::time::SystemTime;

pub(crate) fn meta() -> SessionMeta {
    SessionMeta {
        lockgate: "0.1.0".to_owned(),
        agent: Some("claude-code".to_owned()),
        server: Some("files".to_owned()),
        ..SessionMeta::default()
    }
}

pub(crate) fn open(dir: &Path) -> AuditLog {
    AuditLog::open(dir, meta(), SystemTime::now()).unwrap()
}

pub(crate) fn record(id: u64) -> Record {
    let arguments = br#"{"path":"/w/\u00e9.txt","edits":[{"newText":"x"}],"head":3}"#;
    let arguments = Document::read(arguments.to_vec(), &Limits::DEFAULT).unwrap();
    let names = ("claude-code".into(), "files".into());
    let mut record = Record::new(
        Direction::ToServer,
        RecordKind::Request,
        RecordVerdict::Forward,
        names,
        123,
    );
    record.method = Some("tools/call".into());
    record.id = Some(id.to_string());
    record.tool = Some("edit_file".to_owned());
    record.arguments = Some(mask(arguments.root()));
    record
}

/// Appends `count` records, committing every one of them by itself.
pub(crate) fn fill(log: &mut AuditLog, count: u64) {
    for id in 0..count {
        let ticket = log.append(SystemTime::now(), &record(id)).unwrap();
        assert!(log.commit().unwrap().covers(&ticket));
    }
}

/// A sealed log of `count` decisions.
pub(crate) fn sealed(dir: &Path, count: u64) -> Closed {
    let mut log = open(dir);
    fill(&mut log, count);
    log.close("end-of-session", SystemTime::now()).unwrap()
}
