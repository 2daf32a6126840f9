//! The account as every format shows it: what the files say, and where each amount went.

use serde::Serialize;

use crate::ingest::{
    AccountLine, CommitmentTotals, CostTotals, Coverage, Fate, Ingested, Rejected, Unmatched,
};
use crate::units::{Currency, Money};

/// Rejected rows a report lists; the counts are of all.
const MAX_REJECTED_SHOWN: usize = 1000;

/// File total = assigned + unassigned + excluded + difference.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Reconciliation {
    /// Rows read.
    pub rows_in: u64,
    /// Rows used.
    pub rows_kept: u64,
    /// Rows refused, duplicates among them.
    pub rows_rejected: u64,
    /// Rows refused because an identical one came before.
    pub duplicates: u64,
    /// Rows that lie outside the analysed window (kept, not analysed).
    pub rows_outside_window: u64,
    /// The totals of all files, in the currency of the report.
    #[serde(flatten)]
    pub line: Line,
    /// List cost of purchases that later charges carry, which the list total leaves out.
    pub list_of_purchases: Option<Money>,
    /// Contracted cost of the same.
    pub contracted_of_purchases: Option<Money>,
    /// The places of the account, whose billed costs add up to the total less the difference.
    pub parts: Vec<Part>,
    /// The same line per currency, in that currency.
    pub by_currency: Vec<CurrencyLine>,
    /// The same line per charge category; a usage table has only `Usage`.
    pub by_charge_category: Vec<CategoryLine>,
    /// What was paid for commitments, and what of them was used.
    pub by_commitment: Vec<Commitment>,
    /// Spend without a workload, GPUs first, the largest first.
    pub unmatched: Vec<Spend>,
    /// The rejected rows, at most as many as the report shows.
    pub rejected: Vec<RejectedRow>,
    /// Amounts that came from binary floats and were taken by their shortest decimal form.
    pub amounts_from_floats: u64,
}

/// A total and the parts it is made of.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Line {
    /// Billed cost in the files.
    pub billed_total: Option<Money>,
    /// Effective cost in the files.
    pub effective_total: Option<Money>,
    /// List cost in the files, without purchases that later charges carry.
    pub list_total: Option<Money>,
    /// Contracted cost in the files, without those purchases.
    pub contracted_total: Option<Money>,
    /// Billed cost of workloads in this report.
    pub assigned: Option<Money>,
    /// Billed GPU cost that no workload claims.
    pub unassigned: Option<Money>,
    /// Billed cost of everything else: no GPU, tax, credits, purchases, unused commitments, rows
    /// outside the window, rejected rows whose amount could be read.
    pub excluded: Option<Money>,
    /// What is left: zero, or the run ends with exit code 6.
    pub difference: Option<Money>,
}

/// One place of the account.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Part {
    /// `assigned`, `unassigned`, `other_cloud`, `tax`, ...
    pub part: &'static str,
    /// Rows behind it.
    pub rows: u64,
    /// Billed cost.
    pub billed: Option<Money>,
    /// Effective cost.
    pub effective: Option<Money>,
}

/// Reconciliation of one currency.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CurrencyLine {
    /// The code.
    pub currency: Currency,
    /// Units of the report's currency for one of this; nothing for the report's own.
    pub rate: Option<String>,
    /// The line in this currency.
    #[serde(flatten)]
    pub line: Line,
}

/// Reconciliation of one charge category.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CategoryLine {
    /// FOCUS word.
    pub charge_category: String,
    /// The line in the currency of the report.
    #[serde(flatten)]
    pub line: Line,
}

/// A commitment.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Commitment {
    /// Its id in the bill.
    pub id: String,
    /// Billed cost of its purchases in the files.
    pub purchased: Option<Money>,
    /// Effective cost of what it covered.
    pub effective_used: Option<Money>,
    /// Effective cost of what nothing used.
    pub effective_unused: Option<Money>,
    /// Purchases less used and unused.
    pub difference: Option<Money>,
    /// Why they differ, where they do.
    pub cause: Option<&'static str>,
}

/// Spend that no workload has.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Spend {
    /// `unassigned` for GPUs, `other_cloud` for what is none.
    pub part: &'static str,
    /// Who is paid.
    pub provider: Option<String>,
    /// The resource, or the service where it is no GPU.
    pub what: Option<String>,
    /// The GPU.
    pub gpu: Option<String>,
    /// Who answers for it, where a usage table says so.
    pub owner: Option<String>,
    /// Billed cost.
    pub billed: Option<Money>,
    /// Effective cost.
    pub effective: Option<Money>,
    /// Rows.
    pub rows: u64,
}

/// Which days each kind of source covers.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CoverageReport {
    /// Days of the window in the report's zone.
    pub days: Vec<String>,
    /// Hours of the window on each day: 23 or 25 where the clocks changed.
    pub day_hours: Vec<u8>,
    /// A row per kind of source.
    pub sources: Vec<SourceCoverage>,
}

/// One kind of source.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SourceCoverage {
    /// `cost`, `requests`, `gpu_metrics` or `configuration`.
    pub source: &'static str,
    /// Hours with data on each day.
    pub hours: Vec<u8>,
}

impl CoverageReport {
    /// The matrix of what was read.
    pub fn of(coverage: &Coverage) -> CoverageReport {
        CoverageReport {
            days: coverage.days.iter().map(ToString::to_string).collect(),
            day_hours: coverage.day_hours.clone(),
            sources: coverage
                .rows
                .iter()
                .map(|it| SourceCoverage { source: it.source, hours: it.hours.clone() })
                .collect(),
        }
    }

    /// `cost 31/31 days · requests 31/31 · GPU metrics 15/31`; sources without data are left out.
    pub fn sentence(&self) -> Option<String> {
        let days = self.days.len();
        let parts: Vec<String> = self
            .sources
            .iter()
            .filter_map(|it| {
                let covered = it.hours.iter().filter(|hours| **hours > 0).count();
                let words = source_in_words(it.source);
                (covered > 0).then(|| format!("{words} {covered}/{days}"))
            })
            .collect();
        (!parts.is_empty()).then(|| format!("{} days", parts.join(", ")))
    }
}

/// The words for a kind of source.
pub(super) fn source_in_words(source: &str) -> &'static str {
    match source {
        "cost" => "cost",
        "requests" => "requests",
        "gpu_metrics" => "GPU metrics",
        _ => "configuration",
    }
}

/// A row that was refused.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RejectedRow {
    /// File name without its folder.
    pub file: String,
    /// Row, counted from 1 without the header; line for JSON lines.
    pub row: u64,
    /// The column at fault, where one is.
    pub column: Option<String>,
    /// What is wrong, in words.
    pub reason: String,
}

impl Reconciliation {
    /// The account of what was read.
    pub fn of(ingested: &Ingested) -> Reconciliation {
        let it = &ingested.reconciliation;
        Reconciliation {
            rows_in: it.rows_in,
            rows_kept: it.rows_kept,
            rows_rejected: it.rows_rejected,
            duplicates: it.duplicates,
            rows_outside_window: it.rows_outside_window,
            line: Line::of(&it.line),
            list_of_purchases: it.purchases_left_out.list,
            contracted_of_purchases: it.purchases_left_out.contracted,
            parts: it
                .parts
                .iter()
                .filter(|it| it.rows > 0 || it.totals != CostTotals::default())
                .map(|it| Part {
                    part: it.fate.as_str(),
                    rows: it.rows,
                    billed: it.totals.billed,
                    effective: it.totals.effective,
                })
                .collect(),
            by_currency: it
                .by_currency
                .iter()
                .map(|it| CurrencyLine {
                    currency: it.currency,
                    rate: it.rate.clone(),
                    line: Line::of(&it.line),
                })
                .collect(),
            by_charge_category: it
                .by_charge_category
                .iter()
                .map(|it| CategoryLine {
                    charge_category: it.charge_category.to_owned(),
                    line: Line::of(&it.line),
                })
                .collect(),
            by_commitment: it.by_commitment.iter().map(Commitment::of).collect(),
            unmatched: it.unmatched.iter().map(Spend::of).collect(),
            rejected: ingested
                .rejected
                .iter()
                .take(MAX_REJECTED_SHOWN)
                .map(RejectedRow::of)
                .collect(),
            amounts_from_floats: it.amounts_from_floats,
        }
    }

    /// The billed total as a sum of named parts, those of no amount left out: what the report opens
    /// with.
    pub fn statement(&self) -> Vec<(&'static str, Money)> {
        let billed = self.parts.iter().filter_map(|it| Some((it, it.billed?)));
        billed
            .filter(|(it, amount)| !amount.is_zero() || it.part == Fate::Assigned.as_str())
            .map(|(it, amount)| (part_in_words(it.part), amount))
            .collect()
    }

    /// What was billed to workloads, and its effective cost.
    pub(super) fn of_workloads(&self) -> (Option<Money>, Option<Money>) {
        let part = self.parts.iter().find(|it| it.part == Fate::Assigned.as_str());
        (part.and_then(|it| it.billed), part.and_then(|it| it.effective))
    }

    /// Effective cost of a part, else what of it was billed.
    pub(super) fn cost_of(&self, fate: Fate) -> Option<Money> {
        let part = self.parts.iter().find(|it| it.part == fate.as_str())?;
        part.effective.or(part.billed).filter(|it| !it.is_zero())
    }

    /// What GPUs cost that no workload claims.
    pub fn unclaimed(&self) -> Option<Money> {
        self.cost_of(Fate::Unassigned)
    }

    /// What was paid for commitments and not used.
    pub fn unused_commitments(&self) -> Option<Money> {
        self.cost_of(Fate::CommitmentUnused)
    }

    /// What is paid for GPUs, in effective cost: workloads, unclaimed GPUs and unused reserved
    /// capacity. Unused commitments stand beside it, since they may cover more than GPUs.
    pub fn gpu_effective(&self) -> Option<Money> {
        let is_gpu = |part: &str| {
            [Fate::Assigned, Fate::Unassigned, Fate::CapacityUnused]
                .iter()
                .any(|it| it.as_str() == part)
        };
        let mut sum: Option<Money> = None;
        for part in self.parts.iter().filter(|it| is_gpu(it.part)) {
            sum = match (sum, part.effective.or(part.billed)) {
                (Some(a), Some(b)) => a.checked_add(b).ok(),
                (a, b) => a.or(b),
            };
        }
        sum
    }
}

/// The words for a part.
pub fn part_in_words(part: &str) -> &'static str {
    match part {
        "assigned" => "workloads",
        "unassigned" => "unassigned GPUs",
        "commitment_unused" => "unused commitments",
        "capacity_unused" => "unused reserved capacity",
        "other_cloud" => "other cloud",
        "purchases" => "purchases",
        "tax" => "tax",
        "credits" => "credits",
        "adjustments" => "adjustments",
        "rejected" => "rejected rows",
        _ => "outside the window",
    }
}

impl Line {
    fn of(line: &AccountLine) -> Line {
        Line {
            billed_total: line.totals.billed,
            effective_total: line.totals.effective,
            list_total: line.totals.list,
            contracted_total: line.totals.contracted,
            assigned: line.assigned,
            unassigned: line.unassigned,
            excluded: line.excluded,
            difference: line.difference,
        }
    }
}

impl Commitment {
    fn of(it: &CommitmentTotals) -> Commitment {
        Commitment {
            id: it.id.clone(),
            purchased: it.purchased,
            effective_used: it.effective_used,
            effective_unused: it.effective_unused,
            difference: it.difference,
            cause: it.cause,
        }
    }
}

impl Spend {
    /// The resource or service, else whose it is.
    pub(super) fn name(&self) -> Option<String> {
        let of_owner = || self.owner.as_ref().map(|it| format!("of {it}"));
        self.what.clone().or_else(of_owner)
    }

    fn of(it: &Unmatched) -> Spend {
        Spend {
            part: it.fate.as_str(),
            provider: it.provider.clone(),
            what: it.what.clone(),
            gpu: it.gpu.clone(),
            owner: it.owner.clone(),
            billed: it.billed,
            effective: it.effective,
            rows: it.rows,
        }
    }
}

impl RejectedRow {
    fn of(row: &Rejected) -> RejectedRow {
        RejectedRow {
            file: row.file.clone(),
            row: row.row,
            column: row.column.clone(),
            reason: row.reason.clone(),
        }
    }
}
