//! A table that was rolled up before, by this program or by the query of an engine.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use polars_parquet::parquet::metadata::{FileMetadata, RowGroupMetadata};
use polars_parquet::read::{ColumnChunkMetadata, PhysicalType};

use super::RollupError;
use super::cells::{Cells, Histograms, NONE_32, NONE_64};
use super::columns::{DayTimes, Lists, Number, Numbers, Places, Whole, texts};
use super::file::{chunk, unit};
use super::stored::{LocalFile, Stored, footer};
use crate::ingest::pages::ChunkReader;

/// A column that every such table has, and no log.
const MARKS: [&str; 3] = ["minute", "gap_sum_sq_us2", "prompt_histogram"];

/// A table that can be read row group by row group.
pub struct Part {
    bytes: Arc<dyn Stored>,
    name: String,
    metadata: FileMetadata,
}

impl Part {
    /// Opens a file; nothing where it is no such table.
    pub fn open(path: &Path, name: &str) -> Result<Option<Part>, RollupError> {
        Part::of(Arc::new(LocalFile::open(path, name)?), name)
    }

    /// The same of bytes that lie elsewhere.
    pub fn of(bytes: Arc<dyn Stored>, name: &str) -> Result<Option<Part>, RollupError> {
        let Ok(metadata) = footer(&*bytes, name) else {
            bytes.check()?;
            // Whether it is Parquet at all is for whoever reads logs to say.
            return Ok(None);
        };
        let has = |mark: &&str| metadata.schema().fields().iter().any(|it| it.name() == *mark);
        if !MARKS.iter().all(has) {
            return Ok(None);
        }
        Ok(Some(Part { bytes, name: name.to_owned(), metadata }))
    }

    /// What messages call it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// How many row groups it has.
    pub(super) fn n_groups(&self) -> usize {
        self.metadata.row_groups.len()
    }

    /// Its workloads.
    pub(super) fn workloads(&self) -> Result<BTreeSet<String>, RollupError> {
        let mut names = BTreeSet::new();
        for group in 0..self.n_groups() {
            self.guarded(group, |bytes, metadata| {
                let column = column(metadata, "workload", None)?;
                texts(chunk(bytes, column)?, column, |text| {
                    names.insert(super::name(text)?.to_owned());
                    Some(())
                })
            })?;
        }
        Ok(names)
    }

    /// The cells of a row group; the names are those of all tables, in order.
    pub(super) fn cells(&self, group: usize, names: &[String]) -> Result<Cells, RollupError> {
        self.guarded(group, |bytes, metadata| {
            let mut group = Group { bytes, metadata };
            let cells = Cells {
                minute_us: group.times("minute")?,
                workload: group.all(column(metadata, "workload", None)?, Places(names))?,
                requests: group.narrow("requests")?,
                errors: group.narrow("errors")?,
                with_tokens: group.narrow("requests_with_tokens")?,
                prompt: group.wide("prompt_tokens")?,
                completion: group.wide("completion_tokens")?,
                prompt_sq: group.wide("prompt_tokens_sq")?,
                completion_sq: group.wide("completion_tokens_sq")?,
                first_us: group.times("first_arrival")?,
                last_us: group.times("last_arrival")?,
                gap_sum: group.wide("gap_sum_us")?,
                gap_sq: group.wide("gap_sum_sq_us2")?,
                seconds: group.narrow("nonempty_seconds")?,
                second_sq: group.wide("second_requests_sq")?,
                first_second: group.narrow("first_second_requests")?,
                last_second: group.narrow("last_second_requests")?,
                prompts: group.histograms("prompt_histogram")?,
                completions: group.histograms("completion_histogram")?,
            };
            let n = cells.len();
            let whole = cells.minute_us.len() == n
                && cells.prompts.ends.len() == n
                && cells.completions.ends.len() == n
                && cells.requests.iter().all(|it| (1..NONE_32).contains(it))
                && cells.minute_us.iter().all(|it| *it != NONE_64);
            whole.then_some(cells)
        })
    }

    /// Runs a decoder, which a damaged page must not bring down, and says what is at fault.
    fn guarded<T>(
        &self,
        group: usize,
        run: impl FnOnce(&dyn Stored, &RowGroupMetadata) -> Option<T>,
    ) -> Result<T, RollupError> {
        let run = || {
            let metadata = self.metadata.row_groups.get(group)?;
            run(&*self.bytes, metadata)
        };
        if let Ok(Some(found)) = catch_unwind(AssertUnwindSafe(run)) {
            return Ok(found);
        }
        self.bytes.check()?;
        let (file, n_groups) = (self.name.clone(), self.n_groups());
        Err(RollupError::Damaged { file, group: group + 1, n_groups })
    }
}

/// A leaf of a column: the one named, or the only one.
fn column<'a>(
    group: &'a RowGroupMetadata,
    name: &str,
    leaf: Option<&str>,
) -> Option<&'a ColumnChunkMetadata> {
    group.columns_under_root_iter(name)?.find(|it| {
        let path = &it.descriptor().path_in_schema;
        leaf.is_none_or(|leaf| path.last().is_some_and(|it| it.as_str() == leaf))
    })
}

struct Group<'a> {
    bytes: &'a dyn Stored,
    metadata: &'a RowGroupMetadata,
}

impl Group<'_> {
    fn all<N: Number>(&mut self, of: &ColumnChunkMetadata, number: N) -> Option<Vec<N::Value>> {
        let mut reader = ChunkReader::new(chunk(self.bytes, of)?, of, Numbers::new(number))?;
        reader.read_all()?;
        let all = reader.values.rows;
        (all.len() == self.metadata.num_rows()).then_some(all)
    }

    fn wide(&mut self, name: &str) -> Option<Vec<i64>> {
        let column = column(self.metadata, name, None)?;
        match column.physical_type() {
            PhysicalType::Int32 => self.all(column, Whole::<4>),
            PhysicalType::Int64 => self.all(column, Whole::<8>),
            _ => None,
        }
    }

    fn narrow(&mut self, name: &str) -> Option<Vec<u32>> {
        let wide = self.wide(name)?;
        let narrow = wide.into_iter().map(|it| match it {
            NONE_64 => Some(NONE_32),
            it => u32::try_from(it).ok().filter(|it| *it < NONE_32),
        });
        narrow.collect()
    }

    fn times(&mut self, name: &str) -> Option<Vec<i64>> {
        let column = column(self.metadata, name, None)?;
        if column.physical_type() == PhysicalType::Int96 {
            return self.all(column, DayTimes);
        }
        let (times, parts) = unit(column)?;
        let values = self.wide(name)?.into_iter();
        let in_us =
            |it: i64| if it == NONE_64 { it } else { it.saturating_mul(times).div_euclid(parts) };
        Some(values.map(in_us).collect())
    }

    fn histograms(&mut self, name: &str) -> Option<Histograms> {
        let leaf = |leaf: &str| {
            let column = column(self.metadata, name, Some(leaf))?;
            let bytes = chunk(self.bytes, column)?;
            match column.physical_type() {
                PhysicalType::Int32 => Lists::read(bytes, column, Whole::<4>),
                PhysicalType::Int64 => Lists::read(bytes, column, Whole::<8>),
                _ => None,
            }
        };
        let (buckets, counts) = (leaf("bucket")?, leaf("n")?);
        let narrow = |of: Vec<i64>| {
            of.into_iter().map(|it| u32::try_from(it).ok()).collect::<Option<Vec<u32>>>()
        };
        (buckets.ends == counts.ends).then_some(())?;
        let histograms = Histograms {
            ends: buckets.ends,
            buckets: narrow(buckets.values)?,
            counts: narrow(counts.values)?,
        };
        Some(histograms)
    }
}
