//! The length of the time buckets of a bill that writes only where each begins.

use std::collections::BTreeSet;

use chrono::{Datelike, Months, NaiveDateTime, NaiveTime};
use chrono_tz::Tz;

use crate::units::{Period, Timestamp};

const HOUR_US: i64 = 3_600_000_000;
const DAY_US: i64 = 24 * HOUR_US;
const WEEK_US: i64 = 7 * DAY_US;

/// A length of time that bills add up over; all begin at a full hour of UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Bucket {
    /// From a full hour.
    Hour,
    /// From midnight.
    Day,
    /// Seven days from midnight.
    Week,
    /// From the first of a month.
    Month,
    /// From 1 January.
    Year,
}

impl Bucket {
    /// The longest bucket that the distances between the starts allow: hours where one is not at
    /// midnight, weeks where all are whole weeks apart, and so on. `None` where they tell nothing:
    /// fewer than two at midnight, or one that is not at a full hour.
    pub(super) fn between(starts: &BTreeSet<Timestamp>) -> Option<Bucket> {
        if !starts.iter().all(|it| it.us() % HOUR_US == 0) {
            return None;
        }
        if !starts.iter().all(|it| it.us() % DAY_US == 0) {
            return Some(Bucket::Hour);
        }
        if starts.len() < 2 {
            return None;
        }
        let all = |holds: fn(NaiveDateTime) -> bool| starts.iter().all(|it| holds(clock(*it)));
        let mut pairs = starts.iter().zip(starts.iter().skip(1));
        Some(if all(|it| it.ordinal() == 1) {
            Bucket::Year
        } else if all(|it| it.day() == 1) {
            Bucket::Month
        } else if pairs.all(|(a, b)| (b.us() - a.us()) % WEEK_US == 0) {
            Bucket::Week
        } else {
            Bucket::Day
        })
    }

    /// The shortest bucket from a day up that holds so many hours.
    pub(super) fn that_holds(hours: f64) -> Bucket {
        match hours {
            it if it <= 24.0 => Bucket::Day,
            it if it <= 168.0 => Bucket::Week,
            it if it <= 744.0 => Bucket::Month,
            _ => Bucket::Year,
        }
    }

    /// The bucket from `start`, or `None` where none begins; `one` is the start of any of them.
    pub(super) fn from(self, start: Timestamp, one: Timestamp) -> Option<Period> {
        let begins = match self {
            Bucket::Hour => start.us() % HOUR_US == 0,
            Bucket::Day => start.us() % DAY_US == 0,
            Bucket::Week => (start.us() - one.us()) % WEEK_US == 0,
            Bucket::Month => is_midnight(start) && clock(start).day() == 1,
            Bucket::Year => is_midnight(start) && clock(start).ordinal() == 1,
        };
        let end = match self {
            Bucket::Hour => start.plus_us(HOUR_US),
            Bucket::Day => start.plus_us(DAY_US),
            Bucket::Week => start.plus_us(WEEK_US),
            Bucket::Month => months_later(start, 1)?,
            Bucket::Year => months_later(start, 12)?,
        };
        begins.then(|| Period::new(start, end)).flatten()
    }

    /// The word for it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Bucket::Hour => "hour",
            Bucket::Day => "day",
            Bucket::Week => "week",
            Bucket::Month => "month",
            Bucket::Year => "year",
        }
    }
}

fn clock(at: Timestamp) -> NaiveDateTime {
    at.in_zone(Tz::UTC)
}

fn is_midnight(at: Timestamp) -> bool {
    clock(at).time() == NaiveTime::MIN
}

fn months_later(start: Timestamp, months: u32) -> Option<Timestamp> {
    let end = clock(start).checked_add_months(Months::new(months))?;
    Some(Timestamp::from_us(end.and_utc().timestamp_micros()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text, Tz::UTC).unwrap()
    }

    #[test]
    fn spacing_tells_the_bucket() {
        for (starts, expected) in [
            (&["2026-05-04", "2026-05-05"][..], Some(Bucket::Day)),
            // Two days that are missing between do not make a longer bucket.
            (&["2026-05-04", "2026-05-07"], Some(Bucket::Day)),
            (&["2026-05-04", "2026-05-04T05:00:00Z"], Some(Bucket::Hour)),
            (&["2026-05-04T05:00:00Z"], Some(Bucket::Hour)),
            (&["2026-05-04", "2026-05-11", "2026-05-25"], Some(Bucket::Week)),
            (&["2026-05-04", "2026-05-11", "2026-05-12"], Some(Bucket::Day)),
            // February 2027 has 28 days: the first of a month comes before whole weeks.
            (&["2027-02-01", "2027-03-01"], Some(Bucket::Month)),
            (&["2026-01-01", "2027-01-01"], Some(Bucket::Year)),
            (&["2026-05-04"], None),
            (&["2026-05-04", "2026-05-04T05:30:00Z"], None),
        ] {
            let starts: BTreeSet<Timestamp> = starts.iter().map(|it| at(it)).collect();
            assert_eq!(Bucket::between(&starts), expected, "{starts:?}");
        }
    }

    #[test]
    fn a_bucket_is_whole_or_none() {
        for (bucket, start, end) in [
            (Bucket::Hour, "2026-05-04T05:00:00Z", Some("2026-05-04T06:00:00Z")),
            (Bucket::Day, "2026-05-04", Some("2026-05-05T00:00:00Z")),
            (Bucket::Day, "2026-05-04T01:00:00Z", None),
            (Bucket::Week, "2026-05-18", Some("2026-05-25T00:00:00Z")),
            (Bucket::Week, "2026-05-19", None),
            (Bucket::Month, "2027-02-01", Some("2027-03-01T00:00:00Z")),
            (Bucket::Month, "2027-02-02", None),
            (Bucket::Year, "2028-01-01", Some("2029-01-01T00:00:00Z")),
            (Bucket::Year, "2028-02-01", None),
        ] {
            let found = bucket.from(at(start), at("2026-05-04"));
            let shown = found.map(|it| it.end().to_rfc3339());
            assert_eq!(shown.as_deref(), end, "{bucket:?} from {start}");
        }
        assert_eq!(Bucket::that_holds(24.0), Bucket::Day);
        assert_eq!(Bucket::that_holds(24.5), Bucket::Week);
        assert_eq!(Bucket::that_holds(744.0), Bucket::Month);
        assert_eq!(Bucket::that_holds(745.0), Bucket::Year);
    }
}
