//! Demand net of the commitments already held, and what of them nobody uses.

use crate::simulate::DemandStep;
use crate::units::{Money, MoneyPerHour, Period, Timestamp};

const US_PER_HOUR: i64 = 3_600_000_000;

/// A commitment already bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Instances.
    pub n: u32,
    /// What each costs per hour, a fee paid upfront spread over the term.
    pub rate: MoneyPerHour,
    /// From its first instant to its end.
    pub term: Period,
}

/// How much of a held commitment the demand used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldUse {
    /// Instance time in use, microseconds.
    pub used_us: u64,
    /// Instance time paid for that nobody used: stranded.
    pub stranded_us: u64,
    /// What the stranded time costs, rounded once.
    pub stranded_cost: Money,
}

/// Demand and commitments after one was laid over the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetDemand {
    /// Demand that no held commitment covers, by hour.
    pub steps: Vec<DemandStep>,
    /// Use of each held commitment, in the order given.
    pub held: Vec<HeldUse>,
}

/// Lays `held` over `hours`, the demand of each hour from `start` on. The first commitment covers
/// first, so the order says which one is stranded: the highest saving first is what providers do.
///
/// Within an hour demand is its mean; an hour that was measured in part is taken from its begin. A
/// commitment that begins or ends within an hour covers its part. Nothing when a time or a cost
/// does not fit its type.
///
/// Two instances at 2.00, held for the first of two hours with a demand of 1 and 3: one hour is
/// used, one is stranded and costs 2.00, and the net demand is 0 and 3.
pub fn net_of_held(hours: &[DemandStep], start: Timestamp, held: &[Held]) -> Option<NetDemand> {
    let mut steps = hours.to_vec();
    let mut uses = Vec::with_capacity(held.len());
    for it in held {
        let (mut used_us, mut held_us) = (0_u64, 0_u64);
        let mut at = start;
        for step in &mut steps {
            let end = at.plus_us(i64::try_from(step.len_us).ok()?);
            let live_us = Period::new(at, end)
                .and_then(|hour| hour.intersect(it.term))
                .map_or(0, |both| u64::try_from(both.len_us()).unwrap_or(0));
            let covered_us = live_us.checked_mul(u64::from(it.n))?;
            let taken_us = covered_us.min(step.on_us);
            step.on_us -= taken_us;
            used_us = used_us.checked_add(taken_us)?;
            held_us = held_us.checked_add(covered_us)?;
            at = at.plus_us(US_PER_HOUR);
        }
        let stranded_us = held_us - used_us;
        let stranded_cost = it.rate.cost_of_us(stranded_us).ok()?;
        uses.push(HeldUse { used_us, stranded_us, stranded_cost });
    }
    Some(NetDemand { steps, held: uses })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Currency;
    use proptest::prelude::*;

    const HOUR: u64 = 3_600_000_000;

    fn at(us: u64) -> Timestamp {
        Timestamp::from_us(i64::try_from(us).unwrap())
    }

    fn held(n: u32, rate: &str, (from, to): (u64, u64)) -> Held {
        let rate = MoneyPerHour::parse(rate, Currency::USD).unwrap();
        Held { n, rate, term: Period::new(at(from), at(to)).unwrap() }
    }

    fn hours(levels: &[u64]) -> Vec<DemandStep> {
        levels.iter().map(|n| DemandStep { len_us: HOUR, on_us: n * HOUR }).collect()
    }

    #[test]
    fn worked_by_hand() {
        let check = |demand: &[u64], held: &[Held], net: &[u64], uses: &[(u64, u64, &str)]| {
            let found = net_of_held(&hours(demand), at(0), held).unwrap();
            let on_us: Vec<u64> = found.steps.iter().map(|it| it.on_us).collect();
            assert_eq!(on_us, net, "{demand:?}");
            let text =
                |it: &HeldUse| (it.used_us, it.stranded_us, it.stranded_cost.to_decimal_string());
            let found: Vec<_> = found.held.iter().map(text).collect();
            let uses: Vec<_> = uses.iter().map(|it| (it.0, it.1, it.2.to_owned())).collect();
            assert_eq!(found, uses, "{demand:?}");
        };
        check(&[1, 3], &[held(2, "2", (0, HOUR))], &[0, 3 * HOUR], &[(HOUR, HOUR, "2.00")]);
        // Ends within the second hour, and had begun before the first.
        check(
            &[1, 1],
            &[held(1, "2", (0, HOUR + HOUR / 4))],
            &[0, 3 * HOUR / 4],
            &[(HOUR + HOUR / 4, 0, "0.00")],
        );
        // The second is stranded, since the first covers first.
        check(
            &[1],
            &[held(1, "3", (0, 9 * HOUR)), held(1, "2", (0, 9 * HOUR))],
            &[0],
            &[(HOUR, 0, "0.00"), (0, HOUR, "2.00")],
        );
        check(&[2], &[held(1, "3", (5 * HOUR, 9 * HOUR))], &[2 * HOUR], &[(0, 0, "0.00")]);
        check(&[2], &[], &[2 * HOUR], &[]);
    }

    #[test]
    fn hours_nobody_measured_keep_their_place() {
        let mut demand = hours(&[1, 0, 1]);
        demand[1] = DemandStep { len_us: 0, on_us: 0 };
        let found = net_of_held(&demand, at(0), &[held(1, "1", (2 * HOUR, 3 * HOUR))]).unwrap();
        assert_eq!(found.steps[0].on_us, HOUR);
        assert_eq!(found.steps[2].on_us, 0);
        assert_eq!(found.held[0].stranded_us, 0);
    }

    proptest! {
        #[test]
        fn demand_and_commitments_add_up(
            demand in proptest::collection::vec(0_u64..6, 1..30),
            terms in proptest::collection::vec((0_u32..4, 0_u64..30 * HOUR, 1_u64..30 * HOUR), 0..5),
        ) {
            let terms: Vec<Held> = terms
                .iter()
                .map(|(n, from, len)| held(*n, "1.5", (*from, from + len)))
                .collect();
            let found = net_of_held(&hours(&demand), at(0), &terms).unwrap();
            let sum = |steps: &[DemandStep]| steps.iter().map(|it| it.on_us).sum::<u64>();
            let used: u64 = found.held.iter().map(|it| it.used_us).sum();
            prop_assert_eq!(sum(&found.steps) + used, demand.iter().sum::<u64>() * HOUR);
            let window = HOUR * u64::try_from(demand.len()).unwrap();
            for (it, term) in found.held.iter().zip(&terms) {
                let whole = Period::new(at(0), at(window)).unwrap().intersect(term.term);
                let live = whole.map_or(0, |it| u64::try_from(it.len_us()).unwrap());
                prop_assert_eq!(it.used_us + it.stranded_us, live * u64::from(term.n));
            }
            // An hour that begins after every end is as it was.
            let last = terms.iter().map(|it| it.term.end().us()).max().unwrap_or(0);
            for (hour, step) in (0..).zip(&found.steps) {
                let begin = at(hour * HOUR).us();
                prop_assert!(begin < last || step.on_us == demand[usize::try_from(hour).unwrap()] * HOUR);
            }
        }
    }
}
