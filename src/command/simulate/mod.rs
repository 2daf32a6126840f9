//! `gpuadvise simulate`: requests replayed on a fleet, by flags or by the rules of a platform.

mod asked;
mod demand;
mod load;
mod noted;
mod platform;
mod policy;
mod taken;
mod watched;
mod workers;

use clap::error::{ContextKind, ErrorKind};
use rayon::prelude::*;

use super::failure::{ExitStatus, Failure};
use super::progress::Progress;
use super::talk::Talk;
use super::{CommandResult, inputs, output, remote};
use crate::cli::{Global, SimulateArgs};
use crate::report::{self, Simulated, SimulatedRun, SimulationReport, TerminalStyle};
use crate::simulate::{
    FleetSpec, Impossible, Replay, Source, Timed, Timeline, run as replay, run_sampled,
};
use asked::Asked;
use demand::{Demanded, Made, Requests};
use policy::Clock;
use watched::{EVERY, Watch, Watched};

/// Parts of the window that charts show.
const PARTS: u32 = 400;

/// Two commands to begin with, where what is missing is most of one.
pub(super) fn examples(error: &clap::Error) -> Option<&'static str> {
    const EXAMPLES: &str = "
Two replicas on requests by chance:
  gpuadvise simulate --arrivals poisson:0.75:100000 --service exp:2 --slots 1 \\
    --policy fixed:2 --price 1.2
A serverless platform on your own log:
  gpuadvise simulate requests.csv --service const:5 --platform modal \\
    --cold-start 30 --price 2.5
";
    let usage = error.get(ContextKind::Usage)?.to_string();
    let is_ours =
        error.kind() == ErrorKind::MissingRequiredArgument && usage.contains("gpuadvise simulate ");
    is_ours.then_some(EXAMPLES)
}

pub(super) fn run(args: &SimulateArgs, global: &Global, talk: Talk) -> CommandResult {
    let format =
        output::text_format(global.format, "simulate", "use --format table, json, csv or md")?;
    let sources = remote::expand(&args.files, talk)?;
    // Files say themselves which config is read.
    let quiet = if sources.is_empty() { talk } else { talk.quietly() };
    let config = inputs::read_config(global.config.as_deref(), &sources, quiet)?;
    let catalog =
        inputs::read_catalog(global.pricing.as_deref())?.with_platforms(&config.platforms)?;
    let asked = Asked::of(args, &catalog)?;
    let zone = global.time_zone.or(config.reporting.time_zone).unwrap_or(chrono_tz::Tz::UTC);
    let demanded = if args.files.is_empty() {
        vec![demand::generated(args, global, &asked, zone)?]
    } else {
        demand::of_files(args, global, &asked, talk)?
    };
    let rows = simulate(args, global, &asked, (&demanded, talk))?;
    let all = SimulationReport {
        rows: &rows,
        of_files: !args.files.is_empty(),
        seed: global.seed,
        is_reserved: args.bill.reserved_price.is_some(),
        attainment: args.demand.slo_attainment,
        platform: asked.platform.as_ref(),
    };
    let style = TerminalStyle { bold: talk.styled_stdout, columns: talk.columns, next: None };
    let text = report::simulation(&all, format, &style)?;
    let text = output::shortened(text, global, output::AGAIN)?;
    if let Some(folder) = &args.charts {
        let charts = report::simulation_charts(&all)?;
        output::write_folder(folder, &charts)?;
        let written = charts.iter().map(|it| it.0.as_str()).collect();
        output::remove_stale_charts(folder, &report::SIMULATION_CHARTS, &written);
    }
    output::to_file_or_stdout(global.output.as_deref(), text.as_bytes())?;
    Ok(ExitStatus::Done)
}

/// One run to do: the demand, the place of the rate, and that of the seed.
type Job = (usize, usize, u64);
/// What it found.
type Found = Result<(SimulatedRun, Option<Timeline>), Why>;

/// Why a run found nothing, and what to do about it.
struct Why {
    text: String,
    hint: &'static str,
}

impl From<String> for Why {
    fn from(text: String) -> Why {
        Why { text, hint: "see gpuadvise simulate --help for what each flag takes" }
    }
}

impl From<Impossible> for Why {
    fn from(it: Impossible) -> Why {
        let text = it.to_string();
        let hint = match it {
            Impossible::Thrashing => {
                "replicas leave or are taken back before they serve: lower --spot-rate, shorten --cold-start"
            }
            Impossible::TooManyWaiting | Impossible::BeyondHorizon => {
                "raise --max or --slots, or ask for fewer requests"
            }
            Impossible::TooManyReplicas => "lower --max, --min or the schedule",
            _ => return Why::from(text),
        };
        Why { text, hint }
    }
}

/// Every demand at every rate with every seed, side by side, in their order.
fn simulate(
    args: &SimulateArgs,
    global: &Global,
    asked: &Asked<'_>,
    (demanded, talk): (&[Demanded], Talk),
) -> Result<Vec<Simulated>, Failure> {
    let jobs: Vec<Job> = (0..demanded.len())
        .flat_map(|at| (0..asked.rates.len()).map(move |rate| (at, rate)))
        .flat_map(|(at, rate)| (0..args.seeds).map(move |seed| (at, rate, seed)))
        .collect();
    let looks: u64 = jobs.iter().map(|it| demanded[it.0].requests.len() / EVERY).sum();
    let progress = Progress::new(talk, "simulating", usize::try_from(looks).unwrap_or(usize::MAX));
    let watch = Watch::new(progress, args.time_budget);
    let found: Vec<Found> = jobs
        .par_iter()
        .map(|(at, rate, nth)| {
            let seed = global.seed.wrapping_add(*nth);
            let is_drawn = args.charts.is_some() && *rate == 0 && *nth == 0;
            one(&demanded[*at], (asked, asked.rates[*rate]), (seed, is_drawn), &watch)
        })
        .collect();
    if let Some(n) = watch.over_after() {
        let all: u64 = jobs.iter().map(|it| demanded[it.0].requests.len()).sum();
        let all = report::counted(all, "request");
        let message = match n {
            0 => format!("the time budget was spent before the first of {all} was replayed"),
            n => format!("the time budget was spent after {} of {all}", report::count(n)),
        };
        return Err(Failure::new(ExitStatus::Interrupted, anyhow::Error::msg(message))
            .with_hint("raise --time-budget, or ask for fewer requests, rates or seeds"));
    }
    rows(args, asked, demanded, found)
}

/// One run. Of a generator whose queue only grows the first requests are enough.
fn one(
    it: &Demanded,
    (asked, rate): (&Asked<'_>, Option<f64>),
    (seed, is_drawn): (u64, bool),
    watch: &Watch,
) -> Found {
    let attempt = |requests: &Requests| {
        if watch.is_over() {
            return Err(Why::from(String::new()));
        }
        let made = requests.make(seed, || !watch.is_over())?;
        if watch.is_over() {
            return Err(Why::from(String::new()));
        }
        let fleet = |window_us| asked.fleet(it.slots, Clock { window_us, ..it.clock }, rate, seed);
        Ok(of_made(&made, requests.mean_load(), fleet, (asked, is_drawn), watch))
    };
    let why = match attempt(&it.requests)? {
        Ok(found) => return Ok(found),
        Err(why) => why,
    };
    if let Some(capacity_slots) = why.capacity_slots
        && let Some(first) = load::first_of(&it.requests, capacity_slots)
    {
        return attempt(&first)?.map_err(|why| Why::from(why.it));
    }
    Err(Why::from(why.it))
}

/// Why a run has no end, and for a queue that only grows the slots there are.
struct WhyNot {
    it: Impossible,
    capacity_slots: Option<f64>,
}

/// A run of requests on a fleet for a window of so many microseconds.
fn of_made(
    made: &Made,
    mean_load: Option<f64>,
    fleet: impl FnOnce(u64) -> FleetSpec,
    (asked, is_drawn): (&Asked<'_>, bool),
    watch: &Watch,
) -> Result<(SimulatedRun, Option<Timeline>), WhyNot> {
    let window_us = match made {
        Made::Generated(source) => source.window_us(),
        Made::Timed(trace, _) => trace.window_us(),
    };
    let fleet = fleet(window_us);
    let capacity_slots = load::capacity_slots(&fleet, window_us);
    let is_full = |source: &Timed<'_>| {
        let us: f64 = source.requests().map(|it| it.service_us as f64).sum();
        us / window_us as f64 >= capacity_slots
    };
    let (replayed, timeline) = match made {
        Made::Generated(source) => played(source, &fleet, asked, is_drawn, watch),
        Made::Timed(trace, service) => {
            let source = trace.served_by(service);
            played(&source, &fleet, asked, is_drawn || is_full(&source), watch)
        }
    };
    let mut outcome = match replayed {
        Replay::Done(outcome) => *outcome,
        Replay::Impossible(it) => {
            let grows = matches!(it, Impossible::TooManyWaiting | Impossible::BeyondHorizon);
            return Err(WhyNot { it, capacity_slots: grows.then_some(capacity_slots) });
        }
    };
    // What a generator asks for is known, unless some of it is ended; of a log there is only what came.
    let known = mean_load.filter(|_| outcome.execution_timeouts == 0);
    let load = known.unwrap_or(outcome.offered_load);
    let never_clears = match made {
        Made::Generated(_) => true,
        Made::Timed(..) => timeline.as_ref().is_some_and(|it| load::is_left(it, capacity_slots)),
    };
    outcome.unstable =
        load >= capacity_slots && never_clears && outcome.refused + outcome.timed_out == 0;
    if outcome.unstable {
        outcome.offered_load = load;
    }
    let run = SimulatedRun { seed: fleet.seed, window_us, capacity_slots, outcome };
    Ok((run, timeline.filter(|_| is_drawn)))
}

fn played(
    source: &impl Source,
    fleet: &FleetSpec,
    asked: &Asked<'_>,
    is_drawn: bool,
    watch: &Watch,
) -> (Replay, Option<Timeline>) {
    let source = Watched { inner: source, watch };
    if is_drawn {
        let (replayed, timeline) = run_sampled(&source, fleet, &asked.billing, asked.slo, PARTS);
        return (replayed, Some(timeline));
    }
    (replay(&source, fleet, &asked.billing, asked.slo), None)
}

/// The runs of each demand and rate together. A fleet that cannot serve is an error where it is the
/// only answer, else a row with its reason.
fn rows(
    args: &SimulateArgs,
    asked: &Asked<'_>,
    demanded: &[Demanded],
    found: Vec<Found>,
) -> Result<Vec<Simulated>, Failure> {
    let mut found = found.into_iter();
    let mut rows = Vec::new();
    let mut hint = None;
    for it in demanded {
        for rate in &asked.rates {
            let n_seeds = usize::try_from(args.seeds).unwrap_or(usize::MAX);
            let all: Vec<Found> = found.by_ref().take(n_seeds).collect();
            let (runs, timeline) = match all.into_iter().collect::<Result<Vec<_>, Why>>() {
                Ok(all) => {
                    let (runs, timelines): (Vec<_>, Vec<_>) = all.into_iter().unzip();
                    (Ok(runs), timelines.into_iter().flatten().next())
                }
                Err(why) => {
                    hint.get_or_insert(why.hint);
                    (Err(why.text), None)
                }
            };
            let mut notes = it.notes.clone();
            notes.extend(asked.notes.iter().cloned());
            notes.extend(demand::undated_schedule(args, it));
            notes.extend(noted::most_replicas(args, asked, it));
            if let Ok(runs) = &runs {
                notes.extend(noted::first_of_them(it, runs));
                notes.extend(noted::another_rate(it, runs));
                notes.extend(noted::no_worker_left(asked, it, runs));
            }
            rows.push(Simulated {
                workload: it.workload.clone(),
                spot_rate: *rate,
                slots: it.slots,
                room: noted::room(asked),
                start: it.is_dated.then_some((it.clock.start, it.clock.zone)),
                runs,
                timeline,
                notes,
            });
        }
    }
    if let Some(Err(why)) = rows.iter().map(|it| &it.runs).find(|it| it.is_err())
        && rows.iter().all(|it| it.runs.is_err())
    {
        return Err(Failure::usage(
            format!("the fleet cannot be simulated: {why}"),
            hint.unwrap_or_default(),
        ));
    }
    Ok(rows)
}
