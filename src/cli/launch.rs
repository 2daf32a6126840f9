//! The words of `launch`.

use std::path::PathBuf;

use clap::Args;

use crate::deploy::Target;

/// Arguments of `launch`
#[derive(Debug, Args)]
pub struct LaunchArgs {
    /// The report.json that analyze wrote, or its folder
    #[arg(value_name = "REPORT.json")]
    pub report: PathBuf,
    /// A workload, or an advice by its id or its label such as S1
    #[arg(value_name = "WORKLOAD|ADVICE")]
    pub subject: String,
    /// docker, compose, kubernetes, runpod, skypilot, ray, slurm or shell
    #[arg(long, value_name = "TARGET", default_value = "kubernetes", value_parser = parse_target)]
    pub target: Target,
    /// What runs today, a manifest or a `vllm serve` line: write the difference to the plan instead
    #[arg(long, value_name = "FILE", conflicts_with = "target")]
    pub against: Option<PathBuf>,
    /// The checkpoint in the format that was sized, where vLLM does not make it while it loads
    #[arg(long, value_name = "ORGANIZATION/NAME")]
    pub checkpoint: Option<String>,
    /// The image instead of the pinned one: a full tag or a digest
    #[arg(long, value_name = "IMAGE")]
    pub image: Option<String>,
    /// The program that trains [default: train.py], or that starts a server of your own
    #[arg(long, value_name = "WORDS")]
    pub program: Option<String>,
    /// The port that is served
    #[arg(long, value_name = "PORT", default_value_t = 8_000, value_parser = clap::value_parser!(u16).range(1..))]
    pub port: u16,
    /// Write over the file that --output names
    #[arg(long, requires = "output")]
    pub force: bool,
}

fn parse_target(text: &str) -> Result<Target, String> {
    Target::parse(text).ok_or_else(|| {
        let words: Vec<&str> = Target::ALL.iter().map(|it| it.as_str()).collect();
        format!("not one of {}", words.join(", "))
    })
}
