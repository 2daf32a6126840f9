//! From an advice to what runs: the launch plan of a report's advice for the place where it is to run.
//!
//! Comes in: the text of a `report.json`, the catalog, texts of machines. Goes out: texts, each complete, in
//! which a secret is only ever a reference. Nothing here opens a file, starts a program or reads the clock.

mod advised;
mod check;
mod exchange;
mod launch;
pub mod preflight;
pub mod topo;
pub mod tree;
mod verify;

pub use advised::{Advised, AdvisedError};
pub use check::{Check, Verdict, lines, table};
pub use exchange::{AllReduce, Exchange, exchange};
pub use launch::{Launch, LaunchError, Options, Target, against};
pub use verify::{After, Measured, Quality, QualityError, Verification, verify};
