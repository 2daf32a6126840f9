//! Numbers of a flat column, a stretch of rows at a time, and what stands for none.

use super::Values;

/// Stands for no number, where numbers are counts or codes.
pub(crate) const NONE: u32 = u32::MAX;

/// How the values of a column become numbers.
pub(crate) trait Number {
    /// What a row has.
    type Value: Copy;
    /// What stands for no value.
    const NONE: Self::Value;
    /// Appends `n` values that are written out; returns how many bytes they took.
    fn take(&self, bytes: &[u8], n: usize, into: &mut Vec<Self::Value>) -> Option<usize>;
}

/// A column as numbers.
pub(crate) struct Numbers<N: Number> {
    number: N,
    dictionary: Vec<N::Value>,
    /// The rows that were read.
    pub(crate) rows: Vec<N::Value>,
}

impl<N: Number> Numbers<N> {
    /// No rows yet.
    pub(crate) fn new(number: N) -> Numbers<N> {
        Numbers { number, dictionary: Vec::new(), rows: Vec::new() }
    }
}

impl<N: Number> Values for Numbers<N> {
    fn take_dictionary(&mut self, bytes: &[u8], n: usize) -> Option<()> {
        self.number.take(bytes, n, &mut self.dictionary).map(|_| ())
    }

    fn take_codes(&mut self, codes: &[u32]) -> Option<()> {
        let Numbers { dictionary, rows, .. } = self;
        let mut is_known = true;
        rows.extend(codes.iter().map(|it| {
            let value = dictionary.get(*it as usize).copied();
            is_known &= value.is_some();
            value.unwrap_or(N::NONE)
        }));
        is_known.then_some(())
    }

    fn take_code(&mut self, code: u32, n: usize) -> Option<()> {
        let value = self.dictionary.get(code as usize)?;
        self.rows.resize(self.rows.len() + n, *value);
        Some(())
    }

    fn take_plain(&mut self, bytes: &[u8], n: usize) -> Option<usize> {
        self.number.take(bytes, n, &mut self.rows)
    }

    fn take_nulls(&mut self, n: usize) {
        self.rows.resize(self.rows.len() + n, N::NONE);
    }

    fn forget(&mut self) {
        self.rows.clear();
    }
}

/// `n` values of as many bytes each, and how many bytes that is.
pub(crate) fn chunks<const WIDTH: usize>(
    bytes: &[u8],
    n: usize,
) -> Option<(&[[u8; WIDTH]], usize)> {
    let size = n.checked_mul(WIDTH)?;
    Some((bytes.get(..size)?.as_chunks::<WIDTH>().0, size))
}

/// Instants, brought to microseconds.
pub(crate) struct Instants {
    /// Microseconds of one unit.
    pub(crate) times: i64,
    /// Units of one microsecond.
    pub(crate) parts: i64,
}

impl Number for Instants {
    type Value = i64;
    const NONE: i64 = i64::MIN;

    fn take(&self, bytes: &[u8], n: usize, into: &mut Vec<i64>) -> Option<usize> {
        let (values, size) = chunks::<8>(bytes, n)?;
        let values = values.iter().map(|it| i64::from_le_bytes(*it));
        match (self.times, self.parts) {
            (1, 1) => into.extend(values),
            // What overflows is no time of ours.
            (times, 1) => into.extend(values.map(|it| it.saturating_mul(times))),
            (_, parts) => into.extend(values.map(|it| it.div_euclid(parts))),
        }
        Some(size)
    }
}

/// Stands for a number that no count of tokens is.
pub(crate) const NO_COUNT: u32 = u32::MAX - 1;

/// Counts of tokens, of 4 or 8 bytes.
pub(crate) struct Counts<const WIDTH: usize>;

impl<const WIDTH: usize> Number for Counts<WIDTH> {
    type Value = u32;
    const NONE: u32 = NONE;

    fn take(&self, bytes: &[u8], n: usize, into: &mut Vec<u32>) -> Option<usize> {
        let (values, size) = chunks::<WIDTH>(bytes, n)?;
        into.extend(values.iter().map(|it| {
            let count = i32::try_from(whole(*it)).ok();
            count.and_then(|it| u32::try_from(it).ok()).unwrap_or(NO_COUNT)
        }));
        Some(size)
    }
}

/// A whole number of 4 or 8 bytes.
pub(crate) fn whole<const WIDTH: usize>(bytes: [u8; WIDTH]) -> i64 {
    let mut wide = [if bytes[WIDTH - 1] > 127 { 255 } else { 0 }; 8];
    wide[..WIDTH].copy_from_slice(&bytes);
    i64::from_le_bytes(wide)
}
