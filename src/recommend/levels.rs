//! Which plans of a workload with very many requests are worth a replay: those that are cheapest by
//! its hourly levels.
//!
//! A replay takes time for every request, and a search replays a hundred plans. An estimate takes time
//! for every hour: so many instances as the requests of the hour fill, each with as many at once as
//! keep the limit of a token. It knows no waits and no starts, so it ranks, and never decides.

use std::collections::{BTreeMap, BTreeSet};

use super::bounds::Kind;
use super::candidates::Entry;
use super::demand::{Question, RequestLoad};
use super::offers::may_advise;
use super::rehearsal::{self, Hints};
use super::stage::Stage;
use crate::catalog::{Offer, Purchase};
use crate::commitment::SavingsCurve;
use crate::simulate::DemandStep;
use crate::units::{HOURS_PER_MONTH, Money};

const HOUR_US: u64 = 3_600_000_000;
const HOURS_PER_WEEK: usize = 168;

/// A plan before it is replayed: candidate, kind and offer.
pub(super) type Key = (String, Kind, String);

/// A plan by what it may cost a month, whether it may be advised, and which it is.
pub(super) type Ranked = (f64, bool, Key);

/// The plans to replay.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    /// Of many requests these; else every one that could win.
    only: Option<BTreeSet<Key>>,
    /// Where to begin.
    pub(super) hints: Hints,
}

impl Wanted {
    /// All up to `ranked_above_requests`; above them the `ranked_plans` cheapest by hourly levels, a
    /// quarter of them beyond the policy, and the `ranked_plans_of_a_kind` cheapest of each way to buy;
    /// with the number of plans ranked.
    ///
    /// Where the window has days enough, those are rehearsed on a few of its days, and what is left is
    /// what was cheapest there.
    pub(super) fn of<'a>(
        question: &'a Question<'a>,
        load: &RequestLoad<'a>,
        entries: impl Iterator<Item = &'a Entry> + Clone,
    ) -> (Wanted, u64) {
        let assumed = &question.context.catalog.assumptions.advice;
        let few = load.trace.len() as f64 <= assumed.ranked_above_requests;
        if few || question.context.is_exhaustive() {
            return (Wanted::default(), 0);
        }
        let hours = per_hour(load);
        let mut ranked: Vec<Ranked> = Vec::new();
        for entry in entries.clone() {
            for hosted in entry.instance_sizes() {
                let stage = Stage { question, load, entry, hosted, load_factor: entry.load_factor };
                ranked.extend(estimates(&stage, &hours));
            }
        }
        let n_ranked = ranked.len() as u64;
        let rooms = Rooms::new(assumed.ranked_plans, assumed.ranked_plans_of_a_kind);
        let wanted = Wanted::only(rooms.taken(&mut ranked));
        (rehearsal::narrowed(question, load, entries, (wanted, ranked)), n_ranked)
    }

    /// These plans and no others.
    pub(super) fn only(keys: BTreeSet<Key>) -> Wanted {
        Wanted { only: Some(keys), hints: Hints::default() }
    }

    /// The same, with where to begin.
    pub(super) fn beginning_at(self, hints: Hints) -> Wanted {
        Wanted { hints, ..self }
    }

    /// The plans, where they are counted.
    pub(super) fn keys(&self) -> impl Iterator<Item = &Key> {
        self.only.iter().flatten()
    }

    /// Whether a plan is to be replayed.
    pub(super) fn has(&self, entry: &Entry, kind: Kind, offer: &Offer) -> bool {
        let key = || (entry.candidate.id.clone(), kind, offer.id.clone());
        self.only.as_ref().is_none_or(|keys| keys.contains(&key()))
    }

    /// Whether any plan of an offer is.
    pub(super) fn has_offer(&self, entry: &Entry, offer: &Offer) -> bool {
        let is_it = |key: &Key| key.0 == entry.candidate.id && key.2 == offer.id;
        self.only.as_ref().is_none_or(|keys| keys.iter().any(is_it))
    }

    /// Whether any plan of a candidate is.
    pub(super) fn has_any(&self, entry: &Entry) -> bool {
        let only = self.only.as_ref();
        only.is_none_or(|keys| keys.iter().any(|it| it.0 == entry.candidate.id))
    }
}

/// A number of plans, at least one.
fn whole(n: f64) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
    let n = n as usize;
    n.max(1)
}

/// How many plans are taken of those ranked.
pub(super) struct Rooms {
    /// Of those beyond the policy, and of those that may be advised.
    all: [usize; 2],
    /// Of each way to buy that may be advised, at least.
    of_a_kind: usize,
    /// Whether each term is a way of its own.
    terms_apart: bool,
}

impl Rooms {
    /// For so many plans, a quarter of them beyond the policy, and so many of each way to buy.
    pub(super) fn new(plans: f64, of_a_kind: f64) -> Rooms {
        let n = whole(plans);
        Rooms { all: [n / 4, n - n / 4], of_a_kind: whole(of_a_kind), terms_apart: false }
    }

    /// For so many plans of each way to buy, each term a way of its own.
    pub(super) fn of_each_kind(n: f64) -> Rooms {
        Rooms { all: [0, 0], of_a_kind: whole(n), terms_apart: true }
    }

    /// The cheapest of all, and the cheapest of each way to buy; of reserved bases each term is the same
    /// way. The plans are left in the order of their costs.
    pub(super) fn taken(mut self, ranked: &mut [Ranked]) -> BTreeSet<Key> {
        ranked.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.2.cmp(&b.2)));
        let mut of_kinds: BTreeMap<Kind, usize> = BTreeMap::new();
        let keys = ranked.iter().filter_map(|(_, allowed, key)| {
            let allowed = *allowed;
            let kind = match key.1 {
                Kind::Reserved(_) if !self.terms_apart => Kind::Reserved(0),
                Kind::ReservedServerless(_) if !self.terms_apart => Kind::ReservedServerless(0),
                other => other,
            };
            let of_kind = of_kinds.entry(kind).or_insert(0);
            let left = &mut self.all[usize::from(allowed)];
            let is_taken = *left > 0 || allowed && *of_kind < self.of_a_kind;
            *left = left.saturating_sub(1);
            *of_kind += usize::from(allowed);
            is_taken.then(|| key.clone())
        });
        keys.collect()
    }
}

/// Requests of each hour of the window.
fn per_hour(load: &RequestLoad<'_>) -> Vec<u64> {
    let n = usize::try_from(load.trace.window_us().div_ceil(HOUR_US)).unwrap_or(0);
    let mut hours = vec![0; n];
    for run in load.trace.at_us().chunk_by(|a, b| a / HOUR_US == b / HOUR_US) {
        let at = run.first().and_then(|it| usize::try_from(it / HOUR_US).ok());
        if let Some(hour) = at.and_then(|at| hours.get_mut(at)) {
            *hour = run.len() as u64;
        }
    }
    hours
}

/// Monthly costs of the plans of one candidate on instances of one size.
fn estimates(stage: &Stage<'_>, hours: &[u64]) -> Vec<Ranked> {
    let Some(capacity) = requests_an_hour(stage) else { return Vec::new() };
    let needed: Vec<u64> = hours.iter().map(|n| instances(*n as f64 / capacity)).collect();
    let mean = |values: &[u64]| values.iter().sum::<u64>() as f64 / values.len().max(1) as f64;
    let most = needed.iter().copied().max().unwrap_or(0) as f64;
    let busy = hours.iter().map(|n| *n as f64 / capacity).sum::<f64>() / hours.len().max(1) as f64;
    let month =
        |instances: f64, offer: &Offer| instances * offer.rate.to_f64() * HOURS_PER_MONTH as f64;
    let buyable = &stage.entry.buyable;
    let here = |it: &&Offer| stage.hosts(it);
    let mut found = Vec::new();
    let mut add = |kind, offer: &Offer, cost: f64| {
        let key = (stage.entry.candidate.id.clone(), kind, offer.id.clone());
        found.push((cost, may_advise(stage.question, offer), key));
    };
    for offer in buyable.payg.iter().filter(here) {
        add(Kind::Fixed, offer, month(most, offer));
        add(Kind::Autoscaled, offer, month(mean(&needed), offer));
        if stage.load.week.is_some() {
            add(Kind::Scheduled, offer, month(mean(&busiest_week(&needed)), offer));
        }
    }
    for (offer, _) in buyable.spot.iter().filter(|it| stage.hosts(&it.0)) {
        add(Kind::Spot, offer, month(most, offer));
    }
    let flex = buyable.serverless.iter().filter(|it| stage.hosts(&it.0));
    for (offer, always_on) in flex.clone() {
        let on = always_on.as_ref().map_or(f64::INFINITY, |it| month(most, it));
        add(Kind::Serverless, offer, month(busy, offer).min(on));
    }
    for (offer, overflow) in buyable.reserved.iter().filter(|it| stage.hosts(&it.0)) {
        let (Purchase::Reserved { months } | Purchase::FlexCommitment { months }) = offer.purchase
        else {
            continue;
        };
        let above = |by_use: &Offer| committed(&needed, (offer, by_use));
        add(Kind::Reserved(months), offer, above(overflow));
        if let Some((workers, _)) = flex.clone().next() {
            add(Kind::ReservedServerless(months), offer, above(workers));
        }
    }
    found
}

/// The best point of the savings curve, a month.
fn committed(needed: &[u64], (offer, by_use): (&Offer, &Offer)) -> f64 {
    let step = |n: &u64| DemandStep { len_us: HOUR_US, on_us: n * HOUR_US };
    let steps = needed.iter().map(step).collect();
    let curve = SavingsCurve::new(steps, by_use.rate, offer.rate);
    let cost = curve.and_then(|it| it.cost(it.best_n())).map_or(f64::INFINITY, Money::to_f64);
    cost * HOURS_PER_MONTH as f64 / needed.len().max(1) as f64
}

/// The most that any week needs in each hour of the week.
fn busiest_week(needed: &[u64]) -> Vec<u64> {
    let mut week = vec![0; HOURS_PER_WEEK.min(needed.len())];
    for (at, n) in needed.iter().enumerate() {
        let hour = &mut week[at % HOURS_PER_WEEK];
        *hour = (*n).max(*hour);
    }
    week
}

/// Requests that one instance carries in an hour, with the largest batch that keeps the limit of a token.
fn requests_an_hour(stage: &Stage<'_>) -> Option<f64> {
    let mut batch = stage.slots();
    while batch > 1 && stage.at_batch(batch).is_none() {
        batch -= batch.div_ceil(8);
    }
    let service_s = stage.at_batch(batch).and_then(|_| stage.mean_service_s(batch))?;
    let capacity = 3600.0 / service_s * f64::from(batch) * f64::from(stage.hosted);
    let capacity = capacity / stage.load_factor;
    (capacity.is_finite() && capacity > 0.0).then_some(capacity)
}

/// Whole instances for so many full ones.
fn instances(full: f64) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
    let n = full.ceil() as u64;
    n
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of 30 that come and go and 3 schedules behind them, the first 2 of all and the first 2 of each way;
    /// one of those beyond the policy.
    #[test]
    fn every_way_to_buy_is_replayed() {
        let plan = |cost: f64, allowed: bool, kind: Kind| -> Ranked {
            (cost, allowed, (format!("c{cost}"), kind, "offer".to_owned()))
        };
        let mut ranked: Vec<Ranked> =
            (0..30).map(|at| plan(f64::from(at), true, Kind::Autoscaled)).collect();
        ranked.extend((30..33).map(|at| plan(f64::from(at), true, Kind::Scheduled)));
        ranked.extend([plan(33.0, true, Kind::Reserved(1)), plan(34.0, true, Kind::Reserved(12))]);
        ranked.extend((35..38).map(|at| plan(f64::from(at), false, Kind::Spot)));
        let taken = Rooms { all: [1, 3], of_a_kind: 2, terms_apart: false }.taken(&mut ranked);
        let mut names: Vec<&str> = taken.iter().map(|it| it.0.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["c0", "c1", "c2", "c30", "c31", "c33", "c34", "c35"]);
    }

    #[test]
    fn each_hour_of_the_week_has_the_most_of_its_weeks() {
        let mut needed = vec![0; 2 * HOURS_PER_WEEK];
        (needed[3], needed[HOURS_PER_WEEK + 3], needed[HOURS_PER_WEEK + 5]) = (2, 4, 1);
        let week = busiest_week(&needed);
        assert_eq!((week.len(), week[3], week[5], week.iter().sum::<u64>()), (168, 4, 1, 5));
        assert_eq!(busiest_week(&[7]), [7]);
        assert_eq!([0.0, 0.1, 1.0, 1.5].map(instances), [0, 1, 1, 2]);
    }
}
