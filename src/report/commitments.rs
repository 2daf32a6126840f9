//! What can be committed to, what is held, and what cannot be said: as every format shows it.

mod cap;
mod fill;
mod unpriced;

pub use cap::say_over_cap;
pub use unpriced::say_unpriced;

pub use fill::{commit, judged};

use serde::Serialize;

use super::model::Interval;
use crate::units::{Currency, Money};

/// Everything about commitments besides what the bill says of them.
#[derive(Clone, Debug, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CommitmentsReport {
    /// One for each instance and term. None of their savings is in any total but what
    /// `included_in_advice` names, which the advice of the workloads counts.
    pub commitments: Vec<CommitmentCase>,
    /// Commitments in money per hour, which all instances of a provider that they cover share.
    pub spend_commitments: Vec<SpendReport>,
    /// The commitments that the config declares.
    pub held_commitments: Vec<HeldReport>,
    /// Instances that nothing can be said of yet, and why.
    pub commitments_absent: Vec<NoCaseReport>,
    /// What the best commitments for today's fleets come to once the advice is followed. None is advised.
    pub committed_first: Vec<CommittedFirstReport>,
}

/// A commitment for what runs today, bought before the advice is followed; amounts are of a month of 730
/// hours where their name does not say else.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CommittedFirstReport {
    /// What it is of.
    #[serde(flatten)]
    pub instance: InstanceReport,
    /// The price row.
    pub offer_id: String,
    /// Its term.
    pub term_months: u32,
    /// How many would be chosen for today's demand.
    pub instances: u32,
    /// Of the amounts here.
    pub currency: Currency,
    /// What they save while all runs as today.
    pub monthly_savings_today: Money,
    /// Share of them in use then.
    pub used_today: f64,
    /// Share of them in use once the advice is followed.
    pub used_after: f64,
    /// What the rest costs then.
    pub monthly_unused_after: Money,
    /// Paid and owed over the term.
    pub liability: Money,
}

/// What of an ending commitment a new term would pay for.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RenewalReport {
    /// Instances to buy again; none where running by use is cheaper.
    pub instances: u32,
    /// The term that saves the most of those allowed; the shortest on offer where none is bought.
    pub term_months: u32,
    /// Its price row.
    pub offer_id: String,
    /// What they save in a month of 730 hours against running by use.
    pub monthly_savings: Money,
    /// Who on it is no part of the demand, and why.
    pub without: Vec<String>,
    /// Whose hours in that demand nobody used: confirmed as waste, and paid for.
    pub unused_hours: Vec<UnusedHoursReport>,
    /// Why none may be bought again, where no term is allowed.
    pub not_allowed: Option<String>,
}

/// A workload whose demand holds hours that are confirmed as waste.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct UnusedHoursReport {
    /// Its name.
    pub workload: String,
    /// What it pays in the window for hours in which nobody used it.
    pub cost: Money,
}

/// Terms that begin in one hour.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PurchaseReport {
    /// The hour.
    pub at: String,
    /// How many.
    pub n: u32,
}

/// An instance.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct InstanceReport {
    /// Who sells it.
    pub provider: String,
    /// Where.
    pub region: String,
    /// Its name there.
    pub instance_type: String,
    /// Its GPU.
    pub gpu: String,
    /// How many of them.
    pub gpu_count: u32,
}

/// One instance on one term; amounts are of a month of 730 hours where their name does not say else.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CommitmentCase {
    /// The price row, and so the same in every run.
    pub id: String,
    /// The instance: its cases are terms to choose one of.
    #[serde(flatten)]
    pub instance: InstanceReport,
    /// How it is bought: `reserved_12mo`.
    pub purchase: String,
    /// The term.
    pub term_months: u32,
    /// Whether the policy allows so long a term.
    pub allowed: bool,
    /// Why not, where the policy or the end of a workload forbids it.
    pub not_allowed: Option<String>,
    /// Whether it saves the most of the terms allowed.
    pub best: bool,
    /// Of the amounts here.
    pub currency: Currency,
    /// Rate of a committed instance.
    pub rate_per_hour: Option<Money>,
    /// Rate of one by use: of several their mean by time.
    pub by_use_rate_per_hour: Option<Money>,
    /// The price rows behind the rate by use.
    pub by_use_offer_ids: Vec<String>,
    /// When the committed rate was seen.
    pub price_as_of: String,
    /// Where.
    pub price_source: String,
    /// Whose demand it is.
    pub workloads: Vec<String>,
    /// Who runs on it and is no part of that demand, and why: it does not last for the term.
    pub without: Vec<String>,
    /// Whose hours in that demand nobody used: confirmed as waste, and paid for.
    pub unused_hours: Vec<UnusedHoursReport>,
    /// How each of them runs then: what this presumes.
    pub presumes: Vec<String>,
    /// Days of demand they have in common.
    pub days: f64,
    /// Their mean demand, before what is held.
    pub mean_instances: f64,
    /// Held instances taken off the demand.
    pub held_instances: u32,
    /// The setting used: 0 stable, 1 optimal.
    pub risk_setting: f64,
    /// Instances in use in every hour.
    pub stable_n: u32,
    /// Instances at the setting.
    pub chosen_n: u32,
    /// Instances that cost the least.
    pub optimal_n: u32,
    /// Instances that cover all demand.
    pub max_n: u32,
    /// Cost with `chosen_n`.
    pub monthly_cost: Money,
    /// What that saves against none.
    pub monthly_savings: Money,
    /// The range of the saving; nothing for less than a week of whole days, or with hours not measured.
    pub interval: Option<Interval>,
    /// Chance that it costs more than it saves in months like those seen.
    pub probability_of_loss: Option<f64>,
    /// Share of the commitment in use; nothing for none.
    pub utilization: Option<f64>,
    /// Share of the demand covered.
    pub coverage: Option<f64>,
    /// Of the saving, what the advice of the workloads claims already.
    pub included_in_advice: Money,
    /// What it saves above that; below zero where it saves less.
    pub beyond_advice: Money,
    /// Months until what is paid upfront has come back.
    pub cash_payback_months: Option<f64>,
    /// Months of full use after which walking away has cost nothing.
    pub regret_months: Option<f64>,
    /// Paid when it is bought, for the whole term; nothing where the price list does not say.
    pub upfront: Option<Money>,
    /// Owed over the term after that.
    pub liability: Money,
    /// When it ends, bought on the day of the report.
    pub end: String,
    /// Bought in steps, where the policy caps what may end in a quarter.
    pub ladder: Option<LadderReport>,
    /// What the cheapest purchases of hindsight would have saved in the window.
    pub hindsight: Option<HindsightReport>,
    /// What the reader must know, one sentence each.
    pub notes: Vec<String>,
    /// What `--commitment` asks about.
    pub asked: Vec<PointReport>,
    /// The savings curve: at most 100 points.
    pub curve: Vec<PointReport>,
}

/// A point of the curve; amounts are of a month.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PointReport {
    /// Instances committed.
    pub n: u32,
    /// The sum of its parts.
    pub monthly_cost: Money,
    /// Committed and in use.
    pub committed_used: Money,
    /// Committed and not in use.
    pub committed_unused: Money,
    /// What exceeds the commitment.
    pub by_use: Money,
    /// Share of the commitment in use; nothing for none.
    pub utilization: Option<f64>,
    /// Share of the demand covered.
    pub coverage: Option<f64>,
    /// Against no commitment.
    pub monthly_savings: Money,
    /// Nine of ten months save at least this.
    pub low: Option<Money>,
    /// Nine of ten save at most this.
    pub high: Option<Money>,
}

/// A commitment bought in tranches.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LadderReport {
    /// Instances that may be bought at once under the cap.
    pub at_once: u32,
    /// In the order they are bought.
    pub tranches: Vec<TrancheReport>,
    /// Instances that no quarter has room for under the cap.
    pub unplaced: u32,
    /// What is not saved while the later ones wait.
    pub waiting_cost: Money,
}

/// One purchase.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TrancheReport {
    /// Instances.
    pub n: u32,
    /// Month it is bought in, such as 2026-11.
    pub bought: String,
    /// Month its term ends in.
    pub end: String,
}

/// The window, had demand been known.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct HindsightReport {
    /// Cost of the window all by use, whole instances in each hour.
    pub by_use: Money,
    /// The least possible with terms of this offer, charged up to the end of the window.
    pub cheapest: Money,
    /// The difference.
    pub left_on_the_table: Money,
    /// Terms the cheapest way buys.
    pub bought: u32,
    /// When it buys them.
    pub purchases: Vec<PurchaseReport>,
}

/// A commitment in money per hour; amounts are of a month where their name does not say else.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SpendReport {
    /// Who is paid.
    pub provider: String,
    /// How it is bought: `flex_cud_12mo`.
    pub purchase: String,
    /// The term.
    pub term_months: u32,
    /// Whether the policy allows so long a term.
    pub allowed: bool,
    /// The price rows under the plan.
    pub offer_ids: Vec<String>,
    /// Whose demand it is.
    pub workloads: Vec<String>,
    /// Who runs on what it covers and is no part of that demand, and why.
    pub without: Vec<String>,
    /// What is held already: the amounts are of it and of what comes on top, the savings against it alone.
    pub held_per_hour: Option<Money>,
    /// The cheapest commitment on top of what is held.
    pub per_hour: Option<Money>,
    /// Cost with it.
    pub monthly_cost: Money,
    /// What that saves against what is held alone.
    pub monthly_savings: Money,
    /// The range of the saving.
    pub interval: Option<Interval>,
    /// Chance that it costs more than it saves in months like those seen.
    pub probability_of_loss: Option<f64>,
    /// Share of the commitment in use; nothing for none.
    pub utilization: Option<f64>,
    /// Share of the usage covered, by what it costs by use.
    pub coverage: Option<f64>,
    /// Of the saving, what the advice of the workloads claims already.
    pub included_in_advice: Money,
    /// What it saves above that; below zero where it saves less.
    pub beyond_advice: Money,
    /// Owed over the term.
    pub liability: Money,
    /// When it ends, bought on the day of the report.
    pub end: String,
    /// The savings curve: at most 100 points.
    pub curve: Vec<SpendPointReport>,
}

/// A point of it; amounts are of a month.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SpendPointReport {
    /// The commitment, on top of what is held.
    pub per_hour: Option<Money>,
    /// The sum of its parts.
    pub monthly_cost: Money,
    /// The commitment and what is held, used or not.
    pub committed: Money,
    /// Usage it does not cover.
    pub by_use: Money,
    /// Share of the commitment in use; nothing for none.
    pub utilization: Option<f64>,
    /// Share of the usage covered.
    pub coverage: Option<f64>,
    /// Against what is held alone.
    pub monthly_savings: Money,
    /// Nine of ten months save at least this.
    pub low: Option<Money>,
    /// Nine of ten save at most this.
    pub high: Option<Money>,
}

/// A commitment that is held.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct HeldReport {
    /// Its name in the config.
    pub id: String,
    /// Who is paid.
    pub provider: String,
    /// Where.
    pub region: String,
    /// The instance, where it is named.
    pub instance_type: Option<String>,
    /// The GPU, where it is named.
    pub gpu: Option<String>,
    /// How many instances.
    pub instances: u32,
    /// Of the amounts here.
    pub currency: Currency,
    /// Rate of each.
    pub rate_per_hour: Option<Money>,
    /// First day.
    pub start: String,
    /// First day after it.
    pub end: String,
    /// Instance hours paid for in the window.
    pub paid_hours: f64,
    /// What of them was used by demand after the advice; nothing where that is not known.
    pub used_hours: Option<f64>,
    /// Why that is not known.
    pub use_not_known: Option<String>,
    /// The share; nothing where none was paid for, or its use is not known.
    pub utilization: Option<f64>,
    /// The share used while all runs as today; nothing where none was paid for, or that is not known.
    pub utilization_today: Option<f64>,
    /// What the rest cost in the window; nothing where its use is not known.
    pub stranded_cost: Option<Money>,
    /// Owed until it ends.
    pub liability: Money,
    /// Paid and not used yet.
    pub prepaid_left: Money,
    /// Workloads that run elsewhere after the advice and of which a replica fits on it, where at least half
    /// of it is stranded: whether they pay there is not computed.
    pub could_carry: Vec<String>,
    /// Whether it is over on the day of the report.
    pub has_ended: bool,
    /// Whether it ends within the term advised next.
    pub ends_within_term: bool,
    /// What of it to buy again; nothing where it does not end within that term, or nothing is on offer.
    pub renewal: Option<RenewalReport>,
}

/// An instance without a case.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct NoCaseReport {
    /// Which.
    #[serde(flatten)]
    pub instance: InstanceReport,
    /// Whose demand is on it.
    pub workloads: Vec<String>,
    /// Whether a commitment covers it already, so that nothing is missing.
    pub covered: bool,
    /// Why.
    pub reason: String,
    /// What to do until then.
    pub rule: Option<EarlyRuleReport>,
}

/// Buy the next instance when it has cost by use what its term costs.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct EarlyRuleReport {
    /// The price row.
    pub offer_id: String,
    /// Its term.
    pub term_months: u32,
    /// Price of a whole term of one instance.
    pub fee: Money,
    /// Instances that the rule would have bought by now.
    pub bought: u32,
    /// What the next has cost by use so far.
    pub spent_on_next: Money,
    /// The rule costs at most so many times the least possible, whatever demand does.
    pub most_times_the_least: f64,
}
