//! The credits of a row: which of them are the price of usage, and which are granted on top.

use serde_json::Value;

use super::super::super::cell::Cell;
use super::super::columns::json_amount;
use super::super::reading::Reading;

/// Kinds of credit that are the price of usage.
const OF_PRICE: [&str; 7] = [
    OF_COMMITMENT,
    "COMMITTED_USAGE_DISCOUNT_DOLLAR_BASE",
    "DISCOUNT",
    FEE_OFFSET,
    "RESELLER_MARGIN",
    "SUBSCRIPTION_BENEFIT",
    "SUSTAINED_USAGE_DISCOUNT",
];
/// The credit for what a commitment to resources covers.
const OF_COMMITMENT: &str = "COMMITTED_USAGE_DISCOUNT";
/// The credit on the fee of a commitment for the part of it that was used.
const FEE_OFFSET: &str = "FEE_UTILIZATION_OFFSET";

/// The credits of a row, in 10^-18 of its currency and mostly negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Credits {
    /// What lowers the price.
    pub(super) of_price: i128,
    /// What of that is taken off because a commitment to resources covers it.
    pub(super) of_commitment: i128,
    /// What is granted on top; `None` where there is none.
    pub(super) granted: Option<i128>,
    /// The row is the fee of a commitment, and what its credits leave is the unused part.
    pub(super) leaves_unused: bool,
}

/// Reads the credits of a cell: JSON text, or nothing.
pub(super) fn read(row: &mut Reading<'_>, column: usize) -> Result<Credits, String> {
    let mut credits = Credits::default();
    let text = match row.cell(column).trimmed() {
        Cell::Null | Cell::Text("[]") => return Ok(credits),
        Cell::Text(text) => text,
        _ => return Err("the credits are not JSON".to_owned()),
    };
    let items: Vec<Value> =
        serde_json::from_str(text).map_err(|_| "the credits are not a JSON list".to_owned())?;
    for item in &items {
        let amount = item.get("amount").map_or(Ok(None), json_amount)?;
        let Some(amount) = row.counted(amount) else { continue };
        let kind = item.get("type").and_then(Value::as_str).unwrap_or_default().trim();
        let sum = if OF_PRICE.contains(&kind) {
            &mut credits.of_price
        } else {
            credits.granted.get_or_insert(0)
        };
        *sum = sum.checked_add(amount).ok_or("the credits are too large")?;
        if kind == OF_COMMITMENT {
            let sum = credits.of_commitment.checked_add(amount);
            credits.of_commitment = sum.ok_or("the credits are too large")?;
        }
        credits.leaves_unused |= kind == FEE_OFFSET;
    }
    Ok(credits)
}
