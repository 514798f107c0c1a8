//! Characters that a person does not see and a model reads.
//!
//! Text can carry a second message in zero-width characters, tags (U+E0000),
//! variation selectors, direction marks and terminal escapes. This module
//! knows which characters those are and where honest text needs them.

/// Why a character does not belong in visible text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hidden {
    /// C0 and C1 controls, ANSI escapes, line and paragraph separators.
    Control,
    /// Reorders what is shown (Trojan Source, CVE-2021-42574).
    Direction,
    /// Invisible copies of ASCII (ASCII smuggling).
    Tag,
    /// Chooses a glyph; can carry bytes when it has nothing to choose.
    Variation,
    /// Takes no space.
    ZeroWidth,
    /// Has no agreed meaning or look.
    Unassigned,
}

impl Hidden {
    /// For people.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Control => "control character",
            Self::Direction => "direction mark",
            Self::Tag => "tag character",
            Self::Variation => "variation selector",
            Self::ZeroWidth => "zero-width character",
            Self::Unassigned => "private or unassigned character",
        }
    }
}

/// What `c` is, wherever it stands; `None` for a visible character.
/// Line breaks and tabs count as visible.
pub(super) fn hidden(c: char) -> Option<Hidden> {
    if matches!(c, ' '..='~' | '\n' | '\r' | '\t') {
        return None;
    }
    match c {
        _ if c.is_control() => Some(Hidden::Control),
        '\u{2028}' | '\u{2029}' => Some(Hidden::Control),
        '\u{061C}'
        | '\u{200E}'
        | '\u{200F}'
        | '\u{202A}'..='\u{202E}'
        | '\u{2066}'..='\u{2069}' => Some(Hidden::Direction),
        '\u{E0000}'..='\u{E007F}' => Some(Hidden::Tag),
        '\u{180B}'..='\u{180D}'
        | '\u{180F}'
        | '\u{FE00}'..='\u{FE0F}'
        | '\u{E0100}'..='\u{E01EF}' => Some(Hidden::Variation),
        // Default-ignorable and other format characters (Unicode 16, DerivedCoreProperties).
        '\u{00AD}'
        | '\u{034F}'
        | '\u{115F}'
        | '\u{1160}'
        | '\u{17B4}'
        | '\u{17B5}'
        | '\u{180E}'
        | '\u{200B}'..='\u{200D}'
        | '\u{2060}'..='\u{2065}'
        | '\u{206A}'..='\u{206F}'
        | '\u{2800}'
        | '\u{3164}'
        | '\u{FEFF}'
        | '\u{FFA0}'
        | '\u{FFF0}'..='\u{FFFB}'
        | '\u{1BCA0}'..='\u{1BCA3}'
        | '\u{1D173}'..='\u{1D17A}'
        | '\u{E0080}'..='\u{E00FF}'
        | '\u{E01F0}'..='\u{E0FFF}' => Some(Hidden::ZeroWidth),
        '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..='\u{10FFFF}' => Some(Hidden::Unassigned),
        _ if !unicode_normalization::char::is_public_assigned(c) => Some(Hidden::Unassigned),
        _ => None,
    }
}

/// Whether a person sees `c` for what it is, wherever it stands. Line breaks
/// and tabs count as visible.
pub(crate) fn is_visible(c: char) -> bool {
    hidden(c).is_none()
}

/// The hidden characters of `text` that honest text does not need there.
pub(super) fn misplaced(text: &str) -> Vec<(char, Hidden)> {
    if text.is_ascii() && !text.bytes().any(|b| b < b' ' || b == 0x7f) {
        return Vec::new();
    }
    let right_to_left = text.chars().any(is_right_to_left);
    let mut found = Vec::new();
    let mut before = '\0';
    let mut flag = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if let Some(kind) = hidden(c) {
            let after = chars.peek().copied().unwrap_or('\0');
            let honest = match kind {
                Hidden::Variation => chooses(before, c),
                Hidden::ZeroWidth => joins(before, c, after),
                // The plain marks, not the embeddings and overrides.
                Hidden::Direction => {
                    right_to_left && matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}')
                }
                Hidden::Tag => flag,
                Hidden::Control | Hidden::Unassigned => false,
            };
            flag = flag && c != '\u{E007F}';
            if !honest {
                found.push((c, kind));
            }
        } else {
            // Flags of England, Scotland and Wales: U+1F3F4 and a few tags.
            flag = c == '\u{1F3F4}' && flag_follows(chars.clone());
        }
        before = c;
    }
    found
}

/// Four to six tags that spell a region in lower case, and the end tag.
fn flag_follows(chars: impl Iterator<Item = char>) -> bool {
    let mut length = 0u8;
    for c in chars {
        match c {
            '\u{E0061}'..='\u{E007A}' if length < 6 => length = length.saturating_add(1),
            '\u{E007F}' => return length >= 4,
            _ => return false,
        }
    }
    false
}

/// A variation selector right after a character that has variants.
fn chooses(before: char, selector: char) -> bool {
    match selector {
        '\u{FE0E}' | '\u{FE0F}' => {
            matches!(before, '#' | '*' | '0'..='9' | '\u{A9}' | '\u{AE}')
                || matches!(before, '\u{203C}'..='\u{3299}' | '\u{1F000}'..='\u{1FAFF}')
                    && hidden(before).is_none()
        }
        '\u{FE00}'..='\u{FE0D}' | '\u{E0100}'..='\u{E01EF}' => {
            matches!(before, '\u{3400}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}')
        }
        _ => matches!(before, '\u{1820}'..='\u{18AA}'),
    }
}

/// A joiner between characters that are shaped by it.
fn joins(before: char, joiner: char, after: char) -> bool {
    let shaped = |c: char| matches!(c, '\u{0600}'..='\u{0DFF}' | '\u{0E00}'..='\u{109F}' | '\u{1780}'..='\u{18AA}' | '\u{FB50}'..='\u{FDFF}');
    let emoji = |c: char| matches!(c, '\u{2190}'..='\u{2BFF}' | '\u{1F000}'..='\u{1FAFF}');
    match joiner {
        '\u{200C}' => shaped(before) && shaped(after),
        '\u{200D}' => {
            shaped(before) && (shaped(after) || !after.is_alphanumeric())
                || (emoji(before) || before == '\u{FE0F}') && emoji(after)
        }
        _ => false,
    }
}

fn is_right_to_left(c: char) -> bool {
    matches!(c, '\u{0590}'..='\u{08FF}' | '\u{FB1D}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFC}')
        && hidden(c).is_none()
}
