//! Rows of a usage table: each kept whole or refused with its reason.

use std::collections::BTreeMap;

use chrono_tz::Tz;

use super::cell::{self, Cell};
use super::raw::RawTable;
use super::rejected::{Rejected, RejectedKind, excerpt};
use super::{CostTotals, IngestError};
use crate::units::{Currency, Money, MoneyError, Period, Timestamp};
use crate::usage::PricingCategory;
use crate::usage::schema::{self, CellKind};
use crate::usage::{UsageRow, UsageTable};

/// Longest period a row may cover: 400 days, so that a yearly bill passes and a typo does not.
const MAX_PERIOD_US: i64 = 400 * 86_400 * 1_000_000;

/// Collects the rows of all usage tables of a run.
#[derive(Default)]
pub(super) struct UsageBuilder {
    table: Option<UsageTable>,
    /// File and row of each row of the table.
    origin: Vec<(usize, u64)>,
    files: Vec<String>,
    rejected: Vec<Rejected>,
    file_totals: CostTotals,
    rejected_totals: CostTotals,
    amounts_from_floats: u64,
    rows_without_effective: u64,
}

/// What came of it.
pub(super) struct UsageRows {
    pub(super) table: UsageTable,
    pub(super) rejected: Vec<Rejected>,
    /// Sums over every readable amount in the files, whatever became of its row.
    pub(super) file_totals: CostTotals,
    /// Sums over the readable amounts of refused rows.
    pub(super) rejected_totals: CostTotals,
    pub(super) amounts_from_floats: u64,
    pub(super) notices: Vec<String>,
}

/// Where each column of the schema is in a file.
struct Mapping {
    at: BTreeMap<&'static str, (usize, String)>,
    percent: BTreeMap<&'static str, bool>,
}

/// A row's fault: the column and the reason.
type Fault = (Option<String>, String);

/// The four amounts of a row and how many of them were floats.
struct Amounts {
    currency: Currency,
    billed: Option<Money>,
    effective: Option<Money>,
    list: Option<Money>,
    contracted: Option<Money>,
    n_floats: u64,
    fault: Option<Fault>,
}

impl UsageBuilder {
    /// Rows refused so far.
    pub(super) fn n_rejected(&self) -> u64 {
        self.rejected.len() as u64
    }

    /// Adds the rows of a file; returns the headers that were used.
    pub(super) fn add(
        &mut self,
        raw: &RawTable,
        file: &str,
        zone: Tz,
    ) -> Result<Vec<String>, IngestError> {
        let mapping = Mapping::of(raw, file)?;
        self.files.push(file.to_owned());
        let periods = periods(raw, &mapping, zone);
        for (row, period) in periods.into_iter().enumerate() {
            let number = raw.row_number(row);
            let currency = self.currency(raw, &mapping, row, file)?;
            let amounts = match currency {
                Ok(currency) => Amounts::of(raw, &mapping, row, currency),
                Err(fault) => {
                    self.reject(file, number, fault);
                    continue;
                }
            };
            self.file_totals.add(&amounts.row())?;
            self.amounts_from_floats += amounts.n_floats;
            let kept = match (period, &amounts.fault) {
                (Err(fault), _) => Err(fault),
                (Ok(_), Some(fault)) => Err(fault.clone()),
                (Ok(period), None) => self.keep(raw, &mapping, row, period, &amounts),
            };
            if let Err(fault) = kept {
                self.rejected_totals.add(&amounts.row())?;
                self.reject(file, number, fault);
            }
        }
        Ok(mapping.at.into_values().map(|(_, header)| header).collect())
    }

    /// The table without its duplicates, and the account of it.
    pub(super) fn finish(mut self) -> Result<UsageRows, MoneyError> {
        let table = self.table.take().unwrap_or_else(|| UsageTable::new(Currency::USD));
        let (duplicates, n_summed) = duplicates(&table);
        let mut kept = UsageTable::new(table.currency);
        for at in 0..table.len() {
            let Some(row) = table.row(at) else { continue };
            if !duplicates.contains(&at) {
                kept.push(&row);
                continue;
            }
            let (file, number) = self.origin[at];
            self.rejected_totals.add(&row)?;
            self.rejected.push(Rejected {
                file: self.files[file].clone(),
                row: number,
                column: None,
                reason: "an identical row came before".to_owned(),
                kind: RejectedKind::Duplicate,
            });
        }
        let mut notices = Vec::new();
        if n_summed > 0 {
            notices.push(format!(
                "{n_summed} rows share workload, start, provider and GPU with another row but differ from it: \
                 both are kept and summed"
            ));
        }
        if self.rows_without_effective > 0 {
            notices.push(format!(
                "{} rows have a billed cost but no effective cost: the billed cost stands in for it",
                self.rows_without_effective
            ));
        }
        Ok(UsageRows {
            table: kept,
            rejected: self.rejected,
            file_totals: self.file_totals,
            rejected_totals: self.rejected_totals,
            amounts_from_floats: self.amounts_from_floats,
            notices,
        })
    }

    fn reject(&mut self, file: &str, row: u64, (column, reason): Fault) {
        let file = file.to_owned();
        self.rejected.push(Rejected { file, row, column, reason, kind: RejectedKind::Faulty });
    }

    /// The currency of a row: its own, which must be that of all, else the one in force.
    fn currency(
        &mut self,
        raw: &RawTable,
        mapping: &Mapping,
        row: usize,
        file: &str,
    ) -> Result<Result<Currency, Fault>, IngestError> {
        let in_force = self.table.as_ref().map(|it| it.currency);
        let found = match mapping.read(raw, "billing_currency", row, cell::text) {
            Ok(None) => return Ok(Ok(in_force.unwrap_or(Currency::USD))),
            Ok(Some(text)) => Currency::parse(&text).map_err(|_| {
                mapping.fault(
                    "billing_currency",
                    format!("`{}` is not a three-letter currency code", excerpt(&text)),
                )
            }),
            Err(fault) => Err(fault),
        };
        let found = match found {
            Ok(found) => found,
            Err(fault) => return Ok(Err(fault)),
        };
        match in_force {
            Some(expected)
                if expected != found && !self.table.as_ref().is_none_or(UsageTable::is_empty) =>
            {
                Err(IngestError::MixedCurrencies {
                    file: file.to_owned(),
                    row: raw.row_number(row),
                    found,
                    expected,
                })
            }
            _ => Ok(Ok(found)),
        }
    }

    fn keep(
        &mut self,
        raw: &RawTable,
        mapping: &Mapping,
        row: usize,
        period: Period,
        amounts: &Amounts,
    ) -> Result<(), Fault> {
        let quantity = |name| mapping.read(raw, name, row, cell::quantity);
        let count = |name| mapping.read(raw, name, row, cell::count);
        let share = |name: &'static str| {
            let percent = mapping.percent.get(name).copied().unwrap_or(false);
            mapping.read(raw, name, row, |cell| cell::share(cell, percent))
        };
        let texts = mapping.texts(raw, row)?;
        let [
            workload,
            provider,
            region,
            sub_account,
            owner,
            environment,
            gpu,
            model,
            dtype,
            quantization,
        ] = texts.each_ref().map(Option::as_deref);
        let new = UsageRow {
            period: Some(period),
            workload,
            provider,
            region,
            sub_account,
            owner,
            environment,
            gpu,
            model,
            dtype,
            quantization,
            gpu_count: quantity("gpu_count")?,
            gpu_hours: quantity("gpu_hours")?,
            pricing_category: mapping.category(raw, row)?,
            billed_cost: amounts.billed,
            effective_cost: amounts.effective,
            list_cost: amounts.list,
            contracted_cost: amounts.contracted,
            requests: count("requests")?,
            prompt_tokens: count("prompt_tokens")?,
            completion_tokens: count("completion_tokens")?,
            interarrival_cv: quantity("interarrival_cv")?,
            gpu_util: share("gpu_util")?,
            memory_fraction: share("memory_fraction")?,
            kv_cache_usage: share("kv_cache_usage")?,
            vram_used_mib: quantity("vram_used_mib")?,
            tensor_parallel_size: mapping.parallel(raw, row)?,
            max_model_len: count("max_model_len")?,
        };
        if amounts.billed.is_some() && amounts.effective.is_none() {
            self.rows_without_effective += 1;
        }
        let table = self.table.get_or_insert_with(|| UsageTable::new(amounts.currency));
        table.push(&new);
        self.origin.push((self.files.len() - 1, raw.row_number(row)));
        Ok(())
    }
}

impl Mapping {
    fn of(raw: &RawTable, file: &str) -> Result<Mapping, IngestError> {
        let mut at: BTreeMap<&'static str, (usize, String)> = BTreeMap::new();
        let mut percent = BTreeMap::new();
        for (index, header) in raw.headers.iter().enumerate() {
            let Some(spec) = schema::find(header) else { continue };
            raw.check_type(index, file)?;
            if let Some((_, first)) = at.get(spec.name) {
                return Err(IngestError::DoubleColumn {
                    file: file.to_owned(),
                    column: spec.name,
                    first: first.clone(),
                    second: header.clone(),
                });
            }
            if spec.kind == CellKind::Share {
                percent.insert(spec.name, schema::is_percent(header));
            }
            at.insert(spec.name, (index, header.clone()));
        }
        let cost = raw.headers.iter().position(|it| schema::normalized(it) == schema::COST);
        let mut costs = raw.headers.iter().filter(|it| schema::normalized(it) == schema::COST);
        if let (Some(first), Some(second)) = (costs.next(), costs.next()) {
            return Err(IngestError::DoubleColumn {
                file: file.to_owned(),
                column: schema::COST,
                first: first.clone(),
                second: second.clone(),
            });
        }
        if let Some(index) = cost {
            raw.check_type(index, file)?;
            for name in ["billed_cost", "effective_cost"] {
                at.entry(name).or_insert_with(|| (index, raw.headers[index].clone()));
            }
        }
        Ok(Mapping { at, percent })
    }

    fn read<T>(
        &self,
        raw: &RawTable,
        name: &'static str,
        row: usize,
        parse: impl Fn(Cell<'_>) -> Result<Option<T>, String>,
    ) -> Result<Option<T>, Fault> {
        match self.at.get(name) {
            None => Ok(None),
            Some((column, header)) => {
                parse(raw.cell(*column, row)).map_err(|reason| (Some(header.clone()), reason))
            }
        }
    }

    /// The texts of a row, in the order in which [`UsageBuilder::keep`] takes them.
    fn texts(&self, raw: &RawTable, row: usize) -> Result<[Option<String>; 10], Fault> {
        let text = |name| self.read(raw, name, row, cell::text);
        Ok([
            text("workload")?,
            text("provider")?,
            text("region")?,
            text("sub_account")?,
            text("owner")?,
            text("environment")?,
            text("gpu")?,
            text("model")?,
            text("dtype")?,
            text("quantization")?,
        ])
    }

    fn category(&self, raw: &RawTable, row: usize) -> Result<PricingCategory, Fault> {
        const KNOWN: &str = "Standard, Committed, Dynamic, Serverless, Other";
        let name = "pricing_category";
        match self.read(raw, name, row, cell::text)? {
            None => Ok(PricingCategory::default()),
            Some(word) => PricingCategory::parse(&word).ok_or_else(|| {
                self.fault(name, format!("`{}` is none of {KNOWN}", excerpt(&word)))
            }),
        }
    }

    fn parallel(&self, raw: &RawTable, row: usize) -> Result<Option<u32>, Fault> {
        let name = "tensor_parallel_size";
        match self.read(raw, name, row, cell::count)? {
            None => Ok(None),
            Some(it) => u32::try_from(it)
                .map(Some)
                .map_err(|_| self.fault(name, format!("`{it}` is too large"))),
        }
    }

    fn fault(&self, name: &'static str, reason: String) -> Fault {
        (Some(self.at.get(name).map_or(name.to_owned(), |(_, header)| header.clone())), reason)
    }
}

impl Amounts {
    fn of(raw: &RawTable, mapping: &Mapping, row: usize, currency: Currency) -> Amounts {
        let (mut n_floats, mut fault) = (0, None);
        let mut read =
            |name| match mapping.read(raw, name, row, |cell| cell::amount(cell, currency)) {
                Ok(found) => found.map(|(money, from_float)| {
                    n_floats += u64::from(from_float);
                    money
                }),
                Err(found) => {
                    fault.get_or_insert(found);
                    None
                }
            };
        let (billed, effective) = (read("billed_cost"), read("effective_cost"));
        let (list, contracted) = (read("list_cost"), read("contracted_cost"));
        Amounts { currency, billed, effective, list, contracted, n_floats, fault }
    }

    fn row(&self) -> UsageRow<'static> {
        UsageRow {
            billed_cost: self.billed,
            effective_cost: self.effective,
            list_cost: self.list,
            contracted_cost: self.contracted,
            ..UsageRow::default()
        }
    }
}

/// The period of every row. Where the end is missing it is the start plus the usual spacing of
/// that workload's starts.
fn periods(raw: &RawTable, mapping: &Mapping, zone: Tz) -> Vec<Result<Period, Fault>> {
    let starts: Vec<Result<Timestamp, Fault>> = (0..raw.len())
        .map(|row| {
            mapping.read(raw, schema::PERIOD_START, row, |cell| cell::time(cell, zone))?.ok_or_else(
                || mapping.fault(schema::PERIOD_START, "the start is missing".to_owned()),
            )
        })
        .collect();
    let ends: Vec<Result<Option<Timestamp>, Fault>> = (0..raw.len())
        .map(|row| mapping.read(raw, schema::PERIOD_END, row, |cell| cell::time(cell, zone)))
        .collect();
    let name = |row| mapping.read(raw, schema::WORKLOAD, row, cell::text).ok().flatten();
    let spacing = if ends.iter().any(|it| matches!(it, Ok(None))) {
        let mut by_workload: BTreeMap<Option<String>, Vec<i64>> = BTreeMap::new();
        for (row, start) in starts.iter().enumerate() {
            if let Ok(start) = start {
                by_workload.entry(name(row)).or_default().push(start.us());
            }
        }
        by_workload.into_iter().map(|(name, starts)| (name, modal_spacing(starts))).collect()
    } else {
        BTreeMap::new()
    };
    starts
        .into_iter()
        .zip(ends)
        .enumerate()
        .map(|(row, (start, end))| {
            let start = start?;
            let spaced = || {
                let us = spacing.get(&name(row)).copied().flatten()?;
                Some(start.plus_us(us))
            };
            let end = end?.or_else(spaced).ok_or_else(|| {
                let reason = "the end is missing, and one start gives no spacing to infer it from";
                mapping.fault(schema::PERIOD_END, reason.to_owned())
            })?;
            let period = Period::new(start, end).ok_or_else(|| {
                mapping.fault(
                    schema::PERIOD_END,
                    format!("the period ends at {end}, not after its start"),
                )
            })?;
            if period.len_us() > MAX_PERIOD_US {
                return Err(mapping
                    .fault(schema::PERIOD_END, "the period is longer than 400 days".to_owned()));
            }
            Ok(period)
        })
        .collect()
}

/// The most frequent distance between neighbouring starts, the shortest of equals.
fn modal_spacing(mut starts: Vec<i64>) -> Option<i64> {
    starts.sort_unstable();
    starts.dedup();
    let mut counts: BTreeMap<i64, u64> = BTreeMap::new();
    for pair in starts.windows(2) {
        *counts.entry(pair[1] - pair[0]).or_default() += 1;
    }
    let most = counts.values().copied().max()?;
    counts.into_iter().find(|(_, n)| *n == most).map(|(spacing, _)| spacing)
}

/// Rows identical to an earlier one, and how many others share an earlier row's key.
fn duplicates(table: &UsageTable) -> (std::collections::BTreeSet<usize>, u64) {
    let key = |at: usize| {
        (
            table.start(at),
            table.workload.code(at),
            table.provider.code(at),
            table.region.code(at),
            table.sub_account.code(at),
            table.gpu.code(at),
            table.pricing_category[at],
            table.model.code(at),
        )
    };
    // What only measures counts nothing twice: seven idle GPUs of a machine are seven equal rows.
    let counts = |at: &usize| {
        let costs = [&table.billed_cost, &table.effective_cost, &table.list_cost];
        let counts = [&table.requests, &table.prompt_tokens, &table.completion_tokens];
        costs.iter().any(|it| it[*at].is_some())
            || counts.iter().any(|it| it[*at].is_some())
            || table.gpu_hours_of(*at).is_some()
    };
    let mut order: Vec<usize> = (0..table.len()).filter(counts).collect();
    order.sort_by_key(|at| (key(*at), *at));
    let (mut found, mut n_summed) = (std::collections::BTreeSet::new(), 0);
    for group in order.chunk_by(|a, b| key(*a) == key(*b)) {
        let mut distinct: Vec<usize> = Vec::new();
        for at in group {
            if distinct.iter().any(|first| table.same_row(*first, *at)) {
                found.insert(*at);
            } else {
                distinct.push(*at);
            }
        }
        n_summed += distinct.len() as u64 - 1;
    }
    (found, n_summed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spacing_is_the_most_frequent_one() {
        assert_eq!(modal_spacing(vec![0, 60, 120, 300, 360]), Some(60));
        assert_eq!(modal_spacing(vec![0, 60, 180]), Some(60));
        assert_eq!(modal_spacing(vec![5, 5]), None);
        assert_eq!(modal_spacing(vec![]), None);
    }
}
