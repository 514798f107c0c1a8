//! Patterns over names and uris: `*` stands for any run of characters, and
//! nothing else is special.
//!
//! The attack answered: `file:///work/../etc/passwd` fits `file:///work/*` by
//! its letters. A uri with dot segments or another ambiguity therefore fits no
//! wildcard of a permit, and every wildcard of a forbid.

mod compare;

use percent_encoding::percent_decode_str;
use std::borrow::Cow;

/// A name or uri with `*` as its only wildcard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern(String);

impl Pattern {
    /// Takes a pattern as the policy has it.
    pub(super) fn new(source: String) -> Self {
        Self(source)
    }

    /// As written.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it has a wildcard at all.
    pub(super) fn is_literal(&self) -> bool {
        !self.0.contains('*')
    }

    /// Whether it fits all of `text`, case-sensitively.
    pub(super) fn matches(&self, text: &str) -> bool {
        fits(&self.0, text)
    }

    /// For a permit: the uri as it is spelled, and never a wildcard over an
    /// ambiguous one. A lone `*` says "any uri" and means it.
    pub(super) fn permits_uri(&self, uri: &str) -> bool {
        self.matches(uri) && (self.is_literal() || self.0 == "*" || !is_ambiguous(uri))
    }

    /// For a forbid: any spelling of the uri, without regard to case.
    pub(super) fn forbids_uri(&self, uri: &str) -> bool {
        if is_ambiguous(uri) {
            return true;
        }
        let pattern = percent_decode(&self.0).to_lowercase();
        fits(&pattern, &percent_decode(uri).to_lowercase())
    }
}

/// Greedy from the left is enough: a later match of a part only leaves less.
fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return rest.is_empty();
    };
    let Some(mut rest) = rest.strip_suffix(last) else {
        return false;
    };
    for part in parts {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    true
}

/// Whether a server may read the uri as another one than its letters say.
fn is_ambiguous(uri: &str) -> bool {
    has_dot_segment(uri) || percent_decode(uri).contains(|c: char| c == '\\' || c.is_control())
}

/// Whether `text` has a segment `.` or `..`, percent-encoded ones included.
pub(super) fn has_dot_segment(text: &str) -> bool {
    percent_decode(text)
        .split(['/', '\\'])
        .any(|segment| matches!(segment, "." | ".."))
}

/// Decodes to a fixpoint: whoever encodes twice wants to be decoded twice.
/// Bytes that are no UTF-8 then become U+FFFD, which fits no literal.
fn percent_decode(text: &str) -> Cow<'_, str> {
    // Each round shortens the text, so it ends; the bound caps the work.
    const ROUNDS: usize = 8;
    let mut text = Cow::Borrowed(text);
    for _ in 0..ROUNDS {
        let decoded = match percent_decode_str(&text).into() {
            Cow::Borrowed(_) => break,
            Cow::Owned(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        };
        text = Cow::Owned(decoded);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pattern(source: &str) -> Pattern {
        Pattern::new(source.to_owned())
    }

    #[test]
    fn a_star_stands_for_any_run() {
        for (source, text, expected) in [
            ("get_*", "get_", true),
            ("get_*", "get_issue", true),
            ("get_*", "Get_issue", false),
            ("get_*", "forget_issue", false),
            ("*", "", true),
            ("*_file", "read_file", true),
            ("a*b*c", "abc", true),
            ("a*b*c", "acb", false),
            ("a*a", "a", false),
            ("*ab*ab", "ab", false),
            ("read", "read_file", false),
            ("read?", "reads", false),
        ] {
            assert_eq!(pattern(source).matches(text), expected, "{source} {text}");
        }
    }

    #[test]
    fn an_ambiguous_uri_fits_no_permit_and_every_forbid() {
        let under = pattern("file:///work/*");
        assert!(under.permits_uri("file:///work/a.txt"));
        assert!(pattern("*").permits_uri("file:///work/../x"));
        for uri in [
            "file:///work/../etc/passwd",
            "file:///work/%2e%2E/etc/passwd",
            "file:///work/%252e%252e/etc/passwd",
            "file:///work/..%2fetc/passwd",
            "file:///work/a%5c..%5cb",
            "file:///work/a\nb",
        ] {
            assert!(!under.permits_uri(uri), "{uri}");
            assert!(pattern("other://*").forbids_uri(uri), "{uri}");
        }
        assert!(!pattern("other://*").forbids_uri("file:///work/a"));
    }

    #[test]
    fn a_forbid_sees_every_spelling() {
        let secret = pattern("file:///work/secret/*");
        for uri in [
            "FILE:///work/secret/a",
            "file:///work/%73ecret/a",
            "file:///work/SECRET/a",
        ] {
            assert!(secret.forbids_uri(uri), "{uri}");
        }
        assert!(pattern("file:///Work/a%20b/*").forbids_uri("file:///work/a b/c"));
    }

    proptest! {
        #[test]
        fn agrees_with_a_regex(source in "[ab*]{0,8}", text in "[ab]{0,10}") {
            let regex = format!(r"\A{}\z", source.replace('*', ".*"));
            let regex = regex::Regex::new(&regex).unwrap();
            prop_assert_eq!(fits(&source, &text), regex.is_match(&text));
        }

        #[test]
        fn decoding_never_panics(text in ".*") {
            let _ = percent_decode(&text);
        }
    }
}
