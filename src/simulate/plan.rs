//! What is bought: a fleet that scales by a rule, and how its time is billed.

use crate::units::MoneyPerHour;

use super::outcome::Impossible;

/// Microseconds in an hour.
pub(super) const US_PER_HOUR: u64 = 3_600_000_000;
/// The engine's last instant, about 4.4 years after the window start: a run that needs longer never
/// clears its queue in any sense a buyer cares about.
pub(super) const HORIZON_US: u64 = 1 << 47;
/// Most replicas of one fleet.
pub(super) const MAX_REPLICAS: u32 = 1 << 16;

/// What makes the fleet grow. Surplus leaves only by the idle timeout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scaler {
    /// Never: the minimum replicas are the fleet.
    Fixed,
    /// A request that has waited `threshold_us` starts one replica, at most once, if more requests
    /// have waited that long than the replicas now starting have slots for.
    QueueDelay {
        /// The wait that starts a replica.
        threshold_us: u64,
    },
    /// `ceil((queued + in progress) x per_replicas / requests)` replicas are wanted.
    RequestCount {
        /// That many requests ...
        requests: u32,
        /// ... for so many replicas, usually 1.
        per_replicas: u32,
    },
}

/// A fleet. One replica is one billed unit: an instance that hosts several engine copies counts once,
/// with the slots of all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FleetSpec {
    /// Requests one replica serves at a time.
    pub slots_per_replica: u32,
    /// Replicas that are Ready and billed throughout, numbers 0 to min - 1.
    pub min_replicas: u32,
    /// Most replicas at once.
    pub max_replicas: u32,
    /// What makes it grow.
    pub scaler: Scaler,
    /// A replica above the minimum that has been idle this long goes Off.
    pub idle_timeout_us: u64,
    /// Time from Starting to Ready.
    pub cold_start_us: u64,
}

impl FleetSpec {
    /// `n` replicas that never change.
    pub const fn fixed(n: u32, slots_per_replica: u32) -> FleetSpec {
        FleetSpec {
            slots_per_replica,
            min_replicas: n,
            max_replicas: n,
            scaler: Scaler::Fixed,
            idle_timeout_us: 0,
            cold_start_us: 0,
        }
    }

    /// Most replicas this fleet can ever have.
    pub(super) fn reach(&self) -> u32 {
        match self.scaler {
            Scaler::Fixed => self.min_replicas,
            _ => self.max_replicas.max(self.min_replicas),
        }
    }

    /// Why this fleet can serve nobody, if so.
    pub(super) fn check(&self) -> Result<(), Impossible> {
        if self.slots_per_replica == 0 {
            Err(Impossible::NoSlots)
        } else if self.reach() == 0 {
            Err(Impossible::NoReplicas)
        } else if self.reach() > MAX_REPLICAS {
            Err(Impossible::TooManyReplicas)
        } else if matches!(
            self.scaler,
            Scaler::RequestCount { requests: 0, .. } | Scaler::RequestCount { per_replicas: 0, .. }
        ) {
            Err(Impossible::NoScalerValue)
        } else {
            Ok(())
        }
    }
}

/// How time becomes money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Billing {
    /// Price of a replica above the minimum while its lifetime runs.
    pub rate: MoneyPerHour,
    /// Price of each minimum replica over the whole window: reserved, always-on, or the same.
    pub base_rate: MoneyPerHour,
    /// Whether a lifetime is billed from Starting rather than from Ready.
    pub bill_start: bool,
    /// A lifetime is rounded up to this; 0 means to the microsecond.
    pub granularity_us: u64,
    /// And is at least this, before rounding.
    pub minimum_us: u64,
}

impl Billing {
    /// One rate for everything, by the microsecond, starts included.
    pub const fn by_the_microsecond(rate: MoneyPerHour) -> Billing {
        Billing { rate, base_rate: rate, bill_start: true, granularity_us: 0, minimum_us: 0 }
    }

    /// What a lifetime that ended inside the window is billed: raised to the minimum, then rounded
    /// up. 61.2 s with a minimum of 60 s and a granularity of 60 s are 120 s.
    pub(super) fn billed_us(&self, lifetime_us: u64) -> u64 {
        let raised = lifetime_us.max(self.minimum_us);
        raised.checked_next_multiple_of(self.granularity_us.max(1)).unwrap_or(raised)
    }
}

/// The latency a request must keep to attain.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SloLimits {
    /// Longest time to the first token.
    pub ttft_us: Option<u64>,
    /// Longest time per output token; a service model without one attains it.
    pub tpot_us: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Currency;

    #[test]
    fn minimum_first_then_granularity() {
        let rate = MoneyPerHour::from_nano(1, Currency::USD);
        let check = |lifetime, minimum_us, granularity_us, expected| {
            let billing =
                Billing { granularity_us, minimum_us, ..Billing::by_the_microsecond(rate) };
            assert_eq!(billing.billed_us(lifetime), expected);
        };
        check(61_200_000, 60_000_000, 60_000_000, 120_000_000);
        check(1, 60_000_000, 1_000_000, 60_000_000);
        check(1, 1_500_000, 1_000_000, 2_000_000);
        check(5, 0, 0, 5);
        check(0, 0, 1_000_000, 0);
        check(u64::MAX, 0, 1_000_000, u64::MAX);
    }
}
