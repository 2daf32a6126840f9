//! A price per hour as its source writes it, beside its exact amount in nano-units.
//!
//! No float holds it: the text is kept for the file, the whole number is what two prices are
//! compared by. [`MoneyPerHour`](crate::units::MoneyPerHour)
//! has the number alone: a file keeps the text as its source has it.

use std::fmt;

use serde::{Serialize, Serializer};

/// Decimals a price per hour carries.
const DECIMALS: i64 = 9;
/// A unit of the currency in nano-units.
const ONE: i128 = 1_000_000_000;
/// No price per hour reaches a billion; a number that does is something else.
const TOO_MUCH: i128 = 1_000_000_000 * ONE;

/// A price per hour above zero, or zero where a row says why.
#[derive(Clone, Debug)]
pub struct Price {
    text: String,
    nano: i128,
}

/// Why a text is no price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PriceFault {
    /// Not a decimal number, or one too large for a price.
    NotAPrice,
    /// Below zero.
    Negative,
    /// Nothing, which a table writes where it knows no price.
    Zero,
}

impl Price {
    /// From decimal text: an optional minus, digits with an optional point, an optional exponent.
    ///
    /// A tenth decimal that matters is the noise of a float (`4.0759999999999996`): such a price
    /// is rounded half to even and its text is the rounded one. [`Price::is_rounded_from`] tells.
    pub fn parse(text: &str) -> Result<Price, PriceFault> {
        let text = text.trim();
        let (digits, places) = decimal_parts(text).ok_or(PriceFault::NotAPrice)?;
        let (nano, exact) = at_scale(digits, DECIMALS - places).ok_or(PriceFault::NotAPrice)?;
        match nano {
            _ if digits < 0 => Err(PriceFault::Negative),
            0 => Err(PriceFault::Zero),
            nano if nano >= TOO_MUCH => Err(PriceFault::NotAPrice),
            nano if exact => Ok(Price { text: text.to_owned(), nano }),
            nano => Ok(Price { text: decimal_text(nano), nano }),
        }
    }

    /// Zero, for a row that gives a reason.
    pub fn zero() -> Price {
        Price { text: "0".to_owned(), nano: 0 }
    }

    /// As the source writes it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The whole number of nano-units.
    pub const fn nano(&self) -> i128 {
        self.nano
    }

    /// Whether `text` had more decimals than a price carries.
    pub fn is_rounded_from(&self, text: &str) -> bool {
        self.text != text.trim()
    }

    /// For statistics only.
    pub fn to_f64(&self) -> f64 {
        self.nano as f64 / ONE as f64
    }
}

impl PartialEq for Price {
    /// `0.256800` and `0.2568` are one price.
    fn eq(&self, other: &Price) -> bool {
        self.nano == other.nano
    }
}

impl Eq for Price {}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Price {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

/// A whole number of nano-units as text with at least two decimals: 6.50, 21.957642.
fn decimal_text(nano: i128) -> String {
    let fraction = format!("{:09}", nano % ONE);
    let trimmed = fraction.trim_end_matches('0');
    format!("{}.{trimmed:0<2}", nano / ONE)
}

/// The signed digits of decimal text and how many of them stand after the point.
fn decimal_parts(text: &str) -> Option<(i128, i64)> {
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = || whole.bytes().chain(fraction.bytes());
    if whole.len() + fraction.len() == 0 || !all().all(|it| it.is_ascii_digit()) {
        return None;
    }
    let digits = all().try_fold(0_i128, |sum, digit| {
        sum.checked_mul(10)?.checked_add(i128::from(digit - b'0'))
    })?;
    Some((sign * digits, i64::try_from(fraction.len()).ok()? - exponent))
}

/// A signed exponent of at most four digits.
fn parse_exponent(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain =
        !digits.is_empty() && digits.len() <= 4 && digits.bytes().all(|it| it.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// `digits x 10^shift` rounded half to even, and whether nothing was rounded.
fn at_scale(digits: i128, shift: i64) -> Option<(i128, bool)> {
    if digits == 0 {
        return Some((0, true));
    }
    let factor = 10_i128.checked_pow(u32::try_from(shift.unsigned_abs()).ok()?);
    if shift >= 0 {
        return Some((digits.checked_mul(factor?)?, true));
    }
    let Some(factor) = factor else { return Some((0, false)) };
    let (quotient, rest) = (digits.div_euclid(factor), digits.rem_euclid(factor));
    let left = factor - rest;
    let up = rest > left || (rest == left && quotient % 2 != 0);
    Some((quotient + i128::from(up), rest == 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_texts() {
        for (text, expected) in [
            ("55.04", Ok(("55.04", 55_040_000_000))),
            ("0.256800", Ok(("0.256800", 256_800_000))),
            (" 3 ", Ok(("3", 3_000_000_000))),
            ("6.", Ok(("6.", 6_000_000_000))),
            ("1e-05", Ok(("1e-05", 10_000))),
            ("24.329900274", Ok(("24.329900274", 24_329_900_274))),
            // 10.49264 in a float that was added up, half to even at the ninth decimal.
            ("4.0759999999999996", Ok(("4.076", 4_076_000_000))),
            ("0.0000000005", Err(PriceFault::Zero)),
            ("0.0000000015", Ok(("0.000000002", 2))),
            ("0", Err(PriceFault::Zero)),
            ("-0.0", Err(PriceFault::Zero)),
            ("0.000", Err(PriceFault::Zero)),
            ("-1.39", Err(PriceFault::Negative)),
            ("-0.0000000001", Err(PriceFault::Negative)),
            ("1e9", Err(PriceFault::NotAPrice)),
            ("999999999.99", Ok(("999999999.99", 999_999_999_990_000_000))),
            ("1,234.56", Err(PriceFault::NotAPrice)),
            ("+5", Err(PriceFault::NotAPrice)),
            ("$2.99", Err(PriceFault::NotAPrice)),
            ("1e", Err(PriceFault::NotAPrice)),
            ("1e99999", Err(PriceFault::NotAPrice)),
            ("1e9999", Err(PriceFault::NotAPrice)),
            ("1e-9999", Err(PriceFault::Zero)),
            (".", Err(PriceFault::NotAPrice)),
            ("", Err(PriceFault::NotAPrice)),
            ("inf", Err(PriceFault::NotAPrice)),
            ("1.5.2", Err(PriceFault::NotAPrice)),
            ("99999999999999999999999999999999999999999", Err(PriceFault::NotAPrice)),
        ] {
            let found = Price::parse(text);
            let found = found.as_ref().map(|it| (it.text(), it.nano())).map_err(|it| *it);
            assert_eq!(found, expected, "{text}");
        }
        assert_eq!(Price::parse("0.256800"), Price::parse("0.2568"));
    }
}
