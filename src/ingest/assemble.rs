//! From rows and request logs to one [`Workload`] per name.

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;

use super::reconcile::plus;
use super::series::{self, places};
use super::{Config, Ingested, RequestLog, WorkloadConfig};
use crate::catalog::Catalog;
use crate::units::{Fraction, Money, MoneyError, Period, RequestTokens};
use crate::usage::{Column, TextColumn, UsageTable};
use crate::workload::{Demand, Deployment, PricingCategory, UsageTotals, Workload};

/// Joins rows, logs and config by workload name; the result is in the order of names.
pub fn assemble(
    ingested: &Ingested,
    config: &Config,
    catalog: &Catalog,
) -> Result<Vec<Workload>, MoneyError> {
    let tables = (&ingested.usage, &ingested.before);
    assemble_each(tables, ingested, (config, catalog), &|it| Ok(it))
}

/// Makes something of each workload that some rows, or the logs, name, so that not all of them are in
/// memory at once; in the order of names. The tables are rows inside the window and before it.
pub fn assemble_each<T: Send>(
    (usage, before): (&UsageTable, &UsageTable),
    ingested: &Ingested,
    (config, catalog): (&Config, &Catalog),
    make: &(dyn Fn(Workload) -> Result<T, MoneyError> + Sync),
) -> Result<Vec<T>, MoneyError> {
    let rows = rows_by_workload(usage);
    let rows_before = rows_by_workload(before);
    let logs: BTreeMap<&str, &RequestLog> =
        ingested.requests.iter().map(|it| (it.workload.as_str(), it)).collect();
    let mut names: Vec<&str> = rows.keys().chain(logs.keys()).copied().collect();
    names.sort_unstable();
    names.dedup();
    let nothing = WorkloadConfig::default();
    names
        .into_par_iter()
        .map(|name| {
            let found = ingested.facts.get(name);
            let declared = match (config.workloads.get(name), found) {
                (Some(declared), Some(found)) => declared.or(found),
                (Some(one), None) | (None, Some(one)) => one.clone(),
                (None, None) => nothing.clone(),
            };
            let of = |rows: &BTreeMap<&str, Vec<u32>>| rows.get(name).cloned().unwrap_or_default();
            let own = (
                Rows { table: usage, at: of(&rows) },
                Rows { table: before, at: of(&rows_before) },
            );
            let log = logs.get(name).copied();
            make(workload(name, ingested, own, log, (&declared, catalog))?)
        })
        .collect()
}

/// Rows of one workload.
struct Rows<'a> {
    table: &'a UsageTable,
    at: Vec<u32>,
}

/// The rows of each workload, in time order.
fn rows_by_workload(table: &UsageTable) -> BTreeMap<&str, Vec<u32>> {
    let rows = table.by_workload().into_iter();
    rows.filter_map(|(name, rows)| Some((name?, rows))).collect()
}

/// The rows of one workload, and what each cost: the weight of what it says.
struct Own<'a> {
    table: &'a UsageTable,
    rows: &'a [u32],
    costs: Vec<i128>,
}

impl<'a> Own<'a> {
    fn of(table: &'a UsageTable, rows: &'a [u32]) -> Own<'a> {
        let cost = |at| table.effective_cost.get(at).or_else(|| table.billed_cost.get(at));
        let costs = places(rows).map(|at| cost(at).unwrap_or(0)).collect();
        Own { table, rows, costs }
    }

    /// The code behind most of the cost (most rows where nothing was billed, the first of equal names),
    /// and whether there was another.
    fn dearest<N: Ord>(
        &self,
        code: impl Fn(usize) -> u32,
        name: impl Fn(u32) -> Option<N>,
    ) -> (Option<N>, bool) {
        let mut weights: BTreeMap<u32, (i128, u64)> = BTreeMap::new();
        let costs = places(self.rows).zip(&self.costs);
        let rows: Vec<(u32, i128)> = costs.map(|(at, cost)| (code(at), *cost)).collect();
        for same in rows.chunk_by(|a, b| a.0 == b.0) {
            let weight = weights.entry(same[0].0).or_default();
            weight.0 = same.iter().fold(weight.0, |sum, it| sum.saturating_add(it.1));
            weight.1 += same.len() as u64;
        }
        let named = weights.into_iter().filter_map(|(code, weight)| Some((name(code)?, weight)));
        let mut named: Vec<(N, (i128, u64))> = named.collect();
        named.sort_by(|a, b| b.0.cmp(&a.0));
        let many = named.len() > 1;
        (named.into_iter().max_by_key(|it| it.1).map(|it| it.0), many)
    }

    fn dearest_text(&self, column: &TextColumn) -> (Option<String>, bool) {
        let (found, many) = self.dearest(|at| column.code(at), |code| column.text_of(code));
        (found.map(str::to_owned), many)
    }

    fn dearest_category(&self) -> (PricingCategory, bool) {
        let column = &self.table.pricing_category;
        let all: Vec<PricingCategory> = column.values().collect();
        let word = |code: u32| all.get(code as usize).map(|it| it.as_str());
        let (found, many) = self.dearest(|at| column.code(at), word);
        (found.and_then(PricingCategory::parse).unwrap_or_default(), many)
    }
}

fn workload(
    name: &str,
    ingested: &Ingested,
    (own, before): (Rows<'_>, Rows<'_>),
    log: Option<&RequestLog>,
    (declared, catalog): (&WorkloadConfig, &Catalog),
) -> Result<Workload, MoneyError> {
    let (table, rows) = (own.table, own.at.as_slice());
    let (demand, demand_window) = match log {
        Some(log) => {
            (Demand::Arrivals(Arc::clone(&log.trace)), log.span().unwrap_or(ingested.window))
        }
        None => (series::demand(table, rows), ingested.window),
    };
    let own = Own::of(table, rows);
    let main = |column: &TextColumn| own.dearest_text(column).0;
    let mut totals = totals(table, rows, demand_window)?;
    if let Some(log) = log {
        totals.requests = Some(log.trace.len() as u64);
        let tokens = &log.trace.tokens;
        if !tokens.is_empty() {
            let (prompt, completion) = RequestTokens::sum(tokens);
            (totals.prompt_tokens, totals.completion_tokens) = (Some(prompt), Some(completion));
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
        costs_before: series::costs(before.table, &before.at)?,
        activity: series::activity(table, rows),
        engine: ingested.engine.get(name).cloned().unwrap_or_default(),
        engine_latencies: ingested.engine_latencies.get(name).cloned().unwrap_or_default(),
        offered: log.map(RequestLog::offered),
        totals,
        deployment: deployment(&own, log, (declared, catalog)),
        overlapping_rows: overlapping(table, rows),
        settings: declared.settings.clone(),
    })
}

/// Rows that start before an earlier row of the same place and GPU has ended, without being the same
/// period.
fn overlapping(table: &UsageTable, rows: &[u32]) -> u64 {
    // Where no row begins before the one before it ends, none overlaps.
    let follows =
        |a: &u32, b: &u32| table.period[*a as usize].end() <= table.period[*b as usize].start();
    if rows.is_sorted_by(follows) {
        return 0;
    }
    let mut last: BTreeMap<_, Period> = BTreeMap::new();
    let mut n = 0;
    for at in places(rows) {
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
        n += u64::from(table.has_gpu_hours(at) && last.get(&key).is_some_and(overlaps));
        let end = last.entry(key).or_insert(period);
        if end.end() < period.end() {
            *end = period;
        }
    }
    n
}

fn deployment(
    own: &Own<'_>,
    log: Option<&RequestLog>,
    (declared, catalog): (&WorkloadConfig, &Catalog),
) -> Deployment {
    let (table, rows) = (own.table, own.rows);
    let (provider, many_providers) = own.dearest_text(&table.provider);
    let (gpu, many_gpus) = own.dearest_text(&table.gpu);
    let (pricing_category, many_categories) = own.dearest_category();
    let label = declared.gpu.clone().or(gpu);
    // Of a name that means several GPUs the slowest, so that no advice rests on luck.
    let known = label
        .as_deref()
        .and_then(|label| catalog.resolve_gpu(label).slowest())
        .map(|it| it.name.clone());
    let text = |given: &Option<String>, column: &TextColumn| {
        given.clone().or_else(|| own.dearest_text(column).0)
    };
    let most_gpus = series::level_bins(table, rows).into_iter().map(|it| it.gpus).reduce(f64::max);
    Deployment {
        provider: declared.provider.clone().or(provider),
        region: text(&declared.region, &table.region),
        gpu_label: label,
        gpu: known,
        gpu_count: declared.gpu_count.map(f64::from).or(most_gpus),
        pricing_category,
        model: text(&declared.model, &table.model)
            .or_else(|| log.and_then(|it| of_log(it, catalog))),
        dtype: text(&declared.dtype, &table.dtype),
        quantization: text(&declared.quantization, &table.quantization),
        tensor_parallel_size: declared
            .tensor_parallel_size
            .or_else(|| places(rows).rev().find_map(|at| table.tensor_parallel_size.get(at))),
        max_model_len: declared
            .max_model_len
            .or_else(|| places(rows).rev().find_map(|at| table.max_model_len.get(at))),
        mixed: many_providers || many_gpus || many_categories,
    }
}

/// The model of a log that names one only, where the catalog has it: a name of a route says nothing.
fn of_log(log: &RequestLog, catalog: &Catalog) -> Option<String> {
    let [one] = log.facts.models.as_slice() else { return None };
    catalog.model(one).map(|_| one.clone())
}

fn totals(
    table: &UsageTable,
    rows: &[u32],
    demand_window: Period,
) -> Result<UsageTotals, MoneyError> {
    let mut sums = UsageTotals { n_rows: rows.len() as u64, ..UsageTotals::default() };
    let (mut busy_hours, mut util_hours) = (0.0, 0.0);
    for at in places(rows) {
        add_costs(&mut sums, table, at, demand_window)?;
        let gpu_hours = table.gpu_hours_of(at);
        sums.gpu_hours = add(sums.gpu_hours, gpu_hours, |a, b| a + b);
        let add_count = |sum: &mut Option<u64>, column: &Column<u64>| {
            *sum = add(*sum, column.get(at), u64::saturating_add);
        };
        add_count(&mut sums.requests, &table.requests);
        add_count(&mut sums.prompt_tokens, &table.prompt_tokens);
        add_count(&mut sums.completion_tokens, &table.completion_tokens);
        sums.vram_used_mib_max = add(sums.vram_used_mib_max, table.vram_used_mib.get(at), f64::max);
        let largest = |most: &mut Option<Fraction>, column: &Column<f64>| {
            let share = column.get(at).and_then(|it| Fraction::try_from(it).ok());
            *most = add(*most, share, |a, b| if b > a { b } else { a });
        };
        largest(&mut sums.kv_cache_usage_max, &table.kv_cache_usage);
        largest(&mut sums.memory_fraction_max, &table.memory_fraction);
        if let Some(util) = table.gpu_util.get(at) {
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

fn add_costs(
    sums: &mut UsageTotals,
    table: &UsageTable,
    at: usize,
    demand_window: Period,
) -> Result<(), MoneyError> {
    let money =
        |column: &Column<i128>| column.get(at).map(|it| Money::from_atto(it, table.currency));
    let (billed, list) = (money(&table.billed_cost), money(&table.list_cost));
    sums.billed_cost = plus(sums.billed_cost, billed)?;
    let effective = effective_at(table, at);
    sums.effective_cost = plus(sums.effective_cost, effective)?;
    if table.pricing_category[at] == PricingCategory::Committed {
        sums.committed_cost = plus(sums.committed_cost, effective)?;
        sums.committed_billed_cost = plus(sums.committed_billed_cost, billed)?;
        sums.committed_list_cost = plus(sums.committed_list_cost, list)?;
    }
    let period = table.period[at];
    if let (Some(inside), Some(cost)) = (period.intersect(demand_window), effective) {
        let cost = part_of(cost, inside, period)?;
        sums.effective_cost_of_demand = plus(sums.effective_cost_of_demand, Some(cost))?;
    }
    sums.list_cost = plus(sums.list_cost, list)?;
    sums.contracted_cost = plus(sums.contracted_cost, money(&table.contracted_cost))?;
    Ok(())
}

/// The effective cost of a row; where it has none the billed one stands in, but not for what a
/// commitment covers: that was paid with the commitment, and its billed 0 is no price.
pub(super) fn effective_at(table: &UsageTable, at: usize) -> Option<Money> {
    let stands_in =
        |atto: &i128| *atto != 0 || table.pricing_category[at] != PricingCategory::Committed;
    let billed = || table.billed_cost.get(at).filter(stands_in);
    let atto = table.effective_cost.get(at).or_else(billed)?;
    Some(Money::from_atto(atto, table.currency))
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
