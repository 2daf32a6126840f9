//! Which columns of a file a format takes, found by name, and what the texts of a line hold.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::super::IngestError;
use super::super::cell::{self, Cell};
use super::super::raw::RawTable;
use super::super::rejected::excerpt;
use super::charge::Fault;
use crate::units::Currency;

pub(super) use super::super::cell::filled;

#[cfg(test)]
pub(super) mod fixtures;

/// Why a row with other tags is refused.
pub(super) const NOT_TAGS: &str = "the tags are not a JSON object";

/// The letters and digits of a name, in lower case.
fn letters(name: &str) -> impl Iterator<Item = u8> {
    name.bytes().filter(u8::is_ascii_alphanumeric).map(|it| it.to_ascii_lowercase())
}

/// A name as letters and digits only, in lower case: `ChargePeriodStart`, `charge_period_start` and
/// `Charge Period Start` are one name.
pub(super) fn plain(name: &str) -> String {
    letters(name).map(char::from).collect()
}

/// Whether a header is one of the names, in any dress.
pub(super) fn is_one_of(header: &str, names: &[&str]) -> bool {
    names.iter().any(|it| letters(it).eq(letters(header)))
}

/// Whether one of the headers is one of the names.
pub(super) fn any_is(headers: &[String], names: &[&str]) -> bool {
    headers.iter().any(|it| is_one_of(it, names))
}

/// A header of a table, without a byte order mark.
pub(super) fn header_of(table: &RawTable, column: usize) -> Option<String> {
    table.headers.get(column).map(|it| it.trim_start_matches('\u{feff}').trim().to_owned())
}

/// Finds the columns of a file by their names.
pub(super) struct Columns<'a> {
    table: &'a RawTable,
    file: &'a str,
    name_of: fn(&str) -> &str,
    ranked: bool,
    used: BTreeSet<usize>,
}

impl<'a> Columns<'a> {
    /// Where several names are given they are one column, of which a file has one.
    pub(super) fn of(table: &'a RawTable, file: &'a str) -> Columns<'a> {
        Columns { table, file, name_of: |it| it, ranked: false, used: BTreeSet::new() }
    }

    /// Where several names are given the first that the file has counts; `name_of` is what of a
    /// header is its name.
    pub(super) fn ranked(
        table: &'a RawTable,
        file: &'a str,
        name_of: fn(&str) -> &str,
    ) -> Columns<'a> {
        Columns { name_of, ranked: true, ..Columns::of(table, file) }
    }

    /// The column under one of the names. Two of one name are an error, and so is a type that holds
    /// no single value.
    pub(super) fn find(&mut self, names: &[&'static str]) -> Result<Option<usize>, IngestError> {
        let headers = &self.table.headers;
        for names in names.chunks(if self.ranked { 1 } else { names.len().max(1) }) {
            let is = |at: &usize| is_one_of((self.name_of)(&headers[*at]), names);
            let mut found = (0..headers.len()).filter(is);
            let Some(first) = found.next() else { continue };
            if let Some(second) = found.next() {
                return Err(IngestError::DoubleColumn {
                    file: self.file.to_owned(),
                    column: names.first().copied().unwrap_or_default(),
                    first: header_of(self.table, first).unwrap_or_default(),
                    second: header_of(self.table, second).unwrap_or_default(),
                });
            }
            self.take(first)?;
            return Ok(Some(first));
        }
        Ok(None)
    }

    /// The column under one of the names, or the error that tells what else could be done.
    pub(super) fn need(
        &mut self,
        names: &[&'static str],
        hint: &str,
    ) -> Result<usize, IngestError> {
        self.find(names)?.ok_or_else(|| IngestError::MissingColumn {
            file: self.file.to_owned(),
            column: names.first().copied().unwrap_or_default(),
            hint: hint.to_owned(),
        })
    }

    /// The columns of a line by their names, and `more` behind them.
    pub(super) fn line<const N: usize>(
        &mut self,
        names: [&[&'static str]; N],
        more: &[usize],
    ) -> Result<LineColumns<N>, IngestError> {
        let mut fields = [None; N];
        for (field, names) in fields.iter_mut().zip(names) {
            *field = self.find(names)?;
        }
        self.line_of(fields, more)
    }

    /// As [`Columns::line`], of columns that are found.
    pub(super) fn line_of<const N: usize>(
        &mut self,
        fields: [Option<usize>; N],
        more: &[usize],
    ) -> Result<LineColumns<N>, IngestError> {
        let mut columns = Vec::new();
        let places = fields.map(|field| {
            columns.push(field?);
            Some(columns.len() - 1)
        });
        columns.extend_from_slice(more);
        columns.iter().try_for_each(|it| self.take(*it))?;
        let headers = columns.iter().map(|it| header_of(self.table, *it)).collect();
        Ok(LineColumns { columns, headers, places })
    }

    fn take(&mut self, column: usize) -> Result<(), IngestError> {
        self.used.insert(column);
        self.table.check_type(column, self.file)
    }

    /// The headers of all that was found, in the order of the file.
    pub(super) fn used(&self) -> Vec<String> {
        self.used.iter().filter_map(|it| header_of(self.table, *it)).collect()
    }
}

/// The columns that make the line of a bill, of which a file may lack any.
pub(super) struct LineColumns<const N: usize> {
    columns: Vec<usize>,
    headers: Vec<Option<String>>,
    /// Of each field its place among the columns.
    places: [Option<usize>; N],
}

impl<const N: usize> LineColumns<N> {
    /// The columns, in the order in which the texts come.
    pub(super) fn columns(&self) -> &[usize] {
        &self.columns
    }

    /// The column of a field.
    pub(super) fn column(&self, field: usize) -> Option<usize> {
        self.places[field].map(|at| self.columns[at])
    }

    /// The texts by field; texts that say nothing are `None`.
    pub(super) fn texts<'a>(&self, texts: &[Option<&'a str>]) -> [Option<&'a str>; N] {
        self.places.map(|at| filled(texts.get(at?).copied().flatten()))
    }

    /// The texts of the columns behind the fields.
    pub(super) fn more<'a, 't>(
        &self,
        texts: &'t [Option<&'a str>],
    ) -> impl Iterator<Item = Option<&'a str>> + 't {
        texts.iter().skip(self.places.iter().flatten().count()).map(|text| filled(*text))
    }

    /// The currency that a field names.
    pub(super) fn currency(
        &self,
        texts: &[Option<&str>],
        field: usize,
    ) -> Result<Option<Currency>, Fault> {
        let Some(text) = self.texts(texts)[field] else { return Ok(None) };
        let why = |_| format!("`{}` is not a three-letter currency code", excerpt(text));
        Currency::parse(text).map(Some).map_err(|it| self.fault(field, why(it)))
    }

    /// As [`LineColumns::currency`], of a bill that is in US dollars where it names none; nothing
    /// where what it names is no currency.
    pub(super) fn currency_or_usd(&self, texts: &[Option<&str>], field: usize) -> Option<Currency> {
        self.currency(texts, field).ok().map(|it| it.unwrap_or(Currency::USD))
    }

    /// A fault of a field.
    pub(super) fn fault(&self, field: usize, why: impl Into<String>) -> Fault {
        (self.places[field].and_then(|at| self.headers[at].clone()), why.into())
    }
}

/// The reason for a word that is none of those known.
pub(super) fn none_of(word: &str, known: &str) -> String {
    format!("`{}` is none of {known}", excerpt(word))
}

/// Tags: the single values of a JSON object, also without its braces, as Azure writes it, or as a
/// list of keys and values, as Google does. `None` where the text is none of these.
pub(super) fn tags(text: &str) -> Option<BTreeMap<String, String>> {
    let object = || serde_json::from_str(&format!("{{{text}}}"));
    let pairs: Vec<(String, Value)> = match serde_json::from_str(text).or_else(|_| object()).ok()? {
        Value::Object(object) => object.into_iter().collect(),
        Value::Array(items) => {
            let pair = |it: &Value| {
                let value = it.get("value").cloned().unwrap_or_default();
                Some((it.get("key")?.as_str()?.to_owned(), value))
            };
            items.iter().map(pair).collect::<Option<_>>()?
        }
        _ => return None,
    };
    let single = |value: Value| match value {
        Value::String(text) => Some(text),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    };
    Some(pairs.into_iter().filter_map(|(key, value)| Some((key, single(value)?))).collect())
}

/// The exact amount of a JSON value, and whether it comes from a binary float.
pub(super) fn json_amount(value: &Value) -> Result<Option<(i128, bool)>, String> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => cell::atto(Cell::Text(text)),
        Value::Number(number) => cell::atto(match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Cell::Int(whole.into()),
            (None, float) => Cell::Float(float.unwrap_or(f64::NAN)),
        }),
        other => Err(format!("`{}` is not a decimal amount", excerpt(&other.to_string()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_without_their_dress() {
        for header in
            ["Interval Start", "interval_start", "intervalStart", "\u{feff}INTERVAL.START"]
        {
            assert!(is_one_of(header, &["interval_start"]), "{header}");
            assert_eq!(plain(header), "intervalstart");
        }
        assert!(!is_one_of("interval_end", &["interval_start"]));
    }

    #[test]
    fn a_name_is_one_column() {
        let table = fixtures::csv_table("\u{feff}a,b,Fee (a),c,C\n1,2,3,4,5\n");
        let mut columns = Columns::of(&table, "bill");
        assert_eq!(columns.find(&["x", "B"]).unwrap(), Some(1));
        assert_eq!(columns.find(&["feea"]).unwrap(), Some(2));
        let error = |found: Result<_, IngestError>| found.err().unwrap().to_string();
        let both = "bill: the columns `b` and `Fee (a)` both mean `fee_a`";
        assert_eq!(error(columns.find(&["fee_a", "b"])), both);
        let missing = "bill: the column `d` is missing";
        assert_eq!(columns.need(&["d"], "").err().unwrap().to_string(), missing);
        assert_eq!(columns.used(), ["b", "Fee (a)"]);
        let mut columns = Columns::ranked(&table, "bill", |it| it);
        assert_eq!(columns.find(&["d", "fee_a", "b"]).unwrap(), Some(2));
        let both = "bill: the columns `c` and `C` both mean `c`";
        assert_eq!(error(columns.find(&["c", "b"])), both);
    }

    #[test]
    fn tags_come_with_and_without_braces_and_as_pairs() {
        for text in [
            r#"{"team":"llm","n":3,"b":true,"none":null,"list":[1]}"#,
            r#""team": "llm","n":3,"b":true"#,
            r#"[{"key":"team","value":"llm"},{"key":"n","value":3},{"key":"b","value":true},{"key":"x"}]"#,
        ] {
            let found = tags(text).unwrap();
            let shown: Vec<(&str, &str)> = found.iter().map(|(k, v)| (&**k, &**v)).collect();
            assert_eq!(shown, [("b", "true"), ("n", "3"), ("team", "llm")], "{text}");
        }
        for text in ["Lorem ipsum", "team=search", "[1]", "7"] {
            assert_eq!(tags(text), None, "{text}");
        }
    }
}
