//! The run: stretches of time side by side, their cells in order into one table.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use polars_parquet::parquet::metadata::SchemaDescriptor;
use rayon::prelude::*;

use super::RollupError;
use super::blocks::{Aside, Blocks};
use super::encode::{Encoded, encode};
use super::file::Refused;
use super::input::Input;
use super::kernel::Kernel;
use super::plan::{Part, Stretch, plan};
use super::rows::Rows;
use super::write::{Table, compression, schema};
use crate::ingest::pages::keep_memory;

/// Cells of a row group of the table.
pub(super) const GROUP_CELLS: usize = 1 << 17;

/// Most stretches that are done in one go.
const MOST_IN_ONE_GO: usize = 4;

/// Rows of a file that may be taken for a copy.
const LEAST_COPY: usize = 1000;

/// Watches a run: is told of rows that were read, and says whether to go on.
pub type Watch<'a> = &'a (dyn Fn(u64) -> bool + Sync);

/// What a run did.
#[derive(Clone, Debug, Default)]
pub(super) struct Done {
    /// Requests and other rows that were read.
    pub(super) rows: u64,
    /// Rows that were no requests.
    pub(super) refused: Refused,
    /// Rows of the table.
    pub(super) cells: u64,
}

/// Most times that a row may be read again because row groups overlap in time; beyond it the rows are
/// sorted once and for all.
const MOST_READS: usize = 3;

/// Most rows of a stretch that are put in order in memory. Tests have few rows.
const MOST_SORTED: usize = if cfg!(test) { 1 << 12 } else { 1 << 22 };

/// Rolls up inputs into a table; rows in no order are put aside in a folder.
pub(super) fn roll_up<W: Write + Send, const FULL: bool>(
    mut inputs: Vec<Input>,
    (into, folder): (W, &Path),
    watch: Watch<'_>,
) -> Result<(Done, W), RollupError> {
    keep_memory();
    let names = workloads(&inputs)?;
    let parts_of_all = parts(&inputs)?;
    refuse_copies(&inputs, &parts_of_all)?;
    let mut stretches = plan(parts_of_all);
    let rows: usize = inputs.iter().flat_map(Input::parts).sum();
    let mut refused = Refused::default();
    if stretches.rows_read > rows.saturating_mul(MOST_READS) || stretches.most_sorted > MOST_SORTED
    {
        let blocks;
        (blocks, refused) = put_aside(&inputs, &names, folder, watch)?;
        for input in &inputs {
            input.check()?;
        }
        inputs = vec![Input::Blocks(blocks)];
        stretches = plan(parts(&inputs)?);
    }
    let schema = schema(FULL).map_err(|it| bug(&it.to_string()))?;
    let table = Table::new(into, schema.clone());
    let stretches = stretches.stretches;
    let run = Run { inputs: &inputs, names: &names, stretches: &stretches, schema: &schema, watch };
    let (mut done, table) = run.side_by_side::<W, FULL>(table)?;
    for input in &inputs {
        input.check()?;
    }
    done.rows += refused.n;
    done.refused.add(refused);
    done.cells = table.rows;
    Ok((done, table.end()?))
}

/// The workloads of all inputs, in order.
fn workloads(inputs: &[Input]) -> Result<Vec<String>, RollupError> {
    let mut all = BTreeSet::new();
    for input in inputs {
        all.extend(input.names()?);
    }
    Ok(all.into_iter().collect())
}

/// The parts of all inputs with the time of their rows.
fn parts(inputs: &[Input]) -> Result<Vec<Part>, RollupError> {
    let mut all = Vec::new();
    for (at, input) in inputs.iter().enumerate() {
        let parts = input.parts().into_par_iter().enumerate().map(|(part, rows)| {
            // One without a time is read for its rows to be refused.
            let span = input.span(part)?;
            let (first_us, last_us) =
                span.map_or((i64::MIN, i64::MIN), |it| (it.first_us, it.last_us));
            Ok(Part { first_us, last_us, rows, place: (at, part) })
        });
        all.extend(parts.collect::<Result<Vec<_>, RollupError>>()?);
    }
    Ok(all)
}

/// Fails where two inputs have the same number of rows at the same times in all of their parts: one is a
/// copy of the other, by another name, and would count twice. Few rows may be the same by chance.
fn refuse_copies(inputs: &[Input], parts: &[Part]) -> Result<(), RollupError> {
    let mut seen: BTreeMap<Vec<(i64, i64, usize)>, usize> = BTreeMap::new();
    for of_one in parts.chunk_by(|a, b| a.place.0 == b.place.0) {
        let Some(at) = of_one.first().map(|it| it.place.0) else { continue };
        if of_one.iter().map(|it| it.rows).sum::<usize>() < LEAST_COPY {
            continue;
        }
        let times = of_one.iter().map(|it| (it.first_us, it.last_us, it.rows)).collect();
        if let Some(first) = seen.insert(times, at) {
            let name = |at: usize| inputs.get(at).map_or("", Input::name).to_owned();
            return Err(RollupError::Twice { first: name(first), second: name(at) });
        }
    }
    Ok(())
}

/// Decodes all inputs; returns how many rows they have.
pub(super) fn decode(inputs: &[Input]) -> Result<u64, RollupError> {
    keep_memory();
    let names = workloads(inputs)?;
    let decoded = parts(inputs)?.into_par_iter().map(|part| {
        let mut n = 0;
        inputs[part.place.0].read(part.place, &names, &mut |rows, _| {
            n += rows.len() as u64;
            Ok(true)
        })?;
        Ok(n)
    });
    decoded.sum()
}

/// Puts all rows aside, sorted.
fn put_aside(
    inputs: &[Input],
    names: &[String],
    folder: &Path,
    watch: Watch<'_>,
) -> Result<(Blocks, Refused), RollupError> {
    let mut aside = Aside::new(folder, "sorted");
    let mut refused = Refused::default();
    for (at, input) in inputs.iter().enumerate() {
        for part in 0..input.parts().len() {
            input.read((at, part), names, &mut |rows, found| {
                refused.add(found);
                aside.rows().append_between(rows, i64::MIN, i64::MAX);
                aside.flush()?;
                if watch(0) { Ok(true) } else { Err(RollupError::Interrupted) }
            })?;
        }
    }
    Ok((aside.finish(names.to_vec())?, refused))
}

struct Run<'a> {
    inputs: &'a [Input],
    names: &'a [String],
    stretches: &'a [Stretch],
    schema: &'a SchemaDescriptor,
    watch: Watch<'a>,
}

/// A stretch that is done.
#[derive(Default)]
struct Finished {
    groups: Vec<Encoded>,
    rows: u64,
    refused: Refused,
}

/// Finished stretches until those before them are written.
struct Turn<W: Write> {
    table: Table<W>,
    next: usize,
    waiting: BTreeMap<usize, Finished>,
    done: Done,
    failed: Option<RollupError>,
}

impl<W: Write> Turn<W> {
    /// Writes a stretch as soon as it is its turn.
    fn take(&mut self, at: usize, finished: Finished) -> Result<(), RollupError> {
        self.waiting.insert(at, finished);
        while let Some(finished) = self.waiting.remove(&self.next) {
            self.next += 1;
            self.done.rows += finished.rows;
            self.done.refused.add(finished.refused);
            for group in finished.groups {
                self.table.write(group)?;
            }
        }
        Ok(())
    }
}

impl Run<'_> {
    fn side_by_side<W: Write + Send, const FULL: bool>(
        &self,
        table: Table<W>,
    ) -> Result<(Done, Table<W>), RollupError> {
        let workers = rayon::current_num_threads().min(self.stretches.len());
        let done = Done::default();
        let turn = Turn { table, next: 0, waiting: BTreeMap::new(), done, failed: None };
        let (turn, written) = (Mutex::new(turn), Condvar::new());
        let next = AtomicUsize::new(0);
        let work = || {
            let mut kernel = Kernel::<FULL>::new(self.names.len());
            loop {
                let taken =
                    |at: usize| Some(at + self.in_one_go(at, workers)).filter(|it| *it > at);
                let Ok(at) = next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken) else {
                    return;
                };
                let stretches = &self.stretches[at..at + self.in_one_go(at, workers)];
                // Nobody may run so far ahead that what waits fills the memory.
                let most = 2 * workers * MOST_IN_ONE_GO;
                let too_far = |it: &mut Turn<W>| at > it.next + most && it.failed.is_none();
                let waited = written.wait_while(lock(&turn), too_far);
                if waited.unwrap_or_else(PoisonError::into_inner).failed.is_some() {
                    return;
                }
                let finished = self.finished(stretches, &mut kernel);
                let mut turn = lock(&turn);
                let taken = finished.and_then(|all| {
                    (at..).zip(all).try_for_each(|(at, finished)| turn.take(at, finished))
                });
                if let Err(error) = taken {
                    turn.failed.get_or_insert(error);
                }
                written.notify_all();
            }
        };
        (0..workers).into_par_iter().for_each(|_| work());
        let turn = turn.into_inner().unwrap_or_else(PoisonError::into_inner);
        match turn.failed {
            Some(error) => Err(error),
            None => Ok((turn.done, turn.table)),
        }
    }

    /// How many stretches are done in one go from this one on: a few, since neighbours share a row
    /// group that is then unpacked once, and fewer towards the end, so that all are done together.
    fn in_one_go(&self, at: usize, workers: usize) -> usize {
        let rest = self.stretches.get(at..).unwrap_or_default();
        let in_order = rest.iter().take(MOST_IN_ONE_GO).take_while(|it| it.in_order).count();
        let fair = (rest.len() / (2 * workers).max(1)).clamp(1, MOST_IN_ONE_GO);
        fair.min(in_order.max(1)).min(rest.len())
    }

    /// The cells of stretches that follow each other, encoded.
    fn finished<const FULL: bool>(
        &self,
        stretches: &[Stretch],
        kernel: &mut Kernel<FULL>,
    ) -> Result<Vec<Finished>, RollupError> {
        kernel.begin();
        if stretches.iter().all(|it| it.in_order)
            && let Some(finished) = self.stream(stretches, kernel)?
        {
            return Ok(finished);
        }
        kernel.begin();
        if let [stretch] = stretches {
            return Ok(vec![self.sort(stretch, kernel)?]);
        }
        // Each by itself, so that the table does not depend on which were done in one go.
        let mut all = Vec::with_capacity(stretches.len());
        for stretch in stretches {
            all.extend(self.finished(std::slice::from_ref(stretch), kernel)?);
        }
        Ok(all)
    }

    /// Encodes the cells where there are at least so many.
    fn flush<const FULL: bool>(
        &self,
        kernel: &mut Kernel<FULL>,
        least: usize,
        finished: &mut Finished,
    ) -> Result<(), RollupError> {
        if kernel.cells.len() >= least {
            let (names, schema) = (self.names, self.schema);
            let group = encode(&kernel.cells, names, schema, compression(), FULL);
            finished.groups.push(group.map_err(|it| bug(&it.to_string()))?);
            kernel.cells.clear();
        }
        Ok(())
    }

    /// Takes the rows as they come; nothing where they are not in the order of time.
    fn stream<const FULL: bool>(
        &self,
        stretches: &[Stretch],
        kernel: &mut Kernel<FULL>,
    ) -> Result<Option<Vec<Finished>>, RollupError> {
        let (mut all, mut open) = (Vec::with_capacity(stretches.len()), Finished::default());
        let mut is_ordered = true;
        for (part, is_last) in parts_of(stretches) {
            self.read(part, is_last, &mut open, &mut |rows, open| {
                if !kernel.is_next(rows) {
                    is_ordered = false;
                    return Ok(false);
                }
                while let Some(stretch) = stretches.get(all.len()) {
                    kernel.add(rows, stretch.from_us, stretch.to_us)?;
                    self.flush(kernel, GROUP_CELLS, open)?;
                    if rows.at_us.last().is_none_or(|it| *it < stretch.to_us) {
                        return Ok(true);
                    }
                    if all.len() + 1 == stretches.len() {
                        break;
                    }
                    kernel.close();
                    self.flush(kernel, 1, open)?;
                    all.push(std::mem::take(open));
                }
                Ok(is_last)
            })?;
            if !is_ordered {
                return Ok(None);
            }
        }
        kernel.close();
        self.flush(kernel, 1, &mut open)?;
        all.push(open);
        all.resize_with(stretches.len(), Finished::default);
        Ok(Some(all))
    }

    /// Gathers the rows and puts them in order first.
    fn sort<const FULL: bool>(
        &self,
        stretch: &Stretch,
        kernel: &mut Kernel<FULL>,
    ) -> Result<Finished, RollupError> {
        let (mut all, mut finished) = (Rows::default(), Finished::default());
        for (part, is_last) in &stretch.parts {
            self.read(*part, *is_last, &mut finished, &mut |rows, _| {
                all.append_between(rows, stretch.from_us, stretch.to_us);
                Ok(true)
            })?;
        }
        let all = all.in_order();
        kernel.add(&all, i64::MIN, i64::MAX)?;
        kernel.close();
        self.flush(kernel, 1, &mut finished)?;
        Ok(finished)
    }

    /// Reads a part; its rows count where no later stretch reads it again.
    fn read(
        &self,
        part: Part,
        is_last: bool,
        finished: &mut Finished,
        take: &mut dyn FnMut(&Rows, &mut Finished) -> Result<bool, RollupError>,
    ) -> Result<(), RollupError> {
        let Some(input) = self.inputs.get(part.place.0) else { return Ok(()) };
        let within = part.first_us..=part.last_us;
        input.read(part.place, self.names, &mut |rows, refused| {
            if is_last {
                let n = rows.len() as u64 + refused.n;
                finished.rows += n;
                finished.refused.add(refused);
                if !(self.watch)(n + refused.left_out) {
                    return Err(RollupError::Interrupted);
                }
            }
            // The plan rests on what the row group says of itself.
            let (first_us, last_us) = rows.span();
            if rows.len() > 0 && !(within.contains(&first_us) && within.contains(&last_us)) {
                let file = input.name().to_owned();
                let reason = "rows lie outside of the times that the file's own statistics give";
                return Err(RollupError::Unreadable { file, reason: reason.to_owned() });
            }
            take(rows, finished)
        })
    }
}

/// The parts of stretches that follow each other, each once, and whether no later stretch needs it.
fn parts_of(stretches: &[Stretch]) -> Vec<(Part, bool)> {
    let mut all: Vec<(Part, bool)> = Vec::new();
    for (part, is_last) in stretches.iter().flat_map(|it| &it.parts) {
        match all.iter_mut().rev().find(|it| it.0.place == part.place) {
            Some(known) => known.1 |= is_last,
            None => all.push((*part, *is_last)),
        }
    }
    all
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn bug(reason: &str) -> RollupError {
    RollupError::Write { what: "the table", source: std::io::Error::other(reason.to_owned()) }
}
