//! The outside option: an endpoint that somebody else runs and charges by the token.

use super::demand::Question;
use super::money;
use super::plan::{Plan, PlanParts, Scaling, Way};
use crate::units::Money;

/// What the tokens of the window would cost there, for a month. One million prompt tokens at 0.15 and
/// half a million completion tokens at 0.60 are 0.45. Nothing without a price or without tokens.
/// Whether the answers are as good, nobody measured: it is shown beside the others, never advised.
pub(super) fn plan(question: &Question<'_>) -> Option<Plan> {
    const MILLION: u64 = 1_000_000;
    let workload = question.described.workload;
    let price = workload.settings.api_price?;
    let prompt = price.prompt.scale(workload.totals.prompt_tokens?, MILLION).ok()?;
    let completion = price.completion.scale(workload.totals.completion_tokens?, MILLION).ok()?;
    let window_us = u64::try_from(workload.demand_window.len_us()).ok()?;
    let monthly_cost = money::monthly(prompt.checked_add(completion).ok()?, window_us)?;
    let zero = Money::zero(monthly_cost.currency());
    Some(Plan {
        id: "api".to_owned(),
        candidate_id: None,
        way: Way::Api,
        offers: Vec::new(),
        gpu: String::new(),
        gpu_count: 0,
        pipeline_parallel_size: 1,
        precision: String::new(),
        monthly_cost,
        parts: PlanParts { busy: monthly_cost, idle: zero, starting: zero, committed_unused: zero },
        elastic: None,
        latencies: None,
        attainment: None,
        meets_slo: true,
        allowed: false,
        needs: Some("a comparison of the answers: another model answers there"),
        conditions: Vec::new(),
        spot_range: Vec::new(),
        remarks: Vec::new(),
        cold_starts: None,
        delayed_requests: None,
        scaling: Scaling {
            policy: "by_token",
            value: None,
            min: 0,
            max: 0,
            idle_timeout_s: None,
            cold_start_s: None,
            slots: None,
            schedule: None,
        },
    })
}
