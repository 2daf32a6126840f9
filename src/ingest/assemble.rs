//! From rows and request logs to one [`Workload`] per name.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::reconcile::plus;
use super::series;
use super::{Config, Ingested, RequestLog, WorkloadConfig};
use crate::catalog::Catalog;
use crate::units::{Fraction, Money, MoneyError, Period};
use crate::usage::{TextColumn, UsageRow, UsageTable};
use crate::workload::{Demand, Deployment, PricingCategory, UsageTotals, Workload};

/// Joins rows, logs and config by workload name; the result is in the order of names.
pub fn assemble(
    ingested: &Ingested,
    config: &Config,
    catalog: &Catalog,
) -> Result<Vec<Workload>, MoneyError> {
    let rows = rows_by_workload(&ingested.usage);
    let before = rows_by_workload(&ingested.before);
    let logs: BTreeMap<&str, &RequestLog> =
        ingested.requests.iter().map(|it| (it.workload.as_str(), it)).collect();
    let mut names: Vec<&str> = rows.keys().chain(logs.keys()).copied().collect();
    names.sort_unstable();
    names.dedup();
    let nothing = WorkloadConfig::default();
    names
        .into_iter()
        .map(|name| {
            let found = ingested.facts.get(name);
            let declared = match (config.workloads.get(name), found) {
                (Some(declared), Some(found)) => declared.or(found),
                (Some(one), None) | (None, Some(one)) => one.clone(),
                (None, None) => nothing.clone(),
            };
            let own =
                |rows: &BTreeMap<&str, Vec<usize>>| rows.get(name).cloned().unwrap_or_default();
            let log = logs.get(name).copied();
            workload(name, ingested, (&own(&rows), &own(&before)), log, (&declared, catalog))
        })
        .collect()
}

/// The rows of each workload, in time order.
fn rows_by_workload(table: &UsageTable) -> BTreeMap<&str, Vec<usize>> {
    let mut rows: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for at in table.order_by_workload() {
        if let Some(name) = table.workload.get(at) {
            rows.entry(name).or_default().push(at);
        }
    }
    rows
}

fn workload(
    name: &str,
    ingested: &Ingested,
    (rows, before): (&[usize], &[usize]),
    log: Option<&RequestLog>,
    (declared, catalog): (&WorkloadConfig, &Catalog),
) -> Result<Workload, MoneyError> {
    let table = &ingested.usage;
    let (demand, demand_window) = match log {
        Some(log) => {
            (Demand::Arrivals(Arc::clone(&log.trace)), log.span().unwrap_or(ingested.window))
        }
        None => (series::demand(table, rows), ingested.window),
    };
    let main = |column: &TextColumn| dearest(table, rows, |at| column.get(at)).0;
    let mut totals = totals(table, rows, demand_window)?;
    if let Some(log) = log {
        totals.requests = Some(log.trace.len() as u64);
        let tokens = &log.trace.tokens;
        if !tokens.is_empty() {
            totals.prompt_tokens = Some(tokens.iter().map(|it| it.prompt).sum());
            totals.completion_tokens = Some(tokens.iter().map(|it| it.completion).sum());
        }
    }
    Ok(Workload {
        name: name.to_owned(),
        seed_name: name.to_owned(),
        owner: declared.owner.clone().or_else(|| main(&table.owner)),
        environment: declared.environment.clone().or_else(|| main(&table.environment)),
        window: ingested.window,
        demand_window,
        demand,
        billed_level: series::billed_level(table, rows),
        costs: series::costs(table, rows)?,
        costs_before: series::costs(&ingested.before, before)?,
        activity: series::activity(table, rows),
        engine: ingested.engine.get(name).cloned().unwrap_or_default(),
        offered: log.map(RequestLog::offered),
        totals,
        deployment: deployment((table, rows), log, (declared, catalog)),
        overlapping_rows: overlapping(table, rows),
        settings: declared.settings.clone(),
    })
}

/// Rows that start before an earlier row of the same place and GPU has ended, without being the same
/// period.
fn overlapping(table: &UsageTable, rows: &[usize]) -> u64 {
    let mut last: BTreeMap<_, Period> = BTreeMap::new();
    let mut n = 0;
    for at in rows.iter().copied() {
        let key = (
            table.provider.code(at),
            table.region.code(at),
            table.sub_account.code(at),
            table.gpu.code(at),
            table.pricing_category[at],
            table.model.code(at),
        );
        let period = table.period[at];
        let overlaps = |it: &Period| *it != period && period.start() < it.end();
        n += u64::from(table.gpu_hours_of(at).is_some() && last.get(&key).is_some_and(overlaps));
        let end = last.entry(key).or_insert(period);
        if end.end() < period.end() {
            *end = period;
        }
    }
    n
}

fn deployment(
    (table, rows): (&UsageTable, &[usize]),
    log: Option<&RequestLog>,
    (declared, catalog): (&WorkloadConfig, &Catalog),
) -> Deployment {
    let (provider, many_providers) = dearest(table, rows, |at| table.provider.get(at));
    let (gpu, many_gpus) = dearest(table, rows, |at| table.gpu.get(at));
    let category = |at: usize| table.pricing_category.get(at).map(|it| it.as_str());
    let (category, many_categories) = dearest(table, rows, category);
    let label = declared.gpu.clone().or(gpu);
    // Of a name that means several GPUs the slowest, so that no advice rests on luck.
    let known = label
        .as_deref()
        .and_then(|label| catalog.resolve_gpu(label).slowest())
        .map(|it| it.name.clone());
    let text = |given: &Option<String>, column: &TextColumn| {
        given.clone().or_else(|| dearest(table, rows, |at| column.get(at)).0)
    };
    let most_gpus = series::level_bins(table, rows).into_iter().map(|it| it.gpus).reduce(f64::max);
    Deployment {
        provider: declared.provider.clone().or(provider),
        region: text(&declared.region, &table.region),
        gpu_label: label,
        gpu: known,
        gpu_count: declared.gpu_count.map(f64::from).or(most_gpus),
        pricing_category: category.as_deref().and_then(PricingCategory::parse).unwrap_or_default(),
        model: text(&declared.model, &table.model)
            .or_else(|| log.and_then(|it| of_log(it, catalog))),
        dtype: text(&declared.dtype, &table.dtype),
        quantization: text(&declared.quantization, &table.quantization),
        tensor_parallel_size: declared
            .tensor_parallel_size
            .or_else(|| rows.iter().rev().find_map(|at| table.tensor_parallel_size[*at])),
        max_model_len: declared
            .max_model_len
            .or_else(|| rows.iter().rev().find_map(|at| table.max_model_len[*at])),
        mixed: many_providers || many_gpus || many_categories,
    }
}

/// The model of a log that names one only, where the catalog has it: a name of a route says nothing.
fn of_log(log: &RequestLog, catalog: &Catalog) -> Option<String> {
    let [one] = log.facts.models.as_slice() else { return None };
    catalog.model(one).map(|_| one.clone())
}

/// The value behind most of the cost (most rows where nothing was billed, the first of equals), and
/// whether there was another.
fn dearest<'t>(
    table: &UsageTable,
    rows: &[usize],
    pick: impl Fn(usize) -> Option<&'t str>,
) -> (Option<String>, bool) {
    let mut weights: BTreeMap<&str, (i128, u64)> = BTreeMap::new();
    for at in rows.iter().copied() {
        if let Some(value) = pick(at) {
            let weight = weights.entry(value).or_default();
            let cost = |column: &[Option<i128>]| column.get(at).copied().flatten();
            let cost = cost(&table.effective_cost).or_else(|| cost(&table.billed_cost));
            weight.0 = weight.0.saturating_add(cost.unwrap_or(0));
            weight.1 += 1;
        }
    }
    let many = weights.len() > 1;
    let first = weights.into_iter().rev().max_by_key(|(_, weight)| *weight);
    (first.map(|(value, _)| value.to_owned()), many)
}

fn totals(
    table: &UsageTable,
    rows: &[usize],
    demand_window: Period,
) -> Result<UsageTotals, MoneyError> {
    let mut sums = UsageTotals { n_rows: rows.len() as u64, ..UsageTotals::default() };
    let (mut busy_hours, mut util_hours) = (0.0, 0.0);
    for at in rows.iter().copied() {
        let Some(row) = table.row(at) else { continue };
        sums.billed_cost = plus(sums.billed_cost, row.billed_cost)?;
        let effective = effective_of(&row);
        sums.effective_cost = plus(sums.effective_cost, effective)?;
        if row.pricing_category == PricingCategory::Committed {
            sums.committed_cost = plus(sums.committed_cost, effective)?;
            sums.committed_billed_cost = plus(sums.committed_billed_cost, row.billed_cost)?;
            sums.committed_list_cost = plus(sums.committed_list_cost, row.list_cost)?;
        }
        if let (Some(inside), Some(cost)) = (table.period[at].intersect(demand_window), effective) {
            let cost = part_of(cost, inside, table.period[at])?;
            sums.effective_cost_of_demand = plus(sums.effective_cost_of_demand, Some(cost))?;
        }
        sums.list_cost = plus(sums.list_cost, row.list_cost)?;
        sums.contracted_cost = plus(sums.contracted_cost, row.contracted_cost)?;
        let gpu_hours = table.gpu_hours_of(at);
        sums.gpu_hours = add(sums.gpu_hours, gpu_hours, |a, b| a + b);
        sums.requests = add(sums.requests, row.requests, u64::saturating_add);
        sums.prompt_tokens = add(sums.prompt_tokens, row.prompt_tokens, u64::saturating_add);
        sums.completion_tokens =
            add(sums.completion_tokens, row.completion_tokens, u64::saturating_add);
        sums.vram_used_mib_max = add(sums.vram_used_mib_max, row.vram_used_mib, f64::max);
        let kv = row.kv_cache_usage.and_then(|it| Fraction::try_from(it).ok());
        sums.kv_cache_usage_max =
            add(sums.kv_cache_usage_max, kv, |a, b| if b > a { b } else { a });
        let memory = row.memory_fraction.and_then(|it| Fraction::try_from(it).ok());
        sums.memory_fraction_max =
            add(sums.memory_fraction_max, memory, |a, b| if b > a { b } else { a });
        if let Some(util) = row.gpu_util {
            let weight = gpu_hours.unwrap_or_else(|| table.hours(at));
            busy_hours += util * weight;
            util_hours += weight;
        }
    }
    if util_hours > 0.0 {
        sums.gpu_util = Fraction::try_from((busy_hours / util_hours).clamp(0.0, 1.0)).ok();
    }
    Ok(sums)
}

/// The effective cost of a row; where it has none the billed one stands in, but not for what a
/// commitment covers: that was paid with the commitment, and its billed 0 is no price.
pub(super) fn effective_of(row: &UsageRow<'_>) -> Option<Money> {
    let covered = row.pricing_category == PricingCategory::Committed;
    row.effective_cost.or_else(|| row.billed_cost.filter(|it| !(covered && it.is_zero())))
}

/// The part of a cost that falls into a part of its period: of 24.00 for a day 2.00 for two hours.
fn part_of(cost: Money, inside: Period, of: Period) -> Result<Money, MoneyError> {
    if inside == of {
        return Ok(cost);
    }
    let us = |it: Period| u64::try_from(it.len_us()).unwrap_or(0);
    cost.scale(us(inside), us(of))
}

pub(super) fn add<T>(sum: Option<T>, value: Option<T>, with: impl Fn(T, T) -> T) -> Option<T> {
    match (sum, value) {
        (Some(sum), Some(value)) => Some(with(sum, value)),
        (sum, value) => sum.or(value),
    }
}
