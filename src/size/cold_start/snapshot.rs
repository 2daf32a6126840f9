//! Starts that are skipped: a worker comes back from a snapshot, if there is one.

use crate::catalog::ColdStart;
use crate::size::estimate::{Band, Estimate};

/// What a short start restores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Snapshot {
    /// The memory of process and GPU, as of Modal's snapshots: 14 s.
    MemoryImage,
    /// A worker that was put aside, as of `RunPod`'s `FlashBoot`: 1.2 s.
    WarmWorker,
}

impl Snapshot {
    /// Seconds of a restore.
    pub fn restore(self, it: &ColdStart) -> Estimate {
        let (seconds, low, high) = match self {
            Snapshot::MemoryImage => (it.memory_image_s, it.memory_image_low, it.memory_image_high),
            Snapshot::WarmWorker => (it.warm_worker_s, it.warm_worker_low, it.warm_worker_high),
        };
        Band::new(low, high).around(seconds)
    }
}
