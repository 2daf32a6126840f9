//! What is to be served: the trace or level, the limits, and what is known of the model.

use super::plan::AS_TODAY;
use super::schedule::WeekLoad;
use super::{Context, Described, Search};
pub(super) use crate::classify::Timing;
use crate::classify::timing;
use crate::simulate::{SloLimits, Trace};
use crate::size::Precision;
use crate::units::{Fraction, Timestamp, whole_us};
use crate::workload::{Demand, Deployment, Kind, LevelSeries, Slo};

/// A bill without usage.
const ONLY_MONEY: &str = "only its cost is known, not what was used for it: give gpu_count or gpu_hours \
     with the cost, a request log, or GPU metrics";

/// Why nothing is replayed where workloads are many.
fn closed_form(context: Context<'_>) -> String {
    let most = context.catalog.assumptions.advice.full_search_requests / 1e6;
    format!(
        "its requests were not replayed: of so many workloads only the dearest are, and none with more than {most} \
         million requests; only the GPUs in use are compared, bought another way; --full-search takes in more"
    )
}

/// One workload's question.
pub(super) struct Question<'a> {
    pub(super) described: Described<'a>,
    pub(super) context: Context<'a>,
    /// The limits, assumed where none are set.
    pub(super) slo: Slo,
    /// What asks for capacity.
    pub(super) load: Load<'a>,
    /// Days of data behind it.
    pub(super) days: f64,
    pub(super) notices: Vec<String>,
}

/// What asks for capacity.
pub(super) enum Load<'a> {
    /// Requests that can be timed.
    Requests(Box<RequestLoad<'a>>),
    /// GPUs in use.
    Level(&'a LevelSeries),
    /// Nothing that can be simulated, and why.
    Nothing(String),
}

/// Requests that can be timed.
pub(super) struct RequestLoad<'a> {
    pub(super) trace: Trace,
    /// Its busiest hours of the week; nothing for a log without dates.
    pub(super) week: Option<WeekLoad>,
    /// Requests of the busiest hour, per second.
    pub(super) busiest_rps: f64,
    /// Share of the minutes of the window in which a request arrived.
    pub(super) active_share: f64,
    /// Share of the window within the idle timeout of an autoscaled instance after a request.
    pub(super) on_share: f64,
    pub(super) timing: Timing<'a>,
    pub(super) limits: SloLimits,
}

impl<'a> Question<'a> {
    pub(super) fn of(described: Described<'a>, context: Context<'a>) -> Question<'a> {
        let workload = described.workload;
        let slo = resolve_slo(described, context);
        let mut notices = Vec::new();
        let is_closed = context.search == Search::ClosedForm;
        let load = match timing(workload, context.catalog, &mut notices) {
            Ok(_) if is_closed && workload.demand.has_requests() => {
                notices.push(closed_form(context));
                level(described, closed_form(context))
            }
            Ok(timing) => requests(described, context, timing, slo),
            Err(why) => {
                let counted = matches!(workload.demand, Demand::Counts(_) | Demand::Arrivals(_));
                if counted && workload.totals.requests != Some(0) {
                    notices.push(format!("{why}; until then only today's GPU is compared"));
                }
                level(described, why)
            }
        };
        let days = workload.demand_window.hours() / 24.0;
        if let (Load::Requests(_), true, Some(ttft), Some(tpot)) =
            (&load, slo.assumed, slo.ttft_p95_s, slo.tpot_p95_s)
        {
            notices.push(format!(
                "no latency limit is set, so {ttft} s to the first token and {tpot} s per token are assumed"
            ));
        }
        Question { described, context, slo, load, days, notices }
    }

    /// Whether it must answer at once.
    pub(super) fn is_critical(&self) -> bool {
        self.described.workload.settings.critical
    }

    /// Whether somebody waits for the answer.
    pub(super) fn is_interactive(&self) -> bool {
        matches!(self.described.class.kind, Kind::RealTimeInference | Kind::Unknown)
    }
}

/// The limits set, else those assumed for work somebody waits for, else none.
fn resolve_slo(described: Described<'_>, context: Context<'_>) -> Slo {
    let asked = described.workload.settings.asked;
    let found = declared_or_assumed(described, context);
    Slo {
        ttft_p95_s: asked.ttft_p95_s.or(found.ttft_p95_s),
        tpot_p95_s: asked.tpot_p95_s.or(found.tpot_p95_s),
        attainment: asked.attainment.unwrap_or(found.attainment),
        assumed: found.assumed && asked.ttft_p95_s.is_none() && asked.tpot_p95_s.is_none(),
    }
}

fn declared_or_assumed(described: Described<'_>, context: Context<'_>) -> Slo {
    if let Some(slo) = described.workload.settings.slo {
        return slo;
    }
    let assumed = &context.catalog.assumptions.simulate;
    let interactive = matches!(described.class.kind, Kind::RealTimeInference | Kind::Unknown);
    let limit = |value: f64| interactive.then_some(value);
    Slo {
        ttft_p95_s: limit(assumed.slo_ttft_p95_s),
        tpot_p95_s: limit(assumed.slo_tpot_p95_s),
        attainment: Fraction::try_from(assumed.slo_attainment).unwrap_or(Fraction::ONE),
        assumed: true,
    }
}

fn requests<'a>(
    described: Described<'a>,
    context: Context<'a>,
    timing: Timing<'a>,
    slo: Slo,
) -> Load<'a> {
    let workload = described.workload;
    let window = workload.demand_window;
    let trace = match &workload.demand {
        Demand::Arrivals(log) => Trace::from_arrivals(log, window),
        Demand::Counts(series) => {
            match Trace::from_counts(series, window, &workload.seed_name, context.seed) {
                Ok(trace) => trace,
                Err(why) => {
                    return Load::Nothing(format!("{why}: cut the window with --since or --month"));
                }
            }
        }
        Demand::Level(series) => return Load::Level(series),
        Demand::Unknown => return Load::Nothing(ONLY_MONEY.to_owned()),
    };
    let assumed = &context.catalog.assumptions.simulate;
    let wait = assumed.batch_wait_s;
    let limits = SloLimits {
        ttft_us: Some(whole_us(slo.ttft_p95_s.unwrap_or(wait))),
        tpot_us: slo.tpot_p95_s.map(|seconds| seconds * 1e6),
    };
    // A window shorter than an hour has no whole hour: its own length counts.
    let busiest_s = window.hours().clamp(f64::MIN_POSITIVE, 1.0) * 3600.0;
    let busiest_rps = trace.busiest_hour() as f64 / busiest_s;
    let week = (!described.hourly.relative)
        .then(|| WeekLoad::of(trace.at_us(), trace.window_us(), window.start(), context.zone));
    Load::Requests(Box::new(RequestLoad {
        week,
        active_share: active_share(&trace),
        on_share: on_share(&trace, whole_us(assumed.autoscale_idle_timeout_s)),
        trace,
        busiest_rps,
        timing,
        limits,
    }))
}

/// Minutes with an arrival over all minutes.
pub(super) fn active_share(trace: &Trace) -> f64 {
    const MINUTE_US: u64 = 60_000_000;
    let minute = |at: &u64| at / MINUTE_US;
    let active = trace.at_us().chunk_by(|a, b| minute(a) == minute(b)).count();
    active as f64 / trace.window_us().div_ceil(MINUTE_US).max(1) as f64
}

/// Share of the window less than `after_us` after an arrival.
///
/// Arrivals at 0 and 2 s and 5 s before the end of 100 s, with 10 s after each: 12 + 5 of 100.
pub(super) fn on_share(trace: &Trace, after_us: u64) -> f64 {
    let window_us = trace.window_us();
    let ends = trace.at_us().iter().skip(1).copied().chain([window_us]);
    let each = trace.at_us().iter().zip(ends);
    let on_us: u64 = each.map(|(at, next)| next.saturating_sub(*at).min(after_us)).sum();
    on_us as f64 / window_us.max(1) as f64
}

/// The level behind requests that cannot be timed, or of work without requests.
fn level(described: Described<'_>, why: String) -> Load<'_> {
    match (&described.workload.demand, &described.workload.billed_level) {
        (Demand::Level(series), _) | (Demand::Counts(_) | Demand::Arrivals(_), Some(series)) => {
            Load::Level(series)
        }
        (Demand::Unknown, _) => Load::Nothing(ONLY_MONEY.to_owned()),
        _ => Load::Nothing(why),
    }
}

/// GPUs at once as a whole number, at least 1. Rows that end at their last second seem to hold a little
/// more: 2 GPUs for an hour told as 3,599 s are 2.0006 and stay 2.
pub(super) fn whole_gpus(at_once: f64) -> u32 {
    const LITTLE: f64 = 1e-3;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
    let gpus = (at_once * (1.0 - LITTLE)).ceil() as u32;
    gpus.max(1)
}

/// Today's precision in our words (`bfloat16` is bf16), else as the data name it.
pub(super) fn precision_word(deployment: &Deployment) -> String {
    let served = deployment.quantization.as_deref().or(deployment.dtype.as_deref());
    match served.map(|word| (word, Precision::parse(word))) {
        Some((_, Some(precision))) => precision.as_str().to_owned(),
        Some((word, None)) => word.to_owned(),
        None => AS_TODAY.to_owned(),
    }
}

/// Age of a price date in days, by its first ten characters; a month counts from its first day.
pub(super) fn age_days(as_of: &str, today: Timestamp) -> Option<f64> {
    let date = if as_of.len() == 7 { format!("{as_of}-01") } else { as_of.to_owned() };
    let at = Timestamp::parse(&date, chrono_tz::Tz::UTC).ok()?;
    Some((today.us() - at.us()) as f64 / 86_400e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_less_is_no_gpu_more() {
        let check = |at_once: f64, expected| assert_eq!(whole_gpus(at_once), expected, "{at_once}");
        check(2.0 * 3600.0 / 3599.0, 2);
        check(8.0 * 3600.0 / 3599.0, 8);
        check(1.5, 2);
        check(0.2, 1);
        check(f64::NAN, 1);
    }
}
