//! Replays demand on a purchase plan: what it would have cost and how long requests would have waited.
//!
//! Comes in: a [`Trace`] of requests (or the levels of a workload without requests), a
//! [`ServiceModel`], a [`FleetSpec`] with its [`Billing`]. Goes out: a [`Replay`], either the
//! [`Outcome`] in exact money and integer microseconds or the reason why there is none.
//! Beside it stand the least fleet that meets a target and the cost of levels.
//!
//! Nothing here opens a file, reads a clock, or depends on the number of threads; two runs of one
//! plan see the same requests. No function fails: what cannot be simulated is an answer with a name.

mod arrivals;
mod arrivals_only;
mod demand_step;
mod engine;
mod fixed;
mod fleet_search;
mod generate;
mod heap;
mod job;
mod latency;
mod ledger;
mod level;
mod number_set;
mod outcome;
mod per_request;
mod periodic;
mod plan;
mod pool;
mod random;
mod run;
mod service;
mod sketch;
mod spot;
mod timeline;
mod week;

#[cfg(test)]
mod tests;

pub use arrivals::{TooManyRequests, Trace};
pub use demand_step::{DemandStep, steps_by_hour};
pub use fleet_search::{FleetAnswer, least_fleet, least_fleet_near};
pub use generate::{Gaps, Generator};
pub use job::{Job, JobOutcome, best_interval_us, expected_stretch, replay_job};
pub use latency::Latency;
pub use level::{LevelCost, LevelDemand};
pub use outcome::{CostParts, Impossible, Outcome, Replay, Usage};
pub use plan::{Billing, Delay, FleetSpec, Scaler, SloLimits, Spot};
pub(crate) use random::{Random, seed_of};
pub use run::{run, run_sampled, run_while_attained};
pub use service::{Request, ServiceModel, Source, Timed};
pub use timeline::{Part, Timeline};
pub use week::{HOURS_OF_WEEK, MINUTES_OF_WEEK, Stretch, Week, WeekError};
