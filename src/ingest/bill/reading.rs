//! What the cells of a row hold, read the same way and refused in the same words for all bills.

use super::super::cell::{self, Cell, LastFloat};
use super::super::raw::RawTable;
use super::charge::{Costs, Fault, Part, PartKind, Parts};
use super::columns::header_of;
use crate::units::{Period, Timestamp};

/// Longest period a charge may cover: 400 days, so that a year paid at once passes and a typo does
/// not.
const MOST_PERIOD_US: i64 = 400 * 86_400 * 1_000_000;
/// Why a row without its cost is refused.
const NO_COST: &str = "the cost is empty; an unknown cost is not zero";

/// A row while its cells are read. The first fault is kept, and what else can be read counts: what
/// returns no fault by itself notes it here.
pub(super) struct Reading<'a> {
    table: &'a RawTable,
    row: usize,
    out: &'a mut Parts,
    last: LastFloat,
    fault: Option<Fault>,
}

impl<'a> Reading<'a> {
    /// A row that adds to `out`.
    #[inline]
    pub(super) fn of((table, row): (&'a RawTable, usize), out: &'a mut Parts) -> Reading<'a> {
        Reading { table, row, out, last: LastFloat::default(), fault: None }
    }

    /// A cell as it is.
    pub(super) fn cell(&self, column: usize) -> Cell<'a> {
        self.table.cell(column, self.row)
    }

    /// An exact number in 10^-18; `None` where the cell says nothing.
    #[inline]
    pub(super) fn exact(&mut self, column: Option<usize>) -> Option<(i128, bool)> {
        let column = column?;
        let found = cell::atto_at(self.table, (column, self.row), &mut self.last);
        self.note(column, found)?
    }

    /// An exact amount, which is counted where it comes from a binary float.
    #[inline]
    pub(super) fn amount(&mut self, column: Option<usize>) -> Option<i128> {
        let found = self.exact(column);
        self.counted(found)
    }

    /// Counts an amount that comes from a binary float.
    #[inline]
    pub(super) fn counted(&mut self, found: Option<(i128, bool)>) -> Option<i128> {
        let (atto, from_float) = found?;
        self.out.from_floats += u64::from(from_float);
        Some(atto)
    }

    /// As [`Reading::amount`], of a cost that the row is refused without.
    #[inline]
    pub(super) fn cost(&mut self, column: usize) -> Option<i128> {
        let found = self.amount(Some(column));
        if found.is_none() {
            self.fail(column, NO_COST);
        }
        found
    }

    /// As [`Reading::cost`], of the one without which the row adds nothing.
    pub(super) fn needed_cost(&mut self, column: usize) -> Result<i128, Fault> {
        let found = self.cost(column);
        found.ok_or_else(|| self.fault.take().unwrap_or_default())
    }

    /// An instant; a wall clock without an offset is UTC, as all bills define.
    #[inline]
    pub(super) fn time(&mut self, column: Option<usize>) -> Option<Timestamp> {
        let column = column?;
        self.note(column, cell::utc_at(self.table, column, self.row))?
    }

    /// The period that two cells begin and end. Of a row without one any, and the fault is noted.
    #[inline]
    pub(super) fn period(&mut self, ends: (usize, usize)) -> Period {
        let found = self.between(ends);
        self.keep(found).unwrap_or(Period::EPOCH_DAY)
    }

    /// As [`Reading::period`], with its fault.
    #[inline]
    pub(super) fn between(&self, (start, end): (usize, usize)) -> Result<Period, Fault> {
        let (start, until) = (self.instant(start, "start")?, self.instant(end, "end")?);
        period(start, until).map_err(|why| self.fault(end, why))
    }

    /// An instant that the row is refused without; `what` it is, for the fault.
    #[inline]
    pub(super) fn instant(&self, column: usize, what: &str) -> Result<Timestamp, Fault> {
        match cell::utc_at(self.table, column, self.row) {
            Ok(Some(found)) => Ok(found),
            Ok(None) => Err(self.fault(column, format!("the {what} is missing"))),
            Err(why) => Err(self.fault(column, why)),
        }
    }

    /// A finite number, negative in corrections; `None` where the cell says nothing.
    #[inline]
    pub(super) fn number(&mut self, column: Option<usize>) -> Option<f64> {
        let column = column?;
        self.note(column, cell::number(self.cell(column)))?
    }

    /// A number that is not negative.
    pub(super) fn quantity(&mut self, column: Option<usize>) -> Option<f64> {
        let column = column?;
        self.note(column, cell::quantity(self.cell(column)))?
    }

    /// What was found in a column; a reason why it was not is noted.
    #[inline]
    pub(super) fn note<T>(&mut self, column: usize, found: Result<T, String>) -> Option<T> {
        match found {
            Ok(found) => Some(found),
            Err(why) => {
                self.fail(column, why);
                None
            }
        }
    }

    /// As [`Reading::note`], of a fault that names its column.
    #[inline]
    pub(super) fn keep<T>(&mut self, found: Result<T, Fault>) -> Option<T> {
        found.map_err(|fault| self.fault.get_or_insert(fault)).ok()
    }

    /// Refuses the row for a column, unless it is refused already.
    #[cold]
    pub(super) fn fail(&mut self, column: usize, why: impl Into<String>) {
        if self.fault.is_none() {
            self.fault = Some(self.fault(column, why));
        }
    }

    /// A fault of a cell in this column.
    #[cold]
    pub(super) fn fault(&self, column: usize, why: impl Into<String>) -> Fault {
        (header_of(self.table, column), why.into())
    }

    /// Adds a part, which counts also where the row is refused.
    #[inline]
    pub(super) fn push(&mut self, part: Part) {
        self.out.push(part);
    }

    /// Adds the only part of a row, and ends it.
    pub(super) fn charge(
        mut self,
        costs: Costs,
        period: Period,
        quantity: Option<f64>,
    ) -> Result<(), Fault> {
        let kind = PartKind::Main;
        self.push(Part { kind, period, billing_start: None, costs, quantity });
        self.end()
    }

    /// Fails where the row is refused.
    #[inline]
    pub(super) fn end(self) -> Result<(), Fault> {
        self.fault.map_or(Ok(()), Err)
    }
}

/// The period between two instants, or why it is none.
fn period(start: Timestamp, end: Timestamp) -> Result<Period, String> {
    let period = Period::new(start, end)
        .ok_or_else(|| format!("the period ends at {end}, not after its start"))?;
    if period.len_us() > MOST_PERIOD_US {
        return Err(format!("the period from {start} to {end} is longer than 400 days"));
    }
    Ok(period)
}

/// Billed and effective cost of what knows no commitment.
pub(super) fn same_costs(atto: i128) -> Costs {
    Costs { billed: Some(atto), effective: Some(atto), list: None, contracted: None }
}

#[cfg(test)]
mod tests {
    use super::super::columns::fixtures::csv_table;
    use super::*;

    #[test]
    fn a_refused_row_still_shows_its_amount() {
        let table = csv_table("cost,start,end,hours\n7,soon,2026-06-01,x\n");
        let mut out = Parts::default();
        let mut read = Reading::of((&table, 0), &mut out);
        let costs = same_costs(read.needed_cost(0).unwrap());
        let (period, hours) = (read.period((1, 2)), read.number(Some(3)));
        let fault = read.charge(costs, period, hours).unwrap_err();
        assert_eq!(fault.0.as_deref(), Some("start"));
        let billed: Vec<_> = out.iter().map(|it| it.costs.billed).collect();
        assert_eq!(billed, [Some(7_000_000_000_000_000_000)]);
    }

    #[test]
    fn a_period_has_a_length() {
        let at = Timestamp::from_s;
        assert!(period(at(0), at(0)).is_err());
        assert!(period(at(0), at(366 * 86_400)).is_ok());
        assert!(period(at(0), at(401 * 86_400)).is_err());
    }
}
