//! A plain log, which has nothing but times, names and tokens: how many requests each workload has is
//! counted first, so that the rows then go straight to their place. Nothing grows and nothing is
//! copied on the way.

use std::borrow::Cow;
use std::collections::BTreeMap;

use rayon::prelude::*;

use super::super::IngestError;
use super::super::cell::Cell;
use super::super::raw::{ParquetInput, Piece, PlainHeaders, PlainRows};
use super::LogSource;
use super::builder::{Names, RequestBuilder};
use super::columns::Labels;
use super::overlap;
use crate::units::RequestTokens;

/// Where the requests of one workload in one part of the file go.
#[derive(Default)]
struct Room<'a> {
    at_us: &'a mut [i64],
    tokens: &'a mut [RequestTokens],
    filled: usize,
}

/// The requests of one workload.
struct Log {
    at_us: Vec<i64>,
    tokens: Vec<RequestTokens>,
    /// Of each part of the file how many there are, and how many came in the end.
    parts: Vec<(usize, usize)>,
}

/// Adds the rows of a plain log. A piece with anything else in it is read as any log is.
pub(super) fn add(
    logs: &mut RequestBuilder,
    (input, source): (&ParquetInput, LogSource<'_>),
    (headers, wants): (&PlainHeaders, &(dyn Fn(&str) -> bool + Sync)),
) -> Result<(), IngestError> {
    // More parts than workers, one of which has the hash of the file to make besides.
    let parts = parts(&input.pieces, 4 * rayon::current_num_threads());
    let counted: Vec<BTreeMap<String, usize>> =
        parts.par_iter().map(|pieces| count(input, pieces, (headers, source))).collect();
    let mut all: BTreeMap<&str, Log> = BTreeMap::new();
    for (part, counts) in counted.iter().enumerate() {
        for (name, n) in counts {
            let log = all.entry(name).or_insert_with(|| Log {
                at_us: Vec::new(),
                tokens: Vec::new(),
                parts: vec![(0, 0); parts.len()],
            });
            log.parts[part].0 = *n;
        }
    }
    let mut rooms: Vec<BTreeMap<String, Room<'_>>> =
        parts.iter().map(|_| BTreeMap::new()).collect();
    all.par_iter_mut().for_each(|(_, log)| {
        let n = log.parts.iter().map(|it| it.0).sum();
        (log.at_us, log.tokens) = (vec![0; n], vec![RequestTokens::default(); n]);
    });
    for (name, log) in &mut all {
        let (mut at_us, mut tokens) = (log.at_us.as_mut_slice(), log.tokens.as_mut_slice());
        for (rooms, (n, _)) in rooms.iter_mut().zip(&log.parts).filter(|it| it.1.0 > 0) {
            let (own, rest) = at_us.split_at_mut(*n);
            let (own_tokens, rest_tokens) = tokens.split_at_mut(*n);
            (at_us, tokens) = (rest, rest_tokens);
            rooms.insert((*name).to_owned(), Room { at_us: own, tokens: own_tokens, filled: 0 });
        }
    }
    let read = parts.into_par_iter().zip(rooms).map(|(pieces, mut rooms)| {
        let (mut part, mut rows) = (logs.part(), PlainRows::default());
        for piece in pieces {
            if input.plain(piece, (headers, false), &mut rows).is_none() {
                part.add(&input.piece(piece, wants)?, source)?;
            } else if fill(&rows, &mut rooms, (&mut part, source)).is_none() {
                return Err(IngestError::Unreadable {
                    file: source.file.to_owned(),
                    reason: "it changed while it was read".to_owned(),
                    hint: "read it when nobody writes to it".to_owned(),
                });
            }
        }
        let filled = rooms.into_iter().map(|(name, it)| (name, it.filled)).collect();
        Ok((part, filled))
    });
    // The first fault in the order of the file is told, whoever found one first.
    let read =
        read.collect::<Vec<Result<(RequestBuilder, BTreeMap<String, usize>), IngestError>>>();
    for (part, read) in read.into_iter().enumerate() {
        let (builder, filled) = read?;
        for (name, n) in filled {
            if let Some(log) = all.get_mut(name.as_str()) {
                log.parts[part].1 = n;
            }
        }
        logs.absorb(builder)?;
    }
    for (name, log) in all {
        let (at_us, tokens) = log.closed();
        if !at_us.is_empty() {
            logs.add_plain(name, at_us, tokens);
        }
    }
    Ok(())
}

impl Log {
    /// The requests without the places that stayed empty.
    fn closed(self) -> (Vec<i64>, Vec<RequestTokens>) {
        let Log { mut at_us, mut tokens, parts } = self;
        let (mut from, mut to) = (0, 0);
        for (n, filled) in parts {
            if from != to {
                at_us.copy_within(from..from + filled, to);
                tokens.copy_within(from..from + filled, to);
            }
            (from, to) = (from + n, to + filled);
        }
        at_us.truncate(to);
        tokens.truncate(to);
        (at_us, tokens)
    }
}

/// The workload of each code of a piece.
fn workloads(rows: &PlainRows, names: &mut Names<'_>) -> Vec<(String, u64)> {
    let texts = rows.names.iter().map(|it| Cell::Text(it));
    let all = std::iter::once(Cell::Null).chain(texts).map(|it| {
        let text = if let Cell::Text(it) = it.trimmed() { Some(it) } else { None };
        let labels = Labels { workload: text.map(Cow::Borrowed), ..Labels::default() };
        (names.workload(&labels).to_owned(), overlap::whose(&labels))
    });
    all.collect()
}

/// The requests of each workload in some pieces; those of pieces that are not plain are not among them.
fn count(
    input: &ParquetInput,
    pieces: &[Piece],
    (headers, source): (&PlainHeaders, LogSource<'_>),
) -> BTreeMap<String, usize> {
    let (mut names, mut rows) = (Names::new(source), PlainRows::default());
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for piece in pieces {
        if input.plain(piece, (headers, true), &mut rows).is_none() {
            continue;
        }
        let mut of_codes = vec![0_usize; rows.names.len() + 1];
        if headers.name.is_none() {
            of_codes[0] = piece.n_rows();
        }
        for code in &rows.codes {
            of_codes[*code as usize] += 1;
        }
        let workloads = workloads(&rows, &mut names);
        for ((name, _), n) in workloads.into_iter().zip(of_codes).filter(|it| it.1 > 0) {
            *counts.entry(name).or_default() += n;
        }
    }
    counts
}

/// Puts the rows of a piece where they belong; nothing where there is no room for one of them.
fn fill(
    rows: &PlainRows,
    rooms: &mut BTreeMap<String, Room<'_>>,
    (part, source): (&mut RequestBuilder, LogSource<'_>),
) -> Option<()> {
    let workloads = workloads(rows, &mut Names::new(source));
    // Codes that differ by blanks may belong to one workload.
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    let mut of_codes: Vec<(usize, u64)> = Vec::with_capacity(workloads.len());
    for (name, whose) in &workloads {
        let next = places.len();
        of_codes.push((*places.entry(name).or_insert(next), *whose));
    }
    let mut taken: Vec<Room<'_>> = Vec::new();
    taken.resize_with(places.len(), Room::default);
    for (name, place) in &places {
        if let Some(room) = rooms.get_mut(*name) {
            taken[*place] = std::mem::take(room);
        }
    }
    let tokens = rows.prompt.iter().zip(&rows.completion);
    for (at, (at_us, (prompt, completion))) in rows.at_us.iter().zip(tokens).enumerate() {
        let code = rows.codes.get(at).map_or(0, |it| *it as usize);
        let (place, whose) = *of_codes.get(code)?;
        let tokens = RequestTokens { prompt: *prompt, completion: *completion };
        let room = &mut taken[place];
        *room.at_us.get_mut(room.filled)? = *at_us;
        *room.tokens.get_mut(room.filled)? = tokens;
        room.filled += 1;
        part.note_plain(*at_us, tokens, whose);
    }
    for (name, place) in &places {
        if let Some(room) = rooms.get_mut(*name) {
            *room = std::mem::take(&mut taken[*place]);
        }
    }
    Some(())
}

/// Pieces in so many parts of about as many rows each, in their order.
fn parts(pieces: &[Piece], n: usize) -> Vec<&[Piece]> {
    let ends: Vec<usize> = pieces
        .iter()
        .scan(0, |rows, it| {
            *rows += it.n_rows();
            Some(*rows)
        })
        .collect();
    let n_rows = ends.last().copied().unwrap_or(0);
    let edge = |at: usize| ends.partition_point(|end| end * n <= n_rows * at);
    (0..n).map(|at| &pieces[edge(at)..edge(at + 1)]).collect()
}
