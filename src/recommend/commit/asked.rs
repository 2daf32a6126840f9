//! A commitment that somebody asks about and that nobody would run on once the advice is followed.

use super::member::Member;
use super::{AskedIdle, Part, from_members, member};
use crate::commitment::liability_left;
use crate::ingest::{AskedCommitment, HeldCommitment};
use crate::recommend::{Context, money};
use crate::units::Period;

/// What was asked about and stands idle after the advice, by the demand that there is today.
pub(super) fn idle_after(
    parts: &[Part<'_>],
    after: &[Member],
    (held, window): (&[HeldCommitment], Period),
    context: Context<'_>,
) -> Vec<AskedIdle> {
    let asked: Vec<&AskedCommitment> =
        context.policy.asked.iter().filter(|it| !after.iter().any(|on| is_on(on, it))).collect();
    if asked.is_empty() {
        return Vec::new();
    }
    by_today(&asked, member::all_today(parts, &context), (held, window), context)
}

fn is_on(member: &Member, asked: &AskedCommitment) -> bool {
    let at = &member.instance;
    at.provider == asked.provider && at.instance_type == asked.instance_type
}

/// Each of them on each term with the point of today's demand.
pub(super) fn by_today(
    asked: &[&AskedCommitment],
    today: Vec<Member>,
    (held, window): (&[HeldCommitment], Period),
    context: Context<'_>,
) -> Vec<AskedIdle> {
    let there: Vec<Member> =
        today.into_iter().filter(|it| asked.iter().any(|ask| is_on(it, ask))).collect();
    let today = from_members(&there, held, window, context);
    let mut found = Vec::new();
    for ask in asked {
        let is_it = |of: &super::Instance| {
            of.provider == ask.provider && of.instance_type == ask.instance_type
        };
        for group in today.groups.iter().filter(|it| is_it(&it.instance)) {
            found.extend(group.terms.iter().filter_map(|case| {
                let term = Period::new(context.as_of, case.end)?;
                Some(AskedIdle {
                    ask: (*ask).clone(),
                    months: case.months,
                    rate: case.offer.rate,
                    today: case.asked.iter().find(|it| it.n == ask.n)?.clone(),
                    workloads: group.workloads.clone(),
                    of_term: liability_left(case.offer.rate, ask.n, term, context.as_of)?,
                    monthly: money::month_of(case.offer.rate, ask.n)?,
                })
            }));
        }
    }
    found
}
