//! The scaling rules of a `[[platform]]` table: what is written, else the published value, checked.

use serde::Deserialize;
use toml::Spanned;

use super::error::CatalogError;
use super::file::PricingFile;
use super::scaler::{
    ConcurrencyRule, HorizontalRule, InFlightRule, ScalerRule, StepMetric, StepwiseRule,
};
use crate::units::whole_us;

/// Longest time of a rule: a leap year.
const LONGEST_S: f64 = 366.0 * 86_400.0;
/// Published threshold of `queue_delay`, seconds.
const QUEUE_DELAY_S: f64 = 4.0;
/// Published value of `request_count`.
const REQUEST_COUNT: u32 = 4;
/// Published target of `concurrency`, of which 70 % are aimed at.
const CONCURRENCY: f64 = 100.0;
/// Published target of `in_flight`, and the share of it that is aimed at.
const IN_FLIGHT: (f64, f64) = (1.0, 0.7);

#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum RawScaler {
    QueueDelay { threshold_s: Option<f64> },
    RequestCount { value: Option<u32> },
    Concurrency(RawConcurrency),
    InFlight(RawInFlight),
    Horizontal(RawHorizontal),
    Stepwise(RawStepwise),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawConcurrency {
    concurrency: Option<f64>,
    utilization: Option<f64>,
    interval_s: Option<f64>,
    stable_window_s: Option<f64>,
    panic_window_s: Option<f64>,
    panic_threshold: Option<f64>,
    max_scale_up_rate: Option<f64>,
    max_scale_down_rate: Option<f64>,
    scale_to_zero_grace_s: Option<f64>,
    scale_down_delay_s: Option<f64>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawInFlight {
    concurrency: Option<f64>,
    utilization: Option<f64>,
    interval_s: Option<f64>,
    window_s: Option<f64>,
    scale_down_delay_s: Option<f64>,
    scale_down_share: Option<f64>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawHorizontal {
    target: f64,
    interval_s: Option<f64>,
    tolerance: Option<f64>,
    stabilization_s: Option<f64>,
    polling_s: Option<f64>,
    cooldown_s: Option<f64>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawStepwise {
    metric: StepMetric,
    threshold: Option<f64>,
    window_s: Option<f64>,
    interval_s: Option<f64>,
    up_every_s: Option<f64>,
    down_every_s: Option<f64>,
    stabilization_s: Option<f64>,
    to_zero_after_s: Option<f64>,
}

/// The rule a table describes.
pub(super) fn check(
    file: &PricingFile<'_>,
    row: &Spanned<RawScaler>,
) -> Result<ScalerRule, CatalogError> {
    let checks = Checks { file: *file, start: row.span().start };
    let rule = match row.get_ref() {
        RawScaler::QueueDelay { threshold_s } => ScalerRule::QueueDelay {
            threshold_us: checks.time("threshold_s", *threshold_s, whole_us(QUEUE_DELAY_S))?,
        },
        RawScaler::RequestCount { value } => {
            let requests = value.unwrap_or(REQUEST_COUNT);
            checks.positive("value", f64::from(requests))?;
            ScalerRule::RequestCount { requests }
        }
        RawScaler::Concurrency(raw) => ScalerRule::Concurrency(concurrency(&checks, raw)?),
        RawScaler::InFlight(raw) => ScalerRule::InFlight(in_flight(&checks, raw)?),
        RawScaler::Horizontal(raw) => ScalerRule::Horizontal(horizontal(&checks, raw)?),
        RawScaler::Stepwise(raw) => ScalerRule::Stepwise(stepwise(&checks, raw)?),
    };
    match rule.interval_us() {
        Some(us) if rule.is_too_fast() => {
            Err(checks.refuse("interval_s", seconds(us), "at least 0.1 seconds"))
        }
        _ => Ok(rule),
    }
}

fn concurrency(checks: &Checks<'_>, raw: &RawConcurrency) -> Result<ConcurrencyRule, CatalogError> {
    let most = checks.positive("concurrency", raw.concurrency.unwrap_or(CONCURRENCY))?;
    let published = ConcurrencyRule::published(most);
    let rule = ConcurrencyRule {
        target: match raw.utilization {
            Some(share) => most * checks.share("utilization", share)?,
            None => published.target,
        },
        interval_us: checks.time("interval_s", raw.interval_s, published.interval_us)?,
        stable_window_us: checks.time(
            "stable_window_s",
            raw.stable_window_s,
            published.stable_window_us,
        )?,
        panic_window_us: checks.time(
            "panic_window_s",
            raw.panic_window_s,
            published.panic_window_us,
        )?,
        panic_threshold: checks.factor(
            "panic_threshold",
            raw.panic_threshold,
            published.panic_threshold,
        )?,
        max_scale_up_rate: checks.factor(
            "max_scale_up_rate",
            raw.max_scale_up_rate,
            published.max_scale_up_rate,
        )?,
        max_scale_down_rate: checks.factor(
            "max_scale_down_rate",
            raw.max_scale_down_rate,
            published.max_scale_down_rate,
        )?,
        scale_to_zero_grace_us: checks.time_or_none(
            "scale_to_zero_grace_s",
            raw.scale_to_zero_grace_s,
            published.scale_to_zero_grace_us,
        )?,
        scale_down_delay_us: checks.time_or_none(
            "scale_down_delay_s",
            raw.scale_down_delay_s,
            published.scale_down_delay_us,
        )?,
    };
    if rule.panic_window_us > rule.stable_window_us {
        let found = seconds(rule.panic_window_us);
        return Err(checks.refuse("panic_window_s", found, "at most `stable_window_s`"));
    }
    Ok(rule)
}

fn in_flight(checks: &Checks<'_>, raw: &RawInFlight) -> Result<InFlightRule, CatalogError> {
    let most = checks.positive("concurrency", raw.concurrency.unwrap_or(IN_FLIGHT.0))?;
    let share = checks.share("utilization", raw.utilization.unwrap_or(IN_FLIGHT.1))?;
    let published = InFlightRule::published(most * share);
    Ok(InFlightRule {
        target: published.target,
        interval_us: checks.time("interval_s", raw.interval_s, published.interval_us)?,
        window_us: checks.time("window_s", raw.window_s, published.window_us)?,
        scale_down_delay_us: checks.time_or_none(
            "scale_down_delay_s",
            raw.scale_down_delay_s,
            published.scale_down_delay_us,
        )?,
        scale_down_share: checks.share(
            "scale_down_share",
            raw.scale_down_share.unwrap_or(published.scale_down_share),
        )?,
    })
}

fn horizontal(checks: &Checks<'_>, raw: &RawHorizontal) -> Result<HorizontalRule, CatalogError> {
    let published = HorizontalRule::published(checks.positive("target", raw.target)?);
    let tolerance = raw.tolerance.unwrap_or(published.tolerance);
    if !(0.0..1.0).contains(&tolerance) {
        return Err(checks.refuse("tolerance", tolerance, "from 0 to less than 1"));
    }
    let rule = HorizontalRule {
        target: published.target,
        interval_us: checks.time("interval_s", raw.interval_s, published.interval_us)?,
        tolerance,
        stabilization_us: checks.time_or_none(
            "stabilization_s",
            raw.stabilization_s,
            published.stabilization_us,
        )?,
        polling_us: checks.time("polling_s", raw.polling_s, published.polling_us)?,
        cooldown_us: checks.time_or_none("cooldown_s", raw.cooldown_s, published.cooldown_us)?,
    };
    checks.multiple("polling_s", rule.polling_us, rule.interval_us)?;
    Ok(rule)
}

fn stepwise(checks: &Checks<'_>, raw: &RawStepwise) -> Result<StepwiseRule, CatalogError> {
    let published = StepwiseRule::published(raw.metric);
    let threshold = raw.threshold.unwrap_or(published.threshold);
    let rule = StepwiseRule {
        metric: raw.metric,
        threshold: match raw.metric {
            StepMetric::BusyShare => checks.share("threshold", threshold)?,
            StepMetric::Pending => checks.positive("threshold", threshold)?,
        },
        window_us: checks.time("window_s", raw.window_s, published.window_us)?,
        interval_us: checks.time("interval_s", raw.interval_s, published.interval_us)?,
        up_every_us: checks.time("up_every_s", raw.up_every_s, published.up_every_us)?,
        down_every_us: checks.time("down_every_s", raw.down_every_s, published.down_every_us)?,
        stabilization_us: checks.time_or_none(
            "stabilization_s",
            raw.stabilization_s,
            published.stabilization_us,
        )?,
        to_zero_after_us: checks.time_or_none(
            "to_zero_after_s",
            raw.to_zero_after_s,
            published.to_zero_after_us,
        )?,
    };
    checks.multiple("window_s", rule.window_us, rule.interval_us)?;
    Ok(rule)
}

/// The place of a rule in its file, for the checks its numbers share.
struct Checks<'a> {
    file: PricingFile<'a>,
    start: usize,
}

impl Checks<'_> {
    fn refuse(&self, column: &'static str, found: f64, expected: &'static str) -> CatalogError {
        let at = self.file.place(self.start);
        CatalogError::OutOfRange { at, column, found: found.to_string(), expected }
    }

    fn positive(&self, column: &'static str, found: f64) -> Result<f64, CatalogError> {
        if found > 0.0 && found.is_finite() {
            return Ok(found);
        }
        Err(self.refuse(column, found, "a positive number"))
    }

    fn share(&self, column: &'static str, found: f64) -> Result<f64, CatalogError> {
        if found > 0.0 && found <= 1.0 {
            return Ok(found);
        }
        Err(self.refuse(column, found, "above 0 and at most 1"))
    }

    /// How many times larger or smaller.
    fn factor(
        &self,
        column: &'static str,
        found: Option<f64>,
        published: f64,
    ) -> Result<f64, CatalogError> {
        match found {
            Some(found) if !(found > 1.0 && found.is_finite()) => {
                Err(self.refuse(column, found, "more than 1"))
            }
            found => Ok(found.unwrap_or(published)),
        }
    }

    /// A time in microseconds.
    fn time(
        &self,
        column: &'static str,
        found: Option<f64>,
        published: u64,
    ) -> Result<u64, CatalogError> {
        match self.time_or_none(column, found, published)? {
            0 => Err(self.refuse(column, found.unwrap_or(0.0), "more than 0 seconds")),
            us => Ok(us),
        }
    }

    /// A time that may be zero, in microseconds.
    fn time_or_none(
        &self,
        column: &'static str,
        found: Option<f64>,
        published: u64,
    ) -> Result<u64, CatalogError> {
        let Some(found) = found else { return Ok(published) };
        if (0.0..=LONGEST_S).contains(&found) {
            return Ok(whole_us(found));
        }
        Err(self.refuse(column, found, "from 0 to 366 days in seconds"))
    }

    fn multiple(
        &self,
        column: &'static str,
        us: u64,
        interval_us: u64,
    ) -> Result<(), CatalogError> {
        if us.is_multiple_of(interval_us) {
            return Ok(());
        }
        Err(self.refuse(column, seconds(us), "a multiple of `interval_s`"))
    }
}

fn seconds(us: u64) -> f64 {
    us as f64 / 1e6
}
