//! The weekly hours in which nobody asks, found from the hours themselves.

use std::ops::Range;

use chrono_tz::Tz;

use super::super::calendar::{self, DAYS};
use super::ledger::Ledger;
use crate::catalog::Waste as Limits;

/// Hours of a week.
const WEEK: usize = 7 * 24;
/// A weekly schedule: Monday 00:00 first.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Schedule {
    off: Vec<bool>,
    /// Times the least seen hour of the week was seen.
    pub(super) weeks: u32,
}

impl Schedule {
    /// The blocks of the week in which no hour of any week had demand. Nothing where an hour of the
    /// week was never seen, and where blocks as empty could be chance: an hour of the week outside
    /// them is used with probability q, so an hour inside stays empty for w weeks by chance with
    /// (1 - q)^w. Office hours used 9 of 10 times, 2 weeks: 0.01.
    pub(super) fn of(ledger: &Ledger, zone: Tz, limits: &Limits) -> Option<Schedule> {
        let mut cells = [(0_u32, 0_u32); WEEK];
        for (at, hour) in ledger.hours.iter().enumerate() {
            let known = hour.is_used() || hour.is_silent();
            if let Some(cell) = cell(ledger, at, zone).filter(|_| known) {
                cells[cell].0 += 1;
                cells[cell].1 += u32::from(hour.is_used());
            }
        }
        if cells.iter().any(|it| it.0 == 0) {
            return None;
        }
        let off = blocks(&cells.map(|it| it.1 == 0), limits.schedule_block_hours);
        let inside = || cells.iter().zip(&off).filter(|it| *it.1).map(|it| it.0);
        let weeks = inside().map(|it| it.0).min()?;
        let outside = cells.iter().filter(|it| it.1 > 0);
        let (seen, used) = outside.fold((0, 0), |sum, it| (sum.0 + it.0, sum.1 + it.1));
        let used_share = f64::from(used) / f64::from(seen.max(1));
        let chance = (1.0 - used_share).powi(i32::try_from(weeks).unwrap_or(i32::MAX));
        (seen > 0 && chance <= limits.schedule_chance).then_some(Schedule { off, weeks })
    }

    /// Whether the schedule switches an hour off.
    pub(super) fn is_off(&self, ledger: &Ledger, at: usize, zone: Tz) -> bool {
        cell(ledger, at, zone).is_some_and(|it| self.off[it])
    }

    /// `Mon-Fri 07-20 in use, off otherwise`.
    pub(super) fn in_words(&self) -> String {
        let days: Vec<String> = self.off.chunks(24).map(hours_on).collect();
        let mut parts = Vec::new();
        let mut from = 0;
        while from < days.len() {
            let same = days[from..].iter().take_while(|it| **it == days[from]).count();
            let name = match same {
                7 => "Every day".to_owned(),
                1 => DAYS[from].to_owned(),
                _ => format!("{}-{}", DAYS[from], DAYS[from + same - 1]),
            };
            if !days[from].is_empty() {
                parts.push(format!("{name} {}", days[from]));
            }
            from += same;
        }
        format!("{} in use, off otherwise", parts.join(", "))
    }
}

/// The hour of the week of an hour.
fn cell(ledger: &Ledger, at: usize, zone: Tz) -> Option<usize> {
    let (hour, weekday) = calendar::hour_and_weekday(zone, ledger.start(at).us())?;
    Some(weekday * 24 + hour)
}

/// The runs of at least `least` empty hours, across the end of the week too.
fn blocks(empty: &[bool; WEEK], least: f64) -> Vec<bool> {
    let mut off = vec![false; WEEK];
    let Some(start) = empty.iter().position(|it| !it) else { return vec![true; WEEK] };
    let mut run = Vec::new();
    for step in 0..=WEEK {
        let at = (start + step) % WEEK;
        if empty[at] {
            run.push(at);
            continue;
        }
        if run.len() as f64 >= least {
            for at in &run {
                off[*at] = true;
            }
        }
        run.clear();
    }
    off
}

/// `07-12 14-20` of a day's 24 hours.
fn hours_on(off: &[bool]) -> String {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for at in (0..off.len()).filter(|at| !off[*at]) {
        match ranges.last_mut() {
            Some(last) if last.end == at => last.end = at + 1,
            _ => ranges.push(at..at + 1),
        }
    }
    let words: Vec<_> = ranges.iter().map(|it| format!("{:02}-{:02}", it.start, it.end)).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_gaps_are_no_block_and_a_block_spans_the_weekend() {
        let mut empty = [true; WEEK];
        for day in 0..5 {
            (7..20).for_each(|hour| empty[day * 24 + hour] = false);
        }
        empty[24 + 12] = true;
        let off = blocks(&empty, 4.0);
        assert_eq!(off.iter().filter(|it| **it).count(), WEEK - 5 * 13);
        assert!(off[0] && off[WEEK - 1] && !off[24 + 12]);
        let words = Schedule { off, weeks: 4 }.in_words();
        assert_eq!(words, "Mon-Fri 07-20 in use, off otherwise");
    }

    #[test]
    fn days_that_differ_are_named() {
        let mut off = vec![true; WEEK];
        (0..24).for_each(|hour| off[hour] = false);
        off[6 * 24 + 3] = false;
        off[6 * 24 + 9] = false;
        let words = Schedule { off: off.clone(), weeks: 1 }.in_words();
        assert_eq!(words, "Mon 00-24, Sun 03-04 09-10 in use, off otherwise");
        let nightly: Vec<bool> = (0..WEEK).map(|at| at % 24 >= 4).collect();
        let words = Schedule { off: nightly, weeks: 1 }.in_words();
        assert_eq!(words, "Every day 00-04 in use, off otherwise");
    }
}
