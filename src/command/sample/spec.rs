//! What a deployment of the sample is: its place, its price, its demand, its monitoring.

use super::calendar::{HOURS, Rhythm};
use crate::units::MoneyPerHour;
use crate::workload::PricingCategory;

/// One deployment and its demand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spec {
    pub(super) name: &'static str,
    pub(super) owner: Option<&'static str>,
    pub(super) environment: Option<&'static str>,
    pub(super) provider: &'static str,
    pub(super) region: &'static str,
    /// As the provider's price list names it.
    pub(super) gpu: &'static str,
    /// GPUs of the whole deployment; of one worker where it is serverless.
    pub(super) gpu_count: u32,
    pub(super) rates: Rates,
    pub(super) demand: Demand,
    pub(super) telemetry: Telemetry,
    /// What the rows say about the model; the config says it for the others.
    pub(super) served: Option<Served>,
}

/// What an hour of the whole deployment costs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rates {
    pub(super) category: PricingCategory,
    /// Invoiced.
    pub(super) billed: MoneyPerHour,
    /// Amortized.
    pub(super) effective: MoneyPerHour,
    /// Published.
    pub(super) list: MoneyPerHour,
}

/// What the rows say about the model.
#[derive(Clone, Copy, Debug)]
pub(super) struct Served {
    pub(super) model: &'static str,
    pub(super) dtype: &'static str,
    pub(super) tensor_parallel_size: u32,
    pub(super) max_model_len: Option<u64>,
}

/// What asks for GPUs.
#[derive(Clone, Copy, Debug)]
pub(super) enum Demand {
    /// Requests, on GPUs that are paid for every hour of the month.
    Always(Traffic),
    /// Requests, on workers that are paid for by the second.
    Workers(Traffic, Worker),
    /// Jobs without requests: paid for while they run.
    Jobs(&'static [Job]),
}

/// Requests of one workload.
#[derive(Clone, Copy, Debug)]
pub(super) struct Traffic {
    pub(super) rhythm: Rhythm,
    /// Mean requests in an hour of factor 1.
    pub(super) per_hour: f64,
    /// Standard deviation of the slow wander around the rhythm, as a share.
    pub(super) wander: f64,
    /// Extra variance of each hour's mean, as a share of its square (negative binomial).
    pub(super) overdispersion: f64,
    /// Mean prompt and completion tokens of a request; none for images and audio.
    pub(super) tokens: Option<(f64, f64)>,
    /// Mean coefficient of variation of the gaps, where somebody measured it.
    pub(super) interarrival_cv: Option<f64>,
    /// Rough seconds one request is in service, for telemetry and worker time.
    pub(super) service_s: f64,
}

/// How a serverless worker spends billed time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Worker {
    /// Seconds from start to ready.
    pub(super) start_s: f64,
    /// Seconds it stays after its last request.
    pub(super) idle_s: f64,
    /// Requests that arrive together, on average.
    pub(super) burst_size: f64,
    /// Requests it serves at once, on average while busy.
    pub(super) overlap: f64,
    /// Requests in an hour that make another worker start.
    pub(super) load_limit: u64,
}

/// One run of a job.
#[derive(Clone, Copy, Debug)]
pub(super) struct Job {
    /// The hour of the month it starts in.
    pub(super) start: u32,
    /// Quarters of an hour it runs at least.
    pub(super) quarters: u32,
    /// Up to so many more, by chance.
    pub(super) jitter: u32,
}

/// What was measured, and since which hour; `gpu_util` follows the load.
#[derive(Clone, Copy, Debug)]
pub(super) struct Telemetry {
    /// First hour with measurements.
    pub(super) since: u32,
    /// Replicas that share the load.
    pub(super) replicas: f64,
    /// Share of the GPU memory in use, which barely moves: engines allocate ahead.
    pub(super) memory_fraction: Option<f64>,
    /// Tokens the KV cache of one replica holds, where the engine exports its use.
    pub(super) kv_tokens: Option<f64>,
}

impl Telemetry {
    /// Nothing was measured.
    pub(super) const NONE: Telemetry =
        Telemetry { since: HOURS, replicas: 1.0, memory_fraction: None, kv_tokens: None };
}
