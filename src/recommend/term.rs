//! What the user knows of a workload's future, and what its past says, against the advice: how long a
//! commitment may last, on which demand it is judged, and from when on anything may change.

use chrono::NaiveDate;

use super::Context;
use super::advice::Advice;
use super::demand::Question;
use super::{money, offers};
use crate::classify::day_start;
use crate::commitment::SavingsCurve;
use crate::simulate::DemandStep;
use crate::units::{Money, Period, Timestamp, whole_months};
use crate::workload::Workload;

const HOUR_US: i64 = 3_600_000_000;
const DAY_US: f64 = 86_400e6;
/// Days that a growth is given per, and that a plan must carry it for.
const GROWTH_DAYS: f64 = 30.0;

fn today(context: &Context<'_>) -> NaiveDate {
    context.as_of.in_zone(context.zone).date()
}

/// Whole months from the day of the report to the end or the migration of the workload, so that a
/// commitment for them does not outlive it: from 1 Nov to 31 Mar four.
pub(super) fn months_left(workload: &Workload, context: &Context<'_>) -> Option<u32> {
    let until = workload.settings.future.until()?;
    Some(whole_months(today(context), until))
}

/// Days of demand since it last changed for good, else all.
fn days_since_change(question: &Question<'_>) -> f64 {
    let end = question.described.workload.demand_window.end();
    question
        .described
        .changed_at
        .map_or(question.days, |at| ((end.us() - at.us()) as f64 / DAY_US).min(question.days))
}

/// Whether there is enough demand to judge a commitment on.
pub(super) fn may_commit(question: &Question<'_>) -> bool {
    let least = question.context.catalog.assumptions.advice.min_days_commitment;
    days_since_change(question) >= least
}

/// Whether demand changed for good inside the window.
pub(super) fn has_changed(question: &Question<'_>) -> bool {
    question.described.changed_at.is_some()
}

/// That less than four weeks of demand stand behind a term, since it changed for good.
pub(super) fn young(question: &Question<'_>) -> Option<String> {
    const WEEKS: f64 = 4.0;
    let at = question.described.changed_at?;
    let days = days_since_change(question);
    let date = at.in_zone(question.context.zone).format("%-d %b %Y");
    (days < 7.0 * WEEKS)
        .then(|| format!("demand changed for good on {date}, {days:.0} days before the data end"))
}

/// The hours of a window since demand changed for good, else all: what a commitment is chosen for.
pub(super) fn since_change(question: &Question<'_>, mut hours: Vec<DemandStep>) -> Vec<DemandStep> {
    let Some(at) = question.described.changed_at else { return hours };
    let before_us = at.us() - question.described.workload.demand_window.start().us();
    let n = usize::try_from(before_us.max(0) / HOUR_US).unwrap_or(0);
    hours.split_off(n.min(hours.len()))
}

/// The number of instances that the policy chooses on a curve: the optimal one where it says nothing.
pub(super) fn chosen_n(question: &Question<'_>, curve: &SavingsCurve) -> u32 {
    question.context.policy.risk.map_or_else(|| curve.best_n(), |risk| curve.n_at_risk(risk))
}

/// Most instances that may be committed, where `best` are best for the demand since it changed, or are
/// what the policy's risk allows.
pub(super) fn most_committed(question: &Question<'_>, best: Option<u32>) -> u32 {
    let is_capped = has_changed(question) || question.context.policy.risk.is_some();
    if is_capped { best.unwrap_or(0) } else { u32::MAX }
}

/// The declared growth of the next 30 days, as a share: of 10 % from the 16th day on half a month's,
/// 1.1^0.5 - 1 = 4.9 %. Nothing where none is declared.
pub(super) fn growth_ahead(question: &Question<'_>) -> Option<f64> {
    let growth = question.described.workload.settings.future.growth?;
    let as_of = question.context.as_of;
    let from = growth.from.and_then(|it| day_start(question.context.zone, it)).unwrap_or(as_of);
    let after = |it: Timestamp| (it.us() - as_of.us()) as f64 / DAY_US;
    let days = (GROWTH_DAYS - after(from).max(0.0)).max(0.0);
    Some((1.0 + growth.per_30d).powf(days / GROWTH_DAYS) - 1.0)
}

/// What commitments were limited by, one sentence each.
pub(super) fn limits(question: &Question<'_>) -> Vec<String> {
    let future = &question.described.workload.settings.future;
    let until = future.until_in_words().map(|it| {
        format!("{it}, as the config says: no commitment that lasts longer was considered")
    });
    let assumed = &question.context.catalog.assumptions.advice;
    let enough = question.days >= assumed.min_days_commitment;
    let changed = question.described.changed_at.filter(|_| enough).map(|at| {
        let date = at.in_zone(question.context.zone).format("%-d %b %Y");
        if may_commit(question) {
            format!("commitments were judged on the demand since {date}, when it last changed for good")
        } else {
            format!(
                "no commitment was considered: demand changed for good on {date}, {:.0} days before the data end, \
                 and {} are needed",
                days_since_change(question),
                assumed.min_days_commitment
            )
        }
    });
    until.into_iter().chain(changed).chain(held(question)).collect()
}

/// That what is held of an instance the workload might commit to keeps it from more.
fn held(question: &Question<'_>) -> Option<String> {
    let catalog = question.context.catalog;
    let deployment = &question.described.workload.deployment;
    let gpu = catalog.gpu(deployment.gpu.as_deref()?)?;
    let mut ids: Vec<&str> = catalog
        .offers_for(&gpu.name)
        .filter(|it| Some(&it.provider) == deployment.provider.as_ref())
        .flat_map(|it| offers::held_already(question, it, gpu))
        .map(|it| it.id.as_str())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    (!ids.is_empty()).then(|| {
        format!(
            "{} held already: no further commitment for that instance was considered; the commitments over \
             all workloads say what more would pay",
            ids.join(", ")
        )
    })
}

/// The day before which the user wants no change, where it is to come.
pub(super) fn frozen_until(question: &Question<'_>) -> Option<NaiveDate> {
    let freeze = question.described.workload.settings.future.freeze?;
    (today(&question.context) < freeze).then_some(freeze)
}

/// That a workload ended inside the window.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ended {
    /// What it costs a month since, where it still costs something.
    pub(super) still_costs: Option<Money>,
    /// Since when, and what was paid since.
    pub(super) said: String,
}

/// Whether a workload ended, where the data say what was paid since: nobody asks for it, or nothing is
/// paid for it any more.
pub(super) fn ended(question: &Question<'_>) -> Option<Ended> {
    let described = question.described;
    let workload = described.workload;
    let day = |at: Timestamp| {
        let last = at.plus_us(-1).in_zone(question.context.zone);
        last.format("%-d %b %Y").to_string()
    };
    if let Some(since) = silent_since(workload) {
        let said = match described.ended_at.filter(|it| *it <= since) {
            Some(at) if at < since => {
                let (at, since) = (day(at), day(since));
                format!("its demand ended on {at} and nothing was paid for it after {since}")
            }
            Some(at) => {
                format!("its demand ended on {} and nothing was paid for it since", day(at))
            }
            None => format!("its rows end on {} and nothing was paid for it since", day(since)),
        };
        return Some(Ended { still_costs: None, said });
    }
    let at = described.ended_at?;
    let costs = &workload.costs;
    let currency = costs.first()?.cost.currency();
    let since = costs.iter().filter(|it| it.period.start() >= at).map(|it| it.cost);
    let paid = Money::sum(since, currency).ok().filter(|it| it.atto() > 0)?;
    let us = u64::try_from(workload.window.end().us() - at.us()).ok()?;
    let (at, amount) = (day(at), money::for_prose(paid));
    Some(Ended {
        still_costs: Some(money::monthly(paid, us)?),
        said: format!("its demand ended on {at} and {amount} was paid for it since"),
    })
}

/// The end of the last period that was paid for, where that is long ago for this workload: at least three
/// days, and twice the longest time that nothing was paid for it before. So the days between two runs
/// are no end.
pub(super) fn silent_since(workload: &Workload) -> Option<Timestamp> {
    const LEAST_US: i64 = 3 * 86_400_000_000;
    let costs = workload.costs_before.iter().chain(&workload.costs);
    let mut paid: Vec<Period> = costs.filter(|it| it.cost.atto() > 0).map(|it| it.period).collect();
    paid.sort_unstable_by_key(|it| (it.start(), it.end()));
    let (first, rest) = paid.split_first()?;
    let (end, longest) = rest.iter().fold((first.end(), 0), |(end, longest), it| {
        (end.max(it.end()), longest.max(it.start().us() - end.us()))
    });
    let silence = workload.window.end().us() - end.us();
    (silence >= LEAST_US && silence >= 2 * longest).then_some(end)
}

/// Days until the workload ends or leaves, where the user says so.
pub(super) fn days_left(question: &Question<'_>) -> Option<f64> {
    let until = question.described.workload.settings.future.until()?;
    Some((until - today(&question.context)).num_days() as f64)
}

/// Why advice to change something waits, and what it will be; nothing where it need not.
pub(super) fn frozen(question: &Question<'_>, advice: &Advice) -> Option<[String; 2]> {
    let freeze = frozen_until(question)?;
    advice.action.is_to_do().then(|| {
        let date = freeze.format("%-d %b %Y");
        [
            format!("no change before {date}, as the config says"),
            format!(
                "from {date} on: {} It saves {} a month",
                advice.summary,
                money::for_prose(advice.monthly_savings)
            ),
        ]
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use chrono_tz::Tz;

    use super::*;
    use crate::catalog::Catalog;
    use crate::classify::describe;
    use crate::ingest::Policy;
    use crate::recommend::advice::{Action, Grade, stable_id};
    use crate::recommend::doubt::Doubt;
    use crate::recommend::{Context, Described, Search};
    use crate::units::Currency;
    use crate::workload::{CostBin, Demand, Future, Growth, PricingCategory};

    fn day(text: &str) -> Option<NaiveDate> {
        text.parse().ok()
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text, Tz::UTC).unwrap()
    }

    fn october() -> Workload {
        let window = Period::new(at("2026-10-01"), at("2026-11-01")).unwrap();
        Workload::of_demand(Demand::Unknown, window)
    }

    /// A question of October 2026, asked on 1 November.
    fn with<T>(future: Future, changed_on: Option<u32>, of: impl Fn(&Question<'_>) -> T) -> T {
        let mut workload = october();
        workload.settings.future = future;
        asked(&workload, (changed_on, None), of)
    }

    /// One where demand changed for good on a day, and one where it ended the day before.
    fn asked<T>(
        workload: &Workload,
        (changed_on, ended_on): (Option<u32>, Option<u32>),
        of: impl Fn(&Question<'_>) -> T,
    ) -> T {
        let window = workload.demand_window;
        let (catalog, policy) = (Catalog::embedded().unwrap(), Policy::default());
        let description = describe(workload, &catalog, (Tz::UTC, window.end())).unwrap();
        let context = Context {
            catalog: &catalog,
            policy: &policy,
            seed: 1,
            as_of: window.end(),
            zone: Tz::UTC,
            search: Search::default(),
            stop: &AtomicBool::new(false),
        };
        let on = |day: u32| at(&format!("2026-10-{day:02}"));
        let (changed_at, ended_at) = (changed_on.map(on), ended_on.map(on));
        let described = Described { changed_at, ended_at, ..Described::of(workload, &description) };
        of(&Question::of(described, context))
    }

    #[test]
    fn an_end_says_what_was_paid_since() {
        let mut workload = october();
        let mut paid = |day: u32, cost: &str| {
            let start = at(&format!("2026-10-{day:02}"));
            workload.costs.push(CostBin {
                period: Period::new(start, start.plus_us(86_400_000_000)).unwrap(),
                category: PricingCategory::Standard,
                cost: Money::parse(cost, Currency::USD).unwrap(),
                gpu_hours: None,
            });
            asked(&workload, (None, Some(13)), ended)
        };
        let over = |still_costs: Option<&str>, said: &str| {
            let still_costs = still_costs.map(|it| Money::parse(it, Currency::USD).unwrap());
            Some(Ended { still_costs, said: said.to_owned() })
        };
        let nothing = "its demand ended on 12 Oct 2026 and nothing was paid for it since";
        assert_eq!(paid(12, "30"), over(None, nothing));
        let later = "its demand ended on 12 Oct 2026 and nothing was paid for it after 14 Oct 2026";
        assert_eq!(paid(14, "30"), over(None, later));
        // Two days are no silence, and 2,280 USD in 19 days are 3,650 in a month of 730 h.
        let still = "its demand ended on 12 Oct 2026 and 2,280.00 USD was paid for it since";
        assert_eq!(paid(29, "2250"), over(Some("3650"), still));
        assert_eq!(asked(&workload, (Some(13), None), ended), None);
        workload.costs.truncate(1);
        let rows = "its rows end on 12 Oct 2026 and nothing was paid for it since";
        assert_eq!(asked(&workload, (None, None), ended), over(None, rows));
        workload.costs.clear();
        assert_eq!(asked(&workload, (None, Some(13)), ended), None);
    }

    #[test]
    fn days_between_two_runs_are_no_end() {
        let mut workload = october();
        let mut run = |day: u32| {
            let start = at(&format!("2026-10-{day:02}"));
            workload.costs.push(CostBin {
                period: Period::new(start, start.plus_us(86_400_000_000)).unwrap(),
                category: PricingCategory::Standard,
                cost: Money::parse("1", Currency::USD).unwrap(),
                gpu_hours: None,
            });
            silent_since(&workload)
        };
        // A single run is over after 22 days. One a week is over after 15, and not after 8.
        assert_eq!(run(9), Some(at("2026-10-10")));
        assert_eq!(run(16), Some(at("2026-10-17")));
        assert_eq!(run(23), None);
        assert_eq!(run(31), None);
    }

    #[test]
    fn no_term_outlives_the_workload() {
        let check = |ends: &str, migrates: &str, expected: Option<u32>| {
            let future = Future { ends: day(ends), migrates: day(migrates), ..Future::default() };
            assert_eq!(
                with(future, None, |it| months_left(it.described.workload, &it.context)),
                expected,
                "{ends} {migrates}"
            );
        };
        check("", "", None);
        check("2027-03-31", "", Some(4));
        check("2027-04-01", "", Some(5));
        check("2027-04-01", "2026-12-01", Some(1));
        check("2026-11-15", "", Some(0));
        check("2026-10-15", "", Some(0));
        check("2099-01-01", "", Some(120));
    }

    #[test]
    fn a_commitment_is_judged_on_the_demand_since_it_changed() {
        let hours = || vec![DemandStep { len_us: 1, on_us: 1 }; 31 * 24];
        let check = |changed_on: Option<u32>, commits: bool, n: usize, most: u32| {
            let found = with(Future::default(), changed_on, |it| {
                let left = since_change(it, hours()).len();
                (may_commit(it), left, most_committed(it, Some(3)))
            });
            assert_eq!(found, (commits, n, most), "{changed_on:?}");
        };
        check(None, true, 744, u32::MAX);
        check(Some(12), true, 480, 3);
        check(Some(24), true, 192, 3);
        check(Some(25), false, 168, 3);
        let said = |on| with(Future::default(), Some(on), limits).join(" ");
        assert_eq!(
            said(12),
            "commitments were judged on the demand since 12 Oct 2026, when it last changed for good"
        );
        assert_eq!(
            said(25),
            "no commitment was considered: demand changed for good on 25 Oct 2026, 7 days before the data end, \
             and 8 are needed"
        );
        let ends = Future { ends: day("2027-03-31"), ..Future::default() };
        let said = with(ends, None, limits).join(" ");
        assert!(said.starts_with("it ends on 31 Mar 2027, as the config says"), "{said}");
    }

    #[test]
    fn growth_counts_for_the_days_of_the_month_it_shows_in() {
        let check = |from: &str, expected: f64| {
            let growth = Some(Growth { per_30d: 0.10, from: day(from) });
            let future = Future { growth, ..Future::default() };
            let found = with(future, None, growth_ahead).unwrap();
            assert!((found - expected).abs() < 1e-9, "{from}: {found}");
        };
        check("", 0.10);
        check("2026-09-01", 0.10);
        check("2026-11-16", 1.1_f64.sqrt() - 1.0);
        check("2027-01-01", 0.0);
        assert_eq!(with(Future::default(), None, growth_ahead), None);
    }

    #[test]
    fn a_freeze_defers_what_would_change_something() {
        let advice = |action| Advice {
            id: stable_id("w", action, None),
            action,
            plan_id: None,
            summary: "Stop it.".to_owned(),
            monthly_savings: Money::parse("1286.7", Currency::USD).unwrap(),
            risk: None,
            savings_by_price: None,
            together_with: Vec::new(),
            change: None,
            grade: Grade::A,
            reasons: Vec::new(),
            steps: Vec::new(),
            undo: String::new(),
            verify: Vec::new(),
            wrong_if: Vec::new(),
            doubt: Doubt::default(),
        };
        let check = |freeze: &str, action, waits: bool| {
            let future = Future { freeze: day(freeze), ..Future::default() };
            let found = with(future, None, |it| frozen(it, &advice(action)));
            assert_eq!(found.is_some(), waits, "{freeze} {action:?}");
            found
        };
        let [why, then] = check("2027-01-10", Action::Stop, true).unwrap();
        assert_eq!(why, "no change before 10 Jan 2027, as the config says");
        assert_eq!(then, "from 10 Jan 2027 on: Stop it. It saves 1,286.70 USD a month");
        check("2027-01-10", Action::Switch, true);
        check("2027-01-10", Action::Keep, false);
        check("2026-11-01", Action::Stop, false);
        check("", Action::Stop, false);
    }
}
