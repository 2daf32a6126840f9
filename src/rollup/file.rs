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
use super::columns::texts;
use super::group::{GroupReader, PLAUSIBLE_US, is_plain, times};
use super::input::Take;
use super::rows::Rows;
use super::stored::{Stored, footer};
use crate::ingest::pages::is_read_here;
use crate::ingest::{PlainColumns, stem};

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

/// Rows that are no requests, or none that a GPU saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Refused {
    /// How many are no requests.
    pub(super) n: u64,
    /// How many were refused for a limit or answered from a cache.
    pub(super) left_out: u64,
    /// The first of them: its file by number, its row from 1, and what is wrong with it.
    pub(super) first: Option<(usize, u64, &'static str)>,
}

impl Refused {
    /// Adds others.
    pub(super) fn add(&mut self, other: Refused) {
        self.n += other.n;
        self.left_out += other.left_out;
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
        if !is_plain(group, &file.columns) {
            return Ok(None);
        }
        let instants = column(group, &file.columns.time).and_then(unit);
        let Some(instants) = instants else { return Ok(None) };
        for name in file.columns.names() {
            let is_read_here = file.guarded(0, || {
                let column = column(group, name)?;
                Some(is_read_here(first_bytes(&*file.bytes, column)?, column))
            })?;
            if !is_read_here {
                return Ok(None);
            }
        }
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
            let mut times = times(&*self.bytes, metadata, &self.columns.time)?;
            times.read_all()?;
            let plausible = times.values.rows.iter().filter(|it| PLAUSIBLE_US.contains(it));
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

    /// Says which bytes of a row group are about to be read.
    fn prepare(&self, group: &RowGroupMetadata) {
        let columns = self.columns.names().filter_map(|name| column(group, name));
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
        let first_row: u64 = self.groups().take(group).map(|it| it as u64).sum();
        self.guarded(group, || {
            let metadata = self.metadata.row_groups.get(group)?;
            self.prepare(metadata);
            let (whose, place) = ((names, &self.stem), (number, first_row));
            let mut reader = GroupReader::new(&*self.bytes, metadata, &self.columns, whose, place)?;
            let mut rows = Rows::default();
            while !reader.is_at_end() {
                let refused = reader.read(&mut rows)?;
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
pub(super) fn column<'a>(
    group: &'a RowGroupMetadata,
    name: &str,
) -> Option<&'a ColumnChunkMetadata> {
    let mut columns = group.columns_under_root_iter(name)?;
    columns.next().filter(|_| columns.next().is_none())
}

/// The first bytes of a column of a row group: enough for its dictionary and first page.
fn first_bytes(of: &dyn Stored, column: &ColumnChunkMetadata) -> Option<Vec<u8>> {
    const ENOUGH: u64 = 4 << 20;
    let range = column.byte_range();
    let end = range.end.min(range.start.saturating_add(ENOUGH));
    (end <= of.size()).then(|| of.read(range.start..end))?
}

/// The bytes of a column of a row group.
pub(super) fn chunk(of: &dyn Stored, column: &ColumnChunkMetadata) -> Option<Vec<u8>> {
    let range = column.byte_range();
    // A damaged file must not ask for more than there is.
    (range.end <= of.size()).then(|| of.read(range))?
}
