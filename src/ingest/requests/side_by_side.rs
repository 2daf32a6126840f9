//! A Parquet log whose rows stand alone, read by several workers at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::super::IngestError;
use super::super::pages::keep_memory;
use super::super::raw::{FileFacts, PlainHeaders, PlainRows, TableInput};
use super::LogSource;
use super::builder::RequestBuilder;
use super::columns::Columns;
use super::plain;

/// Parts of a file that are done, until those before them are.
struct Turn<'a> {
    logs: &'a mut RequestBuilder,
    next: usize,
    waiting: BTreeMap<usize, Part>,
    done: Result<Vec<String>, IngestError>,
}

/// The requests of a piece, and the headers that were used.
type Part = Result<(RequestBuilder, Vec<String>), IngestError>;

impl Turn<'_> {
    /// Adds the part of a piece as soon as it is its turn, so that the order of rows is that of the
    /// file; false once a part is faulty.
    fn take(&mut self, at: usize, part: Part) -> bool {
        self.waiting.insert(at, part);
        while let Some(part) = self.waiting.remove(&self.next) {
            self.next += 1;
            let added = part.and_then(|(part, used)| self.logs.absorb(part).map(|()| used));
            if self.done.is_ok() {
                self.done = added;
            }
        }
        self.done.is_ok()
    }
}

/// Adds the rows of a file and returns the headers that were used; nothing where they have to be
/// read in their order.
pub(in crate::ingest) fn add_side_by_side(
    logs: &mut RequestBuilder,
    input: &TableInput,
    source: LogSource<'_>,
) -> Result<Option<(FileFacts, Vec<String>)>, IngestError> {
    let wants = |header: &str| source.format.wants(header, source.mappings);
    let Some(input) = input.pieces().filter(|it| it.pieces.len() > 1) else { return Ok(None) };
    let Some(first) = input.pieces.first() else { return Ok(None) };
    let head = input.piece(&first.head(1), &wants)?;
    let columns = Columns::bind(&head, source.format, source.mappings, source.zone);
    if !columns.stand_alone() {
        return Ok(None);
    }
    let facts = |sha256: Option<String>| FileFacts {
        rows_in: input.rows(),
        rejected: Vec::new(),
        sha256,
        headers: input.headers.clone(),
    };
    keep_memory();
    // What is nothing like a plain log in its first piece is none.
    let is_plain =
        |it: &PlainHeaders| input.plain(first, (it, false), &mut PlainRows::default()).is_some();
    let headers = columns.plain_headers().filter(|_| !logs.is_for_rows());
    if let Some(headers) = headers.filter(is_plain) {
        let places: BTreeSet<usize> = columns.used().collect();
        let used = places.into_iter().filter_map(|at| input.headers.get(at).cloned()).collect();
        let read = || plain::add(logs, (input, source), (&headers, &wants));
        let (sha256, read) = rayon::join(|| input.sha256(), read);
        read?;
        return Ok(Some((facts(sha256?), used)));
    }
    let turn = Mutex::new(Turn { logs, next: 0, waiting: BTreeMap::new(), done: Ok(Vec::new()) });
    let next = AtomicUsize::new(0);
    let lock = || turn.lock().unwrap_or_else(PoisonError::into_inner);
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(piece) = input.pieces.get(at) else { return };
            let mut part = lock().logs.part();
            let used = input.piece(piece, &wants).and_then(|table| part.add(&table, source));
            if !lock().take(at, used.map(|used| (part, used))) {
                return;
            }
        }
    };
    let workers = rayon::current_num_threads().min(input.pieces.len());
    let (sha256, ()) =
        rayon::join(|| input.sha256(), || (0..workers).into_par_iter().for_each(|_| work()));
    let used = turn.into_inner().unwrap_or_else(PoisonError::into_inner).done?;
    Ok(Some((facts(sha256?), used)))
}
