//! A usage table in Parquet, its parts read side by side and added in their order.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use chrono_tz::Tz;
use foldhash::fast::FixedState;
use indexmap::IndexMap;
use rayon::prelude::*;

use super::super::IngestError;
use super::super::raw::{FileFacts, ParquetInput, RawTable, TableInput};
use super::columns::{self, Converted, Ends, Part};
use super::spacing::{Spaced, Spacings};
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
    /// Whether all went well so far, and no part needs the others to be read.
    done: Result<bool, IngestError>,
    /// What the starts of each workload show, where ends are missing.
    spaced: IndexMap<Option<String>, Spaced, FixedState>,
    /// Parts without a missing end.
    n_whole: usize,
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
            Read::Columns(mut part) => {
                self.n_whole += usize::from(part.spaced.is_empty());
                for (name, next) in part.spaced.drain(..) {
                    self.spaced.entry(name).or_default().follow(&next);
                }
                self.rows.absorb(*part, self.file)?;
            }
            Read::Rows(it) => {
                self.n_whole += 1;
                self.rows.add_rows(&it.0, &it.1, self.file, self.zone)?;
                self.rows.put_many_aside()?;
            }
        }
        Ok(true)
    }

    /// How the reading ended.
    fn end(self) -> Result<End, IngestError> {
        let Turn { done, spaced, n_whole, .. } = self;
        let is_mixed = !spaced.is_empty() && n_whole > 0;
        if !done? || is_mixed || !spaced.values().all(Spaced::rises) {
            return Ok(End::Unknown);
        }
        if spaced.values().all(Spaced::was_right) {
            return Ok(End::Right);
        }
        Ok(End::Again(spaced.into_iter().map(|(name, it)| (name, it.modal())).collect()))
    }
}

/// How the reading of parts ended.
enum End {
    /// Every row has its end.
    Right,
    /// Ends are missing, and the starts of the whole file show others than those of its parts.
    Again(Spacings),
    /// Only the whole file at once can tell.
    Unknown,
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
        let wants = (input, wants);
        let (sha256, read) = rayon::join(
            || input.sha256(),
            || {
                let (rows, end) = self.read_parts(wants, (file, zone), Ends::Part)?;
                match end {
                    End::Right => Ok(Some(rows)),
                    End::Unknown => Ok(None),
                    End::Again(spacings) => {
                        drop(rows);
                        let by = Ends::Known(&spacings);
                        let (rows, end) = self.read_parts(wants, (file, zone), by)?;
                        Ok(matches!(end, End::Right).then_some(rows))
                    }
                }
            },
        );
        let read: Result<Option<UsageBuilder>, IngestError> = read;
        let Some(rows) = read? else { return Ok(None) };
        self.join(rows)?;
        let facts = FileFacts {
            rows_in: input.rows(),
            rejected: Vec::new(),
            sha256: sha256?,
            headers: input.headers.clone(),
        };
        Ok(Some((facts, headers)))
    }

    /// Reads all parts of a file, with the missing ends told in one way.
    fn read_parts(
        &self,
        (input, wants): (&ParquetInput, &(dyn Fn(&str) -> bool + Sync)),
        (file, zone): (&str, Tz),
        by: Ends<'_>,
    ) -> Result<(UsageBuilder, End), IngestError> {
        let mut rows = UsageBuilder::with_aside(self.folder.clone());
        rows.files.push(file.to_owned());
        // The currency in force is that of the rows so far.
        rows.in_force = self.in_force();
        let turn = Turn {
            rows: &mut rows,
            file,
            zone,
            next: 0,
            waiting: BTreeMap::new(),
            done: Ok(true),
            spaced: IndexMap::default(),
            n_whole: 0,
        };
        let turn = Mutex::new(turn);
        let next = AtomicUsize::new(0);
        let goes_aside = AtomicBool::new(false);
        let lock = || turn.lock().unwrap_or_else(PoisonError::into_inner);
        let read = |at: usize| {
            let piece = input.pieces.get(at)?;
            let read = || {
                let raw = input.piece(piece, wants)?;
                let mapping = Mapping::of(&raw, file)?;
                Ok(match columns::convert(&raw, &mapping, (zone, by)) {
                    Converted::Part(mut part) => {
                        if goes_aside.load(Ordering::Relaxed) {
                            part.pack();
                        }
                        Read::Columns(part)
                    }
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
                let mut turn = lock();
                if !turn.take(at, part) {
                    return;
                }
                goes_aside.store(!turn.rows.aside.is_empty(), Ordering::Relaxed);
            }
        };
        let workers = rayon::current_num_threads().min(input.pieces.len());
        (0..workers).into_par_iter().for_each(|_| work());
        let end = turn.into_inner().unwrap_or_else(PoisonError::into_inner).end()?;
        Ok((rows, end))
    }

    /// Adds what was read of another file.
    fn join(&mut self, other: UsageBuilder) -> Result<(), IngestError> {
        let (mut other, n_files) = (other, self.files.len());
        if !(self.aside.is_empty() && other.aside.is_empty()) {
            self.put_aside()?;
            other.put_aside()?;
            self.aside.append(&mut other.aside);
        }
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
