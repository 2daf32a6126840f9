//! Tables that were rolled up apart, as one.
//!
//! Cells of one minute and workload whose requests came one after the other are added exactly, gaps
//! and seconds at the seam included. Where the requests of two cells came in turns, counts, sums and
//! histograms are still exact, but gaps and seconds are not known: they are null from then on.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::io::Write;

use super::cells::{Cells, NONE_32, NONE_64};
use super::encode::encode;
use super::kernel::SECOND_US;
use super::part::Part;
use super::roll::{GROUP_CELLS, Watch, bug};
use super::write::{Table, compression, schema};
use super::{RollupError, Summary};

/// What is known of a workload in a minute.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cell {
    minute_us: i64,
    workload: u32,
    requests: u32,
    errors: Option<u32>,
    with_tokens: u32,
    /// Sums of prompt and completion tokens and of their squares.
    tokens: Option<[i64; 4]>,
    first_us: i64,
    last_us: i64,
    arrivals: Option<Arrivals>,
    prompts: BTreeMap<u32, u32>,
    completions: BTreeMap<u32, u32>,
}

/// What only the order of requests tells.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Arrivals {
    gap_sq: i64,
    seconds: u32,
    second_sq: i64,
    first_second: u32,
    last_second: u32,
}

impl Arrivals {
    /// Those of requests that all came before `later`, the gap between the two being known.
    fn and(self, later: Arrivals, gap_us: i64, same_second: bool) -> Option<Arrivals> {
        let gap_sq = self.gap_sq.checked_add(later.gap_sq)?.checked_add(gap_us * gap_us)?;
        let seconds = self.seconds.checked_add(later.seconds)?;
        let second_sq = self.second_sq.checked_add(later.second_sq)?;
        let Arrivals { first_second, .. } = self;
        if !same_second {
            let last_second = later.last_second;
            return Some(Arrivals { gap_sq, seconds, second_sq, first_second, last_second });
        }
        // (a + b)^2 = a^2 + b^2 + 2ab for the second that both have requests in.
        let (a, b) = (self.last_second, later.first_second);
        let both = a.checked_add(b)?;
        Some(Arrivals {
            gap_sq,
            seconds: seconds - 1,
            second_sq: second_sq.checked_add(2 * i64::from(a) * i64::from(b))?,
            first_second: if self.seconds == 1 { both } else { first_second },
            last_second: if later.seconds == 1 { both } else { later.last_second },
        })
    }
}

impl Cell {
    pub(super) fn of(cells: &Cells, at: usize) -> Cell {
        let narrow = |of: u32| (of != NONE_32).then_some(of);
        let wide = |of: i64| (of != NONE_64).then_some(of);
        let histogram = |(buckets, counts): (&[u32], &[u32])| {
            buckets.iter().copied().zip(counts.iter().copied()).collect()
        };
        let sums = [&cells.prompt, &cells.completion, &cells.prompt_sq, &cells.completion_sq];
        let tokens = sums.iter().all(|it| it[at] != NONE_64).then(|| sums.map(|it| it[at]));
        let arrivals = || {
            Some(Arrivals {
                gap_sq: wide(cells.gap_sq[at])?,
                seconds: narrow(cells.seconds[at])?,
                second_sq: wide(cells.second_sq[at])?,
                first_second: narrow(cells.first_second[at])?,
                last_second: narrow(cells.last_second[at])?,
            })
        };
        Cell {
            minute_us: cells.minute_us[at],
            workload: cells.workload[at],
            requests: cells.requests[at],
            errors: narrow(cells.errors[at]),
            with_tokens: cells.with_tokens[at],
            tokens,
            first_us: cells.first_us[at],
            last_us: cells.last_us[at],
            arrivals: arrivals(),
            prompts: histogram(cells.prompts.of(at)),
            completions: histogram(cells.completions.of(at)),
        }
    }

    /// The cell of all requests of two, the second of which does not begin before the first. Nothing
    /// where a sum is too large.
    fn and(self, later: Cell) -> Option<Cell> {
        let tokens = match (self.tokens, later.tokens) {
            (Some(mut sums), Some(others)) => {
                for (sum, other) in sums.iter_mut().zip(others) {
                    *sum = sum.checked_add(other)?;
                }
                Some(sums)
            }
            (a, b) => a.or(b),
        };
        let errors = match (self.errors, later.errors) {
            (Some(a), Some(b)) => Some(a.checked_add(b)?),
            (a, b) => a.or(b),
        };
        let arrivals = match (self.arrivals, later.arrivals) {
            (Some(a), Some(b)) if self.last_us <= later.first_us => {
                let second = |us: i64| us.div_euclid(SECOND_US);
                let same_second = second(self.last_us) == second(later.first_us);
                Some(a.and(b, later.first_us - self.last_us, same_second)?)
            }
            _ => None,
        };
        let add = |mut all: BTreeMap<u32, u32>, others: BTreeMap<u32, u32>| {
            for (bucket, n) in others {
                let sum = all.entry(bucket).or_default();
                *sum = sum.checked_add(n)?;
            }
            Some(all)
        };
        Some(Cell {
            minute_us: self.minute_us,
            workload: self.workload,
            requests: self.requests.checked_add(later.requests)?,
            errors,
            with_tokens: self.with_tokens.checked_add(later.with_tokens)?,
            tokens,
            first_us: self.first_us.min(later.first_us),
            last_us: self.last_us.max(later.last_us),
            arrivals,
            prompts: add(self.prompts, later.prompts)?,
            completions: add(self.completions, later.completions)?,
        })
    }

    fn push(self, cells: &mut Cells) {
        let [prompt, completion, prompt_sq, completion_sq] = self.tokens.unwrap_or([NONE_64; 4]);
        cells.minute_us.push(self.minute_us);
        cells.workload.push(self.workload);
        cells.requests.push(self.requests);
        cells.errors.push(self.errors.unwrap_or(NONE_32));
        cells.with_tokens.push(self.with_tokens);
        cells.prompt.push(prompt);
        cells.completion.push(completion);
        cells.prompt_sq.push(prompt_sq);
        cells.completion_sq.push(completion_sq);
        cells.first_us.push(self.first_us);
        cells.last_us.push(self.last_us);
        // Whatever the order, the gaps add up to the time from the first to the last.
        cells.gap_sum.push(self.last_us - self.first_us);
        let known = self.arrivals;
        cells.gap_sq.push(known.map_or(NONE_64, |it| it.gap_sq));
        cells.seconds.push(known.map_or(NONE_32, |it| it.seconds));
        cells.second_sq.push(known.map_or(NONE_64, |it| it.second_sq));
        cells.first_second.push(known.map_or(NONE_32, |it| it.first_second));
        cells.last_second.push(known.map_or(NONE_32, |it| it.last_second));
        for (of, into) in
            [(self.prompts, &mut cells.prompts), (self.completions, &mut cells.completions)]
        {
            into.buckets.extend(of.keys());
            into.counts.extend(of.values());
            into.ends.push(into.buckets.len());
        }
    }
}

/// Adds the cells of one minute and workload; whether their requests came in turns.
pub(super) fn merged(mut same: Vec<Cell>) -> Result<Option<(Cell, bool)>, RollupError> {
    // In the order of time, so that a part between two others finds its place.
    same.sort_by_key(|it| (it.first_us, it.last_us));
    let known = same.iter().all(|it| it.arrivals.is_some());
    let mut all = same.into_iter();
    let Some(first) = all.next() else { return Ok(None) };
    let sum = all.try_fold(first, Cell::and).ok_or(RollupError::TooLarge)?;
    let in_turns = known && sum.arrivals.is_none();
    Ok(Some((sum, in_turns)))
}

/// The cells of a table, one after the other.
struct Cursor<'a> {
    part: &'a Part,
    names: &'a [String],
    group: usize,
    cells: Cells,
    at: usize,
}

impl Cursor<'_> {
    /// The minute and the workload of the next cell.
    fn key(&mut self) -> Result<Option<(i64, u32)>, RollupError> {
        while self.at == self.cells.len() {
            if self.group == self.part.n_groups() {
                return Ok(None);
            }
            self.cells = self.part.cells(self.group, self.names)?;
            self.group += 1;
            self.at = 0;
        }
        Ok(Some((self.cells.minute_us[self.at], self.cells.workload[self.at])))
    }

    fn next(&mut self) -> Cell {
        let cell = Cell::of(&self.cells, self.at);
        self.at += 1;
        cell
    }
}

/// Merges tables into one.
pub fn merge<W: Write>(
    parts: &[Part],
    into: W,
    watch: Watch<'_>,
) -> Result<(Summary, W), RollupError> {
    let mut names = BTreeSet::new();
    for part in parts {
        names.extend(part.workloads()?);
    }
    let names: Vec<String> = names.into_iter().collect();
    let schema = schema(true).map_err(|it| bug(&it.to_string()))?;
    let mut table = Table::new(into, schema.clone());
    let mut write = |cells: &mut Cells, least: usize| {
        if cells.len() >= least {
            let group = encode(cells, &names, &schema, compression(), true);
            table.write(group.map_err(|it| bug(&it.to_string()))?)?;
            cells.clear();
        }
        Ok::<(), RollupError>(())
    };
    let mut cursors: Vec<Cursor<'_>> = parts
        .iter()
        .map(|part| Cursor { part, names: &names, group: 0, cells: Cells::default(), at: 0 })
        .collect();
    let mut heap = BinaryHeap::new();
    for (at, cursor) in cursors.iter_mut().enumerate() {
        heap.extend(cursor.key()?.map(|key| Reverse((key, at))));
    }
    let mut summary = Summary::default();
    let (mut cells, mut same) = (Cells::default(), Vec::new());
    while let Some(Reverse((key, at))) = heap.pop() {
        let cursor = &mut cursors[at];
        same.push(cursor.next());
        if let Some(next) = cursor.key()? {
            if next < key {
                let (file, reason) = (cursor.part.name().to_owned(), UNORDERED.to_owned());
                return Err(RollupError::Unreadable { file, reason });
            }
            heap.push(Reverse((next, at)));
        }
        if heap.peek().is_some_and(|it| it.0.0 == key) {
            continue;
        }
        if let Some((cell, in_turns)) = merged(std::mem::take(&mut same))? {
            summary.rows += u64::from(cell.requests);
            summary.cells += 1;
            summary.in_turns += u64::from(in_turns);
            cell.push(&mut cells);
        }
        if summary.cells.is_multiple_of(1 << 16) && !watch(1 << 16) {
            return Err(RollupError::Interrupted);
        }
        write(&mut cells, GROUP_CELLS)?;
    }
    write(&mut cells, 1)?;
    if summary.cells == 0 {
        return Err(RollupError::Empty);
    }
    Ok((summary, table.end()?))
}

const UNORDERED: &str =
    "the rows of the table are not in the order of minute and workload: write it with ORDER BY";
