//! The statistics of demand, each by its published definition.

use chrono_tz::Tz;

use super::bins::{
    Bins, DAY_US, Grid, HOUR_US, MINUTE_US, SECOND_US, TEN_MINUTES_US, dispersion_of_seconds,
};
use super::calendar;
use super::gaps::Gaps;
use super::hourly::hourly;
use super::idle::{IDLE_RUNS_S, IdleRuns};
use super::level;
use super::trend::{Trend, trend_per_30d};
use crate::units::{Period, Timestamp};
use crate::workload::{ArrivalTrace, CountSeries, Demand, LevelSeries};

/// Idle timeouts T of `warm_fraction` and `gaps_over`, seconds.
pub const IDLE_TIMEOUTS_S: [u32; 7] = [10, 60, 300, 600, 900, 1800, 3600];

/// Share of the peak hour from which an hour is busy, as its inverse.
const PEAK_TO_BUSY: f64 = 10.0;
/// Slack of comparisons between sums of fractions.
const SLACK: f64 = 1.0 - 1e-12;

/// The statistics of one workload. `None` where the data are too short, too coarse or of another
/// sort; standard deviations are those of a population; windows lie on the clock of the report's
/// zone, for relative times on their zero, and the two partial ones at the edges count.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Features {
    /// Last less first arrival, or first to last row, seconds.
    pub span_s: f64,
    /// Requests; for levels rows.
    pub n: u64,
    /// Requests per second.
    pub mean_rate: Option<f64>,
    /// Largest minute / mean minute.
    pub peak_to_mean_1m: Option<f64>,
    /// Largest ten minutes / mean ten minutes.
    pub peak_to_mean_10m: Option<f64>,
    /// Largest hour / mean hour.
    pub peak_to_mean_1h: Option<f64>,
    /// 99th percentile of the minutes / their mean.
    pub p99_to_mean_1m: Option<f64>,
    /// 99th percentile of the hours / their mean.
    pub p99_to_mean_1h: Option<f64>,
    /// Standard deviation / mean of the gaps; for counts the mean of the column by requests.
    pub interarrival_cv: Option<f64>,
    /// Goh and Barabasi's B of the gaps.
    pub burstiness: Option<f64>,
    /// Kim and Jo's form of it for a finite log.
    pub burstiness_finite: Option<f64>,
    /// Variance / mean of the requests per second.
    pub idc_1s: Option<f64>,
    /// The same per minute.
    pub idc_1m: Option<f64>,
    /// The same per ten minutes.
    pub idc_10m: Option<f64>,
    /// The same per hour.
    pub idc_1h: Option<f64>,
    /// Clock hours with any demand, mean over full days.
    pub active_hours_per_day: Option<f64>,
    /// Clock hours with at least a tenth of the peak hour, mean over full days.
    pub busy_hours_per_day: Option<f64>,
    /// Least number of hours that hold 90 % of a day, mean over full days with demand.
    pub h90: Option<f64>,
    /// Longest time without demand.
    pub longest_idle_gap_s: Option<f64>,
    /// For each of [`IDLE_TIMEOUTS_S`], the share of the span that lies within T after a request.
    pub warm_fraction: Option<[f64; IDLE_TIMEOUTS_S.len()]>,
    /// For each of [`IDLE_TIMEOUTS_S`], the gaps longer than T.
    pub gaps_over: Option<[u64; IDLE_TIMEOUTS_S.len()]>,
    /// Autocorrelation of the UTC hours at a day (span of 3 days and more).
    pub acf_24h: Option<f64>,
    /// The same at a week (15 days and more).
    pub acf_168h: Option<f64>,
    /// Change per 30 days (14 full days and more).
    pub trend_per_30d: Option<Trend>,
    /// Levels only: mean.
    pub mean: Option<f64>,
    /// Levels only: 95th percentile.
    pub p95: Option<f64>,
    /// Levels only: largest.
    pub max: Option<f64>,
    /// Share of the span without demand; for levels the share of zeros.
    pub share_zero: Option<f64>,
    /// Levels only: median.
    pub p50: Option<f64>,
    /// Full days of the zone, all of whose hours lie in the data.
    pub full_days: Option<u32>,
    /// Full days with any demand.
    pub days_active: Option<u32>,
    /// Clock hours with any demand, mean over the full days with any.
    pub active_hours_per_active_day: Option<f64>,
    /// Largest row / mean row, at the usual length of a row.
    pub peak_to_mean_native: Option<f64>,
    /// Variance / mean of the requests per row, at its usual length.
    pub idc_native: Option<f64>,
    /// For each of [`IDLE_RUNS_S`], the times without requests of at least that long that have
    /// requests before and after.
    pub idle_runs: Option<[u64; IDLE_RUNS_S.len()]>,
    /// What the data are, for the reason of a null.
    pub basis: Basis,
}

/// What sort of demand the features are of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// No demand over time.
    #[default]
    Nothing,
    /// Single requests.
    Log,
    /// Requests per period.
    Counts,
    /// GPUs per period.
    Level,
}

/// What decides whether the data can carry a statistic.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Basis {
    /// The sort of demand.
    pub sort: Sort,
    /// The usual length of a row, or the tick of a log's clock where it is visibly coarse,
    /// microseconds.
    pub finest_us: i64,
    /// Full days with a known value.
    pub known_days: u32,
    /// True when any window has demand.
    pub has_demand: bool,
}

/// The statistics of a demand; `zone` is the report's.
pub fn features(demand: &Demand, zone: Tz) -> Features {
    match demand {
        Demand::Arrivals(trace) => of_arrivals(trace, demand, zone),
        Demand::Counts(series) => of_counts(series, demand, zone),
        Demand::Level(series) => of_level(series, demand, zone),
        Demand::Unknown => Features::default(),
    }
}

fn of_arrivals(trace: &ArrivalTrace, demand: &Demand, zone: Tz) -> Features {
    let (Some(first), Some(last)) = (trace.at_us.first(), trace.at_us.last()) else {
        return Features::default();
    };
    let zone = if trace.relative { Tz::UTC } else { zone };
    let gaps = Gaps::of(&trace.at_us);
    let span_us = last.saturating_sub(*first);
    let counted = |grid: Grid| Bins::of_parts(grid, trace.at_us.iter().map(|at_us| (*at_us, 1.0)));
    let minutes = counted(Grid::on_clock(MINUTE_US, zone, *first));
    let bins = |grid: Grid| {
        let minutes = minutes.as_ref()?;
        if grid.is_made_of(minutes.grid) { minutes.joined(grid) } else { counted(grid) }
    };
    let mut found = Features {
        span_s: span_us as f64 / 1e6,
        n: trace.at_us.len() as u64,
        interarrival_cv: gaps.cv,
        burstiness: gaps.burstiness,
        burstiness_finite: gaps.burstiness_finite,
        longest_idle_gap_s: gaps.longest_s,
        warm_fraction: gaps.warm_fraction,
        gaps_over: gaps.n_over,
        basis: Basis { sort: Sort::Log, has_demand: true, ..Basis::default() },
        ..Features::default()
    };
    if gaps.clock_us <= SECOND_US && span_us >= SECOND_US {
        found.idc_1s = dispersion_of_seconds(&trace.at_us);
    }
    let source = Source { demand, zone, first_us: *first, span_us, finest_us: gaps.clock_us };
    found.fill(&source, bins);
    found.fill_dispersion(&source, bins);
    found
}

fn of_counts(series: &CountSeries, demand: &Demand, zone: Tz) -> Features {
    let (Some(first), Some(last)) = (series.bins.first(), series.bins.last()) else {
        return Features::default();
    };
    let n = series.bins.iter().fold(0_u64, |sum, bin| sum.saturating_add(bin.requests));
    let span_us = last.period.end().us().saturating_sub(first.period.start().us());
    let bins = |grid: Grid| Bins::of_counts(grid, series);
    let idle = IdleRuns::of(series);
    let mut found = Features {
        span_s: span_us as f64 / 1e6,
        n,
        interarrival_cv: weighted_cv(series),
        longest_idle_gap_s: Some(idle.longest_s),
        share_zero: idle.share,
        idle_runs: Some(idle.n_at_least),
        basis: Basis { sort: Sort::Counts, has_demand: n > 0, ..Basis::default() },
        ..Features::default()
    };
    let finest_us = series.width_us.max(1);
    let source = Source { demand, zone, first_us: first.period.start().us(), span_us, finest_us };
    found.fill(&source, bins);
    found.fill_dispersion(&source, bins);
    found.fill_native(&source, bins);
    found
}

fn of_level(series: &LevelSeries, demand: &Demand, zone: Tz) -> Features {
    let (Some(first), Some(last), Some(level)) =
        (series.bins.first(), series.bins.last(), level::statistics(series))
    else {
        return Features::default();
    };
    let span_us = last.period.end().us().saturating_sub(first.period.start().us());
    let mut found = Features {
        span_s: span_us as f64 / 1e6,
        n: series.bins.len() as u64,
        longest_idle_gap_s: Some(level.longest_zero_s),
        mean: Some(level.mean),
        p95: Some(level.p95),
        max: Some(level.max),
        share_zero: Some(level.share_zero),
        p50: Some(level.p50),
        basis: Basis { sort: Sort::Level, has_demand: level.max > 0.0, ..Basis::default() },
        ..Features::default()
    };
    let source = Source {
        demand,
        zone,
        first_us: first.period.start().us(),
        span_us,
        finest_us: series.width_us.max(1),
    };
    found.fill(&source, |grid| Bins::of_level(grid, series));
    found.fill_native(&source, |grid| Bins::of_level(grid, series));
    found
}

/// Where windows start and how fine and how long they may be.
struct Source<'a> {
    demand: &'a Demand,
    zone: Tz,
    first_us: i64,
    span_us: i64,
    finest_us: i64,
}

impl Source<'_> {
    /// Windows of a width; nothing where the data are coarser, or shorter than one window.
    fn grid(&self, width_us: i64) -> Option<Grid> {
        let sound = self.finest_us <= width_us && width_us <= self.span_us;
        sound.then(|| Grid::on_clock(width_us, self.zone, self.first_us))
    }
}

impl Features {
    /// What every sort of demand has: peaks, hours of the day, autocorrelation, trend.
    fn fill(&mut self, source: &Source<'_>, bins: impl Fn(Grid) -> Option<Bins>) {
        let counted = !matches!(source.demand, Demand::Level(_)) && self.span_s > 0.0;
        self.mean_rate = counted.then(|| self.n as f64 / self.span_s);
        self.basis.finest_us = source.finest_us;
        self.full_days = (source.finest_us <= HOUR_US).then_some(0);
        let of = |width_us| bins(source.grid(width_us)?);
        if let Some(minutes) = of(MINUTE_US) {
            self.peak_to_mean_1m = minutes.peak_to_mean();
            self.p99_to_mean_1m = minutes.p99_to_mean();
        }
        self.peak_to_mean_10m = of(TEN_MINUTES_US).and_then(|it| it.peak_to_mean());
        if let (Some(hours), Some(grid)) = (of(HOUR_US), source.grid(HOUR_US)) {
            self.peak_to_mean_1h = hours.peak_to_mean();
            self.p99_to_mean_1h = hours.p99_to_mean();
            self.fill_hours(&hours, source.zone);
            let on_utc =
                if grid == Grid::utc(HOUR_US) { Some(hours) } else { bins(Grid::utc(HOUR_US)) };
            if let Some(series) = on_utc.and_then(|it| it.dense()) {
                self.acf_24h =
                    (source.span_us >= 3 * DAY_US).then(|| autocorrelation(&series, 24)).flatten();
                self.acf_168h = (source.span_us >= 15 * DAY_US)
                    .then(|| autocorrelation(&series, 168))
                    .flatten();
            }
        }
        if source.finest_us <= DAY_US {
            let daily = daily(source);
            self.basis.known_days = u32::try_from(daily.iter().flatten().count()).unwrap_or(0);
            self.trend_per_30d = trend_per_30d(&daily);
        }
    }

    /// The two at the usual length of a row, from what is there where it is a minute, ten or an
    /// hour.
    fn fill_native(&mut self, source: &Source<'_>, bins: impl Fn(Grid) -> Option<Bins>) {
        (self.peak_to_mean_native, self.idc_native) = match source.finest_us {
            MINUTE_US => (self.peak_to_mean_1m, self.idc_1m),
            TEN_MINUTES_US => (self.peak_to_mean_10m, self.idc_10m),
            HOUR_US => (self.peak_to_mean_1h, self.idc_1h),
            width_us => {
                let rows = source.grid(width_us).and_then(bins);
                let idc = rows.as_ref().and_then(Bins::index_of_dispersion);
                let counted = !matches!(source.demand, Demand::Level(_));
                (rows.and_then(|it| it.peak_to_mean()), idc.filter(|_| counted))
            }
        };
    }

    fn fill_dispersion(&mut self, source: &Source<'_>, bins: impl Fn(Grid) -> Option<Bins>) {
        let idc = |width_us| bins(source.grid(width_us)?)?.index_of_dispersion();
        self.idc_1m = idc(MINUTE_US);
        self.idc_10m = idc(TEN_MINUTES_US);
        self.idc_1h = idc(HOUR_US);
    }

    /// The three hours-a-day statistics over the full days of the zone. An hour nobody measured is
    /// no active hour; a day nobody measured is no day.
    fn fill_hours(&mut self, hours: &Bins, zone: Tz) {
        let Some(series) = hours.dense() else { return };
        let peak = series.iter().flatten().copied().fold(0.0, f64::max);
        let (mut n_days, mut active, mut busy) = (0_u32, 0_usize, 0_usize);
        let (mut n_days_active, mut holding) = (0_u32, 0_usize);
        let days = calendar::full_days(hours.grid.start_us(hours.first), series.len(), zone);
        self.full_days = u32::try_from(days.len()).ok();
        for day in days {
            let mut day: Vec<f64> = series[day].iter().flatten().copied().collect();
            if day.is_empty() {
                continue;
            }
            n_days += 1;
            active += day.iter().filter(|it| **it > 0.0).count();
            let is_busy = |it: &&f64| **it > 0.0 && **it * PEAK_TO_BUSY >= peak * SLACK;
            busy += day.iter().filter(is_busy).count();
            if let Some(n) = hours_holding_90_percent(&mut day) {
                n_days_active += 1;
                holding += n;
            }
        }
        let per_day = |n: usize, days: u32| (days > 0).then(|| n as f64 / f64::from(days));
        self.active_hours_per_day = per_day(active, n_days);
        self.busy_hours_per_day = per_day(busy, n_days);
        self.h90 = per_day(holding, n_days_active);
        self.days_active = (n_days > 0).then_some(n_days_active);
        self.active_hours_per_active_day = per_day(active, n_days_active);
    }
}

/// Least number of hours with 90 % of the day: 50, 30, 10, 10 takes 3. Nothing for a day at zero.
pub(super) fn hours_holding_90_percent(day: &mut [f64]) -> Option<usize> {
    day.sort_unstable_by(|a, b| b.total_cmp(a));
    let total: f64 = day.iter().sum();
    let mut held = 0.0;
    let enough = day.iter().position(|hour| {
        held += hour;
        held * 10.0 >= total * 9.0 * SLACK
    })?;
    (total > 0.0).then_some(enough + 1)
}

/// `sum((x_t - m)(x_(t+k) - m)) / sum((x_t - m)^2)`, m the mean of all known hours; pairs with an
/// unknown hour are left out. 1 0 1 0 at lag 2: 0.5. Nothing for a constant series.
pub(super) fn autocorrelation(series: &[Option<f64>], lag: usize) -> Option<f64> {
    let n = series.iter().flatten().count();
    let mean = series.iter().flatten().sum::<f64>() / n as f64;
    let squares: f64 = series.iter().flatten().map(|it| (it - mean) * (it - mean)).sum();
    let varies = squares > 1e-18 * mean * mean * n as f64;
    let pairs = series.iter().zip(series.get(lag..)?);
    let products: f64 =
        pairs.filter_map(|(now, later)| Some((((*now)?) - mean) * (((*later)?) - mean))).sum();
    varies.then(|| products / squares)
}

/// Mean of the column `interarrival_cv`, weighed by the requests of the rows that have it.
fn weighted_cv(series: &CountSeries) -> Option<f64> {
    let mut weight = 0.0;
    let mut sum = 0.0;
    for bin in &series.bins {
        if let Some(cv) = bin.interarrival_cv {
            weight += bin.requests as f64;
            sum += cv * bin.requests as f64;
        }
    }
    (weight > 0.0).then(|| sum / weight)
}

/// The mean of a day's known hours, over the full days of the zone, so that a day of 23 or 25 hours
/// is no trend.
fn daily(source: &Source<'_>) -> Vec<Option<f64>> {
    let first = Timestamp::from_us(source.first_us);
    // The last request itself is inside, the end of the last row is not.
    let closed = i64::from(matches!(source.demand, Demand::Arrivals(_)));
    let last = first.plus_us(source.span_us).plus_us(closed);
    let Some(window) = Period::new(first, last) else { return Vec::new() };
    let days = hourly(source.demand, window, source.zone).days(source.zone);
    days.into_iter().map(|it| it.mean).collect()
}

#[cfg(test)]
mod tests;
