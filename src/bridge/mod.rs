//! Why the GPU spend of one month differs from that of another.
//!
//! Comes in: two [`Month`]s in one currency. Goes out: a [`Bridge`] whose steps add up to the
//! difference to the last digit, in total and for every workload, and what became of the advice of
//! the earlier month. It knows no file, no format and no price list: amounts are those of the bills.

mod findings;
mod month;
mod promise;
mod steps;
#[cfg(test)]
mod tests;

use crate::units::{Money, MoneyError};

pub use findings::{PriceMoved, findings_moved, prices_moved};
pub use month::{Advised, Deployment, Finding, Month, PlanAdvised, PriceRow, Spend};
pub use promise::{Outcome, Promise, Realised, Traffic, Unit, realised};
pub use steps::{Step, Steps};

/// From the spend of one month to that of another.
#[derive(Clone, Debug)]
pub struct Bridge {
    /// Effective cost of the workloads of the earlier month.
    pub old: Money,
    /// Of the later one.
    pub new: Money,
    /// New less old.
    pub difference: Money,
    /// What the difference is made of; they add up to it.
    pub steps: Steps,
    /// Every workload of either month, the largest difference first.
    pub workloads: Vec<Moved>,
    /// What became of the advice to change something, the largest promise first.
    pub promises: Vec<Promise>,
    /// Workloads whose advice has the same id in both months.
    pub same_advice: Vec<String>,
}

/// One workload of a bridge.
#[derive(Clone, Debug)]
pub struct Moved {
    /// Its name.
    pub name: String,
    /// Effective cost of the earlier month; nothing where it is not known or the workload not there.
    pub old: Option<Money>,
    /// Of the later month.
    pub new: Option<Money>,
    /// New less old; what is not known is in neither total.
    pub difference: Money,
    /// What the difference is made of; they add up to it.
    pub steps: Steps,
    /// Why a part has no other step than the rest, where there is one.
    pub rest_because: Option<&'static str>,
}

/// The bridge from `old` to `new`. Fails only where amounts do not fit their type or have two
/// currencies.
///
/// Every step is worked by hand in `tests.rs` and, end to end, in `tests/it/diff.rs`.
pub fn between(old: &Month, new: &Month) -> Result<Bridge, MoneyError> {
    let promises = promise::promises(old, new)?;
    let names = old.workloads.keys().chain(new.workloads.keys());
    let names: std::collections::BTreeSet<&String> = names.collect();
    let mut workloads = Vec::new();
    for name in names {
        let followed =
            promises.iter().any(|it| it.workload == *name && it.outcome == Outcome::Followed);
        workloads.push(steps::of(name, (old, new), followed)?);
    }
    let zero = Money::zero(old.currency);
    let mut steps = Steps::none(old.currency);
    let (mut before, mut after) = (zero, zero);
    for it in &workloads {
        before = before.checked_add(it.old.unwrap_or(zero))?;
        after = after.checked_add(it.new.unwrap_or(zero))?;
        steps = steps.plus(&it.steps)?;
    }
    workloads.sort_by(|a, b| {
        let size = |it: &Moved| it.difference.atto().unsigned_abs();
        size(b).cmp(&size(a)).then_with(|| a.name.cmp(&b.name))
    });
    let same = old.workloads.iter().filter(|(name, it)| {
        new.workloads.get(*name).is_some_and(|now| now.advice.id == it.advice.id)
    });
    Ok(Bridge {
        old: before,
        new: after,
        difference: after.checked_sub(before)?,
        steps,
        workloads,
        promises,
        same_advice: same.map(|(name, _)| name.clone()).collect(),
    })
}
