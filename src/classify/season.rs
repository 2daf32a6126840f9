//! How much of demand the hour of the day and the weekday explain, and which they are.

use std::fmt::Write as _;

use chrono_tz::Tz;
use serde::Serialize;

use super::calendar;
use super::evidence::number;
use super::hourly::HourlySeries;
use crate::catalog::Classify;

/// Days of the zone below which nothing is said of the hours of the day.
const MIN_FULL_DAYS: usize = 3;
/// The same of the weekdays: each of them twice, and one more.
const MIN_WEEKDAY_DAYS: usize = 15;
/// One-sided 1 % point of the normal distribution.
const Z_99: f64 = 2.326_347_874_040_841;
/// Share of a working day below which a weekend is quiet.
const QUIET_WEEKEND: f64 = 0.1;
/// Share of the busiest hour from which its neighbours are as busy.
const AS_BUSY: f64 = 0.8;
/// Monday first.
const WEEKDAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// How demand repeats by the hour of the day and by the weekday, on the clock of the report's zone.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Seasonality {
    /// Strength of the hour of the day, 0 to 1.
    pub hour_of_day: Option<f64>,
    /// Why it is unknown.
    pub hour_of_day_null: Option<String>,
    /// The hour of the day with the highest mean, where the hours differ by more than chance.
    pub peak_hour: Option<usize>,
    /// The longest run of hours with less than half of the mean, from its first hour around
    /// midnight, where the hours differ by more than chance.
    pub quiet_hours: Vec<usize>,
    /// Strength of the weekday, 0 to 1.
    pub weekday: Option<f64>,
    /// Why it is unknown.
    pub weekday_null: Option<String>,
    /// The weekday with the highest mean, where they differ by more than chance.
    pub busiest_weekday: Option<&'static str>,
    /// The one with the lowest.
    pub quietest_weekday: Option<&'static str>,
    /// What a reader is told, sentence by sentence.
    pub words: Vec<String>,
}

/// A seasonal component.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Strength {
    /// 0 to 1.
    pub(super) value: f64,
    /// Whether noise has it in fewer than 1 of 100 series.
    pub(super) is_clear: bool,
}

/// How the hours of a series repeat.
pub fn seasonality(series: &HourlySeries, zone: Tz, limits: &Classify) -> Seasonality {
    let mut found = Seasonality::default();
    let why_not = if series.values.is_empty() {
        Some("the data have no demand over time")
    } else if series.relative {
        Some("the times of the log count from its start")
    } else if series.spread {
        Some("rows are longer than an hour")
    } else {
        None
    };
    let days = series.days(zone);
    let known: Vec<Option<f64>> = days.iter().map(|it| it.mean).collect();
    let n_known = known.iter().flatten().count();
    let lacks = |needed: usize| {
        let few = || (n_known < needed).then(|| format!("needs {needed} full days, has {n_known}"));
        why_not.map(str::to_owned).or_else(few)
    };
    found.hour_of_day_null = lacks(MIN_FULL_DAYS);
    if found.hour_of_day_null.is_none() {
        let clock = |at: usize| calendar::hour_and_weekday(zone, series.hour_start(at).us());
        let hour = |at: usize| clock(at).map(|it| it.0);
        let strength = strength::<24>(&series.values, hour);
        found.hour_of_day = strength.map(|it| it.value);
        let is_clear = |it: Strength| it.is_clear && it.value >= limits.season_strength;
        if strength.is_some_and(is_clear) {
            found.tell_hours(&means::<24>(&series.values, hour));
        }
    }
    found.weekday_null = lacks(MIN_WEEKDAY_DAYS);
    if found.weekday_null.is_none() {
        let weekday = |day: usize| {
            let first = days.get(day)?.hours.start;
            calendar::hour_and_weekday(zone, series.hour_start(first).us()).map(|it| it.1)
        };
        let strength = strength::<7>(&known, weekday);
        found.weekday = strength.map(|it| it.value);
        let is_clear = |it: Strength| it.is_clear && it.value >= limits.season_strength;
        if strength.is_some_and(is_clear) {
            found.tell_weekdays(&means::<7>(&known, weekday));
        }
    }
    let flat = || "demand does not vary".to_owned();
    if found.hour_of_day.is_none() {
        found.hour_of_day_null.get_or_insert_with(flat);
    }
    if found.weekday.is_none() {
        found.weekday_null.get_or_insert_with(flat);
    }
    found
}

impl Seasonality {
    fn tell_hours(&mut self, profile: &[f64]) {
        let mean = profile.iter().sum::<f64>() / profile.len() as f64;
        let Some((peak, most)) = highest(profile) else { return };
        self.peak_hour = Some(peak);
        self.quiet_hours = longest_run(profile, |it| it < mean / 2.0);
        let times = number(most / mean);
        let (first, last) = around(profile, peak, |it| it >= most * AS_BUSY);
        let clock = |hour: usize| format!("{:02}:00", hour % 24);
        let mut words = format!(
            "Busiest from {} to {}, with up to {times} times the mean",
            clock(first),
            clock(last + 1)
        );
        if let (Some(first), Some(last)) = (self.quiet_hours.first(), self.quiet_hours.last()) {
            // Writing to a String cannot fail.
            let _ = write!(words, ", quiet from {} to {}", clock(*first), clock(last + 1));
        }
        words.push('.');
        self.words.push(words);
    }

    fn tell_weekdays(&mut self, profile: &[f64]) {
        let working = profile[..5].iter().sum::<f64>() / 5.0;
        if profile[5].max(profile[6]) < working * QUIET_WEEKEND {
            self.quietest_weekday = Some(WEEKDAYS[if profile[5] < profile[6] { 5 } else { 6 }]);
            self.busiest_weekday = highest(profile).map(|it| WEEKDAYS[it.0]);
            self.words.push("Weekends are quiet: less than a tenth of a working day.".to_owned());
            return;
        }
        let lowest = profile.iter().map(|it| -it).collect::<Vec<f64>>();
        let (Some((busy, most)), Some((quiet, _))) = (highest(profile), highest(&lowest)) else {
            return;
        };
        let mean = profile.iter().sum::<f64>() / profile.len() as f64;
        (self.busiest_weekday, self.quietest_weekday) =
            (Some(WEEKDAYS[busy]), Some(WEEKDAYS[quiet]));
        self.words.push(format!(
            "{} is the busiest day with {} times the mean day, {} the quietest with {}.",
            WEEKDAYS[busy],
            number(most / mean),
            WEEKDAYS[quiet],
            number(profile[quiet] / mean)
        ));
    }
}

/// Strength of a season of `P` steps (Wang, Smith and Hyndman, Data Mining and Knowledge Discovery
/// 13, 335, 2006: 1 - Var(remainder) / Var(season and remainder)), at least 0. The trend is a centred
/// moving mean of one season, so a shift of level is no season; variances are per degree of
/// freedom, so noise has about 0. A day of 12 hours at 1 and 12 at 0, repeated, has 1. Nothing for
/// demand that does not vary.
pub(super) fn strength<const P: usize>(
    values: &[Option<f64>],
    class: impl Fn(usize) -> Option<usize>,
) -> Option<Strength> {
    let rest: Vec<(usize, f64)> = detrended(values, P)
        .into_iter()
        .filter_map(|(at, value)| Some((class(at)?, value)))
        .collect();
    let mut sums = [(0.0, 0_u32); P];
    for (class, value) in &rest {
        let sum = sums.get_mut(*class)?;
        *sum = (sum.0 + value, sum.1 + 1);
    }
    let n = rest.len() as f64;
    let mean = rest.iter().map(|it| it.1).sum::<f64>() / n;
    let season = |class: usize| sums[class].0 / f64::from(sums[class].1);
    let total: f64 = rest.iter().map(|it| (it.1 - mean) * (it.1 - mean)).sum();
    let left: f64 = rest.iter().map(|it| it.1 - season(it.0)).map(|it| it * it).sum();
    let of_season = sums.iter().filter(|it| it.1 > 0).count() as f64 - 1.0;
    let freedom = n * kept_by_detrending(P as f64);
    let of_rest = freedom - of_season;
    let size: f64 = values.iter().flatten().map(|it| it * it).sum();
    if of_season < 1.0 || of_rest < 1.0 || total <= 1e-18 * size {
        return None;
    }
    let value = (1.0 - left / of_rest / (total / freedom)).max(0.0);
    let ratio = (total - left) / of_season / (left / of_rest);
    let is_clear = left <= 1e-12 * total || normal_of_f(ratio, of_season, of_rest) > Z_99;
    Some(Strength { value, is_clear })
}

/// Values less their centred moving mean over one season, with their places. At the edges and
/// beside a hole the nearest whole mean stands in, at most half a season away.
pub(super) fn detrended(values: &[Option<f64>], season: usize) -> Vec<(usize, f64)> {
    let half = season / 2;
    let trend = moving_means(values, season);
    let near = |at: usize| {
        (0..=half).find_map(|far| {
            let before = at.checked_sub(far).and_then(|it| trend[it]);
            before.or_else(|| trend.get(at + far).copied().flatten())
        })
    };
    let of = |(at, value): (usize, &Option<f64>)| Some((at, (*value)? - near(at)?));
    values.iter().enumerate().filter_map(of).collect()
}

/// The mean of each value with half a season on either side, of an even season with halves at the
/// ends; nothing where one of them is not known.
fn moving_means(values: &[Option<f64>], season: usize) -> Vec<Option<f64>> {
    let half = season / 2;
    let mut means = vec![None; values.len()];
    let Some(n) = values.len().checked_sub(2 * half).filter(|_| season > 0) else { return means };
    let plain: Vec<f64> = values.iter().map(|it| it.unwrap_or(0.0)).collect();
    // All windows side by side, each from its first value to its last.
    let mut sums = vec![0.0; n];
    for far in 0..=2 * half {
        for (sum, value) in sums.iter_mut().zip(&plain[far..]) {
            *sum += value;
        }
    }
    let mut unknown: usize = values.iter().take(2 * half).filter(|it| it.is_none()).count();
    for (at, sum) in sums.iter().enumerate() {
        unknown += usize::from(values[at + 2 * half].is_none());
        if unknown == 0 {
            let ends = if season.is_multiple_of(2) {
                f64::midpoint(plain[at], plain[at + 2 * half])
            } else {
                0.0
            };
            means[at + half] = Some((sum - ends) / season as f64);
        }
        unknown -= usize::from(values[at].is_none());
    }
    means
}

/// Share of the variance of noise that is left when its centred moving mean is taken off:
/// 1 - 2 w + sum of w^2, w in the middle, for the weights 1 / p, of an even p with halves at the ends.
fn kept_by_detrending(p: f64) -> f64 {
    let squares = if p % 2.0 == 0.0 { (p - 0.5) / (p * p) } else { 1.0 / p };
    1.0 - 2.0 / p + squares
}

/// A ratio of variances as a normal deviate (Paulson, Annals of Mathematical Statistics 13, 233,
/// 1942). F(6, 10) = 5.39, its 1 % point, gives 2.31.
fn normal_of_f(ratio: f64, over: f64, under: f64) -> f64 {
    let (a, b) = (2.0 / (9.0 * over), 2.0 / (9.0 * under));
    let root = ratio.cbrt();
    ((1.0 - b) * root - (1.0 - a)) / (b * root * root + a).sqrt()
}

/// Mean of each class.
fn means<const P: usize>(
    values: &[Option<f64>],
    class: impl Fn(usize) -> Option<usize>,
) -> Vec<f64> {
    let mut sums = [(0.0, 0_u32); P];
    for (at, value) in values.iter().enumerate() {
        if let (Some(value), Some(sum)) = (value, class(at).and_then(|it| sums.get_mut(it))) {
            *sum = (sum.0 + value, sum.1 + 1);
        }
    }
    sums.iter().map(|it| if it.1 > 0 { it.0 / f64::from(it.1) } else { 0.0 }).collect()
}

/// Place and value of the highest, the first of equals.
fn highest(profile: &[f64]) -> Option<(usize, f64)> {
    profile.iter().copied().enumerate().reduce(|best, it| if it.1 > best.1 { it } else { best })
}

/// First and last hour of the run that holds an hour, around midnight.
fn around(profile: &[f64], at: usize, is_in: impl Fn(f64) -> bool) -> (usize, usize) {
    let n = profile.len();
    let far = |step: usize| (1..n).take_while(|far| is_in(profile[(at + far * step) % n])).count();
    ((at + n - far(n - 1)) % n, (at + far(1)) % n)
}

/// The longest run of a clock's hours, around midnight.
fn longest_run(profile: &[f64], is_in: impl Fn(f64) -> bool) -> Vec<usize> {
    let n = profile.len();
    let run = |start: usize| -> Vec<usize> {
        (start..start + n).map(|it| it % n).take_while(|it| is_in(profile[*it])).collect()
    };
    let longest = (0..n).map(run).reduce(|best, it| if it.len() > best.len() { it } else { best });
    longest.unwrap_or_default()
}

#[cfg(test)]
pub(super) mod tests;
