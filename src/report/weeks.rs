//! The plan by week, by when each action can be live, and how many matter, of the advice that is asked for.

use chrono::Datelike as _;
use chrono_tz::Tz;

use super::decisions::{CountsAs, counts_as};
use super::model::{AdviceReport, LiveReport, ReportModel, WeekReport, WorkloadReport};
use crate::recommend::{Grade, ToDo, n_that_matter, timetable};
use crate::units::{HOURS_PER_MONTH, Money, MoneyError, Timestamp};

/// Share of the savings that the actions that matter make up.
const MATTERS: f64 = 0.95;
const HOUR_US: i64 = 3_600_000_000;
const WEEK_US: i64 = 7 * 24 * HOUR_US;

/// Places what is open or approved in weeks from `as_of` on; what was rejected or put off is in none.
pub(super) fn plan(
    report: &mut ReportModel,
    as_of: Timestamp,
    hours_per_week: f64,
) -> Result<(), MoneyError> {
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
    let weeks: Vec<WeekReport> = weeks.collect();
    let savings: Vec<Money> = asked().map(|it| it.monthly_savings).collect();
    let ends = |it: &AdviceReport| {
        let week = weeks.iter().find(|week| week.advice_ids.contains(&it.id))?;
        Some(as_of.plus_us(WEEK_US * i64::from(week.number)))
    };
    let mut by_year_end = Money::zero(report.currency);
    for workload in &mut report.workloads {
        let advice = &mut workload.advice;
        advice.live = match ends(advice) {
            Some(end) => live(advice, as_of, end)?,
            None => None,
        };
        if let Some(it) = &advice.live {
            by_year_end = by_year_end.checked_add(it.savings_by_year_end)?;
        }
    }
    report.portfolio.savings_by_year_end = by_year_end;
    report.portfolio.plan = weeks;
    report.portfolio.n_that_matter = n_that_matter(&savings, MATTERS) as u64;
    Ok(())
}

/// From when an action saves: the day agreed on, else the end of its week in the plan. What it saves
/// from that day to the end of the year of `as_of`, nothing where the year is over by then.
///
/// 730.00 a month from 11 December 2026 on are 504 h, 504.00.
pub(super) fn live(
    advice: &AdviceReport,
    as_of: Timestamp,
    end_of_week: Timestamp,
) -> Result<Option<LiveReport>, MoneyError> {
    let due = advice.decision.as_ref().and_then(|it| it.due.as_ref());
    let due = due.and_then(|it| Timestamp::parse(it, Tz::UTC).ok()).filter(|it| *it >= as_of);
    let from = due.unwrap_or(end_of_week).floor_to(24 * HOUR_US);
    let year = as_of.in_zone(Tz::UTC).year();
    let Ok(year_end) = Timestamp::parse(&format!("{}-01-01", year + 1), Tz::UTC) else {
        return Ok(None);
    };
    let Ok(hours) = u64::try_from((year_end.us() - from.us()) / HOUR_US) else { return Ok(None) };
    if hours == 0 {
        return Ok(None);
    }
    Ok(Some(LiveReport {
        from: from.to_date_string(),
        year_end: format!("{year}-12-31"),
        savings_by_year_end: advice.monthly_savings.scale(hours, HOURS_PER_MONTH)?,
    }))
}
