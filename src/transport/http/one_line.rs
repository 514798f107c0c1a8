//! One message on one line.
//!
//! Over HTTP a body, or the data of an event, may be spread over lines (pretty
//! printed). On stdio a line break ends a message, so that whatever followed
//! it would be read as another one: the attack answered here.

/// A line break stands inside a string, where JSON knows none: lenient parsers
/// accept it and would read something else than what is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BrokenString;

/// Replaces line breaks between values by spaces. The text is JSON or will be
/// refused by the strict reader, so strings are told by quotes and backslashes.
pub fn one_line(mut bytes: Vec<u8>) -> Result<Vec<u8>, BrokenString> {
    let end = bytes.trim_ascii_end().len();
    bytes.truncate(end);
    let mut in_string = false;
    let mut at = 0;
    while let Some(rest) = bytes.get_mut(at..) {
        let next = if in_string {
            memchr::memchr2(b'"', b'\\', rest)
        } else {
            memchr::memchr3(b'"', b'\r', b'\n', rest)
        };
        let Some(next) = next else { break };
        match rest.get_mut(next) {
            Some(b'"') => in_string = !in_string,
            // The character after it is looked at by nobody.
            Some(b'\\') => at = at.saturating_add(1),
            Some(line_break) => *line_break = b' ',
            None => break,
        }
        at = at.saturating_add(next).saturating_add(1);
    }
    // What is left stands in strings.
    if memchr::memchr2(b'\r', b'\n', &bytes).is_some() {
        return Err(BrokenString);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::message::{Document, Limits};
    use proptest::prelude::*;

    #[test]
    fn line_breaks_between_values_become_spaces() {
        for (text, expected) in [
            ("{}", Some("{}")),
            ("{\n  \"a\": 1\r\n}\n", Some("{   \"a\": 1  }")),
            ("{\"a\":\"x\\n\\\"\"}\r\n\r\n", Some("{\"a\":\"x\\n\\\"\"}")),
            ("{\"a\":\"x\ny\"}", None),
            ("{\"a\":\"x\ry\"}", None),
            ("{\"a\":\"x\\\ny\"}", None),
            ("{\"a\":\"open\r", Some("{\"a\":\"open")),
            ("{\"a\":\"op\ren", None),
            ("\n\n", Some("")),
        ] {
            let line = one_line(text.into()).ok();
            let line = line.map(|l| String::from_utf8(l).unwrap());
            assert_eq!(line.as_deref(), expected, "{text:?}");
        }
    }

    proptest! {
        /// What can be read after says what it said before, and the other way
        /// round: what can be read before passes.
        #[test]
        fn nothing_else_is_said(parts in proptest::collection::vec(
            prop_oneof![
                Just("\""), Just("\\"), Just("\n"), Just("\r"), Just("a"), Just("{"), Just("}"),
                Just(":"), Just("1"), Just("\"k\":"), Just("[1,\n2]"), Just("\"v\\\\\""), Just(","),
            ],
            0..24,
        )) {
            let text = parts.concat();
            let before: Option<serde_json::Value> = serde_json::from_str(&text).ok();
            let line = one_line(text.clone().into_bytes());
            if let Ok(line) = &line {
                prop_assert!(!line.contains(&b'\n') && !line.contains(&b'\r'));
            }
            let read = line.ok().and_then(|l| Document::read(l, &Limits::DEFAULT).ok());
            let after = read.map(|d| serde_json::from_str(d.text()).unwrap());
            if after.is_some() {
                prop_assert_eq!(before, after);
            } else if before.is_some() {
                // The strict reader refuses more: duplicates, and the like.
                prop_assert!(Document::read(text.into_bytes(), &Limits::DEFAULT).is_err());
            }
        }
    }
}
