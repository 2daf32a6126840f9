//! Typed columns of the usage table, all of one length.

use std::collections::BTreeMap;

use super::PricingCategory;
use crate::units::{Currency, Money, Period, Timestamp};

/// A column of texts that repeat: a code per row, each text stored once.
#[derive(Clone, Debug, Default)]
pub struct TextColumn {
    codes: Vec<u32>,
    values: Vec<String>,
    index: BTreeMap<String, u32>,
}

impl TextColumn {
    /// Appends a text or nothing.
    pub fn push(&mut self, value: Option<&str>) {
        let code = match value {
            None => 0,
            Some(value) => match self.index.get(value) {
                Some(code) => *code,
                None => self.add(value),
            },
        };
        self.codes.push(code);
    }

    /// The text of a row.
    pub fn get(&self, row: usize) -> Option<&str> {
        let code = *self.codes.get(row)? as usize;
        code.checked_sub(1).and_then(|at| self.values.get(at)).map(String::as_str)
    }

    /// A number that is equal for equal texts of this column; 0 for none.
    pub fn code(&self, row: usize) -> u32 {
        self.codes.get(row).copied().unwrap_or(0)
    }

    /// Rows.
    pub fn len(&self) -> usize {
        self.codes.len()
    }

    /// True without rows.
    pub fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }

    fn add(&mut self, value: &str) -> u32 {
        self.values.push(value.to_owned());
        // A column of four billion distinct texts would not fit memory; the code saturates there.
        let code = u32::try_from(self.values.len()).unwrap_or(u32::MAX);
        self.index.insert(value.to_owned(), code);
        code
    }
}

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
    pub period: Vec<Period>,
    pub workload: TextColumn,
    pub provider: TextColumn,
    pub region: TextColumn,
    pub sub_account: TextColumn,
    pub owner: TextColumn,
    pub environment: TextColumn,
    pub gpu: TextColumn,
    pub gpu_count: Vec<Option<f64>>,
    pub gpu_hours: Vec<Option<f64>>,
    pub pricing_category: Vec<PricingCategory>,
    pub billed_cost: Vec<Option<i128>>,
    pub effective_cost: Vec<Option<i128>>,
    pub list_cost: Vec<Option<i128>>,
    pub contracted_cost: Vec<Option<i128>>,
    pub requests: Vec<Option<u64>>,
    pub prompt_tokens: Vec<Option<u64>>,
    pub completion_tokens: Vec<Option<u64>>,
    pub interarrival_cv: Vec<Option<f64>>,
    pub gpu_util: Vec<Option<f64>>,
    pub memory_fraction: Vec<Option<f64>>,
    pub kv_cache_usage: Vec<Option<f64>>,
    pub vram_used_mib: Vec<Option<f64>>,
    pub model: TextColumn,
    pub dtype: TextColumn,
    pub quantization: TextColumn,
    pub tensor_parallel_size: Vec<Option<u32>>,
    pub max_model_len: Vec<Option<u64>>,
}

/// Applies one expression to every column.
macro_rules! each_column {
    ($table:expr, $row:expr, $push:ident) => {
        $push!($table, $row,
            text: workload provider region sub_account owner environment gpu model dtype quantization;
            plain: gpu_count gpu_hours pricing_category requests prompt_tokens completion_tokens
                interarrival_cv gpu_util memory_fraction kv_cache_usage vram_used_mib
                tensor_parallel_size max_model_len;
            money: billed_cost effective_cost list_cost contracted_cost)
    };
}

macro_rules! push_row {
    ($table:expr, $row:expr, text: $($text:ident)*; plain: $($plain:ident)*; money: $($money:ident)*) => {{
        $($table.$text.push($row.$text);)*
        $($table.$plain.push($row.$plain);)*
        $($table.$money.push($row.$money.map(Money::atto));)*
    }};
}

macro_rules! read_row {
    ($table:expr, $at:expr, text: $($text:ident)*; plain: $($plain:ident)*; money: $($money:ident)*) => {
        UsageRow {
            period: $table.period.get($at).copied(),
            $($text: $table.$text.get($at),)*
            $($plain: $table.$plain[$at],)*
            $($money: $table.$money[$at].map(|atto| Money::from_atto(atto, $table.currency)),)*
        }
    };
}

impl UsageTable {
    /// A table without rows whose amounts are in `currency`.
    pub fn new(currency: Currency) -> UsageTable {
        UsageTable {
            currency,
            period: Vec::new(),
            workload: TextColumn::default(),
            provider: TextColumn::default(),
            region: TextColumn::default(),
            sub_account: TextColumn::default(),
            owner: TextColumn::default(),
            environment: TextColumn::default(),
            gpu: TextColumn::default(),
            gpu_count: Vec::new(),
            gpu_hours: Vec::new(),
            pricing_category: Vec::new(),
            billed_cost: Vec::new(),
            effective_cost: Vec::new(),
            list_cost: Vec::new(),
            contracted_cost: Vec::new(),
            requests: Vec::new(),
            prompt_tokens: Vec::new(),
            completion_tokens: Vec::new(),
            interarrival_cv: Vec::new(),
            gpu_util: Vec::new(),
            memory_fraction: Vec::new(),
            kv_cache_usage: Vec::new(),
            vram_used_mib: Vec::new(),
            model: TextColumn::default(),
            dtype: TextColumn::default(),
            quantization: TextColumn::default(),
            tensor_parallel_size: Vec::new(),
            max_model_len: Vec::new(),
        }
    }

    /// Appends a row; one without a period is ignored, since it has no place in time.
    /// The caller has checked that its amounts are in this table's currency.
    pub fn push(&mut self, row: &UsageRow<'_>) {
        let Some(period) = row.period else { return };
        self.period.push(period);
        each_column!(self, row, push_row);
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
        self.period.get(at).map_or(0.0, |it| it.hours())
    }

    /// GPU-hours of a row: as given, else GPUs x hours.
    pub fn gpu_hours_of(&self, at: usize) -> Option<f64> {
        let given = self.gpu_hours.get(at).copied().flatten();
        given.or_else(|| Some(self.gpu_count.get(at).copied().flatten()? * self.hours(at)))
    }

    /// The smallest period that holds every row.
    pub fn span(&self) -> Option<Period> {
        self.period.iter().copied().reduce(Period::cover)
    }

    /// Row numbers in the order of workload name, then start, then place in the files.
    pub fn order_by_workload(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.len()).collect();
        let start = |at: &usize| self.period[*at].start();
        order.sort_by(|a, b| {
            (self.workload.get(*a), start(a)).cmp(&(self.workload.get(*b), start(b)))
        });
        order
    }

    /// The instant a row starts.
    pub fn start(&self, at: usize) -> Option<Timestamp> {
        self.period.get(at).map(|it| it.start())
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
        assert_eq!(table.order_by_workload(), vec![1, 0]);
    }
}
