//! The usual distance of samples: how long one sample may speak for.

use std::collections::BTreeMap;

use super::metric::Metric;
use super::series::Series;

/// No sample speaks for more than an hour, however far apart a file's samples are.
pub(super) const MAX_STEP_US: i64 = 3_600_000_000;
/// Distances of one metric that outweigh those of the whole file.
const OWN_VOTES: u64 = 5;

/// How often each distance occurred, in microseconds.
#[derive(Clone, Debug, Default)]
pub(super) struct Distances(BTreeMap<i64, u64>);

impl Distances {
    /// Counts the distances of ascending instants.
    pub(super) fn count(&mut self, instants: impl Iterator<Item = i64>) {
        let mut last = None;
        for at in instants {
            if let Some(last) = last.replace(at) {
                let apart = at.saturating_sub(last);
                if apart > 0 {
                    *self.0.entry(apart).or_default() += 1;
                }
            }
        }
    }

    fn add(&mut self, other: &Distances) {
        for (apart, n) in &other.0 {
            *self.0.entry(*apart).or_default() += n;
        }
    }

    fn votes(&self) -> u64 {
        self.0.values().sum()
    }

    /// The modal distance: distances that agree in two digits vote together, so that a clock that
    /// jitters by milliseconds has one step; of the winners the median. A tie goes to the smaller.
    /// None with fewer than `min_votes` for the winner.
    pub(super) fn modal(&self, min_votes: u64) -> Option<i64> {
        let mut classes: BTreeMap<i64, u64> = BTreeMap::new();
        for (apart, n) in &self.0 {
            *classes.entry(class(*apart)).or_default() += n;
        }
        // `max_by_key` keeps the last of equals: from large to small, so the smallest.
        let (winner, votes) = classes.into_iter().rev().max_by_key(|it| it.1)?;
        if votes < min_votes {
            return None;
        }
        let mut seen = 0;
        let mut members = self.0.iter().filter(|it| class(*it.0) == winner);
        members
            .find(|it| {
                seen += it.1;
                seen * 2 >= votes
            })
            .map(|it| *it.0)
    }
}

/// A distance rounded to two digits.
fn class(apart: i64) -> i64 {
    let mut scale = 1;
    while apart / scale >= 100 {
        scale *= 10;
    }
    (apart + scale / 2) / scale * scale
}

/// Gives every series of a file its step: that of its metric where the file has enough of it, else
/// that of the file, because one query has one step. Returns the longest step found if it is more
/// than one hour.
pub(super) fn assign(series: &mut [Series]) -> Option<i64> {
    let mut by_metric: BTreeMap<Metric, Distances> = BTreeMap::new();
    for it in series.iter() {
        by_metric.entry(it.metric).or_default().count(it.points.iter().map(|it| it.0));
    }
    let mut all = Distances::default();
    for it in by_metric.values() {
        all.add(it);
    }
    let whole_file = all.modal(1);
    let own: BTreeMap<Metric, Option<i64>> = by_metric
        .iter()
        .map(|(metric, it)| {
            let enough = it.votes() >= OWN_VOTES;
            (*metric, if enough { it.modal(1) } else { whole_file })
        })
        .collect();
    let mut longest = None;
    for it in series {
        let step = own.get(&it.metric).copied().flatten();
        longest = longest.max(step.filter(|it| *it > MAX_STEP_US));
        it.step_us = step.map(|it| it.min(MAX_STEP_US));
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(instants: &[i64], expected: Option<i64>) {
        let mut distances = Distances::default();
        distances.count(instants.iter().copied());
        assert_eq!(distances.modal(1), expected, "{instants:?}");
    }

    #[test]
    fn the_step_is_the_most_frequent_distance() {
        check(&[], None);
        check(&[7], None);
        check(&[0, 60, 120, 180, 600, 660], Some(60));
        // A jittering minute (ms): 60001, 59999, 60003 vote together against one 5000.
        check(&[0, 60_001, 120_000, 180_003, 185_003], Some(60_001));
        // One vote each: the smaller.
        check(&[0, 60, 360], Some(60));
        check(&[0, 60, 60, 60, 120], Some(60));
    }

    #[test]
    fn a_single_vote_may_be_too_few() {
        let mut distances = Distances::default();
        distances.count([0, 60].into_iter());
        assert_eq!(distances.modal(2), None);
    }
}
