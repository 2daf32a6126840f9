//! Answers of Prometheus' HTTP API (`query_range`, or `query` with its single instant) as series.

use std::collections::BTreeMap;
use std::fmt;

use chrono_tz::Tz;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;

use super::collect::Collector;
use super::metric::Metric;
use super::series::Labels;
use crate::ingest::IngestError;
use crate::ingest::cell::{self, Cell};
use crate::ingest::rejected::excerpt;

/// One answer; a file may hold several, one after the other.
#[derive(Deserialize)]
struct Answer {
    status: String,
    #[serde(rename = "errorType")]
    error_type: Option<String>,
    error: Option<String>,
    data: Option<Payload>,
    warnings: Option<Vec<IgnoredAny>>,
}

#[derive(Deserialize)]
struct Payload {
    #[serde(rename = "resultType")]
    result_type: String,
    result: Vec<Item>,
}

/// One series as the server wrote it.
#[derive(Deserialize)]
struct Item {
    metric: BTreeMap<String, String>,
    values: Option<Points>,
    value: Option<Pair>,
    histogram: Option<IgnoredAny>,
    histograms: Option<IgnoredAny>,
}

/// The samples of a series in their order. One that is none has the time [`NO_TIME`] here and its
/// number in the series, from 1, with the reason in `bad`.
#[derive(Default)]
struct Points {
    samples: Vec<(i64, f64)>,
    bad: Vec<(u64, String)>,
}

/// The time of a sample that is none.
const NO_TIME: i64 = i64::MIN;

/// `[unix_s, "value"]`.
struct Pair(Result<(i64, f64), String>);

/// A JSON value of which only numbers are kept, those in quotes too.
enum Scalar {
    Number(f64),
    /// A text that is no number, cut short.
    Text(String),
    Other,
}

/// Reads all answers in a file.
pub(super) fn parse(bytes: &[u8], into: &mut Collector<'_>) -> Result<(), IngestError> {
    let mut n_series = 0;
    let answers = serde_json::Deserializer::from_slice(bytes).into_iter::<Answer>();
    for answer in answers {
        let answer = answer.map_err(|it| broken(&it, into.file()))?;
        add(answer, &mut n_series, into)?;
    }
    if n_series == 0 {
        into.notice(
            "the query found no series: the metric is not exported, or not in that time range",
        );
    }
    Ok(())
}

/// Broken JSON, with its place and never its content.
fn broken(error: &serde_json::Error, file: &str) -> IngestError {
    let place = format!("line {}, column {}", error.line(), error.column());
    let (reason, hint) = match error.classify() {
        Category::Eof => (
            format!("the JSON ends too early, at {place}"),
            "the download was cut off: run the query again",
        ),
        Category::Syntax | Category::Io => (
            format!("no JSON at {place}"),
            "save the server's answer as it is, without the lines a shell adds",
        ),
        Category::Data => (
            format!("at {place} is not what a Prometheus answer has there"),
            "save the answer of /api/v1/query_range; its `result` is a list of series",
        ),
    };
    IngestError::Unreadable { file: file.to_owned(), reason, hint: hint.to_owned() }
}

fn add(answer: Answer, n_series: &mut u64, into: &mut Collector<'_>) -> Result<(), IngestError> {
    let unreadable = |reason: String, hint: &str| IngestError::Unreadable {
        file: into.file().to_owned(),
        reason,
        hint: hint.to_owned(),
    };
    if answer.status != "success" {
        let kind = answer.error_type.unwrap_or_else(|| "no type".to_owned());
        let said = answer.error.unwrap_or_default();
        return Err(unreadable(
            format!("the server answered with an error ({}): {}", excerpt(&kind), excerpt(&said)),
            "mend the query; a range query answers at most 11,000 points per series, so cut longer \
             ranges into several",
        ));
    }
    let Some(payload) = answer.data else {
        return Err(unreadable("the answer has no `data`".to_owned(), "run the query again"));
    };
    if !matches!(payload.result_type.as_str(), "matrix" | "vector") {
        return Err(unreadable(
            format!("the answer is a {}, not a matrix of series", excerpt(&payload.result_type)),
            "query a metric by name over a range with /api/v1/query_range",
        ));
    }
    if let Some(n) = answer.warnings.map(|it| it.len()).filter(|it| *it > 0) {
        into.notice(&format!("the server gave {n} warnings: its answer may lack data"));
    }
    let is_vector = payload.result_type == "vector";
    if is_vector {
        into.notice(
            "the answer is one instant (a vector), which shows what there is but not how busy it \
             was; use /api/v1/query_range",
        );
    }
    for item in payload.result {
        *n_series += 1;
        add_series(item, is_vector, *n_series, into);
    }
    Ok(())
}

fn add_series(item: Item, is_vector: bool, number: u64, into: &mut Collector<'_>) {
    let samples = match (item.values, item.value) {
        (Some(points), None) if !is_vector => points,
        (None, Some(pair)) if is_vector => {
            let mut points = Points::default();
            points.push(pair);
            points
        }
        (None, None) if item.histogram.is_some() || item.histograms.is_some() => {
            into.ignores("native histograms");
            return;
        }
        _ => {
            into.rows += 1;
            let expected = if is_vector { "value" } else { "values" };
            let row = into.rows;
            return into.reject(row, Some(expected), format!("series {number} has none"));
        }
    };
    let before = into.rows;
    into.rows += samples.samples.len() as u64;
    let Some(name) = item.metric.get("__name__") else {
        into.ignores("series without a name: rate() or sum()");
        return;
    };
    let Some(metric) = Metric::from_name(name) else {
        into.ignores(name);
        return;
    };
    into.uses(name);
    for (position, reason) in samples.bad {
        let reason = format!("series {number}, sample {position}: {reason}");
        into.reject(before + position, Some(name), reason);
    }
    let mut points = samples.samples;
    let mut position = 0;
    points.retain_mut(|(at, value)| {
        position += 1;
        if *at == NO_TIME {
            return false;
        }
        match metric.reading(*value) {
            Ok(reading) => {
                *value = reading.unwrap_or(f64::NAN);
                return true;
            }
            Err(reason) => {
                let reason = format!("series {number}, sample {position}: {reason}");
                into.reject(before + position, Some(name), reason);
            }
        }
        false
    });
    let labels = Labels::pick(into.file(), |it| item.metric.get(it).map(String::as_str));
    into.series(metric, labels, points);
}

impl Points {
    fn push(&mut self, pair: Pair) {
        match pair.0 {
            Ok(sample) => self.samples.push(sample),
            Err(reason) => {
                self.samples.push((NO_TIME, f64::NAN));
                self.bad.push((self.samples.len() as u64, reason));
            }
        }
    }
}

impl<'de> Deserialize<'de> for Points {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Points, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Points;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of samples")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Points, A::Error> {
                let mut points = Points::default();
                while let Some(pair) = seq.next_element::<Pair>()? {
                    points.push(pair);
                }
                Ok(points)
            }
        }
        deserializer.deserialize_seq(List)
    }
}

impl<'de> Deserialize<'de> for Pair {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Pair, D::Error> {
        struct Two;
        impl<'de> Visitor<'de> for Two {
            type Value = Pair;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a time and a value")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Pair, A::Error> {
                let at = seq.next_element::<Scalar>()?;
                let value = seq.next_element::<Scalar>()?;
                let more = seq.next_element::<IgnoredAny>()?.is_some();
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Pair(match (at, value) {
                    (Some(at), Some(value)) if !more => sample(at, value),
                    _ => Err("it is not a time and a value".to_owned()),
                }))
            }
        }
        deserializer.deserialize_seq(Two)
    }
}

fn sample(at: Scalar, value: Scalar) -> Result<(i64, f64), String> {
    let number = |it: Scalar| match it {
        Scalar::Number(it) => Ok(it),
        Scalar::Text(it) => Err(format!("`{it}` is not a number")),
        Scalar::Other => Err("it is not a number".to_owned()),
    };
    let at = cell::time(Cell::Float(number(at)?), Tz::UTC)?.ok_or("it has no time")?;
    Ok((at.us(), number(value)?))
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Scalar, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Scalar;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, or one in quotes")
            }
            fn visit_f64<E>(self, it: f64) -> Result<Scalar, E> {
                Ok(Scalar::Number(it))
            }
            fn visit_u64<E>(self, it: u64) -> Result<Scalar, E> {
                Ok(Scalar::Number(it as f64))
            }
            fn visit_i64<E>(self, it: i64) -> Result<Scalar, E> {
                Ok(Scalar::Number(it as f64))
            }
            fn visit_str<E>(self, it: &str) -> Result<Scalar, E> {
                Ok(it.trim().parse().map_or_else(|_| Scalar::Text(excerpt(it)), Scalar::Number))
            }
            fn visit_bool<E>(self, _: bool) -> Result<Scalar, E> {
                Ok(Scalar::Other)
            }
            fn visit_unit<E>(self) -> Result<Scalar, E> {
                Ok(Scalar::Other)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Scalar, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Scalar::Other)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Scalar::Other)
            }
        }
        deserializer.deserialize_any(Any)
    }
}
