//! Comments of a TOML text, found without a parser's help: what keeps them is
//! checked by something else than itself.

use std::collections::BTreeMap;

/// The comments of a text that is valid TOML, without `#` and outer spaces.
pub(super) fn comments(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['#', '"', '\'']) {
        let (_, tail) = rest.split_at(at);
        rest = if let Some(comment) = tail.strip_prefix('#') {
            let (comment, after) = comment.split_once('\n').unwrap_or((comment, ""));
            found.push(comment.trim().to_owned());
            after
        } else {
            after_string(tail)
        };
    }
    found
}

/// What follows the string that `text` begins with.
fn after_string(text: &str) -> &str {
    for (quote, escapes) in [("\"\"\"", true), ("'''", false), ("\"", true), ("'", false)] {
        let Some(mut rest) = text.strip_prefix(quote) else {
            continue;
        };
        loop {
            let marks: &[char] = if escapes { &['\\', '"'] } else { &['\''] };
            let Some(at) = rest.find(marks) else {
                return "";
            };
            let tail = rest.get(at..).unwrap_or_default();
            if let Some(after) = tail.strip_prefix('\\') {
                let mut letters = after.chars();
                letters.next();
                rest = letters.as_str();
            } else if let Some(after) = tail.strip_prefix(quote) {
                // A long string may end in quotes of its own.
                let mark = quote.chars().next().unwrap_or('"');
                return if quote.len() == 3 {
                    after.trim_start_matches(mark)
                } else {
                    after
                };
            } else {
                let mut letters = tail.chars();
                letters.next();
                rest = letters.as_str();
            }
        }
    }
    ""
}

/// A comment that `before` has and `after` has not, or the other way round.
pub(super) fn lost(before: &str, after: &str) -> Option<String> {
    let mut count: BTreeMap<String, i64> = BTreeMap::new();
    for (text, step) in [(before, 1), (after, -1)] {
        for comment in comments(text) {
            let seen = count.entry(comment).or_default();
            *seen = seen.saturating_add(step);
        }
    }
    count.into_iter().find(|(_, n)| *n != 0).map(|(c, _)| c)
}
