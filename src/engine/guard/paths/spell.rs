//! Spellings: every path that one string may stand for.
//!
//! An attacker picks the spelling and the server picks the interpretation, so
//! each step (percent-encoding, Unicode forms, variables, separators, braces)
//! keeps what it started from, and all forms are judged. The steps repeat
//! until nothing changes; a string that does not settle is refused, not
//! guessed. Absent: what only the server can know, such as its own aliases.

use super::HostFacts;
use super::expand;
use unicode_normalization::UnicodeNormalization as _;

/// Longest string in bytes that is spelled out as one path. Far above the system's limit
/// because servers fold `./` and `//` away before the system sees the path.
pub(super) const LONGEST: usize = 64 * 1024;
/// Most rounds until the steps must have settled.
const ROUNDS: usize = 8;
/// Most forms of one string.
const FORMS: usize = 96;

/// What one string may stand for.
#[derive(Debug, Default, Clone)]
pub(super) struct Forms {
    /// Every form, the string itself first.
    pub(super) all: Vec<String>,
    /// The steps did not settle, or there were too many forms.
    pub(super) unsettled: bool,
}

impl Forms {
    fn add(&mut self, form: String) {
        if self.all.len() >= FORMS {
            self.unsettled = true;
        } else if !self.all.contains(&form) {
            self.all.push(form);
        }
    }
}

/// Every form of `raw`.
pub(super) fn forms(raw: &str, host: &HostFacts) -> Forms {
    let mut forms = Forms::default();
    if raw.len() > LONGEST {
        forms.unsettled = true;
        return forms;
    }
    // Names may begin and end with spaces, and servers trim them or not.
    forms.add(raw.to_owned());
    let raw = raw.trim();
    forms.add(raw.to_owned());
    if is_plain(raw) {
        return forms;
    }
    let mut last = raw.to_owned();
    let mut settled = false;
    for _ in 0..ROUNDS {
        let next = step(&last, host, &mut forms);
        if next == last {
            settled = true;
            break;
        }
        forms.add(next.clone());
        last = next;
    }
    forms.unsettled |= !settled;
    branch(&mut forms, host);
    forms
}

/// Nothing in it that any step would change.
fn is_plain(text: &str) -> bool {
    !text.contains("...")
        && !text.bytes().any(|b| {
            matches!(
                b,
                b'%' | b'#'
                    | b';'
                    | b'$'
                    | b'~'
                    | b'\\'
                    | b'{'
                    | b'"'
                    | b'\''
                    | b'`'
                    | b'<'
                    | b'&'
                    | b'+'
                    | b':'
                    | b'('
            ) || !(b' '..0x7f).contains(&b)
        })
}

/// One round. What is cut away on the way (at NUL) becomes a form of its own.
fn step(text: &str, host: &HostFacts, forms: &mut Forms) -> String {
    let mut text = unquote(text).to_owned();
    if text.contains('%') {
        text = percent_decoded(&text);
    }
    if let Some((before, _)) = text.split_once('\0') {
        forms.add(before.to_owned());
    }
    if text.bytes().any(|b| !(b' '..0x7f).contains(&b)) {
        text = folded(&text);
    }
    if let Some(rest) = without_scheme(&text) {
        text = rest.to_owned();
    }
    expand::variables(&text, host)
}

/// Forms that exclude each other: what a backslash, a brace and `+` mean.
fn branch(forms: &mut Forms, host: &HostFacts) {
    let mut at = 0;
    while let Some(form) = forms.all.get(at).cloned() {
        at = at.saturating_add(1);
        if form.contains('\\') {
            forms.add(form.replace('\\', "/"));
            forms.add(form.replace('\\', ""));
            forms.add(unescaped(&form));
        }
        if form.contains('{') {
            match expand::braces(&form) {
                Some(all) => all.into_iter().for_each(|f| forms.add(f)),
                None => forms.unsettled = true,
            }
        }
        if form.contains(['~', '$', '%']) {
            forms.add(expand::variables(&form, host));
            if let Some(open) = expand::unknown_as_wildcard(&form) {
                forms.add(open);
            }
        }
        // What is left of `....//` after a filter took the `../` out.
        if form.contains("...") {
            forms.add(form.replace("../", "").replace("..\\", ""));
        }
        if let Some((before, _)) = form.split_once(['#', ';']) {
            forms.add(before.to_owned());
        }
        if form.contains(';') {
            forms.add(form.replace(';', ""));
        }
        if form.contains('+') {
            forms.add(form.replace('+', " "));
        }
        if form.contains('&') {
            forms.add(without_entities(&form));
        }
        if form.contains(['"', '\'']) {
            forms.add(form.replace(['"', '\''], ""));
        }
        if let Some(rest) = without_scheme(&form) {
            forms.add(rest.to_owned());
        }
    }
}

fn unquote(text: &str) -> &str {
    let text = text.trim();
    for (open, close) in [
        ('"', '"'),
        ('\'', '\''),
        ('`', '`'),
        ('<', '>'),
        ('(', ')'),
        ('[', ']'),
    ] {
        if let Some(inner) = text.strip_prefix(open).and_then(|t| t.strip_suffix(close))
            && !inner.contains(open)
        {
            return inner;
        }
    }
    text
}

/// Percent-decodes until no `%25` chain is left; overlong forms of `.` and `/`
/// (`%c0%ae`, `%c0%af`) and `%u002e` included, for servers that take them.
pub(super) fn percent_decoded(text: &str) -> String {
    let mut bytes: Vec<u8> = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        // `%252525` is one percent sign, however often it was encoded.
        let mut ahead = rest.clone();
        while let (Some(b'2'), Some(b'5')) = (ahead.next(), ahead.next()) {
            rest.next();
            rest.next();
            ahead = rest.clone();
        }
        let mut ahead = rest.clone();
        match (ahead.next(), ahead.next()) {
            (Some(b'u' | b'U'), Some(_)) => {
                let hex: Vec<u8> = rest.clone().skip(1).take(4).collect();
                match code_point(&hex).filter(|_| hex.len() == 4) {
                    Some(c) => {
                        bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                        rest.nth(4);
                    }
                    None => bytes.push(b'%'),
                }
            }
            (Some(high), Some(low)) => {
                match code_point(&[high, low]).and_then(|c| u8::try_from(c).ok()) {
                    Some(value) => {
                        bytes.push(value);
                        rest = ahead;
                    }
                    None => bytes.push(b'%'),
                }
            }
            _ => bytes.push(b'%'),
        }
    }
    let mut plain: Vec<u8> = Vec::with_capacity(bytes.len());
    let mut rest = bytes.into_iter().peekable();
    while let Some(byte) = rest.next() {
        let short = match (byte, rest.peek()) {
            (0xc0, Some(next)) => Some(next & 0x3f),
            (0xc1, Some(next)) => Some(0x40 | (next & 0x3f)),
            _ => None,
        };
        if let Some(short) = short {
            rest.next();
            plain.push(short);
        } else {
            plain.push(byte);
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
}

fn code_point(hex: &[u8]) -> Option<char> {
    let hex = std::str::from_utf8(hex).ok()?;
    if !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    char::from_u32(u32::from_str_radix(hex, 16).ok()?)
}

/// Compatibility forms, look-alike separators, and characters that show nothing.
fn folded(text: &str) -> String {
    text.nfkc()
        .filter(|c| !is_invisible(*c))
        .map(|c| match c {
            '\u{2044}' | '\u{2215}' | '\u{29f8}' | '\u{2571}' => '/',
            '\u{2216}' | '\u{29f5}' | '\u{29f9}' => '\\',
            '\u{2024}' | '\u{a4f8}' | '\u{0701}' => '.',
            other => other,
        })
        .collect()
}

fn is_invisible(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\t' | '\r'))
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// What follows `scheme:`, the local authority of `file:` taken away as well.
fn without_scheme(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once(':')?;
    let scheme = scheme.trim();
    // One letter is a drive.
    let named = scheme.len() > 1
        && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    if !named {
        return None;
    }
    let file = scheme.eq_ignore_ascii_case("file");
    let Some(after) = rest.strip_prefix("//") else {
        return Some(rest).filter(|r| file || r.starts_with(['/', '~', '\\']));
    };
    if !file {
        return Some(after);
    }
    for local in ["localhost/", "127.0.0.1/", "[::1]/", "LOCALHOST/"] {
        if after
            .get(..local.len())
            .is_some_and(|a| a.eq_ignore_ascii_case(local))
        {
            return after.get(local.len().saturating_sub(1)..);
        }
    }
    Some(after)
}

/// `\x2e`, `\u002e`, `\u{2e}`, `\056` as the character that they mean, other
/// backslashes dropped: what shells' `$'…'` and string literals do.
pub(super) fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        let after = rest.as_str();
        let escape = match after.chars().next() {
            Some('x') => hex_escape(after, 2),
            Some('u') => hex_escape(after, 4),
            Some('U') => hex_escape(after, 8),
            Some('0'..='7') => octal_escape(after),
            _ => None,
        };
        if let Some((decoded, used)) = escape {
            out.push(decoded);
            rest.nth(used.saturating_sub(1));
        }
    }
    out
}

fn hex_escape(after: &str, most: usize) -> Option<(char, usize)> {
    let digits = after.get(1..)?;
    let (digits, braces) = digits.strip_prefix('{').map_or((digits, 0), |d| (d, 2));
    let hex: Vec<u8> = digits
        .bytes()
        .take(most)
        .take_while(u8::is_ascii_hexdigit)
        .collect();
    if hex.is_empty() {
        return None;
    }
    Some((
        code_point(&hex)?,
        hex.len().saturating_add(1).saturating_add(braces),
    ))
}

fn octal_escape(after: &str) -> Option<(char, usize)> {
    let digits: String = after
        .chars()
        .take(3)
        .take_while(|c| matches!(c, '0'..='7'))
        .collect();
    Some((
        char::from_u32(u32::from_str_radix(&digits, 8).ok()?)?,
        digits.len(),
    ))
}

/// HTML's spellings of the characters that matter in a path.
fn without_entities(text: &str) -> String {
    let mut text = text.to_owned();
    for (entity, plain) in [
        ("&#46;", "."),
        ("&#x2e;", "."),
        ("&#x2E;", "."),
        ("&period;", "."),
        ("&#47;", "/"),
        ("&#x2f;", "/"),
        ("&#x2F;", "/"),
        ("&sol;", "/"),
        ("&amp;", "&"),
        ("&#126;", "~"),
    ] {
        text = text.replace(entity, plain);
    }
    text
}
