//! The command line: texts become typed values here, and nothing after this file sees a flag.

mod decide;
mod diff;
mod email;
mod explain;
mod launch;
mod preflight;
mod prices;
mod rollup;
mod simulate;
mod size;
mod topo;
mod verify;

use std::path::PathBuf;

use chrono::NaiveDate;
use chrono_tz::Tz;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::ingest::AskedCommitment;
use crate::recommend::WhatIf;
use crate::size::Precision;
use crate::units::Timestamp;

/// Rows in percent that may be rejected where nobody says it.
pub const MAX_REJECTED_PERCENT: f64 = 1.0;

pub use decide::{AnswerArgs, DecideArgs, Verdict};
pub use diff::DiffArgs;
pub use email::EmailArgs;
pub use explain::ExplainArgs;
pub use launch::LaunchArgs;
pub use preflight::PreflightArgs;
pub use prices::{ImportArgs, PricesArgs, PricesCommand};
pub use rollup::{Engine, RollupArgs};
pub use simulate::{
    Arrivals, BillArgs, DemandArgs, FleetArgs, Policy, Service, SimulateArgs, SpotArgs, TokenRates,
};
pub use size::{
    Dtype, ImageArgs, Method, OptimizerWord, Pixels, RequestArgs, RuleArgs, ServingArgs, SizeArgs,
    Train, TrainingArgs,
};
pub use topo::TopoArgs;
pub use verify::VerifyArgs;

/// Read the usage logs of GPU workloads and say the cheapest way to run and buy them
#[derive(Debug, Parser)]
#[command(
    name = "gpuadvise",
    version,
    arg_required_else_help = true,
    max_term_width = 100,
    after_help = "Examples:
  gpuadvise analyze usage.parquet                      report in reports/usage/, table on stdout
  gpuadvise analyze bill.parquet requests.csv.gz       several files, joined by workload and time
  gpuadvise describe requests.csv --format json        statistics of the demand only
  gpuadvise rollup 'logs/*.parquet' -o rollup.parquet  a log of any size as a small table
  gpuadvise size meta-llama/Meta-Llama-3.1-8B          which GPUs carry a model
  gpuadvise simulate --help                            a fleet on requests: cost and waits
  gpuadvise diff OLD.json NEW.json                     why spend moved since last month's report
  gpuadvise explain REPORT.json S1                     how a number came about; md: a ticket
  gpuadvise launch REPORT.json S1                      what to run for an advice, and where
  gpuadvise email reports/usage                        the report to those whom the config names
  gpuadvise prices list --gpu H100                     offers with date and source

Exit codes: 0 done, 1 a bug, 2 usage, 3 input, 4 catalog, 5 savings above --fail-above,
6 not reconciled, 7 a check failed, 8 output or mail, 130 interrupted or out of --time-budget"
)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
    /// Flags that mean the same everywhere
    #[command(flatten)]
    pub global: Global,
}

/// What to do
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Analyse usage and write the report
    #[command(after_help = "Examples:
  gpuadvise analyze samples/usage.parquet
  gpuadvise analyze 'logs/*.parquet' --month --format md
  gzip -dc usage.csv.gz | gpuadvise analyze - --output reports/today --fail-above 1000")]
    Analyze(AnalyzeArgs),
    /// Read files, account for every row and amount, and write the usage table
    #[command(after_help = "Examples:
  gpuadvise ingest bill.csv.gz --explain
  gpuadvise ingest 'focus/*.parquet' cluster.json --format json
  gpuadvise ingest bill.csv metrics.json --output usage.parquet")]
    Ingest(IngestArgs),
    /// Roll up request logs of any size into a small table, which every command takes as a log
    #[command(after_help = "Examples:
  gpuadvise rollup requests.parquet --output rollup.parquet
  gpuadvise rollup 'logs/2026-10-*.parquet' --output october.parquet
  gpuadvise rollup --emit-sql spark                    for the engine that holds the log")]
    Rollup(RollupArgs),
    /// Write a commented gpuadvise.toml for your data, with the blanks worth filling
    #[command(after_help = "Examples:
  gpuadvise init bill.csv requests.csv                 gpuadvise.toml beside bill.csv
  gpuadvise init 'exports/*' --output -                on stdout, to read first")]
    Init(InputArgs),
    /// Print the statistics and the class of the demand
    #[command(after_help = "Examples:
  gpuadvise describe requests.csv
  gpuadvise describe usage.parquet --format json --since 7d")]
    Describe(DescribeArgs),
    /// Print which GPUs carry a model, and how fast
    #[command(after_help = "Examples:
  gpuadvise size meta-llama/Meta-Llama-3.1-8B
  gpuadvise size config.json --gpu L40S --quantization fp8 --explain
  gpuadvise size Qwen/Qwen3-32B --gpu H100 --prompt-tokens 1000 --completion-tokens 300 \\
    --slo-ttft-p95 2s --slo-tpot-p95 50ms --requests-per-s 4 --task chat
  gpuadvise size meta-llama/Llama-3.2-3B --train qlora --rank 32 --seq-len 4096 --checkpointing
  gpuadvise size --params 70e9 --layers 80 --kv-heads 8 --head-dim 128 --max-model-len 4096 --batch 8")]
    Size(Box<SizeArgs>),
    /// Replay requests on a fleet: what it would cost and who would wait
    #[command(after_help = "Examples:
  gpuadvise simulate --arrivals poisson:0.5:100000 --service exp:2 --slots 1 --policy fixed:2 \\
    --price 1.2
  gpuadvise simulate requests.csv --service const:5 --platform modal --cold-start mix:0.8:2:30 \\
    --price 2.5 --charts charts
  gpuadvise simulate requests.csv --service const:5 --slots 4 --cold-start 90 --price 2 \\
    --policy 'schedule:mon-fri 08:00-20:00=2;sat 10:00-14:00=1' --time-zone Europe/Berlin")]
    Simulate(Box<SimulateArgs>),
    /// Write down what was decided about a piece of advice; without a report, four questions to a first guess
    #[command(after_help = "Examples:
  gpuadvise decide                                     for whoever has no logs: four questions
  gpuadvise decide --work real-time --model Qwen/Qwen3-14B --at-once 20 --hours '6 bursts'
  gpuadvise decide reports/usage/report.json S3 --accept --owner Mara --due 2026-12-01
  gpuadvise decide reports/usage/report.json old-demo --reject --reason 'kept for the audit'
  gpuadvise decide reports/usage/report.json a-1f2e3d4c --snooze 2027-01-01 --decisions d.toml")]
    Decide(DecideArgs),
    /// Say why spend moved between two reports, and what became of the advice
    #[command(after_help = "Examples:
  gpuadvise diff reports/september reports/october
  gpuadvise diff september.json october.json --format md --output october.md")]
    Diff(DiffArgs),
    /// Derive a number of a report down to input and price rows, or make a ticket of an advice
    #[command(after_help = "Examples:
  gpuadvise explain reports/usage S1                   how the advice came about, step by step
  gpuadvise explain reports/usage S1 --format md       a ticket of at most 15 lines
  gpuadvise explain report.json chat                   what a workload is and costs, and why
  gpuadvise explain report.json totals.monthly_savings
  gpuadvise explain report.json 'workloads[chat].plans[today].cost_parts.idle'")]
    Explain(ExplainArgs),
    /// Write what to run for an advice: image, command, checks and scaling for the place where it runs
    #[command(after_help = "Examples:
  gpuadvise launch reports/usage chat-prod             objects of Kubernetes, on stdout
  gpuadvise launch reports/usage S2 --target compose --checkpoint acme/Qwen2.5-32B-quantized.w4a16
  gpuadvise launch reports/usage chat-prod --against deployment.yaml --checkpoint acme/Qwen2.5-32B-AWQ
  gpuadvise launch reports/usage train-ranker --target slurm --program 'train.py --epochs 3'")]
    Launch(LaunchArgs),
    /// Say how the GPUs of a host are connected, what that allows, and what to set
    #[command(after_help = "Examples:
  gpuadvise topo                                       asks nvidia-smi or rocm-smi on this host
  gpuadvise topo topo.txt                              of `nvidia-smi topo -m`, -q, logs of NCCL, pasted as one
  ssh node 'nvidia-smi topo -m; nvidia-smi -q' | gpuadvise topo -")]
    Topo(TopoArgs),
    /// Say whether a host can start what a launch plan asks of it: pass, warn or fail
    #[command(after_help = "Examples:
  gpuadvise preflight reports/usage chat-prod          measures this host
  gpuadvise preflight --script > collect.sh            to run on another: sh collect.sh > facts.txt
  gpuadvise preflight reports/usage chat-prod --from facts.txt")]
    Preflight(PreflightArgs),
    /// Say whether advice that was followed came true: saving, limits, use, quality, and what is next
    #[command(after_help = "Examples:
  gpuadvise verify reports/october --usage bill.csv metrics.json --since 2026-11-15
  gpuadvise verify reports/october --usage 'week/*.parquet' --workload chat-prod \\
    --quality after.json --quality-before before.json")]
    Verify(VerifyArgs),
    /// Mail a report to those whom the config names
    #[command(after_help = "Examples:
  gpuadvise email reports/usage                        to whom [email] of gpuadvise.toml names
  gpuadvise email reports/usage --dry-run              the mails as .eml files, nothing is sent
  gpuadvise email reports/usage --to ann@example.com --config prod.toml")]
    Email(EmailArgs),
    /// List, check, import and compare prices
    #[command(after_help = "Examples:
  gpuadvise prices list --gpu H100
  gpuadvise prices check --max-age 30d                 exit code 7 where a price is older
  gpuadvise prices import skypilot vms.csv --provider aws --as-of 2026-11-28 \\
    --source 'skypilot-catalog v8' --output pricing/offers/aws.toml
  gpuadvise prices diff old.csv new.csv                what rose, fell, came and went")]
    Prices(PricesArgs),
    /// Print, and never run, the commands that export your bills, logs and metrics
    #[command(after_help = "Examples:
  gpuadvise collect                                    the sources, by question
  gpuadvise collect runpod                             the bill of the month just over
  gpuadvise collect prometheus-dcgm --start 2026-10-20 --end 2026-11-01 --step 30
  gpuadvise collect aws-focus > aws-focus.sh           to read, then to run with sh")]
    Collect(CollectArgs),
    /// Write the sample data: usage.parquet and gpuadvise.toml
    #[command(after_help = "Examples:
  gpuadvise sample
  gpuadvise sample --output /tmp/samples --seed 7")]
    Sample(SampleArgs),
}

/// Flags that mean the same everywhere
#[derive(Debug, Args)]
#[command(next_help_heading = "Options everywhere")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct Global {
    /// Config file [default: gpuadvise.toml beside the first input, if there]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder (analyze: reports/NAME of the first input; sample: samples), or a file (init:
    /// gpuadvise.toml beside the first input; else stdout)
    #[arg(long, short, global = true, value_name = "PATH")]
    pub output: Option<PathBuf>,
    /// What stdout shows
    #[arg(long, global = true, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    /// Most characters of --format md, such as 3000 for a chat: the most important whole lines
    #[arg(long, global = true, value_name = "N")]
    pub max_length: Option<usize>,
    /// Folder of catalog files that replace the built-in ones of the same name
    #[arg(long, global = true, value_name = "DIR")]
    pub pricing: Option<PathBuf>,
    /// Threads to use [default: all cores]
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Seed of everything left to chance
    #[arg(long, global = true, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// The day the report speaks of [default: the end of the window]
    #[arg(long, global = true, value_name = "DATE", value_parser = parse_instant)]
    pub as_of: Option<Timestamp>,
    /// Zone of day profiles and of times without an offset [default: the config's, else UTC]
    #[arg(long, global = true, value_name = "TZ", value_parser = parse_zone)]
    pub time_zone: Option<Tz>,
    /// Replace names of workloads, owners, accounts, resources and files by stable pseudonyms
    #[arg(long, global = true)]
    pub redact: bool,
    /// Say nothing on stderr but errors
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say on stderr what was read and assumed
    #[arg(long, short, global = true)]
    pub verbose: bool,
    /// Draw no progress bar
    #[arg(long, global = true)]
    pub no_progress: bool,
    /// How stderr says errors, warnings and notes
    #[arg(long, global = true, value_name = "FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}

/// Inputs and the part of them to use
#[derive(Debug, Args)]
pub struct InputArgs {
    /// Bills, logs, telemetry, usage tables: paths, folders, quoted patterns, or - for stdin
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<String>,
    /// The part of them to use
    #[command(flatten)]
    pub part: PartArgs,
}

/// The part of the inputs to use
#[derive(Clone, Debug, Args)]
pub struct PartArgs {
    /// Start of the window: a date, a timestamp, or a span back from the end such as 7d
    #[arg(long, value_name = "WHEN", conflicts_with = "month")]
    pub since: Option<String>,
    /// End of the window: a date or a timestamp
    #[arg(long, value_name = "WHEN", conflicts_with = "month")]
    pub until: Option<String>,
    /// A month such as 2026-10; without a value the last whole month in the data
    #[arg(long, value_name = "YYYY-MM", num_args = 0..=1, default_missing_value = "", value_parser = parse_month)]
    pub month: Option<String>,
    /// Rows in percent that may be rejected before the run stops
    #[arg(long, value_name = "PERCENT", default_value_t = MAX_REJECTED_PERCENT, value_parser = parse_percent)]
    pub max_rejected: f64,
}

/// Arguments of `ingest`
#[derive(Debug, Args)]
pub struct IngestArgs {
    /// Inputs and the part of them to use
    #[command(flatten)]
    pub input: InputArgs,
    /// Say of each file what was used, of each row what became of it, of each rule what it matched
    #[arg(long)]
    pub explain: bool,
}

/// Arguments of `describe`
#[derive(Debug, Args)]
pub struct DescribeArgs {
    /// Inputs and the part of them to use
    #[command(flatten)]
    pub input: InputArgs,
    /// Draw demand, day, duration and autocorrelation of each workload into this folder
    #[arg(long, value_name = "DIR")]
    pub charts: Option<PathBuf>,
}

/// Arguments of `analyze`
#[derive(Debug, Args)]
pub struct AnalyzeArgs {
    /// Inputs and the part of them to use
    #[command(flatten)]
    pub input: InputArgs,
    /// End with exit code 5 when what is asked for saves more than this a month, in the currency of the data
    #[arg(long, value_name = "AMOUNT", value_parser = parse_amount)]
    pub fail_above: Option<f64>,
    /// What was decided about the advice [default: decisions.toml beside the config, if there]
    #[arg(long, value_name = "FILE")]
    pub decisions: Option<PathBuf>,
    /// Report of an earlier month, or its folder: its forecast against this month, and why spend moved
    #[arg(long, value_name = "REPORT")]
    pub previous: Option<PathBuf>,
    /// Draw every chart into this folder, as SVG and as PNG
    #[arg(long, value_name = "DIR")]
    pub charts: Option<PathBuf>,
    /// Mail the report when it is written, to those whom the config names
    #[arg(long)]
    pub email: bool,
    /// With --email: mail only those for whom something changed since the mail before
    #[arg(long, requires = "email")]
    pub if_changed: bool,
    /// Start no more simulations after so many seconds; what was left out is said
    #[arg(long, value_name = "SECONDS")]
    pub time_budget: Option<u32>,
    /// Simulate every candidate that fits and every plan, which takes many times as long
    #[arg(long)]
    pub exhaustive: bool,
    /// Replay the requests of so many workloads, those that cost the most; of the others only the GPUs in
    /// use are bought another way [default: all up to 500 workloads, else 50 of at most a million each]
    #[arg(long, value_name = "N", conflicts_with = "exhaustive")]
    pub full_search: Option<usize>,
    /// Judge a commitment of your own, such as aws/p5.48xlarge/2; may be given several times
    #[arg(long, value_name = "PROVIDER/INSTANCE/QUANTITY")]
    pub commitment: Vec<AskedCommitment>,
    /// Ask what the advice would be if one thing were otherwise
    #[arg(
        long,
        value_name = "CHANGE",
        help = "Ask what the advice would be if: demand=+50%, price:runpod/H100=-20%, cold-start=30s, \
                slo.ttft_p95=1s, chat:model=NAME ...; may be given several times"
    )]
    pub what_if: Vec<WhatIf>,
}

/// Arguments of `collect`
#[derive(Debug, Args)]
pub struct CollectArgs {
    /// Where the data are; left out, the sources are listed
    pub source: Option<String>,
    /// First day, UTC [default: of the last full month before --as-of, else before today]
    #[arg(long, value_name = "DATE", requires = "end", value_parser = parse_date)]
    pub start: Option<NaiveDate>,
    /// Day after the last one
    #[arg(long, value_name = "DATE", requires = "start", value_parser = parse_date)]
    pub end: Option<NaiveDate>,
    /// Seconds between two points of a Prometheus metric
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub step: u32,
}

/// Arguments of `sample`
#[derive(Debug, Args)]
pub struct SampleArgs {}

/// How stderr speaks
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// A word and a sentence on each line
    Text,
    /// A JSON object on each line
    Json,
}

/// What stdout shows
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a terminal, 80 columns
    Table,
    /// All numbers
    Json,
    /// One row per workload
    Csv,
    /// For tickets and chat
    Md,
    /// The whole report
    Html,
}

fn parse_zone(text: &str) -> Result<Tz, String> {
    text.parse().map_err(|_| "not a time zone such as Europe/Berlin".to_owned())
}

fn parse_instant(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text, Tz::UTC).map_err(|error| error.to_string())
}

fn parse_date(text: &str) -> Result<NaiveDate, String> {
    match Timestamp::parse(text, Tz::UTC) {
        Ok(at) if text.len() == "2026-10-01".len() => Ok(at.in_zone(Tz::UTC).date()),
        _ => Err("not a date such as 2026-10-01".to_owned()),
    }
}

fn parse_month(text: &str) -> Result<String, String> {
    let is_month = Timestamp::parse(&format!("{text}-01"), Tz::UTC).is_ok();
    if text.is_empty() || is_month {
        Ok(text.to_owned())
    } else {
        Err("not a month such as 2026-10; put files before --month".to_owned())
    }
}

fn parse_percent(text: &str) -> Result<f64, String> {
    match text.trim_end_matches('%').parse::<f64>() {
        Ok(value) if (0.0..=100.0).contains(&value) => Ok(value),
        _ => Err("not a number from 0 to 100".to_owned()),
    }
}

fn parse_amount(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && value >= 0.0 => Ok(value),
        _ => Err("not a number that is at least 0".to_owned()),
    }
}

fn parse_precision(text: &str) -> Result<Precision, String> {
    Precision::parse(text).ok_or_else(|| {
        "not one of fp8, int8, w8a16, int4, awq, gptq, nf4, mxfp4, nvfp4, gguf:Q4_K_M and its like"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn month_takes_no_value_or_one() {
        let month = |words: &[&str]| match Cli::try_parse_from(words).unwrap().command {
            Command::Analyze(args) => args.input.part.month,
            _ => None,
        };
        assert_eq!(month(&["gpuadvise", "analyze", "a.csv"]), None);
        assert_eq!(month(&["gpuadvise", "analyze", "a.csv", "--month"]), Some(String::new()));
        assert_eq!(
            month(&["gpuadvise", "analyze", "a.csv", "--month", "2026-10"]),
            Some("2026-10".to_owned())
        );
        assert!(
            Cli::try_parse_from(["gpuadvise", "analyze", "a.csv", "--max-rejected", "101"])
                .is_err()
        );
    }

    #[test]
    fn collect_takes_both_dates_or_none() {
        let parse = |words: &[&str]| {
            Cli::try_parse_from([&["gpuadvise", "collect", "runpod"], words].concat())
        };
        let Command::Collect(args) =
            parse(&["--start", "2026-10-01", "--end", "2026-10-08"]).unwrap().command
        else {
            panic!("another command")
        };
        let dates = [args.start, args.end].map(|it| it.unwrap().to_string());
        assert_eq!(dates, ["2026-10-01", "2026-10-08"]);
        assert_eq!(args.step, 60);
        assert!(parse(&[]).is_ok());
        for words in [
            &["--start", "2026-10-01"][..],
            &["--end", "2026-10-01"],
            &["--start", "2026-10-01T12", "--end", "2026-10-08"],
            &["--step", "0"],
            &["--step", "86401"],
        ] {
            assert!(parse(words).is_err(), "{words:?}");
        }
    }
}
