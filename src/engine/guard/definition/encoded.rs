//! Text that is put where a reviewer does not look, or in a form that only a
//! model reads: comments, scrolled-away lines, base64, spaced-out letters.

use super::phrases;
use super::text::Plain;

/// Runs of blanks and of line breaks that push text out of a window.
const BLANKS: usize = 120;
const BREAKS: usize = 24;

/// The shortest base64 run worth decoding: about three words.
const BASE64: usize = 24;

/// Tags and marks by which a text poses as something other than a
/// description. Lower case; each is written by an attack that was published.
const MARKUP: [&str; 27] = [
    "<important>",
    "<critical>",
    "<urgent>",
    "<hidden>",
    "<override>",
    "<mandatory>",
    "<system>",
    "<system_prompt>",
    "<system-prompt>",
    "<systemprompt>",
    "<system_instruction",
    "<system-instruction",
    "<system_message>",
    "<system-reminder>",
    "<system_reminder>",
    "<secret_instruction",
    "<hidden_instruction",
    "<assistant_instruction",
    "<model_instruction",
    "<ai_instruction",
    "<internal_instruction",
    "<|im_start|>",
    "<|system|>",
    "<|endoftext|>",
    "<<sys>>",
    "[/inst]",
    "<!--",
];

/// What hides text from a reviewer or poses as a system message.
pub(super) fn hidden_markup(text: &str, lower: &str) -> Option<String> {
    // What marks begin with, and an image too: most texts hold neither.
    let marked = memchr::memchr2(b'<', b'[', lower.as_bytes()).is_some();
    if let Some(mark) = MARKUP.iter().find(|mark| marked && lower.contains(**mark)) {
        return Some(format!("`{mark}`"));
    }
    if marked && lower.contains("![") && lower.contains("](http") && lower.contains('?') {
        return Some("an image whose address can carry data".to_owned());
    }
    let (mut blanks, mut breaks) = (0usize, 0usize);
    for c in text.chars() {
        match c {
            '\n' => {
                breaks = breaks.saturating_add(1);
                blanks = 0;
            }
            '\r' => {}
            _ if c.is_whitespace() => blanks = blanks.saturating_add(1),
            _ => (blanks, breaks) = (0, 0),
        }
        if blanks >= BLANKS || breaks >= BREAKS {
            return Some("white space that pushes text out of sight".to_owned());
        }
    }
    None
}

/// Text in a form that hides it from people.
pub(super) fn encoded(text: &str, plain: &Plain) -> Option<String> {
    if !text.starts_with("data:") && text.split(not_base64).any(holds_text) {
        return Some("base64 that holds readable text".to_owned());
    }
    let spaced = spaced_out(plain)?;
    phrases::joined(&spaced).then(|| "words written letter by letter".to_owned())
}

fn not_base64(c: char) -> bool {
    !(c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '-' | '_' | '='))
}

/// Whether a run of base64 characters decodes to words.
fn holds_text(run: &str) -> bool {
    if run.len() < BASE64 {
        return false;
    }
    let mut bytes = Vec::with_capacity(run.len());
    let mut bits = 0u32;
    let mut count = 0u8;
    for byte in run.trim_end_matches('=').bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte.wrapping_sub(b'A'),
            b'a'..=b'z' => byte.wrapping_sub(b'a').wrapping_add(26),
            b'0'..=b'9' => byte.wrapping_sub(b'0').wrapping_add(52),
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return false,
        };
        bits = bits << 6 | u32::from(value);
        count = count.saturating_add(6);
        if count >= 8 {
            count = count.saturating_sub(8);
            bytes.push((bits >> count & 0xFF).to_le_bytes()[0]);
        }
    }
    let readable =
        |b: &&u8| b.is_ascii_alphabetic() || matches!(**b, b' ' | b'.' | b',' | b'/' | b'~' | b'_');
    bytes.contains(&b' ')
        && bytes
            .iter()
            .all(|b| matches!(b, b' '..=b'~' | b'\n' | b'\t' | b'\r'))
        && bytes.iter().filter(readable).count() >= bytes.len() / 10 * 8
}

/// Letters that stand alone, eight or more in a row, joined.
fn spaced_out(plain: &Plain) -> Option<String> {
    let mut all = String::new();
    let mut run = String::new();
    for word in plain.words() {
        if word.chars().nth(1).is_none() && word.starts_with(char::is_alphabetic) {
            run.push_str(word);
            continue;
        }
        if run.len() >= 8 {
            all.push_str(&run);
            all.push(' ');
        }
        run.clear();
    }
    if run.len() >= 8 {
        all.push_str(&run);
    }
    (!all.is_empty()).then_some(all)
}

#[cfg(test)]
mod tests {
    use super::MARKUP;

    #[test]
    fn marks_begin_with_what_is_looked_for_first() {
        for mark in MARKUP {
            assert!(mark.starts_with(['<', '[']), "{mark}");
        }
    }
}
