//! Text that one program prints for another: read as names, as a script and
//! as program text, plain, formatted, reversed and decoded.
//!
//! A short word that happens to be valid base64 is nothing by itself. Beside a
//! decoder (`base64 -d`, `fromhex`, `atob`) it is taken for what it says.

use super::arguments::Call;
use super::{DEPTH, Reader, Word};
use crate::engine::guard::paths::collect::Effect;
use crate::engine::guard::paths::{code, shape, spell};

/// Shortest text that a decoder may be given, in characters.
const SHORTEST: usize = 4;
/// Longest text that is decoded, in bytes.
const LONGEST: usize = 64 * 1024;
/// Longest text that `printf` is followed to, in bytes.
const FORMATTED: usize = 16 * 1024;

/// Signs of a decoder in a script or program text, lower case.
const DECODERS: [&str; 20] = [
    "base64",
    "b64",
    "base32",
    "b32",
    "basenc",
    "xxd",
    "fromhex",
    "unhexlify",
    "buffer.from",
    "atob",
    "decode64",
    "decode_base64",
    "openssl enc",
    "uudecode",
    "hex.decode",
    "pack(",
    "pack \"",
    "codecs",
    "-enc",
    "-ec ",
];

/// Whether something in the text decodes.
pub(super) fn has_decoder(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    DECODERS.iter().any(|sign| lower.contains(sign))
}

impl Reader {
    /// `echo` and `printf`: what they print, where something reads it.
    pub(super) fn prints(&mut self, call: &Call<'_>) {
        let mut words = call.arguments;
        while let Some((first, rest)) = words.split_first()
            && first.text.starts_with('-')
            && first.text.len() < 4
        {
            words = rest;
        }
        if !call.feeds {
            for word in words {
                if !word.quoted && word.text.contains(['*', '?', '[']) {
                    self.word(&word.text, Effect::Read);
                }
            }
            return;
        }
        for word in words {
            self.text(&word.text, call.depth);
        }
        let whole = if words.iter().any(|w| w.text.contains('%')) {
            formatted(words)
        } else {
            let texts: Vec<&str> = words.iter().map(|w| w.text.as_str()).collect();
            texts.join(" ")
        };
        if words.len() > 1 && whole.len() <= FORMATTED {
            self.text(&whole, call.depth);
        }
    }

    /// What is printed to something that may run it or open it.
    pub(super) fn text(&mut self, text: &str, depth: usize) {
        if text.contains('\\') && depth < DEPTH {
            let plain = spell::unescaped(&text.replace("\\n", "\n").replace("\\t", "\t"));
            if plain != text && !text.starts_with(['\\', '/']) {
                self.text(&plain, depth.saturating_add(1));
            }
        }
        self.told(text);
        if shape::is_command(text) {
            self.script(text, depth.saturating_add(1));
            return;
        }
        if shape::is_sql(text) {
            self.sql(text, depth.saturating_add(1));
            return;
        }
        for word in text.split_whitespace() {
            self.word(word, Effect::Read);
            self.decoded(word, depth);
        }
        if self.runs && text.contains(['"', '\'']) && text.contains('(') {
            self.code(text, depth.saturating_add(1));
        }
    }

    /// What a word says once it is decoded.
    pub(super) fn decoded(&mut self, word: &str, depth: usize) {
        for plain in decodings(word, self.decoder) {
            self.plain(&plain, depth.saturating_add(1));
        }
    }

    /// Text that came out of a decoder, or was read backwards.
    pub(super) fn plain(&mut self, text: &str, depth: usize) {
        let text = text.trim();
        self.told(text);
        if shape::is_single(text) {
            self.used(text, Effect::Read, None);
            if self.runs && text.contains(['<', '"', '\'', ';', '{']) {
                self.script(text, depth);
            }
        } else if self.runs || (shape::is_command(text) && !text.contains('\n')) {
            self.script(text, depth);
        }
        if self.runs && text.contains(['"', '\'']) {
            self.code(text, depth);
        }
    }
}

/// What a text says when it is base64, base32 or hexadecimal. `sure` where a
/// decoder stands beside it.
fn decodings(text: &str, sure: bool) -> Vec<String> {
    let mut out = code::decoded(text);
    if !sure || text.len() > LONGEST {
        return out;
    }
    let text: String = text
        .chars()
        .filter(|c| !matches!(c, ',' | ' ' | ':'))
        .collect();
    let text = text.trim_start_matches("0x");
    if text.len() < SHORTEST {
        return out;
    }
    let all = |is: fn(u8) -> bool| text.bytes().all(is);
    if all(|b| b.is_ascii_hexdigit()) {
        out.extend(code::hex(text).and_then(readable));
    }
    if all(|b| b.is_ascii_alphanumeric() || b"+/-_=".contains(&b)) {
        out.extend(code::base64(text).and_then(readable));
    }
    if all(|b| b.is_ascii_uppercase() || matches!(b, b'2'..=b'7' | b'=')) {
        out.extend(readable(base32(text)));
    }
    out.retain(|plain| plain.contains(['.', '/', '~', ' ', '<']));
    out.sort_unstable();
    out.dedup();
    out
}

/// Text in UTF-8, or in UTF-16 as PowerShell's `-EncodedCommand` has it.
fn readable(bytes: Vec<u8>) -> Option<String> {
    let wide = bytes.len() > 1 && bytes.iter().skip(1).step_by(2).all(|b| *b == 0);
    let bytes = if wide {
        bytes.into_iter().step_by(2).collect()
    } else {
        bytes
    };
    let text = String::from_utf8(bytes).ok()?;
    text.chars()
        .all(|c| !c.is_control() || c.is_whitespace())
        .then_some(text)
}

fn base32(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let (mut bits, mut held) = (0_u32, 0_u32);
    for byte in text.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte.saturating_sub(b'A'),
            b'2'..=b'7' => byte.saturating_sub(b'2').saturating_add(26),
            _ => continue,
        };
        held = ((held << 5) | u32::from(value)) & 0xffff;
        bits = bits.saturating_add(5);
        if bits >= 8 {
            bits = bits.saturating_sub(8);
            out.extend(u8::try_from((held >> bits) & 0xff));
        }
    }
    out
}

/// What `printf` makes of its words.
pub(super) fn formatted(words: &[Word]) -> String {
    let Some((format, values)) = words.split_first() else {
        return String::new();
    };
    let mut values = values.iter();
    let mut out = String::new();
    loop {
        let before = values.len();
        let mut rest = format.text.chars();
        while let Some(c) = rest.next() {
            if c != '%' {
                out.push(c);
                continue;
            }
            match rest.find(|c| c.is_ascii_alphabetic() || *c == '%') {
                Some('%') => out.push('%'),
                Some(_) => out.push_str(values.next().map_or("", |w| w.text.as_str())),
                None => break,
            }
        }
        // The format is used again until no value is left.
        if values.len() == 0 || values.len() == before || out.len() > FORMATTED {
            return out;
        }
        out.push(' ');
    }
}
