//! Whole numbers written as differences: `DELTA_BINARY_PACKED` of the Parquet format.

use polars_parquet::parquet::encoding::{bitpacked, uleb128, zigzag_leb128};

/// Numbers of a block, which is one pack: all of its differences have as many bits as the widest.
const BLOCK: usize = 256;

/// Appends numbers as differences. 7, 5, 3, 1, 2: the first is 7, the least difference -2, and in two
/// bits each 0, 0, 0 and 3 are what the others are above it.
pub(super) fn differences(values: impl ExactSizeIterator<Item = i64>, into: &mut Vec<u8>) {
    let mut values = values;
    number(BLOCK as u64, into);
    number(1, into);
    number(values.len() as u64, into);
    let mut last = values.next().unwrap_or(0);
    signed(last, into);
    let mut block = [0_i64; BLOCK];
    while values.len() > 0 {
        let n = values.len().min(BLOCK);
        let (mut least, mut most) = (i64::MAX, i64::MIN);
        for (slot, value) in block.iter_mut().zip(values.by_ref()) {
            // Differences wrap around; whoever reads them lets them wrap back.
            *slot = value.wrapping_sub(last);
            last = value;
            (least, most) = (least.min(*slot), most.max(*slot));
        }
        let mut above = block.map(|it| it.wrapping_sub(least).cast_unsigned());
        // The last block is filled up: what stands behind its end is never read.
        above[n..].fill(0);
        let width = 64 - most.abs_diff(least).leading_zeros();
        signed(least, into);
        into.push(u8::try_from(width).unwrap_or(u8::MAX));
        if width > 0 {
            let start = into.len();
            into.resize(start + BLOCK / 8 * width as usize, 0);
            bitpacked::encode(&above, width as usize, &mut into[start..]);
        }
    }
}

/// A number of seven bits a byte.
pub(super) fn number(number: u64, into: &mut Vec<u8>) {
    let mut bytes = [0; 10];
    let used = uleb128::encode(number, &mut bytes);
    into.extend_from_slice(&bytes[..used]);
}

/// One with its sign in the last bit.
fn signed(number: i64, into: &mut Vec<u8>) {
    let (bytes, used) = zigzag_leb128::encode(number);
    into.extend_from_slice(&bytes[..used]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::pages::undelta;

    #[test]
    fn five_numbers_by_hand() {
        let mut bytes = Vec::new();
        differences([7, 5, 3, 1, 2].into_iter(), &mut bytes);
        // 256 in two bytes, 1 pack, 5 numbers, 7 and -2 as 14 and 3, 2 bits.
        assert_eq!(bytes[..7], [128, 2, 1, 5, 14, 3, 2]);
        assert_eq!(bytes[7], 0b1100_0000);
        assert_eq!(bytes.len(), 7 + 64);
        assert!(bytes[8..].iter().all(|it| *it == 0));
    }

    #[test]
    fn what_is_written_is_read() {
        let check = |values: &[i64]| {
            let (mut bytes, mut read) = (Vec::new(), Vec::new());
            differences(values.iter().copied(), &mut bytes);
            undelta::<8>(&bytes, values.len(), &mut read).unwrap();
            let expected: Vec<u8> = values.iter().flat_map(|it| it.to_le_bytes()).collect();
            assert_eq!(read, expected);
        };
        check(&[]);
        check(&[-7]);
        check(&[i64::MIN, i64::MAX, 0, -1, i64::MAX, i64::MIN]);
        check(&vec![1_780_000_000_000_000; 300]);
        let steps: Vec<i64> = (0..2000).map(|it| it * it % 977 * (it % 3) * (it << 30)).collect();
        for n in [2, 256, 257, 258, 512, 513, 2000] {
            check(&steps[..n]);
        }
    }
}
