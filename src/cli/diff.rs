//! The words of `diff`.

use std::path::PathBuf;

use clap::Args;

/// Arguments of `diff`
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// The report of the earlier month: its report.json, or its folder
    #[arg(value_name = "OLD.json")]
    pub old: PathBuf,
    /// The report of the later month
    #[arg(value_name = "NEW.json")]
    pub new: PathBuf,
}
