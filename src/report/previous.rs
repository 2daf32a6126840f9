//! This month beside the report of an earlier one: how good its forecast was, and why spend moved.

use serde::Serialize;

use super::build::RunFacts;
use super::build_workload::rounded;
use super::comparison::{self, Comparison};
use super::model::ReportModel;
use super::past::{PastForecast, PastReport};
use crate::bridge::Outcome;
use crate::classify::data_end;
use crate::units::{Money, MoneyError, Timestamp};

/// What the earlier report says of this one.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PreviousReport {
    /// What its window is called.
    pub period_label: String,
    /// Its forecast of this window against what it cost.
    pub forecast_error: Option<ForecastError>,
    /// Why there is none.
    pub not_known: Option<String>,
    /// Why the spend moved; in detail by `gpuadvise diff`.
    pub since: SinceReport,
}

/// A forecast against what came.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ForecastError {
    /// `Oct 2026`.
    pub label: String,
    /// What was expected then, with the advice approved then.
    pub forecast: Money,
    /// Low end of its range.
    pub low: Money,
    /// High end.
    pub high: Money,
    /// Effective cost of the workloads.
    pub actual: Money,
    /// Forecast less actual.
    pub error: Money,
    /// That as a share of the actual, without its sign.
    pub share: Option<f64>,
    /// `low` where less was forecast than came, `high` where more, else `exact`.
    pub word: &'static str,
    /// What of the error is that approved actions were not carried out: as much less was forecast as they
    /// were to save. Zero or less where they save.
    pub of_actions: Money,
    /// The workloads of these actions.
    pub not_done: Vec<String>,
    /// What of the error is the forecast's own: the rest of it.
    pub of_forecast: Money,
    /// That as a share of the actual, without its sign: the measure of the practice.
    pub share_of_forecast: Option<f64>,
    /// Whether the actual lies in the range.
    pub in_range: bool,
    /// The share up to which the practice is mature.
    pub mature_within: f64,
    /// Workloads that the forecast left out.
    pub without: Vec<String>,
}

/// The bridge from the spend of the earlier window, in one line.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SinceReport {
    /// `Sep`, else `OLD`.
    pub label: String,
    /// What GPUs cost then, those that no workload claims included.
    pub old: Money,
    /// What they cost now.
    pub new: Money,
    /// Now less then.
    pub difference: Money,
    /// What that is made of; the amounts add up to it.
    pub steps: Vec<SinceStep>,
    /// Every workload whose cost moved, the largest change first; with the step `unclaimed` these add up to it
    /// too.
    pub workloads: Vec<SinceWorkload>,
}

/// What a workload cost in both windows.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SinceWorkload {
    /// Its name.
    pub workload: String,
    /// Effective cost then; nothing where it is not known or the workload was not there.
    pub old: Option<Money>,
    /// Effective cost now.
    pub new: Option<Money>,
    /// Now less then.
    pub difference: Money,
    /// The step that moved it most: `days`, `new`, `ended`, `volume`, `price`, `mix`, `actions`, `rest`.
    pub most: &'static str,
}

/// A step of a bridge.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SinceStep {
    /// `days`, `new`, `ended`, `volume`, `price`, `mix`, `actions`, `rest`, `unclaimed`.
    pub step: &'static str,
    /// The words for it.
    pub name: String,
    /// Its amount.
    pub amount: Money,
}

/// What `old` says of the report; `new` is the report itself, read back.
pub(super) fn previous(
    report: &ReportModel,
    (old, new): (PastReport, PastReport),
    run: RunFacts<'_>,
) -> Result<PreviousReport, MoneyError> {
    let both = Comparison::of(old, new)?;
    let (forecast_error, not_known) = match forecast_error(report, &both, run)? {
        Ok(found) => (Some(found), None),
        Err(why) => (None, Some(why)),
    };
    Ok(PreviousReport {
        period_label: both.old().period_label.clone(),
        forecast_error,
        not_known,
        since: comparison::line(&both),
    })
}

/// A forecast of 77,285.37 where 78,621.94 came is 1,336.57 or 1.7 % low. Where 1,000.00 of that were to be
/// saved by an approved action that nobody carried out, the forecast itself is 336.57 low.
fn forecast_error(
    report: &ReportModel,
    both: &Comparison,
    run: RunFacts<'_>,
) -> Result<Result<ForecastError, String>, MoneyError> {
    let old = both.old();
    if old.forecasts.is_empty() {
        return Ok(Err(format!("the report of {} forecast nothing", old.period_label)));
    }
    let window = run.ingested.window;
    let end = data_end(window.end(), run.zone);
    let starts = |text: &str, at: Timestamp| Timestamp::parse(text, run.zone).ok() == Some(at);
    let of_this =
        old.forecasts.iter().find(|it| starts(&it.start, window.start()) && starts(&it.end, end));
    let Some(then) = of_this else {
        let labels: Vec<&str> = old.forecasts.iter().map(|it| it.label.as_str()).collect();
        let (all, of) = (labels.join(", "), &report.period_label);
        return Ok(Err(format!(
            "cannot be compared: the report of {} forecast {all}, and this one is of {of}",
            old.period_label
        )));
    };
    let Some(actual) = report.totals.effective_cost else {
        let of = &report.period_label;
        return Ok(Err(format!("cannot be compared: what {of} cost is not in the data")));
    };
    let error = then.mean.checked_sub(actual)?;
    let (of_actions, not_done) = of_actions(then, both)?;
    let of_forecast = error.checked_sub(of_actions)?;
    let share =
        |of: Money| (actual.atto() > 0).then(|| rounded(of.to_f64().abs() / actual.to_f64()));
    Ok(Ok(ForecastError {
        label: then.label.clone(),
        forecast: then.mean,
        low: then.low,
        high: then.high,
        actual,
        error,
        share: share(error),
        word: match error.atto() {
            0 => "exact",
            1.. => "high",
            _ => "low",
        },
        of_actions,
        not_done,
        of_forecast,
        share_of_forecast: share(of_forecast),
        in_range: then.low <= actual && actual <= then.high,
        mature_within: run.catalog.assumptions.forecast.mature_error,
        without: old.not_forecast.clone(),
    }))
}

/// What of the error of a forecast is that approved actions were not carried out, and on which workloads.
fn of_actions(then: &PastForecast, both: &Comparison) -> Result<(Money, Vec<String>), MoneyError> {
    let left = then.approved.iter().filter(|it| is_left(both, &it.0));
    let mut amount = Money::zero(then.mean.currency());
    let mut workloads = Vec::new();
    for (workload, saved) in left {
        amount = amount.checked_sub(*saved)?;
        workloads.push(workload.clone());
    }
    Ok((amount, workloads))
}

/// Whether what was advised for a workload was not carried out: it comes up again, or nothing shows it.
fn is_left(both: &Comparison, workload: &str) -> bool {
    let promise = both.promises().iter().find(|it| it.workload == workload);
    promise.is_some_and(|it| matches!(it.outcome, Outcome::Open | Outcome::NotSeen))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::read_report;
    use crate::units::Currency;

    /// The report of the sample month.
    const REPORT: &str = include_str!("../../reports/usage/report.json");

    #[test]
    fn only_an_approved_action_that_was_not_done_is_apart() {
        let usd = |text: &str| Money::parse(text, Currency::USD).unwrap();
        let old = read_report(REPORT).unwrap();
        let mut new = old.clone();
        let to_change = |it: &str| ["switch", "stop", "schedule"].contains(&it);
        let changes = old.month.workloads.iter().filter(|it| to_change(&it.1.advice.action));
        let names: Vec<String> = changes.map(|it| it.0.clone()).take(2).collect();
        let [left, gone] = names.as_slice() else { panic!("{names:?}") };
        // What is not there any more is no action that somebody left undone.
        new.month.workloads.remove(gone);
        let then = PastForecast {
            label: "Nov 2026".to_owned(),
            start: "2026-11-01".to_owned(),
            end: "2026-12-01".to_owned(),
            mean: usd("900.00"),
            low: usd("890.00"),
            high: usd("910.00"),
            approved: vec![(left.clone(), usd("100.00")), (gone.clone(), usd("7.00"))],
        };
        let both = Comparison::of(old, new).unwrap();
        assert_eq!(of_actions(&then, &both), Ok((usd("-100.00"), vec![left.clone()])));
    }
}
