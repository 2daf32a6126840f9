//! Requests as columns.

use crate::ingest::RequestFate;

/// Stands for no token count, and for a workload that a row does not name.
pub(super) use crate::ingest::pages::NONE;

/// Some requests.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows {
    /// Arrivals, microseconds since 1970.
    pub(super) at_us: Vec<i64>,
    /// Workloads by number.
    pub(super) workload: Vec<u32>,
    /// Prompt tokens, or [`NONE`].
    pub(super) prompt: Vec<u32>,
    /// Completion tokens, or [`NONE`].
    pub(super) completion: Vec<u32>,
    /// What became of them; empty where no log tells.
    pub(super) fate: Vec<RequestFate>,
    /// The first and the last arrival, and whether the rows are in the order of time, as of the last
    /// [`Rows::look`].
    seen: (i64, i64, bool),
}

impl Rows {
    /// How many.
    pub(super) fn len(&self) -> usize {
        self.at_us.len()
    }

    /// Looks at the arrivals once, for all who ask about their order.
    pub(super) fn look(&mut self) {
        let at_us = self.at_us.as_slice();
        self.seen = if at_us.is_sorted() {
            let ends = at_us.first().zip(at_us.last()).map_or((0, 0), |it| (*it.0, *it.1));
            (ends.0, ends.1, true)
        } else {
            let ends = |(least, most): (i64, i64), it: &i64| (least.min(*it), most.max(*it));
            let (least, most) = at_us.iter().fold((i64::MAX, i64::MIN), ends);
            (least, most, false)
        };
    }

    /// The first and the last arrival.
    pub(super) fn span(&self) -> (i64, i64) {
        (self.seen.0, self.seen.1)
    }

    /// Whether they are in the order of time.
    pub(super) fn is_in_order(&self) -> bool {
        self.seen.2
    }

    /// Removes all.
    pub(super) fn clear(&mut self) {
        self.at_us.clear();
        self.workload.clear();
        self.prompt.clear();
        self.completion.clear();
        self.fate.clear();
    }

    /// Appends those of other rows that arrived from one time to another.
    pub(super) fn append_between(&mut self, other: &Rows, from_us: i64, to_us: i64) {
        let tells = !self.fate.is_empty() || !other.fate.is_empty();
        if tells {
            self.fate.resize(self.at_us.len(), RequestFate::default());
        }
        for (at, at_us) in other.at_us.iter().enumerate() {
            if (from_us..to_us).contains(at_us) {
                self.at_us.push(*at_us);
                self.workload.push(other.workload[at]);
                self.prompt.push(other.prompt[at]);
                self.completion.push(other.completion[at]);
                if tells {
                    self.fate.push(other.fate.get(at).copied().unwrap_or_default());
                }
            }
        }
    }

    /// Some of them.
    pub(super) fn part(&self, range: std::ops::Range<usize>) -> Rows {
        let fate = self.fate.get(range.clone()).unwrap_or_default();
        Rows {
            at_us: self.at_us[range.clone()].to_vec(),
            workload: self.workload[range.clone()].to_vec(),
            prompt: self.prompt[range.clone()].to_vec(),
            completion: self.completion[range].to_vec(),
            fate: fate.to_vec(),
            seen: (0, 0, false),
        }
    }

    /// The same rows in the order of time.
    pub(super) fn in_order(mut self) -> Rows {
        self.look();
        if self.is_in_order() {
            return self;
        }
        let mut order: Vec<(i64, u32)> = self.at_us.iter().copied().zip(0..).collect();
        order.sort_unstable();
        let pick = |of: &[u32]| order.iter().map(|(_, at)| of[*at as usize]).collect();
        let mut rows = Rows {
            at_us: order.iter().map(|(at_us, _)| *at_us).collect(),
            workload: pick(&self.workload),
            prompt: pick(&self.prompt),
            completion: pick(&self.completion),
            fate: match self.fate.as_slice() {
                [] => Vec::new(),
                fate => order.iter().map(|(_, at)| fate[*at as usize]).collect(),
            },
            seen: (0, 0, false),
        };
        rows.look();
        rows
    }
}
