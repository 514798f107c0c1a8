//! Words of a text that hold an encoded text.

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use percent_encoding::percent_decode_str;
use std::borrow::Cow;
use std::ops::Range;

/// Shortest word that is decoded: no token is shorter.
const SHORTEST: usize = 24;

const LAX: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_allow_trailing_bits(true)
    .with_decode_padding_mode(DecodePaddingMode::Indifferent);
const PLAIN: GeneralPurpose = GeneralPurpose::new(&STANDARD, LAX);
const URL: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LAX);

/// Words that hold another text, with it. What comes out is shorter than what
/// went in.
pub(super) fn words(text: &str) -> impl Iterator<Item = (Range<usize>, String)> {
    let base64 = |b: u8| b.is_ascii_alphanumeric() || b"+/-_".contains(&b);
    let percent = |b: u8| b.is_ascii_graphic() && !b"\"'<>".contains(&b);
    let coded = runs(text, base64).filter_map(|(span, word)| {
        let plain = from_hex(word).or_else(|| from_base64(word))?;
        Some((span, plain))
    });
    let escaped = runs(text, percent).filter_map(|(span, word)| Some((span, from_percent(word)?)));
    coded.chain(escaped)
}

/// Long runs of certain letters.
fn runs<'t>(
    text: &'t str,
    is_part: impl Fn(u8) -> bool + 't,
) -> impl Iterator<Item = (Range<usize>, &'t str)> {
    let mut at = 0_usize;
    let bytes = text.as_bytes();
    std::iter::from_fn(move || {
        loop {
            let rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
            let skipped = rest.iter().take_while(|b| !is_part(**b)).count();
            let start = at.saturating_add(skipped);
            let rest = bytes.get(start..)?;
            let length = rest.iter().take_while(|b| is_part(**b)).count();
            at = start.saturating_add(length);
            if length >= SHORTEST {
                // Only ASCII is in a run, so that both ends are boundaries.
                return text.get(start..at).map(|word| (start..at, word));
            }
        }
    })
}

fn from_base64(word: &str) -> Option<String> {
    let is_url = word.contains(['-', '_']);
    let engine = if is_url { URL } else { PLAIN };
    // A letter too many is no byte.
    let whole = if word.len() % 4 == 1 {
        word.len().checked_sub(1)?
    } else {
        word.len()
    };
    readable(engine.decode(word.get(..whole)?).ok()?)
}

fn from_hex(word: &str) -> Option<String> {
    if word.len() % 2 == 1 || !word.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let digit = |b: &u8| {
        char::from(*b)
            .to_digit(16)
            .and_then(|n| u8::try_from(n).ok())
    };
    let pairs = word.as_bytes().chunks_exact(2);
    let bytes = pairs.map(|pair| match pair {
        [high, low] => Some(digit(high)?.checked_mul(16)?.saturating_add(digit(low)?)),
        _ => None,
    });
    readable(bytes.collect::<Option<_>>()?)
}

fn from_percent(word: &str) -> Option<String> {
    match percent_decode_str(word).into() {
        Cow::Borrowed(_) => None,
        Cow::Owned(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

/// A text, and no bytes that happen to decode.
fn readable(bytes: Vec<u8>) -> Option<String> {
    let text = String::from_utf8(bytes).ok()?;
    let odd = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    (!text.contains(odd)).then_some(text)
}
