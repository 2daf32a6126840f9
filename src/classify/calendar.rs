//! Offsets and days of a zone.

use std::ops::Range;

use chrono::{Datelike, NaiveDate, TimeDelta, TimeZone, Timelike};
use chrono_tz::Tz;

use super::bins::HOUR_US;
use crate::units::Timestamp;

/// Names of the weekdays, Monday first.
pub const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
/// Instants beyond this many microseconds from the epoch (250 years) have no calendar here.
const CALENDAR_US: i64 = 7_900_000_000_000_000;
/// Steps in which the first instant of a day is sought when its midnight was skipped.
const STEP_MINUTES: i64 = 15;

/// Offset of the zone's clock from UTC, microseconds.
pub(super) fn offset_us(zone: Tz, at_us: i64) -> i64 {
    if zone == Tz::UTC || at_us.saturating_abs() > CALENDAR_US {
        return 0;
    }
    Timestamp::from_us(at_us).in_zone(zone).and_utc().timestamp_micros().saturating_sub(at_us)
}

/// Hour of the day (0 to 23) and weekday (Monday 0) that the zone's clock shows.
pub(super) fn hour_and_weekday(zone: Tz, at_us: i64) -> Option<(usize, usize)> {
    if at_us.saturating_abs() > CALENDAR_US {
        return None;
    }
    if zone == Tz::UTC {
        let hours = at_us.div_euclid(HOUR_US);
        // The epoch is a Thursday.
        let weekday = (hours.div_euclid(24) + 3).rem_euclid(7);
        return usize::try_from(hours.rem_euclid(24)).ok().zip(usize::try_from(weekday).ok());
    }
    let local = Timestamp::from_us(at_us).in_zone(zone);
    Some((local.hour() as usize, local.weekday().num_days_from_monday() as usize))
}

/// The days of the zone whose hours all lie in a series of `n` clock hours, each as the range of
/// its hours: 24 of them, 23 and 25 when the clocks change.
pub(super) fn full_days(start_us: i64, n: usize, zone: Tz) -> Vec<Range<usize>> {
    let mut days = Vec::new();
    if start_us.saturating_abs() > CALENDAR_US / 2 {
        return days;
    }
    let mut date = Timestamp::from_us(start_us).in_zone(zone).date();
    let mut from_us = day_start_us(zone, date);
    while let (Some(from), Some(next)) = (from_us, date.succ_opt()) {
        let Some(to) = day_start_us(zone, next) else { break };
        let low = (from - start_us).div_euclid(HOUR_US);
        let high = -(start_us - to).div_euclid(HOUR_US);
        match (usize::try_from(low), usize::try_from(high)) {
            (_, Ok(high)) if high > n => break,
            (Ok(low), Ok(high)) if low < high => days.push(low..high),
            _ => {}
        }
        (date, from_us) = (next, Some(to));
    }
    days
}

/// The first instant of a date on the zone's clock.
pub fn day_start(zone: Tz, date: NaiveDate) -> Option<Timestamp> {
    day_start_us(zone, date).map(Timestamp::from_us)
}

fn day_start_us(zone: Tz, date: NaiveDate) -> Option<i64> {
    let midnight = date.and_hms_opt(0, 0, 0)?;
    (0..=24 * 60 / STEP_MINUTES).find_map(|step| {
        let local = midnight.checked_add_signed(TimeDelta::minutes(step * STEP_MINUTES))?;
        Some(zone.from_local_datetime(&local).earliest()?.timestamp_micros())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(zone: &str, start: &str, n: usize, expected: &[usize]) {
        let zone: Tz = zone.parse().unwrap();
        let start = Timestamp::parse(start, zone).unwrap();
        let lengths: Vec<usize> =
            full_days(start.us(), n, zone).into_iter().map(|it| it.len()).collect();
        assert_eq!(lengths, expected, "{zone} {start}");
    }

    #[test]
    fn full_days_follow_the_clock() {
        check("UTC", "2026-10-05", 48, &[24, 24]);
        check("UTC", "2026-10-05T01:00", 47, &[24]);
        check("UTC", "2026-10-05T00:00", 23, &[]);
        check("Europe/Berlin", "2026-10-24", 73, &[24, 25, 24]);
        check("Europe/Berlin", "2026-03-28", 71, &[24, 23, 24]);
        // Clocks went forward at midnight: the day starts at 01:00.
        check("Africa/Cairo", "2026-04-23", 71, &[24, 23, 24]);
        check("Asia/Kolkata", "2026-10-05", 24, &[24]);
    }

    #[test]
    fn absurd_instants_have_no_calendar() {
        assert_eq!(offset_us(Tz::Europe__Berlin, i64::MAX), 0);
        assert!(full_days(i64::MIN, 48, Tz::UTC).is_empty());
        assert_eq!(hour_and_weekday(Tz::UTC, i64::MIN), None);
        assert_eq!(hour_and_weekday(Tz::UTC, 0), Some((0, 3)));
    }

    #[test]
    fn the_short_way_of_utc_is_that_of_the_calendar() {
        // A zone of another name, whose clock is that of UTC all the same.
        let long = Tz::Etc__UTC;
        for day in -800..800 {
            let at_us = day * 47 * HOUR_US + 1_790_000_000_000_001;
            assert_eq!(hour_and_weekday(Tz::UTC, at_us), hour_and_weekday(long, at_us), "{at_us}");
            assert_eq!(hour_and_weekday(Tz::UTC, -at_us), hour_and_weekday(long, -at_us));
        }
        assert_eq!(offset_us(Tz::UTC, 1), offset_us(long, 1));
    }
}
