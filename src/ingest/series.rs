//! What the rows of one workload say over time: requests, GPUs, costs, activity.

use std::collections::BTreeMap;

use super::assemble::{add, effective_at};
use crate::units::MoneyError;
use crate::usage::UsageTable;
use crate::workload::{ActivityBin, CostBin, CountBin, CountSeries, Demand, LevelBin, LevelSeries};

/// Requests where any were counted, else GPUs where any were billed, else nothing.
pub(super) fn demand(table: &UsageTable, rows: &[u32]) -> Demand {
    if places(rows).any(|at| table.requests.has(at)) {
        let width_us = usual_width(table, rows);
        return Demand::Counts(CountSeries { bins: count_bins(table, rows), width_us });
    }
    billed_level(table, rows).map_or(Demand::Unknown, Demand::Level)
}

/// GPUs per period; in a bill a period without a row is a period without GPUs.
pub(super) fn billed_level(table: &UsageTable, rows: &[u32]) -> Option<LevelSeries> {
    let bins = level_bins(table, rows);
    let billed = places(rows).any(|at| table.has_cost(at));
    let width_us = usual_width(table, rows);
    (!bins.is_empty()).then_some(LevelSeries { bins, width_us, absent_is_zero: billed })
}

/// The rows as places in the columns.
pub(super) fn places(rows: &[u32]) -> impl DoubleEndedIterator<Item = usize> {
    rows.iter().map(|it| *it as usize)
}

/// The most frequent length of a period, the shortest of equals.
fn usual_width(table: &UsageTable, rows: &[u32]) -> i64 {
    let mut counts: BTreeMap<i64, u64> = BTreeMap::new();
    let length = |at: &u32| table.period[*at as usize].len_us();
    for same in rows.chunk_by(|a, b| length(a) == length(b)) {
        *counts.entry(length(&same[0])).or_default() += same.len() as u64;
    }
    let most = counts.values().copied().max().unwrap_or(0);
    counts.into_iter().find(|(_, n)| *n == most).map_or(3_600_000_000, |(width, _)| width)
}

/// The rows of each key in the order of keys, those of one key in their own order. Rows come in time
/// order, so that mostly nothing is left to sort.
fn by_key<K: Ord>(rows: &[u32], key: impl Fn(usize) -> K) -> Vec<u32> {
    let key = |at: &u32| key(*at as usize);
    let mut rows = rows.to_vec();
    if !rows.is_sorted_by_key(key) {
        rows.sort_by_key(key);
    }
    rows
}

/// Rows of one period summed; rows without a count add nothing.
fn count_bins(table: &UsageTable, rows: &[u32]) -> Vec<CountBin> {
    let mut bins: Vec<CountBin> = Vec::with_capacity(rows.len());
    for at in places(&by_key(rows, |at| table.period[at])) {
        let (Some(requests), period) = (table.requests.get(at), table.period[at]) else { continue };
        let new = CountBin {
            period,
            requests: 0,
            prompt_tokens: None,
            completion_tokens: None,
            interarrival_cv: None,
        };
        let bin = bin_of(&mut bins, |it| it.period == period, new);
        let before = bin.requests as f64;
        bin.requests = bin.requests.saturating_add(requests);
        bin.prompt_tokens =
            add(bin.prompt_tokens, table.prompt_tokens.get(at), u64::saturating_add);
        bin.completion_tokens =
            add(bin.completion_tokens, table.completion_tokens.get(at), u64::saturating_add);
        let weighted = |a: f64, b: f64| {
            let total = before + requests as f64;
            if total > 0.0 { (a * before + b * requests as f64) / total } else { a }
        };
        bin.interarrival_cv = add(bin.interarrival_cv, table.interarrival_cv.get(at), weighted);
    }
    bins.shrink_to_fit();
    bins
}

/// The last bin, if it is the right one, else a new one behind it.
fn bin_of<B>(bins: &mut Vec<B>, is_right: impl Fn(&B) -> bool, new: B) -> &mut B {
    if !bins.last().is_some_and(is_right) {
        bins.push(new);
    }
    let last = bins.len() - 1;
    &mut bins[last]
}

/// GPUs in use per period: GPU-hours over hours, rows of one period summed.
pub(super) fn level_bins(table: &UsageTable, rows: &[u32]) -> Vec<LevelBin> {
    let mut bins: Vec<LevelBin> = Vec::with_capacity(rows.len());
    for at in places(&by_key(rows, |at| table.period[at])) {
        if let Some(gpu_hours) = table.gpu_hours_of(at) {
            let period = table.period[at];
            let new = LevelBin { period, gpus: 0.0 };
            bin_of(&mut bins, |it| it.period == period, new).gpus += gpu_hours / period.hours();
        }
    }
    bins.shrink_to_fit();
    bins
}

/// What was paid per period and way of buying, rows of both summed; a row without a cost adds none.
pub(super) fn costs(table: &UsageTable, rows: &[u32]) -> Result<Vec<CostBin>, MoneyError> {
    let key = |at: usize| (table.period[at], table.pricing_category[at]);
    let mut bins: Vec<CostBin> = Vec::with_capacity(rows.len());
    for at in places(&by_key(rows, key)) {
        let Some(cost) = effective_at(table, at) else { continue };
        let (period, category) = key(at);
        let gpu_hours = table.gpu_hours_of(at);
        match bins.last_mut().filter(|it| (it.period, it.category) == (period, category)) {
            Some(bin) => {
                bin.cost = bin.cost.checked_add(cost)?;
                bin.gpu_hours = add(bin.gpu_hours, gpu_hours, |a, b| a + b);
            }
            None => bins.push(CostBin { period, category, cost, gpu_hours }),
        }
    }
    bins.shrink_to_fit();
    Ok(bins)
}

/// GPUs measured and GPUs active per period. A row that counts no GPUs is of one device.
pub(super) fn activity(table: &UsageTable, rows: &[u32]) -> Vec<ActivityBin> {
    let mut bins: Vec<ActivityBin> = Vec::new();
    if !places(rows).any(|at| table.gpu_util.has(at)) {
        return bins;
    }
    for at in places(&by_key(rows, |at| table.period[at])) {
        let Some(share) = table.gpu_util.get(at) else { continue };
        let period = table.period[at];
        let gpus = table.gpu_hours_of(at).map_or(1.0, |it| it / period.hours());
        let new = ActivityBin { period, gpus: 0.0, active: 0.0 };
        let bin = bin_of(&mut bins, |it| it.period == period, new);
        bin.gpus += gpus;
        bin.active += gpus * share;
    }
    bins
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{Currency, Money, Period, Timestamp};
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
