//! Workloads without requests: GPUs in use over time, in whole instances.

use crate::units::{Money, MoneyPerHour, Period};
use crate::workload::LevelSeries;

use super::demand_step::DemandStep;
use super::plan::US_PER_HOUR;

/// A stretch with a whole number of instances in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stretch {
    start_us: u64,
    len_us: u64,
    n: u32,
}

/// Instances in use over a window.
#[derive(Clone, Debug, PartialEq)]
pub struct LevelDemand {
    /// In time order, not overlapping.
    stretches: Vec<Stretch>,
    window_us: u64,
    measured_us: u64,
}

/// Cost of a level demand over its window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelCost {
    /// Instances above the base, while they are used.
    pub elastic_cost: Money,
    /// The base, the whole window.
    pub base_cost: Money,
    /// What of it was used; nothing starts and nothing idles above the base.
    pub base_busy_cost: Money,
    /// Billed time above the base, microseconds.
    pub elastic_us: u64,
    /// Billed time of the base.
    pub base_us: u64,
    /// Base time in use.
    pub base_busy_us: u64,
}

impl LevelDemand {
    /// The demand of `series` inside `window` in instances of `gpus_per_instance`; nothing when no
    /// time was measured or an instance has no GPU.
    ///
    /// A period whose mean is x GPUs held floor(x) of them, and one more for the fraction of x of
    /// its length: the steadiest whole use with that mean. Each part takes whole instances. So with
    /// one GPU per instance the instance hours are exactly the GPU hours, and 0.5 GPUs for an hour
    /// on instances of 8 are one instance for half an hour.
    pub fn new(
        series: &LevelSeries,
        window: Period,
        gpus_per_instance: u32,
    ) -> Option<LevelDemand> {
        let window_us = u64::try_from(window.len_us()).ok()?;
        let per_instance = u64::from(gpus_per_instance);
        if per_instance == 0 {
            return None;
        }
        let offset =
            |at_us: i64| u64::try_from(at_us.saturating_sub(window.start().us())).unwrap_or(0);
        let mut stretches = Vec::new();
        let mut covered = 0;
        for bin in &series.bins {
            let Some(period) = bin.period.intersect(window) else { continue };
            let (from, to) = (offset(period.start().us()).max(covered), offset(period.end().us()));
            if to <= from || !(bin.gpus.is_finite() && bin.gpus >= 0.0) {
                continue;
            }
            if series.absent_is_zero && from > covered {
                stretches.push(Stretch { start_us: covered, len_us: from - covered, n: 0 });
            }
            push_whole(&mut stretches, (from, to), bin.gpus, per_instance);
            covered = to;
        }
        if series.absent_is_zero && covered < window_us {
            stretches.push(Stretch { start_us: covered, len_us: window_us - covered, n: 0 });
        }
        let measured_us = stretches.iter().map(|it| it.len_us).sum();
        (measured_us > 0).then_some(LevelDemand { stretches, window_us, measured_us })
    }

    /// Most instances in use at once: the fixed fleet that carries it.
    pub fn max_instances(&self) -> u32 {
        self.stretches.iter().map(|it| it.n).max().unwrap_or(0)
    }

    /// Time of the window for which there is a level. Costs take the rest to be like it.
    pub const fn measured_us(&self) -> u64 {
        self.measured_us
    }

    /// The demand of the measured time, for a savings curve exact to the period.
    pub fn steps(&self) -> Vec<DemandStep> {
        let step = |it: &Stretch| DemandStep {
            len_us: it.len_us,
            on_us: it.len_us.saturating_mul(u64::from(it.n)),
        };
        self.stretches.iter().map(step).collect()
    }

    /// The demand of each hour from the window start, as its mean; hours nobody measured have no
    /// length.
    pub fn steps_by_hour(&self) -> Vec<DemandStep> {
        let n_hours = usize::try_from(self.window_us.div_ceil(US_PER_HOUR)).unwrap_or(0);
        let mut hours = vec![DemandStep { len_us: 0, on_us: 0 }; n_hours];
        for stretch in &self.stretches {
            let end = stretch.start_us + stretch.len_us;
            let mut from = stretch.start_us;
            while from < end {
                let hour = from / US_PER_HOUR;
                let to = end.min((hour + 1) * US_PER_HOUR);
                if let Some(step) = usize::try_from(hour).ok().and_then(|it| hours.get_mut(it)) {
                    step.len_us += to - from;
                    step.on_us += (to - from) * u64::from(stretch.n);
                }
                from = to;
            }
        }
        hours
    }

    /// The cost with `base` instances held all the time at `base_rate` and what exceeds them bought
    /// by use at `rate`: a base of 0 follows demand, a base of [`LevelDemand::max_instances`] is a
    /// fixed fleet. Nothing when the currencies differ or a cost does not fit its type.
    pub fn cost(
        &self,
        base: u32,
        rate: MoneyPerHour,
        base_rate: MoneyPerHour,
    ) -> Option<LevelCost> {
        if rate.currency() != base_rate.currency() {
            return None;
        }
        let over = |it: &Stretch| u128::from(it.len_us) * u128::from(it.n.saturating_sub(base));
        let under = |it: &Stretch| u128::from(it.len_us) * u128::from(it.n.min(base));
        let elastic_us = self.over_window(self.stretches.iter().map(over).sum())?;
        let base_busy_us = self.over_window(self.stretches.iter().map(under).sum())?;
        let money = |nano| Money::from_nano(nano, rate.currency()).ok();
        let elastic = rate.nano_cost_of_us(elastic_us).ok()?;
        let each = base_rate.nano_cost_of_us(self.window_us).ok()?;
        let held = each.checked_mul(i128::from(base))?;
        let used = base_rate.nano_cost_of_us(base_busy_us).ok()?.min(held);
        Some(LevelCost {
            elastic_cost: money(elastic)?,
            base_cost: money(held)?,
            base_busy_cost: money(used)?,
            elastic_us,
            base_us: self.window_us.checked_mul(u64::from(base))?,
            base_busy_us,
        })
    }

    /// Instance time of the measured time, scaled to the window.
    fn over_window(&self, us: u128) -> Option<u64> {
        let scaled = us.checked_mul(u128::from(self.window_us))? / u128::from(self.measured_us);
        u64::try_from(scaled).ok()
    }
}

/// A period with this mean, as at most two stretches of whole instances.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not negative, and `as` saturates"
)]
fn push_whole(stretches: &mut Vec<Stretch>, (from, to): (u64, u64), gpus: f64, per_instance: u64) {
    let len_us = to - from;
    let whole = gpus.floor();
    let upper_us = (((gpus - whole) * len_us as f64).round() as u64).min(len_us);
    let instances = |gpus: u64| u32::try_from(gpus.div_ceil(per_instance)).unwrap_or(u32::MAX);
    let lower = instances(whole as u64);
    let upper = instances((whole as u64).saturating_add(1));
    if lower == upper || upper_us == 0 {
        stretches.push(Stretch { start_us: from, len_us, n: lower });
        return;
    }
    if upper_us < len_us {
        stretches.push(Stretch { start_us: from, len_us: len_us - upper_us, n: lower });
    }
    stretches.push(Stretch { start_us: to - upper_us, len_us: upper_us, n: upper });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{Currency, Timestamp};
    use crate::workload::LevelBin;

    const HOUR: i64 = 3_600_000_000;

    fn series(levels: &[(i64, f64)], absent_is_zero: bool) -> LevelSeries {
        let at = |hour: i64| Timestamp::from_us(hour * HOUR);
        let bin = |(hour, gpus): &(i64, f64)| LevelBin {
            period: Period::new(at(*hour), at(hour + 1)).unwrap(),
            gpus: *gpus,
        };
        LevelSeries { bins: levels.iter().map(bin).collect(), width_us: HOUR, absent_is_zero }
    }

    fn window(hours: i64) -> Period {
        Period::new(Timestamp::from_us(0), Timestamp::from_us(hours * HOUR)).unwrap()
    }

    fn usd(text: &str) -> MoneyPerHour {
        MoneyPerHour::parse(text, Currency::USD).unwrap()
    }

    #[test]
    fn plans_by_hand() {
        // 0, 8, 12, 0.5 GPUs on instances of 8: 0, 1, 2, and 1 for half an hour.
        let demand =
            LevelDemand::new(&series(&[(1, 8.0), (2, 12.0), (3, 0.5)], true), window(4), 8)
                .unwrap();
        assert_eq!(demand.max_instances(), 2);
        let check = |base, base_rate, elastic: &str, held: &str, used: &str| {
            let cost = demand.cost(base, usd("10"), usd(base_rate)).unwrap();
            let found = [cost.elastic_cost, cost.base_cost, cost.base_busy_cost]
                .map(Money::to_decimal_string);
            assert_eq!(found, [elastic, held, used], "{base}");
        };
        check(0, "10", "35.00", "0.00", "0.00");
        check(1, "6", "10.00", "24.00", "15.00");
        check(2, "10", "0.00", "80.00", "35.00");
    }

    #[test]
    fn one_gpu_instances_cost_the_gpu_hours() {
        let demand =
            LevelDemand::new(&series(&[(0, 0.375), (1, 2.25)], true), window(24), 1).unwrap();
        let cost = demand.cost(0, usd("2"), usd("2")).unwrap();
        assert_eq!(cost.elastic_cost.to_decimal_string(), "5.25");
        let hours = demand.steps_by_hour();
        assert_eq!(hours.len(), 24);
        assert_eq!(hours[1].on_us, 8_100_000_000);
    }

    #[test]
    fn time_nobody_measured_is_like_the_rest() {
        let demand = LevelDemand::new(&series(&[(0, 1.0), (1, 3.0)], false), window(4), 1).unwrap();
        assert_eq!(demand.measured_us(), 7_200_000_000);
        let cost = demand.cost(1, usd("1"), usd("0.5")).unwrap();
        assert_eq!(cost.elastic_cost.to_decimal_string(), "4.00");
        assert_eq!(cost.base_cost.to_decimal_string(), "2.00");
    }

    #[test]
    fn no_demand_and_no_measure_are_told_apart() {
        let idle = LevelDemand::new(&series(&[], true), window(4), 1).unwrap();
        assert!(idle.cost(0, usd("1"), usd("1")).unwrap().elastic_cost.is_zero());
        assert_eq!(LevelDemand::new(&series(&[], false), window(4), 1), None);
        assert_eq!(LevelDemand::new(&series(&[(0, f64::NAN)], false), window(4), 1), None);
        assert_eq!(LevelDemand::new(&series(&[(0, 1.0)], false), window(4), 0), None);
    }
}
