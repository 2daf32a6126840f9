//! The plan by week, by when each action can be live, and how many matter, of the advice that is asked for.

use chrono::{Datelike as _, Days, Months, NaiveDate};
use chrono_tz::Tz;

use super::decisions::is_asked;
use super::model::{AdviceReport, LiveReport, ReportModel, WeekReport};
use crate::recommend::{Grade, ToDo, n_that_matter, timetable};
use crate::units::{HOURS_PER_MONTH, Money, MoneyError, Timestamp};

/// Share of the savings that the actions that matter make up.
const MATTERS: f64 = 0.95;

/// Places what is open or approved in weeks from `as_of` on; what was rejected or put off is in none.
pub(super) fn plan(
    report: &mut ReportModel,
    as_of: Timestamp,
    hours_per_week: f64,
) -> Result<(), MoneyError> {
    let today = today(report, as_of);
    let asked = || report.workloads.iter().filter(|it| is_asked(it)).map(|it| &it.advice);
    let to_do = asked().filter_map(|it| {
        Some(ToDo {
            advice_id: it.id.clone(),
            grade: Grade::parse(&it.grade)?,
            effort_hours: it.change.as_ref()?.effort_hours,
            monthly_savings: it.monthly_savings,
        })
    });
    let weeks = timetable(to_do.collect(), hours_per_week).into_iter().map(|it| WeekReport {
        from: (today + Days::new(7 * u64::from(it.number - 1))).to_string(),
        number: it.number,
        advice_ids: it.advice_ids,
        goes_on: it.goes_on,
        effort_hours: it.effort_hours,
        monthly_savings: it.monthly_savings,
    });
    let weeks: Vec<WeekReport> = weeks.collect();
    let savings: Vec<Money> = asked().map(|it| it.monthly_savings).collect();
    let ends = |it: &AdviceReport| {
        let week = weeks.iter().find(|week| week.advice_ids.contains(&it.id))?;
        Some(today + Days::new(7 * u64::from(week.number)))
    };
    let mut by_year_end = Money::zero(report.currency);
    for workload in &mut report.workloads {
        let advice = &mut workload.advice;
        let live = match ends(advice) {
            Some(end) => Some(live(advice, today, end)?),
            None => None,
        };
        // What is checked is checked so many days after the action is live.
        let base = advice.live.as_ref().and_then(|it| day(&it.from)).unwrap_or(today);
        let then = live.as_ref().and_then(|it| day(&it.from)).unwrap_or(today);
        for check in &mut advice.verify {
            if let Some(at) = day(&check.date) {
                check.date = (at + (then - base)).to_string();
            }
        }
        // A term is signed when the test has passed, not on the day of the report.
        if let Some(it) = &mut advice.commitment
            && let Some(end) = then.checked_add_months(Months::new(it.term_months))
        {
            it.end = end.to_string();
        }
        advice.live = live;
        if let Some(it) = &advice.live {
            by_year_end = by_year_end.checked_add(it.savings_by_year_end)?;
        }
    }
    report.portfolio.savings_by_year_end = by_year_end;
    report.portfolio.plan = weeks;
    report.portfolio.n_that_matter = n_that_matter(&savings, MATTERS) as u64;
    Ok(())
}

/// The day of the report, by its own clock.
pub(super) fn today(report: &ReportModel, as_of: Timestamp) -> NaiveDate {
    let zone: Tz = report.time_zone.parse().unwrap_or(Tz::UTC);
    as_of.in_zone(zone).date()
}

/// From when an action saves: the day agreed on, else the end of its week in the plan. What it saves
/// from that day to the end of the year of `today`: zero where the year is over by then.
///
/// 730.00 a month from 11 December 2026 on are 504 h, 504.00.
pub(super) fn live(
    advice: &AdviceReport,
    today: NaiveDate,
    end_of_week: NaiveDate,
) -> Result<LiveReport, MoneyError> {
    let due = advice.decision.as_ref().and_then(|it| day(it.due.as_ref()?));
    let from = due.filter(|it| *it >= today).unwrap_or(end_of_week);
    let year_end = NaiveDate::from_ymd_opt(today.year(), 12, 31).unwrap_or(today);
    let days = u64::try_from((year_end - from).num_days() + 1).unwrap_or(0);
    Ok(LiveReport {
        from: from.to_string(),
        year_end: year_end.to_string(),
        savings_by_year_end: advice.monthly_savings.scale(24 * days, HOURS_PER_MONTH)?,
    })
}

fn day(text: &str) -> Option<NaiveDate> {
    text.parse().ok()
}
