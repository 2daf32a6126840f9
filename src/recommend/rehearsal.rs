//! A few days that stand for a window: which plans are worth a replay of all of it, and the settings
//! each begins with there.
//!
//! Comes in: the plans that are cheapest by hourly levels. Whole days of the window, one from each of so
//! many equal parts of its days in order of their requests and the busiest of all among them, are put
//! side by side, and each plan that its days can show is sought on them. Goes out: the cheapest, with
//! the number of instances and the rule found for each. Nothing found here is shown: what is shown is
//! replayed on all requests, and where the settings do not keep the limits there, they are sought anew.

use std::collections::BTreeMap;

use super::bounds::{Best, Kind};
use super::candidates::Entry;
use super::contest::{Contest, contest};
use super::demand::{Question, RequestLoad, active_share, on_share};
use super::levels::{Key, Ranked, Rooms, Wanted};
use super::plan::Plan;
use crate::units::whole_us;

const DAY_US: u64 = 86_400_000_000;

/// Where the searches on all requests begin.
#[derive(Clone, Debug, Default)]
pub(super) struct Hints {
    /// Instances of the least fixed fleet, by candidate and replicas of an instance.
    fixed: BTreeMap<(String, u32), u32>,
    /// Settings by plan.
    settings: BTreeMap<Key, Settings>,
}

/// How a plan that follows demand was set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Settings {
    /// The rule in a word, with its number.
    pub(super) rule: (&'static str, Option<f64>),
    /// Instances always on.
    pub(super) min: u32,
}

impl Hints {
    /// Instances of a fixed fleet to begin with.
    pub(super) fn fixed(&self, entry: &Entry, hosted: u32) -> Option<u32> {
        self.fixed.get(&(entry.candidate.id.clone(), hosted)).copied()
    }

    /// Settings of the plans of one kind of a candidate, by offer.
    pub(super) fn settings(&self, entry: &Entry, kind: Kind) -> BTreeMap<String, Settings> {
        let of = |it: &(&Key, &Settings)| it.0.0 == entry.candidate.id && it.0.1 == kind;
        self.settings.iter().filter(of).map(|(key, set)| (key.2.clone(), *set)).collect()
    }
}

/// The plans that are left of those `wanted`, and of those that days cannot show the first of the
/// `ranked`; all where the window has too few days.
pub(super) fn narrowed<'a>(
    question: &Question<'_>,
    load: &RequestLoad<'_>,
    entries: impl Iterator<Item = &'a Entry>,
    (wanted, mut ranked): (Wanted, Vec<Ranked>),
) -> Wanted {
    let assumed = &question.context.catalog.assumptions.advice;
    let (n, of_data) = (assumed.rehearsal_days, assumed.rehearsal_days_of_data);
    let has_days = load.trace.window_us() as f64 >= n * of_data * DAY_US as f64;
    if !has_days || question.context.is_stopped() {
        return wanted;
    }
    let few = few_days(question, load, n);
    let entries: Vec<&Entry> = entries.filter(|it| wanted.has_any(it) || it.is_today).collect();
    let shown = Wanted::only(wanted.keys().filter(|it| is_shown(it.1)).cloned().collect());
    let tried = contest(question, &few, &entries, (&shown, Best::default()));
    ranked.retain(|it| !is_shown(it.2.1) && wanted.keys().any(|key| *key == it.2));
    let mut hints = Hints::default();
    let mut rehearsed = rehearsed(&entries, &tried, &mut hints);
    let (plans, of_a_kind) = (assumed.rehearsed_plans, assumed.rehearsed_plans_of_a_kind);
    let mut keys = Rooms::new(plans, of_a_kind).taken(&mut rehearsed);
    keys.extend(Rooms::of_each_kind(of_a_kind + 1.0).taken(&mut ranked));
    Wanted::only(keys).beginning_at(hints)
}

/// Whether a few days tell what a plan costs: a schedule is learned from weeks, a term is chosen on all
/// hours, and interruptions are rarer than days.
const fn is_shown(kind: Kind) -> bool {
    matches!(kind, Kind::Fixed | Kind::Autoscaled | Kind::Serverless)
}

/// What the days showed, the plans that keep the limits there before the others.
fn rehearsed(entries: &[&Entry], tried: &Contest<'_>, hints: &mut Hints) -> Vec<Ranked> {
    let mut ranked = Vec::new();
    for site in &tried.sites {
        let id = &entries[site.entry].candidate.id;
        hints.fixed.insert((id.clone(), site.stage.hosted), site.fixed.n);
        for plan in &site.plans {
            // Of serverless workers always on the price by use names the plan.
            let Some(offer) = plan.offers.last() else { continue };
            let key = (id.clone(), Kind::of(plan), offer.id.clone());
            hints.settings.insert(key.clone(), Settings::of(plan));
            let cost = plan.monthly_cost.to_f64();
            ranked.push((if plan.meets_slo { cost } else { f64::MAX }, plan.allowed, key));
        }
    }
    ranked
}

impl Settings {
    fn of(plan: &Plan) -> Settings {
        let scaling = &plan.scaling;
        Settings { rule: (scaling.policy, scaling.value), min: scaling.min }
    }
}

/// So many days of a load, side by side.
fn few_days<'a>(question: &Question<'_>, load: &RequestLoad<'a>, n: f64) -> RequestLoad<'a> {
    let assumed = &question.context.catalog.assumptions.simulate;
    let trace = load.trace.joined(&days(&per_day(load), n));
    RequestLoad {
        week: None,
        active_share: active_share(&trace),
        on_share: on_share(&trace, whole_us(assumed.autoscale_idle_timeout_s)),
        trace,
        busiest_rps: load.busiest_rps,
        timing: load.timing.clone(),
        limits: load.limits,
    }
}

/// Requests of each whole day of the window.
fn per_day(load: &RequestLoad<'_>) -> Vec<usize> {
    let at_us = load.trace.at_us();
    let before = |day: u64| at_us.partition_point(|at| *at < day * DAY_US);
    let n_days = load.trace.window_us() / DAY_US;
    (0..n_days).map(|day| before(day + 1) - before(day)).collect()
}

/// So many days that stand for all: of equal parts in order of their requests the middle one, of the last
/// part the busiest.
fn days(per_day: &[usize], n: f64) -> Vec<(u64, u64)> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
    let n = (n as usize).clamp(1, per_day.len().max(1));
    let mut order: Vec<usize> = (0..per_day.len()).collect();
    order.sort_by_key(|day| (per_day[*day], *day));
    let middle = |part: usize| (2 * part + 1) * order.len() / (2 * n);
    let places =
        (0..n).map(|part| if part + 1 == n { order.len().saturating_sub(1) } else { middle(part) });
    let mut chosen: Vec<usize> = places.filter_map(|at| order.get(at).copied()).collect();
    chosen.sort_unstable();
    chosen.into_iter().map(|day| (day as u64 * DAY_US, (day as u64 + 1) * DAY_US)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of 8 days in order of requests (5, 10, 20, 30, 40, 50, 60, 99) the parts of two have the middles 10,
    /// 30 and 50, and the last the busiest.
    #[test]
    fn days_stand_for_all_and_the_busiest_is_among_them() {
        let per_day = [30, 99, 10, 60, 20, 5, 50, 40];
        let chosen: Vec<u64> = days(&per_day, 4.0).into_iter().map(|it| it.0 / DAY_US).collect();
        assert_eq!(chosen, [0, 1, 2, 6]);
        assert_eq!(days(&per_day[..2], 4.0).len(), 2);
        assert!(days(&[], 4.0).is_empty());
    }
}
