//! Parquet files of requests whose four columns are read as they are.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use polars_parquet::parquet::metadata::{FileMetadata, RowGroupMetadata};
use polars_parquet::parquet::statistics::Statistics;
use polars_parquet::read::{
    ColumnChunkMetadata, ParquetTimeUnit, PhysicalType, PrimitiveConvertedType,
    PrimitiveLogicalType,
};
use rayon::prelude::*;

use super::RollupError;
use super::columns::{ColumnReader, Counts, Instants, NO_COUNT, Places, texts};
use super::input::Take;
use super::rows::{NONE, Rows};
use super::stored::{Stored, footer};
use crate::ingest::{PlainColumns, stem};

/// Rows that are decoded at a time; their columns stay in the cache.
const STRETCH: usize = 1 << 13;
/// From 1970 until 1 January 2101.
const PLAUSIBLE_US: std::ops::Range<i64> = 0..4_133_980_800_000_000;

/// A log that can be read row group by row group.
pub struct LogFile {
    bytes: Arc<dyn Stored>,
    /// What messages call it.
    pub(super) name: String,
    /// The workload of rows that name none.
    pub(super) stem: String,
    columns: PlainColumns,
    metadata: FileMetadata,
    instants: (i64, i64),
}

/// When the rows of a row group came.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Span {
    pub(super) first_us: i64,
    pub(super) last_us: i64,
}

/// Rows that are no requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Refused {
    /// How many.
    pub(super) n: u64,
    /// The first of them: its file by number, its row from 1, and what is wrong with it.
    pub(super) first: Option<(usize, u64, &'static str)>,
}

impl Refused {
    /// Adds others.
    pub(super) fn add(&mut self, other: Refused) {
        self.n += other.n;
        self.first = match (self.first, other.first) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }
}

impl LogFile {
    /// Opens a file; nothing where its columns are of other types, which the general reader knows.
    pub fn open(
        bytes: Arc<dyn Stored>,
        name: &str,
        columns: &PlainColumns,
    ) -> Result<Option<LogFile>, RollupError> {
        let metadata = footer(&*bytes, name)?;
        let stem = stem(name).to_owned();
        let (name, columns) = (name.to_owned(), columns.clone());
        let mut file = LogFile { bytes, name, stem, columns, metadata, instants: (1, 1) };
        let Some(group) = file.metadata.row_groups.first() else { return Ok(Some(file)) };
        let is_count = |name: &str| {
            let kind = column(group, name).map(ColumnChunkMetadata::physical_type);
            matches!(kind, Some(PhysicalType::Int32 | PhysicalType::Int64))
        };
        let is_text = |name: &String| {
            let kind = column(group, name).map(ColumnChunkMetadata::physical_type);
            kind == Some(PhysicalType::ByteArray)
        };
        let instants = column(group, &file.columns.time).and_then(unit);
        let is_plain = is_count(&file.columns.prompt)
            && is_count(&file.columns.completion)
            && file.columns.workload.as_ref().is_none_or(is_text);
        let Some(instants) = instants.filter(|_| is_plain) else { return Ok(None) };
        file.instants = instants;
        Ok(Some(file))
    }

    /// Rows of each row group.
    pub(super) fn groups(&self) -> impl Iterator<Item = usize> {
        self.metadata.row_groups.iter().map(RowGroupMetadata::num_rows)
    }

    /// When the requests of a row group came; nothing for one without a time.
    pub(super) fn span(&self, group: usize) -> Result<Option<Span>, RollupError> {
        self.guarded(group, || {
            let metadata = self.metadata.row_groups.get(group)?;
            let column = column(metadata, &self.columns.time)?;
            let known = column.statistics(&self.metadata.footer_buf).and_then(Result::ok);
            if let Some(Statistics::Int64(it)) = known
                && let (Some(first), Some(last)) = (it.min_value, it.max_value)
            {
                let (first_us, last_us) = (self.in_us(first), self.in_us(last));
                return Some(Some(Span { first_us, last_us }));
            }
            let mut at_us = Vec::new();
            self.times(metadata)?.read_all(&mut at_us)?;
            let plausible = at_us.iter().filter(|it| PLAUSIBLE_US.contains(it));
            let (first, last) = (plausible.clone().min(), plausible.max());
            Some(first.zip(last).map(|(first, last)| Span { first_us: *first, last_us: *last }))
        })
    }

    fn in_us(&self, value: i64) -> i64 {
        value.saturating_mul(self.instants.0).div_euclid(self.instants.1)
    }

    /// The workloads of all rows.
    pub(super) fn names(&self) -> Result<BTreeSet<String>, RollupError> {
        let mut names = BTreeSet::from([self.stem.clone()]);
        let Some(column) = &self.columns.workload else { return Ok(names) };
        let groups = (0..self.metadata.row_groups.len()).into_par_iter();
        let found: Result<Vec<_>, _> = groups.map(|it| self.names_of(it, column)).collect();
        names.extend(found?.into_iter().flatten());
        Ok(names)
    }

    /// Those of a row group.
    fn names_of(&self, group: usize, name: &str) -> Result<BTreeSet<String>, RollupError> {
        self.guarded(group, || {
            let metadata = self.metadata.row_groups.get(group)?;
            let column = column(metadata, name)?;
            let mut names = BTreeSet::new();
            let chunk = chunk(&*self.bytes, column)?;
            texts(chunk, column, |text| {
                if let Some(name) = super::name(text)
                    && !names.contains(name)
                {
                    names.insert(name.to_owned());
                }
                Some(())
            })?;
            Some(names)
        })
    }

    fn times(&self, group: &RowGroupMetadata) -> Option<ColumnReader<Instants>> {
        let column = column(group, &self.columns.time)?;
        let (times, parts) = self.instants;
        let chunk = chunk(&*self.bytes, column)?;
        ColumnReader::new(chunk, column, Instants { times, parts })
    }

    /// Says which bytes of a row group are about to be read.
    fn prepare(&self, group: &RowGroupMetadata) {
        let it = &self.columns;
        let names = [Some(&it.time), it.workload.as_ref(), Some(&it.prompt), Some(&it.completion)];
        let columns = names.into_iter().flatten().filter_map(|name| column(group, name));
        self.bytes.prepare(&columns.map(ColumnChunkMetadata::byte_range).collect::<Vec<_>>());
    }

    /// Reads the rows of a row group in stretches; `take` says whether it wants more. The names are
    /// those of all files, in order.
    pub(super) fn read(
        &self,
        (number, group): (usize, usize),
        names: &[String],
        take: Take<'_>,
    ) -> Result<(), RollupError> {
        let mut stopped = Ok(());
        let mut first_row: u64 = self.groups().take(group).map(|it| it as u64).sum();
        self.guarded(group, || {
            let metadata = self.metadata.row_groups.get(group)?;
            self.prepare(metadata);
            let bytes = &*self.bytes;
            let mut reader = GroupReader {
                at_us: self.times(metadata)?,
                workload: match &self.columns.workload {
                    None => None,
                    Some(name) => {
                        let column = column(metadata, name)?;
                        let chunk = chunk(bytes, column)?;
                        Some(ColumnReader::new(chunk, column, Places(names))?)
                    }
                },
                prompt: Tokens::new(bytes, column(metadata, &self.columns.prompt)?)?,
                completion: Tokens::new(bytes, column(metadata, &self.columns.completion)?)?,
                unnamed: u32::try_from(names.binary_search(&self.stem).ok()?).ok()?,
                left: metadata.num_rows(),
            };
            let mut rows = Rows::default();
            while reader.left > 0 {
                let n = reader.read(&mut rows)?;
                let refused = sift(&mut rows, number, first_row);
                first_row += n as u64;
                match take(&rows, refused) {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) => {
                        stopped = Err(error);
                        break;
                    }
                }
            }
            Some(())
        })?;
        stopped
    }

    /// Fails where the file is no longer what it was when it was opened.
    pub(super) fn check(&self) -> Result<(), RollupError> {
        self.bytes.check()
    }

    /// Runs a decoder, which a damaged page must not bring down, and says what is at fault.
    fn guarded<T>(&self, group: usize, run: impl FnOnce() -> Option<T>) -> Result<T, RollupError> {
        if let Ok(Some(found)) = catch_unwind(AssertUnwindSafe(run)) {
            return Ok(found);
        }
        self.check()?;
        let n_groups = self.metadata.row_groups.len();
        Err(RollupError::Damaged { file: self.name.clone(), group: group + 1, n_groups })
    }
}

/// How the times of a column become microseconds: times and parts.
pub(super) fn unit(column: &ColumnChunkMetadata) -> Option<(i64, i64)> {
    if column.physical_type() != PhysicalType::Int64 {
        return None;
    }
    let primitive = &column.descriptor().descriptor.primitive_type;
    match (primitive.logical_type, primitive.converted_type) {
        (Some(PrimitiveLogicalType::Timestamp { unit, .. }), _) => Some(match unit {
            ParquetTimeUnit::Milliseconds => (1000, 1),
            ParquetTimeUnit::Microseconds => (1, 1),
            ParquetTimeUnit::Nanoseconds => (1, 1000),
        }),
        (None, Some(PrimitiveConvertedType::TimestampMillis)) => Some((1000, 1)),
        (None, Some(PrimitiveConvertedType::TimestampMicros)) => Some((1, 1)),
        _ => None,
    }
}

/// The one leaf of a column.
fn column<'a>(group: &'a RowGroupMetadata, name: &str) -> Option<&'a ColumnChunkMetadata> {
    let mut columns = group.columns_under_root_iter(name)?;
    columns.next().filter(|_| columns.next().is_none())
}

/// The bytes of a column of a row group.
pub(super) fn chunk(of: &dyn Stored, column: &ColumnChunkMetadata) -> Option<Vec<u8>> {
    let range = column.byte_range();
    // A damaged file must not ask for more than there is.
    (range.end <= of.size()).then(|| of.read(range))?
}

struct GroupReader<'a> {
    at_us: ColumnReader<Instants>,
    workload: Option<ColumnReader<Places<'a>>>,
    prompt: Tokens,
    completion: Tokens,
    /// The workload of rows that name none.
    unnamed: u32,
    left: usize,
}

impl GroupReader<'_> {
    /// Reads a stretch of rows; returns how many.
    fn read(&mut self, rows: &mut Rows) -> Option<usize> {
        rows.clear();
        let n = self.left.min(STRETCH);
        self.left -= n;
        self.at_us.read(n, &mut rows.at_us)?;
        self.prompt.read(n, &mut rows.prompt)?;
        self.completion.read(n, &mut rows.completion)?;
        let Some(workload) = &mut self.workload else {
            rows.workload.resize(n, self.unnamed);
            rows.look();
            return Some(n);
        };
        workload.read(n, &mut rows.workload)?;
        if rows.workload.iter().max() == Some(&NONE) {
            let unnamed = rows.workload.iter_mut().filter(|it| **it == NONE);
            unnamed.for_each(|it| *it = self.unnamed);
        }
        rows.look();
        Some(n)
    }
}

/// A column of token counts, however wide.
enum Tokens {
    Short(ColumnReader<Counts<4>>),
    Long(ColumnReader<Counts<8>>),
}

impl Tokens {
    fn new(of: &dyn Stored, column: &ColumnChunkMetadata) -> Option<Tokens> {
        let chunk = chunk(of, column)?;
        Some(match column.physical_type() {
            PhysicalType::Int32 => Tokens::Short(ColumnReader::new(chunk, column, Counts)?),
            _ => Tokens::Long(ColumnReader::new(chunk, column, Counts)?),
        })
    }

    fn read(&mut self, n: usize, into: &mut Vec<u32>) -> Option<()> {
        match self {
            Tokens::Short(it) => it.read(n, into),
            Tokens::Long(it) => it.read(n, into),
        }
    }
}

/// Removes rows without a time that may be one, or with tokens that are no count.
fn sift(rows: &mut Rows, file: usize, first_row: u64) -> Refused {
    let mut refused = Refused::default();
    let is_fine = |at: usize, rows: &Rows| {
        PLAUSIBLE_US.contains(&rows.at_us[at])
            && rows.prompt[at] != NO_COUNT
            && rows.completion[at] != NO_COUNT
    };
    // Nearly always all are.
    let (least, most) = rows.span();
    let has_no_count = |counts: &[u32]| counts.contains(&NO_COUNT);
    if rows.len() == 0
        || PLAUSIBLE_US.contains(&least)
            && PLAUSIBLE_US.contains(&most)
            && !has_no_count(&rows.prompt)
            && !has_no_count(&rows.completion)
    {
        return refused;
    }
    let mut kept = Rows::default();
    for at in 0..rows.len() {
        if is_fine(at, rows) {
            kept.at_us.push(rows.at_us[at]);
            kept.workload.push(rows.workload[at]);
            kept.prompt.push(rows.prompt[at]);
            kept.completion.push(rows.completion[at]);
            continue;
        }
        let reason = match rows.at_us[at] {
            i64::MIN => "the time is missing",
            us if !PLAUSIBLE_US.contains(&us) => "the time is not between 1970 and 2100",
            _ => "the tokens are no count below 2147483648",
        };
        refused.n += 1;
        refused.first = refused.first.or(Some((file, first_row + at as u64 + 1, reason)));
    }
    kept.look();
    *rows = kept;
    refused
}
