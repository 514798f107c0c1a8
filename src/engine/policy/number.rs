//! Numbers by their decimal text.
//!
//! A comparison through doubles would make 9007199254740993 equal to ...992
//! and let one pass for the other. There is no arithmetic here: only the order
//! of two decimal texts.

use std::cmp::Ordering;

/// Largest exponent that is compared. What is beyond it is no number that an
/// argument means, and keeping it small keeps the arithmetic below exact.
const MAX_EXPONENT: u64 = 100_000;

/// Digits that a double keeps. A fraction with more is read as another number
/// by most servers, so that a comparison of its exact value would promise too
/// much.
const MAX_FRACTION_DIGITS: usize = 17;

/// A decimal number, exact: `0.digits` times ten to the power of `point`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decimal {
    negative: bool,
    /// INVARIANT: no leading and no trailing zero; empty is zero, and then
    /// `negative` is false and `point` is 0.
    digits: String,
    point: i64,
}

impl Decimal {
    /// Reads a number as JSON or TOML spell it. `None`: it cannot be compared
    /// safely (no number, a giant exponent, a fraction that a double loses).
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}");
        if whole.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let without_head = digits.trim_start_matches('0');
        let significant = without_head.trim_end_matches('0');
        if significant.is_empty() {
            return Some(Self {
                negative: false,
                digits: String::new(),
                point: 0,
            });
        }
        let exponent: i64 = exponent.parse().ok()?;
        if exponent.unsigned_abs() > MAX_EXPONENT {
            return None;
        }
        let zeros = digits.len().checked_sub(without_head.len())?;
        let point = i64::try_from(whole.len())
            .ok()?
            .checked_sub(i64::try_from(zeros).ok()?)?
            .checked_add(exponent)?;
        let is_fraction = i64::try_from(significant.len()).ok()? > point;
        if is_fraction && significant.len() > MAX_FRACTION_DIGITS {
            return None;
        }
        Some(Self {
            negative,
            digits: significant.to_owned(),
            point,
        })
    }

    fn size(&self, other: &Self) -> Ordering {
        match (self.digits.is_empty(), other.digits.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            // Without leading zeros the place of the point decides first, and
            // without trailing zeros a prefix is the smaller one.
            (false, false) => (self.point, &self.digits).cmp(&(other.point, &other.digits)),
        }
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, false) => self.size(other),
            (true, true) => other.size(self),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn number(text: &str) -> Decimal {
        Decimal::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn spellings_of_one_number_are_equal() {
        for (a, b) in [
            ("1.0", "1"),
            ("100", "1e2"),
            ("0.010", "1E-2"),
            ("-0", "0"),
            ("0e999999999999999999999", "0.0"),
            ("+7", "7"),
            ("12300e-2", "123"),
        ] {
            assert_eq!(number(a), number(b), "{a} {b}");
        }
    }

    #[test]
    fn order_is_exact() {
        for (small, large) in [
            ("9007199254740992", "9007199254740993"),
            ("-2", "-1"),
            ("-1", "0"),
            ("0", "1e-300"),
            ("9", "10"),
            ("0.09", "0.1"),
            ("99.99", "100"),
            ("-1e3", "-999"),
            ("18446744073709551615", "18446744073709551616"),
        ] {
            assert!(number(small) < number(large), "{small} {large}");
        }
    }

    #[test]
    fn what_cannot_be_compared_safely_is_none() {
        for text in [
            "",
            "-",
            "x",
            "1e",
            "1e1000000",
            "1e99999999999999999999",
            ".5",
            "inf",
            "nan",
            "5.000000000000000000001",
            "1_000",
        ] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_integers(a: i64, b: i64) {
            prop_assert_eq!(number(&a.to_string()).cmp(&number(&b.to_string())), a.cmp(&b));
        }

        #[test]
        fn never_panics(text in "[-+0-9.eE]{0,40}") {
            let _ = Decimal::parse(&text);
        }
    }
}
