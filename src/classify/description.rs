//! Everything that is found out about workloads before any purchase is thought of.

use chrono_tz::Tz;

use super::{
    Anomalies, Bought, Censored, Changes, Examined, Features, Holes, HourlySeries, ModalityVerdict,
    Outage, Pool, PoolMember, Seasonality, UnitCosts, Unused, Waste, Watched,
};
use crate::catalog::Catalog;
use crate::units::{MoneyError, Period, Timestamp};
use crate::workload::{Workload, WorkloadClass};

/// What one workload is.
#[derive(Clone, Debug)]
pub struct Description {
    /// The statistics of its demand.
    pub features: Features,
    /// Its demand by clock hour.
    pub hourly: HourlySeries,
    /// How it repeats.
    pub seasonality: Seasonality,
    /// When it changed for good, and where it is going since.
    pub changes: Changes,
    /// Where rows are missing; nothing for a log of single requests.
    pub holes: Option<Holes>,
    /// Demand in the unit that is bought.
    pub bought: Bought,
    /// Whether demand was cut off.
    pub censored: Censored,
    /// What goes in and comes out.
    pub modality: ModalityVerdict,
    /// Its class.
    pub class: WorkloadClass,
    /// What a unit costs.
    pub unit_costs: UnitCosts,
    /// Cost that nobody expected.
    pub anomalies: Anomalies,
    /// What is paid and not used.
    pub waste: Vec<Waste>,
}

/// What shows only across workloads.
#[derive(Clone, Debug)]
pub struct Fleet {
    /// Times in which all were silent at once.
    pub outages: Vec<Outage>,
    /// What workloads would need together.
    pub pools: Vec<Pool>,
    /// Findings that no workload has.
    pub waste: Vec<Waste>,
    /// What a unit costs over all.
    pub unit_costs: UnitCosts,
}

/// Describes one workload; fails only where amounts do not fit their type. `billed_until` is where the
/// bills of all workloads end: beyond, nobody was charged yet.
pub fn describe(
    workload: &Workload,
    catalog: &Catalog,
    (zone, billed_until): (Tz, Timestamp),
) -> Result<Description, MoneyError> {
    let assumptions = &catalog.assumptions;
    let limits = &assumptions.classify;
    let seen = workload.seen();
    let features = super::features(&seen, zone);
    let hourly = super::hourly(&seen, workload.seen_window(), zone);
    let changes = super::changes(&hourly, zone, limits);
    let bought = super::bought(workload, &hourly, catalog);
    let busy_hours = bought.replica_busy_hours_per_day;
    Ok(Description {
        class: super::classify(
            workload,
            (&features, &hourly, &changes),
            limits,
            (busy_hours, zone),
        ),
        seasonality: super::seasonality(&hourly, zone, limits),
        holes: super::holes(&seen),
        censored: super::censored(workload, &assumptions.demand),
        modality: super::modality(workload, catalog),
        unit_costs: super::unit_costs(workload, zone)?,
        anomalies: super::anomalies(workload, (zone, billed_until), &assumptions.anomaly)?,
        waste: super::waste(workload, zone, assumptions),
        features,
        hourly,
        changes,
        bought,
    })
}

/// What is kept of a workload to look at it beside the others, so that its hours need not be.
#[derive(Clone, Debug)]
pub struct Beside {
    examined: Examined,
    watched: Option<Watched>,
    pooled: Option<PoolMember>,
    unit_costs: UnitCosts,
}

impl Beside {
    /// Of a workload and what it is.
    pub fn of(
        workload: &Workload,
        description: &Description,
        catalog: &Catalog,
        zone: Tz,
    ) -> Beside {
        let assumptions = &catalog.assumptions;
        Beside {
            examined: Examined::of(workload, &description.waste, zone, assumptions),
            watched: Watched::of(&workload.name, &workload.seen(), zone),
            pooled: PoolMember::of(workload, zone),
            unit_costs: description.unit_costs.clone(),
        }
    }
}

/// Looks across workloads; also gives the findings of single workloads that only show beside others,
/// each with its place. `unused` is the capacity that the bill itself calls unused; `pools` looks at the
/// groups of those who could share, which are large where workloads are many.
pub fn fleet(
    all: Vec<Beside>,
    unused: &[Unused],
    (catalog, zone): (&Catalog, Tz),
    pools: &dyn Fn(&[PoolMember]) -> Vec<Pool>,
) -> Result<(Fleet, Vec<(usize, Waste)>), MoneyError> {
    let assumptions = &catalog.assumptions;
    let (mut examined, mut watched, mut pooled, mut units) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for it in all {
        examined.push(it.examined);
        watched.extend(it.watched);
        pooled.extend(it.pooled);
        units.push(it.unit_costs);
    }
    let (mut waste, mut own) = (Vec::new(), Vec::new());
    for finding in super::portfolio_waste(&examined, unused, assumptions) {
        let of = |it: &Examined| Some(it.name()) == finding.workload.as_deref();
        match examined.iter().position(of) {
            Some(at) => own.push((at, finding)),
            None => waste.push(finding),
        }
    }
    let fleet = Fleet {
        outages: super::outages(&watched, zone, &assumptions.classify),
        pools: pools(&pooled),
        waste,
        unit_costs: super::portfolio_unit_cost(&units)?,
    };
    Ok((fleet, own))
}

impl Fleet {
    /// The outages that a workload was silent in.
    pub fn outages_of(&self, name: &str) -> Vec<&Outage> {
        let is_silent = |it: &&Outage| it.workloads.iter().any(|it| it == name);
        self.outages.iter().filter(is_silent).collect()
    }

    /// The longest time without demand of a workload that no outage explains, seconds.
    pub fn longest_idle_gap_s(&self, workload: &Workload, features: &Features) -> Option<f64> {
        let outages: Vec<Period> =
            self.outages_of(&workload.name).iter().map(|it| it.period).collect();
        if outages.is_empty() {
            return features.longest_idle_gap_s;
        }
        super::longest_idle_outside(&workload.seen(), &outages)
    }

    /// The pool that a workload could be part of.
    pub fn pool_of(&self, name: &str) -> Option<&Pool> {
        let is_in = |it: &&Pool| it.peaks.iter().any(|peak| peak.name == name);
        self.pools.iter().find(is_in)
    }
}
