//! Demand in the unit that is bought: what the bill, the telemetry and the requests each say of it,
//! which of them decides, and whether they can all be true.
//!
//! A request of S seconds in a batch of B takes S / B of a replica. With requests at a mean rate r,
//! r x S are in service at a time (Little), and as many Erlangs are offered:
//!
//! ```text
//! replica-seconds = sum of S(request) / B      erlangs = sum of S(request) / window
//! ```
//!
//! 14,000 requests of 4 s at 2 at once are 28,000 replica-seconds, 7.8 hours of one replica.

mod hours;
mod sentences;

use serde::Serialize;

use super::hourly::HourlySeries;
use super::service::{TodaysReplica, todays_replica};
use crate::catalog::{Catalog, DemandLimits};
use crate::units::{Period, TokenCounts};
use crate::workload::{ActivityBin, Demand, LevelSeries, Workload};

use hours::{busy_of_arrivals, busy_of_counts, union_hours};

/// Where a figure comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DemandSource {
    /// What was billed.
    Bill,
    /// What GPUs measured.
    Telemetry,
    /// Requests, through the service-time model.
    Requests,
}

/// What was held.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct BilledHours {
    /// GPU-hours.
    pub gpu_hours: f64,
    /// Those inside the demand window.
    pub gpu_hours_of_demand: f64,
    /// Hours of the periods that have any.
    pub hours: f64,
    /// False where GPUs were counted and no cost stands beside them.
    pub is_billed: bool,
}

/// What GPUs measured of themselves.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct MeasuredHours {
    /// GPU-hours measured.
    pub gpu_hours: f64,
    /// GPU-hours active: the share active x the period, summed.
    pub active_gpu_hours: f64,
    /// Hours measured.
    pub hours: f64,
    /// Hours of the periods in which a GPU was active.
    pub active_hours: f64,
    /// Hours measured over those of the window.
    pub share_of_window: f64,
    /// The same over those of the demand window.
    pub share_of_demand: f64,
    /// GPU-hours active inside the demand window.
    pub active_of_demand: f64,
    /// GPU-hours measured inside the demand window.
    pub gpu_hours_of_demand: f64,
}

/// What was asked.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RequestedHours {
    /// Requests of the demand.
    pub requests: u64,
    /// Their tokens.
    pub tokens: Option<TokenCounts>,
    /// Clock hours with a request; nothing where rows are longer than an hour.
    pub hours: Option<f64>,
    /// Hours of the window they were recorded in.
    pub window_hours: f64,
    /// What they take of replicas, or why nobody can say.
    #[serde(serialize_with = "load_or_reason")]
    pub load: Result<ServiceLoad, String>,
}

/// What requests take of today's replicas.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ServiceLoad {
    /// False where the time of a request is the user's own.
    pub by_model: bool,
    /// GPUs of a replica.
    pub gpus_per_replica: u32,
    /// Requests a replica serves at once, at most.
    pub slots: u32,
    /// Requests in progress in the busiest hour.
    pub batch: u32,
    /// Seconds of the mean request alone.
    pub alone_s: f64,
    /// Seconds of the mean request at that batch.
    pub mean_s: f64,
    /// Mean number of requests in service.
    pub erlangs: f64,
    /// Seconds of replicas: the times of all requests / batch.
    pub replica_seconds: f64,
    /// The least that could be: every slot taken all the time.
    pub least_replica_seconds: f64,
    /// Hours with at least one request in service, if none waits.
    pub busy_hours: f64,
    /// False where only counts are known: busy hours then take requests as independent inside each
    /// period, which overstates them where they come in bursts.
    pub from_arrivals: bool,
}

/// The load, or `{"null_because": ".."}`.
fn load_or_reason<S: serde::Serializer>(
    load: &Result<ServiceLoad, String>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match load {
        Ok(load) => load.serialize(serializer),
        Err(why) => serializer.collect_map([("null_because", why)]),
    }
}

impl ServiceLoad {
    /// GPU-hours of the replica-seconds.
    pub fn gpu_hours(&self) -> f64 {
        self.replica_seconds / 3600.0 * f64::from(self.gpus_per_replica)
    }

    /// GPU-hours with a request in service, if no two ran together: more no request can explain.
    fn most_active_gpu_hours(&self) -> f64 {
        self.replica_seconds / 3600.0 * f64::from(self.batch) * f64::from(self.gpus_per_replica)
    }

    /// GPU-hours with a request in service, if all that could ran together on one replica. Counts do
    /// not say when requests come: then the least is that of full batches.
    fn least_active_gpu_hours(&self) -> f64 {
        let full_hours = self.least_replica_seconds / 3600.0;
        let hours = if self.from_arrivals { self.busy_hours } else { full_hours };
        hours * f64::from(self.gpus_per_replica)
    }
}

/// Two sources that cannot both be right.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Contradiction {
    /// GPUs are active beyond what the requests explain, as shares of the GPU-hours measured.
    MoreActiveThanAsked {
        /// Active.
        active: f64,
        /// Explained by requests at most.
        explained: f64,
    },
    /// GPUs are less active than the requests need at least, as shares of the GPU-hours measured.
    LessActiveThanAsked {
        /// Active.
        active: f64,
        /// Needed by requests at least.
        needed: f64,
    },
    /// The requests need more GPU-hours than were held, every slot taken all the time.
    MoreAskedThanBilled {
        /// GPU-hours held in the demand window.
        billed: f64,
        /// GPU-hours needed at least.
        needed: f64,
    },
}

/// Demand in the unit that is bought.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bought {
    /// What was held; nothing without GPU-hours.
    pub bill: Option<BilledHours>,
    /// What was measured; nothing without telemetry.
    pub telemetry: Option<MeasuredHours>,
    /// What was asked; nothing without requests one by one or their counts.
    pub requests: Option<RequestedHours>,
    /// Requests where they can be timed, else telemetry, else the bill.
    pub decides: Option<DemandSource>,
    /// Two sources that cannot both be right.
    pub contradiction: Option<Contradiction>,
    /// What a person can repeat, with the numbers.
    pub sentences: Vec<String>,
    /// Hours a day that at least one replica is busy: with a request in service, else with an active
    /// GPU. Nothing below a day of data, or where neither is known.
    pub replica_busy_hours_per_day: Option<f64>,
}

/// What each source says of a workload, and which decides. `hourly` is its demand by clock hour.
pub fn bought(workload: &Workload, hourly: &HourlySeries, catalog: &Catalog) -> Bought {
    let limits = &catalog.assumptions.demand;
    let bill = billed(workload);
    let telemetry = measured(workload, limits);
    let requests = requested(workload, hourly, catalog);
    let load = requests.as_ref().and_then(|it| it.load.as_ref().ok());
    let decides = if load.is_some() {
        Some(DemandSource::Requests)
    } else if telemetry.is_some() {
        Some(DemandSource::Telemetry)
    } else {
        bill.map(|_| DemandSource::Bill)
    };
    let contradiction = contradiction(bill.as_ref(), telemetry.as_ref(), load, limits);
    let mut found = Bought {
        replica_busy_hours_per_day: busy_per_day(workload, telemetry.as_ref(), load, limits),
        bill,
        telemetry,
        requests,
        decides,
        contradiction,
        sentences: Vec::new(),
    };
    found.sentences = sentences::of(&found, workload);
    found
}

/// GPU-hours of the bill: 2 GPUs for 12 hours are 24.
fn billed(workload: &Workload) -> Option<BilledHours> {
    let of_demand = match &workload.demand {
        Demand::Level(series) => Some(series),
        Demand::Arrivals(_) | Demand::Counts(_) | Demand::Unknown => None,
    };
    let series: &LevelSeries = workload.billed_level.as_ref().or(of_demand)?;
    let bins = || series.bins.iter().filter(|it| it.gpus > 0.0);
    let asked = workload.seen_window();
    let inside = |it: Period| it.intersect(asked);
    Some(BilledHours {
        gpu_hours: bins().map(|it| it.gpus * it.period.hours()).sum(),
        gpu_hours_of_demand: bins()
            .filter_map(|it| Some(it.gpus * inside(it.period)?.hours()))
            .sum(),
        hours: union_hours(bins().map(|it| it.period)),
        is_billed: series.absent_is_zero,
    })
}

/// GPU-hours measured and active: 2 GPUs active half of 12 hours are 12 of 24.
fn measured(workload: &Workload, limits: &DemandLimits) -> Option<MeasuredHours> {
    let bins = &workload.activity;
    if bins.is_empty() {
        return None;
    }
    let asked = workload.seen_window();
    let of_demand = || bins.iter().filter_map(|it| Some((it, it.period.intersect(asked)?)));
    let is_active = |it: &&ActivityBin| it.active >= limits.active_gpus;
    let hours = union_hours(bins.iter().map(|it| it.period));
    Some(MeasuredHours {
        gpu_hours: bins.iter().map(|it| it.gpus * it.period.hours()).sum(),
        active_gpu_hours: bins.iter().map(|it| it.active * it.period.hours()).sum(),
        hours,
        active_hours: union_hours(bins.iter().filter(is_active).map(|it| it.period)),
        share_of_window: hours / workload.window.hours(),
        share_of_demand: union_hours(of_demand().map(|it| it.1)) / asked.hours(),
        active_of_demand: of_demand().map(|(it, inside)| it.active * inside.hours()).sum(),
        gpu_hours_of_demand: of_demand().map(|(it, inside)| it.gpus * inside.hours()).sum(),
    })
}

fn requested(
    workload: &Workload,
    hourly: &HourlySeries,
    catalog: &Catalog,
) -> Option<RequestedHours> {
    let requests = match &workload.demand {
        Demand::Arrivals(trace) => trace.len() as u64,
        Demand::Counts(series) => series.bins.iter().map(|it| it.requests).sum(),
        Demand::Level(_) | Demand::Unknown => return None,
    };
    let totals = &workload.totals;
    let tokens = totals.prompt_tokens.zip(totals.completion_tokens);
    let values = || hourly.values.iter().flatten();
    let with_requests = values().filter(|it| **it > 0.0).count() as f64;
    let busiest_rps = values().copied().fold(0.0, f64::max) / 3600.0;
    let load = todays_replica(workload, catalog, busiest_rps).map(|it| load(workload, &it));
    Some(RequestedHours {
        requests,
        tokens: tokens.map(|(prompt, completion)| TokenCounts { prompt, completion }),
        hours: (!hourly.spread && !hourly.values.is_empty()).then_some(with_requests),
        window_hours: workload.seen_window().hours(),
        load,
    })
}

/// What requests take. 3 requests of 10 s at 0, 5 and 60 s are 30 s in service and 25 s busy.
fn load(workload: &Workload, replica: &TodaysReplica) -> ServiceLoad {
    let window = workload.seen_window();
    let [alone_s, mean_s, full_s] = replica.mean_s;
    let (n, in_service_s, busy_s) = match &workload.demand {
        Demand::Arrivals(trace) => {
            let time = |at: usize| replica.at_batch.of_tokens(trace.tokens.get(at), mean_s);
            let sum = (0..trace.len()).map(time).sum::<f64>();
            (trace.len() as f64, sum, busy_of_arrivals(&trace.at_us, time, window))
        }
        Demand::Counts(series) => {
            let n: f64 = series.bins.iter().map(|it| it.requests as f64).sum();
            (n, n * mean_s, busy_of_counts(&series.bins, mean_s, window))
        }
        Demand::Level(_) | Demand::Unknown => (0.0, 0.0, 0.0),
    };
    ServiceLoad {
        by_model: replica.by_model,
        gpus_per_replica: replica.gpus,
        slots: replica.slots,
        batch: replica.batch,
        alone_s,
        mean_s,
        erlangs: in_service_s / (window.hours() * 3600.0),
        replica_seconds: in_service_s / f64::from(replica.batch),
        least_replica_seconds: n * full_s / f64::from(replica.slots.max(1)),
        busy_hours: busy_s / 3600.0,
        from_arrivals: matches!(workload.demand, Demand::Arrivals(_)),
    }
}

/// Hours a day with a request in service, else with an active GPU.
fn busy_per_day(
    workload: &Workload,
    telemetry: Option<&MeasuredHours>,
    load: Option<&ServiceLoad>,
    limits: &DemandLimits,
) -> Option<f64> {
    const DAY_H: f64 = 24.0;
    let of = |busy: f64, hours: f64| (hours >= DAY_H).then(|| busy / hours * DAY_H);
    match (load, telemetry) {
        (Some(load), _) => of(load.busy_hours, workload.seen_window().hours()),
        (None, Some(it)) if it.share_of_window >= limits.comparable_share => {
            of(it.active_hours, it.hours)
        }
        (None, _) => None,
    }
}

/// The first contradiction there is. Requests and telemetry are held against each other only where
/// both speak of nearly all of the demand window, and only beyond the error of the model.
fn contradiction(
    bill: Option<&BilledHours>,
    telemetry: Option<&MeasuredHours>,
    load: Option<&ServiceLoad>,
    limits: &DemandLimits,
) -> Option<Contradiction> {
    let load = load?;
    let ratio = limits.contradiction_ratio;
    let comparable = |it: &&MeasuredHours| it.share_of_demand >= limits.comparable_share;
    if let Some(it) = telemetry.filter(comparable).filter(|it| it.gpu_hours_of_demand > 0.0) {
        let share = |gpu_hours: f64| gpu_hours / it.gpu_hours_of_demand;
        let active = share(it.active_of_demand);
        let (explained, needed) =
            (share(load.most_active_gpu_hours()), share(load.least_active_gpu_hours()));
        if active >= limits.contradiction_active && active > ratio * explained {
            return Some(Contradiction::MoreActiveThanAsked { active, explained });
        }
        if needed >= limits.contradiction_active && needed > ratio * active {
            return Some(Contradiction::LessActiveThanAsked { active, needed });
        }
    }
    let billed = bill?.gpu_hours_of_demand;
    let needed = load.least_replica_seconds / 3600.0 * f64::from(load.gpus_per_replica);
    (needed > billed).then_some(Contradiction::MoreAskedThanBilled { billed, needed })
}

#[cfg(test)]
mod tests;
