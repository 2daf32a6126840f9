//! What the tests of the bill formats share: tables from text, and a table read row by row.

use super::super::super::IngestError;
use super::super::super::raw::{Column, MixedRows, RawTable, RowNumbers, Texts, flatten};
use super::super::charge::{BillFormat, Bound, Costs, Fault, Line, Part, PartKind, Parts};
use crate::units::{Currency, Money, atto_from_text};

/// CSV text as a table of texts.
pub(in super::super) fn csv_table(text: &str) -> RawTable {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let headers: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let mut columns: Vec<Texts> = headers.iter().map(|_| Texts::default()).collect();
    let mut n_rows = 0;
    for record in reader.records() {
        n_rows += 1;
        for (column, cell) in columns.iter_mut().zip(&record.unwrap()) {
            column.push(cell);
        }
    }
    let columns = columns.into_iter().map(Column::Text).collect();
    RawTable::new(headers, columns, RowNumbers::From(1, n_rows))
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
    /// What its texts say; nothing where they are at fault.
    pub(in super::super) line: Line,
    /// What it adds.
    pub(in super::super) parts: Vec<Part>,
    /// Amounts that came from binary floats.
    pub(in super::super) from_floats: u64,
    /// Why it is refused.
    pub(in super::super) fault: Option<Fault>,
}

/// A table as it was read.
pub(in super::super) struct Read {
    /// The format, for people.
    pub(in super::super) format: String,
    /// Row by row.
    pub(in super::super) rows: Vec<ReadRow>,
    /// Headers that were used.
    pub(in super::super) used: Vec<String>,
}

/// Binds a format to a table that it fits.
pub(in super::super) fn bind(
    format: &BillFormat,
    table: &RawTable,
) -> Result<Box<dyn Bound>, IngestError> {
    assert!((format.fits)(&table.headers), "{:?}", table.headers);
    (format.bind)(table, "bill.csv")
}

/// Reads every row.
pub(in super::super) fn read_rows(bound: &dyn Bound, table: &RawTable) -> Vec<ReadRow> {
    let coded: Vec<_> = bound.line_columns().iter().map(|at| table.coded(*at)).collect();
    let read = |row: usize| {
        let texts: Vec<_> = coded.iter().map(|it| it.value(it.codes[row])).collect();
        let mut out = Parts::default();
        let (line, fault) = match bound.line(&texts) {
            Ok(line) => {
                let fault = bound.row(table, row, &line.terms(), &mut out).err();
                (line, fault)
            }
            Err(fault) => (Line::default(), Some(fault)),
        };
        let parts = out.iter().copied().collect();
        ReadRow { line, parts, from_floats: out.from_floats, fault }
    };
    (0..table.len()).map(read).collect()
}

/// Reads a table that fits the format.
pub(in super::super) fn read(format: &BillFormat, table: &RawTable) -> Read {
    let bound = bind(format, table).unwrap_or_else(|error| panic!("{error}"));
    let used = bound.columns_used();
    for header in &used {
        assert!((format.wants)(header), "{header} is used but not wanted");
    }
    Read { format: bound.format(), rows: read_rows(bound.as_ref(), table), used }
}

/// Reads a table that has no fault.
pub(in super::super) fn read_all(format: &BillFormat, table: &RawTable) -> Vec<ReadRow> {
    let found = read(format, table);
    assert_eq!(found.faults(), [""; 0]);
    found.rows
}

impl Read {
    /// Billed and effective cost of the rows that were kept, as decimal texts.
    pub(in super::super) fn sums(&self) -> (String, String) {
        let kept = || self.rows.iter().filter(|it| it.fault.is_none());
        let show = |atto: i128| Money::from_atto(atto, Currency::USD).to_decimal_string();
        (show(sum(kept(), |it| it.billed)), show(sum(kept(), |it| it.effective)))
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
        let period = self.rows[row].parts[0].period;
        (period.start().to_rfc3339(), period.hours())
    }

    /// Amounts that came from binary floats.
    pub(in super::super) fn n_floats(&self) -> u64 {
        self.rows.iter().map(|it| it.from_floats).sum()
    }
}

/// Costs from texts: billed, effective, list, contracted; `-` for an unknown one.
pub(in super::super) fn costs(texts: [&str; 4]) -> Costs {
    let [billed, effective, list, contracted] =
        texts.map(|text| (text != "-").then(|| atto_from_text(text).unwrap()));
    Costs { billed, effective, list, contracted }
}

/// The sum of a cost over all parts of all rows.
pub(in super::super) fn sum<'a>(
    rows: impl IntoIterator<Item = &'a ReadRow>,
    cost: fn(&Costs) -> Option<i128>,
) -> i128 {
    rows.into_iter().flat_map(|row| &row.parts).filter_map(|part| cost(&part.costs)).sum()
}

/// The only part of a kind.
pub(in super::super) fn part(row: &ReadRow, kind: PartKind) -> &Part {
    let mut found = row.parts.iter().filter(|part| part.kind == kind);
    let first = found.next().unwrap_or_else(|| panic!("no {kind:?} in {:?}", row.parts));
    assert!(found.next().is_none(), "two {kind:?}");
    first
}
