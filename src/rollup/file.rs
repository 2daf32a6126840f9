//! Parquet files of requests whose four columns are read as they are.

use std::collections::BTreeSet;
use std::fs::{File, Metadata};
use std::io::{Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use polars_parquet::parquet::metadata::{FileMetadata, RowGroupMetadata};
use polars_parquet::parquet::statistics::Statistics;
use polars_parquet::read::{
    _read_metadata, ColumnChunkMetadata, ParquetTimeUnit, PhysicalType, PrimitiveConvertedType,
    PrimitiveLogicalType,
};
use rayon::prelude::*;

use super::RollupError;
use super::columns::texts;
use super::group::{GroupReader, PLAUSIBLE_US, is_plain, times};
use super::input::Take;
use super::rows::Rows;
use crate::ingest::PlainColumns;
use crate::ingest::pages::is_read_here;

/// A log that can be read row group by row group.
pub(super) struct LogFile {
    path: PathBuf,
    /// What messages call it.
    pub(super) name: String,
    /// The workload of rows that name none.
    pub(super) stem: String,
    columns: PlainColumns,
    /// What the file system said when it was opened.
    seen: Metadata,
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
    pub(super) fn open(
        path: &Path,
        name: &str,
        columns: &PlainColumns,
    ) -> Result<Option<LogFile>, RollupError> {
        let unreadable = |reason: String| RollupError::Unreadable { file: name.to_owned(), reason };
        let mut file = File::open(path).map_err(|it| unreadable(it.to_string()))?;
        let seen = file.metadata().map_err(|it| unreadable(it.to_string()))?;
        let metadata = catch_unwind(AssertUnwindSafe(|| _read_metadata(&mut file)));
        let metadata = match metadata {
            Ok(Ok(metadata)) => metadata,
            Ok(Err(error)) => return Err(unreadable(error.to_string())),
            Err(_) => return Err(unreadable("the Parquet metadata cannot be decoded".to_owned())),
        };
        let stem = name.split('.').next().filter(|it| !it.is_empty()).unwrap_or(name).to_owned();
        let (path, name, columns) = (path.to_owned(), name.to_owned(), columns.clone());
        let mut file = LogFile { path, name, stem, columns, seen, metadata, instants: (1, 1) };
        let Some(group) = file.metadata.row_groups.first() else { return Ok(Some(file)) };
        if !is_plain(group, &file.columns) {
            return Ok(None);
        }
        let instants = column(group, &file.columns.time).and_then(unit);
        let Some(instants) = instants else { return Ok(None) };
        let PlainColumns { time, workload, prompt, completion, status } = &file.columns;
        for name in [time, prompt, completion].into_iter().chain(workload).chain(status) {
            let is_read_here = file.guarded(0, || {
                let column = column(group, name)?;
                let chunk = chunk(&mut File::open(&file.path).ok()?, column)?;
                Some(is_read_here(chunk, column))
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
            let mut file = File::open(&self.path).ok()?;
            let mut times = times(&mut file, metadata, &self.columns.time)?;
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
            let mut file = File::open(&self.path).ok()?;
            let mut names = BTreeSet::new();
            let chunk = chunk(&mut file, column)?;
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
            let mut file = File::open(&self.path).ok()?;
            let (whose, place) = ((names, &self.stem), (number, first_row));
            let mut reader = GroupReader::new(&mut file, metadata, &self.columns, whose, place)?;
            let mut rows = Rows::default();
            while let Some(refused) = reader.read(&mut rows)? {
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
        let now = std::fs::metadata(&self.path).ok();
        let same = now.is_some_and(|now| {
            let times = (now.modified().ok(), self.seen.modified().ok());
            now.len() == self.seen.len() && times.0 == times.1
        });
        if same { Ok(()) } else { Err(RollupError::Changed { file: self.name.clone() }) }
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

pub(super) fn chunk(file: &mut File, column: &ColumnChunkMetadata) -> Option<Vec<u8>> {
    let range = column.byte_range();
    bytes(file, range.start, range.end)
}

fn bytes(file: &mut File, start: u64, end: u64) -> Option<Vec<u8>> {
    let len = usize::try_from(end.checked_sub(start)?).ok()?;
    // A damaged file must not ask for more than there is.
    let there = file.metadata().ok()?.len();
    if end > there {
        return None;
    }
    let mut bytes = Vec::with_capacity(len);
    file.seek(SeekFrom::Start(start)).ok()?;
    let read = file.take(end - start).read_to_end(&mut bytes).ok()?;
    (read == len).then_some(bytes)
}
