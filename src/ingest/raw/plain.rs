//! A request log of Parquet that is nothing but times, names and tokens, by the pages of its columns.

use std::ops::Range;

use polars_parquet::read::{ColumnChunkMetadata, PhysicalType};

use super::super::cell::plausible_us;
use super::super::pages::{ChunkReader, Counts, Instants, NO_COUNT, NONE, Number, Numbers};
use super::pages::Texts;

/// The headers of such a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ingest) struct PlainHeaders {
    /// When a request came.
    pub(in crate::ingest) time: usize,
    /// Whose it is.
    pub(in crate::ingest) name: Option<usize>,
    /// Prompt and completion tokens.
    pub(in crate::ingest) tokens: [usize; 2],
}

/// Requests of a piece, all of which have a time and tokens.
#[derive(Default)]
pub(in crate::ingest) struct PlainRows {
    pub(in crate::ingest) at_us: Vec<i64>,
    pub(in crate::ingest) prompt: Vec<u32>,
    pub(in crate::ingest) completion: Vec<u32>,
    /// Of each 0 where it names nobody, else one more than the place of its name; empty where there are
    /// no names.
    pub(in crate::ingest) codes: Vec<u32>,
    pub(in crate::ingest) names: Vec<String>,
}

/// The bytes of a column chunk.
pub(super) type Chunk<'a> = (Vec<u8>, &'a ColumnChunkMetadata);

impl PlainRows {
    /// Reads rows of a row group into where others were, given the times, the tokens and the names;
    /// nothing where one of them has no time that may be one, or no count.
    pub(super) fn read(
        &mut self,
        rows: &Range<usize>,
        (times, tokens, names): (Chunk<'_>, [Chunk<'_>; 2], Option<Chunk<'_>>),
    ) -> Option<()> {
        numbers(times, Instants { times: 1, parts: 1 }, rows, &mut self.at_us)?;
        let [prompt, completion] = tokens;
        counts(prompt, rows, &mut self.prompt)?;
        counts(completion, rows, &mut self.completion)?;
        self.read_names(rows, names)?;
        let is_count = |it: &u32| *it != NONE && *it != NO_COUNT;
        let is_sound = self.at_us.iter().all(|it| plausible_us(*it).is_some())
            && self.prompt.iter().all(is_count)
            && self.completion.iter().all(is_count);
        is_sound.then_some(())
    }

    /// Reads the names alone.
    pub(super) fn read_names(
        &mut self,
        rows: &Range<usize>,
        names: Option<Chunk<'_>>,
    ) -> Option<()> {
        self.codes.clear();
        self.names.clear();
        let Some((bytes, column)) = names else { return Some(()) };
        let texts = Texts::with_memory(std::mem::take(&mut self.codes));
        let mut reader = ChunkReader::new(bytes, column, texts)?;
        reader.skip(rows.start)?;
        reader.read(rows.len())?;
        (self.codes, self.names) = (reader.values.codes, reader.values.values);
        (self.codes.len() == rows.len()).then_some(())
    }
}

/// Reads a column of counts.
fn counts(chunk: Chunk<'_>, rows: &Range<usize>, into: &mut Vec<u32>) -> Option<()> {
    match chunk.1.physical_type() {
        PhysicalType::Int32 => numbers(chunk, Counts::<4>, rows, into),
        PhysicalType::Int64 => numbers(chunk, Counts::<8>, rows, into),
        _ => None,
    }
}

fn numbers<N: Number>(
    (bytes, column): Chunk<'_>,
    number: N,
    rows: &Range<usize>,
    into: &mut Vec<N::Value>,
) -> Option<()> {
    into.clear();
    let mut numbers = Numbers::new(number);
    std::mem::swap(&mut numbers.rows, into);
    let mut reader = ChunkReader::new(bytes, column, numbers)?;
    reader.skip(rows.start)?;
    reader.read(rows.len())?;
    std::mem::swap(&mut reader.values.rows, into);
    (into.len() == rows.len()).then_some(())
}
