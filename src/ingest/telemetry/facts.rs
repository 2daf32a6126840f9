//! Facts that need no clock: the memory of a GPU, and what files without times say.

use std::collections::BTreeMap;

use super::aggregate::Untimed;
use super::lane::Lane;
use super::metric::Metric;

/// All memory of a GPU, MiB: the most that was reported, else used + free + reserved at the last
/// instant that has all three; exporters that hide the reserved part give slightly less.
pub(super) fn memory_total(
    lanes: &BTreeMap<(Metric, Option<String>), Lane>,
    untimed: &BTreeMap<Metric, Vec<f64>>,
) -> Option<f64> {
    let lane = |metric| lanes.get(&(metric, None)).map(Lane::samples).unwrap_or_default();
    let loose = |metric| untimed.get(&metric).map(Vec::as_slice).unwrap_or_default();
    let timed = lane(Metric::FbTotal).iter().map(|it| it.value);
    let reported = timed.chain(loose(Metric::FbTotal).iter().copied()).reduce(f64::max);
    let has_reserved =
        !lane(Metric::FbReserved).is_empty() || !loose(Metric::FbReserved).is_empty();
    let summed = || {
        let at = |metric, at: i64| {
            let samples = lane(metric);
            let found = samples.binary_search_by_key(&at, |it| it.at).ok()?;
            samples.get(found).map(|it| it.value)
        };
        lane(Metric::FbUsed).iter().rev().find_map(|used| {
            let reserved = if has_reserved { at(Metric::FbReserved, used.at)? } else { 0.0 };
            Some(used.value + at(Metric::FbFree, used.at)? + reserved)
        })
    };
    let summed_loose = || {
        let last = |metric| loose(metric).last().copied();
        let reserved = if has_reserved { last(Metric::FbReserved)? } else { 0.0 };
        Some(last(Metric::FbUsed)? + last(Metric::FbFree)? + reserved)
    };
    reported.or_else(summed).or_else(summed_loose).filter(|it| *it > 0.0)
}

/// What readings without a time add up to.
pub(super) fn untimed(readings: &BTreeMap<Metric, Vec<f64>>) -> Option<Untimed> {
    let most = readings.values().map(Vec::len).max()?;
    let of = |metric| readings.get(&metric).map(Vec::as_slice).filter(|it| !it.is_empty());
    let mean = |metric| of(metric).map(|it| it.iter().sum::<f64>() / it.len() as f64);
    let max = |metric| of(metric).and_then(|it| it.iter().copied().reduce(f64::max));
    Some(Untimed {
        samples: u32::try_from(most).unwrap_or(u32::MAX),
        gpu_active: mean(Metric::GpuUtil).or_else(|| mean(Metric::GrEngineActive)),
        vram_used_mib: max(Metric::FbUsed),
        power_w: mean(Metric::PowerUsage),
        kv_cache_usage: max(Metric::KvCacheUsage),
    })
}
