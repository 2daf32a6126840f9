//! What workloads would need together: who asks when others do not.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use serde::Serialize;

use super::bins::{HOUR_US, quantile_of};
use super::hourly::{HourlySeries, HourlyUnit, hourly, weekday_hour_profile};
use crate::catalog::Waste as Limits;
use crate::units::Timestamp;
use crate::usage::{Column, Number};
use crate::workload::{Demand, LevelBin, LevelSeries, Workload};

/// Pairs a pool names, the most complementary first.
const MOST_PAIRS: usize = 5;
/// Workloads of a pool of which all pairs are looked at: pairs grow with the square.
const MOST_PAIRED: usize = 200;
/// Slack of comparisons between sums of fractions, in GPUs.
const SLACK: f64 = 1e-9;

/// What a pool does not show, one sentence each.
pub const POOL_CAVEATS: [&str; 3] = [
    "Hours are means: a queue inside an hour needs more, and a request of one workload waits behind those of another.",
    "What shares GPUs fails together, and is updated together.",
    "Other models must be loaded first: a pool keeps them all in memory, or waits for a cold start.",
];

/// Where the demand of a pool comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum PoolSource {
    /// GPUs that telemetry saw active.
    Activity,
    /// GPUs billed, where the bill follows demand. A constant level says nothing of demand.
    Billed,
    /// Requests: what one costs differs by model, so they are never added up.
    Requests,
}

/// The demand of one workload and what it is made of.
#[derive(Clone, Debug)]
pub struct Demanded {
    /// By clock hour; kept short, since all workloads are looked at together.
    hourly: Packed,
    /// Where it comes from.
    pub source: PoolSource,
}

/// An [`HourlySeries`] in the bytes that its values need.
#[derive(Clone, Debug)]
struct Packed {
    start: Timestamp,
    unit: HourlyUnit,
    spread: bool,
    relative: bool,
    values: PackedValues,
}

/// Whole numbers, as requests mostly are, take half of the bytes.
#[derive(Clone, Debug)]
enum PackedValues {
    Whole(Column<u64>),
    Real(Column<f64>),
}

impl PackedValues {
    fn of(values: &[Option<f64>]) -> PackedValues {
        let whole: Option<Vec<Option<u64>>> = values
            .iter()
            .map(|it| it.map(whole_number).map_or(Some(None), |it| it.map(Some)))
            .collect();
        match whole {
            Some(whole) => PackedValues::Whole(packed(whole.into_iter())),
            None => PackedValues::Real(packed(values.iter().copied())),
        }
    }

    fn len(&self) -> usize {
        match self {
            PackedValues::Whole(values) => values.len(),
            PackedValues::Real(values) => values.len(),
        }
    }

    /// Hours with a value.
    fn known(&self) -> usize {
        match self {
            PackedValues::Whole(values) => (0..values.len()).filter(|at| values.has(*at)).count(),
            PackedValues::Real(values) => (0..values.len()).filter(|at| values.has(*at)).count(),
        }
    }

    fn opened(&self) -> Vec<Option<f64>> {
        match self {
            PackedValues::Whole(values) => values.iter().map(|it| it.map(|it| it as f64)).collect(),
            PackedValues::Real(values) => values.iter().collect(),
        }
    }
}

fn packed<T: Number>(values: impl Iterator<Item = Option<T>>) -> Column<T> {
    let mut column = Column::default();
    for value in values {
        column.push(value);
    }
    column.shrink_to_fit();
    column
}

/// A value as the very same whole number, where it is one.
fn whole_number(value: f64) -> Option<u64> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
    let whole = value as u64;
    ((whole as f64).to_bits() == value.to_bits()).then_some(whole)
}

impl Packed {
    fn of(series: &HourlySeries) -> Packed {
        let HourlySeries { start, unit, spread, relative, .. } = *series;
        Packed { start, unit, spread, relative, values: PackedValues::of(&series.values) }
    }

    fn opened(&self) -> HourlySeries {
        let Packed { start, unit, spread, relative, ref values } = *self;
        HourlySeries { start, values: values.opened(), unit, spread, relative }
    }
}

/// A workload that may share GPUs with others of one GPU model, provider and region.
#[derive(Clone, Debug)]
pub struct PoolMember {
    /// Its name.
    pub name: String,
    /// The GPU.
    pub gpu: Option<String>,
    /// Who is paid.
    pub provider: Option<String>,
    /// Where.
    pub region: Option<String>,
    /// Its demand.
    pub demanded: Demanded,
}

impl PoolMember {
    /// The demand of a workload in the best unit there is: GPUs active, else GPUs billed where they
    /// vary, else requests. Nothing where none of them is known or the times have no date.
    pub fn of(workload: &Workload, zone: Tz) -> Option<PoolMember> {
        if matches!(&workload.demand, Demand::Arrivals(it) if it.relative) {
            return None;
        }
        let deployment = &workload.deployment;
        Some(PoolMember {
            name: workload.name.clone(),
            gpu: deployment.gpu.clone().or_else(|| deployment.gpu_label.clone()),
            provider: deployment.provider.clone(),
            region: deployment.region.clone(),
            demanded: demanded(workload, zone)?,
        })
    }
}

/// When and how much one workload asks at its peak.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Peak {
    /// The workload.
    pub name: String,
    /// What its demand is made of.
    pub source: PoolSource,
    /// Demand of its largest hour in common, in the unit of the pool.
    pub peak: f64,
    /// 99th percentile of its hours.
    pub p99: f64,
    /// Start of the largest hour, the first of equals.
    pub at: Timestamp,
    /// Weekday (Monday 0) and hour of the day with the largest mean; nothing without a day profile.
    pub usual: Option<(usize, usize)>,
}

/// Two workloads side by side.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Pair {
    /// Their names.
    pub names: [String; 2],
    /// Correlation of their hours: -1 one asks when the other does not, 1 both at once. Nothing
    /// where one of them never changes.
    pub correlation: Option<f64>,
    /// Peak of the sum / sum of the peaks: 1 when both peak together. Nothing for requests.
    pub peak_ratio: Option<f64>,
}

/// What a group of workloads would need together.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Pool {
    /// The GPU they share.
    pub gpu: Option<String>,
    /// The provider.
    pub provider: Option<String>,
    /// The region.
    pub region: Option<String>,
    /// What is counted.
    pub unit: HourlyUnit,
    /// Hours in which all of them have a value.
    pub hours: usize,
    /// Each of them, by name.
    pub peaks: Vec<Peak>,
    /// Sum of the single peaks, GPUs; nothing for requests.
    pub sum_of_peaks: Option<f64>,
    /// Peak of the sum, GPUs.
    pub peak_of_sum: Option<f64>,
    /// Sum of the single 99th percentiles.
    pub sum_of_p99: Option<f64>,
    /// 99th percentile of the sum.
    pub p99_of_sum: Option<f64>,
    /// Whole GPUs for each peak alone less whole GPUs for the peak of the sum.
    pub gpus_saved: Option<f64>,
    /// The most complementary pairs, first the one with the smallest ratio or correlation.
    pub pairs: Vec<Pair>,
    /// Workloads left out because less than a week of their demand is known.
    pub left_out: Vec<String>,
}

/// The pools of workloads that could share GPUs: same GPU, provider and region, and demand in the
/// same unit. A group needs two workloads and a week in common. Two services of 4 GPUs by day and 4
/// by night: sum of the peaks 8, peak of the sum 4, ratio 0.5, correlation -1, 4 GPUs saved.
pub fn pooling(members: &[PoolMember], zone: Tz, limits: &Limits) -> Vec<Pool> {
    pool_groups(members).iter().filter_map(|it| it.pool(zone, limits)).collect()
}

/// Workloads that could share GPUs.
#[derive(Clone, Debug)]
pub struct PoolGroup<'a>(Vec<&'a PoolMember>);

/// Those of one GPU, provider and region with demand in one unit, each group by itself.
pub fn pool_groups(members: &[PoolMember]) -> Vec<PoolGroup<'_>> {
    let mut groups: BTreeMap<_, Vec<&PoolMember>> = BTreeMap::new();
    for it in members {
        let is_gpus = it.demanded.hourly.unit == HourlyUnit::Gpus;
        let key = (!is_gpus, &it.gpu, &it.provider, &it.region);
        groups.entry(key).or_default().push(it);
    }
    groups.into_values().map(PoolGroup).collect()
}

impl PoolGroup<'_> {
    /// What they would need together; nothing below two, or without a week in common.
    pub fn pool(&self, zone: Tz, limits: &Limits) -> Option<Pool> {
        pool(&self.0, zone, limits)
    }
}

fn demanded(workload: &Workload, zone: Tz) -> Option<Demanded> {
    let window = workload.window;
    if !workload.activity.is_empty() {
        let bins = &workload.activity;
        let bins = bins.iter().map(|it| LevelBin { period: it.period, gpus: it.active }).collect();
        let series = LevelSeries { bins, width_us: HOUR_US, absent_is_zero: false };
        let hourly = hourly(&Demand::Level(series), window, zone);
        return Some(Demanded { hourly: Packed::of(&hourly), source: PoolSource::Activity });
    }
    if let Some(level) = &workload.billed_level {
        let hourly = hourly(&Demand::Level(level.clone()), window, zone);
        let known = || hourly.values.iter().flatten().copied();
        let (low, high) = (known().reduce(f64::min)?, known().reduce(f64::max)?);
        if high > low + SLACK {
            return Some(Demanded { hourly: Packed::of(&hourly), source: PoolSource::Billed });
        }
    }
    let counted = matches!(workload.demand, Demand::Arrivals(_) | Demand::Counts(_));
    counted.then(|| Demanded {
        hourly: Packed::of(&hourly(&workload.demand, workload.demand_window, zone)),
        source: PoolSource::Requests,
    })
}

/// The hours that all members have. Hours of a member are opened when they are needed: of very many
/// they would not fit memory side by side.
struct Common {
    starts: Vec<Timestamp>,
    /// Which hours of a member these are, where all begin and end at once, as those of a bill do.
    alike: Option<Vec<bool>>,
}

impl Common {
    fn of(members: &[&PoolMember]) -> Common {
        let Some(first) = members.first().map(|it| it.demanded.hourly.opened()) else {
            return Common { starts: Vec::new(), alike: None };
        };
        let hours = 0..first.values.len();
        let is_alike = |it: &&PoolMember| {
            let hourly = &it.demanded.hourly;
            hourly.start == first.start && hourly.values.len() == first.values.len()
        };
        let are_alike = members.iter().all(is_alike);
        let mut is_common = vec![true; hours.len()];
        for it in members {
            let hourly = it.demanded.hourly.opened();
            for (at, is_common) in is_common.iter_mut().enumerate() {
                *is_common &= if are_alike {
                    hourly.values[at].is_some()
                } else {
                    value_at(&hourly, first.hour_start(at)).is_some()
                };
            }
        }
        let starts = hours.filter(|at| is_common[*at]).map(|at| first.hour_start(at));
        Common { starts: starts.collect(), alike: are_alike.then_some(is_common) }
    }

    /// Those of a member.
    fn values(&self, hourly: &HourlySeries) -> Vec<f64> {
        match &self.alike {
            Some(is_common) => {
                let values = hourly.values.iter().zip(is_common).filter(|it| *it.1);
                values.filter_map(|it| *it.0).collect()
            }
            None => self.starts.iter().filter_map(|at| value_at(hourly, *at)).collect(),
        }
    }
}

/// The value of the hour that starts at an instant.
fn value_at(series: &HourlySeries, at: Timestamp) -> Option<f64> {
    let past_us = at.us().checked_sub(series.start.us()).filter(|it| it % HOUR_US == 0)?;
    series.values.get(usize::try_from(past_us / HOUR_US).ok()?).copied().flatten()
}

fn pool(group: &[&PoolMember], zone: Tz, limits: &Limits) -> Option<Pool> {
    let least = limits.pool_days * 24.0;
    let is_long = |it: &&PoolMember| it.demanded.hourly.values.known() as f64 >= least;
    let (mut members, short): (Vec<&PoolMember>, Vec<&PoolMember>) =
        group.iter().copied().partition(is_long);
    members.sort_by(|a, b| a.name.cmp(&b.name));
    let common = Common::of(&members);
    let first = members.first().filter(|_| members.len() > 1)?;
    if (common.starts.len() as f64) < least {
        return None;
    }
    let (mut peaks, mut most) = (Vec::new(), Vec::new());
    let mut total = vec![0.0; common.starts.len()];
    for it in &members {
        let hourly = it.demanded.hourly.opened();
        let values = common.values(&hourly);
        for (sum, value) in total.iter_mut().zip(&values) {
            *sum += value;
        }
        most.push(largest(&values));
        peaks.extend(peak(it, &hourly, &values, (&common.starts, zone)));
    }
    let paired = most_paired(&most).into_iter().map(|at| {
        let hourly = members[at].demanded.hourly.opened();
        (at, most[at], common.values(&hourly))
    });
    let paired: Vec<(usize, f64, Vec<f64>)> = paired.collect();
    let sum = |pick: fn(&Peak) -> f64| peaks.iter().map(pick).sum::<f64>();
    let unit = first.demanded.hourly.unit;
    let gpus = |value: f64| (unit == HourlyUnit::Gpus).then_some(value);
    let whole = |gpus: f64| (gpus - SLACK).ceil();
    let peak_of_sum = largest(&total);
    let alone: f64 = peaks.iter().map(|it| whole(it.peak)).sum();
    Some(Pool {
        gpu: first.gpu.clone(),
        provider: first.provider.clone(),
        region: first.region.clone(),
        unit,
        hours: common.starts.len(),
        sum_of_peaks: gpus(sum(|it| it.peak)),
        peak_of_sum: gpus(peak_of_sum),
        sum_of_p99: gpus(sum(|it| it.p99)),
        p99_of_sum: gpus(p99(&total)),
        gpus_saved: gpus(alone - whole(peak_of_sum)),
        pairs: pairs(&members, &paired, unit),
        peaks,
        left_out: short.into_iter().map(|it| it.name.clone()).collect(),
    })
}

fn peak(
    it: &PoolMember,
    hourly: &HourlySeries,
    values: &[f64],
    (starts, zone): (&[Timestamp], Tz),
) -> Option<Peak> {
    let peak = largest(values);
    let at = values.iter().position(|value| value.total_cmp(&peak).is_eq())?;
    let profile = weekday_hour_profile(hourly, zone);
    let cells = profile.iter().enumerate().flat_map(|(day, row)| {
        let hours = row.iter().enumerate();
        hours.filter_map(move |(hour, mean)| Some(((day, hour), (*mean)?)))
    });
    // `max_by` takes the last of equals: from behind, the first of the week.
    let cells: Vec<_> = cells.collect();
    let usual = cells.iter().rev().max_by(|a, b| a.1.total_cmp(&b.1)).map(|it| it.0);
    Some(Peak {
        name: it.name.clone(),
        source: it.demanded.source,
        peak,
        p99: p99(values),
        at: *starts.get(at)?,
        usual,
    })
}

/// The places of the workloads whose pairs are looked at: of very many those with the largest peaks.
fn most_paired(most: &[f64]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..most.len()).collect();
    places.sort_by(|a, b| most[*b].total_cmp(&most[*a]));
    places.truncate(MOST_PAIRED);
    places.sort_unstable();
    places
}

/// The pairs whose peaks coincide least, of members with their places, peaks and values.
fn pairs(members: &[&PoolMember], of: &[(usize, f64, Vec<f64>)], unit: HourlyUnit) -> Vec<Pair> {
    let rows: Vec<Row<'_>> =
        of.iter().map(|(at, peak, values)| Row::of(*at, *peak, values)).collect();
    // The best so far with their keys, the best first.
    let mut best: Vec<([f64; 2], Pair)> = Vec::new();
    for (at, a) in rows.iter().enumerate() {
        for b in &rows[at + 1..] {
            let peaks = a.peak + b.peak;
            let is_gpus = unit == HourlyUnit::Gpus && peaks > 0.0;
            let peak_ratio = is_gpus.then(|| {
                let sums = a.values.iter().zip(b.values).map(|(a, b)| a + b);
                sums.reduce(f64::max).unwrap_or(0.0) / peaks
            });
            let is_less = |than: &[f64; 2], key: &[f64; 2]| {
                than[0].total_cmp(&key[0]).then(than[1].total_cmp(&key[1])).is_le()
            };
            let worst = best.last().filter(|_| best.len() == MOST_PAIRS).map(|it| it.0);
            // A ratio above that of the worst needs no correlation.
            if worst.is_some_and(|it| peak_ratio.unwrap_or(1.0).total_cmp(&it[0]).is_gt()) {
                continue;
            }
            let correlation = a.correlation(b);
            let key = [peak_ratio.unwrap_or(1.0), correlation.unwrap_or(1.0)];
            let place = best.partition_point(|it| is_less(&it.0, &key));
            if place < MOST_PAIRS {
                let names = [a.at, b.at].map(|at| members[at].name.clone());
                best.insert(place, (key, Pair { names, correlation, peak_ratio }));
                best.truncate(MOST_PAIRS);
            }
        }
    }
    best.into_iter().map(|it| it.1).collect()
}

/// One side of pairs: its values, and those about their mean with the sum of their squares.
struct Row<'a> {
    at: usize,
    peak: f64,
    values: &'a [f64],
    about_mean: Vec<f64>,
    squares: f64,
    varies: bool,
}

impl Row<'_> {
    fn of(at: usize, peak: f64, values: &[f64]) -> Row<'_> {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let about_mean: Vec<f64> = values.iter().map(|it| it - mean).collect();
        let squares = about_mean.iter().fold(0.0, |sum, it| sum + it * it);
        let varies = squares > 1e-18 * n * mean * mean;
        Row { at, peak, values, about_mean, squares, varies }
    }

    /// Pearson's correlation; nothing where one series does not vary.
    fn correlation(&self, other: &Row<'_>) -> Option<f64> {
        (self.varies && other.varies).then(|| {
            let both = self.about_mean.iter().zip(&other.about_mean);
            let products = both.fold(0.0, |sum, (a, b)| sum + a * b);
            (products / (self.squares.sqrt() * other.squares.sqrt())).clamp(-1.0, 1.0)
        })
    }
}

fn largest(values: &[f64]) -> f64 {
    values.iter().copied().reduce(f64::max).unwrap_or(0.0)
}

/// 99th percentile.
fn p99(values: &[f64]) -> f64 {
    quantile_of(&mut values.to_vec(), 0.99)
}

#[cfg(test)]
mod tests;
