//! The time of a request as logs write it: text, or a count since 1970 or since their own zero.

use chrono::format::{Fixed, Item, Parsed, StrftimeItems, parse};
use chrono::{DateTime, NaiveDateTime, NaiveTime, TimeZone};
use chrono_tz::Tz;

use super::super::cell::{self, Cell};
use super::super::rejected::excerpt;
use crate::units::Timestamp;

/// 1 January 2101: later times are mistakes.
const END_US: i64 = 4_133_980_800_000_000;
/// Longest time from the start of a log, microseconds: some 30 years.
const MOST_RELATIVE_US: i64 = 1_000_000_000_000_000;
/// A day in microseconds.
const DAY_US: i64 = 86_400_000_000;
/// The instant that patterns are tried on: 5 October 2026, 14:03:07 UTC.
const PROBE_S: i64 = 1_791_208_987;

/// How times are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ingest) enum TimeFormat {
    /// RFC 3339 or alike; a bare number counts since 1970 in the unit that its size tells.
    Auto,
    /// RFC 3339 or alike, never a bare number.
    Iso,
    /// A count since 1970.
    Unix(Unit),
    /// A count since the start of the log.
    Relative(Unit),
    /// A pattern of chrono, such as `%d/%b/%Y:%H:%M:%S %z`.
    Pattern(String),
}

/// What a count of time counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ingest) enum Unit {
    /// Seconds.
    S,
    /// Milliseconds.
    Ms,
    /// Microseconds.
    Us,
    /// Nanoseconds.
    Ns,
}

impl Unit {
    /// How many 10^-18 of the unit make a microsecond.
    const fn atto_per_us(self) -> i128 {
        match self {
            Unit::S => 1_000_000_000_000,
            Unit::Ms => 1_000_000_000_000_000,
            Unit::Us => 1_000_000_000_000_000_000,
            Unit::Ns => 1_000_000_000_000_000_000_000,
        }
    }
}

impl TimeFormat {
    /// The word or the pattern in a config.
    pub(super) fn parse(text: &str) -> Result<TimeFormat, String> {
        Ok(match text {
            "unix_s" => TimeFormat::Unix(Unit::S),
            "unix_ms" => TimeFormat::Unix(Unit::Ms),
            "unix_us" => TimeFormat::Unix(Unit::Us),
            "unix_ns" => TimeFormat::Unix(Unit::Ns),
            "relative_s" => TimeFormat::Relative(Unit::S),
            "relative_ms" => TimeFormat::Relative(Unit::Ms),
            "iso" => TimeFormat::Iso,
            pattern if pattern.contains('%') => checked_pattern(pattern)?,
            other => {
                return Err(format!(
                    "timestamp_format `{}` is none of unix_s, unix_ms, unix_us, unix_ns, \
                     relative_s, relative_ms, iso, and no pattern such as %d/%b/%Y:%H:%M:%S %z",
                    excerpt(other)
                ));
            }
        })
    }

    /// Whether the times count from the start of the log.
    pub(super) const fn is_relative(&self) -> bool {
        matches!(self, TimeFormat::Relative(_))
    }

    /// The distance between the two instants of the wall clock in a cell, where `apart_us` tells it
    /// of what was read; 0 for a time that is one instant by itself.
    pub(super) fn apart_us(&self, cell: Cell<'_>, read_us: i64, apart_us: i64) -> i64 {
        // A time with its own offset is the same in every zone, this one included, which no land has.
        let elsewhere = || self.read(cell, Tz::Etc__GMTPlus12);
        if apart_us == 0 || self.is_relative() || elsewhere() == Ok(Some(read_us)) {
            0
        } else {
            apart_us
        }
    }

    /// Microseconds since 1970, or since the start of the log. A wall clock without an offset is
    /// `zone`'s; digits below a microsecond are cut.
    pub(super) fn read(&self, cell: Cell<'_>, zone: Tz) -> Result<Option<i64>, String> {
        match self {
            TimeFormat::Auto => Ok(cell::time(cell, zone)?.map(Timestamp::us)),
            TimeFormat::Iso => match cell.trimmed() {
                Cell::Text(text) if text.parse::<f64>().is_ok() => Err(not_a_time(text)),
                Cell::Int(_) | Cell::Float(_) | Cell::Decimal(..) => {
                    Err("a bare number is not an ISO 8601 time".to_owned())
                }
                other => Ok(cell::time(other, zone)?.map(Timestamp::us)),
            },
            TimeFormat::Unix(unit) => match count_us(cell, *unit)? {
                Some(us) if !(0..END_US).contains(&us) => {
                    Err(format!("{} is outside the years 1970 to 2100", shown(cell)))
                }
                other => Ok(other),
            },
            TimeFormat::Relative(unit) => match count_us(cell, *unit)? {
                Some(us) if us < 0 => Err(format!("{} is before the start", shown(cell))),
                Some(us) if us > MOST_RELATIVE_US => {
                    Err("the time is too far from the start".to_owned())
                }
                other => Ok(other),
            },
            TimeFormat::Pattern(pattern) => match cell.trimmed() {
                Cell::Null => Ok(None),
                Cell::Text(text) => by_pattern(text, pattern, zone).map(Some),
                Cell::Int(value) => by_pattern(&value.to_string(), pattern, zone).map(Some),
                other => Err(format!("{} is not a text", shown(other))),
            },
        }
    }
}

/// A count of time as whole microseconds, exact: 1790000000.123456 s is not rounded by a float.
fn count_us(cell: Cell<'_>, unit: Unit) -> Result<Option<i64>, String> {
    let atto = match (cell.trimmed(), unit) {
        (Cell::Null, _) => return Ok(None),
        // A typed time, of Parquet, has no unit to choose.
        (Cell::Time(us, _), _) => return Ok(Some(us)),
        (other, _) => cell::atto(other).map_err(|_| not_a_count(cell))?,
    };
    let Some((atto, _)) = atto else { return Ok(None) };
    i64::try_from(atto.div_euclid(unit.atto_per_us())).map(Some).map_err(|_| not_a_count(cell))
}

fn not_a_count(cell: Cell<'_>) -> String {
    format!("{} is not a count of time", shown(cell))
}

fn not_a_time(text: &str) -> String {
    format!("`{}` is not a timestamp such as 2026-10-05T14:00:00Z", excerpt(text))
}

fn shown(cell: Cell<'_>) -> String {
    match cell {
        Cell::Text(text) => format!("`{}`", excerpt(text)),
        Cell::Int(value) => format!("`{value}`"),
        Cell::Float(value) => format!("`{value}`"),
        _ => "the value".to_owned(),
    }
}

/// A pattern that tells at least a date, found out by writing and reading one instant with it.
fn checked_pattern(pattern: &str) -> Result<TimeFormat, String> {
    let shown = excerpt(pattern);
    for item in StrftimeItems::new(pattern) {
        match item {
            Item::Error => return Err(format!("timestamp_format `{shown}` has an unknown % code")),
            // Its names are skipped, so the offset would be lost without a word.
            Item::Fixed(Fixed::TimezoneName) => {
                return Err(format!("timestamp_format `{shown}`: %Z tells no offset, %z does"));
            }
            _ => {}
        }
    }
    let probe = DateTime::from_timestamp(PROBE_S, 0).unwrap_or_default().fixed_offset();
    match by_pattern(&probe.format(pattern).to_string(), pattern, Tz::UTC) {
        Ok(us) if us / DAY_US == PROBE_S * 1_000_000 / DAY_US => {
            Ok(TimeFormat::Pattern(pattern.to_owned()))
        }
        _ => Err(format!("timestamp_format `{shown}` does not tell one date and time")),
    }
}

fn by_pattern(text: &str, pattern: &str, zone: Tz) -> Result<i64, String> {
    let fault = || format!("`{}` is not a time as `{}` writes it", excerpt(text), excerpt(pattern));
    let mut parsed = Parsed::new();
    parse(&mut parsed, text, StrftimeItems::new(pattern)).map_err(|_| fault())?;
    let wall = wall_clock(&mut parsed).ok_or_else(fault)?;
    let us = match (parsed.offset(), parsed.timestamp()) {
        (_, Some(_)) => wall.and_utc().timestamp_micros(),
        (Some(offset_s), None) => {
            wall.and_utc().timestamp_micros() - i64::from(offset_s) * 1_000_000
        }
        (None, None) => {
            let skipped =
                || format!("`{}` is a time that the clocks of {} skip", excerpt(text), zone.name());
            zone.from_local_datetime(&wall).earliest().ok_or_else(skipped)?.timestamp_micros()
        }
    };
    if (0..END_US).contains(&us) {
        Ok(us)
    } else {
        Err(format!("`{}` is outside the years 1970 to 2100", excerpt(text)))
    }
}

/// The wall clock that was read: midnight where there is only a date, the full hour where there is
/// no minute.
fn wall_clock(parsed: &mut Parsed) -> Option<NaiveDateTime> {
    if parsed.timestamp().is_some() {
        return parsed.to_naive_datetime_with_offset(0).ok();
    }
    if parsed.hour_mod_12().is_none() && parsed.hour_div_12().is_none() {
        return parsed.to_naive_date().ok().map(|it| it.and_time(NaiveTime::MIN));
    }
    if parsed.minute().is_none() {
        parsed.set_minute(0).ok()?;
    }
    Some(parsed.to_naive_date().ok()?.and_time(parsed.to_naive_time().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1790000000 s is 21 September 2026, 14:13:20 UTC.
    const AT_US: i64 = 1_790_000_000_000_000;

    #[track_caller]
    fn reads(format: &str, cell: Cell<'_>, zone: &str, us: i64) {
        let zone: Tz = zone.parse().unwrap();
        assert_eq!(TimeFormat::parse(format).unwrap().read(cell, zone), Ok(Some(us)), "{cell:?}");
    }

    #[test]
    fn every_format_reads() {
        let text = Cell::Text;
        reads("unix_s", text("1790000000"), "UTC", AT_US);
        reads("unix_s", text("1790000000.123456"), "UTC", AT_US + 123_456);
        reads("unix_s", text("1.79e9"), "UTC", AT_US);
        reads("unix_s", Cell::Float(1_790_000_000.123_456), "UTC", AT_US + 123_456);
        // A second of 1970 is taken as what the config says it is, not guessed by its size.
        reads("unix_s", Cell::Int(86_400), "UTC", 86_400_000_000);
        reads("unix_ms", Cell::Int(1_790_000_000_500), "Europe/Berlin", AT_US + 500_000);
        reads("unix_us", Cell::Int(1_790_000_000_000_001), "UTC", AT_US + 1);
        // As a float these nanoseconds would be off by up to 128 ns; 001999 ns are cut to 1 us.
        reads("unix_ns", text("1790000000000001999"), "UTC", AT_US + 1);
        reads("unix_ns", Cell::Int(1_790_000_000_000_000_999), "UTC", AT_US);
        reads("relative_s", text("61200.5"), "UTC", 61_200_500_000);
        reads("relative_s", Cell::Int(0), "UTC", 0);
        reads("relative_ms", text("0.25"), "UTC", 250);
        reads("iso", text("2026-09-21T14:13:20Z"), "Europe/Berlin", AT_US);
        // Berlin is at +02:00 in September.
        reads("iso", text("2026-09-21 16:13:20"), "Europe/Berlin", AT_US);
        reads("%d/%b/%Y:%H:%M:%S %z", text("21/Sep/2026:10:13:20 -0400"), "UTC", AT_US);
        reads("%d.%m.%Y %H:%M:%S", text("21.09.2026 16:13:20"), "Europe/Berlin", AT_US);
        reads("%m/%d/%Y %I:%M:%S %p", text("09/21/2026 02:13:20 PM"), "UTC", AT_US);
        reads("%Y%m%d%H%M%S", Cell::Int(20_260_921_141_320), "UTC", AT_US);
        reads("%Y-%m-%d %H:%M:%S%.f", text("2026-09-21 14:13:20.0000019"), "UTC", AT_US + 1);
        // 14:13:20 is 51,200 s into the day.
        reads("%Y-%m-%d", text("2026-09-21"), "UTC", AT_US - 51_200_000_000);
        reads("%Y-%m-%d %H", text("2026-09-21 14"), "UTC", AT_US - 800_000_000);
        reads("%s", text("1790000000"), "Europe/Berlin", AT_US);
        reads("%s%.3f", text("1790000000.250"), "UTC", AT_US + 250_000);
    }

    #[test]
    fn what_is_no_time_is_refused() {
        let berlin: Tz = "Europe/Berlin".parse().unwrap();
        for (format, cell, reason) in [
            ("unix_s", Cell::Text("soon"), "`soon` is not a count of time"),
            ("unix_s", Cell::Int(1_790_000_000_000), "is outside the years 1970 to 2100"),
            ("unix_ms", Cell::Text("-1"), "is outside the years 1970 to 2100"),
            ("relative_s", Cell::Text("-0.1"), "`-0.1` is before the start"),
            ("relative_ms", Cell::Float(1e15), "too far from the start"),
            ("iso", Cell::Text("1790000000"), "is not a timestamp such as"),
            ("iso", Cell::Int(1_790_000_000), "a bare number is not"),
            ("%Y-%m-%d", Cell::Text("21.09.2026"), "is not a time as `%Y-%m-%d` writes it"),
            ("%Y-%m-%d", Cell::Text("2026-02-30"), "is not a time as"),
            // Clocks go from 02:00 to 03:00 on 29 March 2026.
            ("%Y-%m-%d %H:%M", Cell::Text("2026-03-29 02:30"), "the clocks of Europe/Berlin skip"),
        ] {
            let found = TimeFormat::parse(format).unwrap().read(cell, berlin).unwrap_err();
            assert!(found.contains(reason), "{found}");
        }
        assert_eq!(TimeFormat::Auto.read(Cell::Text(" "), berlin), Ok(None));
        assert_eq!(TimeFormat::Unix(Unit::S).read(Cell::Text("NULL"), berlin), Ok(None));
    }

    #[test]
    fn patterns_are_tried_when_the_config_is_read() {
        for (format, reason) in [
            ("unix", "is none of unix_s"),
            ("%Y-%Q", "unknown % code"),
            ("%H:%M:%S", "does not tell one date and time"),
            // Twelve hours without AM or PM: half of the times would be wrong.
            ("%Y-%m-%d %I:%M", "does not tell one date and time"),
            ("%Y-%m-%d %H:%M %Z", "%Z tells no offset"),
        ] {
            let found = TimeFormat::parse(format).unwrap_err();
            assert!(found.contains(reason), "{found}");
        }
    }
}
