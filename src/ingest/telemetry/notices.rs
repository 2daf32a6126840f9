//! What had to be settled while series were added up, in sentences.

use std::collections::{BTreeMap, BTreeSet};

use super::entity::Device;
use super::lane::Lane;
use super::metric::Metric;

/// What the notices count.
#[derive(Default)]
pub(super) struct Tally {
    /// Series of GPU metrics that name no GPU.
    pub(super) nameless: u64,
    /// Samples that say again what is known.
    pub(super) repeats: u64,
    /// Samples that contradict an earlier one.
    pub(super) conflicts: u64,
    /// Intervals in which a counter fell.
    pub(super) restarts: u64,
    /// Rises across a gap.
    pub(super) across_gaps: u64,
    /// Devices in slices whose own utilization was left out.
    pub(super) mig: BTreeSet<Device>,
    /// GPUs with several pods at one time.
    pub(super) shared: u64,
    late: u64,
    late_requests: u64,
}

impl Tally {
    /// Counts an engine that appears after the recording began: what it served before its first
    /// sample is on its counters, but whether that was inside the recording is not known.
    pub(super) fn note_late(
        &mut self,
        lanes: &BTreeMap<(Metric, Option<String>), Lane>,
        start: Option<i64>,
    ) {
        let first = lanes
            .iter()
            .filter(|it| it.0.0 == Metric::RequestSuccess)
            .filter_map(|it| it.1.samples().first());
        let late: Vec<f64> = first
            .filter(|it| start.is_some_and(|start| 2 * (it.at - start) > 5 * it.step.max(1)))
            .map(|it| it.value)
            .filter(|it| *it > 0.0)
            .collect();
        self.late += u64::from(!late.is_empty());
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "readings of counters are whole and not negative"
        )]
        let requests = late.iter().sum::<f64>() as u64;
        self.late_requests += requests;
    }

    /// One sentence per thing that happened.
    pub(super) fn notices(&self) -> Vec<String> {
        let counted = [
            (
                "telemetry that names no GPU (neither `UUID` nor `gpu`), so that it is not used: \
                 export it without sum() or avg(); series",
                self.nameless,
            ),
            (
                "telemetry that another file, or another pod on the same GPU, gave already and \
                 that counts once; samples",
                self.repeats,
            ),
            (
                "telemetry that contradicts an earlier sample of the same instant; the first was \
                 kept; samples",
                self.conflicts,
            ),
            (
                "counters that started anew: the new value was added, and what was served between \
                 the last sample and the restart is not known; times",
                self.restarts,
            ),
            (
                "counters that rose across a gap in the recording: the rise is in the total, \
                 booked where the recording goes on; times",
                self.across_gaps,
            ),
            (
                "GPUs cut into MIG slices, where GPU_UTIL reads 0 or nothing, so that only \
                 GR_ENGINE_ACTIVE of the slices tells their activity",
                self.mig.len() as u64,
            ),
            (
                "GPUs shared by several pods, of which each reports the whole device, so that \
                 they count once and cannot be split by pod",
                self.shared,
            ),
        ];
        let mut all: Vec<String> = counted
            .into_iter()
            .filter(|it| it.1 > 0)
            .map(|(text, n)| format!("{text}: {n}"))
            .collect();
        if self.late > 0 {
            all.push(format!(
                "engines that appear after the recording began: {}; the {} requests already on \
                 their counters are not counted",
                self.late, self.late_requests
            ));
        }
        all
    }
}
