//! The one verb of an import: a price table of a named format becomes offers and rows left out.

use std::collections::{BTreeMap, BTreeSet};

use super::cell::is_provider;
use super::error::ImportError;
use super::gather::{Listed, gather, zones_of};
use super::left_out::{LeftOut, Reason};
use super::offer_row::OfferRow;
use super::table::{Cells, Table};
use super::{gpuhunt, plain, skypilot};
use crate::catalog::file::is_date;

/// A kind of price table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `catalogs/<version>/<cloud>/vms.csv` of `SkyPilot`.
    Skypilot,
    /// A file of gpuhunt's catalog.
    Gpuhunt,
    /// A plain table with the columns of `prices list --format csv`.
    Csv,
}

/// What a file does not say about itself.
#[derive(Clone, Debug)]
pub struct ImportContext {
    /// Its name, for messages.
    pub file: String,
    /// Whose prices these are, where the file has no column for it.
    pub provider: Option<String>,
    /// When they were read.
    pub as_of: String,
    /// Where.
    pub source: String,
}

/// A price table, accounted for row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// In the order of their keys and dates.
    pub offers: Vec<OfferRow>,
    /// What is in no offer, in the order of rows: a row may stand here for one price and be an
    /// offer for the other.
    pub left_out: Vec<LeftOut>,
    /// Rows below the header.
    pub rows: u64,
    /// Rows that are an offer or part of one; each of the others is in `left_out`.
    pub used: u64,
    /// Rows with a price of more decimals than the catalog keeps, which was rounded.
    pub rounded: Vec<u64>,
}

impl Imported {
    /// What is wrong with the table, rather than no offer of a GPU.
    pub fn faults(&self) -> impl Iterator<Item = &LeftOut> {
        self.left_out.iter().filter(|it| it.reason.is_fault())
    }

    /// How much was left out under each heading.
    pub fn headings(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for it in &self.left_out {
            *counts.entry(it.reason.heading()).or_insert(0) += 1;
        }
        counts
    }
}

/// What the reader of one format makes of a row.
#[derive(Default)]
pub(crate) struct RowFound {
    pub(crate) listed: Vec<Listed>,
    pub(crate) left_out: Vec<Reason>,
    pub(crate) rounded: bool,
}

impl RowFound {
    /// The value, or nothing and the reason among those left out.
    pub(crate) fn keep<T>(&mut self, found: Result<Option<T>, Reason>) -> Option<T> {
        found.unwrap_or_else(|reason| {
            self.left_out.push(reason);
            None
        })
    }
}

impl Format {
    /// The word on the command line.
    pub fn parse(text: &str) -> Option<Format> {
        match text {
            "skypilot" => Some(Format::Skypilot),
            "gpuhunt" => Some(Format::Gpuhunt),
            "csv" => Some(Format::Csv),
            _ => None,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Format::Skypilot => "a SkyPilot catalog",
            Format::Gpuhunt => "a gpuhunt file",
            Format::Csv => "a plain price table",
        }
    }

    const fn columns(self) -> &'static [&'static str] {
        match self {
            Format::Skypilot => &skypilot::COLUMNS,
            Format::Gpuhunt => &gpuhunt::COLUMNS,
            Format::Csv => &plain::COLUMNS,
        }
    }

    fn row(self, line: u64, cells: Cells<'_>, context: &ImportContext) -> RowFound {
        let found = match self {
            Format::Skypilot => skypilot::row(line, cells, context),
            Format::Gpuhunt => gpuhunt::row(line, cells, context),
            Format::Csv => plain::row(line, cells, context),
        };
        found.unwrap_or_else(|reason| RowFound { left_out: vec![reason], ..RowFound::default() })
    }
}

/// The offers of a table, and every row that is none.
pub fn read(format: Format, text: &str, context: &ImportContext) -> Result<Imported, ImportError> {
    let table = Table::parse(&context.file, text)?;
    check_header(format, &table, context)?;
    check_context(&table, context)?;
    let mut listed = Vec::new();
    let mut left_out = Vec::new();
    let mut rounded = Vec::new();
    for row in &table.rows {
        let found = match table.cells(row) {
            Ok(cells) => format.row(row.line, cells, context),
            Err(reason) => RowFound { left_out: vec![reason], ..RowFound::default() },
        };
        listed.extend(found.listed);
        let line = row.line;
        left_out.extend(found.left_out.into_iter().map(|reason| LeftOut { row: line, reason }));
        rounded.extend(found.rounded.then_some(line));
    }
    let gathered = gather(listed, &mut left_out);
    left_out.sort_by_key(|it| it.row);
    Ok(Imported {
        offers: gathered.offers,
        left_out,
        rows: table.rows.len() as u64,
        used: gathered.used.len() as u64,
        rounded,
    })
}

fn check_header(format: Format, table: &Table, context: &ImportContext) -> Result<(), ImportError> {
    let lacks = |of: Format| {
        of.columns().iter().copied().filter(|it| !table.has(it)).collect::<BTreeSet<_>>()
    };
    let missing = lacks(format);
    if missing.is_empty() {
        return Ok(());
    }
    let (file, expected) = (context.file.clone(), format.name());
    let others = [Format::Skypilot, Format::Gpuhunt, Format::Csv];
    if let Some(other) = others.into_iter().find(|it| lacks(*it).is_empty()) {
        return Err(ImportError::OtherFormat { file, expected, found: other.name() });
    }
    let ticks = |it: &str| format!("`{}`", super::left_out::clip(it));
    let found: Vec<String> = table.header().iter().take(12).map(|it| ticks(it)).collect();
    Err(ImportError::MissingColumns {
        file,
        expected,
        missing: missing.into_iter().map(ticks).collect::<Vec<_>>().join(", "),
        found: found.join(", "),
    })
}

fn check_context(table: &Table, context: &ImportContext) -> Result<(), ImportError> {
    let file = context.file.clone();
    match &context.provider {
        Some(name) if is_provider(name) => {}
        Some(name) => return Err(ImportError::BadProvider { file, found: name.clone() }),
        None if table.has("provider") => {}
        None => return Err(ImportError::NoProvider { file }),
    }
    if !is_date(&context.as_of) {
        return Err(ImportError::BadDate { file, found: context.as_of.clone() });
    }
    let source = &context.source;
    let odd = source.trim().is_empty() || source.contains(char::is_control);
    if odd || !zones_of(source).is_empty() {
        return Err(ImportError::BadSource { file, found: source.clone() });
    }
    Ok(())
}
