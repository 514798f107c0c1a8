//! URLs in a text, as somebody who renders it may find them.
//!
//! One pass, and what is found does not overlap, so the work is linear in the
//! text. What is found is longer rather than shorter: a letter too many makes a
//! URL that is not like any pattern.

/// What ends a URL, beside spaces and control characters.
const ENDS: [char; 4] = ['<', '>', '"', '`'];
/// What belongs to the text around a URL where it stands at the end of one.
const AROUND: [char; 18] = [
    '.', ',', ';', ':', '!', '?', '\'', '(', ')', '[', ']', '{', '}', '*', '_', '~', '|', '\\',
];

/// Every URL of a text, in order: what begins with `http:` or `https:`, with or
/// without the slashes, which browsers do not need, and with `ws://`, `wss://`
/// and `ftp://`.
pub(super) fn find(text: &str) -> impl Iterator<Item = &str> {
    let mut starts = starts(text).peekable();
    std::iter::from_fn(move || {
        let start = starts.next()?;
        let end = starts.peek().copied().unwrap_or(text.len());
        text.get(start..end).map(one)
    })
}

/// Where URLs begin.
fn starts(text: &str) -> impl Iterator<Item = usize> {
    text.match_indices(':').filter_map(|(colon, _)| {
        let before = text.as_bytes().get(..colon)?;
        let after = text.get(colon.checked_add(1)?..)?;
        let is_slash = |c: char| matches!(c, '/' | '\\');
        let with_slashes = after.strip_prefix(is_slash);
        let with_slashes = with_slashes.is_some_and(|rest| rest.starts_with(is_slash));
        let says_something = after.chars().next().is_some_and(|c| !is_end(c));
        let schemes: &[&str] = match (with_slashes, says_something) {
            (true, _) => &["https", "http", "wss", "ws", "ftp"],
            (_, true) => &["https", "http"],
            (false, false) => &[],
        };
        schemes.iter().find_map(|scheme| {
            let start = colon.checked_sub(scheme.len())?;
            let written = before.get(start..)?;
            written
                .eq_ignore_ascii_case(scheme.as_bytes())
                .then_some(start)
        })
    })
}

fn is_end(letter: char) -> bool {
    letter.is_whitespace() || letter.is_control() || ENDS.contains(&letter)
}

/// The URL that a text begins with.
fn one(text: &str) -> &str {
    let end = text.find(is_end).unwrap_or(text.len());
    let (url, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    if !has_path(url) && is_user(rest) {
        // `http://a.example"@b.example` leads to `b.example`.
        return text;
    }
    without_escape(url).trim_end_matches(AROUND)
}

/// Whether the part with the host is over.
fn has_path(url: &str) -> bool {
    let host = url.split_once("://").map(|(_, rest)| rest);
    host.is_some_and(|rest| rest.contains('/'))
}

/// Whether what stands behind a host may make a user of it.
fn is_user(rest: &str) -> bool {
    let rest = rest.trim_start_matches(ENDS);
    let run = rest.split(|c: char| is_end(c) || c == '/').next();
    run.is_some_and(|run| run.contains('@'))
}

/// Without what an escape of JSON within the text adds to a path.
fn without_escape(url: &str) -> &str {
    let Some((before, after)) = url.split_once('\\') else {
        return url;
    };
    let is_escape = after.starts_with(['n', 'r', 't']) && !after.contains("..");
    if has_path(before) && is_escape {
        before
    } else {
        url
    }
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn finds_what_may_be_rendered() {
        for (text, urls) in [
            ("none: at all, http, https, a:b", &[] as &[&str]),
            ("see https://a.example/x.", &["https://a.example/x"]),
            (
                "[a](https://a.example/x),[b](http://b.example/)",
                &["https://a.example/x),[b", "http://b.example/"],
            ),
            (
                r#"{"u":"https://a.example","m":"x@b.example"}"#,
                &["https://a.example"],
            ),
            ("HTTPS://A.example", &["HTTPS://A.example"]),
            (r"http:/\a.example/", &[r"http:/\a.example/"]),
            ("https:a.example", &["https:a.example"]),
            ("http: a.example", &[]),
            (
                "ws:x wss://a.example git+ftp://b",
                &["wss://a.example", "ftp://b"],
            ),
            (r"https://a.example/x\nmore", &["https://a.example/x"]),
            (
                r"https://a.example/x\n/../y",
                &[r"https://a.example/x\n/../y"],
            ),
            (r"https://a.example\n.b", &[r"https://a.example\n.b"]),
            (
                "https://a.example\"@b.example/",
                &["https://a.example\"@b.example/"],
            ),
            (
                "https://a.example\"\"x@b.example/",
                &["https://a.example\"\"x@b.example/"],
            ),
            ("https://ä.example/", &["https://ä.example/"]),
            ("http://", &["http://"]),
            ("http:\u{1}x", &[]),
        ] {
            let found: Vec<_> = find(text).collect();
            assert_eq!(found, urls, "{text}");
        }
    }
}
