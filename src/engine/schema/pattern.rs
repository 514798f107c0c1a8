//! How large the automaton of a pattern becomes, from its text alone.
//!
//! An estimate that is never far below the truth: counted repetitions
//! multiply, and nothing else does.

/// What the smallest pattern costs.
const LEAST: u64 = 32;
/// A class that covers much of Unicode.
const WIDE: u64 = 12;
/// A class that is made of Unicode's tables.
const TABLE: u64 = 700;

/// States of the automaton of a pattern, about.
pub(super) fn states(pattern: &str) -> u64 {
    let mut groups: Vec<u64> = Vec::new();
    // What stands before the last atom of this group, and that atom.
    let (mut before, mut last) = (0_u64, 0_u64);
    let mut rest = pattern.chars();
    while let Some(c) = rest.next() {
        match c {
            '(' => {
                if skips_space(rest.as_str()) {
                    return u64::MAX;
                }
                groups.push(before.saturating_add(last));
                (before, last) = (0, 0);
            }
            ')' => {
                last = last.saturating_add(before).saturating_add(1);
                before = groups.pop().unwrap_or_default();
            }
            '{' => match repetition(rest.as_str()) {
                Some((times, behind)) => {
                    last = last.saturating_mul(times.max(1));
                    rest = behind.chars();
                }
                None => last = last.saturating_add(1),
            },
            '|' | '*' | '+' | '?' => last = last.saturating_add(1),
            atom => {
                before = before.saturating_add(last);
                last = match atom {
                    '\\' => escape(&mut rest),
                    '[' => class(&mut rest),
                    '.' => WIDE,
                    _ => u64::try_from(c.len_utf8()).unwrap_or(1),
                };
            }
        }
    }
    let open: u64 = groups.iter().fold(0, |sum, g| sum.saturating_add(*g));
    LEAST
        .saturating_add(before)
        .saturating_add(last)
        .saturating_add(open)
}

/// Whether a group turns the mode on in which spaces and comments do not count
/// (JSON Schema has none): there the text says nothing any more.
fn skips_space(group: &str) -> bool {
    let Some(flags) = group.strip_prefix('?') else {
        return false;
    };
    let end = flags.find(|c: char| !c.is_ascii_alphabetic() && c != '-');
    let (flags, _) = flags
        .split_at_checked(end.unwrap_or(flags.len()))
        .unwrap_or_default();
    flags.contains('x')
}

/// The largest number of a counted repetition, from behind its brace, and
/// what is behind it.
fn repetition(rest: &str) -> Option<(u64, &str)> {
    let (inner, behind) = rest.split_once('}')?;
    let mut most = None;
    for number in inner.split(',').map(str::trim).filter(|n| !n.is_empty()) {
        if !number.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        // A number that is too large to be one is as large as can be.
        most = most.max(Some(number.parse().unwrap_or(u64::MAX)));
    }
    most.map(|most| (most, behind))
}

/// What is behind a backslash.
fn escape(rest: &mut std::str::Chars<'_>) -> u64 {
    match rest.next() {
        Some('p' | 'P') => TABLE,
        Some('W' | 'D' | 'S' | 's') => WIDE,
        _ => 2,
    }
}

/// A class in brackets, from behind its bracket.
fn class(rest: &mut std::str::Chars<'_>) -> u64 {
    let mut weight = 2_u64;
    if rest.as_str().starts_with('^') {
        weight = weight.saturating_add(WIDE);
        rest.next();
    }
    // A bracket right at the beginning is a member.
    let mut first = true;
    let mut depth = 1_usize;
    while let Some(c) = rest.next() {
        let more = match c {
            '\\' => escape(rest),
            '[' => {
                depth = depth.saturating_add(1);
                1
            }
            ']' if !first => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return weight;
                }
                1
            }
            _ if c.is_ascii() => 0,
            _ => 4,
        };
        weight = weight.saturating_add(more);
        first = false;
    }
    weight
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetitions_multiply_and_nothing_else_does() {
        for (pattern, least, most) in [
            ("", 0, 100),
            ("^[a-z][a-z0-9_-]{0,63}$", 64, 400),
            ("^\\d{4}-\\d{2}-\\d{2}T.*$", 8, 200),
            ("^(a|b|c){1,200}7$", 600, 2_000),
            ("((a{1,100}){1,100}){1,100}", 1_000_000, u64::MAX),
            ("a{100}{100}", 10_000, u64::MAX),
            ("[\\]{9}]{50}x", 50, 1_000),
            ("a\\{100\\}b{x}c{", 8, 100),
            ("(?x)(a #(\n){1000}", u64::MAX, u64::MAX),
            ("a{99999999999999999999}", u64::MAX, u64::MAX),
            ("(((", 0, 100),
            (")){5}", 0, 100),
        ] {
            let seen = states(pattern);
            assert!((least..=most).contains(&seen), "{pattern}: {seen}");
        }
    }
}
