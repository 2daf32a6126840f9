//! What the tests of the bill formats share: tables from text, and a table read row by row.

use super::super::super::raw::{Column, MixedRows, RawTable, RowNumbers, Texts, flatten};
use super::super::charge::{BillFormat, Fault, Line, Part, Parts};
use crate::units::{Currency, Money, Period, Timestamp};

/// A CSV text as a table of texts.
pub(in super::super) fn csv_table(text: &str) -> RawTable {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let headers: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let mut columns: Vec<Texts> = headers.iter().map(|_| Texts::default()).collect();
    let mut rows = 0;
    for record in reader.records() {
        let record = record.unwrap();
        for (column, cell) in columns.iter_mut().zip(&record) {
            column.push(cell);
        }
        rows += 1;
    }
    let columns = columns.into_iter().map(Column::Text).collect();
    RawTable::new(headers, columns, RowNumbers::From(1, rows))
}

/// A JSON array of objects as a table, as the reader of such files makes it.
pub(in super::super) fn json_table(text: &str, format: &BillFormat) -> RawTable {
    let records: Vec<serde_json::Map<String, serde_json::Value>> =
        serde_json::from_str(text).unwrap();
    let mut rows = MixedRows::default();
    for (number, record) in (1..).zip(records) {
        rows.push(number, flatten(record, &format.wants));
    }
    rows.finish()
}

/// A row as it was read.
pub(in super::super) struct ReadRow {
    /// Its line, if it has one.
    pub(in super::super) line: Line,
    /// Its parts.
    pub(in super::super) parts: Vec<Part>,
    /// What was wrong with it.
    pub(in super::super) fault: Option<Fault>,
}

/// A table as it was read.
pub(in super::super) struct Read {
    /// The format, for people.
    pub(in super::super) format: String,
    /// Row by row.
    pub(in super::super) rows: Vec<ReadRow>,
    /// Amounts that came from binary floats.
    pub(in super::super) from_floats: u64,
    /// Headers that were used.
    pub(in super::super) used: Vec<String>,
}

/// Reads a table that fits the format.
pub(in super::super) fn read(format: &BillFormat, table: &RawTable) -> Read {
    assert!((format.fits)(&table.headers), "{:?}", table.headers);
    let bound = (format.bind)(table, "bill").unwrap();
    let mut rows = Vec::new();
    let mut from_floats = 0;
    for row in 0..table.len() {
        let coded: Vec<_> = bound.line_columns().iter().map(|it| table.coded(*it)).collect();
        let texts: Vec<Option<&str>> = coded.iter().map(|it| it.value(it.codes[row])).collect();
        let mut out = Parts::default();
        let (line, fault) = match bound.line(&texts) {
            Ok(line) => {
                let fault = bound.row(table, row, &line.terms(), &mut out).err();
                (line, fault)
            }
            Err(fault) => (Line::default(), Some(fault)),
        };
        from_floats += out.from_floats;
        rows.push(ReadRow { line, parts: out.iter().copied().collect(), fault });
    }
    for header in bound.columns_used() {
        assert!((format.wants)(&header), "{header} is used but not wanted");
    }
    Read { format: bound.format(), rows, from_floats, used: bound.columns_used() }
}

impl Read {
    /// Billed and effective cost of the rows that were kept, as decimal texts.
    pub(in super::super) fn sums(&self) -> (String, String) {
        let kept = || self.rows.iter().filter(|it| it.fault.is_none()).flat_map(|it| &it.parts);
        let show = |atto: i128| Money::from_atto(atto, Currency::USD).to_decimal_string();
        (
            show(kept().filter_map(|it| it.costs.billed).sum()),
            show(kept().filter_map(|it| it.costs.effective).sum()),
        )
    }

    /// The faults with the number of their row from 1, as texts.
    pub(in super::super) fn faults(&self) -> Vec<String> {
        (1..)
            .zip(&self.rows)
            .filter_map(|(row, it): (u64, _)| {
                let (column, reason) = it.fault.as_ref()?;
                Some(format!("{row} {}: {reason}", column.as_deref().unwrap_or("-")))
            })
            .collect()
    }

    /// The quantities, row by row.
    pub(in super::super) fn quantities(&self) -> Vec<Option<f64>> {
        self.rows.iter().map(|it| it.parts.first().and_then(|part| part.quantity)).collect()
    }

    /// Start and length in hours of the period of a row.
    pub(in super::super) fn period(&self, row: usize) -> (String, f64) {
        let period: Period = self.rows[row].parts[0].period;
        let start: Timestamp = period.start();
        (start.to_rfc3339(), period.hours())
    }
}
