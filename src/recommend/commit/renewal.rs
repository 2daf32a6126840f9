//! What of a held commitment to buy again when it ends.

use super::case::{self, Ground};
use super::held::HeldHere;
use super::pool::Pool;
use super::{HeldInUse, Renewal, TermCase, mark_best};
use crate::catalog::Offer;

/// For each held commitment of an instance that ends within the term looked at next: how many of its
/// instances a new term would pay for, by the demand it leaves behind. `terms` are those weighed with
/// all of them held.
pub(super) fn weighed(
    mut in_use: Option<Vec<HeldInUse>>,
    here: &HeldHere<'_>,
    (pool, ground): (&Pool, &Ground<'_>),
    (offers, terms): (&[(Offer, u32)], &[TermCase]),
) -> Option<Vec<HeldInUse>> {
    for it in in_use.iter_mut().flatten().filter(|it| it.ends_within_term) {
        it.renewal = renewal(it, here, (pool, ground), (offers, terms));
    }
    in_use
}

fn renewal(
    ending: &HeldInUse,
    here: &HeldHere<'_>,
    (pool, ground): (&Pool, &Ground<'_>),
    (offers, terms): (&[(Offer, u32)], &[TermCase]),
) -> Option<Renewal> {
    let others = here.without(&ending.held.id);
    let net = others.net(&pool.hours)?;
    let days = super::hours::Days::of(&net, ground.context.zone);
    let ground = Ground {
        hours: &net,
        days,
        by_use: ground.by_use,
        context: ground.context,
        ends_first: ground.ends_first.clone(),
        included: ground.included,
        held_ends: others.ends(),
    };
    let in_instances = offers.iter().filter(|it| !it.0.purchase.is_in_money());
    let mut without: Vec<TermCase> =
        in_instances.filter_map(|(it, months)| case::term(&ground, it, *months)).collect();
    mark_best(&mut without);
    let first = without.first()?;
    let nothing = Renewal {
        n: 0,
        months: first.months,
        offer_id: first.offer.id.clone(),
        saving: ground.included.checked_sub(ground.included).ok()?,
    };
    let Some(best) = without.iter().find(|it| it.best) else { return Some(nothing) };
    let with = terms.iter().find(|it| it.offer.id == best.offer.id).map(|it| &it.chosen);
    let (n_with, saved_with) = with.map_or((0, nothing.saving), |it| (it.n, it.saving));
    let n = best.chosen_n.saturating_sub(n_with).min(ending.held.instances);
    let saving = best.chosen.saving.checked_sub(saved_with).ok()?;
    Some(if n == 0 {
        nothing
    } else {
        Renewal { n, months: best.months, offer_id: best.offer.id.clone(), saving }
    })
}
