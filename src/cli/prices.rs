//! The words of `prices`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::catalog::import::Format;

/// Arguments of `prices`
#[derive(Debug, Args)]
pub struct PricesArgs {
    /// What to do
    #[command(subcommand)]
    pub command: PricesCommand,
}

/// What to do with prices
#[derive(Debug, Subcommand)]
pub enum PricesCommand {
    /// Check every file of the catalog, and with --max-age how old its prices are
    Check {
        /// Fail with exit code 7 where the newest price of a provider and way of buying is older, such as 30d
        #[arg(long, value_name = "DAYS", value_parser = parse_days)]
        max_age: Option<u32>,
        /// Only this provider
        #[arg(long, value_name = "NAME")]
        provider: Option<String>,
    },
    /// Print the offers, cheapest first within a GPU
    List {
        /// Only GPUs whose name contains this
        #[arg(long, value_name = "NAME")]
        gpu: Option<String>,
        /// Only this provider
        #[arg(long, value_name = "NAME")]
        provider: Option<String>,
    },
    /// Turn a price table into offers with source and date
    Import(ImportArgs),
    /// Compare two price lists: each a .toml of offers, a folder of them, a table, or `built-in`
    Diff {
        /// The older list
        old: String,
        /// The newer list
        new: String,
    },
}

/// Arguments of `prices import`
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// What the table is: skypilot, gpuhunt or csv
    #[arg(value_name = "FORMAT", value_parser = parse_format)]
    pub kind: Format,
    /// The table
    pub file: PathBuf,
    /// Whose prices these are, where the table has no such column
    #[arg(long, value_name = "NAME")]
    pub provider: Option<String>,
    /// Where the table comes from [default: its name]
    #[arg(long, value_name = "TEXT")]
    pub source: Option<String>,
    /// Add to a file that is there: its earlier prices stay as history
    #[arg(long, requires = "output", conflicts_with = "force")]
    pub append: bool,
    /// Write over a file that is there
    #[arg(long, requires = "output")]
    pub force: bool,
}

fn parse_format(text: &str) -> Result<Format, String> {
    Format::parse(text).ok_or_else(|| "not one of skypilot, gpuhunt, csv".to_owned())
}

fn parse_days(text: &str) -> Result<u32, String> {
    let number = text.strip_suffix('d').unwrap_or(text);
    match number.parse::<u32>() {
        Ok(days) if (1..=3_660).contains(&days) => Ok(days),
        _ => Err("not a number of days from 1 to 3660, such as 30d".to_owned()),
    }
}
