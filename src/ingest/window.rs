//! The window of the analysis: all data, or the part that `--since`, `--until` or `--month` asks for.

use chrono::{Datelike, NaiveDate, TimeZone};
use chrono_tz::Tz;

use super::{IngestError, RequestLog};
use crate::units::{Period, Timestamp, parse_span_us};
use crate::usage::UsageTable;

/// A minute in microseconds, to which request logs are rounded outward.
const MINUTE_US: i64 = 60_000_000;

/// Which part of the data to analyse.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WindowCut {
    /// A date, a timestamp, or a span back from the end of the data.
    pub since: Option<String>,
    /// A date or a timestamp: the first instant after the window.
    pub until: Option<String>,
    /// `Some("")` is the last month that lies wholly inside the data; else `YYYY-MM`.
    pub month: Option<String>,
}

impl WindowCut {
    /// Whether a part of the data is asked for.
    pub(super) fn is_some(&self) -> bool {
        *self != WindowCut::default()
    }

    /// What is asked for, also where the data begin later or end earlier: the account is cut by it,
    /// since a tax or a fee of a month has no hour of its own. `window` is what it came to.
    pub(super) fn asked(&self, window: Period, zone: Tz) -> Period {
        /// 1 January 2101.
        const END_US: i64 = 4_133_980_800_000_000;
        if self.month.is_some() {
            let first = window.start().in_zone(zone).date().with_day(1);
            return first.and_then(|it| whole_month(it, zone)).unwrap_or(window);
        }
        let instant = |text: &str| Timestamp::parse(text, zone).ok();
        let start = match &self.since {
            Some(text) if parse_span_us(text).is_ok() => Some(window.start()),
            Some(text) => instant(text),
            None => Some(Timestamp::from_us(0)),
        };
        let end = match &self.until {
            Some(text) => instant(text),
            None => Some(Timestamp::from_us(END_US)),
        };
        start.zip(end).and_then(|(start, end)| Period::new(start, end)).unwrap_or(window)
    }

    /// The window, given what the data span.
    pub(super) fn resolve(&self, span: Period, zone: Tz) -> Result<Period, IngestError> {
        let bad = |text: String| IngestError::BadWindow(text);
        if let Some(month) = &self.month {
            return month_of(month, span, zone);
        }
        let instant = |text: &str| Timestamp::parse(text, zone).map_err(|it| bad(it.to_string()));
        let end = match &self.until {
            Some(text) => instant(text)?.min(span.end()),
            None => span.end(),
        };
        let start = match &self.since {
            Some(text) => match parse_span_us(text) {
                Ok(us) => end.plus_us(-us).max(span.start()),
                Err(_) => instant(text)?.max(span.start()),
            },
            None => span.start(),
        };
        Period::new(start, end).ok_or_else(|| {
            bad(format!("the window ends at {end}, which is not after its start at {start}"))
        })
    }
}

fn month_of(text: &str, span: Period, zone: Tz) -> Result<Period, IngestError> {
    let bad = |text: String| IngestError::BadWindow(text);
    if !text.is_empty() {
        let first = NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d")
            .map_err(|_| bad(format!("`{text}` is not a month such as 2026-10")))?;
        let month = whole_month(first, zone)
            .ok_or_else(|| bad(format!("`{text}` is not a month such as 2026-10")))?;
        let empty = IngestError::EmptyWindow { window: month, data: span };
        return month.intersect(span).ok_or(empty);
    }
    // The last whole month inside the data, looking back from its end.
    let mut first = span.end().in_zone(zone).date().with_day(1);
    while let Some(day) = first {
        let Some(month) = whole_month(day, zone) else { break };
        if month.start() < span.start() {
            break;
        }
        if month.end() <= span.end() {
            return Ok(month);
        }
        first = day.pred_opt().and_then(|it| it.with_day(1));
    }
    Err(bad(format!("no whole month lies inside the data from {} to {}", span.start(), span.end())))
}

fn whole_month(first: NaiveDate, zone: Tz) -> Option<Period> {
    let next = first.checked_add_months(chrono::Months::new(1))?;
    let instant = |day: NaiveDate| {
        let local = zone.from_local_datetime(&day.and_hms_opt(0, 0, 0)?).earliest()?;
        Some(Timestamp::from_us(local.timestamp_micros()))
    };
    Period::new(instant(first)?, instant(next)?)
}

/// What all data span: rows by their periods, request logs to whole minutes.
pub(super) fn span_of(table: &UsageTable, logs: &[RequestLog]) -> Option<Period> {
    let of_logs = logs.iter().filter_map(RequestLog::span).reduce(Period::cover);
    match (table.span(), of_logs) {
        (Some(a), Some(b)) => Some(a.cover(b)),
        (a, b) => a.or(b),
    }
}

/// The whole minutes that hold the instants from `first` to `last`.
pub(super) fn minutes_around(first: i64, last: i64) -> Option<Period> {
    let start = Timestamp::from_us(first).floor_to(MINUTE_US);
    let end = Timestamp::from_us(last).ceil_to(MINUTE_US);
    // An event on the stroke of a minute still needs a minute to lie in.
    let end = if end.us() <= last { end.plus_us(MINUTE_US) } else { end };
    Period::new(start, end)
}

/// The rows that start inside the window, and those that start before it.
pub(super) fn split(table: UsageTable, window: Option<Period>) -> (UsageTable, UsageTable) {
    let nothing = UsageTable::new(table.currency);
    let Some(window) = window else { return (table, nothing) };
    let rows = |is_in: &dyn Fn(Timestamp) -> bool| -> Vec<bool> {
        table.period.iter().map(|it| is_in(it.start())).collect()
    };
    let (inside, earlier) = (rows(&|it| window.contains(it)), rows(&|it| it < window.start()));
    let mut before = nothing;
    if earlier.contains(&true) {
        before = table.clone();
        before.keep(&earlier);
    }
    let mut table = table;
    table.keep(&inside);
    (table, before)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(from: &str, to: &str) -> Period {
        let at = |text| Timestamp::parse(text, Tz::UTC).unwrap();
        Period::new(at(from), at(to)).unwrap()
    }

    #[test]
    fn windows_are_cut_as_asked() {
        let data = span("2026-09-20", "2026-11-03");
        let cut = |since: Option<&str>, until: Option<&str>, month: Option<&str>| {
            let own = |it: Option<&str>| it.map(str::to_owned);
            WindowCut { since: own(since), until: own(until), month: own(month) }
                .resolve(data, Tz::UTC)
        };
        assert_eq!(cut(None, None, None).unwrap(), data);
        assert_eq!(cut(Some("7d"), None, None).unwrap(), span("2026-10-27", "2026-11-03"));
        assert_eq!(
            cut(Some("2026-10-01"), Some("2026-11-01"), None).unwrap(),
            span("2026-10-01", "2026-11-01")
        );
        assert_eq!(cut(None, None, Some("")).unwrap(), span("2026-10-01", "2026-11-01"));
        assert_eq!(cut(None, None, Some("2026-09")).unwrap(), span("2026-09-20", "2026-10-01"));
        assert!(cut(None, None, Some("2025-01")).is_err());
        assert!(cut(None, None, Some("October")).is_err());
        assert!(cut(Some("2026-11-01"), Some("2026-10-01"), None).is_err());
        assert!(cut(Some("yesterday"), None, None).is_err());
    }

    #[test]
    fn a_month_is_the_zones_month() {
        let berlin: Tz = "Europe/Berlin".parse().unwrap();
        let data = span("2026-09-20", "2026-11-03");
        let cut = WindowCut { month: Some("2026-10".to_owned()), ..WindowCut::default() };
        let month = cut.resolve(data, berlin).unwrap();
        assert!((month.hours() - 745.0).abs() < 1e-9, "October has 25 hours on its last Sunday");
    }

    #[test]
    fn minutes_hold_the_last_event() {
        let minutes = minutes_around(61_000_000, 120_000_000).unwrap();
        assert_eq!((minutes.start().us(), minutes.end().us()), (60_000_000, 180_000_000));
    }
}
