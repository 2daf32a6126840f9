//! The parts of a `report.json` that a mail shows, as they stand in the file.

use serde::Deserialize;

use crate::report::past::{PastError, check_schema, code};
use crate::units::{Currency, Money};

/// A report as a mail needs it.
#[derive(Clone, Debug)]
pub struct MailReport {
    /// The currency of every amount.
    pub(super) currency: Currency,
    /// The rest.
    pub(super) file: File,
}

/// An exact amount, in 10^-18 of the currency of its report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Amount(i128);

impl TryFrom<String> for Amount {
    type Error = String;

    fn try_from(text: String) -> Result<Amount, String> {
        let shown = || format!("{:?} is not an amount", crate::report::clip(&text, 40));
        // Only the number counts: the currency is that of the report.
        Money::parse(&text, Currency::USD).map(|it| Amount(it.atto())).map_err(|_| shown())
    }
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct File {
    pub(super) period_label: String,
    currency: String,
    pub(super) time_zone: String,
    pub(super) totals: Totals,
    pub(super) reconciliation: Account,
    pub(super) workloads: Vec<Workload>,
    pub(super) portfolio: Portfolio,
    #[serde(default)]
    pub(super) held_commitments: Vec<Held>,
    pub(super) forecast: Option<Forecast>,
    pub(super) budget: Option<Budget>,
    pub(super) previous: Option<Previous>,
    pub(super) notices: Vec<String>,
    pub(super) provenance: Provenance,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Totals {
    pub(super) window_start: String,
    pub(super) window_end: String,
    pub(super) window_hours: f64,
    pub(super) effective_cost: Option<Amount>,
    pub(super) baseline_monthly_cost: Option<Amount>,
    pub(super) cost_per_million_tokens: Option<Amount>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Account {
    pub(super) billed_total: Option<Amount>,
    pub(super) difference: Option<Amount>,
    pub(super) parts: Vec<Part>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Part {
    #[serde(rename = "part")]
    pub(super) place: String,
    pub(super) billed: Option<Amount>,
    pub(super) effective: Option<Amount>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Workload {
    pub(super) name: String,
    pub(super) owner: Option<String>,
    pub(super) baseline: Baseline,
    pub(super) plans: Vec<Plan>,
    pub(super) advice: Advice,
    pub(super) waste: Vec<Finding>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Finding {
    pub(super) finding: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Baseline {
    pub(super) effective_cost: Option<Amount>,
    pub(super) monthly_cost: Option<Amount>,
    pub(super) gpu: Option<String>,
    pub(super) precision: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Plan {
    pub(super) id: String,
    pub(super) purchase: String,
    #[serde(default)]
    pub(super) gpu: String,
    #[serde(default)]
    pub(super) precision: String,
    pub(super) min_replicas: Option<u32>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Advice {
    pub(super) id: String,
    pub(super) action: String,
    pub(super) plan_id: Option<String>,
    pub(super) monthly_savings: Amount,
    pub(super) interval: Option<Range>,
    pub(super) probability_of_loss: Option<f64>,
    pub(super) grade: String,
    pub(super) change: Option<Change>,
    pub(super) commitment: Option<Signed>,
    pub(super) live: Option<Live>,
    pub(super) decision: Option<Decision>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Signed {
    pub(super) term_months: u32,
    pub(super) end: String,
    pub(super) owed: Amount,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Live {
    pub(super) from: String,
    pub(super) year_end: String,
    pub(super) savings_by_year_end: Amount,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Change {
    pub(super) effort_hours: f64,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Decision {
    /// `accepted`, `rejected`, `snoozed` or `done`.
    #[serde(default)]
    state: String,
    pub(super) counts_as: String,
    pub(super) owner: Option<String>,
    pub(super) due: Option<String>,
    pub(super) overdue: bool,
}

impl Decision {
    /// Marked done, and its advice still comes up.
    pub(super) fn is_done(&self) -> bool {
        self.state == "done"
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Range {
    pub(super) low: Amount,
    pub(super) high: Amount,
    pub(super) level: f64,
    #[serde(default)]
    pub(super) basis: Basis,
    #[serde(default)]
    pub(super) n: u64,
}

/// What a range rests on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Basis {
    #[default]
    Weeks,
    Days,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Portfolio {
    pub(super) ranking: Vec<String>,
    pub(super) interval: Option<Range>,
    pub(super) probability_of_loss: Option<f64>,
    pub(super) savings_by_decision: Savings,
    pub(super) promises: Vec<Promise>,
    pub(super) confirmed_waste: Amount,
    pub(super) to_investigate: Amount,
    pub(super) not_measured: Amount,
    pub(super) savings_by_year_end: Option<Amount>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Savings {
    pub(super) identified: Amount,
    pub(super) asked_for: Amount,
    pub(super) monthly_cost_after: Option<Amount>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Promise {
    /// The advice it was made for.
    #[serde(default)]
    pub(super) advice: String,
    pub(super) workload: String,
    pub(super) currency: String,
    pub(super) promised_monthly_savings: Amount,
    pub(super) realised_monthly_savings: Option<Amount>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Held {
    pub(super) id: String,
    pub(super) currency: String,
    pub(super) end: String,
    pub(super) utilization: Option<f64>,
    pub(super) utilization_today: Option<f64>,
    pub(super) liability: Amount,
    pub(super) has_ended: bool,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Forecast {
    pub(super) spans: Vec<Span>,
    pub(super) outlooks: Vec<Outlook>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Outlook {
    pub(super) workload: String,
    pub(super) not_known: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Span {
    pub(super) kind: String,
    pub(super) label: String,
    pub(super) whole: bool,
    pub(super) spent: Option<Amount>,
    pub(super) as_is: Range3,
    pub(super) with_advice: Range3,
    pub(super) workloads: Vec<SpanOf>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct SpanOf {
    pub(super) workload: String,
    pub(super) as_is: Range3,
    pub(super) with_advice: Range3,
}

#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Range3 {
    pub(super) mean: Amount,
    pub(super) low: Amount,
    pub(super) high: Amount,
    pub(super) level: f64,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Budget {
    pub(super) months: Vec<BudgetMonth>,
    #[serde(default)]
    pub(super) coming: Vec<BudgetComing>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct BudgetMonth {
    pub(super) label: String,
    pub(super) pro_rata: bool,
    pub(super) total: Variance,
    pub(super) owners: Vec<OwnerBudget>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct BudgetComing {
    pub(super) label: String,
    pub(super) as_is: Variance,
    pub(super) owners: Vec<OwnerBudget>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct OwnerBudget {
    pub(super) owner: Option<String>,
    #[serde(flatten)]
    pub(super) variance: Variance,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Variance {
    pub(super) budget: Option<Amount>,
    #[serde(rename = "variance")]
    pub(super) difference: Option<Amount>,
    pub(super) share: Option<f64>,
    pub(super) word: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Previous {
    pub(super) period_label: String,
    pub(super) forecast_error: Option<ForecastError>,
    pub(super) since: Since,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct ForecastError {
    pub(super) label: String,
    pub(super) share: Option<f64>,
    pub(super) word: String,
    #[serde(default)]
    pub(super) not_done: Vec<String>,
    /// What of the error is that they were not.
    #[serde(default)]
    pub(super) of_actions: Option<Amount>,
    /// The rest of it.
    #[serde(default)]
    pub(super) of_forecast: Option<Amount>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Since {
    pub(super) old: Amount,
    pub(super) difference: Amount,
    pub(super) steps: Vec<Step>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Step {
    pub(super) name: String,
    pub(super) amount: Amount,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Provenance {
    pub(super) as_of: String,
    pub(super) version: String,
}

impl MailReport {
    /// Reads the text of a `report.json`.
    pub fn read(text: &str) -> Result<MailReport, PastError> {
        check_schema(text)?;
        let file: File = serde_json::from_str(text).map_err(PastError::Field)?;
        let currency = code(&file.currency)?;
        Ok(MailReport { currency, file })
    }

    /// The day it speaks of, such as `2026-11-01`.
    pub fn as_of(&self) -> &str {
        &self.file.provenance.as_of
    }

    /// Its owners, in the order of their first workload.
    pub fn owners(&self) -> Vec<&str> {
        let mut owners: Vec<&str> = Vec::new();
        for owner in self.file.workloads.iter().filter_map(|it| it.owner.as_deref()) {
            if !owners.contains(&owner) {
                owners.push(owner);
            }
        }
        owners
    }

    pub(super) fn money(&self, amount: Amount) -> Money {
        Money::from_atto(amount.0, self.currency)
    }
}

impl Portfolio {
    /// True where something was paid and not used, or may have been.
    pub(super) fn has_waste(&self) -> bool {
        [self.confirmed_waste, self.to_investigate, self.not_measured].iter().any(|it| it.0 != 0)
    }
}

impl Amount {
    /// In another currency than that of the report.
    pub(super) fn of(self, currency: Currency) -> Money {
        Money::from_atto(self.0, currency)
    }
}
