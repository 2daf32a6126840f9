//! A Parquet column of texts by the codes of its own dictionary, as its pages hold them.
//!
//! A bill repeats its texts, so whoever writes it stores each text of a row group once and a code
//! per row. polars makes a text of every code, which would be looked up to become a code again.

use std::io::Cursor;
use std::ops::Range;

use foldhash::fast::FixedState;
use indexmap::IndexSet;
use polars_parquet::parquet::encoding::Encoding;
use polars_parquet::parquet::encoding::hybrid_rle::{HybridRleChunk, HybridRleDecoder};
use polars_parquet::parquet::page::{DataPage, split_buffer};
use polars_parquet::read::{BasicDecompressor, ColumnChunkMetadata, PageReader, PhysicalType};

use super::table::Coded;

/// The rows of a column chunk that are in `rows`, counted from the start of its row group. Nothing
/// where the chunk is not of this kind (no dictionary, another encoding, a list, damage): then it
/// is for polars to read or to refuse.
pub(super) fn coded(
    chunk: Vec<u8>,
    metadata: &ColumnChunkMetadata,
    rows: Range<usize>,
) -> Option<Coded> {
    let descriptor = &metadata.descriptor().descriptor;
    let is_flat = descriptor.max_rep_level == 0 && descriptor.max_def_level <= 1;
    if !is_flat || metadata.physical_type() != PhysicalType::ByteArray {
        return None;
    }
    let reader = PageReader::new(Cursor::new(chunk.into()), metadata, Vec::new(), usize::MAX);
    let mut pages = BasicDecompressor::new(reader, Vec::new());
    let mut column = Texts::default();
    if let Some(dictionary) = pages.read_dict_page().ok()? {
        column.dictionary(&dictionary.buffer, dictionary.num_values)?;
    }
    column.codes.reserve(rows.len());
    let mut next = 0;
    while next < rows.end {
        let page = pages.next()?.ok()?;
        let first = next;
        next += page.num_values();
        if next <= rows.start {
            continue;
        }
        let page = page.decompress(&mut pages).ok()?;
        column.page(&page, rows.start.saturating_sub(first)..rows.end.min(next) - first)?;
        pages.reuse_page_buffer(page);
    }
    let values = column.values.into_iter().collect();
    (column.codes.len() == rows.len()).then_some(Coded { codes: column.codes, values })
}

/// A column while its pages are read.
#[derive(Default)]
struct Texts {
    codes: Vec<u32>,
    /// The texts; those of the dictionary first, then those of pages that write their texts out.
    values: IndexSet<String, FixedState>,
    in_dictionary: usize,
}

impl Texts {
    fn dictionary(&mut self, bytes: &[u8], texts: usize) -> Option<()> {
        let mut rest = bytes;
        for _ in 0..texts {
            // A text that stands there twice would shift the codes after it.
            if !self.values.insert(text(&mut rest)?.to_owned()) {
                return None;
            }
        }
        self.in_dictionary = texts;
        Some(())
    }

    /// Appends the codes of the rows `keep` of a page.
    fn page(&mut self, page: &DataPage, keep: Range<usize>) -> Option<()> {
        let parts = split_buffer(page).ok()?;
        let rows = page.num_values();
        let levels = if page.descriptor.max_def_level == 0 {
            None
        } else {
            Some(HybridRleDecoder::new(parts.def, 1, rows))
        };
        let start = self.codes.len();
        match page.encoding() {
            Encoding::PlainDictionary | Encoding::RleDictionary => {
                self.by_dictionary(parts.values, rows, levels)?;
            }
            Encoding::Plain => self.written_out(parts.values, rows, levels)?,
            _ => return None,
        }
        if self.codes.len() != start + rows {
            return None;
        }
        self.codes.truncate(start + keep.end);
        self.codes.drain(start..start + keep.start);
        Some(())
    }

    fn by_dictionary(
        &mut self,
        values: &[u8],
        rows: usize,
        levels: Option<HybridRleDecoder<'_>>,
    ) -> Option<()> {
        // Where all rows are null there may be no width.
        let (width, packed) = values.split_first().unwrap_or((&0, &[]));
        let mut codes = HybridRleDecoder::new(packed, u32::from(*width), rows).collect().ok()?;
        // Codes that are in no dictionary are no texts: without them the rows come out too few,
        // unless no row has a text.
        if codes.iter().any(|code| *code as usize >= self.in_dictionary) {
            codes.clear();
        }
        let mut codes = codes.iter().map(|code| code + 1);
        match levels {
            None => self.codes.extend(codes),
            Some(levels) => each_run(levels, |present, n| {
                if present {
                    self.codes.extend(codes.by_ref().take(n));
                } else {
                    self.codes.resize(self.codes.len() + n, 0);
                }
                Some(())
            })?,
        }
        Some(())
    }

    fn written_out(
        &mut self,
        values: &[u8],
        rows: usize,
        levels: Option<HybridRleDecoder<'_>>,
    ) -> Option<()> {
        let mut rest = values;
        let mut take = |texts: &mut Texts, n: usize| {
            for _ in 0..n {
                // Without a dictionary these are texts that do not repeat.
                if texts.in_dictionary == 0 {
                    return None;
                }
                let text = text(&mut rest)?;
                let at = match texts.values.get_index_of(text) {
                    Some(at) => at,
                    None => texts.values.insert_full(text.to_owned()).0,
                };
                texts.codes.push(u32::try_from(at + 1).ok()?);
            }
            Some(())
        };
        match levels {
            None => take(self, rows),
            Some(levels) => each_run(levels, |present, n| {
                if present {
                    return take(self, n);
                }
                self.codes.resize(self.codes.len() + n, 0);
                Some(())
            }),
        }
    }
}

/// Runs of rows that have a value or have none.
fn each_run(
    levels: HybridRleDecoder<'_>,
    mut run: impl FnMut(bool, usize) -> Option<()>,
) -> Option<()> {
    for chunk in levels.into_chunk_iter() {
        match chunk.ok()? {
            HybridRleChunk::Rle(level, n) => run(level != 0, n)?,
            HybridRleChunk::Bitpacked(packed) => {
                let mut unpacked = Vec::with_capacity(packed.len());
                packed.collect_into(&mut unpacked);
                for same in unpacked.chunk_by(|a, b| a == b) {
                    run(same.first().is_some_and(|it| *it != 0), same.len())?;
                }
            }
        }
    }
    Some(())
}

/// Takes a text with its length before it from the front of `bytes`.
fn text<'a>(bytes: &mut &'a [u8]) -> Option<&'a str> {
    let (len, rest) = bytes.split_first_chunk::<4>()?;
    let (text, rest) = rest.split_at_checked(u32::from_le_bytes(*len) as usize)?;
    *bytes = rest;
    std::str::from_utf8(text).ok()
}

#[cfg(test)]
mod tests {
    use polars::prelude::*;

    use super::super::parquet::ParquetInput;

    /// A file of one column is read by its codes as polars reads it, in pieces of any size.
    fn check(texts: &[Option<&str>], group_rows: usize, piece_rows: usize) {
        let column = Column::new("Tags".into(), texts);
        let mut frame = DataFrame::new_infer_height(vec![column]).unwrap();
        let mut bytes = Vec::new();
        let writer = ParquetWriter::new(&mut bytes).with_row_group_size(Some(group_rows));
        writer.finish(&mut frame).unwrap();
        let input = ParquetInput::of_bytes(bytes).open("bill.parquet").unwrap();
        let mut n_coded = 0;
        let mut found: Vec<Option<String>> = Vec::new();
        for piece in input.pieces.iter().flat_map(|it| it.parts(piece_rows)) {
            n_coded += usize::from(input.coded(&piece, &|_| true)[0].is_some());
            let table = input.piece(&piece, &|_| true).unwrap();
            let tuples = table.tuples(&[0]);
            let text = |it| tuples.texts(it).next().unwrap().map(str::to_owned);
            let texts: Vec<_> = (0..tuples.len()).map(text).collect();
            found.extend(tuples.of_rows.iter().map(|it| texts[*it as usize].clone()));
        }
        assert!(n_coded > 0, "the codes of the file were used");
        let expected: Vec<_> = texts.iter().map(|it| it.map(str::to_owned)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn codes_of_pages_are_the_texts() {
        let words = ["a", "", "a longer text than fits a view", "é"];
        let all: Vec<Option<&str>> = (0..1000).map(|it| Some(words[it * it % 4])).collect();
        // Long runs of either, and changes with every row.
        let some: Vec<Option<&str>> = (0..1000)
            .map(|it| (it % 300 > 100 || it % 3 == 0).then_some(words[it / 7 % 4]))
            .collect();
        for (group_rows, piece_rows) in [(1000, 1000), (1000, 333), (256, 100), (999, 1)] {
            check(&all, group_rows, piece_rows);
            check(&some, group_rows, piece_rows);
        }
    }
}
