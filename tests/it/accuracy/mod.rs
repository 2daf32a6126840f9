//! The sizing against measured cases: every table of `docs/accuracy.md` is made here.
//!
//! `GPUADVISE_BLESS=1 cargo test --test it accuracy` writes the file. Rows of `tests/data` are copies of
//! public measurements with their source; rows of the reference set are read where
//! `GPUADVISE_REFERENCE` names it, and marked.

mod cold_start;
mod collectives;
mod framework;
mod memory;
mod serving;
mod throughput;
mod training;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use gpuadvise::catalog::{Catalog, GpuSpec, quantization_of};
use gpuadvise::size::Precision;

use crate::support::{self, root};

/// One row of a case file: column to text.
pub(crate) type Row = BTreeMap<String, String>;

/// The rows of a file of `tests/data`.
pub(crate) fn rows(name: &str) -> Vec<Row> {
    let path = root().join("tests/data").join(name);
    let mut reader = csv::Reader::from_path(&path).unwrap();
    reader.deserialize().map(|row| row.unwrap()).collect()
}

/// The rows of a file of the reference set, where it is at hand.
pub(crate) fn reference(name: &str) -> Option<Vec<Row>> {
    let folder = support::reference()?;
    let mut reader = csv::Reader::from_path(folder.join(name)).unwrap();
    Some(reader.deserialize().map(|row| row.unwrap()).collect())
}

pub(crate) fn catalog() -> &'static Catalog {
    use std::sync::LazyLock;
    static ALL: LazyLock<Catalog> = LazyLock::new(|| Catalog::embedded().unwrap());
    &ALL
}

/// The number of a cell, where it has one.
pub(crate) fn number(row: &Row, column: &str) -> Option<f64> {
    row[column].trim().parse().ok()
}

/// The GPU of a name as benchmarks write it.
pub(crate) fn gpu(name: &str) -> Option<&'static GpuSpec> {
    catalog().resolve_gpu(name).slowest()
}

/// Relative errors of one figure, by row.
#[derive(Default)]
pub(crate) struct Errors {
    all: Vec<(f64, String)>,
}

impl Errors {
    /// Notes `found` against `measured`.
    pub(crate) fn note(&mut self, id: &str, found: f64, measured: f64) {
        self.all.push((found / measured - 1.0, id.to_owned()));
    }

    pub(crate) fn n(&self) -> usize {
        self.all.len()
    }

    /// The least absolute error that this share, in percent, of the rows does not exceed.
    pub(crate) fn quantile(&self, percent: usize) -> f64 {
        let mut sorted: Vec<f64> = self.all.iter().map(|it| it.0.abs()).collect();
        sorted.sort_by(f64::total_cmp);
        sorted[(sorted.len() * percent).div_ceil(100).max(1) - 1]
    }

    pub(crate) fn median(&self) -> f64 {
        self.quantile(50)
    }

    pub(crate) fn p90(&self) -> f64 {
        self.quantile(90)
    }

    fn worst(&self) -> &(f64, String) {
        self.all.iter().max_by(|a, b| a.0.abs().total_cmp(&b.0.abs())).unwrap()
    }

    /// A line of a table: name, n, median, 90th percentile, worst row; `bar` is what is asked.
    pub(crate) fn line(&self, name: &str, bar: &str) -> String {
        if self.all.is_empty() {
            return format!("| {name} | 0 | - | - | - | {bar} |\n");
        }
        let (worst, id) = self.worst();
        let percent = |it: f64| format!("{:.2} %", it * 100.0);
        format!(
            "| {name} | {} | {} | {} | {} ({id}) | {bar} |\n",
            self.n(),
            percent(self.median()),
            percent(self.p90()),
            percent(*worst),
        )
    }

    /// Every row, for a look at what is wrong.
    pub(crate) fn print(&self, name: &str) {
        for (error, id) in &self.all {
            eprintln!("{name}: {id} {:+.2} %", error * 100.0);
        }
    }
}

pub(crate) const HEAD: &str = "| figure | n | median | 90th percentile | worst row | bar |\n| --- | ---: | ---: | ---: | --- | --- |\n";

/// The precision a row names, else the one its model's name tells, else the model's own.
pub(crate) fn precision(row: &Row, column: &str, model_id: &str) -> Option<Precision> {
    let by_id = || {
        let word = quantization_of(model_id);
        word.and_then(|it| Precision::parse(&it))
            .or_else(|| model_id.contains("gpt-oss").then_some(Precision::Mxfp4))
    };
    let word = row[column].split([' ', '(']).next().unwrap_or_default();
    Precision::parse(word)
        .filter(|it| *it != Precision::Bf16)
        .or_else(by_id)
        .or_else(|| Precision::parse(word))
        .or_else(|| matches!(word, "" | "auto").then_some(Precision::Bf16))
}

/// The whole of `docs/accuracy.md`, and whether the reference set was at hand for its last sections.
fn document() -> (String, bool) {
    let mut text = String::from(
        "# How accurate the sizing is\n\n\
         Written by `GPUADVISE_BLESS=1 GPUADVISE_REFERENCE=DIR cargo test --test it accuracy`, DIR the reference\n\
         set; a test holds the figures to it. Sections from that set are marked, all others come from tests/data.\n\
         Errors are |predicted / measured - 1|; the worst row keeps its sign.\n",
    );
    let sections = [
        memory::section(),
        throughput::section(),
        training::section(),
        framework::section(),
        collectives::section(),
        cold_start::section(),
    ];
    for section in sections {
        let _ = write!(text, "\n{section}");
    }
    let reference = serving::section();
    let _ = write!(text, "\n{}", reference.as_deref().unwrap_or(serving::TITLE));
    (text, reference.is_some())
}

#[test]
fn the_document_is_current() {
    let path = root().join("docs/accuracy.md");
    let (text, is_whole) = document();
    if std::env::var_os("GPUADVISE_BLESS").is_some() {
        assert!(is_whole, "set GPUADVISE_REFERENCE to write the sections of the reference set");
        std::fs::write(&path, &text).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    let held = if is_whole { written.as_str() } else { written.get(..text.len()).unwrap_or("") };
    assert_eq!(text, held, "run GPUADVISE_BLESS=1 cargo test --test it accuracy");
}
