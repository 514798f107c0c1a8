use super::{Record, RecordKind, RecordVerdict, Would};
use crate::engine::mask::{MaskedUri, mask};
use crate::engine::message::{Direction, Document, Limits};
use crate::engine::policy::{Mode, RuleRef};
use crate::engine::types::{Digest, Finding};

fn plain() -> Record {
    Record::new(
        Direction::ToServer,
        RecordKind::Request,
        RecordVerdict::Forward,
        ("claude-code".into(), "files".into()),
        120,
    )
}

fn full(text: &str) -> Record {
    let arguments = serde_json::json!({ "path": text }).to_string().into_bytes();
    let digest = Digest::of(&[arguments.as_slice()]);
    let arguments = Document::read(arguments, &Limits::DEFAULT).unwrap();
    let rule = RuleRef {
        id: text.to_owned(),
        file: text.to_owned(),
        line: 3,
    };
    Record {
        method: Some(text.to_owned().into()),
        id: Some(text.to_owned()),
        verdict: RecordVerdict::Deny,
        reason: Some("secret-place"),
        detail: Some(text.to_owned()),
        rules: vec![rule.clone(); 40],
        would: Some(Would {
            reason: Some("forbidden"),
            detail: Some(text.to_owned()),
            rules: vec![(rule, Mode::Audit); 40],
        }),
        findings: vec![
            Finding {
                code: "secret-place",
                at: text.to_owned(),
                detail: text.to_owned()
            };
            40
        ],
        scopes: vec![text.into(); 40],
        user: Some(text.into()),
        actors: vec![text.into(); 40],
        tool: Some(text.to_owned()),
        prompt: Some(text.to_owned()),
        resource: Some(MaskedUri::of(text)),
        tool_digest: Some(Digest([0xab; 32])),
        arguments_digest: Some(digest),
        arguments: Some(mask(arguments.root())),
        ..plain()
    }
}

#[test]
fn leaves_out_what_is_not_there() {
    insta::assert_snapshot!(serde_json::to_string(&plain()).unwrap(), @r#"{"direction":"to-server","kind":"request","verdict":"forward","agent":"claude-code","server":"files","bytes":120}"#);
}

#[test]
fn tells_everything_that_is_there() {
    let mut record = full("file:///x");
    record.rules.truncate(1);
    record.would.as_mut().unwrap().rules.truncate(1);
    record.findings.truncate(1);
    record.scopes.truncate(1);
    record.actors.truncate(1);
    insta::assert_snapshot!(serde_json::to_string(&record).unwrap(), @r#"{"direction":"to-server","kind":"request","method":"file:///x","id":"file:///x","verdict":"deny","reason":"secret-place","detail":"file:///x","scopes":["file:///x"],"rules":[{"id":"file:///x","file":"file:///x","line":3}],"would":{"verdict":"deny","reason":"forbidden","detail":"file:///x","rules":[{"id":"file:///x","file":"file:///x","line":3,"mode":"audit"}]},"findings":[{"code":"secret-place","at":"file:///x","detail":"file:///x"}],"agent":"claude-code","user":"file:///x","actors":["file:///x"],"server":"files","tool":"file:///x","prompt":"file:///x","resource":"file:///x","tool_digest":"sha256:abababababababababababababababababababababababababababababababab","arguments_digest":"sha256:c69dbbab7f11ecd7abc97fb040256d7b0d6d9f50f39351dcf49d3ed55e89b7be","arguments":{"path":"<string of 9>"},"bytes":120}"#);
}

#[test]
fn no_peer_makes_a_record_large() {
    for text in [
        "a".repeat(1_000_000),
        "\u{1}".repeat(1_000_000),
        "é漢".repeat(500_000),
    ] {
        let length = serde_json::to_vec(&full(&text)).unwrap().len();
        assert!(length < 256 * 1024, "{length} bytes");
    }
}
