//! The account: file total = assigned + unassigned + excluded + difference, to the last digit.
//!
//! The two sides are added on different ways. The left is the sum of every readable amount, added
//! row by row while the files are read. The right is the sum of what reached a workload, of GPU
//! cost that no workload claims, and of everything that is no workload's: other services, taxes,
//! credits, purchases, unused commitments, refused rows, rows outside the window. Both sides are
//! kept per currency and charge category.

use std::collections::BTreeMap;

use super::bill::{Booking, Closed, Costs, Entry, Fate, Sums};
use super::fx::Rates;
use super::usage_rows::UsageRows;
use crate::units::{Currency, Money, MoneyError, Period};
use crate::usage::{UsageRow, UsageTable};

/// Most lines of spend without a workload that are listed.
const MOST_UNMATCHED: usize = 200;

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
    fn of(costs: &Costs, currency: Currency) -> CostTotals {
        let money = |atto: Option<i128>| atto.map(|it| Money::from_atto(it, currency));
        CostTotals {
            billed: money(costs.billed),
            effective: money(costs.effective),
            list: money(costs.list),
            contracted: money(costs.contracted),
        }
    }

    /// Those of one row.
    pub(super) const fn of_row(row: &UsageRow<'_>) -> CostTotals {
        CostTotals {
            billed: row.billed_cost,
            effective: row.effective_cost,
            list: row.list_cost,
            contracted: row.contracted_cost,
        }
    }

    /// Adds other totals.
    pub(super) fn add_all(&mut self, other: &CostTotals) -> Result<(), MoneyError> {
        self.billed = plus(self.billed, other.billed)?;
        self.effective = plus(self.effective, other.effective)?;
        self.list = plus(self.list, other.list)?;
        self.contracted = plus(self.contracted, other.contracted)?;
        Ok(())
    }

    /// Adds the amounts of a row.
    pub(super) fn add(&mut self, row: &UsageRow<'_>) -> Result<(), MoneyError> {
        self.add_all(&CostTotals::of_row(row))
    }

    fn costs(&self) -> Costs {
        let atto = |it: Option<Money>| it.map(Money::atto);
        Costs {
            billed: atto(self.billed),
            effective: atto(self.effective),
            list: atto(self.list),
            contracted: atto(self.contracted),
        }
    }
}

/// The sum of two amounts of which either may be unknown: unknown only when both are.
pub(super) fn plus(a: Option<Money>, b: Option<Money>) -> Result<Option<Money>, MoneyError> {
    match (a, b) {
        (Some(a), Some(b)) => a.checked_add(b).map(Some),
        (a, b) => Ok(a.or(b)),
    }
}

/// One line of the account: a total, and the parts it is made of, in billed cost.
#[derive(Clone, Debug)]
pub struct AccountLine {
    /// What the files say.
    pub totals: CostTotals,
    /// Billed cost of workloads, inside the window.
    pub assigned: Option<Money>,
    /// Billed GPU cost that no workload claims, inside the window.
    pub unassigned: Option<Money>,
    /// Billed cost of everything else.
    pub excluded: Option<Money>,
    /// What is left.
    pub difference: Option<Money>,
}

/// The account of one currency, in that currency.
#[derive(Clone, Debug)]
pub struct CurrencyTotals {
    /// The code.
    pub currency: Currency,
    /// Units of the report's currency for one of this; `None` for the report's own.
    pub rate: Option<String>,
    /// The line.
    pub line: AccountLine,
}

/// The account of one charge category, in the currency of the report.
#[derive(Clone, Debug)]
pub struct CategoryTotals {
    /// FOCUS word; `unknown` for rejected rows whose category could not be read.
    pub charge_category: &'static str,
    /// The line.
    pub line: AccountLine,
}

/// One place of the account.
#[derive(Clone, Debug)]
pub struct PartTotals {
    /// Which.
    pub fate: Fate,
    /// Rows behind it.
    pub rows: u64,
    /// Its sums.
    pub totals: CostTotals,
}

/// A commitment: what was paid for it, and what of it was used.
#[derive(Clone, Debug)]
pub struct CommitmentTotals {
    /// Its id.
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

/// Spend without a workload.
#[derive(Clone, Debug)]
pub struct Unmatched {
    /// Why it has none: `unassigned` (a GPU) or `other_cloud` (no GPU).
    pub fate: Fate,
    /// Who is paid.
    pub provider: Option<String>,
    /// The resource or service.
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

/// The whole account.
#[derive(Clone, Debug)]
pub struct Reconciliation {
    /// The currency of every amount here but those of `by_currency`.
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
    /// The line of all files; list and contracted cost without purchases that later charges carry.
    pub line: AccountLine,
    /// List and contracted cost of those purchases.
    pub purchases_left_out: CostTotals,
    /// The places of the account.
    pub parts: Vec<PartTotals>,
    /// The line per currency.
    pub by_currency: Vec<CurrencyTotals>,
    /// The line per charge category.
    pub by_charge_category: Vec<CategoryTotals>,
    /// Commitments.
    pub by_commitment: Vec<CommitmentTotals>,
    /// Spend without a workload, the largest first.
    pub unmatched: Vec<Unmatched>,
    /// Amounts taken from binary floats by their shortest decimal form.
    pub amounts_from_floats: u64,
}

impl Reconciliation {
    /// Whether every digit is accounted for, in every currency and category.
    pub fn is_closed(&self) -> bool {
        let closed = |line: &AccountLine| line.difference.is_none_or(Money::is_zero);
        closed(&self.line)
            && self.by_currency.iter().all(|it| closed(&it.line))
            && self.by_charge_category.iter().all(|it| closed(&it.line))
    }
}

/// Row counts of the account.
pub(super) struct RowCounts {
    pub(super) rows_in: u64,
    pub(super) rejected: u64,
    pub(super) duplicates: u64,
    pub(super) outside_window: u64,
}

/// What the usage tables brought.
pub(super) struct TableTotals {
    /// The currency of their rows.
    currency: Currency,
    is_empty: bool,
    /// Every readable amount.
    file: CostTotals,
    /// Those of refused rows.
    rejected: CostTotals,
    /// How many these are.
    n_rejected: u64,
    /// Amounts from floats.
    from_floats: u64,
    /// Rows that were kept, by their place in the account.
    sums: BTreeMap<Fate, Sums>,
    /// Those of no workload inside the window, in the currency of the report: who is paid, the
    /// account, the GPU, the owner.
    unmatched: BTreeMap<[Option<String>; 4], Sums>,
}

impl TableTotals {
    /// What the usage tables brought, with `cut` where a window was asked for.
    pub(super) fn of(
        usage: &UsageRows,
        rates: &Rates,
        cut: Option<Period>,
    ) -> Result<TableTotals, MoneyError> {
        let rows = TableTotals::of_rows(&usage.table, rates, cut)?;
        TableTotals { is_empty: usage.table.is_empty(), ..TableTotals::of_files(usage) }.with(rows)
    }

    /// What the files say before a row of them is looked at.
    pub(super) fn of_files(usage: &UsageRows) -> TableTotals {
        TableTotals {
            currency: usage.table.currency,
            is_empty: false,
            file: usage.file_totals,
            rejected: usage.rejected_totals,
            n_rejected: usage.rejected.len() as u64,
            from_floats: usage.amounts_from_floats,
            sums: BTreeMap::new(),
            unmatched: BTreeMap::new(),
        }
    }

    /// What some rows bring that were kept.
    pub(super) fn of_rows(
        table: &UsageTable,
        rates: &Rates,
        cut: Option<Period>,
    ) -> Result<TableTotals, MoneyError> {
        let mut totals = TableTotals {
            currency: table.currency,
            is_empty: table.is_empty(),
            file: CostTotals::default(),
            rejected: CostTotals::default(),
            n_rejected: 0,
            from_floats: 0,
            sums: BTreeMap::new(),
            unmatched: BTreeMap::new(),
        };
        let mut of_fates = [Fate::Assigned, Fate::Unassigned, Fate::OutsideWindow]
            .map(|fate| (fate, Sums::default()));
        for at in 0..table.len() {
            let fate = match (is_inside(table, at, cut), table.workload.code(at)) {
                (false, _) => 2,
                (true, 0) => 1,
                (true, _) => 0,
            };
            let costs = Costs {
                billed: table.billed_cost.get(at),
                effective: table.effective_cost.get(at),
                list: table.list_cost.get(at),
                contracted: table.contracted_cost.get(at),
            };
            if fate == 1 {
                totals.add_unmatched(table, at, &costs, rates)?;
            }
            of_fates[fate].1.add(&Sums::of(costs, None))?;
        }
        totals.sums.extend(of_fates.into_iter().filter(|it| it.1.rows > 0));
        Ok(totals)
    }

    /// With the rows of other totals.
    pub(super) fn with(mut self, rows: TableTotals) -> Result<TableTotals, MoneyError> {
        for (fate, sums) in rows.sums {
            self.sums.entry(fate).or_default().add(&sums)?;
        }
        for (key, sums) in rows.unmatched {
            self.unmatched.entry(key).or_default().add(&sums)?;
        }
        Ok(self)
    }

    fn add_unmatched(
        &mut self,
        table: &UsageTable,
        at: usize,
        costs: &Costs,
        rates: &Rates,
    ) -> Result<(), MoneyError> {
        let convert =
            |atto: Option<i128>| atto.map(|it| rates.convert(it, table.currency)).transpose();
        let costs = Costs {
            billed: convert(costs.billed)?,
            effective: convert(costs.effective)?,
            ..Costs::default()
        };
        let texts = [&table.provider, &table.sub_account, &table.gpu, &table.owner];
        let key = texts.map(|it| it.get(at).map(str::to_owned));
        self.unmatched.entry(key).or_default().add(&Sums::of(costs, None))
    }

    /// Rows that begin outside the window that was asked for.
    pub(super) fn n_outside(&self) -> u64 {
        self.sums.get(&Fate::OutsideWindow).map_or(0, |it| it.rows)
    }
}

/// What the bills brought, and how it is cut and converted.
pub(super) struct Bills<'a> {
    pub(super) closed: &'a Closed,
    pub(super) rates: &'a Rates,
    /// The window, where one was asked for.
    pub(super) cut: Option<Period>,
}

type Category = Option<&'static str>;

/// Both sides while they are added.
#[derive(Default)]
struct Sides {
    total: Costs,
    fates: BTreeMap<Fate, (Costs, u64)>,
}

impl Sides {
    fn line(&self, currency: Currency) -> Result<AccountLine, MoneyError> {
        let mut excluded: Option<i128> = None;
        for (fate, (costs, _)) in &self.fates {
            if !matches!(fate, Fate::Assigned | Fate::Unassigned) {
                excluded = add(excluded, costs.billed)?;
            }
        }
        let billed = |fate| self.fates.get(&fate).and_then(|(costs, _)| costs.billed);
        let (assigned, unassigned) = (billed(Fate::Assigned), billed(Fate::Unassigned));
        let known = self.total.billed;
        let accounted = add(add(assigned, unassigned)?, excluded)?;
        let difference = match (known, accounted) {
            (Some(a), Some(b)) => Some(a.checked_sub(b).ok_or(MoneyError::Overflow)?),
            (Some(a), None) => Some(a),
            (None, Some(b)) => Some(-b),
            (None, None) => None,
        };
        let money = |atto: Option<i128>| atto.map(|it| Money::from_atto(it, currency));
        // With a billed total nothing is unknown about its parts: an empty one is zero.
        let part = |atto: Option<i128>| money(atto.or(known.map(|_| 0)));
        Ok(AccountLine {
            totals: CostTotals::of(&self.total, currency),
            assigned: part(assigned),
            unassigned: part(unassigned),
            excluded: part(excluded),
            difference: money(difference),
        })
    }
}

fn add(a: Option<i128>, b: Option<i128>) -> Result<Option<i128>, MoneyError> {
    match (a, b) {
        (Some(a), Some(b)) => a.checked_add(b).map(Some).ok_or(MoneyError::Overflow),
        (a, b) => Ok(a.or(b)),
    }
}

/// The sides by currency and category, each in its own currency and in the report's.
struct Ledger<'a> {
    rates: &'a Rates,
    own: BTreeMap<(Currency, Category), Sides>,
    report: BTreeMap<Category, Sides>,
}

impl Ledger<'_> {
    fn converted(&self, costs: &Costs, from: Currency) -> Result<Costs, MoneyError> {
        let one = |atto: Option<i128>| atto.map(|it| self.rates.convert(it, from)).transpose();
        Ok(Costs {
            billed: one(costs.billed)?,
            effective: one(costs.effective)?,
            list: one(costs.list)?,
            contracted: one(costs.contracted)?,
        })
    }

    /// The left side. In the report's currency it is the sum of converted parts, so that rounding
    /// cannot open the account.
    fn total(&mut self, key: (Currency, Category), costs: &Costs) -> Result<(), MoneyError> {
        if key.0 == self.rates.to {
            self.report.entry(key.1).or_default().total.add(costs)?;
        }
        self.own.entry(key).or_default().total.add(costs)
    }

    /// The right side.
    fn part(
        &mut self,
        (currency, category): (Currency, Category),
        fate: Fate,
        costs: &Costs,
        rows: u64,
    ) -> Result<(), MoneyError> {
        let own = self.own.entry((currency, category)).or_default();
        let known = own.fates.entry(fate).or_default();
        known.0.add(costs)?;
        known.1 += rows;
        let converted = self.converted(costs, currency)?;
        let report = self.report.entry(category).or_default();
        let known = report.fates.entry(fate).or_default();
        known.0.add(&converted)?;
        known.1 += rows;
        if currency != self.rates.to {
            report.total.add(&converted)?;
        }
        Ok(())
    }
}

/// The place of an entry, given the window.
fn fate_of(entry: &Entry, cut: Option<Period>) -> Fate {
    let fate = entry.booking.fate;
    match cut {
        Some(window) if fate != Fate::Rejected && !window.contains(entry.period.start()) => {
            Fate::OutsideWindow
        }
        _ => fate,
    }
}

/// Closes the account.
pub(super) fn reconcile(
    rows: &RowCounts,
    tables: &TableTotals,
    bills: &Bills<'_>,
) -> Result<Reconciliation, MoneyError> {
    let rates = bills.rates;
    let mut ledger = Ledger { rates, own: BTreeMap::new(), report: BTreeMap::new() };
    let word = |entry: &Booking| entry.category.map(super::bill::ChargeCategory::as_str);
    for ((currency, category), sums) in &bills.closed.totals {
        let category = category.map(super::bill::ChargeCategory::as_str);
        ledger.total((*currency, category), &sums.costs)?;
    }
    let mut outside = rows.outside_window;
    for entry in &bills.closed.entries {
        let fate = fate_of(entry, bills.cut);
        if fate == Fate::OutsideWindow {
            outside += entry.sums.rows;
        }
        let key = (entry.booking.currency, word(&entry.booking));
        ledger.part(key, fate, &entry.sums.costs, entry.sums.rows)?;
    }
    table_rows(&mut ledger, tables)?;
    let mut whole = Sides::default();
    for sides in ledger.report.values() {
        whole.total.add(&sides.total)?;
        for (fate, (costs, rows)) in &sides.fates {
            let known = whole.fates.entry(*fate).or_default();
            known.0.add(costs)?;
            known.1 += rows;
        }
    }
    let mut left_out = Costs::default();
    for (currency, costs) in &bills.closed.left_out {
        left_out.add(&ledger.converted(costs, *currency)?)?;
    }
    let part = |(fate, (costs, rows)): (&Fate, &(Costs, u64))| PartTotals {
        fate: *fate,
        rows: *rows,
        totals: CostTotals::of(costs, rates.to),
    };
    Ok(Reconciliation {
        currency: rates.to,
        rows_in: rows.rows_in,
        rows_kept: rows.rows_in - rows.rejected,
        rows_rejected: rows.rejected,
        duplicates: rows.duplicates,
        rows_outside_window: outside,
        line: whole.line(rates.to)?,
        purchases_left_out: CostTotals::of(&left_out, rates.to),
        parts: whole.fates.iter().map(part).collect(),
        by_currency: by_currency(&ledger)?,
        by_charge_category: ledger
            .report
            .iter()
            .map(|(category, sides)| {
                let charge_category = category.unwrap_or("unknown");
                Ok(CategoryTotals { charge_category, line: sides.line(rates.to)? })
            })
            .collect::<Result<_, MoneyError>>()?,
        by_commitment: by_commitment(bills)?,
        unmatched: unmatched(bills, tables)?,
        amounts_from_floats: tables.from_floats + bills.closed.from_floats,
    })
}

/// Rows of usage tables are charges of the category Usage.
fn table_rows(ledger: &mut Ledger<'_>, tables: &TableTotals) -> Result<(), MoneyError> {
    if tables.is_empty && tables.file == CostTotals::default() {
        return Ok(());
    }
    let key = (tables.currency, Some("Usage"));
    ledger.total(key, &tables.file.costs())?;
    ledger.part(key, Fate::Rejected, &tables.rejected.costs(), tables.n_rejected)?;
    for (fate, sums) in &tables.sums {
        ledger.part(key, *fate, &sums.costs, sums.rows)?;
    }
    Ok(())
}

/// Whether a row of a usage table begins in the window.
fn is_inside(table: &UsageTable, at: usize, cut: Option<Period>) -> bool {
    cut.is_none_or(|it| table.start(at).is_some_and(|start| it.contains(start)))
}

fn by_currency(ledger: &Ledger<'_>) -> Result<Vec<CurrencyTotals>, MoneyError> {
    let mut sides: BTreeMap<Currency, Sides> = BTreeMap::new();
    for ((currency, _), own) in &ledger.own {
        let known = sides.entry(*currency).or_default();
        known.total.add(&own.total)?;
        for (fate, (costs, rows)) in &own.fates {
            let part = known.fates.entry(*fate).or_default();
            part.0.add(costs)?;
            part.1 += rows;
        }
    }
    sides
        .into_iter()
        .map(|(currency, sides)| {
            let rate = ledger.rates.shown(currency);
            Ok(CurrencyTotals { currency, rate, line: sides.line(currency)? })
        })
        .collect()
}

/// Paid, used and unused of every commitment, whatever the window: a term is longer than a month.
fn by_commitment(bills: &Bills<'_>) -> Result<Vec<CommitmentTotals>, MoneyError> {
    let mut found: BTreeMap<&str, [Option<i128>; 3]> = BTreeMap::new();
    for entry in &bills.closed.entries {
        let Some(id) = entry.booking.commitment.as_deref() else { continue };
        let convert = |it: Option<i128>| {
            it.map(|atto| bills.rates.convert(atto, entry.booking.currency)).transpose()
        };
        let costs = &entry.sums.costs;
        let (at, amount) = match (entry.booking.fate, entry.booking.commitment_used) {
            (Fate::Purchase, _) => (0, costs.billed),
            (_, Some(true)) => (1, costs.effective),
            (_, Some(false)) => (2, costs.effective),
            (_, None) => continue,
        };
        let sums = found.entry(id).or_default();
        sums[at] = add(sums[at], convert(amount)?)?;
    }
    let money = |atto: Option<i128>| atto.map(|it| Money::from_atto(it, bills.rates.to));
    found
        .into_iter()
        .map(|(id, [purchased, used, unused])| {
            let spent = add(used, unused)?;
            let difference = match (purchased, spent) {
                (Some(a), Some(b)) => Some(a.checked_sub(b).ok_or(MoneyError::Overflow)?),
                (Some(a), None) => Some(a),
                (None, Some(b)) => Some(-b),
                (None, None) => None,
            };
            let cause = match (purchased, spent, difference) {
                (None, None, _) => Some("its fee is in none of these files: its cost is not known"),
                (_, _, Some(0) | None) => None,
                (None, ..) => Some("bought before these files begin, or in another account"),
                (_, None, _) => Some("bought here, used in no row of these files"),
                (_, _, Some(it)) if it > 0 => Some("paid in advance for a term beyond these files"),
                _ => Some("part of it was bought before these files begin"),
            };
            Ok(CommitmentTotals {
                id: id.to_owned(),
                purchased: money(purchased),
                effective_used: money(used),
                effective_unused: money(unused),
                difference: money(difference),
                cause,
            })
        })
        .collect()
}

/// Spend without a workload: fate, provider, resource or service, GPU, and owner.
type UnmatchedKey<'a> = (Fate, Option<&'a str>, Option<&'a str>, Option<&'a str>, Option<&'a str>);

/// What no workload claims, by resource or service, the largest first.
fn unmatched(bills: &Bills<'_>, tables: &TableTotals) -> Result<Vec<Unmatched>, MoneyError> {
    let mut found: BTreeMap<UnmatchedKey<'_>, Sums> = BTreeMap::new();
    let convert = |atto: Option<i128>, currency: Currency| {
        atto.map(|it| bills.rates.convert(it, currency)).transpose()
    };
    for entry in &bills.closed.entries {
        let fate = fate_of(entry, bills.cut);
        if !matches!(fate, Fate::Unassigned | Fate::OtherCloud) {
            continue;
        }
        let booking = &entry.booking;
        let (provider, what) = (booking.provider.as_deref(), booking.what.as_deref());
        let costs = Costs {
            billed: convert(entry.sums.costs.billed, booking.currency)?,
            effective: convert(entry.sums.costs.effective, booking.currency)?,
            ..Costs::default()
        };
        let key = (fate, provider, what, booking.gpu.as_deref(), None);
        found.entry(key).or_default().add(&Sums { costs, ..entry.sums })?;
    }
    for ([provider, what, gpu, owner], sums) in &tables.unmatched {
        let [provider, what, gpu, owner] = [provider, what, gpu, owner].map(Option::as_deref);
        found.entry((Fate::Unassigned, provider, what, gpu, owner)).or_default().add(sums)?;
    }
    let money = |atto: Option<i128>| atto.map(|it| Money::from_atto(it, bills.rates.to));
    let mut lines: Vec<(UnmatchedKey<'_>, Sums)> = found.into_iter().collect();
    lines.sort_by_key(|(key, sums)| {
        (key.0, std::cmp::Reverse(sums.costs.effective.or(sums.costs.billed)))
    });
    let mut listed = Vec::new();
    for fate in [Fate::Unassigned, Fate::OtherCloud] {
        let of_fate = lines.iter().filter(|it| it.0.0 == fate).take(MOST_UNMATCHED);
        listed.extend(of_fate.map(|((fate, provider, what, gpu, owner), sums)| Unmatched {
            fate: *fate,
            provider: provider.map(str::to_owned),
            what: what.map(str::to_owned),
            gpu: gpu.map(str::to_owned),
            owner: owner.map(str::to_owned),
            billed: money(sums.costs.billed),
            effective: money(sums.costs.effective),
            rows: sums.rows,
        }));
    }
    Ok(listed)
}
