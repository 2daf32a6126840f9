//! Joins usage tables whose rows were put aside: as [`super::finish`] does for rows in memory, shelf by
//! shelf.

use std::sync::Arc;

use rayon::prelude::*;

use super::aside::{AsideRows, Shelf};
use super::assemble::{add, effective_at};
use super::coverage::{self, SourceKind, TableHours};
use super::finish::{self, Edges, Refused};
use super::fx::Rates;
use super::measured::{self, Measured};
use super::open::Gathered;
use super::reconcile::{self, CostTotals, TableTotals, plus};
use super::usage_rows::duplicates;
use super::{Config, IngestError, Ingested, ReadOptions, RequestCounts, window};
use crate::units::{Money, Period, Timestamp};
use crate::usage::UsageTable;

/// Rows of usage tables on the disk, all rows of a workload on one shelf.
#[derive(Debug)]
pub struct Shelved {
    rows: AsideRows,
    /// Rows of each shelf that repeat another.
    dropped: Vec<Vec<usize>>,
    rates: Rates,
    cut: Option<Period>,
    /// Every workload of the window, by name.
    pub workloads: Vec<ShelvedWorkload>,
    /// Where the bills of all workloads end; nothing where none has a cost.
    pub billed_until: Option<Timestamp>,
}

/// A workload whose rows were put aside.
#[derive(Clone, Debug, PartialEq)]
pub struct ShelvedWorkload {
    /// Its name.
    pub name: String,
    /// Effective cost in the window; nothing where no row has one.
    pub cost: Option<Money>,
    /// Requests in it.
    pub requests: Option<u64>,
}

impl Shelved {
    /// How many shelves there are.
    pub fn n_shelves(&self) -> usize {
        self.rows.n_shelves()
    }

    /// Takes in what the shelves hold inside the window, and gives the hours that they cover.
    fn take(&mut self, seconds: Vec<Second>) -> TableHours {
        let mut hours = TableHours::default();
        for it in seconds {
            hours.add(it.hours);
            self.workloads.extend(it.workloads);
            self.billed_until = self.billed_until.max(it.billed_until);
        }
        self.workloads.sort_by(|a, b| a.name.cmp(&b.name));
        hours
    }

    /// The rows of a shelf inside the window, and those before it.
    pub fn shelf(&self, at: usize) -> Result<(UsageTable, UsageTable), IngestError> {
        let Shelf { mut table, .. } = self.rows.shelf(at)?;
        table.leave_out(self.dropped.get(at).map_or(&[], Vec::as_slice));
        let table = measured::table_in_currency(table, &self.rates)?;
        Ok(window::split(table, self.cut))
    }
}

/// Whether nothing but usage tables was read, and facts about workloads: only then no other source adds
/// rows.
pub(super) fn is_enough(gathered: &Gathered) -> bool {
    gathered.files.iter().all(|it| matches!(it.kind, SourceKind::Usage | SourceKind::Configuration))
        && gathered.measured.is_empty()
}

/// What a shelf says before the window is known in full.
struct First {
    dropped: Vec<usize>,
    /// The places of these among all rows, and their amounts.
    refused: Vec<(u32, CostTotals)>,
    n_summed: u64,
    totals: TableTotals,
    edges: Edges,
    /// What it holds inside the window, where all of it is.
    second: Option<Second>,
}

impl First {
    fn of(
        mut shelf: Shelf,
        rates: &Rates,
        (window, cut): (Period, Option<Period>),
    ) -> Result<First, IngestError> {
        let (dropped, n_summed) = duplicates::find(&shelf.table);
        let refused = dropped.iter().filter_map(|at| {
            let row = shelf.table.row(*at)?;
            Some((*shelf.places.get(*at)?, CostTotals::of_row(&row)))
        });
        let refused = refused.collect();
        shelf.table.leave_out(&dropped);
        Ok(First {
            refused,
            n_summed,
            totals: TableTotals::of_rows(&shelf.table, rates, cut)?,
            edges: cut.map_or_else(Edges::default, |asked| Edges::of(&shelf.table, asked)),
            dropped,
            second: if cut.is_none() {
                let table = measured::table_in_currency(shelf.table, rates)?;
                Some(Second::of(&table, window)?)
            } else {
                None
            },
        })
    }
}

/// The same of all shelves.
#[derive(Default)]
struct Firsts {
    dropped: Vec<Vec<usize>>,
    refused: Vec<(u32, CostTotals)>,
    n_summed: u64,
    totals: Vec<TableTotals>,
    edges: Edges,
    seconds: Vec<Second>,
}

impl Firsts {
    fn of(shelves: Vec<First>) -> Firsts {
        let mut all = Firsts::default();
        for it in shelves {
            all.dropped.push(it.dropped);
            all.refused.extend(it.refused);
            all.n_summed += it.n_summed;
            all.totals.push(it.totals);
            all.edges = all.edges.with(&it.edges);
            all.seconds.extend(it.second);
        }
        all
    }
}

/// What a shelf holds inside the window.
struct Second {
    hours: TableHours,
    workloads: Vec<ShelvedWorkload>,
    billed_until: Option<Timestamp>,
    is_empty: bool,
}

impl Second {
    fn of(table: &UsageTable, window: Period) -> Result<Second, IngestError> {
        let mut workloads = Vec::new();
        let mut billed_until: Option<Timestamp> = None;
        for (name, rows) in table.by_workload() {
            let (mut sum, mut requests) = (None, None);
            for at in rows.iter().map(|it| *it as usize) {
                let cost = effective_at(table, at);
                sum = plus(sum, cost)?;
                requests = add(requests, table.requests.get(at), u64::saturating_add);
                if cost.is_some() && name.is_some() {
                    billed_until = billed_until.max(table.period.get(at).map(Period::end));
                }
            }
            let of = |it: &str| ShelvedWorkload { name: it.to_owned(), cost: sum, requests };
            workloads.extend(name.map(of));
        }
        let hours = TableHours::of(table, window);
        Ok(Second { hours, workloads, billed_until, is_empty: table.is_empty() })
    }
}

/// Removes duplicates, checks the limit, cuts the window.
pub(super) fn finish(
    gathered: Gathered,
    rows: AsideRows,
    config: &Config,
    options: &ReadOptions,
) -> Result<Ingested, IngestError> {
    let first_rows = gathered.first_rows();
    let Gathered { mut usage, logs, books, measured, view, mut files, mut notices, .. } = gathered;
    let (logs, closed) = (logs.finish(), books.close()?);
    let measured: Measured = measured.with_days(logs.days);
    let rates = finish::rates(Some(rows.currency), &closed, config, &first_rows)?;
    let span = rows.span().unwrap_or(Period::EPOCH_DAY);
    let (asked, cut) = finish::windows(span, false, options)?;
    let shelves = 0..rows.n_shelves();
    let first = |at: usize| First::of(rows.shelf(at)?, &rates, (asked, cut));
    let firsts: Vec<First> =
        shelves.clone().into_par_iter().map(first).collect::<Result<_, IngestError>>()?;
    let Firsts { dropped, mut refused, n_summed, totals, edges, mut seconds } = Firsts::of(firsts);
    refused.sort_by_key(|it| it.0);
    for (place, amounts) in refused {
        usage.reject_duplicate(&amounts, place as usize)?;
    }
    let usage = usage.closed(UsageTable::new(rows.currency), n_summed);
    finish::count_duplicates(&mut files, &usage.rejected);
    let rows_in = files.iter().map(|it| it.rows).sum();
    let refused = Refused::of((&usage, &closed), gathered.rejected.into_iter(), 0);
    let refused = refused.within((rows_in, &files), options)?;
    let mut tables = TableTotals::of_files(&usage);
    for it in totals {
        tables = tables.with(it)?;
    }
    notices.extend(usage.notices.iter().cloned());
    let window = if cut.is_some() { edges.whole_days(asked) } else { asked };
    notices.extend(edges.sentence());
    let mut shelved =
        Shelved { rows, dropped, rates, cut, workloads: Vec::new(), billed_until: None };
    let second = |at: usize| Second::of(&shelved.shelf(at)?.0, window);
    if cut.is_some() {
        seconds = shelves.into_par_iter().map(second).collect::<Result<_, IngestError>>()?;
    }
    if seconds.iter().all(|it| it.is_empty) {
        return Err(IngestError::EmptyWindow { window, data: span });
    }
    let hours = shelved.take(seconds);
    let counts = refused.counts(rows_in, tables.n_outside());
    let bills = reconcile::Bills { closed: &closed, rates: &shelved.rates, cut };
    let reconciliation = reconcile::reconcile(&counts, &tables, &bills)?;
    let coverage = coverage::coverage(hours, &[], &measured, window, options.zone);
    notices.extend(coverage.notices());
    let currency = shelved.rates.to;
    Ok(Ingested {
        usage: UsageTable::new(currency),
        before: UsageTable::new(currency),
        aside: Some(Arc::new(shelved)),
        requests: Vec::new(),
        engine: measured.engine(window),
        engine_latencies: measured.latencies(window),
        facts: measured::facts(&view),
        window,
        relative: false,
        dated: true,
        request_counts: RequestCounts::of(&logs.account),
        rejected: refused.rows,
        reconciliation,
        coverage,
        invoice: closed.invoice.said(gathered.estimated),
        files,
        rules: finish::rules_of(config),
        notices,
    })
}
