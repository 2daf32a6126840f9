//! Instants, half-open periods, and the texts they come from.
//!
//! A [`Timestamp`] counts microseconds since 1970-01-01T00:00:00Z, the bits of a polars datetime
//! column. Texts without an offset are read in the zone the caller names, UTC by default.

use std::fmt;

use chrono::{DateTime, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use serde::{Serialize, Serializer};

/// Hours in the month that every monthly cost refers to: 24 x 365 / 12.
pub const HOURS_PER_MONTH: u64 = 730;

/// Microseconds in a second.
const US: i64 = 1_000_000;
/// The years a log can plausibly come from; outside, a date is a mistake.
const PLAUSIBLE_YEARS: std::ops::RangeInclusive<i32> = 1970..=2100;

/// Most months that are counted: nobody sells a longer term.
const MOST_MONTHS: u32 = 120;

/// Whole months by the calendar from one day to another, at most 120. From 31 January to 28 February is one.
pub fn whole_months(from: NaiveDate, to: NaiveDate) -> u32 {
    let is_over =
        |months: &u32| from.checked_add_months(Months::new(*months)).is_none_or(|it| it > to);
    (1..=MOST_MONTHS).find(is_over).map_or(MOST_MONTHS, |it| it - 1)
}

/// An instant, microseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// Why a text is not an instant or a span.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// No known form.
    #[error("`{0}` is not a timestamp such as 2026-10-05T14:00:00Z")]
    NotATimestamp(String),
    /// A date no GPU was ever billed on.
    #[error("`{0}` is outside the years 1970 to 2100")]
    OutOfRange(String),
    /// A wall-clock time that the zone skipped when its clocks went forward.
    #[error("`{0}` does not exist in {1}: the clocks went forward")]
    Skipped(String, String),
    /// No span.
    #[error("`{0}` is not a span such as 7d, 36h or 90m")]
    NotASpan(String),
}

/// RFC 3339, in UTC.
impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_rfc3339())
    }
}

impl Timestamp {
    /// From microseconds since the epoch.
    pub const fn from_us(us: i64) -> Timestamp {
        Timestamp(us)
    }

    /// From seconds since the epoch.
    pub const fn from_s(s: i64) -> Timestamp {
        Timestamp(s.saturating_mul(US))
    }

    /// Microseconds since the epoch.
    pub const fn us(self) -> i64 {
        self.0
    }

    /// The instant `us` microseconds later, at most the last one the type holds.
    #[must_use]
    pub const fn plus_us(self, us: i64) -> Timestamp {
        Timestamp(self.0.saturating_add(us))
    }

    /// The last multiple of `width_us` since the epoch that is not later.
    #[must_use]
    pub const fn floor_to(self, width_us: i64) -> Timestamp {
        Timestamp(self.0.div_euclid(width_us) * width_us)
    }

    /// The first multiple of `width_us` since the epoch that is not earlier.
    #[must_use]
    pub const fn ceil_to(self, width_us: i64) -> Timestamp {
        Timestamp(-(-self.0).div_euclid(width_us) * width_us)
    }

    /// An instant from text: RFC 3339, or a date with an optional time (`T` or a blank between,
    /// any number of fractional digits, an optional offset or `Z` or `UTC`). Without an offset the
    /// wall clock is `zone`'s; of two instants it shows twice in autumn the first is taken.
    pub fn parse(text: &str, zone: Tz) -> Result<Timestamp, TimeError> {
        let trimmed = text.trim();
        let not_a_timestamp = || TimeError::NotATimestamp(trimmed.to_owned());
        let (local, offset_s) = split_offset(trimmed).ok_or_else(not_a_timestamp)?;
        let naive = parse_naive(local).ok_or_else(not_a_timestamp)?;
        if !PLAUSIBLE_YEARS.contains(&chrono::Datelike::year(&naive)) {
            return Err(TimeError::OutOfRange(trimmed.to_owned()));
        }
        let utc = match offset_s {
            Some(offset_s) => naive
                .and_utc()
                .checked_sub_signed(TimeDelta::seconds(i64::from(offset_s)))
                .ok_or_else(not_a_timestamp)?,
            None => zone
                .from_local_datetime(&naive)
                .earliest()
                .ok_or_else(|| TimeError::Skipped(trimmed.to_owned(), zone.name().to_owned()))?
                .to_utc(),
        };
        Ok(Timestamp(utc.timestamp_micros()))
    }

    /// The wall clock in `zone`.
    pub fn in_zone(self, zone: Tz) -> NaiveDateTime {
        self.utc().with_timezone(&zone).naive_local()
    }

    /// RFC 3339 in UTC, with fractional seconds only where there are some.
    pub fn to_rfc3339(self) -> String {
        let utc = self.utc();
        let format = if self.0 % US == 0 { "%Y-%m-%dT%H:%M:%SZ" } else { "%Y-%m-%dT%H:%M:%S%.6fZ" };
        utc.format(format).to_string()
    }

    /// The date in UTC, such as 2026-10-31.
    pub fn to_date_string(self) -> String {
        self.utc().format("%Y-%m-%d").to_string()
    }

    fn utc(self) -> DateTime<Utc> {
        // `timestamp_micros` covers 262,000 years either way; only saturated values miss it.
        Utc.timestamp_micros(self.0).single().unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_rfc3339())
    }
}

/// The text without its offset, and the offset in seconds if it had one.
fn split_offset(text: &str) -> Option<(&str, Option<i32>)> {
    for suffix in ["Z", "z", " UTC", "UTC"] {
        if let Some(local) = text.strip_suffix(suffix) {
            return Some((local.trim_end(), Some(0)));
        }
    }
    // A sign after the date part starts an offset; the date's own hyphens are before.
    let Some(at) = text.char_indices().skip(10).find(|(_, c)| matches!(c, '+' | '-')) else {
        return Some((text, None));
    };
    let (local, offset) = text.split_at(at.0);
    let digits: String = offset[1..].chars().filter(|c| *c != ':').collect();
    if !digits.bytes().all(|d| d.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes) = match digits.len() {
        2 => (digits.parse::<i32>().ok()?, 0),
        4 => (digits[..2].parse::<i32>().ok()?, digits[2..].parse::<i32>().ok()?),
        _ => return None,
    };
    let seconds = hours * 3600 + minutes * 60;
    let valid = hours <= 18 && minutes < 60;
    valid.then_some((
        local.trim_end(),
        Some(if offset.starts_with('-') { -seconds } else { seconds }),
    ))
}

/// The form that nearly every log has, `2026-10-05T14:00:00` with or without a fraction, whose
/// digits stand at fixed places; nothing for any other.
fn parse_usual(text: &str) -> Option<NaiveDateTime> {
    fn digits(text: &[u8]) -> Option<u32> {
        text.iter().try_fold(0_u32, |sum, digit| {
            digit.is_ascii_digit().then(|| sum * 10 + u32::from(digit - b'0'))
        })
    }
    let (text, fraction) = text.as_bytes().split_at_checked(19)?;
    let [
        y0,
        y1,
        y2,
        y3,
        b'-',
        m0,
        m1,
        b'-',
        d0,
        d1,
        b'T' | b' ',
        h0,
        h1,
        b':',
        i0,
        i1,
        b':',
        s0,
        s1,
    ] = *text
    else {
        return None;
    };
    let year = i32::try_from(digits(&[y0, y1, y2, y3])?).ok()?;
    let date = NaiveDate::from_ymd_opt(year, digits(&[m0, m1])?, digits(&[d0, d1])?)?;
    let micros = match fraction {
        [] => 0,
        [b'.', fraction @ ..] if (1..=6).contains(&fraction.len()) => {
            digits(fraction)? * 10_u32.pow(6 - u32::try_from(fraction.len()).ok()?)
        }
        _ => return None,
    };
    date.and_hms_micro_opt(digits(&[h0, h1])?, digits(&[i0, i1])?, digits(&[s0, s1])?, micros)
}

fn parse_naive(text: &str) -> Option<NaiveDateTime> {
    parse_usual(text).or_else(|| parse_any(text))
}

fn parse_any(text: &str) -> Option<NaiveDateTime> {
    let date = NaiveDate::parse_from_str(text.get(..10)?, "%Y-%m-%d").ok()?;
    let rest = &text[10..];
    if rest.is_empty() {
        return Some(date.and_time(NaiveTime::MIN));
    }
    let time = rest.strip_prefix(['T', 't', ' '])?;
    let (clock, fraction) = time.split_once('.').unwrap_or((time, ""));
    if !fraction.bytes().all(|d| d.is_ascii_digit()) {
        return None;
    }
    let clock = NaiveTime::parse_from_str(clock, "%H:%M:%S")
        .or_else(|_| NaiveTime::parse_from_str(clock, "%H:%M"))
        .ok()?;
    // Microseconds: further digits are cut, as every clock cuts them.
    let micros: i64 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
    date.and_time(clock).checked_add_signed(TimeDelta::microseconds(micros))
}

/// A span such as `7d`, `36h`, `90m`, `45s` or `500ms`, in microseconds.
pub fn parse_span_us(text: &str) -> Result<i64, TimeError> {
    let not_a_span = || TimeError::NotASpan(text.to_owned());
    let trimmed = text.trim();
    let at = trimmed.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(not_a_span)?;
    let (number, unit) = trimmed.split_at(at);
    let value: f64 = number.trim().parse().map_err(|_| not_a_span())?;
    let unit_us = match unit {
        "ms" => 1e3,
        "s" => 1e6,
        "m" | "min" => 60e6,
        "h" => 3_600e6,
        "d" => 86_400e6,
        "w" => 604_800e6,
        _ => return Err(not_a_span()),
    };
    let us = (value * unit_us).round();
    #[expect(clippy::cast_possible_truncation, reason = "range checked in the condition")]
    if us.is_finite() && (0.0..9e15).contains(&us) { Ok(us as i64) } else { Err(not_a_span()) }
}

/// The instants from `start` up to, not including, `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Period {
    /// The first instant.
    start: Timestamp,
    /// The first instant after it.
    end: Timestamp,
}

impl Period {
    /// The first day of 1970, for a row whose own period could not be read.
    pub const EPOCH_DAY: Period = Period { start: Timestamp(0), end: Timestamp(86_400 * US) };

    /// A period, if `start` is before `end`.
    pub fn new(start: Timestamp, end: Timestamp) -> Option<Period> {
        (start < end).then_some(Period { start, end })
    }

    /// Its first instant.
    pub const fn start(self) -> Timestamp {
        self.start
    }

    /// The first instant after it.
    pub const fn end(self) -> Timestamp {
        self.end
    }

    /// Its length in microseconds.
    pub const fn len_us(self) -> i64 {
        self.end.0.saturating_sub(self.start.0)
    }

    /// Its length in hours.
    pub fn hours(self) -> f64 {
        self.len_us() as f64 / 3_600e6
    }

    /// Whether `at` is inside.
    pub fn contains(self, at: Timestamp) -> bool {
        self.start <= at && at < self.end
    }

    /// The smallest period that holds both.
    #[must_use]
    pub fn cover(self, other: Period) -> Period {
        Period { start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// What both share, if anything.
    #[must_use]
    pub fn intersect(self, other: Period) -> Option<Period> {
        Period::new(self.start.max(other.start), self.end.min(other.end))
    }
}

/// Seconds as whole microseconds.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
pub fn whole_us(seconds: f64) -> u64 {
    (seconds * 1e6).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text, Tz::UTC).unwrap()
    }

    #[test]
    fn months_are_whole_by_the_calendar() {
        let day = |text: &str| NaiveDate::parse_from_str(text, "%Y-%m-%d").unwrap();
        let check = |from, to, n| assert_eq!(whole_months(day(from), day(to)), n, "{from} {to}");
        check("2027-01-31", "2027-02-28", 1);
        check("2026-11-02", "2026-12-01", 0);
        check("2026-11-02", "2027-11-02", 12);
        check("2026-11-02", "2026-10-01", 0);
        check("2026-11-02", "2099-01-01", 120);
    }

    #[test]
    fn every_common_form_is_the_same_instant() {
        let expected = Timestamp::from_us(1_790_000_000_500_000);
        for text in [
            "2026-09-21T14:13:20.5Z",
            "2026-09-21 14:13:20.5000000",
            "2026-09-21T14:13:20.500000+00:00",
            "2026-09-21T16:13:20.5+0200",
            "2026-09-21 09:13:20.5-05",
            "2026-09-21 14:13:20.500 UTC",
        ] {
            assert_eq!(Timestamp::parse(text, Tz::UTC), Ok(expected), "{text}");
        }
        assert_eq!(at("2026-10-01").to_rfc3339(), "2026-10-01T00:00:00Z");
        assert_eq!(expected.to_rfc3339(), "2026-09-21T14:13:20.500000Z");
    }

    #[test]
    fn what_is_not_an_instant_says_so() {
        for text in ["", "yesterday", "2026-13-01", "2026-02-30", "10/05/2026", "2026-10-05T25:00"]
        {
            let found = Timestamp::parse(text, Tz::UTC);
            assert!(matches!(found, Err(TimeError::NotATimestamp(_))), "{text}: {found:?}");
        }
        assert!(matches!(Timestamp::parse("0026-01-01", Tz::UTC), Err(TimeError::OutOfRange(_))));
    }

    #[test]
    fn daylight_saving_is_honest() {
        let berlin: Tz = "Europe/Berlin".parse().unwrap();
        assert!(matches!(
            Timestamp::parse("2026-03-29 02:30", berlin),
            Err(TimeError::Skipped(..))
        ));
        let twice = Timestamp::parse("2026-10-25 02:30", berlin).unwrap();
        assert_eq!(twice.to_rfc3339(), "2026-10-25T00:30:00Z");
    }

    #[test]
    fn spans_and_rounding() {
        assert_eq!(parse_span_us("7d"), Ok(604_800_000_000));
        assert_eq!(parse_span_us("500ms"), Ok(500_000));
        assert_eq!(parse_span_us("1.5h"), Ok(5_400_000_000));
        for text in ["", "7", "d", "-3h", "7y", "inf h"] {
            assert!(parse_span_us(text).is_err(), "{text}");
        }
        assert_eq!(Timestamp::from_us(-1).floor_to(60), Timestamp::from_us(-60));
        assert_eq!(Timestamp::from_us(61).ceil_to(60), Timestamp::from_us(120));
        assert_eq!(Timestamp::from_us(120).ceil_to(60), Timestamp::from_us(120));
    }

    proptest! {
        #[test]
        fn neighbours_never_both_own_an_instant(a in 0_i64..1000, b in 1_i64..1000, c in 1_i64..1000, t in 0_i64..3000) {
            let point = Timestamp::from_us;
            let first = Period::new(point(a), point(a + b)).unwrap();
            let second = Period::new(point(a + b), point(a + b + c)).unwrap();
            let inside = (a..a + b + c).contains(&t);
            let owners = [first, second].iter().filter(|it| it.contains(point(t))).count();
            prop_assert_eq!(owners, usize::from(inside));
        }

        #[test]
        fn the_usual_form_is_read_as_any(
            date in "(19|20)[0-9][0-9]-[013][0-9]-[0-3][0-9]",
            clock in "[T ][0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{0,8})?",
        ) {
            let text = date + &clock;
            if let Some(usual) = parse_usual(&text) {
                prop_assert_eq!(Some(usual), parse_any(&text), "{}", text);
            }
        }

        #[test]
        fn rfc3339_round_trips(us in 0_i64..4_000_000_000_000_000) {
            let instant = Timestamp::from_us(us);
            prop_assert_eq!(Timestamp::parse(&instant.to_rfc3339(), Tz::UTC), Ok(instant));
        }
    }
}
