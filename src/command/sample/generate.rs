//! From a deployment to its hourly rows.

use super::SampleRow;
use super::calendar::{HOURS, Hour};
use super::rng::Rng;
use super::spec::{Demand, Job, Spec, Telemetry, Traffic, Worker};
use crate::units::{Money, MoneyPerHour};

const US_PER_S: u64 = 1_000_000;
const S_PER_HOUR: u64 = 3_600;
const S_PER_QUARTER: u64 = 900;
/// How much of the wander an hour keeps from the hour before.
const WANDER_MEMORY: f64 = 0.8;
/// Spread of prompt and completion lengths between requests, as a share of their means.
const TOKEN_CV: f64 = 0.9;
/// Peak of the KV-cache use in an hour over its mean.
const KV_PEAK: f64 = 2.2;

/// What one hour of a deployment took.
#[derive(Clone, Copy, Debug, Default)]
struct Use {
    /// Billed seconds, of one worker or of the whole deployment.
    seconds: u64,
    /// GPUs seen at once.
    gpu_count: u32,
    requests: Option<u64>,
    tokens: Option<(u64, u64)>,
    interarrival_cv: Option<f64>,
    gpu_util: Option<f64>,
    kv_cache_usage: Option<f64>,
    memory_fraction: Option<f64>,
}

/// The rows of one deployment in time order.
pub(super) fn rows(spec: &Spec, seed: u64) -> Vec<SampleRow> {
    let mut rng = Rng::new(seed, &format!("{}/{}", spec.name, spec.gpu));
    match spec.demand {
        Demand::Always(traffic) => requests(spec, &traffic, None, &mut rng),
        Demand::Workers(traffic, worker) => requests(spec, &traffic, Some(&worker), &mut rng),
        Demand::Jobs(jobs) => jobs.iter().flat_map(|job| run(spec, *job, &mut rng)).collect(),
    }
}

/// One row per hour; on serverless workers only for hours that had a request.
fn requests(
    spec: &Spec,
    traffic: &Traffic,
    worker: Option<&Worker>,
    rng: &mut Rng,
) -> Vec<SampleRow> {
    let mut wander = rng.normal();
    let mut rows = Vec::new();
    for hour in (0..HOURS).map(Hour) {
        let fresh = libm::sqrt(1.0 - WANDER_MEMORY * WANDER_MEMORY);
        wander = WANDER_MEMORY * wander + fresh * rng.normal();
        let level = (1.0 + traffic.wander * wander).max(0.2);
        let mean = traffic.per_hour * traffic.rhythm.factor(hour) * level;
        let uneven = rng.gamma_of_mean_one(traffic.overdispersion);
        let n = rng.poisson(mean * uneven);
        let tokens = traffic
            .tokens
            .map(|(prompt, completion)| (token_sum(n, prompt, rng), token_sum(n, completion, rng)));
        let interarrival_cv = traffic.interarrival_cv.and_then(|cv| {
            // Two gaps are the least that have a spread.
            (n > 2).then(|| rounded((cv * (1.0 + 0.08 * rng.normal())).max(0.3), 2))
        });
        let mut used = Use { requests: Some(n), tokens, interarrival_cv, ..Use::default() };
        (used.seconds, used.gpu_count) = match worker {
            None => (S_PER_HOUR, spec.gpu_count),
            Some(worker) => worker_seconds(n, traffic.service_s, worker),
        };
        measure(&mut used, spec.telemetry, traffic, hour, rng);
        if used.seconds > 0 {
            rows.push(row(spec, hour, &used));
        }
    }
    rows
}

/// The rows of one run of a job; its last hour may be a part of one.
fn run(spec: &Spec, job: Job, rng: &mut Rng) -> Vec<SampleRow> {
    let jitter = rng.below(u64::from(job.jitter) + 1);
    let total = S_PER_QUARTER * (u64::from(job.quarters) + jitter);
    let hours = (job.start..HOURS).map(Hour).enumerate();
    hours
        .map_while(|(at, hour)| {
            let left = total.saturating_sub(S_PER_HOUR * at as u64);
            let measured = spec.telemetry.since <= hour.0;
            let memory_fraction = spec.telemetry.memory_fraction.filter(|_| measured);
            let gpu_util = memory_fraction.map(|_| share(0.93 + 0.012 * rng.normal()));
            let used = Use {
                seconds: left.min(S_PER_HOUR),
                gpu_count: spec.gpu_count,
                memory_fraction: memory_fraction.map(|it| share(it + 0.002 * rng.normal())),
                gpu_util,
                ..Use::default()
            };
            (left > 0).then(|| row(spec, hour, &used))
        })
        .collect()
}

/// Billed seconds and workers of an hour with `n` requests: every burst starts a worker and leaves
/// it idle until its time-out, every request keeps it busy, and an hour ends after an hour.
fn worker_seconds(n: u64, service_s: f64, worker: &Worker) -> (u64, u32) {
    let workers = 1 + n / worker.load_limit;
    let bursts = libm::ceil(n as f64 / worker.burst_size);
    let busy = n as f64 * service_s / worker.overlap;
    let seconds = whole(libm::ceil(bursts * (worker.start_s + worker.idle_s) + busy));
    (seconds.min(workers * S_PER_HOUR), u32::try_from(workers).unwrap_or(u32::MAX))
}

/// Adds what the monitoring saw. With `a` requests in service on average, a replica runs at least
/// one for 1 - e^-a of the time.
fn measure(used: &mut Use, telemetry: Telemetry, traffic: &Traffic, hour: Hour, rng: &mut Rng) {
    if hour.0 < telemetry.since {
        return;
    }
    let n = used.requests.unwrap_or(0) as f64;
    let in_service = n * traffic.service_s / S_PER_HOUR as f64 / telemetry.replicas;
    let noise = 1.0 + 0.04 * rng.normal();
    used.gpu_util = Some(share((1.0 - libm::exp(-in_service)) * noise));
    let held = used.tokens.map(|(prompt, completion)| (prompt + completion) as f64 / n.max(1.0));
    used.kv_cache_usage = telemetry.kv_tokens.zip(held).map(|(room, held)| {
        let noise = 1.0 + 0.10 * rng.normal();
        share(KV_PEAK * in_service * held / room * noise)
    });
    used.memory_fraction = telemetry.memory_fraction.map(|it| share(it + 0.002 * rng.normal()));
}

/// The tokens of `n` requests of a mean length: normal by the central limit, at least one each.
fn token_sum(n: u64, mean: f64, rng: &mut Rng) -> u64 {
    let count = n as f64;
    let sum = count * mean + libm::sqrt(count) * mean * TOKEN_CV * rng.normal();
    whole(libm::round(sum)).max(n)
}

/// A number in [0, 1] with three decimals, as exporters print it.
fn share(value: f64) -> f64 {
    rounded(value.clamp(0.0, 1.0), 3)
}

/// Rounded to so many decimals.
fn rounded(value: f64, decimals: i32) -> f64 {
    let scale = libm::pow(10.0, f64::from(decimals));
    libm::round(value * scale) / scale
}

/// A count from a number that is whole by now; negative and NaN become zero.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` saturates, and the counts of an hour are far below 2^53"
)]
fn whole(value: f64) -> u64 {
    value as u64
}

fn row(spec: &Spec, hour: Hour, used: &Use) -> SampleRow {
    // Workers are counted in `seconds` already; a deployment runs all its GPUs for `seconds`.
    let gpu_seconds = match spec.demand {
        Demand::Workers(..) => used.seconds * u64::from(spec.gpu_count),
        Demand::Always(_) | Demand::Jobs(_) => used.seconds * u64::from(used.gpu_count),
    };
    let rates = spec.rates;
    let served = spec.served;
    let tokens = used.tokens;
    SampleRow {
        period_start: hour.start(),
        period_end: hour.end(),
        workload: spec.name,
        provider: spec.provider,
        region: spec.region,
        owner: spec.owner,
        environment: spec.environment,
        gpu: spec.gpu,
        gpu_count: used.gpu_count,
        gpu_hours: gpu_seconds as f64 / S_PER_HOUR as f64,
        pricing_category: rates.category,
        billed_cost: cost(rates.billed, used.seconds),
        effective_cost: cost(rates.effective, used.seconds),
        list_cost: Some(cost(rates.list, used.seconds)),
        requests: used.requests,
        prompt_tokens: tokens.map(|it| it.0),
        completion_tokens: tokens.map(|it| it.1),
        interarrival_cv: used.interarrival_cv,
        gpu_util: used.gpu_util,
        memory_fraction: used.memory_fraction,
        kv_cache_usage: used.kv_cache_usage,
        model: served.map(|it| it.model),
        dtype: served.map(|it| it.dtype),
        quantization: None,
        tensor_parallel_size: served.map(|it| it.tensor_parallel_size),
        max_model_len: served.and_then(|it| it.max_model_len),
    }
}

fn cost(rate: MoneyPerHour, seconds: u64) -> Money {
    rate.cost_of_us(seconds * US_PER_S).expect("a few hours of a list price fit any amount")
}
