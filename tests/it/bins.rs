//! Counts by the minute in place of the requests themselves: how far the cost and the cold starts of
//! a serverless plan move. Needs the folder that `GPUADVISE_REFERENCE` names.

use std::collections::BTreeMap;
use std::path::Path;

use chrono_tz::Tz;
use gpuadvise::catalog::ScalerRule;
use gpuadvise::simulate::{Billing, Delay, FleetSpec, Outcome, Scaler, ServiceModel, Trace, run};
use gpuadvise::units::{Currency, MoneyPerHour, Period, Timestamp};
use gpuadvise::workload::{CountBin, CountSeries};

use crate::support::reference;

const SECOND: u64 = 1_000_000;
const MINUTE_US: i64 = 60_000_000;
const N_SEEDS: u64 = 20;

/// What a plan is, in seconds: one slot, one replica per request in flight.
struct Plan {
    service: u64,
    cold_start: u64,
    idle_timeout: u64,
}

impl Plan {
    fn outcome(&self, trace: &Trace) -> Outcome {
        let fleet = FleetSpec {
            max_replicas: 10_000,
            scaler: Scaler::Rule(ScalerRule::RequestCount { requests: 1 }),
            idle_timeout: Delay::Constant(self.idle_timeout * SECOND),
            cold_start: Delay::Constant(self.cold_start * SECOND),
            ..FleetSpec::fixed(0, 1)
        };
        let rate = MoneyPerHour::parse("3.6", Currency::USD).unwrap();
        let service = ServiceModel::Fixed { service_us: self.service * SECOND };
        let billing = Billing::by_the_microsecond(rate);
        run(&trace.served_by(&service), &fleet, &billing, None).outcome().unwrap()
    }
}

/// Cost in seconds and cold starts, by the requests and by their counts.
#[derive(Clone, Copy, Debug, Default)]
struct Found {
    raw: (f64, f64),
    counted: (f64, f64),
}

/// The window is that of the log, and the minutes at its edges are cut to it. A minute of three
/// requests or more has the variation of its gaps, as a log that was counted with care has.
fn compare(name: &str, at_us: &[i64], plan: &Plan) -> Found {
    let (first, last) = (at_us[0], at_us[at_us.len() - 1] + 1);
    let window = Period::new(Timestamp::from_us(first), Timestamp::from_us(last)).unwrap();
    let window_us = u64::try_from(last - first).unwrap();
    let offsets = at_us.iter().map(|at| u64::try_from(at - first).unwrap()).collect();
    let exact = plan.outcome(&Trace::new(offsets, window_us));
    let minutes = at_us.chunk_by(|a, b| a.div_euclid(MINUTE_US) == b.div_euclid(MINUTE_US));
    let bins = minutes.map(|minute| bin(minute, window)).collect();
    let series = CountSeries { bins, width_us: MINUTE_US };
    let cost = |it: &Outcome| it.elastic.billed_us as f64 / 1e6;
    let mut found = Found { raw: (cost(&exact), exact.cold_starts as f64), counted: (0.0, 0.0) };
    for seed in 0..N_SEEDS {
        let trace = Trace::from_counts(&series, window, name, seed).unwrap();
        assert_eq!(trace.len(), at_us.len());
        let it = plan.outcome(&trace);
        found.counted.0 += cost(&it) / N_SEEDS as f64;
        found.counted.1 += it.cold_starts as f64 / N_SEEDS as f64;
    }
    found
}

fn bin(minute: &[i64], window: Period) -> CountBin {
    let start = minute[0].div_euclid(MINUTE_US) * MINUTE_US;
    let gaps: Vec<f64> = minute.windows(2).map(|pair| (pair[1] - pair[0]) as f64).collect();
    let n = gaps.len() as f64;
    let mean = gaps.iter().sum::<f64>() / n;
    let square = gaps.iter().map(|gap| (gap - mean) * (gap - mean)).sum::<f64>() / n;
    let start_of = Timestamp::from_us(start);
    let whole = Period::new(start_of, start_of.plus_us(MINUTE_US)).unwrap();
    CountBin {
        period: whole.intersect(window).unwrap(),
        requests: minute.len() as u64,
        prompt_tokens: None,
        completion_tokens: None,
        interarrival_cv: (gaps.len() >= 2 && mean > 0.0).then(|| square.sqrt() / mean),
    }
}

/// Arrivals of the column `at` by the word in the column `group`; sorted.
fn read(path: &Path, at: usize, group: Option<usize>) -> BTreeMap<String, Vec<i64>> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut found: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        // One job of the cluster log has no time.
        let Ok(at) = Timestamp::parse(cells[at], Tz::UTC) else { continue };
        let at = at.us();
        let name = group.map_or("all", |group| cells[group]);
        found.entry(name.to_owned()).or_default().push(at);
    }
    for all in found.values_mut() {
        all.sort_unstable();
    }
    found
}

fn apart(found: (f64, f64)) -> f64 {
    (found.1 / found.0 - 1.0) * 100.0
}

#[test]
fn a_conversation_log_by_the_minute() {
    let Some(folder) = reference() else { return };
    let path = folder.join("traces/azure_llm_2023_conv/AzureLLMInferenceTrace_conv.csv");
    let at = read(&path, 0, None).remove("all").unwrap();
    let plan = Plan { service: 5, cold_start: 30, idle_timeout: 5 };
    let found = compare("conv", &at, &plan);
    let (cost, starts) =
        (apart((found.raw.0, found.counted.0)), apart((found.raw.1, found.counted.1)));
    println!(
        "conv: {} requests, cost {cost:+.2} %, cold starts {starts:+.2} %, {found:?}",
        at.len()
    );
    assert!(cost.abs() <= 2.0 && starts.abs() <= 10.0);
}

#[test]
fn submissions_of_clusters_by_the_minute() {
    let Some(folder) = reference() else { return };
    let clusters = read(&folder.join("traces/philly_jobs/philly.csv"), 0, Some(4));
    let plan = Plan { service: 30, cold_start: 60, idle_timeout: 60 };
    let mut sum = Found::default();
    let mut n = 0;
    for (name, at) in clusters {
        if !(100..=16_000).contains(&at.len()) {
            continue;
        }
        let found = compare(&name, &at, &plan);
        println!(
            "{name}: {} jobs, cost {:+.2} %, cold starts {} {:+.2} %",
            at.len(),
            apart((found.raw.0, found.counted.0)),
            found.raw.1,
            apart((found.raw.1, found.counted.1))
        );
        if found.raw.1 >= 50.0 {
            n += 1;
            sum.raw = (sum.raw.0 + found.raw.0, sum.raw.1 + found.raw.1);
            sum.counted = (sum.counted.0 + found.counted.0, sum.counted.1 + found.counted.1);
        }
    }
    let (cost, starts) = (apart((sum.raw.0, sum.counted.0)), apart((sum.raw.1, sum.counted.1)));
    println!("{n} clusters: cost {cost:+.2} %, cold starts {starts:+.2} %");
    assert!(n > 5 && cost.abs() <= 3.0 && starts.abs() <= 10.0);
}
