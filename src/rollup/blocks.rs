//! Rows that are put aside until they can be taken in the order of time: in memory while they are
//! few, else in a file, in sorted runs of small blocks, so that a stretch of time needs few of them.

use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::RollupError;
use super::file::{Refused, Span};
use super::input::Take;
use super::rows::Rows;
use crate::ingest::RequestFate;

/// Rows of a run: what is in memory before it is written. Tests have few rows.
const RUN_ROWS: usize = if cfg!(test) { 1 << 8 } else { 1 << 22 };
/// Rows of a block.
const BLOCK_ROWS: usize = if cfg!(test) { 1 << 4 } else { 1 << 13 };
/// Bytes of a row in a file.
const ROW_BYTES: usize = 21;

/// Rows in blocks.
pub(super) struct Blocks {
    /// Workloads by number.
    names: Vec<String>,
    all: Vec<Block>,
    path: PathBuf,
}

struct Block {
    span: Span,
    place: Place,
    rows: usize,
}

enum Place {
    Memory(Rows),
    /// From this byte of the file on.
    File(u64),
}

/// Puts rows aside.
pub(super) struct Aside {
    rows: Rows,
    all: Vec<Block>,
    path: PathBuf,
    file: Option<BufWriter<File>>,
    written: u64,
}

impl Aside {
    /// In this file of a folder, where they are many.
    pub(super) fn new(folder: &Path, file: &str) -> Aside {
        let path = folder.join(file);
        Aside { rows: Rows::default(), all: Vec::new(), path, file: None, written: 0 }
    }

    /// The rows that are not written yet, to add to.
    pub(super) fn rows(&mut self) -> &mut Rows {
        &mut self.rows
    }

    /// Writes the rows where they are many.
    pub(super) fn flush(&mut self) -> Result<(), RollupError> {
        if self.rows.len() < RUN_ROWS {
            return Ok(());
        }
        self.write().map_err(|source| RollupError::Write { what: "the rows put aside", source })
    }

    fn write(&mut self) -> std::io::Result<()> {
        let rows = std::mem::take(&mut self.rows).in_order();
        let file = if let Some(file) = &mut self.file {
            file
        } else {
            let file = File::create_new(&self.path)?;
            self.file.insert(BufWriter::with_capacity(1 << 20, file))
        };
        for range in ranges(rows.len()) {
            let place = Place::File(self.written);
            self.all.push(Block { span: span(&rows, &range), place, rows: range.len() });
            let bytes = bytes_of(&rows, range);
            file.write_all(&bytes)?;
            self.written += bytes.len() as u64;
        }
        Ok(())
    }

    /// The rows in blocks.
    pub(super) fn finish(mut self, names: Vec<String>) -> Result<Blocks, RollupError> {
        let rows = std::mem::take(&mut self.rows).in_order();
        for range in ranges(rows.len()) {
            let (span, n) = (span(&rows, &range), range.len());
            self.all.push(Block { span, rows: n, place: Place::Memory(rows.part(range)) });
        }
        if let Some(file) = &mut self.file {
            file.flush()
                .map_err(|source| RollupError::Write { what: "the rows put aside", source })?;
        }
        Ok(Blocks { names, all: self.all, path: self.path })
    }
}

/// So many rows in blocks.
fn ranges(rows: usize) -> impl Iterator<Item = Range<usize>> {
    (0..rows).step_by(BLOCK_ROWS).map(move |start| start..rows.min(start + BLOCK_ROWS))
}

/// When rows that are in order came.
fn span(rows: &Rows, range: &Range<usize>) -> Span {
    Span { first_us: rows.at_us[range.start], last_us: rows.at_us[range.end - 1] }
}

fn bytes_of(rows: &Rows, range: Range<usize>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(range.len() * ROW_BYTES);
    for at in range {
        bytes.extend_from_slice(&rows.at_us[at].to_le_bytes());
        for number in [rows.workload[at], rows.prompt[at], rows.completion[at]] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.push(match rows.fate.get(at) {
            None | Some(RequestFate::Untold | RequestFate::LeftOut) => 0,
            Some(RequestFate::Served) => 1,
            Some(RequestFate::Failed) => 2,
        });
    }
    bytes
}

fn push_row(bytes: &[u8; ROW_BYTES], rows: &mut Rows) -> Option<()> {
    let (at_us, rest) = bytes.split_first_chunk::<8>()?;
    let (numbers, rest) = rest.split_first_chunk::<12>()?;
    let [workload, prompt, completion] = numbers.as_chunks::<4>().0 else { return None };
    rows.at_us.push(i64::from_le_bytes(*at_us));
    rows.workload.push(u32::from_le_bytes(*workload));
    rows.prompt.push(u32::from_le_bytes(*prompt));
    rows.completion.push(u32::from_le_bytes(*completion));
    rows.fate.push(match rest {
        [1] => RequestFate::Served,
        [2] => RequestFate::Failed,
        _ => RequestFate::Untold,
    });
    Some(())
}

impl Blocks {
    /// Workloads by number.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// Rows of each block.
    pub(super) fn parts(&self) -> impl Iterator<Item = usize> {
        self.all.iter().map(|it| it.rows)
    }

    /// When the rows of a block came.
    pub(super) fn span(&self, block: usize) -> Option<Span> {
        self.all.get(block).map(|it| it.span)
    }

    /// Reads a block.
    pub(super) fn read(
        &self,
        block: usize,
        names: &[String],
        take: Take<'_>,
    ) -> Result<(), RollupError> {
        let Some(block) = self.all.get(block) else { return Ok(()) };
        let mut rows = match &block.place {
            Place::Memory(rows) => rows.clone(),
            Place::File(start) => {
                self.stored(*start, block.rows).map_err(|error| RollupError::Unreadable {
                    file: "rows put aside".to_owned(),
                    reason: error.to_string(),
                })?
            }
        };
        let place = |it: &String| names.binary_search(it).ok();
        let places: Vec<Option<usize>> = self.names.iter().map(place).collect();
        for workload in &mut rows.workload {
            let place = places.get(*workload as usize).copied().flatten();
            // No request goes to a workload that is not its own.
            *workload = place.and_then(|it| u32::try_from(it).ok()).ok_or_else(|| {
                RollupError::Unreadable {
                    file: "rows put aside".to_owned(),
                    reason: "a workload has no name".to_owned(),
                }
            })?;
        }
        rows.look();
        take(&rows, Refused::default()).map(|_| ())
    }

    fn stored(&self, start: u64, n: usize) -> std::io::Result<Rows> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = vec![0; n * ROW_BYTES];
        file.read_exact(&mut bytes)?;
        let mut rows = Rows::default();
        for row in bytes.as_chunks::<ROW_BYTES>().0 {
            push_row(row, &mut rows).ok_or(std::io::ErrorKind::InvalidData)?;
        }
        Ok(rows)
    }
}
