//! What is bought: a fleet that scales by a rule, and how its time is billed.

use std::sync::Arc;

use crate::catalog::ScalerRule;
use crate::units::MoneyPerHour;

use super::outcome::Impossible;
use super::random::{Random, whole_us};

/// Microseconds in an hour.
pub(super) const US_PER_HOUR: u64 = 3_600_000_000;
/// The engine's last instant, about 4.4 years after the window start: a run that needs longer never
/// clears its queue in any sense a buyer cares about.
pub(super) const HORIZON_US: u64 = 1 << 47;
/// Most replicas of one fleet.
pub(super) const MAX_REPLICAS: u32 = 1 << 16;

/// What makes the fleet grow and shrink.
#[derive(Clone, Debug, PartialEq)]
pub enum Scaler {
    /// Never: the minimum replicas are the fleet.
    Fixed,
    /// From each instant on so many replicas; the first instant is 0 and its replicas are Ready then.
    /// Surplus drains.
    Schedule(Arc<[(u64, u32)]>),
    /// The rule of a platform. Under queue delay and request count surplus leaves by the idle
    /// timeout alone, under the others the highest-numbered Ready replicas drain.
    Rule(ScalerRule),
    /// One request per replica and no queue: a request that finds no idle replica starts one and
    /// waits for it, and the youngest idle replica serves (the model of the field's simulators).
    PerRequest,
}

impl Scaler {
    /// Whether surplus leaves by the idle timeout, and by nothing else.
    pub fn leaves_by_idle_timeout(&self) -> bool {
        match self {
            Scaler::Rule(rule) => rule.leaves_by_idle_timeout(),
            Scaler::PerRequest => true,
            Scaler::Fixed | Scaler::Schedule(_) => false,
        }
    }

    /// Whether a schedule begins with the window and goes on in time.
    fn is_in_order(&self) -> bool {
        let Scaler::Schedule(steps) = self else { return true };
        let begins = steps.first().is_some_and(|it| it.0 == 0);
        begins && steps.is_sorted_by_key(|it| it.0)
    }

    /// So many replicas all the time, above the minimum.
    pub fn hold(n: u32) -> Scaler {
        Scaler::Schedule([(0, n)].into())
    }
}

/// A time that may be chance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Delay {
    /// Always the same.
    Constant(u64),
    /// Exponential.
    Exponential {
        /// Its mean, microseconds.
        mean_us: f64,
    },
    /// A snapshot that is found, or not: short with this probability, else long.
    Mixture {
        /// Probability of the short time.
        share: f64,
        /// The short time.
        short_us: u64,
        /// The long time.
        long_us: u64,
    },
}

impl Delay {
    /// The next time; a constant draws nothing.
    #[inline]
    pub(super) fn draw(self, random: &mut Random) -> u64 {
        match self {
            Delay::Constant(us) => us,
            Delay::Exponential { mean_us } => whole_us(random.exponential() * mean_us),
            Delay::Mixture { share, short_us, long_us } => {
                if random.unit() < share {
                    short_us
                } else {
                    long_us
                }
            }
        }
    }

    /// The mean, microseconds: with 0.8 of 2 s and the rest of 60 s it is 13.6 s.
    pub fn mean_us(self) -> f64 {
        match self {
            Delay::Constant(us) => us as f64,
            Delay::Exponential { mean_us } => mean_us,
            Delay::Mixture { share, short_us, long_us } => {
                share * short_us as f64 + (1.0 - share) * long_us as f64
            }
        }
    }

    pub(super) fn is_time(self) -> bool {
        match self {
            Delay::Constant(_) => true,
            Delay::Exponential { mean_us } => mean_us.is_finite() && mean_us >= 0.0,
            Delay::Mixture { share, .. } => (0.0..=1.0).contains(&share),
        }
    }
}

/// Capacity that its owner takes back.
///
/// Each spot replica is told to leave after an exponential time and goes Off after the notice; what
/// it serves then begins again, before all that arrived later. From an interruption on there is no spot
/// capacity for an exponential time, in which starts are on demand, if there is a fallback, or wait.
/// When spot is back, each replica on demand is replaced and then drains.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spot {
    /// Interruptions per replica and hour of life.
    pub interruptions_per_hour: f64,
    /// From being told to being Off.
    pub notice_us: u64,
    /// Mean time without spot capacity after an interruption.
    pub outage_us: u64,
    /// Price of a replica on demand in an outage.
    pub fallback: Option<MoneyPerHour>,
}

/// A fleet. One replica is one billed unit: an instance that hosts several engine copies counts once,
/// with the slots of all of them.
#[derive(Clone, Debug, PartialEq)]
pub struct FleetSpec {
    /// Requests one replica serves at a time.
    pub slots_per_replica: u32,
    /// Replicas Ready throughout, numbers 0 to min - 1.
    pub min_replicas: u32,
    /// Most replicas at once.
    pub max_replicas: u32,
    /// What makes it grow and shrink.
    pub scaler: Scaler,
    /// A replica above the minimum that has been idle this long goes Off.
    pub idle_timeout: Delay,
    /// Time from Starting to Ready.
    pub cold_start: Delay,
    /// Whether a start that the queue no longer needs ends.
    pub cancel_starts: bool,
    /// A request that has waited this long leaves unserved.
    pub queue_timeout_us: Option<u64>,
    /// A request that has been in service this long is ended there: it is billed so far and counts
    /// as not served.
    pub execution_timeout_us: Option<u64>,
    /// Whether a request that arrives while no replica is Ready waits, rather than being refused.
    pub holds_requests: bool,
    /// After so long without a request, at most so many replicas from then on; in rising order.
    pub idle_caps: Arc<[(u64, u32)]>,
    /// Elastic replicas are spot capacity.
    pub spot: Option<Spot>,
    /// Seed of all chance in the fleet.
    pub seed: u64,
}

impl FleetSpec {
    /// `n` replicas that never change.
    pub fn fixed(n: u32, slots_per_replica: u32) -> FleetSpec {
        FleetSpec {
            slots_per_replica,
            min_replicas: n,
            max_replicas: n,
            scaler: Scaler::Fixed,
            idle_timeout: Delay::Constant(0),
            cold_start: Delay::Constant(0),
            cancel_starts: false,
            queue_timeout_us: None,
            execution_timeout_us: None,
            holds_requests: true,
            idle_caps: [].into(),
            spot: None,
            seed: 0,
        }
    }

    /// Most replicas this fleet can ever have.
    pub(super) fn reach(&self) -> u32 {
        match self.scaler {
            Scaler::Fixed => self.min_replicas,
            _ => self.max_replicas.max(self.min_replicas),
        }
    }

    /// How many replicas are numbered: in the place of one that is taken back and drains there may be
    /// another, on demand where there is a fallback, and then a third that starts in place of that.
    pub(super) fn numbers(&self) -> u32 {
        let reach = self.reach();
        let more = match self.spot {
            Some(Spot { fallback: Some(_), .. }) => 2,
            Some(_) => 1,
            None => 0,
        };
        reach.saturating_add((reach - self.min_replicas).saturating_mul(more))
    }

    /// Whether nothing about this fleet ever changes.
    pub(super) fn is_constant(&self) -> bool {
        self.reach() == self.min_replicas
            && self.queue_timeout_us.is_none()
            && self.scaler != Scaler::PerRequest
    }

    /// Why this fleet can serve nobody, if so.
    pub(super) fn check(&self) -> Result<(), Impossible> {
        let rates = match self.scaler {
            Scaler::Rule(ScalerRule::RequestCount { requests: 0 }) => false,
            Scaler::Rule(rule) => rule.target().is_none_or(|it| it.is_finite() && it > 0.0),
            _ => true,
        };
        let spot = self.spot.is_none_or(|it| {
            it.interruptions_per_hour.is_finite() && it.interruptions_per_hour >= 0.0
        });
        if self.slots_per_replica == 0 {
            Err(Impossible::NoSlots)
        } else if self.reach() == 0 {
            Err(Impossible::NoReplicas)
        } else if self.numbers() > MAX_REPLICAS {
            Err(Impossible::TooManyReplicas)
        } else if !rates {
            Err(Impossible::NoScalerValue)
        } else if !self.scaler.is_in_order() {
            Err(Impossible::BadSchedule)
        } else if !spot || !self.idle_timeout.is_time() || !self.cold_start.is_time() {
            Err(Impossible::NotATime)
        } else if self.cancel_starts && self.spot.is_some() {
            Err(Impossible::CancelledSpot)
        } else if self.scaler == Scaler::PerRequest && self.slots_per_replica > 1 {
            Err(Impossible::OneSlotOnly)
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
    /// The first part of each start that is not billed: 0 bills all of it, `u64::MAX` none.
    pub free_start_us: u64,
    /// A lifetime is rounded up to this; 0 means to the microsecond.
    pub granularity_us: u64,
    /// And is at least this, before rounding.
    pub minimum_us: u64,
}

impl Billing {
    /// One rate for everything, by the microsecond, starts included.
    pub const fn by_the_microsecond(rate: MoneyPerHour) -> Billing {
        Billing { rate, base_rate: rate, free_start_us: 0, granularity_us: 0, minimum_us: 0 }
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
