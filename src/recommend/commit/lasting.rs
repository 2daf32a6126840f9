//! Whose demand a term is judged on: of those on an instance who last for it and want one.
//!
//! One workload that ends within a term is no reason against it for the others. It is left out of the
//! demand of that term and named; what it uses of held commitments until then is counted elsewhere.

use super::case::{self, Ground};
use super::held::HeldHere;
use super::hours::Days;
use super::member::Member;
use super::pool::{Pool, names};
use super::{CommitmentGroup, Instance, TermCase};
use crate::catalog::Offer;
use crate::recommend::Context;

/// The demand that one term is judged on.
pub(super) struct Lasting {
    pub(super) pool: Pool,
    /// Those with too few days.
    left_out: Vec<Member>,
    /// Who is no part of it, and why, one phrase each.
    pub(super) without: Vec<String>,
    /// Why nobody is left; the demand is then that of all, for what such a term would save.
    pub(super) nobody_left: Option<String>,
}

impl Lasting {
    /// Nothing where even all of them have too few days.
    pub(super) fn of(members: &[Member], months: u32, context: &Context<'_>) -> Option<Lasting> {
        let min_days = context.catalog.assumptions.advice.min_days_commitment;
        let (lasting, others): (Vec<Member>, Vec<Member>) =
            members.iter().cloned().partition(|it| it.absent(months).is_none());
        let without = others.iter().filter_map(|it| {
            let why = it.absent(months)?;
            Some(format!("{}, which {why}", it.workload))
        });
        let without: Vec<String> = without.collect();
        if without.is_empty() {
            let (pool, left_out) = Pool::of(lasting, min_days);
            return Some(Lasting { pool: pool?, left_out, without, nobody_left: None });
        }
        let short = lasting.iter().map(|it| format!("{}, which has too few days", it.workload));
        let why = without.iter().cloned().chain(short).collect::<Vec<_>>().join("; ");
        if let (Some(pool), left_out) = Pool::of(lasting, min_days) {
            return Some(Lasting { pool, left_out, without, nobody_left: None });
        }
        let (pool, left_out) = Pool::of(members.to_vec(), min_days);
        let nobody_left = Some(format!("no demand is left to judge it on without {why}"));
        Some(Lasting { pool: pool?, left_out, without: Vec::new(), nobody_left })
    }

    /// The case of an offer on what is held of this demand.
    fn case(
        &self,
        (offer, months): (&Offer, u32),
        here: &HeldHere<'_>,
        context: Context<'_>,
    ) -> Option<TermCase> {
        let net = here.net(&self.pool.hours)?;
        let ground = Ground {
            hours: &net,
            by_use: self.pool.by_use,
            days: Days::of(&net, context.zone),
            context,
            nobody_left: self.nobody_left.clone(),
            included: self.pool.included(),
            held_ends: here.ends(),
        };
        case::term(&ground, offer, months)
    }

    fn is_of_the_same(&self, other: &Lasting) -> bool {
        let same = names(&self.pool.members) == names(&other.pool.members);
        same && self.without == other.without
    }
}

/// A term with the demand it was judged on.
pub(super) struct Judged {
    pub(super) lasting: Lasting,
    pub(super) case: TermCase,
}

/// The terms in instances of an offer each, with `here` held; marked is the best of them.
pub(super) fn terms(
    members: &[Member],
    offers: &[(Offer, u32)],
    here: &HeldHere<'_>,
    context: Context<'_>,
) -> Vec<Judged> {
    let in_instances = offers.iter().filter(|it| !it.0.purchase.is_in_money());
    let judged = in_instances.filter_map(|(offer, months)| {
        let lasting = Lasting::of(members, *months, &context)?;
        let case = lasting.case((offer, *months), here, context)?;
        Some(Judged { lasting, case })
    });
    let mut all: Vec<Judged> = judged.collect();
    mark_best(&mut all);
    all
}

/// Of the terms allowed the one that saves the most, the shortest of equals.
fn mark_best(terms: &mut [Judged]) {
    let saving = |it: &TermCase| it.chosen.saving.atto();
    let cases = terms.iter().map(|it| &it.case).enumerate();
    let allowed = cases.filter(|(_, it)| it.not_allowed.is_none() && saving(it) > 0);
    let best = allowed.min_by_key(|(at, it)| (-saving(it), *at)).map(|it| it.0);
    if let Some(it) = best.and_then(|at| terms.get_mut(at)) {
        it.case.best = true;
    }
}

/// What is told of them, one group for each set of workloads.
pub(super) fn groups(terms: Vec<Judged>, instance: &Instance, n_held: u32) -> Vec<CommitmentGroup> {
    let mut by_demand: Vec<(Lasting, Vec<TermCase>)> = Vec::new();
    for Judged { lasting, case } in terms {
        match by_demand.iter_mut().find(|it| it.0.is_of_the_same(&lasting)) {
            Some(known) => known.1.push(case),
            None => by_demand.push((lasting, vec![case])),
        }
    }
    let group = |(it, terms): (Lasting, Vec<TermCase>)| {
        let notes = it.pool.notes(&it.left_out, n_held);
        it.pool.group(instance.clone(), terms, (n_held, notes), it.without)
    };
    by_demand.into_iter().map(group).collect()
}
