//! A few rows of a file, chosen by chance but always the same ones: enough to tell whether another
//! file has them too.
//!
//! Of the hashes of all distinct rows the smallest are kept. Up to the smaller of the reaches of two
//! files each holds all hashes of its file, so what they have in common there is a fair sample (the
//! k minimum values of Beyer et al., "On synopses for distinct-value estimation", SIGMOD 2007).

use std::collections::BTreeMap;

/// At most `MOST` rows, by their hashes.
#[derive(Clone, Debug)]
pub(super) struct Least<T, const MOST: usize> {
    rows: BTreeMap<u64, T>,
    /// The largest of them once some were left out.
    reach: u64,
}

impl<T, const MOST: usize> Default for Least<T, MOST> {
    fn default() -> Least<T, MOST> {
        Least { rows: BTreeMap::new(), reach: u64::MAX }
    }
}

impl<T, const MOST: usize> Least<T, MOST> {
    /// For a part of a file of which it is known up to which hash rows are kept.
    pub(super) fn up_to(reach: u64) -> Least<T, MOST> {
        Least { rows: BTreeMap::new(), reach }
    }

    /// Notes a row.
    #[inline]
    pub(super) fn note(&mut self, hash: u64, row: T) {
        if hash < self.reach {
            self.insert(hash, row);
        }
    }

    #[cold]
    fn insert(&mut self, hash: u64, row: T) {
        self.rows.insert(hash, row);
        if self.rows.len() > MOST {
            self.rows.pop_last();
            self.reach = self.rows.last_key_value().map_or(u64::MAX, |it| *it.0);
        }
    }

    /// Notes the rows of another part of the file.
    pub(super) fn absorb(&mut self, other: Least<T, MOST>) {
        for (hash, row) in other.rows {
            self.note(hash, row);
        }
        self.reach = self.reach.min(other.reach);
    }

    /// Up to which hash every row of the file is known.
    pub(super) fn reach(&self) -> u64 {
        self.reach
    }

    /// Whether rows were left out.
    pub(super) fn is_part(&self) -> bool {
        self.reach < u64::MAX
    }

    /// The rows with their hashes, in the order of these.
    pub(super) fn rows(&self) -> &BTreeMap<u64, T> {
        &self.rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_are_kept_whatever_the_order() {
        let noted = |hashes: &[u64]| {
            let mut least: Least<(), 3> = Least::default();
            for hash in hashes {
                least.note(*hash, ());
            }
            (least.rows().keys().copied().collect::<Vec<_>>(), least.reach(), least.is_part())
        };
        assert_eq!(noted(&[7, 5, 9, 5]), (vec![5, 7, 9], u64::MAX, false));
        assert_eq!(noted(&[7, 5, 9, 1, 8]), (vec![1, 5, 7], 7, true));
        assert_eq!(noted(&[8, 1, 9, 5, 7]), (vec![1, 5, 7], 7, true));
    }

    #[test]
    fn parts_make_the_whole() {
        let of = |hashes: &[u64]| {
            let mut least: Least<(), 3> = Least::default();
            for hash in hashes {
                least.note(*hash, ());
            }
            least
        };
        let shown = |it: &Least<(), 3>| (it.rows().keys().copied().collect::<Vec<_>>(), it.reach());
        for hashes in
            [[7, 5, 9, 1, 8, 2], [1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, 1], [1, 1, 2, 2, 3, 3]]
        {
            for at in 0..=hashes.len() {
                let (mut first, second) = (of(&hashes[..at]), of(&hashes[at..]));
                first.absorb(second);
                assert_eq!(shown(&first), shown(&of(&hashes)), "{hashes:?} at {at}");
            }
        }
    }
}
