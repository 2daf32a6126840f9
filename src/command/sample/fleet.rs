//! The fleet of the sample: who runs what, on which GPUs, at which rate, for what demand.
//!
//! The company and its loads are invented. The rates are published prices with the day they were
//! seen, but for two that say otherwise; the models are published ones.

use super::calendar::{HOURS, Rhythm};
use super::spec::{Demand, Job, Rates, Served, Spec, Telemetry, Traffic, Worker};
use crate::units::{Currency, MoneyPerHour};
use crate::workload::PricingCategory;

/// A rate per hour in nano-dollars.
const fn usd(nano: i128) -> MoneyPerHour {
    MoneyPerHour::from_nano(nano, Currency::USD)
}

/// Everything at the published rate.
const fn on_demand(nano: i128) -> Rates {
    let rate = usd(nano);
    Rates { category: PricingCategory::Standard, billed: rate, effective: rate, list: rate }
}

const fn bf16(model: &'static str, tensor_parallel_size: u32, max_model_len: u64) -> Served {
    Served { model, dtype: "bfloat16", tensor_parallel_size, max_model_len: Some(max_model_len) }
}

const PRODUCTION: Option<&str> = Some("production");
const RESEARCH: Option<&str> = Some("research");

/// Everything that runs, twelve workloads in all: `notebooks` has two deployments.
pub(super) const FLEET: &[Spec] = &[
    Spec {
        name: "agents-beta",
        owner: Some("Product"),
        environment: Some("beta"),
        provider: "runpod",
        region: "global",
        gpu: "H100-SXM-80GB",
        gpu_count: 1,
        // RunPod, secure cloud, 2026-11-09.
        rates: on_demand(3_990_000_000),
        demand: Demand::Always(Traffic {
            rhythm: Rhythm::Growing,
            per_hour: 760.0,
            wander: 0.10,
            overdispersion: 0.01,
            tokens: Some((3_200.0, 260.0)),
            interarrival_cv: Some(1.6),
            service_s: 3.4,
        }),
        telemetry: Telemetry {
            since: 0,
            replicas: 1.0,
            memory_fraction: Some(0.91),
            kv_tokens: Some(258_000.0),
        },
        served: None,
    },
    Spec {
        name: "chat-prod",
        owner: Some("Product"),
        environment: PRODUCTION,
        provider: "aws",
        region: "us-east-1",
        gpu: "H100-SXM-80GB",
        gpu_count: 2,
        // Two p5.4xlarge at 6.88, us-east-1, 2026-09-29.
        rates: on_demand(13_760_000_000),
        demand: Demand::Always(Traffic {
            rhythm: Rhythm::RoundTheClock,
            per_hour: 1_260.0,
            wander: 0.07,
            overdispersion: 0.0,
            tokens: Some((1_450.0, 330.0)),
            interarrival_cv: None,
            service_s: 8.9,
        }),
        telemetry: Telemetry {
            since: 0,
            replicas: 2.0,
            memory_fraction: Some(0.92),
            kv_tokens: Some(28_600.0),
        },
        served: Some(bf16("Qwen/Qwen2.5-32B", 1, 8_192)),
    },
    Spec {
        name: "enrich-nightly",
        owner: Some("Search"),
        environment: PRODUCTION,
        provider: "runpod",
        region: "global",
        gpu: "L40S-48GB",
        gpu_count: 1,
        // RunPod, secure cloud, 2026-10-10.
        rates: on_demand(1_090_000_000),
        demand: Demand::Always(Traffic {
            rhythm: Rhythm::Night,
            per_hour: 2_700.0,
            wander: 0.15,
            overdispersion: 0.002,
            tokens: Some((920.0, 120.0)),
            interarrival_cv: None,
            service_s: 2.9,
        }),
        telemetry: Telemetry {
            since: 0,
            replicas: 1.0,
            memory_fraction: Some(0.90),
            kv_tokens: None,
        },
        served: Some(bf16("Qwen/Qwen2.5-7B", 1, 4_096)),
    },
    Spec {
        name: "finetune-adhoc",
        owner: None,
        environment: RESEARCH,
        provider: "lambda",
        region: "global",
        gpu: "H100-SXM-80GB",
        gpu_count: 2,
        // Lambda gpu_2x_h100_sxm_80gb, 2026-10-10.
        rates: on_demand(8_380_000_000),
        demand: Demand::Jobs(&[
            Job { start: 38, quarters: 22, jitter: 8 },
            Job { start: 135, quarters: 31, jitter: 8 },
            Job { start: 155, quarters: 14, jitter: 8 },
            Job { start: 327, quarters: 40, jitter: 8 },
            Job { start: 472, quarters: 9, jitter: 8 },
            Job { start: 496, quarters: 27, jitter: 8 },
            Job { start: 683, quarters: 35, jitter: 8 },
        ]),
        telemetry: Telemetry::NONE,
        served: None,
    },
    Spec {
        name: "img-gen",
        owner: Some("Media"),
        environment: PRODUCTION,
        provider: "runpod",
        region: "global",
        gpu: "L40S-48GB",
        gpu_count: 4,
        // Four RunPod pods at 1.09, secure cloud, 2026-10-10.
        rates: on_demand(4_360_000_000),
        demand: Demand::Always(Traffic {
            rhythm: Rhythm::Leisure,
            per_hour: 430.0,
            wander: 0.08,
            overdispersion: 0.008,
            tokens: None,
            interarrival_cv: Some(1.7),
            service_s: 14.0,
        }),
        telemetry: Telemetry {
            since: 0,
            replicas: 4.0,
            memory_fraction: Some(0.78),
            kv_tokens: None,
        },
        served: Some(Served {
            model: "black-forest-labs/FLUX.1-dev",
            dtype: "bfloat16",
            tensor_parallel_size: 1,
            max_model_len: None,
        }),
    },
    Spec {
        name: "launch-api",
        owner: Some("Product"),
        environment: PRODUCTION,
        provider: "runpod-serverless",
        region: "global",
        gpu: "H100-80GB",
        gpu_count: 1,
        // RunPod serverless, flex workers of 80 GB PRO, 2026-06-08.
        rates: Rates { category: PricingCategory::Serverless, ..on_demand(4_176_000_000) },
        demand: Demand::Workers(
            Traffic {
                rhythm: Rhythm::Launch,
                per_hour: 150.0,
                wander: 0.25,
                overdispersion: 0.30,
                tokens: Some((640.0, 220.0)),
                interarrival_cv: Some(3.4),
                service_s: 1.7,
            },
            Worker {
                start_s: 22.0,
                idle_s: 5.0,
                burst_size: 12.0,
                overlap: 2.0,
                load_limit: 2_000,
            },
        ),
        telemetry: Telemetry::NONE,
        served: None,
    },
    Spec {
        name: "notebooks",
        owner: None,
        environment: None,
        provider: "runpod",
        region: "global",
        gpu: "RTXA6000-48GB",
        gpu_count: 1,
        // RunPod, secure cloud, 2026-09-29.
        rates: on_demand(530_000_000),
        demand: Demand::Jobs(&[
            Job { start: 10, quarters: 12, jitter: 10 },
            Job { start: 33, quarters: 18, jitter: 10 },
            Job { start: 129, quarters: 8, jitter: 10 },
            Job { start: 178, quarters: 24, jitter: 10 },
            Job { start: 298, quarters: 16, jitter: 10 },
            Job { start: 369, quarters: 10, jitter: 10 },
            Job { start: 514, quarters: 20, jitter: 10 },
            Job { start: 657, quarters: 14, jitter: 10 },
        ]),
        telemetry: Telemetry::NONE,
        served: None,
    },
    // No catalog has this card: the report lists it and simulates nothing on it.
    Spec {
        name: "notebooks",
        owner: None,
        environment: None,
        provider: "vast",
        region: "global",
        gpu: "RTX2080Ti-11GB",
        gpu_count: 1,
        // Invented: no price list here has it.
        rates: on_demand(120_000_000),
        demand: Demand::Jobs(&[Job { start: 418, quarters: 4, jitter: 0 }]),
        telemetry: Telemetry::NONE,
        served: None,
    },
    Spec {
        name: "office-assistant",
        owner: Some("Search"),
        environment: PRODUCTION,
        provider: "aws",
        region: "us-east-1",
        gpu: "A100-SXM-80GB",
        gpu_count: 8,
        // One p4de.24xlarge, us-east-1, 2026-11-09.
        rates: on_demand(27_447_050_000),
        demand: Demand::Always(Traffic {
            rhythm: Rhythm::Office,
            per_hour: 2_150.0,
            wander: 0.08,
            overdispersion: 0.004,
            tokens: Some((3_600.0, 210.0)),
            interarrival_cv: Some(1.2),
            service_s: 7.0,
        }),
        telemetry: Telemetry {
            since: HOURS / 2,
            replicas: 2.0,
            memory_fraction: Some(0.90),
            kv_tokens: Some(450_000.0),
        },
        served: Some(bf16("meta-llama/Meta-Llama-3.1-70B", 4, 16_384)),
    },
    Spec {
        name: "old-demo",
        owner: Some("Sales"),
        environment: Some("staging"),
        provider: "runpod",
        region: "global",
        gpu: "A100-PCIe-80GB",
        gpu_count: 1,
        // RunPod, secure cloud, 2026-11-09.
        rates: on_demand(1_790_000_000),
        demand: Demand::Always(Traffic {
            rhythm: Rhythm::Never,
            per_hour: 0.0,
            wander: 0.0,
            overdispersion: 0.0,
            tokens: Some((1.0, 1.0)),
            interarrival_cv: None,
            service_s: 1.0,
        }),
        telemetry: Telemetry {
            since: 0,
            replicas: 1.0,
            memory_fraction: Some(0.89),
            kv_tokens: Some(400_000.0),
        },
        served: Some(bf16("mistralai/Mistral-7B-Instruct-v0.3", 1, 8_192)),
    },
    Spec {
        name: "support-desk",
        owner: Some("Support"),
        environment: PRODUCTION,
        provider: "gcp",
        region: "us-central1",
        gpu: "A100-SXM-80GB",
        gpu_count: 1,
        // One a2-ultragpu-1g, us-central1, 2026-10-05.
        rates: on_demand(5_068_797_890),
        demand: Demand::Always(Traffic {
            rhythm: Rhythm::NineHours,
            per_hour: 2_600.0,
            wander: 0.06,
            overdispersion: 0.003,
            tokens: Some((900.0, 350.0)),
            interarrival_cv: None,
            service_s: 3.8,
        }),
        telemetry: Telemetry::NONE,
        served: None,
    },
    Spec {
        name: "train-ranker",
        owner: Some("Research"),
        environment: RESEARCH,
        provider: "aws",
        region: "us-east-1",
        gpu: "H100-SXM-80GB",
        gpu_count: 8,
        // One p5.48xlarge, us-east-1, 2026-11-09.
        rates: on_demand(55_040_000_000),
        demand: Demand::Jobs(&[
            Job { start: 105, quarters: 286, jitter: 4 },
            Job { start: 181, quarters: 388, jitter: 4 },
        ]),
        telemetry: Telemetry {
            since: 0,
            replicas: 1.0,
            memory_fraction: Some(0.87),
            kv_tokens: None,
        },
        served: None,
    },
    Spec {
        name: "whisper-stt",
        owner: Some("Media"),
        environment: PRODUCTION,
        provider: "aws",
        region: "us-east-1",
        gpu: "L40S-48GB",
        gpu_count: 2,
        // Two g6e.xlarge at 1.861, us-east-1, 2026-09-29, under a savings plan at 1.34 each (invented),
        // half of it paid upfront: the invoice shows the other half.
        rates: Rates {
            category: PricingCategory::Committed,
            billed: usd(1_340_000_000),
            effective: usd(2_680_000_000),
            list: usd(3_722_000_000),
        },
        demand: Demand::Always(Traffic {
            rhythm: Rhythm::RoundTheClock,
            per_hour: 860.0,
            wander: 0.06,
            overdispersion: 0.0,
            tokens: None,
            interarrival_cv: None,
            service_s: 6.0,
        }),
        telemetry: Telemetry {
            since: HOURS / 2,
            replicas: 2.0,
            memory_fraction: Some(0.41),
            kv_tokens: None,
        },
        served: None,
    },
];
