//! What a workload costs an hour by weekday now, and where that is going.

use super::range::{Backtest, Spread, WEEK, backtest, by_weeks};
use crate::catalog::Assumptions;
use crate::classify::{CostHistory, HistoryDay};
use crate::units::{Money, MoneyError};

/// 1.96, by which an interval of 95 % is wider than its standard error.
const Z_95: f64 = 1.959_963_984_540_054;
/// Days that a trend is given per.
const TREND_DAYS: f64 = 30.0;

/// The cost of so much time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    pub(super) cost: Money,
    pub(super) us: u64,
}

/// A trend that is certain, as a share of the level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Slope {
    /// Per day.
    pub(super) per_day: f64,
    /// Standard error of that.
    pub(super) error: f64,
    /// Days it was seen for; it is carried on for as many.
    pub(super) days_seen: f64,
    /// Days from the middle of the level's weeks to their end.
    pub(super) to_end: f64,
}

impl Slope {
    /// Days of it at some days after the end of the data.
    pub(super) fn days(&self, after: f64) -> f64 {
        self.to_end + after.min(self.days_seen)
    }
}

/// The level of the latest whole weeks since the cost changed for good.
#[derive(Clone, Debug)]
pub(super) struct Level {
    /// Bought by use, Monday first.
    pub(super) by_use: [Rate; WEEK],
    /// Covered by commitments.
    pub(super) committed: [Rate; WEEK],
    pub(super) slope: Option<Slope>,
    /// Days of those weeks less what the level says of each.
    pub(super) residuals: Vec<f64>,
    /// All days since the change, for the backtest.
    pub(super) days: Vec<f64>,
    pub(super) spread: Spread,
    pub(super) backtest: Option<Backtest>,
}

impl Level {
    /// The level, or why there is none. `declared` where the user says how it grows, so that no trend
    /// is read from the past.
    pub(super) fn of(
        history: &CostHistory,
        declared: bool,
        assumed: &Assumptions,
    ) -> Result<Result<Level, String>, MoneyError> {
        let rules = &assumed.forecast;
        let n_days = history.days.len();
        if (n_days as f64) < rules.min_days.max(WEEK as f64) {
            let least = rules.min_days;
            return Ok(Err(format!("{n_days} whole days of cost, {least} are needed")));
        }
        let (first, is_last_change) = since_change(history);
        let since = &history.days[first..];
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "`as` saturates"
        )]
        let most = (rules.level_weeks as usize).max(1);
        let weeks = (since.len() / WEEK).clamp(1, most);
        let used = &since[since.len() - weeks * WEEK..];
        let usd: Vec<f64> = since.iter().map(|it| it.by_use.to_f64()).collect();
        let slope =
            if declared || !is_last_change { None } else { slope(history, &usd, used.len()) };
        let residuals = residuals(used, slope);
        let Some(spread) = Spread::of(&residuals, &assumed.risk) else {
            return Ok(Err("no whole week of cost".to_owned()));
        };
        // A trend is no error of the level.
        let backtest = if slope.is_some() { None } else { backtest(&usd, rules) };
        Ok(Ok(Level {
            by_use: rates(used, |it| it.by_use)?,
            committed: rates(used, |it| it.committed)?,
            slope,
            residuals,
            days: usd,
            spread,
            backtest,
        }))
    }
}

/// The first day after the last change for good that leaves a week, and whether it is the last.
///
/// Nothing changes for good where most days cost nothing: the weeks between two runs are no end.
fn since_change(history: &CostHistory) -> (usize, bool) {
    let n_paid = history.days.iter().filter(|it| !it.by_use.is_zero()).count();
    if 2 * n_paid < history.days.len() {
        return (0, false);
    }
    for (at, change) in history.changes.all.iter().rev().enumerate() {
        let first = history.days.partition_point(|it| it.period.start() < change.at);
        if history.days.len() - first >= WEEK {
            return (first, at == 0);
        }
    }
    (0, history.changes.all.is_empty())
}

/// The trend since the change where its interval excludes 0.
fn slope(history: &CostHistory, usd: &[f64], n_used: usize) -> Option<Slope> {
    let trend = history.changes.trend_since_change?;
    if trend.low <= 0.0 && trend.high >= 0.0 {
        return None;
    }
    let mean = |it: &[f64]| it.iter().sum::<f64>() / it.len() as f64;
    let level = mean(&usd[usd.len() - n_used..]);
    // The trend is a share of the mean of all days since the change.
    let of_level = mean(usd) / level;
    let per_day = |it: f64| it / TREND_DAYS * of_level;
    (level > 0.0).then(|| Slope {
        per_day: per_day(trend.value),
        error: per_day(trend.high - trend.low) / (2.0 * Z_95),
        days_seen: usd.len() as f64,
        to_end: n_used as f64 / 2.0,
    })
}

fn rates(
    days: &[HistoryDay],
    pick: impl Fn(&HistoryDay) -> Money,
) -> Result<[Rate; WEEK], MoneyError> {
    let zero = days
        .first()
        .map_or(Money::zero(crate::units::Currency::USD), |it| Money::zero(it.by_use.currency()));
    let mut rates = [Rate { cost: zero, us: 0 }; WEEK];
    for day in days {
        let rate = &mut rates[day.weekday % WEEK];
        rate.cost = rate.cost.checked_add(pick(day))?;
        rate.us += u64::try_from(day.period.len_us()).unwrap_or(0);
    }
    Ok(rates)
}

/// Each day less what is expected of it: the mean of its weekday, of working days and of weekends where
/// there are less than four weeks, moved by the trend.
fn residuals(days: &[HistoryDay], slope: Option<Slope>) -> Vec<f64> {
    let single = by_weeks(days.len() / WEEK);
    let kind = |it: &HistoryDay| if single { it.weekday } else { usize::from(it.weekday >= 5) };
    let mut means = [(0.0, 0.0); WEEK];
    for day in days {
        let (sum, n) = &mut means[kind(day) % WEEK];
        (*sum, *n) = (*sum + day.by_use.to_f64(), *n + 1.0);
    }
    let middle = days.len() as f64 / 2.0;
    let moved = |at: usize| slope.map_or(1.0, |it| 1.0 + it.per_day * (at as f64 + 0.5 - middle));
    let of_day = |(at, day): (usize, &HistoryDay)| {
        let (sum, n) = means[kind(day) % WEEK];
        day.by_use.to_f64() - sum / n * moved(at)
    };
    days.iter().enumerate().map(of_day).collect()
}
