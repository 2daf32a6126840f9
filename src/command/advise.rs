//! What each workload is and what to do about it, one by one, and what shows only with all of them side
//! by side.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::describe;
use super::failure::Failure;
use super::progress::Progress;
use super::talk::Talk;
use crate::classify::{self, Beside, Fleet};
use crate::ingest::{self, Config, Decisions, Ingested, Shelved};
use crate::recommend::{self, Context, Described, Outlook, Part, Search, Sharer, Standing};
use crate::report::{Analysed, Course};
use crate::units::{Money, MoneyError, Period, Timestamp};
use crate::workload::Workload;

/// By what every workload of a run is judged.
pub(super) struct Judged<'a> {
    pub(super) context: Context<'a>,
    /// What was decided about earlier advice.
    pub(super) decisions: Option<&'a Decisions>,
    /// Where the bills of all workloads end.
    pub(super) billed_until: Timestamp,
    /// Whether the hours of workloads are kept that are not searched in full.
    pub(super) keeps_all_hours: bool,
}

/// What was found of one workload.
struct FoundOne {
    analysed: Analysed,
    beside: Beside,
    outlook: Outlook,
    standing: Option<Standing>,
    /// What its days cost, where its hours were not kept.
    days: Vec<(Period, Money)>,
}

/// What was found of all workloads, in their order.
pub(super) struct Advised {
    pub(super) analysed: Vec<Analysed>,
    pub(super) fleet: Fleet,
    /// Of those that have a cost.
    pub(super) outlooks: Vec<Outlook>,
    /// What each would ask for, where its hours were not kept.
    pub(super) standing: Vec<Option<Standing>>,
    /// What the days cost of those whose hours were not kept.
    pub(super) others: BTreeMap<Period, Money>,
}

impl Judged<'_> {
    /// Describes a workload and finds its advice.
    fn judge(&self, workload: Workload, search: Search) -> Result<FoundOne, MoneyError> {
        let context = Context { search, ..self.context };
        let (catalog, zone) = (context.catalog, context.zone);
        let description = classify::describe(&workload, catalog, (zone, self.billed_until))?;
        let beside = Beside::of(&workload, &description, catalog, zone);
        let outlook = Outlook::of(&workload, zone, &catalog.assumptions)?;
        let recommendation = recommend::advise(Described::of(&workload, &description), context);
        let course = Course::of(&workload, &description, zone)?;
        let mut analysed = Analysed { workload, description, recommendation, course };
        let (mut standing, mut days) = (None, Vec::new());
        if search == Search::ClosedForm && !self.keeps_all_hours {
            standing = Some(Standing::of(self.part(&analysed, None), &context));
            days = analysed.without_hours();
        }
        Ok(FoundOne { analysed, beside, outlook, standing, days })
    }

    /// The workload with what was found; the advice that was rejected or put off is not followed.
    pub(super) fn part<'a>(&self, it: &'a Analysed, standing: Option<&'a Standing>) -> Part<'a> {
        let id = &it.recommendation.advice.id;
        let today = self.context.as_of.in_zone(self.context.zone).date();
        Part {
            workload: &it.workload,
            found: &it.recommendation,
            waste: &it.description.waste,
            is_followed: !self.decisions.is_some_and(|it| it.is_put_aside(id, today)),
            changed_at: Described::of(&it.workload, &it.description).changed_at,
            months_put_off: self.decisions.and_then(|it| it.months_put_off(id, today)),
            standing,
        }
    }
}

/// What each workload is and what to do about it, in the order of the workloads.
pub(super) fn advise_all(
    workloads: Vec<Workload>,
    searches: &[Search],
    ingested: &Ingested,
    (judged, talk): (&Judged<'_>, Talk),
) -> Result<Advised, Failure> {
    let progress = Progress::new(talk, "simulating plans", workloads.len());
    let found: Vec<FoundOne> = workloads
        .into_par_iter()
        .zip(searches)
        .map(|(workload, search)| {
            let found = judged.judge(workload, *search);
            progress.step();
            found
        })
        .collect::<Result<_, MoneyError>>()?;
    together(found, ingested, judged)
}

/// The same of workloads whose rows were put aside: shelf by shelf, so that the hours of few are in
/// memory at once.
pub(super) fn advise_shelves(
    aside: &Shelved,
    (ingested, config): (&Ingested, &Config),
    searches: &[Search],
    (judged, talk): (&Judged<'_>, Talk),
) -> Result<Advised, Failure> {
    let catalog = judged.context.catalog;
    let progress = Progress::new(talk, "simulating plans", searches.len());
    let names = aside.workloads.iter().map(|it| it.name.as_str());
    let searches: BTreeMap<&str, Search> = names.zip(searches.iter().copied()).collect();
    let of_shelf = |at: usize| {
        let (usage, before) = aside.shelf(at)?;
        let judge = |workload: Workload| {
            let search =
                searches.get(workload.name.as_str()).copied().unwrap_or(Search::ClosedForm);
            let found = judged.judge(workload, search);
            progress.step();
            found
        };
        Ok(ingest::assemble_each((&usage, &before), ingested, (config, catalog), &judge)?)
    };
    let shelves: Vec<Vec<FoundOne>> =
        (0..aside.n_shelves()).into_par_iter().map(of_shelf).collect::<Result<_, Failure>>()?;
    let mut found: Vec<FoundOne> = shelves.into_iter().flatten().collect();
    found.sort_by(|a, b| a.analysed.workload.name.cmp(&b.analysed.workload.name));
    together(found, ingested, judged)
}

/// What shows only with all workloads side by side.
fn together(
    found: Vec<FoundOne>,
    ingested: &Ingested,
    judged: &Judged<'_>,
) -> Result<Advised, Failure> {
    let context = judged.context;
    let (mut analysed, mut all_beside, mut outlooks, mut standing) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut others: BTreeMap<Period, Money> = BTreeMap::new();
    for it in found {
        for (day, cost) in it.days {
            let sum = others.entry(day).or_insert(Money::zero(cost.currency()));
            *sum = sum.checked_add(cost)?;
        }
        analysed.push(it.analysed);
        all_beside.push(it.beside);
        outlooks.extend(Some(it.outlook).filter(Outlook::has_costs));
        standing.push(it.standing);
    }
    let (fleet, own) = describe::across(all_beside, ingested, context.catalog, context.zone)?;
    for (at, finding) in own {
        analysed[at].description.waste.push(finding);
    }
    let sharers = analysed.iter_mut().map(|it| Sharer {
        described: Described::of(&it.workload, &it.description),
        recommendation: &mut it.recommendation,
    });
    recommend::share(&mut sharers.collect::<Vec<_>>(), context);
    Ok(Advised { analysed, fleet, outlooks, standing, others })
}
