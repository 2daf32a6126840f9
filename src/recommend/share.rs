//! Workloads that share instances where that frees money: the groups, found over all workloads.
//!
//! An instance is sold whole, so GPUs that are free on one that stays save nothing. What saves is an
//! instance less: several workloads that each need some of its GPUs, on one of it. Each workload has its
//! own advice before, and a group must beat what its members cost by that.

use std::collections::{BTreeMap, BTreeSet};

use super::advice::Action;
use super::change::{Change, all_worth_it};
use super::choose::bytes;
use super::pack::{self, Item, Seat};
use super::shared::{self, Followed};
use super::slice::Slice;
use super::{Context, Described, Recommendation, money};
use crate::catalog::Offer;
use crate::units::Money;

/// A workload with its advice.
#[derive(Debug)]
pub struct Sharer<'a> {
    /// The workload.
    pub described: Described<'a>,
    /// What was found for it alone; changed where it should share.
    pub recommendation: &'a mut Recommendation,
}

/// Workloads on instances that only they use.
pub(super) struct Group {
    /// The instance, at the highest rate that one of them pays for it.
    pub(super) offer: Offer,
    /// How many.
    pub(super) instances: u32,
    /// What they cost a month.
    pub(super) total: Money,
    /// What that is less than what the members cost apart.
    pub(super) gain: Money,
    pub(super) members: Vec<Member>,
}

/// A workload of a group.
pub(super) struct Member {
    /// Its place among all workloads.
    pub(super) at: usize,
    pub(super) slice: Slice,
    /// Its GPUs, the instances counted from 0.
    pub(super) seats: Vec<Seat>,
    /// What it costs a month by its own advice.
    pub(super) apart: Money,
    /// Its part of the total.
    pub(super) share: Money,
}

/// An instance on offer, and who could use a part of it.
struct Lot<'a> {
    offer: &'a Offer,
    slices: BTreeMap<usize, Vec<&'a Slice>>,
}

/// Changes the advice of workloads that cost less on shared instances: the group that saves the most,
/// then the next best of the others, until none saves enough. Workloads of two environments never
/// share, nor what is to be stopped, committed, critical, a standby, or known without requests.
pub fn share(all: &mut [Sharer<'_>], context: Context<'_>) {
    let mut free: BTreeSet<usize> =
        (0..all.len()).filter(|at| apart(all[*at].recommendation).is_some()).collect();
    while let Some(groups) = best_groups(all, &free, context) {
        for group in &groups {
            free.retain(|at| group.members.iter().all(|it| it.at != *at));
            follow(all, group, context);
        }
    }
}

/// What a workload costs a month by its own advice; nothing where it must not share.
fn apart(found: &Recommendation) -> Option<Money> {
    if matches!(found.advice.action, Action::Stop | Action::NotEnoughData) {
        return None;
    }
    let advised = found.plans.iter().find(|it| Some(&it.id) == found.advice.plan_id.as_ref());
    let cost = advised.map(|it| it.monthly_cost).or(today(found))?;
    (!found.slices.is_empty() && cost.atto() > 0).then_some(cost)
}

/// What of today's cost of a month can fall.
pub(super) fn today(found: &Recommendation) -> Option<Money> {
    found.baseline.avoidable.or(found.baseline.monthly_cost)
}

/// The groups of the offer that saves the most; nothing where none saves enough.
fn best_groups(
    all: &[Sharer<'_>],
    free: &BTreeSet<usize>,
    context: Context<'_>,
) -> Option<Vec<Group>> {
    let mut best: Option<(i128, Vec<Group>)> = None;
    for lot in lots(all, free).values() {
        let Some(found) = groups_of(all, lot) else { continue };
        let found: Vec<Group> =
            found.into_iter().filter(|it| is_enough(all, it, context)).collect();
        let gain = found.iter().map(|it| it.gain.atto()).sum();
        if !found.is_empty() && best.as_ref().is_none_or(|it| gain > it.0) {
            best = Some((gain, found));
        }
    }
    best.map(|it| it.1)
}

/// Each listed instance in each environment, with the slices on it. Where some pay a rate of their own
/// for it that rate counts, the highest of several.
fn lots<'a>(
    all: &'a [Sharer<'_>],
    free: &BTreeSet<usize>,
) -> BTreeMap<(&'a str, Option<&'a str>), Lot<'a>> {
    let mut lots: BTreeMap<(&str, Option<&str>), Lot<'_>> = BTreeMap::new();
    for at in free {
        let environment = all[*at].described.workload.environment.as_deref();
        for slice in &all[*at].recommendation.slices {
            let Some(offer) = slice.offer() else { continue };
            // At the own rate it is the same instance as on the list; a quote is another one.
            let own = offer.listed_id().filter(|_| offer.is_own_rate());
            let key = (own.unwrap_or(&offer.id), environment);
            let lot = lots.entry(key).or_insert_with(|| Lot { offer, slices: BTreeMap::new() });
            let rank = |it: &Offer| (it.is_own_rate(), it.rate.nano());
            if rank(offer) > rank(lot.offer) {
                lot.offer = offer;
            }
            lot.slices.entry(*at).or_default().push(slice);
        }
    }
    lots
}

/// The choice of workloads that saves the most on an offer, in groups that have no instance in common.
fn groups_of(all: &[Sharer<'_>], lot: &Lot<'_>) -> Option<Vec<Group>> {
    let size = lot.offer.gpu_count;
    let price = money::month_of(lot.offer.rate, 1)?;
    let (mut members, mut items) = (Vec::new(), Vec::new());
    for (at, slices) in &lot.slices {
        let value = apart(all[*at].recommendation)?;
        let least = slices.iter().min_by(|a, b| {
            a.gpus().cmp(&b.gpus()).then_with(|| bytes(&b.plan).total_cmp(&bytes(&a.plan)))
        })?;
        if value.currency() == price.currency() {
            members.push((*at, value, *least));
            items.push(item(least, value));
        }
    }
    let choice = pack::best(&items, size, price.atto())?;
    let mut chosen: Vec<(usize, Money, &Slice)> =
        choice.members.iter().map(|it| members[*it]).collect();
    keep_precision(&mut chosen, lot, choice.instances);
    let items: Vec<Item> = chosen.iter().map(|it| item(it.2, it.1)).collect();
    let seats = pack::place(&items, size, choice.instances)?;
    let groups = pack::groups(&seats).into_iter();
    Some(groups.filter_map(|seats| group(lot.offer, price, &chosen, &seats)).collect())
}

fn item(slice: &Slice, value: Money) -> Item {
    Item { gpus: slice.gpus(), replica: slice.plan.gpu_count, value: value.atto() }
}

/// A lower precision that frees no instance is not worth its test: where there is room each workload
/// takes the highest it has.
fn keep_precision<'a>(chosen: &mut [(usize, Money, &'a Slice)], lot: &Lot<'a>, instances: u32) {
    let size = lot.offer.gpu_count;
    let mut room = (instances * size).saturating_sub(chosen.iter().map(|it| it.2.gpus()).sum());
    for (at, value, slice) in chosen {
        let may = |it: &&&Slice| {
            bytes(&it.plan) > bytes(&slice.plan)
                && it.gpus() <= slice.gpus() + room
                && (instances == 1 || item(it, *value).packs(size))
        };
        let highest = lot.slices[at].iter().filter(may).max_by(|a, b| {
            bytes(&a.plan).total_cmp(&bytes(&b.plan)).then_with(|| b.gpus().cmp(&a.gpus()))
        });
        if let Some(highest) = highest {
            room = room + slice.gpus() - highest.gpus();
            *slice = highest;
        }
    }
}

/// A group with the shares of its members; nothing for one workload alone.
fn group(
    offer: &Offer,
    price: Money,
    chosen: &[(usize, Money, &Slice)],
    seats: &[Seat],
) -> Option<Group> {
    let instances: BTreeSet<u32> = seats.iter().map(|it| it.instance).collect();
    let places: BTreeSet<usize> = seats.iter().map(|it| it.member).collect();
    if places.len() < 2 {
        return None;
    }
    let n = u32::try_from(instances.len()).ok()?;
    let total = price.scale(u64::from(n), 1).ok()?;
    let apart: Vec<Money> = places.iter().map(|it| chosen[*it].1).collect();
    let gain = Money::sum(apart.iter().copied(), price.currency()).ok()?.checked_sub(total).ok()?;
    let of_group = |it: &Seat| {
        let instance = (0..).zip(&instances).find(|all| *all.1 == it.instance)?.0;
        Some(Seat { instance, ..*it })
    };
    let members = places.iter().zip(shares(total, &apart)?).map(|(place, share)| {
        let (at, apart, slice) = chosen[*place];
        let seats = seats.iter().filter(|it| it.member == *place).filter_map(of_group).collect();
        Member { at, slice: slice.clone(), seats, apart, share }
    });
    Some(Group { offer: offer.clone(), instances: n, total, gain, members: members.collect() })
}

/// The total in proportion to what each costs apart; the last takes what rounding leaves, so they add
/// up to the last digit. 40,157.30 by 20,439.27 and 40,157.30: 13,545.09 and 26,612.21.
fn shares(total: Money, apart: &[Money]) -> Option<Vec<Money>> {
    // Millionths, so that the products stay within their type.
    const MICRO: i128 = 1_000_000_000_000;
    let weights: Vec<u64> =
        apart.iter().map(|it| u64::try_from(it.atto() / MICRO).ok()).collect::<Option<Vec<_>>>()?;
    let (_, first) = weights.split_last()?;
    let all = weights.iter().sum();
    let mut shares: Vec<Money> =
        first.iter().map(|it| total.scale(*it, all).ok()).collect::<Option<Vec<_>>>()?;
    let given = Money::sum(shares.iter().copied(), total.currency()).ok()?;
    shares.push(total.checked_sub(given).ok()?);
    Some(shares)
}

/// Whether a group saves as much as an advice must save, of what its members cost today.
fn is_enough(all: &[Sharer<'_>], group: &Group, context: Context<'_>) -> bool {
    let rules = &context.catalog.assumptions.advice;
    let least = context.policy.min_monthly_savings.unwrap_or(rules.min_monthly_savings);
    let today =
        group.members.iter().filter_map(|it| all[it.at].recommendation.baseline.monthly_cost);
    let share = today.map(Money::to_f64).sum::<f64>() * rules.min_savings_share;
    !group.gain.is_zero() && group.gain.to_f64() >= least.max(share)
}

/// Gives each member its new advice, unless the work takes too long to earn back.
fn follow(all: &mut [Sharer<'_>], group: &Group, context: Context<'_>) {
    let followed = |it: &Member| shared::follow(all, (group, it), context);
    let Some(found) = group.members.iter().map(followed).collect::<Option<Vec<Followed>>>() else {
        return;
    };
    let changes: Vec<Change> = found.iter().filter_map(|it| it.advice.change).collect();
    if !all_worth_it(&changes, group.gain, &context.catalog.assumptions.change) {
        return;
    }
    let ids: Vec<String> = found.iter().map(|it| it.advice.id.clone()).collect();
    for (member, mut new) in group.members.iter().zip(found) {
        let others = ids.iter().filter(|it| **it != new.advice.id);
        new.advice.together_with = others.cloned().collect();
        new.put(all[member.at].recommendation);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::units::Currency;

    fn usd(text: &str) -> Money {
        Money::parse(text, Currency::USD).unwrap()
    }

    #[test]
    fn the_worked_example() {
        let found = shares(usd("40157.30"), &[usd("20439.27"), usd("40157.30")]).unwrap();
        let cents: Vec<f64> =
            found.iter().map(|it| (it.to_f64() * 100.0).round() / 100.0).collect();
        assert_eq!(cents, [13_545.09, 26_612.21]);
    }

    #[test]
    fn nothing_is_shared_by_nothing() {
        assert_eq!(shares(usd("1"), &[]), None);
        assert_eq!(shares(usd("1"), &[usd("0"), usd("0")]), None);
    }

    proptest! {
        #[test]
        fn shares_add_up_and_are_below_what_each_costs_apart(
            cents in prop::collection::vec(10_000_u32..100_000_000, 2..9),
            percent in 1_u64..100,
        ) {
            let apart: Vec<Money> =
                cents.iter().map(|it| usd(&format!("{}.{:02}", it / 100, it % 100))).collect();
            let all = Money::sum(apart.iter().copied(), Currency::USD).unwrap();
            let total = all.scale(percent, 100).unwrap();
            let found = shares(total, &apart).unwrap();
            prop_assert_eq!(Money::sum(found.iter().copied(), Currency::USD), Ok(total));
            prop_assert!(found.iter().zip(&apart).all(|(share, apart)| share < apart));
        }
    }
}
