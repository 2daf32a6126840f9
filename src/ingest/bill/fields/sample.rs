//! Small bills as text, for the tests of the formats.

use super::super::super::IngestError;
use super::super::super::raw::{Column, MixedRows, RawTable, RowNumbers, Texts, flatten};
use super::super::charge::{BillFormat, Bound, Costs, Fault, Line, Part, PartKind, Parts};
use crate::units::atto_from_text;

/// A row as it was read: its line, its parts, and the fault if there is one.
pub(in super::super) struct ReadRow {
    /// What the texts say; nothing when they are at fault.
    pub(in super::super) line: Option<Line>,
    /// What the row adds.
    pub(in super::super) parts: Vec<Part>,
    /// Amounts from binary floats.
    pub(in super::super) from_floats: u64,
    /// Why it is refused.
    pub(in super::super) fault: Option<Fault>,
}

/// CSV text as a table of texts.
pub(in super::super) fn csv_table(text: &str) -> RawTable {
    let mut reader = csv::ReaderBuilder::new().from_reader(text.as_bytes());
    let headers: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let mut columns: Vec<Texts> = headers.iter().map(|_| Texts::default()).collect();
    let mut n_rows = 0;
    for record in reader.records() {
        n_rows += 1;
        for (column, cell) in columns.iter_mut().zip(record.unwrap().iter()) {
            column.push(cell);
        }
    }
    let columns = columns.into_iter().map(Column::Text).collect();
    RawTable::new(headers, columns, RowNumbers::From(1, n_rows))
}

/// JSON lines as a table, as a format wants them.
pub(in super::super) fn json_table(format: &BillFormat, text: &str) -> RawTable {
    let mut rows = MixedRows::default();
    for (number, line) in (1..).zip(text.lines()) {
        rows.push(number, flatten(serde_json::from_str(line).unwrap(), &format.wants));
    }
    rows.finish()
}

/// Binds a format to a table of its own.
pub(in super::super) fn bind(
    format: &BillFormat,
    table: &RawTable,
) -> Result<Box<dyn Bound>, IngestError> {
    assert!((format.fits)(&table.headers), "{:?}", table.headers);
    (format.bind)(table, "bill.csv")
}

/// Reads every row.
pub(in super::super) fn read(bound: &dyn Bound, table: &RawTable) -> Vec<ReadRow> {
    let coded: Vec<_> = bound.line_columns().iter().map(|at| table.coded(*at)).collect();
    (0..table.len())
        .map(|row| {
            let texts: Vec<Option<&str>> =
                coded.iter().map(|it| it.codes.get(row).and_then(|code| it.value(*code))).collect();
            let mut out = Parts::default();
            let (line, fault) = match bound.line(&texts) {
                Ok(line) => {
                    let fault = bound.row(table, row, &line.terms(), &mut out).err();
                    (Some(line), fault)
                }
                Err(fault) => (None, Some(fault)),
            };
            let parts = out.iter().copied().collect();
            ReadRow { line, parts, from_floats: out.from_floats, fault }
        })
        .collect()
}

/// Reads a table that has no fault.
pub(in super::super) fn read_all(format: &BillFormat, table: &RawTable) -> Vec<ReadRow> {
    let bound = bind(format, table).unwrap_or_else(|error| panic!("{error}"));
    let rows = read(bound.as_ref(), table);
    for (at, row) in rows.iter().enumerate() {
        assert_eq!(row.fault, None, "row {}", at + 1);
    }
    rows
}

/// Costs from texts: billed, effective, list, contracted; `-` for an unknown one.
pub(in super::super) fn costs(texts: [&str; 4]) -> Costs {
    let [billed, effective, list, contracted] =
        texts.map(|text| (text != "-").then(|| atto_from_text(text).unwrap()));
    Costs { billed, effective, list, contracted }
}

/// The sum of a cost over all parts of all rows.
pub(in super::super) fn sum(rows: &[ReadRow], cost: fn(&Costs) -> Option<i128>) -> i128 {
    rows.iter().flat_map(|row| &row.parts).filter_map(|part| cost(&part.costs)).sum()
}

/// The only part of a kind.
pub(in super::super) fn part(row: &ReadRow, kind: PartKind) -> &Part {
    let mut found = row.parts.iter().filter(|part| part.kind == kind);
    let first = found.next().unwrap_or_else(|| panic!("no {kind:?} in {:?}", row.parts));
    assert!(found.next().is_none(), "two {kind:?}");
    first
}
