//! A `report.json` that was written before, as far as a decision needs it.

use chrono::NaiveDate;
use serde::Deserialize;

use super::decisions::{MILLION_TOKENS, THOUSAND_REQUESTS};
use super::past::{PastError, code, money, of_a_month, unreadable};
use crate::catalog::edit_distance;
use crate::ingest::UnitThen;
use crate::units::{Currency, Money};

/// The report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenReport {
    /// The day it speaks of.
    pub as_of: NaiveDate,
    /// One piece of advice per workload.
    pub advice: Vec<WrittenAdvice>,
}

/// A piece of advice, and what its workload cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenAdvice {
    /// Stable id.
    pub id: String,
    /// `S3`; nothing where there is nothing to do.
    pub label: Option<String>,
    /// The workload.
    pub workload: String,
    /// `keep`, `stop`, ...
    pub action: String,
    /// What it saves in a month of 730 hours.
    pub monthly_savings: Money,
    /// What such a month costs.
    pub monthly_cost: Option<Money>,
    /// What a unit costs: of the unit that the config names, else of tokens, else of requests.
    pub unit: Option<UnitThen>,
}

#[derive(Deserialize)]
struct Raw {
    currency: String,
    workloads: Vec<RawWorkload>,
    portfolio: RawPortfolio,
    provenance: RawProvenance,
}

#[derive(Deserialize)]
struct RawPortfolio {
    ranking: Vec<String>,
}

#[derive(Deserialize)]
struct RawProvenance {
    as_of: String,
}

#[derive(Deserialize)]
struct RawWorkload {
    name: String,
    baseline: RawBaseline,
    advice: RawAdvice,
}

#[derive(Deserialize)]
struct RawBaseline {
    monthly_cost: Option<String>,
    unit_cost: RawUnitCost,
}

#[derive(Deserialize)]
struct RawUnitCost {
    #[serde(rename = "per_million_tokens")]
    tokens: Option<String>,
    #[serde(rename = "per_thousand_requests")]
    requests: Option<String>,
    #[serde(rename = "per_unit")]
    own: Option<RawPerUnit>,
}

#[derive(Deserialize)]
struct RawPerUnit {
    name: String,
    cost: String,
}

#[derive(Deserialize)]
struct RawAdvice {
    id: String,
    action: String,
    monthly_savings: String,
}

impl WrittenReport {
    /// Reads the text of a `report.json`.
    pub fn read(text: &str) -> Result<WrittenReport, PastError> {
        let raw: Raw = serde_json::from_value(of_a_month(text)?).map_err(PastError::Field)?;
        let as_of = NaiveDate::parse_from_str(&raw.provenance.as_of, "%Y-%m-%d");
        let currency = code(&raw.currency)?;
        let ranking = &raw.portfolio.ranking;
        let advice = raw.workloads.into_iter().map(|it| advice(it, ranking, currency));
        Ok(WrittenReport {
            as_of: as_of.map_err(|_| unreadable("as_of", &raw.provenance.as_of))?,
            advice: advice.collect::<Result<_, _>>()?,
        })
    }

    /// The advice by its id, its label or its workload, tried in this order.
    pub fn find(&self, words: &str) -> Option<&WrittenAdvice> {
        let by = |is: &dyn Fn(&WrittenAdvice) -> bool| self.advice.iter().find(|it| is(it));
        by(&|it| it.id == words)
            .or_else(|| {
                by(&|it| it.label.as_ref().is_some_and(|it| it.eq_ignore_ascii_case(words)))
            })
            .or_else(|| by(&|it| it.workload == words))
    }

    /// The advice whose id, label or workload is least letters away.
    pub fn nearest(&self, words: &str) -> Option<&WrittenAdvice> {
        let words = words.to_lowercase();
        let away = |it: &&WrittenAdvice| {
            let names = [Some(&it.id), it.label.as_ref(), Some(&it.workload)];
            let names = names.into_iter().flatten();
            names.map(|name| edit_distance(&words, &name.to_lowercase())).min()
        };
        self.advice.iter().filter(|it| it.label.is_some()).min_by_key(away)
    }
}

fn advice(
    raw: RawWorkload,
    ranking: &[String],
    currency: Currency,
) -> Result<WrittenAdvice, PastError> {
    let (monthly_cost, costs) = (raw.baseline.monthly_cost, raw.baseline.unit_cost);
    let own = costs.own.map(|it| (it.name, it.cost));
    let tokens = costs.tokens.map(|it| (MILLION_TOKENS.to_owned(), it));
    let requests = costs.requests.map(|it| (THOUSAND_REQUESTS.to_owned(), it));
    let unit = own.or(tokens).or(requests);
    let unit = unit.map(|(unit, cost)| -> Result<UnitThen, PastError> {
        Ok(UnitThen { unit, cost: money("unit_cost", &cost, currency)? })
    });
    let unit = unit.transpose()?;
    let place = ranking.iter().position(|it| *it == raw.advice.id);
    Ok(WrittenAdvice {
        label: place.map(|it| format!("S{}", it + 1)),
        id: raw.advice.id,
        workload: raw.name,
        action: raw.advice.action,
        monthly_savings: money("monthly_savings", &raw.advice.monthly_savings, currency)?,
        monthly_cost: monthly_cost.map(|it| money("monthly_cost", &it, currency)).transpose()?,
        // A unit that costs nothing, or less by credits, is no measure of a saving.
        unit: unit.filter(|it| !it.cost.is_zero() && !it.cost.is_negative()),
    })
}
