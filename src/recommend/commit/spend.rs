//! Commitments in money per hour: one for all instances of a provider that the plan covers, wherever
//! they run.

use std::collections::BTreeSet;

use super::case::months_after;
use super::hours::Hours;
use super::{SpendCase, SpendCasePoint};
use crate::catalog::Offer;
use crate::classify::whole_days;
use crate::commitment::{SpendCurve, SpendKind, liability_left};
use crate::recommend::savings::{Daily, Following};
use crate::recommend::{Context, Risk, money};
use crate::simulate::seed_of;
use crate::units::{Money, MoneyPerHour, Period, Timestamp};

const HOUR_US: u64 = 3_600_000_000;
/// Most points of a curve that are kept beside none and the cheapest.
const MOST_POINTS: usize = 95;

/// Demand on one instance with its rates by use and under the plan.
#[derive(Clone, Debug)]
pub(super) struct Covered {
    pub(super) offer: Offer,
    pub(super) months: u32,
    /// Longest term that may be advised, months.
    pub(super) longest: u32,
    pub(super) by_use: MoneyPerHour,
    pub(super) hours: Hours,
    pub(super) workloads: Vec<String>,
    /// What the workloads' own advice saves by commitments.
    pub(super) included: Money,
}

/// The instants at which whole hours begin, and the time in use of each kind in them.
struct Table {
    starts: Vec<Timestamp>,
    hours: Vec<Vec<u64>>,
}

impl Table {
    /// Hours that all have in full.
    fn of(kinds: &[Covered]) -> Option<Table> {
        let all: Vec<&Hours> = kinds.iter().map(|it| &it.hours).collect();
        let parts = Hours::in_common(&all)?;
        let first = parts.first()?;
        let mut table = Table { starts: Vec::new(), hours: Vec::new() };
        let mut start = first.start;
        for (at, step) in first.steps.iter().enumerate() {
            if step.len_us == HOUR_US {
                table.starts.push(start);
                table.hours.push(parts.iter().map(|it| it.steps[at].on_us).collect());
            }
            start = start.plus_us(i64::try_from(HOUR_US).ok()?);
        }
        Some(table)
    }
}

/// The case of all that one plan covers; nothing where it does not save.
pub(super) fn case(kinds: &[Covered], context: Context<'_>) -> Option<SpendCase> {
    let first = kinds.first()?;
    let rates: Vec<SpendKind> =
        kinds.iter().map(|it| SpendKind { by_use: it.by_use, plan: it.offer.rate }).collect();
    let table = Table::of(kinds)?;
    let curve = SpendCurve::new(&rates, &table.hours)?;
    let best = curve.best()?.per_hour;
    let days = days(&rates, &table, context);
    let seed = seed_of(context.seed, &first.offer.id, 0);
    let none = curve.point(MoneyPerHour::from_nano(0, best.currency()))?.total_cost;
    let window_us = HOUR_US.checked_mul(table.starts.len() as u64)?;
    let point = |per_hour: MoneyPerHour| {
        let at = curve.point(per_hour)?;
        let committed = money::month_of(per_hour, 1)?;
        let by_use = money::monthly(at.by_use_cost, window_us)?;
        let monthly_cost = committed.checked_add(by_use).ok()?;
        let saving = money::monthly(none, window_us)?.checked_sub(monthly_cost).ok()?;
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
    let end = months_after(context.as_of, first.months)?;
    let whole = Period::new(context.as_of, end)?;
    let included: Vec<Money> = kinds.iter().map(|it| it.included).collect();
    let included = money::sum(&included, best.currency())?;
    let mut workloads: Vec<String> = kinds.iter().flat_map(|it| it.workloads.clone()).collect();
    workloads.sort();
    Some(SpendCase {
        provider: first.offer.provider.clone(),
        purchase: first.offer.purchase,
        months: first.months,
        allowed: kinds.iter().all(|it| it.months <= it.longest),
        offer_ids: kinds.iter().map(|it| it.offer.id.clone()).collect(),
        workloads,
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
    let end = table.starts.last()?.plus_us(i64::try_from(HOUR_US).ok()?);
    let all = whole_days(Period::new(*table.starts.first()?, end)?, context.zone);
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
