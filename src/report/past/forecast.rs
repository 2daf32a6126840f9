//! The forecast in a `report.json` of an earlier run.

use serde::Deserialize;

use super::{PastError, money};
use crate::units::{Currency, Money};

/// A forecast of an earlier report, with the advice approved then.
#[derive(Clone, Debug)]
pub struct PastForecast {
    /// `Nov 2026`.
    pub label: String,
    /// The first day in it.
    pub start: String,
    /// The first day after it.
    pub end: String,
    /// The mean.
    pub mean: Money,
    /// Low end of the range.
    pub low: Money,
    /// High end.
    pub high: Money,
    /// By how much the advice approved then lowers the mean, by workload; those it does not are left out.
    pub approved: Vec<(String, Money)>,
}

#[derive(Default, Deserialize)]
pub(super) struct ForecastOf {
    spans: Vec<SpanOf>,
    outlooks: Vec<OutlookOf>,
}

#[derive(Deserialize)]
struct SpanOf {
    label: String,
    start: String,
    end: String,
    with_approved: ExpectedOf,
    #[serde(default)]
    workloads: Vec<WorkloadOf>,
}

#[derive(Deserialize)]
struct WorkloadOf {
    workload: String,
    as_is: ExpectedOf,
    with_approved: ExpectedOf,
}

#[derive(Deserialize)]
struct ExpectedOf {
    mean: String,
    low: String,
    high: String,
}

#[derive(Deserialize)]
struct OutlookOf {
    workload: String,
    not_known: Option<String>,
}

impl ForecastOf {
    /// The forecasts, and the workloads that had none.
    pub(super) fn checked(
        self,
        currency: Currency,
    ) -> Result<(Vec<PastForecast>, Vec<String>), PastError> {
        let amount = |text: &str| money("forecast", text, currency);
        let spans = self.spans.into_iter().map(|it| {
            let of = &it.with_approved;
            let [mean, low, high] = [amount(&of.mean)?, amount(&of.low)?, amount(&of.high)?];
            let mut approved = Vec::new();
            for it in it.workloads {
                let saved = amount(&it.as_is.mean)?.checked_sub(amount(&it.with_approved.mean)?)?;
                if !saved.is_zero() {
                    approved.push((it.workload, saved));
                }
            }
            let (label, start, end) = (it.label, it.start, it.end);
            Ok(PastForecast { label, start, end, mean, low, high, approved })
        });
        let left_out = self.outlooks.into_iter().filter(|it| it.not_known.is_some());
        Ok((spans.collect::<Result<_, PastError>>()?, left_out.map(|it| it.workload).collect()))
    }
}
