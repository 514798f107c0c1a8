//! String literals of program text, and the paths that they are put together
//! to: `'/home/u/.s' + 'sh/id_rsa'`, `join(home, '.ssh', 'id_rsa')`, and texts
//! that are base64, hexadecimal or reversed. Not a parser of any language:
//! quotes are all it knows. Linear in the text.

/// One literal and what stood between it and the one before it.
struct Literal {
    text: String,
    between: String,
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
            });
        } else if c != '`' {
            rest = start;
        }
    }
    found
}

/// Every literal, and every path that neighbouring literals may make; `None`
/// where there are too many to tell.
pub(super) fn strings(code: &str) -> Option<Vec<String>> {
    let mut out = Vec::new();
    // What has been joined so far, glued and as components.
    let (mut glued, mut joined) = (String::new(), String::new());
    let mut run = String::new();
    let mut format: Option<String> = None;
    let literals = literals(code);
    if literals.len() > LITERALS {
        return None;
    }
    for literal in literals {
        let gap = literal.between.trim();
        let glue = gap.len() <= GAP
            && gap
                .chars()
                .all(|c| matches!(c, '+' | '.' | '(' | ')' | ' ' | '\n' | '\\' | '&' | '|'));
        let list = gap.len() <= GAP
            && gap
                .chars()
                .all(|c| matches!(c, ',' | '/' | '(' | ')' | '[' | ']' | ' ' | '\n'));
        if glue && !glued.is_empty() && glued.len() < CHAIN {
            glued.push_str(&literal.text);
            out.push(glued.clone());
        } else {
            glued.clone_from(&literal.text);
        }
        if (list || glue) && !joined.is_empty() && joined.len() < CHAIN {
            joined.push('/');
            joined.push_str(&literal.text);
            out.push(joined.clone());
        } else {
            joined.clone_from(&literal.text);
        }
        if (list || glue) && !run.is_empty() && run.len() < CHAIN {
            run.push_str(&literal.text);
            out.push(run.clone());
        } else {
            run.clone_from(&literal.text);
        }
        // `'/etc/%s' % 'shadow'`, `'/etc/{}'.format('shadow')`.
        if let Some(format) = format.take() {
            out.extend(
                ["%s", "{}", "{0}"]
                    .iter()
                    .filter(|hole| format.contains(*hole))
                    .map(|hole| format.replace(hole, &literal.text)),
            );
        }
        if literal.text.len() < CHAIN && (literal.text.contains("%s") || literal.text.contains('{'))
        {
            format = Some(literal.text.clone());
        }
        out.push(literal.text);
    }
    out.extend(from_numbers(code));
    Some(out)
}

/// `chr(47)+chr(101)`, `String.fromCharCode(47,101)`, `bytes([47,101])`.
fn from_numbers(code: &str) -> Option<String> {
    if ![
        "chr(",
        "fromCharCode",
        "bytes(",
        "bytearray(",
        "[char]",
        "pack(",
    ]
    .iter()
    .any(|hint| code.contains(hint))
    {
        return None;
    }
    let mut text = String::new();
    for number in code.split(|c: char| !c.is_ascii_alphanumeric()) {
        let value = match number.strip_prefix("0x") {
            Some(hex) => u32::from_str_radix(hex, 16).ok(),
            None => number.parse::<u32>().ok(),
        };
        text.extend(
            value
                .and_then(char::from_u32)
                .filter(char::is_ascii_graphic),
        );
    }
    (text.len() >= 4).then_some(text)
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

/// The literals of an SQL statement that stand where a file is read: behind
/// `FROM`, `ATTACH`, `INFILE`, and as arguments of functions.
pub(super) fn sql_files(text: &str) -> Vec<String> {
    let reads = |before: &str| {
        let before = before.trim_end().to_ascii_lowercase();
        let before = before.as_str();
        let argument = before.strip_suffix('(').is_some_and(|call| {
            let call = call.trim_end();
            !call.ends_with("values")
                && !call.ends_with(" in")
                && call.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        });
        argument
            || [
                "from", "attach", "database", "infile", "import", "program", ".read", "install",
                "load",
            ]
            .iter()
            .any(|word| before.ends_with(word))
    };
    let mut between = String::new();
    let mut found = Vec::new();
    for (n, part) in text.split('\'').enumerate().take(LITERALS) {
        if n % 2 == 0 {
            between.clear();
            between.push_str(part);
        } else if reads(&between) {
            found.push(part.to_owned());
        }
    }
    found
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
    ]
    .iter()
    .any(|hint| text.contains(hint))
}

/// What `text` says when it is base64, hexadecimal, or read backwards.
pub(super) fn decoded(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    if text.len() < ENCODED || text.len() > 64 * 1024 {
        return out;
    }
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

pub(super) fn hex(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 2);
    let mut digits = text.chars().map(|c| c.to_digit(16));
    while let Some(high) = digits.next() {
        let low = digits.next()??;
        out.push(u8::try_from(high?.checked_mul(16)?.checked_add(low)?).ok()?);
    }
    Some(out)
}

pub(super) fn base64(text: &str) -> Option<Vec<u8>> {
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
