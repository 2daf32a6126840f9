//! One GPU or engine in one bin: every number that was measured there, and none that was not.

use std::collections::{BTreeMap, BTreeSet};

use super::metric::Metric;
use super::tally::{CountBin, Counted, LevelBin};
use crate::units::{Period, Timestamp};

/// Which metric says that a GPU was active.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::ingest) enum ActivitySource {
    /// `DCGM_FI_DEV_GPU_UTIL`, or `utilization.gpu` of nvidia-smi: a kernel ran.
    GpuUtil,
    /// `DCGM_FI_PROF_GR_ENGINE_ACTIVE`: the engine was active; the only one under MIG.
    GrEngineActive,
}

/// Latencies of one bin as their sum and number; the mean is one by the other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::ingest) struct Latency {
    /// Seconds, summed.
    pub(in crate::ingest) sum_s: f64,
    /// How many.
    pub(in crate::ingest) count: u64,
}

/// What was measured in one bin. `None` is "not measured"; means weigh by time, over the part of
/// the bin that was measured.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::ingest) struct TelemetryBin {
    /// The bin.
    pub(in crate::ingest) period: Period,
    /// Share of time the GPU was active, 0 to 1.
    pub(in crate::ingest) gpu_active: Option<f64>,
    /// Which metric says so.
    pub(in crate::ingest) active_by: Option<ActivitySource>,
    /// Mean of `SM_ACTIVE`, 0 to 1.
    pub(in crate::ingest) sm_active: Option<f64>,
    /// Mean of `SM_OCCUPANCY`, 0 to 1.
    pub(in crate::ingest) sm_occupancy: Option<f64>,
    /// Mean of `PIPE_TENSOR_ACTIVE`, 0 to 1.
    pub(in crate::ingest) tensor_active: Option<f64>,
    /// Mean of `DRAM_ACTIVE`, 0 to 1.
    pub(in crate::ingest) dram_active: Option<f64>,
    /// Mean of `MEM_COPY_UTIL`, 0 to 1.
    pub(in crate::ingest) mem_copy_util: Option<f64>,
    /// Most memory in use, MiB.
    pub(in crate::ingest) vram_used_mib: Option<f64>,
    /// That over all memory of the GPU.
    pub(in crate::ingest) memory_fraction: Option<f64>,
    /// Mean power, W; from the energy counter where no power was reported.
    pub(in crate::ingest) power_w: Option<f64>,
    /// Most of the KV cache in use, 0 to 1.
    pub(in crate::ingest) kv_cache_usage: Option<f64>,
    /// Mean of the same.
    pub(in crate::ingest) kv_cache_usage_mean: Option<f64>,
    /// Mean number of requests in the batch.
    pub(in crate::ingest) running_mean: Option<f64>,
    /// Most requests in the batch.
    pub(in crate::ingest) running_max: Option<f64>,
    /// Most requests in the queue.
    pub(in crate::ingest) waiting_max: Option<f64>,
    /// Most requests swapped out (v0).
    pub(in crate::ingest) swapped_max: Option<f64>,
    /// Requests finished, for whatever reason.
    pub(in crate::ingest) requests: Option<u64>,
    /// Prompt tokens.
    pub(in crate::ingest) prompt_tokens: Option<u64>,
    /// Completion tokens.
    pub(in crate::ingest) completion_tokens: Option<u64>,
    /// Sequences the engine evicted.
    pub(in crate::ingest) preemptions: Option<u64>,
    /// Tokens (v0: blocks) looked up in the prefix cache.
    pub(in crate::ingest) prefix_queries: Option<u64>,
    /// Tokens (v0: blocks) found there.
    pub(in crate::ingest) prefix_hits: Option<u64>,
    /// Time to first token.
    pub(in crate::ingest) ttft: Option<Latency>,
    /// From arrival to the last token.
    pub(in crate::ingest) e2e: Option<Latency>,
    /// In the engine's queue.
    pub(in crate::ingest) queue: Option<Latency>,
    /// Between tokens.
    pub(in crate::ingest) inter_token: Option<Latency>,
    /// Time covered inside the bin, microseconds: by the activity metrics of a GPU or the running
    /// requests of an engine, by whatever there is if neither was recorded.
    pub(in crate::ingest) measured_us: i64,
    /// Instants at which they were sampled.
    pub(in crate::ingest) samples: u32,
}

/// All metrics of one entity, in bins by number since the epoch.
#[derive(Clone, Debug, Default)]
pub(super) struct Binned {
    /// Levels.
    pub(super) levels: BTreeMap<Metric, BTreeMap<i64, LevelBin>>,
    /// Counters; those of one metric that differ in a label are summed, but for buckets.
    pub(super) counters: BTreeMap<Metric, BTreeMap<i64, CountBin>>,
    /// Time covered and instants sampled.
    pub(super) measured: BTreeMap<i64, (i64, u32)>,
}

impl Binned {
    /// Adds one counter to its metric.
    pub(super) fn add(&mut self, metric: Metric, counted: &Counted) {
        let bins = self.counters.entry(metric).or_default();
        for (bin, it) in &counted.bins {
            let sum = bins.entry(*bin).or_default();
            sum.whole += it.whole;
            sum.steady += it.steady;
            sum.seconds += it.seconds;
            sum.covered_us = sum.covered_us.max(it.covered_us);
        }
    }

    /// The bins in which anything was measured, ascending.
    pub(super) fn rows(&self, bin_us: i64, memory_total_mib: Option<f64>) -> Vec<TelemetryBin> {
        let levels = self.levels.values().flat_map(|it| it.keys());
        let counters = self.counters.values().flat_map(|it| it.keys());
        let numbers: BTreeSet<i64> = levels.chain(counters).copied().collect();
        let row = |bin| self.row(bin, bin_us, memory_total_mib);
        numbers.into_iter().filter_map(row).collect()
    }

    fn row(&self, bin: i64, bin_us: i64, memory_total_mib: Option<f64>) -> Option<TelemetryBin> {
        let start = Timestamp::from_us(bin.checked_mul(bin_us)?);
        let period = Period::new(start, start.plus_us(bin_us))?;
        let level = |metric| self.levels.get(&metric).and_then(|it| it.get(&bin));
        let mean = |metric| level(metric).map(LevelBin::mean);
        let max = |metric| level(metric).map(|it| it.max);
        let counter = |metric| self.counters.get(&metric).and_then(|it| it.get(&bin));
        let count = |metric| counter(metric).map(|it| it.whole);
        let latency =
            |sum, n| Some(Latency { sum_s: counter(sum)?.seconds, count: counter(n)?.whole });
        let active = self.active(bin);
        let vram_used_mib = max(Metric::FbUsed);
        let (measured_us, samples) = self.measured.get(&bin).copied().unwrap_or_default();
        Some(TelemetryBin {
            period,
            gpu_active: active.map(|it| it.0),
            active_by: active.map(|it| it.1),
            sm_active: mean(Metric::SmActive),
            sm_occupancy: mean(Metric::SmOccupancy),
            tensor_active: mean(Metric::PipeTensorActive),
            dram_active: mean(Metric::DramActive),
            mem_copy_util: mean(Metric::MemCopyUtil),
            vram_used_mib,
            memory_fraction: vram_used_mib
                .zip(memory_total_mib)
                .filter(|(used, total)| used <= total)
                .map(|(used, total)| used / total),
            power_w: mean(Metric::PowerUsage)
                .or_else(|| counter(Metric::TotalEnergy).and_then(power_of)),
            kv_cache_usage: max(Metric::KvCacheUsage),
            kv_cache_usage_mean: mean(Metric::KvCacheUsage),
            running_mean: mean(Metric::RequestsRunning),
            running_max: max(Metric::RequestsRunning),
            waiting_max: max(Metric::RequestsWaiting),
            swapped_max: max(Metric::RequestsSwapped),
            requests: count(Metric::RequestSuccess),
            prompt_tokens: count(Metric::PromptTokens),
            completion_tokens: count(Metric::GenerationTokens),
            preemptions: count(Metric::Preemptions),
            prefix_queries: count(Metric::PrefixCacheQueries)
                .or_else(|| count(Metric::GpuPrefixCacheQueries)),
            prefix_hits: count(Metric::PrefixCacheHits)
                .or_else(|| count(Metric::GpuPrefixCacheHits)),
            ttft: latency(Metric::TtftSum, Metric::TtftCount),
            e2e: latency(Metric::E2eSum, Metric::E2eCount),
            queue: latency(Metric::QueueSum, Metric::QueueCount),
            inter_token: latency(Metric::InterTokenSum, Metric::InterTokenCount).or_else(|| {
                latency(Metric::TimePerOutputTokenSum, Metric::TimePerOutputTokenCount)
            }),
            measured_us,
            samples,
        })
    }

    /// The activity of a GPU: by the metric that covers more of the bin, `GPU_UTIL` if equal.
    fn active(&self, bin: i64) -> Option<(f64, ActivitySource)> {
        let of = |metric, source| {
            let it = self.levels.get(&metric)?.get(&bin)?;
            Some((it.covered_us, (it.mean(), source)))
        };
        let util = of(Metric::GpuUtil, ActivitySource::GpuUtil);
        let engine = of(Metric::GrEngineActive, ActivitySource::GrEngineActive);
        match (util, engine) {
            (Some(util), Some(engine)) if engine.0 > util.0 => Some(engine.1),
            (util, engine) => util.or(engine).map(|it| it.1),
        }
    }
}

/// Mean power of the energy that rose while it was measured: mJ over us is kW.
fn power_of(energy: &CountBin) -> Option<f64> {
    (energy.covered_us > 0).then(|| energy.steady as f64 / energy.covered_us as f64 * 1000.0)
}
