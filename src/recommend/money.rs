//! Costs of a window as costs of a month.

use crate::units::{Currency, HOURS_PER_MONTH, Money, MoneyPerHour};

/// Microseconds in an hour.
const US_PER_HOUR: u64 = 3_600_000_000;

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
}
