//! What a row of Azure cost details adds to its line.

use super::super::super::raw::RawTable;
use super::super::charge::{Costs, Fault, Part, PartKind, Parts, QuantityUnit, Terms};
use super::super::exact::product;
use super::super::fields::{amount_at, header_of, needed_amount_at, number_at};
use super::line::Charge;
use super::{CostDetails, dates};
use crate::units::Period;

/// Reads the amounts, the day and the quantity.
pub(super) fn read(
    details: &CostDetails,
    at: (&RawTable, usize),
    line: &Terms,
    out: &mut Parts,
) -> Result<(), Fault> {
    let columns = &details.columns;
    let (charge, priced) = Charge::noted(line.own);
    let cost = needed_amount_at(at, columns.cost, out)?;
    let mut fault = None;
    let mut known = |found: Result<Option<i128>, Fault>| {
        found.unwrap_or_else(|why| {
            fault.get_or_insert(why);
            None
        })
    };
    let units = known(amount_at(at, columns.quantity, &mut Parts::default()));
    let list_price = known(amount_at(at, columns.list_price, out));
    let list_cost = known(amount_at(at, columns.list_cost, out));
    let unit_price = known(amount_at(at, columns.unit_price, out));
    let times = |price: Option<i128>| product(price.filter(|_| priced)?, units?);
    let list = list_cost.or_else(|| times(list_price));
    let mut costs = costs(charge, cost, (list, times(unit_price)), details.sight.amortized);
    // Without prices there is no total at prices, not even of taxes and rounding.
    costs.list = costs.list.filter(|_| columns.list_price.or(columns.list_cost).is_some());
    costs.contracted = costs.contracted.filter(|_| columns.unit_price.is_some());

    let (table, row) = at;
    let day = dates::day(table.cell(columns.date, row), details.order);
    let period = day.clone().unwrap_or(Period::EPOCH_DAY);
    let billing_start = columns
        .period_start
        .and_then(|column| dates::day(table.cell(column, row), details.order).ok())
        .map(Period::start);
    let quantity = match line.unit {
        QuantityUnit::None => None,
        _ => number_at(at, columns.quantity).ok().flatten(),
    };
    let kind = if charge == Charge::ForLater { PartKind::PurchaseForLater } else { PartKind::Main };
    out.push(Part { kind, period, billing_start, costs, quantity });
    if let Err(why) = day {
        return Err((header_of(table, columns.date), why));
    }
    fault.map_or(Ok(()), Err)
}

/// The four costs of a row that costs `cost`. A price of 0 on a row that costs something, or that a
/// commitment covers, is a price that the bill does not tell.
fn costs(
    charge: Charge,
    cost: i128,
    (list, contracted): (Option<i128>, Option<i128>),
    amortized: bool,
) -> Costs {
    let told =
        |price: Option<i128>| price.filter(|it| *it != 0 || (cost == 0 && charge == Charge::Usage));
    let (list, contracted) = (told(list), told(contracted));
    match charge {
        Charge::Usage => Costs { billed: Some(cost), effective: Some(cost), list, contracted },
        Charge::Covered => {
            let effective = (cost != 0 || amortized).then_some(cost);
            Costs { billed: Some(0), effective, list, contracted }
        }
        Charge::Unused => Costs { billed: Some(0), effective: Some(cost), ..Costs::default() },
        Charge::ForLater => Costs { billed: Some(cost), effective: Some(0), ..Costs::default() },
        Charge::Purchase | Charge::Tax | Charge::Credit | Charge::Adjustment => Costs {
            billed: Some(cost),
            effective: Some(cost),
            list: Some(cost),
            contracted: Some(cost),
        },
    }
}
