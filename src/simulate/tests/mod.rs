//! The engine against traces worked by hand, exact theory, and laws.

mod hand;
mod laws;
mod naive;
mod policies;
mod reference;
mod theory;
mod time_out;

use super::latency::Measure;

/// Every wait, in order of arrival.
#[derive(Debug, Default, PartialEq)]
struct Waits(Vec<u64>);

impl Measure for Waits {
    fn record(&mut self, wait_us: u64, _prefill_us: u64) {
        self.0.push(wait_us);
    }
}
