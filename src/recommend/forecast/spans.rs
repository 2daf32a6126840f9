//! The named months, quarters and years that a forecast is of.

use chrono::{Datelike, NaiveDate};
use chrono_tz::Tz;

use crate::classify::day_start;
use crate::units::{Period, Timestamp};

/// How long a span is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanKind {
    /// A calendar month.
    Month,
    /// Three of them, from January, April, July or October on.
    Quarter,
    /// A calendar year.
    Year,
}

impl SpanKind {
    /// The word in output.
    pub const fn as_str(self) -> &'static str {
        match self {
            SpanKind::Month => "month",
            SpanKind::Quarter => "quarter",
            SpanKind::Year => "year",
        }
    }
}

/// A calendar span.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// How long.
    pub kind: SpanKind,
    /// `Nov 2026`, `Q4 2026` or `2026`.
    pub label: String,
    /// Its first day and the first after it.
    pub dates: [NaiveDate; 2],
    /// The same as instants of the zone.
    pub whole: Period,
}

impl Span {
    fn of(kind: SpanKind, first: NaiveDate, zone: Tz) -> Option<Span> {
        let months = match kind {
            SpanKind::Month => 1,
            SpanKind::Quarter => 3,
            SpanKind::Year => 12,
        };
        let end = first.checked_add_months(chrono::Months::new(months))?;
        let label = match kind {
            SpanKind::Month => first.format("%b %Y").to_string(),
            SpanKind::Quarter => format!("Q{} {}", first.month0() / 3 + 1, first.year()),
            SpanKind::Year => first.year().to_string(),
        };
        let whole = Period::new(day_start(zone, first)?, day_start(zone, end)?)?;
        Some(Span { kind, label, dates: [first, end], whole })
    }

    /// The calendar month of an instant.
    pub fn month_of(at: Timestamp, zone: Tz) -> Option<Span> {
        Span::of(SpanKind::Month, at.in_zone(zone).date().with_day(1)?, zone)
    }

    /// The month after.
    pub fn next(&self, zone: Tz) -> Option<Span> {
        Span::of(self.kind, self.dates[1], zone)
    }

    /// The months of a period, those it only touches included.
    pub fn months_of(period: Period, zone: Tz) -> Vec<Span> {
        let months =
            std::iter::successors(Span::month_of(period.start(), zone), |it| it.next(zone));
        months.take_while(|it| it.whole.start() < period.end()).collect()
    }

    /// What of it lies after an instant.
    pub fn after(&self, from: Timestamp) -> Option<Period> {
        Period::new(self.whole.start().max(from), self.whole.end())
    }
}

/// What is forecast from an instant on: the month it lies in and those up to the end of the quarter of
/// the next whole month, that quarter, and its year. A span whose time ahead another has is left out,
/// unless part of it lies behind.
///
/// From 1 Nov 2026: Nov, Dec, Q4, 2026. From 1 Dec 2026: Dec, Q4, 2026. From 10 Dec: Dec, Jan, Feb, Mar, Q1 and 2027.
pub fn spans(from: Timestamp, zone: Tz) -> Vec<Span> {
    let Some(first) = Span::month_of(from, zone) else { return Vec::new() };
    let is_whole = first.whole.start() == from;
    let Some(whole) = (if is_whole { Some(first.clone()) } else { first.next(zone) }) else {
        return Vec::new();
    };
    let next = whole.dates[0];
    let start_of = |kind, month0: u32| {
        let first = NaiveDate::from_ymd_opt(next.year(), month0 + 1, 1)?;
        Span::of(kind, first, zone)
    };
    let quarter = start_of(SpanKind::Quarter, next.month0() / 3 * 3);
    let year = start_of(SpanKind::Year, 0);
    let end = quarter.as_ref().map_or(whole.whole.end(), |it| it.whole.end());
    let months = std::iter::successors(Some(first), |it| it.next(zone));
    months.take_while(|it| it.whole.end() <= end).chain(quarter).chain(year).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spans_of_a_day() {
        let check = |zone: &str, from: &str, expected: &[&str]| {
            let zone: Tz = zone.parse().unwrap();
            let from = Timestamp::parse(from, zone).unwrap();
            let labels: Vec<String> = spans(from, zone).into_iter().map(|it| it.label).collect();
            assert_eq!(labels, expected, "{from}");
        };
        check("UTC", "2026-11-01", &["Nov 2026", "Dec 2026", "Q4 2026", "2026"]);
        check("UTC", "2026-12-01", &["Dec 2026", "Q4 2026", "2026"]);
        let year = ["Dec 2026", "Jan 2027", "Feb 2027", "Mar 2027", "Q1 2027", "2027"];
        check("UTC", "2026-12-10", &year);
        check("UTC", "2027-01-01", &year[1..]);
        check("Europe/Berlin", "2026-11-12T06:00", &["Nov 2026", "Dec 2026", "Q4 2026", "2026"]);
    }

    #[test]
    fn a_month_has_its_own_hours() {
        let zone: Tz = "Europe/Berlin".parse().unwrap();
        let hours = |text: &str| {
            let at = Timestamp::parse(text, zone).unwrap();
            Span::month_of(at, zone).unwrap().whole.hours()
        };
        // 31 days, and the hour that October has twice; 28 days.
        assert!((hours("2026-10-12") - 745.0).abs() < 1e-9);
        assert!((hours("2027-02-01") - 672.0).abs() < 1e-9);
    }

    #[test]
    fn the_months_of_a_period() {
        let at = |text| Timestamp::parse(text, Tz::UTC).unwrap();
        let months = |from, to| -> Vec<String> {
            let period = Period::new(at(from), at(to)).unwrap();
            Span::months_of(period, Tz::UTC).into_iter().map(|it| it.label).collect()
        };
        assert_eq!(months("2026-10-01", "2026-11-01"), ["Oct 2026"]);
        assert_eq!(months("2026-10-31", "2026-12-02"), ["Oct 2026", "Nov 2026", "Dec 2026"]);
    }
}
