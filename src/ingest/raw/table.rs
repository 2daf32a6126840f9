//! A batch of rows as typed columns, whatever the file was written as.

use std::borrow::Cow;
use std::collections::BTreeMap;

use foldhash::fast::FixedState;
use indexmap::IndexSet;

use super::super::IngestError;
use super::super::cell::Cell;
use crate::usage::schema;

/// Rows of a file: all of them, or the part that is in memory at once.
pub(in crate::ingest) struct RawTable {
    /// Headers as the file has them; of a JSON object the path, as in `service.description`.
    pub(in crate::ingest) headers: Vec<String>,
    columns: Vec<Column>,
    rows: RowNumbers,
}

/// Which row of its file each row here is, from 1 without the header; the line, for JSON lines.
pub(in crate::ingest) enum RowNumbers {
    /// Consecutive rows from the first.
    From(u64, usize),
    /// One by one.
    List(Vec<u64>),
}

/// A column with the type that the file gives it.
pub(in crate::ingest) enum Column {
    /// Texts one after the other, as CSV has them.
    Text(Texts),
    /// Texts that repeat: a code per row and each text once.
    Coded(Coded),
    /// Binary floats.
    Float(Vec<Option<f64>>),
    /// Whole numbers.
    Int(Vec<Option<i64>>),
    /// Whole numbers above those of `Int`.
    UInt(Vec<Option<u64>>),
    /// Digits, and how many stand after the point.
    Decimal(Vec<Option<i128>>, usize),
    /// Microseconds since 1970, and whether the column carries a zone.
    Time(Vec<Option<i64>>, bool),
    /// Truth values.
    Bool(Vec<Option<bool>>),
    /// Values of JSON, each with its own type.
    Mixed(Vec<Value>),
    /// A type that no column of ours has, by its name; or a column that is not read.
    Other(String),
}

/// A value of JSON; lists and objects are their JSON text.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::ingest) enum Value {
    /// `null`, or no such key.
    Null,
    /// Text, a list or an object.
    Text(String),
    /// A number with a fraction or an exponent.
    Float(f64),
    /// A whole number.
    Int(i64),
    /// A truth value.
    Bool(bool),
}

/// Texts end to end in one buffer.
#[derive(Default)]
pub(in crate::ingest) struct Texts {
    bytes: String,
    ends: Vec<usize>,
}

impl Texts {
    /// Appends a text.
    pub(in crate::ingest) fn push(&mut self, text: &str) {
        self.bytes.push_str(text);
        self.ends.push(self.bytes.len());
    }

    fn row(&self, row: usize) -> Option<&str> {
        let end = *self.ends.get(row)?;
        let start = if row == 0 { 0 } else { *self.ends.get(row - 1)? };
        self.bytes.get(start..end)
    }
}

/// Texts that repeat.
#[derive(Default)]
pub(in crate::ingest) struct Coded {
    /// 0 for none, else one more than the place in `values`.
    pub(in crate::ingest) codes: Vec<u32>,
    /// The texts in the order of first sight.
    pub(in crate::ingest) values: Vec<String>,
}

impl Coded {
    /// The text of a code.
    pub(in crate::ingest) fn value(&self, code: u32) -> Option<&str> {
        (code as usize).checked_sub(1).and_then(|at| self.values.get(at)).map(String::as_str)
    }
}

/// The distinct tuples of texts of some columns.
pub(in crate::ingest) struct Tuples<'a> {
    /// For each row the number of its tuple, in the order of first sight.
    pub(in crate::ingest) of_rows: Vec<u32>,
    /// For each tuple the first row that has it.
    firsts: Vec<usize>,
    columns: Vec<Cow<'a, Coded>>,
}

impl Tuples<'_> {
    /// How many there are.
    pub(in crate::ingest) fn len(&self) -> usize {
        self.firsts.len()
    }

    /// The first row that has a tuple.
    pub(in crate::ingest) fn first_row(&self, tuple: usize) -> usize {
        self.firsts.get(tuple).copied().unwrap_or(usize::MAX)
    }

    /// The columns, with the texts of their codes.
    pub(in crate::ingest) fn columns(&self) -> &[Cow<'_, Coded>] {
        &self.columns
    }

    /// The codes of a tuple, in the order of the columns.
    pub(in crate::ingest) fn codes(&self, tuple: usize) -> impl Iterator<Item = u32> {
        let row = self.first_row(tuple);
        self.columns.iter().map(move |it| it.codes.get(row).copied().unwrap_or(0))
    }

    /// The texts of a tuple, in the order of the columns.
    pub(in crate::ingest) fn texts(&self, tuple: usize) -> impl Iterator<Item = Option<&str>> {
        self.codes(tuple).zip(&self.columns).map(|(code, column)| column.value(code))
    }
}

/// A number per row that is the same where the codes of the columns so far are: exact, for it is
/// their codes as the digits of one number, which begins anew from 0 before it would not fit.
struct Keys {
    of_rows: Vec<u64>,
    /// Above all keys.
    kinds: u64,
}

impl Keys {
    fn extend(&mut self, column: &Coded) {
        let digits = column.values.len() as u64 + 1;
        if digits == 1 {
            return;
        }
        if self.kinds.checked_mul(digits).is_none() {
            self.number();
        }
        for (key, code) in self.of_rows.iter_mut().zip(&column.codes) {
            *key = *key * digits + u64::from(*code);
        }
        self.kinds = self.kinds.saturating_mul(digits);
    }

    /// Numbers the keys in the order of first sight; gives the first row of each.
    fn number(&mut self) -> Vec<usize> {
        let mut known: IndexSet<u64, FixedState> = IndexSet::default();
        let mut firsts = Vec::new();
        for (row, key) in self.of_rows.iter_mut().enumerate() {
            let (number, is_new) = match known.get_index_of(key) {
                Some(number) => (number, false),
                None => known.insert_full(*key),
            };
            if is_new {
                firsts.push(row);
            }
            *key = number as u64;
        }
        self.kinds = firsts.len().max(1) as u64;
        firsts
    }
}

impl RowNumbers {
    fn len(&self) -> usize {
        match self {
            RowNumbers::From(_, count) => *count,
            RowNumbers::List(numbers) => numbers.len(),
        }
    }
}

impl RawTable {
    /// Columns that are as long as there are rows, in the order of the headers.
    pub(in crate::ingest) fn new(
        headers: Vec<String>,
        columns: Vec<Column>,
        rows: RowNumbers,
    ) -> RawTable {
        RawTable { headers, columns, rows }
    }

    /// Rows that can be read.
    pub(in crate::ingest) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The number of a row in its file.
    pub(in crate::ingest) fn row_number(&self, row: usize) -> u64 {
        match &self.rows {
            RowNumbers::From(first, _) => first + row as u64,
            RowNumbers::List(numbers) => numbers.get(row).copied().unwrap_or(0),
        }
    }

    /// A cell; `Null` past the end.
    pub(in crate::ingest) fn cell(&self, column: usize, row: usize) -> Cell<'_> {
        let found = match self.columns.get(column) {
            Some(Column::Text(it)) => it.row(row).map(Cell::Text),
            Some(Column::Coded(it)) => {
                it.codes.get(row).and_then(|code| it.value(*code)).map(Cell::Text)
            }
            Some(Column::Float(it)) => it.get(row).copied().flatten().map(Cell::Float),
            Some(Column::Int(it)) => {
                it.get(row).copied().flatten().map(|value| Cell::Int(value.into()))
            }
            Some(Column::UInt(it)) => {
                it.get(row).copied().flatten().map(|value| Cell::Int(value.into()))
            }
            Some(Column::Decimal(it, scale)) => {
                it.get(row).copied().flatten().map(|value| Cell::Decimal(value, *scale))
            }
            Some(Column::Time(it, aware)) => {
                it.get(row).copied().flatten().map(|us| Cell::Time(us, *aware))
            }
            Some(Column::Bool(it)) => it.get(row).copied().flatten().map(Cell::Bool),
            Some(Column::Mixed(it)) => it.get(row).map(|value| match value {
                Value::Null => Cell::Null,
                Value::Text(text) => Cell::Text(text),
                Value::Float(value) => Cell::Float(*value),
                Value::Int(value) => Cell::Int((*value).into()),
                Value::Bool(value) => Cell::Bool(*value),
            }),
            Some(Column::Other(_)) | None => None,
        };
        found.unwrap_or(Cell::Null)
    }

    /// A column, where one must look at it whole.
    pub(in crate::ingest) fn column(&self, column: usize) -> Option<&Column> {
        self.columns.get(column)
    }

    /// The codes of a column and its distinct texts; made here where the file has none. Numbers
    /// and truth values are taken as texts.
    pub(in crate::ingest) fn coded(&self, column: usize) -> Cow<'_, Coded> {
        match self.columns.get(column) {
            Some(Column::Coded(it)) => Cow::Borrowed(it),
            _ => Cow::Owned(self.code(column)),
        }
    }

    /// The distinct tuples of texts that these columns make.
    pub(in crate::ingest) fn tuples(&self, columns: &[usize]) -> Tuples<'_> {
        let columns: Vec<Cow<'_, Coded>> = columns.iter().map(|it| self.coded(*it)).collect();
        let mut keys = Keys { of_rows: vec![0; self.len()], kinds: 1 };
        for column in &columns {
            keys.extend(column);
        }
        let firsts = keys.number();
        #[expect(clippy::cast_possible_truncation, reason = "a number of a row of this batch")]
        let of_rows = keys.of_rows.iter().map(|it| *it as u32).collect();
        Tuples { of_rows, firsts, columns }
    }

    fn code(&self, column: usize) -> Coded {
        let mut index: indexmap::IndexMap<String, u32, FixedState> = indexmap::IndexMap::default();
        let mut codes = Vec::with_capacity(self.len());
        for row in 0..self.len() {
            let shown;
            let text = match self.cell(column, row) {
                Cell::Text(text) => text,
                Cell::Int(value) => {
                    shown = value.to_string();
                    &shown
                }
                Cell::Float(value) => {
                    shown = value.to_string();
                    &shown
                }
                Cell::Bool(value) => {
                    if value {
                        "true"
                    } else {
                        "false"
                    }
                }
                _ => {
                    codes.push(0);
                    continue;
                }
            };
            let next = u32::try_from(index.len() + 1).unwrap_or(u32::MAX);
            let code = match index.get(text) {
                Some(code) => *code,
                None => *index.entry(text.to_owned()).or_insert(next),
            };
            codes.push(code);
        }
        Coded { codes, values: index.into_keys().collect() }
    }

    /// Fails when the type of a column can hold no value of ours at all.
    pub(in crate::ingest) fn check_type(
        &self,
        column: usize,
        file: &str,
    ) -> Result<(), IngestError> {
        match (self.columns.get(column), self.headers.get(column)) {
            (Some(Column::Other(found)), Some(header)) => Err(IngestError::WrongType {
                file: file.to_owned(),
                column: header.clone(),
                found: found.clone(),
                expected: "single value",
            }),
            _ => Ok(()),
        }
    }

    /// The place of a header by its name without case and punctuation.
    pub(in crate::ingest) fn find(&self, name: &str) -> Option<usize> {
        self.headers.iter().position(|it| schema::normalized(it) == name)
    }
}

impl Clone for Coded {
    fn clone(&self) -> Coded {
        Coded { codes: self.codes.clone(), values: self.values.clone() }
    }
}

/// Collects rows of JSON values whose keys may differ from row to row.
#[derive(Default)]
pub(in crate::ingest) struct MixedRows {
    headers: Vec<String>,
    index: BTreeMap<String, usize>,
    columns: Vec<Vec<Value>>,
    numbers: Vec<u64>,
}

impl MixedRows {
    /// Appends a row: paths and values.
    pub(in crate::ingest) fn push(
        &mut self,
        number: u64,
        cells: impl IntoIterator<Item = (String, Value)>,
    ) {
        let before = self.numbers.len();
        for (key, value) in cells {
            let at = *self.index.entry(key.clone()).or_insert_with(|| {
                self.headers.push(key);
                self.columns.push(Vec::new());
                self.columns.len() - 1
            });
            let column = &mut self.columns[at];
            if column.len() <= before {
                column.resize(before, Value::Null);
                column.push(value);
            }
        }
        self.numbers.push(number);
    }

    /// Rows so far.
    pub(in crate::ingest) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// The rows as a table.
    pub(in crate::ingest) fn finish(self) -> RawTable {
        let rows = self.numbers.len();
        let columns = self
            .columns
            .into_iter()
            .map(|mut cells| {
                cells.resize(rows, Value::Null);
                Column::Mixed(cells)
            })
            .collect();
        RawTable::new(self.headers, columns, RowNumbers::List(self.numbers))
    }
}
