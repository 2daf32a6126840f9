//! How prices moved between two days of one history.

use super::age::snapshot;
use super::diff::{Diff, diff};
use super::error::ImportError;
use super::offer_row::OfferRow;
use crate::catalog::date::first_day;

/// The moves from one day to another, of offers that were seen at most `max_age_days` before the
/// first day and again after it.
///
/// A price nobody looked at again is not one that stayed the same, and one last seen in March is
/// none of August: both are left out rather than counted, so that a median is one of what was seen.
/// `name` is as for [`diff`].
pub fn moves(
    offers: &[OfferRow],
    (from, to): (&str, &str),
    max_age_days: u32,
    name: &dyn Fn(&str) -> String,
) -> Result<Diff, ImportError> {
    let mut old = snapshot(offers, from)?;
    let mut new = snapshot(offers, to)?;
    let oldest = first_day(from).map(|day| day - i64::from(max_age_days));
    old.retain(|it| first_day(&it.as_of) >= oldest);
    let again = |old: &OfferRow, new: &OfferRow| old.key == new.key && old.as_of < new.as_of;
    // Snapshots are in the order of keys, one row each.
    let same_key =
        |rows: &[OfferRow], of: &OfferRow| rows.binary_search_by(|it| it.key.cmp(&of.key)).ok();
    new.retain(|it| same_key(&old, it).is_some_and(|at| again(&old[at], it)));
    old.retain(|it| same_key(&new, it).is_some());
    Ok(diff(&old, &new, name))
}
