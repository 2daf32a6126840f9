//! The report as plain data: every number once, raw, with its unit in its name.
//!
//! `report.json` is this model written out; HTML, Markdown, the terminal table and the charts show
//! the same values through `number.rs`. Not measured is `None`, which JSON shows as `null`.

use std::collections::BTreeMap;

use serde::Serialize;

pub use super::account::{
    CategoryLine, Commitment, CoverageReport, CurrencyLine, Line, Part, Reconciliation,
    RejectedRow, SourceCoverage, Spend,
};
pub use super::blanks::Blank;
pub use super::budget::{BudgetComing, BudgetMonth, BudgetReport, OwnerVariance, Variance};
pub use super::commitments::CommitmentsReport;
pub use super::course::{BusiestDayReport, ChangeOfDemand, CostOfDay, DemandByHour, SilentReport};
pub use super::decisions::{CountsAs, DecisionReport, PromiseReport, SavingsByDecision};
pub use super::forecast::{
    ExpectedReport, ForecastReport, OutlookReport, SpanReport, WorkloadSpan,
};
pub use super::ledger::ToDateReport;
pub use super::memory::MemoryReport;
pub use super::previous::{ForecastError, PreviousReport, SinceReport, SinceStep, SinceWorkload};
pub use super::price_moves::PriceMoveReport;

use crate::classify::{Outage, Pool};
use crate::units::{Currency, Money};
use crate::workload::{Direction, Kind, Shape};

/// Version of the JSON shape; a field that changes meaning or goes raises it.
pub const SCHEMA_VERSION: &str = "1.0";

/// All that a reader is told.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ReportModel {
    /// Version of the shape of this document.
    pub schema_version: &'static str,
    /// What the window is called: `October 2026`, or its dates.
    pub period_label: String,
    /// The currency of every amount.
    pub currency: Currency,
    /// Zone of day profiles and dates.
    pub time_zone: String,
    /// Sums over all workloads.
    pub totals: Totals,
    /// Proof that nothing was lost.
    pub reconciliation: Reconciliation,
    /// Whether the amounts of the bills may still change, in words; nothing without a bill.
    pub invoice_state: Option<&'static str>,
    /// Which days each kind of source covers.
    pub coverage: CoverageReport,
    /// One entry per workload, the dearest first.
    pub workloads: Vec<WorkloadReport>,
    /// The actions in the order to take them, largest saving first.
    pub portfolio: Portfolio,
    /// What the user could still say in the config, the most spend first, at most five.
    pub blanks: Vec<Blank>,
    /// What can be committed to, what is held, and what cannot be said.
    #[serde(flatten)]
    pub commitment: CommitmentsReport,
    /// Prices of the instances in use and of those advised that moved since they were looked at before.
    pub price_moves: Vec<PriceMoveReport>,
    /// Months to come; nothing without a cost or without dates.
    pub forecast: Option<ForecastReport>,
    /// Spend and forecast against the budget; nothing where none is configured.
    pub budget: Option<BudgetReport>,
    /// This report beside that of an earlier month, where one was named.
    pub previous: Option<PreviousReport>,
    /// What the reader must know before using a number, one sentence each.
    pub notices: Vec<String>,
    /// What went in, so that anyone can repeat it.
    pub provenance: Provenance,
}

/// Sums over the window.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Totals {
    /// First instant, RFC 3339.
    pub window_start: String,
    /// First instant after the window.
    pub window_end: String,
    /// Its length.
    pub window_hours: f64,
    /// Invoiced.
    pub billed_cost: Option<Money>,
    /// Amortized.
    pub effective_cost: Option<Money>,
    /// At public prices.
    pub list_cost: Option<Money>,
    /// At negotiated prices.
    pub contracted_cost: Option<Money>,
    /// The Effective Savings Rate, in both published forms.
    pub effective_savings_rate: SavingsRate,
    /// What the cheapest purchases of hindsight would have saved in the window on the demand after the
    /// advice: of each instance the term for which that is most. In no other total; nothing without a case.
    pub left_on_the_table: Option<Money>,
    /// GPU-hours paid.
    pub gpu_hours: Option<f64>,
    /// Requests.
    pub requests: Option<u64>,
    /// Prompt tokens.
    pub prompt_tokens: Option<u64>,
    /// Completion tokens.
    pub completion_tokens: Option<u64>,
    /// Effective cost of the workloads with tokens, per million of their tokens.
    pub cost_per_million_tokens: Option<Money>,
    /// Baseline of a 730-hour month with the trend, where the trend is certain; enters no saving.
    pub projected_monthly_cost: Option<Money>,
    /// Sum of the workloads' baselines.
    pub baseline_monthly_cost: Option<Money>,
    /// Baseline less the savings of all advice found, whatever was decided; with what is asked for it is
    /// `portfolio.savings_by_decision.monthly_cost_after`.
    pub recommended_monthly_cost: Option<Money>,
    /// What all advice found saves in a 730-hour month at constant traffic, whatever was decided about it.
    pub monthly_savings: Money,
}

/// One workload.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct WorkloadReport {
    /// Its name.
    pub name: String,
    /// A file-safe form of the name, unique in the report: charts are `charts/<slug>-*.svg`.
    pub slug: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// production, staging, ...
    pub environment: Option<String>,
    /// What it does.
    pub kind: Kind,
    /// The form of its demand.
    pub shape: Shape,
    /// Where demand is going.
    pub direction: Option<Direction>,
    /// How sure, 0 to 1.
    pub class_confidence: f64,
    /// Why it is called that, strongest first.
    pub evidence: Vec<String>,
    /// The rule of thumb, beside the simulation, in words.
    pub rule_of_thumb: String,
    /// One sentence: what it is and what to do.
    pub verdict: String,
    /// The statistics of its demand by name: numbers, null, or maps for `gaps_over` and `warm_fraction`.
    pub features: serde_json::Map<String, serde_json::Value>,
    /// What it costs and does today.
    pub baseline: Baseline,
    /// Latency limits used.
    pub slo: SloReport,
    /// Ways to run it that were sized.
    pub candidates: Vec<CandidateReport>,
    /// Ways to run and buy it that were simulated, cheapest first among those that meet the SLO.
    pub plans: Vec<PlanReport>,
    /// What to do.
    pub advice: AdviceReport,
    /// Paid and not used.
    pub waste: Vec<WasteReport>,
    /// Mean demand by weekday (Monday first) and hour of the report's zone; null where no data.
    pub demand_by_weekday_hour: Vec<Vec<Option<f64>>>,
    /// The unit of the heat map: `requests/h` or `GPUs`.
    pub demand_unit: String,
    /// Demand-duration curve in the unit that is bought.
    pub duration_curve: Option<DurationCurve>,
    /// Demand over the window, hour by hour; nothing where no hour was measured, and beyond the dearest
    /// of very many workloads.
    pub demand_by_hour: Option<DemandByHour>,
    /// Effective cost of every day of the window, which add up to that of the window; empty beyond the
    /// dearest of very many workloads.
    pub cost_by_day: Vec<CostOfDay>,
    /// The advised plan, else today's, on the day with the most requests; nothing where it was not
    /// simulated request by request.
    pub busiest_day: Option<BusiestDayReport>,
    /// True beyond the dearest of very many workloads, whose single hours and days were not kept.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub hours_left_out: bool,
}

/// Hours sorted by demand.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct DurationCurve {
    /// What is counted: `GPUs` or `instances`.
    pub unit: String,
    /// Demand of every hour of the window, largest first.
    pub hours_sorted: Vec<f64>,
    /// Share of hours above which a unit is cheaper reserved: reserved rate / pay-as-you-go rate.
    pub break_even_share: Option<f64>,
    /// The offer pair behind the break-even, in words.
    pub break_even_label: Option<String>,
    /// Units that the advised plan keeps reserved; nothing where it reserves none.
    pub reserved_units: Option<u32>,
}

/// Today.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Baseline {
    /// Cost of the window x 730 / its hours.
    pub monthly_cost: Option<Money>,
    /// Effective cost of the window.
    pub effective_cost: Option<Money>,
    /// Billed cost of the window.
    pub billed_cost: Option<Money>,
    /// GPU-hours of the window.
    pub gpu_hours: Option<f64>,
    /// Effective cost per GPU-hour.
    pub rate_per_gpu_hour: Option<Money>,
    /// True when no bill was given and a catalog price stands in.
    pub priced_from_catalog: bool,
    /// Cost per unit delivered.
    pub unit_cost: UnitCost,
    /// Who is paid.
    pub provider: Option<String>,
    /// Where.
    pub region: Option<String>,
    /// GPU as the catalog or else the data names it.
    pub gpu: Option<String>,
    /// GPUs at once.
    pub gpu_count: Option<f64>,
    /// How it is bought.
    pub pricing_category: String,
    /// True when the rows name more than one GPU, provider or way of buying; the fields above are
    /// those behind most of the cost.
    pub mixed: bool,
    /// Model served or trained.
    pub model: Option<String>,
    /// dtype or quantization as served.
    pub precision: Option<String>,
    /// Requests of the window.
    pub requests: Option<u64>,
    /// Prompt tokens of the window.
    pub prompt_tokens: Option<u64>,
    /// Completion tokens of the window.
    pub completion_tokens: Option<u64>,
    /// Share of paid GPU time with a request running, by the service-time model or telemetry.
    pub busy_fraction: Option<f64>,
    /// Which of the two `busy_fraction` is: `telemetry` or `model`.
    pub busy_source: Option<String>,
}

/// Effective cost per unit delivered, idle included.
#[derive(Clone, Debug, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct UnitCost {
    /// Per million tokens, prompt and completion together.
    pub per_million_tokens: Option<Money>,
    /// The whole cost per million prompt tokens: not to be added to the next.
    pub per_million_input_tokens: Option<Money>,
    /// The whole cost per million completion tokens.
    pub per_million_output_tokens: Option<Money>,
    /// Per thousand requests.
    pub per_thousand_requests: Option<Money>,
    /// Per unit that the config names.
    pub per_unit: Option<PerUnit>,
    /// Change of the daily unit cost (of the named unit, else tokens, else requests) per 30 days.
    pub trend_per_30d: Option<UnitCostTrend>,
}

/// The cost of one unit that the config names.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PerUnit {
    /// Its name.
    pub name: String,
    /// What one costs.
    pub cost: Money,
}

/// A change per 30 days as a share of the mean day, with its 95 % interval.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct UnitCostTrend {
    /// Theil-Sen slope x 30 / mean.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Latency limits.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SloReport {
    /// Limit of the time to the first token.
    pub ttft_p95_s: Option<f64>,
    /// Limit of the time per output token.
    pub tpot_p95_s: Option<f64>,
    /// Share of requests that must meet both.
    pub attainment: f64,
    /// True when nobody set them.
    pub assumed: bool,
}

/// A way to run the workload.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CandidateReport {
    /// Stable id, such as `h100-sxm5-x1-fp8`.
    pub id: String,
    /// Catalog GPU.
    pub gpu: String,
    /// GPUs of one replica.
    pub gpu_count: u32,
    /// Tensor parallelism.
    pub tensor_parallel_size: u32,
    /// Pipeline stages.
    pub pipeline_parallel_size: u32,
    /// bf16, fp8, int8, int4.
    pub precision: String,
    /// Whether one replica fits.
    pub fits: bool,
    /// Why not, or why it was not simulated; nothing when it was.
    pub reason: Option<String>,
    /// Memory of one replica per GPU: weights + KV cache at the planned batch + reserve.
    pub total_bytes: Option<u64>,
    /// Memory the engine may use per GPU.
    pub usable_bytes: Option<u64>,
    /// What the memory of each GPU holds; nothing where the model was not sized.
    pub memory: Option<MemoryReport>,
    /// KV-cache tokens one replica holds.
    pub kv_cache_tokens: Option<u64>,
    /// Requests one replica serves at once.
    pub slots: Option<u32>,
    /// Time per output token at the planning batch.
    pub tpot_s: Option<f64>,
    /// Output tokens a second of one replica at the planning batch.
    pub output_tokens_per_s: Option<f64>,
    /// Estimated monthly cost by which candidates are ranked before any is simulated.
    pub cost_estimate: Option<Money>,
}

/// What a plan's cost is made of; the parts add up to the monthly cost.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CostParts {
    /// Serving.
    pub busy: Money,
    /// On, not serving.
    pub idle: Money,
    /// Starting, where billed.
    pub starting: Money,
    /// Committed hours without demand.
    pub committed_unused: Money,
    /// Disks; none while no storage is counted.
    pub storage: Option<Money>,
}

/// A way to run and buy the workload.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PlanReport {
    /// Stable id.
    pub id: String,
    /// The candidate it runs.
    pub candidate_id: Option<String>,
    /// The price rows it uses.
    pub offer_ids: Vec<String>,
    /// One line for people.
    pub label: String,
    /// Who sells it.
    pub provider: String,
    /// Where.
    pub region: String,
    /// The seller's name of the instance; nothing where none is rented.
    pub instance_type: Option<String>,
    /// Catalog GPU.
    pub gpu: String,
    /// GPUs of one replica.
    pub gpu_count: u32,
    /// bf16, fp8, int8, int4, or as served today.
    pub precision: String,
    /// Tensor parallelism.
    pub tensor_parallel_size: u32,
    /// Pipeline stages.
    pub pipeline_parallel_size: u32,
    /// `today`, `payg_fixed`, `payg_autoscaled`, `payg_scheduled`,
    /// `payg_following`, `spot_with_fallback`, `reserved_12mo`, `reserved_12mo_serverless`,
    /// `serverless_flex`, `shared`, `api`.
    pub purchase: String,
    /// Cost of a 730-hour month.
    pub monthly_cost: Money,
    /// Its parts.
    pub cost_parts: CostParts,
    /// Median time to the first token.
    pub ttft_p50_s: Option<f64>,
    /// 95th percentile.
    pub ttft_p95_s: Option<f64>,
    /// 99th percentile.
    pub ttft_p99_s: Option<f64>,
    /// Share of requests within the SLO.
    pub slo_attainment: Option<f64>,
    /// Whether that is enough; always true for workloads nobody waits for.
    pub meets_slo: bool,
    /// Whether the policy allows it; by default plans stay with today's provider.
    pub allowed: bool,
    /// What must be declared before it may be advised, besides the policy.
    pub needs: Option<String>,
    /// What it sets at the platform that is otherwise by default; only of serverless plans.
    pub conditions: Vec<String>,
    /// The plan at other rates of interruption; only of plans on spot.
    pub spot_range: Vec<SpotPointReport>,
    /// What its cost comes from and its limits miss, such as a deadline; one sentence each.
    pub remarks: Vec<String>,
    /// Replicas started on demand in the window.
    pub cold_starts: Option<u64>,
    /// Requests that waited for a start.
    pub delayed_requests: Option<u64>,
    /// Requests a replica serves at once.
    pub max_num_seqs: Option<u32>,
    /// Longest context assumed.
    pub max_model_len: Option<u64>,
    /// Share of GPU memory the engine may use.
    pub gpu_memory_utilization: Option<f64>,
    /// The serving engine whose memory was sized, such as `vllm@0.19`; nothing where none was.
    pub engine: Option<String>,
    /// Format of its KV cache: `auto` is that of the activations.
    pub kv_cache_dtype: Option<String>,
    /// The scaling policy with its numbers.
    pub policy: BTreeMap<String, serde_json::Value>,
    /// Instances always on.
    pub min_replicas: Option<u32>,
    /// Most instances at once.
    pub max_replicas: Option<u32>,
    /// Seconds an instance stays after its last request.
    pub idle_timeout_s: Option<f64>,
    /// Seconds an instance takes to start.
    pub cold_start_s: Option<f64>,
    /// Dates of the prices used, oldest first.
    pub price_as_of: Vec<String>,
    /// Sources of the prices used.
    pub price_sources: Vec<String>,
}

/// A plan on spot at one rate of interruptions.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SpotPointReport {
    /// Interruptions per instance and hour.
    pub interruptions_per_hour: f64,
    /// Cost of 730 hours.
    pub monthly_cost: Money,
    /// Share of requests within the SLO.
    pub slo_attainment: Option<f64>,
}

/// What to do.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct AdviceReport {
    /// Stable across runs and months for the same workload, action and plan.
    pub id: String,
    /// `switch`, `stop`, `schedule`, `keep`, `not_enough_data`.
    pub action: String,
    /// The plan to switch to.
    pub plan_id: Option<String>,
    /// What to do, in one sentence.
    pub summary: String,
    /// What it saves in a 730-hour month; zero for keep.
    pub monthly_savings: Money,
    /// Range of the saving over months like those seen; nothing where it saves nothing, or for less
    /// than a week of whole days.
    pub interval: Option<Interval>,
    /// Chance that it costs more than it saves.
    pub probability_of_loss: Option<f64>,
    /// The same saving at public prices and by the invoice; nothing where it saves nothing.
    pub savings_by_price: Option<SavingsByPriceReport>,
    /// The work it takes; nothing where there is nothing to do.
    pub change: Option<ChangeReport>,
    /// What is signed for it; nothing where the plan needs no commitment.
    pub commitment: Option<SignedReport>,
    /// From when it saves; nothing where it is not asked for.
    pub live: Option<LiveReport>,
    /// A to F.
    pub grade: String,
    /// Chance that the saving is at least the low end of its range.
    pub confidence: Option<f64>,
    /// Why, the strongest first, what caps the grade included.
    pub reasons: Vec<String>,
    /// How to do it.
    pub steps: Vec<String>,
    /// How to undo it.
    pub undo: String,
    /// How to see that it came true.
    pub verify: Vec<CheckReport>,
    /// What would make it wrong.
    pub wrong_if: Vec<String>,
    /// What it saves when something else happens.
    pub shocks: Vec<ShockReport>,
    /// Where it stops to save, or to keep its limits.
    pub break_evens: Vec<BreakEvenReport>,
    /// Ids of the advice that must be followed with it, because they share instances; else empty.
    pub together_with: Vec<String>,
    /// Whether the rule of thumb says the same; nothing where it does not apply.
    pub agrees_with_rule_of_thumb: Option<bool>,
    /// What was decided about it; nothing where nobody decided.
    pub decision: Option<DecisionReport>,
}

/// One saving at three prices.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SavingsByPriceReport {
    /// Today and then at public prices; nothing where the bill has none.
    pub at_list: Option<Money>,
    /// At the user's own rate, amortized: `monthly_savings`, which every total counts.
    pub at_own_rate: Money,
    /// By the invoice, after credits; nothing without a bill.
    pub in_cash: Option<Money>,
}

/// The work behind an action.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ChangeReport {
    /// Hours of an engineer.
    pub effort_hours: f64,
    /// What happens to what runs today: `none`, `stopped`, `replaced`.
    pub restart: &'static str,
    /// Those hours, and old and new side by side for the trial.
    pub cost: Money,
    /// Days until the saving has paid for it.
    pub pay_back_days: Option<f64>,
}

/// A commitment that an action needs.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SignedReport {
    /// Instances that are paid for, used or not.
    pub instances: u32,
    /// The term.
    pub term_months: u32,
    /// When it ends, bought on the day from which the action saves.
    pub end: String,
    /// Everything that is owed for it until then: instances x rate x hours of the term, an upfront payment
    /// included.
    pub owed: Money,
}

/// By when an action can be live, and what it saves in the rest of the year.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LiveReport {
    /// The day agreed on, else the day after its week in the plan, by the clock of the report.
    pub from: String,
    /// The last day of the year of the report.
    pub year_end: String,
    /// The saving of a month x 24 hours of each day from that one to the end of the year / 730; zero where
    /// the year is over by then.
    pub savings_by_year_end: Money,
}

/// One thing to measure after a change.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CheckReport {
    /// What.
    pub metric: String,
    /// What it must be.
    pub threshold: String,
    /// On which day at the earliest: so many days after the action is live.
    pub date: String,
}

/// What an advice saves when something else happens.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ShockReport {
    /// `demand_down`, `price_down`, `migration`.
    pub name: &'static str,
    /// The saving of a month then.
    pub monthly_savings: Money,
    /// Both in words.
    pub sentence: String,
}

/// How far one thing may go before an advice saves nothing, or misses its limits.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct BreakEvenReport {
    /// `plan_price`, `demand_up`, `demand_down`, `ttft_p95`, `cold_start`.
    pub of: &'static str,
    /// Where it lies.
    pub value: f64,
    /// `1` for a share or a ratio, else `s`.
    pub unit: &'static str,
    /// The same in words, as the end of "it would be wrong if".
    pub sentence: String,
}

/// A range of a saving.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Interval {
    /// Low end.
    pub low: Money,
    /// High end.
    pub high: Money,
    /// Share of outcomes inside.
    pub level: f64,
    /// Mean of the worst tenth of the outcomes: the conditional value at risk at 90 %.
    pub cvar: Money,
    /// `weeks` where it rests on how much whole weeks differ, else `days`.
    pub basis: &'static str,
    /// How many of them.
    pub n: u64,
}

/// Paid and not used.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct WasteReport {
    /// `idle`, `forgotten`, `off_hours`, `over_provisioned`, `duplicated_environment`,
    /// `unused_commitment` or `data_missing`.
    pub finding: String,
    /// True when two measured signals agree, or the bill says so; otherwise it is to investigate.
    pub confirmed: bool,
    /// Effective cost in the window; nothing where no whole GPU could go.
    pub cost: Option<Money>,
    /// GPU-hours of the window behind it.
    pub gpu_hours: Option<f64>,
    /// The numbers behind it.
    pub evidence: String,
    /// What to do.
    pub action: String,
}

/// Paid and not used, over all workloads.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PortfolioWaste {
    /// Sum of the confirmed findings, those below included.
    pub confirmed_waste: Money,
    /// Sum of the findings to investigate.
    pub to_investigate: Money,
    /// Cost of what nobody measured: not known to be waste, and in neither sum.
    pub not_measured: Money,
    /// What the sums are of, and that they are no savings.
    pub waste_basis: &'static str,
    /// Findings that no workload has.
    pub waste: Vec<WasteReport>,
    /// Workloads kept on purpose although idle: no finding is sought in them.
    pub standby: Vec<String>,
}

/// All actions together.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Portfolio {
    /// Advice ids with a saving, largest first; no two claim the same money.
    pub ranking: Vec<String>,
    /// Ids of all advice in one ranking: those, then what is kept, then what has too little data, each of these
    /// the dearest workload first.
    pub all_advice: Vec<String>,
    /// How many of the first of the saving ones make up 95 % of the sum.
    pub n_that_matter: u64,
    /// In which week to finish which, by the hours of work that `assumptions` has a week.
    pub plan: Vec<WeekReport>,
    /// What they save by the end of the year, each from the day it can be live.
    pub savings_by_year_end: Money,
    /// Their sum, equal to `totals.monthly_savings`.
    pub monthly_savings: Money,
    /// Range of that sum: of its days and weeks, not of the ends of the single ranges.
    pub interval: Option<Interval>,
    /// Chance that all actions together cost more than they save.
    pub probability_of_loss: Option<f64>,
    /// That sum by what was decided.
    pub savings_by_decision: SavingsByDecision,
    /// What was promised with decisions, and what came of it.
    pub promises: Vec<PromiseReport>,
    /// Paid and not used.
    #[serde(flatten)]
    pub waste: PortfolioWaste,
    /// What workloads would need together; no saving.
    pub pools: Vec<Pool>,
    /// Times in which all workloads of a unit were silent at once.
    pub outages: Vec<Outage>,
    /// Where workloads are very many: effective cost of every day of the window of all those whose
    /// `cost_by_day` is empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cost_by_day_of_others: Vec<CostOfDay>,
    /// Candidates sized over all workloads.
    pub candidates_sized: u64,
    /// Plans simulated.
    pub plans_simulated: u64,
    /// Candidates that fit but were left out: none of their plans can be the best, or they may not be advised.
    pub candidates_pruned: u64,
    /// Plans of workloads with very many requests that were ranked on hourly levels; the cheapest of
    /// them were simulated.
    pub plans_ranked: u64,
}

/// One week of work.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct WeekReport {
    /// Counted from 1, the week of the report.
    pub number: u32,
    /// Its first day, from the day of the report on.
    pub from: String,
    /// Ids of the advice to finish in it, in this order.
    pub advice_ids: Vec<String>,
    /// Id of the advice that is worked on in it and finished in a later week.
    pub goes_on: Option<String>,
    /// Hours of work in it, never more than a week has.
    pub effort_hours: f64,
    /// What the actions save a month that it finishes.
    pub monthly_savings: Money,
}

/// What was saved by commitments and discounts, after what of them nobody used.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SavingsRate {
    /// (list - effective) / list.
    pub over_list: Option<f64>,
    /// (contracted - effective) / contracted.
    pub over_contracted: Option<f64>,
}

/// What went in.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Provenance {
    /// Files read.
    pub inputs: Vec<InputReport>,
    /// Catalog files with their newest date.
    pub catalog: Vec<CatalogReport>,
    /// The rows of the price catalog that plans use, by id.
    pub prices: Vec<PriceReport>,
    /// Every tunable number.
    pub assumptions: Vec<AssumptionReport>,
    /// What was asked with `--what-if`; empty for a report of what was.
    pub what_if: Vec<String>,
    /// What the run was told besides its files, word by word, as far as it changes a number; seed and day
    /// stand below. Files are without their folder, and not named in a redacted report.
    pub arguments: Vec<String>,
    /// Seed of all chance.
    pub seed: u64,
    /// The day the report speaks of.
    pub as_of: String,
    /// Version of the program.
    pub version: &'static str,
}

/// A file read.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct InputReport {
    /// Its name without the folder.
    pub file: String,
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// The format found.
    pub format: String,
    /// Rows in it.
    pub rows: u64,
    /// Columns that were used.
    pub columns_used: Vec<String>,
    /// Columns that were not.
    pub columns_ignored: Vec<String>,
}

/// A catalog file.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CatalogReport {
    /// Its name under `pricing/`.
    pub file: String,
    /// Rows in it.
    pub rows: u64,
    /// The newest date in it.
    pub newest_as_of: String,
    /// SHA-256 of its bytes.
    pub sha256: String,
}

/// A row of the price catalog.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PriceReport {
    /// As plans name it in `offer_ids`.
    pub offer_id: String,
    /// Of the whole instance and an hour.
    pub price_per_hour: Money,
    /// Of the price.
    pub currency: Currency,
    /// When it was seen.
    pub as_of: String,
    /// Where.
    pub source: String,
}

/// A tunable number.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct AssumptionReport {
    /// `section.name`.
    pub key: String,
    /// The number.
    pub value: f64,
    /// Its unit.
    pub unit: String,
    /// Why it stands.
    pub reason: String,
    /// Where it comes from.
    pub source: String,
}
