//! The account: file total = assigned + unassigned + excluded + difference, to the last digit.
//!
//! The two sides are added on different ways. The left is the sum of every readable amount while
//! the files are read. The right is the sum of what reached a workload, of rows that no workload
//! claims, and of rows that were refused or lie outside the window.

use crate::units::{Currency, Money, MoneyError};
use crate::usage::{UsageRow, UsageTable};

/// Sums of the four costs; `None` where no row had one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CostTotals {
    /// Invoiced.
    pub billed: Option<Money>,
    /// Amortized.
    pub effective: Option<Money>,
    /// At public prices.
    pub list: Option<Money>,
    /// At negotiated prices.
    pub contracted: Option<Money>,
}

impl CostTotals {
    /// Adds the amounts of a row.
    pub(super) fn add(&mut self, row: &UsageRow<'_>) -> Result<(), MoneyError> {
        self.billed = plus(self.billed, row.billed_cost)?;
        self.effective = plus(self.effective, row.effective_cost)?;
        self.list = plus(self.list, row.list_cost)?;
        self.contracted = plus(self.contracted, row.contracted_cost)?;
        Ok(())
    }
}

/// The sum of two amounts of which either may be unknown: unknown only when both are.
pub(super) fn plus(a: Option<Money>, b: Option<Money>) -> Result<Option<Money>, MoneyError> {
    match (a, b) {
        (Some(a), Some(b)) => a.checked_add(b).map(Some),
        (a, b) => Ok(a.or(b)),
    }
}

/// The account per charge category. The usage table has one, `Usage`.
#[derive(Clone, Debug)]
pub struct CategoryTotals {
    /// FOCUS word.
    pub charge_category: &'static str,
    /// Its sums.
    pub totals: CostTotals,
}

/// The whole account.
#[derive(Clone, Debug)]
pub struct Reconciliation {
    /// The currency of every amount here.
    pub currency: Currency,
    /// Rows read.
    pub rows_in: u64,
    /// Rows kept, outside the window or not.
    pub rows_kept: u64,
    /// Rows refused, duplicates among them.
    pub rows_rejected: u64,
    /// Rows refused because an identical one came before.
    pub duplicates: u64,
    /// Rows kept that lie outside the window.
    pub rows_outside_window: u64,
    /// What the files say.
    pub totals: CostTotals,
    /// Billed cost of rows that name a workload, inside the window.
    pub assigned: Option<Money>,
    /// Billed cost of rows that name none.
    pub unassigned: Option<Money>,
    /// Billed cost of rows refused or outside the window.
    pub excluded: Option<Money>,
    /// What is left.
    pub difference: Option<Money>,
    /// The same totals by charge category.
    pub by_charge_category: Vec<CategoryTotals>,
    /// Amounts taken from binary floats by their shortest decimal form.
    pub amounts_from_floats: u64,
}

impl Reconciliation {
    /// Whether every digit is accounted for.
    pub fn is_closed(&self) -> bool {
        self.difference.is_none_or(Money::is_zero)
    }
}

/// Row counts of the account.
pub(super) struct RowCounts {
    pub(super) rows_in: u64,
    pub(super) rejected: u64,
    pub(super) duplicates: u64,
    pub(super) outside_window: u64,
}

/// Closes the account.
pub(super) fn reconcile(
    rows: &RowCounts,
    totals: CostTotals,
    rejected: CostTotals,
    (kept, inside): (&UsageTable, &UsageTable),
    amounts_from_floats: u64,
) -> Result<Reconciliation, MoneyError> {
    let currency = inside.currency;
    let billed = |table: &UsageTable, has_workload: Option<bool>| {
        let amounts = (0..table.len())
            .filter(|at| has_workload.is_none_or(|it| it == table.workload.get(*at).is_some()))
            .filter_map(|at| table.billed_cost[at]);
        amounts.map(|atto| Some(Money::from_atto(atto, currency))).try_fold(None, plus)
    };
    let (all, in_window) = (billed(kept, None)?, billed(inside, None)?);
    let outside = minus(all, in_window)?;
    let (assigned, unassigned) = (billed(inside, Some(true))?, billed(inside, Some(false))?);
    let excluded = plus(outside, rejected.billed)?;
    let accounted = plus(plus(assigned, unassigned)?, excluded)?;
    Ok(Reconciliation {
        currency,
        rows_in: rows.rows_in,
        rows_kept: rows.rows_in - rows.rejected,
        rows_rejected: rows.rejected,
        duplicates: rows.duplicates,
        rows_outside_window: rows.outside_window,
        totals,
        assigned,
        unassigned: unassigned.or(totals.billed.map(|_| Money::zero(currency))),
        excluded: excluded.or(totals.billed.map(|_| Money::zero(currency))),
        difference: minus(totals.billed, accounted)?,
        by_charge_category: vec![CategoryTotals { charge_category: "Usage", totals }],
        amounts_from_floats,
    })
}

/// `a - b`, where an unknown part is nothing to take away.
fn minus(a: Option<Money>, b: Option<Money>) -> Result<Option<Money>, MoneyError> {
    match (a, b) {
        (Some(a), Some(b)) => a.checked_sub(b).map(Some),
        (a, _) => Ok(a),
    }
}
