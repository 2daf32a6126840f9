//! The plan by week, and how many actions matter, of the advice that is asked for.

use super::decisions::{CountsAs, counts_as};
use super::model::{ReportModel, WeekReport, WorkloadReport};
use crate::recommend::{Grade, ToDo, n_that_matter, timetable};
use crate::units::{Money, Timestamp};

/// Share of the savings that the actions that matter make up.
const MATTERS: f64 = 0.95;
const WEEK_US: i64 = 7 * 86_400_000_000;

/// Places what is open or approved in weeks from `as_of` on; what was rejected or put off is in none.
pub(super) fn plan(report: &mut ReportModel, as_of: Timestamp, hours_per_week: f64) {
    let is_asked =
        |it: &&WorkloadReport| matches!(counts_as(it), CountsAs::Open | CountsAs::Approved);
    let asked = || report.workloads.iter().filter(is_asked).map(|it| &it.advice);
    let to_do = asked().filter_map(|it| {
        Some(ToDo {
            advice_id: it.id.clone(),
            grade: Grade::parse(&it.grade)?,
            effort_hours: it.change.as_ref()?.effort_hours,
            monthly_savings: it.monthly_savings,
        })
    });
    let weeks = timetable(to_do.collect(), hours_per_week).into_iter().map(|it| WeekReport {
        from: as_of.plus_us(WEEK_US * i64::from(it.number - 1)).to_date_string(),
        number: it.number,
        advice_ids: it.advice_ids,
        effort_hours: it.effort_hours,
        monthly_savings: it.monthly_savings,
    });
    let weeks = weeks.collect();
    let savings: Vec<Money> = asked().map(|it| it.monthly_savings).collect();
    report.portfolio.plan = weeks;
    report.portfolio.n_that_matter = n_that_matter(&savings, MATTERS) as u64;
}
