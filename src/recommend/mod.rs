//! From demand and prices to one decision per workload.
//!
//! Comes in: a workload with its class and hourly demand, the catalog, the policy. Goes out: a
//! [`Recommendation`]: what today costs, which deployments would carry the load, what each way of
//! buying them would have cost, and what to do. It calls `size` and `simulate` itself. Nothing here
//! fails: too little data, no price, no plan that meets the SLO are answers with a reason. Exclusive
//! savings are never added: one plan per workload wins, and its saving is today's cost minus its own.

mod advice;
mod api_plan;
mod baseline;
mod bounds;
mod busiest_day;
mod candidates;
mod change;
mod choose;
mod commit;
mod contest;
mod decide;
mod demand;
mod doubt;
mod downsize;
mod forecast;
mod level_plans;
mod levels;
mod money;
mod no_plan;
mod offers;
mod pack;
mod plan;
mod rates;
mod rehearsal;
mod replay;
mod request_plans;
mod risk;
mod savings;
mod scaled;
mod schedule;
mod share;
mod shared;
mod slice;
mod spot_plans;
mod stage;
mod switch;
mod task;
mod term;
mod timetable;
mod verify;
mod ways;
mod what_if;
mod worker_plans;

use std::sync::atomic::{AtomicBool, Ordering};

use chrono_tz::Tz;

use crate::catalog::Catalog;
use crate::classify::{Censoring, ChangeKind, Description, Features, HourlySeries, Trend, Waste};
use crate::ingest::Policy;
use crate::units::Timestamp;
use crate::workload::{Slo, Workload, WorkloadClass};

pub use advice::{Action, Advice, Grade};
pub use baseline::Baseline;
pub use busiest_day::BusiestDay;
pub use candidates::{Candidate, Verdict};
pub use change::{Change, Restart};
pub use commit::{
    AskedIdle, CasePoint, CommitmentGroup, Commitments, CommittedFirst, EarlyRule, HeldInUse,
    Hindsight, Instance, LadderSteps, NoCase, Part, Renewal, SpendCase, SpendCasePoint, Standing,
    TermCase, UnusedHours, commitments,
};
pub use doubt::{BreakEven, Doubt, Shock};
pub use downsize::{Asked, Downsize, Downsizes, Fleet, Running, downsizes};
pub use forecast::{Backtest, Expected, Foreseen, Outlook, Saving, Span, SpanKind, foresee, spans};
pub(crate) use offers::family;
pub use plan::{Elastic, Latencies, Plan, PlanParts, Scaling, SpotPoint, Way};
pub use rates::SavingsByPrice;
pub use replay::replay;
pub use risk::{Basis, Risk, Spread};
pub use savings::Daily;
pub use scaled::at_demand;
pub use share::{Sharer, share};
pub use slice::Slice;
pub use task::{SIDE_BY_SIDE, Task, evaluation_command};
pub use timetable::{ToDo, Week, n_that_matter, timetable};
pub use verify::Check;
pub use what_if::WhatIf;

/// How far the plans of a workload are sought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Search {
    /// Every way to run and to buy it that could win, replayed on its requests.
    #[default]
    Full,
    /// Every candidate that fits, and no plan skipped for its lower bound.
    Exhaustive,
    /// The GPUs in use, bought another way: exact by the savings curve, and nothing is replayed.
    ClosedForm,
}

/// What every workload's advice shares.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Prices, GPUs, models, assumptions.
    pub catalog: &'a Catalog,
    /// What may be advised.
    pub policy: &'a Policy,
    /// Seed of all chance.
    pub seed: u64,
    /// The day prices are judged by.
    pub as_of: Timestamp,
    /// The zone in which a week has its hours.
    pub zone: Tz,
    /// How far plans are sought.
    pub search: Search,
    /// Set from outside when the time for the search is up.
    pub stop: &'a AtomicBool,
}

impl Context<'_> {
    /// Whether nothing that fits is left out.
    pub(crate) fn is_exhaustive(&self) -> bool {
        self.search == Search::Exhaustive
    }

    /// Whether the time for the search is up.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// A workload with what the earlier stage found out about it.
#[derive(Clone, Copy, Debug)]
pub struct Described<'a> {
    /// The workload.
    pub workload: &'a Workload,
    /// The statistics of its demand.
    pub features: &'a Features,
    /// Its demand by hour.
    pub hourly: &'a HourlySeries,
    /// What it is.
    pub class: &'a WorkloadClass,
    /// Where it is going since it last changed for good.
    pub trend: Option<Trend>,
    /// When that was; nothing where it did not.
    pub changed_at: Option<Timestamp>,
    /// When it ended, where it did and has not come back.
    pub ended_at: Option<Timestamp>,
    /// What of it is paid and not used.
    pub waste: &'a [Waste],
    /// Whether today's capacity cut it off.
    pub censored: &'a Censoring,
}

impl<'a> Described<'a> {
    /// The parts of a description that advice rests on.
    pub fn of(workload: &'a Workload, description: &'a Description) -> Described<'a> {
        let last = description.changes.all.last();
        Described {
            workload,
            features: &description.features,
            hourly: &description.hourly,
            class: &description.class,
            trend: description.changes.trend_since_change,
            changed_at: last.map(|it| it.at),
            ended_at: last.filter(|it| it.kind == ChangeKind::End).map(|it| it.at),
            waste: &description.waste,
            censored: &description.censored.verdict,
        }
    }
}

/// Demand in the unit that is bought, hour by hour.
#[derive(Clone, Debug)]
pub struct DurationCurve {
    /// Instances in use in every hour of the window, most first.
    pub hours_sorted: Vec<f64>,
    /// What one unit is.
    pub unit: String,
    /// Reserved rate over pay-as-you-go rate: the share of hours above which reserving pays.
    pub break_even_share: Option<f64>,
    /// Which two offers.
    pub break_even_label: Option<String>,
    /// Units that the advised plan keeps reserved; nothing where it reserves none.
    pub reserved_units: Option<u32>,
}

/// Everything found out about one workload.
#[derive(Clone, Debug)]
pub struct Recommendation {
    /// The limits used.
    pub slo: Slo,
    /// Today.
    pub baseline: Baseline,
    /// Ways to run it.
    pub candidates: Vec<Candidate>,
    /// Ways to run and buy it: those that meet the SLO first, then by cost.
    pub plans: Vec<Plan>,
    /// What carries its requests on a part of an instance; empty where it may not share one.
    pub slices: Vec<Slice>,
    /// What to do.
    pub advice: Advice,
    /// What it would have saved day by day; nothing where it saves nothing.
    pub saved_by_day: Option<Daily>,
    /// Share of its time today's fleet was serving, where it was simulated.
    pub today_busy: Option<f64>,
    /// Demand in instances.
    pub duration_curve: Option<DurationCurve>,
    /// The advised plan, else today's, on the day with the most requests; nothing where no request was
    /// simulated, or for a plan whose instances others run on too.
    pub busiest_day: Option<BusiestDay>,
    /// Candidates sized.
    pub n_sized: u64,
    /// Candidates that fit but were not simulated.
    pub n_pruned: u64,
    /// Plans ranked on hourly levels, of which the cheapest were replayed; none for few requests.
    pub n_ranked: u64,
    /// Candidates left out because the time was up.
    pub n_out_of_time: u64,
    /// What the reader must know, one sentence each.
    pub notices: Vec<String>,
}

/// Finds the cheapest way to run and buy one workload.
pub fn advise(described: Described<'_>, context: Context<'_>) -> Recommendation {
    let question = demand::Question::of(described, context);
    let baseline = baseline::baseline(&question);
    let mut found = match &question.load {
        demand::Load::Requests(load) => request_plans::search(&question, load, &baseline),
        demand::Load::Level(level) => level_plans::search(&question, level),
        demand::Load::Nothing(_) => choose::Found::default(),
    };
    found.plans.extend(api_plan::plan(&question));
    let recommendation = choose::choose(&question, baseline, found);
    Recommendation {
        busiest_day: busiest_day::busiest_day(&question, &recommendation),
        ..recommendation
    }
}
