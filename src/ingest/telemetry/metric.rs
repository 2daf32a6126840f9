//! The metrics that are read: their names, what their numbers count, and which numbers are none.

/// Numbers from here on are DCGM's marks for "not supported", "not found" and the like, the least
/// being `DCGM_INT32_BLANK` = 0x7ffffff0 (`dcgm_structs.h`); no level of a GPU is as large.
const DCGM_BLANK: f64 = 2_147_483_632.0;
/// The 64-bit marks start at 0x7ffffffffffffff0; a counter past 2^62 is one of them.
const DCGM_BLANK_64: f64 = 4_611_686_018_427_387_904.0;
/// Counts above 2^53 are not exact in the file's own number format.
const MAX_COUNT: f64 = 9_007_199_254_740_992.0;
/// Profiling ratios are quotients of two clocks and come out a little above 1 on a full GPU.
const RATIO_TOLERANCE: f64 = 0.01;

/// A metric that is read. Two names of one thing (vLLM v0 and v1) are two metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::ingest) enum Metric {
    /// Share of time a kernel ran, percent.
    GpuUtil,
    /// Share of time the memory was read or written, percent.
    MemCopyUtil,
    /// Memory in use, MiB.
    FbUsed,
    /// Memory free, MiB.
    FbFree,
    /// Memory the driver keeps, MiB.
    FbReserved,
    /// All memory, MiB.
    FbTotal,
    /// Power, W.
    PowerUsage,
    /// Energy since the driver was loaded, mJ.
    TotalEnergy,
    /// Share of time the compute or graphics engine was active.
    GrEngineActive,
    /// Share of time a warp was on a multiprocessor, mean over them.
    SmActive,
    /// Warps on a multiprocessor over the most it holds.
    SmOccupancy,
    /// Share of cycles the tensor cores worked.
    PipeTensorActive,
    /// Share of cycles the memory interface moved data.
    DramActive,
    /// Requests in the batch.
    RequestsRunning,
    /// Requests in the queue.
    RequestsWaiting,
    /// Requests moved to the host's memory (v0).
    RequestsSwapped,
    /// Share of the KV cache in use, 0 to 1.
    KvCacheUsage,
    /// The v0 name of it.
    GpuCacheUsage,
    /// Prompt tokens since the engine started.
    PromptTokens,
    /// Completion tokens since the engine started.
    GenerationTokens,
    /// Requests finished, one counter per reason.
    RequestSuccess,
    /// Sequences the engine evicted.
    Preemptions,
    /// Tokens looked up in the prefix cache.
    PrefixCacheQueries,
    /// Tokens found there.
    PrefixCacheHits,
    /// The v0 name of the lookups; early versions counted blocks.
    GpuPrefixCacheQueries,
    /// The v0 name of the hits.
    GpuPrefixCacheHits,
    /// Requests whose first token came within `le` seconds.
    TtftBucket,
    /// Requests whose tokens after the first came within `le` seconds each, on average.
    TpotBucket,
    /// Gaps between tokens of at most `le` seconds.
    InterTokenBucket,
    /// Seconds to the first token, summed.
    TtftSum,
    /// Requests with a first token.
    TtftCount,
    /// Seconds from arrival to end, summed.
    E2eSum,
    /// Requests in that sum.
    E2eCount,
    /// Seconds in the queue, summed.
    QueueSum,
    /// Requests in that sum.
    QueueCount,
    /// Seconds between tokens, summed.
    InterTokenSum,
    /// Gaps in that sum.
    InterTokenCount,
    /// The v0 name of the gaps' seconds.
    TimePerOutputTokenSum,
    /// The v0 name of their number.
    TimePerOutputTokenCount,
    /// Labels that tell the size of the KV cache; the number says nothing.
    CacheConfig,
}

/// What the numbers of a metric are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    /// A level from 0 to 100.
    Percent,
    /// A level from 0 to 1.
    Ratio,
    /// A level that is not negative.
    Level,
    /// A counter of whole things.
    Count,
    /// A counter of seconds.
    Seconds,
    /// No number: the labels are the message.
    Note,
}

use Metric as M;
use Scale as S;

/// Prometheus name without `_total`, metric, scale.
const TABLE: &[(&str, Metric, Scale)] = &[
    ("DCGM_FI_DEV_GPU_UTIL", M::GpuUtil, S::Percent),
    ("DCGM_FI_DEV_MEM_COPY_UTIL", M::MemCopyUtil, S::Percent),
    ("DCGM_FI_DEV_FB_USED", M::FbUsed, S::Level),
    ("DCGM_FI_DEV_FB_FREE", M::FbFree, S::Level),
    ("DCGM_FI_DEV_FB_RESERVED", M::FbReserved, S::Level),
    ("DCGM_FI_DEV_FB_TOTAL", M::FbTotal, S::Level),
    ("DCGM_FI_DEV_POWER_USAGE", M::PowerUsage, S::Level),
    ("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", M::TotalEnergy, S::Count),
    ("DCGM_FI_PROF_GR_ENGINE_ACTIVE", M::GrEngineActive, S::Ratio),
    ("DCGM_FI_PROF_SM_ACTIVE", M::SmActive, S::Ratio),
    ("DCGM_FI_PROF_SM_OCCUPANCY", M::SmOccupancy, S::Ratio),
    ("DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", M::PipeTensorActive, S::Ratio),
    ("DCGM_FI_PROF_DRAM_ACTIVE", M::DramActive, S::Ratio),
    ("vllm:num_requests_running", M::RequestsRunning, S::Level),
    ("vllm:num_requests_waiting", M::RequestsWaiting, S::Level),
    ("vllm:num_requests_swapped", M::RequestsSwapped, S::Level),
    ("vllm:kv_cache_usage_perc", M::KvCacheUsage, S::Ratio),
    ("vllm:gpu_cache_usage_perc", M::GpuCacheUsage, S::Ratio),
    ("vllm:prompt_tokens", M::PromptTokens, S::Count),
    ("vllm:generation_tokens", M::GenerationTokens, S::Count),
    ("vllm:request_success", M::RequestSuccess, S::Count),
    ("vllm:num_preemptions", M::Preemptions, S::Count),
    ("vllm:prefix_cache_queries", M::PrefixCacheQueries, S::Count),
    ("vllm:prefix_cache_hits", M::PrefixCacheHits, S::Count),
    ("vllm:gpu_prefix_cache_queries", M::GpuPrefixCacheQueries, S::Count),
    ("vllm:gpu_prefix_cache_hits", M::GpuPrefixCacheHits, S::Count),
    ("vllm:time_to_first_token_seconds_bucket", M::TtftBucket, S::Count),
    ("vllm:time_to_first_token_seconds_sum", M::TtftSum, S::Seconds),
    ("vllm:time_to_first_token_seconds_count", M::TtftCount, S::Count),
    ("vllm:e2e_request_latency_seconds_sum", M::E2eSum, S::Seconds),
    ("vllm:e2e_request_latency_seconds_count", M::E2eCount, S::Count),
    ("vllm:request_queue_time_seconds_sum", M::QueueSum, S::Seconds),
    ("vllm:request_queue_time_seconds_count", M::QueueCount, S::Count),
    ("vllm:request_time_per_output_token_seconds_bucket", M::TpotBucket, S::Count),
    ("vllm:inter_token_latency_seconds_bucket", M::InterTokenBucket, S::Count),
    ("vllm:time_per_output_token_seconds_bucket", M::InterTokenBucket, S::Count),
    ("vllm:inter_token_latency_seconds_sum", M::InterTokenSum, S::Seconds),
    ("vllm:inter_token_latency_seconds_count", M::InterTokenCount, S::Count),
    ("vllm:time_per_output_token_seconds_sum", M::TimePerOutputTokenSum, S::Seconds),
    ("vllm:time_per_output_token_seconds_count", M::TimePerOutputTokenCount, S::Count),
    ("vllm:cache_config_info", M::CacheConfig, S::Note),
];

impl Metric {
    /// The metric of a Prometheus name, exactly spelt; `_total` may be missing or there, as client
    /// libraries append it.
    pub(super) fn from_name(name: &str) -> Option<Metric> {
        let bare = name.strip_suffix("_total").unwrap_or(name);
        TABLE.iter().find(|it| it.0 == name || it.0 == bare && it.2 == S::Count).map(|it| it.1)
    }

    /// What its numbers are.
    pub(super) fn scale(self) -> Scale {
        TABLE.iter().find(|it| it.1 == self).map_or(S::Note, |it| it.2)
    }

    /// Whether it counts up and restarts at zero.
    pub(super) fn is_counter(self) -> bool {
        matches!(self.scale(), S::Count | S::Seconds)
    }

    /// Whether it counts durations up to a bound.
    pub(super) fn is_bucket(self) -> bool {
        matches!(self, M::TtftBucket | M::TpotBucket | M::InterTokenBucket)
    }

    /// Whether it speaks of a GPU; the others speak of a serving engine.
    pub(super) fn is_of_gpu(self) -> bool {
        self <= M::DramActive
    }

    /// The level it stands for, and 1 if an older name of it: where both have a value at one
    /// instant, rank 0 wins. Counters keep their names apart, because old versions counted blocks
    /// where new ones count tokens.
    pub(super) fn level_and_rank(self) -> (Metric, u8) {
        match self {
            M::GpuCacheUsage => (M::KvCacheUsage, 1),
            other => (other, 0),
        }
    }

    /// A number of the file as a reading: `None` if it means "not measured" (NaN, infinite, a blank
    /// of DCGM), percent as a share from 0 to 1; an error if it cannot be.
    pub(super) fn reading(self, value: f64) -> Result<Option<f64>, String> {
        let scale = self.scale();
        let blank = if scale == S::Count { DCGM_BLANK_64 } else { DCGM_BLANK };
        if !value.is_finite() || self.is_of_gpu() && value >= blank {
            return Ok(None);
        }
        if value < 0.0 {
            return Err(format!("`{value}` is negative"));
        }
        // Minus zero is zero.
        let value = value + 0.0;
        match scale {
            S::Percent if value > 100.0 => Err(format!("`{value}` is above 100 %")),
            S::Percent => Ok(Some(value / 100.0)),
            S::Ratio if value > 1.0 + RATIO_TOLERANCE => Err(format!("`{value}` is above 1")),
            S::Ratio => Ok(Some(value.min(1.0))),
            S::Count if value.fract() != 0.0 => Err(format!("`{value}` is not a whole number")),
            S::Count if value > MAX_COUNT => Err(format!("`{value}` is too large for a count")),
            S::Count | S::Seconds | S::Level | S::Note => Ok(Some(value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_and_new_names_are_known_and_rates_are_not() {
        for (name, expected) in [
            ("DCGM_FI_DEV_GPU_UTIL", Some(M::GpuUtil)),
            ("vllm:generation_tokens_total", Some(M::GenerationTokens)),
            ("vllm:prefix_cache_hits", Some(M::PrefixCacheHits)),
            ("vllm:prefix_cache_hits_total", Some(M::PrefixCacheHits)),
            ("vllm:gpu_prefix_cache_hits_total", Some(M::GpuPrefixCacheHits)),
            ("vllm:num_requests_running_total", None),
            ("vllm:generation_tokens_created", None),
            ("instance:vllm_generation_tokens:rate5m", None),
            ("DCGM_FI_DEV_GPU_UTIL:avg", None),
            ("iteration_tokens_total", None),
        ] {
            assert_eq!(Metric::from_name(name), expected, "{name}");
        }
    }

    #[test]
    fn every_metric_has_its_scale() {
        for (name, metric, scale) in TABLE {
            assert_eq!(metric.scale(), *scale, "{name}");
            assert_eq!(metric.is_of_gpu(), name.starts_with("DCGM"), "{name}");
        }
    }

    #[test]
    fn what_cannot_be_is_told_from_what_was_not_measured() {
        for (metric, value, expected) in [
            (M::GpuUtil, 97.0, Ok(Some(0.97))),
            (M::GpuUtil, f64::NAN, Ok(None)),
            (M::GpuUtil, 2_147_483_634.0, Ok(None)),
            (M::PowerUsage, 140_737_488_355_328.0, Ok(None)),
            (M::TotalEnergy, 9_223_372_036_854_775_794.0, Ok(None)),
            (M::TotalEnergy, 4_000_000_000_000.0, Ok(Some(4_000_000_000_000.0))),
            (M::GrEngineActive, 1.0003, Ok(Some(1.0))),
            (M::KvCacheUsage, f64::INFINITY, Ok(None)),
        ] {
            assert_eq!(metric.reading(value), expected, "{metric:?} {value}");
        }
        for (metric, value, reason) in [
            (M::GpuUtil, 101.0, "`101` is above 100 %"),
            (M::KvCacheUsage, 21.0, "`21` is above 1"),
            (M::PromptTokens, -3.0, "`-3` is negative"),
            (M::PromptTokens, 1.5, "`1.5` is not a whole number"),
            (M::PromptTokens, 1e17, "`100000000000000000` is too large for a count"),
        ] {
            assert_eq!(metric.reading(value), Err(reason.to_owned()));
        }
    }
}
