//! Workloads on one instance together.

use super::hours::{Common, Hours};
use super::member::Member;
use super::{CommitmentGroup, Instance, TermCase, UnusedHours};
use crate::commitment::SavingsCurve;
use crate::recommend::money;
use crate::units::{Money, MoneyPerHour};

/// Workloads whose demand is added.
pub(super) struct Pool {
    pub(super) members: Vec<Member>,
    /// The demand of each on the common hours.
    parts: Vec<Hours>,
    pub(super) hours: Hours,
    /// Of several rates the mean by time in use.
    pub(super) by_use: MoneyPerHour,
}

impl Pool {
    /// Those that have `min_days` in common, the longest history first; and the others. Nothing where not
    /// even one has so many, or none asks for anything.
    pub(super) fn of(mut members: Vec<Member>, min_days: f64) -> (Option<Pool>, Vec<Member>) {
        members.sort_by(|a, b| {
            let longer = b.hours.len_us().cmp(&a.hours.len_us());
            longer.then_with(|| a.workload.cmp(&b.workload))
        });
        let (mut taken, mut left_out): (Vec<Member>, Vec<Member>) = (Vec::new(), Vec::new());
        let mut common: Option<Common> = None;
        for it in members {
            let with = match &common {
                None => Common::of(&it.hours),
                Some(common) => common.with(&it.hours),
            };
            // The hours of logs without dates are not those of others.
            let is_alone = taken.is_empty();
            let dated = is_alone || !(it.is_relative || taken.iter().any(|it| it.is_relative));
            if dated && with.as_ref().is_some_and(|it| it.days() >= min_days) {
                common = with;
                taken.push(it);
            } else {
                left_out.push(it);
            }
        }
        taken.sort_by(|a, b| a.workload.cmp(&b.workload));
        (Pool::all(taken), left_out)
    }

    fn all(members: Vec<Member>) -> Option<Pool> {
        let hours: Vec<&Hours> = members.iter().map(|it| &it.hours).collect();
        let parts = Hours::in_common(&hours)?;
        let hours = Hours::sum(&parts)?;
        let by_use = mean_rate(members.iter().map(|it| it.by_use.rate).zip(&parts))?;
        Some(Pool { members, parts, hours, by_use })
    }

    /// What the members' own reserved bases save a month by the curve, each at its own rate.
    pub(super) fn included(&self) -> Money {
        let zero = Money::zero(self.by_use.currency());
        let each = self.members.iter().zip(&self.parts).filter_map(|(it, hours)| {
            let (n, committed) = it.own?;
            let curve = SavingsCurve::new(hours.steps.to_vec(), it.by_use.rate, committed)?;
            let month = |n| {
                let open = money::monthly(curve.point(n)?.overflow_cost, hours.len_us())?;
                money::month_of(committed, n)?.checked_add(open).ok()
            };
            month(0)?.checked_sub(month(n)?).ok()
        });
        Money::sum(each, zero.currency()).unwrap_or(zero)
    }

    /// Those too short to commit on: what they have in common, else the longest alone.
    pub(super) fn of_short(members: Vec<Member>) -> Option<Pool> {
        let longest = members.first()?.clone();
        Pool::all(members).or_else(|| Pool::all(vec![longest]))
    }

    /// What is told of them with the terms on offer.
    pub(super) fn group(
        &self,
        instance: Instance,
        terms: Vec<TermCase>,
        (held_instances, notes): (u32, Vec<String>),
        without: Vec<String>,
    ) -> CommitmentGroup {
        CommitmentGroup {
            instance,
            workloads: names(&self.members),
            presumes: self.members.iter().map(|it| it.presumes.clone()).collect(),
            by_use: self.by_use,
            by_use_offers: self.by_use_offers(),
            days: self.hours.days(),
            mean_instances: self.hours.on_us() as f64 / self.hours.len_us() as f64,
            held_instances,
            without,
            unused_hours: self.unused_hours(),
            terms,
            notes,
        }
    }

    /// Who of them pays for hours that nobody used.
    pub(super) fn unused_hours(&self) -> Vec<UnusedHours> {
        let of =
            |it: &Member| Some(UnusedHours { workload: it.workload.clone(), cost: it.unused? });
        self.members.iter().filter_map(of).collect()
    }

    /// What the reader must know of it, with those left out and so many instances held.
    pub(super) fn notes(&self, left_out: &[Member], n_held: u32) -> Vec<String> {
        let mut notes = Vec::new();
        let short: Vec<&str> = left_out.iter().map(|it| it.workload.as_str()).collect();
        if !short.is_empty() {
            notes.push(format!(
                "left out, too few days in common with the others: {}",
                short.join(", ")
            ));
        }
        if n_held > 0 {
            notes.push(format!(
                "held instances taken off first: {n_held}; the advice of a workload commits to no more of them"
            ));
        }
        let partly: Vec<&str> = self
            .members
            .iter()
            .filter(|it| it.is_partly_committed && n_held == 0)
            .map(|it| it.workload.as_str())
            .collect();
        if !partly.is_empty() {
            notes.push(format!(
            "commitments of the bill cover a part of {}: name them in a [[commitment]], else they are \
             bought twice",
            partly.join(", ")
        ));
        }
        notes
    }

    fn by_use_offers(&self) -> Vec<String> {
        let mut ids: Vec<String> = self.members.iter().map(|it| it.by_use.id.clone()).collect();
        ids.sort();
        ids.dedup();
        ids
    }
}

/// Rates weighted by the time each is paid for; of no time at all nothing.
fn mean_rate<'a>(
    rates: impl IntoIterator<Item = (MoneyPerHour, &'a Hours)>,
) -> Option<MoneyPerHour> {
    let (mut sum, mut all, mut currency) = (0_i128, 0_i128, None);
    for (rate, hours) in rates {
        let on_us = i128::try_from(hours.on_us()).ok()?;
        sum = sum.checked_add(rate.nano().checked_mul(on_us)?)?;
        all = all.checked_add(on_us)?;
        if *currency.get_or_insert(rate.currency()) != rate.currency() {
            return None;
        }
    }
    Some(MoneyPerHour::from_nano((sum + all / 2).checked_div(all)?, currency?))
}

/// Their names.
pub(super) fn names(members: &[Member]) -> Vec<String> {
    members.iter().map(|it| it.workload.clone()).collect()
}
