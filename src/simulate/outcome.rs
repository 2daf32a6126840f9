//! What a run found: cost by part, latencies, starts; or why there was nothing to find.

use crate::units::{Currency, Fraction, Money, MoneyError};

use super::latency::Latency;

/// Cost by what the time was used for. The parts add up to the whole exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CostParts {
    /// Serving at least one request.
    pub busy: Money,
    /// Starting, where that is billed.
    pub starting: Money,
    /// Ready without a request; of a commitment, its unused part.
    pub idle: Money,
    /// What minimum and granularity of the billing add.
    pub rounding: Money,
}

/// What the replicas of one price did and cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Replica time with at least one request in service.
    pub busy_us: u64,
    /// Replica time Ready without a request.
    pub idle_us: u64,
    /// Replica time Starting, billed or not.
    pub starting_us: u64,
    /// Billed time, after minimum and granularity.
    pub billed_us: u64,
    /// Cost: each lifetime rounded half to even to 10^-9 once.
    pub cost: Money,
    /// The same by use.
    pub parts: CostParts,
}

/// The result of one plan over one window. Requests without an end inside the window are served and
/// measured to their end; every cost and replica time is cut at the window end.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Requests that arrived: served, refused and timed out.
    pub requests: u64,
    /// Requests turned away because nothing was Ready, or no replica could be had.
    pub refused: u64,
    /// Requests that left the queue unserved.
    pub timed_out: u64,
    /// Requests ended in service by its time-out; they cost what they took and keep no limit.
    pub execution_timeouts: u64,
    /// Replicas started.
    pub cold_starts: u64,
    /// Of them those that ended because the queue no longer needed them.
    pub cancelled_starts: u64,
    /// Requests served by a replica that was not Ready when they arrived.
    pub delayed_requests: u64,
    /// Spot replicas taken back.
    pub interruptions: u64,
    /// Service time that interruptions cut and that began again.
    pub lost_us: u64,
    /// Wait for a slot, starts included; nothing without served requests.
    pub queue_wait: Option<Latency>,
    /// Time to the first token: the wait plus the prefill, or the wait alone where the service
    /// model has no prefill; of requests that were not ended in service.
    pub ttft: Option<Latency>,
    /// Mean of wait plus service of the served requests and of those ended in service, microseconds.
    pub sojourn_mean_us: Option<f64>,
    /// Requests that kept the limits; nothing without limits. Who was not served did not.
    pub attained: Option<u64>,
    /// The minimum replicas.
    pub base: Usage,
    /// The replicas that come and go.
    pub elastic: Usage,
    /// The replicas on demand in place of spot.
    pub fallback: Usage,
    /// Ready plus Starting replica time in each hour from the window start; the last may be short.
    pub on_us_by_hour: Vec<u64>,
    /// Most replicas Ready or Starting at once inside the window.
    pub max_on: u32,
    /// Slot time in service over slot time Ready; nothing when no replica was ever Ready.
    pub server_occupancy: Option<f64>,
    /// Service time asked for over the window, in slots (erlangs).
    pub offered_load: f64,
    /// True when more is asked for than all slots of the largest fleet can serve, and nobody leaves
    /// unserved: the waits then measure the length of the window, not the plan.
    pub unstable: bool,
}

impl Outcome {
    /// What all replicas cost.
    pub fn total_cost(&self) -> Result<Money, MoneyError> {
        self.base.cost.checked_add(self.elastic.cost)?.checked_add(self.fallback.cost)
    }

    /// One time of all replicas.
    pub fn all(&self, time: impl Fn(&Usage) -> u64) -> u64 {
        [&self.base, &self.elastic, &self.fallback].into_iter().map(time).sum()
    }

    /// Time with a request in service over time Ready, of all replicas; nothing when none was Ready.
    pub fn busy_share(&self) -> Option<f64> {
        let busy_us = self.all(|it| it.busy_us);
        let ready_us = busy_us + self.all(|it| it.idle_us);
        (ready_us > 0).then(|| busy_us as f64 / ready_us as f64)
    }

    /// Share of requests that kept the limits; nothing without limits or without requests.
    pub fn attainment(&self) -> Option<Fraction> {
        if self.requests == 0 {
            return None;
        }
        Fraction::try_from(self.attained? as f64 / self.requests as f64).ok()
    }

    /// Whether enough requests kept the limits; true where there are no requests or no limits.
    pub fn meets(&self, target: Fraction) -> bool {
        self.attainment().is_none_or(|share| share >= target)
    }
}

/// Why a plan cannot be simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Impossible {
    /// A window without length.
    #[error("the window has no length")]
    NoWindow,
    /// Replicas without a slot.
    #[error("a replica has no slot to serve a request")]
    NoSlots,
    /// A fleet that can never have a replica.
    #[error("the fleet can never have a replica")]
    NoReplicas,
    /// A request-count rule with a zero.
    #[error("the scaler aims at no requests per replica")]
    NoScalerValue,
    /// A rule that decides without end.
    #[error("the scaler decides more than a billion times in the window")]
    TooFast,
    /// A schedule that leaves the beginning open, or goes back in time.
    #[error("the schedule does not begin with the window, or its instants are not in order")]
    BadSchedule,
    /// More replicas than the engine numbers.
    #[error("the fleet has more than 65,536 replicas")]
    TooManyReplicas,
    /// A cold start, timeout or rate that is negative, infinite or not a number.
    #[error("a start, a timeout or a rate of interruptions is not a time")]
    NotATime,
    /// Arrivals that are negative, infinite or not a number.
    #[error("the arrivals have no positive rate")]
    BadArrivals,
    /// Starts that end when nobody waits any more, on spot capacity.
    #[error("starts on spot capacity are not cancelled: capacity is taken as it comes")]
    CancelledSpot,
    /// One request per replica asked of replicas with several slots.
    #[error("one request per replica needs replicas of one slot")]
    OneSlotOnly,
    /// A service time that is negative, infinite or missing.
    #[error("the service time is not a time")]
    BadServiceTime,
    /// A service time by tokens for requests without tokens.
    #[error("the requests have no token counts")]
    NoTokens,
    /// A run that was to go on only while its limits can be kept.
    #[error("too many requests miss the limits")]
    Hopeless,
    /// Requests wait and nothing will ever start.
    #[error("{waiting} requests are never served")]
    NeverServed {
        /// Requests in the queue.
        waiting: u64,
    },
    /// A queue that only grows.
    #[error("more than 8 million requests wait at once: the fleet cannot keep up")]
    TooManyWaiting,
    /// The queue is not cleared within the engine's 4.4 years.
    #[error("the queue is not cleared within four years")]
    BeyondHorizon,
    /// Replicas start and leave without end.
    #[error("replicas start and stop without end")]
    Thrashing,
    /// Whoever asked has had enough.
    #[error("it was stopped")]
    Stopped,
    /// Base and elastic prices in two currencies.
    #[error("the prices are in {0} and {1}")]
    MixedCurrencies(Currency, Currency),
    /// A cost past the largest amount.
    #[error("the cost is too large")]
    CostTooLarge,
}

/// The answer of a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Replay {
    /// It ran to its end.
    Done(Box<Outcome>),
    /// It cannot run.
    Impossible(Impossible),
}

impl Replay {
    /// The outcome, if there is one.
    pub fn outcome(self) -> Option<Outcome> {
        match self {
            Replay::Done(outcome) => Some(*outcome),
            Replay::Impossible(_) => None,
        }
    }
}
