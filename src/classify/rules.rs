//! The class of a workload: rules over its statistics, each with the numbers that decided.

use super::evidence::{number, span};
use super::features::Features;
use super::hourly::HourlySeries;
use super::kind::{KindVerdict, kind};
use crate::catalog::Classify;
use crate::units::Fraction;
use crate::workload::{Demand, Direction, Shape, Workload, WorkloadClass};

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
/// 3. diurnal: repeats at 24 hours, by the hour of the day, and its days have a night;
/// 4. sporadic: active in few hours a day;
/// 5. bursty: a peak hour far above the mean, and more than chance;
/// 6. steady, or sporadic where it is in use less than half of the time.
///
/// A declared kind wins over an inferred one. The confidence is the lower of shape and kind.
/// `features` and `hourly` are those of the workload's demand, over the window it was recorded in.
pub fn classify(
    workload: &Workload,
    features: &Features,
    hourly: &HourlySeries,
    thresholds: &Classify,
) -> WorkloadClass {
    let shape = shape(workload, features, hourly, thresholds);
    let KindVerdict { kind, evidence: kind_evidence, confidence: kind_confidence } =
        kind(workload, features, hourly, thresholds);
    let direction = match shape.shape {
        Shape::Idle | Shape::Unknown => None,
        _ => direction(features, thresholds),
    };
    let days = match &workload.demand {
        Demand::Unknown => workload.window.hours() / 24.0,
        Demand::Arrivals(_) | Demand::Counts(_) | Demand::Level(_) => features.span_s / 86_400.0,
    };
    let weight = (days / thresholds.confidence_days).clamp(0.0, 1.0) * shape.clearness;
    let range = thresholds.confidence_ceiling - thresholds.confidence_floor;
    let confidence = thresholds.confidence_floor + range * weight;
    let confidence = kind_confidence.map_or(confidence, |it| it.min(confidence));
    let mut evidence = shape.evidence;
    evidence.extend(direction.and_then(|it| trend_sentence(it, features)));
    evidence.push(kind_evidence);
    WorkloadClass {
        shape: shape.shape,
        direction,
        kind,
        evidence,
        confidence: Fraction::try_from(confidence).unwrap_or(Fraction::ZERO),
        rule_of_thumb: rule_sentence(shape.shape, features, thresholds),
    }
}

fn shape(
    workload: &Workload,
    features: &Features,
    hourly: &HourlySeries,
    limits: &Classify,
) -> ShapeVerdict {
    if let Some(idle) = idle(workload, features) {
        return idle;
    }
    match &workload.demand {
        Demand::Unknown => {
            let why = "Only its cost was measured: no requests and no GPUs in use.";
            return ShapeVerdict::new(Shape::Unknown, 0.0, vec![why.to_owned()]);
        }
        Demand::Arrivals(_) | Demand::Counts(_) if features.n == 0 => {
            let why = "It had no request, and no bill says that it was paid for.";
            return ShapeVerdict::new(Shape::Unknown, 0.0, vec![why.to_owned()]);
        }
        Demand::Arrivals(_) | Demand::Counts(_) | Demand::Level(_) => {}
    }
    match (features.active_hours_per_day, features.peak_to_mean_1h) {
        (Some(active), Some(peak)) => {
            let cycle = DailyCycle::of(features, hourly, limits);
            by_day(
                &Day { active, peak, h90: features.h90.unwrap_or(24.0), cycle },
                features,
                limits,
            )
        }
        _ => too_short(features, limits),
    }
}

/// Paid for and not used, or measured as not used.
fn idle(workload: &Workload, features: &Features) -> Option<ShapeVerdict> {
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
    let why = if no_request && paid {
        let hours =
            totals.gpu_hours.map_or(String::new(), |it| format!(" for {} GPU-hours", number(it)));
        format!("Paid{hours} and not one request in {window}.")
    } else if features.max == Some(0.0) {
        format!("No GPU was in use in {window}.")
    } else if features.n_requests(workload) == 0 && totals.gpu_util == Some(Fraction::ZERO) {
        format!("The GPUs were measured and never active in {window}.")
    } else {
        return None;
    };
    Some(ShapeVerdict::new(Shape::Idle, 1.0, vec![why]))
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

/// Whether demand repeats by the day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum DailyCycle {
    /// Too few days to say.
    NotKnown,
    /// It does not; how clear that is.
    No { acf: f64, clearness: f64 },
    /// It does; how clear that is.
    Yes { acf: f64, clearness: f64 },
}

impl DailyCycle {
    /// Repeats when the autocorrelation at 24 hours is high *and* the hour of the day explains
    /// part of it: a run of some days has the first without the second.
    pub(super) fn of(features: &Features, hourly: &HourlySeries, limits: &Classify) -> DailyCycle {
        let Some(acf) = features.acf_24h else { return DailyCycle::NotKnown };
        let share = hourly.share_explained_by_hour().unwrap_or(0.0);
        let by_acf = clear(acf, limits.diurnal_acf_24h, limits);
        let by_share = clear(share, limits.diurnal_hour_share, limits);
        let (high, explained) = (acf >= limits.diurnal_acf_24h, share >= limits.diurnal_hour_share);
        match (high, explained) {
            (true, true) => DailyCycle::Yes { acf, clearness: by_acf.min(by_share) },
            (true, false) => DailyCycle::No { acf, clearness: by_share },
            (false, true) => DailyCycle::No { acf, clearness: by_acf },
            (false, false) => DailyCycle::No { acf, clearness: by_acf.max(by_share) },
        }
    }
}

/// Distance from a limit: 0 at it, 1 from `confidence_margin` of it on.
fn clear(value: f64, limit: f64, limits: &Classify) -> f64 {
    ((value - limit).abs() / (limits.confidence_margin * limit)).clamp(0.0, 1.0)
}

/// What a full day looks like.
struct Day {
    active: f64,
    peak: f64,
    h90: f64,
    cycle: DailyCycle,
}

/// The shape of demand known for at least one full day.
fn by_day(day: &Day, features: &Features, limits: &Classify) -> ShapeVerdict {
    let active_hours = format!("Active in {} of 24 hours a day.", number(day.active));
    let peak_hour =
        format!("The busiest hour has {} times the demand of the mean hour.", number(day.peak));
    let night = format!("{} hours hold 90 % of a day.", number(day.h90));
    let is_sporadic = day.active < limits.sporadic_active_hours;
    let (is_diurnal, diurnal_clear, repeats) = match day.cycle {
        DailyCycle::Yes { acf, clearness } => {
            let clearness = clearness.min(clear(day.h90, limits.diurnal_h90_repeating, limits));
            let sentence =
                format!("Repeats by the day: autocorrelation {} at 24 hours.", number(acf));
            (day.h90 <= limits.diurnal_h90_repeating, clearness, Some(sentence))
        }
        DailyCycle::No { acf, clearness } => {
            let sentence =
                format!("Does not repeat by the day: autocorrelation {} at 24 hours.", number(acf));
            // A run has a high one too; then the number would not support the sentence.
            (false, clearness, (acf < limits.diurnal_acf_24h).then_some(sentence))
        }
        // A few active hours of one day are no sign that they come again.
        DailyCycle::NotKnown => {
            let is_diurnal = day.h90 <= limits.diurnal_h90 && !is_sporadic;
            (is_diurnal, clear(day.h90, limits.diurnal_h90, limits), None)
        }
    };
    if is_diurnal {
        let sentences = repeats.into_iter().chain([night, peak_hour]).collect();
        return ShapeVerdict::new(Shape::Diurnal, diurnal_clear, sentences);
    }
    if is_sporadic {
        let clearness = clear(day.active, limits.sporadic_active_hours, limits);
        return ShapeVerdict::new(Shape::Sporadic, clearness, vec![active_hours, peak_hour]);
    }
    let clearness = diurnal_clear.min(clear(day.peak, limits.bursty_peak_to_mean_1h, limits));
    let more_than_chance = features.idc_1h.is_none_or(|idc| idc > limits.bursty_idc_1h);
    if day.peak > limits.bursty_peak_to_mean_1h && more_than_chance {
        let dispersion = features.idc_1h.map(|idc| {
            format!("Requests per hour vary {} times as much as independent ones.", number(idc))
        });
        let sentences = [Some(peak_hour), dispersion, repeats].into_iter().flatten().collect();
        return ShapeVerdict::new(Shape::Bursty, clearness, sentences);
    }
    let clearness = clearness.min(clear(day.active, limits.steady_active_hours, limits));
    if day.active < limits.steady_active_hours {
        return ShapeVerdict::new(Shape::Sporadic, clearness, vec![active_hours, peak_hour]);
    }
    let sentences = [Some(peak_hour), Some(active_hours), Some(night), repeats];
    ShapeVerdict::new(Shape::Steady, clearness, sentences.into_iter().flatten().collect())
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
    let shape = if peak > limits.bursty_peak_to_mean_1h { Shape::Bursty } else { Shape::Steady };
    ShapeVerdict::new(shape, 0.0, vec![short, sentence])
}

fn direction(features: &Features, limits: &Classify) -> Option<Direction> {
    let trend = features.trend_per_30d?;
    Some(if trend.value >= limits.trend_per_30d && trend.low > 0.0 {
        Direction::Growing
    } else if trend.value <= -limits.trend_per_30d && trend.high < 0.0 {
        Direction::Declining
    } else {
        Direction::Flat
    })
}

fn trend_sentence(direction: Direction, features: &Features) -> Option<String> {
    let trend = features.trend_per_30d?;
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

/// The rule of thumb applied to busy hours a day: bursty demand serverless, under 4 hours pay as
/// you go, over 8 reserved, either between. 9 busy hours of a diurnal workload: reserved.
pub fn rule_of_thumb(shape: Shape, features: &Features, limits: &Classify) -> Option<RuleOfThumb> {
    match shape {
        Shape::Idle | Shape::Unknown => None,
        Shape::Bursty => Some(RuleOfThumb::Serverless),
        Shape::Sporadic | Shape::Diurnal | Shape::Steady => {
            let busy = features.busy_hours_per_day?;
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

fn rule_sentence(shape: Shape, features: &Features, limits: &Classify) -> String {
    let busy = features.busy_hours_per_day.map_or(String::new(), number);
    let (under, over) = (number(limits.rule_payg_hours), number(limits.rule_reserved_hours));
    match rule_of_thumb(shape, features, limits) {
        Some(RuleOfThumb::Serverless) => {
            "The rule of thumb: bursty demand, so serverless.".to_owned()
        }
        Some(RuleOfThumb::PayAsYouGo) => {
            format!(
                "The rule of thumb: {busy} busy hours a day is under {under}, so pay as you go."
            )
        }
        Some(RuleOfThumb::Either) => format!(
            "The rule of thumb: {busy} busy hours a day is between {under} and {over}, so either pay as you go or reserved."
        ),
        Some(RuleOfThumb::Reserved) => {
            format!("The rule of thumb: {busy} busy hours a day is over {over}, so reserved.")
        }
        None if shape == Shape::Idle => {
            "The rule of thumb does not apply: nothing was in use.".to_owned()
        }
        None => "The rule of thumb does not apply: busy hours a day are not known.".to_owned(),
    }
}

#[cfg(test)]
mod tests;
