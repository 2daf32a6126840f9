//! What every stage after ingestion speaks: a workload, its demand, its bill and its limits.
//!
//! Comes in: rows of the usage table and request logs, already proven. Goes out: one [`Workload`]
//! per name. Nothing here reads a file or knows a price list.

mod future;
mod histogram;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::units::{Fraction, Money, Period, RequestTokens, Timestamp};
pub use crate::usage::PricingCategory;
pub use future::{Future, Growth};
pub use histogram::{EngineLatencies, Histogram};

/// A workload over the window of the analysis.
#[derive(Clone, Debug)]
pub struct Workload {
    /// Its name, unique in a run.
    pub name: String,
    /// What its random numbers are made of: its name in the files, also where another is shown.
    pub seed_name: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// production, staging, ...
    pub environment: Option<String>,
    /// The window its money refers to.
    pub window: Period,
    /// The part of it that its demand was recorded in: shorter where a request log is.
    pub demand_window: Period,
    /// What asked for GPUs.
    pub demand: Demand,
    /// GPUs billed over time, beside requests where both are known.
    pub billed_level: Option<LevelSeries>,
    /// What was paid over time, in time order.
    pub costs: Vec<CostBin>,
    /// The same before the window, where a part of the data was asked for: what is usual.
    pub costs_before: Vec<CostBin>,
    /// GPUs that telemetry saw active, in time order; empty where nobody measured.
    pub activity: Vec<ActivityBin>,
    /// What its serving engines measured, in time order; empty where nobody did.
    pub engine: Vec<EngineBin>,
    /// How long its engines took in the hours of the window.
    pub engine_latencies: EngineLatencies,
    /// What became of its requests, where a log has them one by one.
    pub offered: Option<Offered>,
    /// What was billed and measured, summed over the window.
    pub totals: UsageTotals,
    /// What runs today.
    pub deployment: Deployment,
    /// Rows of its own whose periods overlap, so that GPU-hours may count twice.
    pub overlapping_rows: u64,
    /// What the user declared about it.
    pub settings: Settings,
}

impl Workload {
    /// Demand as far as anybody saw it: requests, else GPUs active where telemetry saw nearly all that
    /// was held, else GPUs held. Of a bill also the time before its first and after its last row, in
    /// which it says that nothing ran.
    pub fn seen(&self) -> Cow<'_, Demand> {
        /// Share of the GPU-hours held that telemetry must have seen to speak for them.
        const NEARLY_ALL: f64 = 0.9;
        let measured: f64 = self.activity.iter().map(|it| it.gpus * it.period.hours()).sum();
        match &self.demand {
            Demand::Level(series) => {
                let held: f64 = series.bins.iter().map(|it| it.gpus * it.period.hours()).sum();
                let is_seen = measured > 0.0 && measured >= NEARLY_ALL * held;
                let level = if is_seen { self.active_level() } else { series.clone() };
                let level = LevelSeries { absent_is_zero: series.absent_is_zero, ..level };
                Cow::Owned(Demand::Level(if series.absent_is_zero {
                    level.padded(self.demand_window)
                } else {
                    level
                }))
            }
            Demand::Unknown if measured > 0.0 => Cow::Owned(Demand::Level(self.active_level())),
            demand => Cow::Borrowed(demand),
        }
    }

    /// GPUs active, as telemetry saw them.
    fn active_level(&self) -> LevelSeries {
        let bin = |it: &ActivityBin| LevelBin { period: it.period, gpus: it.active };
        let widths = self.activity.iter().map(|it| it.period.len_us());
        LevelSeries {
            bins: self.activity.iter().map(bin).collect(),
            width_us: widths.min().unwrap_or(1),
            absent_is_zero: false,
        }
    }

    /// The time in which anybody looked: of counts and measurements from the first to the last row,
    /// since before and after them nobody says that there was nothing; of a bill and a log all of
    /// the demand window.
    pub fn seen_window(&self) -> Period {
        let seen = self.seen();
        let rows = match &*seen {
            Demand::Counts(series) => series.bins.iter().map(|it| it.period).reduce(Period::cover),
            Demand::Level(series) if !series.absent_is_zero => {
                series.bins.iter().map(|it| it.period).reduce(Period::cover)
            }
            Demand::Arrivals(_) | Demand::Level(_) | Demand::Unknown => None,
        };
        rows.and_then(|it| it.intersect(self.demand_window)).unwrap_or(self.demand_window)
    }
}

#[cfg(test)]
impl Workload {
    /// A workload named `w` of which nothing is known but its demand.
    pub(crate) fn of_demand(demand: Demand, window: Period) -> Workload {
        Workload {
            name: "w".to_owned(),
            seed_name: "w".to_owned(),
            owner: None,
            environment: None,
            window,
            demand_window: window,
            demand,
            billed_level: None,
            costs: Vec::new(),
            costs_before: Vec::new(),
            activity: Vec::new(),
            engine: Vec::new(),
            engine_latencies: EngineLatencies::default(),
            offered: None,
            totals: UsageTotals::default(),
            deployment: Deployment::default(),
            overlapping_rows: 0,
            settings: Settings::default(),
        }
    }
}

/// Demand in the finest form the data has.
#[derive(Clone, Debug)]
pub enum Demand {
    /// One entry per request.
    Arrivals(Arc<ArrivalTrace>),
    /// Requests per period.
    Counts(CountSeries),
    /// GPUs in use per period.
    Level(LevelSeries),
    /// Only money is known.
    Unknown,
}

impl Demand {
    /// Whether lengths of requests are known, one by one or as sums.
    pub fn has_tokens(&self) -> bool {
        match self {
            Demand::Arrivals(trace) => !trace.tokens.is_empty(),
            Demand::Counts(series) => series.bins.iter().any(|it| {
                it.requests > 0 && it.prompt_tokens.is_some() && it.completion_tokens.is_some()
            }),
            Demand::Level(_) | Demand::Unknown => false,
        }
    }

    /// Whether requests were counted.
    pub const fn has_requests(&self) -> bool {
        matches!(self, Demand::Arrivals(_) | Demand::Counts(_))
    }
}

/// Requests in order of arrival. The three columns have one length.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ArrivalTrace {
    /// Arrival, microseconds since the epoch (or since the log's own zero), not falling.
    pub at_us: Vec<i64>,
    /// Prompt and completion tokens of each request; empty when the log has none.
    pub tokens: Vec<RequestTokens>,
    /// True when the times count from the start of the log and no date is known.
    pub relative: bool,
}

impl ArrivalTrace {
    /// Requests in the trace.
    pub fn len(&self) -> usize {
        self.at_us.len()
    }

    /// True for no request.
    pub fn is_empty(&self) -> bool {
        self.at_us.is_empty()
    }
}

/// Requests of one period.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CountBin {
    /// The period.
    pub period: Period,
    /// Requests that arrived in it.
    pub requests: u64,
    /// Their prompt tokens; not measured is not zero.
    pub prompt_tokens: Option<u64>,
    /// Their completion tokens.
    pub completion_tokens: Option<u64>,
    /// Coefficient of variation of the gaps inside the period.
    pub interarrival_cv: Option<f64>,
}

/// Requests per period, in time order, no period twice. Periods without a row had no request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CountSeries {
    /// The periods that have a row.
    pub bins: Vec<CountBin>,
    /// The usual length of a period, microseconds.
    pub width_us: i64,
}

/// GPUs in use during one period.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LevelBin {
    /// The period.
    pub period: Period,
    /// Mean GPUs in use.
    pub gpus: f64,
}

/// GPUs in use per period, in time order, no period twice.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LevelSeries {
    /// The periods that have a row.
    pub bins: Vec<LevelBin>,
    /// The usual length of a period, microseconds.
    pub width_us: i64,
    /// True when a period without a row means no GPU (a bill), false when it means nobody measured.
    pub absent_is_zero: bool,
}

impl LevelSeries {
    /// The series with rows at zero from the start of a window to its first row, and from the last to
    /// the end. They are as long as a row, at most an hour where rows are.
    fn padded(&self, window: Period) -> LevelSeries {
        const HOUR_US: i64 = 3_600_000_000;
        let step_us = self.width_us.max(HOUR_US);
        let ends = self.bins.iter().map(|it| it.period).reduce(Period::cover);
        let zeros = |from: Timestamp, to: Timestamp| {
            let starts = std::iter::successors(Some(from), move |it| Some(it.plus_us(step_us)));
            starts.map_while(move |start| {
                let period = Period::new(start, start.plus_us(step_us).min(to))?;
                Some(LevelBin { period, gpus: 0.0 })
            })
        };
        let before = ends.into_iter().flat_map(|it| zeros(window.start(), it.start()));
        let after = ends.into_iter().flat_map(|it| zeros(it.end(), window.end()));
        let bins = before.chain(self.bins.iter().copied()).chain(after).collect();
        LevelSeries { bins, ..*self }
    }
}

/// What one period cost, bought one way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CostBin {
    /// The period.
    pub period: Period,
    /// How it was bought.
    pub category: PricingCategory,
    /// Effective cost.
    pub cost: Money,
    /// GPU-hours paid for it.
    pub gpu_hours: Option<f64>,
}

/// GPUs that telemetry saw in one period.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ActivityBin {
    /// The period.
    pub period: Period,
    /// Mean GPUs measured.
    pub gpus: f64,
    /// Mean GPUs active.
    pub active: f64,
}

/// What the serving engines of a workload measured in one period; `None` is not measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EngineBin {
    /// The period.
    pub period: Period,
    /// Engines that were measured.
    pub engines: u32,
    /// Largest share of the KV cache in use in any engine, 0 to 1.
    pub kv_cache_usage_max: Option<f64>,
    /// Mean share of the KV cache in use over the engines.
    pub kv_cache_usage_mean: Option<f64>,
    /// Mean requests in the batches, summed over the engines.
    pub running_mean: Option<f64>,
    /// Most requests in the batch of one engine.
    pub running_max: Option<f64>,
    /// Most requests in the queue of one engine.
    pub waiting_max: Option<f64>,
    /// Most requests of one engine whose cache was moved to host memory.
    pub swapped_max: Option<f64>,
    /// Requests finished, for whatever reason.
    pub requests: Option<u64>,
    /// Sequences evicted.
    pub preemptions: Option<u64>,
    /// Tokens looked up in the prefix cache.
    pub prefix_queries: Option<u64>,
    /// Tokens found there.
    pub prefix_hits: Option<u64>,
}

/// What a request log says beside arrivals and tokens, over the demand window; `None` where the log
/// does not tell. No log that is read tells a retry from a new request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Offered {
    /// Requests of the demand: those that were answered and those that failed.
    pub requests: u64,
    /// Requests that were offered and not answered.
    pub failed: Option<u64>,
    /// Requests refused for a limit (429), which are no part of the demand.
    pub throttled: Option<u64>,
    /// Requests answered from a cache of answers, which are no part of it either.
    pub cached: Option<u64>,
    /// Prompt tokens that the engine had in its prefix cache.
    pub cached_prompt_tokens: Option<u64>,
    /// Requests that asked for an image, by the type of the call.
    pub images: Option<u64>,
    /// Mean time to the full answer, seconds.
    pub latency_mean_s: Option<f64>,
    /// Its median.
    pub latency_p50_s: Option<f64>,
    /// Its 95th percentile.
    pub latency_p95_s: Option<f64>,
    /// Median time to the first token, seconds.
    pub ttft_p50_s: Option<f64>,
    /// Its 95th percentile.
    pub ttft_p95_s: Option<f64>,
}

/// Sums over the window; `None` where no row had a value.
#[derive(Clone, Debug, Default)]
pub struct UsageTotals {
    /// Invoiced.
    pub billed_cost: Option<Money>,
    /// Amortized.
    pub effective_cost: Option<Money>,
    /// The part of it that commitments cover, paid whatever runs.
    pub committed_cost: Option<Money>,
    /// What that part is invoiced at.
    pub committed_billed_cost: Option<Money>,
    /// What that part costs at public prices.
    pub committed_list_cost: Option<Money>,
    /// The part of it inside the demand window, for cost per unit delivered.
    pub effective_cost_of_demand: Option<Money>,
    /// At public prices.
    pub list_cost: Option<Money>,
    /// At negotiated prices.
    pub contracted_cost: Option<Money>,
    /// GPU-hours paid.
    pub gpu_hours: Option<f64>,
    /// Requests.
    pub requests: Option<u64>,
    /// Prompt tokens.
    pub prompt_tokens: Option<u64>,
    /// Completion tokens.
    pub completion_tokens: Option<u64>,
    /// Mean share of time the GPU was active, weighted by GPU-hours.
    pub gpu_util: Option<Fraction>,
    /// Largest KV-cache use seen.
    pub kv_cache_usage_max: Option<Fraction>,
    /// Largest memory use seen, MiB per GPU.
    pub vram_used_mib_max: Option<f64>,
    /// Largest share of GPU memory in use seen.
    pub memory_fraction_max: Option<Fraction>,
    /// Rows of the usage table behind these sums.
    pub n_rows: u64,
}

/// What runs today: where the rows disagree, the value behind most of the cost.
#[derive(Clone, Debug, Default)]
pub struct Deployment {
    /// Who is paid.
    pub provider: Option<String>,
    /// Where it runs.
    pub region: Option<String>,
    /// The GPU as the data names it.
    pub gpu_label: Option<String>,
    /// The catalog GPU, when the label is known.
    pub gpu: Option<String>,
    /// GPUs billed at once, the most in any period.
    pub gpu_count: Option<f64>,
    /// How it is bought.
    pub pricing_category: PricingCategory,
    /// Hugging Face id of the model.
    pub model: Option<String>,
    /// dtype of the weights as served.
    pub dtype: Option<String>,
    /// Quantization as served.
    pub quantization: Option<String>,
    /// GPUs one replica spans.
    pub tensor_parallel_size: Option<u32>,
    /// Longest context the server accepts.
    pub max_model_len: Option<u64>,
    /// True when the rows named more than one GPU, provider or way of buying.
    pub mixed: bool,
}

/// What a workload does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Pre-training or a long training run.
    Training,
    /// Adapting a model.
    FineTuning,
    /// Inference nobody waits for.
    BatchInference,
    /// Inference somebody waits for.
    RealTimeInference,
    /// The data do not say.
    Unknown,
}

impl Kind {
    /// The word in the config.
    pub fn parse(text: &str) -> Option<Kind> {
        Some(match text.trim() {
            "training" => Kind::Training,
            "fine_tuning" | "fine-tuning" => Kind::FineTuning,
            "batch_inference" | "batch-inference" | "batch" => Kind::BatchInference,
            "real_time_inference" | "real-time-inference" | "real-time" => Kind::RealTimeInference,
            "unknown" => Kind::Unknown,
            _ => return None,
        })
    }

    /// The word for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Training => "training",
            Kind::FineTuning => "fine-tuning",
            Kind::BatchInference => "batch inference",
            Kind::RealTimeInference => "real-time inference",
            Kind::Unknown => "unknown",
        }
    }
}

/// What goes in and comes out of a workload's model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Modality {
    /// Text in, text out.
    Text,
    /// Images out.
    Image,
    /// Text and images; whether it got any is another question.
    Multimodal,
    /// The data do not say.
    Unknown,
}

impl Modality {
    /// The word for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Modality::Text => "text",
            Modality::Image => "image",
            Modality::Multimodal => "multimodal",
            Modality::Unknown => "unknown",
        }
    }
}

/// The latency a workload must keep.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slo {
    /// Limit of the time to the first token, seconds; nothing for batch.
    pub ttft_p95_s: Option<f64>,
    /// Limit of the time per output token, seconds; nothing for batch.
    pub tpot_p95_s: Option<f64>,
    /// Share of requests that must meet both.
    pub attainment: Fraction,
    /// True when the user set none.
    pub assumed: bool,
}

/// What the user declared about a workload; everything is optional.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// What it does.
    pub kind: Option<Kind>,
    /// chat, summarization, code, reasoning, ...
    pub task: Option<String>,
    /// Least bits of a weight that may be advised; today's own stay allowed.
    pub quality_floor_bits: Option<u32>,
    /// The latency it must keep.
    pub slo: Option<Slo>,
    /// Seconds one request occupies a slot, for logs without tokens.
    pub service_time_s: Option<f64>,
    /// Measured start of a replica, seconds.
    pub cold_start_s: Option<f64>,
    /// What may happen to it on capacity that is taken back; nothing where it must not.
    pub interruptible: Option<Interruptible>,
    /// What somebody else's endpoint would charge.
    pub api_price: Option<ApiPrice>,
    /// Measured start of a replica that a snapshot shortens, seconds.
    pub cold_start_snapshot_s: Option<f64>,
    /// Share of the starts that one shortens; nothing where the user does not know.
    pub cold_start_snapshot_share: Option<Fraction>,
    /// Kept on purpose although idle.
    pub standby: bool,
    /// Must answer at once: never scaled to zero.
    pub critical: bool,
    /// Most requests one replica may serve at once.
    pub max_num_seqs: Option<u32>,
    /// What it delivers, where that is neither tokens nor requests.
    pub unit: Option<DeliveredUnit>,
    /// What is otherwise where somebody asks what if.
    pub asked: Asked,
    /// What will become of it.
    pub future: Future,
}

/// What somebody asks the advice for instead of what is; nothing of it is declared or measured.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Asked {
    /// How many times the rate on the bill the GPUs cost.
    pub rate_ratio: Option<f64>,
    /// Limit of the time to the first token, seconds.
    pub ttft_p95_s: Option<f64>,
    /// Limit of the time per output token, seconds.
    pub tpot_p95_s: Option<f64>,
    /// Share of requests that must meet both.
    pub attainment: Option<Fraction>,
}

/// How a workload lives with interruptions.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Interruptible {
    /// Seconds of work between two checkpoints, for work that has them.
    pub checkpoint_interval_s: Option<f64>,
    /// Seconds to write one.
    pub checkpoint_write_s: Option<f64>,
    /// Hours from the start of a job to when it must be done.
    pub deadline_h: Option<f64>,
}

/// Price per million tokens of an endpoint that somebody else runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiPrice {
    /// Of the prompt.
    pub prompt: Money,
    /// Of the completion.
    pub completion: Money,
}

/// A unit that the user names, such as an image.
#[derive(Clone, Debug, PartialEq)]
pub struct DeliveredUnit {
    /// Its name, in the singular.
    pub name: String,
    /// How many of it a request delivers; positive.
    pub per_request: f64,
}

/// The form demand takes over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// Paid for, no demand.
    Idle,
    /// A few hours, now and then.
    Sporadic,
    /// Peaks far above the mean that the time of day does not explain.
    Bursty,
    /// Repeats by the day.
    Diurnal,
    /// Much the same all the time.
    Steady,
    /// Too little data to say.
    Unknown,
}

impl Shape {
    /// The word for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Shape::Idle => "idle",
            Shape::Sporadic => "sporadic",
            Shape::Bursty => "bursty",
            Shape::Diurnal => "diurnal",
            Shape::Steady => "steady",
            Shape::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where demand is going.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Up, and the interval excludes zero.
    Growing,
    /// Down, and the interval excludes zero.
    Declining,
    /// Neither.
    Flat,
}

/// What a workload is, with the evidence for it.
#[derive(Clone, Debug)]
pub struct WorkloadClass {
    /// The form of its demand.
    pub shape: Shape,
    /// Where it is going; nothing when the span is too short to say.
    pub direction: Option<Direction>,
    /// What it does.
    pub kind: Kind,
    /// Sentences with the numbers that decided, the strongest first.
    pub evidence: Vec<String>,
    /// How sure: 0 is a guess, 1 is declared by the user or measured beyond doubt.
    pub confidence: Fraction,
    /// Hours a day that at least one replica is busy, where requests can be timed or GPUs were measured.
    pub replica_busy_hours_per_day: Option<f64>,
    /// The rule of thumb applied to this workload, in words.
    pub rule_of_thumb: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_round_trip() {
        assert_eq!(Kind::parse("fine-tuning"), Some(Kind::FineTuning));
    }
}
