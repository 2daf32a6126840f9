//! Cost that history does not predict: USD over what is usual at this weekday and hour.
//!
//! A part of the time is judged by what came before it, and only by that: a spike cannot raise its own
//! expectation, and a new level stays one event until the weeks before know it. Judged is the window
//! where the data reach back before it (`--since 7d`), else its last days.

use chrono_tz::Tz;
use serde::Serialize;

use super::bins::{HOUR_US, fits_densely};
use super::costs::{days_after, span};
use crate::catalog::AnomalyRules;
use crate::units::{Currency, Money, MoneyError, Period, Timestamp};
use crate::workload::{CostBin, Workload};
use cells::{Cell, cells};
use usual::Usual;

mod cells;
#[cfg(test)]
mod tests;
mod usual;

/// Days of a week.
const WEEK: i64 = 7;

/// What a cost is judged by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Clock hours of the report's zone.
    #[default]
    Hour,
    /// Days, where rows longer than an hour hold most of the cost: those of the bill's rows, which
    /// begin at midnight UTC or of the zone.
    Day,
}

/// Costs above and far below what is usual.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Anomalies {
    /// The time that was judged.
    pub judged: Option<Period>,
    /// By what.
    pub step: Step,
    /// Whole hours or days before it that say what is usual.
    pub history: usize,
    /// Hours or days judged by the same weekday and hour of the weeks before.
    pub by_weekday: usize,
    /// Those judged by the same hour of all days before, for want of weeks.
    pub by_hour: usize,
    /// Those that history is too short for.
    pub unjudged: usize,
    /// Cost over what is usual, in time order.
    pub over: Vec<Anomaly>,
    /// Cost far below it: perhaps an outage, perhaps a bill that is not complete.
    pub below: Vec<Anomaly>,
    /// Why nothing was judged, where nothing was.
    pub reason: Option<String>,
}

/// A time whose cost is not what history predicts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Anomaly {
    /// Who answers for the workload.
    pub owner: Option<String>,
    /// When it began: before the judged time where that begins in the middle of it.
    pub since: Timestamp,
    /// What of it lies in the judged time; the amounts are of this.
    pub period: Period,
    /// Whether it goes on at the end of the judged time: its last hour is over, or it has come back
    /// before from a pause as long as the one at the end.
    pub running: bool,
    /// What was paid.
    pub actual: Money,
    /// What is usual; never negative.
    pub expected: Money,
    /// Paid less usual: positive where it is over, negative where it is below.
    pub over: Money,
    /// What moved it; nothing where GPU-hours are not known.
    pub moved: Option<Moved>,
}

/// The difference in two parts that add up to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// GPU-hours more than usual, at the usual rate.
    pub by_gpu_hours: Money,
    /// The rate per GPU-hour above the usual one, for the actual GPU-hours.
    pub by_rate: Money,
}

/// Finds the costs of a workload that its own history does not predict.
///
/// Usual is the median of the same weekday and hour (of the zone's clock) in the latest
/// `history_weeks` before the judged time, at least `min_weeks` of them; else the median of the same
/// hour of all days, at least `min_days`; else there is no answer. A cost is over where it exceeds
/// the usual by more than `deviations` x spread, and by more than all but `history_share` of the hours
/// of an ordinary past week exceeded theirs. The spread is 1.4826 x the median distance of past costs
/// from what the other weeks said of them: in money over the same hour of the day, or as a share of
/// the usual over all hours, whichever is more, at least `floor_share` of the usual. Costs over that are less
/// than `gap_hours` apart are one event; one of less than `min_day_share` of a day's cost, or of
/// `min_amount`, is none. Below are costs as far under the usual that at least `fall_share` is missing.
///
/// `billed_until` is where the bills of the run end.
///
/// Four weeks at 10.00 an hour, then three hours at 40.00: 90.00 over the usual 30.00.
pub fn anomalies(
    workload: &Workload,
    (zone, billed_until): (Tz, Timestamp),
    rules: &AnomalyRules,
) -> Result<Anomalies, MoneyError> {
    let none = |why: &str| Anomalies { reason: Some(why.to_owned()), ..Anomalies::default() };
    let bins: Vec<&CostBin> = workload.costs_before.iter().chain(&workload.costs).collect();
    let Some(known) = span(bins.iter().copied()) else { return Ok(none("no cost is known")) };
    let Some(step) = cells::step(&bins) else {
        return Ok(none("most of the cost is billed in rows longer than a day"));
    };
    let window = workload.window;
    // What a log reaches beyond the bill, nobody was charged for yet.
    let end = window.end().min(billed_until);
    let last_days = days_after(zone, end, -whole(rules.judged_days));
    let start = if workload.costs_before.is_empty() {
        last_days.max(window.start())
    } else {
        window.start()
    };
    let Some(judged) = Period::new(start, end) else {
        return Ok(none("no time to judge"));
    };
    if !fits_densely(judged.len_us(), HOUR_US) {
        return Ok(none("the window is too long to judge by the hour"));
    }
    let earliest = days_after(zone, start, -whole(rules.history_weeks).saturating_mul(WEEK));
    let first = known.start().max(earliest).min(start);
    let all = cells(&bins, step, zone, [first, start, end])?;
    let split = all.partition_point(|it| it.period.start() < start);
    let usual = Usual::of(&all[..split], rules);
    let mut found =
        Anomalies { judged: Some(judged), step, history: usual.history, ..Anomalies::default() };
    let judge = Judge { workload, rules, usual: &usual, cells: &all, split };
    judge.run(&mut found)?;
    // After its last row a bill may have ended, or not be complete: nobody says that less was paid.
    found.below.retain(|it| it.since < known.end());
    if found.by_weekday + found.by_hour == 0 {
        found.reason = Some(format!(
            "too little history: {} whole {} before the judged time, and {} days are the least",
            found.history,
            if step == Step::Day { "days" } else { "hours" },
            rules.min_days,
        ));
    }
    Ok(found)
}

/// A cell against what is usual.
#[derive(Clone, Copy)]
struct Judged {
    expected: Money,
    expected_gpu_hours: Option<f64>,
    /// Over: 1, below: -1, as usual: 0.
    sign: i8,
}

/// Cells of one sign, none further from the next than `gap_hours`.
#[derive(Clone, Copy)]
struct Run {
    first: usize,
    last: usize,
    /// The longest time between two of them, microseconds.
    pause_us: i64,
}

struct Judge<'a> {
    workload: &'a Workload,
    rules: &'a AnomalyRules,
    usual: &'a Usual,
    cells: &'a [Cell],
    split: usize,
}

impl Judge<'_> {
    fn run(&self, found: &mut Anomalies) -> Result<(), MoneyError> {
        let mut all: Vec<Option<Judged>> = Vec::with_capacity(self.cells.len());
        for (at, cell) in self.cells.iter().enumerate() {
            let of_history = at < self.split;
            let Some(usual) = self.usual.of_cell(cell, of_history.then_some(at)) else {
                found.unjudged += usize::from(!of_history);
                all.push(None);
                continue;
            };
            found.by_weekday += usize::from(!of_history && usual.by_weekday);
            found.by_hour += usize::from(!of_history && !usual.by_weekday);
            let expected = cell.scaled(usual.cost)?;
            let sign = self.usual.sign(cell, &usual, self.rules);
            let expected_gpu_hours = usual.gpu_hours.map(|it| it * cell.share());
            all.push(Some(Judged { expected, expected_gpu_hours, sign }));
        }
        found.over = self.events(&all, 1)?;
        found.below = self.events(&all, -1)?;
        Ok(())
    }

    /// Cells of one sign that are near each other, as events of the judged time.
    fn events(&self, all: &[Option<Judged>], sign: i8) -> Result<Vec<Anomaly>, MoneyError> {
        let gap_us = self.rules.gap_hours * HOUR_US as f64;
        let mut runs: Vec<Run> = Vec::new();
        let mut apart_us = 0;
        for (at, (cell, judged)) in self.cells.iter().zip(all).enumerate() {
            let free = judged.is_none_or(|it| it.expected.is_zero()) && cell.cost.is_zero();
            if judged.is_some_and(|it| it.sign == sign) {
                match runs.last_mut().filter(|_| apart_us as f64 <= gap_us) {
                    Some(run) => (run.last, run.pause_us) = (at, run.pause_us.max(apart_us)),
                    None => runs.push(Run { first: at, last: at, pause_us: 0 }),
                }
                apart_us = 0;
            } else if !free {
                // Hours that are free as always say nothing about the event.
                apart_us = apart_us.saturating_add(cell.period.len_us());
            }
        }
        let mut found = Vec::new();
        for (n, run) in runs.iter().enumerate().filter(|it| it.1.last >= self.split) {
            let running = n + 1 == runs.len() && apart_us <= run.pause_us;
            let event = self.event(all, run, running)?;
            found.extend(event.filter(|it| self.is_event(it, sign)));
        }
        Ok(found)
    }

    fn is_event(&self, event: &Anomaly, sign: i8) -> bool {
        let least = (self.rules.min_day_share * self.usual.cost_per_day).max(self.rules.min_amount);
        event.over.to_f64() * f64::from(sign) >= least
    }

    fn event(
        &self,
        all: &[Option<Judged>],
        run: &Run,
        running: bool,
    ) -> Result<Option<Anomaly>, MoneyError> {
        let start = run.first.max(self.split);
        let end = if running { self.cells.len() } else { run.last + 1 };
        let sums = self.sum(all, start..end)?;
        let period =
            Period::new(self.cells[start].period.start(), self.cells[end - 1].period.end());
        let Some(period) = period else { return Ok(None) };
        Ok(Some(Anomaly {
            owner: self.workload.owner.clone(),
            since: self.cells[run.first].period.start(),
            period,
            running,
            actual: sums.actual,
            expected: sums.expected,
            over: sums.actual.checked_sub(sums.expected)?,
            moved: sums.moved()?,
        }))
    }

    fn sum(
        &self,
        all: &[Option<Judged>],
        range: std::ops::Range<usize>,
    ) -> Result<Sums, MoneyError> {
        let currency: Currency = self.usual.currency;
        let zero = Money::zero(currency);
        let (known, mut gpu_hours) = (Some(0.0), [Some(0.0), Some(0.0)]);
        let mut sums = Sums { actual: zero, expected: zero, gpu_hours: known, usual: known };
        for at in range {
            let (cell, Some(judged)) = (&self.cells[at], all[at]) else { continue };
            sums.actual = sums.actual.checked_add(cell.cost)?;
            sums.expected = sums.expected.checked_add(judged.expected)?;
            let add = |sum: Option<f64>, more: Option<f64>| Some(sum? + more?);
            gpu_hours =
                [add(gpu_hours[0], cell.gpu_hours), add(gpu_hours[1], judged.expected_gpu_hours)];
        }
        [sums.gpu_hours, sums.usual] = gpu_hours;
        Ok(sums)
    }
}

/// What a stretch of cells cost and usually costs.
struct Sums {
    actual: Money,
    expected: Money,
    gpu_hours: Option<f64>,
    usual: Option<f64>,
}

impl Sums {
    /// (Q1 - Q0) x C0 / Q0 by GPU-hours, the rest of the difference by the rate: (P1 - P0) x Q1.
    /// Usual 10.00 for 10 GPU-hours, paid 36.00 for 24: 14.00 by GPU-hours and 12.00 by the rate.
    fn moved(&self) -> Result<Option<Moved>, MoneyError> {
        let over = self.actual.checked_sub(self.expected)?;
        let (Some(now), Some(usual)) = (self.gpu_hours, self.usual) else { return Ok(None) };
        let (now, usual) = (micro(now), micro(usual));
        let by_gpu_hours = if usual > 0 {
            self.expected.scale(now, usual)?.checked_sub(self.expected)?
        } else if self.expected.is_zero() && now > 0 {
            over
        } else {
            return Ok(None);
        };
        Ok(Some(Moved { by_gpu_hours, by_rate: over.checked_sub(by_gpu_hours)? }))
    }
}

/// A count that stands in the assumptions as a number.
fn whole(value: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "`as` saturates")]
    let count = value as i64;
    count
}

/// Millionths of a GPU-hour.
fn micro(gpu_hours: f64) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
    let micro = (gpu_hours * 1e6).round() as u64;
    micro
}
