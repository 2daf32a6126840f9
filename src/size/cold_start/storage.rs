//! Where weights come from, and how fast.

use super::{Host, StartQuestion};
use crate::catalog::ColdStart;
use crate::size::estimate::{Band, Estimate};

/// Where weights come from. Every rate but the first is that of one machine, which its GPUs share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Storage {
    /// Nobody said: the disk of a serverless worker, for each GPU.
    Unnamed,
    /// A network volume such as EBS gp3.
    NetworkVolume,
    /// A SATA-like SSD of the node.
    Ssd,
    /// An object store through a streamer with 32 readers.
    ObjectStore,
    /// An `NVMe` disk of the node, read by safetensors.
    Nvme,
    /// The page cache of the node, filled by an earlier start.
    PageCache,
    /// An `NVMe` disk, read by a loader that goes around the page cache.
    DirectNvme,
    /// The node's memory, pinned, by such a loader.
    HostMemory,
}

impl Storage {
    const NAMES: [(Storage, &'static str); 8] = [
        (Storage::Unnamed, "unnamed"),
        (Storage::NetworkVolume, "network-volume"),
        (Storage::Ssd, "ssd"),
        (Storage::ObjectStore, "object-store"),
        (Storage::Nvme, "nvme"),
        (Storage::PageCache, "page-cache"),
        (Storage::DirectNvme, "direct-nvme"),
        (Storage::HostMemory, "host-memory"),
    ];

    /// The storage of a word.
    pub fn parse(word: &str) -> Option<Storage> {
        Storage::NAMES.iter().find(|it| it.1 == word).map(|it| it.0)
    }

    /// Its word.
    pub fn as_str(self) -> &'static str {
        Storage::NAMES.iter().find(|it| it.0 == self).map_or("", |it| it.1)
    }

    /// Every word.
    pub fn words() -> impl Iterator<Item = &'static str> {
        Storage::NAMES.iter().map(|it| it.1)
    }

    /// 10^9 bytes a second.
    const fn gb_s(self, it: &ColdStart) -> f64 {
        match self {
            Storage::Unnamed => it.weight_bandwidth_gb_s,
            Storage::NetworkVolume => it.network_volume_gb_s,
            Storage::Ssd => it.ssd_gb_s,
            Storage::ObjectStore => it.object_store_gb_s,
            Storage::Nvme => it.nvme_gb_s,
            Storage::PageCache => it.page_cache_gb_s,
            Storage::DirectNvme => it.direct_nvme_gb_s,
            Storage::HostMemory => it.host_memory_gb_s,
        }
    }
}

/// How weights are read: bytes, rate in 10^9 bytes a second, range.
pub(super) struct Reading {
    pub(super) gb: f64,
    pub(super) gb_s: f64,
    band: Band,
}

impl Reading {
    pub(super) fn of(question: &StartQuestion, host: Option<&Host>, it: &ColdStart) -> Reading {
        let each = question.weights_per_gpu.to_gb();
        let all = each * f64::from(question.gpu_count);
        let calibrated = Band::new(it.calibrated_low, it.calibrated_high);
        if let Some(gb_s) = host.and_then(Host::weight_gb_s) {
            return Reading { gb: all, gb_s, band: calibrated };
        }
        let (gb, named) = match question.storage {
            Storage::Unnamed => (each, Band::new(it.unnamed_storage_low, it.unnamed_storage_high)),
            _ => (all, Band::new(it.storage_low, it.storage_high)),
        };
        let is_measured = host.is_some_and(|it| it.is_of(question));
        let band = if is_measured { calibrated } else { named };
        Reading { gb, gb_s: question.storage.gb_s(it), band }
    }
}

/// Reading the weights: 70 GB over 8 GPUs from the page cache, 70 / 5.3 = 13.2 s, measured 10.
pub(super) fn weights(question: &StartQuestion, host: Option<&Host>, it: &ColdStart) -> Estimate {
    let reading = Reading::of(question, host, it);
    reading.band.around(reading.gb / reading.gb_s)
}
