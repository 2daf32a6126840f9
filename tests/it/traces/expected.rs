//! What the reference says of each series of a trace.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

/// A number of the reference.
#[derive(Clone, Debug)]
pub(super) struct Printed {
    pub(super) value: f64,
    /// Half a unit in its fourth significant digit, to which the reference rounds.
    pub(super) half_digit: f64,
}

impl Printed {
    fn parse(text: &str) -> Option<Printed> {
        let value: f64 = text.parse().ok()?;
        let fourth =
            if value == 0.0 { 0.0 } else { 10_f64.powf(value.abs().log10().floor() - 3.0) };
        // The binary form of a decimal is a little off.
        Some(Printed { value, half_digit: 0.5001 * fourth })
    }
}

/// Statistics by name; those of several keys as `name.key`.
pub(super) type Series = BTreeMap<String, Printed>;

fn of_json(value: &Value) -> Series {
    let mut series = Series::new();
    for (name, value) in value.as_object().unwrap() {
        for (key, value) in value.as_object().into_iter().flatten() {
            series
                .extend(Printed::parse(&value.to_string()).map(|it| (format!("{name}.{key}"), it)));
        }
        series.extend(Printed::parse(&value.to_string()).map(|it| (name.clone(), it)));
    }
    series
}

/// The series of a trace by name, from the table and from the JSON; the JSON has the aggregates and
/// the statistics of several keys.
pub(super) fn series(folder: &Path, trace: &str) -> BTreeMap<String, Series> {
    let text = std::fs::read_to_string(folder.join("stats.json")).unwrap();
    let all: Value = serde_json::from_str(&text).unwrap();
    let mut found: BTreeMap<String, Series> = all[trace]
        .as_object()
        .into_iter()
        .flatten()
        .filter(|it| it.1["kind"].is_string())
        .map(|(name, it)| (name.clone(), of_json(it)))
        .collect();
    let mut reader = csv::Reader::from_path(folder.join("stats_series.csv")).unwrap();
    let header = reader.headers().unwrap().clone();
    for row in reader.records().map(Result::unwrap).filter(|it| &it[0] == trace) {
        let numbers = header.iter().zip(&row).skip(2);
        let numbers =
            numbers.filter_map(|(name, text)| Some((name.to_owned(), Printed::parse(text)?)));
        found.entry(row[1].to_owned()).or_default().extend(numbers);
    }
    found
}
