//! What named months to come will cost, as it is and with advice that is followed.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::Serialize;

use super::build::RunFacts;
use super::build_workload::rounded;
use super::decisions::counts_as;
use super::model::{CountsAs, ReportModel, WorkloadReport};
use crate::classify::{data_end, day_start};
use crate::recommend::{self, Basis, Expected, Foreseen, Outlook, Risk, Saving, Span, spans};
use crate::units::{Currency, Money, MoneyError, Timestamp};

/// What the amounts are of.
const BASIS: &str = "effective cost of the workloads in calendar hours: each hour as its weekday in the latest whole weeks, moved by a certain trend or a declared growth";

/// The months to come.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ForecastReport {
    /// Where the data end, RFC 3339.
    pub from: String,
    /// What the amounts are of.
    pub basis: &'static str,
    /// Months, the quarter, the year; empty where no workload has the days it needs.
    pub spans: Vec<SpanReport>,
    /// What the forecast of each workload rests on, or why there is none.
    pub outlooks: Vec<OutlookReport>,
}

/// A named month, quarter or year.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SpanReport {
    /// `month`, `quarter` or `year`.
    pub kind: &'static str,
    /// `Nov 2026`, `Q4 2026`, `2026`; `rest of Q4 2026` where its beginning is not in the data.
    pub label: String,
    /// Its first day that is in the amounts.
    pub start: String,
    /// The first day after it.
    pub end: String,
    /// Hours in the amounts.
    pub hours: f64,
    /// True where the amounts are of all of it.
    pub whole: bool,
    /// What of it was paid already, and is in every amount.
    pub spent: Option<Money>,
    /// The sum of the workloads, as it is.
    pub as_is: ExpectedReport,
    /// With the advice that was approved, each from the day it can be live.
    pub with_approved: ExpectedReport,
    /// With all advice that is asked for, the approved included, each from the day it can be live.
    pub with_advice: ExpectedReport,
    /// By workload; the means add up to those above.
    pub workloads: Vec<WorkloadSpan>,
}

/// A workload in a span.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct WorkloadSpan {
    /// Its name.
    pub workload: String,
    /// As it is.
    pub as_is: ExpectedReport,
    /// With the advice that was approved.
    pub with_approved: ExpectedReport,
    /// With all advice that is asked for.
    pub with_advice: ExpectedReport,
}

/// An expected cost and its range.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ExpectedReport {
    /// The mean.
    pub mean: Money,
    /// Low end of the range.
    pub low: Money,
    /// High end.
    pub high: Money,
    /// Share of outcomes inside.
    pub level: f64,
}

/// What the forecast of a workload rests on.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct OutlookReport {
    /// Its name.
    pub workload: String,
    /// `weeks` where the range rests on how much whole weeks differ, else `days`.
    pub basis: Option<&'static str>,
    /// How many of them.
    pub n: Option<u64>,
    /// A trend that is certain, as a share of the level per 30 days.
    pub trend_per_30d: Option<f64>,
    /// The growth declared, as a share per 30 days.
    pub growth_per_30d: Option<f64>,
    /// The first day without it where it runs today.
    pub until: Option<String>,
    /// Where it moves then; what it costs there is in no amount.
    pub moves_to: Option<String>,
    /// Four weeks of the past that were forecast from the weeks before them.
    pub backtests: Option<u64>,
    /// Mean of how far they were off, as a share.
    pub backtest_error: Option<f64>,
    /// Why there is none, where something is forecast.
    pub backtest_not_known: Option<&'static str>,
    /// Why nothing is forecast.
    pub not_known: Option<String>,
}

impl ExpectedReport {
    fn of(it: Expected, spent: Money) -> Result<ExpectedReport, MoneyError> {
        let plus = |amount: Money| amount.checked_add(spent);
        Ok(ExpectedReport {
            mean: plus(it.mean)?,
            low: plus(it.low)?,
            high: plus(it.high)?,
            level: Risk::LEVEL,
        })
    }
}

impl OutlookReport {
    fn of(it: &Outlook) -> OutlookReport {
        let (basis, n) = match it.basis() {
            Some(Basis::Weeks(n)) => (Some("weeks"), Some(n as u64)),
            Some(Basis::Days(n)) => (Some("days"), Some(n as u64)),
            None => (None, None),
        };
        let future = it.future();
        let moves = future.migrates.is_some() && future.until() == future.migrates;
        let tried = it.backtest();
        OutlookReport {
            workload: it.workload.clone(),
            basis,
            n,
            trend_per_30d: it.trend_per_30d().map(rounded),
            growth_per_30d: future.growth.map(|it| it.per_30d),
            until: future.until().map(|it| it.to_string()),
            moves_to: future.migrates_to.clone().filter(|_| moves),
            backtests: tried.map(|it| it.n as u64),
            backtest_error: tried.map(|it| rounded(it.error)),
            backtest_not_known: untested(it),
            not_known: it.not_known.clone(),
        }
    }
}

/// Why a forecast was not tried on the past.
fn untested(it: &Outlook) -> Option<&'static str> {
    if it.not_known.is_some() || it.backtest().is_some() {
        return None;
    }
    Some(match it.trend_per_30d() {
        Some(_) => "its cost has a certain trend, and only a level is tried on the past",
        None => TOO_SHORT,
    })
}

/// Four weeks are forecast from the four before them.
pub(super) const TOO_SHORT: &str =
    "8 whole weeks of cost by use are needed since it last changed for good";

/// The forecast of a report that was marked with its decisions; nothing where no workload has a cost.
pub(super) fn forecast(
    report: &ReportModel,
    outlooks: &[Outlook],
    run: RunFacts<'_>,
) -> Result<Option<ForecastReport>, MoneyError> {
    if run.ingested.relative || report.totals.effective_cost.is_none() {
        return Ok(None);
    }
    let from = data_end(run.ingested.window.end(), run.zone);
    let known: Vec<&Outlook> = outlooks.iter().filter(|it| it.not_known.is_none()).collect();
    let mut found: Vec<SpanReport> = Vec::new();
    if !known.is_empty() {
        for span in spans(from, run.zone) {
            let Some(it) = of_span(report, outlooks, &span, (from, run))? else { continue };
            // The year of a last quarter is that quarter.
            let is_new =
                found.iter().all(|other| (&other.start, &other.end) != (&it.start, &it.end));
            found.extend(is_new.then_some(it));
        }
    }
    let outlooks = outlooks.iter().map(OutlookReport::of).collect();
    Ok(Some(ForecastReport { from: from.to_rfc3339(), basis: BASIS, spans: found, outlooks }))
}

/// What each workload's advice saves, where it counts as one of these.
fn savings(
    report: &ReportModel,
    outlooks: &[Outlook],
    counted: &[CountsAs],
    (from, run): (Timestamp, RunFacts<'_>),
) -> Vec<Option<Saving>> {
    let by_name: BTreeMap<&str, &WorkloadReport> =
        report.workloads.iter().map(|it| (it.name.as_str(), it)).collect();
    let of = |outlook: &Outlook| {
        let workload = by_name.get(outlook.workload.as_str())?;
        let counts =
            counted.contains(&counts_as(workload)) && !workload.advice.monthly_savings.is_zero();
        counts.then(|| saving(workload, (from, run)))
    };
    outlooks.iter().map(of).collect()
}

/// A saving begins when the action can be live, and not before the forecast.
fn saving(workload: &WorkloadReport, (from, run): (Timestamp, RunFacts<'_>)) -> Saving {
    let advice = &workload.advice;
    let live = advice.live.as_ref().and_then(|it| it.from.parse::<NaiveDate>().ok());
    let live = live.and_then(|it| day_start(run.zone, it)).unwrap_or(from);
    Saving {
        monthly: advice.monthly_savings,
        half: advice.interval.as_ref().map(|it| (it.high.to_f64() - it.low.to_f64()) / 2.0),
        from: live.max(from),
    }
}

fn of_span(
    report: &ReportModel,
    outlooks: &[Outlook],
    span: &Span,
    (from, run): (Timestamp, RunFacts<'_>),
) -> Result<Option<SpanReport>, MoneyError> {
    let Some(ahead) = span.after(from) else { return Ok(None) };
    let currency = report.currency;
    let is_begun = span.whole.start() < from;
    let known_from = outlooks.iter().map(Outlook::known_from).min();
    let is_known = is_begun && known_from.is_some_and(|it| it <= span.whole.start());
    let spent = outlooks.iter().map(|it| match it.not_known {
        None if is_known => {
            it.paid(&[span.whole.start(), from], currency).map(|it| it.first().copied())
        }
        _ => Ok(None),
    });
    let zero = Money::zero(currency);
    let spent: Vec<Money> =
        spent.map(|it| it.map(|it| it.unwrap_or(zero))).collect::<Result<_, _>>()?;
    let foreseen = |counted: &[CountsAs]| {
        let savings = savings(report, outlooks, counted, (from, run));
        recommend::foresee(outlooks, &savings, ahead, (&run.catalog.assumptions, currency))
    };
    let all = [
        foreseen(&[])?,
        foreseen(&[CountsAs::Approved])?,
        foreseen(&[CountsAs::Approved, CountsAs::Open])?,
    ];
    let total = Money::sum(spent.iter().copied(), currency)?;
    let Some([as_is, with_approved, with_advice]) = three(&all, |it| it.all, total)? else {
        return Ok(None);
    };
    let mut workloads = Vec::new();
    for (at, outlook) in outlooks.iter().enumerate() {
        let of = three(&all, |it| it.each.get(at).copied().flatten(), spent[at])?;
        workloads.extend(of.map(|[as_is, with_approved, with_advice]| WorkloadSpan {
            workload: outlook.workload.clone(),
            as_is,
            with_approved,
            with_advice,
        }));
    }
    let whole = is_known || !is_begun;
    let start = if whole { span.dates[0] } else { from.in_zone(run.zone).date() };
    let hours = if whole { span.whole.hours() } else { ahead.hours() };
    Ok(Some(SpanReport {
        kind: span.kind.as_str(),
        label: if whole { span.label.clone() } else { format!("rest of {}", span.label) },
        start: start.to_string(),
        end: span.dates[1].to_string(),
        hours,
        whole,
        spent: is_known.then_some(total),
        as_is,
        with_approved,
        with_advice,
        workloads,
    }))
}

/// One amount of each of three forecasts, with what was spent.
fn three(
    all: &[Foreseen; 3],
    pick: impl Fn(&Foreseen) -> Option<Expected>,
    spent: Money,
) -> Result<Option<[ExpectedReport; 3]>, MoneyError> {
    let [Some(a), Some(b), Some(c)] = [pick(&all[0]), pick(&all[1]), pick(&all[2])] else {
        return Ok(None);
    };
    let of = |it| ExpectedReport::of(it, spent);
    Ok(Some([of(a)?, of(b)?, of(c)?]))
}

impl ForecastReport {
    /// The first whole month that lies ahead, else the first span.
    pub fn next(&self) -> Option<&SpanReport> {
        self.spans
            .iter()
            .find(|it| it.kind == "month" && it.whole && it.spent.is_none())
            .or(self.spans.first())
    }

    /// The span that ends last, where it is another.
    pub fn last(&self) -> Option<&SpanReport> {
        let next = self.next()?;
        self.spans.last().filter(|it| (&it.start, &it.end) != (&next.start, &next.end))
    }

    /// The workloads without a forecast, and why.
    pub fn missing(&self) -> impl Iterator<Item = (&str, &str)> {
        self.outlooks.iter().filter_map(|it| Some((it.workload.as_str(), it.not_known.as_deref()?)))
    }
}

/// Adds up what a few workloads cost in a span as it is; nothing where one of them has no forecast.
pub(super) fn sum_of(
    span: &SpanReport,
    names: &[&str],
    pick: fn(&WorkloadSpan) -> Money,
    currency: Currency,
) -> Result<Option<Money>, MoneyError> {
    let of = |name: &&str| span.workloads.iter().find(|it| it.workload == **name).map(pick);
    let amounts: Option<Vec<Money>> = names.iter().map(of).collect();
    amounts.map(|it| Money::sum(it, currency)).transpose()
}
