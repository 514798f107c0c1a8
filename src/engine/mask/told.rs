//! Places and values of a message in a sentence.
//!
//! A reason ends up in records, on stderr and in replies, so it follows the
//! rule of the masked arguments: it names and counts, it does not quote.

use super::{NUMBER_DIGITS, is_name};
use crate::engine::message::{Json, Kind};

/// Longest place that is told, in characters.
const MOST: usize = 256;

/// Letters and digits without a break from which on a word is taken for a token.
const TOKEN_CHARS: usize = 24;

/// How well-known tokens begin, however short they are.
const TOKEN_PREFIXES: [&str; 10] = [
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "lg_",
    "sk-",
    "xoxb-",
    "xoxp-",
    "AKIA",
];

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

/// A JSON Pointer whose segments are shown where they look like names: whoever
/// makes the arguments chooses the keys.
pub fn pointer(at: &str) -> String {
    let segments = at.split('/').enumerate().map(|(depth, segment)| {
        let name = segment.replace("~1", "/").replace("~0", "~");
        if depth == 0 || !may_be_content(&name) {
            segment.to_owned()
        } else {
            format!("<key of {}>", name.len())
        }
    });
    let text = segments.collect::<Vec<_>>().join("/");
    text.chars().take(MOST).collect()
}

/// The same, as a sentence has it.
pub fn place(at: &str) -> String {
    if at.is_empty() {
        "the arguments".to_owned()
    } else {
        format!("`{}`", pointer(at))
    }
}

/// The value at `at` without its content: the kind, the length of a string,
/// a short number.
pub fn value(at: &str, value: Json<'_>) -> String {
    let digits = || value.raw().bytes().filter(u8::is_ascii_digit).count();
    match value.kind() {
        Kind::Null | Kind::Bool => format!("`{}`", value.raw()),
        Kind::Number if digits() <= NUMBER_DIGITS && !names_a_secret(at) => {
            format!("`{}`", value.raw())
        }
        Kind::String => {
            let text = value.as_str().unwrap_or_default();
            format!("a string of {} characters", text.chars().count())
        }
        other => other.name().to_owned(),
    }
}

/// Whether what stands under this name (a key, a flag, a pointer) is likely to
/// be a secret.
pub fn names_a_secret(name: &str) -> bool {
    name.split('/').any(|segment| {
        let name: String = segment
            .chars()
            .filter(|c| c.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .collect();
        SECRET_WORDS.contains(&name.as_str()) || SECRET_NAMES.iter().any(|part| name.contains(part))
    })
}

/// Whether what a peer gave as a name may be content: a secret, say.
pub fn may_be_content(name: &str) -> bool {
    !is_name(name) || looks_like_token(name)
}

/// A name that a peer chose, as a sentence has it.
pub fn key_told(name: &str) -> String {
    if may_be_content(name) {
        format!("a name of {} bytes", name.len())
    } else {
        format!("`{name}`")
    }
}

/// A long run of letters and digits, both in it, or the beginning of a known
/// kind of token: no word of a language.
pub fn looks_like_token(text: &str) -> bool {
    let part = |c: char| c.is_ascii_alphanumeric() || "_-+".contains(c);
    text.split(|c: char| !part(c)).any(|run| {
        let known = TOKEN_PREFIXES
            .iter()
            .any(|p| run.strip_prefix(p).is_some_and(|rest| rest.len() >= 6));
        known
            || (run.len() >= TOKEN_CHARS
                && run.contains(|c: char| c.is_ascii_digit())
                && run.contains(|c: char| c.is_ascii_alphabetic()))
    })
}

/// Whether a word of a command line is a secret, or holds one: a token, the
/// value of a flag or variable that names a secret, a URL with a password.
pub fn is_secret_word(before: Option<&str>, word: &str) -> bool {
    let flag = before.filter(|flag| flag.starts_with('-') && !flag.contains('='));
    let named = word
        .split_once('=')
        .is_some_and(|(name, _)| names_a_secret(name));
    let url = word
        .split_once("://")
        .and_then(|(_, rest)| rest.split('/').next());
    named
        || flag.is_some_and(names_a_secret)
        || looks_like_token(word)
        || url.is_some_and(|authority| authority.contains('@'))
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
    fn values_are_counted_and_not_quoted() {
        for (at, json, expected) in [
            ("/path", r#""/etc/passwd""#, "a string of 11 characters"),
            ("/n", "9007199254740993", "a number"),
            ("/n", "-12.5", "`-12.5`"),
            ("/pin", "1234", "a number"),
            ("/force", "true", "`true`"),
            ("/a", "[1,2]", "an array"),
        ] {
            assert_eq!(shown(at, json), expected, "{at} {json}");
        }
    }

    #[test]
    fn places_name_names_only() {
        for (at, expected) in [
            ("", "the arguments"),
            ("/edits/0/newText", "`/edits/0/newText`"),
            ("/a~1b/~0c", "`/a~1b/<key of 2>`"),
            ("/4111111111111111", "`/<key of 16>`"),
            ("/a/x\u{1b}[2J", "`/a/<key of 5>`"),
            ("/ghp_abcdefghijkl", "`/<key of 16>`"),
        ] {
            assert_eq!(place(at), expected, "{at}");
        }
    }

    #[test]
    fn secrets_are_told_from_words() {
        for (name, expected) in [
            ("/api_key", true),
            ("apiKey", true),
            ("--token", true),
            ("/auth/user", true),
            ("/author", false),
            ("keyboard", false),
        ] {
            assert_eq!(names_a_secret(name), expected, "{name}");
        }
        for (text, expected) in [
            ("use ghp_0123456789abcdefghij0123", true),
            ("sk-abcdefgh", true),
            ("@modelcontextprotocol/server-filesystem@2026.8.31", false),
            ("--repository", false),
        ] {
            assert_eq!(looks_like_token(text), expected, "{text}");
        }
    }
}
