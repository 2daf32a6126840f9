//! A month of an invented company, for the first look at the program and for its tests.
//!
//! Comes in: a seed. Goes out: the rows of the usage table for October 2026 in UTC, hour by hour,
//! and the text of the config that belongs to them. Never a file, a clock or the machine's chance:
//! the same seed gives the same rows everywhere.
//!
//! The rows are clean but for two things every real month has: one row is there twice, and one
//! names a GPU no catalog knows.

mod calendar;
mod fleet;
mod generate;
mod rng;
mod spec;
#[cfg(test)]
mod tests;

use crate::units::{Money, Timestamp};
use crate::workload::PricingCategory;

/// One row of the usage table.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the fields are the columns of the usage table")]
pub struct SampleRow {
    pub period_start: Timestamp,
    pub period_end: Timestamp,
    pub workload: &'static str,
    pub provider: &'static str,
    pub region: &'static str,
    pub owner: Option<&'static str>,
    pub environment: Option<&'static str>,
    pub gpu: &'static str,
    pub gpu_count: u32,
    pub gpu_hours: f64,
    pub pricing_category: PricingCategory,
    pub billed_cost: Money,
    pub effective_cost: Money,
    pub list_cost: Option<Money>,
    pub requests: Option<u64>,
    pub prompt_tokens: Option<u64>,
    pub completion_tokens: Option<u64>,
    pub interarrival_cv: Option<f64>,
    pub gpu_util: Option<f64>,
    pub memory_fraction: Option<f64>,
    pub kv_cache_usage: Option<f64>,
    pub model: Option<&'static str>,
    pub dtype: Option<&'static str>,
    pub quantization: Option<&'static str>,
    pub tensor_parallel_size: Option<u32>,
    pub max_model_len: Option<u64>,
}

/// The workload and hour of the row that is there twice: 21 October, 13:00.
const TWICE: (&str, calendar::Hour) = ("img-gen", calendar::Hour(493));

/// October 2026 for twelve workloads, ordered by start, then workload.
pub fn month(seed: u64) -> Vec<SampleRow> {
    let mut rows: Vec<SampleRow> =
        fleet::FLEET.iter().flat_map(|spec| generate::rows(spec, seed)).collect();
    rows.sort_by_key(|it| (it.period_start, it.workload));
    let (workload, hour) = TWICE;
    let twice = |it: &SampleRow| it.workload == workload && it.period_start == hour.start();
    if let Some(at) = rows.iter().position(twice) {
        let copy = rows[at].clone();
        rows.insert(at, copy);
    }
    rows
}

/// The commented config that belongs to the month.
pub fn config() -> String {
    include_str!("gpuadvise.toml").to_owned()
}
