//! One workload of the report, from what the stages found out about it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::build::{Analysed, RunFacts};
use super::memory::MemoryReport;
use super::model::{
    Baseline, CandidateReport, CostParts, DurationCurve, PerUnit, PlanReport, SloReport,
    SpotPointReport, UnitCost, UnitCostTrend, WorkloadReport,
};
use super::{build_advice, course, rules, waste, words};
use crate::classify::{self, Fleet, HourlyUnit, UnitCosts};
use crate::recommend::{Candidate, Plan, Scaling, SpotPoint, Verdict, Way};
use crate::size::Replica;
use crate::units::Money;
use crate::workload::{Direction, PricingCategory};

/// Candidates a report lists beside those simulated.
const MAX_CANDIDATES_LEFT_SHOWN: usize = 20;

pub(super) fn workload(
    it: &Analysed,
    (fleet, run): (&Fleet, RunFacts<'_>),
    break_even: Option<f64>,
    slugs: &mut BTreeSet<String>,
) -> WorkloadReport {
    let found = &it.recommendation;
    let demand_unit = match it.description.hourly.unit {
        HourlyUnit::Requests => "requests/h",
        HourlyUnit::Gpus => "GPUs",
    };
    WorkloadReport {
        slug: slug(&it.workload.name, slugs),
        name: it.workload.name.clone(),
        owner: it.workload.owner.clone(),
        environment: it.workload.environment.clone(),
        kind: it.description.class.kind,
        shape: it.description.class.shape,
        direction: it.description.class.direction,
        class_confidence: it.description.class.confidence.get(),
        evidence: it.description.class.evidence.clone(),
        rule_of_thumb: rules::sentences(it, run.catalog, break_even),
        verdict: verdict(it),
        features: it.description.features.to_json(),
        baseline: baseline(it),
        slo: SloReport {
            ttft_p95_s: found.slo.ttft_p95_s,
            tpot_p95_s: found.slo.tpot_p95_s,
            attainment: found.slo.attainment.get(),
            assumed: found.slo.assumed,
        },
        candidates: shown_candidates(&found.candidates).map(candidate).collect(),
        plans: found.plans.iter().map(|plan| plan_report(plan, it)).collect(),
        advice: build_advice::advice(it, run.catalog, run.as_of),
        waste: it.description.waste.iter().map(waste::report).collect(),
        demand_by_weekday_hour: it.course.by_weekday_hour.clone(),
        demand_unit: demand_unit.to_owned(),
        duration_curve: found.duration_curve.as_ref().filter(|_| !it.course.hours_left_out).map(
            |curve| DurationCurve {
                unit: curve.unit.clone(),
                hours_sorted: curve.hours_sorted.iter().copied().map(rounded).collect(),
                break_even_share: curve.break_even_share.map(rounded),
                break_even_label: curve.break_even_label.clone(),
                reserved_units: curve.reserved_units,
            },
        ),
        demand_by_hour: it.course.demand_by_hour(&it.workload.name, fleet),
        cost_by_day: it.course.cost_by_day(run.zone),
        busiest_day: course::busiest_day(it),
        hours_left_out: it.course.hours_left_out,
    }
}

/// Six decimals are more than any statistic here is worth, and keep the file small.
pub(super) fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

/// What it is and what to do, in one sentence.
fn verdict(it: &Analysed) -> String {
    let direction = match it.description.class.direction {
        Some(Direction::Growing) => ", growing",
        Some(Direction::Declining) => ", declining",
        Some(Direction::Flat) | None => "",
    };
    let kind = it.description.class.kind.as_str();
    let kind = if kind == "unknown" { "use unknown" } else { kind };
    let shape = it.description.class.shape.as_str();
    let shape = if shape == "unknown" { "demand unknown" } else { shape };
    format!(
        "{}{direction}, {kind}. {}",
        words::capitalized(shape),
        it.recommendation.advice.summary
    )
}

fn baseline(it: &Analysed) -> Baseline {
    let (found, totals) = (&it.recommendation.baseline, &it.workload.totals);
    let deployment = &it.workload.deployment;
    let (busy_fraction, busy_source) = busy(it);
    Baseline {
        monthly_cost: found.monthly_cost,
        effective_cost: totals.effective_cost,
        billed_cost: totals.billed_cost,
        gpu_hours: totals.gpu_hours,
        rate_per_gpu_hour: found
            .rate_per_gpu_hour
            .and_then(|it| Money::from_nano(it.nano(), it.currency()).ok()),
        priced_from_catalog: found.priced_from_catalog,
        unit_cost: unit_cost(&it.description.unit_costs),
        provider: deployment.provider.clone(),
        region: deployment.region.clone(),
        gpu: deployment.gpu.clone().or_else(|| deployment.gpu_label.clone()),
        gpu_count: deployment.gpu_count,
        pricing_category: deployment.pricing_category.as_str().to_owned(),
        mixed: deployment.mixed,
        model: deployment.model.clone(),
        precision: deployment.quantization.clone().or_else(|| deployment.dtype.clone()),
        requests: totals.requests,
        prompt_tokens: totals.prompt_tokens,
        completion_tokens: totals.completion_tokens,
        busy_fraction: busy_fraction.map(rounded),
        busy_source,
    }
}

fn unit_cost(units: &UnitCosts) -> UnitCost {
    let amount = |it: Option<classify::UnitCost>| it.and_then(|it| it.amount);
    UnitCost {
        per_million_tokens: amount(units.per_million_tokens),
        per_million_input_tokens: amount(units.per_million_input_tokens),
        per_million_output_tokens: amount(units.per_million_output_tokens),
        per_thousand_requests: amount(units.per_thousand_requests),
        per_unit: units
            .per_unit
            .first()
            .and_then(|it| Some(PerUnit { name: it.name.clone(), cost: it.each.amount? })),
        trend_per_30d: units.trend_per_30d.map(|it| UnitCostTrend {
            value: rounded(it.value),
            low: rounded(it.low),
            high: rounded(it.high),
        }),
    }
}

/// Share of paid GPU time with work: measured where there is telemetry, else by the simulation of
/// today's fleet.
fn busy(it: &Analysed) -> (Option<f64>, Option<String>) {
    if let Some(util) = it.workload.totals.gpu_util {
        return (Some(util.get()), Some("telemetry".to_owned()));
    }
    // Serverless is billed while it runs: a share of a fixed fleet's time says nothing about it.
    let serverless = it.workload.deployment.pricing_category == PricingCategory::Serverless;
    match it.recommendation.today_busy.filter(|_| !serverless) {
        Some(share) => (Some(share), Some("model".to_owned())),
        None => (None, None),
    }
}

/// Those simulated, and of those left the ones of lowest estimate; what does not fit is only counted.
fn shown_candidates(all: &[Candidate]) -> impl Iterator<Item = &Candidate> {
    let simulated = all.iter().filter(|it| it.verdict == Verdict::Simulated);
    let mut left: Vec<&Candidate> = all.iter().filter(|it| it.verdict == Verdict::Left).collect();
    left.sort_by(|a, b| {
        let estimate = |it: &Candidate| it.estimate.map(Money::atto);
        estimate(a).cmp(&estimate(b)).then_with(|| a.id.cmp(&b.id))
    });
    left.truncate(MAX_CANDIDATES_LEFT_SHOWN);
    simulated.chain(left)
}

fn candidate(it: &Candidate) -> CandidateReport {
    let replica = it.replica.as_ref();
    let batch = it.planning_batch;
    let total = replica.map(|it| it.usable_per_gpu().get());
    CandidateReport {
        id: it.id.clone(),
        gpu: it.gpu.clone(),
        gpu_count: it.gpu_count,
        tensor_parallel_size: it.gpu_count / it.pipeline_parallel_size.max(1),
        pipeline_parallel_size: it.pipeline_parallel_size,
        precision: it.precision.clone(),
        fits: replica.is_some() || it.verdict == Verdict::Simulated,
        reason: it.reason.clone(),
        total_bytes: replica.map(|it| it.weights_bytes_per_gpu().get()),
        usable_bytes: total,
        memory: replica.map(|it| MemoryReport::of(it, batch)),
        kv_cache_tokens: replica.map(Replica::kv_cache_tokens),
        slots: it.slots,
        tpot_s: replica.zip(batch).map(|(it, batch)| rounded(it.tpot_s(batch))),
        output_tokens_per_s: replica
            .zip(batch)
            .map(|(it, batch)| rounded(it.output_tokens_per_s(batch))),
        cost_estimate: it.estimate,
    }
}

fn plan_report(plan: &Plan, it: &Analysed) -> PlanReport {
    let scaling = &plan.scaling;
    let base = plan.offers.first();
    let mut dates: Vec<String> = plan.offers.iter().map(|it| it.as_of.clone()).collect();
    dates.sort();
    let is_today = plan.way == Way::Today;
    let candidates = &it.recommendation.candidates;
    let of_plan = |it: &&Candidate| Some(&it.id) == plan.candidate_id.as_ref();
    let replica = candidates.iter().find(of_plan).and_then(|it| it.replica.as_ref());
    let served =
        replica.map(|replica| classify::engine_deployment(&it.workload, replica.precision));
    let deployment = &it.workload.deployment;
    let today = |text: &Option<String>| match plan.way {
        Way::Api => "not named".to_owned(),
        _ => text.clone().unwrap_or_else(|| "as billed".to_owned()),
    };
    PlanReport {
        id: plan.id.clone(),
        candidate_id: plan.candidate_id.clone(),
        offer_ids: plan.offers.iter().map(|it| it.id.clone()).collect(),
        label: plan.label(),
        provider: base.map_or_else(|| today(&deployment.provider), |it| it.provider.clone()),
        region: base.map_or_else(|| today(&deployment.region), |it| it.region.clone()),
        instance_type: base.map(|it| it.instance_type.clone()),
        gpu: plan.gpu.clone(),
        gpu_count: plan.gpu_count,
        precision: plan.precision.clone(),
        tensor_parallel_size: plan.gpu_count / plan.pipeline_parallel_size.max(1),
        pipeline_parallel_size: plan.pipeline_parallel_size,
        purchase: plan.way.as_word(),
        monthly_cost: plan.monthly_cost,
        cost_parts: CostParts {
            busy: plan.parts.busy,
            idle: plan.parts.idle,
            starting: plan.parts.starting,
            committed_unused: plan.parts.committed_unused,
            storage: None,
        },
        ttft_p50_s: plan.latencies.map(|it| it.ttft_p50_s),
        ttft_p95_s: plan.latencies.map(|it| it.ttft_p95_s),
        ttft_p99_s: plan.latencies.map(|it| it.ttft_p99_s),
        slo_attainment: plan.attainment.map(|it| rounded(it.get())),
        meets_slo: plan.meets_slo,
        allowed: plan.allowed,
        needs: plan.needs.map(str::to_owned),
        conditions: plan.conditions.clone(),
        spot_range: plan.spot_range.iter().map(spot_point).collect(),
        remarks: plan.remarks.clone(),
        cold_starts: plan.cold_starts,
        delayed_requests: plan.delayed_requests,
        max_num_seqs: scaling.slots,
        max_model_len: deployment.max_model_len,
        gpu_memory_utilization: replica
            .map(|it| rounded(it.memory.usable / it.memory.total_memory)),
        engine: served.map(|it| it.engine.to_string()),
        kv_cache_dtype: served.map(|it| it.kv_cache_dtype.as_str().to_owned()),
        policy: policy(scaling),
        min_replicas: (!is_today).then_some(scaling.min),
        max_replicas: (!is_today).then_some(scaling.max),
        idle_timeout_s: scaling.idle_timeout_s,
        cold_start_s: scaling.cold_start_s.map(rounded),
        price_as_of: dates,
        price_sources: plan.offers.iter().map(|it| it.source.clone()).collect(),
    }
}

fn spot_point(it: &SpotPoint) -> SpotPointReport {
    SpotPointReport {
        interruptions_per_hour: it.interruptions_per_hour,
        monthly_cost: it.monthly_cost,
        slo_attainment: it.attainment.map(|share| rounded(share.get())),
    }
}

/// The scaling policy with its numbers.
fn policy(scaling: &Scaling) -> BTreeMap<String, serde_json::Value> {
    let mut policy = BTreeMap::from([("name".to_owned(), json!(scaling.policy))]);
    if let Some(value) = scaling.value {
        policy.insert("value".to_owned(), json!(value));
    }
    if let Some(schedule) = &scaling.schedule {
        policy.insert("schedule".to_owned(), json!(schedule));
    }
    policy
}

/// A name that is safe as a file name and unique: letters and digits, at most 40.
pub(super) fn slug(name: &str, taken: &mut BTreeSet<String>) -> String {
    let clean: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .take(40)
        .collect();
    let base = match clean.trim_matches('-') {
        "" => "workload".to_owned(),
        trimmed => trimmed.to_owned(),
    };
    let mut unique = base.clone();
    let mut n = 2;
    while !taken.insert(unique.clone()) {
        unique = format!("{base}-{n}");
        n += 1;
    }
    unique
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_safe_and_unique() {
        let mut taken = BTreeSet::new();
        let mut of = |name| slug(name, &mut taken);
        assert_eq!(of("Chat Prod"), "chat-prod");
        assert_eq!(of("chat.prod"), "chat-prod-2");
        assert_eq!(of("../../etc/passwd"), "etc-passwd");
        assert_eq!(of("日本"), "workload");
    }
}
