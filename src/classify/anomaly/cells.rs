//! Costs by hour or day of the clock.

use chrono_tz::Tz;

use super::Step;
use crate::classify::bins::{DAY_US, Grid, HOUR_US};
use crate::classify::calendar;
use crate::classify::costs::{days_after, spread};
use crate::units::{Money, MoneyError, Period, Timestamp};
use crate::workload::CostBin;

/// Longest day of a clock, microseconds.
const LONGEST_DAY_US: i64 = 25 * HOUR_US;

/// An hour or a day of the clock, or the part of it that lies on one side of a cut.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cell {
    pub(super) period: Period,
    /// Hour of the day, 0 for days.
    pub(super) hour: usize,
    /// Monday 0.
    pub(super) weekday: usize,
    pub(super) cost: Money,
    pub(super) gpu_hours: Option<f64>,
    /// The length it has when nothing cuts it, microseconds.
    pub(super) whole_us: i64,
}

impl Cell {
    pub(super) fn is_whole(&self) -> bool {
        self.period.len_us() == self.whole_us
    }

    /// The part of it that was not cut away.
    pub(super) fn share(&self) -> f64 {
        self.period.len_us() as f64 / self.whole_us as f64
    }

    /// What is left of an amount for the whole cell.
    pub(super) fn scaled(&self, amount: Money) -> Result<Money, MoneyError> {
        if self.is_whole() {
            return Ok(amount);
        }
        let us = |it: i64| u64::try_from(it).unwrap_or(0);
        amount.scale(us(self.period.len_us()), us(self.whole_us))
    }
}

/// Hours unless rows longer than an hour hold more than half of the cost; nothing where rows longer
/// than a day do.
pub(super) fn step(bins: &[&CostBin]) -> Option<Step> {
    let weight = |longer_us: i64| -> f64 {
        let long = bins.iter().filter(|it| it.period.len_us() > longer_us);
        long.map(|it| it.cost.to_f64().abs()).sum()
    };
    let all = weight(0);
    if weight(LONGEST_DAY_US) * 2.0 > all {
        None
    } else if weight(HOUR_US) * 2.0 > all {
        Some(Step::Day)
    } else {
        Some(Step::Hour)
    }
}

/// The cells from the first to the last of three instants, cut at the second.
pub(super) fn cells(
    bins: &[&CostBin],
    step: Step,
    zone: Tz,
    [first, cut, last]: [Timestamp; 3],
) -> Result<Vec<Cell>, MoneyError> {
    let Some(currency) = bins.first().map(|it| it.cost.currency()) else { return Ok(Vec::new()) };
    let zone = if step == Step::Day && on_utc_days(bins) { Tz::UTC } else { zone };
    let clock = match step {
        Step::Hour => hours(zone, first, last),
        Step::Day => days(zone, first, last),
    };
    let mut edges = clock.clone();
    edges.extend([first, cut, last]);
    edges.retain(|it| first <= *it && *it <= last);
    edges.sort_unstable();
    edges.dedup();
    let paid = spread(bins.iter().copied(), &edges, currency)?;
    let cell = |(pair, paid): (&[Timestamp], crate::classify::costs::Paid)| {
        let after = clock.partition_point(|it| *it <= pair[0]);
        let whole = clock.get(after.checked_sub(1)?..=after)?;
        let middle_us = whole[0].us().midpoint(whole[1].us());
        let (hour, weekday) = calendar::hour_and_weekday(zone, middle_us)?;
        Some(Cell {
            period: Period::new(pair[0], pair[1])?,
            hour: if step == Step::Day { 0 } else { hour },
            weekday,
            cost: paid.cost,
            gpu_hours: paid.gpu_hours,
            whole_us: whole[1].us().saturating_sub(whole[0].us()),
        })
    };
    Ok(edges.windows(2).zip(paid).filter_map(cell).collect())
}

/// Starts of the clock hours that hold the time, and the end of the last.
fn hours(zone: Tz, first: Timestamp, last: Timestamp) -> Vec<Timestamp> {
    let grid = Grid::on_clock(HOUR_US, zone, first.us());
    let end = grid.index(last.us().saturating_sub(1)).saturating_add(1);
    (grid.index(first.us())..=end).map(|it| Timestamp::from_us(grid.start_us(it))).collect()
}

/// The same of days.
fn days(zone: Tz, first: Timestamp, last: Timestamp) -> Vec<Timestamp> {
    let local_us = first.us().saturating_add(calendar::offset_us(zone, first.us()));
    let midnight = days_after(zone, first.plus_us(-local_us.rem_euclid(DAY_US)), 0);
    let mut found = Vec::new();
    for day in 0.. {
        let start = days_after(zone, midnight, day);
        found.push(start);
        if start >= last {
            break;
        }
    }
    found
}

/// Whether most rows of a day begin at midnight UTC.
fn on_utc_days(bins: &[&CostBin]) -> bool {
    let long = bins.iter().filter(|it| it.period.len_us() > HOUR_US);
    let (n, on_utc) = long.fold((0_usize, 0_usize), |(n, on_utc), it| {
        (n + 1, on_utc + usize::from(it.period.start().us().rem_euclid(DAY_US) == 0))
    });
    on_utc * 2 > n
}
