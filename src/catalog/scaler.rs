//! What makes a platform start and stop replicas: the rules as data, in the terms of their own
//! documentation, with their published values.
//!
//! *In flight* are the requests queued or in service. Rules with an interval decide at the window
//! start and every interval after it; queue delay and request count decide at every event.

use serde::Deserialize;

const SECOND: u64 = 1_000_000;
/// Shortest time between decisions, so that a replay of a month decides a few million times at most.
const SHORTEST_INTERVAL_US: u64 = SECOND / 10;

/// One rule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ScalerRule {
    /// A request that has waited this long starts one replica, unless enough are starting
    /// (RunPod `QUEUE_DELAY`, published threshold 4 s).
    QueueDelay {
        /// The wait in microseconds.
        threshold_us: u64,
    },
    /// `ceil(in flight / requests)` replicas are wanted (RunPod `REQUEST_COUNT`, published value 4).
    RequestCount {
        /// Requests per replica.
        requests: u32,
    },
    /// Concurrency with a stable and a panic window (Knative).
    Concurrency(ConcurrencyRule),
    /// Mean requests in flight with a delay before anything leaves (Baseten).
    InFlight(InFlightRule),
    /// Requests in flight through a Kubernetes `HorizontalPodAutoscaler`, to and from zero by KEDA.
    Horizontal(HorizontalRule),
    /// One replica more or less at a time (Hugging Face endpoints).
    Stepwise(StepwiseRule),
}

impl ScalerRule {
    /// Whether surplus leaves by the idle timeout alone, and decisions follow events, not a clock.
    pub const fn leaves_by_idle_timeout(self) -> bool {
        matches!(self, ScalerRule::QueueDelay { .. } | ScalerRule::RequestCount { .. })
    }

    /// Between decisions; nothing for a rule that decides at events.
    pub const fn interval_us(self) -> Option<u64> {
        match self {
            ScalerRule::QueueDelay { .. } | ScalerRule::RequestCount { .. } => None,
            ScalerRule::Concurrency(rule) => Some(rule.interval_us),
            ScalerRule::InFlight(rule) => Some(rule.interval_us),
            ScalerRule::Horizontal(rule) => Some(rule.interval_us),
            ScalerRule::Stepwise(rule) => Some(rule.interval_us),
        }
    }

    /// Whether less than 0.1 s lies between decisions, which no rule of a platform may have.
    pub fn is_too_fast(self) -> bool {
        self.interval_us().is_some_and(|it| it < SHORTEST_INTERVAL_US)
    }

    /// The same rule for replicas that serve `to` requests at once, where its value is stated for
    /// replicas of `from`; as it is where that is not stated.
    ///
    /// 4 requests for each replica of one slot are 64 for each of 16.
    #[must_use]
    pub fn for_concurrency(self, from: Option<u32>, to: u32) -> ScalerRule {
        let Some(from) = from else { return self };
        let factor = f64::from(to.max(1)) / f64::from(from.max(1));
        match self {
            ScalerRule::QueueDelay { .. } => self,
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "`as` saturates"
            )]
            ScalerRule::RequestCount { requests } => ScalerRule::RequestCount {
                requests: ((f64::from(requests) * factor).round() as u32).max(1),
            },
            ScalerRule::Concurrency(rule) => {
                ScalerRule::Concurrency(ConcurrencyRule { target: rule.target * factor, ..rule })
            }
            ScalerRule::InFlight(rule) => {
                ScalerRule::InFlight(InFlightRule { target: rule.target * factor, ..rule })
            }
            ScalerRule::Horizontal(rule) => {
                ScalerRule::Horizontal(HorizontalRule { target: rule.target * factor, ..rule })
            }
            // A share of the slots is one of any number of slots.
            ScalerRule::Stepwise(rule) => ScalerRule::Stepwise(StepwiseRule {
                threshold: match rule.metric {
                    StepMetric::BusyShare => rule.threshold,
                    StepMetric::Pending => rule.threshold * factor,
                },
                ..rule
            }),
        }
    }

    /// The word in output.
    pub const fn as_word(self) -> &'static str {
        match self {
            ScalerRule::QueueDelay { .. } => "queue_delay",
            ScalerRule::RequestCount { .. } => "request_count",
            ScalerRule::Concurrency(_) => "concurrency",
            ScalerRule::InFlight(_) => "in_flight",
            ScalerRule::Horizontal(_) => "horizontal",
            ScalerRule::Stepwise(_) => "stepwise",
        }
    }

    /// Requests in flight per replica that are aimed at, or the threshold of a step; nothing for a
    /// delay.
    pub fn target(self) -> Option<f64> {
        match self {
            ScalerRule::QueueDelay { .. } => None,
            ScalerRule::RequestCount { requests } => Some(f64::from(requests)),
            ScalerRule::Concurrency(rule) => Some(rule.target),
            ScalerRule::InFlight(rule) => Some(rule.target),
            ScalerRule::Horizontal(rule) => Some(rule.target),
            ScalerRule::Stepwise(rule) => Some(rule.threshold),
        }
    }
}

/// The Knative pod autoscaler (knative/serving@98e5ef90, `autoscaler.yaml` and
/// `pkg/autoscaler/scaling/autoscaler.go`).
///
/// With r = max(1, Ready): stable and panic demand are `ceil(mean in flight / target)` over their
/// windows, each held between `floor(r / max_scale_down_rate)` and `ceil(r x max_scale_up_rate)`.
/// Panic starts when panic demand / r reaches `panic_threshold` and ends a stable window after it
/// was last so; in panic the larger of the two is wanted and the wanted number never falls.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConcurrencyRule {
    /// Requests in flight per replica that are aimed at: the target times its utilization.
    pub target: f64,
    /// Between decisions.
    pub interval_us: u64,
    /// The long window.
    pub stable_window_us: u64,
    /// The short window.
    pub panic_window_us: u64,
    /// Panic demand over Ready replicas that starts panic.
    pub panic_threshold: f64,
    /// Most growth per decision, as a factor.
    pub max_scale_up_rate: f64,
    /// Most shrinking per decision, as a divisor.
    pub max_scale_down_rate: f64,
    /// How long the last replica stays once nothing is wanted.
    pub scale_to_zero_grace_us: u64,
    /// How long a lower number must have been wanted before it is followed.
    pub scale_down_delay_us: u64,
}

impl ConcurrencyRule {
    /// The published values at `concurrency` requests per replica, of which 70 % are aimed at.
    pub const fn published(concurrency: f64) -> ConcurrencyRule {
        ConcurrencyRule {
            target: concurrency * 0.7,
            interval_us: 2 * SECOND,
            stable_window_us: 60 * SECOND,
            panic_window_us: 6 * SECOND,
            panic_threshold: 2.0,
            max_scale_up_rate: 1000.0,
            max_scale_down_rate: 2.0,
            scale_to_zero_grace_us: 30 * SECOND,
            scale_down_delay_us: 0,
        }
    }
}

/// Baseten (docs.baseten.co/deploy/autoscaling): `ceil(mean in flight / (concurrency x utilization))`
/// over a window. Less is wanted for a whole delay before half the surplus leaves, rounded up; then
/// the delay starts again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InFlightRule {
    /// Requests in flight per replica that are aimed at: concurrency times target utilization.
    pub target: f64,
    /// Between decisions.
    pub interval_us: u64,
    /// Of the mean.
    pub window_us: u64,
    /// Before anything leaves.
    pub scale_down_delay_us: u64,
    /// Share of the surplus that leaves at a time.
    pub scale_down_share: f64,
}

impl InFlightRule {
    /// The published values for `target` requests per replica. The interval between decisions is
    /// not published: 10 s is assumed.
    pub const fn published(target: f64) -> InFlightRule {
        InFlightRule {
            target,
            interval_us: 10 * SECOND,
            window_us: 60 * SECOND,
            scale_down_delay_us: 900 * SECOND,
            scale_down_share: 0.5,
        }
    }
}

/// A Kubernetes `HorizontalPodAutoscaler` on requests in flight with KEDA 2.21 before it.
///
/// Wanted is `ceil(in flight / target)`, unless in flight / (replicas x target) is within
/// `tolerance` of 1; growth is at most the larger of doubling and 4 replicas per interval; the
/// largest number wanted within the stabilization window is followed downwards. KEDA starts the
/// first replica at a poll with requests and removes all once there was none for the cooldown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HorizontalRule {
    /// Requests in flight per replica that are aimed at.
    pub target: f64,
    /// Between decisions.
    pub interval_us: u64,
    /// Relative difference that is left alone.
    pub tolerance: f64,
    /// Downscale stabilization window.
    pub stabilization_us: u64,
    /// Between looks of KEDA while there is no replica; a multiple of the interval.
    pub polling_us: u64,
    /// Without requests before the last replicas leave.
    pub cooldown_us: u64,
}

impl HorizontalRule {
    /// The published values for `target` requests per replica.
    pub const fn published(target: f64) -> HorizontalRule {
        HorizontalRule {
            target,
            interval_us: 15 * SECOND,
            tolerance: 0.1,
            stabilization_us: 300 * SECOND,
            polling_us: 30 * SECOND,
            cooldown_us: 300 * SECOND,
        }
    }
}

/// What a stepwise rule measures per Ready replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepMetric {
    /// Slots in service over slots.
    BusyShare,
    /// Requests in flight.
    Pending,
}

impl StepMetric {
    /// The word in output.
    pub const fn as_word(self) -> &'static str {
        match self {
            StepMetric::BusyShare => "busy_share",
            StepMetric::Pending => "pending",
        }
    }
}

/// Hugging Face Inference Endpoints (hf-endpoints-documentation@6b7307a): one replica is added when
/// the mean of the metric reaches the threshold (is above it, for pending requests). How many leave is not published: one leaves when
/// one fewer would have stayed below the threshold for the whole stabilization.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepwiseRule {
    /// What is measured.
    pub metric: StepMetric,
    /// Mean from which one more is wanted.
    pub threshold: f64,
    /// Of the mean; a multiple of the interval.
    pub window_us: u64,
    /// Between decisions.
    pub interval_us: u64,
    /// Between additions.
    pub up_every_us: u64,
    /// Between removals.
    pub down_every_us: u64,
    /// Before a removal.
    pub stabilization_us: u64,
    /// Without requests before the last replica leaves.
    pub to_zero_after_us: u64,
}

impl StepwiseRule {
    /// The published values: 80 % busy over a minute, or 1.5 pending over 20 s; up every minute, down
    /// every two, after 300 s; to zero after an hour.
    pub const fn published(metric: StepMetric) -> StepwiseRule {
        let (threshold, window_us) = match metric {
            StepMetric::BusyShare => (0.8, 60 * SECOND),
            StepMetric::Pending => (1.5, 20 * SECOND),
        };
        StepwiseRule {
            metric,
            threshold,
            window_us,
            interval_us: 20 * SECOND,
            up_every_us: 60 * SECOND,
            down_every_us: 120 * SECOND,
            stabilization_us: 300 * SECOND,
            to_zero_after_us: 3600 * SECOND,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_go_with_the_slots() {
        let check = |rule: ScalerRule, expected: Option<f64>| {
            assert_eq!(rule.for_concurrency(Some(2), 5).target(), expected, "{rule:?}");
            assert_eq!(rule.for_concurrency(None, 5), rule);
        };
        check(ScalerRule::QueueDelay { threshold_us: 7 }, None);
        check(ScalerRule::RequestCount { requests: 4 }, Some(10.0));
        check(ScalerRule::RequestCount { requests: 1 }, Some(3.0));
        check(ScalerRule::InFlight(InFlightRule::published(1.0)), Some(2.5));
        check(ScalerRule::Horizontal(HorizontalRule::published(4.0)), Some(10.0));
        check(ScalerRule::Stepwise(StepwiseRule::published(StepMetric::BusyShare)), Some(0.8));
        check(ScalerRule::Stepwise(StepwiseRule::published(StepMetric::Pending)), Some(3.75));
    }
}
