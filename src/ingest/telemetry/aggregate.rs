//! Series of all files to GPUs and engines with their bins, and what had to be settled on the way.

use std::collections::{BTreeMap, BTreeSet};

use super::bin::{Binned, TelemetryBin};
use super::entity::{self, Device, Entity, EntityKey, Sightings};
use super::facts::{memory_total, untimed};
use super::lane::{Lane, Part};
use super::metric::{Metric, Scale};
use super::notices::Tally;
use super::series::{Labels, Series};
use super::signal::Signal;
use super::tally;
use crate::units::{Period, Timestamp};

/// Everything that was measured.
#[derive(Clone, Debug, Default)]
pub(in crate::ingest) struct Aggregated {
    /// GPUs by device and slice, then engines by address, model and number.
    pub(in crate::ingest) observed: Vec<Observed>,
    /// What the reader must know, one sentence each.
    pub(in crate::ingest) notices: Vec<String>,
}

/// One GPU or engine over time.
#[derive(Clone, Debug)]
pub(in crate::ingest) struct Observed {
    /// Who.
    pub(in crate::ingest) entity: Entity,
    /// Bins in which anything was measured, ascending.
    pub(in crate::ingest) bins: Vec<TelemetryBin>,
    /// The usual distance of its samples, microseconds; none with a single scrape.
    pub(in crate::ingest) step_us: Option<i64>,
    /// What lies between its first and last sample and was not measured.
    pub(in crate::ingest) gaps: Vec<Period>,
    /// How often a counter started anew.
    pub(in crate::ingest) restarts: u64,
    /// Upper bound in seconds, and requests of the recording whose first token came by then.
    pub(in crate::ingest) ttft_buckets: Vec<(f64, u64)>,
    /// The same by the start of a bin and for the time per output token too: what, when, bound, how many.
    pub(in crate::ingest) latencies: Vec<(Timed, Timestamp, f64, u64)>,
    /// What files without a clock say.
    pub(in crate::ingest) untimed: Option<Untimed>,
}

/// What a histogram counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::ingest) enum Timed {
    /// Times to the first token.
    FirstToken,
    /// Times per output token.
    EachToken,
}

/// Facts of files without a clock.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::ingest) struct Untimed {
    /// Readings of the level that has most; each pod on a shared GPU gives its own.
    pub(in crate::ingest) samples: u32,
    /// Mean activity of the GPU, 0 to 1.
    pub(in crate::ingest) gpu_active: Option<f64>,
    /// Most memory in use, MiB.
    pub(in crate::ingest) vram_used_mib: Option<f64>,
    /// Mean power, W.
    pub(in crate::ingest) power_w: Option<f64>,
    /// Most of the KV cache in use, 0 to 1.
    pub(in crate::ingest) kv_cache_usage: Option<f64>,
}

/// What one entity has, before it is added up.
#[derive(Default)]
struct Group {
    labels: Labels,
    files: BTreeSet<String>,
    /// By metric and by what tells its counters apart.
    parts: BTreeMap<(Metric, Option<String>), Vec<Part>>,
    untimed: BTreeMap<Metric, Vec<f64>>,
    sightings: Sightings,
}

/// Adds series up by entity and bin. Bins are multiples of `bin_us` (positive) since the epoch.
pub(in crate::ingest) fn aggregate(series: Vec<Series>, bin_us: i64) -> Aggregated {
    let bin_us = bin_us.max(1);
    let mut tally = Tally::default();
    let mut groups = group(series, &mut tally);
    attach_cache_config(&mut groups);
    let sliced: BTreeSet<Device> = groups
        .keys()
        .filter_map(|it| match it {
            EntityKey::Gpu { device, slice: Some(_) } => Some(device.clone()),
            _ => None,
        })
        .collect();
    let start = groups
        .iter()
        .filter(|it| matches!(it.0, EntityKey::Engine { .. }))
        .filter_map(|it| it.1.first_instant())
        .min();
    let observed = groups
        .into_iter()
        .map(|(key, mut group)| {
            if let EntityKey::Gpu { device, .. } = &key
                && sliced.contains(device)
                && group.drop_util()
            {
                tally.mig.insert(device.clone());
            }
            observe(key, group, bin_us, start, &mut tally)
        })
        .collect();
    Aggregated { observed, notices: tally.notices() }
}

fn group(series: Vec<Series>, tally: &mut Tally) -> BTreeMap<EntityKey, Group> {
    let exporters = entity::exporters(&series);
    let mut groups: BTreeMap<EntityKey, Group> = BTreeMap::new();
    for it in series {
        let Some(key) = entity::key_of(&it, &exporters) else {
            tally.nameless += 1;
            continue;
        };
        let group = groups.entry(key).or_default();
        if let Some(place) = entity::holder(&it.labels, &exporters) {
            group.sightings.note(place, &it);
        }
        group.add(it);
    }
    groups
}

/// `cache_config_info` names no model: it belongs to the engines of its address.
fn attach_cache_config(groups: &mut BTreeMap<EntityKey, Group>) {
    let nameless: Vec<EntityKey> = groups
        .iter()
        .filter(|(key, group)| {
            matches!(key, EntityKey::Engine { model, .. } if model.is_empty())
                && group.parts.keys().all(|it| it.0 == Metric::CacheConfig)
                && group.untimed.is_empty()
        })
        .map(|it| it.0.clone())
        .collect();
    for key in nameless {
        let EntityKey::Engine { instance, engine, .. } = &key else { continue };
        let is_same = |other: &EntityKey| {
            matches!(other, EntityKey::Engine { instance: i, model, engine: e }
                if i == instance && e == engine && !model.is_empty())
        };
        if !groups.keys().any(is_same) {
            continue;
        }
        let Some(config) = groups.remove(&key) else { continue };
        for (_, group) in groups.iter_mut().filter(|it| is_same(it.0)) {
            group.labels.num_gpu_blocks = config.labels.num_gpu_blocks;
            group.labels.block_size = config.labels.block_size;
        }
    }
}

impl Group {
    fn add(&mut self, series: Series) {
        self.labels.fill_from(&series.labels);
        if !self.files.contains(&series.labels.file) {
            self.files.insert(series.labels.file.clone());
        }
        let is_level = !series.metric.is_counter() && series.metric != Metric::CacheConfig;
        if is_level && !series.untimed.is_empty() {
            let (level, _) = series.metric.level_and_rank();
            self.untimed.entry(level).or_default().extend(series.untimed);
        }
        if !series.points.is_empty() {
            let (metric, rank) = series.metric.level_and_rank();
            let part = Part { rank, step: series.step_us, points: series.points };
            let which = series.labels.part.filter(|_| metric.is_counter());
            self.parts.entry((metric, which)).or_default().push(part);
        }
    }

    fn first_instant(&self) -> Option<i64> {
        self.parts.values().flatten().filter_map(|it| it.points.first().map(|it| it.0)).min()
    }

    /// Under MIG the device's own utilization reads 0 or nothing, whatever its slices do. True if
    /// there was any.
    fn drop_util(&mut self) -> bool {
        let mut any = false;
        for metric in [Metric::GpuUtil, Metric::MemCopyUtil] {
            any |= self.parts.remove(&(metric, None)).is_some();
            any |= self.untimed.remove(&metric).is_some();
        }
        any
    }
}

fn observe(
    key: EntityKey,
    group: Group,
    bin_us: i64,
    start: Option<i64>,
    tally: &mut Tally,
) -> Observed {
    let lanes: BTreeMap<(Metric, Option<String>), Lane> = group
        .parts
        .into_iter()
        .map(|(which, parts)| {
            let is_counter = which.0.is_counter();
            (which, Lane::merge(parts, is_counter))
        })
        .collect();
    for it in lanes.values() {
        tally.repeats += it.repeats;
        tally.conflicts += it.conflicts;
    }
    let counters: Vec<&Lane> =
        lanes.iter().filter(|it| it.0.0.is_counter()).map(|it| it.1).collect();
    let (falls, restarts) = tally::restarts(&counters);
    tally.restarts += falls.len() as u64;
    let mut binned = Binned::default();
    let mut ttft_buckets = Vec::new();
    let mut by_bin: BTreeMap<Metric, Vec<(Timestamp, f64, u64)>> = BTreeMap::new();
    for ((metric, which), lane) in &lanes {
        if metric.is_counter() {
            let whole = metric.scale() == Scale::Count;
            let counted = tally::counts(lane, &restarts, whole, bin_us);
            tally.across_gaps += counted.across_gaps;
            if metric.is_bucket() {
                let bound = which.as_ref().and_then(|it| it.parse::<f64>().ok());
                let Some(bound) = bound else { continue };
                if *metric == Metric::TtftBucket {
                    ttft_buckets.push((bound, counted.bins.values().map(|it| it.whole).sum()));
                }
                let at = |bin: &i64| Timestamp::from_us(bin.saturating_mul(bin_us));
                let bins = counted.bins.iter().map(|(bin, it)| (at(bin), bound, it.whole));
                by_bin.entry(*metric).or_default().extend(bins);
            } else {
                binned.add(*metric, &counted);
            }
        } else if *metric != Metric::CacheConfig {
            binned.levels.insert(*metric, tally::levels(lane, bin_us));
        }
    }
    ttft_buckets.sort_by(|a: &(f64, u64), b| a.0.total_cmp(&b.0));
    // Of whole requests where the engine counts them so, else the gaps between tokens.
    let of_requests = by_bin.remove(&Metric::TpotBucket);
    let tpot = of_requests.or_else(|| by_bin.remove(&Metric::InterTokenBucket));
    let ttft = by_bin.remove(&Metric::TtftBucket).unwrap_or_default();
    let ttft = ttft.into_iter().map(|it| (Timed::FirstToken, it.0, it.1, it.2));
    let tpot = tpot.unwrap_or_default().into_iter().map(|it| (Timed::EachToken, it.0, it.1, it.2));
    tally.note_late(&lanes, start);
    let signal = Signal::of(&lanes);
    binned.measured = signal.by_bin(bin_us);
    let memory = memory_total(&lanes, &group.untimed);
    let files = group.files.into_iter().collect();
    let entity = Entity { files, ..describe(key, group.labels, &group.sightings, memory) };
    tally.shared += u64::from(!entity.pods_sharing.is_empty());
    Observed {
        bins: binned.rows(bin_us, memory),
        step_us: signal.step_us,
        gaps: signal.gaps(),
        restarts: falls.len() as u64,
        ttft_buckets,
        latencies: ttft.chain(tpot).collect(),
        untimed: untimed(&group.untimed),
        entity,
    }
}

fn describe(
    key: EntityKey,
    labels: Labels,
    sightings: &Sightings,
    memory_total_mib: Option<f64>,
) -> Entity {
    let (holders, pods_sharing) = sightings.settle();
    Entity {
        key,
        gpu_name: labels.gpu_name,
        host: labels.host,
        files: Vec::new(),
        namespace: entity::common(&holders, |it| &it.namespace),
        pod: entity::common(&holders, |it| &it.pod),
        container: entity::common(&holders, |it| &it.container),
        model: labels.model,
        mig_profile: labels.mig_profile,
        memory_total_mib,
        holders,
        pods_sharing,
        num_gpu_blocks: labels.num_gpu_blocks,
        block_size: labels.block_size,
    }
}
