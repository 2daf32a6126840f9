//! What can be committed to over all workloads: their demand on one instance together, after their
//! advice, less what is held.
//!
//! The advice of a workload may hold a reserved base of its own. Here the same instances are looked at
//! together, so nothing here is added to a saving: each case says what of it the advice claims already
//! and what pooling adds.

mod asked;
mod case;
mod early;
mod found;
mod held;
mod hours;
mod lasting;
mod member;
mod order;
mod pool;
mod renewal;
mod spend;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub(super) use case::months_after;
use held::HeldHere;
use hours::Hours;
use lasting::Lasting;
use member::Member;
use pool::Pool;
use spend::Covered;

use super::offers::{is_same_instance, max_term};
use super::{Context, Recommendation};
use crate::catalog::{Offer, Purchase};
use crate::classify::Waste;
use crate::ingest::{HeldCommitment, HeldOf};
use crate::units::{Period, Timestamp};
use crate::workload::Workload;

pub use found::{
    AskedIdle, CasePoint, CommitmentGroup, Commitments, CommittedFirst, EarlyRule, HeldInUse,
    Hindsight, Instance, LadderSteps, NoCase, Renewal, SpendCase, SpendCasePoint, TermCase,
    UnusedHours,
};

pub use member::Standing;

pub(super) use held::{covers, is_of as is_held};

/// What commitments in money per hour would cover, by provider.
type InMoney = BTreeMap<String, Vec<Covered>>;

/// A workload of a run with what was found for it.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// The workload.
    pub workload: &'a Workload,
    /// Its advice and its plans.
    pub found: &'a Recommendation,
    /// What of it is paid and not used.
    pub waste: &'a [Waste],
    /// Whether the advice counts as followed; what was rejected or put off does not.
    pub is_followed: bool,
    /// When demand last changed for good: what was before says nothing of what a term would carry.
    pub changed_at: Option<Timestamp>,
    /// Whole months until its advice is asked for again, where it was put off.
    pub months_put_off: Option<u32>,
    /// What it would ask for, where the hours of the workload were not kept.
    pub standing: Option<&'a Standing>,
}

/// What can be committed to for the workloads of a run. `window` is that of the run.
pub fn commitments(
    parts: &[Part<'_>],
    held: &[HeldCommitment],
    window: Period,
    context: Context<'_>,
) -> Commitments {
    let members = member::all_advised(parts, &context);
    let mut found = from_members(&members, held, window, context);
    let is_free =
        |it: &HeldInUse| it.used.is_some_and(|(us, _)| it.paid_us > 0 && us <= it.paid_us / 2);
    for it in found.held.iter_mut().filter(|it| !it.has_ended && is_free(it)) {
        it.could_carry = held::could_carry(&it.held, (parts, &members), context.catalog);
    }
    let changed = order::changed(parts);
    if !held.is_empty() || !changed.is_empty() {
        let today = from_members(&member::all_today(parts, &context), held, window, context);
        for it in &mut found.held {
            let same = today.held.iter().find(|today| today.held.id == it.held.id);
            it.used_today_us = same.and_then(|it| it.used).map(|it| it.0);
        }
        found.first = order::committed_first(&today, (&changed, &members), (held, window), context);
    }
    found.idle = asked::idle_after(parts, &members, (held, window), context);
    found
}

fn from_members(
    members: &[Member],
    held: &[HeldCommitment],
    window: Period,
    context: Context<'_>,
) -> Commitments {
    let mut by_instance: BTreeMap<Instance, Vec<Member>> = BTreeMap::new();
    for it in members.iter().cloned() {
        by_instance.entry(it.instance.clone()).or_default().push(it);
    }
    let mut found = Commitments::default();
    let (in_money, mut left): (Vec<&HeldCommitment>, Vec<&HeldCommitment>) =
        held.iter().partition(|it| it.of == HeldOf::Spend);
    let mut covered = InMoney::new();
    let idle = member::always(window, 0).map(|steps| Hours::new(window.start(), steps));
    // What no demand is left for is stranded.
    let unused = |here: &HeldHere<'_>| here.in_use(idle.as_ref()?, max_term(&context));
    for (instance, members) in by_instance {
        let (here, others) =
            left.into_iter().partition(|it| held::is_of(it, &instance, context.catalog));
        left = others;
        let here = HeldHere::new(here, context.as_of);
        let here = (&here, in_money.as_slice());
        let in_use = one_instance((&mut found, &mut covered), (instance, members), here, context);
        found.held.extend(in_use.or_else(|| unused(here.0)).unwrap_or_default());
    }
    found.held.extend(unused(&HeldHere::new(left, context.as_of)).unwrap_or_default());
    found.spend = covered.values().flat_map(|it| spend::cases(it, &in_money, context)).collect();
    for it in &in_money {
        let sells = |offer: &Offer| offer.purchase.is_in_money() && offer.provider == it.provider;
        let in_use = match covered.get(&it.provider) {
            // Who runs there and has no price under the plan may be covered by it all the same.
            None if context.catalog.offers.iter().any(sells) && !runs_at(members, it) => {
                unused(&HeldHere::new(vec![it], context.as_of))
            }
            kinds => {
                let kinds = kinds.map_or(&[][..], Vec::as_slice);
                spend::in_use(it, &in_money, kinds, (window, context)).map(|it| vec![it])
            }
        };
        found.held.extend(in_use.unwrap_or_default());
    }
    for it in &mut found.held {
        held::own_up(it, members, context.catalog);
        let no_price = it.held.of == HeldOf::Spend && it.used.is_none();
        if no_price && !covered.contains_key(&it.held.provider) {
            let who = members.iter().filter(|of| of.instance.provider == it.held.provider);
            let who: Vec<&str> = who.map(|it| it.workload.as_str()).collect();
            it.not_known = Some(format!(
                "no price list has a price under the plan for what runs at {}: {}",
                it.held.provider,
                who.join(", ")
            ));
        }
    }
    found
}

/// Whether any of them runs at the provider of a commitment.
fn runs_at(members: &[Member], held: &HeldCommitment) -> bool {
    members.iter().any(|it| it.instance.provider == held.provider)
}

/// The case of one instance, or why there is none; gives what is held of it, where anything is asked
/// for.
fn one_instance(
    (found, covered): (&mut Commitments, &mut InMoney),
    (instance, members): (Instance, Vec<Member>),
    (here, in_money): (&HeldHere<'_>, &[&HeldCommitment]),
    context: Context<'_>,
) -> Option<Vec<HeldInUse>> {
    let by_use = members.first()?.by_use.clone();
    let plan = in_money
        .iter()
        .find(|it| it.term.end() > context.as_of && held::covers(it, &by_use, context.catalog));
    let unknown =
        |it: &Member| !held::is_declared(it, here.all().chain(in_money.iter().copied()), &context);
    let (committed, members): (Vec<Member>, Vec<Member>) = members.into_iter().partition(unknown);
    if !committed.is_empty() {
        found.absent.push(NoCase {
            instance: instance.clone(),
            workloads: pool::names(&committed),
            covered: true,
            reason:
                "the bill says that a commitment covers it; name it in a [[commitment]] to see \
                     what of it is used and what more would save"
                    .to_owned(),
            rule: None,
        });
    }
    let offers = on_offer(&members, &context);
    let longest = max_term(&context);
    let min_days = context.catalog.assumptions.advice.min_days_commitment;
    // What is held is used by all of them, also by who leaves before a new term is over.
    let (pool, left_out) = Pool::of(members.clone(), min_days);
    let Some(pool) = pool else {
        let pool = Pool::of_short(left_out)?;
        let plans = plans(&offers);
        if let Some((_, plan)) = plans.first() {
            let short = Covered::of(&plans, &pool, pool.hours.clone());
            let short = Covered { is_short: true, ..short };
            covered.entry(plan.provider.clone()).or_default().push(short);
        }
        found.absent.extend(too_short(instance, &members, &offers, context));
        return here.in_use(&pool.hours, longest);
    };
    cover(covered, &offers, (&pool, &members), (here, context))?;
    if let Some(plan) = plan {
        found.absent.push(NoCase {
            instance,
            workloads: pool::names(&pool.members),
            covered: true,
            reason: format!(
                "the commitment {} in money per hour covers it: what more would save is told with those in \
                 money per hour",
                plan.id
            ),
            rule: None,
        });
        return here.in_use(&pool.hours, longest);
    }
    let terms = lasting::terms(&members, &offers, here, context);
    let next = terms.iter().find(|it| it.case.best).map_or(longest, |it| it.case.months);
    let in_use = here.in_use(&pool.hours, next);
    let in_use = renewal::weighed(in_use, here, (&members, context), (&offers, &terms));
    found.groups.extend(lasting::groups(terms, &instance, here.n_left()));
    in_use
}

/// Notes what plans in money per hour would cover of a pool: of each term the cheapest, and what of it lasts for
/// that term.
fn cover(
    covered: &mut InMoney,
    offers: &[(Offer, u32)],
    (pool, members): (&Pool, &[Member]),
    (here, context): (&HeldHere<'_>, Context<'_>),
) -> Option<()> {
    let plans = plans(offers);
    let Some(first) = plans.first() else { return Some(()) };
    let provider = first.1.provider.clone();
    let of = |pool: &Pool| Some(Covered::of(&plans, pool, here.net(&pool.hours)?));
    let mut all = of(pool)?;
    for (months, _) in &plans {
        let Some(lasting) = Lasting::of(members, *months, &context) else { continue };
        if lasting.nobody_left.is_some() {
            all.lasting.push((*months, None));
        } else if !lasting.without.is_empty() {
            let it = Covered { without: lasting.without, ..of(&lasting.pool)? };
            all.lasting.push((*months, Some(it)));
        }
    }
    covered.entry(provider).or_default().push(all);
    Some(())
}

/// Of each term the cheapest plan in money per hour, shortest first.
fn plans(offers: &[(Offer, u32)]) -> Vec<(u32, Offer)> {
    let mut plans: BTreeMap<u32, &Offer> = BTreeMap::new();
    for (offer, months) in offers.iter().filter(|it| it.0.purchase.is_in_money()) {
        let cheapest = plans.entry(*months).or_insert(offer);
        if offer.rate.nano() < cheapest.rate.nano() {
            *cheapest = offer;
        }
    }
    plans.into_iter().map(|(months, it)| (months, it.clone())).collect()
}

/// Why there is no case yet, and what to do until then; nothing where nothing is on offer.
fn too_short(
    instance: Instance,
    members: &[Member],
    offers: &[(Offer, u32)],
    context: Context<'_>,
) -> Option<NoCase> {
    let shortest = offers.iter().find(|it| it.1 <= max_term(&context));
    let months = shortest.or(offers.first())?.1;
    let lasting = members.iter().filter(|it| it.absent(months).is_none()).cloned();
    let pool = Pool::of_short(lasting.collect())?;
    let least = context.catalog.assumptions.advice.min_days_commitment;
    let days = pool.hours.days();
    Some(NoCase {
        instance,
        workloads: pool::names(&pool.members),
        covered: false,
        reason: format!("{days:.1} days of demand; a commitment needs at least {least}"),
        rule: shortest
            .and_then(|(offer, months)| early::rule(&pool.hours, pool.by_use, offer, *months)),
    })
}

/// The committed offers for the instance of these workloads, of each term the cheapest listed and the
/// cheapest quoted to the user, shortest first.
fn on_offer(members: &[Member], context: &Context<'_>) -> Vec<(Offer, u32)> {
    let today = context.as_of.to_date_string();
    let mut cheapest: BTreeMap<(u32, Purchase, bool), &Offer> = BTreeMap::new();
    let Some(first) = members.first() else { return Vec::new() };
    let policy = context.policy;
    let is_allowed = |it: &&Offer| {
        let by_policy = policy.allows_provider(&it.provider) && policy.allows_region(&it.region);
        by_policy && it.holds_on(&today)
    };
    for offer in context.catalog.offers_for(&first.instance.gpu).filter(is_allowed) {
        let (Purchase::Reserved { months } | Purchase::FlexCommitment { months }) = offer.purchase
        else {
            continue;
        };
        if is_same_instance(offer, &first.by_use) {
            let is_quote = offer.is_quote();
            let best = cheapest.entry((months, offer.purchase, is_quote)).or_insert(offer);
            if offer.rate.nano() < best.rate.nano() {
                *best = offer;
            }
        }
    }
    cheapest.into_iter().map(|((months, ..), it)| (it.clone(), months)).collect()
}
