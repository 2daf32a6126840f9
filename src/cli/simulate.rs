//! The words of `gpuadvise simulate`.

mod grammar;

use std::path::PathBuf;

use clap::Args;

use super::{InputArgs, PartArgs};
use crate::simulate::Delay;
use crate::units::MoneyPerHour;

pub use grammar::{Arrivals, Policy, Service, TokenRates};
use grammar::{
    parse_arrivals, parse_balance, parse_delay, parse_policy, parse_positive, parse_price,
    parse_rate, parse_service, parse_share, parse_time,
};

/// Arguments of `simulate`
#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)]
pub struct SimulateArgs {
    /// Request logs, bills, usage tables: paths, folders, quoted patterns, or - for stdin; each
    /// workload with requests is simulated
    #[arg(value_name = "FILE")]
    pub files: Vec<String>,
    /// Only this workload
    #[arg(long, value_name = "NAME", requires = "files")]
    pub workload: Option<String>,
    /// The part of the files to use
    #[command(flatten)]
    pub part: PartArgs,
    /// The requests
    #[command(flatten)]
    pub demand: DemandArgs,
    /// The fleet
    #[command(flatten)]
    pub fleet: FleetArgs,
    /// Prices and billing
    #[command(flatten)]
    pub bill: BillArgs,
    /// Spot capacity
    #[command(flatten)]
    pub spot: SpotArgs,
    /// Runs with this many seeds from --seed on; numbers are their means, with the least and the most
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub seeds: u64,
    /// Give up after so many seconds, with exit code 130
    #[arg(long, value_name = "S", value_parser = parse_positive)]
    pub time_budget: Option<u64>,
    /// Draw queue, replicas and cost over time into this folder, in place of those of an earlier run
    #[arg(long, value_name = "DIR")]
    pub charts: Option<PathBuf>,
}

impl SimulateArgs {
    /// The files and the part of them to use.
    pub fn input(&self) -> InputArgs {
        InputArgs { files: self.files.clone(), part: self.part.clone() }
    }
}

/// What is asked for
#[derive(Debug, Args)]
#[command(next_help_heading = "Requests")]
pub struct DemandArgs {
    /// poisson:RATE:N, gamma:RATE:CV:N, weibull:RATE:SHAPE:N, even:RATE:N (RATE a second), or file
    #[arg(long, value_name = "ARRIVALS", required_unless_present = "files", value_parser = parse_arrivals)]
    pub arrivals: Option<Arrivals>,
    /// const:S, exp:MEAN, mix:P:S1:S2, or `tokens[:PREFILL_TOKENS_PER_S:TPOT_S]` [default with files:
    /// by the config, else by model and GPU]
    #[arg(long, value_name = "SERVICE", required_unless_present = "files", value_parser = parse_service)]
    pub service: Option<Service>,
    /// A request that has waited so many seconds leaves [default: the platform's, else never]
    #[arg(long, value_name = "S", value_parser = parse_positive)]
    pub queue_timeout: Option<u64>,
    /// A request that has been served so many seconds is ended, unserved [default: the platform's,
    /// else never]
    #[arg(long, value_name = "S", value_parser = parse_positive)]
    pub execution_timeout: Option<u64>,
    /// Seconds to the first token that attain
    #[arg(long, value_name = "S", value_parser = parse_positive)]
    pub slo_ttft: Option<u64>,
    /// Share of requests that must attain
    #[arg(long, value_name = "SHARE", requires = "slo_ttft", value_parser = parse_share)]
    pub slo_attainment: Option<f64>,
}

/// What serves
#[derive(Debug, Args)]
#[command(next_help_heading = "Fleet")]
pub struct FleetArgs {
    /// Take billing, scaling, idle timeout, slots and caps from this serverless platform; flags win
    #[arg(long, value_name = "NAME")]
    pub platform: Option<String>,
    /// Requests a replica serves at once [default: the platform's, else what the GPU of the workload
    /// holds]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub slots: Option<u32>,
    /// fixed:N, queue-delay:S, request-count:V, knative:TARGET, utilization:TARGET, keda:TARGET,
    /// busy-share, pending, per-request, schedule:SPEC (starts begin as a range does; the plans of
    /// analyze start ahead of it)
    #[arg(long, value_name = "POLICY", required_unless_present = "platform", value_parser = parse_policy)]
    pub policy: Option<Policy>,
    /// Replicas that are always on [default: 0]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=65_536))]
    pub min: Option<u32>,
    /// Most replicas [default: what the platform starts with, else its cap, else 512; of a schedule
    /// its most]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=65_536))]
    pub max: Option<u32>,
    /// US dollars in the account, by which the platform caps replicas: lowers --max, and is the most
    /// without it
    #[arg(long, value_name = "USD", requires = "platform", value_parser = parse_balance)]
    pub balance: Option<u32>,
    /// From start to ready: const:S, exp:MEAN or mix:P:S1:S2; a number alone is const
    #[arg(long, value_name = "TIME", value_parser = parse_delay)]
    pub cold_start: Option<Delay>,
    /// How long an idle replica stays: const:S or exp:MEAN
    #[arg(long, value_name = "TIME", value_parser = parse_delay)]
    pub idle_timeout: Option<Delay>,
    /// End starts that the queue no longer needs
    #[arg(long)]
    pub cancel_starts: bool,
}

/// What it costs
#[derive(Debug, Args)]
#[command(next_help_heading = "Bill")]
pub struct BillArgs {
    /// Price of a replica
    #[arg(long, value_name = "USD_PER_HOUR", value_parser = parse_price)]
    pub price: MoneyPerHour,
    /// Price of each replica that is always on, used or not [default: --price]
    #[arg(long, value_name = "USD_PER_HOUR", value_parser = parse_price)]
    pub reserved_price: Option<MoneyPerHour>,
    /// Whether the time from start to ready is billed [default: the platform's, else true]
    #[arg(long, value_name = "BOOL")]
    pub bill_start: Option<bool>,
    /// Only the first so many seconds of a start are not billed, such as an image pull
    #[arg(long, value_name = "S", value_parser = parse_time, conflicts_with = "bill_start")]
    pub free_start: Option<u64>,
    /// A lifetime is rounded up to so many seconds [default: the platform's, else exact]
    #[arg(long, value_name = "S", value_parser = parse_time)]
    pub granularity: Option<u64>,
    /// And is at least so many [default: the platform's, else 0]
    #[arg(long, value_name = "S", value_parser = parse_time)]
    pub minimum: Option<u64>,
}

/// Capacity that its owner takes back
#[derive(Debug, Args)]
#[command(next_help_heading = "Spot")]
pub struct SpotArgs {
    /// Interruptions per replica and hour; several, parted by commas, are compared with none
    #[arg(long, value_name = "RATE", value_delimiter = ',', value_parser = parse_rate)]
    pub spot_rate: Vec<f64>,
    /// Seconds from being told to being off [default: 0]
    #[arg(long, value_name = "S", requires = "spot_rate", value_parser = parse_time)]
    pub spot_notice: Option<u64>,
    /// Mean seconds without spot capacity after an interruption [default: 0]
    #[arg(long, value_name = "S", requires = "spot_rate", value_parser = parse_time)]
    pub spot_outage: Option<u64>,
    /// Price of a replica on demand meanwhile [default: starts wait]
    #[arg(long, value_name = "USD_PER_HOUR", requires = "spot_rate", value_parser = parse_price)]
    pub spot_fallback: Option<MoneyPerHour>,
}
