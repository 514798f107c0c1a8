//! `WWW-Authenticate`: what a server wants to be shown (RFC 9110, 6750, 9728).

use crate::engine::policy::is_scope;
use hyper::HeaderMap;
use hyper::header::WWW_AUTHENTICATE;

/// Most challenges and parameters that are read.
const PARTS: usize = 64;

/// What a server says of the bearer tokens that it takes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Challenge {
    /// Where its metadata are.
    pub(super) metadata: Option<String>,
    /// The scopes that the request needs.
    pub(in super::super) scope: Option<String>,
    /// What was wrong with the token.
    pub(in super::super) error: Option<String>,
}

impl Challenge {
    /// The first one about bearer tokens.
    pub(in super::super) fn of(headers: &HeaderMap) -> Option<Self> {
        let values = headers.get_all(WWW_AUTHENTICATE).iter();
        let texts = values.filter_map(|value| value.to_str().ok());
        texts.into_iter().find_map(read)
    }
}

/// The first challenge about bearer tokens in one header.
fn read(text: &str) -> Option<Challenge> {
    let mut rest = text;
    let mut found: Option<Challenge> = None;
    for _ in 0..PARTS {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let (word, after) = token(rest);
        if word.is_empty() {
            break;
        }
        let after = after.trim_start_matches([' ', '\t']);
        let Some(value) = after.strip_prefix('=') else {
            // A word without a value is the next scheme.
            if found.is_some() {
                break;
            }
            found = word.eq_ignore_ascii_case("bearer").then(Challenge::default);
            rest = after;
            continue;
        };
        let (value, after) = value_of(value.trim_start_matches([' ', '\t']));
        rest = after;
        let Some(challenge) = &mut found else {
            continue;
        };
        let place = match word.to_ascii_lowercase().as_str() {
            "resource_metadata" => &mut challenge.metadata,
            "scope" => &mut challenge.scope,
            "error" => &mut challenge.error,
            _ => continue,
        };
        // Said twice, it could be read either way.
        if place.is_some() {
            return None;
        }
        *place = Some(value);
    }
    let mut found = found?;
    found.scope = found.scope.filter(|scope| is_scope(scope));
    Some(found)
}

/// A token of HTTP, and what stands behind it.
fn token(text: &str) -> (&str, &str) {
    let fits = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~/".contains(c);
    let end = text.find(|c| !fits(c)).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

/// A token or a quoted string, and what stands behind it.
fn value_of(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let (word, rest) = token(text);
        // What is left of base64 (`token68`) is nothing.
        return (word.to_owned(), rest.trim_start_matches('='));
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => {
                return (
                    value,
                    quoted.get(at.saturating_add(1)..).unwrap_or_default(),
                );
            }
            '\\' => value.extend(chars.next().map(|(_, c)| c)),
            c => value.push(c),
        }
    }
    // It has no end: nobody knows what it says.
    (String::new(), "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    #[test]
    fn challenges_are_read() {
        let of = |metadata: Option<&str>, scope: Option<&str>, error: Option<&str>| {
            let own = |text: Option<&str>| text.map(str::to_owned);
            Some(Challenge {
                metadata: own(metadata),
                scope: own(scope),
                error: own(error),
            })
        };
        let url = Some("https://a.example/x?y=1,2");
        for (texts, expected) in [
            (
                &[r#"Bearer resource_metadata="https://a.example/x?y=1,2", scope="a b""#][..],
                of(url, Some("a b"), None),
            ),
            (
                &[r#"bearer Error = insufficient_scope ,scope="x""#],
                of(None, Some("x"), Some("insufficient_scope")),
            ),
            (&["Bearer"], of(None, None, None)),
            (
                &[r#"Basic realm="Bearer scope=\"q\"", Bearer realm="x", scope=a"#],
                of(None, Some("a"), None),
            ),
            (
                &["Negotiate YWJj==, Bearer scope=a"],
                of(None, Some("a"), None),
            ),
            (
                &["Basic realm=x", "Bearer scope=a"],
                of(None, Some("a"), None),
            ),
            (
                &["Bearer scope=a, Digest scope=b, error=x"],
                of(None, Some("a"), None),
            ),
            (&[r#"Bearer scope="a\"b""#], of(None, None, None)),
            (&[r#"Bearer scope=" ""#], of(None, None, None)),
            (
                &[r#"Bearer error="no end, scope=x"#],
                of(None, None, Some("")),
            ),
            (&["Bearer scope=a, scope=b"], None),
            (&["Basic realm=x"], None),
            (&[""], None),
            (&["=,=\"\""], None),
        ] {
            let mut headers = HeaderMap::new();
            for text in texts {
                headers.append(WWW_AUTHENTICATE, HeaderValue::from_str(text).unwrap());
            }
            assert_eq!(Challenge::of(&headers), expected, "{texts:?}");
        }
    }
}
