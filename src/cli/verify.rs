//! The words of `verify`.

use std::path::PathBuf;

use clap::Args;

use super::PartArgs;

/// Arguments of `verify`
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The report.json that promised it, or its folder
    #[arg(value_name = "REPORT.json")]
    pub report: PathBuf,
    /// Bills, logs and metrics of the days after the change
    #[arg(long, value_name = "FILE", num_args = 1.., required = true)]
    pub usage: Vec<String>,
    /// Only this workload or advice; may be given several times [default: every advice to change something]
    #[arg(long, value_name = "NAME")]
    pub workload: Vec<String>,
    /// Results of lm-evaluation-harness after the change; WORKLOAD=FILE where several are verified
    #[arg(long, value_name = "FILE")]
    pub quality: Vec<String>,
    /// The same before it
    #[arg(long, value_name = "FILE", requires = "quality")]
    pub quality_before: Vec<String>,
    /// The part of the new files to use
    #[command(flatten)]
    pub part: PartArgs,
}
