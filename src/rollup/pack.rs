//! Runs and packed bits, as Parquet has them for codes and levels.

/// Packs numbers of `width` bits each, as one run.
pub(super) fn pack(values: &[u32], width: u32, into: &mut Vec<u8>) {
    let groups = values.len().div_ceil(8);
    varint((groups as u64) << 1 | 1, into);
    let (eights, rest) = values.as_chunks::<8>();
    let bytes = width as usize;
    for eight in eights {
        into.extend_from_slice(&packed(eight, width)[..bytes]);
    }
    if !rest.is_empty() {
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        into.extend_from_slice(&packed(&last, width)[..bytes]);
    }
}

/// Eight numbers of at most 32 bits in the first bytes.
#[inline]
fn packed(eight: &[u32; 8], width: u32) -> [u8; 32] {
    let mut bytes = [0; 32];
    if width <= 8 {
        let bits = eight.iter().rev().fold(0u64, |bits, it| bits << width | u64::from(*it));
        bytes[..8].copy_from_slice(&bits.to_le_bytes());
    } else if width <= 16 {
        let bits = eight.iter().rev().fold(0u128, |bits, it| bits << width | u128::from(*it));
        bytes[..16].copy_from_slice(&bits.to_le_bytes());
    } else {
        let four =
            |of: &[u32]| of.iter().rev().fold(0u128, |bits, it| bits << width | u128::from(*it));
        // Four numbers are a whole number of half bytes.
        let (low, high) = (four(&eight[..4]), four(&eight[4..]));
        let half = width as usize * 4;
        for bit in 0..half {
            bytes[bit / 8] |= u8::from(low >> bit & 1 == 1) << (bit % 8);
            bytes[(half + bit) / 8] |= u8::from(high >> bit & 1 == 1) << ((half + bit) % 8);
        }
    }
    bytes
}

/// The codes 0, 1, 2, ..., each as often as its length says, with their width before them.
pub(super) fn runs(lengths: &[usize]) -> Vec<u8> {
    let most = u32::try_from(lengths.len().saturating_sub(1)).unwrap_or(u32::MAX);
    let width = most.max(1).ilog2() + 1;
    let mut data = vec![u8::try_from(width).unwrap_or(u8::MAX)];
    for (code, n) in (0..).zip(lengths) {
        run(*n, code, width, &mut data);
    }
    data
}

/// One value `n` times.
pub(super) fn run(n: usize, value: u32, width: u32, into: &mut Vec<u8>) {
    varint((n as u64) << 1, into);
    into.extend_from_slice(&value.to_le_bytes()[..width.div_ceil(8) as usize]);
}

fn varint(mut value: u64, into: &mut Vec<u8>) {
    while value >= 128 {
        into.push(value.to_le_bytes()[0] | 128);
        value >>= 7;
    }
    into.push(value.to_le_bytes()[0]);
}

#[cfg(test)]
mod tests {
    use polars_parquet::parquet::encoding::hybrid_rle::HybridRleDecoder;

    use super::*;

    #[test]
    fn polars_reads_what_is_packed() {
        for width in 1..=32 {
            for n in [0, 1, 7, 8, 9, 1000] {
                let most = u32::MAX >> (32 - width);
                let values: Vec<u32> =
                    (0..n).map(|it: u32| it.wrapping_mul(2_654_435_761) & most).collect();
                let mut bytes = Vec::new();
                pack(&values, width, &mut bytes);
                let read = HybridRleDecoder::new(&bytes, width, values.len()).collect().unwrap();
                assert_eq!(read, values, "{width}");
            }
        }
        let data = runs(&[3, 1, 500]);
        let read = HybridRleDecoder::new(&data[1..], u32::from(data[0]), 504).collect().unwrap();
        assert_eq!(read, [vec![0; 3], vec![1], vec![2; 500]].concat());
    }
}
