//! Two answers to *when is a commitment worth it*, and what is still owed.
//!
//! They are not the same and never stand in one column. *Cash pay-back* is when the upfront payment
//! has come back; *regret point* is how long the term must be used before walking away costs
//! nothing. Without an upfront payment the first is 0 and the second is not.

use crate::units::{Money, MoneyPerHour, Period, Timestamp};

/// Months until the upfront payment has come back: `upfront / (by use - recurring)`, both a month
/// (AWS `EstimatedBreakEvenInMonths`). `by_use_monthly` is what the covered usage would cost
/// without the commitment. 6,000 against 1,000 a month instead of 2,500 are back after 4 months.
/// Nothing when it never comes back, or with two currencies.
pub fn cash_payback_months(
    upfront: Money,
    by_use_monthly: Money,
    recurring_monthly: Money,
) -> Option<f64> {
    let saved = by_use_monthly.checked_sub(recurring_monthly).ok()?;
    if upfront.currency() != saved.currency() || saved.is_negative() {
        return None;
    }
    if upfront.is_zero() {
        return Some(0.0);
    }
    (!saved.is_zero()).then(|| upfront.to_f64() / saved.to_f64())
}

/// Months of full use after which walking away has cost nothing: `term x r / p`, r the committed
/// rate with the upfront payment spread over the term. 37 % off for 12 months: 7.56. Nothing when
/// the commitment does not save within its term, or with two currencies.
pub fn regret_months(
    term_months: u32,
    by_use: MoneyPerHour,
    committed: MoneyPerHour,
) -> Option<f64> {
    let saves = by_use.currency() == committed.currency() && committed.nano() < by_use.nano();
    saves.then(|| f64::from(term_months) * committed.nano() as f64 / by_use.nano() as f64)
}

/// Cash still owed at `at` for `n` instances at a recurring rate until the term ends: the liability.
/// Ten instances at 2.00 with 100 hours left owe 2,000. Before the term it is the whole term.
/// Nothing when it does not fit its type.
pub fn liability_left(
    recurring: MoneyPerHour,
    n: u32,
    term: Period,
    at: Timestamp,
) -> Option<Money> {
    let left_us = u64::try_from(left(term, at)).ok()?;
    recurring.cost_of_us(left_us.checked_mul(u64::from(n))?).ok()
}

/// The part of an upfront payment that is paid and not used yet: `upfront x time left / term`. It is
/// no liability, and comes back to nobody who walks away. 1,200 with a quarter of the term left: 300.
pub fn prepaid_left(upfront: Money, term: Period, at: Timestamp) -> Option<Money> {
    let whole_us = u64::try_from(term.len_us()).ok()?;
    upfront.scale(u64::try_from(left(term, at)).ok()?, whole_us).ok()
}

/// Microseconds of the term that are not over at `at`.
fn left(term: Period, at: Timestamp) -> i64 {
    Period::new(at.max(term.start()), term.end()).map_or(0, Period::len_us)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Currency;
    use proptest::prelude::*;

    const HOUR: i64 = 3_600_000_000;

    fn usd(text: &str) -> Money {
        Money::parse(text, Currency::USD).unwrap()
    }

    fn rate(text: &str) -> MoneyPerHour {
        MoneyPerHour::parse(text, Currency::USD).unwrap()
    }

    fn hours(from: i64, to: i64) -> Period {
        Period::new(Timestamp::from_us(from * HOUR), Timestamp::from_us(to * HOUR)).unwrap()
    }

    #[test]
    fn cash_comes_back() {
        let check = |upfront, by_use, recurring, expected| {
            let found = cash_payback_months(usd(upfront), usd(by_use), usd(recurring));
            assert_eq!(found, expected, "{upfront} {by_use} {recurring}");
        };
        check("6000", "2500", "1000", Some(4.0));
        check("0", "2500", "1000", Some(0.0));
        check("0", "1000", "1000", Some(0.0));
        check("6000", "1000", "1000", None);
        check("0", "1000", "2500", None);
        let euro = Money::zero(Currency::parse("EUR").unwrap());
        assert_eq!(cash_payback_months(euro, usd("2"), usd("1")), None);
    }

    #[test]
    fn regret_ends() {
        let check = |months, by_use, committed, expected| {
            let found = regret_months(months, rate(by_use), rate(committed));
            assert_eq!(found, expected, "{months} {by_use} {committed}");
        };
        check(12, "1", "0.63", Some(7.56));
        check(36, "4", "1", Some(9.0));
        check(12, "1", "1", None);
        check(12, "0", "0", None);
    }

    #[test]
    fn what_is_left() {
        let check = |at: i64, owed: &str, prepaid: &str| {
            let at = Timestamp::from_us(at * HOUR);
            let term = hours(100, 500);
            let liability = liability_left(rate("2"), 10, term, at).unwrap();
            assert_eq!(liability.to_decimal_string(), owed);
            let found = prepaid_left(usd("1200"), term, at).unwrap();
            assert_eq!(found.to_decimal_string(), prepaid);
        };
        check(0, "8000.00", "1200.00");
        check(100, "8000.00", "1200.00");
        check(400, "2000.00", "300.00");
        check(500, "0.00", "0.00");
        check(900, "0.00", "0.00");
    }

    proptest! {
        /// At the regret point, by use has cost what the whole term costs.
        #[test]
        fn the_regret_point_breaks_even(
            months in 1_u32..61,
            by_use in 2_i128..1_000_000,
            share in 0.0_f64..1.0,
        ) {
            #[expect(clippy::cast_possible_truncation, reason = "a share of a small number")]
            let committed = (by_use as f64 * share) as i128;
            let nano = |nano| MoneyPerHour::from_nano(nano, Currency::USD);
            let found = regret_months(months, nano(by_use), nano(committed)).unwrap();
            let (used, held) = (found * by_use as f64, f64::from(months) * committed as f64);
            prop_assert!((used - held).abs() <= 1e-9 * held);
            prop_assert!(found < f64::from(months));
        }
    }
}
