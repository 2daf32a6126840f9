//! The words of `explain`.

use std::path::PathBuf;

use clap::Args;

/// Arguments of `explain`
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The report.json that analyze wrote, or its folder
    #[arg(value_name = "REPORT.json")]
    pub report: PathBuf,
    /// A workload, an advice by its id or its label such as S1, or the path of a number
    #[arg(value_name = "WORKLOAD|ADVICE|PATH")]
    pub subject: String,
}
