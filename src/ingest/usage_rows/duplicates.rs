//! Rows that are in the table already.

use rayon::prelude::*;

use crate::usage::UsageTable;

/// Rows identical to an earlier one, in their order, and how many others share an earlier row's key:
/// start, workload, provider, region, account, GPU, way of buying and model.
pub(in crate::ingest) fn find(table: &UsageTable) -> (Vec<usize>, u64) {
    if rises(table) {
        return (Vec::new(), 0);
    }
    let by_workload = table.by_workload();
    let found: Vec<(Vec<usize>, u64)> = by_workload
        .par_iter()
        .map(|(_, rows)| {
            let (mut found, mut n_summed) = (Vec::new(), 0);
            let start = |at: &u32| table.period[*at as usize].start();
            for at_once in rows.chunk_by(|a, b| start(a) == start(b)).filter(|it| it.len() > 1) {
                n_summed += among(table, at_once, &mut found);
            }
            (found, n_summed)
        })
        .collect();
    let n_summed = found.iter().map(|it| it.1).sum();
    let mut all: Vec<usize> = found.into_iter().flat_map(|it| it.0).collect();
    all.sort_unstable();
    (all, n_summed)
}

/// Whether no two rows have one workload and start, as the order of most files shows.
fn rises(table: &UsageTable) -> bool {
    let key = |at: usize| (table.period[at].start(), table.workload.code(at));
    let rows = || 1..table.len();
    rows().all(|at| key(at - 1) < key(at)) || {
        let key = |at: usize| (table.workload.code(at), table.period[at].start());
        rows().all(|at| key(at - 1) < key(at))
    }
}

/// Looks among rows of one workload and start.
fn among(table: &UsageTable, rows: &[u32], found: &mut Vec<usize>) -> u64 {
    let key = |at: &usize| {
        (
            table.provider.code(*at),
            table.region.code(*at),
            table.sub_account.code(*at),
            table.gpu.code(*at),
            table.pricing_category[*at],
            table.model.code(*at),
        )
    };
    // What only measures counts nothing twice: seven idle GPUs of a machine are seven equal rows.
    let counts = |at: &usize| {
        let costs = [&table.billed_cost, &table.effective_cost, &table.list_cost];
        let counts = [&table.requests, &table.prompt_tokens, &table.completion_tokens];
        costs.iter().any(|it| it.has(*at))
            || counts.iter().any(|it| it.has(*at))
            || table.has_gpu_hours(*at)
    };
    let mut order: Vec<usize> = rows.iter().map(|it| *it as usize).filter(counts).collect();
    order.sort_by_key(|at| (key(at), *at));
    let mut n_summed = 0;
    for group in order.chunk_by(|a, b| key(a) == key(b)) {
        let mut distinct: Vec<usize> = Vec::new();
        for at in group {
            if distinct.iter().any(|first| table.same_row(*first, *at)) {
                found.push(*at);
            } else {
                distinct.push(*at);
            }
        }
        n_summed += distinct.len() as u64 - 1;
    }
    n_summed
}
