//! What it would cost to commit before the advice is followed: the interaction of downsizing and committing.
//!
//! A commitment for the fleet of today saves by today's demand. Once the workloads run smaller or
//! elsewhere it is paid for all the same. Both amounts stand side by side, so that a reader sees why
//! the advice comes first.

use super::held::is_declared;
use super::member::Member;
use super::{CommitmentGroup, Commitments, CommittedFirst, Part, TermCase, from_members};
use crate::ingest::{HeldCommitment, HeldOf};
use crate::recommend::{Action, Context, money};
use crate::units::{Fraction, Money, MoneyPerHour, Period};

/// Whose advice is followed and changes what runs.
pub(super) fn changed<'a>(parts: &[Part<'a>]) -> Vec<&'a str> {
    let is_changed = |it: &&Part<'_>| {
        let action = it.found.advice.action;
        it.is_followed && matches!(action, Action::Switch | Action::Schedule | Action::Stop)
    };
    parts.iter().filter(is_changed).map(|it| it.workload.name.as_str()).collect()
}

/// The best commitments for what runs today that lose by the advice: `today` is what could be committed to
/// if none of it were followed, `after` who runs where once it is.
pub(super) fn committed_first(
    today: &Commitments,
    (changed, after): (&[&str], &[Member]),
    (held, window): (&[HeldCommitment], Period),
    context: Context<'_>,
) -> Vec<CommittedFirst> {
    let moves =
        |it: &&CommitmentGroup| it.workloads.iter().any(|name| changed.contains(&name.as_str()));
    let bought: Vec<(&CommitmentGroup, &TermCase, HeldCommitment)> = today
        .groups
        .iter()
        .filter(moves)
        .filter_map(|group| {
            let case = group.terms.iter().find(|it| it.best && it.chosen_n > 0)?;
            Some((group, case, as_if_held(group, case, held, window)?))
        })
        .collect();
    let all: Vec<HeldCommitment> =
        held.iter().chain(bought.iter().map(|it| &it.2)).cloned().collect();
    // What runs on a commitment that nobody declared is in neither demand.
    let is_known = |it: &&Member| is_declared(it, held, &context);
    let after: Vec<Member> = after.iter().filter(is_known).cloned().collect();
    let after = from_members(&after, &all, window, context);
    let found = bought.iter().filter_map(|(group, case, bought)| {
        let it = after.held.iter().find(|it| it.held.id == bought.id)?;
        let (used_us, _) = it.used?;
        let used = Fraction::try_from(used_us as f64 / it.paid_us as f64).ok()?;
        let today = case.chosen.utilization?;
        let unused_us = it.paid_us.checked_sub(used_us)?;
        let unused = case.offer.rate.cost_of_us(unused_us).ok()?;
        let measured_us = it.paid_us.checked_div(u64::from(case.chosen_n))?;
        Some(CommittedFirst {
            instance: group.instance.clone(),
            offer_id: case.offer.id.clone(),
            months: case.months,
            n: case.chosen_n,
            saving_today: case.chosen.saving,
            used_today: today,
            used_after: used,
            unused_after: money::monthly(unused, measured_us)?,
            liability: Money::sum(
                [Some(case.liability), case.upfront].into_iter().flatten(),
                case.liability.currency(),
            )
            .ok()?,
        })
    });
    found.filter(|it| it.used_after.get() < it.used_today.get()).collect()
}

/// The commitment as if it covered the window already. The highest rate is used last, and what is held comes
/// first.
fn as_if_held(
    group: &CommitmentGroup,
    case: &TermCase,
    held: &[HeldCommitment],
    window: Period,
) -> Option<HeldCommitment> {
    let rates = held.iter().map(|it| it.rate.nano());
    let last = rates.chain([case.offer.rate.nano()]).max()?.checked_add(1)?;
    Some(HeldCommitment {
        // No id of the config is the id of a price row.
        id: format!("{} before the advice", case.offer.id),
        provider: group.instance.provider.clone(),
        region: group.instance.region.clone(),
        of: HeldOf::InstanceType(group.instance.instance_type.clone()),
        instances: case.chosen_n,
        rate: MoneyPerHour::from_nano(last, case.offer.rate.currency()),
        term: Period::new(window.start(), case.end)?,
        prepaid: false,
    })
}
