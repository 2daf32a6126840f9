//! What of a held commitment to buy again when it ends.

use super::case::{self, Ground};
use super::held::HeldHere;
use super::hours::Days;
use super::pool::Pool;
use super::{HeldInUse, Renewal, TermCase, mark_best};
use crate::catalog::Offer;
use crate::units::Money;

/// The best purchase of one state of what is held.
struct Best {
    n: u32,
    months: u32,
    offer_id: String,
    saving: Money,
}

impl Best {
    /// The best of the terms; none of the shortest where none saves, nothing where there is none.
    fn of(terms: &[TermCase]) -> Option<Best> {
        let best = terms.iter().find(|it| it.best);
        let it = best.or_else(|| terms.first())?;
        let saving = it.chosen.saving;
        let (n, saving) = match best {
            Some(it) => (it.chosen_n, saving),
            None => (0, Money::zero(saving.currency())),
        };
        Some(Best { n, months: it.months, offer_id: it.offer.id.clone(), saving })
    }
}

/// For each held commitment of an instance that ends within the term looked at next, the first to end first:
/// how many of its instances a new term would pay for, by the demand that is left when it and those before
/// it have ended. `terms` are those weighed with all of them held.
///
/// Demand for 2, and two commitments of 2: nothing is left for the one that ends first, and the other is
/// bought again.
pub(super) fn weighed(
    in_use: Option<Vec<HeldInUse>>,
    here: &HeldHere<'_>,
    (pool, ground): (&Pool, &Ground<'_>),
    (offers, terms): (&[(Offer, u32)], &[TermCase]),
) -> Option<Vec<HeldInUse>> {
    let mut in_use = in_use?;
    let mut ending: Vec<usize> =
        (0..in_use.len()).filter(|at| in_use[*at].ends_within_term).collect();
    ending.sort_by_key(|at| (in_use[*at].held.term.end(), in_use[*at].held.id.clone()));
    let mut ended: Vec<String> = Vec::new();
    let mut before = Best::of(terms).map_or((0, None), |it| (it.n, Some(it.saving)));
    for at in ending {
        let it = &mut in_use[at];
        ended.push(it.held.id.clone());
        let Some(best) = without(&ended, here, (pool, ground), offers) else { continue };
        let zero = Money::zero(best.saving.currency());
        let n = best.n.saturating_sub(before.0).min(it.held.instances);
        let saving = best.saving.checked_sub(before.1.unwrap_or(zero)).unwrap_or(zero);
        it.renewal = Some(Renewal {
            n,
            months: best.months,
            offer_id: best.offer_id,
            saving: if n == 0 { zero } else { saving },
        });
        before = (best.n, Some(best.saving));
    }
    Some(in_use)
}

/// What would be bought once these have ended.
fn without(
    ended: &[String],
    here: &HeldHere<'_>,
    (pool, ground): (&Pool, &Ground<'_>),
    offers: &[(Offer, u32)],
) -> Option<Best> {
    let others = here.without(ended);
    let net = others.net(&pool.hours)?;
    let ground = Ground {
        hours: &net,
        days: Days::of(&net, ground.context.zone),
        by_use: ground.by_use,
        context: ground.context,
        ends_first: ground.ends_first.clone(),
        included: ground.included,
        held_ends: others.ends(),
    };
    let in_instances = offers.iter().filter(|it| !it.0.purchase.is_in_money());
    let mut terms: Vec<TermCase> =
        in_instances.filter_map(|(it, months)| case::term(&ground, it, *months)).collect();
    mark_best(&mut terms);
    Best::of(&terms)
}
