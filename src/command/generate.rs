//! `gpuadvise sample`: writes the sample month and its config.

use std::path::Path;

use super::failure::{ExitStatus, Failure};
use super::sample::{self, SampleRow};
use super::talk::Talk;
use super::{CommandResult, output};
use crate::cli::Global;
use crate::units::{Currency, Period};
use crate::usage::{UsageRow, UsageTable, frame};

/// Where the samples go without `--output`.
const FOLDER: &str = "samples";

pub(super) fn run(global: &Global, talk: Talk) -> CommandResult {
    let rows = sample::month(global.seed);
    let mut bytes = Vec::new();
    frame::write_parquet(&table(&rows), &mut bytes)
        .map_err(|error| Failure::new(ExitStatus::Bug, anyhow::anyhow!("{error}")))?;
    let files = vec![
        ("usage.parquet".to_owned(), bytes),
        ("gpuadvise.toml".to_owned(), sample::config().into_bytes()),
    ];
    let folder = global.output.as_deref().unwrap_or(Path::new(FOLDER));
    output::write_folder(folder, &files)?;
    talk.note(&format!("{} rows in {}", rows.len(), folder.join("usage.parquet").display()));
    let next = format!("gpuadvise analyze {}\n", folder.join("usage.parquet").display());
    output::to_stdout(next.as_bytes())?;
    Ok(ExitStatus::Done)
}

fn table(rows: &[SampleRow]) -> UsageTable {
    let mut table = UsageTable::new(Currency::USD);
    for row in rows {
        table.push(&UsageRow {
            period: Period::new(row.period_start, row.period_end),
            workload: Some(row.workload),
            provider: Some(row.provider),
            region: Some(row.region),
            sub_account: None,
            owner: row.owner,
            environment: row.environment,
            gpu: Some(row.gpu),
            gpu_count: Some(f64::from(row.gpu_count)),
            gpu_hours: Some(row.gpu_hours),
            pricing_category: row.pricing_category,
            billed_cost: Some(row.billed_cost),
            effective_cost: Some(row.effective_cost),
            list_cost: row.list_cost,
            contracted_cost: None,
            requests: row.requests,
            prompt_tokens: row.prompt_tokens,
            completion_tokens: row.completion_tokens,
            interarrival_cv: row.interarrival_cv,
            gpu_util: row.gpu_util,
            memory_fraction: row.memory_fraction,
            kv_cache_usage: row.kv_cache_usage,
            vram_used_mib: None,
            model: row.model,
            dtype: row.dtype,
            quantization: row.quantization,
            tensor_parallel_size: row.tensor_parallel_size,
            max_model_len: row.max_model_len,
        });
    }
    table
}
