//! Wall clocks of nvidia-smi, which writes local time without a zone.

use chrono::{Offset, TimeZone};
use chrono_tz::Tz;

use crate::units::Timestamp;

/// How far rows of one sample may be out of order, microseconds.
const SLACK_US: i64 = 1_000_000;

/// Reads a file's local times in their order.
pub(super) struct WallClock {
    zone: Tz,
    last: Option<Timestamp>,
}

impl WallClock {
    /// For times of `zone`.
    pub(super) fn new(zone: Tz) -> WallClock {
        WallClock { zone, last: None }
    }

    /// The instant of a text such as `2026-05-04 10:00:00.120`, microseconds since the epoch. Of
    /// the two instants of an hour that autumn shows twice, the second where the first would go
    /// back in time; the first where both do, or no line came before.
    pub(super) fn read(&mut self, text: &str) -> Result<i64, String> {
        let first = Timestamp::parse(text, self.zone).map_err(|it| it.to_string())?;
        let second = second_showing(first, self.zone);
        let at = match self.last {
            Some(last) if goes_back(last, first) && !goes_back(last, second) => second,
            _ => first,
        };
        self.last = Some(at);
        Ok(at.us())
    }
}

/// The later instant at which clocks of `zone` show what they show at `first`, or the same instant.
pub(in crate::ingest) fn second_showing(first: Timestamp, zone: Tz) -> Timestamp {
    let shown = first.in_zone(zone);
    let offset_s = |it: Option<chrono::DateTime<Tz>>| {
        it.map(|it| i64::from(it.offset().fix().local_minus_utc()))
    };
    let found = zone.from_local_datetime(&shown);
    match (offset_s(found.earliest()), offset_s(found.latest())) {
        (Some(early), Some(late)) => first.plus_us((early - late) * 1_000_000),
        _ => first,
    }
}

/// Whether `at` is before `last` by more than the rows of one sample can be out of order.
fn goes_back(last: Timestamp, at: Timestamp) -> bool {
    at.plus_us(SLACK_US) < last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hour_that_comes_twice_is_told_by_the_lines_around_it() {
        // Berlin, 25 October 2026: 03:00 CEST (01:00 UTC) goes back to 02:00.
        let mut clock = WallClock::new(Tz::Europe__Berlin);
        for (text, utc) in [
            ("2026-10-25 01:45:00", "2026-10-24T23:45:00Z"),
            ("2026-10-25 02:15:00", "2026-10-25T00:15:00Z"),
            ("2026-10-25 02:45:00", "2026-10-25T00:45:00Z"),
            ("2026-10-25 02:15:00", "2026-10-25T01:15:00Z"),
            ("2026-10-25 02:45:00", "2026-10-25T01:45:00Z"),
            ("2026-10-25 02:45:00", "2026-10-25T01:45:00Z"),
            ("2026-10-25 03:15:00", "2026-10-25T02:15:00Z"),
        ] {
            let found = clock.read(text).map(|it| Timestamp::from_us(it).to_rfc3339());
            assert_eq!(found.as_deref(), Ok(utc), "{text}");
        }
        let skipped = WallClock::new(Tz::Europe__Berlin).read("2026-03-29 02:30:00");
        assert!(skipped.unwrap_err().contains("does not exist in Europe/Berlin"));
    }
}
