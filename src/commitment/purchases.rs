//! Purchases of one fixed term at different times, and what demand costs with them.

use crate::units::{Currency, Money};

/// An offer that covers one instance for a fixed number of steps of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TermOffer {
    /// Steps that one purchase covers, the one it is bought in included.
    pub term_steps: u32,
    /// Price of a whole term.
    pub fee: Money,
    /// Price of one step of an instance bought by use.
    pub by_use: Money,
    /// Price of one step in use under the term: nothing where the fee pays for all.
    pub while_covered: Money,
}

/// What was bought when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purchases {
    /// Terms that begin in each step.
    pub bought: Vec<u32>,
    /// Instances by use in each step: the demand that no term covers.
    pub by_use: Vec<u32>,
    /// Fees and use, rounded once to 10^-9. A term past the end of the demand is charged for its
    /// steps before the end only.
    pub cost: Money,
}

/// The prices of an offer in whole numbers of 10^-18.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prices {
    pub(super) term: usize,
    pub(super) fee: i128,
    pub(super) by_use: i128,
    while_covered: i128,
    currency: Currency,
}

impl TermOffer {
    /// The prices; nothing without a term, with a negative price, in two currencies, or when a
    /// covered step costs more than one by use.
    pub(super) fn prices(&self) -> Option<Prices> {
        let amounts = [self.fee, self.by_use, self.while_covered];
        let currency = self.fee.currency();
        let sound = self.term_steps > 0
            && amounts.iter().all(|it| it.currency() == currency && !it.is_negative())
            && self.while_covered.atto() <= self.by_use.atto();
        sound.then_some(Prices {
            term: usize::try_from(self.term_steps).ok()?,
            fee: self.fee.atto(),
            by_use: self.by_use.atto(),
            while_covered: self.while_covered.atto(),
            currency,
        })
    }
}

impl Prices {
    /// What a covered step saves.
    pub(super) const fn saved(&self) -> i128 {
        self.by_use - self.while_covered
    }

    /// Steps that a purchase in step `at` of `n_steps` covers before the end.
    pub(super) fn covered_steps(&self, at: usize, n_steps: usize) -> usize {
        self.term.min(n_steps - at)
    }

    /// `demand` with these purchases; nothing when the cost does not fit its type.
    pub(super) fn with(&self, demand: &[u32], bought: Vec<u32>) -> Option<Purchases> {
        let term = i128::try_from(self.term).ok()?;
        let mut live = 0_u64;
        let mut by_use = Vec::with_capacity(demand.len());
        // Costs x term steps, so that a part of a fee is a whole number.
        let mut cost = 0_i128;
        for (at, wanted) in demand.iter().enumerate() {
            live += u64::from(bought[at]);
            live -= at.checked_sub(self.term).map_or(0, |ended| u64::from(bought[ended]));
            let covered = u32::try_from(live).unwrap_or(u32::MAX).min(*wanted);
            by_use.push(wanted - covered);
            let steps = i128::try_from(self.covered_steps(at, demand.len())).ok()?;
            let fees = self.fee.checked_mul(steps)?.checked_mul(i128::from(bought[at]))?;
            let open = self.by_use.checked_mul(i128::from(wanted - covered))?;
            let used = self.while_covered.checked_mul(i128::from(covered))?;
            let step = open.checked_add(used)?.checked_mul(term)?.checked_add(fees)?;
            cost = cost.checked_add(step)?;
        }
        let cost = Money::from_atto(cost, self.currency);
        Some(Purchases { bought, by_use, cost: cost.scale(1, u64::try_from(term).ok()?).ok()? })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An offer in nano-dollars.
    pub(in super::super) fn offer(term_steps: u32, prices: [i128; 3]) -> TermOffer {
        let [fee, by_use, while_covered] =
            prices.map(|nano| Money::from_nano(nano, Currency::USD).unwrap());
        TermOffer { term_steps, fee, by_use, while_covered }
    }

    #[test]
    fn a_term_past_the_end_is_charged_for_what_is_before_it() {
        let usd = 1_000_000_000;
        let prices = offer(4, [2 * usd, usd, usd / 10]).prices().unwrap();
        // Two terms from step 1 on, two steps of four: 2 x 1.00; steps cost 3.0, 0.2 and 1.2.
        let it = prices.with(&[3, 2, 3], vec![0, 2, 0]).unwrap();
        assert_eq!(
            (it.by_use.as_slice(), it.cost.to_decimal_string()),
            (&[3, 0, 1][..], "6.40".into())
        );
    }

    #[test]
    fn an_unsound_offer_has_no_prices() {
        let euro = Money::zero(Currency::parse("EUR").unwrap());
        assert!(offer(1, [1, 1, 1]).prices().is_some());
        assert!(offer(0, [1, 1, 1]).prices().is_none());
        assert!(offer(1, [-1, 1, 1]).prices().is_none());
        assert!(offer(1, [1, 1, 2]).prices().is_none());
        assert!(TermOffer { fee: euro, ..offer(1, [1, 1, 1]) }.prices().is_none());
    }
}
