//! What a workload does, as far as its demand shows it. A guess is made only on a sign that the
//! reader can check, and says so.

use chrono_tz::Tz;

use super::calendar;
use super::evidence::{number, span};
use super::features::Features;
use super::hourly::HourlySeries;
use super::rhythm::Rhythm;
use crate::catalog::Classify;
use crate::workload::{Demand, Kind, Workload};

/// A kind with its reason.
pub(super) struct KindVerdict {
    pub(super) kind: Kind,
    /// One sentence.
    pub(super) evidence: String,
    /// 1 when declared; nothing when the kind is unknown.
    pub(super) confidence: Option<f64>,
}

impl KindVerdict {
    fn unknown(because: impl Into<String>) -> KindVerdict {
        let evidence = format!("Kind unknown: {}.", because.into());
        KindVerdict { kind: Kind::Unknown, evidence, confidence: None }
    }

    fn inferred(kind: Kind, signs: &[String], limits: &Classify) -> KindVerdict {
        let confidence = if signs.len() > 1 {
            limits.kind_confidence_two_signs
        } else {
            limits.kind_confidence_one_sign
        };
        let evidence = format!("Looks like {}: {}.", kind.as_str(), signs.join(", and "));
        KindVerdict { kind, evidence, confidence: Some(confidence) }
    }
}

/// The declared kind, else the one the demand suggests.
pub(super) fn kind(
    workload: &Workload,
    (features, hourly): (&Features, &HourlySeries),
    limits: &Classify,
    zone: Tz,
) -> KindVerdict {
    if let Some(kind) = workload.settings.kind {
        let evidence = format!("The config declares it {}.", kind.as_str());
        return KindVerdict { kind, evidence, confidence: Some(1.0) };
    }
    match &*workload.seen() {
        Demand::Unknown => KindVerdict::unknown("only its cost was measured"),
        Demand::Level(_) => of_level(workload, hourly, limits, zone),
        Demand::Arrivals(_) | Demand::Counts(_) if features.n == 0 => {
            KindVerdict::unknown("it had no request")
        }
        Demand::Arrivals(_) | Demand::Counts(_) => {
            of_requests(workload, (features, hourly), limits, zone)
        }
    }
}

/// Batch: the same few hours every day hold 90 % of the requests. Real time: requests with tokens
/// in many hours of the day, or at irregular gaps unless in few hours a day, as jobs do.
fn of_requests(
    workload: &Workload,
    (features, hourly): (&Features, &HourlySeries),
    limits: &Classify,
    zone: Tz,
) -> KindVerdict {
    let repeats = repeats_daily(hourly, limits, zone);
    if let Some(hours) = hours_of_day_holding_90_percent(hourly, zone).filter(|_| repeats) {
        let active = features.active_hours_per_day.unwrap_or(24.0);
        if hours as f64 <= limits.batch_hours {
            let mut signs =
                vec![format!("90 % of the requests come in the same {hours} hours of the day")];
            if active <= limits.batch_hours {
                signs.push(format!("the other hours are empty ({} active a day)", number(active)));
            }
            return KindVerdict::inferred(Kind::BatchInference, &signs, limits);
        }
    }
    if !has_tokens(workload) {
        return KindVerdict::unknown(
            "its requests carry no token counts; the config can declare it",
        );
    }
    let mut signs = Vec::new();
    if let Some(active) = features.active_hours_per_day
        && active >= limits.real_time_active_hours
    {
        signs.push(format!("requests with tokens arrive in {} hours a day", number(active)));
    }
    if let Some(cv) = features.interarrival_cv
        && cv >= limits.real_time_interarrival_cv
        && features.active_hours_per_day.is_none_or(|it| it >= limits.rule_payg_hours)
    {
        signs.push(format!("their gaps are irregular (coefficient of variation {})", number(cv)));
    }
    if signs.is_empty() {
        KindVerdict::unknown("users and jobs can both send requests in so few hours or so evenly")
    } else {
        KindVerdict::inferred(Kind::RealTimeInference, &signs, limits)
    }
}

/// Training and fine-tuning: GPUs in use in runs that start and stop at no fixed hour, active GPUs
/// where that was measured. A level that never stops, or stops by the clock, may be anything.
fn of_level(
    workload: &Workload,
    hourly: &HourlySeries,
    limits: &Classify,
    zone: Tz,
) -> KindVerdict {
    let runs = runs_of_use(hourly);
    let Some(longest) = runs.iter().copied().max() else {
        return KindVerdict::unknown("no GPU was in use");
    };
    let stops = hourly.values.iter().flatten().any(|gpus| *gpus <= 0.0);
    if !stops || hourly.spread {
        return KindVerdict::unknown(
            "only GPU-hours were measured and they never stop; training and serving look alike",
        );
    }
    if repeats_daily(hourly, limits, zone) {
        return KindVerdict::unknown(
            "only GPU-hours were measured and they follow the time of day",
        );
    }
    let active = workload.totals.gpu_util;
    if active.is_some_and(|active| active.get() < limits.rule_healthy_gpu_active) {
        return KindVerdict::unknown(
            "only GPU-hours were measured, and the GPUs are not active enough for training",
        );
    }
    let hours = longest as f64;
    let is_training = hours >= limits.training_run_hours;
    let kind = if is_training { Kind::Training } else { Kind::FineTuning };
    let plural = if runs.len() == 1 { "" } else { "s" };
    let longest = span(hours * 3600.0);
    let mut signs =
        vec![format!("{} run{plural} of GPUs without requests, the longest {longest}", runs.len())];
    if let Some(active) = active {
        signs.push(format!("the GPUs are {} % active", number(active.percent())));
    }
    KindVerdict::inferred(kind, &signs, limits)
}

fn repeats_daily(hourly: &HourlySeries, limits: &Classify, zone: Tz) -> bool {
    let strength = Rhythm::of(hourly, zone).and_then(|it| it.day_strength);
    strength.is_some_and(|it| it >= limits.diurnal_strength)
}

fn has_tokens(workload: &Workload) -> bool {
    let in_log = matches!(&workload.demand, Demand::Arrivals(trace) if !trace.tokens.is_empty());
    let totals = &workload.totals;
    in_log || [totals.prompt_tokens, totals.completion_tokens].iter().flatten().any(|it| *it > 0)
}

/// Least number of hours of the day (over all days) that hold 90 % of the demand.
fn hours_of_day_holding_90_percent(hourly: &HourlySeries, zone: Tz) -> Option<usize> {
    if hourly.spread {
        return None;
    }
    let mut by_hour = [0.0; 24];
    for (at, value) in hourly.values.iter().enumerate() {
        let clock = calendar::hour_and_weekday(zone, hourly.hour_start(at).us());
        by_hour[clock?.0] += value.unwrap_or(0.0);
    }
    super::features::hours_holding_90_percent(&mut by_hour)
}

/// Lengths in hours of the runs of hours with demand; an hour nobody measured ends a run.
fn runs_of_use(hourly: &HourlySeries) -> Vec<usize> {
    let in_use = |value: &Option<f64>| value.is_some_and(|gpus| gpus > 0.0);
    hourly.values.split(|value| !in_use(value)).map(<[_]>::len).filter(|len| *len > 0).collect()
}
