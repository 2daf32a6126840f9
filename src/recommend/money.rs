//! Costs of a window as costs of a month.

use crate::units::{Currency, HOURS_PER_MONTH, Money, MoneyPerHour};

/// Microseconds in an hour.
pub(super) const US_PER_HOUR: u64 = 3_600_000_000;

/// A cost of the window as the cost of 730 hours: 744 USD for 744 hours are 730 USD.
pub(super) fn monthly(cost: Money, window_us: u64) -> Option<Money> {
    cost.scale(HOURS_PER_MONTH * US_PER_HOUR, window_us).ok()
}

/// What `count` instances cost for 730 hours: 2 at 1.09 an hour are 1,591.40.
pub(super) fn month_of(rate: MoneyPerHour, count: u32) -> Option<Money> {
    rate.times(u64::from(count)).ok()?.cost_of_us(HOURS_PER_MONTH * US_PER_HOUR).ok()
}

/// The sum, where every part is known and of one currency.
pub(super) fn sum(parts: &[Money], currency: Currency) -> Option<Money> {
    Money::sum(parts.iter().copied(), currency).ok()
}

/// An amount in prose, rounded half to even to two decimals.
pub(super) fn for_prose(amount: Money) -> String {
    // 10^16 of 10^-18 are a cent.
    const CENT: i128 = 10_000_000_000_000_000;
    let (quotient, rest) = (amount.atto().div_euclid(CENT), amount.atto().rem_euclid(CENT));
    let up = rest * 2 > CENT || (rest * 2 == CENT && quotient % 2 != 0);
    let rounded = Money::from_atto((quotient + i128::from(up)) * CENT, amount.currency());
    grouped(&rounded.to_decimal_string()) + " " + amount.currency().as_str()
}

/// The digits before the point in groups of three: 20036.35 is 20,036.35.
fn grouped(decimal: &str) -> String {
    let (sign, digits) = decimal.strip_prefix('-').map_or(("", decimal), |it| ("-", it));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "00"));
    let mut text = sign.to_owned();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text + "." + fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_has_730_hours() {
        let usd = |text| Money::parse(text, Currency::USD).unwrap();
        assert_eq!(monthly(usd("744"), 744 * US_PER_HOUR), Some(usd("730")));
        let rate = MoneyPerHour::parse("1.09", Currency::USD).unwrap();
        assert_eq!(month_of(rate, 2), Some(usd("1591.40")));
        assert_eq!(monthly(usd("1"), 0), None);
    }

    #[test]
    fn amounts_in_prose_are_grouped_and_rounded_half_to_even() {
        let check = |text: &str, shown: &str| {
            let amount = Money::parse(text, Currency::USD).unwrap();
            assert_eq!(for_prose(amount), shown);
        };
        check("20036.346535", "20,036.35 USD");
        check("-1234567.005", "-1,234,567.00 USD");
        check("999.995", "1,000.00 USD");
        check("0.015", "0.02 USD");
    }
}
