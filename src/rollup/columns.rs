//! The columns of a row group of Parquet, a stretch of rows at a time.
//!
//! Whoever writes a log stores each text of a row group once and a code per row. A code becomes the
//! number of a workload by one look into an array; no text is made of it.

use std::io::Cursor;

use polars_parquet::parquet::encoding::Encoding;
use polars_parquet::parquet::encoding::hybrid_rle::{HybridRleChunk, HybridRleDecoder};
use polars_parquet::parquet::page::{DataPage, FormatEncoding, split_buffer};
use polars_parquet::read::{BasicDecompressor, ColumnChunkMetadata, PageReader};

use super::rows::NONE;

/// How the values of a column become numbers.
pub(super) trait Values {
    /// What a row has.
    type Value: Copy;
    /// What stands for no value.
    const NONE: Self::Value;
    /// Appends values that are written out, of which there are as many as there are bytes.
    fn take(&self, bytes: &[u8], into: &mut Vec<Self::Value>) -> Option<()>;
}

/// A column of a row group while it is read.
pub(super) struct ColumnReader<V: Values> {
    pages: BasicDecompressor,
    values: V,
    dictionary: Vec<V::Value>,
    /// The values of a page, of which those before `next` were given out.
    page: Vec<V::Value>,
    next: usize,
    codes: Vec<u32>,
}

impl<V: Values> ColumnReader<V> {
    /// Begins with the bytes of a column chunk; nothing where they are not as expected.
    pub(super) fn new(
        chunk: Vec<u8>,
        metadata: &ColumnChunkMetadata,
        values: V,
    ) -> Option<ColumnReader<V>> {
        let descriptor = &metadata.descriptor().descriptor;
        if descriptor.max_rep_level != 0 || descriptor.max_def_level > 1 {
            return None;
        }
        let reader = PageReader::new(Cursor::new(chunk.into()), metadata, Vec::new(), usize::MAX);
        let mut pages = BasicDecompressor::new(reader, Vec::new());
        let mut dictionary = Vec::new();
        if let Some(page) = pages.read_dict_page().ok()? {
            values.take(&page.buffer, &mut dictionary)?;
        }
        let (page, codes) = (Vec::new(), Vec::new());
        Some(ColumnReader { pages, values, dictionary, page, next: 0, codes })
    }

    /// Appends the next `n` values.
    pub(super) fn read(&mut self, mut n: usize, into: &mut Vec<V::Value>) -> Option<()> {
        while n > 0 {
            let rest = self.page.get(self.next..)?;
            if rest.is_empty() {
                self.read_page()?;
                continue;
            }
            let some = rest.get(..n).unwrap_or(rest);
            into.extend_from_slice(some);
            self.next += some.len();
            n -= some.len();
        }
        Some(())
    }

    /// All that is left.
    pub(super) fn read_all(&mut self, into: &mut Vec<V::Value>) -> Option<()> {
        into.extend_from_slice(self.page.get(self.next..)?);
        self.page.clear();
        self.next = 0;
        while let Some(page) = self.pages.next() {
            let page = page.ok()?.decompress(&mut self.pages).ok()?;
            self.decode(&page)?;
            into.append(&mut self.page);
            self.pages.reuse_page_buffer(page);
        }
        Some(())
    }

    fn read_page(&mut self) -> Option<()> {
        let page = self.pages.next()?.ok()?.decompress(&mut self.pages).ok()?;
        self.page.clear();
        self.next = 0;
        self.decode(&page)?;
        self.pages.reuse_page_buffer(page);
        Some(())
    }

    fn decode(&mut self, page: &DataPage) -> Option<()> {
        let parts = split_buffer(page).ok()?;
        let rows = page.num_values();
        let nulls = match page.descriptor.max_def_level {
            0 => Vec::new(),
            _ => nulls(HybridRleDecoder::new(parts.def, 1, rows), rows)?,
        };
        match page.encoding() {
            Encoding::PlainDictionary | Encoding::RleDictionary => {
                // Where all rows are null there may be no width.
                let (width, packed) = parts.values.split_first().unwrap_or((&0, &[]));
                let present = rows - nulls.iter().filter(|it| **it).count();
                let codes = HybridRleDecoder::new(packed, u32::from(*width), present);
                self.codes.clear();
                unpack(codes, &mut self.codes)?;
                let known = self.dictionary.len();
                if self.codes.iter().max().is_some_and(|it| *it as usize >= known) {
                    return None;
                }
                let dictionary = self.dictionary.as_slice();
                self.page.extend(self.codes.iter().map(|it| dictionary[*it as usize]));
            }
            Encoding::Plain => self.values.take(parts.values, &mut self.page)?,
            _ => return None,
        }
        if !nulls.is_empty() {
            self.page = spread(&self.page, &nulls, V::NONE)?;
        }
        (self.page.len() == rows).then_some(())
    }
}

fn unpack(codes: HybridRleDecoder<'_>, into: &mut Vec<u32>) -> Option<()> {
    for chunk in codes.into_chunk_iter() {
        match chunk.ok()? {
            HybridRleChunk::Rle(code, n) => into.resize(into.len() + n, code),
            HybridRleChunk::Bitpacked(packed) => packed.collect_into(into),
        }
    }
    Some(())
}

/// Which rows have no value; empty where all have one.
fn nulls(levels: HybridRleDecoder<'_>, rows: usize) -> Option<Vec<bool>> {
    if let Some(Ok(HybridRleChunk::Rle(1, n))) = levels.clone().into_chunk_iter().next()
        && n == rows
    {
        return Some(Vec::new());
    }
    let mut all = Vec::with_capacity(rows);
    unpack(levels, &mut all)?;
    if all.len() != rows {
        return None;
    }
    if !all.contains(&0) {
        return Some(Vec::new());
    }
    Some(all.iter().map(|it| *it == 0).collect())
}

/// Puts no value where there is none.
fn spread<T: Copy>(values: &[T], nulls: &[bool], none: T) -> Option<Vec<T>> {
    let mut values = values.iter();
    nulls.iter().map(|it| if *it { Some(none) } else { values.next().copied() }).collect()
}

/// Instants, brought to microseconds.
pub(super) struct Instants {
    /// Microseconds of one unit.
    pub(super) times: i64,
    /// Units of one microsecond.
    pub(super) parts: i64,
}

impl Values for Instants {
    type Value = i64;
    const NONE: i64 = i64::MIN;

    fn take(&self, bytes: &[u8], into: &mut Vec<i64>) -> Option<()> {
        let (values, rest) = bytes.as_chunks::<8>();
        let values = values.iter().map(|it| i64::from_le_bytes(*it));
        match (self.times, self.parts) {
            (1, 1) => into.extend(values),
            // What overflows is no time of ours.
            (times, 1) => into.extend(values.map(|it| it.saturating_mul(times))),
            (_, parts) => into.extend(values.map(|it| it.div_euclid(parts))),
        }
        rest.is_empty().then_some(())
    }
}

/// Instants of 12 bytes, which Spark writes unless told otherwise: nanoseconds of a day, and the number
/// of the day since 4713 BC.
pub(super) struct DayTimes;

impl Values for DayTimes {
    type Value = i64;
    const NONE: i64 = i64::MIN;

    fn take(&self, bytes: &[u8], into: &mut Vec<i64>) -> Option<()> {
        const DAY_1970: i64 = 2_440_588;
        const DAY_US: i64 = 86_400_000_000;
        let (values, rest) = bytes.as_chunks::<12>();
        into.extend(values.iter().map(|[n0, n1, n2, n3, n4, n5, n6, n7, day @ ..]| {
            let ns = i64::from_le_bytes([*n0, *n1, *n2, *n3, *n4, *n5, *n6, *n7]);
            (i64::from(i32::from_le_bytes(*day)) - DAY_1970) * DAY_US + ns.div_euclid(1000)
        }));
        rest.is_empty().then_some(())
    }
}

/// Stands for a number that no count of tokens is.
pub(super) const NO_COUNT: u32 = u32::MAX - 1;

/// Counts of tokens, of 4 or 8 bytes.
pub(super) struct Counts<const WIDTH: usize>;

impl<const WIDTH: usize> Values for Counts<WIDTH> {
    type Value = u32;
    const NONE: u32 = NONE;

    fn take(&self, bytes: &[u8], into: &mut Vec<u32>) -> Option<()> {
        let (values, rest) = bytes.as_chunks::<WIDTH>();
        into.extend(values.iter().map(|it| {
            let mut wide = [if it[WIDTH - 1] > 127 { 255 } else { 0 }; 8];
            wide[..WIDTH].copy_from_slice(it);
            let count = i32::try_from(i64::from_le_bytes(wide)).ok();
            count.and_then(|it| u32::try_from(it).ok()).unwrap_or(NO_COUNT)
        }));
        rest.is_empty().then_some(())
    }
}

/// Workloads by their place in a list of names that is in order.
pub(super) struct Places<'a>(pub(super) &'a [String]);

impl Values for Places<'_> {
    type Value = u32;
    const NONE: u32 = NONE;

    fn take(&self, bytes: &[u8], into: &mut Vec<u32>) -> Option<()> {
        each_text(bytes, |text| {
            let Some(name) = super::name(text) else {
                into.push(NONE);
                return Some(());
            };
            let at = self.0.binary_search_by(|it| it.as_str().cmp(name)).ok()?;
            into.push(u32::try_from(at).ok()?);
            Some(())
        })
    }
}

/// Texts with their length before them.
pub(super) fn each_text(bytes: &[u8], mut take: impl FnMut(&str) -> Option<()>) -> Option<()> {
    let mut bytes = bytes;
    while !bytes.is_empty() {
        let (len, rest) = bytes.split_first_chunk::<4>()?;
        let (text, rest) = rest.split_at_checked(u32::from_le_bytes(*len) as usize)?;
        take(std::str::from_utf8(text).ok()?)?;
        bytes = rest;
    }
    Some(())
}

/// The texts of a column, each at least once: those of its dictionary, and those of pages that write
/// them out because the dictionary had become too large.
pub(super) fn texts(
    chunk: Vec<u8>,
    metadata: &ColumnChunkMetadata,
    mut take: impl FnMut(&str) -> Option<()>,
) -> Option<()> {
    let reader = PageReader::new(Cursor::new(chunk.into()), metadata, Vec::new(), usize::MAX);
    let mut pages = BasicDecompressor::new(reader, Vec::new());
    if let Some(page) = pages.read_dict_page().ok()? {
        each_text(&page.buffer, &mut take)?;
    }
    while let Some(page) = pages.next() {
        let page = page.ok()?;
        if page.page().header().encoding() == FormatEncoding::PLAIN {
            let page = page.decompress(&mut pages).ok()?;
            each_text(split_buffer(&page).ok()?.values, &mut take)?;
            pages.reuse_page_buffer(page);
        }
    }
    Some(())
}

/// Whole numbers of 4 or 8 bytes.
pub(super) struct Numbers<const WIDTH: usize>;

impl<const WIDTH: usize> Values for Numbers<WIDTH> {
    type Value = i64;
    const NONE: i64 = i64::MIN;

    fn take(&self, bytes: &[u8], into: &mut Vec<i64>) -> Option<()> {
        let (values, rest) = bytes.as_chunks::<WIDTH>();
        into.extend(values.iter().map(|it| {
            let mut wide = [if it[WIDTH - 1] > 127 { 255 } else { 0 }; 8];
            wide[..WIDTH].copy_from_slice(it);
            i64::from_le_bytes(wide)
        }));
        rest.is_empty().then_some(())
    }
}

/// A column of lists.
pub(super) struct Lists {
    /// Where the list of each row ends.
    pub(super) ends: Vec<usize>,
    /// The values of all rows, end to end.
    pub(super) values: Vec<i64>,
}

impl Lists {
    /// Reads a whole column. A list that is null is one without an entry.
    pub(super) fn read<const WIDTH: usize>(
        chunk: Vec<u8>,
        metadata: &ColumnChunkMetadata,
        numbers: &Numbers<WIDTH>,
    ) -> Option<Lists> {
        let descriptor = &metadata.descriptor().descriptor;
        let most = u32::try_from(descriptor.max_def_level).ok()?;
        if descriptor.max_rep_level != 1 || most == 0 {
            return None;
        }
        let reader = PageReader::new(Cursor::new(chunk.into()), metadata, Vec::new(), usize::MAX);
        let mut pages = BasicDecompressor::new(reader, Vec::new());
        let mut dictionary = Vec::new();
        if let Some(page) = pages.read_dict_page().ok()? {
            numbers.take(&page.buffer, &mut dictionary)?;
        }
        let mut lists = Lists { ends: Vec::new(), values: Vec::new() };
        while let Some(page) = pages.next() {
            let page = page.ok()?.decompress(&mut pages).ok()?;
            lists.add(&page, most, &dictionary, numbers)?;
            pages.reuse_page_buffer(page);
        }
        lists.ends.push(lists.values.len());
        Some(Lists { ends: lists.ends.split_off(1), values: lists.values })
    }

    fn add<const WIDTH: usize>(
        &mut self,
        page: &DataPage,
        most: u32,
        dictionary: &[i64],
        numbers: &Numbers<WIDTH>,
    ) -> Option<()> {
        let parts = split_buffer(page).ok()?;
        let n = page.num_values();
        let (mut repeated, mut defined) = (Vec::with_capacity(n), Vec::with_capacity(n));
        unpack(HybridRleDecoder::new(parts.rep, 1, n), &mut repeated)?;
        unpack(HybridRleDecoder::new(parts.def, most.ilog2() + 1, n), &mut defined)?;
        if repeated.len() != n || defined.len() != n {
            return None;
        }
        let before = self.values.len();
        let n_values = defined.iter().filter(|it| **it == most).count();
        match page.encoding() {
            Encoding::PlainDictionary | Encoding::RleDictionary => {
                let (width, packed) = parts.values.split_first().unwrap_or((&0, &[]));
                let mut codes = Vec::with_capacity(n_values);
                unpack(HybridRleDecoder::new(packed, u32::from(*width), n_values), &mut codes)?;
                for code in codes {
                    self.values.push(*dictionary.get(code as usize)?);
                }
            }
            Encoding::Plain => numbers.take(parts.values, &mut self.values)?,
            _ => return None,
        }
        if self.values.len() != before + n_values {
            return None;
        }
        let mut end = before;
        for (repeated, defined) in repeated.into_iter().zip(defined) {
            if repeated == 0 {
                // Where the list of the row before ends.
                self.ends.push(end);
            }
            end += usize::from(defined == most);
        }
        Some(())
    }
}
