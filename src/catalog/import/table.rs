//! A CSV text as a header and rows, each with its line in the file.

use std::collections::BTreeMap;

use super::error::ImportError;
use super::left_out::Reason;

/// A table whose rows are as long as they are.
pub(crate) struct Table {
    header: Vec<String>,
    columns: BTreeMap<String, usize>,
    pub(crate) rows: Vec<Row>,
}

/// A row of a table.
pub(crate) struct Row {
    /// The line where it begins, the header being line 1.
    pub(crate) line: u64,
    cells: Vec<String>,
}

/// A row as long as the header, read by the names of columns.
#[derive(Clone, Copy)]
pub(crate) struct Cells<'a> {
    columns: &'a BTreeMap<String, usize>,
    cells: &'a [String],
}

impl Table {
    pub(crate) fn parse(file: &str, text: &str) -> Result<Table, ImportError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(text.as_bytes());
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|error| ImportError::Unreadable {
                file: file.to_owned(),
                line: error.position().map_or(0, csv::Position::line),
                message: error.to_string(),
            })?;
            // A reader that counts line feeds sees one line in a file of carriage returns.
            let next = rows.last().map_or(1, |it: &Row| it.line + 1);
            rows.push(Row {
                line: record.position().map_or(0, csv::Position::line).max(next),
                cells: record.iter().map(|it| it.trim().to_owned()).collect(),
            });
        }
        if rows.is_empty() {
            return Err(ImportError::Empty { file: file.to_owned() });
        }
        let header = rows.remove(0).cells;
        let mut columns = BTreeMap::new();
        for (at, column) in header.iter().enumerate() {
            if !column.is_empty() && columns.insert(column.clone(), at).is_some() {
                let (file, column) = (file.to_owned(), column.clone());
                return Err(ImportError::DuplicateColumn { file, column });
            }
        }
        Ok(Table { header, columns, rows })
    }

    pub(crate) fn has(&self, column: &str) -> bool {
        self.columns.contains_key(column)
    }

    pub(crate) fn header(&self) -> &[String] {
        &self.header
    }

    /// The cells of a row, or that it has another number of them than the header.
    pub(crate) fn cells<'a>(&'a self, row: &'a Row) -> Result<Cells<'a>, Reason> {
        let (found, expected) = (row.cells.len(), self.header.len());
        if found != expected {
            return Err(Reason::Ragged { found, expected });
        }
        Ok(Cells { columns: &self.columns, cells: &row.cells })
    }
}

impl<'a> Cells<'a> {
    /// The text of a cell without the blanks around it; empty where there is no such column.
    pub(crate) fn get(&self, column: &str) -> &'a str {
        self.columns.get(column).and_then(|at| self.cells.get(*at)).map_or("", String::as_str)
    }
}
