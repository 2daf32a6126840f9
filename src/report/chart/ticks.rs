//! Round times on an axis.

use chrono::{NaiveDateTime, NaiveTime, TimeZone};
use chrono_tz::Tz;

use crate::report::number::Medium;
use crate::units::Timestamp;

const SECOND: u64 = 1_000_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
/// Most ticks.
const MOST: u64 = 6;
/// Steps that a clock is read in; those below a day divide it.
const STEPS: [u64; 25] = [
    SECOND,
    2 * SECOND,
    5 * SECOND,
    10 * SECOND,
    15 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    7 * DAY,
    14 * DAY,
    28 * DAY,
    91 * DAY,
    182 * DAY,
    365 * DAY,
];

/// At most so many instants of a window with their names: microseconds since its start. They are
/// round on the clock of the zone where the start has a date, else counted from the start: 200 hours
/// are 0, 48, 96, 144 and 192 h.
pub(super) fn of(len_us: u64, start: Option<(Timestamp, Tz)>) -> Vec<(u64, String)> {
    let step = STEPS.into_iter().find(|it| len_us / it < MOST).unwrap_or(len_us.max(1));
    if let Some(dated) = start {
        return on_the_clock(len_us, step, dated);
    }
    let all = (0..MOST).map(|at| at * step).take_while(|it| *it <= len_us);
    all.map(|us| (us, since_start(us, step))).collect()
}

/// `30 s`, `15 min`, `48 h`; days from ten on.
fn since_start(us: u64, step: u64) -> String {
    let (unit_us, unit) = match step {
        it if it < MINUTE => (SECOND, "s"),
        it if it < HOUR => (MINUTE, "min"),
        it if it < 7 * DAY => (HOUR, "h"),
        _ => (DAY, "d"),
    };
    format!("{}\u{202f}{unit}", Medium::Page.count(us / unit_us))
}

/// The multiples of a step since midnight, or midnights; a time that a clock skips is left out.
fn on_the_clock(len_us: u64, step: u64, (start, zone): (Timestamp, Tz)) -> Vec<(u64, String)> {
    let mut found = Vec::new();
    let mut local = start.in_zone(zone).date().and_time(NaiveTime::MIN);
    let step_s = i64::try_from(step / SECOND).unwrap_or(i64::MAX);
    loop {
        let at = zone.from_local_datetime(&local).earliest();
        let us = at.map(|it| it.timestamp_micros().saturating_sub(start.us()));
        match us.map(u64::try_from) {
            Some(Ok(us)) if us > len_us => return found,
            Some(Ok(us)) => found.push((us, name(local, step))),
            // Before the start, or never on this clock.
            Some(Err(_)) | None => {}
        }
        let next =
            chrono::TimeDelta::try_seconds(step_s).and_then(|it| local.checked_add_signed(it));
        let Some(next) = next else { return found };
        local = next;
    }
}

/// The time of the day, at midnight the date.
fn name(local: NaiveDateTime, step: u64) -> String {
    if local.time() == NaiveTime::MIN {
        return local.format("%-d %b").to_string();
    }
    local.format(if step < MINUTE { "%H:%M:%S" } else { "%H:%M" }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(len_us: u64, start: Option<&str>, expected: &[&str]) {
        let zone = Tz::Europe__Berlin;
        let start = start.map(|it| (Timestamp::parse(it, zone).unwrap(), zone));
        let found: Vec<String> = of(len_us, start).into_iter().map(|it| it.1).collect();
        assert_eq!(found, expected, "{len_us} {start:?}");
    }

    #[test]
    fn ticks_are_whole_hours_and_days() {
        check(
            200 * HOUR,
            None,
            &["0\u{202f}h", "48\u{202f}h", "96\u{202f}h", "144\u{202f}h", "192\u{202f}h"],
        );
        check(90 * SECOND, None, &["0\u{202f}s", "30\u{202f}s", "60\u{202f}s", "90\u{202f}s"]);
        check(8 * HOUR, Some("2026-10-05T09:10"), &["10:00", "12:00", "14:00", "16:00"]);
        check(30 * HOUR, Some("2026-10-05T09:10"), &["12:00", "18:00", "6 Oct", "06:00", "12:00"]);
        check(
            5 * DAY,
            Some("2026-10-05"),
            &["5 Oct", "6 Oct", "7 Oct", "8 Oct", "9 Oct", "10 Oct"],
        );
    }

    /// Days that a clock change makes longer still begin at midnight.
    #[test]
    fn days_begin_at_midnight() {
        let zone = Tz::Europe__Berlin;
        let start = Timestamp::parse("2026-10-24", zone).unwrap();
        let found: Vec<u64> =
            of(3 * DAY + HOUR, Some((start, zone))).iter().map(|it| it.0).collect();
        let found: Vec<u64> =
            found.into_iter().filter(|it| it % DAY == 0 || it % DAY == HOUR).collect();
        assert_eq!(found, [0, DAY, 2 * DAY + HOUR, 3 * DAY + HOUR]);
    }

    proptest::proptest! {
        #[test]
        fn they_are_few_inside_and_in_order(len_us in 1_u64..100_000_000_000_000, start_s in 0_i64..4_000_000_000) {
            for start in [None, Some((Timestamp::from_s(start_s), Tz::America__New_York))] {
                let found = of(len_us, start);
                proptest::prop_assert!(found.len() <= 8 && found.iter().all(|it| it.0 <= len_us));
                proptest::prop_assert!(found.is_sorted_by(|a, b| a.0 < b.0), "{found:?}");
            }
        }
    }
}
