//! Every way to buy, on every candidate and size of instance: those with the lowest bounds first, so
//! that what is found early leaves out most of the others.
//!
//! Comes in: the candidates of a search. First each gets its least fixed fleet, then the ways follow
//! kind by kind, a few side by side. Each is measured against the best of its kind in the rounds before,
//! so what is left out does not depend on the number of threads. Goes out: the plans of each site.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::bounds::{Best, Bounds, Kind, Work, one_instance};
use super::candidates::Entry;
use super::demand::{Question, RequestLoad};
use super::levels::Wanted;
use super::offers::{family, may_advise, place};
use super::plan::{Plan, Way};
use super::rehearsal::Settings;
use super::spot_plans;
use super::stage::{Fixed, Stage};
use super::term;
use crate::catalog::{Offer, Purchase};
use crate::simulate::Outcome;

/// Ways that are simulated side by side.
const ROUND: usize = 2;

/// A candidate on instances of one size.
pub(super) struct Site<'a> {
    /// Its place among the candidates.
    pub(super) entry: usize,
    pub(super) stage: Stage<'a>,
    pub(super) fixed: Fixed,
    pub(super) plans: Vec<Plan>,
    /// What the fleet that follows demand came to, and whether its offer may be advised.
    pub(super) on_demand: Option<(Outcome, bool)>,
    bounds: Bounds,
    sizes: Sizes,
    /// The cheapest number always on, by how the time is rounded up.
    minimums: BTreeMap<Option<u32>, u32>,
    /// Settings to begin with, of fleets that follow demand and of workers, by offer.
    settings: [BTreeMap<String, Settings>; 2],
}

/// What was found.
#[derive(Default)]
pub(super) struct Contest<'a> {
    /// In the order of the candidates, each with its smallest instances first.
    pub(super) sites: Vec<Site<'a>>,
    /// Candidates for which there was no time.
    pub(super) out_of_time: BTreeSet<usize>,
    /// The cheapest of each kind, those it began with included.
    pub(super) best: Best,
}

/// A way to buy.
#[derive(Clone, Copy)]
enum Buy<'a> {
    Follow(&'a Offer),
    Schedule(&'a Offer),
    /// With what takes over.
    Spot(&'a Offer, &'a Offer),
    Serverless(&'a (Offer, Option<Offer>)),
    /// With what stands above it.
    Reserved(&'a Offer, &'a Offer),
    ReservedServerless(&'a Offer, &'a Offer),
}

/// A way on a site, with what it costs at least.
struct Entrant<'a> {
    site: usize,
    buy: Buy<'a>,
    kind: Kind,
    bound: f64,
    /// It is simulated whatever it costs.
    must: bool,
}

/// What a way came to.
#[derive(Default)]
struct Ran {
    plans: Vec<Plan>,
    on_demand: Option<(Outcome, bool)>,
    minimum: Option<(Option<u32>, u32)>,
}

impl<'a> Buy<'a> {
    /// The offer by which it belongs to what may be advised or not.
    fn offer(self) -> &'a Offer {
        match self {
            Buy::Follow(it)
            | Buy::Schedule(it)
            | Buy::Spot(it, _)
            | Buy::Reserved(it, _)
            | Buy::ReservedServerless(it, _) => it,
            Buy::Serverless(it) => &it.0,
        }
    }
}

/// The plans of these candidates that could be the best of their kind.
pub(super) fn contest<'a>(
    question: &'a Question<'a>,
    load: &'a RequestLoad<'a>,
    entries: &[&'a Entry],
    (wanted, best): (&Wanted, Best),
) -> Contest<'a> {
    let mut contest = Contest { best, ..Contest::default() };
    // Larger instances come after the smallest ones, which leave few of them.
    for sizes in [Sizes::Smallest, Sizes::Larger] {
        contest.enter(question, load, entries, wanted, sizes);
    }
    contest.sites.sort_by_key(|it| (it.entry, it.stage.hosted));
    contest.follow_the_best(question);
    contest
}

/// Which instances of a candidate.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sizes {
    Smallest,
    Larger,
}

/// A candidate on the instances that are on offer, with their fixed fleets; those left out of which no
/// plan could win.
fn sites<'a>(
    question: &'a Question<'a>,
    load: &'a RequestLoad<'a>,
    (at, entry): (usize, &'a Entry),
    (wanted, best): (&Wanted, &Best),
    sizes: Sizes,
) -> Vec<Site<'a>> {
    let mut hosted = entry.instance_sizes();
    let larger = hosted.split_off(hosted.len().min(1));
    let hosted = if sizes == Sizes::Smallest { hosted } else { larger };
    let is_wanted = wanted.has_any(entry) || (entry.is_today && sizes == Sizes::Smallest);
    if hosted.is_empty() || !is_wanted {
        return Vec::new();
    }
    let work = Work::of(question, load, entry);
    let site = |hosted| {
        let stage = Stage { question, load, entry, hosted, load_factor: entry.load_factor };
        let bounds = Bounds::of(&stage, work);
        let is_today = entry.is_today && sizes == Sizes::Smallest;
        let may_win = |offer: &Offer| {
            (is_today || wanted.has_offer(entry, offer)) && bounds.may_win(best, question, offer)
        };
        if !stage.offers().any(may_win) {
            return None;
        }
        let fixed = stage.least_fixed(wanted.hints.fixed(entry, hosted), None)?;
        let rented = entry.buyable.payg.iter().filter(|it| stage.hosts(it));
        let plans = rented.filter_map(|it| stage.fixed_plan(it, Way::PaygFixed, &fixed));
        let plans = plans.collect();
        Some(Site {
            entry: at,
            stage,
            fixed,
            plans,
            on_demand: None,
            bounds,
            sizes,
            minimums: BTreeMap::new(),
            settings: [Kind::Autoscaled, Kind::Serverless]
                .map(|kind| wanted.hints.settings(entry, kind)),
        })
    };
    hosted.into_iter().filter_map(site).collect()
}

impl<'a> Contest<'a> {
    /// The fixed fleets on these instances, then kind by kind what may still be the best of it.
    fn enter(
        &mut self,
        question: &'a Question<'a>,
        load: &'a RequestLoad<'a>,
        entries: &[&'a Entry],
        wanted: &Wanted,
        sizes: Sizes,
    ) {
        let known = &self.best;
        let found: Vec<Option<Vec<Site<'a>>>> = entries
            .par_iter()
            .enumerate()
            .map(|(at, entry)| {
                let stopped = question.context.is_stopped();
                (!stopped).then(|| sites(question, load, (at, entry), (wanted, known), sizes))
            })
            .collect();
        let first = self.sites.len();
        for (at, found) in found.into_iter().enumerate() {
            match found {
                Some(found) => self.sites.extend(found),
                None => {
                    self.out_of_time.insert(at);
                }
            }
        }
        for site in &self.sites[first..] {
            self.best.learn(question, &site.plans);
        }
        let orders: [fn(Kind) -> bool; 5] = [
            |it| it == Kind::Autoscaled,
            |it| it == Kind::Scheduled,
            |it| it == Kind::Spot,
            |it| it == Kind::Serverless,
            |it| matches!(it, Kind::Reserved(_) | Kind::ReservedServerless(_)),
        ];
        for is_now in orders {
            let mut entrants: Vec<Entrant<'a>> = Vec::new();
            for (at, site) in self.sites.iter().enumerate().skip(first) {
                entrants.extend(site.entrants(at, wanted).filter(|it| is_now(it.kind)));
            }
            entrants.sort_by(|a, b| a.bound.total_cmp(&b.bound));
            if is_now(Kind::Spot) && !spot_plans::may_be_advised(question) {
                entrants = shown_only(question, &self.best, entrants);
            }
            self.hold(question, &entrants);
        }
    }

    /// Round by round what may still be the best of its kind.
    fn hold(&mut self, question: &Question<'_>, entrants: &[Entrant<'a>]) {
        let mut left = entrants.iter();
        loop {
            let is_in = |it: &&Entrant<'a>| {
                it.must || it.bound < self.best.of(question, it.kind, it.buy.offer())
            };
            let round: Vec<&Entrant<'a>> = left.by_ref().filter(is_in).take(ROUND).collect();
            if round.is_empty() {
                return;
            }
            if question.context.is_stopped() {
                let rest = round.into_iter().chain(left.filter(is_in));
                self.out_of_time.extend(rest.map(|it| self.sites[it.site].entry));
                return;
            }
            let ran: Vec<Ran> = round
                .par_iter()
                .map(|it| {
                    let limit = self.best.of(question, it.kind, it.buy.offer());
                    self.sites[it.site].run(it, limit)
                })
                .collect();
            for (it, ran) in round.iter().zip(ran) {
                self.best.learn(question, &ran.plans);
                self.sites[it.site].take(ran);
            }
        }
    }

    /// Demand in the instances of the cheapest plan is shown, so it is followed on them as well.
    fn follow_the_best(&mut self, question: &Question<'_>) {
        let mut cheapest: Option<(f64, usize)> = None;
        for (at, site) in self.sites.iter().enumerate() {
            for it in site.plans.iter().filter(|it| it.meets_slo && it.allowed) {
                let cost = it.monthly_cost.to_f64();
                if cheapest.is_none_or(|best| cost < best.0) {
                    cheapest = Some((cost, at));
                }
            }
        }
        let Some((_, at)) = cheapest.filter(|_| !question.context.is_stopped()) else { return };
        let site = &mut self.sites[at];
        if let Some(offer) = site.followed().filter(|_| site.on_demand.is_none()) {
            let ran = site.follow(offer);
            site.take(ran);
        }
    }
}

impl<'a> Site<'a> {
    /// The ways to buy here, each with what it costs at least.
    fn entrants(&self, site: usize, wanted: &Wanted) -> impl Iterator<Item = Entrant<'a>> {
        let (bounds, buyable) = (&self.bounds, &self.stage.entry.buyable);
        let here = |it: &&'a Offer| self.stage.hosts(it);
        let is_today = self.stage.entry.is_today && self.sizes == Sizes::Smallest;
        let followed = self.followed().map(|it| &it.id);
        let mut found: Vec<Entrant<'a>> = Vec::new();
        let mut add = |buy: Buy<'a>, kind, bound: f64| {
            // Today's GPU follows demand whatever that costs: the reader knows it.
            let must = is_today && matches!(buy, Buy::Follow(it) if Some(&it.id) == followed);
            if must || wanted.has(self.stage.entry, kind, buy.offer()) {
                found.push(Entrant { site, buy, kind, bound, must });
            }
        };
        for offer in buyable.payg.iter().filter(here) {
            add(Buy::Follow(offer), Kind::Autoscaled, bounds.autoscaled(offer));
            add(Buy::Schedule(offer), Kind::Scheduled, bounds.scheduled(offer));
        }
        for (spot, on_demand) in buyable.spot.iter().filter(|it| self.stage.hosts(&it.0)) {
            let bound = bounds.on_spot(spot, on_demand, self.fixed.n);
            add(Buy::Spot(spot, on_demand), Kind::Spot, bound);
        }
        for workers in buyable.serverless.iter().filter(|it| self.stage.hosts(&it.0)) {
            let always_on = workers.1.as_ref();
            let bound = always_on.map_or(f64::INFINITY, |it| bounds.serverless(it));
            let bound = bounds.serverless(&workers.0).min(bound);
            add(Buy::Serverless(workers), Kind::Serverless, bound);
        }
        let may_commit = term::may_commit(self.stage.question);
        let reserved = buyable.reserved.iter().filter(|it| may_commit && self.stage.hosts(&it.0));
        for (reserved, overflow) in reserved {
            let (Purchase::Reserved { months } | Purchase::FlexCommitment { months }) =
                reserved.purchase
            else {
                continue;
            };
            let bound = bounds.reserved(reserved, overflow);
            add(Buy::Reserved(reserved, overflow), Kind::Reserved(months), bound);
            if let Some(workers) = self.workers_above(reserved) {
                let buy = Buy::ReservedServerless(reserved, workers);
                add(buy, Kind::ReservedServerless(months), one_instance(reserved));
            }
        }
        found.into_iter()
    }

    /// Simulates a way that has to cost less than a month's `limit`.
    fn run(&self, it: &Entrant<'a>, limit: f64) -> Ran {
        let (stage, fixed) = (&self.stage, &self.fixed);
        let plans =
            |plan: Option<Plan>| Ran { plans: plan.into_iter().collect(), ..Ran::default() };
        match it.buy {
            Buy::Follow(offer) => self.follow(offer),
            Buy::Schedule(offer) => plans(stage.scheduled(offer, fixed, limit)),
            Buy::Spot(spot, on_demand) => {
                plans(spot_plans::for_requests(stage, (spot, on_demand), fixed, limit))
            }
            Buy::Serverless(workers) => {
                let settings = self.settings[1].get(&workers.0.id);
                let again = settings.and_then(|it| stage.serverless_at(workers, fixed, *it));
                let anew = || stage.serverless(workers, fixed, (it.bound, limit));
                plans(again.or_else(anew))
            }
            Buy::Reserved(reserved, overflow) => {
                self.weighed(|outcome| stage.reserved(reserved, overflow, outcome, fixed))
            }
            Buy::ReservedServerless(reserved, workers) => self.weighed(|outcome| {
                outcome.map_or_else(Vec::new, |outcome| {
                    stage.reserved_with_serverless((reserved, workers), outcome, fixed)
                })
            }),
        }
    }

    fn follow(&self, offer: &Offer) -> Ran {
        let granularity = offer.billing_granularity_s;
        let known = self.minimums.get(&granularity).copied();
        // Another offer's settings are as good as none known.
        let settings = &self.settings[0];
        let settings = settings.get(&offer.id).or_else(|| settings.values().next());
        let again = settings
            .filter(|_| known.is_none())
            .and_then(|it| self.stage.autoscaled_at(offer, &self.fixed, *it));
        let (plan, outcome) =
            again.unwrap_or_else(|| self.stage.autoscaled(offer, &self.fixed, known));
        Ran {
            minimum: plan.as_ref().map(|it| (granularity, it.scaling.min)),
            plans: plan.into_iter().collect(),
            on_demand: outcome.map(|it| (it, may_advise(self.stage.question, offer))),
        }
    }

    /// A commitment is weighed against the fleet that follows demand, so that is followed first.
    fn weighed(&self, plans: impl Fn(Option<&Outcome>) -> Vec<Plan>) -> Ran {
        if let Some((outcome, _)) = &self.on_demand {
            return Ran { plans: plans(Some(outcome)), ..Ran::default() };
        }
        let mut ran = self.followed().map(|it| self.follow(it)).unwrap_or_default();
        let committed = plans(ran.on_demand.as_ref().map(|it| &it.0));
        ran.plans.extend(committed);
        ran
    }

    /// The offer on which demand is followed where any will do: one that may be advised, else any.
    fn followed(&self) -> Option<&'a Offer> {
        let here = || self.stage.entry.buyable.payg.iter().filter(|it| self.stage.hosts(it));
        here().find(|it| may_advise(self.stage.question, it)).or_else(|| here().next())
    }

    /// The serverless workers of the provider of a commitment, or of any where providers may be mixed.
    fn workers_above(&self, reserved: &Offer) -> Option<&'a Offer> {
        let mixes = self.stage.question.context.policy.switch_provider;
        let same = |it: &&Offer| mixes || family(&it.provider) == family(&reserved.provider);
        let workers = self.stage.entry.buyable.serverless.iter().map(|it| &it.0);
        workers.filter(|it| self.stage.hosts(it)).find(same)
    }

    fn take(&mut self, ran: Ran) {
        self.plans.extend(ran.plans);
        self.minimums.extend(ran.minimum);
        // The run of an offer that may be advised speaks for the commitment and the curve.
        let better =
            |it: &(Outcome, bool)| self.on_demand.as_ref().is_none_or(|old| it.1 && !old.1);
        if let Some(it) = ran.on_demand.filter(better) {
            self.on_demand = Some(it);
        }
    }
}

/// Of what cannot be advised the first in each place, where none is known: enough to say what it would come
/// to.
fn shown_only<'a>(
    question: &Question<'_>,
    best: &Best,
    entrants: Vec<Entrant<'a>>,
) -> Vec<Entrant<'a>> {
    if question.context.is_exhaustive() {
        return entrants;
    }
    let mut seen = BTreeSet::new();
    let mut is_first = |it: &Entrant<'a>| {
        let offer = it.buy.offer();
        best.of(question, it.kind, offer).is_infinite() && seen.insert(place(question, offer))
    };
    entrants.into_iter().filter(|it| is_first(it)).collect()
}
