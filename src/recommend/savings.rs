//! What a plan would have saved on each day of the window.

use super::demand::Question;
use super::plan::Plan;
use crate::classify::{DayCost, daily_costs};
use crate::units::{HOURS_PER_MONTH, Timestamp};

const US_PER_HOUR: i64 = 3_600_000_000;
const DAY_US: i64 = 24 * US_PER_HOUR;

/// A saving day by day; what is the same on every day is left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Daily {
    /// When the first day begins.
    pub(super) start: Timestamp,
    /// Its weekday, Monday 0.
    pub(super) first_weekday: usize,
    /// One value for each day.
    pub(super) usd: Vec<f64>,
    /// What of it grows and falls with demand.
    pub(super) following: Following,
}

/// The part of a saving that demand moves, as the mean day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Following {
    /// At the demand seen.
    pub(super) usd: f64,
    /// At any demand.
    pub(super) most: f64,
}

impl Default for Following {
    fn default() -> Following {
        Following { usd: 0.0, most: f64::INFINITY }
    }
}

impl Following {
    /// How much the saving changes on a day of so many times the demand. Two instances committed carry
    /// 10 USD of use and could carry 16: at twice the demand they save 6 more, at half of it 5 less.
    pub(super) fn moved(self, level: f64) -> f64 {
        (self.usd * level).min(self.most) - self.usd
    }
}

impl Daily {
    pub(super) fn is_weekend(&self, at: usize) -> bool {
        (self.first_weekday + at) % 7 >= 5
    }

    /// The sum of several, day by day, on the days that all of them have; nothing without any.
    ///
    /// 1, 2, 3 from Monday on and 10, 20, 30 from Tuesday on are 12 and 23.
    pub fn together(all: &[&Daily]) -> Option<Daily> {
        let latest = all.iter().max_by_key(|it| it.start)?;
        let skipped = |it: &Daily| {
            let days = (latest.start.us() - it.start.us() + DAY_US / 2) / DAY_US;
            usize::try_from(days).unwrap_or(0)
        };
        let n = all.iter().map(|it| it.usd.len().saturating_sub(skipped(it))).min()?;
        let sum = |at| all.iter().map(|it| it.usd[skipped(it) + at]).sum();
        let following = |of: fn(&Following) -> f64| all.iter().map(|it| of(&it.following)).sum();
        Some(Daily {
            start: latest.start,
            first_weekday: latest.first_weekday,
            usd: (0..n).map(sum).collect(),
            following: Following { usd: following(|it| it.usd), most: following(|it| it.most) },
        })
    }
}

/// What today cost on each whole day of the window less what the plan would have cost on it. Where a
/// price list stands in for a bill, today costs the same on each day.
pub(super) fn by_day(question: &Question<'_>, plan: Option<&Plan>) -> Option<Daily> {
    let workload = question.described.workload;
    let mut days = daily_costs(workload, question.context.zone)?;
    // A stop saves what was paid since nobody asks for it.
    if let (None, Some(at)) = (plan, question.described.ended_at) {
        days.retain(|it| it.period.start() >= at);
    }
    let first = days.first()?;
    let (start, first_weekday) = (first.period.start(), first.weekday);
    let of_plan = plan.and_then(|it| elastic_by_day(question, it, &days));
    let today: Vec<f64> = days.iter().map(|it| it.cost.to_f64()).collect();
    let usd: Vec<f64> = today
        .iter()
        .enumerate()
        .map(|(at, cost)| cost - of_plan.as_ref().map_or(0.0, |it| it[at]))
        .collect();
    let mean = usd.iter().sum::<f64>() / usd.len() as f64;
    let following = if follows_demand(&today) { mean } else { 0.0 };
    let following = Following { usd: following, ..Following::default() };
    Some(Daily { start, first_weekday, usd, following })
}

/// Whether a fleet follows demand, by what its days cost: the dearest at least a tenth above the
/// cheapest. One that stays as it is does not move a saving when demand changes.
fn follows_demand(days: &[f64]) -> bool {
    let least = days.iter().copied().fold(f64::INFINITY, f64::min);
    let most = days.iter().copied().fold(0.0, f64::max);
    most > 1.1 * least
}

/// The part of a plan's cost that comes and goes with its instances, by day.
fn elastic_by_day(question: &Question<'_>, plan: &Plan, days: &[DayCost]) -> Option<Vec<f64>> {
    let elastic = plan.elastic.as_ref()?;
    let window = question.described.workload.demand_window;
    let total: u64 = elastic.on_us_by_hour.iter().sum();
    if total == 0 {
        return None;
    }
    let of_window = elastic.monthly.to_f64() * window.hours() / HOURS_PER_MONTH as f64;
    let on_us = |day: &DayCost| -> f64 {
        let from = day.period.start().us() - window.start().us();
        let to = day.period.end().us() - window.start().us();
        let hours = (0_i64..).zip(&elastic.on_us_by_hour);
        hours
            .map(|(hour, on)| {
                let (start, end) = (hour * US_PER_HOUR, (hour + 1) * US_PER_HOUR);
                let inside = (end.min(to) - start.max(from)).max(0);
                *on as f64 * inside as f64 / US_PER_HOUR as f64
            })
            .sum()
    };
    Some(days.iter().map(|day| of_window * on_us(day) / total as f64).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_added_where_all_have_one() {
        let daily = |first_weekday: usize, usd: &[f64]| {
            let day = i64::try_from(first_weekday).unwrap();
            let start = Timestamp::from_us(day * DAY_US);
            Daily { start, first_weekday, usd: usd.to_vec(), ..Daily::default() }
        };
        let (monday, tuesday) = (daily(0, &[1.0, 2.0, 3.0]), daily(1, &[10.0, 20.0, 30.0]));
        assert_eq!(Daily::together(&[&monday, &tuesday]), Some(daily(1, &[12.0, 23.0])));
        assert_eq!(Daily::together(&[&monday, &daily(3, &[1.0])]), Some(daily(3, &[])));
        assert_eq!(Daily::together(&[]), None);
        let covered = Daily { following: Following { usd: 10.0, most: 16.0 }, ..monday.clone() };
        let together = Daily::together(&[&covered, &monday]).unwrap().following;
        assert_eq!(together, Following { usd: 10.0, most: f64::INFINITY });
        let moved = [2.0, 0.5].map(|it| covered.following.moved(it));
        assert!((moved[0] - 6.0).abs() < 1e-12 && (moved[1] + 5.0).abs() < 1e-12, "{moved:?}");
        assert!(monday.is_weekend(5) && !tuesday.is_weekend(6) && tuesday.is_weekend(4));
    }
}
