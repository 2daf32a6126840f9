//! Request logs of any size to a small table: one row per minute and workload.
//!
//! Comes in: request logs. Goes out: a Parquet file whose rows can be merged, with whole numbers only:
//! counts, sums and sums of squares of tokens, histograms of tokens in buckets of known width, arrivals
//! and gaps. The same input gives the same bytes on any number of threads. A fault of a file ends the
//! run; a fault of a row is counted.

mod blocks;
mod bucket;
mod cells;
mod columns;
mod differences;
mod encode;
mod error;
mod file;
mod group;
mod input;
mod kernel;
mod merge;
mod part;
mod plan;
mod roll;
mod rows;
mod sql;
mod stored;
#[cfg(test)]
mod tests;
mod write;

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use blocks::Aside;
pub use error::RollupError;
pub use file::LogFile;
use file::Refused;
use input::Input;
pub use merge::merge;
pub use part::Part;
pub use roll::Watch;
pub use sql::{Dialect, query};
use stored::LocalFile;
pub use stored::Stored;

use crate::ingest::{PlainLog, RequestFate, RequestRow};

/// How much the table holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Counts and sums of tokens.
    Simple,
    /// Everything.
    Full,
}

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Rows that were read.
    pub rows: u64,
    /// Those that no GPU saw: refused for a limit, or answered from a cache.
    pub left_out: u64,
    /// Those that are no requests.
    pub rejected: u64,
    /// The first of them: file, row, reason.
    pub first_rejected: Option<String>,
    /// Rows of the table.
    pub cells: u64,
    /// Those of merged tables whose requests came in turns: their gaps and seconds are not known.
    pub in_turns: u64,
}

/// Requests that are about to be rolled up.
pub struct Rollup<'a> {
    inputs: Vec<Input>,
    names: Vec<String>,
    aside: Aside,
    left_out: u64,
    folder: &'a Path,
}

impl<'a> Rollup<'a> {
    /// Nothing yet; rows that have to be put aside go to files in `folder`.
    pub fn new(folder: &'a Path) -> Rollup<'a> {
        let (inputs, names) = (Vec::new(), Vec::new());
        Rollup { inputs, names, aside: Aside::new(folder, "rows"), left_out: 0, folder }
    }

    /// Adds a log; false where it has to be read row by row.
    pub fn add_log(&mut self, log: &PlainLog) -> Result<bool, RollupError> {
        let bytes = LocalFile::open(&log.path, &log.name)?;
        let Some(file) = LogFile::open(Arc::new(bytes), &log.name, &log.columns)? else {
            return Ok(false);
        };
        self.add(file);
        Ok(true)
    }

    /// Adds a log that was opened.
    pub fn add(&mut self, log: LogFile) {
        self.names.push(log.name.clone());
        self.inputs.push(Input::Log(Box::new(log)));
    }

    /// Adds requests, whose workloads are numbers until [`Rollup::name`] says what they are called.
    pub fn add_rows(&mut self, requests: &[RequestRow]) -> Result<(), RollupError> {
        let rows = self.aside.rows();
        for it in requests {
            if it.fate == RequestFate::LeftOut {
                self.left_out += 1;
                continue;
            }
            let count = |n: u64| u32::try_from(n).ok().filter(|it| *it < columns::NO_COUNT);
            let tokens = it.tokens.map(|it| (count(it.prompt), count(it.completion)));
            let (prompt, completion) = match tokens {
                None => (rows::NONE, rows::NONE),
                Some((Some(prompt), Some(completion))) => (prompt, completion),
                Some(_) => return Err(RollupError::TooLarge),
            };
            rows.at_us.push(it.at_us);
            rows.workload.push(it.workload);
            rows.prompt.push(prompt);
            rows.completion.push(completion);
            rows.fate.push(it.fate);
        }
        self.aside.flush()
    }

    /// Says what the workloads of added requests are called, in the order of their numbers.
    pub fn name(&mut self, names: Vec<String>) -> Result<(), RollupError> {
        let aside = std::mem::replace(&mut self.aside, Aside::new(self.folder, "none"));
        let blocks = aside.finish(names)?;
        self.names.push("the rows put aside".to_owned());
        self.inputs.push(Input::Blocks(blocks));
        Ok(())
    }

    /// Decodes all columns and does nothing with them: the least time that any rollup can take.
    pub fn floor(&self) -> Result<u64, RollupError> {
        roll::decode(&self.inputs)
    }

    /// Writes the table.
    pub fn write<W: Write + Send>(
        self,
        into: W,
        detail: Detail,
        watch: Watch<'_>,
    ) -> Result<(Summary, W), RollupError> {
        let into = (into, self.folder);
        let (done, into) = match detail {
            Detail::Simple => roll::roll_up::<W, false>(self.inputs, into, watch)?,
            Detail::Full => roll::roll_up::<W, true>(self.inputs, into, watch)?,
        };
        if done.cells == 0 && done.refused.n == 0 {
            return Err(RollupError::Empty);
        }
        let Refused { n, first, left_out } = done.refused;
        let first = first.map(|(file, row, reason)| {
            let file = self.names.get(file).map_or("", String::as_str);
            format!("{file}: row {row}: {reason}")
        });
        let left_out = left_out + self.left_out;
        let rows = done.rows + left_out;
        let summary = Summary {
            rows,
            left_out,
            rejected: n,
            first_rejected: first,
            cells: done.cells,
            in_turns: 0,
        };
        Ok((summary, into))
    }
}

/// A name of a workload that says something.
fn name(text: &str) -> Option<&str> {
    let text = text.trim();
    let none =
        text.is_empty() || text.eq_ignore_ascii_case("null") || text.eq_ignore_ascii_case("n/a");
    (!none).then_some(text)
}
