//! Everything that is found out about workloads before any purchase is thought of.

use chrono_tz::Tz;

use super::{
    Anomalies, Bought, Censored, Changes, Examined, Features, Holes, HourlySeries, ModalityVerdict,
    Outage, Pool, PoolMember, Seasonality, UnitCosts, Unused, Waste,
};
use crate::catalog::Catalog;
use crate::units::{MoneyError, Period, Timestamp};
use crate::workload::{Demand, Workload, WorkloadClass};

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

/// Looks across workloads, and gives each the findings that only show beside others. `unused` is the
/// capacity that the bill itself calls unused.
pub fn fleet(
    all: &mut [(&Workload, Description)],
    unused: &[Unused],
    catalog: &Catalog,
    zone: Tz,
) -> Result<Fleet, MoneyError> {
    let assumptions = &catalog.assumptions;
    let examined: Vec<Examined<'_>> =
        all.iter().map(|(workload, it)| Examined { workload, waste: &it.waste }).collect();
    let across = super::portfolio_waste(&examined, unused, zone, assumptions);
    let (mut waste, mut own) = (Vec::new(), Vec::new());
    for finding in across {
        let of = |it: &(&Workload, Description)| Some(&it.0.name) == finding.workload.as_ref();
        match all.iter().position(of) {
            Some(at) => own.push((at, finding)),
            None => waste.push(finding),
        }
    }
    for (at, finding) in own {
        all[at].1.waste.push(finding);
    }
    let seen: Vec<_> = all.iter().map(|(it, _)| (it.name.as_str(), it.seen())).collect();
    let demands: Vec<(&str, &Demand)> = seen.iter().map(|(name, it)| (*name, &**it)).collect();
    let members: Vec<PoolMember> =
        all.iter().filter_map(|(it, _)| PoolMember::of(it, zone)).collect();
    let units: Vec<UnitCosts> = all.iter().map(|(_, it)| it.unit_costs.clone()).collect();
    Ok(Fleet {
        outages: super::outages(&demands, zone, &assumptions.classify),
        pools: super::pooling(&members, zone, &assumptions.waste),
        waste,
        unit_costs: super::portfolio_unit_cost(&units)?,
    })
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
