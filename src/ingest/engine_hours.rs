//! What serving engines measured, summed over the engines of a workload hour by hour.

use std::collections::BTreeMap;

use super::assemble::add;
use super::telemetry::TelemetryBin;
use crate::units::{Period, Timestamp};
use crate::workload::EngineBin;

/// Hours by workload, in time order, from one bin per engine and hour.
pub(super) fn by_workload<'a>(
    bins: impl Iterator<Item = (&'a str, &'a TelemetryBin)>,
) -> BTreeMap<String, Vec<EngineBin>> {
    let mut hours: BTreeMap<&str, BTreeMap<Timestamp, EngineBin>> = BTreeMap::new();
    for (workload, bin) in bins {
        let of_workload = hours.entry(workload).or_default();
        let hour = of_workload.entry(bin.period.start()).or_insert_with(|| nothing(bin.period));
        add_engine(hour, bin);
    }
    let in_order = |it: BTreeMap<Timestamp, EngineBin>| it.into_values().collect();
    hours.into_iter().map(|(name, it)| (name.to_owned(), in_order(it))).collect()
}

/// An hour before any of its engines was counted.
fn nothing(period: Period) -> EngineBin {
    EngineBin {
        period,
        engines: 0,
        kv_cache_usage_max: None,
        kv_cache_usage_mean: None,
        running_mean: None,
        running_max: None,
        waiting_max: None,
        swapped_max: None,
        requests: None,
        preemptions: None,
        prefix_queries: None,
        prefix_hits: None,
    }
}

/// Counts one more engine into an hour. Mean use of the KV cache: 0.2 and 0.4 and then 0.6 are 0.4.
fn add_engine(sum: &mut EngineBin, of: &TelemetryBin) {
    let before = f64::from(sum.engines);
    sum.engines = sum.engines.saturating_add(1);
    let mean = |a: f64, b: f64| (a * before + b) / (before + 1.0);
    let count = |sum, of| add(sum, of, u64::saturating_add);
    sum.kv_cache_usage_max = add(sum.kv_cache_usage_max, of.kv_cache_usage, f64::max);
    sum.kv_cache_usage_mean = add(sum.kv_cache_usage_mean, of.kv_cache_usage_mean, mean);
    sum.running_mean = add(sum.running_mean, of.running_mean, |a, b| a + b);
    sum.running_max = add(sum.running_max, of.running_max, f64::max);
    sum.waiting_max = add(sum.waiting_max, of.waiting_max, f64::max);
    sum.swapped_max = add(sum.swapped_max, of.swapped_max, f64::max);
    sum.requests = count(sum.requests, of.requests);
    sum.preemptions = count(sum.preemptions, of.preemptions);
    sum.prefix_queries = count(sum.prefix_queries, of.prefix_queries);
    sum.prefix_hits = count(sum.prefix_hits, of.prefix_hits);
}
