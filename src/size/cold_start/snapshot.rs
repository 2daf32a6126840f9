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

/// A start that is short where a snapshot is at hand, and full where none is.
///
/// The share is one number: no source states how it falls with the time since the last request,
/// only that busy endpoints hit more often.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MixedStart {
    short_share: f64,
    short_s: f64,
    full_s: f64,
}

impl MixedStart {
    /// A start of `short_s` with the chance `short_share`, else of `full_s`. Nothing where that is no
    /// chance or no time, or the short start is the longer one.
    pub fn new(short_share: f64, short_s: f64, full_s: f64) -> Option<MixedStart> {
        let is_sound = (0.0..=1.0).contains(&short_share)
            && short_s >= 0.0
            && short_s <= full_s
            && full_s.is_finite();
        is_sound.then_some(MixedStart { short_share, short_s, full_s })
    }

    /// The chance of the short start.
    pub const fn short_share(&self) -> f64 {
        self.short_share
    }

    /// Seconds of the short start.
    pub const fn short_s(&self) -> f64 {
        self.short_s
    }

    /// Seconds of the full start.
    pub const fn full_s(&self) -> f64 {
        self.full_s
    }

    /// Seconds of the mean start: 0.95 x 1.2 + 0.05 x 42 = 3.24.
    pub fn mean_s(&self) -> f64 {
        self.short_share * self.short_s + (1.0 - self.short_share) * self.full_s
    }
}
