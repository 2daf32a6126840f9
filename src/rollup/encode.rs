//! Cells as compressed pages of Parquet.
//!
//! A column of the table is one page of one row group. Small counts are codes of a dictionary that
//! holds every number up to the largest, so that no value has to be looked up. Other numbers are written
//! as differences in as many bits as they need, and are not packed beyond that.

use polars_parquet::parquet::CowBuffer;
use polars_parquet::parquet::compression::CompressionOptions;
use polars_parquet::parquet::encoding::hybrid_rle::Encoder as HybridRle;
use polars_parquet::parquet::error::{ParquetError, ParquetResult};
use polars_parquet::parquet::metadata::{ColumnDescriptor, SchemaDescriptor};
use polars_parquet::parquet::page::{
    CompressedPage, DataPage, DataPageHeader, DataPageHeaderV1, DictPage, FormatEncoding, Page,
};
use polars_parquet::parquet::statistics::PrimitiveStatistics;
use polars_parquet::parquet::write::compress;

use super::cells::{Cells, Histograms, NONE_32, NONE_64};
use super::differences::{differences, number};

/// Largest number of a dictionary.
const MOST_IN_DICTIONARY: u32 = 1 << 16;

/// A row group whose columns are ready to be written.
pub(super) struct Encoded {
    /// Its rows.
    pub(super) rows: usize,
    /// The pages of each column.
    pub(super) columns: Vec<Vec<CompressedPage>>,
}

/// Encodes cells, which have every column of the schema in its order.
pub(super) fn encode(
    cells: &Cells,
    names: &[String],
    schema: &SchemaDescriptor,
    compression: CompressionOptions,
    full: bool,
) -> ParquetResult<Encoded> {
    let columns = schema.columns().iter();
    let mut it = Encoder { columns, compression, encoded: Vec::new(), rows: cells.len() };
    it.minutes(&cells.minute_us)?;
    it.names(&cells.workload, names)?;
    it.narrow(&cells.requests, Null::Never)?;
    it.narrow(&cells.errors, Null::Sometimes)?;
    it.narrow(&cells.with_tokens, Null::Never)?;
    it.wide(&cells.prompt, Null::Sometimes)?;
    it.wide(&cells.completion, Null::Sometimes)?;
    if full {
        it.wide(&cells.prompt_sq, Null::Sometimes)?;
        it.wide(&cells.completion_sq, Null::Sometimes)?;
        it.wide(&cells.first_us, Null::Never)?;
        it.wide(&cells.last_us, Null::Never)?;
        it.wide(&cells.gap_sum, Null::Sometimes)?;
        it.wide(&cells.gap_sq, Null::Sometimes)?;
        it.narrow(&cells.seconds, Null::Sometimes)?;
        it.small(&cells.second_sq)?;
        it.narrow(&cells.first_second, Null::Sometimes)?;
        it.narrow(&cells.last_second, Null::Sometimes)?;
        it.histograms(&cells.prompts)?;
        it.histograms(&cells.completions)?;
    }
    Ok(Encoded { rows: cells.len(), columns: it.encoded })
}

/// Whether a column may lack a value.
#[derive(Clone, Copy, PartialEq)]
enum Null {
    Never,
    Sometimes,
}

/// A page before it is compressed.
struct Raw {
    body: Body,
    data: Vec<u8>,
    n: usize,
}

/// What the values of a page are.
enum Body {
    /// Codes of a dictionary, and how many values that has.
    Codes(Vec<u8>, usize),
    /// The values themselves.
    Plain,
    /// Differences, which are left as they are.
    Differences,
}

struct Encoder<'a> {
    columns: std::slice::Iter<'a, ColumnDescriptor>,
    compression: CompressionOptions,
    encoded: Vec<Vec<CompressedPage>>,
    rows: usize,
}

impl Encoder<'_> {
    /// Ends a column; `range` is its least and its largest value, where that is of use to a reader.
    fn end(&mut self, raw: Raw, range: Option<(i64, i64)>) -> ParquetResult<()> {
        let column = self.columns.next().ok_or_else(|| bug("no such column"))?;
        let statistics = range.map(|(least, most)| {
            let primitive_type = column.descriptor.primitive_type.clone();
            PrimitiveStatistics::<i64> {
                primitive_type,
                null_count: Some(0),
                distinct_count: None,
                min_value: Some(least),
                max_value: Some(most),
            }
            .serialize()
        });
        let mut pages = Vec::new();
        let (encoding, compression) = match raw.body {
            Body::Codes(bytes, n) => {
                let page = Page::Dict(DictPage::new(CowBuffer::Owned(bytes), n, true));
                pages.push(compress(page, Vec::new(), self.compression)?);
                (FormatEncoding::RLE_DICTIONARY, self.compression)
            }
            Body::Plain => (FormatEncoding::PLAIN, self.compression),
            Body::Differences => {
                (FormatEncoding::DELTA_BINARY_PACKED, CompressionOptions::Uncompressed)
            }
        };
        let header = DataPageHeaderV1 {
            num_values: i32::try_from(raw.n).map_err(|_| bug("too many values"))?,
            encoding,
            definition_level_encoding: FormatEncoding::RLE,
            repetition_level_encoding: FormatEncoding::RLE,
            statistics,
        };
        let (header, data) = (DataPageHeader::V1(header), CowBuffer::Owned(raw.data));
        let page = DataPage::new(header, data, column.descriptor.clone(), self.rows);
        pages.push(compress(Page::Data(page), Vec::new(), compression)?);
        self.encoded.push(pages);
        Ok(())
    }

    /// Numbers of any size.
    fn wide(&mut self, values: &[i64], null: Null) -> ParquetResult<()> {
        let mut data = Vec::with_capacity(values.len() * 4 + 16);
        let some = null == Null::Sometimes
            && levels(values.iter().map(|it| *it != NONE_64), values.len(), &mut data)?;
        if some {
            let known: Vec<i64> = values.iter().copied().filter(|it| *it != NONE_64).collect();
            differences(known.into_iter(), &mut data);
        } else {
            differences(values.iter().copied(), &mut data);
        }
        self.end(Raw { body: Body::Differences, data, n: values.len() }, None)
    }

    /// Numbers that are mostly small.
    fn small(&mut self, values: &[i64]) -> ParquetResult<()> {
        let narrow = values.iter().map(|it| match *it {
            NONE_64 => Some(NONE_32),
            it => u32::try_from(it).ok().filter(|it| *it < MOST_IN_DICTIONARY),
        });
        match narrow.collect::<Option<Vec<u32>>>() {
            Some(narrow) => self.narrow(&narrow, Null::Sometimes),
            None => self.wide(values, Null::Sometimes),
        }
    }

    /// Small numbers.
    fn narrow(&mut self, values: &[u32], null: Null) -> ParquetResult<()> {
        let mut data = Vec::with_capacity(values.len() + 16);
        let some = null == Null::Sometimes
            && levels(values.iter().map(|it| *it != NONE_32), values.len(), &mut data)?;
        let known: Vec<u32>;
        let present = if some {
            known = values.iter().copied().filter(|it| *it != NONE_32).collect();
            known.as_slice()
        } else {
            values
        };
        let most = present.iter().copied().max().unwrap_or(0);
        let body = if most < MOST_IN_DICTIONARY {
            code(present, most, &mut data)?;
            let numbers = (0..=i64::from(most)).flat_map(i64::to_le_bytes);
            Body::Codes(numbers.collect(), most as usize + 1)
        } else {
            differences(present.iter().map(|it| i64::from(*it)), &mut data);
            Body::Differences
        };
        self.end(Raw { body, data, n: values.len() }, None)
    }

    /// Minutes, each for as many rows as it has.
    fn minutes(&mut self, values: &[i64]) -> ParquetResult<()> {
        let mut dictionary = Vec::new();
        let mut lengths = Vec::new();
        for same in values.chunk_by(|a, b| a == b) {
            dictionary.extend(same.first().into_iter().flat_map(|it| it.to_le_bytes()));
            lengths.push(same.len());
        }
        let n = lengths.len();
        let data = runs(&lengths)?;
        let range = values.first().copied().zip(values.last().copied());
        self.end(Raw { body: Body::Codes(dictionary, n), data, n: values.len() }, range)
    }

    /// Workloads by their names; only those that occur are in the dictionary.
    fn names(&mut self, values: &[u32], names: &[String]) -> ParquetResult<()> {
        let mut place = vec![NONE_32; names.len()];
        for it in values {
            place[*it as usize] = 0;
        }
        let mut dictionary = Vec::new();
        let mut n = 0;
        for (place, name) in place.iter_mut().zip(names).filter(|it| *it.0 == 0) {
            *place = n;
            n += 1;
            let len = u32::try_from(name.len()).map_err(|_| bug("a long name"))?;
            dictionary.extend_from_slice(&len.to_le_bytes());
            dictionary.extend_from_slice(name.as_bytes());
        }
        let codes: Vec<u32> = values.iter().map(|it| place[*it as usize]).collect();
        let mut data = Vec::with_capacity(values.len() + 16);
        code(&codes, n.saturating_sub(1), &mut data)?;
        let body = Body::Codes(dictionary, n as usize);
        self.end(Raw { body, data, n: values.len() }, None)
    }

    /// Lists of buckets and counts.
    fn histograms(&mut self, of: &Histograms) -> ParquetResult<()> {
        let (levels, n) = list_levels(of);
        for (values, is_wide) in [(&of.buckets, false), (&of.counts, true)] {
            let most = values.iter().copied().max().unwrap_or(0);
            let number = |it: u32| {
                let wide = i64::from(it).to_le_bytes();
                wide.into_iter().take(if is_wide { 8 } else { 4 })
            };
            let mut data = Vec::with_capacity(levels.len() + values.len() * 2 + 16);
            data.extend_from_slice(&levels);
            let body = if most < MOST_IN_DICTIONARY {
                code(values, most, &mut data)?;
                Body::Codes((0..=most).flat_map(number).collect(), most as usize + 1)
            } else {
                data.extend(values.iter().copied().flat_map(number));
                Body::Plain
            };
            self.end(Raw { body, data, n }, None)?;
        }
        Ok(())
    }
}

/// Bits of a code up to `most`.
fn width_of(most: u32) -> u32 {
    most.max(1).ilog2() + 1
}

/// Codes up to `most`, with their width before them.
fn code(codes: &[u32], most: u32, data: &mut Vec<u8>) -> ParquetResult<()> {
    let width = width_of(most);
    // At most 17.
    data.push(u8::try_from(width).unwrap_or(u8::MAX));
    pack(codes, width, data)
}

/// The codes 0, 1, 2, ..., each as often as its length says, with their width before them.
fn runs(lengths: &[usize]) -> ParquetResult<Vec<u8>> {
    let width = width_of(u32::try_from(lengths.len()).unwrap_or(u32::MAX).saturating_sub(1));
    let mut data = vec![u8::try_from(width).unwrap_or(u8::MAX)];
    for (code, n) in (0..).zip(lengths) {
        run(*n, code, width, &mut data)?;
    }
    Ok(data)
}

/// Numbers of `width` bits each, as one run.
fn pack(values: &[u32], width: u32, into: &mut Vec<u8>) -> ParquetResult<()> {
    let packed = u32::bitpacked_encode(into, values.iter().copied(), width as usize);
    packed.map_err(|_| bug("a full buffer"))
}

/// One value `n` times.
fn run(n: usize, value: u32, width: u32, into: &mut Vec<u8>) -> ParquetResult<()> {
    u32::run_length_encode(into, n, value, width).map_err(|_| bug("a full buffer"))
}

/// The levels of a column that may lack values, with their length before them; whether it does.
fn levels(
    present: impl Iterator<Item = bool> + Clone,
    n: usize,
    data: &mut Vec<u8>,
) -> ParquetResult<bool> {
    let mut bytes = Vec::new();
    let all = present.clone().all(|it| it);
    if all {
        run(n, 1, 1, &mut bytes)?;
    } else {
        let levels: Vec<u32> = present.map(u32::from).collect();
        pack(&levels, 1, &mut bytes)?;
    }
    push_with_length(&bytes, data);
    Ok(!all)
}

/// Where the list of each cell starts, and which are empty; and how many levels that takes.
fn list_levels(of: &Histograms) -> (Vec<u8>, usize) {
    let (mut starts, mut empty) = (Vec::with_capacity(of.ends.len()), Vec::new());
    let (mut n, mut start) = (0, 0);
    for end in &of.ends {
        starts.push(n);
        if *end == start {
            empty.push(n);
        }
        n += (end - start).max(1);
        start = *end;
    }
    let mut data = Vec::with_capacity(n / 4 + 32);
    let mut bytes = Vec::with_capacity(n / 8 + 16);
    ones_but(&starts, n, &mut bytes);
    push_with_length(&bytes, &mut data);
    bytes.clear();
    if empty.is_empty() {
        number((n as u64) << 1, &mut bytes);
        bytes.push(1);
    } else {
        ones_but(&empty, n, &mut bytes);
    }
    push_with_length(&bytes, &mut data);
    (data, n)
}

/// `n` levels of one bit, which are 1 but at some places, as one run.
fn ones_but(zeros: &[usize], n: usize, into: &mut Vec<u8>) {
    let size = n.div_ceil(8);
    number(((size as u64) << 1) | 1, into);
    let start = into.len();
    into.resize(start + size, 0xff);
    let bytes = &mut into[start..];
    for at in zeros {
        bytes[at / 8] &= !(1 << (at % 8));
    }
    // What fills the last byte up is never read. It is what polars' packer leaves there, 32 levels
    // back, so that the bytes of a table do not depend on who packed them.
    for at in n..size * 8 {
        if at < 32 || bytes[(at - 32) / 8] & (1 << (at % 8)) == 0 {
            bytes[at / 8] &= !(1 << (at % 8));
        }
    }
}

fn push_with_length(bytes: &[u8], data: &mut Vec<u8>) {
    // A row group has far fewer levels than would fill 4 GiB.
    let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    data.extend_from_slice(&len.to_le_bytes());
    data.extend_from_slice(bytes);
}

fn bug(reason: &str) -> ParquetError {
    ParquetError::InvalidParameter(reason.to_owned())
}
