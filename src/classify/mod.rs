//! Describes demand: its statistics, its hours, and the class they put a workload in.
//!
//! Comes in: the [`crate::workload::Demand`] of a workload, the zone of the report and the
//! thresholds of the catalog. Goes out: [`Features`], an [`HourlySeries`] and a
//! [`crate::workload::WorkloadClass`] with its evidence. Nothing here knows a price, and a
//! statistic the data are too short or too coarse for is `None`, never a guess.

mod acf;
mod bins;
mod calendar;
mod evidence;
mod features;
mod gaps;
mod hourly;
mod kind;
mod level;
#[cfg(test)]
mod reference_tests;
mod rhythm;
mod rules;
mod trend;

pub use acf::autocorrelations;
pub use features::{Features, IDLE_TIMEOUTS_S, features};
pub use hourly::{HourlySeries, HourlyUnit, hourly, weekday_hour_profile};
pub use rules::{RuleOfThumb, classify, rule_of_thumb};
pub use trend::Trend;
