//! Samples added up in bins: levels by the time they stood, counters by what they rose.

use std::collections::{BTreeMap, BTreeSet};

use super::lane::{Lane, Span};

/// A level in one bin.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct LevelBin {
    /// Level times microseconds.
    weighted: f64,
    /// Time it was measured for, microseconds.
    pub(super) covered_us: i64,
    /// Highest level that stood in the bin.
    pub(super) max: f64,
}

impl LevelBin {
    /// Its mean over the time measured.
    pub(super) fn mean(&self) -> f64 {
        self.weighted / self.covered_us as f64
    }
}

/// A counter in one bin.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct CountBin {
    /// What it rose by, whole things.
    pub(super) whole: u64,
    /// What it rose by, seconds.
    pub(super) seconds: f64,
    /// Of `whole` the part that rose while it was measured; the rest came across a gap.
    pub(super) steady: u64,
    /// Time it was measured for, microseconds.
    pub(super) covered_us: i64,
}

/// A counter in all bins.
#[derive(Clone, Debug, Default)]
pub(super) struct Counted {
    /// By number of the bin since the epoch.
    pub(super) bins: BTreeMap<i64, CountBin>,
    /// Rises across a gap.
    pub(super) across_gaps: u64,
}

/// Intervals `(from, to]` in which a counter fell: its process started anew.
pub(super) type Restarts = Vec<(i64, i64)>;

/// The bins that `[from, to)` touches, with the part inside each.
pub(super) fn pieces(from: i64, to: i64, bin_us: i64) -> impl Iterator<Item = (i64, i64, i64)> {
    let mut at = from;
    std::iter::from_fn(move || {
        if at >= to {
            return None;
        }
        let bin = at.div_euclid(bin_us);
        let start = at;
        at = ((bin + 1) * bin_us).min(to);
        Some((bin, start, at))
    })
}

/// A level's bins: each sample weighs as long as it speaks.
pub(super) fn levels(lane: &Lane, bin_us: i64) -> BTreeMap<i64, LevelBin> {
    let mut bins: BTreeMap<i64, LevelBin> = BTreeMap::new();
    for span in lane.spans() {
        for (bin, from, to) in pieces(span.from.at, span.until, bin_us) {
            let it = bins.entry(bin).or_default();
            it.weighted += span.from.value * (to - from) as f64;
            it.covered_us += to - from;
            it.max = it.max.max(span.from.value);
        }
    }
    bins
}

/// Where the counters of one process fell: every interval `(from, to]` in which one did, and of
/// these the ones in which the process itself started anew, because at least half of its counters
/// that had counted anything fell. A single counter that falls is a slip of its recorder.
pub(super) fn restarts(lanes: &[&Lane]) -> (BTreeSet<(i64, i64)>, Restarts) {
    let mut votes: BTreeMap<(i64, i64), usize> = BTreeMap::new();
    for span in lanes.iter().flat_map(|it| it.spans()) {
        if let Some(to) = span.to.filter(|it| it.value < span.from.value) {
            *votes.entry((span.from.at, to.at)).or_default() += 1;
        }
    }
    let had_counted = |interval: (i64, i64)| {
        lanes.iter().filter(|it| it.value_over(interval).is_some_and(|it| it > 0.0)).count()
    };
    let anew = votes.iter().filter(|it| it.1 * 2 >= had_counted(*it.0)).map(|it| *it.0).collect();
    (votes.into_keys().collect(), anew)
}

/// What a counter rose by between two samples. After a restart it began at zero, so it rose by its
/// new value; all counters of a process restart together, even one that has passed its old value.
fn rise(from: f64, to: f64, restarted: bool) -> f64 {
    if restarted || to < from { to } else { to - from }
}

/// A counter's bins. A rise belongs to the bins its interval overlaps, shared by time with
/// cumulative rounding, so that the bins add up to it exactly; a rise across a gap is booked whole
/// in the bin of the later sample. `restarts` are those of the process, ascending.
pub(super) fn counts(lane: &Lane, restarts: &Restarts, whole: bool, bin_us: i64) -> Counted {
    let mut counted = Counted::default();
    for span in lane.spans() {
        let Some(to) = span.to else { continue };
        let next = restarts.partition_point(|it| it.0 < span.from.at);
        let restarted =
            restarts.iter().skip(next).take_while(|it| it.0 < to.at).any(|it| it.1 <= to.at);
        let risen = rise(span.from.value, to.value, restarted);
        if span.has_gap() {
            counted.across_gaps += u64::from(risen > 0.0);
            // The interval ends with the later sample, so one on the edge closes the bin before.
            let it = counted.bins.entry((to.at - 1).div_euclid(bin_us)).or_default();
            if whole {
                it.whole += to_whole(risen);
            } else {
                it.seconds += risen;
            }
        } else {
            share(&span, to.at, risen, whole, bin_us, &mut counted.bins);
        }
    }
    counted
}

fn share(
    span: &Span,
    to: i64,
    risen: f64,
    whole: bool,
    bin_us: i64,
    bins: &mut BTreeMap<i64, CountBin>,
) {
    let from = span.from.at;
    let length = i128::from(to - from);
    let total = i128::from(to_whole(risen));
    let mut given = 0;
    for (bin, start, end) in pieces(from, to, bin_us) {
        let it = bins.entry(bin).or_default();
        it.covered_us += end - start;
        if whole {
            // Rounded half up; at the end of the interval all of it is given.
            let due = (total * i128::from(end - from) * 2 + length) / (2 * length);
            let part = u64::try_from(due - given).unwrap_or(0);
            given = due;
            it.whole += part;
            it.steady += part;
        } else {
            it.seconds += risen * (end - start) as f64 / (to - from) as f64;
        }
    }
}

/// A rise of a whole counter; its readings are whole and below 2^53.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the difference of two whole readings, the later the larger, is whole and below 2^53"
)]
fn to_whole(risen: f64) -> u64 {
    risen as u64
}

#[cfg(test)]
mod tests {
    use super::super::lane::Part;
    use super::*;
    use proptest::prelude::*;

    fn lane(step: i64, points: &[(i64, f64)]) -> Lane {
        Lane::merge(vec![Part { rank: 0, step: Some(step), points: points.to_vec() }], true)
    }

    fn wholes(counted: &Counted) -> Vec<(i64, u64)> {
        counted.bins.iter().map(|it| (*it.0, it.1.whole)).collect()
    }

    #[test]
    fn a_rise_is_shared_by_time_and_adds_up() {
        // Bins of 60. 10 over (50,80]: 10 of 30 in bin 0 = 3.33 -> 3, the other 7 in bin 1.
        let counted = counts(&lane(30, &[(50, 0.0), (80, 10.0)]), &Vec::new(), true, 60);
        assert_eq!(wholes(&counted), [(0, 3), (1, 7)]);
        // 1 over (0,180] is 1/3 a bin, cumulative 0.33 -> 0, 0.67 -> 1, 1: bins 0, 1, 0.
        let counted = counts(&lane(180, &[(0, 5.0), (180, 6.0)]), &Vec::new(), true, 60);
        assert_eq!(wholes(&counted), [(0, 0), (1, 1), (2, 0)]);
    }

    fn total(counted: &Counted) -> u64 {
        counted.bins.values().map(|it| it.whole).sum()
    }

    #[test]
    fn a_restart_adds_the_new_value_to_every_counter_of_the_process() {
        let fell = lane(60, &[(0, 100.0), (60, 150.0), (120, 30.0), (180, 40.0)]);
        // Its sister has passed its old value: 3 -> 5 is 5 new ones, not 2.
        let sister = lane(60, &[(0, 2.0), (60, 3.0), (120, 5.0), (180, 6.0)]);
        let (falls, found) = restarts(&[&fell, &sister]);
        assert_eq!((falls.len(), found.as_slice()), (1, [(60, 120)].as_slice()));
        // 50 + 30 + 10, and 1 + 5 + 1.
        assert_eq!(total(&counts(&fell, &found, true, 60)), 90);
        assert_eq!(total(&counts(&sister, &found, true, 60)), 7);
    }

    #[test]
    fn one_counter_that_slips_restarts_no_other() {
        let slipped = lane(60, &[(0, 100.0), (60, 99.0)]);
        let others = lane(60, &[(0, 1000.0), (60, 1010.0)]);
        let (falls, found) = restarts(&[&slipped, &others, &others]);
        assert_eq!((falls.len(), found.len()), (1, 0));
        assert_eq!(total(&counts(&others, &found, true, 60)), 10);
    }

    #[test]
    fn a_rise_across_a_gap_is_booked_with_the_later_sample() {
        // Step 60, 240 apart: bin (240 - 1) / 60 = 3, and nothing in the bins of the gap.
        let counted = counts(&lane(60, &[(0, 0.0), (240, 9.0)]), &Vec::new(), true, 60);
        assert_eq!(wholes(&counted), [(3, 9)]);
        assert_eq!((counted.across_gaps, counted.bins[&3].covered_us), (1, 0));
    }

    #[test]
    fn a_level_weighs_by_the_time_it_stood() {
        // 0.8 for 30, then 0.2 for one step of 30, in bins of 45:
        // bin 0: (0.8 * 30 + 0.2 * 15) / 45 = 0.6; bin 1: 0.2 for 15.
        let bins = levels(&lane(30, &[(0, 0.8), (30, 0.2)]), 45);
        assert!((bins[&0].mean() - 0.6).abs() < 1e-12);
        assert_eq!((bins[&0].covered_us, bins[&1].covered_us), (45, 15));
        assert!((bins[&1].max - 0.2).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn the_bins_add_up_to_the_rises(
            steps in prop::collection::vec((1_i64..400, 0_u32..1000), 1..40),
            start in -500_i64..500,
            bin in 1_i64..200,
        ) {
            let mut at = start;
            let mut points = vec![(at, 7.0)];
            for (apart, value) in steps {
                at += apart;
                points.push((at, f64::from(value)));
            }
            let lane = lane(60, &points);
            let (_, found) = restarts(&[&lane]);
            let by_hand: u64 = points
                .windows(2)
                .map(|it| if it[1].1 < it[0].1 { it[1].1 } else { it[1].1 - it[0].1 })
                .map(to_whole)
                .sum();
            let counted = counts(&lane, &found, true, bin);
            prop_assert_eq!(total(&counted), by_hand);
            let covered: i64 = counted.bins.values().map(|it| it.covered_us).sum();
            let whole = lane.spans().filter(|it| it.to.is_some() && !it.has_gap());
            let expected: i64 = whole.map(|it| it.until - it.from.at).sum();
            prop_assert_eq!(covered, expected);
        }
    }
}
