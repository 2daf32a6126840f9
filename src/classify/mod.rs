//! Describes demand: its statistics, its hours, and the class they put a workload in.
//!
//! Comes in: the [`crate::workload::Demand`] of a workload, the zone of the report and the
//! thresholds of the catalog. Goes out: a [`Description`] of each workload, its statistics, patterns,
//! class, unit costs, anomalies and waste, and a [`Fleet`] of what shows only across them. Nothing here
//! knows a price list, and a statistic the data are too short or too coarse for is `None`, never a
//! guess.

mod acf;
mod anomaly;
mod bins;
mod bought;
mod calendar;
mod censored;
mod changes;
mod clock;
mod cost_history;
mod costs;
mod description;
mod evidence;
mod features;
mod gaps;
mod holes;
mod hourly;
mod idle;
mod kind;
mod level;
mod modality;
mod pooling;
mod rhythm;
mod rules;
mod season;
mod service;
mod statistics;
mod trend;
mod unit_cost;
mod waste;

pub use acf::autocorrelations;
pub use anomaly::{Anomalies, Anomaly, Moved, Step, anomalies};
pub use bought::{
    BilledHours, Bought, Contradiction, DemandSource, MeasuredHours, RequestedHours, ServiceLoad,
    bought,
};
pub use calendar::{DAYS, day_start};
pub use censored::{Censored, Censoring, HoursWith, PartOf, censored};
pub use changes::{Change, ChangeKind, Changes, changes};
pub use clock::{ClockChange, clock_changes};
pub use cost_history::{
    CostHistory, HistoryDay, cost_history, costs_known_from, data_end, days_of, paid_between,
};
pub use costs::{DayCost, costs_by_day, daily_costs, whole_days};
pub use description::{Beside, Description, Fleet, describe, fleet};
pub use features::{Basis, Features, IDLE_TIMEOUTS_S, Sort, features};
pub use holes::{HoleMeaning, Holes, Outage, Watched, holes, longest_idle_outside, outages};
pub use hourly::{HourlySeries, HourlyUnit, hourly, weekday_hour_profile};
pub use idle::IDLE_RUNS_S;
pub use modality::{ModalityVerdict, modality};
pub use pooling::{
    Demanded, POOL_CAVEATS, Pair, Peak, Pool, PoolGroup, PoolMember, PoolSource, pool_groups,
    pooling,
};
pub use rules::{BusyHours, RuleOfThumb, classify, rule_of_thumb, rule_sentence};
pub use season::{Seasonality, seasonality};
pub use service::{Timing, engine_deployment, gpus_per_replica, replicas, timing, todays_fit};
pub use statistics::{STATISTICS, Statistic};
pub use trend::Trend;
pub use unit_cost::{
    Counted, NamedUnitCost, UnitCost, UnitCostWeek, UnitCosts, portfolio_unit_cost, unit_costs,
};
pub use waste::{Examined, Unused, Waste, WasteKind, portfolio_waste, waste};
