//! The columns of a bill by what they mean, under whatever name the export gives them.

use super::super::IngestError;
use super::super::cell::{atto, number};
use super::super::raw::RawTable;
use super::charge::{Fault, Parts};
use super::columns::filled;

#[cfg(test)]
pub(super) mod sample;

/// The headers of a file and the keys that names are compared by.
pub(super) struct Fields {
    headers: Vec<String>,
    keys: Vec<String>,
}

impl Fields {
    /// The headers, with `key` making the spelling of an export plain.
    pub(super) fn new(headers: &[String], key: fn(&str) -> String) -> Fields {
        Fields { headers: headers.to_vec(), keys: headers.iter().map(|it| key(it)).collect() }
    }

    /// The column of the first of these names that the file has.
    pub(super) fn place(&self, names: &[&str]) -> Option<usize> {
        names.iter().find_map(|name| self.keys.iter().position(|key| key == name))
    }

    /// Whether the file has one of these names.
    pub(super) fn has(&self, names: &[&str]) -> bool {
        self.place(names).is_some()
    }

    /// As [`Fields::place`], for a column that the bill cannot do without.
    pub(super) fn need(
        &self,
        names: &[&str],
        (file, column, hint): (&str, &'static str, &str),
    ) -> Result<usize, IngestError> {
        self.place(names).ok_or_else(|| IngestError::MissingColumn {
            file: file.to_owned(),
            column,
            hint: hint.to_owned(),
        })
    }

    /// Fails when two headers are the same name.
    pub(super) fn check_once<'a>(
        &self,
        names: impl IntoIterator<Item = &'a &'static str>,
        file: &str,
    ) -> Result<(), IngestError> {
        for name in names {
            let mut same = (0..self.keys.len()).filter(|at| self.keys[*at] == *name);
            if let (Some(first), Some(second)) = (same.next(), same.next()) {
                return Err(IngestError::DoubleColumn {
                    file: file.to_owned(),
                    column: name,
                    first: self.header(first),
                    second: self.header(second),
                });
            }
        }
        Ok(())
    }

    /// The header of a column as the file has it, without a byte order mark.
    pub(super) fn header(&self, at: usize) -> String {
        let header = self.headers.get(at).map_or("", String::as_str);
        header.trim_start_matches('\u{feff}').trim().to_owned()
    }

    /// The headers of columns, in the order of the file and each once.
    pub(super) fn headers_of(&self, columns: impl IntoIterator<Item = usize>) -> Vec<String> {
        let mut places: Vec<usize> = columns.into_iter().collect();
        places.sort_unstable();
        places.dedup();
        places.into_iter().map(|at| self.header(at)).collect()
    }
}

/// The columns that make the line of a bill, of which a file may lack any.
pub(super) struct LineColumns<const N: usize> {
    columns: Vec<usize>,
    taken: [Option<usize>; N],
}

impl<const N: usize> LineColumns<N> {
    /// The columns of these fields, and `more` columns behind them.
    pub(super) fn new(fields: &Fields, names: &[&[&str]; N], more: &[usize]) -> LineColumns<N> {
        let mut columns = Vec::new();
        let taken = names.map(|names| {
            fields.place(names).map(|at| {
                columns.push(at);
                columns.len() - 1
            })
        });
        columns.extend_from_slice(more);
        LineColumns { columns, taken }
    }

    /// The columns, in the order in which the texts come.
    pub(super) fn columns(&self) -> &[usize] {
        &self.columns
    }

    /// The column of a field.
    pub(super) fn column(&self, field: usize) -> Option<usize> {
        let taken = self.taken.get(field).copied().flatten()?;
        self.columns.get(taken).copied()
    }

    /// The texts by field; texts that say nothing are `None`.
    pub(super) fn texts<'a>(&self, texts: &[Option<&'a str>]) -> [Option<&'a str>; N] {
        self.taken.map(|at| at.and_then(|at| filled(texts.get(at).copied().flatten())))
    }

    /// The texts of the columns behind the fields.
    pub(super) fn more<'a, 't>(
        &self,
        texts: &'t [Option<&'a str>],
    ) -> impl Iterator<Item = Option<&'a str>> + 't {
        let n_fields = self.taken.iter().flatten().count();
        texts.iter().skip(n_fields).map(|text| filled(*text))
    }
}

/// The exact amount of a cell in 10^-18, counted when it comes from a binary float.
pub(super) fn amount_at(
    (table, row): (&RawTable, usize),
    column: Option<usize>,
    out: &mut Parts,
) -> Result<Option<i128>, Fault> {
    let Some(column) = column else { return Ok(None) };
    let found = atto(table.cell(column, row)).map_err(|why| (header_of(table, column), why))?;
    out.from_floats += u64::from(matches!(found, Some((_, true))));
    Ok(found.map(|(atto, _)| atto))
}

/// As [`amount_at`], for the amount that a row is about.
pub(super) fn needed_amount_at(
    at: (&RawTable, usize),
    column: usize,
    out: &mut Parts,
) -> Result<i128, Fault> {
    amount_at(at, Some(column), out)?.ok_or_else(|| {
        (header_of(at.0, column), "the cost is empty; an unknown cost is not zero".to_owned())
    })
}

/// The finite number of a cell.
pub(super) fn number_at(
    (table, row): (&RawTable, usize),
    column: Option<usize>,
) -> Result<Option<f64>, Fault> {
    let Some(column) = column else { return Ok(None) };
    number(table.cell(column, row)).map_err(|why| (header_of(table, column), why))
}

/// The header of a column for a fault.
pub(super) fn header_of(table: &RawTable, column: usize) -> Option<String> {
    table.headers.get(column).map(|it| it.trim_start_matches('\u{feff}').trim().to_owned())
}
