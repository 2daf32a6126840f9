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
            Ok(PastForecast { label: it.label, start: it.start, end: it.end, mean, low, high })
        });
        let left_out = self.outlooks.into_iter().filter(|it| it.not_known.is_some());
        Ok((spans.collect::<Result<_, PastError>>()?, left_out.map(|it| it.workload).collect()))
    }
}
