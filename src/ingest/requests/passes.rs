//! Which pass of an hour that autumn shows twice a request belongs to, told by the rows around it.
//!
//! A wall clock without an offset shows that hour twice. Logs are in order of time, give or take as
//! long as a request takes, so the second pass begins where the clock goes back by more than that.

use chrono_tz::Tz;

use super::super::telemetry;
use crate::units::Timestamp;

/// How far a log in order may go back: rows are often written when a request ends.
const SLACK_US: i64 = 300_000_000;
/// A step back that no log in order has.
const DISORDER_US: i64 = 1_800_000_000;
/// Clocks change at full quarters of an hour.
const QUARTER_US: i64 = 900_000_000;

/// Reads the local times of one file in their order.
#[derive(Debug, Default)]
pub(super) struct Passes {
    latest_us: Option<i64>,
    /// Longest step back so far.
    jitter_us: i64,
    unordered: bool,
    /// The quarter that was looked up last, and the distance between its two passes.
    quarter: Option<(i64, i64)>,
    /// Requests in a repeated hour of whose pass nothing is known.
    untold: u64,
}

impl Passes {
    /// Microseconds from the first instant of a wall clock to its second; 0 where it has one only.
    pub(super) fn apart_us(&mut self, first_us: i64, zone: Tz) -> i64 {
        let quarter = first_us.div_euclid(QUARTER_US);
        match self.quarter {
            Some((it, apart_us)) if it == quarter => apart_us,
            _ => {
                let first = Timestamp::from_us(first_us);
                let apart_us = telemetry::second_showing(first, zone).us() - first_us;
                self.quarter = Some((quarter, apart_us));
                apart_us
            }
        }
    }

    /// The arrival of the next row, whose wall clock has these instants. It is the second where the
    /// first would go back further than this log does; the first in a log that is in no order.
    pub(super) fn next(&mut self, first_us: i64, second_us: Option<i64>) -> i64 {
        let at_us = match (second_us, self.latest_us) {
            (Some(second_us), Some(latest_us)) if !self.unordered => {
                let half_us = (second_us - first_us) / 2;
                let slack_us = (2 * self.jitter_us).max(SLACK_US).min(half_us);
                let goes_back = latest_us - first_us > slack_us;
                if goes_back && latest_us - second_us <= half_us { second_us } else { first_us }
            }
            _ => first_us,
        };
        self.note(at_us);
        self.untold += u64::from(self.unordered && second_us.is_some());
        at_us
    }

    fn note(&mut self, at_us: i64) {
        let back_us = self.latest_us.map_or(0, |it| it - at_us);
        self.jitter_us = self.jitter_us.max(back_us);
        self.unordered |= back_us > DISORDER_US;
        self.latest_us = self.latest_us.max(Some(at_us));
    }

    /// What the reader must know.
    pub(super) fn notice(&self, file: &str) -> Option<String> {
        (self.untold > 0).then(|| {
            format!(
                "{file}: {} requests lie in an hour that clocks show twice, and the rows are in no \
                 order of time that would tell its two passes apart: all of them count to the first",
                self.untold
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads wall clocks of Berlin, 25 October 2026, where 03:00 CEST (01:00 UTC) goes back to
    /// 02:00; returns the times in UTC and how many are untold.
    fn read(times: &[&str]) -> (Vec<String>, u64) {
        let mut passes = Passes::default();
        let zone = Tz::Europe__Berlin;
        let read = times.iter().map(|time| {
            let first = Timestamp::parse(&format!("2026-10-25 {time}"), zone).unwrap().us();
            let apart_us = passes.apart_us(first, zone);
            let at = passes.next(first, (apart_us > 0).then_some(first + apart_us));
            let text = Timestamp::from_us(at).to_rfc3339();
            text[11..16].to_owned()
        });
        let read = read.collect();
        (read, passes.untold)
    }

    #[track_caller]
    fn check(rows: &[(&str, &str)], untold: u64) {
        let (times, expected): (Vec<&str>, Vec<&str>) = rows.iter().copied().unzip();
        let (found, n) = read(&times);
        assert_eq!((found.iter().map(String::as_str).collect(), n), (expected, untold));
    }

    #[test]
    fn the_second_pass_begins_where_the_clock_goes_back() {
        check(
            &[
                ("01:59", "23:59"),
                ("02:00", "00:00"),
                ("02:20", "00:20"),
                // Written when it ended.
                ("02:16", "00:16"),
                ("02:59", "00:59"),
                ("02:00", "01:00"),
                ("02:20", "01:20"),
                ("02:16", "01:16"),
                ("03:00", "02:00"),
                ("02:57", "01:57"),
                ("03:01", "02:01"),
            ],
            0,
        );
        // Few requests: twenty minutes are no jitter of this log.
        check(&[("02:15", "00:15"), ("02:35", "00:35"), ("02:15", "01:15")], 0);
        // Nothing before tells: the first.
        check(&[("02:15", "00:15"), ("02:15", "00:15"), ("03:15", "02:15")], 0);
    }

    #[test]
    fn a_log_in_no_order_keeps_the_first_pass() {
        // Newest first.
        check(
            &[
                ("04:00", "03:00"),
                ("03:20", "02:20"),
                ("02:40", "00:40"),
                ("02:20", "00:20"),
                ("02:40", "00:40"),
                ("01:40", "23:40"),
            ],
            3,
        );
        // Two logs in one file.
        check(
            &[
                ("02:30", "00:30"),
                ("02:10", "01:10"),
                ("04:00", "03:00"),
                ("01:00", "23:00"),
                ("02:10", "00:10"),
                ("02:59", "00:59"),
                ("02:10", "00:10"),
            ],
            3,
        );
    }

    #[test]
    fn jitter_of_a_log_is_not_the_second_pass() {
        // Rows that were up to ten minutes late before are so in the repeated hour, too.
        check(
            &[
                ("01:20", "23:20"),
                ("01:10", "23:10"),
                ("02:20", "00:20"),
                ("02:08", "00:08"),
                ("02:58", "00:58"),
                ("02:01", "01:01"),
            ],
            0,
        );
    }
}
