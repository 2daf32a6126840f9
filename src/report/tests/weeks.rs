//! Laws of the day from which an action saves.

use chrono_tz::Tz;

use super::fixture::report;
use crate::report::weeks::{live, plan};
use crate::units::{Money, Timestamp};

fn at(day: &str) -> Timestamp {
    Timestamp::parse(day, Tz::UTC).unwrap()
}

fn of(saving: &str, as_of: &str, end_of_week: &str) -> Option<(String, String, String)> {
    let mut report = report();
    let advice = &mut report.workloads[0].advice;
    advice.monthly_savings = Money::parse(saving, report.currency).unwrap();
    let it = live(advice, at(as_of), at(end_of_week)).unwrap()?;
    Some((it.from, it.year_end, it.savings_by_year_end.to_decimal_string()))
}

#[test]
fn an_action_saves_from_the_end_of_its_week_to_the_end_of_the_year() {
    let said = of("730", "2026-12-04", "2026-12-11").unwrap();
    assert_eq!(said, ("2026-12-11".into(), "2026-12-31".into(), "504.00".into()));
    // The clock of the report may stand inside a day: days count whole.
    assert_eq!(of("730", "2026-12-04T10:00:00Z", "2026-12-11T10:00:00Z").unwrap(), said);
}

#[test]
fn after_the_year_nothing_is_said() {
    assert_eq!(of("730", "2026-12-28", "2027-01-04"), None);
    assert_eq!(of("730", "2026-12-25", "2027-01-01"), None);
    // 1 January 2027 is of the year 2027.
    assert_eq!(of("730", "2027-01-01", "2027-01-08").unwrap().1, "2027-12-31");
}

#[test]
fn the_parts_by_year_end_add_up() {
    let mut report = report();
    let change = report.workloads[0].advice.change.clone();
    for it in &mut report.workloads {
        it.advice.change = change.clone();
    }
    plan(&mut report, at("2026-11-05"), 20.0).unwrap();
    let parts = report.workloads.iter().filter_map(|it| it.advice.live.as_ref());
    let parts: Vec<Money> = parts.map(|it| it.savings_by_year_end).collect();
    assert!(parts.len() > 1);
    let sum = Money::sum(parts, report.currency).unwrap();
    assert_eq!(sum, report.portfolio.savings_by_year_end);
}
