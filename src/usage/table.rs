//! Typed columns of the usage table, all of one length.

use super::{Column, PricingCategory, Repeated, TextColumn};
use crate::units::{Currency, Money, Period, Timestamp};

/// One row, borrowed or about to be appended.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "the fields are the columns of schema.rs")]
pub struct UsageRow<'a> {
    pub period: Option<Period>,
    pub workload: Option<&'a str>,
    pub provider: Option<&'a str>,
    pub region: Option<&'a str>,
    pub sub_account: Option<&'a str>,
    pub owner: Option<&'a str>,
    pub environment: Option<&'a str>,
    pub gpu: Option<&'a str>,
    pub gpu_count: Option<f64>,
    pub gpu_hours: Option<f64>,
    pub pricing_category: PricingCategory,
    pub billed_cost: Option<Money>,
    pub effective_cost: Option<Money>,
    pub list_cost: Option<Money>,
    pub contracted_cost: Option<Money>,
    pub requests: Option<u64>,
    pub prompt_tokens: Option<u64>,
    pub completion_tokens: Option<u64>,
    pub interarrival_cv: Option<f64>,
    pub gpu_util: Option<f64>,
    pub memory_fraction: Option<f64>,
    pub kv_cache_usage: Option<f64>,
    pub vram_used_mib: Option<f64>,
    pub model: Option<&'a str>,
    pub dtype: Option<&'a str>,
    pub quantization: Option<&'a str>,
    pub tensor_parallel_size: Option<u32>,
    pub max_model_len: Option<u64>,
}

/// The usage table. Every row has a period; every column has one entry per row.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the fields are the columns of schema.rs")]
pub struct UsageTable {
    pub currency: Currency,
    pub period: Repeated<Period>,
    pub workload: TextColumn,
    pub provider: TextColumn,
    pub region: TextColumn,
    pub sub_account: TextColumn,
    pub owner: TextColumn,
    pub environment: TextColumn,
    pub gpu: TextColumn,
    pub gpu_count: Column<f64>,
    pub gpu_hours: Column<f64>,
    pub pricing_category: Repeated<PricingCategory>,
    pub billed_cost: Column<i128>,
    pub effective_cost: Column<i128>,
    pub list_cost: Column<i128>,
    pub contracted_cost: Column<i128>,
    pub requests: Column<u64>,
    pub prompt_tokens: Column<u64>,
    pub completion_tokens: Column<u64>,
    pub interarrival_cv: Column<f64>,
    pub gpu_util: Column<f64>,
    pub memory_fraction: Column<f64>,
    pub kv_cache_usage: Column<f64>,
    pub vram_used_mib: Column<f64>,
    pub model: TextColumn,
    pub dtype: TextColumn,
    pub quantization: TextColumn,
    pub tensor_parallel_size: Column<u32>,
    pub max_model_len: Column<u64>,
}

/// Applies one expression to every column.
macro_rules! each_column {
    ($table:expr, $row:expr, $push:ident) => {
        $push!($table, $row,
            text: workload provider region sub_account owner environment gpu model dtype quantization;
            repeated: pricing_category;
            plain: gpu_count gpu_hours requests prompt_tokens completion_tokens interarrival_cv
                gpu_util memory_fraction kv_cache_usage vram_used_mib tensor_parallel_size
                max_model_len;
            money: billed_cost effective_cost list_cost contracted_cost)
    };
}

pub(super) use each_column;

macro_rules! push_row {
    ($table:expr, $row:expr, text: $($text:ident)*; repeated: $($repeated:ident)*;
     plain: $($plain:ident)*; money: $($money:ident)*) => {{
        $($table.$text.push($row.$text);)*
        $($table.$repeated.push($row.$repeated);)*
        $($table.$plain.push($row.$plain);)*
        $($table.$money.push($row.$money.map(Money::atto));)*
    }};
}

macro_rules! read_row {
    ($table:expr, $at:expr, text: $($text:ident)*; repeated: $($repeated:ident)*;
     plain: $($plain:ident)*; money: $($money:ident)*) => {
        UsageRow {
            period: $table.period.get($at),
            $($text: $table.$text.get($at),)*
            $($repeated: $table.$repeated[$at],)*
            $($plain: $table.$plain.get($at),)*
            $($money: $table.$money.get($at).map(|atto| Money::from_atto(atto, $table.currency)),)*
        }
    };
}

macro_rules! append_rows {
    ($table:expr, $other:expr, text: $($text:ident)*; repeated: $($repeated:ident)*;
     plain: $($plain:ident)*; money: $($money:ident)*) => {{
        $($table.$text.append(&$other.$text);)*
        $($table.$repeated.append(&$other.$repeated);)*
        $($table.$plain.append($other.$plain);)*
        $($table.$money.append($other.$money);)*
    }};
}

macro_rules! keep_rows {
    ($table:expr, $rows:expr, text: $($text:ident)*; repeated: $($repeated:ident)*;
     plain: $($plain:ident)*; money: $($money:ident)*) => {{
        $($table.$text.keep($rows);)*
        $($table.$repeated.keep($rows);)*
        $($table.$plain.keep($rows);)*
        $($table.$money.keep($rows);)*
    }};
}

/// The rows of one name, in the order of their starts, then of the files. The rows of a table are
/// counted by 32 bits here: four billion of them would not fit memory.
pub type RowsOf<'a> = (Option<&'a str>, Vec<u32>);

impl UsageTable {
    /// A table without rows whose amounts are in `currency`.
    pub fn new(currency: Currency) -> UsageTable {
        UsageTable {
            currency,
            period: Repeated::default(),
            workload: TextColumn::default(),
            provider: TextColumn::default(),
            region: TextColumn::default(),
            sub_account: TextColumn::default(),
            owner: TextColumn::default(),
            environment: TextColumn::default(),
            gpu: TextColumn::default(),
            gpu_count: Column::default(),
            gpu_hours: Column::default(),
            pricing_category: Repeated::default(),
            billed_cost: Column::default(),
            effective_cost: Column::default(),
            list_cost: Column::default(),
            contracted_cost: Column::default(),
            requests: Column::default(),
            prompt_tokens: Column::default(),
            completion_tokens: Column::default(),
            interarrival_cv: Column::default(),
            gpu_util: Column::default(),
            memory_fraction: Column::default(),
            kv_cache_usage: Column::default(),
            vram_used_mib: Column::default(),
            model: TextColumn::default(),
            dtype: TextColumn::default(),
            quantization: TextColumn::default(),
            tensor_parallel_size: Column::default(),
            max_model_len: Column::default(),
        }
    }

    /// Appends a row; one without a period is ignored, since it has no place in time.
    /// The caller has checked that its amounts are in this table's currency.
    pub fn push(&mut self, row: &UsageRow<'_>) {
        let Some(period) = row.period else { return };
        self.period.push(period);
        each_column!(self, row, push_row);
    }

    /// Appends the rows of another table, whose amounts are in the same currency.
    pub fn append(&mut self, other: UsageTable) {
        if self.is_empty() {
            let currency = self.currency;
            *self = UsageTable { currency, ..other };
            return;
        }
        self.period.append(&other.period);
        each_column!(self, other, append_rows);
    }

    /// Keeps the rows that are marked, in their order.
    pub fn keep(&mut self, rows: &[bool]) {
        self.period.keep(rows);
        each_column!(self, rows, keep_rows);
    }

    /// Leaves some rows out.
    pub fn leave_out(&mut self, rows: &[usize]) {
        if rows.is_empty() {
            return;
        }
        let mut kept = vec![true; self.len()];
        for at in rows {
            kept[*at] = false;
        }
        self.keep(&kept);
    }

    /// A row, if there is one at that place.
    pub fn row(&self, at: usize) -> Option<UsageRow<'_>> {
        (at < self.len()).then(|| each_column!(self, at, read_row))
    }

    /// Rows.
    pub fn len(&self) -> usize {
        self.period.len()
    }

    /// True without rows.
    pub fn is_empty(&self) -> bool {
        self.period.is_empty()
    }

    /// Whether two rows are equal in every column.
    pub fn same_row(&self, a: usize, b: usize) -> bool {
        match (self.row(a), self.row(b)) {
            (Some(a), Some(b)) => a == b,
            _ => false,
        }
    }

    /// Hours of the period of a row.
    pub fn hours(&self, at: usize) -> f64 {
        self.period.get(at).map_or(0.0, Period::hours)
    }

    /// GPU-hours of a row: as given, else GPUs x hours.
    pub fn gpu_hours_of(&self, at: usize) -> Option<f64> {
        self.gpu_hours.get(at).or_else(|| Some(self.gpu_count.get(at)? * self.hours(at)))
    }

    /// Whether GPU-hours of a row are known.
    pub fn has_gpu_hours(&self, at: usize) -> bool {
        self.gpu_hours.has(at) || self.gpu_count.has(at)
    }

    /// Whether a row has a billed or an effective cost.
    pub fn has_cost(&self, at: usize) -> bool {
        self.effective_cost.has(at) || self.billed_cost.has(at)
    }

    /// The workloads that have a row with a count of requests.
    pub fn counted_workloads(&self) -> Vec<&str> {
        let mut is_counted = vec![false; self.workload.n_codes()];
        for at in (0..self.len()).filter(|at| self.requests.has(*at)) {
            is_counted[self.workload.code(at) as usize] = true;
        }
        let codes = (0..).zip(is_counted).filter(|it| it.1);
        codes.filter_map(|(code, _)| self.workload.text_of(code)).collect()
    }

    /// The smallest period that holds every row.
    pub fn span(&self) -> Option<Period> {
        self.period.iter().reduce(Period::cover)
    }

    /// The rows of each workload in the order of names, those without one first.
    pub fn by_workload(&self) -> Vec<RowsOf<'_>> {
        let column = &self.workload;
        let mut counts = vec![0_usize; column.n_codes()];
        for at in 0..self.len() {
            counts[column.code(at) as usize] += 1;
        }
        let mut rows: Vec<Vec<u32>> = counts.iter().map(|n| Vec::with_capacity(*n)).collect();
        for at in 0..self.len() {
            rows[column.code(at) as usize].push(u32::try_from(at).unwrap_or(u32::MAX));
        }
        let start = |at: &u32| self.period[*at as usize].start();
        let mut found: Vec<RowsOf<'_>> = Vec::new();
        for (code, mut rows) in (0..).zip(rows).filter(|it| !it.1.is_empty()) {
            if !rows.is_sorted_by_key(start) {
                rows.sort_by_key(start);
            }
            found.push((column.text_of(code), rows));
        }
        found.sort_by_key(|it| it.0);
        found
    }

    /// The instant a row starts.
    pub fn start(&self, at: usize) -> Option<Timestamp> {
        self.period.get(at).map(Period::start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_as_they_went_in() {
        let mut table = UsageTable::new(Currency::USD);
        let period = Period::new(Timestamp::from_s(0), Timestamp::from_s(3600));
        let cost = Money::parse("1.25", Currency::USD).ok();
        table.push(&UsageRow {
            period,
            workload: Some("chat"),
            gpu_count: Some(2.0),
            billed_cost: cost,
            requests: Some(7),
            ..UsageRow::default()
        });
        table.push(&UsageRow { period, workload: None, ..UsageRow::default() });
        table.push(&UsageRow { workload: Some("no period"), ..UsageRow::default() });
        assert_eq!(table.len(), 2);
        let row = table.row(0).unwrap();
        assert_eq!((row.workload, row.billed_cost, row.requests), (Some("chat"), cost, Some(7)));
        assert_eq!(table.gpu_hours_of(0), Some(2.0));
        assert_eq!(table.row(1).unwrap().requests, None);
        assert!(table.row(2).is_none());
        assert_eq!(table.by_workload(), vec![(None, vec![1]), (Some("chat"), vec![0])]);
    }
}
