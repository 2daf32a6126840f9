//! What a commitment would have cost and how much of it would have been used.
//!
//! Comes in: demand as stretches of time, and rates. Goes out: exact money and whole numbers. No
//! file, no clock, no chance: mathematics on microseconds and nano-units.

mod curve;

pub use curve::SavingsCurve;
