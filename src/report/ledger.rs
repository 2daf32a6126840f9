//! The ledger of promises: since when, what was to be saved by now, what was, and why the two differ.

use std::cmp::Ordering;

use chrono_tz::Tz;
use serde::Serialize;

use super::build_workload::rounded;
use super::model::{PromiseReport, ReportModel, WorkloadReport};
use super::past::PastReport;
use crate::classify::day_start;
use crate::ingest::{Decision, DecisionState, Promise};
use crate::units::{HOURS_PER_MONTH, Money, MoneyError, Period, Timestamp};

/// Microseconds of a month.
const MONTH_US: u64 = HOURS_PER_MONTH * 3_600_000_000;

/// A promise from its first day to the end of the window.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ToDateReport {
    /// The day it is due, else the day it was decided: from then on it was to save.
    pub since: String,
    /// Months of 730 hours from then to the end of the window; zero before that day.
    pub months: f64,
    /// What was to be saved in them.
    pub promised: Money,
    /// What was, at the traffic of then; nothing where a part of that time is in no report named.
    pub realised: Option<Money>,
    /// Why that is not known.
    pub not_known: Option<String>,
}

/// The time of a promise up to the end of the window, and the window; nothing for what was not agreed to.
fn time(decision: &Decision, report: &ReportModel) -> Option<(Timestamp, Period)> {
    if !matches!(decision.state, DecisionState::Accepted | DecisionState::Done) {
        return None;
    }
    let zone: Tz = report.time_zone.parse().ok()?;
    let start = day_start(zone, decision.due.or(decision.decided)?)?;
    Some((start, window(report)?))
}

fn window(report: &ReportModel) -> Option<Period> {
    let at = |text: &str| Timestamp::parse(text, Tz::UTC).ok();
    Period::new(at(&report.totals.window_start)?, at(&report.totals.window_end)?)
}

/// From one instant to another; zero where the other is not later.
fn between_us(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.us() - from.us()).unwrap_or(0)
}

/// What a promise comes to so far. 300.00 a month promised and 250.00 realised since the first of two
/// months of 730 hours, both in the window, are 600.00 and 500.00.
pub(super) fn to_date(
    decision: &Decision,
    (promised, realised): (Money, Option<Money>),
    report: &ReportModel,
) -> Result<Option<ToDateReport>, MoneyError> {
    let Some((start, window)) = time(decision, report) else { return Ok(None) };
    let us = between_us(start, window.end());
    let window_us = between_us(window.start(), window.end());
    let (realised, not_known) = match realised {
        _ if us == 0 => (Some(Money::zero(promised.currency())), None),
        None => (None, Some("what it saves a month is not known".to_owned())),
        // What a month saved is the mean of the whole window, the time before the action in it.
        Some(saved) if start >= window.start() => (Some(saved.scale(window_us, MONTH_US)?), None),
        Some(_) => {
            let day = window.start().to_date_string();
            let why = format!(
                "what it saved before {day} is in the report of that time: name it with --previous"
            );
            (None, Some(why))
        }
    };
    Ok(Some(ToDateReport {
        since: decision.due.or(decision.decided).map(|it| it.to_string()).unwrap_or_default(),
        months: rounded(us as f64 / MONTH_US as f64),
        promised: promised.scale(us, MONTH_US)?,
        realised,
        not_known,
    }))
}

/// Adds what an earlier report knew of each promise, where this window begins as that one ends.
pub(super) fn carry(report: &mut ReportModel, old: &PastReport) -> Result<(), MoneyError> {
    let Some(window) = window(report).filter(|it| it.start() == old.month.window.end()) else {
        return Ok(());
    };
    for it in &mut report.portfolio.promises {
        let (Some(before), Some(saved)) =
            (old.realised.get(&it.advice), it.realised_monthly_savings)
        else {
            continue;
        };
        let is_same = before.currency() == saved.currency();
        let open = it.to_date.as_mut().filter(|it| is_same && it.realised.is_none());
        if let Some(to_date) = open {
            let now = saved.scale(between_us(window.start(), window.end()), MONTH_US)?;
            (to_date.realised, to_date.not_known) = (Some(before.checked_add(now)?), None);
        }
    }
    Ok(())
}

/// By how much traffic moved a month's bill, which is in neither saving: the bill of now less what the traffic
/// of then would cost now. Nothing where no unit counts the traffic.
pub(super) fn moved_by_traffic(
    promise: &Promise,
    realised: Option<Money>,
    workload: Option<&WorkloadReport>,
) -> Result<Option<Money>, MoneyError> {
    let (Some(then), Some(saved), Some(_)) = (promise.monthly_cost, realised, &promise.unit) else {
        return Ok(None);
    };
    // A stop leaves no traffic.
    let stopped = promise.monthly_savings == then;
    let now = workload.and_then(|it| it.baseline.monthly_cost).filter(|_| !stopped);
    now.map(|now| now.checked_sub(then.checked_sub(saved)?)).transpose()
}

/// Why a promise and what came of it differ, as far as the data say; nothing where they do not.
pub(super) fn why(
    decision: &Decision,
    it: &PromiseReport,
    workload: Option<&WorkloadReport>,
) -> Option<String> {
    let is_early = it.to_date.as_ref().is_some_and(|it| it.months <= 0.0);
    if is_early {
        return None;
    }
    if workload.is_some_and(|it| it.advice.id == decision.advice) {
        return Some("not done, or undone: its advice still comes up".to_owned());
    }
    if it.realised_monthly_savings? == it.promised_monthly_savings {
        return None;
    }
    Some(match (&it.unit, it.unit_cost_then, it.unit_cost_now) {
        (Some(_), Some(then), Some(now)) => {
            let more = match now.atto().cmp(&then.atto()) {
                Ordering::Greater => "more than",
                Ordering::Less => "less than",
                Ordering::Equal => "as much as",
            };
            let traffic = if it.bill_moved_by_traffic.is_some() {
                "; traffic is in neither amount"
            } else {
                ""
            };
            format!(
                "its advice no longer comes up and a unit costs {more} then: by the price or by the use \
                 of its GPUs, which the decision does not tell apart{traffic}"
            )
        }
        _ => {
            "nothing counts its traffic: what more or less of it costs is in the amount".to_owned()
        }
    })
}
