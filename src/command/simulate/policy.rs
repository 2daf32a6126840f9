//! The rule that scales a fleet, and which flags have a meaning under it.

use chrono_tz::Tz;

use super::super::failure::Failure;
use crate::catalog::{
    ConcurrencyRule, HorizontalRule, InFlightRule, ScalerRule, StepMetric, StepwiseRule,
};
use crate::cli::{FleetArgs, Policy, SimulateArgs};
use crate::simulate::Scaler;
use crate::units::Timestamp;

const WEEK_US: u64 = 7 * 86_400_000_000;

/// When a simulation begins, how long it is, and on whose clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    pub(super) start: Timestamp,
    pub(super) window_us: u64,
    pub(super) zone: Tz,
}

/// The rule chosen.
#[derive(Clone, Copy, Debug)]
pub(super) enum Chosen<'a> {
    /// By the flag.
    Flag(&'a Policy),
    /// The platform's, its value stated for replicas of so many slots or of any.
    Platform(ScalerRule, Option<u32>),
}

impl Chosen<'_> {
    /// The scaler for replicas of so many slots.
    pub(super) fn scaler(self, slots: u32, clock: Clock) -> Scaler {
        let policy = match self {
            Chosen::Platform(rule, stated_for) => {
                return Scaler::Rule(rule.for_concurrency(stated_for, slots));
            }
            Chosen::Flag(policy) => policy,
        };
        Scaler::Rule(match policy {
            Policy::Fixed(_) => return Scaler::Fixed,
            Policy::PerRequest => return Scaler::PerRequest,
            Policy::Schedule(week) => {
                // What waits at the end of the window is served by the schedule for a while, and at
                // last by all its replicas, so that nothing waits for ever.
                let goes_on_us = clock.window_us.saturating_mul(2).saturating_add(4 * WEEK_US);
                let mut steps = week.steps(clock.start, goes_on_us, clock.zone, 0);
                steps.push((goes_on_us, week.most()));
                return Scaler::Schedule(steps.into());
            }
            Policy::QueueDelay(us) => ScalerRule::QueueDelay { threshold_us: *us },
            Policy::RequestCount(requests) => ScalerRule::RequestCount { requests: *requests },
            Policy::Knative(target) => ScalerRule::Concurrency(ConcurrencyRule::published(*target)),
            Policy::Utilization(share) => {
                ScalerRule::InFlight(InFlightRule::published(share * f64::from(slots)))
            }
            Policy::Keda(target) => ScalerRule::Horizontal(HorizontalRule::published(*target)),
            Policy::BusyShare => {
                ScalerRule::Stepwise(StepwiseRule::published(StepMetric::BusyShare))
            }
            Policy::Pending => ScalerRule::Stepwise(StepwiseRule::published(StepMetric::Pending)),
        })
    }

    /// Replicas of a fleet that never changes.
    pub(super) const fn fixed(self) -> Option<u32> {
        match self {
            Chosen::Flag(Policy::Fixed(n)) => Some(*n),
            _ => None,
        }
    }

    pub(super) fn is_per_request(self) -> bool {
        matches!(self, Chosen::Flag(Policy::PerRequest))
    }

    /// Whether idle replicas leave by the idle timeout.
    pub(super) fn leaves_by_idle_timeout(self) -> bool {
        match self {
            Chosen::Platform(rule, _) => rule.leaves_by_idle_timeout(),
            Chosen::Flag(policy) => matches!(
                policy,
                Policy::QueueDelay(_) | Policy::RequestCount(_) | Policy::PerRequest
            ),
        }
    }

    /// What makes replicas leave where no idle timeout does.
    fn why_they_leave(self) -> &'static str {
        match self {
            Chosen::Flag(Policy::Fixed(_)) => "a fixed fleet never changes",
            Chosen::Flag(Policy::Schedule(_)) => "replicas leave at the end of a range",
            Chosen::Flag(Policy::Knative(_)) | Chosen::Platform(ScalerRule::Concurrency(_), _) => {
                "replicas leave when the mean of 60 s asks for fewer, the last one 30 s later"
            }
            Chosen::Flag(Policy::Utilization(_)) | Chosen::Platform(ScalerRule::InFlight(_), _) => {
                "half of the replicas too many leave after each 900 s in which fewer were wanted"
            }
            Chosen::Flag(Policy::Keda(_)) | Chosen::Platform(ScalerRule::Horizontal(_), _) => {
                "replicas leave when none of the last 300 s asked for more, the last after 300 s without a request"
            }
            Chosen::Flag(_) | Chosen::Platform(..) => {
                "a replica leaves when one fewer would have done for 300 s, the last after an hour without a request"
            }
        }
    }

    /// Refuses flags that contradict the rule; returns those without an effect under it.
    pub(super) fn refuse(self, args: &SimulateArgs) -> Result<Vec<&'static str>, Failure> {
        let FleetArgs { min, max, cold_start, idle_timeout, cancel_starts, slots, .. } =
            &args.fleet;
        let does_not_apply = |flag: &str, why: &str| {
            let message = format!("{flag} does not apply to this policy: {why}");
            Err(Failure::usage(message, format!("leave {flag} out, or choose another --policy")))
        };
        if let Some(n) = self.fixed() {
            for (flag, given) in [("--min", min), ("--max", max)] {
                if given.is_some_and(|it| it != n) {
                    return does_not_apply(flag, "a fixed fleet never changes");
                }
            }
            if !args.spot.spot_rate.is_empty() {
                return does_not_apply(
                    "--spot-rate",
                    "the replicas of a fixed fleet are never taken back; \
                     schedule:mon-sun 00:00-24:00=N holds N of spot",
                );
            }
            let idle = [
                ("--cold-start", cold_start.is_some()),
                ("--idle-timeout", idle_timeout.is_some()),
                ("--cancel-starts", *cancel_starts),
                ("--bill-start", args.bill.bill_start.is_some()),
                ("--free-start", args.bill.free_start.is_some()),
                ("--granularity", args.bill.granularity.is_some()),
                ("--minimum", args.bill.minimum.is_some()),
            ];
            return Ok(idle.into_iter().filter(|it| it.1).map(|it| it.0).collect());
        }
        if idle_timeout.is_some() && !self.leaves_by_idle_timeout() {
            return does_not_apply("--idle-timeout", self.why_they_leave());
        }
        if self.is_per_request() {
            if slots.is_some_and(|it| it > 1) {
                return does_not_apply("--slots", "one request per replica has one slot");
            }
            for (flag, is_given) in [
                ("--queue-timeout", args.demand.queue_timeout.is_some()),
                ("--cancel-starts", *cancel_starts),
                ("--spot-rate", !args.spot.spot_rate.is_empty()),
            ] {
                if is_given {
                    return does_not_apply(
                        flag,
                        "each request has a replica and none waits in a queue",
                    );
                }
            }
        }
        Ok(Vec::new())
    }
}
