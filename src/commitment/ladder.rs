//! A commitment bought in tranches, so that only a part of it ends at a time.

use std::collections::BTreeMap;

use super::millionths;
use crate::units::Fraction;

/// What is to be split. Months are counted from January of the year 0: 2026-11 is 24,322.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LadderPlan {
    /// Instances.
    pub n: u32,
    /// Purchases to split them into, spread evenly over one term.
    pub n_tranches: u32,
    /// Length of each term, months.
    pub term_months: u32,
    /// Month of the first purchase.
    pub first_month: u32,
    /// Most of all commitments that may end in one calendar quarter.
    pub cap: Fraction,
}

/// One purchase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tranche {
    /// Instances.
    pub n: u32,
    /// Month it is bought in.
    pub bought_month: u32,
    /// Month its term ends in.
    pub end_month: u32,
}

/// The tranches, in the order they are bought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ladder {
    /// At most as many as planned; none is empty.
    pub tranches: Vec<Tranche>,
    /// Instances that no quarter has room for under the cap: they stay by use, or need more
    /// tranches or a longer term.
    pub unplaced: u32,
    /// Instance months that pass by use before the later tranches are bought: the price of a ladder.
    pub waiting_months: u64,
}

/// Splits a commitment. Tranches are as equal as the cap allows; the cap is a share of these and of
/// the `held` commitments, `(month of the end, instances)`, together, and what of them ends in a
/// quarter takes its room. Each renewed for the same term, the ends stay apart.
///
/// Ten instances in 4 tranches of 12 months from 2026-11 under a cap of 30 %: 3, 3, 2 and 2, bought
/// three months apart. Under 25 % a quarter has room for 2, so two of the ten stay unplaced.
pub fn ladder(plan: &LadderPlan, held: &[(u32, u32)]) -> Ladder {
    let all: u64 = held.iter().map(|it| u64::from(it.1)).sum::<u64>() + u64::from(plan.n);
    let cap = millionths(plan.cap) * i128::from(all) / millionths(Fraction::ONE);
    let mut room: BTreeMap<u32, i128> = BTreeMap::new();
    for (month, n) in held {
        *room.entry(quarter(*month)).or_insert(cap) -= i128::from(*n);
    }
    let offset = |place: u32| {
        let months = u64::from(place) * u64::from(plan.term_months) / u64::from(plan.n_tranches);
        u32::try_from(months).unwrap_or(u32::MAX)
    };
    let mut tranches: Vec<Tranche> = (0..plan.n_tranches)
        .map(|place| plan.first_month.saturating_add(offset(place)))
        .map(|month| Tranche {
            n: 0,
            bought_month: month,
            end_month: month.saturating_add(plan.term_months),
        })
        .collect();
    // Level by level: one more for each tranche that has room, the earliest first.
    let mut left = plan.n;
    let mut placed = true;
    while placed && left > 0 {
        placed = false;
        for it in &mut tranches {
            let free = room.entry(quarter(it.end_month)).or_insert(cap);
            if *free > 0 && left > 0 {
                *free -= 1;
                it.n += 1;
                left -= 1;
                placed = true;
            }
        }
    }
    tranches.retain(|it| it.n > 0);
    let wait = |it: &Tranche| u64::from(it.n) * u64::from(it.bought_month - plan.first_month);
    let waiting_months = tranches.iter().map(wait).sum();
    Ladder { tranches, unplaced: left, waiting_months }
}

/// The calendar quarter of a month, counted as months are.
const fn quarter(month: u32) -> u32 {
    month / 3
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOVEMBER: u32 = 2026 * 12 + 10;

    fn fraction(value: f64) -> Fraction {
        Fraction::try_from(value).unwrap()
    }

    #[test]
    fn worked_by_hand() {
        let ten = LadderPlan {
            n: 10,
            n_tranches: 4,
            term_months: 12,
            first_month: NOVEMBER,
            cap: fraction(0.3),
        };
        let check = |plan: LadderPlan, held: &[(u32, u32)], expected: &[(u32, u32)], left, wait| {
            let found = ladder(&plan, held);
            let sizes: Vec<(u32, u32)> =
                found.tranches.iter().map(|it| (it.bought_month - NOVEMBER, it.n)).collect();
            assert_eq!(sizes, expected, "{plan:?}");
            assert_eq!((found.unplaced, found.waiting_months), (left, wait), "{plan:?}");
        };
        check(ten, &[], &[(0, 3), (3, 3), (6, 2), (9, 2)], 0, 39);
        let tight = LadderPlan { cap: fraction(0.25), ..ten };
        check(tight, &[], &[(0, 2), (3, 2), (6, 2), (9, 2)], 2, 36);
        // Ten more are held, all of which end with the first tranche.
        check(ten, &[(NOVEMBER + 12, 10)], &[(3, 4), (6, 3), (9, 3)], 0, 57);
        let at_once = LadderPlan { n_tranches: 1, cap: Fraction::ONE, ..ten };
        check(at_once, &[], &[(0, 10)], 0, 0);
        check(LadderPlan { n_tranches: 0, ..ten }, &[], &[], 10, 0);
        check(LadderPlan { cap: Fraction::ZERO, ..ten }, &[], &[], 10, 0);
    }

    proptest! {
        #[test]
        fn no_quarter_ends_more_than_the_cap(
            n in 0_u32..60,
            n_tranches in 0_u32..14,
            term_months in 1_u32..40,
            first_month in 0_u32..12,
            cap in 0_u32..=100,
            held in proptest::collection::vec((0_u32..60, 0_u32..20), 0..6),
        ) {
            let cap = fraction(f64::from(cap) / 100.0);
            let plan = LadderPlan { n, n_tranches, term_months, first_month, cap };
            let found = ladder(&plan, &held);
            let placed: u32 = found.tranches.iter().map(|it| it.n).sum();
            prop_assert_eq!(placed + found.unplaced, n);
            let all = n + held.iter().map(|it| it.1).sum::<u32>();
            let most = u32::try_from(millionths(cap) * i128::from(all) / 1_000_000).unwrap();
            let ending = |quarter: u32| -> u32 {
                let old = held.iter().filter(|it| it.0 / 3 == quarter).map(|it| it.1);
                let new = found.tranches.iter().filter(|it| it.end_month / 3 == quarter);
                old.chain(new.map(|it| it.n)).sum()
            };
            for it in &found.tranches {
                prop_assert!(ending(it.end_month / 3) <= most);
                prop_assert_eq!(it.end_month - it.bought_month, term_months);
            }
            // Nobody is left out while a tranche has room.
            for place in 0..n_tranches {
                let end = first_month + place * term_months / n_tranches + term_months;
                prop_assert!(found.unplaced == 0 || ending(end / 3) >= most);
            }
        }

        #[test]
        fn without_a_cap_tranches_are_equal(
            n in 1_u32..60,
            n_tranches in 1_u32..14,
            term_months in 1_u32..40,
        ) {
            let plan =
                LadderPlan { n, n_tranches, term_months, first_month: NOVEMBER, cap: Fraction::ONE };
            let sizes: Vec<u32> = ladder(&plan, &[]).tranches.iter().map(|it| it.n).collect();
            prop_assert_eq!(sizes.len(), usize::try_from(n.min(n_tranches)).unwrap());
            prop_assert!(sizes[0] - sizes[sizes.len() - 1] <= 1);
            prop_assert_eq!(sizes.iter().sum::<u32>(), n);
        }
    }
}
