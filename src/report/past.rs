//! A `report.json` of an earlier run, read as far as it is compared.
//!
//! The mirror below names the fields it needs and ignores all others, so that a report with more
//! fields of the same schema version still reads.

mod forecast;

use std::collections::BTreeMap;

use chrono_tz::Tz;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::error::Category;

use self::forecast::ForecastOf;
pub(super) use self::forecast::PastForecast;
use super::model::SCHEMA_VERSION;
use crate::bridge::{Advised, Deployment, Finding, Month, PlanAdvised, PriceRow, Spend};
use crate::units::{Currency, Money, MoneyError, Period, Timestamp};
use crate::workload::PricingCategory;

/// Why a file is no report that can be compared.
#[derive(Debug, thiserror::Error)]
pub enum PastError {
    /// No JSON at all.
    #[error("it is not JSON")]
    NotJson(#[source] serde_json::Error),
    /// JSON of something else.
    #[error("it is JSON, but no report of analyze: `schema_version` or `workloads` is missing")]
    NotAReport,
    /// A report of another form.
    #[error("its schema_version is {0}, this program reads {SCHEMA_VERSION}")]
    OtherSchema(String),
    /// The answer to a question of the kind "what if".
    #[error("it answers `--what-if {0}` and tells of no month that was")]
    WhatIf(String),
    /// A field is missing or of another type.
    #[error("a field is missing or wrong")]
    Field(#[source] serde_json::Error),
    /// A value that cannot be read.
    #[error("`{field}` cannot be read: {found:?}")]
    Value {
        /// Where.
        field: &'static str,
        /// What stands there.
        found: String,
    },
    /// The parts are not the whole.
    #[error("its workloads cost {found} together, its total says {total}")]
    Sum {
        /// The sum of the workloads.
        found: Money,
        /// The total.
        total: Money,
    },
    /// An amount does not fit its type.
    #[error("an amount cannot be added")]
    Amount(#[from] MoneyError),
}

impl PastError {
    /// What to do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            PastError::NotJson(_) | PastError::NotAReport => {
                "name a report.json that analyze wrote into its report folder"
            }
            PastError::WhatIf(_) => "name the report of a run without --what-if",
            PastError::OtherSchema(_) => {
                "run analyze again on the files of that month with this program"
            }
            PastError::Field(_)
            | PastError::Value { .. }
            | PastError::Sum { .. }
            | PastError::Amount(_) => {
                "the file was changed or cut: run analyze again on the files of that month"
            }
        }
    }
}

/// A report of an earlier run.
#[derive(Clone, Debug)]
pub struct PastReport {
    /// What the window is called.
    pub period_label: String,
    /// Its first instant and the first after it, RFC 3339.
    pub window: [String; 2],
    /// Effective cost per million tokens of the workloads with tokens.
    pub cost_per_million_tokens: Option<Money>,
    /// What GPUs cost that no workload claims: part of the spend, and of no workload.
    pub unclaimed: Option<Money>,
    /// What nothing used of commitments and reserved capacity: part of the account, and effective cost.
    pub outside: BTreeMap<String, Money>,
    /// What it forecast; empty where it did not, as reports before forecasts.
    pub forecasts: Vec<PastForecast>,
    /// The workloads that had no forecast.
    pub not_forecast: Vec<String>,
    /// What was realised so far of each promise, by the id of its advice, as far as that was known.
    pub realised: BTreeMap<String, Money>,
    /// What the bridge takes.
    pub month: Month,
}

/// Reads the text of a `report.json`.
pub fn read_report(text: &str) -> Result<PastReport, PastError> {
    let file: File = serde_json::from_value(of_a_month(text)?).map_err(PastError::Field)?;
    file.checked()
}

/// The JSON of a report of what was, rather than of what might be.
pub(super) fn of_a_month(text: &str) -> Result<Value, PastError> {
    let value = of_this_schema(text)?;
    let asked = value.pointer("/provenance/what_if").and_then(Value::as_array);
    match asked.and_then(|it| it.first()) {
        Some(first) => {
            let first = first.as_str().unwrap_or_default();
            Err(PastError::WhatIf(super::clip(&super::plain(first), 60)))
        }
        None => Ok(value),
    }
}

/// The JSON of a report in the form of this program.
pub(crate) fn of_this_schema(text: &str) -> Result<Value, PastError> {
    check_schema(text)?;
    serde_json::from_str(text).map_err(PastError::NotJson)
}

/// What tells a report.
#[derive(Deserialize)]
struct Head {
    schema_version: String,
    #[serde(rename = "workloads")]
    _workloads: Vec<IgnoredAny>,
}

/// Fails where a text is no report in the form of this program; looks at nothing else of it.
pub(super) fn check_schema(text: &str) -> Result<(), PastError> {
    let head: Head = serde_json::from_str(text).map_err(|error| match error.classify() {
        Category::Data => PastError::NotAReport,
        Category::Io | Category::Syntax | Category::Eof => PastError::NotJson(error),
    })?;
    if head.schema_version != SCHEMA_VERSION {
        return Err(PastError::OtherSchema(super::clip(&super::plain(&head.schema_version), 20)));
    }
    Ok(())
}

/// The parts of a report that are compared.
#[derive(Deserialize)]
struct File {
    period_label: String,
    currency: String,
    totals: TotalsOf,
    reconciliation: Account,
    workloads: Vec<WorkloadOf>,
    portfolio: PortfolioOf,
    #[serde(default)]
    forecast: Option<ForecastOf>,
    provenance: ProvenanceOf,
}

#[derive(Deserialize)]
struct TotalsOf {
    window_start: String,
    window_end: String,
    effective_cost: Option<String>,
    cost_per_million_tokens: Option<String>,
}

#[derive(Deserialize)]
struct Account {
    parts: Vec<PartOf>,
}

#[derive(Deserialize)]
struct PartOf {
    part: String,
    billed: Option<String>,
    effective: Option<String>,
}

#[derive(Deserialize)]
struct WorkloadOf {
    name: String,
    baseline: BaselineOf,
    plans: Vec<PlanOf>,
    advice: AdviceOf,
    waste: Vec<WasteOf>,
}

#[derive(Deserialize)]
struct BaselineOf {
    effective_cost: Option<String>,
    gpu_hours: Option<f64>,
    provider: Option<String>,
    region: Option<String>,
    gpu: Option<String>,
    pricing_category: String,
    #[serde(default)]
    mixed: bool,
    precision: Option<String>,
    requests: Option<u64>,
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct PlanOf {
    id: String,
    provider: String,
    gpu: String,
    purchase: String,
    precision: String,
}

#[derive(Deserialize)]
struct AdviceOf {
    id: String,
    action: String,
    plan_id: Option<String>,
    monthly_savings: String,
}

#[derive(Deserialize)]
struct WasteOf {
    finding: String,
    confirmed: bool,
    cost: Option<String>,
}

#[derive(Deserialize)]
struct PortfolioOf {
    waste: Vec<WasteOf>,
    #[serde(default)]
    promises: Vec<PromiseOf>,
}

#[derive(Deserialize)]
struct PromiseOf {
    advice: String,
    currency: String,
    to_date: Option<ToDateOf>,
}

#[derive(Deserialize)]
struct ToDateOf {
    realised: Option<String>,
}

impl PromiseOf {
    fn checked(&self) -> Result<Option<(String, Money)>, PastError> {
        let Some(amount) = self.to_date.as_ref().and_then(|it| it.realised.as_deref()) else {
            return Ok(None);
        };
        Ok(Some((self.advice.clone(), money("realised", amount, code(&self.currency)?)?)))
    }
}

#[derive(Deserialize)]
struct ProvenanceOf {
    prices: Option<Vec<PriceOf>>,
}

#[derive(Deserialize)]
struct PriceOf {
    offer_id: String,
    price_per_hour: String,
    currency: String,
    as_of: String,
}

/// The place of the account of GPUs that no workload claims.
const UNCLAIMED: &str = "unassigned";
/// Places of the account that hold what was paid and not used, outside all workloads.
const OUTSIDE: [&str; 2] = ["commitment_unused", "capacity_unused"];

impl File {
    fn checked(self) -> Result<PastReport, PastError> {
        let currency = code(&self.currency)?;
        let amount = |field, text: &Option<String>| {
            text.as_deref().map(|it| money(field, it, currency)).transpose()
        };
        let (mut outside, mut unclaimed) = (BTreeMap::new(), None);
        for it in &self.reconciliation.parts {
            let cost = it.effective.as_ref().or(it.billed.as_ref()).cloned();
            let Some(cost) = amount("effective", &cost)? else { continue };
            if it.part == UNCLAIMED {
                unclaimed = Some(cost).filter(|it| !it.is_zero());
            } else if OUTSIDE.contains(&it.part.as_str()) {
                outside.insert(it.part.clone(), cost);
            }
        }
        let mut findings = Vec::new();
        for it in &self.portfolio.waste {
            findings.push(it.checked(None, currency)?);
        }
        let mut workloads = BTreeMap::new();
        for it in &self.workloads {
            for found in &it.waste {
                findings.push(found.checked(Some(&it.name), currency)?);
            }
            workloads.insert(it.name.clone(), it.checked(currency)?);
        }
        let known = workloads.values().filter_map(|it| it.cost);
        let found = Money::sum(known, currency)?;
        let total = amount("effective_cost", &self.totals.effective_cost)?;
        let total = total.unwrap_or(Money::zero(currency));
        if found != total {
            return Err(PastError::Sum { found, total });
        }
        let (forecasts, not_forecast) = self.forecast.unwrap_or_default().checked(currency)?;
        let mut realised = BTreeMap::new();
        for it in &self.portfolio.promises {
            realised.extend(it.checked()?);
        }
        let totals = &self.totals;
        let prices = self.provenance.prices.map(price_rows).transpose()?;
        let window = window(&totals.window_start, &totals.window_end)?;
        Ok(PastReport {
            period_label: self.period_label,
            cost_per_million_tokens: amount(
                "cost_per_million_tokens",
                &totals.cost_per_million_tokens,
            )?,
            window: [totals.window_start.clone(), totals.window_end.clone()],
            unclaimed,
            outside,
            forecasts,
            not_forecast,
            realised,
            month: Month { window, currency, workloads, findings, prices },
        })
    }
}

impl WorkloadOf {
    fn checked(&self, currency: Currency) -> Result<Spend, PastError> {
        let it = &self.baseline;
        let cost = it.effective_cost.as_deref();
        let cost = cost.map(|it| money("effective_cost", it, currency)).transpose()?;
        let tokens = match (it.prompt_tokens, it.completion_tokens) {
            (Some(a), Some(b)) => Some(a.saturating_add(b)),
            (a, b) => a.or(b),
        };
        let plan = self.plans.iter().find(|plan| Some(&plan.id) == self.advice.plan_id.as_ref());
        let purchase = PricingCategory::parse(&it.pricing_category)
            .ok_or_else(|| unreadable("pricing_category", &it.pricing_category))?;
        Ok(Spend {
            cost,
            gpu_hours: it.gpu_hours,
            requests: it.requests,
            tokens,
            deployment: Deployment {
                provider: it.provider.clone(),
                region: it.region.clone(),
                gpu: it.gpu.clone(),
                purchase,
                precision: it.precision.clone(),
                mixed: it.mixed,
            },
            advice: Advised {
                id: self.advice.id.clone(),
                action: self.advice.action.clone(),
                monthly_savings: money("monthly_savings", &self.advice.monthly_savings, currency)?,
                plan: plan.map(|it| PlanAdvised {
                    provider: it.provider.clone(),
                    gpu: it.gpu.clone(),
                    purchase: it.purchase.clone(),
                    precision: it.precision.clone(),
                }),
            },
        })
    }
}

impl WasteOf {
    fn checked(&self, workload: Option<&str>, currency: Currency) -> Result<Finding, PastError> {
        let cost = self.cost.as_deref().map(|it| money("cost", it, currency)).transpose()?;
        Ok(Finding {
            workload: workload.map(str::to_owned),
            finding: self.finding.clone(),
            confirmed: self.confirmed,
            cost,
        })
    }
}

fn price_rows(rows: Vec<PriceOf>) -> Result<BTreeMap<String, PriceRow>, PastError> {
    let row = |it: PriceOf| {
        let per_hour = money("price_per_hour", &it.price_per_hour, code(&it.currency)?)?;
        Ok((it.offer_id, PriceRow { per_hour, as_of: it.as_of }))
    };
    rows.into_iter().map(row).collect()
}

fn window(start: &str, end: &str) -> Result<Period, PastError> {
    let at = |text: &str| Timestamp::parse(text, Tz::UTC).ok();
    let period = at(start).zip(at(end)).and_then(|(start, end)| Period::new(start, end));
    period.ok_or_else(|| unreadable("window_start or window_end", &format!("{start}, {end}")))
}

pub(super) fn code(text: &str) -> Result<Currency, PastError> {
    Currency::parse(text).map_err(|_| unreadable("currency", text))
}

pub(super) fn money(
    field: &'static str,
    text: &str,
    currency: Currency,
) -> Result<Money, PastError> {
    Money::parse(text, currency).map_err(|_| unreadable(field, text))
}

pub(super) fn unreadable(field: &'static str, text: &str) -> PastError {
    PastError::Value { field, found: super::clip(text, 40) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_report_is_said() {
        let check = |text: &str, says: &str| {
            let error = read_report(text).unwrap_err();
            assert!(error.to_string().contains(says), "{error}");
            assert!(!error.hint().is_empty());
        };
        check("not json", "not JSON");
        check("[1]", "no report of analyze");
        check(r#"{"schema_version": "1.0"}"#, "no report of analyze");
        check(r#"{"schema_version": "0.9", "workloads": []}"#, "its schema_version is 0.9");
        check(r#"{"schema_version": "1.0", "workloads": []}"#, "missing or wrong");
    }
}
