//! The words of `email`.

use std::path::PathBuf;

use clap::Args;

use crate::ingest::mailbox;

/// Arguments of `email`
#[derive(Debug, Args)]
pub struct EmailArgs {
    /// The folder that analyze wrote
    #[arg(value_name = "REPORT_DIR")]
    pub report: PathBuf,
    /// Send to this address instead of those of the config; may be given several times
    #[arg(long, value_name = "ADDRESS", value_parser = parse_address)]
    pub to: Vec<String>,
    /// Send nothing: write what would be sent as .eml [default: into mail/ of the report folder]
    #[arg(long, value_name = "DIR", num_args = 0..=1)]
    pub dry_run: Option<Option<PathBuf>>,
    /// Send also to those who have this report already, or may have it
    #[arg(long)]
    pub again: bool,
    /// Send only to those for whom something changed since the mail before
    #[arg(long, conflicts_with = "again")]
    pub if_changed: bool,
}

/// Checked here, parsed where it is used: no other layer needs the type.
fn parse_address(text: &str) -> Result<String, String> {
    mailbox("address", text).map(|_| text.to_owned())
}
