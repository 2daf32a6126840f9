//! The ends of rows that give none, told by the starts of their workload: part by part while the starts
//! rise, so that a file need not be read whole.

use foldhash::fast::FixedState;
use indexmap::IndexMap;

/// The usual distance between the starts of each workload.
pub(super) type Spacings = IndexMap<Option<String>, Option<i64>, FixedState>;

/// The starts of one workload in rows that follow each other.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Spaced {
    /// The first and the last.
    ends: Option<(i64, i64)>,
    /// How often each distance between neighbours that differ was seen.
    counts: Vec<(i64, u64)>,
    /// Whether one came before the one before it.
    falls: bool,
    /// The distance by which these rows were read.
    pub(super) used: Option<i64>,
    /// Whether not all of them were.
    differs: bool,
}

impl Spaced {
    /// Whether there was any start.
    pub(super) const fn is_seen(&self) -> bool {
        self.ends.is_some()
    }

    /// Notes a start.
    pub(super) fn see(&mut self, start: i64) {
        self.ends = Some(match self.ends {
            None => (start, start),
            Some((first, last)) => {
                self.note(last, start);
                (first, start)
            }
        });
    }

    fn note(&mut self, last: i64, next: i64) {
        match next.checked_sub(last) {
            Some(1..) => self.count(next - last, 1),
            Some(0) => {}
            _ => self.falls = true,
        }
    }

    fn count(&mut self, distance: i64, n: u64) {
        match self.counts.iter_mut().find(|it| it.0 == distance) {
            Some(known) => known.1 += n,
            None => self.counts.push((distance, n)),
        }
    }

    /// Adds the distances of other starts.
    pub(super) fn count_all(&mut self, other: &Spaced) {
        for (distance, n) in &other.counts {
            self.count(*distance, *n);
        }
    }

    /// Adds the rows that follow.
    pub(super) fn follow(&mut self, next: &Spaced) {
        let Some((first, last)) = next.ends else { return };
        let Some((start, before)) = self.ends else {
            *self = next.clone();
            return;
        };
        self.note(before, first);
        self.ends = Some((start, last));
        self.count_all(next);
        self.falls |= next.falls;
        self.differs |= next.differs || self.used != next.used;
    }

    /// The most frequent distance, the shortest of equals.
    pub(super) fn modal(&self) -> Option<i64> {
        let most = self.counts.iter().map(|it| it.1).max()?;
        self.counts.iter().filter(|it| it.1 == most).map(|it| it.0).min()
    }

    /// Whether the starts rise, so that neighbours are known.
    pub(super) const fn rises(&self) -> bool {
        !self.falls
    }

    /// Whether the rows were read by the distance that all of them show.
    pub(super) fn was_right(&self) -> bool {
        !self.differs && self.used == self.modal()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::modal_spacing;
    use super::*;

    proptest! {
        #[test]
        fn parts_show_what_the_whole_shows(
            steps in proptest::collection::vec(0_i64..4, 1..60),
            cuts in proptest::collection::vec(1_usize..12, 1..20),
        ) {
            let starts: Vec<i64> = steps
                .iter()
                .scan(0, |at, step| {
                    *at += step;
                    Some(*at)
                })
                .collect();
            let mut all = Spaced::default();
            let mut left = starts.as_slice();
            for cut in cuts.iter().cycle() {
                let (part, rest) = left.split_at((*cut).min(left.len()));
                let mut own = Spaced::default();
                for it in part {
                    own.see(*it);
                }
                all.follow(&own);
                left = rest;
                if left.is_empty() {
                    break;
                }
            }
            prop_assert!(all.rises());
            prop_assert_eq!(all.modal(), modal_spacing(starts.clone()));
            let mut falling = Spaced::default();
            for it in starts.iter().rev() {
                falling.see(*it);
            }
            prop_assert_eq!(falling.rises(), starts.first() == starts.last());
        }
    }
}
