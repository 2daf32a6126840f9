//! What a row of Azure cost details adds to its line.

use super::super::charge::{Costs, Fault, Part, PartKind, QuantityUnit, Terms};
use super::super::exact::product;
use super::super::reading::Reading;
use super::line::Charge;
use super::{CostDetails, dates};
use crate::units::Period;

/// Reads the amounts, the day and the quantity.
pub(super) fn read(
    details: &CostDetails,
    mut read: Reading<'_>,
    line: &Terms,
) -> Result<(), Fault> {
    let columns = &details.columns;
    let (charge, priced) = Charge::noted(line.own);
    let cost = read.needed_cost(columns.cost)?;
    let day = dates::day(read.cell(columns.date), details.order);
    let period = read.note(columns.date, day).unwrap_or(Period::EPOCH_DAY);
    let units = read.exact(columns.quantity).map(|(units, _)| units);
    let times = |price: Option<i128>| product(price.filter(|_| priced)?, units?);
    let list_price = read.amount(columns.list_price);
    let list = read.amount(columns.list_cost).or_else(|| times(list_price));
    let contracted = times(read.amount(columns.unit_price));
    let mut costs = costs(charge, cost, (list, contracted), details.sight.amortized);
    // Without prices there is no total at prices, not even of taxes and rounding.
    costs.list = costs.list.filter(|_| columns.list_price.or(columns.list_cost).is_some());
    costs.contracted = costs.contracted.filter(|_| columns.unit_price.is_some());

    let billing_start = columns
        .period_start
        .and_then(|column| dates::day(read.cell(column), details.order).ok())
        .map(Period::start);
    let quantity = match line.unit {
        QuantityUnit::None => None,
        _ => read.number(columns.quantity),
    };
    let kind = if charge == Charge::ForLater { PartKind::PurchaseForLater } else { PartKind::Main };
    read.push(Part { kind, period, billing_start, costs, quantity });
    read.end()
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
