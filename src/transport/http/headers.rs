//! How a value of a message stands in a header.
//!
//! MCP 2026-07-28, Streamable HTTP, "Value Encoding": plain where it is plain
//! ASCII, else `=?base64?…?=`. Header values are where requests are split and
//! smuggled; what is not surely plain is encoded.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::borrow::Cow;

const BEGIN: &str = "=?base64?";
const END: &str = "?=";

/// The header value that stands for `text`.
pub fn encode(text: &str) -> Cow<'_, str> {
    // A tab may stand in a header, and yet some servers refuse it.
    let plain = text.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
    let padded = text.starts_with(' ') || text.ends_with(' ');
    let sentinel = text.starts_with(BEGIN) && text.ends_with(END);
    if plain && !padded && !sentinel {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("{BEGIN}{}{END}", STANDARD.encode(text)))
}

/// The text that a header value stands for; `None` if it is none of the two.
pub fn decode(value: &str) -> Option<Cow<'_, str>> {
    let inner = value.strip_prefix(BEGIN).and_then(|v| v.strip_suffix(END));
    let Some(inner) = inner else {
        return (encode(value) == value).then_some(Cow::Borrowed(value));
    };
    let text = String::from_utf8(STANDARD.decode(inner).ok()?).ok()?;
    Some(Cow::Owned(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_examples_of_the_specification() {
        for (text, value) in [
            ("us-west1", "us-west1"),
            ("Hello, \u{4e16}\u{754c}", "=?base64?SGVsbG8sIOS4lueVjA==?="),
            (" padded ", "=?base64?IHBhZGRlZCA=?="),
            ("line1\nline2", "=?base64?bGluZTEKbGluZTI=?="),
            ("=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="),
            ("a\tb", "=?base64?YQli?="),
            ("=?base64?open", "=?base64?open"),
            ("", ""),
        ] {
            assert_eq!(encode(text), value, "{text:?}");
            assert_eq!(decode(value).as_deref(), Some(text), "{value:?}");
        }
    }

    #[test]
    fn what_is_no_encoding_is_refused() {
        for value in [
            " a",
            "a ",
            "a\nb",
            "\u{e4}",
            "=?base64?%%?=",
            "=?base64?/w==?=",
            "=?base64?YQ?=",
        ] {
            assert_eq!(decode(value), None, "{value:?}");
        }
    }

    proptest! {
        #[test]
        fn every_text_comes_back(text in any::<String>(), tail in "(=\\?base64\\?)?[ -~]{0,8}(\\?=)?") {
            for text in [text.as_str(), tail.as_str()] {
                let value = encode(text).into_owned();
                prop_assert!(value.bytes().all(|b| (b' '..=b'~').contains(&b)));
                prop_assert_eq!(value.trim(), value.as_str());
                let decoded = decode(&value);
                prop_assert_eq!(decoded.as_deref(), Some(text));
            }
        }
    }
}
