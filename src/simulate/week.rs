//! A weekly schedule: so many replicas at these times of these days, by the clock on the wall.

use std::fmt;

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Timelike};
use chrono_tz::Tz;

use crate::units::Timestamp;

/// Hours of a week.
pub const HOURS_OF_WEEK: usize = 168;

/// Minutes of a week.
pub const MINUTES_OF_WEEK: u32 = 10_080;

const DAY_S: u32 = 86_400;
const DAY_US: i64 = 86_400_000_000;
/// Clocks change at quarters of an hour.
const QUARTER_US: i64 = 900_000_000;
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
/// The grammar in one line.
const GRAMMAR: &str = "write `DAYS HH:MM-HH:MM=N`, several parted by `;`, such as \
     `mon-fri 08:00-20:00=2;sat 10:00-14:00=1`; 24:00 is the end of a day";

/// Ranges of the week with their replicas; where two overlap the later one holds.
///
/// `mon-fri 08:00-20:00=2;sat 10:00-14:00=1` is two replicas in 60 hours and one in 4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Week {
    ranges: Vec<Range>,
}

/// A part of the week without a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stretch {
    /// Minutes from Monday 0:00 on.
    pub start_min: u32,
    /// How long it lasts, at most a week.
    pub length_min: u32,
}

/// One range; it ends on the next day where its end is not after its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    /// By weekday from Monday: whether it starts on that day.
    days: [bool; 7],
    start_s: u32,
    end_s: u32,
    replicas: u32,
}

/// A text that is no weekly schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}; {GRAMMAR}")]
pub struct WeekError {
    what: String,
}

impl Week {
    /// A schedule from its text.
    pub fn parse(text: &str) -> Result<Week, WeekError> {
        let entries = text.split(';').map(str::trim).filter(|it| !it.is_empty());
        let ranges: Vec<Range> = entries
            .map(|it| range(it).map_err(|what| WeekError { what }))
            .collect::<Result<_, _>>()?;
        if ranges.is_empty() {
            return Err(WeekError { what: "the schedule has no range".to_owned() });
        }
        Ok(Week { ranges })
    }

    /// The schedule with so many replicas in each hour from Monday 0:00 on; nothing without any.
    pub fn of_hours(hours: &[u32; HOURS_OF_WEEK]) -> Option<Week> {
        let (profiles, _) = hours.as_chunks::<24>();
        let mut ranges = Vec::new();
        for (day, profile) in profiles.iter().enumerate() {
            if profiles[..day].contains(profile) {
                continue;
            }
            let mut days = [false; 7];
            for (other, it) in profiles.iter().enumerate() {
                days[other] = it == profile;
            }
            let mut hour = 0;
            for run in profile.chunk_by(|a, b| a == b) {
                let (start_s, replicas) = (hour * 3600, run[0]);
                hour += u32::try_from(run.len()).unwrap_or(24);
                if replicas > 0 {
                    ranges.push(Range { days, start_s, end_s: hour * 3600, replicas });
                }
            }
        }
        (!ranges.is_empty()).then_some(Week { ranges })
    }

    /// Most replicas of any range.
    pub fn most(&self) -> u32 {
        self.ranges.iter().map(|it| it.replicas).max().unwrap_or(0)
    }

    /// The stretches of a week in which there are at least so many replicas, in the order of their starts;
    /// one that lasts the whole week starts and ends on Monday at 0:00.
    pub fn at_least(&self, replicas: u32) -> Vec<Stretch> {
        let holds: Vec<bool> = (0..MINUTES_OF_WEEK)
            .map(|minute| self.at_minute(minute).unwrap_or(0) >= replicas)
            .collect();
        let before = |minute: usize| holds[(minute + holds.len() - 1) % holds.len()];
        if holds.iter().all(|it| *it) {
            return vec![Stretch { start_min: 0, length_min: MINUTES_OF_WEEK }];
        }
        let starts = (0..holds.len()).filter(|it| holds[*it] && !before(*it));
        let length = |start: usize| {
            (0..holds.len()).take_while(|it| holds[(start + it) % holds.len()]).count()
        };
        let minutes = |n: usize| u32::try_from(n).unwrap_or(MINUTES_OF_WEEK);
        let stretch = |it| Stretch { start_min: minutes(it), length_min: minutes(length(it)) };
        starts.map(stretch).collect()
    }

    /// The replicas at a minute of the week, inside a range.
    fn at_minute(&self, minute: u32) -> Option<u32> {
        self.on((minute / 1440) as usize, minute % 1440 * 60)
    }

    /// The replicas from each instant on, microseconds since `start`, over a window of `window_us`:
    /// what [`Scaler::Schedule`](super::Scaler::Schedule) takes. Outside all ranges there are
    /// `otherwise`. An hour that a clock shows twice is in its ranges twice, one that it skips never.
    pub fn steps(
        &self,
        start: Timestamp,
        window_us: u64,
        zone: Tz,
        otherwise: u32,
    ) -> Vec<(u64, u32)> {
        let end = start.plus_us(i64::try_from(window_us).unwrap_or(i64::MAX));
        let mut instants = vec![start];
        let mut date = start.in_zone(zone).date();
        let last = end.in_zone(zone).date();
        while date <= last {
            instants.extend(self.boundaries(date, zone));
            let Some(next) = date.succ_opt() else { break };
            date = next;
        }
        instants.retain(|it| (start..end).contains(it));
        instants.sort_unstable();
        let mut steps: Vec<(u64, u32)> = Vec::new();
        for at in instants {
            let replicas = self.at(at.in_zone(zone)).unwrap_or(otherwise);
            if steps.last().is_none_or(|it| it.1 != replicas) {
                steps.push((u64::try_from(at.us() - start.us()).unwrap_or(0), replicas));
            }
        }
        steps
    }

    /// The replicas at a time of the clock, inside a range.
    fn at(&self, local: NaiveDateTime) -> Option<u32> {
        self.on(local.weekday().num_days_from_monday() as usize, local.num_seconds_from_midnight())
    }

    /// The replicas at a second of a day, 0 being Monday.
    fn on(&self, day: usize, second: u32) -> Option<u32> {
        let holds = |it: &&Range| {
            if it.start_s < it.end_s {
                it.days[day] && (it.start_s..it.end_s).contains(&second)
            } else {
                it.days[day] && second >= it.start_s || it.days[(day + 6) % 7] && second < it.end_s
            }
        };
        self.ranges.iter().rev().find(holds).map(|it| it.replicas)
    }

    /// Instants of a day at which the number may change.
    fn boundaries(&self, date: NaiveDate, zone: Tz) -> Vec<Timestamp> {
        let seconds = self.ranges.iter().flat_map(|it| [it.start_s, it.end_s % DAY_S]).chain([0]);
        let local = seconds.filter_map(|it| {
            Some(date.and_time(NaiveTime::from_num_seconds_from_midnight_opt(it, 0)?))
        });
        let instants = local.flat_map(|it| {
            let found = zone.from_local_datetime(&it);
            [found.earliest(), found.latest()].into_iter().flatten()
        });
        let mut all: Vec<Timestamp> =
            instants.map(|it| Timestamp::from_us(it.timestamp_micros())).collect();
        // On a day with a change of the clock the number may change at the change itself.
        if let (Some(first), Some(last)) = (all.iter().min().copied(), all.iter().max().copied()) {
            let offset = |at: Timestamp| at.in_zone(zone) - at.in_zone(Tz::UTC);
            let next = first.plus_us(DAY_US);
            if offset(first) != offset(next) || offset(first) != offset(last) {
                let quarters = (0..).map(|i| first.plus_us(i * QUARTER_US));
                all.extend(quarters.take_while(|it| *it < next));
            }
        }
        all
    }
}

/// The text that [`Week::parse`] reads.
impl fmt::Display for Week {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, Range { days, start_s, end_s, replicas }) in self.ranges.iter().enumerate() {
            let mut named = Vec::new();
            let mut day = 0;
            for run in days.chunk_by(|a, b| a == b) {
                let last = day + run.len() - 1;
                match (run[0], run.len()) {
                    (false, _) => {}
                    (true, 1) => named.push(DAYS[day].to_owned()),
                    (true, _) => named.push(format!("{}-{}", DAYS[day], DAYS[last])),
                }
                day = last + 1;
            }
            let clock = |s: &u32| format!("{:02}:{:02}", s / 3600, s / 60 % 60);
            let separator = if place > 0 { ";" } else { "" };
            let (from, to) = (clock(start_s), clock(end_s));
            write!(f, "{separator}{} {from}-{to}={replicas}", named.join(","))?;
        }
        Ok(())
    }
}

/// `mon-fri 08:00-20:00=2`.
fn range(text: &str) -> Result<Range, String> {
    let parts = || {
        let (days, rest) = text.split_once(char::is_whitespace)?;
        let (times, replicas) = rest.split_once('=')?;
        let (start, end) = times.split_once('-')?;
        Some((days, start.trim(), end.trim(), replicas.trim()))
    };
    let Some((names, start, end, replicas)) = parts() else {
        return Err(format!("`{text}` is not a range"));
    };
    let (start_s, end_s) = (clock(start)?, clock(end)?);
    if start_s == end_s || start_s == DAY_S {
        return Err(format!("`{start}-{end}` has no length"));
    }
    let replicas =
        replicas.parse().map_err(|_| format!("`{replicas}` is not a number of replicas"))?;
    Ok(Range { days: days(names)?, start_s, end_s, replicas })
}

/// `mon-fri`, `sat`, `mon,wed-thu`; `sat-mon` goes over the end of the week.
fn days(text: &str) -> Result<[bool; 7], String> {
    let day = |name: &str| {
        let name = name.trim().to_ascii_lowercase();
        let place = DAYS.iter().position(|it| *it == name);
        place.ok_or_else(|| format!("`{name}` is none of {}", DAYS.join(", ")))
    };
    let mut days = [false; 7];
    for part in text.split(',') {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        let (mut at, to) = (day(from)?, day(to)?);
        days[at] = true;
        while at != to {
            at = (at + 1) % 7;
            days[at] = true;
        }
    }
    Ok(days)
}

/// Seconds since midnight of `08:30`; of `24:00` the whole day.
fn clock(text: &str) -> Result<u32, String> {
    let wrong = || format!("`{text}` is not a time such as 08:30");
    let (hour, minute) = text.split_once(':').ok_or_else(wrong)?;
    let two_digits = |it: &str| {
        let digits = it.len() <= 2 && it.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| it.parse::<u32>().ok()).flatten().ok_or_else(wrong)
    };
    let (hour, minute) = (two_digits(hour)?, two_digits(minute)?);
    let seconds = hour * 3600 + minute * 60;
    if minute < 60 && seconds <= DAY_S { Ok(seconds) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_US: u64 = 3_600_000_000;

    fn steps(text: &str, start: &str, hours: u64, zone: Tz) -> Vec<(f64, u32)> {
        let start = Timestamp::parse(start, zone).unwrap();
        let found = Week::parse(text).unwrap().steps(start, hours * HOUR_US, zone, 0);
        found.into_iter().map(|it| (it.0 as f64 / HOUR_US as f64, it.1)).collect()
    }

    #[test]
    fn a_week_by_hand() {
        let check = |text, start, hours, expected: &[(f64, u32)]| {
            assert_eq!(steps(text, start, hours, Tz::UTC), expected, "{text}");
        };
        // 5 Oct 2026 is a Monday.
        let monday = "2026-10-05";
        check("mon 08:00-20:00=2", monday, 48, &[(0.0, 0), (8.0, 2), (20.0, 0)]);
        check("mon 08:00-20:00=2", "2026-10-05T12:00", 24, &[(0.0, 2), (8.0, 0)]);
        check("sun-mon 22:00-06:00=1", monday, 48, &[(0.0, 1), (6.0, 0), (22.0, 1), (30.0, 0)]);
        check("mon-sun 00:00-24:00=3", monday, 400, &[(0.0, 3)]);
        // Where ranges overlap the later one holds, also with none.
        check(
            "mon-fri 08:00-20:00=2;mon,tue 12:00-13:00=0",
            monday,
            24,
            &[(0.0, 0), (8.0, 2), (12.0, 0), (13.0, 2), (20.0, 0)],
        );
        check(
            "sat 10:00-14:00=1; sat 00:00-24:00=4;",
            monday,
            168,
            &[(0.0, 0), (120.0, 4), (144.0, 0)],
        );
    }

    #[test]
    fn hours_become_a_text_that_is_read_again() {
        let mut hours = [0; HOURS_OF_WEEK];
        for day in [0, 1, 2, 4] {
            hours[day * 24 + 9..day * 24 + 17].fill(2);
            hours[day * 24 + 17] = 1;
        }
        hours[6 * 24 + 20..].fill(3);
        let week = Week::of_hours(&hours).unwrap();
        let text = "mon-wed,fri 09:00-17:00=2;mon-wed,fri 17:00-18:00=1;sun 20:00-24:00=3";
        assert_eq!(week.to_string(), text);
        assert_eq!(Week::parse(text).unwrap(), week);
        assert_eq!(Week::of_hours(&[0; HOURS_OF_WEEK]), None);
    }

    /// Berlin skips 02:00 to 03:00 on 29 March 2026 and shows it twice on 25 October.
    #[test]
    fn clock_changes() {
        let check = |text, start, expected: &[(f64, u32)]| {
            assert_eq!(steps(text, start, 25, Tz::Europe__Berlin), expected, "{text}");
        };
        let (spring, autumn) = ("2026-03-29", "2026-10-25");
        check("sun 01:00-08:00=1", spring, &[(0.0, 0), (1.0, 1), (7.0, 0)]);
        check("sun 02:15-08:00=1", spring, &[(0.0, 0), (2.0, 1), (7.0, 0)]);
        check("sun 02:15-02:45=1", spring, &[(0.0, 0)]);
        check("sun 08:00-09:00=1", autumn, &[(0.0, 0), (9.0, 1), (10.0, 0)]);
        check("sun 01:00-02:30=1", autumn, &[(0.0, 0), (1.0, 1), (2.5, 0), (3.0, 1), (3.5, 0)]);
    }

    #[test]
    fn what_is_no_schedule_says_so() {
        for (text, expected) in [
            ("", "the schedule has no range"),
            ("mon-fri", "`mon-fri` is not a range"),
            ("mon 8-20=1", "`8` is not a time"),
            ("mon 08:00-24:30=1", "`24:30` is not a time"),
            ("mon 08:60-09:00=1", "`08:60` is not a time"),
            ("mon +8:00-09:00=1", "`+8:00` is not a time"),
            ("mon 08:00-08:00=1", "`08:00-08:00` has no length"),
            ("mo 08:00-09:00=1", "`mo` is none of mon, tue"),
            ("mon 08:00-09:00=-1", "`-1` is not a number of replicas"),
            ("mon 08:00-09:00=99999999999", "`99999999999` is not a number"),
        ] {
            let found = Week::parse(text).unwrap_err().to_string();
            assert!(found.starts_with(expected), "{text}: {found}");
            assert!(found.contains("24:00 is the end of a day"), "{found}");
        }
    }
}
