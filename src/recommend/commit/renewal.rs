//! What of a held commitment to buy again when it ends.

use super::held::HeldHere;
use super::lasting::{self, Judged};
use super::member::Member;
use super::{HeldInUse, Renewal, UnusedHours};
use crate::catalog::Offer;
use crate::recommend::Context;
use crate::units::Money;

/// The best purchase of one state of what is held.
struct Best {
    n: u32,
    months: u32,
    offer_id: String,
    saving: Money,
    without: Vec<String>,
    unused_hours: Vec<UnusedHours>,
    not_allowed: Option<String>,
}

impl Best {
    /// The best of the terms; none of the shortest where none saves, nothing where there is none.
    fn of(terms: &[Judged]) -> Option<Best> {
        let best = terms.iter().find(|it| it.case.best);
        let Judged { lasting, case } = best.or_else(|| terms.first())?;
        let saving = case.chosen.saving;
        let (n, saving) = match best {
            Some(it) => (it.case.chosen_n, saving),
            None => (0, Money::zero(saving.currency())),
        };
        let none_allowed = terms.iter().all(|it| it.case.not_allowed.is_some());
        Some(Best {
            n,
            months: case.months,
            offer_id: case.offer.id.clone(),
            saving,
            without: lasting.without.clone(),
            unused_hours: lasting.pool.unused_hours(),
            not_allowed: case.not_allowed.clone().filter(|_| none_allowed),
        })
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
    (members, context): (&[Member], Context<'_>),
    (offers, terms): (&[(Offer, u32)], &[Judged]),
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
        let left = lasting::terms(members, offers, &here.without(&ended), context);
        let Some(best) = Best::of(&left) else { continue };
        let zero = Money::zero(best.saving.currency());
        let n = best.n.saturating_sub(before.0).min(it.held.instances);
        let saving = best.saving.checked_sub(before.1.unwrap_or(zero)).unwrap_or(zero);
        it.renewal = Some(Renewal {
            n,
            months: best.months,
            offer_id: best.offer_id,
            saving: if n == 0 { zero } else { saving },
            without: best.without,
            unused_hours: best.unused_hours,
            not_allowed: best.not_allowed,
        });
        before = (best.n, Some(best.saving));
    }
    Some(in_use)
}
