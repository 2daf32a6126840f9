//! The rollup table as columns: one cell per minute and workload.

/// Stands for what was not measured.
pub(super) const NONE_32: u32 = u32::MAX;
/// Stands for what was not measured.
pub(super) const NONE_64: i64 = i64::MIN;

/// Buckets and counts of each cell, end to end.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Histograms {
    /// Where the buckets of each cell end.
    pub(super) ends: Vec<usize>,
    /// The buckets, rising inside a cell.
    pub(super) buckets: Vec<u32>,
    /// Requests in each.
    pub(super) counts: Vec<u32>,
}

impl Histograms {
    /// The buckets and counts of a cell.
    pub(super) fn of(&self, cell: usize) -> (&[u32], &[u32]) {
        let start = if cell == 0 { 0 } else { self.ends[cell - 1] };
        let range = start..self.ends[cell];
        (&self.buckets[range.clone()], &self.counts[range])
    }
}

/// Some cells, in the order of minutes, then of workloads.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Cells {
    pub(super) minute_us: Vec<i64>,
    pub(super) workload: Vec<u32>,
    pub(super) requests: Vec<u32>,
    pub(super) errors: Vec<u32>,
    pub(super) with_tokens: Vec<u32>,
    pub(super) prompt: Vec<i64>,
    pub(super) completion: Vec<i64>,
    pub(super) prompt_sq: Vec<i64>,
    pub(super) completion_sq: Vec<i64>,
    pub(super) first_us: Vec<i64>,
    pub(super) last_us: Vec<i64>,
    pub(super) gap_sum: Vec<i64>,
    pub(super) gap_sq: Vec<i64>,
    pub(super) seconds: Vec<u32>,
    pub(super) second_sq: Vec<i64>,
    pub(super) first_second: Vec<u32>,
    pub(super) last_second: Vec<u32>,
    pub(super) prompts: Histograms,
    pub(super) completions: Histograms,
}

impl Cells {
    /// How many.
    pub(super) fn len(&self) -> usize {
        self.workload.len()
    }

    /// Removes all, and keeps the memory for others.
    pub(super) fn clear(&mut self) {
        let Cells { minute_us, workload, requests, errors, with_tokens, .. } = self;
        minute_us.clear();
        for it in [workload, requests, errors, with_tokens] {
            it.clear();
        }
        let Cells { prompt, completion, prompt_sq, completion_sq, first_us, last_us, .. } = self;
        for it in [prompt, completion, prompt_sq, completion_sq, first_us, last_us] {
            it.clear();
        }
        let Cells { gap_sum, gap_sq, second_sq, seconds, first_second, last_second, .. } = self;
        for it in [gap_sum, gap_sq, second_sq] {
            it.clear();
        }
        for it in [seconds, first_second, last_second] {
            it.clear();
        }
        for it in [&mut self.prompts, &mut self.completions] {
            it.ends.clear();
            it.buckets.clear();
            it.counts.clear();
        }
    }
}
