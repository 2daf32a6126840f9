//! Fees of commitments that a bill does not spread over what they cover: spread when the books close.
//!
//! Comes in: the entries of the books, among them the fee of a commitment (a purchase) and the uses
//! that it covers, which are billed nothing. Goes out: the same entries with effective costs. Per
//! commitment and month the used share of the fee is what is covered of what was bought, at most all;
//! it goes to the covered entries by how much of them is covered. The rest of the fee is a part of its
//! own that nothing used. The purchase keeps what was billed and has no effective cost.
//!
//! A fee of 70.00 for 100 GPU-hours of which 60 cover two workloads, 45 and 15: 31.50 and 10.50, and
//! 28.00 unused.
//!
//! The sum of effective costs does not change: each share is the difference of two running totals in
//! whole 10^-18, so that the last takes what rounding left, and entries come in one order whatever the
//! order of files.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::Datelike;
use chrono_tz::Tz;

use super::booking::{Booking, Fate};
use super::books::Entry;
use super::charge::{ChargeCategory, Costs};
use super::exact::share;
use super::sums::{Sums, from_nano};
use super::tally::TotalKey;
use crate::units::{Currency, MoneyError};

#[cfg(test)]
mod tests;

/// Provider, commitment, currency, year and month.
type Key<'a> = (Option<&'a str>, Option<&'a str>, Currency, i32, u32);

/// A month of a commitment, by places of entries.
#[derive(Default)]
struct Month {
    fees: Vec<usize>,
    covered: Vec<usize>,
}

/// What the reader must know.
#[derive(Default)]
struct Told {
    /// Commitments of GPU cost without a fee, and the hours that they cover.
    without_fee: BTreeSet<String>,
    nano_gpu_hours: i128,
    /// Commitments whose fee does not say what was bought.
    without_quantity: BTreeSet<String>,
}

/// Spreads the fees; the totals of the files move from purchases to uses with them. Returns what the
/// reader must know.
pub(super) fn spread_fees(
    entries: &mut Vec<Entry>,
    totals: &mut BTreeMap<TotalKey, Sums>,
) -> Result<Vec<String>, MoneyError> {
    let mut told = Told::default();
    let mut unused = Vec::new();
    for month in months(entries) {
        if month.fees.is_empty() {
            told.note_missing_fee(entries, &month);
            continue;
        }
        let (fee, used) = month.used(entries, &mut told)?;
        month.charge(entries, used)?;
        unused.extend(month.settle(entries, fee, used)?);
        month.move_totals(entries, totals, fee)?;
    }
    if !unused.is_empty() {
        entries.append(&mut unused);
        let key = |it: &Entry| (it.period.start(), it.period.end());
        entries.sort_by(|a, b| a.booking.cmp(&b.booking).then_with(|| key(a).cmp(&key(b))));
    }
    Ok(told.notices())
}

/// The months of all commitments whose fee is to be spread.
fn months(entries: &[Entry]) -> Vec<Month> {
    let mut found: BTreeMap<Key<'_>, Month> = BTreeMap::new();
    // Hours whose money belongs to another month are entries without costs.
    let spread = |it: &Entry| it.booking.spread && it.sums.costs != Costs::default();
    for (at, entry) in entries.iter().enumerate().filter(|(_, it)| spread(it)) {
        let booking = &entry.booking;
        let day = entry.period.start().in_zone(Tz::UTC).date();
        let (provider, commitment) = (booking.provider.as_deref(), booking.commitment.as_deref());
        let key = (provider, commitment, booking.currency, day.year(), day.month());
        let month = found.entry(key).or_default();
        if booking.fate == Fate::Purchase {
            month.fees.push(at);
        } else {
            month.covered.push(at);
        }
    }
    found.into_values().collect()
}

/// The sum of a number of some entries.
fn sum(entries: &[Entry], places: &[usize], number: impl Fn(&Sums) -> i128) -> i128 {
    places.iter().map(|at| number(&entries[*at].sums)).sum()
}

fn committed(sums: &Sums) -> i128 {
    i128::from(sums.nano_committed)
}

fn effective(sums: &Sums) -> i128 {
    sums.costs.effective.unwrap_or(0)
}

/// The parts of an amount by weights, the difference of running totals each.
fn shares(amount: i128, weights: &[i128]) -> Option<Vec<i128>> {
    let whole: i128 = weights.iter().sum();
    if whole == 0 {
        return (amount == 0).then(|| vec![0; weights.len()]);
    }
    let (mut weight, mut taken) = (0, 0);
    let part = |it: &i128| {
        weight += it;
        let upto = share(amount, weight, whole)?;
        Some(upto - std::mem::replace(&mut taken, upto))
    };
    weights.iter().map(part).collect()
}

impl Month {
    /// The fee, and what of it was used.
    fn used(&self, entries: &[Entry], told: &mut Told) -> Result<(i128, i128), MoneyError> {
        let fee = sum(entries, &self.fees, effective);
        let bought = sum(entries, &self.fees, committed);
        let covered = sum(entries, &self.covered, committed);
        if bought <= 0 && covered > 0 {
            let names = self.fees.iter().filter_map(|at| entries[*at].booking.commitment.clone());
            told.without_quantity.extend(names);
        }
        let used = match covered {
            ..=0 => 0,
            _ if bought <= 0 || covered >= bought => fee,
            _ => share(fee, covered, bought).ok_or(MoneyError::Overflow)?,
        };
        Ok((fee, used))
    }

    /// Charges what is covered with the used part of the fee. What is covered by an amount that is
    /// not known keeps a cost that is not known.
    fn charge(&self, entries: &mut [Entry], used: i128) -> Result<(), MoneyError> {
        let weights: Vec<i128> =
            self.covered.iter().map(|at| committed(&entries[*at].sums)).collect();
        if weights.iter().sum::<i128>() <= 0 {
            return Ok(());
        }
        let shares = shares(used, &weights).ok_or(MoneyError::Overflow)?;
        for ((at, cost), weight) in self.covered.iter().zip(shares).zip(weights) {
            if weight != 0 {
                let costs = Costs { effective: Some(cost), ..Costs::default() };
                entries[*at].sums.costs.add(&costs)?;
            }
        }
        Ok(())
    }

    /// Takes the effective cost from the fees, and returns what of each was not used.
    fn settle(
        &self,
        entries: &mut [Entry],
        fee: i128,
        used: i128,
    ) -> Result<Vec<Entry>, MoneyError> {
        let fees: Vec<i128> = self.fees.iter().map(|at| effective(&entries[*at].sums)).collect();
        let of_used = if fee == 0 { Some(vec![0; fees.len()]) } else { shares(used, &fees) };
        let of_used = of_used.ok_or(MoneyError::Overflow)?;
        let mut unused = Vec::new();
        for ((at, paid), used) in self.fees.iter().zip(fees).zip(of_used) {
            let entry = &mut entries[*at];
            entry.sums.costs.effective = Some(0);
            if paid != used {
                unused.push(unused_part(entry, paid - used));
            }
        }
        Ok(unused)
    }

    /// What purchases cost is now the cost of uses.
    fn move_totals(
        &self,
        entries: &[Entry],
        totals: &mut BTreeMap<TotalKey, Sums>,
        fee: i128,
    ) -> Result<(), MoneyError> {
        let Some(booking) = self.fees.first().map(|at| &entries[*at].booking) else {
            return Ok(());
        };
        for (category, amount) in [(booking.category, -fee), (Some(ChargeCategory::Usage), fee)] {
            let costs = Costs { effective: Some(amount), ..Costs::default() };
            totals.entry((booking.currency, category)).or_default().costs.add(&costs)?;
        }
        Ok(())
    }
}

/// The part of a fee that nothing used.
fn unused_part(fee: &Entry, amount: i128) -> Entry {
    let booking = Booking {
        fate: Fate::CommitmentUnused,
        category: Some(ChargeCategory::Usage),
        commitment_used: Some(false),
        what: None,
        spread: false,
        ..(*fee.booking).clone()
    };
    let costs = Costs { effective: Some(amount), ..Costs::default() };
    Entry {
        booking: Arc::new(booking),
        period: fee.period,
        sums: Sums { costs, ..Sums::default() },
    }
}

impl Told {
    fn note_missing_fee(&mut self, entries: &[Entry], month: &Month) {
        for entry in month.covered.iter().map(|at| &entries[*at]) {
            if entry.booking.is_gpu_cost() {
                self.without_fee.extend(entry.booking.commitment.clone());
                self.nano_gpu_hours += entry.sums.nano_gpu_hours.unwrap_or(0);
            }
        }
    }

    fn notices(&self) -> Vec<String> {
        let mut notices = Vec::new();
        if !self.without_fee.is_empty() {
            notices.push(format!(
                "commitments cover {:.2} GPU-hours, or cores and memory beside them, and their fee is in none of \
                 these files, so that their cost is not known: {} commitments",
                from_nano(self.nano_gpu_hours),
                self.without_fee.len()
            ));
        }
        if !self.without_quantity.is_empty() {
            notices.push(format!(
                "fees that do not say how much was committed, so that all of it counts as used: {} commitments",
                self.without_quantity.len()
            ));
        }
        notices
    }
}
