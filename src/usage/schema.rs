//! The columns of the usage table: their names, aliases and meaning.

/// What a cell of a column must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellKind {
    /// A point in time.
    Time,
    /// Text.
    Text,
    /// An exact decimal amount; may be negative (a credit).
    Amount,
    /// A whole number, not negative.
    Count,
    /// A number, not negative.
    Quantity,
    /// A number from 0 to 1; percent where the header says so.
    Share,
}

/// One column of the usage table.
#[derive(Clone, Copy, Debug)]
pub struct ColumnSpec {
    /// Its name.
    pub name: &'static str,
    /// Other names it is known by.
    pub aliases: &'static [&'static str],
    /// What its cells must be.
    pub kind: CellKind,
}

const fn column(
    name: &'static str,
    aliases: &'static [&'static str],
    kind: CellKind,
) -> ColumnSpec {
    ColumnSpec { name, aliases, kind }
}

/// Start of the period.
pub const PERIOD_START: &str = "period_start";
/// End of the period.
pub const PERIOD_END: &str = "period_end";
/// The workload.
pub const WORKLOAD: &str = "workload";
/// Requests in the period.
pub const REQUESTS: &str = "requests";
/// Prompt tokens in the period.
pub const PROMPT_TOKENS: &str = "prompt_tokens";
/// Completion tokens in the period.
pub const COMPLETION_TOKENS: &str = "completion_tokens";

/// All columns, in the order in which the table is written.
pub const COLUMNS: &[ColumnSpec] = &[
    column(PERIOD_START, &["timestamp", "ts", "time", "date"], CellKind::Time),
    column(PERIOD_END, &[], CellKind::Time),
    column(WORKLOAD, &[], CellKind::Text),
    column("provider", &[], CellKind::Text),
    column("region", &[], CellKind::Text),
    column("sub_account", &[], CellKind::Text),
    column("owner", &["team"], CellKind::Text),
    column("environment", &[], CellKind::Text),
    column("gpu", &[], CellKind::Text),
    column("gpu_count", &["gpus"], CellKind::Quantity),
    column("gpu_hours", &[], CellKind::Quantity),
    column("pricing_category", &[], CellKind::Text),
    column("billing_currency", &[], CellKind::Text),
    column("billed_cost", &[], CellKind::Amount),
    column("effective_cost", &[], CellKind::Amount),
    column("list_cost", &[], CellKind::Amount),
    column("contracted_cost", &[], CellKind::Amount),
    column(REQUESTS, &[], CellKind::Count),
    column(PROMPT_TOKENS, &["input_tokens", "context_tokens"], CellKind::Count),
    column(COMPLETION_TOKENS, &["output_tokens", "generated_tokens"], CellKind::Count),
    column("interarrival_cv", &[], CellKind::Quantity),
    column("gpu_util", &["gpu_util_percent", "gpu_util_pct"], CellKind::Share),
    column("memory_fraction", &["memory_percent", "memory_pct"], CellKind::Share),
    column("kv_cache_usage", &["kv_cache_usage_percent", "kv_cache_usage_pct"], CellKind::Share),
    column("vram_used_mib", &[], CellKind::Quantity),
    column("model", &[], CellKind::Text),
    column("dtype", &[], CellKind::Text),
    column("quantization", &[], CellKind::Text),
    column("tensor_parallel_size", &[], CellKind::Count),
    column("max_model_len", &[], CellKind::Count),
];

/// The column that means billed and effective cost at once.
pub const COST: &str = "cost";

/// Columns of a request log, beside the time and the token columns above.
pub const REQUEST_LOG_COLUMNS: &[&str] = &["latency_s", "ttft_s", "status"];

/// A header without case, blanks and punctuation, so that `Period Start` is `period_start`.
pub fn normalized(header: &str) -> String {
    let mut name = String::with_capacity(header.len());
    for c in header.trim().trim_start_matches('\u{feff}').chars() {
        match c {
            'A'..='Z' => name.push(c.to_ascii_lowercase()),
            ' ' | '-' | '.' => name.push('_'),
            '%' => name.push_str("_percent"),
            _ => name.push(c),
        }
    }
    name
}

/// The column a header means.
pub fn find(header: &str) -> Option<&'static ColumnSpec> {
    let name = normalized(header);
    COLUMNS.iter().find(|it| it.name == name || it.aliases.contains(&name.as_str()))
}

/// Whether a header says that its numbers are percent.
pub fn is_percent(header: &str) -> bool {
    let name = normalized(header);
    name.ends_with("_percent") || name.ends_with("_pct")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_found_by_name_and_alias() {
        let found = |header| find(header).map(|it| it.name);
        assert_eq!(found("Period_Start"), Some("period_start"));
        assert_eq!(found("timestamp"), Some("period_start"));
        assert_eq!(found("team"), Some("owner"));
        assert_eq!(found("gpus"), Some("gpu_count"));
        assert_eq!(found("GPU util %"), None);
        assert_eq!(found("gpu_util_percent"), Some("gpu_util"));
        assert_eq!(found("api_key"), None);
        assert!(is_percent("gpu_util_pct"));
    }

    #[test]
    fn no_name_means_two_columns() {
        let mut names: Vec<&str> =
            COLUMNS.iter().flat_map(|it| it.aliases.iter().copied().chain([it.name])).collect();
        names.sort_unstable();
        let before = names.len();
        names.dedup();
        assert_eq!(before, names.len());
    }
}
