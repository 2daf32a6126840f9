//! Requests in the order of time to cells.
//!
//! In that order one minute is open at a time, and what is known of each workload in it stands in a
//! small dense array: no row is hashed or sorted.

use super::RollupError;
use super::bucket::{BUCKETS, bucket};
use super::cells::{Cells, Histograms, NONE_32, NONE_64};
use super::rows::{NONE, Rows};
use crate::ingest::RequestFate;

/// Microseconds of a minute.
pub(super) const MINUTE_US: i64 = 60_000_000;
/// Microseconds of a second.
pub(super) const SECOND_US: i64 = 1_000_000;

/// Words of 64 bits that hold a bit for each bucket, rounded up for the sake of cheap bounds.
const WORDS: usize = BUCKETS.div_ceil(64).next_power_of_two();

/// What is known of a workload in the minute that is open. Times are microseconds of that minute.
#[derive(Clone, Copy, Debug, Default)]
struct Open {
    prompt: i64,
    completion: i64,
    prompt_sq: i64,
    completion_sq: i64,
    gap_sq: i64,
    second_sq: i64,
    requests: u32,
    with_tokens: u32,
    errors: u32,
    first_us: u32,
    last_us: u32,
    /// Requests in the second of the last one, and in the first second.
    in_second: u32,
    first_second: u32,
    /// The second of the last one.
    second: u8,
    seconds: u8,
    /// Whether a log tells what became of a request.
    told: bool,
}

/// The buckets of the requests of each workload in the minute that is open. They are listed, and
/// counted when the minute is over: a count for each bucket of each workload would not fit the cache.
struct Buckets {
    /// Of each request that of its prompt and, 16 bits further up, that of its completion.
    lists: Vec<Vec<u32>>,
    /// Of one list the requests of each bucket; all 0 in between.
    counts: Box<[u32; WORDS * 64]>,
}

impl Buckets {
    fn new(n_workloads: usize) -> Buckets {
        Buckets { lists: vec![Vec::new(); n_workloads], counts: Box::new([0; WORDS * 64]) }
    }

    #[inline]
    fn add(&mut self, workload: usize, prompt: u32, completion: u32) {
        self.lists[workload].push(bucket(prompt) | (bucket(completion) << 16));
    }

    fn close(&mut self, workload: usize, prompts: &mut Histograms, completions: &mut Histograms) {
        let list = &mut self.lists[workload];
        count(list.iter().copied(), &mut self.counts, prompts);
        count(list.iter().map(|it| it >> 16), &mut self.counts, completions);
        list.clear();
    }
}

/// Counts the buckets of a list into a histogram.
#[inline]
fn count(list: impl Iterator<Item = u32>, counts: &mut [u32; WORDS * 64], into: &mut Histograms) {
    let (mut used, mut words) = ([0u64; WORDS], 0u32);
    for bucket in list {
        let bucket = bucket as usize % (WORDS * 64);
        counts[bucket] += 1;
        used[bucket / 64] |= 1 << (bucket % 64);
        words |= 1 << (bucket / 64);
    }
    while words != 0 {
        let word = words.trailing_zeros();
        words &= words - 1;
        let mut rest = used[word as usize % WORDS];
        while rest != 0 {
            let bucket = word * 64 + rest.trailing_zeros();
            rest &= rest - 1;
            into.buckets.push(bucket);
            into.counts.push(std::mem::take(&mut counts[bucket as usize % (WORDS * 64)]));
        }
    }
    into.ends.push(into.buckets.len());
}

/// Makes cells of requests. Without `FULL` only counts and sums.
pub(super) struct Kernel<const FULL: bool> {
    minute_us: i64,
    last_us: i64,
    open: Vec<Open>,
    /// A bit for each workload with a row in the open minute, unless all are to be looked at.
    touched: Vec<u64>,
    /// Whether the open minute had more rows at once than there are workloads: then a look at each of them
    /// in the end costs less than a question for every row.
    is_dense: bool,
    buckets: Buckets,
    /// Those of minutes that are over.
    pub(super) cells: Cells,
}

impl<const FULL: bool> Kernel<FULL> {
    /// For so many workloads.
    pub(super) fn new(n_workloads: usize) -> Self {
        let n_buckets = if FULL { n_workloads } else { 0 };
        Kernel {
            minute_us: i64::MIN,
            last_us: i64::MIN,
            open: vec![Open::default(); n_workloads],
            touched: vec![0; n_workloads.div_ceil(64)],
            is_dense: false,
            buckets: Buckets::new(n_buckets),
            cells: Cells::default(),
        }
    }

    /// Forgets all that was added, and keeps the memory.
    pub(super) fn begin(&mut self) {
        self.close();
        self.cells.clear();
        (self.minute_us, self.last_us) = (i64::MIN, i64::MIN);
    }

    /// Whether rows are in the order of time, and after all that were added.
    pub(super) fn is_next(&self, rows: &Rows) -> bool {
        rows.is_in_order() && rows.at_us.first().is_none_or(|it| *it >= self.last_us)
    }

    /// Adds those of some requests, which are in the order of time, that arrived from one time to
    /// another.
    pub(super) fn add(&mut self, rows: &Rows, from_us: i64, to_us: i64) -> Result<(), RollupError> {
        let at_us = rows.at_us.as_slice();
        let mut start = at_us.partition_point(|it| *it < from_us);
        let end = at_us.partition_point(|it| *it < to_us);
        while let Some(first_us) = at_us.get(start..end).and_then(<[i64]>::first) {
            let minute_us = first_us.div_euclid(MINUTE_US) * MINUTE_US;
            if minute_us != self.minute_us {
                self.close();
                self.minute_us = minute_us;
            }
            let in_minute = at_us[start..end].partition_point(|it| *it < minute_us + MINUTE_US);
            self.add_minute(rows, start..start + in_minute)?;
            start += in_minute;
        }
        Ok(())
    }

    /// Adds requests of the open minute.
    fn add_minute(
        &mut self,
        rows: &Rows,
        range: std::ops::Range<usize>,
    ) -> Result<(), RollupError> {
        self.last_us = rows.at_us[range.end - 1];
        let is_dense = range.len() >= self.open.len();
        self.is_dense |= is_dense;
        let workloads = &rows.workload[range.clone()];
        for (workload, fate) in workloads.iter().zip(rows.fate.get(range.clone()).unwrap_or(&[])) {
            let open = &mut self.open[*workload as usize];
            open.errors += u32::from(*fate == RequestFate::Failed);
            open.told |= *fate != RequestFate::Untold;
        }
        let all = workloads
            .iter()
            .zip(&rows.prompt[range.clone()])
            .zip(&rows.completion[range.clone()])
            .zip(&rows.at_us[range]);
        let mut overflow = false;
        // The second that is open, and where it ends.
        let (mut second, mut second_end_us) = (0, self.minute_us + SECOND_US);
        for (((workload, prompt), completion), at_us) in all {
            let workload = *workload as usize;
            let open = &mut self.open[workload];
            if !is_dense && open.requests == 0 {
                self.touched[workload / 64] |= 1 << (workload % 64);
            }
            if FULL {
                while *at_us >= second_end_us {
                    second += 1;
                    second_end_us += SECOND_US;
                }
                open.arrive(in_minute(at_us - self.minute_us), second);
            }
            open.requests += 1;
            if *prompt == NONE || *completion == NONE {
                continue;
            }
            let (p, c) = (i64::from(*prompt), i64::from(*completion));
            open.with_tokens += 1;
            open.prompt += p;
            open.completion += c;
            if FULL {
                let over;
                (open.prompt_sq, over) = open.prompt_sq.overflowing_add(p * p);
                overflow |= over;
                let over;
                (open.completion_sq, over) = open.completion_sq.overflowing_add(c * c);
                overflow |= over;
                self.buckets.add(workload, *prompt, *completion);
            }
        }
        if overflow { Err(RollupError::TooLarge) } else { Ok(()) }
    }

    /// Ends the open minute.
    pub(super) fn close(&mut self) {
        if std::mem::take(&mut self.is_dense) {
            self.touched.fill(0);
            for workload in (0u32..).zip(0..self.open.len()).map(|it| it.0) {
                if self.open[workload as usize].requests > 0 {
                    self.close_one(workload);
                }
            }
            return;
        }
        for (start, word) in (0u32..).step_by(64).zip(0..self.touched.len()) {
            let mut rest = std::mem::take(&mut self.touched[word]);
            while rest != 0 {
                let workload = start + rest.trailing_zeros();
                rest &= rest - 1;
                self.close_one(workload);
            }
        }
    }

    fn close_one(&mut self, workload: u32) {
        let cells = &mut self.cells;
        let open = std::mem::take(&mut self.open[workload as usize]);
        let counted = |sum: i64| if open.with_tokens > 0 { sum } else { NONE_64 };
        cells.minute_us.push(self.minute_us);
        cells.workload.push(workload);
        cells.requests.push(open.requests);
        cells.errors.push(if open.told { open.errors } else { NONE_32 });
        cells.with_tokens.push(open.with_tokens);
        cells.prompt.push(counted(open.prompt));
        cells.completion.push(counted(open.completion));
        if FULL {
            cells.prompt_sq.push(counted(open.prompt_sq));
            cells.completion_sq.push(counted(open.completion_sq));
            let (first_us, last_us) = (i64::from(open.first_us), i64::from(open.last_us));
            cells.first_us.push(self.minute_us + first_us);
            cells.last_us.push(self.minute_us + last_us);
            cells.gap_sum.push(last_us - first_us);
            cells.gap_sq.push(open.gap_sq);
            cells.seconds.push(open.seconds.into());
            cells.second_sq.push(open.second_sq);
            cells.first_second.push(open.first_second);
            cells.last_second.push(open.in_second);
            let Cells { prompts, completions, .. } = cells;
            self.buckets.close(workload as usize, prompts, completions);
        }
    }
}

/// Microseconds since the start of the minute, of which there are 60 million.
#[inline]
fn in_minute(us: i64) -> u32 {
    u32::try_from(us).unwrap_or(0)
}

impl Open {
    /// Notes when a request came. A gap is below a minute, so its square fits by far, and so does
    /// the sum of squares: it is at most the square of the sum.
    #[inline]
    fn arrive(&mut self, us: u32, second: u8) {
        if self.requests == 0 {
            self.first_us = us;
            self.last_us = us;
            self.second = u8::MAX;
        }
        let gap = i64::from(us) - i64::from(self.last_us);
        self.gap_sq += gap * gap;
        self.last_us = us;
        // Whether it is the same second cannot be foreseen, so this has no branch.
        let same = second == self.second;
        self.second = second;
        self.seconds += u8::from(!same);
        let before = self.in_second * u32::from(same);
        self.in_second = before + 1;
        self.second_sq += 2 * i64::from(before) + 1;
        self.first_second += u32::from(self.seconds == 1);
    }
}
