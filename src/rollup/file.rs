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
use super::columns::{Counts, Instants, NO_COUNT, Number, Numbers, Places, texts};
use super::input::Take;
use super::rows::{NONE, Rows};
use crate::ingest::PlainColumns;
use crate::ingest::pages::ChunkReader;

/// Rows that are decoded at a time; their columns stay in the cache.
const STRETCH: usize = 1 << 13;
/// From 1970 until 1 January 2101.
const PLAUSIBLE_US: std::ops::Range<i64> = 0..4_133_980_800_000_000;

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
            let mut times = self.times(&mut File::open(&self.path).ok()?, metadata)?;
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

    fn times(&self, file: &mut File, group: &RowGroupMetadata) -> Option<Reader<Instants>> {
        let column = column(group, &self.columns.time)?;
        let (times, parts) = self.instants;
        reader(chunk(file, column)?, column, Instants { times, parts })
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
            let mut file = File::open(&self.path).ok()?;
            let mut reader = GroupReader {
                at_us: self.times(&mut file, metadata)?,
                workload: match &self.columns.workload {
                    None => None,
                    Some(name) => {
                        let column = column(metadata, name)?;
                        let chunk = chunk(&mut file, column)?;
                        Some(reader(chunk, column, Places(names))?)
                    }
                },
                prompt: Tokens::new(&mut file, column(metadata, &self.columns.prompt)?)?,
                completion: Tokens::new(&mut file, column(metadata, &self.columns.completion)?)?,
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
fn column<'a>(group: &'a RowGroupMetadata, name: &str) -> Option<&'a ColumnChunkMetadata> {
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

/// A column as numbers, while it is read.
type Reader<N> = ChunkReader<Numbers<N>>;

fn reader<N: Number>(chunk: Vec<u8>, column: &ColumnChunkMetadata, number: N) -> Option<Reader<N>> {
    ChunkReader::new(chunk, column, Numbers::new(number))
}

/// Reads the next `n` rows into where others were.
fn read<N: Number>(from: &mut Reader<N>, n: usize, into: &mut Vec<N::Value>) -> Option<()> {
    into.clear();
    std::mem::swap(&mut from.values.rows, into);
    let done = from.read(n);
    std::mem::swap(&mut from.values.rows, into);
    done.filter(|()| into.len() == n)
}

struct GroupReader<'a> {
    at_us: Reader<Instants>,
    workload: Option<Reader<Places<'a>>>,
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
        read(&mut self.at_us, n, &mut rows.at_us)?;
        self.prompt.read(n, &mut rows.prompt)?;
        self.completion.read(n, &mut rows.completion)?;
        let Some(workload) = &mut self.workload else {
            rows.workload.resize(n, self.unnamed);
            rows.look();
            return Some(n);
        };
        read(workload, n, &mut rows.workload)?;
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
    Short(Reader<Counts<4>>),
    Long(Reader<Counts<8>>),
}

impl Tokens {
    fn new(file: &mut File, column: &ColumnChunkMetadata) -> Option<Tokens> {
        let chunk = chunk(file, column)?;
        Some(match column.physical_type() {
            PhysicalType::Int32 => Tokens::Short(reader(chunk, column, Counts)?),
            _ => Tokens::Long(reader(chunk, column, Counts)?),
        })
    }

    fn read(&mut self, n: usize, into: &mut Vec<u32>) -> Option<()> {
        match self {
            Tokens::Short(it) => read(it, n, into),
            Tokens::Long(it) => read(it, n, into),
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
