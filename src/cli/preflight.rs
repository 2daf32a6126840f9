//! The words of `preflight`.

use std::path::PathBuf;

use clap::Args;

/// Arguments of `preflight`
#[derive(Debug, Args)]
pub struct PreflightArgs {
    /// The report.json that analyze wrote, or its folder
    #[arg(value_name = "REPORT.json", required_unless_present = "script")]
    pub report: Option<PathBuf>,
    /// A workload, or an advice by its id or its label such as S1
    #[arg(value_name = "WORKLOAD|ADVICE", required_unless_present = "script")]
    pub subject: Option<String>,
    /// What the script printed on the host, or what nvidia-smi did, pasted into a file; - for stdin
    /// [default: the script runs on this host]
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,
    /// Print the script that collects the facts, to run it on another host
    #[arg(long, conflicts_with_all = ["report", "subject", "from"])]
    pub script: bool,
    /// The checkpoint in the format that was sized
    #[arg(long, value_name = "ORGANIZATION/NAME")]
    pub checkpoint: Option<String>,
    /// The image of a server of your own
    #[arg(long, value_name = "IMAGE")]
    pub image: Option<String>,
    /// The port that is served
    #[arg(long, value_name = "PORT", default_value_t = 8_000, value_parser = clap::value_parser!(u16).range(1..))]
    pub port: u16,
    /// Measure no download
    #[arg(long)]
    pub offline: bool,
}
