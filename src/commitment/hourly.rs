//! Commitments in money per hour, as savings plans are: how much to commit, and what it covers.
//!
//! In each hour the commitment pays for usage at the rates of the plan, the usage with the highest
//! saving first (AWS, How Savings Plans apply to usage), until it is used up; the rest is bought by
//! use. What one hour does not use is lost.

use std::collections::BTreeSet;

use crate::units::{Currency, Fraction, Money, MoneyPerHour};

const US_PER_HOUR: i128 = 3_600_000_000;

/// The two rates of one kind of usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpendKind {
    /// Without the plan.
    pub by_use: MoneyPerHour,
    /// Under the plan.
    pub plan: MoneyPerHour,
}

/// What a commitment comes to over all hours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SpendPoint {
    /// The commitment.
    pub per_hour: MoneyPerHour,
    /// Both parts.
    pub total_cost: Money,
    /// The commitment, used or not.
    pub committed_cost: Money,
    /// Usage it does not cover.
    pub by_use_cost: Money,
    /// Share of the commitment in use; nothing for no commitment.
    pub utilization: Option<Fraction>,
    /// Share of the usage it covers, by what that would cost by use; nothing without usage.
    pub coverage: Option<Fraction>,
}

/// What a commitment leaves of the usage of each hour, in the order of `kinds`, and the share of it that is
/// in use; nothing as for [`SpendCurve::new`], or for a commitment of nothing. Usage is covered by whole
/// microseconds.
///
/// 1.50 an hour over an hour of usage at 1.00 and one at 1.00: half of the second is left.
pub fn left_by_use(
    kinds: &[SpendKind],
    hours: &[Vec<u64>],
    per_hour: MoneyPerHour,
) -> Option<(Vec<Vec<u64>>, Fraction)> {
    let curve = SpendCurve::new(kinds, hours)?;
    if per_hour.currency() != curve.currency || per_hour.nano() <= 0 {
        return None;
    }
    let order = order_of(kinds);
    let commitment = per_hour.nano().checked_mul(US_PER_HOUR)?;
    let (mut left, mut used) = (hours.to_vec(), 0_i128);
    for hour in &mut left {
        let mut room = commitment;
        for at in &order {
            let plan = kinds[*at].plan.nano();
            let taken = u64::try_from(room / plan).unwrap_or(u64::MAX).min(hour[*at]);
            hour[*at] -= taken;
            room -= plan.checked_mul(taken.into())?;
        }
        used = used.checked_add(commitment - room)?;
    }
    let all = commitment.checked_mul(i128::try_from(hours.len()).ok()?)?;
    Some((left, Fraction::try_from(used as f64 / all as f64).ok()?))
}

/// The places of kinds in the order they are covered: by use / plan falls; of equals the lower rate, then
/// the first.
fn order_of(kinds: &[SpendKind]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..kinds.len()).collect();
    let cross = |a: usize, b: usize| kinds[a].by_use.nano().saturating_mul(kinds[b].plan.nano());
    order.sort_by(|a, b| {
        let lower = kinds[*a].plan.nano().cmp(&kinds[*b].plan.nano());
        cross(*b, *a).cmp(&cross(*a, *b)).then(lower)
    });
    order
}

/// Cost over the commitment: convex, with a bend wherever it fills up a kind of usage in some hour.
#[derive(Clone, Debug)]
pub struct SpendCurve {
    /// In the order they are covered: nano-units per hour by use and under the plan.
    kinds: Vec<(i128, i128)>,
    /// Time in use by hour, microseconds, in the same order.
    hours: Vec<Vec<i128>>,
    currency: Currency,
}

/// Amounts of a commitment in nano-units x microseconds per hour: nothing is rounded but the value
/// of a kind of which only a part is covered, down, by less than 10^-18 of a currency unit.
struct Covered {
    /// Of the commitment in use.
    used: i128,
    /// Value by use of the usage that is covered.
    value: i128,
    /// Of all usage.
    of: i128,
}

impl SpendCurve {
    /// The curve of `hours`, in each the microseconds in use of each kind. Nothing without hours,
    /// when an hour has another number of kinds, with two currencies, or with a rate of the plan
    /// that is not above nothing.
    pub fn new(kinds: &[SpendKind], hours: &[Vec<u64>]) -> Option<SpendCurve> {
        let currency = kinds.first()?.by_use.currency();
        let is_sound = |it: &SpendKind| {
            let same = it.by_use.currency() == currency && it.plan.currency() == currency;
            same && it.plan.nano() > 0 && it.by_use.nano() >= 0
        };
        let whole = hours.iter().all(|it| it.len() == kinds.len());
        if hours.is_empty() || !whole || !kinds.iter().all(is_sound) {
            return None;
        }
        let rates: Vec<(i128, i128)> =
            kinds.iter().map(|it| (it.by_use.nano(), it.plan.nano())).collect();
        let order = order_of(kinds);
        let hours = hours.iter().map(|hour| order.iter().map(|it| hour[*it].into()).collect());
        let (kinds, hours) = (order.iter().map(|it| rates[*it]).collect(), hours.collect());
        Some(SpendCurve { kinds, hours, currency })
    }

    /// Commitments among which the cheapest is, rising: none, and for each hour what covers its
    /// first kinds of usage, down and up to the nano-unit. What covers all of an hour is not
    /// enough: with 1.00 an hour of usage worth 3.00 and of usage worth 1.10 in one of two hours,
    /// a commitment of 0, 1 and 2 costs 4.10, 3.10 and 4.00.
    pub fn candidates(&self) -> Vec<MoneyPerHour> {
        let mut found = BTreeSet::from([0]);
        for hour in &self.hours {
            let mut filled = 0_i128;
            for ((_, plan), us) in self.kinds.iter().zip(hour) {
                filled = filled.saturating_add(plan.saturating_mul(*us));
                found.extend([filled / US_PER_HOUR, (filled - 1).div_euclid(US_PER_HOUR) + 1]);
            }
        }
        found.into_iter().map(|nano| MoneyPerHour::from_nano(nano, self.currency)).collect()
    }

    /// The cheapest commitment, the smallest of equals; nothing when a cost does not fit its type.
    pub fn best(&self) -> Option<SpendPoint> {
        let candidates = self.candidates();
        // Convex, so the first from which the next saves nothing. A saving within the rounding of
        // the kinds is none.
        let rounding = i128::try_from(self.kinds.len()).ok()?;
        let (mut low, mut high) = (0, candidates.len() - 1);
        while low < high {
            let middle = low + (high - low) / 2;
            let saved =
                self.exact_cost(candidates[middle])? - self.exact_cost(candidates[middle + 1])?;
            if saved > rounding {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        self.point(candidates[low])
    }

    /// What committing to `per_hour` comes to; each part is rounded once. Nothing when a cost does
    /// not fit its type, for another currency and for less than nothing.
    ///
    /// One hour with 1.00 under the plan of usage worth 3.00 and one without usage: a commitment
    /// of 0.50 costs 1.00, covers 1.50 and leaves 1.50 by use, utilization 0.5, coverage 0.5.
    pub fn point(&self, per_hour: MoneyPerHour) -> Option<SpendPoint> {
        if per_hour.currency() != self.currency || per_hour.nano() < 0 {
            return None;
        }
        let covered = self.covered(per_hour.nano())?;
        let n_hours = i128::try_from(self.hours.len()).ok()?;
        let committed = per_hour.nano().checked_mul(n_hours)?;
        let money = |nano| Money::from_nano(nano, self.currency).ok();
        let share = |part: i128, of: i128| Fraction::try_from(part as f64 / of as f64).ok();
        let (committed_cost, left) = (money(committed)?, covered.of - covered.value);
        // A rate for one microsecond is this amount: rounded here as every other cost is.
        let by_use_cost = MoneyPerHour::from_nano(left, self.currency).cost_of_us(1).ok()?;
        Some(SpendPoint {
            per_hour,
            total_cost: committed_cost.checked_add(by_use_cost).ok()?,
            committed_cost,
            by_use_cost,
            utilization: share(covered.used, committed.checked_mul(US_PER_HOUR)?),
            coverage: share(covered.value, covered.of),
        })
    }

    /// Commitment and what is left by use, in nano-units x microseconds per hour.
    fn exact_cost(&self, per_hour: MoneyPerHour) -> Option<i128> {
        let covered = self.covered(per_hour.nano())?;
        let n_hours = i128::try_from(self.hours.len()).ok()?;
        let committed = per_hour.nano().checked_mul(n_hours)?.checked_mul(US_PER_HOUR)?;
        committed.checked_add(covered.of - covered.value)
    }

    fn covered(&self, nano_per_hour: i128) -> Option<Covered> {
        let commitment = nano_per_hour.checked_mul(US_PER_HOUR)?;
        let mut used = vec![0_i128; self.kinds.len()];
        let mut all = vec![0_i128; self.kinds.len()];
        for hour in &self.hours {
            let mut left = commitment;
            for (place, us) in hour.iter().enumerate() {
                let taken = self.kinds[place].1.checked_mul(*us)?.min(left);
                left -= taken;
                used[place] = used[place].checked_add(taken)?;
                all[place] = all[place].checked_add(*us)?;
            }
        }
        let mut sum = Covered { used: 0, value: 0, of: 0 };
        for (place, (by_use, plan)) in self.kinds.iter().enumerate() {
            sum.used = sum.used.checked_add(used[place])?;
            sum.value = sum.value.checked_add(used[place].checked_mul(*by_use)? / plan)?;
            sum.of = sum.of.checked_add(all[place].checked_mul(*by_use)?)?;
        }
        Some(sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOUR: u64 = 3_600_000_000;
    const USD: i128 = 1_000_000_000;

    fn rate(nano: i128) -> MoneyPerHour {
        MoneyPerHour::from_nano(nano, Currency::USD)
    }

    fn kind(by_use: i128, plan: i128) -> SpendKind {
        SpendKind { by_use: rate(by_use), plan: rate(plan) }
    }

    #[test]
    fn part_of_an_hour_is_covered() {
        let curve = SpendCurve::new(&[kind(3 * USD, USD)], &[vec![HOUR], vec![0]]).unwrap();
        let half = curve.point(rate(USD / 2)).unwrap();
        let costs = [half.total_cost, half.committed_cost, half.by_use_cost];
        assert_eq!(costs.map(Money::to_decimal_string), ["2.50", "1.00", "1.50"]);
        let shares = [half.utilization, half.coverage].map(|it| it.unwrap().percent().to_string());
        assert_eq!(shares, ["50", "50"]);
        assert_eq!(curve.point(rate(0)).unwrap().utilization, None);
        assert_eq!(curve.best().unwrap().per_hour, rate(USD));
    }

    #[test]
    fn the_best_may_cover_no_hour_whole() {
        // The dearer kind comes last and is covered first.
        let kinds = [kind(11 * USD / 10, USD), kind(3 * USD, USD)];
        let curve = SpendCurve::new(&kinds, &[vec![HOUR, HOUR], vec![0, 0]]).unwrap();
        let cost = |usd| curve.point(rate(usd * USD)).unwrap().total_cost.to_decimal_string();
        assert_eq!([cost(0), cost(1), cost(2)], ["4.10", "3.10", "4.00"]);
        assert_eq!(curve.candidates(), [0, USD, 2 * USD].map(rate));
        assert_eq!(curve.best().unwrap().per_hour, rate(USD));
    }

    /// What is left is what the curve says it does not cover.
    #[test]
    fn what_is_left_is_bought_by_use() {
        let kinds = [kind(11 * USD / 10, USD), kind(3 * USD, USD)];
        let hours = [vec![HOUR, HOUR], vec![HOUR, 0]];
        let (left, used) = left_by_use(&kinds, &hours, rate(3 * USD / 2)).unwrap();
        assert_eq!(left, [vec![HOUR / 2, 0], vec![0, 0]]);
        assert!((used.get() - 2.5 / 3.0).abs() < 1e-12);
        let by_use = SpendCurve::new(&kinds, &hours).unwrap().point(rate(3 * USD / 2)).unwrap();
        let rest = SpendCurve::new(&kinds, &left).unwrap().point(rate(0)).unwrap();
        assert_eq!(by_use.by_use_cost, rest.total_cost);
        assert_eq!(by_use.utilization, Some(used));
        assert!(left_by_use(&kinds, &hours, rate(0)).is_none());
    }

    #[test]
    fn what_makes_no_curve() {
        let euro = MoneyPerHour::from_nano(1, Currency::parse("EUR").unwrap());
        let check = |kinds: &[SpendKind], hours: &[Vec<u64>]| {
            assert!(SpendCurve::new(kinds, hours).is_none(), "{kinds:?} {hours:?}");
        };
        check(&[], &[vec![]]);
        check(&[kind(1, 1)], &[]);
        check(&[kind(1, 1)], &[vec![1, 2]]);
        check(&[kind(1, 0)], &[vec![1]]);
        check(&[SpendKind { by_use: euro, plan: rate(1) }], &[vec![1]]);
        let curve = SpendCurve::new(&[kind(2, 1)], &[vec![0]]).unwrap();
        assert!(curve.point(euro).is_none() && curve.point(rate(-1)).is_none());
        assert_eq!(curve.best().unwrap().coverage, None);
    }

    /// A common multiple of the rates of plans below, so that no part is rounded.
    const PARTS: i128 = 27_720;

    /// The cost x `PARTS` microseconds per hour, hour by hour.
    fn brute(kinds: &[SpendKind], hours: &[Vec<u64>], commitment: i128) -> i128 {
        let mut order: Vec<&SpendKind> = kinds.iter().collect();
        order.sort_by_key(|it| -it.by_use.nano() * PARTS / it.plan.nano());
        let place = |kind: &SpendKind| kinds.iter().position(|it| std::ptr::eq(it, kind)).unwrap();
        let mut cost = 0;
        for hour in hours {
            let mut left = commitment * US_PER_HOUR;
            cost += left * PARTS;
            for kind in &order {
                let at_plan = kind.plan.nano() * i128::from(hour[place(kind)]);
                let open = at_plan - left.min(at_plan);
                left -= at_plan - open;
                cost += open * PARTS / kind.plan.nano() * kind.by_use.nano();
            }
        }
        cost
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn the_best_is_the_brute_force_one(
            rates in proptest::collection::vec((0_i128..30, 1_i128..13), 3),
            demand in proptest::collection::vec([0_u64..5, 0_u64..5, 0_u64..5], 1..8),
            whole in any::<bool>(),
        ) {
            let kinds: Vec<SpendKind> = rates.iter().map(|it| kind(it.0, it.1)).collect();
            let length = if whole { HOUR } else { HOUR / 7 };
            let hours: Vec<Vec<u64>> =
                demand.iter().map(|hour| hour.iter().map(|n| n * length).collect()).collect();
            let curve = SpendCurve::new(&kinds, &hours).unwrap();
            let best = curve.best().unwrap().per_hour.nano();
            // Every commitment of whole nano-units: candidates, midpoints and all others.
            let most = curve.candidates().last().unwrap().nano();
            let cheapest = (0..=most + 1).min_by_key(|it| brute(&kinds, &hours, *it)).unwrap();
            prop_assert_eq!(best, cheapest);
            for at in [0, best, most] {
                let exact = curve.exact_cost(rate(at)).unwrap() * PARTS;
                let brute = brute(&kinds, &hours, at);
                prop_assert!((brute..brute + 3 * PARTS).contains(&exact), "{exact} {brute}");
            }
            let point = curve.point(rate(best)).unwrap();
            prop_assert_eq!(Ok(point.total_cost), point.committed_cost.checked_add(point.by_use_cost));
        }

        #[test]
        fn one_kind_is_the_curve_over_instances(
            demand in proptest::collection::vec(0_u64..20, 1..40),
            by_use in 1_i128..1000,
            plan in 1_i128..1000,
        ) {
            use super::super::SavingsCurve;
            use crate::simulate::DemandStep;
            let hours: Vec<Vec<u64>> = demand.iter().map(|n| vec![n * HOUR]).collect();
            let spend = SpendCurve::new(&[kind(by_use, plan)], &hours).unwrap();
            let step = |n: &u64| DemandStep { len_us: HOUR, on_us: n * HOUR };
            let steps = demand.iter().map(step).collect();
            let curve = SavingsCurve::new(steps, rate(by_use), rate(plan)).unwrap();
            let best = spend.best().unwrap();
            prop_assert_eq!(best.per_hour.nano(), plan * i128::from(curve.best_n()));
            prop_assert_eq!(Some(best.total_cost), curve.cost(curve.best_n()));
        }
    }
}
