use super::{Event, MOST_LINE_BYTES, Position, genesis, is_torn, render, split};
use crate::audit::AuditError;
use crate::engine::types::Digest;
use serde::Serialize;

#[derive(Serialize)]
struct Body {
    text: String,
}

fn rendered(text: &str) -> (Vec<u8>, Result<Digest, AuditError>) {
    let mut out = b"before".to_vec();
    let at = Position {
        seq: 7,
        time: "2026-11-24T00:00:00.000000Z",
        prev: genesis(),
    };
    let body = Body {
        text: text.to_owned(),
    };
    let hash = render(&mut out, at, Event::Decision, &body);
    (out.split_off(6), hash)
}

#[test]
fn a_line_holds_its_own_hash() {
    let (line, hash) = rendered("x");
    insta::assert_snapshot!(String::from_utf8_lossy(&line), @r#"{"seq":7,"time":"2026-11-24T00:00:00.000000Z","event":"decision","text":"x","prev":"sha256:5b07b726bd79a15ad301eb44b8db0f02055aa374218f3603cb79e7333568187c","hash":"sha256:84668555f4509c5f2099a56eff71dce019c56ccfee01cc662f82ad056303fa0e"}"#);
    let (covered, claimed) = split(&line).unwrap();
    assert_eq!(claimed, hash.unwrap());
    assert_eq!(claimed, Digest::of(&[covered]));
}

#[test]
fn a_line_that_is_too_long_leaves_nothing() {
    let (line, hash) = rendered(&"x".repeat(MOST_LINE_BYTES));
    assert!(matches!(hash, Err(AuditError::TooLong { .. })));
    assert!(line.is_empty());
}

#[test]
fn every_beginning_of_a_line_is_torn() {
    // The content may look like the end of a line.
    let (line, _) = rendered(r#"","hash":"sha256:"#);
    for end in 0..line.len() {
        let torn = &line[..end];
        assert!(is_torn(torn, 7), "at {end}");
        assert!(!is_torn(torn, 8) || end <= r#"{"seq":"#.len(), "at {end}");
        if end + 1 < line.len() {
            assert!(is_torn(&[torn, &[0; 100]].concat(), 7), "zeros at {end}");
        }
    }
}

#[test]
fn a_whole_line_with_something_in_the_place_of_its_end_is_not_torn() {
    let (mut line, _) = rendered("x");
    for byte in 0..=u8::MAX {
        *line.last_mut().unwrap() = byte;
        assert!(!is_torn(&line, 7), "{byte}");
    }
}
