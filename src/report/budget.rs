//! What was spent and will be, against what may be: by month, in all and by owner.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::build::RunFacts;
use super::build_workload::rounded;
use super::forecast::{SpanReport, sum_of};
use super::model::ReportModel;
use crate::classify::data_end;
use crate::ingest::Budget;
use crate::recommend::{Outlook, Span};
use crate::units::{Currency, Money, MoneyError, Period, Timestamp};

/// What the amounts are of.
const BASIS: &str = "effective cost of the workloads; GPUs that no workload claims and unused commitments are not in it";

/// Spend against budget.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct BudgetReport {
    /// What the amounts are of.
    pub basis: &'static str,
    /// The months of the window.
    pub months: Vec<BudgetMonth>,
    /// What is forecast: months, the quarter, the year.
    pub coming: Vec<BudgetComing>,
}

/// A month of the window.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct BudgetMonth {
    /// `Oct 2026`.
    pub label: String,
    /// True where the data have a part of it, and the budget is as large a part.
    pub pro_rata: bool,
    /// Of everything.
    pub total: Variance,
    /// By owner; the spend adds up to that of everything.
    pub owners: Vec<OwnerVariance>,
}

/// A span that lies ahead.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct BudgetComing {
    /// `Nov 2026`, `Q4 2026`.
    pub label: String,
    /// The forecast as it is.
    pub as_is: Variance,
    /// With the advice that was approved.
    pub with_approved: Variance,
    /// With all advice that is asked for.
    pub with_advice: Variance,
    /// The forecast as it is by owner.
    pub owners: Vec<OwnerVariance>,
}

/// What an owner spends against their budget.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct OwnerVariance {
    /// The owner; nothing for workloads without one.
    pub owner: Option<String>,
    /// The amounts.
    #[serde(flatten)]
    pub variance: Variance,
}

/// An amount against a budget.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Variance {
    /// Spent, or forecast; nothing where a workload has no forecast.
    pub amount: Option<Money>,
    /// What may be spent; nothing where nobody said.
    pub budget: Option<Money>,
    /// Amount less budget.
    pub variance: Option<Money>,
    /// That as a share of the budget.
    pub share: Option<f64>,
    /// `favorable` below the budget, `unfavorable` above, `on budget`.
    pub word: Option<&'static str>,
}

impl Variance {
    /// 78,621.94 against 76,000.00 are 2,621.94 or 3.4 % over: unfavorable.
    fn of(amount: Option<Money>, budget: Option<Money>) -> Result<Variance, MoneyError> {
        let variance = amount.zip(budget).map(|(a, b)| a.checked_sub(b)).transpose()?;
        let share = variance.zip(budget).filter(|it| it.1.atto() > 0);
        Ok(Variance {
            amount,
            budget,
            variance,
            share: share.map(|(part, whole)| rounded(part.to_f64() / whole.to_f64())),
            word: variance.map(|it| match it.atto() {
                0 => "on budget",
                1.. => "unfavorable",
                _ => "favorable",
            }),
        })
    }
}

/// Spend and forecast against a budget; nothing where there is none.
pub(super) fn budget(
    report: &ReportModel,
    outlooks: &[Outlook],
    run: RunFacts<'_>,
    budget: &Budget,
) -> Result<Option<BudgetReport>, MoneyError> {
    if budget.is_empty() || run.ingested.relative || report.totals.effective_cost.is_none() {
        return Ok(None);
    }
    let scope = Scope::of(outlooks, budget, report.currency);
    let end = data_end(run.ingested.window.end(), run.zone);
    let Some(window) = Period::new(run.ingested.window.start(), end) else { return Ok(None) };
    let months = Span::months_of(window, run.zone).into_iter();
    let months = months.filter_map(|it| Some((it.whole.intersect(window)?, it)));
    let months = months.map(|(inside, month)| {
        let edges = [inside.start(), inside.end()];
        let paid = outlooks.iter().map(|it| {
            let paid = it.paid(&edges, report.currency)?;
            Ok((it.workload.as_str(), paid.first().copied()))
        });
        let paid: BTreeMap<&str, Option<Money>> = paid.collect::<Result<_, MoneyError>>()?;
        let us = |it: Period| u64::try_from(it.len_us()).unwrap_or(0);
        let part = |amount: Money| {
            if inside == month.whole {
                Ok(amount)
            } else {
                amount.scale(us(inside), us(month.whole))
            }
        };
        let amount = |names: &[&str]| {
            let known = names.iter().filter_map(|it| paid.get(it).copied().flatten());
            Money::sum(known, report.currency).map(Some)
        };
        let of = |owner: Option<&str>| {
            scope.of_months(owner, std::slice::from_ref(&month)).map(part).transpose()
        };
        Ok(BudgetMonth {
            label: month.label.clone(),
            pro_rata: inside != month.whole,
            total: Variance::of(amount(&scope.all)?, of(None)?)?,
            owners: scope.owners(amount, of)?,
        })
    });
    let months = months.collect::<Result<_, MoneyError>>()?;
    let spans = report.forecast.iter().flat_map(|it| &it.spans).filter(|it| it.whole);
    let coming = spans.map(|it| scope.coming(it, run)).collect::<Result<_, _>>()?;
    Ok(Some(BudgetReport { basis: BASIS, months, coming }))
}

/// The workloads by owner, and the budget.
struct Scope<'a> {
    all: Vec<&'a str>,
    by_owner: BTreeMap<Option<&'a str>, Vec<&'a str>>,
    budget: &'a Budget,
    currency: Currency,
}

impl<'a> Scope<'a> {
    fn of(outlooks: &'a [Outlook], budget: &'a Budget, currency: Currency) -> Scope<'a> {
        let mut by_owner: BTreeMap<Option<&str>, Vec<&str>> = BTreeMap::new();
        for it in outlooks {
            by_owner.entry(it.owner.as_deref()).or_default().push(&it.workload);
        }
        let owners: BTreeSet<&str> = budget.owners().collect();
        for owner in owners {
            by_owner.entry(Some(owner)).or_default();
        }
        let all = outlooks.iter().map(|it| it.workload.as_str()).collect();
        Scope { all, by_owner, budget, currency }
    }

    /// The budget of some months together, of an owner or of everything; nothing where one has none.
    fn of_months(&self, owner: Option<&str>, months: &[Span]) -> Option<Money> {
        let of = |month: &Span| {
            let key = month.dates[0].format("%Y-%m").to_string();
            match owner {
                Some(owner) => self.budget.of_owner(owner, &key, self.currency),
                None => self.budget.total(&key, self.currency),
            }
        };
        let amounts: Option<Vec<Money>> = months.iter().map(of).collect();
        Money::sum(amounts?, self.currency).ok()
    }

    /// Each owner with what theirs cost; those without an owner last.
    fn owners(
        &self,
        amount: impl Fn(&[&str]) -> Result<Option<Money>, MoneyError>,
        budget: impl Fn(Option<&str>) -> Result<Option<Money>, MoneyError>,
    ) -> Result<Vec<OwnerVariance>, MoneyError> {
        let named = self.by_owner.iter().filter(|it| it.0.is_some());
        let nobody = self.by_owner.iter().filter(|it| it.0.is_none());
        let all = named.chain(nobody).map(|(owner, names)| {
            let budget = if owner.is_some() { budget(*owner)? } else { None };
            let variance = Variance::of(amount(names)?, budget)?;
            Ok(OwnerVariance { owner: owner.map(str::to_owned), variance })
        });
        all.collect()
    }

    fn coming(&self, span: &SpanReport, run: RunFacts<'_>) -> Result<BudgetComing, MoneyError> {
        let at = |text: &str| Timestamp::parse(text, run.zone).ok();
        let period = at(&span.start).zip(at(&span.end));
        let period = period.and_then(|(start, end)| Period::new(start, end));
        let months = period.map_or_else(Vec::new, |it| Span::months_of(it, run.zone));
        let is_whole = span.workloads.len() == self.all.len();
        let of = |amount: Money| {
            Variance::of(Some(amount).filter(|_| is_whole), self.of_months(None, &months))
        };
        Ok(BudgetComing {
            label: span.label.clone(),
            as_is: of(span.as_is.mean)?,
            with_approved: of(span.with_approved.mean)?,
            with_advice: of(span.with_advice.mean)?,
            owners: self.owners(
                |names| sum_of(span, names, |it| it.as_is.mean, self.currency),
                |owner| Ok(self.of_months(owner, &months)),
            )?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variance_has_a_word() {
        let usd = |text: &str| Money::parse(text, Currency::USD).unwrap();
        let check = |amount, budget: Option<&str>, variance, share, word| {
            let it = Variance::of(Some(usd(amount)), budget.map(usd)).unwrap();
            assert_eq!((it.variance, it.word), (variance, word), "{amount} of {budget:?}");
            assert_eq!(it.share, share);
        };
        check(
            "78621.94",
            Some("76000"),
            Some(usd("2621.94")),
            Some(0.034_499),
            Some("unfavorable"),
        );
        check("70000", Some("76000"), Some(usd("-6000")), Some(-0.078_947), Some("favorable"));
        check("5", Some("5"), Some(usd("0")), Some(0.0), Some("on budget"));
        check("5", Some("0"), Some(usd("5")), None, Some("unfavorable"));
        check("5", None, None, None, None);
    }
}
