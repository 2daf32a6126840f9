//! Rows of usage tables on the disk, where they are too many for memory: by workload on a few shelves,
//! so that all rows of a workload can be had together.
//!
//! The file has no name from the start, so that nothing stays behind whatever becomes of the run.

use std::fs::File;
use std::hash::BuildHasher;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use foldhash::fast::FixedState;

use super::IngestError;
use crate::units::{Currency, Period};
use crate::usage::{Scratch, UsageTable};

/// Shelves, of which each thread has one in memory.
const SHELVES: usize = 128;

/// Where rows too many for memory go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AsideFolder {
    /// The folder, which exists.
    pub folder: PathBuf,
    /// Rows that are kept in memory.
    pub most_rows: usize,
}

/// Rows that were put aside.
#[derive(Debug)]
pub(super) struct Aside {
    file: Mutex<File>,
    folder: String,
    at: u64,
    /// By shelf.
    blocks: Vec<Vec<Block>>,
    /// Rows so far.
    pub(super) rows: u64,
    /// From their first to their last instant.
    pub(super) span: Option<Period>,
    pub(super) currency: Currency,
}

/// Where rows of a shelf are.
#[derive(Clone, Copy, Debug)]
struct Block {
    at: u64,
    len: usize,
    /// The row that its places count from.
    first: u32,
}

/// The rows of a table as bytes, shelf by shelf.
pub(super) struct Blocks {
    bytes: Vec<u8>,
    /// Those that have rows, with the length of these.
    of_shelves: Vec<(usize, usize)>,
    rows: u64,
    span: Option<Period>,
}

impl Blocks {
    pub(super) fn of(table: &UsageTable) -> Blocks {
        let column = &table.workload;
        let shelf_of = |code: u32| {
            let hash = FixedState::default().hash_one(column.text_of(code));
            usize::try_from(hash % SHELVES as u64).unwrap_or(0)
        };
        let of_codes: Vec<usize> = (0..).take(column.n_codes()).map(shelf_of).collect();
        let mut rows: Vec<Vec<u32>> = vec![Vec::new(); SHELVES];
        for (at, row) in (0..table.len()).zip(0_u32..) {
            rows[of_codes[column.code(at) as usize]].push(row);
        }
        let (mut bytes, mut of_shelves, mut scratch) = (Vec::new(), Vec::new(), Scratch::default());
        for (shelf, rows) in rows.iter().enumerate().filter(|it| !it.1.is_empty()) {
            let start = bytes.len();
            table.put_rows(rows, &mut scratch, &mut bytes);
            for row in rows {
                bytes.extend_from_slice(&row.to_le_bytes());
            }
            of_shelves.push((shelf, bytes.len() - start));
        }
        let span = table.period.values().reduce(Period::cover);
        Blocks { bytes, of_shelves, rows: table.len() as u64, span }
    }
}

/// Rows of some workloads, and the place of each among all rows that were put aside.
pub(super) struct Shelf {
    pub(super) table: UsageTable,
    pub(super) places: Vec<u32>,
}

impl Aside {
    /// Nothing yet, in a file of this folder.
    pub(super) fn new(folder: &Path, currency: Currency) -> Result<Aside, IngestError> {
        let name = folder.display().to_string();
        let file = tempfile::tempfile_in(folder).map_err(|error| failed(&name, &error))?;
        Ok(Aside {
            file: Mutex::new(file),
            folder: name,
            at: 0,
            blocks: vec![Vec::new(); SHELVES],
            rows: 0,
            span: None,
            currency,
        })
    }

    /// Puts rows aside.
    pub(super) fn put(&mut self, blocks: &Blocks) -> Result<(), IngestError> {
        let first = u32::try_from(self.rows).map_err(|_| self.too_many())?;
        u32::try_from(self.rows + blocks.rows).map_err(|_| self.too_many())?;
        let file = self.file.get_mut().unwrap_or_else(PoisonError::into_inner);
        file.write_all(&blocks.bytes).map_err(|error| failed(&self.folder, &error))?;
        for (shelf, len) in &blocks.of_shelves {
            self.blocks[*shelf].push(Block { at: self.at, len: *len, first });
            self.at += *len as u64;
        }
        self.rows += blocks.rows;
        self.span = [self.span, blocks.span].into_iter().flatten().reduce(Period::cover);
        Ok(())
    }

    /// The rows of a shelf in their order; the places count from `first`.
    fn shelf(&self, at: usize, first: u32) -> Result<Shelf, IngestError> {
        let mut shelf = Shelf { table: UsageTable::new(self.currency), places: Vec::new() };
        let mut bytes = Vec::new();
        for block in self.blocks.get(at).into_iter().flatten() {
            bytes.resize(block.len, 0);
            self.read(block.at, &mut bytes).map_err(|error| failed(&self.folder, &error))?;
            let first = first.checked_add(block.first).ok_or_else(|| self.too_many())?;
            self.take(&bytes, first, &mut shelf).ok_or_else(|| self.damaged())?;
        }
        Ok(shelf)
    }

    fn read(&self, start: u64, bytes: &mut [u8]) -> io::Result<()> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(bytes)
    }

    fn take(&self, mut bytes: &[u8], first: u32, shelf: &mut Shelf) -> Option<()> {
        let table = UsageTable::take_rows(self.currency, &mut bytes)?;
        for place in bytes.chunks_exact(size_of::<u32>()) {
            shelf.places.push(first.checked_add(u32::from_le_bytes(place.try_into().ok()?))?);
        }
        shelf.table.append(table);
        (shelf.places.len() == shelf.table.len()).then_some(())
    }

    fn damaged(&self) -> IngestError {
        failed(&self.folder, &io::Error::other("what was put aside cannot be read back"))
    }

    fn too_many(&self) -> IngestError {
        failed(&self.folder, &io::Error::other("more than four billion rows"))
    }
}

/// All rows of a run that were put aside.
#[derive(Debug)]
pub(super) struct AsideRows {
    /// In the order of their rows.
    pub(super) parts: Vec<Aside>,
    pub(super) currency: Currency,
}

impl AsideRows {
    /// From the first to the last instant of all rows.
    pub(super) fn span(&self) -> Option<Period> {
        self.parts.iter().filter_map(|it| it.span).reduce(Period::cover)
    }

    /// How many shelves there are.
    pub(super) fn n_shelves(&self) -> usize {
        self.parts.iter().map(|it| it.blocks.len()).max().unwrap_or(0)
    }

    /// The rows of a shelf in their order.
    pub(super) fn shelf(&self, at: usize) -> Result<Shelf, IngestError> {
        let mut shelf = Shelf { table: UsageTable::new(self.currency), places: Vec::new() };
        let mut first = 0_u64;
        for part in &self.parts {
            let from = u32::try_from(first).map_err(|_| part.too_many())?;
            let more = part.shelf(at, from)?;
            shelf.table.append(more.table);
            shelf.places.extend(more.places);
            first += part.rows;
        }
        Ok(shelf)
    }

    /// All rows in memory, in their order.
    pub(super) fn whole(&self) -> Result<UsageTable, IngestError> {
        let mut all = Shelf { table: UsageTable::new(self.currency), places: Vec::new() };
        for at in 0..self.n_shelves() {
            let shelf = self.shelf(at)?;
            all.table.append(shelf.table);
            all.places.extend(shelf.places);
        }
        let mut order: Vec<u32> = (0_u32..).take(all.places.len()).collect();
        order.sort_unstable_by_key(|row| all.places[*row as usize]);
        let mut bytes = Vec::new();
        all.table.put_rows(&order, &mut Scratch::default(), &mut bytes);
        drop(all);
        let table = UsageTable::take_rows(self.currency, &mut bytes.as_slice());
        table.ok_or_else(|| {
            failed("memory", &io::Error::other("what was put aside cannot be read back"))
        })
    }
}

fn failed(folder: &str, error: &io::Error) -> IngestError {
    IngestError::Aside { folder: folder.to_owned(), reason: error.to_string() }
}
