//! Arguments as they were received, without the secrets in them.
//!
//! A placeholder stands where a secret was: it cannot be judged, nothing is
//! learned from it, and it tells nothing but its place. What only looks like a
//! secret goes the same way: that costs a proposal, not a leak.

use crate::engine::guard::values;
use crate::engine::mask::{looks_like_token, names_a_secret};
use crate::engine::message::{Json, Kind};
use std::fmt::Write as _;

/// How a placeholder begins. A number follows, so that two keys stay two keys.
const MARK: &str = "<lockgate:secret:";
/// Names under which a digest of so many hexadecimal digits is just that.
const DIGEST_NAMES: [&str; 12] = [
    "sha", "commit", "rev", "revision", "ref", "base", "head", "digest", "hash", "checksum", "oid",
    "id",
];
/// SHA-1, SHA-256.
const DIGEST_DIGITS: [usize; 2] = [40, 64];

/// Whether a string is a placeholder, or holds one.
pub fn is_placeholder(text: &str) -> bool {
    text.contains(MARK)
}

/// Whether a string under this name is or contains a secret. The one place that
/// knows: whoever has better detectors puts them here.
pub fn is_secret(name: &str, text: &str) -> bool {
    if is_plain_id(name, text) {
        return false;
    }
    let key = text.contains("-----BEGIN ") && text.contains("PRIVATE KEY");
    let word = |word: &str| {
        let (_, rest) = word.split_once("://").unwrap_or_default();
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let assigned = word.split_once(['=', ':']).is_some_and(|(name, value)| {
            value.len() > 3 && !value.starts_with("//") && names_a_secret(&last_word(name))
        });
        authority.contains('@') || assigned
    };
    let bearer = text.split_whitespace().zip(text.split_whitespace().skip(1));
    let bearer = bearer
        .filter(|(scheme, _)| matches!(scheme.to_lowercase().as_str(), "bearer" | "basic"))
        .any(|(_, value)| value.len() >= 8 && value.contains(|c: char| c.is_ascii_digit()));
    key || bearer
        || looks_like_token(text)
        || values::first(text).is_some()
        || text.split_whitespace().any(word)
}

/// A UUID, and a digest under the name of one: long, and no secret.
fn is_plain_id(name: &str, text: &str) -> bool {
    let hex = |text: &str| text.bytes().all(|b| b.is_ascii_hexdigit());
    let groups: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = groups.iter().map(|g| g.len()).collect();
    if lengths == [8, 4, 4, 4, 12] {
        return groups.into_iter().all(hex);
    }
    let name = name.to_lowercase();
    let named = DIGEST_NAMES
        .iter()
        .any(|known| name == *known || name.ends_with(&format!("_{known}")));
    named && DIGEST_DIGITS.contains(&text.len()) && hex(text)
}

/// Of a path of names (`a.b.password`), the last one.
fn last_word(name: &str) -> String {
    let parts = name.rsplit(|c: char| !c.is_ascii_alphanumeric() && !"_-".contains(c));
    parts.take(1).collect()
}

/// JSON text, and how many placeholders stand in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scrubbed {
    /// One line of JSON, spelled as it came beside the placeholders.
    pub text: String,
    /// How many placeholders are in it.
    pub hidden: usize,
}

/// A value without the secrets in it. What stands under the name of a secret
/// is one, whatever it is.
pub fn scrub(value: Json<'_>) -> Scrubbed {
    let mut out = Scrubbed {
        text: String::new(),
        hidden: 0,
    };
    out.add("", value);
    out
}

/// The uri of a resource, without the secrets in it. Names of tools and prompts
/// are the server's, and stand in the audit as they are.
pub fn scrub_uri(uri: &str) -> (String, bool) {
    if is_secret("", uri) {
        (format!("{MARK}1>"), true)
    } else {
        (uri.to_owned(), false)
    }
}

impl Scrubbed {
    /// As deep as a message may be.
    fn add(&mut self, name: &str, value: Json<'_>) {
        if hides(name, value) {
            return self.placeholder();
        }
        match value.kind() {
            Kind::String => match value.as_str() {
                Some(text) if !is_secret(name, &text) => self.text.push_str(value.raw()),
                Some(_) | None => self.placeholder(),
            },
            Kind::Array => {
                self.text.push('[');
                for (n, item) in value.items().enumerate() {
                    self.text.push_str(if n == 0 { "" } else { "," });
                    self.add(name, item);
                }
                self.text.push(']');
            }
            Kind::Object => {
                self.text.push('{');
                for (n, (key, member)) in value.members().enumerate() {
                    self.text.push_str(if n == 0 { "" } else { "," });
                    if is_secret("", &key) {
                        self.placeholder();
                    } else {
                        let quoted = serde_json::Value::from(&*key).to_string();
                        self.text.push_str(&quoted);
                    }
                    self.text.push(':');
                    self.add(&key, member);
                }
                self.text.push('}');
            }
            Kind::Null | Kind::Bool | Kind::Number => self.text.push_str(value.raw()),
        }
    }

    fn placeholder(&mut self) {
        self.hidden = self.hidden.saturating_add(1);
        let _ = write!(self.text, "\"{MARK}{}>\"", self.hidden);
    }
}

/// Whether the name alone says that the value is a secret.
fn hides(name: &str, value: Json<'_>) -> bool {
    match value.kind() {
        Kind::Null | Kind::Bool => false,
        // `max_tokens = 4096` counts tokens.
        Kind::Number => names_a_secret(name) && !name.to_lowercase().ends_with("tokens"),
        // An empty string under the name of a secret is none.
        Kind::String => names_a_secret(name) && value.raw() != "\"\"",
        Kind::Array | Kind::Object => names_a_secret(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::message::{Document, Limits};

    #[test]
    fn secrets_become_placeholders_and_the_rest_stays_as_it_came() {
        for (json, expected) in [
            (
                r#"{"a": 1.0, "b":[true , null]}"#,
                r#"{"a":1.0,"b":[true,null]}"#,
            ),
            (r#"{"text":"a\u0041"}"#, r#"{"text":"a\u0041"}"#),
            (
                r#"{"password":"x"}"#,
                r#"{"password":"<lockgate:secret:1>"}"#,
            ),
            (
                r#"{"api_key":["x"]}"#,
                r#"{"api_key":"<lockgate:secret:1>"}"#,
            ),
            (r#"{"pin":1234}"#, r#"{"pin":"<lockgate:secret:1>"}"#),
            (r#"{"max_tokens":4096}"#, r#"{"max_tokens":4096}"#),
            (
                r#"{"q":"see ghp_0123456789abcdefghij","n":["sk-abcdefgh"]}"#,
                r#"{"q":"<lockgate:secret:1>","n":["<lockgate:secret:2>"]}"#,
            ),
            (
                r#"{"ghp_0123456789abcdefghij":1,"ghp_0123456789abcdefghik":2}"#,
                r#"{"<lockgate:secret:1>":1,"<lockgate:secret:2>":2}"#,
            ),
            (
                r#"{"u":"https://me:pw@h/x"}"#,
                r#"{"u":"<lockgate:secret:1>"}"#,
            ),
            (
                r#"{"u":"DB_PASSWORD=hunter2"}"#,
                r#"{"u":"<lockgate:secret:1>"}"#,
            ),
            (
                r#"{"h":"Authorization: Bearer abc123456"}"#,
                r#"{"h":"<lockgate:secret:1>"}"#,
            ),
            (
                r#"{"x":"550e8400-e29b-41d4-a716-446655440000"}"#,
                r#"{"x":"550e8400-e29b-41d4-a716-446655440000"}"#,
            ),
            (
                r#"{"sha":"da39a3ee5e6b4b0d3255bfef95601890afd80709","x":"da39a3ee5e6b4b0d3255bfef95601890afd80709"}"#,
                r#"{"sha":"da39a3ee5e6b4b0d3255bfef95601890afd80709","x":"<lockgate:secret:1>"}"#,
            ),
            (
                r#"{"u":"https://a.example/b?c=d"}"#,
                r#"{"u":"https://a.example/b?c=d"}"#,
            ),
        ] {
            let document = Document::read(json.as_bytes().to_vec(), &Limits::DEFAULT).unwrap();
            assert_eq!(scrub(document.root()).text, expected, "{json}");
        }
    }
}
