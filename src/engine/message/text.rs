//! Keys and strings as other parsers see them.

/// Two keys that any parser could take for the same have the same fold.
///
/// Through upper case, so that U+017F (long s) and U+212A (kelvin) fold to `s`
/// and `k` as in Go's `encoding/json`; from lower case, so that U+1E9E (capital
/// sharp s) meets U+00DF.
pub fn fold_case(key: &str) -> String {
    if key.is_ascii() {
        return key.to_ascii_lowercase();
    }
    key.chars()
        .flat_map(char::to_lowercase)
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .collect()
}

/// Whether two keys have the same fold; without making either where both are
/// ASCII, as nearly all are.
pub(super) fn same_fold(a: &str, b: &str) -> bool {
    if a.is_ascii() && b.is_ascii() {
        return a.eq_ignore_ascii_case(b);
    }
    fold_case(a) == fold_case(b)
}

/// Unescapes the inside of a string that the reader has accepted.
pub(super) fn unescape(inner: &str) -> String {
    let mut out = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        let (plain, escape) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push_str(plain);
        let mut chars = escape.chars();
        chars.next();
        match chars.next() {
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('u') => {
                let first = hex4(&mut chars);
                let code = if (0xD800..0xDC00).contains(&first) {
                    chars.next();
                    chars.next();
                    let low = hex4(&mut chars);
                    0x10000u32
                        .wrapping_add((first & 0x3FF) << 10)
                        .wrapping_add(low & 0x3FF)
                } else {
                    first
                };
                out.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            Some(c) => out.push(c),
            None => {}
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    out
}

fn hex4(chars: &mut std::str::Chars<'_>) -> u32 {
    (0..4).fold(0, |unit, _| {
        unit << 4
            | chars
                .next()
                .and_then(|c| c.to_digit(16))
                .unwrap_or_default()
    })
}
