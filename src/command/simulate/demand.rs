//! What is replayed: requests of a generator, or of the workloads in files.

use chrono_tz::Tz;

use super::super::failure::{ExitStatus, Failure};
use super::super::inputs::Inputs;
use super::super::talk::Talk;
use super::asked::Asked;
use super::load;
use super::policy::Clock;
use crate::catalog::{Catalog, edit_distance};
use crate::classify::{self, Timing};
use crate::cli::{Arrivals, Global, Policy, Service, SimulateArgs, TokenRates};
use crate::report;
use crate::simulate::{Delay, Gaps, Generator, Impossible, Scaler, ServiceModel, Trace};
use crate::units::{Period, Timestamp};
use crate::workload::{CountSeries, Demand, Workload};

/// Monday 00:00 on the clock of a zone: the first instant of what has no date.
fn monday(zone: Tz) -> Timestamp {
    Timestamp::parse("1970-01-05", zone).unwrap_or(Timestamp::from_s(4 * 86_400))
}

/// One demand to simulate.
pub(super) struct Demanded {
    /// Its name; nothing for a generator.
    pub(super) workload: Option<String>,
    pub(super) requests: Requests,
    pub(super) slots: u32,
    pub(super) clock: Clock,
    /// Whether the first instant has a date.
    pub(super) is_dated: bool,
    pub(super) notes: Vec<String>,
}

/// Where the requests come from, and what each takes.
pub(super) enum Requests {
    /// From chance.
    Generated { gaps: Gaps, rate_per_s: f64, n: u64, service: Delay },
    /// From a log.
    Logged { trace: Trace, service: Takes },
    /// From counts: made anew for each seed.
    Counted { series: CountSeries, window: Period, seed_name: String, service: Takes },
}

/// What a request of the files takes.
#[derive(Clone)]
pub(super) enum Takes {
    /// By chance.
    Drawn(Delay),
    /// By a model.
    Modelled(ServiceModel),
}

/// The requests of one seed with their times.
pub(super) enum Made {
    Generated(Generator),
    Timed(Trace, ServiceModel),
}

impl Requests {
    /// How many there are, for progress.
    pub(super) fn len(&self) -> u64 {
        match self {
            Requests::Generated { n, .. } => *n,
            Requests::Logged { trace, .. } => trace.len() as u64,
            Requests::Counted { series, .. } => series.bins.iter().map(|it| it.requests).sum(),
        }
    }

    /// Slots of work asked for on average, where that is known before: rate times mean service.
    pub(super) fn mean_load(&self) -> Option<f64> {
        match self {
            Requests::Generated { rate_per_s, service, .. } => {
                Some(rate_per_s * service.mean_us() / 1e6)
            }
            Requests::Logged { .. } | Requests::Counted { .. } => None,
        }
    }

    /// The requests of one seed; of no use where `go_on` said no on the way.
    pub(super) fn make(&self, seed: u64, go_on: impl FnMut() -> bool) -> Result<Made, String> {
        let (trace, service) = match self {
            Requests::Generated { gaps, rate_per_s, n, service } => {
                return Generator::new_while(*gaps, *rate_per_s, *n, *service, seed, go_on)
                    .map(Made::Generated)
                    .map_err(|why: Impossible| why.to_string());
            }
            Requests::Logged { trace, service } => (trace.clone(), service),
            Requests::Counted { series, window, seed_name, service } => {
                let trace = Trace::from_counts(series, *window, seed_name, seed);
                (trace.map_err(|why| why.to_string())?, service)
            }
        };
        let model = match service {
            Takes::Drawn(time) => ServiceModel::drawn(*time, trace.len(), seed),
            Takes::Modelled(model) => model.clone(),
        };
        Ok(Made::Timed(trace, model))
    }
}

/// Refuses flags that take a part of files, where there are none.
fn refuse_part(args: &SimulateArgs, global: &Global) -> Result<(), Failure> {
    let part = &args.part;
    let given = [
        ("--since", part.since.is_some()),
        ("--until", part.until.is_some()),
        ("--month", part.month.is_some()),
        // One percent is what holds without the flag.
        ("--max-rejected", part.max_rejected.total_cmp(&1.0).is_ne()),
        ("--as-of", global.as_of.is_some()),
    ];
    match given.iter().find(|it| it.1) {
        Some((flag, _)) => Err(Failure::usage(
            format!("{flag} is about files, and the requests come from a generator"),
            format!("leave {flag} out, or name files in place of --arrivals"),
        )),
        None => Ok(()),
    }
}

/// The requests of a generator.
pub(super) fn generated(
    args: &SimulateArgs,
    global: &Global,
    asked: &Asked<'_>,
    zone: Tz,
) -> Result<Demanded, Failure> {
    refuse_part(args, global)?;
    let Some(Arrivals::Generated { gaps, rate_per_s, n }) = args.demand.arrivals else {
        return Err(Failure::usage(
            "--arrivals file needs a file",
            "name request logs or usage tables, or give poisson:RATE:N and its like",
        ));
    };
    let Some(Service::Time(service)) = args.demand.service else {
        return Err(Failure::usage(
            "the requests of a generator have no tokens to take their time from",
            "give --service const:S, exp:MEAN or mix:P:S1:S2, or name a file with token counts",
        ));
    };
    let Some(slots) = asked.slots else {
        return Err(Failure::usage(
            "nothing says how many requests a replica serves at once",
            "give --slots",
        ));
    };
    Ok(Demanded {
        workload: None,
        requests: Requests::Generated { gaps, rate_per_s, n, service },
        slots,
        clock: Clock { start: monday(zone), window_us: 0, zone },
        is_dated: false,
        notes: Vec::new(),
    })
}

/// The workloads of the files that have requests, and why others have not.
pub(super) fn of_files(
    args: &SimulateArgs,
    global: &Global,
    asked: &Asked<'_>,
    talk: Talk,
) -> Result<Vec<Demanded>, Failure> {
    if matches!(args.demand.arrivals, Some(Arrivals::Generated { .. })) {
        return Err(Failure::usage(
            "a generator needs no file",
            "leave the files out, or write --arrivals file",
        ));
    }
    let inputs = Inputs::read(&args.input(), global, talk)?;
    let chosen = chosen(args, &inputs.workloads)?;
    let mut found = Vec::new();
    let mut first_why = None;
    for workload in chosen {
        match of_workload(args, asked, workload, (&inputs.catalog, inputs.zone)) {
            Ok(demanded) => found.push(demanded),
            Err(why) => {
                talk.warn(&format!("{} is not simulated: {why}", report::plain(&workload.name)));
                first_why = first_why.or(Some(why));
            }
        }
    }
    match (found.is_empty(), first_why) {
        (false, _) => Ok(found),
        (true, why) => {
            let why = why.unwrap_or_else(|| "the files have no workload".to_owned());
            let error = anyhow::anyhow!("no workload can be simulated: {why}");
            Err(Failure::new(ExitStatus::Input, error).with_hint(
                "give a request log or a usage table with requests, and --service and --slots",
            ))
        }
    }
}

/// The workloads asked for.
fn chosen<'a>(args: &SimulateArgs, all: &'a [Workload]) -> Result<Vec<&'a Workload>, Failure> {
    let Some(name) = &args.workload else { return Ok(all.iter().collect()) };
    if let Some(workload) = all.iter().find(|it| it.name == *name) {
        return Ok(vec![workload]);
    }
    let near = all.iter().map(|it| it.name.as_str()).min_by_key(|it| edit_distance(name, it));
    let hint = near.map_or_else(
        || "the files have no workload".to_owned(),
        |it| format!("did you mean {}?", report::plain(it)),
    );
    Err(Failure::usage(format!("the files have no workload `{name}`"), hint))
}

fn of_workload(
    args: &SimulateArgs,
    asked: &Asked<'_>,
    workload: &Workload,
    (catalog, zone): (&Catalog, Tz),
) -> Result<Demanded, String> {
    let window = workload.demand_window;
    let mut notes = Vec::new();
    let (trace, is_dated) = match &workload.demand {
        Demand::Arrivals(log) => (Trace::from_arrivals(log, window), !log.relative),
        Demand::Counts(series) => {
            let made = Trace::from_counts(series, window, &workload.seed_name, 0);
            notes.push(
                "arrivals inside a period are made from its count, seeded: --seeds shows how much that matters"
                    .to_owned(),
            );
            (made.map_err(|why| why.to_string())?, true)
        }
        Demand::Level(_) | Demand::Unknown => return Err("it has no requests".to_owned()),
    };
    if trace.is_empty() {
        return Err("it has no requests in the window".to_owned());
    }
    let clock = Clock {
        start: if is_dated { window.start() } else { monday(zone) },
        window_us: trace.window_us(),
        zone,
    };
    let served = Served::of(args, asked, workload, (catalog, &trace), clock, &mut notes)?;
    let requests = match &workload.demand {
        Demand::Counts(series) => Requests::Counted {
            series: series.clone(),
            window,
            seed_name: workload.seed_name.clone(),
            service: served.service,
        },
        _ => Requests::Logged { trace, service: served.service },
    };
    let workload = Some(workload.name.clone());
    Ok(Demanded { workload, requests, slots: served.slots, clock, is_dated, notes })
}

/// How the requests of a workload are served.
struct Served {
    service: Takes,
    slots: u32,
}

impl Served {
    fn of(
        args: &SimulateArgs,
        asked: &Asked<'_>,
        workload: &Workload,
        (catalog, trace): (&Catalog, &Trace),
        clock: Clock,
        notes: &mut Vec<String>,
    ) -> Result<Served, String> {
        let no_slots =
            || "nothing says how many requests a replica serves at once: give --slots".to_owned();
        match args.demand.service {
            Some(Service::Time(time)) => {
                let slots = asked.slots.or(workload.settings.max_num_seqs).ok_or_else(no_slots)?;
                Ok(Served { service: Takes::Drawn(time), slots })
            }
            Some(Service::Tokens(Some(TokenRates { prefill_per_s, tpot_s }))) => {
                if trace.tokens().is_none() {
                    return Err(
                        "its requests have no token counts: give --service const:S".to_owned()
                    );
                }
                let slots = asked.slots.or(workload.settings.max_num_seqs).ok_or_else(no_slots)?;
                let service = ServiceModel::Tokens {
                    prefill_us_per_token: 1e6 / prefill_per_s,
                    tpot_us: tpot_s * 1e6,
                };
                Ok(Served { service: Takes::Modelled(service), slots })
            }
            Some(Service::Tokens(None)) | None => {
                Served::by_the_data(args, asked, workload, (catalog, trace), clock, notes)
            }
        }
    }

    /// By the config's time, else by model and GPU.
    fn by_the_data(
        args: &SimulateArgs,
        asked: &Asked<'_>,
        workload: &Workload,
        (catalog, trace): (&Catalog, &Trace),
        clock: Clock,
        notes: &mut Vec<String>,
    ) -> Result<Served, String> {
        let say = |why: String| format!("{why}; or give --service");
        let timing = classify::timing(workload, catalog, notes).map_err(say)?;
        let (arch, profile, precision) = match timing {
            Timing::Measured { service_us, slots } => {
                if args.demand.service.is_some() {
                    return Err("its tokens, model or GPU are not known: give --service tokens:PREFILL:TPOT".to_owned());
                }
                notes.push(format!("a request takes {} s by the config", service_us as f64 / 1e6));
                let service = Takes::Modelled(ServiceModel::Fixed { service_us });
                return Ok(Served { service, slots: asked.slots.unwrap_or(slots) });
            }
            Timing::Model { arch, profile, precision } => (arch, profile, precision),
        };
        let fitted = classify::todays_fit(workload, catalog, (arch, &profile, precision));
        let (replica, held) = fitted.map_err(say)?;
        let slots = asked.slots.unwrap_or(held);
        let batch = match (asked.chosen.fixed(), asked.chosen.scaler(slots, clock)) {
            (Some(n), _) => {
                let busiest_s = (clock.window_us as f64 / 1e6).clamp(1e-6, 3600.0);
                let busiest_rps = trace.busiest_hour() as f64 / busiest_s;
                replica.planning_batch(busiest_rps, n, slots).unwrap_or(slots)
            }
            (None, Scaler::Rule(rule)) => {
                let target = rule.target().unwrap_or(f64::INFINITY).ceil().max(1.0);
                (1..slots).find(|it| f64::from(*it) >= target).unwrap_or(slots)
            }
            (None, Scaler::Schedule(_)) => {
                let fleet = asked.fleet(slots, clock, None, 0);
                let rate = load::busiest_rps_per_replica(trace, &fleet);
                replica.planning_batch(rate, 1, slots).unwrap_or(slots)
            }
            (None, Scaler::Fixed | Scaler::PerRequest) => slots,
        };
        let tpot_us = replica.tpot_s(batch) * 1e6;
        let prefill_per_s = replica.prefill_tokens_per_s(batch);
        notes.push(format!(
            "on today's GPU with {} running, of {} that fit: {} prompt tokens a second and {} per completion token",
            report::counted(u64::from(batch), "request"),
            report::count(u64::from(held)),
            report::measure(prefill_per_s),
            report::duration(tpot_us / 1e6),
        ));
        let service = ServiceModel::Tokens { prefill_us_per_token: 1e6 / prefill_per_s, tpot_us };
        Ok(Served { service: Takes::Modelled(service), slots })
    }
}

/// Whether the schedule of a workload without dates begins on a Monday of its own.
pub(super) fn undated_schedule(args: &SimulateArgs, demanded: &Demanded) -> Option<String> {
    let by_clock = matches!(args.fleet.policy, Some(Policy::Schedule(_)));
    (by_clock && !demanded.is_dated)
        .then(|| "the requests have no date: the first comes on Monday at 00:00".to_owned())
}
