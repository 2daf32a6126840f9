//! Laws of the day from which an action saves.

use chrono::NaiveDate;
use chrono_tz::Tz;

use super::fixture::report;
use crate::report::model::ReportModel;
use crate::report::weeks::{live, plan};
use crate::units::{Money, Timestamp};

fn of(saving: &str, today: &str, end_of_week: &str) -> (String, String, String) {
    let mut report = report();
    let advice = &mut report.workloads[0].advice;
    advice.monthly_savings = Money::parse(saving, report.currency).unwrap();
    let day = |text: &str| text.parse::<NaiveDate>().unwrap();
    let it = live(advice, day(today), day(end_of_week)).unwrap();
    (it.from, it.year_end, it.savings_by_year_end.to_decimal_string())
}

/// With work for everybody, planned from an instant.
fn planned(as_of: &str, zone: &str) -> ReportModel {
    let mut report = report();
    zone.clone_into(&mut report.time_zone);
    let change = report.workloads[0].advice.change.clone();
    for it in &mut report.workloads {
        it.advice.change.clone_from(&change);
        it.advice.live = None;
    }
    plan(&mut report, Timestamp::parse(as_of, Tz::UTC).unwrap(), 20.0).unwrap();
    report
}

#[test]
fn an_action_saves_from_the_end_of_its_week_to_the_end_of_the_year() {
    let said = of("730", "2026-12-04", "2026-12-11");
    assert_eq!(said, ("2026-12-11".into(), "2026-12-31".into(), "504.00".into()));
}

#[test]
fn after_the_year_an_action_has_its_day_and_saves_nothing_by_then() {
    assert_eq!(of("730", "2026-12-28", "2027-01-04").0, "2027-01-04");
    assert_eq!(of("730", "2026-12-28", "2027-01-04").2, "0.00");
    assert_eq!(of("730", "2026-12-25", "2027-01-01").2, "0.00");
    assert_eq!(of("730", "2027-01-01", "2027-01-08").1, "2027-12-31");
}

#[test]
fn days_are_those_of_the_clock_of_the_report() {
    let first = |zone| -> NaiveDate {
        planned("2026-12-31T23:00:00Z", zone).portfolio.plan[0].from.parse().unwrap()
    };
    assert_eq!((first("Europe/Berlin") - first("UTC")).num_days(), 1);
}

#[test]
fn the_parts_by_year_end_add_up() {
    let report = planned("2026-11-05", "UTC");
    let parts = report.workloads.iter().filter_map(|it| it.advice.live.as_ref());
    let parts: Vec<Money> = parts.map(|it| it.savings_by_year_end).collect();
    assert!(parts.len() > 1);
    let sum = Money::sum(parts, report.currency).unwrap();
    assert_eq!(sum, report.portfolio.savings_by_year_end);
}

#[test]
fn a_check_comes_after_the_action_and_a_second_plan_moves_it_once() {
    let mut report = planned("2026-11-05", "UTC");
    let dates = |it: &ReportModel| {
        let advice = &it.workloads[0].advice;
        (advice.live.as_ref().unwrap().from.clone(), advice.verify[0].date.clone())
    };
    let first = dates(&report);
    assert!(first.0 < first.1, "{first:?}");
    plan(&mut report, Timestamp::parse("2026-11-05", Tz::UTC).unwrap(), 20.0).unwrap();
    assert_eq!(dates(&report), first);
}
