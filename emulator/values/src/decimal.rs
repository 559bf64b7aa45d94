//! `decimal`: 34 significant digits and a decimal exponent, the range of IEEE 754's decimal128.
//!
//! Results are rounded half to even to 34 digits. Equal values have equal text: no trailing zeros,
//! no `-0`, plain notation when the first digit stands between 10^-7 and 10^33, otherwise
//! `d.dddE+x` / `d.dddE-x`.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use bigdecimal::num_bigint::{BigInt, Sign};
use bigdecimal::{BigDecimal, RoundingMode, ToPrimitive, Zero};

/// Significant digits that are kept.
pub const PRECISION: u64 = 34;
/// Greatest and smallest power of ten of the first digit.
const EXPONENTS: std::ops::RangeInclusive<i64> = -6143..=6144;
/// Powers of ten of the first digit that are written in plain notation.
const PLAIN: std::ops::RangeInclusive<i64> = -7..=33;
/// Longest text that is read: beyond it no number of the range needs to be written.
const LONGEST_TEXT: usize = 16_384;
/// Longest exponent that is read, its sign included; far beyond the range.
const LONGEST_EXPONENT: usize = 8;

/// A decimal value of at most 34 significant digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Decimal {
    /// Without trailing zeros, so that equality of parts is equality of values.
    digits: BigInt,
    exponent: i64,
}

impl Decimal {
    /// Zero.
    #[must_use]
    pub fn zero() -> Self {
        Self {
            digits: BigInt::zero(),
            exponent: 0,
        }
    }

    /// Reads plain or exponent notation (`-12.50`, `1e-7`), rounding to 34 digits. None for other
    /// texts and for numbers out of range.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        let plain = unsigned.len() <= LONGEST_TEXT
            && unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.')
            && unsigned
                .bytes()
                .all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte));
        // The exponent's arithmetic overflows on exponents near 64 bits.
        let exponent = unsigned.rsplit_once(['e', 'E']).map(|(_, power)| power);
        let near = exponent.is_none_or(|power| power.len() <= LONGEST_EXPONENT);
        if !plain || !near {
            return None;
        }
        Self::from_big(&BigDecimal::from_str(text).ok()?)
    }

    /// Rounds to 34 digits; none if the value is out of range.
    fn from_big(value: &BigDecimal) -> Option<Self> {
        if value.is_zero() {
            return Some(Self::zero());
        }
        // Before anything expands the number: texts may carry exponents of billions.
        let exponent = value.order_of_magnitude();
        if !EXPONENTS.contains(&exponent) {
            return None;
        }
        let rounded = if value.digits() > PRECISION {
            let scale = i64::try_from(PRECISION).ok()? - 1 - exponent;
            value.with_scale_round(scale, RoundingMode::HalfEven)
        } else {
            value.clone()
        };
        let (digits, exponent) = rounded.normalized().into_bigint_and_exponent();
        // `into_bigint_and_exponent` gives the scale: the exponent with its sign turned.
        Some(Self {
            digits,
            exponent: -exponent,
        })
    }

    fn big(&self) -> BigDecimal {
        BigDecimal::new(self.digits.clone(), -self.exponent)
    }

    /// The nearest decimal of a double's shortest text; none for NaN and infinities.
    #[must_use]
    pub fn from_f64(value: f64) -> Option<Self> {
        Self::parse(&crate::real::format(value))
    }

    /// The nearest double.
    #[must_use]
    pub fn to_f64(&self) -> f64 {
        self.to_string().parse().unwrap_or(f64::NAN)
    }

    /// The whole part, cut towards zero; none if it does not fit 64 bits.
    #[must_use]
    pub fn to_i64(&self) -> Option<i64> {
        self.big().with_scale_round(0, RoundingMode::Down).to_i64()
    }

    /// Digits × 10^-`scale` as a whole number, for formats of fixed scale; rounded half to even.
    /// None if it does not fit 128 bits.
    #[must_use]
    pub fn unscaled(&self, scale: i64) -> Option<i128> {
        // Checked first: a value of 10^6000 must not be expanded.
        if self.order() + scale > 38 {
            return None;
        }
        let fixed = self.big().with_scale_round(scale, RoundingMode::HalfEven);
        fixed.into_bigint_and_scale().0.to_i128()
    }

    /// The decimal digits × 10^-`scale`; none if it is out of range.
    #[must_use]
    pub fn from_unscaled(digits: i128, scale: i64) -> Option<Self> {
        Self::from_big(&BigDecimal::new(BigInt::from(digits), scale))
    }

    /// Power of ten of the first digit; 0 for zero.
    fn order(&self) -> i64 {
        if self.is_zero() {
            0
        } else {
            self.big().order_of_magnitude()
        }
    }

    /// Whether the value is zero.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.digits.is_zero()
    }

    /// Whether the value is below zero.
    #[must_use]
    pub fn is_negative(&self) -> bool {
        self.digits.sign() == Sign::Minus
    }

    /// Sum; none beyond the range.
    #[must_use]
    pub fn add(&self, other: &Self) -> Option<Self> {
        Self::from_big(&(self.big() + other.big()))
    }

    /// Difference; none beyond the range.
    #[must_use]
    pub fn sub(&self, other: &Self) -> Option<Self> {
        Self::from_big(&(self.big() - other.big()))
    }

    /// Product; none beyond the range.
    #[must_use]
    pub fn mul(&self, other: &Self) -> Option<Self> {
        Self::from_big(&(self.big() * other.big()))
    }

    /// Quotient; none beyond the range and for division by zero.
    #[must_use]
    pub fn div(&self, other: &Self) -> Option<Self> {
        if other.is_zero() {
            return None;
        }
        Self::from_big(&(self.big() / other.big()))
    }

    /// What is left after the whole quotient cut towards zero, with the sign of `self`; none for
    /// division by zero.
    #[must_use]
    pub fn rem(&self, other: &Self) -> Option<Self> {
        if other.is_zero() {
            return None;
        }
        Self::from_big(&(self.big() % other.big()))
    }

    /// The value with its sign turned.
    #[must_use]
    pub fn neg(&self) -> Self {
        Self {
            digits: -self.digits.clone(),
            exponent: self.exponent,
        }
    }

    /// The value without its sign.
    #[must_use]
    pub fn abs(&self) -> Self {
        if self.is_negative() {
            self.neg()
        } else {
            self.clone()
        }
    }

    /// Rounded half away from zero to this many digits after the point (negative: before it).
    #[must_use]
    pub fn round(&self, digits: i64) -> Self {
        self.rounded(digits, RoundingMode::HalfUp)
    }

    /// The greatest whole number that is not above the value.
    #[must_use]
    pub fn floor(&self) -> Self {
        self.rounded(0, RoundingMode::Floor)
    }

    /// The smallest whole number that is not below the value.
    #[must_use]
    pub fn ceiling(&self) -> Self {
        self.rounded(0, RoundingMode::Ceiling)
    }

    fn rounded(&self, digits: i64, mode: RoundingMode) -> Self {
        if digits >= -self.exponent {
            return self.clone();
        }
        let digits = digits.max(*EXPONENTS.start());
        // Rounding shortens the number and can raise its first digit by one place at most.
        Self::from_big(&self.big().with_scale_round(digits, mode)).unwrap_or_else(|| self.clone())
    }
}

impl From<i64> for Decimal {
    fn from(value: i64) -> Self {
        Self::from_big(&BigDecimal::from(value)).unwrap_or_else(Self::zero)
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        self.big().cmp(&other.big())
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.digits.magnitude().to_string();
        let sign = if self.is_negative() { "-" } else { "" };
        let count = i64::try_from(text.len()).unwrap_or(i64::MAX);
        let first = count - 1 + self.exponent;
        if !PLAIN.contains(&first) {
            let (head, tail) = text.split_at(1);
            let point = if tail.is_empty() { "" } else { "." };
            return write!(formatter, "{sign}{head}{point}{tail}E{first:+}");
        }
        let zeros = |count: i64| "0".repeat(usize::try_from(count).unwrap_or(0));
        if self.exponent >= 0 {
            write!(formatter, "{sign}{text}{}", zeros(self.exponent))
        } else if first < 0 {
            write!(formatter, "{sign}0.{}{text}", zeros(-first - 1))
        } else {
            let (whole, part) = text.split_at(usize::try_from(first + 1).unwrap_or(0));
            write!(formatter, "{sign}{whole}.{part}")
        }
    }
}

/// The canonical text of a decimal text; none if it is no decimal.
#[must_use]
pub fn canonical(text: &str) -> Option<String> {
    if is_short_canonical(text) {
        return Some(text.to_owned());
    }
    Decimal::parse(text).map(|value| value.to_string())
}

/// Whether a text is plainly canonical already, which spares most values the way through big
/// numbers: at most 34 characters, no needless zero, no exponent, first digit from 10^-3 up.
fn is_short_canonical(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    if unsigned.len() > 34 || unsigned == "0" && text != unsigned {
        return false;
    }
    let (whole, part) = match unsigned.split_once('.') {
        Some((whole, part)) => (whole, Some(part)),
        None => (unsigned, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let whole_fits = digits(whole) && (whole == "0" || !whole.starts_with('0'));
    let part_fits = part.is_none_or(|part| {
        digits(part) && !part.ends_with('0') && !(whole == "0" && part.starts_with("000"))
    });
    whole_fits && part_fits
}

#[cfg(test)]
mod tests;
