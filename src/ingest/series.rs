//! What the rows of one workload say over time: requests, GPUs, costs, activity.

use std::collections::BTreeMap;

use super::assemble::{add, effective_of};
use crate::units::{MoneyError, Period, Timestamp};
use crate::usage::UsageTable;
use crate::workload::{ActivityBin, CostBin, CountBin, CountSeries, Demand, LevelBin, LevelSeries};

/// Requests where any were counted, else GPUs where any were billed, else nothing.
pub(super) fn demand(table: &UsageTable, rows: &[usize]) -> Demand {
    if rows.iter().any(|at| table.requests[*at].is_some()) {
        let width_us = usual_width(table, rows);
        return Demand::Counts(CountSeries { bins: count_bins(table, rows), width_us });
    }
    billed_level(table, rows).map_or(Demand::Unknown, Demand::Level)
}

/// GPUs per period; in a bill a period without a row is a period without GPUs.
pub(super) fn billed_level(table: &UsageTable, rows: &[usize]) -> Option<LevelSeries> {
    let bins = level_bins(table, rows);
    let billed = rows
        .iter()
        .any(|at| table.billed_cost[*at].is_some() || table.effective_cost[*at].is_some());
    let width_us = usual_width(table, rows);
    (!bins.is_empty()).then_some(LevelSeries { bins, width_us, absent_is_zero: billed })
}

/// The most frequent length of a period, the shortest of equals.
fn usual_width(table: &UsageTable, rows: &[usize]) -> i64 {
    let mut counts: BTreeMap<i64, u64> = BTreeMap::new();
    for at in rows {
        *counts.entry(table.period[*at].len_us()).or_default() += 1;
    }
    let most = counts.values().copied().max().unwrap_or(0);
    counts.into_iter().find(|(_, n)| *n == most).map_or(3_600_000_000, |(width, _)| width)
}

/// Rows of one period summed; rows without a count add nothing.
fn count_bins(table: &UsageTable, rows: &[usize]) -> Vec<CountBin> {
    let mut bins: BTreeMap<(Timestamp, Timestamp), CountBin> = BTreeMap::new();
    for at in rows.iter().copied() {
        let (Some(requests), period) = (table.requests[at], table.period[at]) else { continue };
        let bin = bins.entry((period.start(), period.end())).or_insert(CountBin {
            period,
            requests: 0,
            prompt_tokens: None,
            completion_tokens: None,
            interarrival_cv: None,
        });
        let before = bin.requests as f64;
        bin.requests = bin.requests.saturating_add(requests);
        bin.prompt_tokens = add(bin.prompt_tokens, table.prompt_tokens[at], u64::saturating_add);
        bin.completion_tokens =
            add(bin.completion_tokens, table.completion_tokens[at], u64::saturating_add);
        let weighted = |a: f64, b: f64| {
            let total = before + requests as f64;
            if total > 0.0 { (a * before + b * requests as f64) / total } else { a }
        };
        bin.interarrival_cv = add(bin.interarrival_cv, table.interarrival_cv[at], weighted);
    }
    bins.into_values().collect()
}

/// GPUs in use per period: GPU-hours over hours, rows of one period summed.
pub(super) fn level_bins(table: &UsageTable, rows: &[usize]) -> Vec<LevelBin> {
    let mut bins: BTreeMap<(Timestamp, Timestamp), f64> = BTreeMap::new();
    for at in rows.iter().copied() {
        if let Some(gpu_hours) = table.gpu_hours_of(at) {
            let period = table.period[at];
            *bins.entry((period.start(), period.end())).or_default() += gpu_hours / period.hours();
        }
    }
    bins.into_iter()
        .filter_map(|((start, end), gpus)| {
            Some(LevelBin { period: Period::new(start, end)?, gpus })
        })
        .collect()
}

/// What was paid per period and way of buying, rows of both summed; a row without a cost adds none.
pub(super) fn costs(table: &UsageTable, rows: &[usize]) -> Result<Vec<CostBin>, MoneyError> {
    let mut bins: BTreeMap<_, CostBin> = BTreeMap::new();
    for at in rows.iter().copied() {
        let Some(row) = table.row(at) else { continue };
        let Some(cost) = effective_of(&row) else { continue };
        let (period, category) = (table.period[at], row.pricing_category);
        let gpu_hours = table.gpu_hours_of(at);
        match bins.entry((period.start(), period.end(), category)) {
            std::collections::btree_map::Entry::Vacant(free) => {
                free.insert(CostBin { period, category, cost, gpu_hours });
            }
            std::collections::btree_map::Entry::Occupied(mut taken) => {
                let bin = taken.get_mut();
                bin.cost = bin.cost.checked_add(cost)?;
                bin.gpu_hours = add(bin.gpu_hours, gpu_hours, |a, b| a + b);
            }
        }
    }
    Ok(bins.into_values().collect())
}

/// GPUs measured and GPUs active per period. A row that counts no GPUs is of one device.
pub(super) fn activity(table: &UsageTable, rows: &[usize]) -> Vec<ActivityBin> {
    let mut bins: BTreeMap<(Timestamp, Timestamp), ActivityBin> = BTreeMap::new();
    for at in rows.iter().copied() {
        let Some(share) = table.gpu_util[at] else { continue };
        let period = table.period[at];
        let gpus = table.gpu_hours_of(at).map_or(1.0, |it| it / period.hours());
        let empty = ActivityBin { period, gpus: 0.0, active: 0.0 };
        let bin = bins.entry((period.start(), period.end())).or_insert(empty);
        bin.gpus += gpus;
        bin.active += gpus * share;
    }
    bins.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{Currency, Money};
    use crate::usage::{PricingCategory, UsageRow};

    #[test]
    fn rows_of_one_period_are_summed_by_way_of_buying() {
        let mut table = UsageTable::new(Currency::USD);
        let period = Period::new(Timestamp::from_s(0), Timestamp::from_s(3600));
        let money = |text| Money::parse(text, Currency::USD).ok();
        let mut push = |cost, category, gpus, gpu_util| {
            table.push(&UsageRow {
                period,
                workload: Some("chat"),
                pricing_category: category,
                effective_cost: cost,
                gpu_count: gpus,
                gpu_util,
                ..UsageRow::default()
            });
        };
        push(money("1.5"), PricingCategory::Standard, Some(1.0), Some(0.5));
        push(money("2"), PricingCategory::Standard, None, None);
        push(money("3"), PricingCategory::Committed, Some(3.0), Some(0.25));
        push(None, PricingCategory::Standard, None, Some(1.0));
        let found = costs(&table, &[0, 1, 2, 3]).unwrap();
        let sums: Vec<_> =
            found.iter().map(|it| (it.category, Some(it.cost), it.gpu_hours)).collect();
        let expected = [
            (PricingCategory::Standard, money("3.5"), Some(1.0)),
            (PricingCategory::Committed, money("3"), Some(3.0)),
        ];
        assert_eq!(sums, expected);
        let active = activity(&table, &[0, 1, 2, 3]);
        assert_eq!(active, [ActivityBin { period: period.unwrap(), gpus: 5.0, active: 2.25 }]);
    }
}
