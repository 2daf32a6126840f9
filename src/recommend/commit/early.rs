//! What to do while there is too little history to commit on: buy when the spend by use reaches the fee.

use super::EarlyRule;
use super::hours::Hours;
use crate::catalog::Offer;
use crate::commitment::{TermOffer, without_forecast};
use crate::recommend::money;
use crate::units::{HOURS_PER_MONTH, Money, MoneyPerHour};

/// The rule without a forecast on the hours seen so far. Two instances at 4.00 by use against 2.00 for
/// 730 hours: the first is bought once 365 hours by use have cost 1,460, its fee.
pub(super) fn rule(
    hours: &Hours,
    by_use: MoneyPerHour,
    offer: &Offer,
    months: u32,
) -> Option<EarlyRule> {
    let seen = hours.whole();
    let of_hours =
        |rate: MoneyPerHour, n: u64| rate.cost_of_us(n.checked_mul(money::US_PER_HOUR)?).ok();
    let term_hours = u64::from(months).checked_mul(HOURS_PER_MONTH)?;
    let term = TermOffer {
        term_steps: u32::try_from(term_hours).ok()?,
        fee: of_hours(offer.rate, term_hours)?,
        by_use: of_hours(by_use, 1)?,
        while_covered: Money::zero(by_use.currency()),
    };
    let bought: u32 = without_forecast(&seen, &term)?.bought.iter().sum();
    // Within one term what was bought counts for all of it, so the next is asked for above it.
    let open = seen.iter().filter(|it| **it > bought).count();
    Some(EarlyRule {
        offer_id: offer.id.clone(),
        months,
        fee: term.fee,
        bought,
        spent_on_next: of_hours(by_use, open as u64)?,
        most_times_the_least: 2.0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;
    use crate::simulate::DemandStep;
    use crate::units::{Currency, Timestamp};

    #[test]
    fn an_instance_is_bought_when_it_has_cost_its_fee() {
        const HOUR: u64 = 3_600_000_000;
        let rate = |usd: i128| MoneyPerHour::from_nano(usd * 1_000_000_000, Currency::USD);
        let offer = Offer { rate: rate(2), ..Catalog::embedded().unwrap().offers[0].clone() };
        let check = |n_hours: usize, demand: u64, bought: u32, spent: &str| {
            let steps = vec![DemandStep { len_us: HOUR, on_us: demand * HOUR }; n_hours];
            let hours = Hours::new(Timestamp::from_us(0), steps);
            let found = rule(&hours, rate(4), &offer, 1).unwrap();
            assert_eq!(found.fee.to_decimal_string(), "1460.00");
            let shown = (found.bought, found.spent_on_next.to_decimal_string());
            assert_eq!(shown, (bought, spent.to_owned()), "{n_hours} hours of {demand}");
        };
        check(100, 1, 0, "400.00");
        check(365, 2, 0, "1460.00");
        check(366, 2, 2, "0.00");
        check(100, 0, 0, "0.00");
    }
}
