//! Demand over time as stretches with the instance time used in each: what a commitment is laid over.

use super::plan::US_PER_HOUR;

/// Demand over one stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DemandStep {
    /// Length of the stretch, microseconds.
    pub len_us: u64,
    /// Instance time used in it: `on_us / len_us` instances on average.
    pub on_us: u64,
}

/// One step per hour of a window; the last hour may be short.
pub fn steps_by_hour(on_us_by_hour: &[u64], window_us: u64) -> Vec<DemandStep> {
    let hours = (0_u64..).zip(on_us_by_hour);
    hours
        .map(|(hour, on_us)| DemandStep {
            len_us: window_us.saturating_sub(hour.saturating_mul(US_PER_HOUR)).min(US_PER_HOUR),
            on_us: *on_us,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_last_hour_is_as_long_as_it_was() {
        let steps = steps_by_hour(&[US_PER_HOUR, 30], US_PER_HOUR + 10);
        assert_eq!(steps[0], DemandStep { len_us: US_PER_HOUR, on_us: US_PER_HOUR });
        assert_eq!(steps[1], DemandStep { len_us: 10, on_us: 30 });
    }
}
