//! What is found in one month and not in the other, and prices that changed: beside the bridge,
//! never in it.

use std::collections::BTreeMap;

use super::month::{Finding, Month, PriceRow};
use crate::units::{Money, MoneyError};

/// A price of the catalog that is another one now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceMoved {
    /// The id of the row.
    pub id: String,
    /// Before.
    pub old: PriceRow,
    /// Now.
    pub new: PriceRow,
}

/// Findings of `there` that `here` has not, by workload and kind, the dearest first. What nobody
/// measured is no finding.
pub fn findings_moved(there: &Month, here: &Month) -> Result<Vec<Finding>, MoneyError> {
    let mut sums: BTreeMap<(Option<&str>, &str), Finding> = BTreeMap::new();
    for it in there.findings.iter().filter(|it| it.finding != "data_missing") {
        let is_known =
            |other: &Finding| (&other.workload, &other.finding) == (&it.workload, &it.finding);
        if here.findings.iter().any(is_known) {
            continue;
        }
        let key = (it.workload.as_deref(), it.finding.as_str());
        match sums.get_mut(&key) {
            None => {
                sums.insert(key, it.clone());
            }
            Some(sum) => {
                sum.confirmed |= it.confirmed;
                sum.cost = match (sum.cost, it.cost) {
                    (Some(a), Some(b)) => Some(a.checked_add(b)?),
                    (a, b) => a.or(b),
                };
            }
        }
    }
    let mut all: Vec<Finding> = sums.into_values().collect();
    all.sort_by_key(|it| std::cmp::Reverse(it.cost.map(Money::atto)));
    Ok(all)
}

/// Rows that both months have at another price, by id; nothing where one of them lists none.
pub fn prices_moved(old: &Month, new: &Month) -> Option<Vec<PriceMoved>> {
    let (before, after) = (old.prices.as_ref()?, new.prices.as_ref()?);
    let both = before.iter().filter_map(|(id, old)| Some((id, old, after.get(id)?)));
    let moved = both.filter(|(_, old, new)| old.per_hour != new.per_hour);
    Some(
        moved
            .map(|(id, old, new)| PriceMoved { id: id.clone(), old: old.clone(), new: new.clone() })
            .collect(),
    )
}
