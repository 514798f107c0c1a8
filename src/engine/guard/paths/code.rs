//! String literals of program text, and the paths that they are put together
//! to: `'/home/u/.s' + 'sh/id_rsa'`, `join(home, '.ssh', 'id_rsa')`, and texts
//! that are base64, hexadecimal or reversed. Not a parser of any language:
//! quotes are all it knows. What numbers and decoders spell is in
//! `assembled`, what libraries open in `libraries`. Linear in the text.

mod assembled;
mod libraries;

use crate::engine::guard::catalogue;

pub(super) use libraries::{opened_by_library, roots};

/// One literal and what stood between it and the one before it.
struct Literal {
    text: String,
    between: String,
    /// Where its opening quote is.
    at: usize,
    /// Where what follows it starts.
    end: usize,
}

/// Longest gap between two literals that may join them, in characters.
const GAP: usize = 24;
/// Longest chain of literals in bytes.
const CHAIN: usize = 256;
/// Most literals that are looked at; more than a person writes in one script.
const LITERALS: usize = 20_000;
/// Shortest text that is taken for an encoding.
const ENCODED: usize = 12;

fn literals(code: &str) -> Vec<Literal> {
    let mut found = Vec::new();
    let mut between = String::new();
    let mut rest = code.chars();
    while let Some(c) = rest.next() {
        if !matches!(c, '"' | '\'' | '`') {
            if between.len() <= GAP {
                between.push(c);
            }
            continue;
        }
        let mut text = String::new();
        let mut ended = false;
        let start = rest.clone();
        let at = code
            .len()
            .saturating_sub(start.as_str().len())
            .saturating_sub(1);
        while let Some(next) = rest.next() {
            if next == c {
                ended = true;
                break;
            }
            // An apostrophe in a comment or a word is no literal.
            if next == '\n' && c != '`' {
                break;
            }
            text.push(next);
            if next == '\\'
                && let Some(escaped) = rest.next()
            {
                text.push(escaped);
            }
        }
        if ended {
            found.push(Literal {
                text,
                between: std::mem::take(&mut between),
                at,
                end: code.len().saturating_sub(rest.as_str().len()),
            });
        } else if c != '`' {
            rest = start;
        }
    }
    found
}

/// What has been joined so far: glued, as components, and glued across commas.
#[derive(Default)]
struct Chains {
    glued: String,
    joined: String,
    run: String,
    /// `'/etc/%s'`, waiting for what fills it.
    format: Option<String>,
}

impl Chains {
    fn add(&mut self, literal: &Literal, out: &mut Vec<String>) {
        let gap = literal.between.trim().replace(".concat(", "+");
        let within = |marks: &str| gap.len() <= GAP && gap.chars().all(|c| marks.contains(c));
        let glue = within("+.() \n\\&|");
        let list = within(",/()[] \n");
        let mut grow = |chain: &mut String, goes_on: bool, between: &str| {
            if goes_on && !chain.is_empty() && chain.len() < CHAIN {
                chain.push_str(between);
                chain.push_str(&literal.text);
                out.push(chain.clone());
            } else {
                chain.clone_from(&literal.text);
            }
        };
        grow(&mut self.glued, glue, "");
        grow(&mut self.joined, list || glue, "/");
        // `join('~', 'a')` is not the home of `a`.
        let named = self.run.starts_with('~') && !self.run.contains('/');
        grow(&mut self.run, glue || (list && !named), "");
        // `'/etc/%s' % 'shadow'`, `'/etc/{}'.format('shadow')`.
        if let Some(format) = self.format.take() {
            out.extend(
                ["%s", "{}", "{0}"]
                    .iter()
                    .filter(|hole| format.contains(*hole))
                    .map(|hole| format.replace(hole, &literal.text)),
            );
        }
        let text = &literal.text;
        if text.len() < CHAIN && (text.contains("%s") || text.contains('{')) {
            self.format = Some(text.clone());
        }
    }
}

/// Every literal, and every path that neighbouring literals may make; `None`
/// where there are too many to tell.
pub(super) fn strings(code: &str) -> Option<Vec<String>> {
    let code = &assembled::with_characters(code);
    let mut out = Vec::new();
    let mut chains = Chains::default();
    let literals = literals(code);
    if literals.len() > LITERALS {
        return None;
    }
    let opens = opens_files(code);
    let mut compared = false;
    for literal in literals {
        // A name that is only compared is no access where nothing is opened.
        compared = !opens
            && !literal.text.contains(['/', '\\', '~'])
            && ((compared && literal.between.trim() == ",") || is_compared(code, &literal));
        // `.pem` says what to look for; `name + '.pem'` is a name.
        let extension = literal.between.trim() != "+"
            && catalogue::is_only_extension(&literal.text.to_lowercase());
        if compared || extension {
            chains = Chains::default();
            continue;
        }
        chains.add(&literal, &mut out);
        out.push(literal.text);
    }
    if assembled::decodes(code) {
        let plain: Vec<String> = out.iter().flat_map(|t| assembled::decoded(t)).collect();
        out.extend(plain);
    }
    out.extend(assembled::from_numbers(code));
    Some(out)
}

/// Whether the code may open, run or send anything by a name that it holds.
fn opens_files(code: &str) -> bool {
    let code = code.to_ascii_lowercase();
    [
        "open", "read", "load", "copy", "file(", "fs", "stream", "system", "exec", "popen",
        "process", "spawn", "path(", "upload", "send", "input(", "slurp", "cat(", "listdir",
        "glob", "scandir", "walk", "eval", "request", "import(",
    ]
    .iter()
    .any(|word| code.contains(word))
}

/// Whether a literal is one side of a comparison, or one of a set of names.
fn is_compared(code: &str, literal: &Literal) -> bool {
    let before = code.get(..literal.at).unwrap_or_default();
    let before = (0..4)
        .find_map(|n| before.get(before.len().saturating_sub(48).saturating_add(n)..))
        .unwrap_or_default();
    let mut before = before.trim_end();
    let after = code.get(literal.end..).unwrap_or_default();
    let after = after.get(..16).unwrap_or(after).trim_start();
    if after.starts_with("==") || after.starts_with("!=") || after.starts_with("in ") {
        return true;
    }
    let is = |before: &str| {
        before.ends_with(['=', '!'])
            || [
                " in",
                "case",
                "endswith(",
                "startswith(",
                "includes(",
                ".has(",
                "indexof(",
                "equals(",
            ]
            .iter()
            .any(|word| before.to_ascii_lowercase().ends_with(word))
    };
    for _ in 0..6 {
        if is(before) {
            return true;
        }
        let outer = before.strip_suffix(['[', '{', '(']).unwrap_or(before);
        let outer = ["frozenset", "new Set", "Set", "set", "tuple", "list"]
            .iter()
            .find_map(|word| {
                outer
                    .strip_suffix(word)
                    .filter(|_| outer.len() < before.len())
            })
            .unwrap_or(outer)
            .trim_end();
        // `f('x')` gives the literal away.
        if outer.len() == before.len() {
            return false;
        }
        before = outer;
    }
    false
}

/// Whether program text changes the files that it names.
pub(super) fn changes(text: &str) -> bool {
    let modes = [
        "'a'", "\"a\"", "'w'", "\"w\"", "'a+'", "'w+'", "'ab'", "'wb'", "'r+'", "\"a+\"", "\"wb\"",
        "\"ab\"",
    ];
    let calls = [
        ".write(",
        "write_text(",
        "write_bytes(",
        "writeFile",
        "appendFile",
        "createWriteStream",
        "unlink(",
        "os.remove(",
        "rename(",
        "symlink",
        "File.write",
        "shutil.move",
        "shutil.copy",
        "copyFile",
        "fs.rm",
        "os.replace(",
        "writeTextFile",
        "Bun.write",
        "file_put_contents",
        "hardlink",
        "os.link(",
        "Set-Content",
        "Add-Content",
    ];
    (text.contains("open(") && modes.iter().any(|m| text.contains(m)))
        || calls.iter().any(|c| text.contains(c))
}

/// The letters turned by thirteen.
pub(super) fn rotated(text: &str) -> String {
    let turn = |c: char, first: u32| {
        char::from_u32((u32::from(c).saturating_sub(first).saturating_add(13)) % 26 + first)
            .unwrap_or(c)
    };
    text.chars()
        .map(|c| match c {
            'a'..='z' => turn(c, 97),
            'A'..='Z' => turn(c, 65),
            other => other,
        })
        .collect()
}

/// Whether a literal is a regular expression rather than a path.
pub(super) fn is_expression(text: &str) -> bool {
    !super::shape::is_anchored(text)
        && ["\\.", "]+", "\\w", "\\d", "\\s", ".*", ".+", ")?", "(?"]
            .iter()
            .any(|sign| text.contains(sign))
}

/// Whether a pattern is a regular expression by signs that no glob has.
pub(super) fn is_quantified(text: &str) -> bool {
    [
        "]{", "]+", "]*\\", "\\w", "\\d", "\\b", "\\s", "(?", ")+", ")?", "}\\",
    ]
    .iter()
    .any(|sign| text.contains(sign))
}

/// Whether program text goes through whole trees.
pub(super) fn walks(text: &str) -> bool {
    [
        "os.walk",
        ".walk(",
        "Walk(",
        "make_archive",
        "copytree",
        "rglob(",
        "recursive",
        "tarfile",
        "zipfile",
        "fs.cp",
        "cp_r",
        "FileUtils",
        "scandir",
        "cpSync",
        "WalkDir",
        "Files.walk",
    ]
    .iter()
    .any(|hint| text.contains(hint))
}

/// What `text` says when it is base64, hexadecimal, or read backwards.
pub(super) fn decoded(text: &str) -> Vec<String> {
    if text.len() < ENCODED || text.len() > 64 * 1024 {
        return Vec::new();
    }
    decoded_from(text)
}

fn decoded_from(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let readable = |bytes: Vec<u8>| {
        let text = String::from_utf8(bytes).ok()?;
        text.chars()
            .all(|c| !c.is_control() || c.is_whitespace())
            .then_some(text)
    };
    if text.bytes().all(|b| b.is_ascii_hexdigit()) {
        out.extend(hex(text).and_then(readable));
    }
    if text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_' | b'='))
    {
        out.extend(base64(text).and_then(readable));
    }
    out
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 2);
    let mut digits = text.chars().map(|c| c.to_digit(16));
    while let Some(high) = digits.next() {
        let low = digits.next()??;
        out.push(u8::try_from(high?.checked_mul(16)?.checked_add(low)?).ok()?);
    }
    Some(out)
}

fn base64(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let (mut bits, mut held) = (0_u32, 0_u32);
    for byte in text.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte.checked_sub(b'A')?,
            b'a'..=b'z' => byte.checked_sub(b'a')?.checked_add(26)?,
            b'0'..=b'9' => byte.checked_sub(b'0')?.checked_add(52)?,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => continue,
        };
        held = (held << 6) | u32::from(value);
        bits = bits.saturating_add(6);
        if bits >= 8 {
            bits = bits.saturating_sub(8);
            out.push(u8::try_from((held >> bits) & 0xff).ok()?);
            held &= (1_u32 << bits).saturating_sub(1);
        }
    }
    Some(out)
}
