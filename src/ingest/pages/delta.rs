//! Whole numbers that are written as differences: `DELTA_BINARY_PACKED` of the Parquet format.

use polars_parquet::parquet::encoding::{bitpacked, uleb128};

/// Appends the numbers as `WIDTH` bytes each; nothing where they are damaged or more than `most`.
pub(crate) fn undelta<const WIDTH: usize>(
    mut bytes: &[u8],
    most: usize,
    into: &mut Vec<u8>,
) -> Option<()> {
    let in_block = usize::try_from(number(&mut bytes)?).ok()?;
    let packs = usize::try_from(number(&mut bytes)?).ok()?;
    let n = usize::try_from(number(&mut bytes)?).ok().filter(|it| *it <= most)?;
    let in_pack = in_block.checked_div(packs).filter(|it| *it > 0 && it % 8 == 0)?;
    let mut value = signed(&mut bytes)?;
    let mut push = |value: i64| into.extend_from_slice(&value.to_le_bytes()[..WIDTH]);
    if n > 0 {
        push(value);
    }
    let (mut left, mut differences) = (n.saturating_sub(1), Vec::new());
    while left > 0 {
        let least = signed(&mut bytes)?;
        let (widths, rest) = bytes.split_at_checked(packs)?;
        bytes = rest;
        for width in widths.iter().map(|it| usize::from(*it)) {
            let some = left.min(in_pack);
            left -= some;
            differences.clear();
            if width == 0 {
                differences.resize(some, 0);
            } else if some > 0 {
                let size = in_pack.checked_mul(width)? / 8;
                let (packed, rest) = bytes.split_at_checked(size.min(bytes.len()))?;
                bytes = rest;
                let pack = (width <= 64)
                    .then(|| bitpacked::Decoder::<u64>::try_new(packed, width, some).ok());
                pack.flatten()?.collect_into(&mut differences);
            }
            for difference in &differences {
                // Differences wrap around, as those who write them let them.
                value = value.wrapping_add(least).wrapping_add(difference.cast_signed());
                push(value);
            }
        }
    }
    Some(())
}

/// A number of seven bits a byte.
fn number(bytes: &mut &[u8]) -> Option<u64> {
    let len = bytes.iter().take(10).position(|it| it & 0x80 == 0)? + 1;
    let (number, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    Some(uleb128::decode(number).0)
}

/// One with its sign in the last bit.
fn signed(bytes: &mut &[u8]) -> Option<i64> {
    let number = number(bytes)?;
    Some((number >> 1).cast_signed() ^ -((number & 1).cast_signed()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Blocks of 128 in packs of 32, the width of each as small as it may be.
    fn delta(values: &[i64]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let number = |mut it: u64, bytes: &mut Vec<u8>| {
            while it > 127 {
                bytes.push(u8::try_from(it & 127).unwrap() | 128);
                it >>= 7;
            }
            bytes.push(u8::try_from(it).unwrap());
        };
        let zigzag = |it: i64| ((it << 1) ^ (it >> 63)).cast_unsigned();
        number(128, &mut bytes);
        number(4, &mut bytes);
        number(values.len() as u64, &mut bytes);
        number(zigzag(values.first().copied().unwrap_or(0)), &mut bytes);
        let all: Vec<i64> = values.windows(2).map(|it| it[1].wrapping_sub(it[0])).collect();
        for block in all.chunks(128) {
            let least = *block.iter().min().unwrap();
            number(zigzag(least), &mut bytes);
            let packs: Vec<Vec<u64>> = block
                .chunks(32)
                .map(|it| it.iter().map(|it| it.wrapping_sub(least).cast_unsigned()).collect())
                .collect();
            let width = |at: usize| {
                let most = packs.get(at).and_then(|it| it.iter().max()).copied().unwrap_or(0);
                64 - most.leading_zeros() as usize
            };
            bytes.extend((0..4).map(|at| u8::try_from(width(at)).unwrap()));
            for (at, pack) in packs.iter().enumerate() {
                let width = width(at);
                let mut bits = vec![0u8; 4 * width];
                for bit in 0..pack.len() * width {
                    let is_set = pack[bit / width] >> (bit % width) & 1 == 1;
                    bits[bit / 8] |= u8::from(is_set) << (bit % 8);
                }
                bytes.extend(bits);
            }
        }
        bytes
    }

    #[test]
    fn differences_are_written_out() {
        let check = |values: &[i64]| {
            let (mut wide, mut short) = (Vec::new(), Vec::new());
            let bytes = delta(values);
            undelta::<8>(&bytes, values.len(), &mut wide).unwrap();
            undelta::<4>(&bytes, values.len(), &mut short).unwrap();
            let expected: Vec<u8> = values.iter().flat_map(|it| it.to_le_bytes()).collect();
            assert_eq!(wide, expected);
            let low = expected.chunks(8).flat_map(|it| it[..4].to_vec()).collect::<Vec<u8>>();
            assert_eq!(short, low);
            // One that is cut short, or has more than there are rows, is damaged.
            assert!(
                values.is_empty() || undelta::<8>(&bytes, values.len() - 1, &mut wide).is_none()
            );
            assert!(values.len() < 3 || undelta::<8>(&bytes[..5], 1000, &mut wide).is_none());
        };
        check(&[]);
        check(&[-7]);
        check(&[7, 5, 3, 1, 2, 3, 4, 5]);
        check(&[i64::MIN, i64::MAX, 0, -1]);
        let steps: Vec<i64> = (0..1000).map(|it| it * it % 977 * (it % 3)).collect();
        for n in [2, 32, 33, 129, 161, 1000] {
            check(&steps[..n]);
        }
        check(&vec![1_780_000_000_000_000; 300]);
    }
}
