//! Rows of a usage table: each kept whole or refused with its reason.
//!
//! Most tables hold what they should, so they are read column by column (`columns.rs`), the parts of
//! a Parquet file side by side (`parts.rs`). What is left, a row with a fault or a part with two
//! currencies, is read cell by cell here, which is the rule for both.

mod columns;
pub(super) mod duplicates;
mod parts;
mod spacing;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use chrono_tz::Tz;

use super::aside::{Aside, AsideFolder, AsideRows, Blocks};
use super::cell::{self, Cell};
use super::raw::RawTable;
use super::rejected::{Rejected, RejectedKind, excerpt};
use super::{CostTotals, IngestError};
use crate::units::{Currency, Money, MoneyError, Period};
use crate::usage::PricingCategory;
use crate::usage::schema::{self, CellKind};
use crate::usage::{UsageRow, UsageTable};
use columns::{Converted, Ends, Part};

/// Longest period a row may cover: 400 days, so that a yearly bill passes and a typo does not.
const MAX_PERIOD_US: i64 = 400 * 86_400 * 1_000_000;

/// Collects the rows of all usage tables of a run.
#[derive(Default)]
pub(super) struct UsageBuilder {
    table: Option<UsageTable>,
    /// Where rows go that are too many for memory; nowhere where they have to stay.
    folder: Option<AsideFolder>,
    /// Rows that come before those of the table.
    aside: Vec<Aside>,
    origin: Origins,
    files: Vec<String>,
    rejected: Vec<Rejected>,
    file_totals: CostTotals,
    rejected_totals: CostTotals,
    amounts_from_floats: u64,
    rows_without_effective: u64,
    /// The currency of the rows of other files.
    in_force: Option<Currency>,
}

/// File and row of each row of the table: runs of rows that follow each other in a file.
#[derive(Default)]
struct Origins {
    /// First row of the table, file, row of the file.
    runs: Vec<(usize, usize, u64)>,
    n: usize,
}

impl Origins {
    fn push(&mut self, file: usize, number: u64) {
        let follows = self.runs.last().is_some_and(|(first, of, from)| {
            *of == file && from + (self.n - first) as u64 == number
        });
        if !follows {
            self.runs.push((self.n, file, number));
        }
        self.n += 1;
    }

    fn append(&mut self, other: Origins, n_files: usize) {
        let runs = other.runs.into_iter();
        self.runs.extend(runs.map(|(at, file, number)| (at + self.n, file + n_files, number)));
        self.n += other.n;
    }

    fn get(&self, at: usize) -> (usize, u64) {
        let after = self.runs.partition_point(|it| it.0 <= at);
        let run = after.checked_sub(1).and_then(|it| self.runs.get(it));
        run.map_or((0, 0), |(first, file, number)| (*file, number + (at - first) as u64))
    }
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
        match columns::convert(raw, &mapping, (zone, Ends::Whole)) {
            Converted::Part(part) => self.absorb(*part, file)?,
            Converted::RowByRow | Converted::EndMissing => {
                self.add_rows(raw, &mapping, file, zone)?;
                self.put_many_aside()?;
            }
        }
        Ok(mapping.headers())
    }

    /// Adds rows cell by cell.
    fn add_rows(
        &mut self,
        raw: &RawTable,
        mapping: &Mapping,
        file: &str,
        zone: Tz,
    ) -> Result<(), IngestError> {
        let spacing = spacing(raw, mapping, zone);
        for row in 0..raw.len() {
            let spaced = || spacing.get(&name_of(raw, mapping, row)).copied().flatten();
            let period = period(raw, mapping, (row, zone), spaced);
            let number = raw.row_number(row);
            let currency = self.currency(raw, mapping, row, file)?;
            let amounts = match currency {
                Ok(currency) => Amounts::of(raw, mapping, row, currency),
                Err(fault) => {
                    self.reject(file, number, fault);
                    continue;
                }
            };
            self.file_totals.add(&amounts.row())?;
            self.amounts_from_floats += amounts.n_floats;
            let kept = amounts.with(period).and_then(|period| {
                let keep = &mut |new: &UsageRow<'_>| self.keep(new, number, amounts.currency);
                mapping.row(raw, row, (period, &amounts), keep)
            });
            if let Err(fault) = kept {
                self.rejected_totals.add(&amounts.row())?;
                self.reject(file, number, fault);
            }
        }
        Ok(())
    }

    /// Adds rows that were read column by column.
    fn absorb(&mut self, part: Part, file: &str) -> Result<(), IngestError> {
        let in_force = self.in_force();
        let currency = match (part.currency, in_force) {
            (Some(found), Some(expected)) if found != expected => {
                let (file, row) = (file.to_owned(), part.first_row);
                return Err(IngestError::MixedCurrencies { file, row, found, expected });
            }
            (found, expected) => found.or(expected).unwrap_or(Currency::USD),
        };
        let totals = |sums: [Option<i128>; 4]| {
            let [billed, effective, list, contracted] =
                sums.map(|it| it.map(|atto| Money::from_atto(atto, currency)));
            CostTotals { billed, effective, list, contracted }
        };
        self.file_totals.add_all(&totals(part.sums))?;
        self.amounts_from_floats += part.n_floats;
        self.rows_without_effective += part.without_effective;
        for refused in part.refused {
            self.rejected_totals.add_all(&totals(refused.amounts))?;
            self.reject(file, refused.row, refused.fault);
        }
        for number in part.kept {
            self.origin.push(self.files.len() - 1, number);
        }
        if let Some(blocks) = &part.blocks {
            // What came before goes before them.
            self.put_aside()?;
            if let Some(aside) = self.aside.last_mut() {
                return aside.put(blocks);
            }
        }
        if !part.table.is_empty() {
            let table = self.table.get_or_insert_with(|| UsageTable::new(currency));
            table.append(part.table);
        }
        self.put_many_aside()
    }

    /// Puts the rows in memory aside once they are many.
    fn put_many_aside(&mut self) -> Result<(), IngestError> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let most = if self.aside.is_empty() { folder.most_rows } else { folder.most_rows / 4 };
        let is_many = self.table.as_ref().is_some_and(|it| it.len() > most);
        if is_many { self.put_aside() } else { Ok(()) }
    }

    /// Puts the rows in memory aside.
    fn put_aside(&mut self) -> Result<(), IngestError> {
        let (Some(folder), Some(table)) = (&self.folder, &mut self.table) else { return Ok(()) };
        let rows = std::mem::replace(table, UsageTable::new(table.currency));
        if rows.is_empty() {
            return Ok(());
        }
        if self.aside.is_empty() {
            self.aside.push(Aside::new(&folder.folder, rows.currency)?);
        }
        self.aside.last_mut().map_or(Ok(()), |it| it.put(&Blocks::of(&rows)))
    }

    /// A builder that puts rows aside where they are many.
    pub(super) fn with_aside(folder: Option<AsideFolder>) -> UsageBuilder {
        UsageBuilder { folder, ..UsageBuilder::default() }
    }

    /// The rows that were put aside, all of them where any were; else nothing.
    pub(super) fn take_aside(&mut self) -> Result<Option<AsideRows>, IngestError> {
        if self.aside.is_empty() {
            return Ok(None);
        }
        self.put_aside()?;
        let parts = std::mem::take(&mut self.aside);
        let currency = parts.first().map_or(Currency::USD, |it| it.currency);
        Ok(Some(AsideRows { parts, currency }))
    }

    /// Takes rows back that were put aside, in their order.
    pub(super) fn take_back(&mut self, aside: &AsideRows) -> Result<(), IngestError> {
        self.table = Some(aside.whole()?);
        Ok(())
    }

    /// The table without its duplicates, and the account of it.
    pub(super) fn finish(mut self) -> Result<UsageRows, MoneyError> {
        let mut table = self.table.take().unwrap_or_else(|| UsageTable::new(Currency::USD));
        let (duplicates, n_summed) = duplicates::find(&table);
        for at in &duplicates {
            let Some(row) = table.row(*at) else { continue };
            self.reject_duplicate(&CostTotals::of_row(&row), *at)?;
        }
        table.leave_out(&duplicates);
        Ok(self.closed(table, n_summed))
    }

    /// Refuses a row for an identical one that came before.
    pub(super) fn reject_duplicate(
        &mut self,
        amounts: &CostTotals,
        at: usize,
    ) -> Result<(), MoneyError> {
        let (file, number) = self.origin.get(at);
        self.rejected_totals.add_all(amounts)?;
        self.rejected.push(Rejected {
            file: self.files[file].clone(),
            row: number,
            column: None,
            reason: "an identical row came before".to_owned(),
            kind: RejectedKind::Duplicate,
        });
        Ok(())
    }

    /// The account of rows without duplicates.
    pub(super) fn closed(self, table: UsageTable, n_summed: u64) -> UsageRows {
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
        UsageRows {
            table,
            rejected: self.rejected,
            file_totals: self.file_totals,
            rejected_totals: self.rejected_totals,
            amounts_from_floats: self.amounts_from_floats,
            notices,
        }
    }

    fn reject(&mut self, file: &str, row: u64, (column, reason): Fault) {
        let file = file.to_owned();
        self.rejected.push(Rejected { file, row, column, reason, kind: RejectedKind::Faulty });
    }

    /// The currency of the rows that were kept so far.
    fn in_force(&self) -> Option<Currency> {
        self.table.as_ref().map(|it| it.currency).or(self.in_force)
    }

    /// The currency of a row: its own, which must be that of all, else the one in force.
    fn currency(
        &mut self,
        raw: &RawTable,
        mapping: &Mapping,
        row: usize,
        file: &str,
    ) -> Result<Result<Currency, Fault>, IngestError> {
        let in_force = self.in_force();
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
            Some(expected) if expected != found => {
                let (file, row) = (file.to_owned(), raw.row_number(row));
                Err(IngestError::MixedCurrencies { file, row, found, expected })
            }
            _ => Ok(Ok(found)),
        }
    }

    fn keep(&mut self, new: &UsageRow<'_>, number: u64, currency: Currency) {
        if new.billed_cost.is_some() && new.effective_cost.is_none() {
            self.rows_without_effective += 1;
        }
        self.table.get_or_insert_with(|| UsageTable::new(currency)).push(new);
        self.origin.push(self.files.len() - 1, number);
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

    /// The row, given its period and amounts, or its first fault.
    fn row(
        &self,
        raw: &RawTable,
        row: usize,
        (period, amounts): (Period, &Amounts),
        take: &mut dyn FnMut(&UsageRow<'_>),
    ) -> Result<(), Fault> {
        let quantity = |name| self.read(raw, name, row, cell::quantity);
        let count = |name| self.read(raw, name, row, cell::count);
        let share = |name: &'static str| {
            let percent = self.percent.get(name).copied().unwrap_or(false);
            self.read(raw, name, row, |cell| cell::share(cell, percent))
        };
        let texts = self.texts(raw, row)?;
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
        take(&UsageRow {
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
            pricing_category: self.category(raw, row)?,
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
            tensor_parallel_size: self.parallel(raw, row)?,
            max_model_len: count("max_model_len")?,
        });
        Ok(())
    }

    /// The headers that are read.
    fn headers(self) -> Vec<String> {
        self.at.into_values().map(|(_, header)| header).collect()
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

    /// The period of the row, unless it has a fault.
    fn with(&self, period: Result<Period, Fault>) -> Result<Period, Fault> {
        match (period, &self.fault) {
            (Ok(_), Some(fault)) => Err(fault.clone()),
            (period, _) => period,
        }
    }

    fn atto(&self) -> [Option<i128>; 4] {
        [self.billed, self.effective, self.list, self.contracted].map(|it| it.map(Money::atto))
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

/// The period of a row. Where the end is missing it is the start plus the usual spacing of that
/// workload's starts.
fn period(
    raw: &RawTable,
    mapping: &Mapping,
    (row, zone): (usize, Tz),
    spacing: impl Fn() -> Option<i64>,
) -> Result<Period, Fault> {
    let time = |name| mapping.read(raw, name, row, |cell| cell::time(cell, zone));
    let start = time(schema::PERIOD_START)?
        .ok_or_else(|| mapping.fault(schema::PERIOD_START, "the start is missing".to_owned()))?;
    let spaced = || Some(start.plus_us(spacing()?));
    let end = time(schema::PERIOD_END)?.or_else(spaced).ok_or_else(|| {
        let reason = "the end is missing, and one start gives no spacing to infer it from";
        mapping.fault(schema::PERIOD_END, reason.to_owned())
    })?;
    let fault = |reason: String| mapping.fault(schema::PERIOD_END, reason);
    let period = Period::new(start, end)
        .ok_or_else(|| fault(format!("the period ends at {end}, not after its start")))?;
    if period.len_us() > MAX_PERIOD_US {
        return Err(fault("the period is longer than 400 days".to_owned()));
    }
    Ok(period)
}

/// The workload of a row, if it can be read.
fn name_of(raw: &RawTable, mapping: &Mapping, row: usize) -> Option<String> {
    mapping.read(raw, schema::WORKLOAD, row, cell::text).ok().flatten()
}

/// The usual spacing of starts by workload, where an end is missing.
fn spacing(raw: &RawTable, mapping: &Mapping, zone: Tz) -> BTreeMap<Option<String>, Option<i64>> {
    let time = |name, row| mapping.read(raw, name, row, |cell| cell::time(cell, zone));
    if !(0..raw.len()).any(|row| matches!(time(schema::PERIOD_END, row), Ok(None))) {
        return BTreeMap::new();
    }
    let mut starts: BTreeMap<Option<String>, Vec<i64>> = BTreeMap::new();
    for row in 0..raw.len() {
        if let Ok(Some(start)) = time(schema::PERIOD_START, row) {
            starts.entry(name_of(raw, mapping, row)).or_default().push(start.us());
        }
    }
    starts.into_iter().map(|(name, starts)| (name, modal_spacing(starts))).collect()
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
