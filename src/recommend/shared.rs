//! The advice to share instances: the plan of one member, its reasons, steps and what would make it
//! wrong.

use super::advice::Advice;
use super::candidates::{Candidate, Verdict};
use super::change::Change;
use super::choose::{sort_plans, weigh};
use super::decide::{elsewhere, undeclared};
use super::demand::Question;
use super::plan::{Plan, Scaling, Way};
use super::savings::Daily;
use super::share::{Group, Member, Sharer, today};
use super::slice;
use super::switch::switch;
use super::{Context, Recommendation, money};
use crate::units::Money;

/// What a member is told.
pub(super) struct Followed {
    pub(super) advice: Advice,
    plan: Plan,
    saved_by_day: Option<Daily>,
}

impl Followed {
    /// In the place of the advice the workload had for itself; the plans stay in their order.
    pub(super) fn put(self, found: &mut Recommendation) {
        let runs = |it: &&mut Candidate| Some(&it.id) == self.plan.candidate_id.as_ref();
        if let Some(candidate) = found.candidates.iter_mut().find(runs)
            && candidate.verdict == Verdict::Left
        {
            candidate.verdict = Verdict::Simulated;
            candidate.reason = None;
            found.n_pruned -= 1;
        }
        found.plans.push(self.plan);
        sort_plans(&mut found.plans);
        found.advice = self.advice;
        found.saved_by_day = self.saved_by_day;
        if let Some(curve) = &mut found.duration_curve {
            curve.reserved_units = None;
        }
    }
}

/// The advice of one member, weighed as any other.
pub(super) fn follow(
    all: &[Sharer<'_>],
    (group, member): (&Group, &Member),
    context: Context<'_>,
) -> Option<Followed> {
    let question = Question::of(all[member.at].described, context);
    let found: &Recommendation = all[member.at].recommendation;
    let said = Said { all, group, member };
    let plan = said.plan()?;
    let today = today(found)?;
    let saving = today.checked_sub(plan.monthly_cost).ok()?;
    let mut advice = said.advice(switch(&question, &plan, saving), &found.advice, &found.notices);
    advice.reasons.extend(elsewhere(&question, &found.plans, Some(plan.monthly_cost)));
    advice.reasons.extend(undeclared(&found.plans, plan.monthly_cost));
    advice.change = Change::switch(&question, &plan, saving);
    let about = (Some(&plan), found.candidates.as_slice(), None);
    let saved_by_day = weigh(&question, &found.baseline, about, &mut advice);
    Some(Followed { advice, plan, saved_by_day })
}

/// What is said to one member of a group.
struct Said<'a> {
    all: &'a [Sharer<'a>],
    group: &'a Group,
    member: &'a Member,
}

impl Said<'_> {
    fn name(&self, member: &Member) -> &str {
        &self.all[member.at].described.workload.name
    }

    fn others(&self) -> impl Iterator<Item = &Member> {
        self.group.members.iter().filter(|it| it.at != self.member.at)
    }

    /// The slice at its share, with the names it is shared with.
    fn plan(&self) -> Option<Plan> {
        let offer = &self.group.offer;
        let with: Vec<String> = self.others().map(|it| self.name(it).to_owned()).collect();
        let slice = &self.member.slice;
        let (template, instances) = (&slice.plan, self.group.instances);
        let candidate = template.candidate_id.as_deref()?;
        let id = format!("shared:{candidate}:{}:x{}:{}", offer.id, slice.replicas, with.join("+"));
        let plan = Plan {
            id,
            way: Way::Shared { gpus: slice.gpus(), instances, with },
            offers: vec![offer.clone()],
            scaling: Scaling { min: instances, max: instances, ..template.scaling.clone() },
            ..template.clone()
        };
        slice::at_cost(plan, self.member.share, slice.busy)
    }

    /// The advice to switch, with what sharing adds to it. Notices that stood among the reasons stay
    /// the first.
    fn advice(&self, switch: Advice, alone: &Advice, notices: &[String]) -> Advice {
        let mut advice = switch;
        let kept = alone.reasons.iter().filter(|it| notices.contains(it)).cloned();
        advice.reasons.splice(1..1, self.why(alone.monthly_savings));
        advice.reasons.splice(0..0, kept);
        let start = advice.steps.iter().position(|it| it.starts_with("Start the new deployment"));
        advice.steps.splice(start.map_or(0..0, |at| at + 1..at + 1), [self.seats()]);
        let last = advice.steps.len().saturating_sub(1);
        let names = self.names();
        advice.steps.insert(
            last,
            format!("Move all of {names}: nothing is saved before the last of them has moved."),
        );
        advice.steps.splice(0..0, self.owners());
        advice.undo += " If one goes back, the others still pay for the whole.";
        advice.wrong_if.push(
            "the engines disturb each other: host CPU, memory, network and disk are shared, only \
             the GPUs are their own"
                .to_owned(),
        );
        advice.wrong_if.push(format!("an instance fails: it takes down {names} at once"));
        advice.wrong_if.push(format!(
            "one of them leaves or outgrows its GPUs: the whole still costs {} a month",
            money::for_prose(self.group.total)
        ));
        advice
    }

    fn why(&self, saved_alone: Money) -> [String; 3] {
        let (group, member) = (self.group, self.member);
        let size = group.offer.gpu_count;
        let each: Vec<String> = group
            .members
            .iter()
            .map(|it| format!("{} needs {}", self.name(it), it.slice.gpus()))
            .collect();
        [
            format!(
                "an instance is sold whole, with {size} GPUs, and {}: together {} a month instead of \
                 {} apart",
                each.join(", "),
                money::for_prose(group.total),
                money::for_prose(group.total.checked_add(group.gain).unwrap_or(group.total))
            ),
            format!(
                "alone it saves {} a month at best: the money is in the instance that is freed",
                money::for_prose(saved_alone)
            ),
            format!(
                "its share is in proportion to what each costs apart, {} a month here",
                money::for_prose(member.apart)
            ),
        ]
    }

    /// Which GPUs each engine gets.
    fn seats(&self) -> String {
        let mut seats: Vec<(u32, u32, String)> = Vec::new();
        for member in &self.group.members {
            for seat in &member.seats {
                let last = seat.first + seat.gpus - 1;
                let gpus = match seat.gpus {
                    1 => seat.first.to_string(),
                    _ => format!("{}-{last}", seat.first),
                };
                let place = match self.group.instances {
                    1 => String::new(),
                    _ => format!(" of instance {}", seat.instance + 1),
                };
                let text = format!("{} {gpus}{place}", self.name(member));
                seats.push((seat.instance, seat.first, text));
            }
        }
        seats.sort();
        let seats: Vec<String> = seats.into_iter().map(|it| it.2).collect();
        format!(
            "Give each engine GPUs of its own, by CUDA_VISIBLE_DEVICES or as a limit of its pod: {}.",
            seats.join(", ")
        )
    }

    /// Whom to ask where others belong to somebody else.
    fn owners(&self) -> Vec<String> {
        let owner = |it: &Member| self.all[it.at].described.workload.owner.as_deref();
        let mine = owner(self.member);
        let theirs = self.others().filter_map(|it| Some((it, owner(it)?)));
        theirs
            .filter(|it| Some(it.1) != mine)
            .map(|(it, owner)| format!("Agree with {owner}, who owns {}.", self.name(it)))
            .collect()
    }

    /// `a and b`, `a, b and c`.
    fn names(&self) -> String {
        let names: Vec<&str> = self.group.members.iter().map(|it| self.name(it)).collect();
        match names.split_last() {
            Some((last, first)) => format!("{} and {last}", first.join(", ")),
            None => String::new(),
        }
    }
}
