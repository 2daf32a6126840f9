//! Demand, cost and the advised plan along the window.

use chrono_tz::Tz;
use serde::Serialize;

use super::build::Analysed;
use super::build_workload::rounded;
use crate::classify::{Description, Fleet, HoleMeaning, costs_by_day, weekday_hour_profile};
use crate::units::{Money, MoneyError, Period};
use crate::workload::Workload;

/// Demand hour by hour.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct DemandByHour {
    /// Start of the first hour, RFC 3339.
    pub start: String,
    /// True when the times count from the start of a log without dates.
    pub relative: bool,
    /// True when rows longer than an hour were spread evenly.
    pub spread: bool,
    /// Demand in the unit of `demand_unit`; null where nobody measured.
    pub hours: Vec<Option<f64>>,
    /// When it changed for good.
    pub changes: Vec<ChangeOfDemand>,
    /// Times without data.
    pub silent: Vec<SilentReport>,
}

/// Demand that changed for good.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ChangeOfDemand {
    /// When, RFC 3339.
    pub at: String,
    /// What changed, in words.
    pub sentence: String,
}

/// A time without data.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SilentReport {
    /// Its first instant, RFC 3339.
    pub start: String,
    /// The first instant after it.
    pub end: String,
}

/// What a day cost.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CostOfDay {
    /// The day on the clock of the report.
    pub date: String,
    /// Effective cost; below zero on a day of credits.
    pub cost: Money,
}

/// A plan over one day, in equal parts.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct BusiestDayReport {
    /// Whose plan.
    pub plan_id: String,
    /// The first instant, RFC 3339.
    pub start: String,
    /// True when the times count from the start of a log without dates.
    pub relative: bool,
    /// Requests that arrive on it.
    pub requests: u64,
    /// Length of a part.
    pub part_s: f64,
    /// Mean number of replicas that serve.
    pub busy: Vec<f64>,
    /// Mean number of replicas that are ready, those that serve included.
    pub ready: Vec<f64>,
    /// Mean number of replicas that start.
    pub starting: Vec<f64>,
    /// Mean number of requests in the queue.
    pub queue: Vec<f64>,
    /// The most requests in the queue at once.
    pub queue_max: Vec<u64>,
}

/// A workload along the window, as a report shows it.
#[derive(Clone, Debug)]
pub struct Course {
    /// Mean demand of each hour of the week.
    pub(super) by_weekday_hour: Vec<Vec<Option<f64>>>,
    /// Demand hour by hour, with the holes of its own data; nothing where no hour was measured.
    demand: Option<DemandByHour>,
    /// What every day of the window cost.
    cost: Vec<(Period, Money)>,
    /// Whether the two above were let go of.
    pub(super) hours_left_out: bool,
    /// Whether lengths of its requests are known.
    pub(super) has_tokens: bool,
}

impl Course {
    /// Of a workload and what it is.
    pub fn of(
        workload: &Workload,
        description: &Description,
        zone: Tz,
    ) -> Result<Course, MoneyError> {
        Ok(Course {
            by_weekday_hour: weekday_hour_profile(&description.hourly, zone),
            demand: demand_by_hour(description, zone),
            cost: costs_by_day(workload, zone)?,
            hours_left_out: false,
            has_tokens: workload.demand.has_tokens(),
        })
    }

    /// Keeps what does not grow with the window, and gives what the days cost.
    pub(super) fn without_hours(&mut self) -> Vec<(Period, Money)> {
        self.demand = None;
        self.hours_left_out = true;
        std::mem::take(&mut self.cost)
    }

    /// Demand by hour, with the times in which all workloads were silent.
    pub(super) fn demand_by_hour(&self, name: &str, fleet: &Fleet) -> Option<DemandByHour> {
        let mut demand = self.demand.clone()?;
        demand.silent.extend(fleet.outages_of(name).into_iter().map(|it| silent(it.period)));
        Some(demand)
    }

    /// What every day of the window cost.
    pub(super) fn cost_by_day(&self, zone: Tz) -> Vec<CostOfDay> {
        of_days(self.cost.iter().copied(), zone)
    }
}

/// Days with their dates.
pub(super) fn of_days(days: impl Iterator<Item = (Period, Money)>, zone: Tz) -> Vec<CostOfDay> {
    let date = |day: Period| day.start().in_zone(zone).format("%Y-%m-%d").to_string();
    days.map(|(day, cost)| CostOfDay { date: date(day), cost }).collect()
}

fn silent(period: Period) -> SilentReport {
    SilentReport { start: period.start().to_rfc3339(), end: period.end().to_rfc3339() }
}

fn demand_by_hour(description: &Description, zone: Tz) -> Option<DemandByHour> {
    let series = &description.hourly;
    series.values.iter().flatten().next()?;
    let changes = description.changes.all.iter();
    let changes =
        changes.map(|it| ChangeOfDemand { at: it.at.to_rfc3339(), sentence: it.words(zone) });
    // A bill without a row says that nothing ran, which is no hole.
    let holes = description.holes.iter().filter(|it| it.meaning == HoleMeaning::Unknown);
    let holes = holes.flat_map(|it| it.without_row.iter().copied());
    Some(DemandByHour {
        start: series.start.to_rfc3339(),
        relative: series.relative,
        spread: series.spread,
        hours: series.values.iter().map(|it| it.map(rounded)).collect(),
        changes: changes.collect(),
        silent: holes.map(silent).collect(),
    })
}

/// The busiest day on the plan that the report names; a share of instances was decided later and has
/// none.
pub(super) fn busiest_day(it: &Analysed) -> Option<BusiestDayReport> {
    let found = &it.recommendation;
    let day = found.busiest_day.as_ref()?;
    let is_of = found.advice.plan_id.as_ref().is_none_or(|id| *id == day.plan_id);
    let parts = &day.timeline.parts;
    is_of.then(|| BusiestDayReport {
        plan_id: day.plan_id.clone(),
        start: day.day.start().to_rfc3339(),
        relative: it.description.hourly.relative,
        requests: day.requests,
        part_s: day.timeline.width_us as f64 / 1e6,
        busy: parts.iter().map(|it| rounded(it.busy)).collect(),
        ready: parts.iter().map(|it| rounded(it.ready)).collect(),
        starting: parts.iter().map(|it| rounded(it.starting)).collect(),
        queue: parts.iter().map(|it| rounded(it.queue)).collect(),
        queue_max: parts.iter().map(|it| it.queue_max).collect(),
    })
}
