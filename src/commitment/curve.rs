//! The savings curve: what each number of committed instances would cost with the rest bought by use.

use crate::simulate::DemandStep;
use crate::units::{Money, MoneyPerHour};

/// Cost of committing to n instances: `cost(n) = r H n + p sum(max(D - n, 0) h)`, exact and convex.
///
/// D is the demand of each step, h its hours, H the hours of all, r the committed rate and p the
/// rate by use. With p = 4, r = 2 and hourly demand 0, 1, 3: cost(0) = 16, cost(1) = 6 + 8 = 14,
/// cost(2) = 12 + 4 = 16, so one instance is best.
#[derive(Clone, Debug)]
pub struct SavingsCurve {
    /// Demand in rising order.
    steps: Vec<DemandStep>,
    /// Sums of `len_us` and `on_us` from each place to the end, and zero at the end.
    from_here: Vec<(u128, u128)>,
    by_use: MoneyPerHour,
    committed: MoneyPerHour,
}

impl SavingsCurve {
    /// The curve of a demand at two rates; nothing without time or with two currencies.
    pub fn new(
        mut steps: Vec<DemandStep>,
        by_use: MoneyPerHour,
        committed: MoneyPerHour,
    ) -> Option<SavingsCurve> {
        steps.retain(|step| step.len_us > 0);
        if steps.is_empty() || by_use.currency() != committed.currency() {
            return None;
        }
        let cross = |a: &DemandStep, b: &DemandStep| u128::from(a.on_us) * u128::from(b.len_us);
        steps.sort_by(|a, b| cross(a, b).cmp(&cross(b, a)));
        let mut from_here = vec![(0, 0); steps.len() + 1];
        for (place, step) in steps.iter().enumerate().rev() {
            let (len, on) = from_here[place + 1];
            from_here[place] = (len + u128::from(step.len_us), on + u128::from(step.on_us));
        }
        Some(SavingsCurve { steps, from_here, by_use, committed })
    }

    /// The least number of instances that covers all demand: the end of the curve.
    pub fn max_n(&self) -> u32 {
        let peak = self.steps.last().map_or(0, |step| step.on_us.div_ceil(step.len_us));
        u32::try_from(peak).unwrap_or(u32::MAX)
    }

    /// Length of the demand, microseconds.
    pub fn len_us(&self) -> u128 {
        self.from_here[0].0
    }

    /// Instance time above `n` instances, microseconds.
    pub fn overflow_us(&self, n: u32) -> u128 {
        let above = self.steps.partition_point(|step| covers(n, step));
        let (len, on) = self.from_here[above];
        on - u128::from(n) * len
    }

    /// The cost of committing to `n`; nothing when it does not fit its type. Each commitment and the
    /// overflow are rounded once.
    pub fn cost(&self, n: u32) -> Option<Money> {
        let len_us = u64::try_from(self.len_us()).ok()?;
        let overflow_us = u64::try_from(self.overflow_us(n)).ok()?;
        let each = self.committed.nano_cost_of_us(len_us).ok()?;
        let committed = each.checked_mul(i128::from(n))?;
        let by_use = self.by_use.nano_cost_of_us(overflow_us).ok()?;
        Money::from_nano(committed.checked_add(by_use)?, self.by_use.currency()).ok()
    }

    /// The cheapest number of instances, the smallest of equals.
    ///
    /// The curve is convex, so it is the first n from which one more does not pay:
    /// `r H >= p (overflow(n) - overflow(n + 1))`.
    pub fn best_n(&self) -> u32 {
        let (mut low, mut high) = (0, self.max_n());
        while low < high {
            let middle = low + (high - low) / 2;
            let saved_us = self.overflow_us(middle) - self.overflow_us(middle + 1);
            let pays =
                is_less((self.committed.nano(), self.len_us()), (self.by_use.nano(), saved_us));
            if pays {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// The d-quantile of demand in whole instances, d = 1 - r/p: the smallest n with
    /// `P(D <= n) >= 1 - r/p`, at most [`SavingsCurve::max_n`]. Equal to [`SavingsCurve::best_n`]
    /// where demand comes in whole instances, and one above or equal elsewhere.
    pub fn quantile_n(&self) -> u32 {
        let (mut low, mut high) = (0, self.max_n());
        let margin = self.by_use.nano() - self.committed.nano();
        while low < high {
            let middle = low + (high - low) / 2;
            let above = self.steps.partition_point(|step| covers(middle, step));
            let covered_us = self.len_us() - self.from_here[above].0;
            if is_less((self.by_use.nano(), covered_us), (margin, self.len_us())) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}

/// Whether `n` instances carry the mean demand of a step.
fn covers(n: u32, step: &DemandStep) -> bool {
    u128::from(step.on_us) <= u128::from(n) * u128::from(step.len_us)
}

/// Whether the first rate times its time is less than the second. Products past the type, which no
/// price list reaches, count as the largest.
fn is_less(a: (i128, u128), b: (i128, u128)) -> bool {
    let product =
        |(rate, us): (i128, u128)| rate.saturating_mul(i128::try_from(us).unwrap_or(i128::MAX));
    product(a) < product(b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::steps_by_hour;
    use crate::units::Currency;
    use proptest::prelude::*;

    const US_PER_HOUR: u64 = 3_600_000_000;

    fn rate(nano: i128) -> MoneyPerHour {
        MoneyPerHour::from_nano(nano, Currency::USD)
    }

    fn hours(levels: &[u64]) -> Vec<DemandStep> {
        levels.iter().map(|n| DemandStep { len_us: US_PER_HOUR, on_us: n * US_PER_HOUR }).collect()
    }

    fn curve(steps: Vec<DemandStep>, by_use: i128, committed: i128) -> SavingsCurve {
        SavingsCurve::new(steps, rate(by_use), rate(committed)).unwrap()
    }

    #[test]
    fn the_worked_example() {
        let usd = 1_000_000_000;
        let curve = curve(hours(&[3, 0, 1]), 4 * usd, 2 * usd);
        let costs: Vec<String> =
            (0..=3).map(|n| curve.cost(n).unwrap().to_decimal_string()).collect();
        assert_eq!(costs, ["16.00", "14.00", "16.00", "18.00"]);
        assert_eq!((curve.best_n(), curve.quantile_n(), curve.max_n()), (1, 1, 3));
    }

    #[test]
    fn half_an_instance_may_not_pay_although_the_quantile_rounds_up() {
        let steps = vec![DemandStep { len_us: US_PER_HOUR, on_us: US_PER_HOUR / 2 }];
        let curve = curve(steps, 10, 6);
        assert_eq!((curve.best_n(), curve.quantile_n()), (0, 1));
    }

    #[test]
    fn a_short_last_hour_weighs_less() {
        let window_us = US_PER_HOUR + 10;
        let steps = steps_by_hour(&[US_PER_HOUR, 30], window_us);
        assert_eq!(curve(steps, 10, 5).overflow_us(1), 20);
    }

    #[test]
    fn no_time_and_two_currencies_have_no_curve() {
        assert!(SavingsCurve::new(hours(&[]), rate(1), rate(1)).is_none());
        let euro = MoneyPerHour::from_nano(1, Currency::parse("EUR").unwrap());
        assert!(SavingsCurve::new(hours(&[1]), rate(1), euro).is_none());
    }

    /// cost(n) x 1 hour of each step, by the formula, without the sorted sums.
    fn brute(steps: &[DemandStep], by_use: i128, committed: i128, n: u32) -> i128 {
        steps
            .iter()
            .map(|step| {
                let level = i128::from(n) * i128::from(step.len_us);
                committed * level + by_use * (i128::from(step.on_us) - level).max(0)
            })
            .sum()
    }

    proptest! {
        #[test]
        fn the_optimum_is_the_brute_force_one(
            demand in proptest::collection::vec((1_u64..5, 0_u64..40), 1..60),
            by_use in 0_i128..1000,
            committed in 0_i128..1000,
            whole in any::<bool>(),
        ) {
            let steps: Vec<DemandStep> = demand.iter().map(|(len_us, on)| DemandStep {
                len_us: *len_us,
                on_us: if whole { on * len_us } else { *on },
            }).collect();
            let curve = curve(steps.clone(), by_use, committed);
            let best = (0..=curve.max_n()).min_by_key(|n| brute(&steps, by_use, committed, *n)).unwrap();
            prop_assert_eq!(curve.best_n(), best);
            if whole && by_use > 0 {
                prop_assert_eq!(curve.quantile_n(), best);
            } else if by_use > 0 {
                prop_assert!(best <= curve.quantile_n() && curve.quantile_n() <= best + 1);
            }
            for n in 0..=curve.max_n() + 1 {
                let committed_us = u128::from(n) * curve.len_us();
                let found = committed * i128::try_from(committed_us).unwrap()
                    + by_use * i128::try_from(curve.overflow_us(n)).unwrap();
                prop_assert_eq!(found, brute(&steps, by_use, committed, n));
            }
        }
    }
}
