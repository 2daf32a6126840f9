//! Commitments in money per hour: one for all instances of a provider that the plan covers, wherever
//! they run.

use std::collections::BTreeSet;

use super::case::months_after;
use super::hours::Hours;
use super::pool::{Pool, names};
use super::{HeldInUse, SpendCase, SpendCasePoint, held};
use crate::catalog::Offer;
use crate::classify::whole_days;
use crate::commitment::{SpendCurve, SpendKind, left_by_use, liability_left};
use crate::ingest::HeldCommitment;
use crate::recommend::offers::max_term;
use crate::recommend::savings::{Daily, Following};
use crate::recommend::{Context, Risk, money};
use crate::simulate::seed_of;
use crate::units::{Fraction, Money, MoneyPerHour, Period, Timestamp};

const HOUR_US: u64 = 3_600_000_000;
/// Most points of a curve that are kept beside none and the cheapest.
const MOST_POINTS: usize = 95;

/// Demand on one instance with its rates by use and under the plans on offer.
#[derive(Clone, Debug)]
pub(super) struct Covered {
    /// The cheapest of each term, months.
    pub(super) plans: Vec<(u32, Offer)>,
    pub(super) by_use: MoneyPerHour,
    pub(super) hours: Hours,
    /// Whether there is too little of it to commit on.
    pub(super) is_short: bool,
    pub(super) workloads: Vec<String>,
    /// Who is no part of it, and why.
    pub(super) without: Vec<String>,
    /// What the workloads' own advice saves by commitments.
    pub(super) included: Money,
    /// What of it lasts for a term, where that is not all; nothing where nobody does.
    pub(super) lasting: Vec<(u32, Option<Covered>)>,
}

impl Covered {
    /// Demand of a pool that the plans cover.
    pub(super) fn of(plans: &[(u32, Offer)], pool: &Pool, hours: Hours) -> Covered {
        Covered {
            plans: plans.to_vec(),
            by_use: pool.by_use,
            hours,
            is_short: false,
            workloads: names(&pool.members),
            without: Vec::new(),
            included: pool.included(),
            lasting: Vec::new(),
        }
    }

    /// What of it counts for a new term.
    fn for_term(&self, months: u32) -> Option<&Covered> {
        let limited = self.lasting.iter().find(|it| it.0 == months);
        limited.map_or(Some(self), |it| it.1.as_ref())
    }

    /// The offer of a term.
    fn plan(&self, months: u32) -> Option<&Offer> {
        self.plans.iter().find(|it| it.0 == months).map(|it| &it.1)
    }

    /// Both rates, under the plan whose term is the nearest to that of what is held.
    fn rates_of(&self, held: &HeldCommitment) -> Option<SpendKind> {
        const MONTH_US: f64 = 730.0 * HOUR_US as f64;
        let months = held.term.len_us() as f64 / MONTH_US;
        let far = |it: &&(u32, Offer)| (f64::from(it.0) - months).abs();
        let nearest = self.plans.iter().min_by(|a, b| far(a).total_cmp(&far(b)))?;
        Some(SpendKind { by_use: self.by_use, plan: nearest.1.rate })
    }
}

/// The instants at which whole hours begin, and the time in use of each kind in them.
struct Table {
    starts: Vec<Timestamp>,
    hours: Vec<Vec<u64>>,
}

impl Table {
    /// Hours that all have in full.
    fn of(kinds: &[&Covered]) -> Option<Table> {
        let all: Vec<&Hours> = kinds.iter().map(|it| &it.hours).collect();
        let parts = Hours::in_common(&all)?;
        let first = parts.first()?;
        let mut table = Table { starts: Vec::new(), hours: Vec::new() };
        let mut start = first.start;
        for (at, step) in first.steps.iter().enumerate() {
            if step.len_us == HOUR_US {
                table.starts.push(start);
                table
                    .hours
                    .push(parts.iter().filter_map(|it| Some(it.steps.get(at)?.on_us)).collect());
            }
            start = start.plus_us(i64::try_from(HOUR_US).ok()?);
        }
        Some(table)
    }

    /// From the first to after the last hour.
    fn span(&self) -> Option<Period> {
        let end = self.starts.last()?.plus_us(i64::try_from(HOUR_US).ok()?);
        Period::new(*self.starts.first()?, end)
    }

    /// Takes off what is covered by a commitment; gives the share of it that is in use.
    fn take_off(&mut self, kinds: &[&Covered], held: &HeldCommitment) -> Option<Fraction> {
        let rates: Vec<SpendKind> =
            kinds.iter().map(|it| it.rates_of(held)).collect::<Option<_>>()?;
        let (left, used) = left_by_use(&rates, &self.hours, held.rate)?;
        self.hours = left;
        Some(used)
    }

    /// The columns of some kinds.
    fn of_columns(&self, columns: &[usize]) -> Table {
        let of = |hour: &Vec<u64>| columns.iter().map(|at| hour[*at]).collect();
        Table { starts: self.starts.clone(), hours: self.hours.iter().map(of).collect() }
    }
}

/// What of money per hour that is held demand would have used, after those declared before it that ran
/// at the same time. The share of all hours is taken for the time that was paid for. Where it cannot be
/// computed its use is not known.
pub(super) fn in_use(
    held: &HeldCommitment,
    all: &[&HeldCommitment],
    kinds: &[Covered],
    (window, context): (Period, Context<'_>),
) -> Option<HeldInUse> {
    let soon = months_after(context.as_of, max_term(&context))?;
    let when = (context.as_of, soon);
    let paid_in = |period: Period| {
        let paid = period.intersect(held.term).map_or(0, Period::len_us);
        u64::try_from(paid).unwrap_or(0)
    };
    let use_of = || {
        let kinds: Vec<&Covered> = kinds.iter().collect();
        let mut table = Table::of(&kinds)?;
        let span = table.span()?;
        let beside = |it: &&&HeldCommitment| {
            let both = it.term.intersect(held.term).and_then(|it| it.intersect(span));
            it.provider == held.provider && both.is_some()
        };
        for it in all.iter().take_while(|it| it.id != held.id).filter(beside) {
            table.take_off(&kinds, it)?;
        }
        let share = table.take_off(&kinds, held)?.get();
        let paid_us = paid_in(span);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of it"
        )]
        let used_us = ((share * paid_us as f64).round() as u64).min(paid_us);
        let stranded = held.rate.cost_of_us(paid_us - used_us).ok()?;
        Some((paid_us, Some((used_us, stranded))))
    };
    let used = use_of().unwrap_or_else(|| (paid_in(window), None));
    held::in_use(held, used, when)
}

/// The cases of one provider: of each term all that its plan covers, on top of what is held and runs.
pub(super) fn cases(
    kinds: &[Covered],
    held: &[&HeldCommitment],
    context: Context<'_>,
) -> Vec<SpendCase> {
    let long: Vec<&Covered> = kinds.iter().filter(|it| !it.is_short).collect();
    let provider = long.first().and_then(|it| it.plans.first()).map(|it| it.1.provider.as_str());
    let running = |it: &&&HeldCommitment| {
        Some(it.provider.as_str()) == provider && it.term.end() > context.as_of
    };
    let running: Vec<&HeldCommitment> = held.iter().filter(running).copied().collect();
    let held = running.iter().map(|it| it.rate.nano()).sum();
    let months: BTreeSet<u32> = long.iter().flat_map(|it| it.plans.iter().map(|it| it.0)).collect();
    let of_term = |months: &u32| {
        let lasting: Vec<&Covered> = long.iter().filter_map(|it| it.for_term(*months)).collect();
        let mut table = Table::of(&lasting)?;
        for it in running.iter().filter(|it| it.rate.nano() > 0) {
            // What is held and cannot be taken off must not be bought again.
            table.take_off(&lasting, it)?;
        }
        let columns: Vec<usize> =
            (0..lasting.len()).filter(|at| lasting[*at].plan(*months).is_some()).collect();
        let kinds: Vec<&Covered> = columns.iter().map(|at| lasting[*at]).collect();
        case(&kinds, &table.of_columns(&columns), (*months, held), context)
    };
    months.iter().filter_map(of_term).collect()
}

/// The case of all that the plan of one term covers, of the hours that what is held leaves, an hour of
/// which costs so many nano-units.
fn case(
    kinds: &[&Covered],
    table: &Table,
    (months, held): (u32, i128),
    context: Context<'_>,
) -> Option<SpendCase> {
    let offers: Vec<&Offer> = kinds.iter().map(|it| it.plan(months)).collect::<Option<_>>()?;
    let first = *offers.first()?;
    let rates: Vec<SpendKind> = kinds
        .iter()
        .zip(&offers)
        .map(|(it, offer)| SpendKind { by_use: it.by_use, plan: offer.rate })
        .collect();
    let curve = SpendCurve::new(&rates, &table.hours)?;
    let best = curve.best()?.per_hour;
    let held = MoneyPerHour::from_nano(held, best.currency());
    let days = days(&rates, table, context);
    let seed = seed_of(context.seed, &first.id, 0);
    let none = curve.point(MoneyPerHour::from_nano(0, best.currency()))?.total_cost;
    let window_us = HOUR_US.checked_mul(table.starts.len() as u64)?;
    let none = money::monthly(none, window_us)?.checked_add(money::month_of(held, 1)?).ok()?;
    let point = |per_hour: MoneyPerHour| {
        let at = curve.point(per_hour)?;
        let all = MoneyPerHour::from_nano(held.nano() + per_hour.nano(), best.currency());
        let committed = money::month_of(all, 1)?;
        let by_use = money::monthly(at.by_use_cost, window_us)?;
        let monthly_cost = committed.checked_add(by_use).ok()?;
        let saving = none.checked_sub(monthly_cost).ok()?;
        let daily = days.as_ref().and_then(|it| it.saved(per_hour));
        let rules = &context.catalog.assumptions.risk;
        Some(SpendCasePoint {
            per_hour,
            monthly_cost,
            committed,
            by_use,
            utilization: at.utilization,
            coverage: at.coverage,
            saving,
            risk: daily.and_then(|it| Risk::of(saving, &it, rules, seed)),
        })
    };
    let points: Option<Vec<SpendCasePoint>> =
        shown(&curve.candidates(), best).into_iter().map(point).collect();
    let points = points?;
    let chosen = points.iter().find(|it| it.per_hour == best)?.clone();
    let end = months_after(context.as_of, months)?;
    let whole = Period::new(context.as_of, end)?;
    let included: Vec<Money> = kinds.iter().map(|it| it.included).collect();
    let included = money::sum(&included, best.currency())?;
    let mut workloads: Vec<String> = kinds.iter().flat_map(|it| it.workloads.clone()).collect();
    workloads.sort();
    Some(SpendCase {
        provider: first.provider.clone(),
        purchase: first.purchase,
        months,
        held,
        allowed: months <= max_term(&context),
        offer_ids: offers.iter().map(|it| it.id.clone()).collect(),
        workloads,
        without: kinds.iter().flat_map(|it| it.without.clone()).collect(),
        liability: liability_left(best, 1, whole, context.as_of)?,
        end,
        included_in_advice: included,
        beyond_advice: chosen.saving.checked_sub(included).ok()?,
        chosen,
        points,
    })
}

/// Evenly placed ones of the candidates, the first, the last and the cheapest.
fn shown(candidates: &[MoneyPerHour], best: MoneyPerHour) -> Vec<MoneyPerHour> {
    let last = candidates.len().saturating_sub(1);
    let places = last.min(MOST_POINTS);
    let even = (0..=places).filter_map(|at| candidates.get(at * last / places.max(1)));
    let nano: BTreeSet<i128> = even.chain([&best]).map(|it| it.nano()).collect();
    nano.into_iter().map(|it| MoneyPerHour::from_nano(it, best.currency())).collect()
}

/// The curve of each whole day.
struct Days {
    start: Timestamp,
    first_weekday: usize,
    curves: Vec<SpendCurve>,
    /// The most that one unit of money committed carries, at the rates by use.
    dearest: f64,
}

/// An hour is of the day it begins in. Nothing without a whole day or with a day without an hour.
fn days(rates: &[SpendKind], table: &Table, context: Context<'_>) -> Option<Days> {
    let all = whole_days(table.span()?, context.zone);
    let (first, first_weekday) = *all.first()?;
    let curves = all.iter().map(|(day, _)| {
        let from = table.starts.partition_point(|it| *it < day.start());
        let to = table.starts.partition_point(|it| *it < day.end());
        SpendCurve::new(rates, table.hours.get(from..to)?)
    });
    let carried = rates.iter().map(|it| it.by_use.to_f64() / it.plan.to_f64());
    Some(Days {
        start: first.start(),
        first_weekday,
        curves: curves.collect::<Option<_>>()?,
        dearest: carried.fold(1.0, f64::max),
    })
}

impl Days {
    fn saved(&self, per_hour: MoneyPerHour) -> Option<Daily> {
        let none = MoneyPerHour::from_nano(0, per_hour.currency());
        let saved = |it: &SpendCurve| {
            let [without, with] = [none, per_hour].map(|it_per_hour| it.point(it_per_hour));
            Some(without?.total_cost.to_f64() - with?.total_cost.to_f64())
        };
        let usd: Vec<f64> = self.curves.iter().map(saved).collect::<Option<_>>()?;
        let committed = per_hour.to_f64() * 24.0;
        let following = Following {
            usd: usd.iter().sum::<f64>() / usd.len() as f64 + committed,
            most: committed * self.dearest,
        };
        Some(Daily { start: self.start, first_weekday: self.first_weekday, usd, following })
    }
}
