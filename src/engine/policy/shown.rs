//! Argument values in explanations, for people.
//!
//! Explanations end up in records and replies, so they are masked here: no
//! value under a key that looks secret, no long string, nothing that looks
//! like a token, no control characters for a terminal.

use crate::engine::message::{Json, Kind};

/// Longest string that is shown, in characters.
const MAX_CHARS: usize = 80;

/// Letters and digits without a break from which on a word is taken for a token.
const TOKEN_CHARS: usize = 24;

/// What the name of a secret contains, in lower case without separators.
const SECRET_NAMES: [&str; 17] = [
    "token",
    "secret",
    "passw",
    "passphrase",
    "passcode",
    "apikey",
    "accesskey",
    "privatekey",
    "signingkey",
    "encryptionkey",
    "credential",
    "authorization",
    "oauth",
    "cookie",
    "bearer",
    "jwt",
    "pwd",
];

/// Names that are secret only as a whole: parts of them are common words.
const SECRET_WORDS: [&str; 6] = ["auth", "key", "otp", "pin", "pat", "session"];

/// Text in backticks, with what a terminal would act upon escaped.
pub(super) fn quoted(text: &str) -> String {
    if text.chars().count() > MAX_CHARS {
        return format!("a text of {} characters", text.chars().count());
    }
    let text: String = text
        .chars()
        .map(|c| {
            if matches!(c, '"' | '\'' | '\\') {
                c.to_string()
            } else {
                c.escape_debug().collect()
            }
        })
        .collect();
    format!("`{text}`")
}

/// The value at `at` (a JSON Pointer), masked.
pub(super) fn value(at: &str, value: Json<'_>) -> String {
    let kind = value.kind();
    if names_a_secret(at) {
        return format!("{} (hidden)", kind.name());
    }
    match kind {
        Kind::Null | Kind::Bool | Kind::Number => format!("`{}`", value.raw()),
        Kind::Array | Kind::Object => kind.name().to_owned(),
        Kind::String => {
            let text = value.as_str().unwrap_or_default();
            if text.chars().count() > MAX_CHARS || looks_like_token(&text) {
                format!("a string of {} characters (hidden)", text.chars().count())
            } else {
                quoted(&text)
            }
        }
    }
}

/// Whether the value may be named in a text that somebody else makes of it.
pub(super) fn is_shown(at: &str, value: &str) -> bool {
    !names_a_secret(at) && value.chars().count() <= MAX_CHARS && !looks_like_token(value)
}

fn names_a_secret(at: &str) -> bool {
    at.split('/').any(|segment| {
        let name: String = segment
            .chars()
            .filter(|c| c.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .collect();
        SECRET_WORDS.contains(&name.as_str()) || SECRET_NAMES.iter().any(|part| name.contains(part))
    })
}

/// A long run of letters and digits, both in it: no word of a language.
fn looks_like_token(text: &str) -> bool {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || "_-+=".contains(c)))
        .any(|run| {
            run.len() >= TOKEN_CHARS
                && run.contains(|c: char| c.is_ascii_digit())
                && run.contains(|c: char| c.is_ascii_alphabetic())
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::message::{Document, Limits};

    fn shown(at: &str, json: &str) -> String {
        let document = Document::read(json.as_bytes().to_vec(), &Limits::DEFAULT).unwrap();
        value(at, document.root())
    }

    #[test]
    fn values_are_masked() {
        let long = format!("\"{}\"", "a".repeat(81));
        for (at, json, expected) in [
            ("/path", r#""/etc/passwd""#, "`/etc/passwd`"),
            ("/n", "9007199254740993", "`9007199254740993`"),
            ("/a", "[1,2]", "an array"),
            ("/api_key", r#""x""#, "a string (hidden)"),
            ("/apiKey/0", "5", "a number (hidden)"),
            ("/auth/user", r#""x""#, "a string (hidden)"),
            ("/author", r#""ann""#, "`ann`"),
            ("/q", &long, "a string of 81 characters (hidden)"),
            (
                "/q",
                r#""use ghp_0123456789abcdefghij0123""#,
                "a string of 32 characters (hidden)",
            ),
            (
                "/q",
                r#""a\u001b[31m\n\u202eb""#,
                r"`a\u{1b}[31m\n\u{202e}b`",
            ),
        ] {
            assert_eq!(shown(at, json), expected, "{at} {json}");
        }
    }
}
