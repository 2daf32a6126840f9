//! The words of `rollup`.

use clap::{Args, ValueEnum};

use super::{MAX_REJECTED_PERCENT, parse_percent};

/// Arguments of `rollup`
#[derive(Debug, Args)]
pub struct RollupArgs {
    /// Request logs, or tables that were rolled up before: paths, folders, quoted patterns, or -
    #[arg(required_unless_present = "emit_sql", value_name = "FILE")]
    pub files: Vec<String>,
    /// Only counts and sums of tokens: no squares, arrivals, gaps and histograms
    #[arg(long, conflicts_with = "emit_sql")]
    pub simple: bool,
    /// Rows in percent that may be rejected before the run stops
    #[arg(long, value_name = "PERCENT", default_value_t = MAX_REJECTED_PERCENT, value_parser = parse_percent)]
    pub max_rejected: f64,
    /// Print the query that makes the same table in the engine that holds the log
    #[arg(long, value_name = "ENGINE", value_enum, conflicts_with = "files")]
    pub emit_sql: Option<Engine>,
}

/// Engines whose SQL is known
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    /// `DuckDB` 1.2 or later
    Duckdb,
    /// Spark SQL 3.4 or later, Databricks
    Spark,
    /// Trino, Athena
    Trino,
    /// `BigQuery`
    Bigquery,
    /// `ClickHouse`
    Clickhouse,
}
