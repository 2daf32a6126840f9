//! What a silence is: demand measured at zero, nothing measured, nothing billed, or an outage.

use chrono_tz::Tz;
use serde::Serialize;

use super::bins::{Grid, HOUR_US, fits_densely};
use super::calendar;
use crate::catalog::Classify;
use crate::units::{Period, Timestamp};
use crate::workload::Demand;

/// Workloads below which a common silence says nothing.
const MIN_WORKLOADS: usize = 3;
/// The shortest common silence that counts, microseconds.
const MIN_OUTAGE_US: i64 = HOUR_US / 2;
/// Share of such hours silent below which a workload is active most of the time.
const MOSTLY_ACTIVE: f64 = 0.5;

/// What a time without a row means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoleMeaning {
    /// Nobody measured: the level is unknown.
    Unknown,
    /// Counts that leave rows out: no request.
    CountedAsZero,
    /// A bill without a row: no GPU.
    BilledNothing,
}

impl HoleMeaning {
    /// The word in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            HoleMeaning::Unknown => "unknown",
            HoleMeaning::CountedAsZero => "counted_as_zero",
            HoleMeaning::BilledNothing => "billed_nothing",
        }
    }
}

/// Times inside the span that no row covers, apart from rows at zero.
#[derive(Clone, Debug, PartialEq)]
pub struct Holes {
    /// The times without a row, in order.
    pub without_row: Vec<Period>,
    /// What they mean.
    pub meaning: HoleMeaning,
    /// Time in rows without demand, seconds.
    pub measured_zero_s: f64,
}

impl Holes {
    /// Time without a row, seconds.
    pub fn without_row_s(&self) -> f64 {
        self.without_row.iter().map(|it| it.len_us() as f64).sum::<f64>().abs() / 1e6
    }
}

/// The holes of counts and levels; a log of single requests has no rows to miss.
pub fn holes(demand: &Demand) -> Option<Holes> {
    let meaning = match demand {
        Demand::Counts(_) => HoleMeaning::CountedAsZero,
        Demand::Level(series) if series.absent_is_zero => HoleMeaning::BilledNothing,
        Demand::Level(_) => HoleMeaning::Unknown,
        Demand::Arrivals(_) | Demand::Unknown => return None,
    };
    let rows = rows(demand);
    let zeros = rows.iter().filter(|it| !it.1).map(|it| it.0.len_us() as f64).sum::<f64>();
    let span = span(demand)?;
    let without_row = between(span, rows.iter().map(|it| it.0), 1);
    Some(Holes { without_row, meaning, measured_zero_s: zeros.abs() / 1e6 })
}

/// A time in which every workload of a unit is silent and each is active in most such hours.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Outage {
    /// The time.
    pub period: Period,
    /// The silent workloads, in the order given.
    pub workloads: Vec<String>,
    /// Bound of the chance that independent workloads are silent together in such an hour.
    pub chance: f64,
}

/// Common silences that chance does not explain: an outage, a holiday or missing data.
///
/// Of all workloads whose demand is in requests, and again of all in GPUs, the times of half an hour
/// and more are sought in which none has demand. Those whose data cover the whole time are its
/// workloads, at least 3 of which must be silent in less than half of the other hours of the same
/// hour of the day and the same sort of day (Monday to Friday, weekend). The chance of a common
/// silence in one of its hours is bounded by the product of (silent + 1) / (all + 2) such hours
/// (the rule of succession), were the workloads independent; it must be below `outage_chance`.
/// Three workloads never silent in 20 other hours: (1 / 22)^3 = 0.000094. Silence that comes with the
/// night or the weekend is common in other weeks too, and no outage.
pub fn outages(watched: &[Watched], zone: Tz, limits: &Classify) -> Vec<Outage> {
    let mut found = Vec::new();
    for is_level in [false, true] {
        let group: Vec<&Watched> = watched.iter().filter(|it| it.is_level == is_level).collect();
        if group.len() >= MIN_WORKLOADS {
            let silences = common_silences(&group);
            found.extend(silences.into_iter().filter_map(|it| outage(it, &group, zone, limits)));
        }
    }
    found.sort_by_key(|it| (it.period.start(), it.period.end()));
    found
}

/// The longest time without demand of which no part is an outage, seconds; an outage ends it.
pub fn longest_idle_outside(demand: &Demand, outages: &[Period]) -> Option<f64> {
    let span = span(demand)?;
    let busy = rows(demand).into_iter().filter(|it| it.1).map(|it| it.0);
    let mut taken: Vec<Period> = busy.chain(outages.iter().copied()).collect();
    taken.sort_by_key(|it| it.start());
    let idle = between(span, taken.into_iter(), 1);
    Some(idle.iter().map(|it| it.len_us()).max().unwrap_or(0) as f64 / 1e6)
}

/// From the first to the last row; nothing for times without a date.
fn span(demand: &Demand) -> Option<Period> {
    let (first, last) = match demand {
        Demand::Arrivals(log) if !log.relative => {
            let (first, last) = (*log.at_us.first()?, *log.at_us.last()?);
            (Timestamp::from_us(first), Timestamp::from_us(last))
        }
        Demand::Counts(series) => {
            (series.bins.first()?.period.start(), series.bins.last()?.period.end())
        }
        Demand::Level(series) => {
            (series.bins.first()?.period.start(), series.bins.last()?.period.end())
        }
        Demand::Arrivals(_) | Demand::Unknown => return None,
    };
    Period::new(first, last)
}

/// The rows and whether they have demand; a request is a row of a microsecond.
fn rows(demand: &Demand) -> Vec<(Period, bool)> {
    match demand {
        Demand::Arrivals(log) => {
            let instant = |at_us: &i64| {
                let at = Timestamp::from_us(*at_us);
                Some((Period::new(at, at.plus_us(1))?, true))
            };
            log.at_us.iter().filter_map(instant).collect()
        }
        Demand::Counts(series) => {
            series.bins.iter().map(|it| (it.period, it.requests > 0)).collect()
        }
        Demand::Level(series) => series.bins.iter().map(|it| (it.period, it.gpus > 0.0)).collect(),
        Demand::Unknown => Vec::new(),
    }
}

/// The times with demand; requests that are less apart than a silence counts from make one.
fn busy(demand: &Demand) -> Vec<Period> {
    let Demand::Arrivals(log) = demand else {
        return rows(demand).into_iter().filter(|it| it.1).map(|it| it.0).collect();
    };
    let together = log.at_us.chunk_by(|a, b| b.saturating_sub(*a) < MIN_OUTAGE_US);
    let period = |it: &[i64]| {
        let last = Timestamp::from_us(*it.last()?);
        Period::new(Timestamp::from_us(*it.first()?), last.plus_us(1))
    };
    together.filter_map(period).collect()
}

/// The parts of a span, of at least this length, that none of the periods (by start) covers.
fn between(span: Period, periods: impl Iterator<Item = Period>, least_us: i64) -> Vec<Period> {
    let mut free = Vec::new();
    let mut since = span.start();
    let mut note = |from: Timestamp, to: Timestamp| {
        free.extend(Period::new(from, to).filter(|it| it.len_us() >= least_us));
    };
    for it in periods {
        note(since, it.start().min(span.end()));
        since = since.max(it.end());
    }
    note(since, span.end());
    free
}

/// A workload with its silences.
#[derive(Clone, Debug)]
pub struct Watched {
    name: String,
    /// Whether its demand is a level: of a bill, or measured.
    is_level: bool,
    span: Period,
    silences: Vec<Period>,
    /// Silent time and all time of the hours of a day, weekdays before weekends, microseconds.
    hours: [[(f64, f64); 24]; 2],
}

impl Watched {
    /// Nothing where the times have no date, or reach too far.
    pub fn of(name: &str, demand: &Demand, zone: Tz) -> Option<Watched> {
        let span = span(demand)?;
        if !fits_densely(span.len_us(), HOUR_US) {
            return None;
        }
        let silences = between(span, busy(demand).into_iter(), MIN_OUTAGE_US);
        let mut hours = [[(0.0, 0.0); 24]; 2];
        for (sort, hour, len_us) in by_hour(span, zone) {
            hours[sort][hour].1 += len_us;
        }
        for (sort, hour, len_us) in silences.iter().flat_map(|it| by_hour(*it, zone)) {
            hours[sort][hour].0 += len_us;
        }
        let is_level = matches!(demand, Demand::Level(_));
        Some(Watched { name: name.to_owned(), is_level, span, silences, hours })
    }

    /// Share of the other such hours in which it is silent, by the rule of succession.
    fn share_silent(&self, sort: usize, hour: usize, own_us: f64) -> f64 {
        let (silent, all) = self.hours[sort][hour];
        let hours = |us: f64| (us - own_us).max(0.0) / HOUR_US as f64;
        (hours(silent) + 1.0) / (hours(all) + 2.0)
    }
}

/// A period cut at the hours of the zone: sort of day (0 Monday to Friday), hour, microseconds.
fn by_hour(period: Period, zone: Tz) -> impl Iterator<Item = (usize, usize, f64)> {
    let grid = Grid::on_clock(HOUR_US, zone, period.start().us());
    let hours = grid.index(period.start().us())..=grid.index(period.end().us() - 1);
    hours.filter_map(move |index| {
        let from = Timestamp::from_us(grid.start_us(index)).max(period.start());
        let to = Timestamp::from_us(grid.start_us(index + 1)).min(period.end());
        let (hour, weekday) = calendar::hour_and_weekday(zone, from.us())?;
        Some((usize::from(weekday >= 5), hour, Period::new(from, to)?.len_us() as f64))
    })
}

/// Times in which no workload whose data cover them has demand.
fn common_silences(group: &[&Watched]) -> Vec<Period> {
    let Some(whole) = group.iter().map(|it| it.span).reduce(Period::cover) else {
        return Vec::new();
    };
    let mut common = vec![whole];
    for it in group {
        let outside = [(whole.start(), it.span.start()), (it.span.end(), whole.end())];
        let outside = outside.into_iter().filter_map(|it| Period::new(it.0, it.1));
        let mut silent: Vec<Period> = outside.chain(it.silences.iter().copied()).collect();
        silent.sort_by_key(|it| it.start());
        let parts = |period: &Period| -> Vec<Period> {
            let first = silent.partition_point(|it| it.end() <= period.start());
            let near = silent[first..].iter().take_while(|it| it.start() < period.end());
            near.filter_map(|it| it.intersect(*period)).collect()
        };
        common = common.iter().flat_map(parts).collect();
    }
    common.retain(|it| it.len_us() >= MIN_OUTAGE_US);
    common
}

fn outage(period: Period, group: &[&Watched], zone: Tz, limits: &Classify) -> Option<Outage> {
    let covering: Vec<&Watched> =
        group.iter().copied().filter(|it| it.span.intersect(period) == Some(period)).collect();
    let mut own_us = [[0.0; 24]; 2];
    for (sort, hour, len_us) in by_hour(period, zone) {
        own_us[sort][hour] += len_us;
    }
    let mut chance = 1.0_f64;
    for (sort, hour, _) in by_hour(period, zone) {
        let share = |it: &&Watched| it.share_silent(sort, hour, own_us[sort][hour]);
        let shares: Vec<f64> = covering.iter().map(share).collect();
        if shares.iter().filter(|it| **it < MOSTLY_ACTIVE).count() >= MIN_WORKLOADS {
            chance = chance.min(shares.iter().product());
        }
    }
    let workloads = covering.iter().map(|it| it.name.clone()).collect();
    (chance < limits.outage_chance).then_some(Outage { period, workloads, chance })
}

#[cfg(test)]
mod tests;
