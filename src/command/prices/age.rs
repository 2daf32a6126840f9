//! `prices check --max-age`: which prices nobody has looked at for too long.

use std::fmt::Write;

use super::super::failure::Failure;
use crate::catalog::Catalog;
use crate::catalog::import::{OfferRow, stale};
use crate::cli::Global;

/// A table of what is older, and whether anything is. Offers that are no longer sold do not count.
pub(super) fn check(
    catalog: &Catalog,
    global: &Global,
    max_age_days: u32,
    provider: Option<&str>,
) -> Result<(String, bool), Failure> {
    let today = super::day(global);
    let wanted = |it: &&crate::catalog::Offer| {
        catalog.is_sold(it) && provider.is_none_or(|name| it.provider.eq_ignore_ascii_case(name))
    };
    let rows: Vec<OfferRow> =
        catalog.offers.iter().filter(wanted).filter_map(OfferRow::of).collect();
    if rows.is_empty() {
        return Err(Failure::usage(
            "there is no offer to judge the age of",
            "`gpuadvise prices list` names the providers",
        ));
    }
    let old = stale(&rows, &today, max_age_days).map_err(super::unreadable)?;
    let n: usize = old.iter().map(|it| it.offers).sum();
    let mut text = String::new();
    if !old.is_empty() {
        // Writing to a String cannot fail, here and below.
        let _ = writeln!(
            text,
            "\n{:<20} {:<18} {:>6} {:>6}  {:<10} {:>8}",
            "PROVIDER", "PURCHASE", "OLD", "OF", "OLDEST", "DAYS"
        );
    }
    for it in &old {
        let _ = writeln!(
            text,
            "{:<20} {:<18} {:>6} {:>6}  {:<10} {:>8}",
            it.provider,
            it.purchase.to_string(),
            it.offers,
            it.of,
            it.oldest,
            it.oldest_age_days
        );
    }
    let verdict = match n {
        0 => format!("no price is older than {max_age_days} days on {today}"),
        n => format!(
            "{n} of {} prices are older than {max_age_days} days on {today}: import newer ones with `gpuadvise prices import`",
            rows.len()
        ),
    };
    let _ = writeln!(text, "{verdict}");
    Ok((text, n > 0))
}
