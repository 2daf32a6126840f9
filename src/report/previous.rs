//! This month beside the report of an earlier one: how good its forecast was, and why spend moved.

use serde::Serialize;

use super::build::RunFacts;
use super::build_workload::rounded;
use super::comparison::{self, Comparison};
use super::model::ReportModel;
use super::past::PastReport;
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
    /// What the workloads cost then.
    pub old: Money,
    /// What they cost now.
    pub new: Money,
    /// Now less then.
    pub difference: Money,
    /// What that is made of; the amounts add up to it.
    pub steps: Vec<SinceStep>,
    /// Every workload whose cost moved, the largest change first; these add up to it too.
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
    /// `days`, `new`, `ended`, `volume`, `price`, `mix`, `actions`, `rest`.
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
    let (forecast_error, not_known) = match forecast_error(report, &old, run)? {
        Ok(found) => (Some(found), None),
        Err(why) => (None, Some(why)),
    };
    Ok(PreviousReport {
        period_label: old.period_label.clone(),
        forecast_error,
        not_known,
        since: comparison::line(&Comparison::of(old, new)?),
    })
}

/// A forecast of 77,285.37 where 78,621.94 came is 1,336.57 or 1.7 % low.
fn forecast_error(
    report: &ReportModel,
    old: &PastReport,
    run: RunFacts<'_>,
) -> Result<Result<ForecastError, String>, MoneyError> {
    if old.forecasts.is_empty() {
        return Ok(Err(format!("the report of {} forecast nothing", old.period_label)));
    }
    let window = run.ingested.window;
    let end = data_end(window.end(), run.zone);
    let starts = |text: &str, at: Timestamp| Timestamp::parse(text, run.zone).ok() == Some(at);
    let of_this =
        old.forecasts.iter().find(|it| starts(&it.start, window.start()) && starts(&it.end, end));
    let (Some(then), Some(actual)) = (of_this, report.totals.effective_cost) else {
        let labels: Vec<&str> = old.forecasts.iter().map(|it| it.label.as_str()).collect();
        let (all, of) = (labels.join(", "), &report.period_label);
        return Ok(Err(format!(
            "the report of {} forecast {all}, and this one is of {of}",
            old.period_label
        )));
    };
    let error = then.mean.checked_sub(actual)?;
    Ok(Ok(ForecastError {
        label: then.label.clone(),
        forecast: then.mean,
        low: then.low,
        high: then.high,
        actual,
        error,
        share: (actual.atto() > 0).then(|| rounded(error.to_f64().abs() / actual.to_f64())),
        word: match error.atto() {
            0 => "exact",
            1.. => "high",
            _ => "low",
        },
        in_range: then.low <= actual && actual <= then.high,
        mature_within: run.catalog.assumptions.forecast.mature_error,
        without: old.not_forecast.clone(),
    }))
}
