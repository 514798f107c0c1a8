//! Text that code puts together from numbers and encodings:
//! `chr(47)`, `bytes([46, 101])`, `bytes.fromhex('2e65')`, `atob('LmVudg==')`.
//! Linear in the text.

/// Calls that decode; in lower case.
const DECODERS: [&str; 16] = [
    "b64decode",
    "b32decode",
    "b16decode",
    "base64",
    "fromhex",
    "unhexlify",
    "a2b_",
    "atob(",
    "'hex'",
    "\"hex\"",
    "frombase64",
    "base64_decode",
    "hex2bin",
    "decodestring",
    "pack('h",
    "pack(\"h",
];
/// Shortest encoded text that is read beside a decoder; `.env` has eight digits.
const SHORTEST: usize = 4;
/// Longest one.
const LONGEST: usize = 64 * 1024;

/// Whether the code decodes something.
pub(super) fn decodes(code: &str) -> bool {
    let lower = code.to_ascii_lowercase();
    DECODERS.iter().any(|d| lower.contains(d))
}

/// What `text` says when it is base64 or hexadecimal, however short it is.
pub(super) fn decoded(text: &str) -> Vec<String> {
    if text.len() < SHORTEST || text.len() > LONGEST {
        return Vec::new();
    }
    super::decoded_from(text)
}

/// The code with `chr(46)` as the literal that it is, also inside of another
/// one: `f"{chr(46)}env"`.
pub(super) fn with_characters(code: &str) -> String {
    let mut out = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(at) = rest.find("chr(") {
        let (before, from) = rest.split_at_checked(at).unwrap_or((rest, ""));
        let digits = from.get(4..).unwrap_or_default();
        let end = digits.chars().take(8).position(|c| c == ')').unwrap_or(0);
        let number = digits.get(..end).unwrap_or_default();
        let after = from
            .get(number.len().saturating_add(5)..)
            .unwrap_or_default();
        let value = value_of(number.trim());
        let Some(c) = value
            .and_then(char::from_u32)
            .filter(|c| c.is_ascii_graphic() && !matches!(c, '"' | '\'' | '\\'))
        else {
            out.push_str(before);
            out.push_str("chr(");
            rest = from.get(4..).unwrap_or_default();
            continue;
        };
        if let (Some(before), Some(after)) = (before.strip_suffix('{'), after.strip_prefix('}')) {
            out.push_str(before);
            out.push(c);
            rest = after;
        } else {
            out.push_str(before);
            out.extend(['\'', c, '\'']);
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

fn value_of(number: &str) -> Option<u32> {
    match number.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => number.parse().ok(),
    }
}

/// What numbers spell: each row of them, and all that the code has.
pub(super) fn from_numbers(code: &str) -> Vec<String> {
    if ![
        "chr",
        "fromCharCode",
        "fromCodePoint",
        "bytes(",
        "bytearray(",
        "[char]",
        "pack(",
        "Buffer.from(",
        "Uint8Array",
    ]
    .iter()
    .any(|hint| code.contains(hint))
    {
        return Vec::new();
    }
    let mut all = String::new();
    let mut row = String::new();
    let mut rows = Vec::new();
    let mut rest = code;
    while let Some(at) = rest.find(|c: char| c.is_ascii_alphanumeric()) {
        let (between, from) = rest.split_at_checked(at).unwrap_or_default();
        let end = from
            .find(|c: char| !c.is_ascii_alphanumeric())
            .unwrap_or(from.len());
        let (word, after) = from.split_at_checked(end).unwrap_or_default();
        rest = after;
        let apart = !between
            .chars()
            .all(|c| matches!(c, ',' | ' ' | '\n' | '+' | '(' | ')' | '.'));
        if apart && row.len() >= SHORTEST {
            rows.push(std::mem::take(&mut row));
        } else if apart {
            row.clear();
        }
        let c = value_of(word)
            .and_then(char::from_u32)
            .filter(char::is_ascii_graphic);
        all.extend(c);
        row.extend(c);
    }
    if row.len() >= SHORTEST {
        rows.push(row);
    }
    if all.len() >= SHORTEST && !rows.contains(&all) {
        rows.push(all);
    }
    rows
}
