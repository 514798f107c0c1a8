//! What strings have in common: the tightest of a few shapes.
//!
//! The order matters: what is listed is tighter than what is described, and a
//! destination (a host, the domain of an address) is always listed.

use super::infer::Limit;
use super::value::Value;
use regex::Regex;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// Most values that are listed because they come again and again.
const LISTED: usize = 8;
/// Most values that are listed although each came once.
const ONCE: usize = 3;
/// Most hosts, and most prefixes, that are listed.
const MANY: usize = 64;
/// Longest text that may be a value rather than content, in characters.
const SHORT: usize = 120;
/// Longest word that is listed although it came once.
const WORD: usize = 40;

/// What all texts under a name satisfy. There is at least one text.
/// `None`: they are destinations that cannot be listed.
pub(super) fn limits(name: &str, texts: &[&str]) -> Option<Vec<Limit>> {
    let distinct: BTreeSet<&str> = texts.iter().copied().collect();
    let longest = distinct.iter().map(|t| t.chars().count()).max()?;
    let short = longest <= SHORT && !distinct.iter().any(|t| t.contains(char::is_control));
    let listed = || Limit::one_of(distinct.iter().map(|t| Value::Text((*t).to_owned())));
    if distinct.len() == 1 && short {
        return Some(vec![listed()]);
    }
    let again = texts.len() >= distinct.len().saturating_mul(2);
    let urls = distinct.iter().filter(|t| is_url(t)).count();
    if urls > 0 {
        if distinct.len() <= ONCE && short {
            return Some(vec![listed()]);
        }
        let pattern = (urls == distinct.len()).then(|| web(&distinct))??;
        return Some(vec![Limit::Matches(pattern), Limit::MaxLen(round(longest))]);
    }
    if names_a_host(name) {
        return (short && distinct.len() <= MANY).then(|| vec![listed()]);
    }
    if short && again && distinct.len() <= LISTED {
        return Some(vec![listed()]);
    }
    if let Some(pattern) = shape(&distinct) {
        return Some(vec![Limit::Matches(pattern)]);
    }
    if short && distinct.len() <= ONCE && longest <= WORD && all(&distinct, &SLUG) {
        return Some(vec![listed()]);
    }
    if short && all(&distinct, &SLUG) {
        let rest = round(longest).saturating_sub(1);
        return Some(vec![Limit::Matches(format!(
            "[A-Za-z0-9][A-Za-z0-9._-]{{0,{rest}}}"
        ))]);
    }
    Some(vec![Limit::MaxLen(round(longest))])
}

/// Rounded up to 1, 2 or 5 times a power of ten.
fn round(length: usize) -> u64 {
    let length = u64::try_from(length).unwrap_or(u64::MAX);
    let mut step: u64 = 10;
    loop {
        for times in [1, 2, 5] {
            let bound = step.saturating_mul(times);
            if bound >= length.max(20) {
                return bound;
            }
        }
        step = step.saturating_mul(10);
    }
}

/// A name under which a host is expected.
fn names_a_host(name: &str) -> bool {
    let name = name.to_lowercase();
    ["host", "hostname", "domain", "server", "endpoint"]
        .iter()
        .any(|word| name == *word || name.ends_with(&format!("_{word}")))
}

macro_rules! pattern {
    ($name:ident, $source:literal) => {
        static $name: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new($source).ok());
    };
}

pattern!(SLUG, r"\A[A-Za-z0-9][A-Za-z0-9._-]*\z");
pattern!(URL, r"\A[A-Za-z][A-Za-z0-9+.-]*:(//|\\\\)");
pattern!(
    PLAIN_URL,
    r"\A([a-z][a-z0-9+.-]*://[A-Za-z0-9.:\[\]-]+)([/?#][!-\[\]-~]*)?\z"
);
pattern!(LOWER_UUID, r"\A[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\z");
pattern!(
    ANY_UUID,
    r"\A[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\z"
);
pattern!(DATE, r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}\z");
pattern!(
    TIME,
    r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2})?\z"
);
pattern!(DIGITS, r"\A[0-9]+\z");
pattern!(HEX, r"\A[0-9a-f]{7,}\z");
pattern!(TICKET, r"\A([A-Z][A-Z0-9]*-)[0-9]+\z");
pattern!(EMAIL, r"\A[A-Za-z0-9._%+-]+(@[A-Za-z0-9.-]+)\z");
pattern!(
    REPOSITORY,
    r"\A([A-Za-z0-9][A-Za-z0-9._-]*/)[A-Za-z0-9][A-Za-z0-9._-]*\z"
);

fn fits(text: &str, pattern: &LazyLock<Option<Regex>>) -> bool {
    pattern
        .as_ref()
        .is_some_and(|pattern| pattern.is_match(text))
}

fn all(texts: &BTreeSet<&str>, pattern: &LazyLock<Option<Regex>>) -> bool {
    texts.iter().all(|text| fits(text, pattern))
}

fn is_url(text: &str) -> bool {
    fits(text.trim_start(), &URL)
}

/// URLs of the very schemes, hosts and ports that were seen.
fn web(texts: &BTreeSet<&str>) -> Option<String> {
    let places = captured(texts, &PLAIN_URL)?;
    Some(format!("(?:{places})(?:[/?#][!-\\[\\]-~]*)?"))
}

/// What the first group of a pattern has found, as alternatives.
fn captured(texts: &BTreeSet<&str>, pattern: &LazyLock<Option<Regex>>) -> Option<String> {
    let pattern = pattern.as_ref()?;
    let mut found = BTreeSet::new();
    for text in texts {
        found.insert(regex::escape(pattern.captures(text)?.get(1)?.as_str()));
    }
    let found: Vec<String> = found.into_iter().collect();
    (found.len() <= MANY).then(|| found.join("|"))
}

/// `{40}`, or `{7,40}`.
fn lengths(texts: &BTreeSet<&str>, from: usize) -> String {
    let lengths = || texts.iter().map(|text| text.len().saturating_sub(from));
    match (lengths().min(), lengths().max()) {
        (Some(least), Some(most)) if least == most => format!("{{{least}}}"),
        (least, most) => format!("{{{},{}}}", least.unwrap_or(0), most.unwrap_or(0)),
    }
}

/// Ids, digests, dates, addresses: nothing but letters that tell little.
fn shape(texts: &BTreeSet<&str>) -> Option<String> {
    let digit = |text: &&str| text.contains(|c: char| c.is_ascii_digit());
    Some(if all(texts, &LOWER_UUID) {
        "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}".to_owned()
    } else if all(texts, &ANY_UUID) {
        "[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}".to_owned()
    } else if all(texts, &DATE) {
        "[0-9]{4}-[0-9]{2}-[0-9]{2}".to_owned()
    } else if all(texts, &TIME) {
        "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2})?"
            .to_owned()
    } else if all(texts, &DIGITS) {
        format!("[0-9]{}", lengths(texts, 0))
    } else if all(texts, &HEX) && texts.iter().all(digit) {
        format!("[0-9a-f]{}", lengths(texts, 0))
    } else if let Some(prefixes) = captured(texts, &TICKET) {
        format!("(?:{prefixes})[0-9]{{1,9}}")
    } else if let Some(domains) = captured(texts, &EMAIL) {
        format!("[A-Za-z0-9._%+-]{{1,64}}(?:{domains})")
    } else if let Some(owners) = captured(texts, &REPOSITORY) {
        format!("(?:{owners})[A-Za-z0-9][A-Za-z0-9._-]{{0,99}}")
    } else {
        return None;
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(name: &str, texts: &[&str]) -> String {
        match limits(name, texts) {
            None => "nothing".to_owned(),
            Some(limits) => {
                let told: Vec<_> = limits.iter().map(Limit::told).collect();
                told.join(", ")
            }
        }
    }

    #[test]
    fn the_tightest_shape_is_taken() {
        let long = "x".repeat(300);
        for (name, texts, expected) in [
            ("q", &["a b", "a b"][..], r#"equals = "a b""#),
            ("q", &["a", "b"], r#"one_of = ["a", "b"]"#),
            ("q", &["a b", "c d", "e f"], "max_len = 20"),
            (
                "q",
                &["a b", "c d", "a b", "c d"],
                r#"one_of = ["a b", "c d"]"#,
            ),
            ("q", &[&long], "max_len = 500"),
            ("q", &["two\nlines"], "max_len = 20"),
            (
                "name",
                &["ab", "cd", "ef", "gh"],
                r#"matches = "[A-Za-z0-9][A-Za-z0-9._-]{0,19}""#,
            ),
            (
                "day",
                &["2026-01-02", "2026-01-03"],
                r#"matches = "[0-9]{4}-[0-9]{2}-[0-9]{2}""#,
            ),
            ("n", &["12", "1234"], r#"matches = "[0-9]{2,4}""#),
            (
                "key",
                &["AB-1", "CD-22"],
                r"matches = '(?:AB\-|CD\-)[0-9]{1,9}'",
            ),
            (
                "to",
                &["a@x.org", "b@x.org"],
                r"matches = '[A-Za-z0-9._%+-]{1,64}(?:@x\.org)'",
            ),
            (
                "repo",
                &["acme/a", "acme/b"],
                r#"matches = "(?:acme/)[A-Za-z0-9][A-Za-z0-9._-]{0,99}""#,
            ),
            (
                "url",
                &[
                    "https://a.org/1",
                    "https://a.org/2?x",
                    "https://a.org",
                    "https://b.org:1/",
                ],
                r"matches = '(?:https://a\.org|https://b\.org:1)(?:[/?#][!-\[\]-~]*)?', max_len = 20",
            ),
            ("url", &["https://a.org/1", "x", "y", "z"], "nothing"),
            (
                "url",
                &[
                    "https://u@a.org/1",
                    "https://b/1",
                    "https://c/1",
                    "https://d/",
                ],
                "nothing",
            ),
            (
                "host",
                &["a.org", "b.org", "c.org", "d.org"],
                r#"one_of = ["a.org", "b.org", "c.org", "d.org"]"#,
            ),
        ] {
            assert_eq!(told(name, texts), expected, "{name} {texts:?}");
        }
    }
}
