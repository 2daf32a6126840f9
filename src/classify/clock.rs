//! Clocks that were set forward or back while rows were written.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use serde::Serialize;

use super::bins::{DAY_US, HOUR_US, MINUTE_US};
use crate::units::{Period, Timestamp};

/// How much of an hour must repeat, or be left out, for a clock to be the reason, microseconds.
const LEAST_US: i64 = 45 * MINUTE_US;
/// The most of it, microseconds.
const MOST_US: i64 = 75 * MINUTE_US;
/// Days around a repeated hour in which an hour left out belongs to it.
const NEAR_US: i64 = DAY_US;
/// A clock is set twice a year; this leaves room for a third.
const DAYS_PER_CHANGE: i64 = 120;

/// An hour of the clock that rows repeat, and one they leave out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClockChange {
    /// The first repeated start.
    pub first: Timestamp,
    /// The last one.
    pub last: Timestamp,
    /// Rows that start where another row did.
    pub n_rows: u64,
    /// The hour without a row next to it.
    pub left_out: Option<Period>,
}

impl ClockChange {
    /// What a reader is told, on the clock of the report.
    pub fn words(&self, zone: Tz) -> String {
        let clock = |at: Timestamp| at.in_zone(zone).format("%H:%M").to_string();
        let date = self.first.in_zone(zone).date();
        let hole = self.left_out.map_or_else(String::new, |it| {
            let (from, to) = (it.start().in_zone(zone), it.end().in_zone(zone));
            format!(", and {} to {} has none", from.format("%Y-%m-%d %H:%M"), to.format("%H:%M"))
        });
        let times = if self.first == self.last {
            format!("time {}", clock(self.first))
        } else {
            format!("times {} to {}", clock(self.first), clock(self.last))
        };
        format!(
            "On {date} {} rows repeat the {times}{hole}: the clock that wrote them was set. Rows of \
             one time were added up; times in UTC would tell them apart.",
            self.n_rows
        )
    }
}

/// The clock changes in the rows of a workload, in any order: starts within an hour that other rows
/// have too, with rows for three quarters of an hour, at most three times a year. Of an export in
/// local time that is the hour that autumn repeats, or the one that spring leaves out where its rows
/// all bear the first time after it. Rows that always share their start, as those of two pools do,
/// are none.
pub fn clock_changes(rows: &[Period]) -> Vec<ClockChange> {
    if rows.is_sorted_by(|a, b| a.start() < b.start()) {
        return Vec::new();
    }
    let mut starts: BTreeMap<Timestamp, (u64, i64)> = BTreeMap::new();
    for row in rows {
        let start = starts.entry(row.start()).or_insert((0, row.len_us()));
        start.0 += 1;
    }
    let times: Vec<Timestamp> = starts.keys().copied().collect();
    let repeated: Vec<(Timestamp, u64, i64)> = starts
        .iter()
        .filter(|it| it.1.0 > 1)
        .map(|(at, (n, len_us))| (*at, n - 1, *len_us))
        .collect();
    let (Some(first), Some(last)) = (times.first(), times.last()) else { return Vec::new() };
    let far = |a: &(Timestamp, u64, i64), b: &(Timestamp, u64, i64)| {
        b.0.us().saturating_sub(a.0.us()) <= HOUR_US
    };
    let runs: Vec<&[(Timestamp, u64, i64)]> = repeated.chunk_by(far).collect();
    let span_us = last.us().saturating_sub(first.us());
    let most = 1 + span_us / (DAYS_PER_CHANGE * DAY_US);
    if i64::try_from(runs.len()).is_ok_and(|it| it > most) {
        return Vec::new();
    }
    let of_run = |run: &&[(Timestamp, u64, i64)]| {
        let (from, to) = (run.first()?, run.last()?);
        let covered: i64 =
            run.iter().map(|it| it.2.saturating_mul(i64::try_from(it.1).unwrap_or(0))).sum();
        let is_hour = covered >= LEAST_US && to.0.us() - from.0.us() + to.2 <= MOST_US;
        is_hour.then(|| ClockChange {
            first: from.0,
            last: to.0,
            n_rows: run.iter().map(|it| it.1).sum(),
            left_out: left_out(&starts, from.0),
        })
    };
    runs.iter().filter_map(of_run).collect()
}

/// The hour without a row nearest to an instant, at most a day away.
fn left_out(starts: &BTreeMap<Timestamp, (u64, i64)>, near: Timestamp) -> Option<Period> {
    let around = starts.range(near.plus_us(-NEAR_US)..near.plus_us(NEAR_US));
    let rows: Vec<(Timestamp, i64)> = around.map(|(at, it)| (*at, it.1)).collect();
    let holes = rows.windows(2).filter_map(|it| Period::new(it[0].0.plus_us(it[0].1), it[1].0));
    let hours = holes.filter(|it| (LEAST_US..=MOST_US).contains(&it.len_us()));
    hours.min_by_key(|it| it.start().us().abs_diff(near.us()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(starts_min: impl Iterator<Item = i64>) -> Vec<Period> {
        let at = |min: i64| Timestamp::from_s(1_394_236_800 + min * 60);
        starts_min.map(|min| Period::new(at(min), at(min + 5)).unwrap()).collect()
    }

    #[test]
    fn a_repeated_hour_and_one_left_out_are_told() {
        // From 2014-03-08 on; two hours at 02:00 of the 9th hold one, and the hour from 04:00 none.
        let day = |from: i64, to: i64| (from..to).step_by(5);
        let series =
            || day(0, 1560).chain(day(1560, 1615)).chain(day(1560, 1680)).chain(day(1740, 4320));
        let found = clock_changes(&rows(series()));
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].n_rows, found[0].left_out.is_some()), (11, true));
        assert_eq!(
            found[0].words(Tz::UTC),
            "On 2014-03-09 11 rows repeat the times 02:00 to 02:50, and 2014-03-09 04:00 to 05:00 has \
             none: the clock that wrote them was set. Rows of one time were added up; times in UTC \
             would tell them apart."
        );
        // In spring the rows of the hour left out may all bear the first time after it.
        let spring = day(0, 1560).chain(std::iter::repeat_n(1620, 12)).chain(day(1625, 4320));
        let spring = clock_changes(&rows(spring));
        assert_eq!((spring[0].n_rows, spring[0].left_out.map(Period::len_us)), (11, Some(HOUR_US)));
        assert!(
            spring[0]
                .words(Tz::UTC)
                .contains("11 rows repeat the time 03:00, and 2014-03-09 02:00 to 03:00")
        );
        let mut backwards = rows(series());
        backwards.reverse();
        assert_eq!(clock_changes(&backwards), found);
    }

    #[test]
    fn two_pools_and_a_single_repeat_are_no_clock() {
        let check = |starts: Vec<i64>| assert!(clock_changes(&rows(starts.into_iter())).is_empty());
        check((0..2000).step_by(5).flat_map(|it| [it, it]).collect());
        check((0..2000).step_by(5).chain([100]).collect());
        check((0..2000).step_by(5).collect());
        check(Vec::new());
    }
}
