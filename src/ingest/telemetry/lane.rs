//! One metric of one GPU or engine as a single run of samples, merged from every file that has it.

use super::step::{Distances, MAX_STEP_US};

/// Distances that must agree before separate scrapes count as a regular recording.
const MIN_VOTES: u64 = 2;

/// A reading and how long it may speak for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sample {
    /// Microseconds since the epoch.
    pub(super) at: i64,
    /// The reading.
    pub(super) value: f64,
    /// The step of the file it came from; 0 if that is not known.
    pub(super) step: i64,
    /// 0 for the present name of the metric, 1 for an older one.
    rank: u8,
}

/// The points of one series, to be merged.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// 0 for the present name of the metric, 1 for an older one.
    pub(super) rank: u8,
    /// The file's step.
    pub(super) step: Option<i64>,
    /// Ascending.
    pub(super) points: Vec<(i64, f64)>,
}

/// Merged samples, one per instant, ascending.
#[derive(Clone, Debug, Default)]
pub(super) struct Lane {
    samples: Vec<Sample>,
    /// Instants that several series gave alike.
    pub(super) repeats: u64,
    /// Samples left out because an earlier series says something else.
    pub(super) conflicts: u64,
}

/// From one sample to the next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    /// The earlier sample.
    pub(super) from: Sample,
    /// The later sample; after the last one, none.
    pub(super) to: Option<Sample>,
    /// Until when the earlier one speaks; its own instant if nobody knows.
    pub(super) until: i64,
}

impl Span {
    /// Whether part of the span, or all of it, was not measured.
    pub(super) fn has_gap(&self) -> bool {
        self.to.is_some_and(|it| self.until < it.at)
    }
}

impl Lane {
    /// Merges series in the order given, present names first. Each instant is kept once; the first
    /// value wins. Where a counter disagrees with what is there already (two recorders of one
    /// engine that lag behind each other), the span that is there is not filled from it: a mixture
    /// of the two would look like restarts.
    pub(super) fn merge(mut parts: Vec<Part>, is_counter: bool) -> Lane {
        parts.sort_by_key(|it| it.rank);
        let mut lane = Lane::default();
        for part in parts {
            lane.add(&part, is_counter);
        }
        lane.settle_steps();
        lane
    }

    fn add(&mut self, part: &Part, is_counter: bool) {
        let step = part.step.unwrap_or(0);
        let mut fresh: Vec<Sample> = Vec::with_capacity(part.points.len());
        for (at, value) in &part.points {
            match fresh.last() {
                Some(last) if last.at == *at => self.count_again(last.value, *value),
                _ => fresh.push(Sample { at: *at, value: *value, step, rank: part.rank }),
            }
        }
        let span = self.samples.first().zip(self.samples.last()).map(|it| (it.0.at, it.1.at));
        let Some((first, last)) = span else {
            self.samples = fresh;
            return;
        };
        let mut differs = false;
        fresh.retain(|it| {
            let Ok(found) = self.samples.binary_search_by_key(&it.at, |it| it.at) else {
                return true;
            };
            let there = self.samples.get(found).copied();
            if let Some(there) = there.filter(|there| there.rank == it.rank) {
                self.count_again(there.value, it.value);
                differs |= there.value.to_bits() != it.value.to_bits();
            }
            false
        });
        if is_counter && differs {
            let before = fresh.len();
            fresh.retain(|it| it.at < first || it.at > last);
            self.conflicts += (before - fresh.len()) as u64;
        }
        self.samples.append(&mut fresh);
        self.samples.sort_by_key(|it| it.at);
    }

    fn count_again(&mut self, there: f64, again: f64) {
        if there.to_bits() == again.to_bits() {
            self.repeats += 1;
        } else {
            self.conflicts += 1;
        }
    }

    /// Gives samples of files with a single scrape the step at which the scrapes follow each other.
    fn settle_steps(&mut self) {
        if self.samples.iter().all(|it| it.step > 0) {
            return;
        }
        let mut distances = Distances::default();
        distances.count(self.samples.iter().map(|it| it.at));
        let step = distances.modal(MIN_VOTES).map_or(0, |it| it.min(MAX_STEP_US));
        for it in self.samples.iter_mut().filter(|it| it.step == 0) {
            it.step = step;
        }
    }

    /// The samples.
    pub(super) fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// The reading at the first instant of an interval that ends with the very next sample.
    pub(super) fn value_over(&self, (from, to): (i64, i64)) -> Option<f64> {
        let at = self.samples.binary_search_by_key(&from, |it| it.at).ok()?;
        let next = self.samples.get(at + 1)?;
        self.samples.get(at).filter(|_| next.at == to).map(|it| it.value)
    }

    /// Each sample with the next. A sample speaks until the next one if that comes within 2.5
    /// steps, so that one lost scrape is no gap; else for one step.
    pub(super) fn spans(&self) -> impl Iterator<Item = Span> {
        (1..).zip(&self.samples).map(|(next, from)| {
            let to = self.samples.get(next).copied();
            let until = match to {
                Some(to) if 2 * (to.at - from.at) <= 5 * from.step => to.at,
                _ => from.at + from.step,
            };
            Span { from: *from, to, until }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(rank: u8, points: &[(i64, f64)]) -> Part {
        Part { rank, step: Some(10), points: points.to_vec() }
    }

    fn values(lane: &Lane) -> Vec<(i64, f64)> {
        lane.samples().iter().map(|it| (it.at, it.value)).collect()
    }

    #[test]
    fn overlapping_files_are_merged_and_the_first_value_stays() {
        let first = part(0, &[(0, 1.0), (10, 2.0), (20, 3.0)]);
        let second = part(0, &[(10, 2.0), (20, 9.0), (30, 4.0)]);
        let lane = Lane::merge(vec![first, second], false);
        assert_eq!(values(&lane), [(0, 1.0), (10, 2.0), (20, 3.0), (30, 4.0)]);
        assert_eq!((lane.repeats, lane.conflicts), (1, 1));
    }

    #[test]
    fn the_new_name_wins_and_the_old_one_fills() {
        let old = part(1, &[(0, 0.1), (10, 0.2)]);
        let new = part(0, &[(10, 0.3), (20, 0.4)]);
        let lane = Lane::merge(vec![old, new], false);
        assert_eq!(values(&lane), [(0, 0.1), (10, 0.3), (20, 0.4)]);
        assert_eq!((lane.repeats, lane.conflicts), (0, 0));
    }

    #[test]
    fn two_recorders_of_one_counter_are_not_mixed() {
        // The second lags: at 20 it says 190 where the first says 200. Filled in at 15 and 25 it
        // would make 195 -> 200 -> 198 a restart worth 198.
        let first = part(0, &[(10, 100.0), (20, 200.0), (30, 300.0)]);
        let second = part(0, &[(15, 95.0), (20, 190.0), (25, 198.0), (40, 390.0)]);
        let lane = Lane::merge(vec![first, second], true);
        assert_eq!(values(&lane), [(10, 100.0), (20, 200.0), (30, 300.0), (40, 390.0)]);
        assert_eq!(lane.conflicts, 3);
    }

    #[test]
    fn a_sample_speaks_for_one_step_across_a_gap() {
        // Step 10: 25 apart is still whole, 26 apart leaves 16 unmeasured.
        let lane = Lane::merge(vec![part(0, &[(0, 1.0), (25, 1.0), (51, 1.0)])], false);
        let spans: Vec<_> = lane.spans().map(|it| (it.from.at, it.until, it.has_gap())).collect();
        assert_eq!(spans, [(0, 25, false), (25, 35, true), (51, 61, false)]);
    }

    #[test]
    fn single_scrapes_speak_for_each_other_only_when_regular() {
        let scrape = |at| Part { rank: 0, step: None, points: vec![(at, 1.0)] };
        let two = Lane::merge(vec![scrape(0), scrape(60)], false);
        assert!(two.spans().all(|it| it.until == it.from.at));
        let three = Lane::merge(vec![scrape(0), scrape(60), scrape(120)], false);
        let until: Vec<i64> = three.spans().map(|it| it.until).collect();
        assert_eq!(until, [60, 120, 180]);
    }
}
