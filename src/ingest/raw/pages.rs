//! Columns of Parquet as their pages hold them: texts by the codes of their own dictionary, numbers
//! and instants.
//!
//! A bill repeats its texts, so whoever writes it stores each text of a row group once and a code
//! per row. polars makes a text of every code, which would be looked up to become a code again. It
//! reads every other type, and whatever is not as expected here.

use std::ops::Range;

use foldhash::fast::FixedState;
use indexmap::IndexMap;
use polars_parquet::read::{
    ColumnChunkMetadata, ParquetTimeUnit, PhysicalType, PrimitiveConvertedType,
    PrimitiveLogicalType,
};

use super::super::pages::{ChunkReader, Values};
use super::table::{Coded, Column};

/// What a column holds that can be read here.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    /// Texts.
    Texts,
    /// Floats of 64 bits.
    Floats,
    /// Whole numbers with a sign.
    Whole,
    /// Microseconds since 1970, and whether the column carries a zone.
    Micros(bool),
}

/// The rows of a column chunk that are in `rows`, counted from the start of its row group. Nothing
/// where the chunk is not as expected (another encoding, texts without a dictionary, a list,
/// damage): then it is for polars to read or to refuse.
pub(super) fn column(
    chunk: Vec<u8>,
    metadata: &ColumnChunkMetadata,
    rows: Range<usize>,
    kind: Kind,
) -> Option<Column> {
    let is_of = |physical: PhysicalType| metadata.physical_type() == physical;
    match kind {
        Kind::Texts if !is_of(PhysicalType::ByteArray) => None,
        Kind::Floats if !is_of(PhysicalType::Double) => None,
        Kind::Texts => read(chunk, metadata, rows, Texts::default()).map(Texts::finish),
        Kind::Floats => {
            let floats = Numbers::new(f64::from_le_bytes);
            read(chunk, metadata, rows, floats).map(|it| Column::Float(it.rows))
        }
        Kind::Whole if is_of(PhysicalType::Int32) => {
            let short = |bytes| i64::from(i32::from_le_bytes(bytes));
            let numbers = Numbers::new(short);
            read(chunk, metadata, rows, numbers).map(|it| Column::Int(it.rows))
        }
        Kind::Whole if is_of(PhysicalType::Int64) => {
            let numbers = Numbers::new(i64::from_le_bytes);
            read(chunk, metadata, rows, numbers).map(|it| Column::Int(it.rows))
        }
        Kind::Micros(aware) if is_of(PhysicalType::Int64) && is_in_micros(metadata) => {
            let instants = Numbers::new(i64::from_le_bytes);
            read(chunk, metadata, rows, instants).map(|it| Column::Time(it.rows, aware))
        }
        Kind::Whole | Kind::Micros(_) => None,
    }
}

/// Whether a column counts microseconds.
pub(super) fn is_in_micros(metadata: &ColumnChunkMetadata) -> bool {
    let primitive = &metadata.descriptor().descriptor.primitive_type;
    match (primitive.logical_type, primitive.converted_type) {
        (Some(PrimitiveLogicalType::Timestamp { unit, .. }), _) => {
            unit == ParquetTimeUnit::Microseconds
        }
        (None, Some(converted)) => converted == PrimitiveConvertedType::TimestampMicros,
        _ => false,
    }
}

fn read<V: Values>(
    chunk: Vec<u8>,
    metadata: &ColumnChunkMetadata,
    rows: Range<usize>,
    values: V,
) -> Option<V> {
    let mut reader = ChunkReader::new(chunk, metadata, values)?;
    reader.skip(rows.start)?;
    reader.read(rows.len())?;
    Some(reader.values)
}

/// Texts by codes.
#[derive(Default)]
pub(super) struct Texts {
    /// Of each row 0 for none, else one more than the place of its text.
    pub(super) codes: Vec<u32>,
    /// The texts; those of the dictionary first, then those of pages that write their texts out.
    pub(super) values: Vec<String>,
    in_dictionary: usize,
    /// The codes of the texts, made when the first page writes them out.
    index: Option<IndexMap<String, u32, FixedState>>,
}

impl Texts {
    /// With the memory of others' codes.
    pub(super) fn with_memory(codes: Vec<u32>) -> Texts {
        Texts { codes, ..Texts::default() }
    }

    fn finish(self) -> Column {
        Column::Coded(Coded { codes: self.codes, values: self.values })
    }
}

impl Values for Texts {
    fn take_dictionary(&mut self, bytes: &[u8], n: usize) -> Option<()> {
        let mut rest = bytes;
        for _ in 0..n {
            self.values.push(text(&mut rest)?.to_owned());
        }
        self.in_dictionary = n;
        Some(())
    }

    fn take_codes(&mut self, codes: &[u32]) -> Option<()> {
        let known = self.in_dictionary;
        if codes.iter().max().is_some_and(|code| *code as usize >= known) {
            return None;
        }
        self.codes.extend(codes.iter().map(|code| code + 1));
        Some(())
    }

    fn take_code(&mut self, code: u32, n: usize) -> Option<()> {
        if code as usize >= self.in_dictionary {
            return None;
        }
        self.codes.resize(self.codes.len() + n, code + 1);
        Some(())
    }

    fn take_plain(&mut self, bytes: &[u8], n: usize) -> Option<usize> {
        // Without a dictionary these are texts that do not repeat.
        if self.in_dictionary == 0 && n > 0 {
            return None;
        }
        let index =
            self.index.get_or_insert_with(|| self.values.iter().cloned().zip(1..).collect());
        let mut rest = bytes;
        for _ in 0..n {
            let text = text(&mut rest)?;
            let next = u32::try_from(self.values.len() + 1).ok()?;
            let known = index.get(text).copied();
            let code = known.unwrap_or_else(|| {
                self.values.push(text.to_owned());
                *index.entry(text.to_owned()).or_insert(next)
            });
            self.codes.push(code);
        }
        Some(bytes.len() - rest.len())
    }

    fn take_nulls(&mut self, n: usize) {
        self.codes.resize(self.codes.len() + n, 0);
    }

    fn forget(&mut self) {
        self.codes.clear();
    }
}

/// Takes a text with its length before it from the front of `bytes`.
fn text<'a>(bytes: &mut &'a [u8]) -> Option<&'a str> {
    let (len, rest) = bytes.split_first_chunk::<4>()?;
    let (text, rest) = rest.split_at_checked(u32::from_le_bytes(*len) as usize)?;
    *bytes = rest;
    std::str::from_utf8(text).ok()
}

/// Numbers of `N` bytes.
struct Numbers<T, F, const N: usize> {
    of: F,
    dictionary: Vec<T>,
    rows: Vec<Option<T>>,
}

impl<T: Copy, F: Fn([u8; N]) -> T, const N: usize> Numbers<T, F, N> {
    fn new(of: F) -> Numbers<T, F, N> {
        Numbers { of, dictionary: Vec::new(), rows: Vec::new() }
    }
}

impl<T: Copy, F: Fn([u8; N]) -> T, const N: usize> Values for Numbers<T, F, N> {
    fn take_dictionary(&mut self, bytes: &[u8], n: usize) -> Option<()> {
        let (chunks, _) = bytes.get(..n.checked_mul(N)?)?.as_chunks::<N>();
        self.dictionary = chunks.iter().map(|it| (self.of)(*it)).collect();
        Some(())
    }

    fn take_codes(&mut self, codes: &[u32]) -> Option<()> {
        let dictionary = self.dictionary.as_slice();
        if codes.iter().max().is_some_and(|code| *code as usize >= dictionary.len()) {
            return None;
        }
        self.rows.extend(codes.iter().map(|code| dictionary.get(*code as usize).copied()));
        Some(())
    }

    fn take_code(&mut self, code: u32, n: usize) -> Option<()> {
        let value = *self.dictionary.get(code as usize)?;
        self.rows.resize(self.rows.len() + n, Some(value));
        Some(())
    }

    fn take_plain(&mut self, bytes: &[u8], n: usize) -> Option<usize> {
        let size = n.checked_mul(N)?;
        let (chunks, _) = bytes.get(..size)?.as_chunks::<N>();
        self.rows.extend(chunks.iter().map(|it| Some((self.of)(*it))));
        Some(size)
    }

    fn take_nulls(&mut self, n: usize) {
        self.rows.resize(self.rows.len() + n, None);
    }

    fn forget(&mut self) {
        self.rows.clear();
    }
}

#[cfg(test)]
mod tests {
    use polars::prelude::*;

    use super::super::super::cell::Cell;
    use super::super::parquet::ParquetInput;

    /// A file of one column is read here as polars reads it, in pieces of any size.
    fn check(column: Column, group_rows: usize, piece_rows: usize) {
        let mut frame = DataFrame::new_infer_height(vec![column]).unwrap();
        let mut bytes = Vec::new();
        let writer = ParquetWriter::new(&mut bytes).with_row_group_size(Some(group_rows));
        writer.finish(&mut frame).unwrap();
        let input = ParquetInput::of_bytes(bytes).open("bill.parquet").unwrap();
        let shown = |cell: Cell<'_>| format!("{cell:?}");
        let mut found = Vec::new();
        for piece in input.pieces.iter().flat_map(|it| it.parts(piece_rows)) {
            assert!(input.by_pages(&piece, &|_| true)[0].is_some(), "it was read here");
            let table = input.piece(&piece, &|_| true).unwrap();
            found.extend((0..table.len()).map(|row| shown(table.cell(0, row))));
        }
        let whole = input.piece(&input.whole(), &|_| true).unwrap();
        let expected: Vec<_> = (0..whole.len()).map(|row| shown(whole.cell(0, row))).collect();
        assert_eq!((found.len(), found), (frame.height(), expected));
    }

    #[test]
    fn pages_are_read_as_polars_reads_them() {
        let words = ["a", "", "a longer text than fits a view", "\u{e9}"];
        // Long runs with and without a value, and changes with every row.
        let has = |at: i64| at % 300 > 100 || at % 3 == 0;
        let numbers: Vec<i64> = (0..1000).map(|it| it * it % 7).collect();
        let word = |it: &i64| words[usize::try_from(it % 4).unwrap()];
        let texts: Vec<&str> = numbers.iter().map(word).collect();
        let some: Vec<_> = (0..).zip(&texts).map(|(at, it)| has(at).then_some(*it)).collect();
        // Floats that repeat, that do not, and that are all known.
        let floats = |different: i64| -> Vec<Option<f64>> {
            (0..1000).map(|at| has(at).then_some((at % different) as f64 / 8.0)).collect()
        };
        let known: Vec<f64> = floats(1000).into_iter().flatten().collect();
        for (group_rows, piece_rows) in [(1000, 1000), (1000, 333), (256, 100), (999, 1)] {
            let check = |column: Column| check(column, group_rows, piece_rows);
            check(Column::new("Tags".into(), &texts));
            check(Column::new("Tags".into(), &some));
            check(Column::new("BilledCost".into(), floats(5)));
            check(Column::new("BilledCost".into(), floats(1000)));
            check(Column::new("BilledCost".into(), &known));
            for dtype in [DataType::Int8, DataType::Int16, DataType::Int32, DataType::Int64] {
                check(Column::new("prompt_tokens".into(), &numbers).cast(&dtype).unwrap());
                check(Column::new("prompt_tokens".into(), floats(100)).cast(&dtype).unwrap());
            }
            for zone in [None, Some(TimeZone::UTC)] {
                let us = Column::new("ChargePeriodStart".into(), &numbers);
                check(us.cast(&DataType::Datetime(TimeUnit::Microseconds, zone)).unwrap());
            }
        }
    }
}
