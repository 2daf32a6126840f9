//! Which days each kind of source covers: what can be said, and where the data have holes.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use chrono_tz::Tz;
use rayon::prelude::*;

use super::RequestLog;
use super::measured::Measured;
use crate::units::{Period, Timestamp};
use crate::usage::UsageTable;

/// Hours in a day in microseconds.
const HOUR_US: i64 = 3_600_000_000;
/// Most days of a matrix; of a longer window the last ones.
const MOST_DAYS: usize = 400;

/// What a file tells about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SourceKind {
    /// What was charged.
    Bill,
    /// The canonical usage table, which may hold all of the others.
    Usage,
    /// Requests one by one, or their counts.
    Requests,
    /// What GPUs and engines measured.
    Telemetry,
    /// What runs where.
    Configuration,
}

/// One row of the matrix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoverageRow {
    /// `cost`, `requests`, `gpu_metrics`, `configuration`.
    pub source: &'static str,
    /// Hours with data of each day of [`Coverage::days`], at most 25.
    pub hours: Vec<u8>,
}

/// Days by sources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// The days of the window, in the report's zone.
    pub days: Vec<NaiveDate>,
    /// A row per kind of source, all of them, also those without any hour.
    pub rows: Vec<CoverageRow>,
    /// Hours each day has in the zone: 23, 24 or 25, fewer at the edges of the window.
    pub day_hours: Vec<u8>,
}

impl Coverage {
    /// Days on which a source has at least one hour.
    pub fn days_of(&self, source: &str) -> usize {
        let row = self.rows.iter().find(|it| it.source == source);
        row.map_or(0, |it| it.hours.iter().filter(|hours| **hours > 0).count())
    }

    /// The longest run of whole days without a source that was there before and after.
    fn gap(&self, row: &CoverageRow) -> Option<(usize, NaiveDate, NaiveDate)> {
        /// Fewer days without any cost may well be days on which nothing ran.
        const LEAST_DAYS: usize = 7;
        let mut longest: Option<(usize, NaiveDate, NaiveDate)> = None;
        let mut start = None;
        for (at, hours) in row.hours.iter().enumerate() {
            match (start, *hours) {
                (Some(from), 1..) if at - from > longest.map_or(LEAST_DAYS - 1, |it| it.0) => {
                    longest = Some((at - from, *self.days.get(from)?, *self.days.get(at - 1)?));
                }
                (_, 0) => continue,
                _ => {}
            }
            start = Some(at + 1);
        }
        longest
    }

    /// What the reader must know of holes, one sentence each.
    pub(super) fn notices(&self) -> Vec<String> {
        let mut notices = Vec::new();
        for row in &self.rows {
            let covered: u32 = row.hours.iter().map(|it| u32::from(*it)).sum();
            let whole: u32 = self.day_hours.iter().map(|it| u32::from(*it)).sum();
            if row.source == "cost" {
                notices.extend(self.gap(row).map(|(days, from, to)| {
                    let [from, to] = [from, to].map(|it| it.format("%-d %b %Y"));
                    format!(
                        "no cost on {days} days from {from} to {to}: if a bill of that time is missing, monthly \
                         figures are too low"
                    )
                }));
            }
            // A source that is there at all but not all the time; requests may well be absent.
            let matters = matches!(row.source, "gpu_metrics");
            if matters && covered > 0 && covered < whole {
                notices.push(format!(
                    "GPU metrics cover {covered} of {whole} hours of the window: what they say holds for those"
                ));
            }
        }
        notices
    }
}

/// The hours in which a table has costs, requests and metrics.
#[derive(Clone, Debug, Default)]
pub(super) struct TableHours([BTreeSet<i64>; 3]);

impl TableHours {
    /// Those of a table inside the window.
    pub(super) fn of(table: &UsageTable, window: Period) -> TableHours {
        let hours = |at: Timestamp| at.us().div_euclid(HOUR_US);
        // Many rows share a period, whose hours are marked once.
        let mut found = [(); 3].map(|()| vec![false; table.period.n_codes()]);
        for at in 0..table.len() {
            let code = table.period.code(at) as usize;
            found[0][code] |= table.has_cost(at);
            found[1][code] |= table.requests.has(at);
            found[2][code] |= table.gpu_util.has(at) || table.kv_cache_usage.has(at);
        }
        let mut all = TableHours::default();
        for (found, into) in found.iter().zip(&mut all.0) {
            let found = table.period.values().zip(found).filter(|it| *it.1);
            for period in found.filter_map(|(period, _)| period.intersect(window)) {
                into.extend(hours(period.start())..=hours(period.end().plus_us(-1)));
            }
        }
        all
    }

    /// Adds those of another table.
    pub(super) fn add(&mut self, other: TableHours) {
        for (into, hours) in self.0.iter_mut().zip(other.0) {
            into.extend(hours);
        }
    }
}

/// The matrix of a run.
pub(super) fn coverage(
    table: TableHours,
    requests: &[RequestLog],
    measured: &Measured,
    window: Period,
    zone: Tz,
) -> Coverage {
    let hours = |at: Timestamp| at.us().div_euclid(HOUR_US);
    let [cost, mut counts, metrics] = table.0;
    let hours_of = |log: &RequestLog| {
        let (mut hours, mut rest) = (Vec::new(), log.trace.at_us.as_slice());
        while let Some(hour) = rest.first().map(|it| it.div_euclid(HOUR_US)) {
            hours.push(hour);
            let end_us = (hour + 1).saturating_mul(HOUR_US);
            // Its end lies near: it is looked for in ever larger steps.
            let is_in = |it: &i64| *it < end_us;
            let mut steps = std::iter::successors(Some(64_usize), |it| it.checked_mul(2));
            let most = steps.find(|it| !rest.get(*it).is_some_and(is_in));
            let near = &rest[..most.unwrap_or(rest.len()).min(rest.len())];
            rest = &rest[near.partition_point(is_in)..];
        }
        hours
    };
    for hours in requests.par_iter().map(hours_of).collect::<Vec<_>>() {
        counts.extend(hours);
    }
    let mut configuration: BTreeSet<i64> = BTreeSet::new();
    for at in measured.snapshots() {
        configuration.insert(hours(*at));
    }
    matrix(
        [
            ("cost", cost),
            ("requests", counts),
            ("gpu_metrics", metrics),
            ("configuration", configuration),
        ],
        window,
        zone,
    )
}

fn matrix(sources: [(&'static str, BTreeSet<i64>); 4], window: Period, zone: Tz) -> Coverage {
    let day_of = |hour: i64| Timestamp::from_us(hour * HOUR_US).in_zone(zone).date();
    let first = window.start().us().div_euclid(HOUR_US);
    let last = window.end().plus_us(-1).us().div_euclid(HOUR_US);
    let mut whole: BTreeMap<NaiveDate, u8> = BTreeMap::new();
    let earliest = last - i64::try_from(MOST_DAYS * 24).unwrap_or(i64::MAX);
    for hour in first.max(earliest)..=last {
        *whole.entry(day_of(hour)).or_default() += 1;
    }
    let rows = sources.into_iter().map(|(source, hours)| {
        let mut by_day: BTreeMap<NaiveDate, u8> = whole.keys().map(|day| (*day, 0)).collect();
        for hour in hours {
            if let Some(n) = by_day.get_mut(&day_of(hour)) {
                *n = n.saturating_add(1);
            }
        }
        CoverageRow { source, hours: by_day.into_values().collect() }
    });
    Coverage {
        rows: rows.collect(),
        days: whole.keys().copied().collect(),
        day_hours: whole.into_values().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_gap_between_days_with_cost_is_told() {
        let day = |day: u32| NaiveDate::from_ymd_opt(2026, 6, day).unwrap();
        let gap = |hours: &[u8]| {
            let days = (1..).zip(hours).map(|(it, _)| day(it)).collect();
            let row = CoverageRow { source: "cost", hours: hours.to_vec() };
            let coverage = Coverage { rows: Vec::new(), days, day_hours: vec![24; hours.len()] };
            coverage.gap(&row)
        };
        assert_eq!(gap(&[24, 0, 0, 0, 0, 0, 0, 0, 1]), Some((7, day(2), day(8))));
        assert_eq!(gap(&[24, 0, 0, 0, 0, 0, 0, 1]), None, "six days");
        assert_eq!(gap(&[0, 0, 0, 0, 0, 0, 0, 0, 1]), None, "nothing before");
        let two = [1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0];
        assert_eq!(gap(&two), Some((8, day(10), day(17))));
    }

    #[test]
    fn a_day_has_as_many_hours_as_its_clock() {
        let berlin: Tz = "Europe/Berlin".parse().unwrap();
        let at = |text| Timestamp::parse(text, berlin).unwrap();
        let window = Period::new(at("2026-10-24"), at("2026-10-27")).unwrap();
        let hour = at("2026-10-25T02:30+02:00").us().div_euclid(HOUR_US);
        let hours: BTreeSet<i64> = [hour, hour + 1].into();
        let none = BTreeSet::new;
        let found = matrix(
            [
                ("cost", hours),
                ("requests", none()),
                ("gpu_metrics", none()),
                ("configuration", none()),
            ],
            window,
            berlin,
        );
        assert_eq!(found.day_hours, [24, 25, 24]);
        assert_eq!(found.rows[0].hours, [0, 2, 0]);
        assert_eq!((found.days_of("cost"), found.days_of("requests")), (1, 0));
    }
}
