//! Whether two logs hold the same requests, told by a sample of the rows of each.
//!
//! Without ids a copy in another container, or an export that overlaps another, is told by its rows.
//! What two samples have in common is the share the files have in common as a whole. Part files of one
//! service may have equal rows by chance, the more so the coarser their times and the fewer lengths
//! their prompts have. How likely that is, a file says by itself, so it is asked before the two
//! files are taken for one.

use std::collections::{BTreeMap, BTreeSet};

use super::super::least::Least;
use super::RequestFormat;
use super::columns::Labels;
use super::log::Record;
use super::seen::hash_of;

/// Most rows of a file that are sampled.
const MOST_SAMPLED: usize = 4096;
/// Fewest rows in common that tell anything.
const LEAST_COMMON: usize = 4;
/// From this share on two files hold the same requests.
const SAME_SHARE: f64 = 0.5;
/// Largest chance of an equal row at which they are refused for it.
const MOST_CHANCE: f64 = 0.02;
/// Largest chance of an equal row at which equal rows are pointed out.
const MOST_CHANCE_TO_TELL: f64 = 0.5;
/// How many times what chance gives is more than chance: bursts raise it beyond its mean.
const BEYOND_CHANCE: f64 = 10.0;

/// The sample of a file while it is read.
#[derive(Debug, Default)]
pub(super) struct Sketch {
    sample: Least<Sampled, MOST_SAMPLED>,
    n_rows: u64,
    n_with_id: u64,
    /// Rows that differ from the row before in their second only.
    n_like_last: u64,
    first_kind: Option<u64>,
    last_kind: Option<u64>,
}

/// A row of the sample.
#[derive(Clone, Copy, Debug)]
struct Sampled {
    /// A hash of all but the second.
    kind: u64,
    second: i64,
}

impl Sketch {
    /// For a later part of the file, whose sample needs no more than this one's.
    pub(super) fn part(&self) -> Sketch {
        Sketch { sample: Least::up_to(self.sample.reach()), ..Sketch::default() }
    }

    /// Adds a row.
    pub(super) fn add(&mut self, record: &Record<'_>, labels: &Labels<'_>, has_id: bool) {
        self.note(record, whose(labels), has_id);
    }

    /// Adds a row, given [`whose`] it is.
    pub(super) fn note(&mut self, record: &Record<'_>, whose: u64, has_id: bool) {
        let at_ms = record.at_us.div_euclid(1000);
        let (second, ms) = (at_ms.div_euclid(1000), at_ms.rem_euclid(1000));
        let tokens = record.tokens.map(|it| (it.prompt, it.completion));
        let latency = if tokens.is_none() { record.latency_us } else { None };
        let kind = hash_of((ms, tokens, latency, whose));
        self.first_kind = self.first_kind.or(Some(kind));
        self.n_rows += 1;
        self.n_with_id += u64::from(has_id);
        self.n_like_last += u64::from(self.last_kind.replace(kind) == Some(kind));
        self.sample.note(hash_of((kind, second)), Sampled { kind, second });
    }

    /// Adds the rows of a later part of the file.
    pub(super) fn absorb(&mut self, other: Sketch) {
        let is_like_last = other.first_kind.is_some() && self.last_kind == other.first_kind;
        self.n_like_last += other.n_like_last + u64::from(is_like_last);
        self.n_rows += other.n_rows;
        self.n_with_id += other.n_with_id;
        self.first_kind = self.first_kind.or(other.first_kind);
        self.last_kind = other.last_kind.or(self.last_kind);
        self.sample.absorb(other.sample);
    }

    /// Distinct rows: exact where all are sampled, else by how close the sample lies.
    fn n_distinct(&self) -> f64 {
        let n = self.sample.rows().len() as f64;
        let reach = self.sample.reach();
        if self.sample.is_part() { n * (u64::MAX as f64 / reach as f64) } else { n }
    }

    /// The chance that a file of the same service, with none of these requests, has a row equal to
    /// a given one of this file: as many tries as a second has rows, each as likely as two rows of
    /// this file are to differ in their second only.
    fn chance(&self) -> f64 {
        let n = self.sample.rows().len() as f64;
        let pairs = n * (n - 1.0) / 2.0;
        let alike = n_pairs(self.sample.rows().values().map(|it| it.kind)) as f64;
        let alike = (alike + 1.0) / (pairs + 1.0);
        let in_a_row = self.n_like_last as f64 / self.n_rows as f64;
        // Of a sample one in `n_distinct / n` of the neighbours in a second is seen.
        let together = n_pairs(self.sample.rows().values().map(|it| it.second)) as f64;
        let unseen = if self.sample.is_part() { 1.0 } else { 0.0 };
        let per_second = 1.0 + 2.0 * (together + unseen) / n * (self.n_distinct() / n);
        (alike.max(in_a_row) * per_second).min(1.0)
    }
}

/// A hash of the labels that both exports of one log have.
pub(super) fn whose(labels: &Labels<'_>) -> u64 {
    hash_of((&labels.workload, &labels.model))
}

/// How many pairs of equal values there are.
fn n_pairs<T: Ord>(values: impl Iterator<Item = T>) -> u64 {
    let mut values: Vec<T> = values.collect();
    values.sort_unstable();
    let runs = values.chunk_by(|a, b| a == b).map(|it| it.len() as u64);
    runs.map(|n| n * (n - 1) / 2).sum()
}

/// The samples of all files that were read.
#[derive(Debug, Default)]
pub(super) struct Sketches {
    files: Vec<Closed>,
    /// Every sampled row with the places of the files that have it.
    rows: BTreeSet<(u64, usize)>,
}

/// The sample of a file that was read.
#[derive(Debug)]
struct Closed {
    name: String,
    format: RequestFormat,
    /// The hashes of its rows, in order.
    rows: Vec<u64>,
    reach: u64,
    n_rows: u64,
    n_distinct: f64,
    chance: f64,
    has_ids: bool,
}

/// A file that has requests of another one.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Overlap {
    /// The one that was read before.
    pub(super) first: String,
    /// The one with fewer requests.
    pub(super) smaller: String,
    /// The part of its requests that the other has.
    pub(super) share: f64,
    pub(super) verdict: Verdict,
}

/// What an overlap means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The two hold the same requests.
    Same,
    /// More than chance.
    Beyond,
    /// All rows are equal, which may be chance.
    AllAlike,
}

impl Sketches {
    /// Adds a file that was read; returns what it has in common with those before.
    pub(super) fn close(
        &mut self,
        name: &str,
        format: RequestFormat,
        sketch: &Sketch,
    ) -> Vec<Overlap> {
        if sketch.sample.rows().is_empty() {
            return Vec::new();
        }
        let closed = Closed {
            name: name.to_owned(),
            format,
            reach: sketch.sample.reach(),
            n_rows: sketch.n_rows,
            n_distinct: sketch.n_distinct(),
            chance: sketch.chance(),
            has_ids: sketch.n_with_id == sketch.n_rows,
            rows: sketch.sample.rows().keys().copied().collect(),
        };
        let mut in_common: BTreeMap<usize, usize> = BTreeMap::new();
        for hash in &closed.rows {
            for (_, file) in self.rows.range((*hash, 0)..=(*hash, usize::MAX)) {
                *in_common.entry(*file).or_default() += 1;
            }
        }
        let overlaps = in_common
            .into_iter()
            .filter_map(|(file, n)| self.files.get(file)?.overlap(&closed, n))
            .collect();
        let place = self.files.len();
        self.rows.extend(closed.rows.iter().map(|it| (*it, place)));
        self.files.push(closed);
        overlaps
    }
}

impl Closed {
    /// What the `n_common` sampled rows mean that both files have.
    fn overlap(&self, other: &Closed, n_common: usize) -> Option<Overlap> {
        // Ids of one format have told by themselves which requests are the same.
        if self.has_ids && other.has_ids && self.format == other.format {
            return None;
        }
        let reach = self.reach.min(other.reach);
        let known = |it: &Closed| it.rows.partition_point(|hash| *hash <= reach);
        let (n_self, n_other) = (known(self), known(other));
        let share = n_common as f64 / n_self.min(n_other) as f64;
        let chance = self.chance.max(other.chance);
        let beyond = (BEYOND_CHANCE * chance).min(f64::midpoint(1.0, chance));
        let all_alike = self.n_rows == other.n_rows && n_common == n_self && n_common == n_other;
        let verdict = if n_common >= LEAST_COMMON && share >= SAME_SHARE && chance <= MOST_CHANCE {
            Verdict::Same
        } else if n_common >= LEAST_COMMON && share > beyond && chance <= MOST_CHANCE_TO_TELL {
            Verdict::Beyond
        } else if all_alike {
            Verdict::AllAlike
        } else {
            return None;
        };
        let smaller = if other.n_distinct < self.n_distinct { other } else { self };
        let (first, smaller) = (self.name.clone(), smaller.name.clone());
        Some(Overlap { first, smaller, share, verdict })
    }
}

impl Overlap {
    /// What the reader must know of it.
    pub(super) fn notice(&self, second: &str) -> String {
        let Overlap { first, smaller, .. } = self;
        match self.verdict {
            Verdict::AllAlike => format!(
                "{first} and {second} have as many requests, each with the same time and tokens: if one is a copy \
                 of the other, all of it counts twice"
            ),
            Verdict::Same | Verdict::Beyond => format!(
                "{first} and {second}: {} of the requests of {smaller} have an equal one in the other, which is more \
                 than chance; requests that are in both count twice",
                self.percent()
            ),
        }
    }

    /// The share, by the sample.
    pub(super) fn percent(&self) -> String {
        let percent = self.share * 100.0;
        if percent < 1.0 { "less than 1 %".to_owned() } else { format!("{percent:.0} %") }
    }
}

#[cfg(test)]
mod tests;
