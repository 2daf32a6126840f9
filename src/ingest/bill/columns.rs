//! What the formats of bills share: finding columns, reading JSON in cells, checking periods.

use std::collections::BTreeMap;

use super::super::IngestError;
use super::super::raw::{Column, RawTable};
use super::super::rejected::excerpt;
use crate::units::{Currency, Period, Timestamp};

/// Longest period a charge may cover: 400 days, so that a year paid at once passes and a typo does
/// not.
const MOST_PERIOD_US: i64 = 400 * 86_400 * 1_000_000;

/// A header as letters and digits only, in lower case: `ChargePeriodStart`, `charge_period_start`
/// and `Charge Period Start` are one name.
pub(in crate::ingest) fn plain(header: &str) -> String {
    header.chars().filter(char::is_ascii_alphanumeric).map(|it| it.to_ascii_lowercase()).collect()
}

/// The headers of a file by their plain names.
pub(in crate::ingest) struct Columns {
    headers: Vec<String>,
    by_name: BTreeMap<String, usize>,
}

impl Columns {
    /// The headers of a table, of which no two may have one plain name.
    pub(in crate::ingest) fn of(table: &RawTable, file: &str) -> Result<Columns, IngestError> {
        let mut by_name = BTreeMap::new();
        for (at, header) in table.headers.iter().enumerate() {
            if matches!(table.column(at), Some(Column::Other(_))) {
                continue;
            }
            if let Some(first) = by_name.insert(plain(header), at) {
                return Err(IngestError::TwiceNamed {
                    file: file.to_owned(),
                    first: table.headers[first].clone(),
                    second: header.clone(),
                });
            }
        }
        Ok(Columns { headers: table.headers.clone(), by_name })
    }

    /// The column of a plain name.
    pub(in crate::ingest) fn find(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// The columns there are of these names, and for each name its place among them.
    pub(in crate::ingest) fn line<const N: usize>(
        &self,
        names: &[&str; N],
    ) -> (Vec<usize>, [Option<usize>; N]) {
        let mut at = Vec::new();
        let slots = names.map(|name| {
            self.find(name).map(|column| {
                at.push(column);
                at.len() - 1
            })
        });
        (at, slots)
    }

    /// A header as the file has it.
    pub(in crate::ingest) fn header(&self, column: usize) -> String {
        self.headers.get(column).cloned().unwrap_or_default()
    }

    /// Several headers, in the order of the file.
    pub(in crate::ingest) fn headers(&self, columns: impl Iterator<Item = usize>) -> Vec<String> {
        let mut columns: Vec<usize> = columns.collect();
        columns.sort_unstable();
        columns.dedup();
        columns.into_iter().map(|it| self.header(it)).collect()
    }
}

/// A text that says something: not blank, `NULL` or `n/a`.
pub(in crate::ingest) fn filled(text: Option<&str>) -> Option<&str> {
    let text = text?.trim();
    let none =
        text.is_empty() || text.eq_ignore_ascii_case("null") || text.eq_ignore_ascii_case("n/a");
    (!none).then_some(text)
}

/// The currency that a cell names: US dollars where it says nothing, nothing where it says no
/// currency.
pub(in crate::ingest) fn currency_in(text: Option<&str>) -> Option<Currency> {
    filled(text).map_or(Some(Currency::USD), |it| Currency::parse(it).ok())
}

/// The reason for a word that is none of those known.
pub(in crate::ingest) fn none_of(word: &str, known: &str) -> String {
    format!("`{}` is none of {known}", excerpt(word))
}

/// A JSON object of single values as texts; also without its braces, as Azure writes tags. Nothing
/// where the text is no object: tags are evidence, not money.
pub(in crate::ingest) fn object(text: &str) -> BTreeMap<String, String> {
    let parse =
        |text: &str| serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text);
    let found = parse(text).or_else(|_| parse(&format!("{{{text}}}")));
    let single = |value: serde_json::Value| match value {
        serde_json::Value::String(text) => Some(text),
        serde_json::Value::Number(number) => Some(number.to_string()),
        serde_json::Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    };
    found
        .unwrap_or_default()
        .into_iter()
        .filter_map(|(key, value)| single(value).map(|it| (key, it)))
        .collect()
}

/// The period between two instants, or why it is none.
pub(in crate::ingest) fn period(start: Timestamp, end: Timestamp) -> Result<Period, String> {
    let period = Period::new(start, end)
        .ok_or_else(|| format!("the period ends at {end}, not after its start"))?;
    if period.len_us() > MOST_PERIOD_US {
        return Err(format!("the period from {start} to {end} is longer than 400 days"));
    }
    Ok(period)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_come_with_and_without_braces() {
        for text in
            [r#"{"team":"llm","n":3,"b":true,"none":null}"#, r#""team": "llm","n":3,"b":true"#]
        {
            let found = object(text);
            assert_eq!(found.get("team").map(String::as_str), Some("llm"), "{text}");
            assert_eq!((found.get("n").map(String::as_str), found.len()), (Some("3"), 3), "{text}");
        }
        assert!(object("Lorem ipsum").is_empty());
    }

    #[test]
    fn names_ignore_case_and_marks() {
        for header in ["ChargePeriodStart", "charge_period_start", "Charge Period Start"] {
            assert_eq!(plain(header), "chargeperiodstart");
        }
        assert_eq!(filled(Some(" NULL ")), None);
        assert_eq!(filled(Some(" x ")), Some("x"));
    }

    #[test]
    fn a_period_has_a_length() {
        let at = Timestamp::from_s;
        assert!(period(at(0), at(0)).is_err());
        assert!(period(at(0), at(366 * 86_400)).is_ok());
        assert!(period(at(0), at(401 * 86_400)).is_err());
    }
}
