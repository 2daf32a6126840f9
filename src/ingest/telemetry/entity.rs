//! Who was measured: which series belong to one GPU or one engine, and who held it.

use std::collections::{BTreeMap, BTreeSet};

use super::metric::Metric;
use super::series::{Labels, Place, Series};
use crate::units::{Period, Timestamp};

/// A GPU as a device.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::ingest) enum Device {
    /// By its UUID. A MIG slice that nvidia-smi lists has a UUID of its own, which does not say on
    /// which GPU it is.
    Uuid(String),
    /// By its index in a host; the file's name where nothing names the host, so that the first GPUs
    /// of two machines stay two.
    Place {
        /// Host, or file.
        host: String,
        /// Index.
        index: String,
    },
}

/// What tells one measured thing from another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::ingest) enum EntityKey {
    /// A GPU, or a slice of it.
    Gpu {
        /// The device; all slices of one GPU have the same.
        device: Device,
        /// Number of the MIG slice.
        slice: Option<String>,
    },
    /// A serving engine.
    Engine {
        /// Address, else pod, else file.
        instance: String,
        /// The model; empty where no label names it.
        model: String,
        /// Number behind the address, `0` where no label says (v0 had one).
        engine: String,
    },
}

/// Who held a GPU or ran an engine, and from when to when it was seen there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ingest) struct Holder {
    /// Where.
    pub(in crate::ingest) place: Place,
    /// From its first to its last sample; none for files without a clock or with one scrape.
    pub(in crate::ingest) seen: Option<Period>,
}

/// A measured thing.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::ingest) struct Entity {
    /// What it is.
    pub(in crate::ingest) key: EntityKey,
    /// Product name of the GPU.
    pub(in crate::ingest) gpu_name: Option<String>,
    /// The host, if a label names it.
    pub(in crate::ingest) host: Option<String>,
    /// The files it is in, by name.
    pub(in crate::ingest) files: Vec<String>,
    /// The namespace, if all holders agree on it.
    pub(in crate::ingest) namespace: Option<String>,
    /// The pod, if there was only one.
    pub(in crate::ingest) pod: Option<String>,
    /// The container, if all holders agree on it.
    pub(in crate::ingest) container: Option<String>,
    /// The model an engine serves.
    pub(in crate::ingest) model: Option<String>,
    /// Profile of the MIG slice.
    pub(in crate::ingest) mig_profile: Option<String>,
    /// All memory, MiB: as reported, else used + free + reserved of one instant.
    pub(in crate::ingest) memory_total_mib: Option<f64>,
    /// Everyone seen on it, by name.
    pub(in crate::ingest) holders: Vec<Holder>,
    /// Pods that were on it at one time: time slicing. Each reports the whole device.
    pub(in crate::ingest) pods_sharing: Vec<String>,
    /// Blocks of the engine's KV cache.
    pub(in crate::ingest) num_gpu_blocks: Option<u64>,
    /// Tokens in a block.
    pub(in crate::ingest) block_size: Option<u64>,
}

/// The pods that export metrics of others: they stand in `pod` beside an `exported_pod`.
pub(super) fn exporters(series: &[Series]) -> BTreeSet<String> {
    series
        .iter()
        .filter(|it| it.labels.exported.pod.is_some())
        .filter_map(|it| it.labels.own.pod.clone())
        .collect()
}

/// The holder a series names. `pod` is the exporter itself where `exported_pod` exists, and also
/// where the holder's labels vanished for a while and only the exporter's are left.
pub(super) fn holder(labels: &Labels, exporters: &BTreeSet<String>) -> Option<Place> {
    if labels.exported.pod.is_some() {
        return Some(labels.exported.clone());
    }
    let pod = labels.own.pod.as_ref()?;
    let is_exporter = exporters.contains(pod) || labels.own.is_exporter();
    (!is_exporter).then(|| labels.own.clone())
}

/// What a series belongs to; none if it names no single GPU.
pub(super) fn key_of(series: &Series, exporters: &BTreeSet<String>) -> Option<EntityKey> {
    let labels = &series.labels;
    if !series.metric.is_of_gpu() {
        let pod = holder(labels, exporters).and_then(|it| it.pod);
        return Some(EntityKey::Engine {
            instance: labels.instance.clone().or(pod).unwrap_or_else(|| labels.file.clone()),
            model: labels.model.clone().unwrap_or_default(),
            engine: labels.engine.clone().unwrap_or_else(|| "0".to_owned()),
        });
    }
    let device = match (&labels.uuid, &labels.gpu_index) {
        (Some(uuid), _) => Device::Uuid(uuid.clone()),
        (None, Some(index)) => {
            let host = labels.host.clone().or_else(|| labels.instance.clone());
            Device::Place {
                host: host.unwrap_or_else(|| labels.file.clone()),
                index: index.clone(),
            }
        }
        (None, None) => return None,
    };
    Some(EntityKey::Gpu { device, slice: labels.mig_id.clone() })
}

/// When holders were seen on one entity.
#[derive(Clone, Debug, Default)]
pub(super) struct Sightings(BTreeMap<Place, BTreeMap<Metric, Vec<i64>>>);

impl Sightings {
    /// Notes that `place` held it at these instants; a file without a clock is one instant.
    pub(super) fn note(&mut self, place: Place, series: &Series) {
        let instants = self.0.entry(place).or_default().entry(series.metric).or_default();
        instants.extend(series.points.iter().map(|it| it.0));
        if !series.untimed.is_empty() {
            instants.push(i64::MIN);
        }
    }

    /// The holders by name, and the pods of those that were there at one time.
    pub(super) fn settle(&self) -> (Vec<Holder>, Vec<String>) {
        let holders = self
            .0
            .iter()
            .map(|(place, metrics)| {
                let timed = || metrics.values().flatten().filter(|it| **it != i64::MIN).copied();
                let ends = timed().min().zip(timed().max());
                let period = |(first, last)| {
                    Period::new(Timestamp::from_us(first), Timestamp::from_us(last))
                };
                Holder { place: place.clone(), seen: ends.and_then(period) }
            })
            .collect();
        (holders, self.sharing())
    }

    fn sharing(&self) -> Vec<String> {
        if self.0.len() < 2 {
            return Vec::new();
        }
        let metrics: BTreeSet<Metric> = self.0.values().flat_map(|it| it.keys().copied()).collect();
        let mut together: BTreeSet<&Place> = BTreeSet::new();
        for metric in metrics {
            let mut seen: Vec<(i64, &Place)> = Vec::new();
            for (place, instants) in &self.0 {
                seen.extend(instants.get(&metric).into_iter().flatten().map(|it| (*it, place)));
            }
            seen.sort_unstable();
            seen.dedup();
            let pairs = seen.windows(2).filter_map(|it| match it {
                [one, other] if one.0 == other.0 => Some([one.1, other.1]),
                _ => None,
            });
            together.extend(pairs.flatten());
        }
        let pods: BTreeSet<String> = together.iter().filter_map(|it| it.pod.clone()).collect();
        // One pod with two containers on a GPU shares with nobody.
        if pods.len() < 2 { Vec::new() } else { pods.into_iter().collect() }
    }
}

/// What all agree on.
pub(super) fn common(
    holders: &[Holder],
    field: impl Fn(&Place) -> &Option<String>,
) -> Option<String> {
    let mut values = holders.iter().map(|it| field(&it.place));
    let first = values.next()?;
    if values.all(|it| it == first) { first.clone() } else { None }
}
