//! What stands around a keyword in a secret value.

use std::ops::Range;

/// Letters that a part of a token is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Set {
    Digit,
    /// Lower-case hexadecimal.
    Hex,
    Alnum,
    Upper,
    Base58,
    /// `A-Za-z0-9_`
    Word,
    /// The same and `-`.
    Url,
    /// The same and `.`, `~`.
    Dotted,
    Base64,
    /// Base64, and how its lines are broken and escaped.
    Lines,
    /// What stands between a name and its value.
    Between,
    /// The user of a URL.
    User,
    /// The password of a URL.
    Password,
}

impl Set {
    pub(super) fn has(self, b: u8) -> bool {
        match self {
            Self::Digit => b.is_ascii_digit(),
            Self::Hex => b.is_ascii_digit() || (b'a'..=b'f').contains(&b),
            Self::Alnum => b.is_ascii_alphanumeric(),
            Self::Upper => b.is_ascii_digit() || b.is_ascii_uppercase(),
            Self::Base58 => b.is_ascii_alphanumeric() && !b"0OIl".contains(&b),
            Self::Word => b.is_ascii_alphanumeric() || b == b'_',
            Self::Url => b.is_ascii_alphanumeric() || b"_-".contains(&b),
            Self::Dotted => b.is_ascii_alphanumeric() || b"_-.~".contains(&b),
            Self::Base64 => b.is_ascii_alphanumeric() || b"+/".contains(&b),
            Self::Lines => b.is_ascii_alphanumeric() || b"+/=\r\n\t \\:,".contains(&b),
            Self::Between => b" \t\"'`=:>,\\".contains(&b),
            Self::User => b.is_ascii_alphanumeric() || b"_.~%+-".contains(&b),
            Self::Password => b.is_ascii_graphic() && !b"/@:<>{}$*\"'`\\[]()".contains(&b),
        }
    }
}

/// One part behind a keyword.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    /// This text.
    Lit(&'static str),
    /// So many letters of a set, at least and at most.
    Run(Set, usize, usize),
    /// What separates a name from its value: 1 to 8 letters.
    Gap,
}

/// How a kind of secret values looks.
#[derive(Debug)]
pub(super) struct Detector {
    pub(super) name: &'static str,
    pub(super) keywords: &'static [&'static str],
    pub(super) parts: &'static [Part],
    /// What must stand before the keyword, and how much of it.
    pub(super) before: Option<(Set, usize, usize)>,
    /// The keyword starts a word: it is short, or what follows is long.
    pub(super) starts_word: bool,
    /// The keyword is a name, in any case.
    pub(super) any_case: bool,
    /// Where the vendor says so.
    #[cfg_attr(not(test), expect(dead_code, reason = "for whoever reads the table"))]
    pub(super) source: &'static str,
}

impl Detector {
    /// Where the value stands, if a keyword at `hit` is part of one.
    pub(super) fn fits(&self, text: &str, hit: Range<usize>, word: &str) -> Option<Range<usize>> {
        let bytes = text.as_bytes();
        if !self.any_case && text.get(hit.clone()) != Some(word) {
            return None;
        }
        let start = self.start(bytes, hit.start)?;
        let mut at = hit.end;
        let mut seen = Seen::default();
        for part in self.parts {
            at = match part {
                Part::Lit(literal) => {
                    let rest = bytes.get(at..)?;
                    rest.starts_with(literal.as_bytes())
                        .then(|| at.saturating_add(literal.len()))?
                }
                Part::Gap => at.saturating_add(run(bytes, at, Set::Between, 1, 8)?),
                Part::Run(set, min, max) => {
                    let length = run(bytes, at, *set, *min, *max)?;
                    let end = at.saturating_add(length);
                    seen.take(bytes.get(at..end).unwrap_or_default());
                    end
                }
            };
        }
        let value = text.get(start..at)?;
        (seen.is_random() && !is_placeholder(value)).then_some(start..at)
    }

    /// Where the value begins.
    fn start(&self, bytes: &[u8], hit: usize) -> Option<usize> {
        let head = bytes.get(..hit)?;
        if let Some((set, min, max)) = self.before {
            let letters = head.iter().rev().take(max.saturating_add(1));
            let count = letters.take_while(|b| set.has(**b)).count();
            return (min..=max)
                .contains(&count)
                .then(|| hit.saturating_sub(count));
        }
        // Within a run of its own letters it would be read again and again.
        let of_run = |b: u8| match self.parts.first() {
            Some(Part::Run(set, ..)) => set.has(b),
            _ => false,
        };
        let inside = head.last().is_some_and(|b| Set::Url.has(*b) || of_run(*b));
        (!self.starts_word || !inside).then_some(hit)
    }
}

/// How many letters of a set stand at `at`; all of them have to be within the
/// bounds.
fn run(bytes: &[u8], at: usize, set: Set, min: usize, max: usize) -> Option<usize> {
    let letters = bytes.get(at..)?.iter().take(max.saturating_add(1));
    let count = letters.take_while(|b| set.has(**b)).count();
    (min..=max).contains(&count).then_some(count)
}

/// Which letters a value has.
#[derive(Default)]
struct Seen {
    letters: u128,
    count: usize,
}

impl Seen {
    fn take(&mut self, bytes: &[u8]) {
        self.count = self.count.saturating_add(bytes.len());
        for b in bytes {
            self.letters |= 1_u128.checked_shl(u32::from(*b)).unwrap_or(0);
        }
    }

    /// `xxxxxxxx` and `00000000` are no secrets.
    fn is_random(&self) -> bool {
        let least = if self.count >= 24 { 8 } else { 5 };
        self.count == 0 || self.letters.count_ones() >= least
    }
}

/// Values that documents show.
fn is_placeholder(value: &str) -> bool {
    const WORDS: [&str; 6] = [
        "example",
        "xxxx",
        "placeholder",
        "your_",
        "your-",
        "password@",
    ];
    // Long values are no examples, and looking for words in them is no use.
    let head: String = value.chars().take(256).collect();
    let head = head.to_ascii_lowercase();
    WORDS.iter().any(|word| head.contains(word))
}
