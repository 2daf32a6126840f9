//! A set of small numbers that finds its lowest and highest member in a few steps.

/// A set of replica numbers: one bit each, and one bit per word of bits that is not empty.
#[derive(Debug)]
pub(super) struct NumberSet {
    words: Vec<u64>,
    /// Bit w is set when word w is not empty.
    summary: Vec<u64>,
}

impl NumberSet {
    /// An empty set of numbers below `n`.
    pub(super) fn new(n: u32) -> NumberSet {
        let words = n.div_ceil(64) as usize;
        NumberSet { words: vec![0; words], summary: vec![0; words.div_ceil(64)] }
    }

    #[inline]
    pub(super) fn insert(&mut self, number: u32) {
        let word = (number / 64) as usize;
        self.words[word] |= 1 << (number % 64);
        self.summary[word / 64] |= 1 << (word % 64);
    }

    #[inline]
    pub(super) fn remove(&mut self, number: u32) {
        let word = (number / 64) as usize;
        self.words[word] &= !(1 << (number % 64));
        if self.words[word] == 0 {
            self.summary[word / 64] &= !(1 << (word % 64));
        }
    }

    #[inline]
    pub(super) fn contains(&self, number: u32) -> bool {
        self.words[(number / 64) as usize] >> (number % 64) & 1 == 1
    }

    #[inline]
    pub(super) fn lowest(&self) -> Option<u32> {
        let group = self.summary.iter().position(|bits| *bits != 0)?;
        let word = group * 64 + self.summary[group].trailing_zeros() as usize;
        number_of(word, self.words[word].trailing_zeros())
    }

    pub(super) fn highest(&self) -> Option<u32> {
        let group = self.summary.iter().rposition(|bits| *bits != 0)?;
        let word = group * 64 + self.summary[group].ilog2() as usize;
        number_of(word, self.words[word].ilog2())
    }
}

#[inline]
fn number_of(word: usize, bit: u32) -> Option<u32> {
    u32::try_from(word * 64).ok().map(|base| base + bit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_are_found_across_words() {
        let mut set = NumberSet::new(10_000);
        assert_eq!((set.lowest(), set.highest()), (None, None));
        for number in [9_999, 4_097, 4_096, 70, 64, 3] {
            set.insert(number);
            assert_eq!((set.lowest(), set.highest()), (Some(number), Some(9_999)));
        }
        for number in [3, 64, 70, 4_096, 4_097] {
            assert_eq!(set.lowest(), Some(number));
            set.remove(number);
            assert!(!set.contains(number));
        }
        set.insert(65);
        set.remove(9_999);
        assert_eq!((set.lowest(), set.highest()), (Some(65), Some(65)));
    }
}
