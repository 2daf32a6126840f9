//! How to see that an advice came true: what to measure, against what, when.

use super::demand::{Load, Question};
use super::money;
use super::plan::Plan;
use crate::units::Money;

const US_PER_DAY: i64 = 86_400_000_000;

/// One thing to measure after a change.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// What.
    pub metric: String,
    /// What it must be.
    pub threshold: String,
    /// On which day at the earliest, when the change is made on the day of the report.
    pub date: String,
}

/// After a stop: nothing is billed.
pub(super) fn stopped(question: &Question<'_>) -> Vec<Check> {
    let metric = "GPU-hours of the workload on the bill, of days after the stop";
    vec![check(question, 2.0, metric, "0".to_owned())]
}

/// After a switch: the cost of a day, and the latency the plan was simulated with.
pub(super) fn switched(question: &Question<'_>, plan: &Plan, saving: Money) -> Vec<Check> {
    let days = question.context.catalog.assumptions.change.verify_days;
    let mut checks = Vec::new();
    // Half of the saving must be there; less is a reason to look.
    if let Some(most) =
        saving.scale(1, 2).ok().and_then(|it| plan.monthly_cost.checked_add(it).ok())
    {
        checks.push(check(
            question,
            days,
            "effective cost of the week x 730 / 168, at today's traffic",
            format!(
                "at most {}: half of the saving; {} is promised",
                money::for_prose(most),
                money::for_prose(plan.monthly_cost)
            ),
        ));
    }
    if matches!(question.load, Load::Requests(_)) {
        if let Some(limit) = question.slo.ttft_p95_s {
            let simulated = plan
                .latencies
                .map_or(String::new(), |it| format!("; {:.2} s was simulated", it.ttft_p95_s));
            let threshold = format!("at most {limit} s{simulated}");
            checks.push(check(question, days, "TTFT p95 of the week", threshold));
        }
        if let Some(limit) = question.slo.tpot_p95_s {
            let threshold = format!("at most {limit} s");
            checks.push(check(question, days, "time per output token, p95 of the week", threshold));
        }
    }
    checks
}

fn check(question: &Question<'_>, days: f64, metric: &str, threshold: String) -> Check {
    #[expect(clippy::cast_possible_truncation, reason = "a few days; `as` saturates")]
    let after_us = (days * US_PER_DAY as f64) as i64;
    let at = question.context.as_of.plus_us(after_us).in_zone(question.context.zone);
    Check { metric: metric.to_owned(), threshold, date: at.date().to_string() }
}
