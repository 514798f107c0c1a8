//! Numbers in canonical bytes: RFC 8785 where a double says exactly what was
//! written, an exact decimal spelling where it does not.
//!
//! RFC 8785 alone maps every number to a double, so that 9007199254740993 and
//! ...992 would hash alike and a definition could change under its digest.
//! Here two numbers have the same spelling exactly if they are the same number.

/// Exponents of more digits than this keep the token as it was written. Such a
/// number is below every double (a larger one is refused by the reader), no
/// peer writes one, and keeping the token still never merges two numbers.
const EXPONENT_DIGITS: usize = 17;

/// Integers of up to this many digits are printed by a double as written.
const PLAIN_DIGITS: usize = 15;

/// A decimal number without spelling: `digits` × 10^`exponent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Decimal<'a> {
    negative: bool,
    /// Before and after the point, together without outer zeros; both empty
    /// for zero.
    whole: &'a str,
    fraction: &'a str,
    /// Power of ten of the last digit.
    exponent: i64,
}

impl<'a> Decimal<'a> {
    /// Takes a JSON number token apart; `None` for an immense exponent.
    fn of(token: &'a str) -> Option<Self> {
        let (negative, rest) = match token.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, token),
        };
        let (mantissa, exponent) = rest.split_once(['e', 'E']).unwrap_or((rest, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let whole = whole.trim_start_matches('0');
        let fraction = fraction.trim_end_matches('0');
        if whole.is_empty() && fraction.is_empty() {
            return Some(Self {
                negative: false,
                whole,
                fraction,
                exponent: 0,
            });
        }
        let (sign, magnitude) = match exponent.strip_prefix('-') {
            Some(magnitude) => (-1, magnitude),
            None => (1, exponent.strip_prefix('+').unwrap_or(exponent)),
        };
        let magnitude = magnitude.trim_start_matches('0');
        if magnitude.len() > EXPONENT_DIGITS {
            return None;
        }
        let power = if magnitude.is_empty() {
            0
        } else {
            magnitude.parse::<i64>().ok()?.checked_mul(sign)?
        };
        Self {
            negative,
            whole,
            fraction,
            exponent: power.checked_sub(i64::try_from(fraction.len()).ok()?)?,
        }
        .trimmed()
    }

    /// Moves outer zeros that the point hid out of the digits.
    fn trimmed(mut self) -> Option<Self> {
        if self.whole.is_empty() {
            self.fraction = self.fraction.trim_start_matches('0');
        }
        if self.fraction.is_empty() {
            let digits = self.whole.trim_end_matches('0');
            let zeros = self.whole.len().checked_sub(digits.len())?;
            self.exponent = self.exponent.checked_add(i64::try_from(zeros).ok()?)?;
            self.whole = digits;
        }
        Some(self)
    }

    fn digits(&self) -> impl Iterator<Item = u8> {
        self.whole.bytes().chain(self.fraction.bytes())
    }

    fn same(&self, other: &Self) -> bool {
        self.negative == other.negative
            && self.exponent == other.exponent
            && self.digits().eq(other.digits())
    }
}

/// Appends the canonical spelling of a JSON number token.
pub(super) fn write(token: &str, out: &mut String) {
    let digits = token.strip_prefix('-').unwrap_or(token);
    if digits.len() <= PLAIN_DIGITS && digits.bytes().all(|b| b.is_ascii_digit()) {
        out.push_str(if digits == "0" { "0" } else { token });
        return;
    }
    let Some(exact) = Decimal::of(token) else {
        out.push_str(token);
        return;
    };
    if let Ok(double) = token.parse::<f64>()
        && double.is_finite()
    {
        let mut buffer = ryu_js::Buffer::new();
        let printed = buffer.format_finite(double);
        if Decimal::of(printed).is_some_and(|p| p.same(&exact)) {
            out.push_str(printed);
            return;
        }
    }
    if exact.negative {
        out.push('-');
    }
    out.push_str(exact.whole);
    out.push_str(exact.fraction);
    out.push('e');
    out.push_str(&exact.exponent.to_string());
}
