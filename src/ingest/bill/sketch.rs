//! What two bills have in common, by a sample of the rows of each.

use std::fmt;

use super::super::least::Least;

/// The sample of a file. Where files are about as long, a share of one half is known within 0.05 in
/// 999 of 1,000 cases.
pub(super) type Sketch = Least<(), 1024>;

/// Rows that two files have in common, of those that could be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ingest) struct Common {
    /// Sampled rows that are in both.
    pub(in crate::ingest) both: usize,
    /// Sampled rows of the file that has fewer of them.
    pub(in crate::ingest) of: usize,
}

impl Common {
    /// Whether so much is no accident: two rows or more that are all there, or half of many.
    pub(in crate::ingest) fn is_copy(self) -> bool {
        const MANY: usize = 8;
        (self.of > 1 && self.both == self.of) || (self.of >= MANY && self.both * 2 >= self.of)
    }
}

impl fmt::Display for Common {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.both == self.of {
            return write!(f, "every charge of one is in the other, to the hour and the amount");
        }
        let Common { both, of } = self;
        write!(f, "of {of} charges compared {both} are in both, to the hour and the amount")
    }
}

impl Common {
    /// What the files of two sketches have in common.
    pub(super) fn of(a: &Sketch, b: &Sketch) -> Common {
        let reach = a.reach().min(b.reach());
        let [own, others] = [a, b].map(|it| it.rows().range(..=reach));
        let both = own.clone().filter(|(hash, ())| b.rows().contains_key(hash)).count();
        Common { both, of: own.count().min(others.count()) }
    }
}

#[cfg(test)]
mod tests {
    use std::hash::BuildHasher;

    use foldhash::fast::FixedState;

    use super::*;

    fn sketch(rows: std::ops::Range<u64>) -> Sketch {
        let mut sketch = Sketch::default();
        for row in rows {
            sketch.note(FixedState::default().hash_one(row), ());
        }
        sketch
    }

    #[test]
    fn small_files_are_compared_row_by_row() {
        assert_eq!(Common::of(&sketch(0..2), &sketch(0..2)), Common { both: 2, of: 2 });
        assert_eq!(Common::of(&sketch(0..10), &sketch(5..30)), Common { both: 5, of: 10 });
        assert!(Common::of(&sketch(0..2), &sketch(0..9)).is_copy());
        assert!(Common::of(&sketch(0..10), &sketch(5..30)).is_copy());
        // One equal row may be the same fee of two accounts, and nothing is no copy of anything.
        assert!(!Common::of(&sketch(0..1), &sketch(0..1)).is_copy());
        assert!(!Common::of(&sketch(0..0), &sketch(0..9)).is_copy());
        assert!(!Common::of(&sketch(0..10), &sketch(6..30)).is_copy());
    }

    #[test]
    fn large_files_are_compared_by_a_sample() {
        let (a, b) = (sketch(0..100_000), sketch(70_000..900_000));
        // 30 of 100 thousand rows are in both. Whichever row is in the sample has that chance, so
        // 1,024 x 100/900 rows of the smaller file give 0.3 +- 3.3 x sqrt(0.3 x 0.7 / 113).
        let common = Common::of(&a, &b);
        assert_eq!(common, Common::of(&b, &a));
        let share = common.both as f64 / common.of as f64;
        assert!((share - 0.3).abs() < 0.15, "{common:?}");
        assert!(!common.is_copy());
        assert!(Common::of(&a, &sketch(20_000..900_000)).is_copy());
    }
}
