//! How old prices are, and what they were on an earlier day.

use std::collections::BTreeMap;

use serde::Serialize;

use super::error::ImportError;
use super::offer_row::{Key, OfferRow};
use crate::catalog::Purchase;
use crate::catalog::date::first_day;

/// The too old offers of one provider and one way of buying.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stale {
    /// Whose.
    pub provider: String,
    /// How bought.
    pub purchase: Purchase,
    /// How many are too old.
    pub offers: usize,
    /// Of how many.
    pub of: usize,
    /// The date of the oldest.
    pub oldest: String,
    /// Its age in days.
    pub oldest_age_days: i64,
}

/// The offers older than `max_age_days` on the day `today`, by provider and way of buying.
///
/// Of each key the newest row counts. A month counts from its first day, a year from the 1st of
/// January: a price is never taken for younger than it can be.
pub fn stale(
    offers: &[OfferRow],
    today: &str,
    max_age_days: u32,
) -> Result<Vec<Stale>, ImportError> {
    let day = first_day(today).ok_or_else(|| ImportError::BadDate {
        file: "--as-of".to_owned(),
        found: today.to_owned(),
    })?;
    let mut groups: BTreeMap<(&str, Purchase), Vec<(i64, &str)>> = BTreeMap::new();
    for offer in newest(offers.iter()).into_values() {
        // Import and catalog refuse what is no date; such a row would be as old as can be.
        let age = first_day(&offer.as_of).map_or(i64::MAX, |it| day - it);
        let group = (offer.key.provider.as_str(), offer.key.purchase);
        groups.entry(group).or_default().push((age, &offer.as_of));
    }
    let stale = groups.into_iter().filter_map(|((provider, purchase), ages)| {
        let (age, oldest) = ages.iter().max_by_key(|it| it.0)?;
        let offers = ages.iter().filter(|it| it.0 > i64::from(max_age_days)).count();
        (offers > 0).then(|| Stale {
            provider: provider.to_owned(),
            purchase,
            offers,
            of: ages.len(),
            oldest: (*oldest).to_owned(),
            oldest_age_days: *age,
        })
    });
    Ok(stale.collect())
}

/// What was known of each key on `day`: its newest row not after that day. Two snapshots of one
/// history and their [`diff`](super::diff) say how prices moved between two days.
pub fn snapshot(offers: &[OfferRow], day: &str) -> Result<Vec<OfferRow>, ImportError> {
    let last = first_day(day).ok_or_else(|| ImportError::BadDate {
        file: "--since".to_owned(),
        found: day.to_owned(),
    })?;
    let known = |it: &&OfferRow| first_day(&it.as_of).is_some_and(|day| day <= last);
    Ok(newest(offers.iter().filter(known)).into_values().cloned().collect())
}

/// Of each key the row with the newest date; the last of several.
pub(crate) fn newest<'a>(
    offers: impl Iterator<Item = &'a OfferRow>,
) -> BTreeMap<&'a Key, &'a OfferRow> {
    let mut newest: BTreeMap<&Key, &OfferRow> = BTreeMap::new();
    for offer in offers {
        let kept = newest.entry(&offer.key).or_insert(offer);
        if kept.as_of <= offer.as_of {
            *kept = offer;
        }
    }
    newest
}
