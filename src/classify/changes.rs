//! When demand changed for good: a launch, an end, a step.

use chrono_tz::Tz;
use serde::Serialize;

use super::bins::median;
use super::calendar;
use super::evidence::number;
use super::hourly::HourlySeries;
use super::season::{Strength, strength};
use super::trend::{Trend, trend_per_30d};
use crate::catalog::Classify;
use crate::units::Timestamp;

/// Full days below which no change is looked for.
const MIN_DAYS: usize = 14;
/// Days between two changes, at least.
const LEAST_DAYS: usize = 3;
/// Least noise, as a share of the mean: days without any would be cut by their last digits.
const LEAST_NOISE: f64 = 0.01;
/// Latest days looked at: the work grows with the square.
const MAX_DAYS: usize = 1830;

/// What sort of change it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// From nothing.
    Launch,
    /// To nothing.
    End,
    /// To more.
    StepUp,
    /// To less.
    StepDown,
}

/// A day on which the level of demand changed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Change {
    /// The first instant of the first day after it.
    pub at: Timestamp,
    /// What sort.
    pub kind: ChangeKind,
    /// Mean of the days before it, back to the change before, in the unit of the series.
    pub before: f64,
    /// Mean of the days after it, up to the next change.
    pub after: f64,
}

impl Change {
    /// `From 12 Oct 2026 on demand is 2.1 times what it was before.`, on the clock of `zone`.
    pub fn words(&self, zone: Tz) -> String {
        let date = self.at.in_zone(zone).format("%-d %b %Y");
        match self.kind {
            ChangeKind::Launch => format!("Demand starts on {date}."),
            ChangeKind::End => {
                let last = self.at.plus_us(-1).in_zone(zone).format("%-d %b %Y");
                format!("Demand ends on {last}.")
            }
            ChangeKind::StepUp | ChangeKind::StepDown => {
                let times = number(self.after / self.before);
                format!("From {date} on demand is {times} times what it was before.")
            }
        }
    }
}

/// The changes of a series, and where demand is going since the last.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Changes {
    /// In order of time.
    pub all: Vec<Change>,
    /// Why none was looked for.
    pub null_because: Option<String>,
    /// The trend of the days after the last of them, of all days without one.
    pub trend_since_change: Option<Trend>,
    /// Why that is unknown.
    pub trend_null_because: Option<String>,
}

/// The changes of the daily means of an hourly series (full days of the zone).
///
/// The daily means x are taken as y = sqrt x, whose spread depends less on the level than that of
/// counts and of shares of a level (Anscombe, Biometrika 35, 246, 1948), without the weekday
/// where it is clear. Of all ways to cut the days into segments of at least 3 the one is taken with
/// the least sum of (y - mean of the segment)^2 and `change_penalty` x s^2 x ln n for each cut
/// (optimal partitioning, exact: Jackson et al., IEEE Signal Processing Letters 12, 105, 2005). The
/// noise s is that of the differences from day to day. Cuts whose means differ by less than
/// `change_ratio` are undone, the least first.
pub fn changes(series: &HourlySeries, zone: Tz, limits: &Classify) -> Changes {
    let days = series.days(zone);
    let days = &days[days.len().saturating_sub(MAX_DAYS)..];
    let known: Vec<(usize, f64)> =
        days.iter().enumerate().filter_map(|(at, day)| Some((at, day.mean?))).collect();
    let n = known.len();
    if n < MIN_DAYS {
        let why = format!("needs {MIN_DAYS} full days, has {n}");
        return Changes {
            null_because: Some(why.clone()),
            trend_null_because: Some(why),
            ..Changes::default()
        };
    }
    let values: Vec<f64> = known.iter().map(|it| it.1).collect();
    let start = |at: usize| series.hour_start(days[known[at].0].hours.start);
    let weekday = |at: usize| calendar::hour_and_weekday(zone, start(at).us()).map(|it| it.1);
    let (scaled, freedom) = without_weekday(values.iter().map(|it| it.sqrt()).collect(), weekday);
    let spread = noise(&scaled).max(LEAST_NOISE * mean(&scaled));
    let variance = spread.powi(2) * n as f64 / freedom;
    let penalty = limits.change_penalty * variance * (n as f64).ln();
    let mut cuts = partition(&scaled, penalty);
    if !beats_a_line(&scaled, &cuts, penalty) {
        cuts.clear();
    }
    drop_small(&mut cuts, &values, limits.change_ratio);
    let bounds = with_ends(&cuts, n);
    let all: Vec<Change> = bounds
        .windows(3)
        .map(|it| {
            let (before, after) = (mean(&values[it[0]..it[1]]), mean(&values[it[1]..it[2]]));
            let nothing = limits.change_nothing_share;
            let kind = match (before, after) {
                _ if before < nothing * after => ChangeKind::Launch,
                _ if after < nothing * before => ChangeKind::End,
                _ if before < after => ChangeKind::StepUp,
                _ => ChangeKind::StepDown,
            };
            Change { at: start(it[1]), kind, before, after }
        })
        .collect();
    let last = cuts.last().copied().unwrap_or(0);
    let since: Vec<Option<f64>> = days[known[last].0..].iter().map(|it| it.mean).collect();
    let trend_since_change = trend_per_30d(&since);
    let trend_null_because = trend_since_change.is_none().then(|| match (all.last(), n - last) {
        (Some(_), n) if n < MIN_DAYS => {
            format!("needs {MIN_DAYS} full days after the last change, has {n}")
        }
        _ => "no full day since has demand".to_owned(),
    });
    Changes { all, null_because: None, trend_since_change, trend_null_because }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn with_ends(cuts: &[usize], n: usize) -> Vec<usize> {
    std::iter::once(0).chain(cuts.iter().copied()).chain([n]).collect()
}

/// Values less the median of their weekday where the weekdays are clear, else of working days and
/// weekends where those are, and the degrees of freedom left. What is around a day is the median of
/// seven, which keeps a step where it is.
fn without_weekday(values: Vec<f64>, weekday: impl Fn(usize) -> Option<usize>) -> (Vec<f64>, f64) {
    let known: Vec<Option<f64>> = values.iter().copied().map(Some).collect();
    let is_clear = |it: Option<Strength>| it.is_some_and(|it| it.is_clear);
    let sort = |at: usize| weekday(at).map(|it| usize::from(it >= 5));
    if is_clear(strength::<7>(&known, &weekday)) {
        without_class::<7>(&values, weekday)
    } else if differ(&values, sort) {
        without_class::<2>(&values, sort)
    } else {
        let freedom = values.len() as f64;
        (values, freedom)
    }
}

/// Whether every weekend day is below or every one is above all working days, of two weekends and
/// more: of 4 among 14 days that is chance in 2 of 1,001 orders.
fn differ(values: &[f64], sort: impl Fn(usize) -> Option<usize>) -> bool {
    let of = |wanted: usize| {
        let own = values.iter().enumerate().filter(|(at, _)| sort(*at) == Some(wanted));
        own.map(|it| *it.1).collect::<Vec<f64>>()
    };
    let (working, weekend) = (of(0), of(1));
    let low = |it: &[f64]| it.iter().copied().fold(f64::INFINITY, f64::min);
    let high = |it: &[f64]| it.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    weekend.len() >= 4
        && working.len() >= 10
        && (high(&weekend) < low(&working) || high(&working) < low(&weekend))
}

/// Values less the median of their class about the days around.
fn without_class<const P: usize>(
    values: &[f64],
    class: impl Fn(usize) -> Option<usize>,
) -> (Vec<f64>, f64) {
    let n = values.len();
    let around = |at: usize| {
        let first = at.saturating_sub(3).min(n.saturating_sub(7));
        median(values[first..(first + 7).min(n)].to_vec())
    };
    let mut apart: [Vec<f64>; P] = std::array::from_fn(|_| Vec::new());
    for (at, value) in values.iter().enumerate() {
        if let Some(own) = class(at).and_then(|it| apart.get_mut(it)) {
            own.push(value - around(at));
        }
    }
    let effects = apart.map(median);
    let effect = |at: usize| class(at).and_then(|it| effects.get(it)).copied().unwrap_or(0.0);
    let freedom = n as f64 - (P as f64 - 1.0);
    (values.iter().enumerate().map(|(at, value)| value - effect(at)).collect(), freedom)
}

/// Whether cuts cost less than one straight line, which takes a parameter as a cut does: growth is
/// no step.
fn beats_a_line(values: &[f64], cuts: &[usize], penalty: f64) -> bool {
    let squares =
        |residuals: &mut dyn Iterator<Item = f64>| residuals.map(|it| it * it).sum::<f64>();
    let n = values.len() as f64;
    let (middle, level) = ((n - 1.0) / 2.0, mean(values));
    let at = |it: usize| it as f64 - middle;
    let slope = (0..values.len()).map(|it| at(it) * (values[it] - level)).sum::<f64>()
        / (0..values.len()).map(|it| at(it) * at(it)).sum::<f64>();
    let line = squares(&mut (0..values.len()).map(|it| values[it] - level - slope * at(it)));
    let steps: f64 = with_ends(cuts, values.len())
        .windows(2)
        .map(|it| {
            let part = &values[it[0]..it[1]];
            squares(&mut part.iter().map(|value| value - mean(part)))
        })
        .sum();
    let cost = steps + penalty * cuts.len() as f64;
    cost < line + penalty
}

/// Standard deviation of the noise of daily values from their differences d: the larger of 1.4826 x
/// their median absolute deviation / sqrt 2, which no step moves, and their root mean square /
/// sqrt 2 (von Neumann, Annals of Mathematical Statistics 12, 367, 1941), which knows of rare days.
/// 1 3 1 3 1: d = 2 -2 2 -2, 1.4826 x 2 / 1.414 = 2.097.
fn noise(values: &[f64]) -> f64 {
    let steps: Vec<f64> = values.windows(2).map(|it| it[1] - it[0]).collect();
    let middle = median(steps.clone());
    let spread = 1.4826 * median(steps.iter().map(|it| (it - middle).abs()).collect());
    let root = (steps.iter().map(|it| it * it).sum::<f64>() / steps.len().max(1) as f64).sqrt();
    spread.max(root) / 2_f64.sqrt()
}

/// Starts of the segments but the first, of the cheapest cut into segments of at least
/// [`LEAST_DAYS`]. 1 1 1 5 5 5 with a penalty of 1 is cut at 3.
fn partition(values: &[f64], penalty: f64) -> Vec<usize> {
    let n = values.len();
    let mut sums = vec![(0.0, 0.0)];
    for value in values {
        let last = sums[sums.len() - 1];
        sums.push((last.0 + value, last.1 + value * value));
    }
    let cost = |from: usize, to: usize| {
        let (sum, squares) = (sums[to].0 - sums[from].0, sums[to].1 - sums[from].1);
        (squares - sum * sum / (to - from) as f64).max(0.0)
    };
    // Least cost of the first so many values, and where their last segment starts.
    let mut best = vec![(f64::INFINITY, 0); n + 1];
    best[0] = (-penalty, 0);
    for to in LEAST_DAYS..=n {
        for from in 0..=to - LEAST_DAYS {
            let total = best[from].0 + cost(from, to) + penalty;
            if total < best[to].0 {
                best[to] = (total, from);
            }
        }
    }
    let mut cuts = Vec::new();
    let mut at = n;
    while at > 0 {
        at = best[at].1;
        cuts.push(at);
    }
    cuts.pop();
    cuts.reverse();
    cuts
}

/// Undoes the cuts with less than this ratio between the means before and after, the least first.
fn drop_small(cuts: &mut Vec<usize>, values: &[f64], least_ratio: f64) {
    loop {
        let bounds = with_ends(cuts, values.len());
        let ratio = |it: &[usize]| {
            let (before, after) = (mean(&values[it[0]..it[1]]), mean(&values[it[1]..it[2]]));
            let (low, high) = (before.min(after), before.max(after));
            if high > 0.0 { high / low } else { 1.0 }
        };
        let ratios: Vec<f64> = bounds.windows(3).map(ratio).collect();
        let least = ratios.iter().copied().enumerate().min_by(|a, b| a.1.total_cmp(&b.1));
        match least {
            Some((at, ratio)) if ratio < least_ratio => cuts.remove(at),
            _ => return,
        };
    }
}

#[cfg(test)]
mod tests;
