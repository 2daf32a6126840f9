//! A usage table in Parquet, its parts read side by side and added in their order.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use chrono_tz::Tz;
use rayon::prelude::*;

use super::super::IngestError;
use super::super::raw::{FileFacts, RawTable, TableInput};
use super::columns::{self, Converted, Part};
use super::{Mapping, UsageBuilder};

/// What was read of a part of a file.
enum Read {
    Columns(Box<Part>),
    /// It has to be read row by row.
    Rows(Box<(RawTable, Mapping)>),
    EndMissing,
}

/// Parts that are read, until those before them are added.
struct Turn<'a> {
    rows: &'a mut UsageBuilder,
    file: &'a str,
    zone: Tz,
    next: usize,
    waiting: BTreeMap<usize, Result<Read, IngestError>>,
    /// Whether all went well, and no end was missing.
    done: Result<bool, IngestError>,
}

impl Turn<'_> {
    /// Adds a part when it is its turn; false once the rest need not be read.
    fn take(&mut self, at: usize, part: Result<Read, IngestError>) -> bool {
        self.waiting.insert(at, part);
        while let Some(part) = self.waiting.remove(&self.next) {
            self.next += 1;
            if matches!(self.done, Ok(true)) {
                self.done = part.and_then(|it| self.add(it));
            }
        }
        matches!(self.done, Ok(true))
    }

    fn add(&mut self, part: Read) -> Result<bool, IngestError> {
        match part {
            Read::EndMissing => return Ok(false),
            Read::Columns(part) => self.rows.absorb(*part, self.file)?,
            Read::Rows(it) => self.rows.add_rows(&it.0, &it.1, self.file, self.zone)?,
        }
        Ok(true)
    }
}

impl UsageBuilder {
    /// Adds the rows of a Parquet file and returns the headers that were used. Nothing where it has
    /// to be read whole: it is no such file, or ends are missing, which all its starts tell.
    pub(in crate::ingest) fn add_parts(
        &mut self,
        input: &TableInput,
        wants: &(dyn Fn(&str) -> bool + Sync),
        (file, zone): (&str, Tz),
    ) -> Result<Option<(FileFacts, Vec<String>)>, IngestError> {
        let Some(input) = input.pieces() else { return Ok(None) };
        let Some(first) = input.pieces.first() else { return Ok(None) };
        let headers = Mapping::of(&input.piece(&first.head(1), wants)?, file)?.headers();
        let mut rows = UsageBuilder::default();
        rows.files.push(file.to_owned());
        // The currency in force is that of the rows so far.
        rows.in_force = self.in_force();
        let turn =
            Turn { rows: &mut rows, file, zone, next: 0, waiting: BTreeMap::new(), done: Ok(true) };
        let turn = Mutex::new(turn);
        let next = AtomicUsize::new(0);
        let lock = || turn.lock().unwrap_or_else(PoisonError::into_inner);
        let read = |at: usize| {
            let piece = input.pieces.get(at)?;
            let read = || {
                let raw = input.piece(piece, wants)?;
                let mapping = Mapping::of(&raw, file)?;
                Ok(match columns::convert(&raw, &mapping, (zone, false)) {
                    Converted::Part(part) => Read::Columns(part),
                    Converted::RowByRow => Read::Rows(Box::new((raw, mapping))),
                    Converted::EndMissing => Read::EndMissing,
                })
            };
            Some(read())
        };
        let work = || {
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(part) = read(at) else { return };
                if !lock().take(at, part) {
                    return;
                }
            }
        };
        let workers = rayon::current_num_threads().min(input.pieces.len());
        let (sha256, ()) =
            rayon::join(|| input.sha256(), || (0..workers).into_par_iter().for_each(|_| work()));
        if !turn.into_inner().unwrap_or_else(PoisonError::into_inner).done? {
            return Ok(None);
        }
        self.join(rows)?;
        let facts = FileFacts {
            rows_in: input.rows(),
            rejected: Vec::new(),
            sha256: sha256?,
            headers: input.headers.clone(),
        };
        Ok(Some((facts, headers)))
    }

    /// Adds what was read of another file.
    fn join(&mut self, other: UsageBuilder) -> Result<(), IngestError> {
        let n_files = self.files.len();
        self.files.extend(other.files);
        self.origin.append(other.origin, n_files);
        self.rejected.extend(other.rejected);
        self.file_totals.add_all(&other.file_totals)?;
        self.rejected_totals.add_all(&other.rejected_totals)?;
        self.amounts_from_floats += other.amounts_from_floats;
        self.rows_without_effective += other.rows_without_effective;
        match (&mut self.table, other.table) {
            (Some(table), Some(other)) => table.append(other),
            (table, Some(other)) => *table = Some(other),
            (_, None) => {}
        }
        Ok(())
    }
}
