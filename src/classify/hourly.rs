//! Demand by clock hour of a window: what heat maps, duration curves and rules look at.

use std::ops::Range;

use chrono_tz::Tz;
use serde::Serialize;

use super::bins::{Grid, HOUR_US, fits_densely};
use super::calendar;
use crate::units::{Period, Timestamp};
use crate::workload::Demand;

/// Share of a clock hour below which its part inside the window says nothing about the hour.
const MIN_SHARE_OF_HOUR: f64 = 1.0 / 12.0;

/// What the values of an [`HourlySeries`] count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum HourlyUnit {
    /// Requests per hour.
    #[default]
    Requests,
    /// Mean GPUs in use.
    Gpus,
}

/// Demand of every clock hour of a window.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HourlySeries {
    /// Start of the first clock hour; it may lie before the window.
    pub start: Timestamp,
    /// One value per clock hour; `None` where nobody measured.
    pub values: Vec<Option<f64>>,
    /// What they count.
    pub unit: HourlyUnit,
    /// True when rows longer than an hour were spread evenly, so that the hours show no profile.
    pub spread: bool,
    /// True when the times count from the start of a log and hours of the day mean nothing.
    pub relative: bool,
}

/// A full day of a zone.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Day {
    /// Where its hours are in the series.
    pub(super) hours: Range<usize>,
    /// Mean of its known hours; nothing where none is known.
    pub(super) mean: Option<f64>,
}

impl HourlySeries {
    /// The full days of a zone: 2, 4 and an unknown hour have the mean 3.
    pub(super) fn days(&self, zone: Tz) -> Vec<Day> {
        let of = |hours: Range<usize>| {
            let known: Vec<f64> = self.values[hours.clone()].iter().flatten().copied().collect();
            let mean = known.iter().sum::<f64>() / known.len() as f64;
            Day { hours, mean: (!known.is_empty()).then_some(mean) }
        };
        calendar::full_days(self.start.us(), self.values.len(), zone).into_iter().map(of).collect()
    }

    /// Start of the hour at a position.
    pub fn hour_start(&self, at: usize) -> Timestamp {
        let hours = i64::try_from(at).unwrap_or(i64::MAX);
        self.start.plus_us(hours.saturating_mul(HOUR_US))
    }
}

/// Demand per clock hour of `zone` over `window`. Requests count in the hour they arrive in; rows
/// are cut at the hours in proportion to time. The hours at the edges are scaled up to a whole
/// hour, or `None` where less than five minutes of them lie inside the window.
pub fn hourly(demand: &Demand, window: Period, zone: Tz) -> HourlySeries {
    let relative = matches!(demand, Demand::Arrivals(trace) if trace.relative);
    let grid = if relative {
        Grid::utc(HOUR_US)
    } else {
        Grid::on_clock(HOUR_US, zone, window.start().us())
    };
    let unit = match demand {
        Demand::Level(_) => HourlyUnit::Gpus,
        Demand::Arrivals(_) | Demand::Counts(_) | Demand::Unknown => HourlyUnit::Requests,
    };
    if matches!(demand, Demand::Unknown) || !fits_densely(window.len_us(), HOUR_US) {
        return HourlySeries { unit, relative, ..HourlySeries::default() };
    }
    let mut hours = Hours::new(grid, window);
    let mut spread = false;
    match demand {
        Demand::Arrivals(trace) => {
            let before = |us: Timestamp| trace.at_us.partition_point(|it| *it < us.us());
            let mut rest = &trace.at_us[before(window.start())..before(window.end())];
            while let Some(first) = rest.first() {
                let next_us = grid.start_us(grid.index(*first).saturating_add(1));
                let n = rest.iter().take_while(|it| **it < next_us).count().max(1);
                hours.add(*first, n as f64, 0.0);
                rest = &rest[n..];
            }
        }
        Demand::Counts(series) => {
            for bin in &series.bins {
                let requests = bin.requests as f64;
                spread |= hours.add_period(bin.period, |share| requests * share);
            }
        }
        Demand::Level(series) => {
            for bin in &series.bins {
                let gpu_us = bin.gpus * bin.period.len_us() as f64;
                spread |= hours.add_period(bin.period, |share| gpu_us * share);
            }
        }
        Demand::Unknown => {}
    }
    let start = Timestamp::from_us(grid.start_us(hours.first));
    let values = match demand {
        Demand::Level(series) => hours.means(series.absent_is_zero),
        Demand::Arrivals(_) | Demand::Counts(_) | Demand::Unknown => hours.rates(),
    };
    HourlySeries { start, values, unit, spread, relative }
}

/// Sums per clock hour of a window.
struct Hours {
    grid: Grid,
    window: Period,
    first: i64,
    /// Sum of amounts, and the measured time, microseconds.
    sums: Vec<(f64, f64)>,
}

impl Hours {
    fn new(grid: Grid, window: Period) -> Hours {
        let first = grid.index(window.start().us());
        let last = grid.index(window.end().us().saturating_sub(1));
        let n = usize::try_from(last.saturating_sub(first).saturating_add(1)).unwrap_or(0);
        Hours { grid, window, first, sums: vec![(0.0, 0.0); n] }
    }

    fn add(&mut self, at_us: i64, amount: f64, known_us: f64) {
        let at = usize::try_from(self.grid.index(at_us).saturating_sub(self.first));
        if let Some(hour) = at.ok().and_then(|at| self.sums.get_mut(at)) {
            hour.0 += amount;
            hour.1 += known_us;
        }
    }

    /// Adds a row in pieces of the hours it covers; true when it is longer than an hour.
    fn add_period(&mut self, row: Period, amount: impl Fn(f64) -> f64) -> bool {
        let Some(inside) = row.intersect(self.window) else { return false };
        let mut from_us = inside.start().us();
        while from_us < inside.end().us() {
            let next_us = self.grid.start_us(self.grid.index(from_us).saturating_add(1));
            let to_us = next_us.min(inside.end().us()).max(from_us.saturating_add(1));
            let len_us = to_us.saturating_sub(from_us) as f64;
            self.add(from_us, amount(len_us / row.len_us() as f64), len_us);
            from_us = to_us;
        }
        row.len_us() > HOUR_US
    }

    /// Microseconds of the window in the hour at a position.
    fn inside_us(&self, at: usize) -> f64 {
        let index = self.first.saturating_add(i64::try_from(at).unwrap_or(i64::MAX));
        let from = self.grid.start_us(index).max(self.window.start().us());
        let to = self.grid.start_us(index.saturating_add(1)).min(self.window.end().us());
        to.saturating_sub(from) as f64
    }

    /// Amount per hour.
    fn rates(&self) -> Vec<Option<f64>> {
        let of = |(at, sum): (usize, &(f64, f64))| {
            let share = self.inside_us(at) / HOUR_US as f64;
            (share >= MIN_SHARE_OF_HOUR).then(|| sum.0 / share)
        };
        self.sums.iter().enumerate().map(of).collect()
    }

    /// Mean over the measured time, or with `absent_is_zero` over the time inside the window.
    fn means(&self, absent_is_zero: bool) -> Vec<Option<f64>> {
        let of = |(at, sum): (usize, &(f64, f64))| {
            let time_us = if absent_is_zero { sum.1.max(self.inside_us(at)) } else { sum.1 };
            (time_us > 0.0).then(|| sum.0 / time_us)
        };
        self.sums.iter().enumerate().map(of).collect()
    }
}

/// Mean demand by weekday (7 rows, Monday first) and hour of the day of `zone`; `None` where no
/// hour has a value. Empty where the weekday is unknown or rows were longer than an hour.
pub fn weekday_hour_profile(series: &HourlySeries, zone: Tz) -> Vec<Vec<Option<f64>>> {
    if series.relative || series.spread {
        return Vec::new();
    }
    let mut sums = vec![[(0.0, 0_u32); 24]; 7];
    for (at, value) in series.values.iter().enumerate() {
        let clock = calendar::hour_and_weekday(zone, series.hour_start(at).us());
        if let (Some(value), Some((hour, weekday))) = (value, clock) {
            let cell = &mut sums[weekday][hour];
            *cell = (cell.0 + value, cell.1 + 1);
        }
    }
    let mean = |(sum, n): &(f64, u32)| (*n > 0).then(|| sum / f64::from(*n));
    sums.iter().map(|row| row.iter().map(mean).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::{ArrivalTrace, CountBin, CountSeries, LevelBin, LevelSeries};
    use proptest::prelude::*;

    fn period(from_min: i64, to_min: i64) -> Period {
        Period::new(Timestamp::from_s(from_min * 60), Timestamp::from_s(to_min * 60)).unwrap()
    }

    fn counts(rows: &[(i64, i64, u64)]) -> Demand {
        let bins = rows
            .iter()
            .map(|(from, to, requests)| CountBin {
                period: period(*from, *to),
                requests: *requests,
                prompt_tokens: None,
                completion_tokens: None,
                interarrival_cv: None,
            })
            .collect();
        Demand::Counts(CountSeries { bins, width_us: 0 })
    }

    #[test]
    fn edge_hours_are_scaled_and_long_rows_spread() {
        let found = hourly(&counts(&[(30, 60, 5), (60, 120, 8)]), period(30, 180), Tz::UTC);
        assert_eq!(found.values, [Some(10.0), Some(8.0), Some(0.0)]);
        assert!(!found.spread);
        let daily = hourly(&counts(&[(0, 1440, 240)]), period(0, 1440), Tz::UTC);
        assert_eq!(daily.values, [Some(10.0); 24]);
        assert!(daily.spread && weekday_hour_profile(&daily, Tz::UTC).is_empty());
        let sliver = hourly(&counts(&[(0, 60, 5)]), period(0, 62), Tz::UTC);
        assert_eq!(sliver.values, [Some(5.0), None]);
    }

    #[test]
    fn levels_know_what_nobody_measured() {
        let bins = vec![LevelBin { period: period(0, 30), gpus: 4.0 }];
        let series = |absent_is_zero| {
            Demand::Level(LevelSeries { bins: bins.clone(), width_us: 1, absent_is_zero })
        };
        let window = period(0, 120);
        assert_eq!(hourly(&series(false), window, Tz::UTC).values, [Some(4.0), None]);
        assert_eq!(hourly(&series(true), window, Tz::UTC).values, [Some(2.0), Some(0.0)]);
        assert_eq!(hourly(&series(true), window, Tz::UTC).unit, HourlyUnit::Gpus);
    }

    #[test]
    fn the_profile_is_on_the_clock_of_the_zone() {
        // The epoch is a Thursday; 23:00 UTC is Friday 00:00 in Berlin.
        let series = hourly(&counts(&[(1380, 1440, 6)]), period(1380, 1440), Tz::Europe__Berlin);
        let profile = weekday_hour_profile(&series, Tz::Europe__Berlin);
        assert_eq!(profile[4][0], Some(6.0));
        assert_eq!(profile.iter().flatten().flatten().count(), 1);
        let log = ArrivalTrace { at_us: vec![0, 5], tokens: Vec::new(), relative: true };
        let series = hourly(&Demand::Arrivals(log.into()), period(0, 60), Tz::Asia__Kolkata);
        assert_eq!((series.values.len(), series.relative), (1, true));
        assert!(weekday_hour_profile(&series, Tz::UTC).is_empty());
    }

    #[test]
    fn absurd_windows_are_empty() {
        let forever = Period::new(Timestamp::from_us(i64::MIN), Timestamp::from_us(i64::MAX));
        assert!(hourly(&counts(&[]), forever.unwrap(), Tz::UTC).values.is_empty());
    }

    proptest! {
        #[test]
        fn no_request_is_lost(rows in proptest::collection::vec((1_i64..300, 0_u64..1000), 1..40)) {
            let mut at = 0;
            let rows: Vec<(i64, i64, u64)> = rows
                .into_iter()
                .map(|(len, requests)| {
                    at += len;
                    (at - len, at, requests)
                })
                .collect();
            let total: u64 = rows.iter().map(|it| it.2).sum();
            let window = period(0, (at + 59) / 60 * 60);
            let found: f64 = hourly(&counts(&rows), window, Tz::UTC).values.iter().flatten().sum();
            prop_assert!((found - total as f64).abs() <= 1e-9 * (1.0 + total as f64));
        }
    }
}
