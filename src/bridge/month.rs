//! What a bridge takes from a report.

use std::collections::BTreeMap;

use crate::units::{Currency, Money, Period};
use crate::workload::PricingCategory;

/// A report, as far as it is compared.
#[derive(Clone, Debug)]
pub struct Month {
    /// What was analysed.
    pub window: Period,
    /// The currency of every amount.
    pub currency: Currency,
    /// The workloads by name.
    pub workloads: BTreeMap<String, Spend>,
    /// Paid and not used, of workloads and across them.
    pub findings: Vec<Finding>,
    /// The rows of the price catalog behind the plans, by id; nothing where the report has none.
    pub prices: Option<BTreeMap<String, PriceRow>>,
}

/// A workload.
#[derive(Clone, Debug)]
pub struct Spend {
    /// Effective cost of the window.
    pub cost: Option<Money>,
    /// GPU-hours paid.
    pub gpu_hours: Option<f64>,
    /// Requests.
    pub requests: Option<u64>,
    /// Tokens, prompt and completion.
    pub tokens: Option<u64>,
    /// What ran, and how it was bought.
    pub deployment: Deployment,
    /// What was advised.
    pub advice: Advised,
}

/// What ran, and how it was bought: where one of the first four changes, a change of the rate is no
/// change of a price.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deployment {
    /// Who is paid.
    pub provider: Option<String>,
    /// Where.
    pub region: Option<String>,
    /// The GPU.
    pub gpu: Option<String>,
    /// How it is bought.
    pub purchase: PricingCategory,
    /// dtype or quantization as served.
    pub precision: Option<String>,
    /// True when the rows name more than one GPU, provider or way of buying.
    pub mixed: bool,
}

/// An advice.
#[derive(Clone, Debug)]
pub struct Advised {
    /// Stable across months for the same workload, action and plan.
    pub id: String,
    /// `switch`, `stop`, `schedule`, `keep`, `not_enough_data`.
    pub action: String,
    /// What it saves in 730 hours.
    pub monthly_savings: Money,
    /// Where it leads.
    pub plan: Option<PlanAdvised>,
}

/// The plan of an advice.
#[derive(Clone, Debug)]
pub struct PlanAdvised {
    /// Who sells it.
    pub provider: String,
    /// The GPU.
    pub gpu: String,
    /// The word for the way to buy, such as `payg_scheduled`.
    pub purchase: String,
    /// bf16, fp8, int8, int4, or as served today.
    pub precision: String,
}

/// Paid and not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Of which workload; nothing for one across them.
    pub workload: Option<String>,
    /// `idle`, `off_hours`, ...
    pub finding: String,
    /// Whether it is confirmed, or to investigate.
    pub confirmed: bool,
    /// Effective cost in the window.
    pub cost: Option<Money>,
}

/// A price of the catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceRow {
    /// Of the whole instance and an hour.
    pub per_hour: Money,
    /// When it was seen.
    pub as_of: String,
}
