//! What commitments cost, what of them is used, and how many to buy when.
//!
//! Comes in: demand as stretches of time or instances in each step, rates and fees. Goes out: exact
//! money, instances and shares. [`SavingsCurve`] weighs one term over the whole demand,
//! [`SpendCurve`] a commitment in money per hour, [`cheapest_purchases`] terms bought at different
//! times and [`without_forecast`] the same by looking back only. [`net_of_held`] comes before them,
//! [`ladder`] and the pay-back after.
//!
//! No file, no clock, no chance: mathematics on microseconds and nano-units. No function fails;
//! nothing comes out of what mixes currencies or does not fit its type.

mod curve;
mod held;
mod hourly;
mod ladder;
mod online;
mod payback;
mod purchases;
mod staggered;

use crate::units::Fraction;

pub use curve::{CurvePoint, SavingsCurve};
pub use held::{Held, HeldUse, NetDemand, net_of_held};
pub use hourly::{SpendCurve, SpendKind, SpendPoint, left_by_use};
pub use ladder::{Ladder, LadderPlan, Tranche, ladder};
pub use online::without_forecast;
pub use payback::{cash_payback_months, liability_left, prepaid_left, regret_months};
pub use purchases::{Purchases, TermOffer};
pub use staggered::cheapest_purchases;

/// A share in whole millionths, so that it can be compared without rounding.
#[expect(clippy::cast_possible_truncation, reason = "between 0 and a million")]
fn millionths(share: Fraction) -> i128 {
    (share.get() * 1e6).round() as i128
}
