//! The savings curve: what each number of committed instances would cost with the rest bought by use.

use super::millionths;
use crate::simulate::DemandStep;
use crate::units::{Fraction, Money, MoneyPerHour};

/// One point of the curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CurvePoint {
    /// Committed instances.
    pub n: u32,
    /// Both parts.
    pub total_cost: Money,
    /// The committed instances, used or not.
    pub committed_cost: Money,
    /// What exceeds them, by use.
    pub overflow_cost: Money,
    /// Share of the committed time in use; nothing for no commitment.
    pub utilization: Option<Fraction>,
}

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
        self.point(n).map(|it| it.total_cost)
    }

    /// The point at `n`. With p = 4, r = 2 and hourly demand 0, 1, 3 one instance is in use for two
    /// hours of three: 6 committed, 8 overflow, utilization 0.667.
    pub fn point(&self, n: u32) -> Option<CurvePoint> {
        let overflow_us = self.overflow_us(n);
        let each = self.committed.nano_cost_of_us(u64::try_from(self.len_us()).ok()?).ok()?;
        let committed = each.checked_mul(i128::from(n))?;
        let overflow = self.by_use.nano_cost_of_us(u64::try_from(overflow_us).ok()?).ok()?;
        let money = |nano| Money::from_nano(nano, self.by_use.currency()).ok();
        let used_us = self.overflow_us(0) - overflow_us;
        let held_us = u128::from(n) * self.len_us();
        Some(CurvePoint {
            n,
            total_cost: money(committed.checked_add(overflow)?)?,
            committed_cost: money(committed)?,
            overflow_cost: money(overflow)?,
            utilization: Fraction::try_from(used_us as f64 / held_us as f64).ok(),
        })
    }

    /// The whole curve, from no commitment to one that covers all demand.
    pub fn points(&self) -> Option<Vec<CurvePoint>> {
        (0..=self.max_n()).map(|n| self.point(n)).collect()
    }

    /// The cheapest number of instances, the smallest of equals.
    ///
    /// The curve is convex, so it is the first n from which one more does not pay:
    /// `r H >= p (overflow(n) - overflow(n + 1))`.
    pub fn best_n(&self) -> u32 {
        first_n(self.max_n(), |n| {
            let held = (self.committed.nano(), self.len_us());
            !is_less(held, (self.by_use.nano(), self.next_used_us(n)))
        })
    }

    /// The d-quantile of demand in whole instances, d = 1 - r/p: the smallest n with
    /// `P(D <= n) >= 1 - r/p`, at most [`SavingsCurve::max_n`]. Equal to [`SavingsCurve::best_n`]
    /// where demand comes in whole instances, and one above or equal elsewhere.
    pub fn quantile_n(&self) -> u32 {
        let margin = self.by_use.nano() - self.committed.nano();
        first_n(self.max_n(), |n| {
            let above = self.steps.partition_point(|step| covers(n, step));
            let covered_us = self.len_us() - self.from_here[above].0;
            !is_less((self.by_use.nano(), covered_us), (margin, self.len_us()))
        })
    }

    /// The most instances that were in use in every step: what GCP's recommender calls *stable
    /// usage*. Of demand 0, 1, 3 none; of 2, 1, 3 one.
    pub fn stable_n(&self) -> u32 {
        let least = self.steps.first().map_or(0, |step| step.on_us / step.len_us);
        u32::try_from(least).unwrap_or(u32::MAX)
    }

    /// The number of instances at a setting between stable usage (0) and the optimum (1).
    ///
    /// An instance is committed while the last one is used for at least `(1 - risk) + risk r/p` of
    /// the time: always at 0, just worth it at 1. So it is the (risk d)-quantile of demand,
    /// d = 1 - r/p, where demand comes in whole instances. The setting counts in millionths. With
    /// p = 4, r = 2 and demand 0, 1, 3 the first instance is used for 2/3 of the time, so it is
    /// committed from a risk of 2/3 on. Nothing is committed that does not save, so a rate that is
    /// no lower than by use gives none even at 0.
    pub fn n_at_risk(&self, risk: Fraction) -> u32 {
        let risk = millionths(risk);
        let certain = millionths(Fraction::ONE);
        let (by_use, committed) = (self.by_use.nano(), self.committed.nano());
        let bar = (certain - risk).saturating_mul(by_use) + risk.saturating_mul(committed);
        let whole = certain.saturating_mul(by_use);
        first_n(self.best_n(), |n| is_less((whole, self.next_used_us(n)), (bar, self.len_us())))
    }

    /// Time in use of one more instance than `n`.
    fn next_used_us(&self, n: u32) -> u128 {
        self.overflow_us(n) - self.overflow_us(n.saturating_add(1))
    }
}

/// The first n at which `is_enough` holds, which then holds for all above; at most `most`.
fn first_n(most: u32, is_enough: impl Fn(u32) -> bool) -> u32 {
    let (mut low, mut high) = (0, most);
    while low < high {
        let middle = low + (high - low) / 2;
        if is_enough(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
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

    fn fraction(value: f64) -> Fraction {
        Fraction::try_from(value).unwrap()
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
        let one = curve.point(1).unwrap();
        let parts = [one.committed_cost, one.overflow_cost].map(Money::to_decimal_string);
        assert_eq!(parts, ["6.00", "8.00"]);
        assert!((one.utilization.unwrap().get() - 2.0 / 3.0).abs() < 1e-12);
        assert_eq!(curve.point(0).unwrap().utilization, None);
    }

    #[test]
    fn between_stable_and_optimal() {
        let check = |demand: &[u64], committed, risk, expected| {
            let curve = curve(hours(demand), 4, committed);
            assert_eq!(curve.n_at_risk(fraction(risk)), expected, "{demand:?} at {risk}");
        };
        check(&[0, 1, 3], 2, 0.0, 0);
        check(&[0, 1, 3], 2, 0.666, 0);
        check(&[0, 1, 3], 2, 0.667, 1);
        check(&[2, 1, 3], 2, 0.0, 1);
        check(&[2, 1, 3], 2, 1.0, 2);
        // At the rate by use a commitment only binds.
        check(&[2, 1, 3], 4, 0.0, 0);
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

    fn steps_of(demand: &[(u64, u64)], whole: bool) -> Vec<DemandStep> {
        let on_us = |len_us: u64, on: u64| if whole { on * len_us } else { on };
        let step = |&(len_us, on): &(u64, u64)| DemandStep { len_us, on_us: on_us(len_us, on) };
        demand.iter().map(step).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn the_optimum_is_the_brute_force_one(
            demand in proptest::collection::vec((1_u64..5, 0_u64..40), 1..60),
            by_use in 0_i128..1000,
            committed in 0_i128..1000,
            whole in any::<bool>(),
        ) {
            let steps = steps_of(&demand, whole);
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

        #[test]
        fn risk_leads_from_stable_to_optimal(
            demand in proptest::collection::vec((1_u64..5, 0_u64..40), 1..60),
            by_use in 1_i128..1000,
            committed in 0_i128..1000,
            whole in any::<bool>(),
            risks in (0_u32..=1_000_000, 0_u32..=1_000_000),
        ) {
            let steps = steps_of(&demand, whole);
            let curve = curve(steps.clone(), by_use, committed);
            let stable = steps.iter().map(|it| it.on_us / it.len_us).min().unwrap();
            prop_assert_eq!(u64::from(curve.stable_n()), stable);
            let at_least = if committed < by_use { curve.stable_n() } else { 0 };
            prop_assert_eq!(curve.n_at_risk(Fraction::ZERO), at_least);
            prop_assert_eq!(curve.n_at_risk(Fraction::ONE), curve.best_n());
            let at = |risk: u32| curve.n_at_risk(fraction(f64::from(risk) / 1e6));
            let (low, high) = (risks.0.min(risks.1), risks.0.max(risks.1));
            prop_assert!(at(low) <= at(high));
            // By the definition, one instance after the other.
            let bar = i128::from(1_000_000 - low) * by_use + i128::from(low) * committed;
            let is_busy = |n: &u32| {
                let used: u64 = steps.iter().map(|it| {
                    it.on_us.min(u64::from(*n) * it.len_us) - it.on_us.min(u64::from(n - 1) * it.len_us)
                }).sum();
                i128::from(used) * by_use * 1_000_000 >= bar * i128::try_from(curve.len_us()).unwrap()
            };
            let expected = (1..=curve.best_n()).take_while(is_busy).count();
            prop_assert_eq!(usize::try_from(at(low)).unwrap(), expected);
        }

        #[test]
        fn the_points_are_the_curve(
            demand in proptest::collection::vec(0_u64..40, 1..60),
            by_use in 1_i128..1000,
            committed in 0_i128..1000,
        ) {
            let curve = curve(hours(&demand), by_use, committed);
            let points = curve.points().unwrap();
            prop_assert_eq!(points.len(), usize::try_from(curve.max_n()).unwrap() + 1);
            for it in &points {
                let parts = it.committed_cost.checked_add(it.overflow_cost).unwrap();
                prop_assert_eq!(it.total_cost, parts);
                let hourly = brute(&hours(&demand), by_use, committed, it.n) / i128::from(US_PER_HOUR);
                prop_assert_eq!(it.total_cost, Money::from_nano(hourly, Currency::USD).unwrap());
            }
            prop_assert!(points.last().unwrap().overflow_cost.is_zero());
            prop_assert!(points.windows(2).all(|it| it[0].overflow_cost > it[1].overflow_cost));
            prop_assert!(points[1..].windows(2).all(|it| it[0].utilization >= it[1].utilization));
        }
    }
}
