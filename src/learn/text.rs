//! What strings have in common: the tightest of a few shapes.
//!
//! The order matters: what is listed is tighter than what is described, and a
//! destination (a host, the domain of an address) is always listed.

use super::limit::Limit;
use super::programs::{self, Tool};
use super::{places, schema::Format};
use crate::engine::policy::seen;
use regex::Regex;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// Most values that are listed because they come again and again.
const LISTED: usize = 8;
/// Most values that are listed although each came once.
const ONCE: usize = 3;
/// Most hosts, prefixes, and values of an enumeration that are listed.
const MANY: usize = 64;
/// Longest text that may be a value rather than content, in characters.
const SHORT: usize = 120;
/// Longest word that is listed although it came once.
const WORD: usize = 40;

/// Constraints, and what they were made from, for people.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) limits: Vec<Limit>,
    /// It counts and never quotes, except for hosts' schemes and programs.
    pub(super) note: String,
}

/// Where texts stand.
#[derive(Debug, Clone, Copy)]
pub(super) struct About<'a> {
    /// The nearest name above them.
    pub(super) name: &'a str,
    pub(super) tool: Tool<'a>,
    /// What the pinned schema says of them.
    pub(super) format: Option<Format>,
    /// Longest text that the schema takes.
    pub(super) max_len: Option<u64>,
    /// Whether patterns may cover what was not seen.
    pub(super) patterns: bool,
}

/// What all texts at a place satisfy. There is at least one text. The error:
/// why nothing is learned of them.
pub(super) fn limits(about: About<'_>, texts: &[&str]) -> Result<Told, &'static str> {
    let distinct: BTreeSet<&str> = texts.iter().copied().collect();
    let length = |text: &&str| text.chars().count();
    let longest = distinct.iter().map(length).max().unwrap_or(0);
    let texts = Texts {
        about,
        all: texts.len(),
        longest,
        short: longest <= SHORT && !distinct.iter().any(|t| t.contains(char::is_control)),
        distinct,
    };
    let mut told = texts.shaped()?;
    for limit in &mut told.limits {
        if let (Limit::MaxLen(bound), Some(declared)) = (limit, about.max_len) {
            *bound = declared.min(*bound);
        }
    }
    Ok(told)
}

/// Texts at one place.
struct Texts<'a> {
    about: About<'a>,
    distinct: BTreeSet<&'a str>,
    /// How many there are, equal ones included.
    all: usize,
    /// In characters.
    longest: usize,
    /// They may be values rather than content.
    short: bool,
}

impl Texts<'_> {
    fn shaped(&self) -> Result<Told, &'static str> {
        let Self {
            about, distinct, ..
        } = self;
        let metadata = |text: &&str| seen::url(text).is_some_and(|url| url.host.is_never);
        if distinct.iter().any(metadata) {
            return Err(places::METADATA);
        }
        if distinct.len() == 1 && self.short {
            return Ok(self.listed("value"));
        }
        if about.format == Some(Format::Enum) && distinct.len() <= MANY {
            return Ok(self.listed("declared value"));
        }
        if let Some(told) = self.destinations() {
            return told;
        }
        let again = self.all >= distinct.len().saturating_mul(2);
        if self.short && again && distinct.len() <= LISTED {
            return Ok(self.listed("value"));
        }
        let programs = programs::sql(about.name, distinct, about.tool);
        if let Some(told) = programs.or_else(|| programs::lines(about.name, distinct)) {
            return told;
        }
        let address = |text: &&str| fits(text, &EMAIL);
        if (about.format == Some(Format::Email) || distinct.iter().all(address))
            && let Some(told) = places::emails(distinct)
        {
            return told;
        }
        Ok(self.described())
    }

    /// URLs and hosts.
    fn destinations(&self) -> Option<Result<Told, &'static str>> {
        let Self {
            about, distinct, ..
        } = self;
        let urls = distinct.iter().filter(|t| is_url(t)).count();
        if urls > 0 {
            if distinct.len() <= ONCE && self.short {
                return Some(Ok(self.listed("URL")));
            }
            if urls < distinct.len() {
                return Some(Err(places::TOO_MANY));
            }
            return Some(
                places::urls(distinct, self.longest, about.patterns).unwrap_or_else(|| {
                    let pattern = web(distinct).ok_or(places::TOO_MANY)?;
                    let longest = Limit::MaxLen(round(self.longest));
                    Ok(self.told(vec![Limit::Matches(pattern), longest], "URL"))
                }),
            );
        }
        if about.format != Some(Format::Host) && !names_a_host(about.name) {
            return None;
        }
        Some(places::hosts(distinct, about.patterns).unwrap_or_else(|| {
            let few = self.short && distinct.len() <= MANY;
            few.then(|| self.listed("host")).ok_or(places::TOO_MANY)
        }))
    }

    /// What is neither listed nor a destination.
    fn described(&self) -> Told {
        let distinct = &self.distinct;
        if let Some((what, pattern)) = shape(distinct) {
            return self.told(vec![Limit::Matches(pattern)], what);
        }
        let words = self.short && all(distinct, &SLUG);
        if words && distinct.len() <= ONCE && self.longest <= WORD {
            return self.listed("word");
        }
        if words {
            let rest = round(self.longest).saturating_sub(1);
            let pattern = format!("[A-Za-z0-9][A-Za-z0-9._-]{{0,{rest}}}");
            return self.told(vec![Limit::Matches(pattern)], "word");
        }
        let shortest = distinct.iter().map(|text| text.chars().count()).min();
        let length = match shortest {
            Some(shortest) if shortest < self.longest => format!("{shortest} to {}", self.longest),
            _ => self.longest.to_string(),
        };
        let told = self.told(vec![Limit::MaxLen(round(self.longest))], "text");
        Told {
            note: format!("{} of {length} characters", told.note),
            ..told
        }
    }

    fn listed(&self, what: &str) -> Told {
        self.told(vec![Limit::texts(self.distinct.iter().copied())], what)
    }

    fn told(&self, limits: Vec<Limit>, what: &str) -> Told {
        let some = count(self.distinct.len(), what);
        let note = match self.all {
            all if all == self.distinct.len() => some,
            all => format!("{some}, {all} times"),
        };
        Told { limits, note }
    }
}

/// `one host`, `2 hosts`; of a noun with its plural in `s` or `es`.
pub(super) fn count(number: usize, what: &str) -> String {
    let plural = if what.ends_with("address") { "es" } else { "s" };
    match number {
        1 => format!("one {what}"),
        number => format!("{number} {what}{plural}"),
    }
}

/// Rounded up to 1, 2 or 5 times a power of ten, and at least 20.
pub(super) fn round(length: usize) -> u64 {
    round_from(length, 20)
}

/// The same with another least.
pub(super) fn round_from(length: usize, least: u64) -> u64 {
    let length = u64::try_from(length).unwrap_or(u64::MAX);
    let mut step: u64 = 10;
    loop {
        for times in [1, 2, 5] {
            let bound = step.saturating_mul(times);
            if bound >= length.max(least) {
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
fn shape(texts: &BTreeSet<&str>) -> Option<(&'static str, String)> {
    let digit = |text: &&str| text.contains(|c: char| c.is_ascii_digit());
    Some(if all(texts, &LOWER_UUID) {
        let pattern = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}";
        ("UUID", pattern.to_owned())
    } else if all(texts, &ANY_UUID) {
        let pattern = "[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}";
        ("UUID", pattern.to_owned())
    } else if all(texts, &DATE) {
        ("date", "[0-9]{4}-[0-9]{2}-[0-9]{2}".to_owned())
    } else if all(texts, &TIME) {
        let pattern = "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2})?";
        ("time", pattern.to_owned())
    } else if all(texts, &DIGITS) {
        ("number", format!("[0-9]{}", lengths(texts, 0)))
    } else if all(texts, &HEX) && texts.iter().all(digit) {
        ("digest", format!("[0-9a-f]{}", lengths(texts, 0)))
    } else if let Some(prefixes) = captured(texts, &TICKET) {
        ("key", format!("(?:{prefixes})[0-9]{{1,9}}"))
    } else if let Some(domains) = captured(texts, &EMAIL) {
        ("address", format!("[A-Za-z0-9._%+-]{{1,64}}(?:{domains})"))
    } else if let Some(owners) = captured(texts, &REPOSITORY) {
        (
            "name",
            format!("(?:{owners})[A-Za-z0-9][A-Za-z0-9._-]{{0,99}}"),
        )
    } else {
        return None;
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(name: &str, texts: &[&str]) -> String {
        let tool = Tool {
            server: "s",
            name: "t",
        };
        let about = About {
            name,
            tool,
            format: None,
            max_len: None,
            patterns: false,
        };
        match limits(about, texts) {
            Err(_) => "nothing".to_owned(),
            Ok(told) => {
                let told: Vec<_> = told.limits.iter().map(Limit::told).collect();
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
            ("to", &["a@x.org", "b@x.org"], r#"email = "*@x.org""#),
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
                r#"max_len = 20, url = ["https://a.org/**", "https://b.org:1/**"]"#,
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
                r#"host = ["a.org", "b.org", "c.org", "d.org"]"#,
            ),
        ] {
            assert_eq!(told(name, texts), expected, "{name} {texts:?}");
        }
    }
}
