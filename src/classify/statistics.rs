//! The statistics by name: what each means, its window, what it needs, and why one is null.

use serde_json::{Map, Number, Value};

use super::bins::{DAY_US, HOUR_US, MINUTE_US, SECOND_US, TEN_MINUTES_US};
use super::evidence::span;
use super::features::{Basis, Features, IDLE_TIMEOUTS_S, Sort};
use super::idle::IDLE_RUNS_S;
use super::trend::Trend;

/// A statistic that `describe` prints.
#[derive(Clone, Copy, Debug)]
pub struct Statistic {
    /// Its name in JSON.
    pub name: &'static str,
    /// Its unit; 1 for a ratio.
    pub unit: &'static str,
    /// What it means, in one line.
    pub meaning: &'static str,
    /// The sorts of demand that have it.
    of: &'static [Sort],
    /// Its window, microseconds; 0 where it has none.
    window_us: i64,
    /// What the data must hold.
    needs: Needs,
    /// Its value as JSON.
    value: fn(&Features) -> Value,
}

/// What the data must hold for a statistic.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Needs {
    /// Any row.
    Rows,
    /// Time between the first and the last.
    Span,
    /// This many windows.
    Windows(i64),
    /// This many requests.
    Requests(u64),
    /// This many full days of the zone.
    FullDays(u32),
    /// This many full days, whatever the length of a row up to a day.
    KnownDays(u32),
    /// A full day with demand.
    ActiveDay,
    /// This many days from the first to the last row.
    Days(i64),
}

const ALL: &[Sort] = &[Sort::Log, Sort::Counts, Sort::Level];
const COUNTED: &[Sort] = &[Sort::Log, Sort::Counts];
const BINNED: &[Sort] = &[Sort::Counts, Sort::Level];
const LOG: &[Sort] = &[Sort::Log];
const COUNTS: &[Sort] = &[Sort::Counts];
const LEVEL: &[Sort] = &[Sort::Level];

const fn statistic(
    (name, unit, meaning): (&'static str, &'static str, &'static str),
    (of, window_us, needs): (&'static [Sort], i64, Needs),
    value: fn(&Features) -> Value,
) -> Statistic {
    Statistic { name, unit, meaning, of, window_us, needs, value }
}

/// All of them, in the order of the JSON: name, unit, meaning; sorts of demand, window, needs; value.
#[rustfmt::skip]
pub const STATISTICS: [Statistic; 33] = [
    statistic(("mean_rate", "1/s", "requests a second over the span"), (COUNTED, 0, Needs::Span), |it| json(it.mean_rate)),
    statistic(("peak_to_mean_1m", "1", "largest minute / mean minute"), (ALL, MINUTE_US, Needs::Windows(2)), |it| json(it.peak_to_mean_1m)),
    statistic(("peak_to_mean_10m", "1", "largest ten minutes / mean ten minutes"), (ALL, TEN_MINUTES_US, Needs::Windows(2)), |it| json(it.peak_to_mean_10m)),
    statistic(("peak_to_mean_1h", "1", "largest hour / mean hour"), (ALL, HOUR_US, Needs::Windows(2)), |it| json(it.peak_to_mean_1h)),
    statistic(("p99_to_mean_1m", "1", "99th percentile of the minutes / their mean"), (ALL, MINUTE_US, Needs::Windows(2)), |it| json(it.p99_to_mean_1m)),
    statistic(("p99_to_mean_1h", "1", "99th percentile of the hours / their mean"), (ALL, HOUR_US, Needs::Windows(2)), |it| json(it.p99_to_mean_1h)),
    statistic(("interarrival_cv", "1", "standard deviation / mean of the gaps between requests; of counts the mean of their column, by requests"), (COUNTED, 0, Needs::Requests(3)), |it| json(it.interarrival_cv)),
    statistic(("burstiness", "1", "Goh and Barabasi's B of the gaps: -1 a timer, 0 independent requests"), (LOG, 0, Needs::Requests(3)), |it| json(it.burstiness)),
    statistic(("burstiness_finite", "1", "the same after Kim and Jo, for few requests"), (LOG, 0, Needs::Requests(3)), |it| json(it.burstiness_finite)),
    statistic(("idc_1s", "1", "variance / mean of the requests a second"), (LOG, SECOND_US, Needs::Windows(2)), |it| json(it.idc_1s)),
    statistic(("idc_1m", "1", "variance / mean of the requests a minute"), (COUNTED, MINUTE_US, Needs::Windows(2)), |it| json(it.idc_1m)),
    statistic(("idc_10m", "1", "variance / mean of the requests in ten minutes"), (COUNTED, TEN_MINUTES_US, Needs::Windows(2)), |it| json(it.idc_10m)),
    statistic(("idc_1h", "1", "variance / mean of the requests an hour"), (COUNTED, HOUR_US, Needs::Windows(2)), |it| json(it.idc_1h)),
    statistic(("active_hours_per_day", "h", "clock hours with any demand, mean over full days"), (ALL, HOUR_US, Needs::FullDays(1)), |it| json(it.active_hours_per_day)),
    statistic(("busy_hours_per_day", "h", "clock hours with at least a tenth of the peak hour, mean over full days"), (ALL, HOUR_US, Needs::FullDays(1)), |it| json(it.busy_hours_per_day)),
    statistic(("h90", "h", "least number of hours that hold 90 % of a day, mean over full days with demand"), (ALL, HOUR_US, Needs::ActiveDay), |it| json(it.h90)),
    statistic(("longest_idle_gap_s", "s", "longest time without demand"), (ALL, 0, Needs::Requests(2)), |it| json(it.longest_idle_gap_s)),
    statistic(("warm_fraction", "1", "share of the span within T after a request, for each idle timeout T"), (LOG, 0, Needs::Span), |it| by_key(IDLE_TIMEOUTS_S, it.warm_fraction.map(|all| all.map(number)))),
    statistic(("gaps_over", "1", "gaps longer than T, for each idle timeout T"), (LOG, 0, Needs::Requests(2)), |it| by_key(IDLE_TIMEOUTS_S, it.gaps_over.map(|all| all.map(Value::from)))),
    statistic(("acf_24h", "1", "autocorrelation of the UTC hours at a day"), (ALL, HOUR_US, Needs::Days(3)), |it| json(it.acf_24h)),
    statistic(("acf_168h", "1", "autocorrelation of the UTC hours at a week"), (ALL, HOUR_US, Needs::Days(15)), |it| json(it.acf_168h)),
    statistic(("trend_per_30d", "1", "change of the mean day in 30 days, with its 95 % interval"), (ALL, DAY_US, Needs::KnownDays(14)), |it| it.trend_per_30d.map_or(Value::Null, Trend::to_json)),
    statistic(("mean", "GPU", "mean level"), (LEVEL, 0, Needs::Rows), |it| json(it.mean)),
    statistic(("p95", "GPU", "95th percentile of the level"), (LEVEL, 0, Needs::Rows), |it| json(it.p95)),
    statistic(("max", "GPU", "highest level"), (LEVEL, 0, Needs::Rows), |it| json(it.max)),
    statistic(("share_zero", "1", "share of the time without demand, by rows"), (BINNED, 0, Needs::Rows), |it| json(it.share_zero)),
    statistic(("p50", "GPU", "median level"), (LEVEL, 0, Needs::Rows), |it| json(it.p50)),
    statistic(("full_days", "d", "days of the zone that lie in the data with all their hours"), (ALL, HOUR_US, Needs::Rows), |it| it.full_days.map_or(Value::Null, Value::from)),
    statistic(("days_active", "d", "full days with any demand"), (ALL, HOUR_US, Needs::FullDays(1)), |it| it.days_active.map_or(Value::Null, Value::from)),
    statistic(("active_hours_per_active_day", "h", "clock hours with any demand, mean over full days with any"), (ALL, HOUR_US, Needs::ActiveDay), |it| json(it.active_hours_per_active_day)),
    statistic(("peak_to_mean_native", "1", "largest row / mean row"), (BINNED, 0, Needs::Windows(2)), |it| json(it.peak_to_mean_native)),
    statistic(("idc_native", "1", "variance / mean of the requests of a row"), (COUNTS, 0, Needs::Windows(2)), |it| json(it.idc_native)),
    statistic(("idle_runs", "1", "times without requests of at least K between requests, for each K"), (COUNTS, 0, Needs::Rows), |it| by_key(IDLE_RUNS_S, it.idle_runs.map(|all| all.map(Value::from)))),
];

impl Statistic {
    /// Its window in words; empty where it has none.
    pub fn window(&self) -> String {
        if self.window_us > 0 { width(self.window_us) } else { String::new() }
    }

    /// The least that the data must hold, in words.
    pub fn needs(&self) -> String {
        match self.needs {
            Needs::Rows => "any row".to_owned(),
            Needs::Span => "two instants".to_owned(),
            Needs::Windows(n) => format!("{n} windows"),
            Needs::Requests(n) => format!("{n} requests"),
            Needs::FullDays(n) | Needs::KnownDays(n) => count(n.into(), "full day"),
            Needs::ActiveDay => "a full day with demand".to_owned(),
            Needs::Days(n) => format!("{n} days of data"),
        }
    }

    /// True where the JSON of these features has it: those of levels alone only with a level.
    fn is_listed(&self, basis: &Basis) -> bool {
        self.of != LEVEL || basis.sort == Sort::Level
    }

    /// Why the data cannot carry it; nothing to say where they seem to.
    fn why_null(&self, of: &Features) -> String {
        let basis = &of.basis;
        if basis.sort == Sort::Nothing {
            return "the data have no demand over time".to_owned();
        }
        if !self.of.contains(&basis.sort) {
            let wanted: Vec<&str> = self.of.iter().map(|it| it.what()).collect();
            return format!("needs {}, the data are {}", wanted.join(" or "), basis.what());
        }
        if basis.sort == Sort::Counts && self.name == "interarrival_cv" {
            return "no row with requests has a value in the column interarrival_cv".to_owned();
        }
        if self.window_us > 0 && basis.finest_us > self.window_us {
            let (needed, found) = (width(self.window_us), width(basis.finest_us));
            return match basis.sort {
                Sort::Log => format!("needs a clock of {needed} or finer, its ticks are {found}"),
                _ => format!("needs rows of {needed} or finer, they are {found}"),
            };
        }
        self.what_lacks(of).unwrap_or_else(|| {
            match self.needs {
                _ if !basis.has_demand => "there is no demand",
                Needs::Windows(_) => "fewer than two windows were measured",
                Needs::FullDays(_) | Needs::KnownDays(_) | Needs::ActiveDay => {
                    "no full day has demand"
                }
                _ => "demand does not vary",
            }
            .to_owned()
        })
    }

    /// What there is too little of.
    fn what_lacks(&self, of: &Features) -> Option<String> {
        let too_few = |needed: i64, found: i64, what: &str| {
            (found < needed).then(|| format!("needs {}, has {found}", count(needed, what)))
        };
        let basis = &of.basis;
        let window_us = if self.window_us > 0 { self.window_us } else { basis.finest_us };
        match self.needs {
            Needs::Rows => None,
            Needs::Span => (of.span_s <= 0.0).then(|| "all rows are of one instant".to_owned()),
            Needs::Requests(n) => too_few(
                i64::try_from(n).unwrap_or(i64::MAX),
                i64::try_from(of.n).unwrap_or(i64::MAX),
                "request",
            )
            .or_else(|| (of.span_s <= 0.0).then(|| "all requests are of one instant".to_owned())),
            Needs::Windows(n) => {
                let needed_s = (n * window_us) as f64 / 1e6;
                (of.span_s < needed_s).then(|| {
                    format!("needs {n} windows of {}, has {}", width(window_us), span(of.span_s))
                })
            }
            Needs::FullDays(n) => too_few(n.into(), of.full_days.unwrap_or(0).into(), "full day")
                .or_else(|| {
                    of.days_active.is_none().then(|| "no full day was measured".to_owned())
                }),
            Needs::KnownDays(n) => too_few(n.into(), basis.known_days.into(), "full day"),
            Needs::ActiveDay => {
                too_few(1, of.full_days.unwrap_or(0).into(), "full day").or_else(|| {
                    (of.days_active.unwrap_or(0) == 0).then(|| "no full day has demand".to_owned())
                })
            }
            Needs::Days(n) => (of.span_s < (n * DAY_US) as f64 / 1e6).then(|| {
                format!(
                    "needs {n} days of data, has {}",
                    super::evidence::number(of.span_s / 86_400.0)
                )
            }),
        }
    }
}

impl Sort {
    fn what(self) -> &'static str {
        match self {
            Sort::Nothing => "nothing",
            Sort::Log => "a log of requests",
            Sort::Counts => "requests per period",
            Sort::Level => "GPUs per period",
        }
    }
}

impl Basis {
    fn what(&self) -> String {
        match self.sort {
            Sort::Counts => format!("requests per {}", width(self.finest_us)),
            Sort::Level => format!("GPUs per {}", width(self.finest_us)),
            Sort::Log | Sort::Nothing => self.sort.what().to_owned(),
        }
    }
}

impl Features {
    /// The features as JSON, without `span_s` and `n`; those of levels alone only where there is a
    /// level. Unknown, and whatever is not a finite number, is null.
    pub fn to_json(&self) -> Map<String, Value> {
        self.listed().map(|it| (it.name.to_owned(), (it.value)(self))).collect()
    }

    /// Name and reason of every null in [`Features::to_json`].
    pub fn null_because(&self) -> Map<String, Value> {
        self.listed()
            .filter(|it| (it.value)(self).is_null())
            .map(|it| (it.name.to_owned(), Value::from(it.why_null(self))))
            .collect()
    }

    fn listed(&self) -> impl Iterator<Item = &'static Statistic> {
        STATISTICS.iter().filter(|it| it.is_listed(&self.basis))
    }
}

impl Trend {
    /// `{"value": .., "low": .., "high": ..}`.
    pub fn to_json(self) -> Value {
        let ends = [("value", self.value), ("low", self.low), ("high", self.high)];
        ends.map(|(name, value)| (name.to_owned(), number(value))).into_iter().collect()
    }
}

fn number(value: f64) -> Value {
    Number::from_f64(value).map_or(Value::Null, Value::Number)
}

fn json(value: Option<f64>) -> Value {
    value.map_or(Value::Null, number)
}

/// `{"10": .., ..., "3600": ..}`, in order of the key.
fn by_key<const N: usize>(keys: [u32; N], values: Option<[Value; N]>) -> Value {
    values.map_or(Value::Null, |values| {
        let names = keys.map(|key| key.to_string());
        Value::Object(names.into_iter().zip(values).collect())
    })
}

fn count(n: i64, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// A width in the largest unit that divides it: `10 min`, `1 h`, `3 s`.
fn width(us: i64) -> String {
    let units = [(DAY_US, "day"), (HOUR_US, "h"), (MINUTE_US, "min"), (SECOND_US, "s")];
    let unit = units.into_iter().find(|it| us % it.0 == 0);
    unit.map_or_else(|| span(us as f64 / 1e6), |(unit_us, name)| format!("{} {name}", us / unit_us))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_null_says_what_is_missing() {
        let level =
            Basis { sort: Sort::Level, finest_us: TEN_MINUTES_US, known_days: 3, has_demand: true };
        let of = |basis: Basis, span_s: f64, n: u64| Features {
            span_s,
            n,
            full_days: Some(basis.known_days),
            basis,
            ..Features::default()
        };
        let check = |of: &Features, name: &str, expected: &str| {
            assert_eq!(of.null_because()[name], expected, "{name}");
        };
        let found = of(level, 3.5 * 86_400.0, 500);
        check(
            &found,
            "mean_rate",
            "needs a log of requests or requests per period, the data are GPUs per 10 min",
        );
        check(
            &found,
            "idc_1h",
            "needs a log of requests or requests per period, the data are GPUs per 10 min",
        );
        check(&found, "peak_to_mean_1m", "needs rows of 1 min or finer, they are 10 min");
        check(&found, "acf_168h", "needs 15 days of data, has 3.5");
        check(&found, "acf_24h", "demand does not vary");
        check(&found, "trend_per_30d", "needs 14 full days, has 3");
        let ticks =
            Basis { sort: Sort::Log, finest_us: 3 * SECOND_US, known_days: 0, has_demand: true };
        let found = of(ticks, 50.0, 2);
        check(&found, "idc_1s", "needs a clock of 1 s or finer, its ticks are 3 s");
        check(&found, "idc_1m", "needs 2 windows of 1 min, has 50 seconds");
        check(&found, "burstiness", "needs 3 requests, has 2");
        check(&found, "h90", "needs 1 full day, has 0");
        assert!(!found.null_because().contains_key("p95"));
        let counts =
            Basis { sort: Sort::Counts, finest_us: HOUR_US, known_days: 1, has_demand: false };
        let found = of(counts, 90_000.0, 0);
        check(
            &found,
            "interarrival_cv",
            "no row with requests has a value in the column interarrival_cv",
        );
        check(&found, "peak_to_mean_1h", "there is no demand");
        check(&Features::default(), "mean_rate", "the data have no demand over time");
    }

    #[test]
    fn a_row_of_the_table_says_all() {
        let names: std::collections::BTreeSet<&str> = STATISTICS.iter().map(|it| it.name).collect();
        assert_eq!(names.len(), STATISTICS.len());
        for it in STATISTICS {
            assert!(!it.meaning.is_empty() && !it.unit.is_empty() && !it.needs().is_empty());
        }
        let acf = STATISTICS.iter().find(|it| it.name == "acf_168h").unwrap();
        assert_eq!((acf.window().as_str(), acf.needs().as_str()), ("1 h", "15 days of data"));
    }
}
