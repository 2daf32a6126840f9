//! When to buy a term without knowing what comes: the rule for histories that are too short to
//! commit on.

use super::purchases::{Purchases, TermOffer};

/// Purchases that look back only. In each step one more term is bought while the steps by use of the
/// last term that it would have covered would have saved more than its fee: `A_beta` of Wang, Li,
/// Liang, To Reserve or Not to Reserve (arXiv 1305.5608). A purchase counts as if it had been made a
/// term earlier, so no step by use is a reason twice.
///
/// It never costs more than (2 - alpha) times the optimum, alpha the share of the price by use that
/// a covered step still costs; no rule without forecast does better. That holds where whole fees are
/// charged: demand followed by a term of nothing.
///
/// With a term of 4 steps for 1.00 and 0.40 by use, steady demand of one is bought in the third
/// step: 0.40 + 0.40 + 1.00 = 1.80 for six steps, where the optimum is 1.50, a term and half of one.
pub fn without_forecast(demand: &[u32], offer: &TermOffer) -> Option<Purchases> {
    let prices = offer.prices()?;
    let mut bought = Vec::with_capacity(demand.len());
    let mut counted = vec![0_u32; demand.len()];
    for at in 0..demand.len() {
        let window = (at + 1).saturating_sub(prices.term)..at + 1;
        let covered = window.start..at + prices.covered_steps(at, demand.len());
        let mut n = 0_u32;
        loop {
            let open = window.clone().filter(|step| demand[*step] > counted[*step]).count();
            if prices.saved().checked_mul(i128::try_from(open).ok()?)? <= prices.fee {
                break;
            }
            n += 1;
            for it in &mut counted[covered.clone()] {
                *it += 1;
            }
        }
        bought.push(n);
    }
    prices.with(demand, bought)
}

#[cfg(test)]
mod tests {
    use super::super::purchases::tests::offer;
    use super::super::staggered::cheapest_purchases;
    use super::*;
    use proptest::prelude::*;

    const USD: i128 = 1_000_000_000;

    #[test]
    fn worked_by_hand() {
        let check = |demand: &[u32], bought: &[u32], cost: &str| {
            let offer = offer(4, [USD, 4 * USD / 10, 0]);
            let found = without_forecast(demand, &offer).unwrap();
            assert_eq!(found.bought, bought, "{demand:?}");
            assert_eq!(found.cost.to_decimal_string(), cost, "{demand:?}");
        };
        check(&[1; 6], &[0, 0, 1, 0, 0, 0], "1.80");
        check(&[1, 0, 0, 0, 1, 0], &[0; 6], "0.80");
        check(&[2; 3], &[0, 0, 2], "2.10");
        assert_eq!(
            cheapest_purchases(&[1; 6], &offer(4, [USD, 4 * USD / 10, 0]))
                .unwrap()
                .cost
                .to_decimal_string(),
            "1.50"
        );
    }

    #[test]
    fn the_bound_is_reached() {
        // The demand ends as soon as the term is bought: 1 + 1 of use against one fee.
        let offer = offer(9, [10, 5, 0]);
        let demand = [1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let atto = |it: Option<Purchases>| it.unwrap().cost.atto();
        assert_eq!(
            atto(without_forecast(&demand, &offer)),
            2 * atto(cheapest_purchases(&demand, &offer))
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]
        #[test]
        fn it_never_costs_more_than_two_less_alpha_optima(
            demand in proptest::collection::vec(0_u32..5, 1..24),
            term in 1_u32..9,
            fee in 0_i128..60,
            by_use in 1_i128..20,
            covered in 0_i128..20,
        ) {
            let covered = covered.min(by_use);
            let offer = offer(term, [fee, by_use, covered]);
            let tail = std::iter::repeat_n(0, usize::try_from(term).unwrap());
            let demand: Vec<u32> = demand.into_iter().chain(tail).collect();
            let online = without_forecast(&demand, &offer).unwrap();
            let optimum = cheapest_purchases(&demand, &offer).unwrap();
            prop_assert!(optimum.cost <= online.cost);
            // (2 - alpha) optimum, times the price by use.
            let bound = (2 * by_use - covered) * optimum.cost.atto();
            prop_assert!(by_use * online.cost.atto() <= bound);
        }

        #[test]
        fn what_comes_changes_nothing_before_it(
            demand in proptest::collection::vec(0_u32..5, 2..24),
            other in proptest::collection::vec(0_u32..5, 24),
            at in 0_usize..24,
        ) {
            let at = at.min(demand.len());
            let offer = offer(4, [10, 4, 1]);
            let changed: Vec<u32> =
                demand[..at].iter().chain(&other[at..demand.len()]).copied().collect();
            let bought = |demand: &[u32]| without_forecast(demand, &offer).unwrap().bought;
            prop_assert_eq!(&bought(&demand)[..at], &bought(&changed)[..at]);
        }
    }
}
