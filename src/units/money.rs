//! Exact money: whole numbers of 10^-18 currency units, with their currency.
//!
//! Parts must add up to the invoice whatever the order they are added in, so no float ever holds
//! an amount: it enters as text (or as the shortest decimal text of a binary float), is added as an
//! integer, and leaves for statistics and charts by [`Money::to_f64`]. A rate becomes money in one
//! place, [`MoneyPerHour::cost_of_us`], which rounds once, half to even, to 10^-9.

use std::cmp::Ordering;
use std::fmt;

use serde::{Serialize, Serializer};

/// Decimal places an amount carries.
const SCALE: u32 = 18;
/// 10^18: the whole number that stands for one currency unit.
const ONE: i128 = 1_000_000_000_000_000_000;
/// 10^9: an amount's finest unit in one nano-unit.
const NANO: i128 = 1_000_000_000;
/// Microseconds in an hour.
const US_PER_HOUR: i128 = 3_600_000_000;

/// A three-letter currency code as in ISO 4217.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

/// The text is not a three-letter code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a three-letter currency code")]
pub struct NotACurrency(pub String);

impl Currency {
    /// United States dollar, the default of the usage table and the currency of the catalog.
    pub const USD: Currency = Currency(*b"USD");

    /// A code from its text; lower case is taken as upper case.
    pub fn parse(text: &str) -> Result<Currency, NotACurrency> {
        let trimmed = text.trim();
        match trimmed.as_bytes() {
            [a, b, c] if [a, b, c].iter().all(|letter| letter.is_ascii_alphabetic()) => {
                Ok(Currency([*a, *b, *c].map(|letter| letter.to_ascii_uppercase())))
            }
            _ => Err(NotACurrency(text.to_owned())),
        }
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("???")
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why an amount was refused or two amounts could not be combined.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not written as a decimal number.
    #[error("`{0}` is not a decimal amount")]
    NotDecimal(String),
    /// More decimal places than an amount carries.
    #[error("`{0}` has more than 18 decimals")]
    TooPrecise(String),
    /// Larger than the type holds (about 1.7 x 10^20 currency units).
    #[error("the amount `{0}` is too large")]
    TooLarge(String),
    /// Two currencies in one sum.
    #[error("{0} and {1} cannot be added without an exchange rate")]
    MixedCurrencies(Currency, Currency),
    /// A sum past the largest amount.
    #[error("the sum is too large")]
    Overflow,
}

/// An exact amount of one currency.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    atto: i128,
    currency: Currency,
}

impl Money {
    /// Nothing, in `currency`.
    pub const fn zero(currency: Currency) -> Money {
        Money { atto: 0, currency }
    }

    /// From the whole number of 10^-18 units, the form a decimal(38, 18) column stores.
    pub const fn from_atto(atto: i128, currency: Currency) -> Money {
        Money { atto, currency }
    }

    /// From the whole number of 10^-9 units.
    pub fn from_nano(nano: i128, currency: Currency) -> Result<Money, MoneyError> {
        nano.checked_mul(NANO).map(|atto| Money { atto, currency }).ok_or(MoneyError::Overflow)
    }

    /// An amount from decimal text: an optional minus, digits with an optional point, an optional
    /// exponent. `1E7` and `35.2E-7` are amounts; `1,234.56`, `(12.00)`, `+5` and `1E+7` are not,
    /// since FOCUS allows no plus sign and a program that writes one means something else.
    ///
    /// `-0.10` is minus 100,000,000,000,000,000 x 10^-18.
    pub fn parse(text: &str, currency: Currency) -> Result<Money, MoneyError> {
        parse_atto(text).map(|atto| Money { atto, currency })
    }

    /// An amount from a binary float, taken by its shortest decimal form and rounded half to even
    /// at the 18th decimal.
    pub fn from_float(value: f64, currency: Currency) -> Result<Money, MoneyError> {
        atto_from_float(value).map(|atto| Money { atto, currency })
    }

    /// The whole number of 10^-18 units.
    pub const fn atto(self) -> i128 {
        self.atto
    }

    /// The currency.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// True for nothing.
    pub const fn is_zero(self) -> bool {
        self.atto == 0
    }

    /// True below nothing: a credit, or a plan that costs more than today.
    pub const fn is_negative(self) -> bool {
        self.atto < 0
    }

    /// For statistics and charts only: the nearest float, never added back to money.
    pub fn to_f64(self) -> f64 {
        self.atto as f64 / ONE as f64
    }

    /// The double nearest to it, for files that hold no decimals: 11875.05 is 11875.05, where
    /// [`Money::to_f64`] may be off by the last bit.
    pub fn nearest_f64(self) -> f64 {
        self.to_decimal_string().parse().unwrap_or_else(|_| self.to_f64())
    }

    /// The sum of two amounts of one currency.
    pub fn checked_add(self, other: Money) -> Result<Money, MoneyError> {
        self.same_currency(other)?;
        let atto = self.atto.checked_add(other.atto).ok_or(MoneyError::Overflow)?;
        Ok(Money { atto, ..self })
    }

    /// The difference of two amounts of one currency.
    pub fn checked_sub(self, other: Money) -> Result<Money, MoneyError> {
        self.same_currency(other)?;
        let atto = self.atto.checked_sub(other.atto).ok_or(MoneyError::Overflow)?;
        Ok(Money { atto, ..self })
    }

    /// The exact sum of amounts of one currency; nothing of `currency` when there are none.
    pub fn sum(
        amounts: impl IntoIterator<Item = Money>,
        currency: Currency,
    ) -> Result<Money, MoneyError> {
        amounts.into_iter().try_fold(Money::zero(currency), Money::checked_add)
    }

    /// `self x numerator / denominator`, rounded half to even to 10^-9: the one way an amount of
    /// one span of time becomes the amount of another. 100 for 744 h is 98.118279570 for 730 h.
    pub fn scale(self, numerator: u64, denominator: u64) -> Result<Money, MoneyError> {
        let denominator = i128::from(denominator);
        if denominator == 0 {
            return Err(MoneyError::Overflow);
        }
        let numerator = i128::from(numerator);
        let whole = self.atto.div_euclid(denominator);
        let rest = self.atto.rem_euclid(denominator);
        let atto = whole
            .checked_mul(numerator)
            .and_then(|high| {
                let low = rest.checked_mul(numerator)?;
                let high_of_low = low.div_euclid(denominator);
                high.checked_add(high_of_low).map(|sum| (sum, low.rem_euclid(denominator)))
            })
            .map(|(sum, rest)| {
                // Half-even at 10^-9: what is left below 10^-18 only breaks an exact tie.
                let nano = div_half_even_with_rest(sum, NANO, rest != 0);
                nano * NANO
            })
            .ok_or(MoneyError::Overflow)?;
        Ok(Money { atto, ..self })
    }

    /// The exact decimal text: every digit that matters, at least two decimals.
    pub fn to_decimal_string(self) -> String {
        let sign = if self.atto < 0 { "-" } else { "" };
        let magnitude = self.atto.unsigned_abs();
        let one = ONE.unsigned_abs();
        let fraction = format!("{:018}", magnitude % one);
        let trimmed = fraction.trim_end_matches('0');
        format!("{sign}{}.{trimmed:0<2}", magnitude / one)
    }

    fn same_currency(self, other: Money) -> Result<(), MoneyError> {
        if self.currency == other.currency {
            Ok(())
        } else {
            Err(MoneyError::MixedCurrencies(self.currency, other.currency))
        }
    }
}

impl PartialOrd for Money {
    /// Amounts of two currencies have no order.
    fn partial_cmp(&self, other: &Money) -> Option<Ordering> {
        (self.currency == other.currency).then(|| self.atto.cmp(&other.atto))
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.to_decimal_string(), self.currency)
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Serialize for Money {
    /// The exact decimal text; the currency stands once beside the amounts.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_decimal_string())
    }
}

/// A price per hour: whole nano-units of one currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MoneyPerHour {
    nano: i128,
    currency: Currency,
}

impl Serialize for MoneyPerHour {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_decimal_string())
    }
}

impl MoneyPerHour {
    /// From the whole number of nano-units per hour.
    pub const fn from_nano(nano: i128, currency: Currency) -> MoneyPerHour {
        MoneyPerHour { nano, currency }
    }

    /// From decimal text with at most 9 decimals that matter.
    pub fn parse(text: &str, currency: Currency) -> Result<MoneyPerHour, MoneyError> {
        let atto = parse_atto(text)?;
        if atto % NANO == 0 {
            Ok(MoneyPerHour { nano: atto / NANO, currency })
        } else {
            Err(MoneyError::TooPrecise(text.to_owned()))
        }
    }

    /// The rate at which `cost` was paid over `hours`, rounded to the nano-unit: what a bill says
    /// an hour cost. Nothing when the hours are not positive or the quotient does not fit.
    #[expect(clippy::cast_possible_truncation, reason = "range checked just above")]
    pub fn from_bill(cost: Money, hours: f64) -> Option<MoneyPerHour> {
        if !(hours > 0.0 && hours.is_finite()) {
            return None;
        }
        let nano = (cost.to_f64() * 1e9 / hours).round();
        (nano.abs() < 1e30)
            .then_some(MoneyPerHour { nano: nano as i128, currency: cost.currency() })
    }

    /// The whole number of nano-units per hour.
    pub const fn nano(self) -> i128 {
        self.nano
    }

    /// The currency.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// For statistics and charts only.
    pub fn to_f64(self) -> f64 {
        self.nano as f64 / 1e9
    }

    /// The rate of `count` such things.
    pub fn times(self, count: u64) -> Result<MoneyPerHour, MoneyError> {
        let nano = self.nano.checked_mul(i128::from(count)).ok_or(MoneyError::Overflow)?;
        Ok(MoneyPerHour { nano, ..self })
    }

    /// What `us` microseconds cost, in nano-units, rounded half to even once.
    ///
    /// 1.116 an hour for 90 s is 27,900,000 nano-units.
    pub fn nano_cost_of_us(self, us: u64) -> Result<i128, MoneyError> {
        let product = self.nano.checked_mul(i128::from(us)).ok_or(MoneyError::Overflow)?;
        Ok(div_half_even(product, US_PER_HOUR))
    }

    /// What `us` microseconds cost as [`Money`].
    pub fn cost_of_us(self, us: u64) -> Result<Money, MoneyError> {
        Money::from_nano(self.nano_cost_of_us(us)?, self.currency)
    }

    /// The exact decimal text of the amount per hour.
    pub fn to_decimal_string(self) -> String {
        // A catalog price is far below the largest amount, so the exact conversion holds.
        Money::from_nano(self.nano, self.currency)
            .map_or_else(|_| format!("{}e-9", self.nano), Money::to_decimal_string)
    }
}

/// `numerator / denominator` rounded half to even; `denominator` is positive.
fn div_half_even(numerator: i128, denominator: i128) -> i128 {
    // Most costs fit into a register, whose division takes a tenth of the time.
    if let (Ok(numerator), Ok(denominator)) = (u64::try_from(numerator), u64::try_from(denominator))
    {
        let (quotient, remainder) = (numerator / denominator, numerator % denominator);
        let left = denominator - remainder;
        let up = remainder > left || (remainder == left && quotient % 2 == 1);
        return i128::from(quotient) + i128::from(up);
    }
    div_half_even_with_rest(numerator, denominator, false)
}

/// As [`div_half_even`], where `rest` says that the true numerator is a little above the one given.
fn div_half_even_with_rest(numerator: i128, denominator: i128, rest: bool) -> i128 {
    let quotient = numerator.div_euclid(denominator);
    let remainder = numerator.rem_euclid(denominator);
    let half = remainder.cmp(&(denominator - remainder));
    let up = match half {
        Ordering::Greater => true,
        Ordering::Less => false,
        Ordering::Equal => rest || quotient % 2 != 0,
    };
    quotient + i128::from(up)
}

/// The shortest decimal form of a binary float as a whole number of 10^-18, rounded half to even:
/// what [`Money::from_float`] holds. `0.1` is 100,000,000,000,000,000.
///
/// Nearly every amount of a bill has at most 15 decimals and 15 digits. Of such a decimal the float
/// is the nearest one, and no other decimal of at most 15 digits has the same nearest float; so if
/// the rounded number of units of 10^-12, 10^-9 or 10^-15 gives back the float, it is the shortest
/// form, and no text need be written. In this order: most bills have up to 12 decimals.
#[inline]
pub fn atto_from_float(value: f64) -> Result<i128, MoneyError> {
    const MOST_DIGITS: f64 = 1e15;
    const UNITS: [(f64, i128); 3] = [(1e12, 1_000_000), (1e9, NANO), (1e15, 1_000)];
    for (scale, atto) in UNITS {
        let scaled = value * scale;
        // Also false for what is no number.
        if scaled.abs() < MOST_DIGITS {
            #[expect(clippy::cast_possible_truncation, reason = "a whole number below 10^15")]
            let nearest = (scaled + 0.5_f64.copysign(scaled)) as i64;
            #[expect(clippy::float_cmp, reason = "the same bits are the proof")]
            if nearest as f64 / scale == value {
                return Ok(i128::from(nearest) * atto);
            }
        }
    }
    atto_from_digits(value)
}

/// [`atto_from_float`] by the text of the shortest form.
fn atto_from_digits(value: f64) -> Result<i128, MoneyError> {
    if !value.is_finite() {
        return Err(MoneyError::NotDecimal(value.to_string()));
    }
    let text = format!("{value:e}");
    let (digits, places) = decimal_parts(&text)?;
    let atto = if places <= i64::from(SCALE) {
        scale_up(digits, i64::from(SCALE) - places)
    } else {
        Some(scale_down_half_even(digits, places - i64::from(SCALE)))
    };
    atto.ok_or(MoneyError::TooLarge(text))
}

/// Decimal text as a whole number of 10^-18: what [`Money::parse`] holds, without its currency.
pub fn atto_from_text(text: &str) -> Result<i128, MoneyError> {
    parse_atto(text)
}

/// Decimal text as a whole number of 10^-18.
fn parse_atto(text: &str) -> Result<i128, MoneyError> {
    let trimmed = text.trim();
    let (digits, places) = decimal_parts(trimmed)?;
    let shift = i64::from(SCALE) - places;
    if shift < 0 {
        // Trailing zeros beyond the 18th decimal lose nothing.
        let excess = u32::try_from(-shift).unwrap_or(u32::MAX);
        let divisor = 10_i128.checked_pow(excess);
        return match divisor {
            Some(divisor) if digits % divisor == 0 => Ok(digits / divisor),
            None if digits == 0 => Ok(0),
            _ => Err(MoneyError::TooPrecise(trimmed.to_owned())),
        };
    }
    scale_up(digits, shift).ok_or_else(|| MoneyError::TooLarge(trimmed.to_owned()))
}

/// The signed digits of decimal text and how many of them stand after the point.
fn decimal_parts(text: &str) -> Result<(i128, i64), MoneyError> {
    let not_decimal = || MoneyError::NotDecimal(text.to_owned());
    let (negative, unsigned) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        _ => (false, text),
    };
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], parse_exponent(&unsigned[at + 1..]).ok_or_else(not_decimal)?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return Err(not_decimal());
    }
    let mut digits: i128 = 0;
    for digit in whole.bytes().chain(fraction.bytes()) {
        if !digit.is_ascii_digit() {
            return Err(not_decimal());
        }
        digits = digits
            .checked_mul(10)
            .and_then(|shifted| shifted.checked_add(i128::from(digit - b'0')))
            .ok_or_else(|| MoneyError::TooLarge(text.to_owned()))?;
    }
    let places = i64::try_from(fraction.len()).map_err(|_| not_decimal())? - exponent;
    Ok((if negative { -digits } else { digits }, places))
}

/// A signed exponent of at most four digits.
fn parse_exponent(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain =
        !digits.is_empty() && digits.len() <= 4 && digits.bytes().all(|d| d.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// `digits x 10^shift`, if it fits; `shift` is not negative.
fn scale_up(digits: i128, shift: i64) -> Option<i128> {
    if digits == 0 {
        return Some(0);
    }
    let factor = 10_i128.checked_pow(u32::try_from(shift).ok()?)?;
    digits.checked_mul(factor)
}

/// `digits / 10^shift`, rounded half to even; `shift` is not negative.
fn scale_down_half_even(digits: i128, shift: i64) -> i128 {
    match u32::try_from(shift).ok().and_then(|shift| 10_i128.checked_pow(shift)) {
        Some(divisor) => div_half_even(digits, divisor),
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn usd(text: &str) -> Money {
        Money::parse(text, Currency::USD).unwrap()
    }

    #[test]
    fn amounts_read_exactly() {
        for (text, shown) in [
            ("0", "0.00"),
            ("12", "12.00"),
            ("-0.1", "-0.10"),
            ("1E7", "10000000.00"),
            ("35.2E-7", "0.00000352"),
            ("1e-7", "0.0000001"),
            (" 20.52022672899 ", "20.52022672899"),
            ("0.123456789012345678", "0.123456789012345678"),
            ("0.1234567890123456780", "0.123456789012345678"),
            (".5", "0.50"),
            ("5.", "5.00"),
        ] {
            assert_eq!(usd(text).to_decimal_string(), shown, "{text}");
        }
    }

    #[test]
    fn what_is_not_an_amount_says_so() {
        for text in [
            "", ".", "-", "+5", "1E+7", "1,234.56", "(12.00)", "NaN", "1e", "1e5.0", "12 USD",
            "--1",
        ] {
            let found = Money::parse(text, Currency::USD);
            assert!(matches!(found, Err(MoneyError::NotDecimal(_))), "{text}: {found:?}");
        }
        let found = Money::parse("0.1234567890123456789", Currency::USD);
        assert!(matches!(found, Err(MoneyError::TooPrecise(_))), "{found:?}");
        for text in ["1e21", "999999999999999999999999999999999999999999"] {
            let found = Money::parse(text, Currency::USD);
            assert!(matches!(found, Err(MoneyError::TooLarge(_))), "{text}: {found:?}");
        }
    }

    #[test]
    fn floats_are_taken_by_their_shortest_form() {
        let from = |value| Money::from_float(value, Currency::USD).unwrap().to_decimal_string();
        assert_eq!(from(0.1), "0.10");
        assert_eq!(from(1e-7), "0.0000001");
        assert_eq!(from(-2.5e-19), "0.00");
        assert_eq!(from(1.5e-18), "0.000000000000000002");
        assert!(Money::from_float(f64::NAN, Currency::USD).is_err());
    }

    #[test]
    fn a_rate_becomes_money_once() {
        let rate = MoneyPerHour::parse("1.116", Currency::USD).unwrap();
        assert_eq!(rate.nano_cost_of_us(90_000_000), Ok(27_900_000));
        assert_eq!(rate.cost_of_us(3_600_000_000).unwrap(), usd("1.116"));
        assert_eq!(rate.times(8).unwrap().to_decimal_string(), "8.928");
        assert!(MoneyPerHour::parse("0.0000000001", Currency::USD).is_err());
    }

    #[test]
    fn both_ways_to_divide_round_alike() {
        for numerator in [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 25, 35, i128::from(u64::MAX)] {
            for denominator in [1, 2, 4, 10, 3_600_000_000, i128::from(u64::MAX)] {
                let slow = div_half_even_with_rest(numerator, denominator, false);
                assert_eq!(
                    div_half_even(numerator, denominator),
                    slow,
                    "{numerator}/{denominator}"
                );
            }
        }
    }

    #[test]
    fn a_month_is_scaled_half_even() {
        assert_eq!(usd("100").scale(730, 744).unwrap(), usd("98.118279570"));
        assert_eq!(usd("0.000000001").scale(1, 2).unwrap(), usd("0"));
        assert_eq!(usd("0.000000003").scale(1, 2).unwrap(), usd("0.000000002"));
        assert!(usd("1").scale(1, 0).is_err());
    }

    #[test]
    fn currencies_never_mix() {
        let euro = Money::parse("1", Currency::parse("eur").unwrap()).unwrap();
        assert!(matches!(usd("1").checked_add(euro), Err(MoneyError::MixedCurrencies(..))));
        assert_eq!(usd("1").partial_cmp(&euro), None);
        assert!(Currency::parse("US").is_err());
    }

    proptest! {
        #[test]
        fn text_round_trips(atto in any::<i64>(), shift in 0_u32..10) {
            let money = Money::from_atto(i128::from(atto) * 10_i128.pow(shift), Currency::USD);
            prop_assert_eq!(Money::parse(&money.to_decimal_string(), Currency::USD), Ok(money));
        }

        #[test]
        fn parts_add_up_in_any_order(mut parts in prop::collection::vec(any::<i64>(), 0..50)) {
            let total = |parts: &[i64]| {
                let amounts = parts.iter().map(|it| Money::from_atto(i128::from(*it), Currency::USD));
                Money::sum(amounts, Currency::USD).unwrap()
            };
            let forward = total(&parts);
            parts.reverse();
            prop_assert_eq!(forward, total(&parts));
            parts.sort_unstable();
            prop_assert_eq!(forward, total(&parts));
        }

        #[test]
        fn taking_away_undoes_adding(a in any::<i64>(), b in any::<i64>()) {
            let (a, b) = (i128::from(a), i128::from(b));
            let (a, b) = (Money::from_atto(a, Currency::USD), Money::from_atto(b, Currency::USD));
            prop_assert_eq!(a.checked_add(b).unwrap().checked_sub(b).unwrap(), a);
        }

        #[test]
        fn cost_never_falls_as_hours_grow(nano in 0_i64.., us in 0_u64..u64::MAX / 2, more in 0_u64..1 << 40) {
            let rate = MoneyPerHour::from_nano(i128::from(nano), Currency::USD);
            prop_assert!(rate.nano_cost_of_us(us)? <= rate.nano_cost_of_us(us + more)?);
        }

        #[test]
        fn the_short_way_of_floats_is_the_long_way(digits in -10_i64.pow(15)..10_i64.pow(15), places in 0_u32..14, any in any::<f64>()) {
            let text = format!("{digits}e-{places}");
            let float: f64 = text.parse().unwrap();
            prop_assert_eq!(atto_from_float(float), parse_atto(&text));
            if any.is_finite() && any.abs() < 1e15 && any.abs() > 1e-3 {
                let long = parse_atto(&format!("{any:e}"));
                prop_assert!(long.is_err() || long == atto_from_float(any));
            }
        }

        #[test]
        fn shortest_floats_survive(value in -1e9_f64..1e9) {
            let money = Money::from_float(value, Currency::USD).unwrap();
            prop_assert!((money.to_f64() - value).abs() <= value.abs() * 1e-15 + 1e-18);
        }
    }
}
