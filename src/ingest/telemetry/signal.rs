//! When a GPU or an engine was sampled at all: what its bins cover, and the gaps between.

use std::collections::BTreeMap;

use super::lane::Lane;
use super::metric::Metric;
use super::step::Distances;
use super::tally::pieces;
use crate::units::{Period, Timestamp};

/// When an entity was sampled at all: the lanes that its bins are judged by.
pub(super) struct Signal {
    /// Covered intervals, ascending and apart.
    covered: Vec<(i64, i64)>,
    /// Instants sampled.
    instants: Vec<i64>,
    /// Their usual distance.
    pub(super) step_us: Option<i64>,
}

impl Signal {
    /// Of the main metrics if there are any, else of all.
    pub(super) fn of(lanes: &BTreeMap<(Metric, Option<String>), Lane>) -> Signal {
        let is_main = |metric: Metric| {
            matches!(metric, Metric::GpuUtil | Metric::GrEngineActive | Metric::RequestsRunning)
        };
        let has_main = lanes.keys().any(|it| is_main(it.0));
        let mut covered: Vec<(i64, i64)> = Vec::new();
        let mut instants: Vec<i64> = Vec::new();
        for ((metric, _), lane) in lanes {
            if has_main && !is_main(*metric) || *metric == Metric::CacheConfig {
                continue;
            }
            instants.extend(lane.samples().iter().map(|it| it.at));
            for span in lane.spans() {
                // A counter says nothing about the time after its last sample.
                let open_end = metric.is_counter() && (span.to.is_none() || span.has_gap());
                if !open_end && span.from.at < span.until {
                    covered.push((span.from.at, span.until));
                }
            }
        }
        instants.sort_unstable();
        instants.dedup();
        let mut distances = Distances::default();
        distances.count(instants.iter().copied());
        Signal { covered: united(covered), step_us: distances.modal(1), instants }
    }

    /// Time covered and instants, by bin.
    pub(super) fn by_bin(&self, bin_us: i64) -> BTreeMap<i64, (i64, u32)> {
        let mut bins: BTreeMap<i64, (i64, u32)> = BTreeMap::new();
        for (from, to) in &self.covered {
            for (bin, start, end) in pieces(*from, *to, bin_us) {
                bins.entry(bin).or_default().0 += end - start;
            }
        }
        for at in &self.instants {
            bins.entry(at.div_euclid(bin_us)).or_default().1 += 1;
        }
        bins
    }

    /// Between the first and the last sample.
    pub(super) fn gaps(&self) -> Vec<Period> {
        let between = self.covered.windows(2).filter_map(|it| match it {
            [before, after] => {
                Period::new(Timestamp::from_us(before.1), Timestamp::from_us(after.0))
            }
            _ => None,
        });
        between.collect()
    }
}

/// Intervals joined where they touch.
fn united(mut intervals: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    intervals.sort_unstable();
    let mut joined: Vec<(i64, i64)> = Vec::new();
    for (from, to) in intervals {
        match joined.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => joined.push((from, to)),
        }
    }
    joined
}
