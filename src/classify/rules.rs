//! The class of a workload: rules over its statistics, each with the numbers that decided.

use chrono_tz::Tz;

use super::bins::HOUR_US;
use super::changes::Changes;
use super::evidence::{number, span};
use super::features::Features;
use super::hourly::HourlySeries;
use super::kind::{KindVerdict, kind};
use super::rhythm::Rhythm;
use crate::catalog::Classify;
use crate::units::Fraction;
use crate::workload::{ActivityBin, Demand, Direction, Shape, Workload, WorkloadClass};

/// What the rule of thumb says to buy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleOfThumb {
    /// Few busy hours a day.
    PayAsYouGo,
    /// Between the two limits.
    Either,
    /// Many busy hours a day.
    Reserved,
    /// Bursty demand, however many hours.
    Serverless,
}

/// A shape with its reasons.
struct ShapeVerdict {
    shape: Shape,
    /// Sentences, the strongest first.
    evidence: Vec<String>,
    /// How clear the rules were, 0 at a threshold to 1.
    clearness: f64,
}

impl ShapeVerdict {
    fn new(shape: Shape, clearness: f64, evidence: Vec<String>) -> ShapeVerdict {
        ShapeVerdict { shape, evidence, clearness }
    }
}

/// The class of a workload. The shape is the first of these that holds:
/// 1. idle: paid for without a request in the window, no GPU in use, or no GPU active;
/// 2. a window without a full day: bursty or steady by its minutes, at the lowest confidence;
/// 3. diurnal: the hour of the day explains much of how it varies, and its days have a quiet part;
/// 4. sporadic: in use less than half of the time, or a day's demand in few hours;
/// 5. bursty: hours vary much about the level of their day, or rare peaks carry much of the demand,
///    and more than chance explains;
/// 6. steady.
///
/// A declared kind wins over an inferred one. The confidence is the lower of shape and kind.
/// Statistics, hours and changes are those of the workload's demand, over the window it was recorded
/// in.
/// The rule of thumb takes the hours a day that some replica is busy, and those of the demand where
/// they are not known.
pub fn classify(
    workload: &Workload,
    (features, hourly, changes): (&Features, &HourlySeries, &Changes),
    thresholds: &Classify,
    (replica_busy_hours, zone): (Option<f64>, Tz),
) -> WorkloadClass {
    let shape = shape(workload, (features, hourly), thresholds, zone);
    let KindVerdict { kind, evidence: kind_evidence, confidence: kind_confidence } =
        kind(workload, (features, hourly), thresholds, zone);
    let direction = match shape.shape {
        Shape::Idle | Shape::Unknown => None,
        _ => direction(changes, thresholds),
    };
    let days = match &*workload.seen() {
        Demand::Unknown => workload.window.hours() / 24.0,
        Demand::Arrivals(_) | Demand::Counts(_) | Demand::Level(_) => features.span_s / 86_400.0,
    };
    let weight = (days / thresholds.confidence_days).clamp(0.0, 1.0) * shape.clearness;
    let range = thresholds.confidence_ceiling - thresholds.confidence_floor;
    let confidence = thresholds.confidence_floor + range * weight;
    let confidence = kind_confidence.map_or(confidence, |it| it.min(confidence));
    let mut evidence = shape.evidence;
    evidence.extend(changes.all.last().map(|it| it.words(zone)));
    evidence.extend(direction.and_then(|it| trend_sentence(it, changes)));
    evidence.push(kind_evidence);
    let of_demand = BusyHours::OfDemand(features.busy_hours_per_day);
    let busy = replica_busy_hours.map_or(of_demand, BusyHours::OfAnyReplica);
    WorkloadClass {
        shape: shape.shape,
        direction,
        kind,
        evidence,
        confidence: Fraction::try_from(confidence).unwrap_or(Fraction::ZERO),
        replica_busy_hours_per_day: replica_busy_hours,
        rule_of_thumb: rule_sentence(shape.shape, busy, thresholds),
    }
}

fn shape(
    workload: &Workload,
    (features, hourly): (&Features, &HourlySeries),
    limits: &Classify,
    zone: Tz,
) -> ShapeVerdict {
    if let Some(idle) = idle(workload, features, limits) {
        return idle;
    }
    match &*workload.seen() {
        Demand::Unknown => {
            let why = "Only its cost was measured: no requests and no GPUs in use.";
            return ShapeVerdict::new(Shape::Unknown, 0.0, vec![why.to_owned()]);
        }
        Demand::Arrivals(_) | Demand::Counts(_) if features.n == 0 => {
            let why = match busiest_hour_active(&workload.activity) {
                Some(active) => format!(
                    "No request was counted, and its GPUs were active up to {} % of an hour: the count misses what runs there.",
                    number(active * 100.0)
                ),
                None => "It had no request, and no bill says that it was paid for.".to_owned(),
            };
            return ShapeVerdict::new(Shape::Unknown, 0.0, vec![why]);
        }
        Demand::Arrivals(_) | Demand::Counts(_) | Demand::Level(_) => {}
    }
    match (features.active_hours_per_day, features.peak_to_mean_1h) {
        (Some(active), Some(peak)) => {
            let days = Days {
                active,
                peak,
                h90: features.h90.unwrap_or(24.0),
                idc: features.idc_1h,
                rhythm: Rhythm::of(hourly, zone).unwrap_or_default(),
            };
            by_day(&days, limits)
        }
        _ => too_short(features, limits),
    }
}

/// Paid for and not used, or measured as not used.
fn idle(workload: &Workload, features: &Features, limits: &Classify) -> Option<ShapeVerdict> {
    let totals = &workload.totals;
    let costs = [totals.billed_cost, totals.effective_cost];
    let paid = costs.iter().flatten().any(|cost| cost.to_f64() > 0.0)
        || totals.gpu_hours.is_some_and(|hours| hours > 0.0);
    let no_request = match &workload.demand {
        Demand::Counts(series) => !series.bins.is_empty() && features.n == 0,
        Demand::Arrivals(_) => features.n == 0 && totals.requests == Some(0),
        Demand::Level(_) | Demand::Unknown => totals.requests == Some(0),
    };
    let window = span(workload.window.hours() * 3600.0);
    let busiest = busiest_hour_active(&workload.activity);
    let works = busiest.is_some_and(|it| it >= limits.idle_gpu_active);
    let why = if no_request && paid && !works {
        let hours =
            totals.gpu_hours.map_or(String::new(), |it| format!(" for {} GPU-hours", number(it)));
        format!("Paid{hours} and not one request in {window}.")
    } else if features.max == Some(0.0) {
        format!("No GPU was in use in {window}.")
    } else {
        let inactive = busiest.filter(|_| !works && features.n_requests(workload) == 0)?;
        let most = number(inactive * 100.0);
        format!("The GPUs were active at most {most} % of any hour measured in {window}.")
    };
    Some(ShapeVerdict::new(Shape::Idle, 1.0, vec![why]))
}

/// Share of time the GPUs were active in their busiest hour; nothing where nobody measured.
fn busiest_hour_active(activity: &[ActivityBin]) -> Option<f64> {
    let hour = |it: &ActivityBin| it.period.start().us().div_euclid(HOUR_US);
    let hours = activity.chunk_by(|a, b| hour(a) == hour(b)).filter_map(|bins| {
        let sum = |of: &dyn Fn(&ActivityBin) -> f64| -> f64 {
            bins.iter().map(|it| of(it) * it.period.hours()).sum()
        };
        let measured = sum(&|it| it.gpus);
        (measured > 0.0).then(|| sum(&|it| it.active) / measured)
    });
    hours.reduce(f64::max)
}

impl Features {
    /// Requests, where the demand counts them.
    fn n_requests(&self, workload: &Workload) -> u64 {
        match workload.demand {
            Demand::Arrivals(_) | Demand::Counts(_) => self.n,
            Demand::Level(_) | Demand::Unknown => workload.totals.requests.unwrap_or(0),
        }
    }
}

/// Distance from a limit: 0 at it, 1 from `confidence_margin` of it on.
fn clear(value: f64, limit: f64, limits: &Classify) -> f64 {
    ((value - limit).abs() / (limits.confidence_margin * limit)).clamp(0.0, 1.0)
}

/// What the full days look like.
struct Days {
    active: f64,
    peak: f64,
    h90: f64,
    idc: Option<f64>,
    rhythm: Rhythm,
}

/// The shape of demand known for at least one full day.
fn by_day(days: &Days, limits: &Classify) -> ShapeVerdict {
    let peak_hour =
        format!("The busiest hour has {} times the demand of the mean hour.", number(days.peak));
    let night = format!("{} hours hold 90 % of a day.", number(days.h90));
    let (is_diurnal, diurnal_clear) = diurnal(days, limits);
    if is_diurnal {
        let repeats = days.rhythm.day_strength.map(|it| {
            format!("The hour of the day explains {} % of how demand varies.", number(it * 100.0))
        });
        let sentences = repeats.into_iter().chain([night, peak_hour]).collect();
        return ShapeVerdict::new(Shape::Diurnal, diurnal_clear, sentences);
    }
    let by_hours = clear(days.active, limits.sporadic_active_hours, limits);
    let by_load = clear(days.h90, limits.sporadic_h90, limits);
    let few_hours = days.active < limits.sporadic_active_hours;
    if few_hours || days.h90 <= limits.sporadic_h90 {
        let clearness = if few_hours { by_hours } else { by_load };
        let active_hours = format!("Active in {} of 24 hours a day.", number(days.active));
        let sentences = vec![active_hours, night, peak_hour];
        return ShapeVerdict::new(Shape::Sporadic, clearness.min(diurnal_clear), sentences);
    }
    let clearness = diurnal_clear.min(by_hours).min(by_load);
    lively_or_steady(days, clearness, limits)
}

/// Repeats by the day, with a quiet part of it; and how clear that is.
fn diurnal(days: &Days, limits: &Classify) -> (bool, f64) {
    let Some(strength) = days.rhythm.day_strength else {
        // A few active hours of one day are no sign that they come again.
        let many_hours = days.active >= limits.sporadic_active_hours;
        let clearness = clear(days.h90, limits.diurnal_h90, limits);
        return (many_hours && days.h90 <= limits.diurnal_h90, clearness);
    };
    let repeats = strength >= limits.diurnal_strength;
    let quiet = days.h90 <= limits.diurnal_h90_repeating;
    let by_strength = clear(strength, limits.diurnal_strength, limits);
    let by_night = clear(days.h90, limits.diurnal_h90_repeating, limits);
    match (repeats, quiet) {
        (true, true) => (true, by_strength.min(by_night)),
        (true, false) => (false, by_night),
        (false, true) => (false, by_strength),
        (false, false) => (false, by_strength.max(by_night)),
    }
}

/// Bursty where hours vary much about the level of their day, or rare peaks carry much of the
/// demand, and chance does not explain it; else steady.
fn lively_or_steady(days: &Days, clearness: f64, limits: &Classify) -> ShapeVerdict {
    let Rhythm { variation, peak_share, .. } = days.rhythm;
    let by_variation = clear(variation, limits.bursty_variation, limits);
    let by_peaks = clear(peak_share, limits.bursty_peak_share, limits);
    let more_than_chance = days.idc.is_none_or(|idc| idc > limits.bursty_idc_1h);
    let varies = format!(
        "Hours vary by {} % of the mean about the level of their day.",
        number(variation * 100.0)
    );
    let peaks = format!(
        "Peaks above the usual, in a twentieth of the hours, carry {} % of the demand.",
        number(peak_share * 100.0)
    );
    let (is_lively, has_peaks) =
        (variation > limits.bursty_variation, peak_share > limits.bursty_peak_share);
    if more_than_chance && (is_lively || has_peaks) {
        let dispersion = days.idc.map(|idc| {
            format!("Requests per hour vary {} times as much as independent ones.", number(idc))
        });
        let by_rule = if is_lively { by_variation } else { by_peaks };
        let first = if is_lively { [varies, peaks] } else { [peaks, varies] };
        let sentences = first.into_iter().chain(dispersion).collect();
        return ShapeVerdict::new(Shape::Bursty, clearness.min(by_rule), sentences);
    }
    let clearness = clearness.min(by_variation).min(by_peaks);
    let active_hours = format!("Active in {} of 24 hours a day.", number(days.active));
    ShapeVerdict::new(Shape::Steady, clearness, vec![varies, active_hours])
}

/// The shape of less than one full day: what its minutes say.
fn too_short(features: &Features, limits: &Classify) -> ShapeVerdict {
    let short =
        format!("{} of data: too short or too coarse for daily statistics.", span(features.span_s));
    let peaks = [
        (features.peak_to_mean_1h, "hour"),
        (features.peak_to_mean_10m, "ten minutes"),
        (features.peak_to_mean_1m, "minute"),
    ];
    let Some((peak, window)) = peaks.into_iter().find_map(|(peak, name)| Some((peak?, name)))
    else {
        return ShapeVerdict::new(Shape::Unknown, 0.0, vec![short]);
    };
    let sentence =
        format!("Within them the busiest {window} has {} times the mean demand.", number(peak));
    let shape = if peak > limits.bursty_peak_to_mean { Shape::Bursty } else { Shape::Steady };
    ShapeVerdict::new(shape, 0.0, vec![short, sentence])
}

/// Where demand goes since it last changed for good: a launch is no growth.
fn direction(changes: &Changes, limits: &Classify) -> Option<Direction> {
    let trend = changes.trend_since_change?;
    Some(if trend.value >= limits.trend_per_30d && trend.low > 0.0 {
        Direction::Growing
    } else if trend.value <= -limits.trend_per_30d && trend.high < 0.0 {
        Direction::Declining
    } else {
        Direction::Flat
    })
}

fn trend_sentence(direction: Direction, changes: &Changes) -> Option<String> {
    let trend = changes.trend_since_change?;
    let word = match direction {
        Direction::Growing => "Growing",
        Direction::Declining => "Declining",
        Direction::Flat => return None,
    };
    let [value, low, high] = [trend.value, trend.low, trend.high].map(|it| number(it * 100.0));
    Some(format!(
        "{word}: the trend is {value} % of the mean day per 30 days (95 % interval {low} to {high} %)."
    ))
}

/// Busy hours a day, and whose.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BusyHours {
    /// Of the mean replica of a fleet: what is rented.
    OfReplica(f64),
    /// Hours in which at least one replica was busy.
    OfAnyReplica(f64),
    /// Of the demand: hours with at least a tenth of its peak hour; nothing without a full day.
    OfDemand(Option<f64>),
}

/// The rule of thumb applied to busy hours a day: bursty demand serverless, under 4 hours pay as
/// you go, over 8 reserved, either between. 9 busy hours of a diurnal workload: reserved.
pub fn rule_of_thumb(shape: Shape, busy: Option<f64>, limits: &Classify) -> Option<RuleOfThumb> {
    match shape {
        Shape::Idle | Shape::Unknown => None,
        Shape::Bursty => Some(RuleOfThumb::Serverless),
        Shape::Sporadic | Shape::Diurnal | Shape::Steady => {
            let busy = busy?;
            Some(if busy < limits.rule_payg_hours {
                RuleOfThumb::PayAsYouGo
            } else if busy > limits.rule_reserved_hours {
                RuleOfThumb::Reserved
            } else {
                RuleOfThumb::Either
            })
        }
    }
}

/// The rule of thumb with the hours it was applied to.
pub fn rule_sentence(shape: Shape, busy: BusyHours, limits: &Classify) -> String {
    let (hours, subject) = match busy {
        BusyHours::OfReplica(hours) => {
            (Some(hours), format!("a replica is busy {hours:.1} hours a day, which"))
        }
        BusyHours::OfAnyReplica(hours) => {
            (Some(hours), format!("at least one replica is busy {hours:.1} hours a day, which"))
        }
        BusyHours::OfDemand(hours) => {
            (hours, format!("{} busy hours a day", hours.map_or(String::new(), number)))
        }
    };
    let (under, over) = (number(limits.rule_payg_hours), number(limits.rule_reserved_hours));
    let verdict = match rule_of_thumb(shape, hours, limits) {
        Some(RuleOfThumb::Serverless) => {
            return "The rule of thumb: bursty demand, so serverless.".to_owned();
        }
        Some(RuleOfThumb::PayAsYouGo) => format!("is under {under}, so pay as you go"),
        Some(RuleOfThumb::Either) => {
            format!("is between {under} and {over}, so either pay as you go or reserved")
        }
        Some(RuleOfThumb::Reserved) => format!("is over {over}, so reserved"),
        None if shape == Shape::Idle => {
            return "The rule of thumb does not apply: nothing was in use.".to_owned();
        }
        None => {
            return "The rule of thumb does not apply: busy hours a day are not known.".to_owned();
        }
    };
    format!("The rule of thumb: {subject} {verdict}.")
}

#[cfg(test)]
mod tests;
