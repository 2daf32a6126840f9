//! What a parser gathers from one file: series, refused samples, and what was left unread.

use std::collections::{BTreeMap, BTreeSet};

use super::metric::Metric;
use super::series::{Labels, Series};
use super::step;
use crate::ingest::rejected::{Rejected, RejectedKind, excerpt};

/// Most names of unread metrics a notice lists.
const MAX_NAMES: usize = 12;

/// A telemetry file, read.
#[derive(Clone, Debug)]
pub(in crate::ingest) struct Parsed {
    /// Its series.
    pub(in crate::ingest) series: Vec<Series>,
    /// Samples or lines that were refused. `row` is the line of a text (of nvidia-smi's CSV the
    /// line below the first header), the number of the sample in a JSON answer.
    pub(in crate::ingest) rejected: Vec<Rejected>,
    /// Samples in it, whatever became of them.
    pub(in crate::ingest) rows: u64,
    /// Metrics or columns that were read.
    pub(in crate::ingest) columns_used: Vec<String>,
    /// Those that were not.
    pub(in crate::ingest) columns_ignored: Vec<String>,
    /// What the reader must know, one sentence each, beginning with the file.
    pub(in crate::ingest) notices: Vec<String>,
}

/// Gathers one file.
pub(super) struct Collector<'a> {
    file: &'a str,
    series: Vec<Series>,
    /// Rows of text files, put together by their labels.
    by_labels: BTreeMap<Labels, BTreeMap<Metric, Readings>>,
    rejected: Vec<Rejected>,
    used: BTreeSet<String>,
    ignored: BTreeMap<String, u64>,
    notices: Vec<String>,
    not_measured: u64,
    /// Samples seen.
    pub(super) rows: u64,
}

#[derive(Default)]
struct Readings {
    points: Vec<(i64, f64)>,
    untimed: Vec<f64>,
}

impl<'a> Collector<'a> {
    /// For one file.
    pub(super) fn new(file: &'a str) -> Collector<'a> {
        Collector {
            file,
            series: Vec::new(),
            by_labels: BTreeMap::new(),
            rejected: Vec::new(),
            used: BTreeSet::new(),
            ignored: BTreeMap::new(),
            notices: Vec::new(),
            not_measured: 0,
            rows: 0,
        }
    }

    /// The file's name.
    pub(super) fn file(&self) -> &'a str {
        self.file
    }

    /// A sample of a text file, NaN if nothing was measured; refused with its place if the number
    /// cannot be. `name` is the
    /// metric's or the column's in the file.
    pub(super) fn sample(
        &mut self,
        (name, metric): (&str, Metric),
        labels: &Labels,
        at: Option<i64>,
        value: f64,
        row: u64,
    ) {
        let value = match metric.reading(value) {
            Ok(value) => value,
            Err(reason) => return self.reject(row, Some(name), reason),
        };
        self.not_measured += u64::from(value.is_none());
        // Two steps, so that the labels are copied once per GPU and not once per sample.
        if !self.by_labels.contains_key(labels) {
            self.by_labels.insert(labels.clone(), BTreeMap::new());
        }
        if let Some(metrics) = self.by_labels.get_mut(labels) {
            let readings = metrics.entry(metric).or_default();
            match (at, value) {
                (Some(at), _) => readings.points.push((at, value.unwrap_or(f64::NAN))),
                (None, Some(value)) => readings.untimed.push(value),
                (None, None) => {}
            }
        }
    }

    /// A whole series at once, NaN where nothing was measured.
    pub(super) fn series(&mut self, metric: Metric, labels: Labels, points: Vec<(i64, f64)>) {
        self.not_measured += points.iter().filter(|it| it.1.is_nan()).count() as u64;
        self.series.push(Series { metric, labels, points, untimed: Vec::new(), step_us: None });
    }

    /// A sample or line that is refused.
    pub(super) fn reject(&mut self, row: u64, column: Option<&str>, reason: String) {
        self.rejected.push(Rejected {
            file: self.file.to_owned(),
            row,
            column: column.map(ToOwned::to_owned),
            reason,
            kind: RejectedKind::Faulty,
        });
    }

    /// A metric or column that is read.
    pub(super) fn uses(&mut self, name: &str) {
        if !self.used.contains(name) {
            self.used.insert(name.to_owned());
        }
    }

    /// A metric or column that is not.
    pub(super) fn ignores(&mut self, name: &str) {
        match self.ignored.get_mut(name) {
            Some(n) => *n += 1,
            None => drop(self.ignored.insert(name.to_owned(), 1)),
        }
    }

    /// A sentence for the reader.
    pub(super) fn notice(&mut self, text: &str) {
        self.notices.push(format!("{}: {text}", self.file));
    }

    /// Everything gathered, series in a fixed order with their steps.
    pub(super) fn finish(mut self) -> Parsed {
        for (labels, metrics) in std::mem::take(&mut self.by_labels) {
            for (metric, Readings { points, untimed }) in metrics {
                let labels = labels.clone();
                self.series.push(Series { metric, labels, points, untimed, step_us: None });
            }
        }
        for it in &mut self.series {
            // Stable: of two readings of one instant the first stays the first.
            it.points.sort_by_key(|it| it.0);
        }
        if let Some(step_us) = step::assign(&mut self.series) {
            self.notice(&format!(
                "the samples are {:.1} h apart; each speaks for one hour only, the rest is not \
                 measured",
                step_us as f64 / 3_600e6
            ));
        }
        // Only now: where nothing was measured there was a sample all the same, and the step knows.
        for it in &mut self.series {
            it.points.retain(|it| !it.1.is_nan());
        }
        if self.not_measured > 0 {
            self.notice(&format!(
                "samples that are NaN, infinite or not available, so not measured and not zero: {}",
                self.not_measured
            ));
        }
        if !self.ignored.is_empty() {
            let names = list(self.ignored.keys());
            let n = self.ignored.len();
            self.notice(&format!("metrics or columns that are not read ({n}): {names}"));
        }
        Parsed {
            series: self.series,
            rejected: self.rejected,
            rows: self.rows,
            columns_used: self.used.into_iter().collect(),
            columns_ignored: self.ignored.into_keys().collect(),
            notices: self.notices,
        }
    }
}

/// The first names, and how many more.
fn list<'a>(names: impl ExactSizeIterator<Item = &'a String>) -> String {
    let more = names.len().saturating_sub(MAX_NAMES);
    let shown: Vec<String> = names.take(MAX_NAMES).map(|it| excerpt(it)).collect();
    let shown = shown.join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}
