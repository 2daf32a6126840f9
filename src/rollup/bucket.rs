//! Buckets of token counts, by whole numbers only, so that every engine puts a count into the same.

/// Buckets of one octave.
const PER_OCTAVE: u32 = 32;
/// Counts below this have a bucket each.
const EXACT_BELOW: u32 = 64;
/// One more than the bucket of the largest count.
pub(super) const BUCKETS: usize = bucket(u32::MAX >> 1) as usize + 1;

/// The bucket of a count of tokens: itself below 64, else 32 per octave. Its middle is within 1.6 %
/// of every count in it.
#[inline]
pub(super) const fn bucket(tokens: u32) -> u32 {
    let octave = (tokens | (EXACT_BELOW - 1)).ilog2() - (EXACT_BELOW.ilog2() - 1);
    PER_OCTAVE * octave + (tokens >> octave)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The least and the largest count of a bucket.
    fn bounds(bucket: u32) -> (u32, u32) {
        let octave = (bucket / PER_OCTAVE).saturating_sub(1);
        let least = (bucket - PER_OCTAVE * octave) << octave;
        (least, least + ((1 << octave) - 1))
    }

    #[test]
    fn buckets_follow_each_other_and_are_narrow() {
        let mut next = 0;
        for it in 0..u32::try_from(BUCKETS).unwrap() {
            let (least, most) = bounds(it);
            assert_eq!((bucket(least), bucket(most), least), (it, it, next));
            assert!(u64::from(most - least) * 32 <= u64::from(least.max(64)), "{it}");
            next = most.wrapping_add(1);
        }
        assert_eq!(next, 1 << 31);
    }
}
