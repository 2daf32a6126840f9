//! Which columns of a file a format takes, found by name, and what their cells hold.

use std::collections::BTreeMap;

use chrono_tz::Tz;

use super::super::IngestError;
use super::super::cell::{self, Cell};
use super::super::raw::RawTable;
use super::charge::{Costs, Fault, Part, PartKind, Parts};
use crate::units::{Period, Timestamp};

#[cfg(test)]
pub(super) mod fixtures;

/// A header without case, blanks, punctuation and byte order mark: `Interval Start`,
/// `interval_start` and `intervalStart` are one name.
pub(super) fn plain(header: &str) -> String {
    header.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// Whether a header is one of the names.
pub(super) fn is_one_of(header: &str, names: &[&str]) -> bool {
    let header = plain(header);
    names.iter().any(|it| plain(it) == header)
}

/// Whether one of the headers is one of the names.
pub(super) fn any_is(headers: &[String], names: &[&str]) -> bool {
    headers.iter().any(|it| is_one_of(it, names))
}

/// The column under one of the names; two of them are an error, and so is a type that holds no
/// single value.
pub(super) fn optional(
    table: &RawTable,
    file: &str,
    names: &[&'static str],
) -> Result<Option<usize>, IngestError> {
    let mut found = (0..table.headers.len()).filter(|at| is_one_of(&table.headers[*at], names));
    let first = found.next();
    if let (Some(first), Some(second)) = (first, found.next()) {
        return Err(IngestError::DoubleColumn {
            file: file.to_owned(),
            column: names.first().copied().unwrap_or_default(),
            first: table.headers[first].clone(),
            second: table.headers[second].clone(),
        });
    }
    if let Some(column) = first {
        table.check_type(column, file)?;
    }
    Ok(first)
}

/// The column under one of the names, or the error that tells what else could be done.
pub(super) fn required(
    table: &RawTable,
    file: &str,
    names: &[&'static str],
    hint: &str,
) -> Result<usize, IngestError> {
    optional(table, file, names)?.ok_or_else(|| IngestError::MissingColumn {
        file: file.to_owned(),
        column: names.first().copied().unwrap_or_default(),
        hint: hint.to_owned(),
    })
}

/// The columns that make the line of a format.
pub(super) struct LineColumns(Vec<usize>);

impl LineColumns {
    /// Those that the file has.
    pub(super) fn of(columns: impl IntoIterator<Item = Option<usize>>) -> LineColumns {
        LineColumns(columns.into_iter().flatten().collect())
    }

    /// In the order in which their texts come.
    pub(super) fn as_slice(&self) -> &[usize] {
        &self.0
    }

    /// The text of one of the columns; `None` where the column is not there or says nothing.
    pub(super) fn text<'a>(
        &self,
        texts: &[Option<&'a str>],
        column: Option<usize>,
    ) -> Option<&'a str> {
        let at = self.0.iter().position(|it| Some(*it) == column)?;
        let text = texts.get(at).copied().flatten()?.trim();
        let none = text.is_empty() || text.eq_ignore_ascii_case("null");
        (!none).then_some(text)
    }
}

/// The headers of columns, for the account of what was read.
pub(super) fn names_of(
    table: &RawTable,
    columns: impl IntoIterator<Item = Option<usize>>,
) -> Vec<String> {
    columns.into_iter().flatten().filter_map(|it| table.headers.get(it).cloned()).collect()
}

/// A fault of a cell in this column.
pub(super) fn fault(table: &RawTable, column: usize, reason: impl Into<String>) -> Fault {
    (table.headers.get(column).cloned(), reason.into())
}

/// An exact amount in 10^-18; `None` where the cell says nothing.
pub(super) fn amount(
    table: &RawTable,
    column: usize,
    row: usize,
    out: &mut Parts,
) -> Result<Option<i128>, Fault> {
    let found =
        cell::atto(table.cell(column, row)).map_err(|reason| fault(table, column, reason))?;
    Ok(found.map(|(atto, from_float)| {
        out.from_floats += u64::from(from_float);
        atto
    }))
}

/// An exact amount that a row cannot do without.
pub(super) fn needed_amount(
    table: &RawTable,
    column: usize,
    row: usize,
    out: &mut Parts,
) -> Result<i128, Fault> {
    amount(table, column, row, out)?.ok_or_else(|| fault(table, column, "there is no amount"))
}

/// An instant; a wall clock without an offset is UTC, as all formats that use this define.
pub(super) fn instant(table: &RawTable, column: usize, row: usize) -> Result<Timestamp, Fault> {
    cell::time(table.cell(column, row), Tz::UTC)
        .and_then(|found| found.ok_or_else(|| "there is no time".to_owned()))
        .map_err(|reason| fault(table, column, reason))
}

/// A number that is not negative; `None` where the cell says nothing.
pub(super) fn quantity(table: &RawTable, column: usize, row: usize) -> Result<Option<f64>, Fault> {
    cell::quantity(table.cell(column, row)).map_err(|reason| fault(table, column, reason))
}

/// A finite number, negative in corrections; `None` where the cell says nothing.
pub(super) fn number(table: &RawTable, column: usize, row: usize) -> Result<Option<f64>, Fault> {
    cell::number(table.cell(column, row)).map_err(|reason| fault(table, column, reason))
}

/// The period between two cells.
pub(super) fn period_between(
    table: &RawTable,
    (start, end): (usize, usize),
    row: usize,
) -> Result<Period, Fault> {
    Period::new(instant(table, start, row)?, instant(table, end, row)?)
        .ok_or_else(|| fault(table, end, "the period ends before it begins, or at once"))
}

/// Adds the one part of a row whose amounts could be read, then fails for its time or quantity.
pub(super) fn charge(
    out: &mut Parts,
    costs: Costs,
    period: Result<Period, Fault>,
    quantity: Result<Option<f64>, Fault>,
) -> Result<(), Fault> {
    // The row is refused for the missing period, so that nothing reads the one that stands in.
    const START: Timestamp = Timestamp::from_us(0);
    const END: Timestamp = Timestamp::from_us(1);
    let stand_in = Period::new(START, END);
    let (found, fault) = match (period, quantity) {
        (Ok(period), Ok(quantity)) => (Some((period, quantity)), None),
        (Ok(period), Err(fault)) => (Some((period, None)), Some(fault)),
        (Err(fault), quantity) => (stand_in.map(|it| (it, quantity.ok().flatten())), Some(fault)),
    };
    if let Some((period, quantity)) = found {
        out.push(Part { kind: PartKind::Main, period, billing_start: None, costs, quantity });
    }
    fault.map_or(Ok(()), Err)
}

/// Billed and effective cost of what knows no commitment.
pub(super) fn same_costs(atto: i128) -> Costs {
    Costs { billed: Some(atto), effective: Some(atto), list: None, contracted: None }
}

/// Why a row with other tags is refused.
pub(super) const NOT_TAGS: &str = "the tags are not a JSON object";

/// Tags from the text of a JSON object; a tag whose value is null is none. `None` where the text is
/// no object.
pub(super) fn tags(text: &str) -> Option<BTreeMap<String, String>> {
    let Ok(serde_json::Value::Object(object)) = serde_json::from_str(text) else { return None };
    let text_of = |value: serde_json::Value| match value {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) => Some(text),
        other => Some(other.to_string()),
    };
    Some(object.into_iter().filter_map(|(key, value)| Some((key, text_of(value)?))).collect())
}

/// The amount of a JSON value, and whether it came from a binary float.
pub(super) fn amount_of(value: &serde_json::Value) -> Option<(i128, bool)> {
    let cell = match value {
        serde_json::Value::String(text) => Cell::Text(text),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(whole) => Cell::Int(whole.into()),
            None => Cell::Float(number.as_f64()?),
        },
        _ => return None,
    };
    cell::atto(cell).ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_compared_without_their_dress() {
        for header in
            ["Interval Start", "interval_start", "intervalStart", "\u{feff}INTERVAL.START"]
        {
            assert!(is_one_of(header, &["interval_start"]), "{header}");
        }
        assert!(!is_one_of("interval_end", &["interval_start"]));
    }

    #[test]
    fn a_row_refused_for_its_time_still_shows_its_amount() {
        let mut out = Parts::default();
        let result = charge(&mut out, same_costs(7), Err((None, "no".to_owned())), Ok(Some(2.0)));
        assert_eq!(result, Err((None, "no".to_owned())));
        assert_eq!(out.iter().map(|it| it.costs.billed).collect::<Vec<_>>(), [Some(7)]);
    }

    #[test]
    fn tags_are_an_object() {
        let found = tags(r#"{"team":"search","gpu":true,"old":null,"tier":2}"#).unwrap();
        let shown: Vec<(&str, &str)> =
            found.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(shown, [("gpu", "true"), ("team", "search"), ("tier", "2")]);
        assert_eq!(tags("team=search"), None);
        assert_eq!(tags("[]"), None);
    }
}
