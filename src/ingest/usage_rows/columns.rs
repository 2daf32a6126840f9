//! A part of a usage table column by column: each distinct text is looked at once, numbers in a
//! loop of their type. Every cell is judged by the functions of `cell.rs`, as a row is, and a row with
//! a fault is read again as a row, for its reason.

use std::borrow::Cow;

use chrono_tz::Tz;

use super::super::aside::Blocks;
use super::super::cell::{self, Cell};
use super::super::raw::{Coded, Column as Raw, RawTable};
use super::spacing::{Spaced, Spacings};
use super::{Amounts, Fault, MAX_PERIOD_US, Mapping, modal_spacing, period};
use crate::units::{Currency, Period, Timestamp, atto_from_float};
use crate::usage::{Column, Number, PricingCategory, Repeated, TextColumn, UsageTable, schema};

/// 10^18: a unit in the finest unit of an amount.
const ONE: i128 = 1_000_000_000_000_000_000;
/// An hour.
const HOUR_US: i64 = 3_600_000_000;
/// Counts up to this survive a float.
const MOST_EXACT: i64 = 1 << 53;
/// Floats whose amounts are remembered.
const REMEMBERED: usize = 1 << 10;

/// The rows of a part of a file.
pub(super) struct Part {
    /// Rows without a fault; their amounts are in `currency`.
    pub(super) table: UsageTable,
    /// Where these are in the file.
    pub(super) kept: Vec<u64>,
    pub(super) refused: Vec<Refused>,
    /// The currency that all rows name; nothing where none does.
    pub(super) currency: Option<Currency>,
    pub(super) first_row: u64,
    /// Sums of every readable amount: billed, effective, list, contracted.
    pub(super) sums: [Option<i128>; 4],
    pub(super) n_floats: u64,
    /// Rows with a billed and no effective cost.
    pub(super) without_effective: u64,
    /// Where ends are missing and these are not all rows of the file: what its starts show.
    pub(super) spaced: Vec<(Option<String>, Spaced)>,
    /// The rows of `table`, which is then empty, where they go aside.
    pub(super) blocks: Option<Blocks>,
}

impl Part {
    /// Makes the rows ready to be put aside.
    pub(super) fn pack(&mut self) {
        if !self.table.is_empty() {
            let empty = UsageTable::new(self.table.currency);
            self.blocks = Some(Blocks::of(&std::mem::replace(&mut self.table, empty)));
        }
    }
}

/// A row with a fault.
pub(super) struct Refused {
    pub(super) row: u64,
    pub(super) fault: Fault,
    pub(super) amounts: [Option<i128>; 4],
}

/// An instant of a row in microseconds, if it has one; `Err` where the cell is none.
type Instant = Result<Option<i64>, ()>;

/// What came of a part.
pub(super) enum Converted {
    Part(Box<Part>),
    /// It has to be read row by row.
    RowByRow,
    /// An end is missing, which only the starts of the whole file can tell.
    EndMissing,
}

/// By what an end that is missing is told.
#[derive(Clone, Copy)]
pub(super) enum Ends<'a> {
    /// By the starts of these rows, which are all of the file.
    Whole,
    /// By those of these rows for now; what they show is given back, and the whole file has to agree.
    Part,
    /// By those of the whole file.
    Known(&'a Spacings),
}

/// Converts rows.
pub(super) fn convert(raw: &RawTable, mapping: &Mapping, (zone, by): (Tz, Ends<'_>)) -> Converted {
    let mut reader = Reader { raw, mapping, zone, bad: vec![false; raw.len()] };
    let starts = reader.times(schema::PERIOD_START);
    let ends = reader.times(schema::PERIOD_END);
    let is_missing = ends.iter().any(|it| matches!(it, Ok(None)));
    let workload = reader.texts(schema::WORKLOAD);
    let (mut spaced, mut spacing) = (Vec::new(), Vec::new());
    match by {
        Ends::Whole if is_missing => spacing = modal_spacings(&starts, &workload),
        Ends::Part if is_missing => {
            let found = spaced_of(&starts, &workload);
            spacing = found.iter().map(|it| it.used).collect();
            let names = (0..).map(|code| workload.text_of(code).map(str::to_owned));
            spaced = names.zip(found).filter(|it| it.1.is_seen()).collect();
        }
        Ends::Known(known) if is_missing => {
            let of = |code: u32| known.get(&workload.text_of(code).map(str::to_owned)).copied()?;
            spacing = (0..).take(workload.n_codes()).map(of).collect();
        }
        Ends::Whole | Ends::Part | Ends::Known(_) => {}
    }
    let spaced_at = |row: usize| spacing.get(workload.code(row) as usize).copied().flatten();
    let part = reader.currency().ok().and_then(|currency| {
        let periods = reader.periods(&starts, &ends, &spaced_at);
        reader.part((currency, workload.clone()), periods, &spaced_at)
    });
    match part {
        Some(part) => Converted::Part(Box::new(Part { spaced, ..part })),
        // A row alone would be spaced by the rows of its part.
        None if is_missing && !matches!(by, Ends::Whole) => Converted::EndMissing,
        None => Converted::RowByRow,
    }
}

/// The usual spacing of the starts of each workload, by its code.
fn modal_spacings(starts: &[Instant], workload: &TextColumn) -> Vec<Option<i64>> {
    let mut of_codes = vec![Vec::new(); workload.n_codes()];
    for (row, start) in starts.iter().enumerate() {
        if let Ok(Some(start)) = start {
            of_codes[workload.code(row) as usize].push(*start);
        }
    }
    of_codes.into_iter().map(modal_spacing).collect()
}

/// What the starts of each workload show in rows that are not all; where no two differ an hour is taken.
fn spaced_of(starts: &[Instant], workload: &TextColumn) -> Vec<Spaced> {
    let mut of_codes = vec![Spaced::default(); workload.n_codes()];
    for (row, start) in starts.iter().enumerate() {
        if let Ok(Some(start)) = start {
            of_codes[workload.code(row) as usize].see(*start);
        }
    }
    let mut all = Spaced::default();
    for it in &of_codes {
        all.count_all(it);
    }
    let usual = all.modal().unwrap_or(HOUR_US);
    for it in &mut of_codes {
        it.used = it.modal().or(Some(usual));
    }
    of_codes
}

struct Reader<'a> {
    raw: &'a RawTable,
    mapping: &'a Mapping,
    zone: Tz,
    /// Rows with a fault.
    bad: Vec<bool>,
}

/// Rows that do not name one currency alike, or none.
struct Differ;

/// The amounts of a column: their sum, and how many were floats.
struct Sum {
    atto: Option<i128>,
    n_floats: u64,
    overflows: bool,
}

impl<'a> Reader<'a> {
    fn column_at(&self, name: &'static str) -> Option<usize> {
        self.mapping.at.get(name).map(|it| it.0)
    }

    /// The texts of a column by codes, where it holds texts.
    fn coded(&self, at: usize) -> Option<Cow<'a, Coded>> {
        match self.raw.column(at) {
            Some(Raw::Coded(_) | Raw::Text(_)) => Some(self.raw.coded(at)),
            _ => None,
        }
    }

    /// Runs over the cells of a column, in a loop of its type.
    #[inline]
    fn cells(&self, at: usize, mut take: impl FnMut(usize, Cell<'_>)) {
        macro_rules! each {
            ($values:expr, $cell:expr) => {
                for (row, value) in $values.iter().enumerate() {
                    take(row, value.map_or(Cell::Null, $cell));
                }
            };
        }
        match self.raw.column(at) {
            Some(Raw::Float(values)) => each!(values, Cell::Float),
            Some(Raw::Int(values)) => each!(values, |it| Cell::Int(i128::from(it))),
            Some(Raw::Decimal(values, scale)) => each!(values, |it| Cell::Decimal(it, *scale)),
            Some(Raw::Time(values, aware)) => each!(values, |it| Cell::Time(it, *aware)),
            _ => (0..self.raw.len()).for_each(|row| take(row, self.raw.cell(at, row))),
        }
    }

    /// What the rows of a column are, each text of a dictionary judged once; marks rows with a fault.
    fn values<T: Clone>(
        &mut self,
        name: &'static str,
        parse: impl Fn(Cell<'_>) -> Result<Option<T>, String>,
        mut take: impl FnMut(Option<T>),
    ) {
        let Some(at) = self.column_at(name) else { return };
        if let Some(Raw::Coded(coded)) = self.raw.column(at) {
            let texts = coded.values.iter().map(|it| parse(Cell::Text(it)));
            let parsed: Vec<Result<Option<T>, String>> =
                std::iter::once(Ok(None)).chain(texts).collect();
            for (row, code) in coded.codes.iter().enumerate() {
                let value = parsed.get(*code as usize).and_then(|it| it.as_ref().ok());
                self.bad[row] |= value.is_none();
                take(value.cloned().flatten());
            }
            return;
        }
        let mut bad = std::mem::take(&mut self.bad);
        self.cells(at, |row, cell| {
            let value = parse(cell);
            bad[row] |= value.is_err();
            take(value.ok().flatten());
        });
        self.bad = bad;
    }

    fn numbers<T: Number>(
        &mut self,
        name: &'static str,
        parse: impl Fn(Cell<'_>) -> Result<Option<T>, String>,
    ) -> Column<T> {
        if self.column_at(name).is_none() {
            return Column::missing(self.raw.len());
        }
        let mut column = Column::default();
        self.values(name, parse, |value| column.push(value));
        column
    }

    fn quantities(&mut self, name: &'static str) -> Column<f64> {
        self.numbers(name, cell::quantity)
    }

    fn counts(&mut self, name: &'static str) -> Column<u64> {
        self.numbers(name, |cell| match cell {
            Cell::Int(value) if (0..=i128::from(MOST_EXACT)).contains(&value) => {
                Ok(u64::try_from(value).ok())
            }
            cell => cell::count(cell),
        })
    }

    fn shares(&mut self, name: &'static str) -> Column<f64> {
        let percent = self.mapping.percent.get(name).copied().unwrap_or(false);
        self.numbers(name, |cell| cell::share(cell, percent))
    }

    fn parallel(&mut self) -> Column<u32> {
        self.numbers("tensor_parallel_size", |cell| match cell::count(cell)? {
            None => Ok(None),
            Some(it) => u32::try_from(it).map(Some).map_err(|it| it.to_string()),
        })
    }

    fn texts(&mut self, name: &'static str) -> TextColumn {
        let Some(at) = self.column_at(name) else { return TextColumn::missing(self.raw.len()) };
        if let Some(coded) = self.coded(at) {
            let text = |it: &String| cell::text(Cell::Text(it)).ok().flatten();
            let texts: Vec<Option<String>> = coded.values.iter().map(text).collect();
            return TextColumn::of_codes(&texts, coded.codes.iter().copied());
        }
        let mut column = TextColumn::default();
        self.values(name, cell::text, |text: Option<String>| column.push(text.as_deref()));
        column
    }

    fn categories(&mut self) -> Repeated<PricingCategory> {
        let name = "pricing_category";
        if self.column_at(name).is_none() {
            return Repeated::same(PricingCategory::default(), self.raw.len());
        }
        let mut column = Repeated::default();
        let parse = |cell: Cell<'_>| match cell::text(cell)? {
            None => Ok(None),
            Some(word) => PricingCategory::parse(&word).map(Some).ok_or_else(String::new),
        };
        self.values(name, parse, |it| column.push(it.unwrap_or_default()));
        column
    }

    /// Instants. Equal cells of a run are read once, since a wall clock of a zone takes a while.
    fn times(&self, name: &'static str) -> Vec<Instant> {
        let Some(at) = self.column_at(name) else { return vec![Ok(None); self.raw.len()] };
        let mut times = Vec::with_capacity(self.raw.len());
        let parse = |cell: Cell<'_>| match cell::time(cell, self.zone) {
            Ok(at) => Ok(at.map(Timestamp::us)),
            Err(_) => Err(()),
        };
        if let Some(coded) = self.coded(at) {
            let texts = coded.values.iter().map(|it| parse(Cell::Text(it)));
            let parsed: Vec<_> = std::iter::once(Ok(None)).chain(texts).collect();
            let of = |code: &u32| parsed.get(*code as usize).copied().unwrap_or(Err(()));
            return coded.codes.iter().map(of).collect();
        }
        let mut last = None;
        self.cells(at, |_, cell| {
            let found = match (cell, last) {
                (Cell::Time(us, _), Some((before, found))) if us == before => found,
                (Cell::Time(us, aware), _) => {
                    let known = if aware || self.zone == Tz::UTC {
                        cell::plausible_us(us).map(Some).ok_or(())
                    } else {
                        parse(cell)
                    };
                    last = Some((us, known));
                    known
                }
                _ => parse(cell),
            };
            times.push(found);
        });
        times
    }

    /// The periods of all rows; one with a fault has another one's.
    fn periods(
        &mut self,
        starts: &[Instant],
        ends: &[Instant],
        spaced: &dyn Fn(usize) -> Option<i64>,
    ) -> Repeated<Period> {
        let mut periods = Repeated::default();
        let mut last = Period::EPOCH_DAY;
        for (row, (start, end)) in starts.iter().zip(ends).enumerate() {
            let end_of = |start: i64| match end {
                Ok(None) => spaced(row).map(|us| Timestamp::from_us(start).plus_us(us)),
                Ok(end) => end.map(Timestamp::from_us),
                Err(()) => None,
            };
            let start = start.ok().flatten();
            let period = start
                .and_then(|start| Period::new(Timestamp::from_us(start), end_of(start)?))
                .filter(|it| it.len_us() <= MAX_PERIOD_US);
            self.bad[row] |= period.is_none();
            last = period.unwrap_or(last);
            periods.push(last);
        }
        periods
    }

    /// The one currency that all rows name, or that none names.
    fn currency(&self) -> Result<Option<Currency>, Differ> {
        let Some(at) = self.column_at("billing_currency") else { return Ok(None) };
        let coded = self.coded(at).ok_or(Differ)?;
        let text = |it: &String| cell::text(Cell::Text(it)).ok().flatten();
        let texts: Vec<Option<String>> =
            std::iter::once(None).chain(coded.values.iter().map(text)).collect();
        let mut runs = coded.codes.chunk_by(|a, b| a == b).filter_map(|it| it.first());
        let of = |code: &u32| texts.get(*code as usize).cloned().flatten();
        let first = runs.next().and_then(of);
        if runs.any(|it| of(it) != first) {
            return Err(Differ);
        }
        first.map(|text| Currency::parse(&text).map_err(|_| Differ)).transpose()
    }

    fn amounts(&mut self, name: &'static str) -> (Column<i128>, Sum) {
        let mut sum = Sum { atto: None, n_floats: 0, overflows: false };
        if self.column_at(name).is_none() {
            return (Column::missing(self.raw.len()), sum);
        }
        let mut column = Column::default();
        let floats = std::cell::RefCell::new(vec![None; REMEMBERED]);
        let parse = |cell: Cell<'_>| match cell {
            Cell::Float(value) => match remembered(&mut floats.borrow_mut(), value) {
                Some(atto) => Ok(Some((atto, true))),
                None => cell::atto(cell),
            },
            Cell::Int(value) => match i64::try_from(value).ok() {
                Some(whole) => Ok(Some((i128::from(whole) * ONE, false))),
                None => cell::atto(cell),
            },
            cell => cell::atto(cell),
        };
        self.values(name, parse, |found| {
            if let Some((atto, from_float)) = found {
                sum.n_floats += u64::from(from_float);
                let total = sum.atto.unwrap_or(0).checked_add(atto);
                sum.overflows |= total.is_none();
                sum.atto = total;
            }
            column.push(found.map(|it| it.0));
        });
        (column, sum)
    }

    /// The rows; nothing where they cannot be told apart without reading them one by one.
    fn part(
        &mut self,
        (currency, workload): (Option<Currency>, TextColumn),
        periods: Repeated<Period>,
        spaced: &dyn Fn(usize) -> Option<i64>,
    ) -> Option<Part> {
        let (billed_cost, billed) = self.amounts("billed_cost");
        let (effective_cost, effective) = self.amounts("effective_cost");
        let (list_cost, list) = self.amounts("list_cost");
        let (contracted_cost, contracted) = self.amounts("contracted_cost");
        let sums = [billed, effective, list, contracted];
        if sums.iter().any(|it| it.overflows) {
            return None;
        }
        let table = UsageTable {
            currency: currency.unwrap_or(Currency::USD),
            period: periods,
            workload,
            provider: self.texts("provider"),
            region: self.texts("region"),
            sub_account: self.texts("sub_account"),
            owner: self.texts("owner"),
            environment: self.texts("environment"),
            gpu: self.texts("gpu"),
            gpu_count: self.quantities("gpu_count"),
            gpu_hours: self.quantities("gpu_hours"),
            pricing_category: self.categories(),
            billed_cost,
            effective_cost,
            list_cost,
            contracted_cost,
            requests: self.counts(schema::REQUESTS),
            prompt_tokens: self.counts(schema::PROMPT_TOKENS),
            completion_tokens: self.counts(schema::COMPLETION_TOKENS),
            interarrival_cv: self.quantities("interarrival_cv"),
            gpu_util: self.shares("gpu_util"),
            memory_fraction: self.shares("memory_fraction"),
            kv_cache_usage: self.shares("kv_cache_usage"),
            vram_used_mib: self.quantities("vram_used_mib"),
            model: self.texts("model"),
            dtype: self.texts("dtype"),
            quantization: self.texts("quantization"),
            tensor_parallel_size: self.parallel(),
            max_model_len: self.counts("max_model_len"),
        };
        let mut part = Part {
            table,
            kept: Vec::new(),
            refused: Vec::new(),
            currency,
            first_row: self.raw.row_number(0),
            n_floats: sums.iter().map(|it| it.n_floats).sum(),
            sums: sums.map(|it| it.atto),
            without_effective: 0,
            spaced: Vec::new(),
            blocks: None,
        };
        self.sort_out(&mut part, spaced)?;
        Some(part)
    }

    /// Takes the rows with a fault out of a part; nothing where one of them has none after all.
    fn sort_out(&self, part: &mut Part, spaced: &dyn Fn(usize) -> Option<i64>) -> Option<()> {
        let (raw, mapping) = (self.raw, self.mapping);
        let currency = part.table.currency;
        for (row, is_bad) in self.bad.iter().enumerate() {
            let number = raw.row_number(row);
            if !is_bad {
                part.kept.push(number);
                continue;
            }
            let amounts = Amounts::of(raw, mapping, row, currency);
            let period = period(raw, mapping, (row, self.zone), || spaced(row));
            let read = amounts
                .with(period)
                .and_then(|period| mapping.row(raw, row, (period, &amounts), &mut |_| {}));
            part.refused.push(Refused { row: number, fault: read.err()?, amounts: amounts.atto() });
        }
        if !part.refused.is_empty() {
            let good: Vec<bool> = self.bad.iter().map(|it| !it).collect();
            part.table.keep(&good);
        }
        let table = &part.table;
        let alone = |at: &usize| table.billed_cost.has(*at) && !table.effective_cost.has(*at);
        part.without_effective = (0..table.len()).filter(alone).count() as u64;
        Some(())
    }
}

/// The amount of a float, kept for the next one that is the same: few prices make many costs.
fn remembered(known: &mut [Option<(u64, i128)>], value: f64) -> Option<i128> {
    let bits = value.to_bits();
    // The upper half of a product depends on all bits of the float.
    let place = (bits.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize % REMEMBERED;
    if let Some((of, atto)) = known[place]
        && of == bits
    {
        return Some(atto);
    }
    let atto = atto_from_float(value).ok()?;
    known[place] = Some((bits, atto));
    Some(atto)
}
