//! Quantiles of more values than are kept: a histogram whose buckets grow with the value.

/// Bits of a value below its leading bit that choose its bucket.
const BITS: u32 = 10;
const PER_OCTAVE: u64 = 1 << BITS;

/// Counts of values in buckets of relative width 2^-10: a quantile is off by at most 2^-11 of
/// itself, 0.05 %. Values below 2,048 are exact.
#[derive(Debug, Default)]
pub(super) struct Sketch {
    counts: Vec<u64>,
}

impl Sketch {
    #[inline]
    pub(super) fn record(&mut self, value: u64) {
        if self.counts.is_empty() {
            let buckets = u64::from(u64::BITS - BITS) * PER_OCTAVE + PER_OCTAVE;
            self.counts = vec![0; usize::try_from(buckets).unwrap_or(0)];
        }
        self.counts[bucket_of(value)] += 1;
    }

    /// The middle of the bucket of the value at `place`, counted from 0 in rising order.
    pub(super) fn at(&self, place: u64) -> u64 {
        let mut below = 0;
        for (bucket, count) in (0_u64..).zip(&self.counts) {
            below += count;
            if below > place {
                return middle_of(bucket);
            }
        }
        0
    }
}

#[inline]
fn bucket_of(value: u64) -> usize {
    let octave = value.checked_ilog2().unwrap_or(0).saturating_sub(BITS);
    usize::try_from(u64::from(octave) * PER_OCTAVE + (value >> octave)).unwrap_or(0)
}

fn middle_of(bucket: u64) -> u64 {
    let octave = (bucket / PER_OCTAVE).saturating_sub(1);
    let first = (bucket - octave * PER_OCTAVE) << octave;
    first + ((1_u64 << octave) - 1) / 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_ends_of_the_range_have_a_bucket() {
        for value in [0, 1, 1023, 1024, 2047, u64::MAX - (1 << 53), u64::MAX] {
            let mut sketch = Sketch::default();
            sketch.record(value);
            let found = sketch.at(0);
            assert!(found.abs_diff(value) <= value >> 11, "{value}: {found}");
        }
    }

    proptest! {
        #[test]
        fn quantiles_are_within_the_stated_error(mut values in proptest::collection::vec(0_u64..1 << 40, 1..200)) {
            let mut sketch = Sketch::default();
            for value in &values {
                sketch.record(*value);
            }
            values.sort_unstable();
            for (place, value) in (0_u64..).zip(&values) {
                prop_assert!(sketch.at(place).abs_diff(*value) <= value >> 11);
            }
        }
    }
}
